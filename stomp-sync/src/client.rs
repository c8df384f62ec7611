use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use stomp_session::engine::{Acker, Arrival, Error, Settle, Stats, Unreadable, Verdict, Wake};
use stomp_session::{AckToken, Connection, Settled};

use crate::builder::Builder;
use crate::shared::Shared;
use crate::sync::now;
use crate::{Events, Message, Send, Subscribe};

/// A connection to a broker, or to whichever of several is up. Cheap to clone; all clones share it,
/// and any thread may use it.
///
/// When the last handle is gone, and with it all [subscriptions](crate::Subscription) and
/// [messages](crate::Message), the client disconnects. Dropping the last one waits until what was
/// fired has left, for the [linger](Builder::linger) at most.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) handle: Arc<Handle>,
}

/// What all handles of a client share: when it is dropped, nobody has one any more.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Client {
    /// Connects, and waits until the broker has said CONNECTED.
    ///
    /// `uri` names one broker (`stomp://user:pass@host:61613`) or several
    /// (`failover:(stomp://a,stomp://b)?randomize=false`): see
    /// [`FailoverUri`](stomp_failover::FailoverUri). [`builder`](Self::builder) has all the
    /// options.
    ///
    /// # Errors
    ///
    /// [`Error::Uri`] when the URI is wrong, [`Error::Connect`] when no broker accepts.
    pub fn connect(uri: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(uri).connect()
    }

    /// Prepares to connect. A wrong URI is reported by [`connect`](Builder::connect).
    pub fn builder(uri: impl AsRef<str>) -> Builder {
        Builder::new(uri.as_ref())
    }

    /// Prepares a message. It is sent by [`fire`](Send::fire) or [`confirmed`](Send::confirmed).
    pub fn send(&self, destination: impl Into<String>) -> Send {
        Send::new(self, destination.into())
    }

    /// Prepares a subscription. It is made by [`open`](Subscribe::open).
    pub fn subscribe(&self, destination: impl Into<String>) -> Subscribe {
        Subscribe::new(self, destination.into())
    }

    /// Returns what happens to the connection from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::new(self.handle.shared.clone())
    }

    /// Returns what was agreed with the broker, while there is a connection.
    #[must_use]
    pub fn connection(&self) -> Option<Connection> {
        let engine = &self.handle.shared.lock().engine;
        engine.connection().cloned()
    }

    /// Returns the counters of this client.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.handle.shared.lock().engine.stats()
    }

    /// Waits until something has happened, until `deadline` at most: a message or an event came, or
    /// what another thread waits for. Returns at once if there is a message to be taken. A client
    /// without threads ([`manual`](Builder::manual)) reads, writes, beats and reconnects meanwhile,
    /// and does at least once what can be done at once. It may come back early.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] when the client is closed.
    pub fn poll(&self, deadline: Instant) -> Result<(), Error> {
        let shared = &self.handle.shared;
        shared.step_if_alone();
        let mut waited = false;
        shared.wait(Wake::Watcher, Some(deadline), |engine| {
            let done = engine.watch() || engine.end().is_some() || waited;
            waited = true;
            done.then_some(())
        });
        match shared.lock().engine.end() {
            None => Ok(()),
            Some(cause) => Err(Error::Closed(cause.clone())),
        }
    }

    /// Ends the connection in order: what was sent before goes out, outstanding receipts are
    /// waited for, messages that are in somebody's hands may still be settled for a second; then
    /// DISCONNECT and its RECEIPT. After it, all handles are closed.
    ///
    /// # Errors
    ///
    /// When the broker did not answer within
    /// [`disconnect_timeout`](Builder::disconnect_timeout), which is for all of it. The connection
    /// is closed all the same.
    pub fn disconnect(self) -> Result<(), Error> {
        let shared = &self.handle.shared;
        let op = shared.call(|engine| engine.disconnect(now()));
        shared.answer(op).map(drop)
    }
}

impl Handle {
    /// Makes a message of what came.
    pub(crate) fn message(self: &Arc<Self>, arrival: Arrival) -> Result<Message, Error> {
        let back: Arc<dyn Settle> = self.clone();
        match arrival.defect.clone() {
            None => {
                let acker = Acker::new(arrival.delivery.token, back);
                Ok(Message::new(arrival.delivery.message, acker))
            }
            Some(defect) => {
                let unreadable = Unreadable::new(arrival, defect, back);
                Err(Error::Unreadable(Box::new(unreadable)))
            }
        }
    }
}

impl Settle for Handle {
    fn settle(&self, verdict: Verdict, token: &AckToken) -> Result<Settled, Error> {
        self.shared
            .call(|engine| engine.settle(verdict, token, now()))
    }

    fn release(&self, token: &AckToken) {
        self.shared.call(|engine| engine.release(token, now()));
    }

    fn is_stale(&self, token: &AckToken) -> bool {
        self.shared.lock().engine.is_stale(token)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.call(|engine| engine.handle_abandoned(now()));
        // What was fired is still to go out. The engine ends it when its linger is over.
        shared.wait_for_end();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

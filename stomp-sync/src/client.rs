use std::sync::Arc;
use std::time::Instant;

use stomp_session::Connection;
use stomp_session::engine::{Stats, Wake};

use crate::handle::Handle;
use crate::sync::now;
use crate::{Error, Events, Send, Subscribe};

/// A connection to a broker, or to whichever of several is up. Cheap to clone; all clones share it,
/// and any thread may use it.
///
/// When the last handle is gone, and with it all [subscriptions](crate::Subscription) and
/// [messages](crate::Message), the client disconnects. Dropping the last one waits until what was
/// fired has left, for the [linger](crate::Builder::linger) at most.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) handle: Arc<Handle>,
}

impl Client {
    /// Prepares a message. It is sent by [`fire`](Send::fire) or [`confirmed`](Send::confirmed).
    pub fn send(&self, destination: impl Into<String>) -> Send {
        Send::new(self.handle.clone(), destination.into())
    }

    /// Prepares a subscription. It is made by [`open`](Subscribe::open).
    pub fn subscribe(&self, destination: impl Into<String>) -> Subscribe {
        Subscribe::new(self.handle.clone(), destination.into())
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
    /// without threads ([`manual`](crate::Builder::manual)) reads, writes, beats and reconnects meanwhile,
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
    /// [`disconnect_timeout`](crate::Builder::disconnect_timeout), which is for all of it. The connection
    /// is closed all the same.
    pub fn disconnect(self) -> Result<(), Error> {
        let shared = &self.handle.shared;
        let op = shared.call(|engine| engine.disconnect(now()));
        shared.answer(op).map(drop)
    }
}

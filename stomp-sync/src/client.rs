use std::sync::Arc;
use std::time::{Duration, Instant};

use stomp_commands::Disconnect;

use crate::builder::Builder;
use crate::shared::Shared;
use crate::{Cause, Error, Events, Send, Subscribe};

/// A connection to a broker, or to whichever of several is up. Cheap to clone; all clones share it,
/// and any thread may use it.
///
/// When the last handle is gone, and with it all [subscriptions](crate::Subscription) and
/// [messages](crate::Message), the client disconnects. Dropping never blocks, but for half a second
/// at most where the client has [no threads](Builder::manual) and the broker takes nothing.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) handle: Handle,
}

/// What all handles of a client share.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) send_timeout: Duration,
    /// The limit of a message's body.
    pub(crate) largest_body: u64,
    _alive: Arc<Alive>,
}

/// Ends the client when it is dropped: the threads hold none.
#[derive(Debug)]
struct Alive(Arc<Shared>);

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>, send_timeout: Duration, largest_body: u64) -> Self {
        Self {
            _alive: Arc::new(Alive(shared.clone())),
            shared,
            send_timeout,
            largest_body,
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let shared = &self.0;
        let mut state = shared.lock();
        state.quit = true;
        if shared.manual.is_none() {
            return shared.notify();
        }
        // Nobody else says it. Without effect if it was said already.
        let _ = state.session.disconnect(Disconnect::new(), Instant::now());
        let wire = state.wire.take();
        drop(state);
        if let Some(wire) = wire {
            wire.flush(shared);
            wire.close();
        }
        shared.end(Cause::Disconnected);
    }
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
        let shared = self.handle.shared.clone();
        let listener = shared.lock().listeners.add();
        Events { shared, listener }
    }

    /// Waits until something has happened, until `deadline` at most. A client without threads
    /// ([`manual`](Builder::manual)) reads, writes, beats and reconnects meanwhile, and does at
    /// least once what can be done at once. It may come back early.
    ///
    /// Making a connection may take longer: the [`connect_timeout`](Builder::connect_timeout), and
    /// the time until CONNECTED.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] when the client is closed.
    pub fn poll(&self, deadline: Instant) -> Result<(), Error> {
        let shared = &self.handle.shared;
        let mut state = shared.lock();
        if state.end.is_none() {
            state = shared.wait(state, Some(deadline));
        }
        match state.end {
            None => Ok(()),
            Some(_) => Err(state.closed_error()),
        }
    }

    /// Ends the connection in order: what was sent before goes out, outstanding receipts are
    /// waited for, then DISCONNECT and its RECEIPT. After it, all handles are closed.
    ///
    /// # Errors
    ///
    /// When the broker did not answer within
    /// [`disconnect_timeout`](Builder::disconnect_timeout). The connection is closed all the same.
    pub fn disconnect(self) -> Result<(), Error> {
        let shared = &self.handle.shared;
        let mut state = shared.lock();
        if state.end.is_some() {
            return Err(state.closed_error());
        }
        let patience = state.disconnect_timeout();
        let deadline = Instant::now().checked_add(patience);
        let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        // RabbitMQ never sends receipts that are still missing when it reads DISCONNECT.
        while !late() && state.session.pending_receipts().next().is_some() {
            state = shared.wait(state, deadline);
        }
        state.quit = true;
        let receipt = state.session.new_receipt();
        let disconnect = Disconnect::new().receipt(receipt);
        if state
            .session
            .disconnect(disconnect, Instant::now())
            .is_err()
        {
            // There is nobody to say it to.
            drop(state);
            shared.end(Cause::Disconnected);
            return Ok(());
        }
        shared.done(state);
        let mut state = shared.lock();
        while !late() && state.end.is_none() {
            state = shared.wait(state, deadline);
        }
        let wire = state.wire.clone();
        drop(state);
        shared.end(Cause::Deadline(patience));
        if let Some(wire) = wire {
            wire.close();
        }
        let state = shared.lock();
        match &state.end {
            None | Some(Cause::Disconnected) => Ok(()),
            Some(cause) => Err(Error::Closed(cause.clone())),
        }
    }
}

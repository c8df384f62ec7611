use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stomp_session::engine::{Event, ListenerId, Wake};

use crate::shared::Shared;
use crate::sync::now;

/// The events of a client from now on, as an [`Iterator`] that waits for the next one.
///
/// Who does not keep up loses the oldest events: only the last 64 are kept, and
/// [`Event::Missed`] says how many are missing.
pub struct Events {
    shared: Arc<Shared>,
    listener: ListenerId,
}

impl Events {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let listener = shared.with(stomp_session::engine::Engine::listen);
        Self { shared, listener }
    }

    /// Waits for the next event, for `patience` at most. `None` means that time is up, or that the
    /// client is closed.
    pub fn next_timeout(&mut self, patience: Duration) -> Option<Event> {
        self.take(now().checked_add(patience))
    }

    fn take(&mut self, deadline: Option<Instant>) -> Option<Event> {
        let listener = self.listener;
        let taken = self
            .shared
            .wait(Wake::Listener(listener), deadline, |engine| {
                match engine.event(listener) {
                    None if engine.end().is_some() => Some(None),
                    None => None,
                    event => Some(event),
                }
            });
        taken.flatten()
    }
}

impl Iterator for Events {
    type Item = Event;

    /// Waits for the next event; `None` when the client is closed.
    fn next(&mut self) -> Option<Event> {
        self.take(None)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.with(|engine| engine.unlisten(self.listener));
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").field(&self.listener).finish()
    }
}

use std::collections::VecDeque;

use super::event::ListenerId;
use super::operation::OpId;
use crate::SubscriptionKey;

/// Whose wait is over. Whoever drives the engine takes these after each call, and wakes outside of
/// its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a driver must forward every one")]
pub enum Wake {
    /// Whoever waits for this operation: ask for its outcome, or come again with the command.
    Operation(OpId),
    /// Whoever waits for a message of this subscription.
    Inbox(SubscriptionKey),
    /// Whoever waits for an event.
    Listener(ListenerId),
    /// Whoever [watches](super::Engine::watch): something has happened.
    Watcher,
    /// Whoever writes, keeps time and dials: there is something to do before the instant that was
    /// last asked for.
    Driver,
    /// Whoever reads: it was told not to, and may again, or shall find out whether there is
    /// something.
    Reader,
    /// Everybody: the client is closed.
    Everybody,
}

/// The reports that nobody has taken yet.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    queue: VecDeque<Wake>,
    /// The driver waits, and was not told to stop.
    driver_sleeps: bool,
    /// It would write if there were anything to be written.
    driver_writes: bool,
    /// Somebody wants to know that anything has happened.
    watched: bool,
}

impl Wakes {
    pub(super) fn push(&mut self, wake: Wake) {
        self.queue.push_back(wake);
    }

    /// A message came, an event, or the end of an operation.
    pub(super) fn happened(&mut self) {
        if std::mem::take(&mut self.watched) {
            self.queue.push_back(Wake::Watcher);
        }
    }

    pub(super) fn watch(&mut self) {
        self.watched = true;
    }

    /// There is something to do for the driver. It is told once for each time that it waits.
    pub(super) fn driver(&mut self) {
        if std::mem::take(&mut self.driver_sleeps) {
            self.queue.push_back(Wake::Driver);
        }
    }

    /// The same, if it was waiting for something to write.
    pub(super) fn writer(&mut self) {
        if self.driver_writes {
            self.driver();
        }
    }

    pub(super) fn driver_is_awake(&mut self) {
        self.driver_sleeps = false;
    }

    /// Tells whether there is anybody to be told.
    pub(super) fn does_driver_sleep(&self) -> bool {
        self.driver_sleeps
    }

    pub(super) fn driver_waits(&mut self, writes: bool) {
        self.driver_sleeps = true;
        self.driver_writes = writes;
    }

    pub(super) fn take(&mut self) -> Option<Wake> {
        self.queue.pop_front()
    }
}

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stomp_failover::{Broker, Exhausted};
use stomp_session::{CloseReason, Connection, Refusal, SubscriptionKey};

use crate::shared::Shared;

/// What happens to the connection. Delivered by [`Client::events`](crate::Client::events).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// There is a connection.
    Connected {
        /// To whom. Shows no passcode.
        broker: Broker,
        /// What was agreed.
        connection: Connection,
    },
    /// The subscriptions of the connection before are back, and held-back frames go out.
    Replayed,
    /// The connection ended.
    Disconnected {
        /// Why.
        reason: CloseReason,
    },
    /// The next attempt to connect begins after a while.
    Reconnecting {
        /// To whom.
        broker: Broker,
        /// After how long.
        delay: Duration,
        /// How many attempts there have been since the last stable connection, this one included.
        attempt: u32,
    },
    /// The broker refused a subscription. It ends with the reason, and is not replayed.
    SubscriptionRefused {
        /// The subscription.
        subscription: SubscriptionKey,
        /// Why.
        why: Refusal,
    },
    /// All attempts failed, and the client is closed.
    GaveUp {
        /// Which brokers were tried, how often, and what was wrong.
        exhausted: Box<Exhausted>,
    },
}

/// The events of a client from now on, as an [`Iterator`] that waits for the next one.
///
/// Who does not keep up loses the oldest events: only the last 64 are kept.
pub struct Events {
    pub(crate) shared: Arc<Shared>,
    pub(crate) listener: Listener,
}

impl Events {
    /// Waits for the next event, for `patience` at most. `None` means that time is up, or that the
    /// client is closed.
    pub fn next_timeout(&mut self, patience: Duration) -> Option<Event> {
        self.take(Instant::now().checked_add(patience))
    }

    fn take(&mut self, deadline: Option<Instant>) -> Option<Event> {
        let mut state = self.shared.lock();
        loop {
            if let Some(event) = state.listeners.take(self.listener) {
                return Some(event);
            }
            let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if late || state.end.is_some() {
                return None;
            }
            state = self.shared.wait(state, deadline);
        }
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
        self.shared.lock().listeners.remove(self.listener);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").field(&self.listener).finish()
    }
}

/// Everybody who wants to know of events, with what they have not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    queues: HashMap<Listener, VecDeque<Event>>,
    next: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Listener(u64);

/// Events that are kept for each listener.
const KEPT: usize = 64;

impl Listeners {
    pub(crate) fn add(&mut self) -> Listener {
        let listener = Listener(self.next);
        self.next += 1;
        self.queues.insert(listener, VecDeque::new());
        listener
    }

    fn remove(&mut self, listener: Listener) {
        self.queues.remove(&listener);
    }

    pub(crate) fn tell(&mut self, event: &Event) {
        for queue in self.queues.values_mut() {
            if queue.len() == KEPT {
                queue.pop_front();
            }
            queue.push_back(event.clone());
        }
    }

    fn take(&mut self, listener: Listener) -> Option<Event> {
        self.queues.get_mut(&listener)?.pop_front()
    }
}

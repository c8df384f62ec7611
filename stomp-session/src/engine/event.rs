use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use stomp_failover::{Broker, Exhausted};

use super::wake::{Wake, Wakes};
use crate::{CloseReason, Connection, Refusal, SubscriptionKey};

/// What happens to the connection.
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
    /// An attempt to connect failed.
    AttemptFailed {
        /// To whom.
        broker: Broker,
        /// Why.
        why: String,
    },
    /// Nobody has answered a SUBSCRIBE, as many servers do not, and it counts as accepted.
    SubscribeUnanswered {
        /// The subscription.
        subscription: SubscriptionKey,
    },
    /// The broker refused a subscription. It ends with the reason, and is not replayed.
    SubscriptionRefused {
        /// The subscription.
        subscription: SubscriptionKey,
        /// Why.
        why: Refusal,
    },
    /// Messages of a lost connection were dropped that nobody had taken yet: the broker delivers
    /// them again.
    StaleDropped {
        /// How many.
        messages: u64,
    },
    /// Fired messages were dropped that a lost connection had not taken.
    FiredLost {
        /// How many.
        messages: u64,
    },
    /// Nobody takes the messages of a subscription, so that nothing is read any more.
    ReadingStopped {
        /// The subscription.
        subscription: SubscriptionKey,
    },
    /// The server said that it did not like something, and goes on.
    ServerError {
        /// What it said.
        error: crate::ServerError,
    },
    /// All attempts failed, and the client is closed.
    GaveUp {
        /// Which brokers were tried, how often, and what was wrong.
        exhausted: Box<Exhausted>,
    },
    /// Whoever asked for the events has not kept up, and so many are missing here.
    Missed(u64),
}

/// How much an event matters in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "they are those of every log")]
pub enum Level {
    /// Nothing goes on.
    Error,
    /// Something is lost, or may be.
    Warn,
    /// It goes on as it should.
    Info,
    /// For whoever looks for something.
    Debug,
}

impl Event {
    /// Tells how much this matters in a log.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::GaveUp { .. } => Level::Error,
            Self::Disconnected { reason } if reason.is_orderly() => Level::Info,
            Self::Disconnected { .. }
            | Self::SubscriptionRefused { .. }
            | Self::FiredLost { .. }
            | Self::ReadingStopped { .. }
            | Self::ServerError { .. }
            | Self::Missed(_) => Level::Warn,
            Self::Connected { .. }
            | Self::Replayed
            | Self::StaleDropped { .. }
            | Self::SubscribeUnanswered { .. } => Level::Info,
            Self::Reconnecting { .. } | Self::AttemptFailed { .. } => Level::Debug,
        }
    }
}

/// One line, fit for a log.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { broker, connection } => {
                let server = connection.server.as_deref().unwrap_or("an unnamed server");
                write!(
                    f,
                    "connected to {broker}: STOMP {} with {server}",
                    connection.version
                )
            }
            Self::Replayed => f.write_str("the subscriptions are back"),
            Self::Disconnected { reason } => write!(f, "the connection ended: {reason}"),
            Self::Reconnecting {
                broker,
                delay,
                attempt,
            } => write!(
                f,
                "attempt {attempt} to connect, to {broker}, begins in {delay:?}"
            ),
            Self::AttemptFailed { broker, why } => write!(f, "no connection to {broker}: {why}"),
            Self::SubscribeUnanswered { subscription } => {
                write!(f, "{subscription} was not answered, and counts as accepted")
            }
            Self::SubscriptionRefused { subscription, why } => write!(f, "{subscription}: {why}"),
            Self::StaleDropped { messages } => {
                write!(
                    f,
                    "{messages} messages of the lost connection were dropped; they come again"
                )
            }
            Self::FiredLost { messages } => {
                write!(f, "{messages} fired messages were lost with the connection")
            }
            Self::ReadingStopped { subscription } => {
                write!(
                    f,
                    "nothing is read any more: nobody takes the messages of {subscription}"
                )
            }
            Self::ServerError { error } => write!(f, "the server reported an error: {error}"),
            Self::GaveUp { exhausted } => write!(f, "gave up: {exhausted}"),
            Self::Missed(count) => write!(f, "{count} events were missed"),
        }
    }
}

/// Somebody who is told of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

/// Everybody who wants to know of events, with what they have not taken yet.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    queues: Vec<Queue>,
    next: u64,
    /// For the log of the driver.
    log: VecDeque<Event>,
}

#[derive(Debug)]
struct Queue {
    id: ListenerId,
    events: VecDeque<Event>,
    missed: u64,
    /// Its owner has found it empty, and is to be told.
    waiting: bool,
}

/// Events that are kept for each listener.
const KEPT: usize = 64;

impl Listeners {
    pub(super) fn add(&mut self) -> ListenerId {
        let id = ListenerId(self.next);
        self.next += 1;
        self.queues.push(Queue {
            id,
            events: VecDeque::new(),
            missed: 0,
            waiting: false,
        });
        id
    }

    pub(super) fn remove(&mut self, listener: ListenerId) {
        self.queues.retain(|queue| queue.id != listener);
    }

    pub(super) fn tell(&mut self, event: Event, wakes: &mut Wakes) {
        for queue in &mut self.queues {
            if queue.events.len() == KEPT {
                queue.events.pop_front();
                queue.missed += 1;
            }
            queue.events.push_back(event.clone());
            if std::mem::take(&mut queue.waiting) {
                wakes.push(Wake::Listener(queue.id));
            }
        }
        wakes.happened();
        if self.log.len() < KEPT {
            self.log.push_back(event);
        }
    }

    pub(super) fn take(&mut self, listener: ListenerId) -> Option<Event> {
        let queue = self.queues.iter_mut().find(|queue| queue.id == listener)?;
        if queue.missed > 0 {
            return Some(Event::Missed(std::mem::take(&mut queue.missed)));
        }
        let event = queue.events.pop_front();
        queue.waiting = event.is_none();
        event
    }

    pub(super) fn next_for_log(&mut self) -> Option<Event> {
        self.log.pop_front()
    }
}

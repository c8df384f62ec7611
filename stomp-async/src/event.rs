use std::time::Duration;

use stomp_failover::{Broker, Exhausted};
use stomp_session::{CloseReason, Connection, Refusal, SubscriptionKey};
use tokio::sync::broadcast;

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
    /// The broker refused a subscription. Its stream ends with the reason, and it is not replayed.
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

/// The events of a client from now on.
#[derive(Debug)]
pub struct Events(pub(crate) broadcast::Receiver<Event>);

impl Events {
    /// Waits for the next event; `None` when the client is closed.
    ///
    /// Who does not keep up loses the oldest events: only the last 64 are kept.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

//! RabbitMQ reads a connection's frames and hands out its deliveries in one process: what the frames
//! of one write bring about stands in line behind the last of them. A delivery whose UNSUBSCRIBE was
//! among those frames finds no subscription. It becomes an ERROR, the connection goes on, and the
//! message is stranded until it ends, for nobody ever learnt its number.
//!
//! Observed on RabbitMQ 3.10.8 with a classic queue: 20 messages held, ten plain ACKs that make room
//! and UNSUBSCRIBE in one write: 10 such ERRORs in 20 of 20 tries, and 10 messages stranded each
//! time; the same ten ACKs in a transaction that is committed behind UNSUBSCRIBE: none in 26. NACKs
//! that requeue all 20 in front of UNSUBSCRIBE: 20 ERRORs in 6 of 6. SEND or SUBSCRIBE do it, too.
//!
//! There the line is long enough for frames of several writes while messages flow (26 of 38 drops).
//! Here it ends with each piece of input, so that it is the same each time.

use std::time::Instant;

use stomp_frame::{Command, Frame, header};

use super::Broker;
use super::connection::{ConnectionId, Key, State};
use super::ids;
use super::queue::{Consumer, Entry};

/// Deliveries that wait for the end of the input at hand.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    deliveries: Vec<Waiting>,
    weight: usize,
}

/// A delivery on its way to a subscription.
#[derive(Debug)]
struct Waiting {
    subscription: u32,
    key: Key,
    number: u64,
    entry: Entry,
}

impl Mailbox {
    /// Returns about how many octets of output it will become.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Broker {
    /// Tells whether what is delivered to a connection has to wait, as its input is being read.
    pub(crate) fn delivers_later(&self, id: ConnectionId) -> bool {
        self.manners.delivers_behind_input && self.reading == Some(id)
    }

    pub(crate) fn put_in_mailbox(&mut self, to: Consumer, number: u64, entry: Entry) {
        let connection = self.connection(to.connection);
        let Some(subscription) = connection.subscriptions.get(&to.subscription) else {
            return;
        };
        let key = subscription.key.clone();
        connection.mailbox.weight += entry.message.weight();
        connection.mailbox.deliveries.push(Waiting {
            subscription: to.subscription,
            key,
            number,
            entry,
        });
    }

    /// Hands out what waited for the end of the input.
    pub(crate) fn empty_mailbox(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mailbox = std::mem::take(&mut connection.mailbox);
        if mailbox.deliveries.is_empty() {
            return;
        }
        for waiting in mailbox.deliveries {
            self.hand_out(id, &waiting, now);
        }
        self.dispatch_stalled(id, now);
    }

    fn hand_out(&mut self, id: ConnectionId, waiting: &Waiting, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        if connection.state == State::Closing {
            return;
        }
        let here = connection.subscriptions.contains_key(&waiting.subscription);
        let subscription = match here {
            true => Some(waiting.subscription),
            // One that has the same name since then gets it.
            false => connection.subscription_keys.get(&waiting.key).copied(),
        };
        let frame = match subscription {
            Some(subscription) => {
                let to = Consumer {
                    connection: id,
                    subscription,
                };
                self.message_frame(to, waiting.number, &waiting.entry, self.age(now))
            }
            None => self.bounce_frame(&waiting.key),
        };
        self.emit(id, frame, now);
    }

    /// The ERROR that a delivery becomes.
    fn bounce_frame(&self, key: &Key) -> Frame {
        let tag = ids::rabbitmq_tag(key);
        let body = format!("There is no current subscription with tag '{tag}'.");
        Frame::new(Command::Error)
            .header(header::MESSAGE, "Subscription not found")
            .header(header::CONTENT_TYPE, "text/plain")
            .header(header::VERSION, self.version_list())
            .header(header::CONTENT_LENGTH, body.len().to_string())
            .body(body)
    }
}

use std::sync::Arc;
use std::time::Instant;

use stomp_frame::{Command, Frame, Headers, Version, header};

use super::Broker;
use super::connection::{AckMode, ConnectionId, Delivery, Subscription};
use super::failure::{Failure, require};
use super::queue::{Consumer, Entry, Kind, Message, QueueId, Target};
use super::transaction::Step;

/// Headers of SEND that concern only the broker, or that the broker gives by itself.
const NOT_PASSED_ON: [&str; 7] = [
    header::DESTINATION,
    header::RECEIPT,
    header::TRANSACTION,
    header::CONTENT_LENGTH,
    header::MESSAGE_ID,
    header::SUBSCRIPTION,
    header::ACK,
];

impl Broker {
    pub(crate) fn send(
        &mut self,
        id: ConnectionId,
        frame: Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        require(&frame, header::DESTINATION)?;
        let transaction = self.check_transaction(id, &frame)?;
        let message = Arc::new(self.take_message(frame)?);
        match transaction {
            Some(transaction) => {
                self.stored += message.weight();
                self.add_step(id, &transaction, Step::Send(message));
            }
            None => self.route(message, now),
        }
        Ok(())
    }

    /// Makes a message of SEND, if there is room for it.
    pub(crate) fn take_message(&mut self, mut frame: Frame) -> Result<Message, Failure> {
        let name = require(&frame, header::DESTINATION)?;
        let destination = self.destination(name)?;
        let persistent = frame.headers.get("persistent") == Some("true");
        frame
            .headers
            .retain(|name, _| !NOT_PASSED_ON.contains(&name));
        let message = Message {
            destination,
            frame,
            persistent,
        };
        if self.stored + message.weight() > self.config.caps.stored {
            return Err(Failure::TooMany("messages stored"));
        }
        Ok(message)
    }

    /// Returns the one shared text of a destination's name, and makes the destination at first use.
    pub(crate) fn destination(&mut self, name: &str) -> Result<Arc<str>, Failure> {
        let cap = self.config.caps.destinations;
        self.destinations
            .find_or_create(name, cap)
            .ok_or(Failure::TooMany("destinations"))?;
        Ok(self.destinations.shared_name(name))
    }

    /// Puts a message where its destination says, and hands it on.
    pub(crate) fn route(&mut self, message: Arc<Message>, now: Instant) {
        match self.destinations.find(&message.destination) {
            Some(Target::Queue(queue)) => self.enqueue(queue, message, now),
            Some(Target::Topic(topic)) => {
                let topic = self.destinations.topic_mut(topic);
                topic.counts.sends += 1;
                for queue in topic.subscribers.clone() {
                    self.enqueue(queue, Arc::clone(&message), now);
                }
            }
            None => {}
        }
    }

    fn enqueue(&mut self, id: QueueId, message: Arc<Message>, now: Instant) {
        if let Some(queue) = self.destinations.queue_mut(id) {
            self.stored += message.weight();
            queue.counts.sends += 1;
            queue.push(message);
            self.dispatch(id, now);
        }
    }

    /// Hands out messages as long as there are some, and somebody may have them.
    pub(crate) fn dispatch(&mut self, id: QueueId, now: Instant) {
        let cap = self.config.caps.output;
        while let Some(queue) = self.destinations.queue_mut(id) {
            if queue.entries.is_empty() {
                return;
            }
            let connections = &mut self.connections;
            let consumer = queue.next_consumer(|consumer| {
                let Some(connection) = connections.get_mut(&consumer.connection) else {
                    return false;
                };
                if connection.output.len() >= cap {
                    connection.stalled = true;
                    return false;
                }
                connection
                    .subscriptions
                    .get(&consumer.subscription)
                    .is_some_and(Subscription::has_room)
            });
            let Some(consumer) = consumer else {
                return;
            };
            let Some(entry) = queue.entries.pop_front() else {
                return;
            };
            self.deliver(consumer, id, entry, now);
        }
    }

    fn deliver(&mut self, to: Consumer, queue: QueueId, mut entry: Entry, now: Instant) {
        entry.deliveries += 1;
        let message = self.message_frame(to, &entry);
        let connection = self.connection(to.connection);
        let number = connection.deliveries;
        let subscription = connection
            .subscriptions
            .get_mut(&to.subscription)
            .expect("a consumer of a queue has a subscription");
        if subscription.mode == AckMode::Auto {
            self.settled(queue, &entry);
        } else {
            let delivery = Delivery { number, entry };
            subscription.unsettled.push_back(delivery);
            if let Some(queue) = self.destinations.queue_mut(queue) {
                queue.unsettled += 1;
            }
        }
        self.emit(to.connection, message, now);
    }

    /// Builds MESSAGE and counts the delivery.
    fn message_frame(&mut self, to: Consumer, entry: &Entry) -> Frame {
        let connection = self.connection(to.connection);
        connection.deliveries += 1;
        let number = connection.deliveries;
        let version = connection.version;
        let subscription = &connection.subscriptions[&to.subscription];
        let message = &entry.message;
        let mut headers = Headers::new();
        if let Some(id) = subscription.id() {
            headers.append(header::SUBSCRIPTION, id);
        }
        headers.append(header::DESTINATION, &message.destination);
        let name = Name {
            connection: to.connection,
            subscription: to.subscription,
            number,
        };
        headers.append(header::MESSAGE_ID, name.message_id());
        if version == Version::V1_2 && subscription.mode != AckMode::Auto {
            headers.append(header::ACK, name.ack());
        }
        if entry.deliveries > 1 {
            headers.append("redelivered", "true");
            headers.append("delivery-count", entry.deliveries.to_string());
        }
        headers.extend(&message.frame.headers);
        Frame {
            command: Command::Message,
            headers,
            body: message.frame.body.clone(),
        }
    }

    /// Takes a message that is done with off the accounts.
    pub(crate) fn settled(&mut self, queue: QueueId, entry: &Entry) {
        self.stored -= entry.message.weight();
        if let Some(queue) = self.destinations.queue_mut(queue) {
            queue.counts.settled += 1;
        }
    }

    /// Puts messages back where they were; what came from a topic is dropped, and what was
    /// delivered too often goes to the dead letters. They are not handed out yet.
    pub(crate) fn give_back(&mut self, id: QueueId, deliveries: Vec<Delivery>, now: Instant) {
        let max = self.config.max_deliveries.unwrap_or(u32::MAX);
        let mut dead = Vec::new();
        for Delivery { entry, .. } in deliveries {
            match self.destinations.queue_mut(id) {
                Some(queue) if queue.kind == Kind::Named => {
                    queue.unsettled -= 1;
                    if entry.deliveries >= max {
                        dead.push(entry);
                    } else {
                        queue.put_back(entry);
                    }
                }
                Some(queue) => {
                    queue.unsettled -= 1;
                    self.settled(id, &entry);
                }
                None => self.settled(id, &entry),
            }
        }
        self.bury(id, dead, now);
    }

    /// Moves messages to the dead letters.
    pub(crate) fn bury(&mut self, from: QueueId, entries: Vec<Entry>, now: Instant) {
        for entry in entries {
            self.settled(from, &entry);
            let dead_letters = self.config.dead_letters.as_deref();
            let name = dead_letters.unwrap_or(self.manners.dead_letters).to_owned();
            let Ok(destination) = self.destination(&name) else {
                continue;
            };
            if destination == entry.message.destination {
                continue; // dead there, too
            }
            let mut frame = entry.message.frame.clone();
            let original = &entry.message.destination;
            frame.headers.append("original-destination", original);
            let message = Message {
                destination,
                frame,
                persistent: entry.message.persistent,
            };
            self.route(Arc::new(message), now);
        }
    }
}

/// The parts of the ids that MESSAGE carries. `message-id` and `ack` differ on purpose: 1.2 wants
/// the second in ACK, and many clients got that wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) connection: ConnectionId,
    pub(crate) subscription: u32,
    pub(crate) number: u64,
}

impl Name {
    const MESSAGE_ID: &str = "message";
    const ACK: &str = "ack";

    fn write(self, prefix: &str) -> String {
        let Self {
            connection,
            subscription,
            number,
        } = self;
        format!("{prefix}-{}-{subscription}-{number}", connection.0)
    }

    fn message_id(self) -> String {
        self.write(Self::MESSAGE_ID)
    }

    fn ack(self) -> String {
        self.write(Self::ACK)
    }

    pub(crate) fn from_message_id(text: &str) -> Option<Self> {
        Self::parse(text, Self::MESSAGE_ID)
    }

    pub(crate) fn from_ack(text: &str) -> Option<Self> {
        Self::parse(text, Self::ACK)
    }

    fn parse(text: &str, prefix: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(prefix)?.strip_prefix('-')?.split('-');
        let name = Self {
            connection: ConnectionId(parts.next()?.parse().ok()?),
            subscription: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
        };
        (name.write(prefix) == text).then_some(name)
    }
}

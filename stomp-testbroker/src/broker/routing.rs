use std::sync::Arc;
use std::time::{Duration, Instant};

use stomp_frame::{Frame, header};

use super::Broker;
use super::connection::{AckMode, ConnectionId, Delivery, Subscription};
use super::failure::{Failure, require};
use super::queue::{Consumer, Destination, Entry, Kind, Message, QueueId, Target};
use super::transaction::Step;
use crate::Profile;

impl Broker {
    /// Handles SEND.
    pub(crate) fn send(
        &mut self,
        id: ConnectionId,
        frame: Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        let destination = require(&frame, header::DESTINATION)?;
        if self.config.profile == Profile::ActiveMq && destination.contains(',') {
            return self.send_to_all(id, &frame, destination, now);
        }
        if self.config.profile == Profile::RabbitMq && frame.headers.contains(header::MESSAGE_ID) {
            return Err(Failure::MessageIdNotAllowed);
        }
        self.check_destination(frame.command, destination)?;
        let is_lost = self.is_missing_reply_queue(destination);
        let transaction = match self.check_transaction(id, &frame) {
            // Confirmed, and it reaches nobody (observed with 2.40).
            Err(Failure::UnknownTransaction) if self.config.profile == Profile::Artemis => {
                return Ok(());
            }
            transaction => transaction?,
        };
        if is_lost {
            return Ok(());
        }
        let frame = self.resolve_reply_to(id, frame)?;
        let mut message = self.take_message(Some(id), frame, now)?;
        match transaction {
            Some(transaction) => {
                message.frame.detach();
                self.stored += message.weight();
                self.add_step(id, &transaction, Step::Send(Arc::new(message)));
            }
            None => self.route(Arc::new(message), now),
        }
        Ok(())
    }

    /// Handles SEND to several destinations, with commas between them.
    fn send_to_all(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        destinations: &str,
        now: Instant,
    ) -> Result<(), Failure> {
        for destination in destinations.split(',').filter(|name| !name.is_empty()) {
            let mut copy = frame.clone();
            copy.headers.set(header::DESTINATION, destination);
            copy.headers.set("original-destination", destinations);
            self.send(id, copy, now)?;
        }
        Ok(())
    }

    /// Makes a message of SEND, if there is room for it.
    pub(crate) fn take_message(
        &mut self,
        from: Option<ConnectionId>,
        mut frame: Frame,
        now: Instant,
    ) -> Result<Message, Failure> {
        let name = require(&frame, header::DESTINATION)?;
        let Destination {
            name: destination,
            target,
        } = self.resolve(from, name)?;
        let expires = self.manners.time_to_live(&frame).map(|ttl| now + ttl);
        let persistent = frame.headers.get("persistent") == Some("true");
        let had_length = frame.headers.contains(header::CONTENT_LENGTH);
        let withheld = self.manners.withheld();
        let mut head = 0;
        frame.headers.retain(|name, value| {
            head += name.len() + value.len() + 2; // with the colon and the line feed
            !withheld.contains(&name)
        });
        self.messages += 1;
        let message = Message {
            destination,
            target,
            frame,
            head,
            number: self.messages,
            persistent,
            had_length,
            expires,
        };
        if self.stored + message.weight() > self.config.caps.stored {
            return Err(Failure::TooMany("messages stored"));
        }
        Ok(message)
    }

    /// Puts a message where its destination says, and hands it on.
    pub(crate) fn route(&mut self, mut message: Arc<Message>, now: Instant) {
        if !self.passes_at_once(message.target)
            && let Some(message) = Arc::get_mut(&mut message)
        {
            // Whoever waits does not keep a whole read buffer alive.
            message.frame.detach();
        }
        match message.target {
            Target::Queue(queue) => self.enqueue(queue, message, now),
            Target::Topic(topic) => {
                let topic = self.destinations.topic_mut(topic);
                topic.counts.sends += 1;
                for queue in topic.subscribers.clone() {
                    self.enqueue(queue, Arc::clone(&message), now);
                }
            }
        }
    }

    /// Tells whether a message is handed out as soon as it comes, to consumers that do not have to
    /// acknowledge it.
    fn passes_at_once(&self, target: Target) -> bool {
        match target {
            Target::Queue(queue) => self.queue_is_open(queue),
            Target::Topic(topic) => {
                let subscribers = &self.destinations.topic(topic).subscribers;
                subscribers.iter().all(|queue| self.queue_is_open(*queue))
            }
        }
    }

    fn queue_is_open(&self, id: QueueId) -> bool {
        let Some(queue) = self.destinations.queue(id) else {
            return true;
        };
        let takes = |consumer: &Consumer| {
            let connection = self.connections.get(&consumer.connection)?;
            let subscription = connection.subscriptions.get(&consumer.subscription)?;
            let takes = subscription.mode == AckMode::Auto
                && subscription.has_room()
                && connection.output.len() < self.config.caps.output;
            Some(takes)
        };
        queue.entries.is_empty()
            && !queue.consumers.is_empty()
            && queue
                .consumers
                .iter()
                .all(|consumer| takes(consumer) == Some(true))
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
        if let Some(postponed) = &mut self.postponed {
            return postponed.push(id);
        }
        let cap = self.config.caps.output;
        while let Some(queue) = self.destinations.queue_mut(id) {
            let Some(first) = queue.entries.front() else {
                return;
            };
            if first.message.expires.is_some_and(|end| end <= now) {
                self.stored -= first.message.weight();
                queue.entries.pop_front();
                continue;
            }
            let connections = &mut self.connections;
            let consumer = queue.next_consumer(|consumer| {
                let Some(connection) = connections.get_mut(&consumer.connection) else {
                    return false;
                };
                if connection.output.len() + connection.mailbox.weight() >= cap {
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
        self.started.get_or_insert(now);
        let connection = self.connection(to.connection);
        connection.deliveries += 1;
        let number = connection.deliveries;
        let frame = if self.writes_messages_directly() {
            self.write_message(to, number, &entry, now);
            None
        } else if self.delivers_later(to.connection) {
            self.put_in_mailbox(to, number, entry.clone());
            None
        } else {
            Some(self.message_frame(to, number, &entry, self.age(now)))
        };
        let connection = self.connection(to.connection);
        let subscription = connection
            .subscriptions
            .get_mut(&to.subscription)
            .expect("looked at by `dispatch`");
        if subscription.mode == AckMode::Auto {
            self.settled(queue, &entry);
        } else {
            let delivery = Delivery { number, entry };
            subscription.unsettled.push_back(delivery);
            if let Some(queue) = self.destinations.queue_mut(queue) {
                queue.unsettled += 1;
            }
        }
        if let Some(frame) = frame {
            self.emit(to.connection, frame, now);
        }
    }

    /// Returns the time since the first message was delivered.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        let started = self.started.unwrap_or(now);
        now.saturating_duration_since(started)
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
            let Some(queue) = self.destinations.queue_mut(id) else {
                self.settled(id, &entry);
                continue;
            };
            queue.unsettled -= 1;
            if matches!(queue.kind, Kind::Subscriber { .. }) {
                self.settled(id, &entry);
            } else if entry.deliveries >= max {
                dead.push(entry);
            } else {
                queue.put_back(entry);
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
            if destination.name == entry.message.destination {
                continue; // dead there, too
            }
            let mut frame = entry.message.frame.clone();
            let original = &entry.message.destination;
            frame.headers.append("original-destination", original);
            if self.config.profile == Profile::ActiveMq {
                frame.headers.append("originalExpiration", "0");
            }
            let message = Message {
                destination: destination.name,
                target: destination.target,
                frame,
                expires: None,
                ..*entry.message
            };
            self.route(Arc::new(message), now);
        }
    }
}

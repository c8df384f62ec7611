use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use stomp_frame::{Frame, Version, header};

use super::Broker;
use super::connection::{AckMode, ConnectionId, Delivery, Key, Subscription};
use super::failure::{Failure, require};
use super::queue::{Consumer, Kind, QueueId, Target};
use crate::Profile;

impl Broker {
    /// Handles SUBSCRIBE; returns the queues that now have one consumer more.
    pub(crate) fn subscribe(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
    ) -> Result<Vec<QueueId>, Failure> {
        let name = require(frame, header::DESTINATION)?;
        self.check_id(frame)?;
        let key = self.subscription_key(id, frame)?;
        let mode = self.ack_mode(frame)?;
        let cap = self.config.caps.subscriptions;
        let may_repeat = self.manners.subscription_ids_may_repeat;
        let connection = self.connection(id);
        if connection.subscription_keys.contains_key(&key) && !may_repeat {
            return Err(Failure::DuplicateSubscription);
        }
        if connection.subscriptions.len() >= cap {
            return Err(Failure::TooMany("subscriptions"));
        }
        self.check_destination(frame.command, name)?;
        if self.is_missing_reply_queue(name) {
            return Err(Failure::NoSuchQueue);
        }
        let destination = self.resolve(Some(id), name)?;
        let name = &destination.name;
        let queue = match destination.target {
            Target::Topic(topic) => {
                self.destinations.topic_mut(topic).counts.subscribes += 1;
                let name = Arc::clone(name);
                match self.durable_name(id, frame) {
                    Some(durable) if self.manners.names_are_exclusive && self.is_used(&durable) => {
                        return Err(Failure::DurableInUse);
                    }
                    Some(durable) => self.destinations.durable(topic, name, durable),
                    None => self.destinations.add_subscriber(topic, name),
                }
            }
            Target::Queue(queue) => queue,
        };
        let consumer = self.add_consumer(
            id,
            Subscription {
                key,
                part_of: None,
                queue,
                mode,
                prefetch: self.manners.prefetch_of(frame),
                shown_as: self.shown_as(frame),
                unsettled: VecDeque::new(),
                lead: None,
            },
        );
        let mut queues = self.add_pattern(consumer, name);
        queues.push(queue);
        Ok(queues)
    }

    pub(crate) fn add_consumer(
        &mut self,
        id: ConnectionId,
        subscription: Subscription,
    ) -> Consumer {
        let queue = subscription.queue;
        let consumer = Consumer {
            connection: id,
            subscription: self.connection(id).add_subscription(subscription),
        };
        if let Some(queue) = self.destinations.queue_mut(queue) {
            queue.counts.subscribes += 1;
            queue.consumers.push(consumer);
        }
        consumer
    }

    pub(crate) fn unsubscribe(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        self.check_id(frame)?;
        let durable = self.durable_name(id, frame);
        if let Some(durable) = &durable {
            let ended_before = match self.config.profile {
                Profile::ActiveMq => self.subscription_key(id, frame).map(|_| true)?,
                _ => !frame.headers.contains(header::ID),
            };
            if ended_before {
                return self.forget_durable(durable);
            }
        }
        let key = self.subscription_key(id, frame)?;
        let connection = self.connection(id);
        let number = connection.subscription_keys.get(&key);
        let number = *number.ok_or(Failure::UnknownSubscription)?;
        let parts = connection.parts_of(number).map(|(part, _)| part);
        for part in parts.collect::<Vec<_>>() {
            if let Some(queue) = self.end_subscription(id, part, now) {
                self.dispatch(queue, now);
            }
        }
        match durable {
            Some(durable) => self.forget_durable(&durable),
            None => Ok(()),
        }
    }

    fn forget_durable(&mut self, name: &str) -> Result<(), Failure> {
        let queue = self.destinations.find_durable(name);
        let queue = queue.ok_or(Failure::UnknownSubscription)?;
        if self.is_used(name) {
            return Err(Failure::DurableInUse);
        }
        self.remove_queue(queue);
        Ok(())
    }

    /// Tells whether somebody is subscribed to a durable subscription.
    fn is_used(&self, name: &str) -> bool {
        let queue = self.destinations.find_durable(name);
        let queue = queue.and_then(|queue| self.destinations.queue(queue));
        queue.is_some_and(|queue| !queue.consumers.is_empty())
    }

    /// Ends all a connection has: first its transactions, then its subscriptions. Messages are
    /// handed out again only when all are back in their places.
    pub(crate) fn release(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mut transactions: Vec<_> = connection.transactions.drain().collect();
        transactions.sort_by(|(a, _), (b, _)| a.cmp(b)); // not in the order of the hash map
        for (_, transaction) in transactions {
            self.undo(id, transaction.steps, now);
        }
        let connection = self.connection(id);
        let left = std::mem::take(&mut connection.left_unacked);
        connection.mailbox.clear();
        let numbers: Vec<u32> = connection.subscriptions.keys().copied().collect();
        let mut queues: Vec<QueueId> = Vec::new();
        for (number, (queue, entry)) in left {
            self.give_back(queue, vec![Delivery { number, entry }], now);
            if !queues.contains(&queue) {
                queues.push(queue);
            }
        }
        for number in numbers {
            let ended = self.take_subscription(id, number);
            if let Some(subscription) = ended {
                let queue = subscription.queue;
                self.give_back(queue, subscription.unsettled.into(), now);
                self.end_subscriber(queue);
                queues.push(queue);
            }
        }
        self.drop_temporary(id);
        for queue in queues {
            self.dispatch(queue, now);
        }
    }

    /// Ends a subscription: what it got and did not acknowledge goes back, unless the broker leaves
    /// it to the client until the connection ends. Returns the queue, whose messages have to be
    /// handed out again.
    fn end_subscription(&mut self, id: ConnectionId, number: u32, now: Instant) -> Option<QueueId> {
        let subscription = self.take_subscription(id, number)?;
        if self.manners.takes_late_acks {
            self.leave_late_acks(id, number, &subscription);
        }
        let queue = subscription.queue;
        let unsettled = subscription.unsettled;
        if self.manners.one_channel {
            let left = unsettled.into_iter();
            let left = left.map(|delivery| (delivery.number, (queue, delivery.entry)));
            self.connection(id).left_unacked.extend(left);
        } else {
            self.give_back(queue, unsettled.into(), now);
        }
        self.end_subscriber(queue);
        Some(queue)
    }

    fn take_subscription(&mut self, id: ConnectionId, number: u32) -> Option<Subscription> {
        let subscription = self.connection(id).remove_subscription(number)?;
        self.remove_pattern(id, number);
        if let Some(queue) = self.destinations.queue_mut(subscription.queue) {
            queue.remove_consumer(Consumer {
                connection: id,
                subscription: number,
            });
        }
        Some(subscription)
    }

    /// Ends the queue of a topic's subscriber with the subscription.
    fn end_subscriber(&mut self, id: QueueId) {
        let kind = self.destinations.queue(id).map(|queue| queue.kind);
        if let Some(Kind::Subscriber { .. }) = kind {
            self.remove_queue(id);
        }
    }

    fn remove_queue(&mut self, id: QueueId) {
        if let Some(queue) = self.destinations.remove_subscriber(id) {
            for entry in &queue.entries {
                self.stored -= entry.message.weight();
            }
        }
    }

    /// Reads what names a subscription: `id`, or the destination if there is none.
    fn subscription_key(&self, id: ConnectionId, frame: &Frame) -> Result<Key, Failure> {
        let version = self.connections[&id].version;
        if let Some(id) = frame.headers.get(header::ID) {
            return Ok(Key::Id(id.to_owned()));
        }
        if version > Version::V1_0 && self.manners.subscription_id_required {
            require(frame, header::ID)?;
        }
        let destination = require(frame, header::DESTINATION)?;
        Ok(Key::Destination(destination.to_owned()))
    }

    /// Reads under which name a subscription outlives its connection, if it does. The name is that
    /// of the broker's dialect, and unique to the client that gave it.
    fn durable_name(&self, id: ConnectionId, frame: &Frame) -> Option<String> {
        let connection = self.connections.get(&id)?;
        let name = self.manners.durable_name(frame)?;
        let owner = match self.config.profile {
            Profile::RabbitMq => connection.login.as_deref(),
            // Without `client-id` it is confirmed, and nothing is kept.
            Profile::ActiveMq => Some(connection.client_id.as_deref()?),
            _ => connection.client_id.as_deref(),
        };
        Some(format!("{}\0{name}", owner.unwrap_or_default()))
    }

    fn ack_mode(&self, frame: &Frame) -> Result<AckMode, Failure> {
        match frame.headers.get(header::ACK) {
            _ if self.manners.ignores_settling => Ok(AckMode::Auto),
            None | Some("auto") => Ok(AckMode::Auto),
            Some("client") => Ok(AckMode::Client),
            Some("client-individual") => Ok(AckMode::ClientIndividual),
            Some(_) if self.config.profile == Profile::ActiveMq => Ok(AckMode::Auto),
            Some(_) => Err(Failure::BadAckMode),
        }
    }
}

impl Subscription {
    /// Tells whether the client may have another message.
    pub(crate) fn has_room(&self) -> bool {
        self.mode == AckMode::Auto && self.prefetch != Some(0)
            || self
                .prefetch
                .is_none_or(|prefetch| self.unsettled.len() < prefetch)
    }
}

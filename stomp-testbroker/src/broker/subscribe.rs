use std::collections::VecDeque;
use std::time::Instant;

use stomp_frame::{Frame, Version, header};

use super::Broker;
use super::connection::{AckMode, ConnectionId, Key, Subscription};
use super::failure::{Failure, require};
use super::queue::{Consumer, Kind, QueueId, Target};

impl Broker {
    /// Handles SUBSCRIBE; returns the queue that now has one consumer more.
    pub(crate) fn subscribe(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
    ) -> Result<QueueId, Failure> {
        let name = require(frame, header::DESTINATION)?;
        let key = self.subscription_key(id, frame)?;
        let mode = ack_mode(frame)?;
        let cap = self.config.caps.subscriptions;
        let connection = self.connection(id);
        if connection.subscription_keys.contains_key(&key) {
            return Err(Failure::DuplicateSubscription);
        }
        if connection.subscriptions.len() >= cap {
            return Err(Failure::TooMany("subscriptions"));
        }
        let destination = self.destination(name)?;
        let queue = match self.destinations.find(name) {
            Some(Target::Topic(topic)) => {
                self.destinations.topic_mut(topic).counts.subscribes += 1;
                self.destinations.add_subscriber(topic, destination)
            }
            Some(Target::Queue(queue)) => queue,
            None => return Err(Failure::TooMany("destinations")),
        };
        let prefetch = self.manners.prefetch(frame);
        let number = self.connection(id).add_subscription(Subscription {
            key,
            queue,
            mode,
            prefetch,
            unsettled: VecDeque::new(),
        });
        if let Some(queue) = self.destinations.queue_mut(queue) {
            queue.counts.subscribes += 1;
            queue.consumers.push(Consumer {
                connection: id,
                subscription: number,
            });
        }
        Ok(queue)
    }

    pub(crate) fn unsubscribe(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        let key = self.subscription_key(id, frame)?;
        let number = self.connection(id).subscription_keys.get(&key);
        let number = *number.ok_or(Failure::UnknownSubscription)?;
        if let Some(queue) = self.end_subscription(id, number, now) {
            self.dispatch(queue, now);
        }
        Ok(())
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
            self.undo(id, transaction, now);
        }
        let connection = self.connection(id);
        let numbers: Vec<u32> = connection.subscriptions.keys().copied().collect();
        let queues: Vec<QueueId> = numbers
            .into_iter()
            .filter_map(|number| self.end_subscription(id, number, now))
            .collect();
        for queue in queues {
            self.dispatch(queue, now);
        }
    }

    /// Ends a subscription: what it got and did not acknowledge goes back. Returns the queue, whose
    /// messages have to be handed out again.
    fn end_subscription(&mut self, id: ConnectionId, number: u32, now: Instant) -> Option<QueueId> {
        let subscription = self.connection(id).remove_subscription(number)?;
        let queue = subscription.queue;
        if let Some(queue) = self.destinations.queue_mut(queue) {
            queue.remove_consumer(Consumer {
                connection: id,
                subscription: number,
            });
        }
        self.give_back(queue, subscription.unsettled.into(), now);
        let kind = self.destinations.queue(queue).map(|queue| queue.kind);
        if let Some(Kind::Subscriber { .. }) = kind
            && let Some(queue) = self.destinations.remove_subscriber(queue)
        {
            for entry in &queue.entries {
                self.stored -= entry.message.weight();
            }
        }
        Some(queue)
    }

    /// Reads what names a subscription: `id`, or in 1.0 the destination if there is none.
    fn subscription_key(&mut self, id: ConnectionId, frame: &Frame) -> Result<Key, Failure> {
        let version = self.connection(id).version;
        if let Some(id) = frame.headers.get(header::ID) {
            return Ok(Key::Id(id.to_owned()));
        }
        if version > Version::V1_0 {
            require(frame, header::ID)?;
        }
        let destination = require(frame, header::DESTINATION)?;
        Ok(Key::Destination(destination.to_owned()))
    }
}

impl Subscription {
    /// Tells whether the client may have another message.
    pub(crate) fn has_room(&self) -> bool {
        self.prefetch
            .is_none_or(|prefetch| self.unsettled.len() < prefetch)
    }
}

fn ack_mode(frame: &Frame) -> Result<AckMode, Failure> {
    match frame.headers.get(header::ACK) {
        None | Some("auto") => Ok(AckMode::Auto),
        Some("client") => Ok(AckMode::Client),
        Some("client-individual") => Ok(AckMode::ClientIndividual),
        Some(_) => Err(Failure::BadAckMode),
    }
}

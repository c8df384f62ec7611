use std::collections::VecDeque;
use std::sync::Arc;

use super::Broker;
use super::connection::{ConnectionId, Subscription};
use super::queue::{Consumer, Destination, QueueId, Target};

/// A subscription to all destinations that fit a pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    subscriber: Consumer,
    destination: Arc<str>,
}

/// Subscriptions with wildcards. The client has one; the broker adds another for each destination
/// that fits, now or later.
impl Broker {
    /// Lets a new subscription have what fits its destination, if that is a pattern; returns the
    /// queues that have got another consumer by that.
    pub(crate) fn add_pattern(
        &mut self,
        subscriber: Consumer,
        destination: &Arc<str>,
    ) -> Vec<QueueId> {
        let Some(wildcards) = self.manners.wildcards else {
            return Vec::new();
        };
        if !wildcards.is_pattern(destination) {
            return Vec::new();
        }
        let fitting = self.destinations.iter().filter(|other| {
            other.name != *destination && wildcards.matches(destination, &other.name)
        });
        let mut fitting: Vec<_> = fitting.collect();
        fitting.sort_by(|a, b| a.name.cmp(&b.name)); // not in the order of the hash map
        self.patterns.push(Pattern {
            subscriber,
            destination: Arc::clone(destination),
        });
        let fitting = fitting.iter();
        let parts = fitting.filter_map(|destination| self.add_part(subscriber, destination));
        parts.collect()
    }

    /// Gives a destination that was just made to those whose patterns it fits.
    pub(crate) fn fit_into_patterns(&mut self, destination: &Destination) {
        let Some(wildcards) = self.manners.wildcards else {
            return;
        };
        let patterns = self.patterns.iter();
        let fits = patterns
            .filter(|pattern| wildcards.matches(&pattern.destination, &destination.name))
            .map(|pattern| pattern.subscriber);
        for subscriber in fits.collect::<Vec<_>>() {
            self.add_part(subscriber, destination);
        }
    }

    pub(crate) fn remove_pattern(&mut self, id: ConnectionId, subscription: u32) {
        self.patterns.retain(|pattern| {
            let subscriber = pattern.subscriber;
            (subscriber.connection, subscriber.subscription) != (id, subscription)
        });
    }

    /// Adds to a subscription another destination, unless the client has too many already.
    fn add_part(&mut self, of: Consumer, destination: &Destination) -> Option<QueueId> {
        let cap = self.config.caps.subscriptions;
        let connection = self.connections.get(&of.connection)?;
        let whole = connection.subscriptions.get(&of.subscription)?;
        if connection.subscriptions.len() >= cap {
            return None;
        }
        let (key, mode, prefetch) = (whole.key.clone(), whole.mode, whole.prefetch);
        let queue = match destination.target {
            Target::Queue(queue) => queue,
            Target::Topic(topic) => {
                let name = Arc::clone(&destination.name);
                self.destinations.add_subscriber(topic, name)
            }
        };
        let part = Subscription {
            key,
            part_of: Some(of.subscription),
            queue,
            mode,
            prefetch,
            shown_as: None,
            unsettled: VecDeque::new(),
            lead: None,
        };
        self.add_consumer(of.connection, part);
        Some(queue)
    }
}

use std::time::Instant;

use stomp_frame::{Command, Frame};

use super::Broker;
use super::config::NackPolicy;
use super::connection::{AckMode, Connection, ConnectionId, Delivery};
use super::failure::Failure;
use super::ids::{self, Named};
use super::queue::QueueId;
use super::transaction::Step;

/// What becomes of messages that a client has done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ack,
    Nack(NackPolicy),
}

/// Deliveries of one subscription that one ACK or NACK covers.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) subscription: u32,
    pub(crate) queue: QueueId,
    pub(crate) deliveries: Vec<Delivery>,
}

impl Broker {
    /// Handles ACK and NACK.
    pub(crate) fn settle(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        let profile = self.config.profile;
        let named = ids::named(profile, id, &self.connections[&id], frame)?;
        let transaction = self.check_transaction(id, frame)?;
        let taken = self.take_deliveries(id, frame.command, named);
        if taken.is_empty() {
            return Err(Failure::UnknownMessage(frame.command));
        }
        let verdict = self.verdict(frame);
        match transaction {
            Some(transaction) => {
                for taken in taken {
                    let step = Step::Settle { taken, verdict };
                    self.add_step(id, &transaction, step);
                }
            }
            None => {
                for taken in taken {
                    self.apply(taken, verdict, now);
                }
            }
        }
        Ok(())
    }

    fn verdict(&self, frame: &Frame) -> Verdict {
        match frame.command {
            Command::Nack => {
                let usual = self.config.nack.unwrap_or(self.manners.nack);
                Verdict::Nack(self.manners.nack_policy(frame).unwrap_or(usual))
            }
            _ => Verdict::Ack,
        }
    }

    /// Tells which subscription the message belongs to that an ACK or NACK names.
    pub(crate) fn subscription_named(
        &self,
        id: ConnectionId,
        connection: &Connection,
        frame: &Frame,
    ) -> Option<u32> {
        let named = ids::named(self.config.profile, id, connection, frame);
        named.ok().map(|named| named.subscription)
    }

    /// Takes the deliveries that an ACK or NACK covers: with `ack:client` all up to the one named.
    fn take_deliveries(&mut self, id: ConnectionId, command: Command, named: Named) -> Vec<Taken> {
        let individual = self.manners.nack_is_individual && command == Command::Nack;
        let crosses = self.manners.ack_crosses_subscriptions;
        let connection = self.connection(id);
        let Some(subscription) = connection.subscriptions.get_mut(&named.subscription) else {
            return Vec::new();
        };
        let Some(at) = subscription.position(named.delivery) else {
            return Vec::new();
        };
        if individual || subscription.mode != AckMode::Client {
            let delivery = subscription.unsettled.remove(at);
            return vec![Taken {
                subscription: named.subscription,
                queue: subscription.queue,
                deliveries: Vec::from_iter(delivery),
            }];
        }
        let subscriptions = connection.subscriptions.iter_mut();
        let covered = subscriptions.filter(|(number, _)| crosses || **number == named.subscription);
        covered
            .filter_map(|(number, subscription)| {
                let unsettled = &mut subscription.unsettled;
                let end = unsettled.partition_point(|d| d.number <= named.delivery);
                (end > 0).then(|| Taken {
                    subscription: *number,
                    queue: subscription.queue,
                    deliveries: unsettled.drain(..end).collect(),
                })
            })
            .collect()
    }

    /// Carries out what the client decided.
    pub(crate) fn apply(&mut self, taken: Taken, verdict: Verdict, now: Instant) {
        let Taken {
            queue, deliveries, ..
        } = taken;
        match verdict {
            Verdict::Nack(NackPolicy::Requeue) => self.give_back(queue, deliveries, now),
            Verdict::Nack(NackPolicy::DeadLetter) => {
                self.take_off(queue, deliveries.len());
                let entries = deliveries.into_iter().map(|delivery| delivery.entry);
                self.bury(queue, entries.collect(), now);
            }
            Verdict::Ack | Verdict::Nack(NackPolicy::Drop) => {
                self.take_off(queue, deliveries.len());
                for delivery in &deliveries {
                    self.settled(queue, &delivery.entry);
                }
            }
        }
        self.dispatch(queue, now);
    }

    fn take_off(&mut self, id: QueueId, count: usize) {
        if let Some(queue) = self.destinations.queue_mut(id) {
            queue.unsettled -= count;
        }
    }
}

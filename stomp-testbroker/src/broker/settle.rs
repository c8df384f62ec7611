use std::time::Instant;

use stomp_frame::{Command, Frame, Version, header};

use super::Broker;
use super::config::NackPolicy;
use super::connection::{AckMode, Connection, ConnectionId, Delivery, Subscription};
use super::failure::{Failure, require};
use super::ids::{self, Named, Parts};
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

/// The oldest ones are forgotten.
const MAX_LATE_ACKS: usize = 1000;

impl Broker {
    /// Handles ACK and NACK.
    pub(crate) fn settle(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        if self.manners.one_channel {
            return self.settle_on_channel(id, frame, now);
        }
        let profile = self.config.profile;
        if self.manners.ack_names_subscription && self.connections[&id].version == Version::V1_1 {
            require(frame, header::SUBSCRIPTION)?;
        }
        let named = match ids::named(profile, id, &self.connections[&id], frame) {
            Err(_) if self.is_late_ack(id, frame) => return Ok(()),
            named => named?,
        };
        let transaction = match self.config.profile.dialect().words().transactional_ack {
            true => self.check_transaction(id, frame)?,
            false => None, // Artemis does it at once, whatever transaction it names
        };
        if transaction.is_some() && frame.command == Command::Nack && !self.manners.transacts_nack {
            return Err(Failure::NackInTransaction);
        }
        let taken = self.take_deliveries(id, frame.command, named);
        if taken.is_empty() {
            return Err(Failure::UnknownMessage(frame.command));
        }
        let verdict = self.verdict(frame);
        match transaction {
            Some(transaction) => {
                for taken in taken {
                    let queue = taken.queue;
                    let step = Step::Settle { taken, verdict };
                    self.add_step(id, &transaction, step);
                    if self.manners.acks_make_room_at_once {
                        self.dispatch(queue, now);
                    }
                }
            }
            None => {
                for taken in taken {
                    self.apply(taken.queue, taken.deliveries, verdict, now);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn verdict(&self, frame: &Frame) -> Verdict {
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
        let whole = subscription.part_of.unwrap_or(named.subscription);
        let subscriptions = connection.subscriptions.iter_mut();
        let covered = subscriptions
            .filter(|(number, subscription)| subscription.part_of.unwrap_or(**number) == whole);
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

    /// Remembers by which ids a client may acknowledge, to no effect, what an ended subscription had.
    pub(crate) fn leave_late_acks(
        &mut self,
        id: ConnectionId,
        number: u32,
        subscription: &Subscription,
    ) {
        let profile = self.config.profile;
        let connection = self.connection(id);
        let version = connection.version;
        let deliveries = subscription.unsettled.iter();
        let ids = deliveries.map(|delivery| {
            let parts = Parts {
                connection: id,
                subscription: number,
                key: &subscription.key,
                delivery: delivery.number,
                message: delivery.entry.message.number,
            };
            ids::named_by(profile, version, parts)
        });
        connection.late_acks.extend(ids);
        let over = connection.late_acks.len().saturating_sub(MAX_LATE_ACKS);
        connection.late_acks.drain(..over);
    }

    /// Tells whether an ACK or NACK is for a message of a subscription that has ended, the first one.
    fn is_late_ack(&mut self, id: ConnectionId, frame: &Frame) -> bool {
        let connection = self.connection(id);
        let name = match connection.version {
            Version::V1_2 => header::ID,
            _ => header::MESSAGE_ID,
        };
        let named = frame.headers.get(name);
        let mut late = connection.late_acks.iter();
        let at = late.position(|late| Some(late.as_str()) == named);
        at.and_then(|at| connection.late_acks.remove(at)).is_some()
    }

    /// Carries out what the client decided.
    pub(crate) fn apply(
        &mut self,
        queue: QueueId,
        deliveries: Vec<Delivery>,
        verdict: Verdict,
        now: Instant,
    ) {
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

use std::time::Instant;

use stomp_frame::{Command, Frame, Version, header};

use super::Broker;
use super::config::NackPolicy;
use super::connection::{AckMode, Connection, ConnectionId, Delivery};
use super::failure::{Failure, require};
use super::queue::QueueId;
use super::routing::Name;
use super::transaction::Step;

/// What a client thinks of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ack,
    Nack,
}

impl Broker {
    /// Handles ACK and NACK.
    pub(crate) fn settle(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        let verdict = match frame.command {
            Command::Nack => Verdict::Nack,
            _ => Verdict::Ack,
        };
        let name = self.named_message(id, frame)?;
        let transaction = self.check_transaction(id, frame)?;
        let unknown = Failure::UnknownMessage(frame.command);
        let (queue, deliveries) = self.take_deliveries(id, name).ok_or(unknown)?;
        match transaction {
            Some(transaction) => {
                let step = Step::Settle {
                    subscription: name.subscription,
                    queue,
                    verdict,
                    deliveries,
                };
                self.add_step(id, &transaction, step);
            }
            None => self.apply(queue, deliveries, verdict, now),
        }
        Ok(())
    }

    /// Reads which message is meant: by the `ack` of MESSAGE in 1.2, else by its `message-id`, in
    /// 1.1 together with the subscription.
    fn named_message(&mut self, id: ConnectionId, frame: &Frame) -> Result<Name, Failure> {
        let unknown = Failure::UnknownMessage(frame.command);
        let connection = self.connection(id);
        let name = match connection.version {
            Version::V1_2 => Name::from_ack(require(frame, header::ID)?),
            _ => Name::from_message_id(require(frame, header::MESSAGE_ID)?),
        };
        if connection.version == Version::V1_1 {
            let wanted = require(frame, header::SUBSCRIPTION)?;
            let number = name.ok_or(unknown)?.subscription;
            let subscription = connection.subscriptions.get(&number);
            if subscription.and_then(|subscription| subscription.id()) != Some(wanted) {
                return Err(unknown);
            }
        }
        name.filter(|name| name.connection == id).ok_or(unknown)
    }

    /// Tells which subscription the message belongs to that an ACK or NACK names.
    pub(crate) fn subscription_named(&self, connection: &Connection, frame: &Frame) -> Option<u32> {
        let name = match connection.version {
            Version::V1_2 => Name::from_ack(frame.headers.get(header::ID)?),
            _ => Name::from_message_id(frame.headers.get(header::MESSAGE_ID)?),
        };
        name.map(|name| name.subscription)
    }

    /// Takes the deliveries that an ACK or NACK covers: with `ack:client` all up to the one named.
    fn take_deliveries(
        &mut self,
        id: ConnectionId,
        name: Name,
    ) -> Option<(QueueId, Vec<Delivery>)> {
        let connection = self.connection(id);
        let subscription = connection.subscriptions.get_mut(&name.subscription)?;
        let at = subscription.position(name.number)?;
        let deliveries = match subscription.mode {
            AckMode::Client => subscription.unsettled.drain(..=at).collect(),
            _ => vec![subscription.unsettled.remove(at)?],
        };
        Some((subscription.queue, deliveries))
    }

    /// Carries out what the client decided.
    pub(crate) fn apply(
        &mut self,
        id: QueueId,
        deliveries: Vec<Delivery>,
        verdict: Verdict,
        now: Instant,
    ) {
        let policy = self.config.nack.unwrap_or(self.manners.nack);
        match (verdict, policy) {
            (Verdict::Nack, NackPolicy::Requeue) => self.give_back(id, deliveries, now),
            (Verdict::Nack, NackPolicy::DeadLetter) => {
                self.take_off(id, deliveries.len());
                let entries = deliveries.into_iter().map(|delivery| delivery.entry);
                self.bury(id, entries.collect(), now);
            }
            (Verdict::Ack, _) | (Verdict::Nack, NackPolicy::Drop) => {
                self.take_off(id, deliveries.len());
                for delivery in &deliveries {
                    self.settled(id, &delivery.entry);
                }
            }
        }
        self.dispatch(id, now);
    }

    fn take_off(&mut self, id: QueueId, count: usize) {
        if let Some(queue) = self.destinations.queue_mut(id) {
            queue.unsettled -= count;
        }
    }
}

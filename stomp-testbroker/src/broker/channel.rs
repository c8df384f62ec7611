//! RabbitMQ has one AMQP channel for all subscriptions of a connection, and settles by the number
//! that a delivery has on it. Three things follow (observed on 3.10.8, 4.0.5 and 4.3.6):
//!
//! - A cumulative ACK or NACK reaches everything before it on the connection. Two subscriptions in
//!   mode `client`, three messages for the first, then three for the second, ACK of the last: all
//!   six are gone.
//! - UNSUBSCRIBE gives nothing back: of 20 messages not settled others get 0 until the connection
//!   ends. They can still be settled, but only by a transaction that named them before, or under a
//!   new subscription of the same id.
//! - What a transaction settles is settled at COMMIT, and makes room then. NACKs in a transaction,
//!   then UNSUBSCRIBE, then COMMIT: others get 20 of 20.

use std::time::Instant;

use stomp_frame::Frame;

use super::Broker;
use super::connection::{AckMode, ConnectionId, Delivery};
use super::failure::Failure;
use super::ids;
use super::queue::QueueId;
use super::settle::Verdict;
use super::transaction::Step;

/// What one ACK or NACK says about a channel's deliveries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settling {
    delivery: u64,
    /// Also all before it.
    multiple: bool,
    verdict: Verdict,
}

impl Broker {
    /// Handles ACK and NACK, of a broker that settles by the number of the delivery.
    pub(crate) fn settle_on_channel(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        let connection = &self.connections[&id];
        let named = ids::named(self.config.profile, id, connection, frame)?;
        let mode = connection.subscriptions.get(&named.subscription);
        let settling = Settling {
            delivery: named.delivery,
            multiple: mode.is_some_and(|named| named.mode == AckMode::Client),
            verdict: self.verdict(frame),
        };
        match self.check_transaction(id, frame)? {
            Some(transaction) => {
                self.add_step(id, &transaction, Step::SettleOnChannel(settling));
                Ok(())
            }
            None => self.settle_number(id, settling, now),
        }
    }

    /// Settles the delivery of that number, and all before it if that is meant.
    pub(crate) fn settle_number(
        &mut self,
        id: ConnectionId,
        settling: Settling,
        now: Instant,
    ) -> Result<(), Failure> {
        if !self.is_unsettled(id, settling.delivery) {
            return Err(Failure::SettledAlready(settling.delivery));
        }
        for (queue, deliveries) in self.take_from_channel(id, settling) {
            self.apply(queue, deliveries, settling.verdict, now);
        }
        Ok(())
    }

    fn is_unsettled(&self, id: ConnectionId, delivery: u64) -> bool {
        let connection = &self.connections[&id];
        let mut subscriptions = connection.subscriptions.values();
        connection.left_unacked.contains_key(&delivery)
            || subscriptions.any(|subscription| subscription.position(delivery).is_some())
    }

    fn take_from_channel(
        &mut self,
        id: ConnectionId,
        settling: Settling,
    ) -> Vec<(QueueId, Vec<Delivery>)> {
        let last = settling.delivery;
        let first = if settling.multiple { 0 } else { last };
        let connection = self.connection(id);
        let mut taken = Vec::new();
        for subscription in connection.subscriptions.values_mut() {
            let unsettled = &mut subscription.unsettled;
            let start = unsettled.partition_point(|delivery| delivery.number < first);
            let end = unsettled.partition_point(|delivery| delivery.number <= last);
            if start < end {
                taken.push((subscription.queue, unsettled.drain(start..end).collect()));
            }
        }
        let left = connection.left_unacked.range(first..=last);
        let numbers: Vec<u64> = left.map(|(number, _)| *number).collect();
        for number in numbers {
            if let Some((queue, entry)) = connection.left_unacked.remove(&number) {
                taken.push((queue, vec![Delivery { number, entry }]));
            }
        }
        taken
    }
}

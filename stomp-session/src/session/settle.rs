//! ACK and NACK.

use std::time::Instant;

use stomp_commands::dialect::Reach as AckReach;
use stomp_commands::{
    Abort, Ack, AckMode, Commit, Delivery as Named, Dialect, Nack, Refusal, TransactionId,
};
use stomp_frame::{Command, ContentLength, Frame, Version};

use super::Session;
use crate::deliveries::Reach;
use crate::receipts::Purpose;
use crate::{AckToken, Settled, SubscriptionKey, UsageError, With};

/// What is said of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "STOMP has no third word")]
pub enum Verdict {
    /// It was dealt with.
    Ack,
    /// It was not dealt with; and what should become of it, if that is not left to the broker.
    Nack(Option<Refusal>),
}

impl Session {
    /// Queues ACK for a delivery, in ack mode `client` for all earlier ones of its subscription,
    /// too.
    ///
    /// To RabbitMQ, whose cumulative ACK reaches the other subscriptions of the connection as well
    /// (observed on 3.10.8, 4.0.5 and 4.3.6), one ACK is written for each.
    ///
    /// A delivery of another connection is not acknowledged, nor one of this connection once it
    /// has ended: nothing is sent, and the answer is [`Settled::Stale`].
    ///
    /// # Errors
    ///
    /// While disconnecting; when the delivery needs no ACK, or is settled already, also by a
    /// transaction that is still open; when its subscription is gone; when too much is under way.
    pub fn ack(
        &mut self,
        token: &AckToken,
        with: With,
        now: Instant,
    ) -> Result<Settled, UsageError> {
        with.refuse_for(Command::Ack)?;
        self.settle(Verdict::Ack, token, with, now)
    }

    /// Queues NACK for a delivery, in ack mode `client` for all earlier ones of its subscription,
    /// too. What follows is the broker's business.
    ///
    /// # Errors
    ///
    /// As for [`ack`](Self::ack), and in 1.0, which has no NACK.
    pub fn nack(
        &mut self,
        token: &AckToken,
        with: With,
        now: Instant,
    ) -> Result<Settled, UsageError> {
        with.refuse_for(Command::Nack)?;
        self.settle(Verdict::Nack(with.refusal), token, with, now)
    }

    fn settle(
        &mut self,
        verdict: Verdict,
        token: &AckToken,
        with: With,
        now: Instant,
    ) -> Result<Settled, UsageError> {
        self.advance(now);
        if token.epoch != self.epoch || self.is_closed() {
            return Ok(Settled::Stale);
        }
        self.peer()?;
        let (key, number) = (token.subscription, token.number);
        let number = number.ok_or(UsageError::NotAckable)?;
        let connected = self.connected()?;
        let Some(slot) = connected.live.get(key) else {
            return self.settle_departed(verdict, key, number, with);
        };
        let is_open = slot.deliveries.open(number).is_some();
        if !is_open || slot.holds_back(number) {
            return Err(UsageError::AlreadySettled);
        }
        if let Some(transaction) = &with.transaction {
            self.check_open(transaction)?;
        } else if slot.parting.is_some() {
            if with.receipt.is_some() {
                let command = Command::Ack;
                let what = "a receipt while its subscription is about to end";
                return Err(UsageError::Misplaced { command, what });
            }
            self.hold(verdict, key, number)?;
            return Ok(Settled::Sent);
        }
        let one_by_one = self.acknowledges_one_by_one() || self.refuses_one_by_one(verdict);
        let reach = match self.connected()?.live.get(key).map(|slot| slot.ack) {
            Some(AckMode::Client) => Reach::UpTo,
            _ => Reach::One,
        };
        let purpose = match &with.transaction {
            Some(transaction) => Purpose::InTransaction(transaction.clone()),
            None => Purpose::Other,
        };
        let transaction = with.transaction.clone();
        if reach == Reach::UpTo && one_by_one {
            let earlier: Vec<u64> = match self.connected()?.live.get(key) {
                Some(slot) => slot
                    .deliveries
                    .free_ones()
                    .take_while(|n| *n < number)
                    .collect(),
                None => Vec::new(),
            };
            self.check_room(with.receipt.as_ref())?;
            let last = self.settling(verdict, key, number, with.clone())?;
            let silent = With {
                receipt: None,
                ..with.clone()
            };
            let frames = earlier.into_iter();
            let frames = frames.map(|earlier| self.settling(verdict, key, earlier, silent.clone()));
            for frame in frames.collect::<Result<Vec<_>, _>>()? {
                self.write(frame)?;
            }
            self.enqueue(&last, ContentLength::Auto, with.receipt, purpose)?;
        } else {
            let receipt = with.receipt.clone();
            let frame = self.settling(verdict, key, number, with)?;
            self.submit(&frame, ContentLength::Auto, receipt, purpose)?;
        }
        if let Some(slot) = self.connected_mut()?.live.get_mut(key) {
            slot.deliveries.settle(number, reach, transaction.as_ref());
        }
        Ok(Settled::Sent)
    }

    /// Takes note that the application has let go of a delivery, and will not settle it. Nothing is
    /// sent: the broker has it back when the subscription [ends](Self::give_back), or the
    /// connection.
    pub fn release(&mut self, token: &AckToken) {
        let (Some(number), true) = (token.number, token.epoch == self.epoch) else {
            return;
        };
        let Some(connected) = self.state.established_mut() else {
            return;
        };
        if let Some(slot) = connected.live.get_mut(token.subscription) {
            slot.deliveries.release(number);
        } else {
            // Without effect if nothing was prepared for it.
            let return_it = Verdict::Nack(None);
            let nothing = With::nothing();
            let _ = self.settle_departed(return_it, token.subscription, number, nothing);
        }
    }

    /// Returns the number of deliveries that the application has in hand: neither settled nor
    /// [released](Self::release).
    #[must_use]
    pub fn in_hand(&self, subscription: SubscriptionKey) -> usize {
        let connected = self.state.established();
        let slot = connected.and_then(|c| c.live.get(subscription));
        slot.map_or(0, |slot| {
            let is_held = |number: &u64| slot.holds_back(*number);
            let open = slot.deliveries.open_ones();
            open.filter(|number| !is_held(number)).count()
        })
    }

    /// Tells whether a NACK reaches no further than the message that it names: ActiveMQ's does not,
    /// in ack mode `client` either.
    fn refuses_one_by_one(&self, verdict: Verdict) -> bool {
        let is_activemq = self
            .connection()
            .is_some_and(|c| c.dialect == Dialect::ActiveMq);
        is_activemq && matches!(verdict, Verdict::Nack(_))
    }

    /// Tells whether an ACK of the broker's reaches further than its subscription.
    pub(super) fn acknowledges_one_by_one(&self) -> bool {
        let connection = self.connection();
        connection.is_some_and(|c| c.dialect.words().cumulative_ack == AckReach::Connection)
    }

    /// Settles a delivery whose subscription has ended, by one of the two transactions that were
    /// prepared for it.
    fn settle_departed(
        &mut self,
        verdict: Verdict,
        key: SubscriptionKey,
        number: u64,
        with: With,
    ) -> Result<Settled, UsageError> {
        if with.transaction.is_some() || with.receipt.is_some() {
            return Err(UsageError::UnknownMessage);
        }
        let peer = self.peer()?;
        let departed = &mut self.connected_mut()?.live.departed;
        let prepared = departed.remove(&(key, number));
        let prepared = prepared.ok_or(UsageError::UnknownMessage)?;
        let (yes, no) = match verdict {
            Verdict::Ack => (prepared.ack, prepared.nack),
            Verdict::Nack(_) => (prepared.nack, prepared.ack),
        };
        self.write(Commit::new(yes).into_frame(peer)?)?;
        self.write(Abort::new(no).into_frame(peer)?)?;
        Ok(Settled::Sent)
    }

    /// Builds the frame that settles an open delivery.
    pub(super) fn settling(
        &self,
        verdict: Verdict,
        key: SubscriptionKey,
        number: u64,
        with: With,
    ) -> Result<Frame, UsageError> {
        let peer = self.peer()?;
        let slot = self.connected()?.live.get(key);
        let slot = slot.ok_or(UsageError::UnknownMessage)?;
        let id = slot.deliveries.unsettled_id(number);
        let id = id.ok_or(UsageError::AlreadySettled)?;
        let mut named = Named::default();
        named.subscription = slot.id.clone();
        match peer.version {
            Version::V1_2 => named.ack = Some(id.to_owned()),
            _ => named.message_id = Some(id.to_owned()),
        }
        let frame = match verdict {
            Verdict::Nack(refusal) => {
                let mut nack = Nack::of(named);
                nack.transaction = with.transaction;
                nack.refusal = refusal;
                nack.receipt = with.receipt;
                nack.headers = with.headers;
                nack.into_frame(peer)?
            }
            Verdict::Ack => {
                let mut ack = Ack::of(named);
                ack.transaction = with.transaction;
                ack.receipt = with.receipt;
                ack.headers = with.headers;
                ack.into_frame(peer)?
            }
        };
        Ok(frame)
    }

    /// Builds the frame that settles an open delivery in a transaction.
    pub(super) fn settling_in(
        &self,
        verdict: Verdict,
        key: SubscriptionKey,
        number: u64,
        transaction: &TransactionId,
    ) -> Result<Frame, UsageError> {
        let with = With::nothing().transaction(transaction);
        self.settling(verdict, key, number, with)
    }

    /// Queues a frame about which nothing has to be known afterwards.
    pub(super) fn write(&mut self, frame: Frame) -> Result<(), UsageError> {
        self.enqueue(&frame, ContentLength::Auto, None, Purpose::Other)
    }
}

//! ACK and NACK.

use std::time::Instant;

use stomp_commands::{Ack, AckMode, Delivery as Named, Nack};
use stomp_frame::{Command, ContentLength, Version};

use super::Session;
use crate::deliveries::Reach;
use crate::receipts::Purpose;
use crate::{AckToken, Settled, UsageError, With};

impl Session {
    /// Queues ACK for a delivery, in ack mode `client` for all earlier ones of its subscription,
    /// too.
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
        self.settle(Command::Ack, token, with, now)
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
        self.settle(Command::Nack, token, with, now)
    }

    fn settle(
        &mut self,
        verdict: Command,
        token: &AckToken,
        with: With,
        now: Instant,
    ) -> Result<Settled, UsageError> {
        self.advance(now);
        if token.epoch != self.epoch || self.is_closed() {
            return Ok(Settled::Stale);
        }
        let peer = self.peer()?;
        with.refuse_for(verdict)?;
        let number = token.number.ok_or(UsageError::NotAckable)?;
        let slot = self
            .connected()?
            .live
            .get(token.subscription)
            .ok_or(UsageError::UnknownMessage)?;
        let id = slot.deliveries.open(number);
        let id = id.ok_or(UsageError::AlreadySettled)?;
        if let Some(transaction) = &with.transaction {
            self.check_open(transaction)?;
        }
        let mut named = Named::default();
        named.subscription = slot.id.clone();
        match peer.version {
            Version::V1_2 => named.ack = Some(id.to_owned()),
            _ => named.message_id = Some(id.to_owned()),
        }
        let reach = match slot.ack {
            AckMode::Client => Reach::UpTo,
            _ => Reach::One,
        };
        let frame = match verdict {
            Command::Nack => {
                let mut nack = Nack::of(named);
                nack.transaction = with.transaction.clone();
                nack.refusal = with.refusal;
                nack.receipt = with.receipt.clone();
                nack.headers = with.headers;
                nack.into_frame(peer)?
            }
            _ => {
                let mut ack = Ack::of(named);
                ack.transaction = with.transaction.clone();
                ack.receipt = with.receipt.clone();
                ack.headers = with.headers;
                ack.into_frame(peer)?
            }
        };
        let purpose = match &with.transaction {
            Some(transaction) => Purpose::InTransaction(transaction.clone()),
            None => Purpose::Other,
        };
        self.submit(&frame, ContentLength::Auto, with.receipt, purpose)?;
        if let Some(slot) = self.connected_mut()?.live.get_mut(token.subscription) {
            slot.deliveries
                .settle(number, reach, with.transaction.as_ref());
        }
        Ok(Settled::Sent)
    }
}

//! Ending a subscription so that what it holds goes to others at once.

use std::time::Instant;

use stomp_commands::dialect::LateAck;
use stomp_commands::{Abort, AckMode, Begin, Commit, ReceiptId, Refusal, TransactionId};
use stomp_frame::{Command, ContentLength, Version};

use super::Session;
use super::settle::Verdict;
use crate::live::{Departed, Held};
use crate::receipts::Purpose;
use crate::{SubscriptionKey, UsageError, With};

/// How a broker is brought to deliver elsewhere what a subscription was sent and has not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a driver has to know what to do in each case"
)]
pub enum GivingBack {
    /// There is nothing to give back: nothing of this subscription has to be settled.
    Nothing,
    /// UNSUBSCRIBE gives it back, and no message can be settled behind it (ActiveMQ, Artemis; taken
    /// for granted of brokers that are not known). [Unsubscribe](Session::unsubscribe) when those
    /// in the application's hands are settled.
    ByUnsubscribe,
    /// UNSUBSCRIBE gives nothing back (RabbitMQ: what was prefetched is stranded until the
    /// connection ends). [Hold back](Session::hold_back) what is settled until all that was on its
    /// way is [here](Session::is_collected), then [give back](Session::give_back).
    ByNack,
}

impl Session {
    /// Tells how what this subscription holds is given back.
    #[must_use]
    pub fn giving_back(&self, subscription: SubscriptionKey) -> GivingBack {
        let Some(connected) = self.state.established() else {
            return GivingBack::Nothing;
        };
        match connected.live.get(subscription) {
            Some(slot) if slot.ack != AckMode::Auto => {}
            _ => return GivingBack::Nothing,
        }
        let connection = &connected.connection;
        let words = connection.dialect.words();
        let can_nack = connection.version > Version::V1_0 && words.nack.requeue.is_some();
        match words.acks_after_unsubscribe {
            _ if !words.acknowledges => GivingBack::Nothing,
            _ if words.unsubscribe_gives_back => GivingBack::ByUnsubscribe,
            LateAck::Refused if can_nack => GivingBack::ByNack,
            LateAck::Refused => GivingBack::Nothing,
            _ => GivingBack::ByUnsubscribe,
        }
    }

    /// Begins to end a subscription: what is settled from now on is not written before
    /// [`give_back`](Self::give_back).
    ///
    /// An ACK makes room for another message, and RabbitMQ loses one that meets its UNSUBSCRIBE:
    /// it answers by ERROR, and keeps the message until the connection ends (observed on 3.10.8 and
    /// 4.0.5 at full flow: 26 of 38 times; 0 of 54 with the ACKs held back).
    ///
    /// The RECEIPT of `fence` comes when the broker has read what was settled before: until then it
    /// may begin to send for it. An empty transaction asks for it.
    ///
    /// # Errors
    ///
    /// When not connected, or when there is no such subscription on this connection.
    pub fn hold_back(
        &mut self,
        subscription: SubscriptionKey,
        fence: Option<ReceiptId>,
        now: Instant,
    ) -> Result<(), UsageError> {
        self.advance(now);
        let slot = self.connected_mut()?.live.get_mut(subscription);
        let slot = slot.ok_or(UsageError::UnknownSubscription)?;
        slot.parting.get_or_insert_default();
        let Some(fence) = fence else { return Ok(()) };
        let transaction = self.begin_quietly()?;
        let abort = Abort::new(transaction).receipt(fence.clone());
        let abort = abort.into_frame(self.peer()?)?;
        self.enqueue(&abort, ContentLength::Auto, Some(fence), Purpose::Other)
    }

    /// Tells whether as many messages are here as the broker sends without an ACK, so that none is
    /// on its way. Never, if it was not told how many to send.
    #[must_use]
    pub fn is_collected(&self, subscription: SubscriptionKey) -> bool {
        let connected = self.state.established();
        let slot = connected.and_then(|c| c.live.get(subscription));
        slot.is_some_and(|slot| {
            let unsettled = slot.deliveries.unsettled();
            let prefetch = slot.prefetch.map(|prefetch| prefetch as usize);
            prefetch.is_some_and(|prefetch| unsettled >= prefetch)
        })
    }

    /// Ends a subscription, and gives back what it holds, but for the deliveries that are neither
    /// settled nor [released](Session::release): these can still be settled on this connection. What was [held back](Self::hold_back) is settled
    /// with it. All in one go, whatever waits already:
    ///
    /// ```text
    /// BEGIN a, ACK in a, BEGIN n, NACK in n      for each in hand; one is committed later
    /// BEGIN t, ACK … NACK … in t, UNSUBSCRIBE, COMMIT t
    /// ```
    ///
    /// RabbitMQ works off a transaction at COMMIT, when the consumer is gone, so that nothing
    /// comes back to it (observed on 3.10.8, 4.0.5 and 4.3.6). To other brokers only UNSUBSCRIBE is
    /// written.
    ///
    /// # Errors
    ///
    /// When not connected, or when there is no such subscription on this connection.
    pub fn give_back(
        &mut self,
        subscription: SubscriptionKey,
        with: With,
        now: Instant,
    ) -> Result<(), UsageError> {
        self.advance(now);
        if self.giving_back(subscription) != GivingBack::ByNack {
            return self.unsubscribe(subscription, with, now);
        }
        let slot = self.connected()?.live.get(subscription);
        let slot = slot.ok_or(UsageError::UnknownSubscription)?;
        let held = slot.parting.clone().unwrap_or_default();
        let is_held = |number: &u64| held.iter().any(|held| held.number == *number);
        let (settled, kept): (Vec<u64>, Vec<u64>) = slot.deliveries.open_ones().partition(is_held);
        let mut rest: Vec<u64> = slot.deliveries.released_ones().chain(settled).collect();
        rest.sort_unstable();
        let return_it = Verdict::Nack(Some(Refusal::Requeue));
        for number in kept {
            let ack = self.prepare(Verdict::Ack, subscription, number)?;
            let nack = self.prepare(return_it, subscription, number)?;
            let departed = &mut self.connected_mut()?.live.departed;
            departed.insert((subscription, number), Departed { ack, nack });
        }
        let transaction = match rest[..] {
            [] => None,
            _ => Some(self.begin_quietly()?),
        };
        for number in rest {
            let held = held.iter().find(|held| held.number == number);
            let verdict = held.map_or(return_it, |held| held.verdict);
            if let Some(transaction) = &transaction {
                let frame = self.settling_in(verdict, subscription, number, transaction)?;
                self.write(frame)?;
            }
        }
        self.unsubscribe_whatever_waits(subscription, with)?;
        if let Some(transaction) = transaction {
            let commit = Commit::new(transaction).into_frame(self.peer()?)?;
            self.write(commit)?;
        }
        Ok(())
    }

    /// Keeps a verdict for [`give_back`](Self::give_back).
    pub(super) fn hold(
        &mut self,
        verdict: Verdict,
        subscription: SubscriptionKey,
        number: u64,
    ) -> Result<(), UsageError> {
        // Whatever cannot be said is refused now.
        self.settling(verdict, subscription, number, With::nothing())?;
        let Some(slot) = self.connected_mut()?.live.get_mut(subscription) else {
            return Ok(());
        };
        let reached = |n: &u64| match slot.ack {
            AckMode::Client => *n <= number && !slot.holds_back(*n),
            _ => *n == number,
        };
        let reached: Vec<u64> = slot.deliveries.free_ones().filter(reached).collect();
        let held = reached.into_iter().map(|number| Held { number, verdict });
        slot.parting.get_or_insert_default().extend(held);
        Ok(())
    }

    /// Settles a delivery in a transaction of its own, which is left open.
    fn prepare(
        &mut self,
        verdict: Verdict,
        subscription: SubscriptionKey,
        number: u64,
    ) -> Result<TransactionId, UsageError> {
        let transaction = self.begin_quietly()?;
        let frame = self.settling_in(verdict, subscription, number, &transaction)?;
        self.write(frame)?;
        Ok(transaction)
    }

    /// Begins a transaction that is none of the application's business.
    fn begin_quietly(&mut self) -> Result<TransactionId, UsageError> {
        let transaction = self.new_transaction();
        let begin = Begin::new(&transaction).into_frame(self.peer()?)?;
        self.write(begin)?;
        Ok(transaction)
    }

    /// Writes UNSUBSCRIBE, and forgets the subscription.
    fn unsubscribe_whatever_waits(
        &mut self,
        subscription: SubscriptionKey,
        with: With,
    ) -> Result<(), UsageError> {
        with.refuse_for(Command::Unsubscribe)?;
        let receipt = with.receipt.clone();
        let frame = self.unsubscribing(subscription, with)?;
        self.finish_unsubscribe(subscription, &frame, receipt)
    }
}

//! What the session says.

use std::time::Instant;

use stomp_commands::ReceiptId;

use super::operation::OpId;
use super::work::Work;
use super::{Arrival, Cause, Defect, Engine, Error, Event, Outcome, Stage};
use crate::{
    AckToken, CloseReason, Delivery, Event as Said, ReceiptFailure, Refusal, SubscriptionKey,
};

/// Receipts remembered that were not waited for.
const PRESUMED: usize = 64;

impl Engine {
    /// Takes what the session has to say, until it is silent.
    pub(super) fn hear(&mut self) {
        let mut error = None;
        while let Some(said) = self
            .link
            .as_mut()
            .and_then(|link| link.session.poll_event())
        {
            match said {
                Said::Connected(connection) => {
                    if let Some(link) = &self.link {
                        let broker = link.attempt.broker.clone();
                        self.tell(Event::Connected { broker, connection });
                    }
                    self.connected();
                }
                Said::Message(delivery) => self.arrived(delivery, None),
                Said::MessageUnreadable {
                    delivery,
                    why,
                    length,
                } => {
                    let limit = self.settings.session.limits.body;
                    let defect = Defect { why, length, limit };
                    self.arrived(delivery, Some(defect));
                }
                Said::OrphanMessage(_) => self.stats.orphans += 1,
                Said::Subscribed { subscription } => self.confirmed(subscription),
                Said::SubscribeUnanswered { subscription } => {
                    self.tell(Event::SubscribeUnanswered { subscription });
                }
                Said::SubscriptionRefused { subscription, why } => self.refused(subscription, why),
                Said::Replayed => self.tell(Event::Replayed),
                Said::Receipt { receipt, .. } => {
                    self.is_proven(true);
                    match self.waiter(&receipt) {
                        Some(op) => self.answered(op),
                        None => self.fence_answered(&receipt),
                    }
                }
                Said::ReceiptFailed { receipt, why } => match self.waiter(&receipt) {
                    Some(op) => {
                        let why = self.blame(&receipt, why);
                        self.unanswered(op, why);
                    }
                    None => self.fence_answered(&receipt),
                },
                Said::UnexpectedReceipt { receipt } => {
                    self.is_proven(true);
                    self.came_after_all(&receipt);
                }
                Said::TransactionLost { .. } => {}
                Said::Error(said) => error = Some(said),
                Said::Closed(reason) => {
                    self.link_over(reason);
                    error = None;
                }
            }
        }
        if let Some(error) = error {
            self.tell(Event::ServerError { error });
        }
        self.finish_broken();
    }

    /// Nothing more can be read. What came before may be settled for a while, and then what is left
    /// goes back, before the link is given up.
    fn finish_broken(&mut self) {
        let Some(link) = &mut self.link else { return };
        if link.session.broken().is_none() {
            return;
        }
        let until = match link.broken {
            Some(until) => until,
            None => {
                let patience = self.settings.settle_timeout;
                link.broke = Some(self.now);
                let until = self.now.checked_add(patience).unwrap_or(self.now);
                *link.broken.insert(until)
            }
        };
        let waits = self.all_in_hand() > 0;
        let Some(link) = &mut self.link else { return };
        if until <= self.now || !waits && link.session.outbound() == 0 {
            link.session.finish_broken(self.now);
            self.hear();
        }
    }

    /// The broker does its work; and it answers, if this was a RECEIPT.
    fn is_proven(&mut self, by_receipt: bool) {
        if let Some(link) = &mut self.link {
            link.proven = true;
            if by_receipt {
                self.manners.of(&link.attempt.broker).answers = true;
            }
        }
    }

    /// A message came.
    fn arrived(&mut self, delivery: Delivery, defect: Option<Defect>) {
        let key = delivery.subscription;
        self.stats.received += 1;
        if let Some(link) = &mut self.link {
            link.proven = true;
        }
        if self
            .inboxes
            .get_mut(key)
            .is_some_and(|inbox| !inbox.confirmed)
        {
            // It is answer enough.
            self.presume(key);
        }
        let arrival = Arrival { delivery, defect };
        if let Err(arrival) = self.inboxes.push(arrival, &mut self.wakes) {
            // It ends, or has ended: the broker has it back.
            self.stats.orphans += 1;
            if let Some(link) = &mut self.link {
                link.session.release(&arrival.delivery.token);
            }
            self.arrived_too_late(key);
        }
    }

    fn confirmed(&mut self, subscription: SubscriptionKey) {
        if let Some(inbox) = self.inboxes.get_mut(subscription) {
            inbox.confirmed = true;
        }
    }

    /// Counts a subscription as accepted, without a RECEIPT.
    fn presume(&mut self, key: SubscriptionKey) {
        self.confirmed(key);
        if let Some(link) = &mut self.link {
            link.presumed.truncate(PRESUMED - 1);
            let receipt = link.session.presume_subscribed(key);
            receipt
                .into_iter()
                .for_each(|id| link.presumed.push_front(id));
        }
        let asks_for_it = |op: &OpId| match self.operations.get(*op).map(|op| &op.stage) {
            Some(Stage::Asked(asked)) => asked.subscription == Some(key),
            _ => false,
        };
        let op = self.waiters.values().copied().find(asks_for_it);
        if let Some(op) = op {
            self.waiters.retain(|_, waiter| *waiter != op);
            let subscribed = Ok(Outcome::Subscribed(key));
            self.operations.finish(op, subscribed, &mut self.wakes);
        }
    }

    /// A RECEIPT came that nobody waits for. If it is that of a SUBSCRIBE, we were too early to think
    /// that this broker sends none.
    fn came_after_all(&mut self, receipt: &ReceiptId) {
        if let Some(link) = &self.link
            && link.presumed.contains(receipt)
        {
            self.manners.of(&link.attempt.broker).subscribes_in_silence = false;
        }
    }

    /// Sets when a SUBSCRIBE counts as accepted if nobody answers it.
    pub(super) fn presume_later(&mut self, key: SubscriptionKey) {
        let patience = self.settings.subscribe_timeout;
        if let Some(link) = &mut self.link {
            let silent = self.manners.of(&link.attempt.broker).subscribes_in_silence;
            let at = match silent {
                true => Some(self.now),
                false => self.now.checked_add(patience),
            };
            if let Some(inbox) = self.inboxes.get_mut(key) {
                inbox.presume = at;
            }
            link.presume = [link.presume, at].into_iter().flatten().min();
        }
    }

    /// Begins a connection: what is subscribed anew may stay unanswered as well.
    pub(super) fn presume_silent_ones(&mut self) {
        let keys: Vec<_> = self.inboxes.keys().collect();
        for key in keys {
            if let Some(inbox) = self.inboxes.get_mut(key) {
                inbox.confirmed = false;
            }
            self.presume_later(key);
        }
    }

    /// Counts SUBSCRIBEs as accepted that nobody has answered in time: a broker that refuses one
    /// says so.
    pub(super) fn presume_if_due(&mut self) {
        let due = self.link.as_ref().and_then(|link| link.presume);
        if due.is_none_or(|due| due > self.now) {
            return;
        }
        let mut next: Option<Instant> = None;
        let keys: Vec<_> = self.inboxes.keys().collect();
        for key in keys {
            let is_written = self.is_subscribe_offered(key);
            let (Some(link), Some(inbox)) = (&mut self.link, self.inboxes.get_mut(key)) else {
                continue;
            };
            let unanswered =
                link.session.wire_id(key).is_some() && !link.session.is_subscribed(key);
            let Some(at) = inbox.presume.filter(|_| unanswered) else {
                continue;
            };
            let known = self.manners.of(&link.attempt.broker);
            if at <= self.now && (is_written || known.subscribes_in_silence) {
                // Whoever does not read cannot tell that nobody answers.
                if link.reading && !std::mem::replace(&mut known.subscribes_in_silence, true) {
                    self.tell(Event::SubscribeUnanswered { subscription: key });
                }
                self.presume(key);
                continue;
            }
            if at <= self.now {
                // Nobody can have answered what is not written.
                inbox.presume = self.now.checked_add(self.settings.subscribe_timeout);
            }
            next = [next, inbox.presume].into_iter().flatten().min();
        }
        if let Some(link) = &mut self.link {
            link.presume = next;
        }
    }

    /// Tells whether the broker may have seen the SUBSCRIBE of an operation.
    fn is_subscribe_offered(&self, key: SubscriptionKey) -> bool {
        let asks_for_it = |&(_, op): &(u64, OpId)| match self.operations.get(op).map(|op| &op.stage)
        {
            Some(Stage::Asked(asked)) => asked.subscription == Some(key),
            _ => false,
        };
        let link = self.link.as_ref();
        !link.is_some_and(|link| link.unsent.iter().any(asks_for_it))
    }

    /// The broker does not want a subscription: now, or on this further connection.
    pub(super) fn refused(&mut self, subscription: SubscriptionKey, why: Refusal) {
        self.inboxes
            .refuse(subscription, why.clone(), &mut self.wakes);
        self.tell(Event::SubscriptionRefused { subscription, why });
    }

    fn answered(&mut self, op: OpId) {
        let Some(operation) = self.operations.get(op) else {
            return;
        };
        let outcome = match &operation.stage {
            Stage::Asked(asked) => match asked.subscription {
                Some(key) => Outcome::Subscribed(key),
                None => Outcome::Confirmed,
            },
            _ => Outcome::Unsubscribed,
        };
        self.operations.finish(op, Ok(outcome), &mut self.wakes);
    }

    /// The broker refused the frame, if its ERROR can be about no other.
    fn blame(&self, receipt: &ReceiptId, why: ReceiptFailure) -> ReceiptFailure {
        let link = self.link.as_ref();
        let suspect = link.and_then(|link| link.session.sole_suspect());
        match why {
            ReceiptFailure::ConnectionLost(CloseReason::Error(error))
                if suspect == Some(receipt) =>
            {
                ReceiptFailure::Refused(error)
            }
            why => why,
        }
    }

    fn unanswered(&mut self, op: OpId, why: ReceiptFailure) {
        let Some(operation) = self.operations.get(op) else {
            return;
        };
        let subscription = match &operation.stage {
            Stage::Asked(asked) => asked.subscription,
            _ => None,
        };
        let late = self.late_receipt();
        let error = Error::no_receipt(why, late);
        self.operations.finish(op, Err(error), &mut self.wakes);
        self.drop_subscription(subscription);
    }

    /// What is said of a RECEIPT that did not come in time.
    fn late_receipt(&mut self) -> Cause {
        let patience = self.settings.session.receipt_timeout;
        match &self.link {
            Some(link) if !self.manners.of(&link.attempt.broker).answers => {
                Cause::NoReceipts(patience)
            }
            _ => Cause::Deadline(patience),
        }
    }

    /// The session is over.
    fn link_over(&mut self, reason: CloseReason) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        let stable_for = self.stable_for(&link);
        let session = &mut link.session;
        self.subscriptions = std::mem::take(session.subscriptions_mut());
        self.garbage
            .extend(std::iter::from_fn(|| session.poll_garbage()));
        let is_lost = |start: &&u64| !session.is_offered(**start);
        let fired_lost = match reason {
            CloseReason::Disconnected { confirmed: true } => 0,
            _ => link.fired.iter().filter(is_lost).count() as u64,
        };
        let offered = session.offered();
        // The ACK of what came before the end may be half-way out.
        let is_broken = link.broken.is_some();
        let has_last_words = reason.is_orderly() || session.outbound() > 0 || is_broken;
        let flush = match has_last_words {
            true => self.now.checked_add(self.settings.linger),
            false => None,
        };
        self.work.push_back(Work::Close {
            link: link.id,
            flush,
        });
        match link.up {
            Some(_) => {
                self.failover.lost(stable_for, &reason);
                if !reason.is_orderly() {
                    self.tell(Event::Disconnected {
                        reason: reason.clone(),
                    });
                }
            }
            None => {
                let why = reason.to_string();
                self.failover.failed(&link.attempt, &why);
                let broker = link.attempt.broker.clone();
                self.tell(Event::AttemptFailed { broker, why });
            }
        }
        self.finish_endings();
        if link.up.is_some() {
            self.note_end(&link, &reason);
        }
        self.drop_stale();
        if fired_lost > 0 {
            self.stats.fired_lost += fired_lost;
            self.tell(Event::FiredLost {
                messages: fired_lost,
            });
        }
        if has_last_words {
            self.closing.push((link.id, link.session));
        }
        if self.leaving.is_some() {
            self.left(&reason, |place| place >= offered);
        } else {
            self.plan();
        }
    }

    /// What could have been settled on the connection that is lost is the broker's again, and comes
    /// anew: nobody shall work on it twice.
    fn drop_stale(&mut self) {
        let keys: Vec<_> = self.inboxes.keys().collect();
        let mut dropped = 0;
        for key in keys {
            dropped += self.inboxes.empty(key, AckToken::is_ackable).len() as u64;
        }
        if dropped > 0 {
            self.stats.stale_dropped += dropped;
            self.tell(Event::StaleDropped { messages: dropped });
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.listeners.tell(event, &mut self.wakes);
    }
}

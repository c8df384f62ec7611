//! How a subscription ends: what it holds goes back to the broker, and what the application has in
//! hand can still be settled.

use std::time::{Duration, Instant};

use stomp_commands::ReceiptId;

use super::operation::Patience;
use super::{Engine, OpId, Outcome, Stage};
use crate::{AckToken, GivingBack, SubscriptionKey, With};

/// A subscription that nobody takes from any more, and that the broker still has.
#[derive(Debug)]
pub(super) struct Ending {
    subscription: SubscriptionKey,
    stage: Waiting,
    /// When it ends whatever is in hand.
    deadline: Option<Instant>,
    /// Whoever waits for the end.
    op: Option<OpId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Waiting {
    /// For the application to settle what it has in hand.
    Hands,
    /// For the broker to have read what was settled before: it may send as much again for that, and
    /// one that is busy is late.
    Answer { fence: ReceiptId, since: Instant },
    /// For what is on its way: until nothing has come for a while.
    Quiet {
        quiet: Duration,
        until: Instant,
        latest: Instant,
    },
    /// For the broker to say that it was quiet for lack of messages, not of time.
    Check {
        fence: ReceiptId,
        since: Instant,
        quiet: Duration,
        latest: Instant,
    },
}

/// How long nothing must have come for, so that nothing counts as being on its way. As long again as
/// the broker took to answer, if that was longer.
const QUIET: Duration = Duration::from_millis(50);

/// How long a broker may go on sending that does not know how much to send without an ACK.
const LATEST: Duration = Duration::from_secs(1);

impl Engine {
    /// Ends a subscription that was dropped. What it holds goes back to the broker; what the
    /// application has in hand can still be settled.
    pub fn drop_subscriber(&mut self, subscription: SubscriptionKey, now: Instant) {
        self.advance(now);
        self.drop_subscription(Some(subscription));
        self.settle_down();
    }

    /// Ends a subscription, and waits for the broker's answer. `drain` lets what is in hand be
    /// settled before, for so long at most; then it goes back.
    ///
    /// The outcome is [`Outcome::Unsubscribed`].
    pub fn unsubscribe(
        &mut self,
        subscription: SubscriptionKey,
        drain: Option<Duration>,
        timeout: Option<Duration>,
        now: Instant,
    ) -> OpId {
        self.advance(now);
        let patience = Patience {
            send: None,
            total: timeout.and_then(|timeout| self.now.checked_add(timeout)),
            asked: timeout.unwrap_or(Duration::MAX),
        };
        let op = self.operations.add(Stage::Waiting, patience);
        let drain = drain.map(|drain| self.now.checked_add(drain));
        self.begin_ending(subscription, Some(op), drain);
        self.settle_down();
        op
    }

    pub(super) fn drop_subscription(&mut self, subscription: Option<SubscriptionKey>) {
        if let Some(key) = subscription {
            self.begin_ending(key, None, None);
        }
    }

    /// Nobody takes from the subscription any more. `drain` is until when what is in hand is waited
    /// for, if it is.
    fn begin_ending(
        &mut self,
        key: SubscriptionKey,
        op: Option<OpId>,
        drain: Option<Option<Instant>>,
    ) {
        let known = match self.inboxes.get_mut(key) {
            Some(inbox) => !std::mem::replace(&mut inbox.abandoned, true),
            None => false,
        };
        if !known {
            return self.ended(op);
        }
        self.inboxes.feed(key, &mut self.wakes);
        let arrivals = self.inboxes.empty(key, |_| true);
        let Some(link) = &mut self.link else {
            self.subscriptions.forget(key);
            self.inboxes.close(key);
            return self.ended(op);
        };
        for arrival in &arrivals {
            link.session.release(&arrival.delivery.token);
        }
        let giving_back = link.session.giving_back(key);
        let in_hand = link.session.in_hand(key);
        let waits_for_hands = match giving_back {
            GivingBack::Nothing => false,
            GivingBack::ByUnsubscribe => in_hand > 0,
            GivingBack::ByNack => in_hand > 0 && drain.is_some(),
        };
        let stage = match giving_back {
            _ if waits_for_hands => Waiting::Hands,
            GivingBack::ByNack => self.hold_back(key),
            _ => return self.give_back(key, op),
        };
        self.endings.push(Ending {
            subscription: key,
            stage,
            deadline: drain.flatten(),
            op,
        });
        self.check_ending(key);
    }

    fn hold_back(&mut self, key: SubscriptionKey) -> Waiting {
        let since = self.now;
        match self.fence(key) {
            Some(fence) => Waiting::Answer { fence, since },
            None => self.wait_for_quiet(QUIET),
        }
    }

    /// Asks the broker to say when it has read all that was written so far, if anything may be on its
    /// way.
    fn fence(&mut self, key: SubscriptionKey) -> Option<ReceiptId> {
        let link = self.link.as_mut()?;
        let fence = match link.session.is_collected(key) {
            true => None,
            false => Some(link.session.new_receipt()),
        };
        let held = link.session.hold_back(key, fence.clone(), self.now);
        fence.filter(|_| held.is_ok())
    }

    fn wait_for_quiet(&self, quiet: Duration) -> Waiting {
        Waiting::Quiet {
            quiet,
            until: self.now + quiet,
            latest: self.now + LATEST,
        }
    }

    /// This RECEIPT came, or never will.
    pub(super) fn fence_answered(&mut self, receipt: &ReceiptId) {
        let waits = |ending: &Ending| match &ending.stage {
            Waiting::Answer { fence, .. } | Waiting::Check { fence, .. } => fence == receipt,
            _ => false,
        };
        let Some(at) = self.endings.iter().position(waits) else {
            return;
        };
        match self.endings[at].stage {
            Waiting::Answer { since, .. } => {
                let took = self.now.saturating_duration_since(since);
                self.endings[at].stage = self.wait_for_quiet(took.clamp(QUIET, LATEST));
            }
            Waiting::Check {
                since,
                quiet,
                latest,
                ..
            } => {
                let took = self.now.saturating_duration_since(since);
                if took > quiet {
                    let until = self.now + took;
                    self.endings[at].stage = Waiting::Quiet {
                        quiet: took,
                        until,
                        latest,
                    };
                } else {
                    let ending = self.endings.remove(at);
                    self.give_back(ending.subscription, ending.op);
                }
            }
            _ => {}
        }
    }

    /// A message came for a subscription that ends: more may be on their way.
    pub(super) fn arrived_too_late(&mut self, key: SubscriptionKey) {
        let now = self.now;
        let ending = self
            .endings
            .iter_mut()
            .find(|ending| ending.subscription == key);
        if let Some(ending) = ending
            && let Waiting::Quiet { quiet, latest, .. } | Waiting::Check { quiet, latest, .. } =
                ending.stage
        {
            ending.stage = Waiting::Quiet {
                quiet,
                until: now + quiet,
                latest,
            };
        }
        self.check_ending(key);
    }

    /// Reading goes on: while it had stopped, that nothing came proved nothing.
    pub(super) fn listen_anew(&mut self) {
        for ending in &mut self.endings {
            match &mut ending.stage {
                Waiting::Hands => {}
                Waiting::Answer { since, .. } => *since = self.now,
                Waiting::Quiet {
                    quiet,
                    until,
                    latest,
                } => {
                    *until = self.now + *quiet;
                    *latest = self.now + LATEST;
                }
                Waiting::Check { since, latest, .. } => {
                    *since = self.now;
                    *latest = self.now + LATEST;
                }
            }
        }
    }

    /// Goes on with the end of a subscription, if what it waits for has come.
    pub(super) fn check_ending(&mut self, key: SubscriptionKey) {
        let Some(at) = self
            .endings
            .iter()
            .position(|ending| ending.subscription == key)
        else {
            return;
        };
        let hears = self.hears();
        let Some(link) = &self.link else { return };
        let ending = &self.endings[at];
        let is_collected = link.session.is_collected(key);
        let is_due = |at: Instant| hears && at <= self.now;
        match ending.stage {
            Waiting::Hands => {
                let is_late = ending.deadline.is_some_and(|deadline| deadline <= self.now);
                if link.session.in_hand(key) > 0 && !is_late {
                    return;
                }
                if link.session.giving_back(key) == GivingBack::ByNack {
                    self.endings[at].stage = self.hold_back(key);
                    return self.check_ending(key);
                }
            }
            _ if is_collected => {}
            Waiting::Answer { .. } => return,
            Waiting::Quiet { latest, .. } | Waiting::Check { latest, .. } if is_due(latest) => {}
            Waiting::Quiet {
                quiet,
                until,
                latest,
            } if is_due(until) && self.leaving.is_none() => {
                let since = self.now;
                if let Some(fence) = self.fence(key) {
                    self.endings[at].stage = Waiting::Check {
                        fence,
                        since,
                        quiet,
                        latest,
                    };
                    return;
                }
            }
            Waiting::Quiet { until, .. } if is_due(until) => {}
            Waiting::Quiet { .. } | Waiting::Check { .. } => return,
        }
        let ending = self.endings.remove(at);
        self.give_back(key, ending.op);
    }

    pub(super) fn check_endings(&mut self) {
        let keys: Vec<_> = self
            .endings
            .iter()
            .map(|ending| ending.subscription)
            .collect();
        for key in keys {
            self.check_ending(key);
        }
    }

    /// Tells whether silence says anything: not while nothing is read. At the end of the connection
    /// it does not matter.
    fn hears(&self) -> bool {
        let reads = self.link.as_ref().is_some_and(|link| link.reading);
        reads || self.leaving.is_some()
    }

    pub(super) fn ending_deadline(&self) -> Option<Instant> {
        let hears = self.hears();
        let deadline = |ending: &Ending| match ending.stage {
            Waiting::Hands => ending.deadline,
            // The session has one for it.
            Waiting::Answer { .. } => None,
            Waiting::Quiet { until, latest, .. } => hears.then(|| until.min(latest)),
            Waiting::Check { latest, .. } => hears.then_some(latest),
        };
        self.endings.iter().filter_map(deadline).min()
    }

    /// Writes what ends the subscription.
    fn give_back(&mut self, key: SubscriptionKey, op: Option<OpId>) {
        self.inboxes.close(key);
        let Some(link) = &mut self.link else {
            self.subscriptions.forget(key);
            return self.ended(op);
        };
        let receipt: Option<ReceiptId> = op.map(|_| link.session.new_receipt());
        let mut with = With::nothing();
        with.receipt = receipt.clone();
        match link.session.give_back(key, with, self.now) {
            Ok(()) => self.waiters.extend(receipt.zip(op)),
            Err(_) => {
                // It is in quarantine, or the connection is over.
                link.session.subscriptions_mut().forget(key);
                self.ended(op);
            }
        }
    }

    fn ended(&mut self, op: Option<OpId>) {
        if let Some(op) = op {
            let unsubscribed = Ok(Outcome::Unsubscribed);
            self.operations.finish(op, unsubscribed, &mut self.wakes);
        }
    }

    /// The connection is gone, and with it what was to end.
    pub(super) fn finish_endings(&mut self) {
        for ending in std::mem::take(&mut self.endings) {
            self.subscriptions.forget(ending.subscription);
            self.inboxes.close(ending.subscription);
            self.ended(ending.op);
        }
    }

    /// Ends all subscriptions that are to be ended before the connection is: what they hold counts
    /// as never delivered then, where UNSUBSCRIBE gives it back. Lets what is in hand be settled.
    pub(super) fn end_all(&mut self, until: Option<Instant>) {
        let quiet = self.wait_for_quiet(QUIET);
        for ending in &mut self.endings {
            let deadlines = [ending.deadline, until];
            ending.deadline = deadlines.into_iter().flatten().min();
            if let Waiting::Answer { .. } | Waiting::Check { .. } = ending.stage {
                // What is sent too late is soon given back with all the rest.
                ending.stage = quiet.clone();
            }
        }
        self.check_endings();
        let keys: Vec<_> = self.inboxes.keys().collect();
        for key in keys {
            let link = self.link.as_ref();
            let giving_back = link.map(|link| link.session.giving_back(key));
            if giving_back == Some(GivingBack::ByUnsubscribe) {
                self.begin_ending(key, None, Some(until));
            } else {
                // The end of the connection does it, also for what still comes.
                if giving_back == Some(GivingBack::ByNack)
                    && let Some(inbox) = self.inboxes.get_mut(key)
                {
                    inbox.abandoned = true;
                }
                let arrivals = self.inboxes.empty(key, AckToken::is_ackable);
                if let Some(link) = &mut self.link {
                    for arrival in &arrivals {
                        link.session.release(&arrival.delivery.token);
                    }
                }
            }
        }
    }

    /// How many deliveries the application has in hand.
    pub(super) fn all_in_hand(&self) -> usize {
        let Some(link) = &self.link else { return 0 };
        let subscriptions = link.session.subscriptions().keys();
        subscriptions.map(|key| link.session.in_hand(key)).sum()
    }
}

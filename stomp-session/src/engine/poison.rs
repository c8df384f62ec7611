//! A message that ends every connection it comes on: it is delivered again and again, and takes its
//! neighbours along. The subscription that it comes for is found, and ended.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::link::Link;
use super::{Engine, Event};
use crate::{CloseReason, Refusal, SubscriptionKey};

/// What ended the last connections, if it was always the same.
#[derive(Debug, Default)]
pub(super) struct Poison {
    /// What it was, in words that do not change from one time to the next.
    what: String,
    /// How many times in a row.
    times: u8,
    trial: Option<Trial>,
}

/// Subscriptions are replayed one at a time, to see which of them it is.
#[derive(Debug, Default)]
struct Trial {
    waiting: VecDeque<SubscriptionKey>,
    /// The last one that was replayed, and when the next one is.
    last: Option<(SubscriptionKey, Instant)>,
}

/// So many times in a row are no accident. RabbitMQ 4 drops a message of a quorum queue that came
/// back twenty times, and all that were prefetched with it.
const ENOUGH: u8 = 3;

/// How long a subscription is watched in a trial.
const WATCHED: Duration = Duration::from_secs(1);

/// A delivery that was settled so shortly before the end may have been what ended it.
const AGO: Duration = Duration::from_secs(1);

impl Engine {
    /// Takes note of what ended a connection.
    pub(super) fn note_end(&mut self, link: &Link, reason: &CloseReason) {
        let what = match reason {
            CloseReason::Misbehaviour(fault) => fault.without_place(),
            CloseReason::Error(error) => error.to_string(),
            _ => {
                self.poison.times = 0;
                return self.begin_trial_again();
            }
        };
        let is_progress = link
            .settled
            .is_some_and(|at| self.now.duration_since(at) >= AGO);
        if is_progress || what != self.poison.what {
            self.poison.times = 0;
        }
        self.poison.what = what;
        self.poison.times += 1;
        if self.poison.times < ENOUGH {
            return;
        }
        let tried = self.poison.trial.as_ref().map(|trial| trial.last);
        let mut keys: VecDeque<_> = self.subscriptions.to_be_replayed().collect();
        match (tried, keys.len()) {
            (Some(Some((key, _))), _) => self.end_poisoned(key, reason),
            (_, 0) => {}
            (None, 1) => self.end_poisoned(keys[0], reason),
            _ => {
                for key in &keys {
                    self.subscriptions.withhold(*key);
                }
                let waiting = std::mem::take(&mut keys);
                self.poison.trial = Some(Trial {
                    waiting,
                    last: None,
                });
            }
        }
    }

    fn end_poisoned(&mut self, subscription: SubscriptionKey, reason: &CloseReason) {
        let why = Refusal::Poison(Box::new(reason.clone()));
        self.subscriptions.refuse(subscription, why.clone());
        self.inboxes
            .refuse(subscription, why.clone(), &mut self.wakes);
        self.tell(Event::SubscriptionRefused { subscription, why });
        self.end_trial();
        self.poison = Poison::default();
    }

    /// CONNECTED came: the first one is tried.
    pub(super) fn begin_trial(&mut self) {
        if self.poison.trial.is_some() {
            self.try_next();
        }
    }

    /// The connection ended for another reason, which says nothing about anybody.
    fn begin_trial_again(&mut self) {
        if let Some(trial) = &mut self.poison.trial {
            trial.last = None;
            trial.waiting = self.subscriptions.to_be_replayed().collect();
            for key in &trial.waiting {
                self.subscriptions.withhold(*key);
            }
        }
    }

    pub(super) fn trial_deadline(&self) -> Option<Instant> {
        let trial = self.poison.trial.as_ref()?;
        let up = self.link.as_ref().and_then(|link| link.up);
        up.and(trial.last).map(|(_, until)| until)
    }

    pub(super) fn go_on_with_trial_if_due(&mut self) {
        if self.trial_deadline().is_some_and(|until| until <= self.now) {
            self.try_next();
        }
    }

    fn try_next(&mut self) {
        let Some(trial) = &mut self.poison.trial else {
            return;
        };
        let Some(key) = trial.waiting.pop_front() else {
            // Nobody of them, or it is gone.
            self.poison = Poison::default();
            return;
        };
        trial.last = Some((key, self.now + WATCHED));
        if let Some(link) = &mut self.link {
            link.session.replay_withheld(key, self.now);
        }
        self.presume_later(key);
    }

    fn end_trial(&mut self) {
        let withheld: Vec<_> = self.subscriptions.keys().collect();
        for key in withheld {
            self.subscriptions.unwithhold(key);
        }
    }
}

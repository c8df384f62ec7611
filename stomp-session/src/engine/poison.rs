//! A message that ends every connection it comes on: it is delivered again and again, and takes its
//! neighbours along. The subscription that it comes for is found, and ended.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Engine;
use super::link::Link;
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

/// A message that came back would have ended a connection long before it was so old.
const LONG: Duration = Duration::from_secs(60);

impl Engine {
    /// Takes note of what ended a connection.
    pub(super) fn note_end(&mut self, link: &Link, reason: &CloseReason) {
        let what = match reason {
            CloseReason::Misbehaviour(fault) => fault.without_place(),
            CloseReason::Error(error) => error.to_string(),
            // It says nothing about anybody.
            _ => return self.interrupt(),
        };
        let tried = self.poison.trial.as_ref().and_then(|trial| trial.last);
        if tried.is_some_and(|(key, _)| self.subscriptions.to_be_replayed().all(|k| k != key)) {
            // It has ended otherwise: by this very ERROR, or the application did not want it.
            return self.interrupt();
        }
        let is_another = what != self.poison.what;
        // What others have got done in a trial says nothing about the one that is tried.
        if is_another || self.poison.trial.is_none() && self.was_good(link) {
            self.poison.times = 0;
        }
        self.poison.what = what;
        self.poison.times = self.poison.times.saturating_add(1);
        if self.poison.times < ENOUGH {
            return self.put_back();
        }
        let keys: VecDeque<_> = self.subscriptions.to_be_replayed().collect();
        match (tried, keys.len()) {
            (Some((key, _)), _) => self.end_poisoned(key, reason),
            (None, 0) => {}
            (None, 1) => self.end_poisoned(keys[0], reason),
            _ => {
                for key in &keys {
                    self.subscriptions.withhold(*key);
                }
                self.poison.trial = Some(Trial {
                    waiting: keys,
                    last: None,
                });
            }
        }
    }

    /// Tells whether a connection that ended was none that poison ends: that comes at once.
    fn was_good(&self, link: &Link) -> bool {
        let ended = link.broke.unwrap_or(self.now);
        let before =
            |at: Option<Instant>, ago| at.is_some_and(|at| ended.duration_since(at) >= ago);
        before(link.settled, AGO) || before(link.up, LONG)
    }

    fn end_poisoned(&mut self, subscription: SubscriptionKey, reason: &CloseReason) {
        self.end_trial();
        self.poison = Poison::default();
        let why = Refusal::Poison(Box::new(reason.clone()));
        self.subscriptions.refuse(subscription, why.clone());
        self.refused(subscription, why);
    }

    /// CONNECTED came: the first one is tried.
    pub(super) fn begin_trial(&mut self) {
        if self.poison.trial.is_some() {
            self.try_next();
        }
    }

    /// The connection ended for another reason. A trial goes on where it was: on a network that
    /// comes and goes the last one would never have its turn otherwise.
    fn interrupt(&mut self) {
        match self.poison.trial {
            Some(_) => self.put_back(),
            None => self.poison.times = 0,
        }
    }

    /// Whoever was tried is tried again.
    fn put_back(&mut self) {
        if let Some(trial) = &mut self.poison.trial
            && let Some((key, _)) = trial.last.take()
        {
            trial.waiting.push_front(key);
            self.subscriptions.withhold(key);
        }
    }

    pub(super) fn trial_deadline(&self) -> Option<Instant> {
        let trial = self.poison.trial.as_ref()?;
        let link = self.link.as_ref()?;
        // What has broken the connection was for whom is tried now, and not for the next.
        let goes_on = link.session.broken().is_none() && self.leaving.is_none();
        let last = link.up.and(trial.last).filter(|_| goes_on);
        last.map(|(_, until)| until)
    }

    pub(super) fn go_on_with_trial_if_due(&mut self) {
        if self.trial_deadline().is_some_and(|until| until <= self.now) {
            self.try_next();
        }
    }

    fn try_next(&mut self) {
        let (Some(trial), Some(link)) = (&mut self.poison.trial, &mut self.link) else {
            return;
        };
        let is_there = |key: &SubscriptionKey| {
            let subscriptions = link.session.subscriptions();
            subscriptions.to_be_replayed().any(|there| there == *key)
        };
        let next = std::iter::from_fn(|| trial.waiting.pop_front()).find(is_there);
        let Some(key) = next else {
            // Nobody of them, or it is gone.
            self.poison = Poison::default();
            return;
        };
        trial.last = Some((key, self.now + WATCHED));
        link.session.replay_withheld(key, self.now);
        self.presume_later(key);
    }

    fn end_trial(&mut self) {
        let withheld: Vec<_> = self.subscriptions.keys().collect();
        for key in withheld {
            self.subscriptions.unwithhold(key);
        }
    }
}

//! The ways to the subscriptions, and what found them full.

use std::collections::{BTreeSet, HashMap, VecDeque};

use stomp_session::SubscriptionKey;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{Error, Message};

/// What a [`Subscription`](crate::Subscription) yields.
pub(crate) type Item = Result<Message, Error>;

#[derive(Debug, Default)]
pub(crate) struct Inboxes {
    inboxes: HashMap<SubscriptionKey, Inbox>,
    /// Those that have a backlog.
    over_full: BTreeSet<SubscriptionKey>,
    /// What all backlogs take up, roughly.
    octets: usize,
}

#[derive(Debug)]
struct Inbox {
    sender: mpsc::Sender<Item>,
    /// What found the inbox full.
    backlog: VecDeque<Item>,
    /// Nothing comes behind the backlog.
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It is where it belongs, or nobody wants it.
    Done,
    /// It waits for room.
    Full,
    /// Nobody reads this inbox any more.
    Gone,
}

impl Inboxes {
    pub(crate) fn open(&mut self, key: SubscriptionKey, sender: mpsc::Sender<Item>) {
        let inbox = Inbox {
            sender,
            backlog: VecDeque::new(),
            ended: false,
        };
        self.inboxes.insert(key, inbox);
    }

    /// Ends an inbox. What waits for room is dropped.
    pub(crate) fn close(&mut self, key: SubscriptionKey) {
        if let Some(inbox) = self.inboxes.remove(&key) {
            self.octets -= inbox.backlog.iter().map(weight).sum::<usize>();
            self.over_full.remove(&key);
        }
    }

    /// Ends all inboxes.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Ends an inbox behind what waits for room, with an error.
    pub(crate) fn end(&mut self, key: SubscriptionKey, error: Error) {
        if let Some(inbox) = self.inboxes.get_mut(&key) {
            inbox.ended = true;
            if self.push(key, Err(error)) != Pushed::Full {
                self.close(key);
            }
        }
    }

    pub(crate) fn push(&mut self, key: SubscriptionKey, item: Item) -> Pushed {
        let Some(inbox) = self.inboxes.get_mut(&key) else {
            return Pushed::Done;
        };
        self.octets += weight(&item);
        inbox.backlog.push_back(item);
        self.flush(key)
    }

    /// Moves what found its inbox full to where it belongs, as far as there is room by now. Lists
    /// the inboxes that nobody reads any more.
    pub(crate) fn flush_all(&mut self) -> Vec<SubscriptionKey> {
        let over_full: Vec<_> = self.over_full.iter().copied().collect();
        let gone = |key: &SubscriptionKey| self.flush(*key) == Pushed::Gone;
        over_full.into_iter().filter(gone).collect()
    }

    /// Tells whether anything waits for room.
    pub(crate) fn is_over_full(&self) -> bool {
        !self.over_full.is_empty()
    }

    /// Returns what all that waits for room takes up, roughly.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    fn flush(&mut self, key: SubscriptionKey) -> Pushed {
        let Some(inbox) = self.inboxes.get_mut(&key) else {
            return Pushed::Done;
        };
        while let Some(item) = inbox.backlog.pop_front() {
            let octets = weight(&item);
            match inbox.sender.try_send(item) {
                Ok(()) => self.octets -= octets,
                Err(TrySendError::Full(item)) => {
                    inbox.backlog.push_front(item);
                    self.over_full.insert(key);
                    return Pushed::Full;
                }
                Err(TrySendError::Closed(_)) => {
                    self.octets -= octets;
                    self.close(key);
                    return Pushed::Gone;
                }
            }
        }
        self.over_full.remove(&key);
        if inbox.ended {
            self.close(key);
        }
        Pushed::Done
    }
}

/// The octets of a message, with what its headers may take up.
fn weight(item: &Item) -> usize {
    512 + item.as_ref().map_or(0, |message| message.body().len())
}

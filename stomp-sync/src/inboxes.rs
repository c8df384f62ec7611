//! The messages that subscriptions have not taken yet.

use std::collections::{HashMap, VecDeque};

use stomp_session::{DecodeError, Delivery, Refusal, SubscriptionKey};

#[derive(Debug, Default)]
pub(crate) struct Inboxes {
    inboxes: HashMap<SubscriptionKey, Inbox>,
    /// How many hold more than was asked for.
    over_full: usize,
    /// What all messages take up, roughly.
    octets: usize,
}

#[derive(Debug)]
pub(crate) struct Inbox {
    arrivals: VecDeque<Arrival>,
    capacity: usize,
    /// The last thing to be said, when the broker refused the subscription.
    pub(crate) refused: Option<Refusal>,
}

/// A message, or what is left of one that cannot be read.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) delivery: Delivery,
    /// Why it cannot be read, and how large its body was said to be.
    pub(crate) unreadable: Option<(DecodeError, Option<u64>)>,
}

impl Inboxes {
    pub(crate) fn open(&mut self, key: SubscriptionKey, capacity: usize) {
        let inbox = Inbox {
            arrivals: VecDeque::new(),
            capacity,
            refused: None,
        };
        self.inboxes.insert(key, inbox);
    }

    pub(crate) fn close(&mut self, key: SubscriptionKey) {
        if let Some(inbox) = self.inboxes.remove(&key) {
            self.octets -= inbox.arrivals.iter().map(Arrival::octets).sum::<usize>();
            self.over_full -= usize::from(inbox.is_over_full());
        }
    }

    pub(crate) fn get(&self, key: SubscriptionKey) -> Option<&Inbox> {
        self.inboxes.get(&key)
    }

    pub(crate) fn refuse(&mut self, key: SubscriptionKey, why: Refusal) {
        if let Some(inbox) = self.inboxes.get_mut(&key) {
            inbox.refused = Some(why);
        }
    }

    pub(crate) fn push(&mut self, arrival: Arrival) {
        let key = arrival.delivery.subscription;
        if let Some(inbox) = self.inboxes.get_mut(&key) {
            self.octets += arrival.octets();
            let before = inbox.is_over_full();
            inbox.arrivals.push_back(arrival);
            self.over_full += usize::from(!before && inbox.is_over_full());
        }
    }

    pub(crate) fn pop(&mut self, key: SubscriptionKey) -> Option<Arrival> {
        let inbox = self.inboxes.get_mut(&key)?;
        let before = inbox.is_over_full();
        let arrival = inbox.arrivals.pop_front()?;
        self.over_full -= usize::from(before && !inbox.is_over_full());
        self.octets -= arrival.octets();
        Some(arrival)
    }

    /// Tells whether any inbox holds more than was asked for.
    pub(crate) fn is_over_full(&self) -> bool {
        self.over_full > 0
    }

    /// Returns what all messages take up, roughly.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }
}

impl Inbox {
    /// An inbox that is just full is what a prefetch leads to: the broker waits for ACK then, and
    /// has other things to say.
    fn is_over_full(&self) -> bool {
        self.arrivals.len() > self.capacity
    }
}

impl Arrival {
    /// The octets of a message, with what its headers may take up.
    fn octets(&self) -> usize {
        self.delivery.message.body().len() + 512
    }
}

use std::collections::{HashMap, VecDeque};

use rustc_hash::FxBuildHasher;
use stomp_commands::{AckMode, Prefetch, Subscribe, SubscriptionId, TransactionId};

use crate::SubscriptionKey;
use crate::deliveries::{Deliveries, Kept};
use crate::session::Verdict;

/// The subscriptions of one connection: what they are called on the wire, and their deliveries.
#[derive(Debug, Default)]
pub(crate) struct Live {
    slots: HashMap<SubscriptionKey, Slot, FxBuildHasher>,
    /// By the octets of their ids, as messages name them.
    keys: HashMap<Box<[u8]>, SubscriptionKey, FxBuildHasher>,
    /// Deliveries of subscriptions that have ended, and can still be settled.
    pub(crate) departed: HashMap<(SubscriptionKey, u64), Departed, FxBuildHasher>,
    /// What is kept of the deliveries of all slots.
    pub(crate) kept: Kept,
    /// What the last of the subscriptions that have ended were called. The broker may still have
    /// something to say about them.
    ended: VecDeque<SubscriptionId>,
}

/// The transactions that are prepared for a delivery: one of them will be committed.
#[derive(Debug)]
pub(crate) struct Departed {
    pub(crate) ack: TransactionId,
    pub(crate) nack: TransactionId,
}

/// A delivery that is settled, but the broker is not told yet.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) number: u64,
    pub(crate) verdict: Verdict,
}

/// Ended subscriptions remembered.
const ENDED: usize = 64;

/// A subscription on this connection.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Its id on the wire. Only in 1.0 a subscription may be without.
    pub(crate) id: Option<SubscriptionId>,
    pub(crate) destination: String,
    pub(crate) ack: AckMode,
    pub(crate) deliveries: Deliveries,
    /// So many messages are sent without an ACK, if the broker knows.
    pub(crate) prefetch: Option<u32>,
    /// What is held back, once the subscription is about to end.
    pub(crate) parting: Option<Vec<Held>>,
}

impl Slot {
    pub(crate) fn new(id: Option<SubscriptionId>, command: &Subscribe) -> Self {
        Self {
            id,
            destination: command.destination.clone(),
            ack: command.ack,
            deliveries: Deliveries::default(),
            prefetch: match command.prefetch {
                Some(Prefetch::Messages(messages) | Prefetch::Hint(messages)) => Some(messages),
                _ => None,
            },
            parting: None,
        }
    }

    /// Tells whether a delivery is settled without the broker's knowledge.
    pub(crate) fn holds_back(&self, number: u64) -> bool {
        let mut held = self.parting.iter().flatten();
        held.any(|held| held.number == number)
    }
}

impl Live {
    pub(crate) fn insert(&mut self, key: SubscriptionKey, mut slot: Slot) {
        slot.deliveries = Deliveries::counted_by(&self.kept);
        if let Some(id) = &slot.id {
            self.keys.insert(id.as_str().as_bytes().into(), key);
        }
        self.slots.insert(key, slot);
    }

    pub(crate) fn remove(&mut self, key: SubscriptionKey) {
        let slot = self.slots.remove(&key);
        if let Some(id) = slot.and_then(|slot| slot.id) {
            self.keys.remove(id.as_str().as_bytes());
        }
    }

    /// Removes a subscription that we have ended.
    pub(crate) fn depart(&mut self, key: SubscriptionKey) {
        let id = self.slots.get(&key).and_then(|slot| slot.id.clone());
        self.remove(key);
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.extend(id);
    }

    /// Tells whether a subscription of this name has ended not long ago.
    pub(crate) fn has_ended(&self, id: &str) -> bool {
        self.ended.iter().any(|ended| ended.as_str() == id)
    }

    pub(crate) fn get(&self, key: SubscriptionKey) -> Option<&Slot> {
        self.slots.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: SubscriptionKey) -> Option<&mut Slot> {
        self.slots.get_mut(&key)
    }

    pub(crate) fn has_id(&self, id: &SubscriptionId) -> bool {
        self.keys.contains_key(id.as_str().as_bytes())
    }

    /// Tells whether the destination is subscribed without an id.
    pub(crate) fn has_anonymous(&self, destination: &str) -> bool {
        self.slots
            .values()
            .any(|slot| slot.id.is_none() && slot.destination == destination)
    }

    pub(crate) fn find(&self, id: &[u8]) -> Option<SubscriptionKey> {
        self.keys.get(id).copied()
    }

    /// Finds the subscription of a 1.0 message that does not name it, or by a name that we did not
    /// give: that without an id first, else the oldest.
    pub(crate) fn find_by_destination(
        &self,
        destination: &str,
        of: impl Fn(&Slot) -> bool,
    ) -> Option<SubscriptionKey> {
        self.slots
            .iter()
            .filter(|(_, slot)| slot.destination == destination && of(slot))
            .min_by_key(|&(&key, slot)| (slot.id.is_some(), key))
            .map(|(&key, _)| key)
    }

    pub(crate) fn commit(&mut self, transaction: &TransactionId) {
        for slot in self.slots.values_mut() {
            slot.deliveries.commit(transaction);
        }
    }

    pub(crate) fn abort(&mut self, transaction: &TransactionId) {
        for slot in self.slots.values_mut() {
            slot.deliveries.abort(transaction);
        }
    }
}

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;
use stomp_commands::{AckMode, Subscribe, SubscriptionId, TransactionId};

use crate::SubscriptionKey;
use crate::deliveries::Deliveries;

/// The subscriptions of one connection: what they are called on the wire, and their deliveries.
#[derive(Debug, Default)]
pub(crate) struct Live {
    slots: HashMap<SubscriptionKey, Slot, FxBuildHasher>,
    /// By the octets of their ids, as messages name them.
    keys: HashMap<Box<[u8]>, SubscriptionKey, FxBuildHasher>,
}

/// A subscription on this connection.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Its id on the wire. Only in 1.0 a subscription may be without.
    pub(crate) id: Option<SubscriptionId>,
    pub(crate) destination: String,
    pub(crate) ack: AckMode,
    pub(crate) deliveries: Deliveries,
}

impl Slot {
    pub(crate) fn new(id: Option<SubscriptionId>, command: &Subscribe) -> Self {
        Self {
            id,
            destination: command.destination.clone(),
            ack: command.ack,
            deliveries: Deliveries::default(),
        }
    }
}

impl Live {
    pub(crate) fn insert(&mut self, key: SubscriptionKey, slot: Slot) {
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

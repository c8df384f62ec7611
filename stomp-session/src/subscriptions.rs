use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use stomp_commands::{ReceiptId, Subscribe, TransactionId};

use crate::{Epoch, Refusal};

/// Names a subscription for as long as the application keeps it, across connections.
///
/// The id on the wire is another matter: it changes with each connection, so that nothing that was
/// meant for an old one can hit the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionKey(pub(crate) u64);

impl fmt::Display for SubscriptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subscription {}", self.0)
    }
}

/// What outlives a connection: the subscriptions, and the counters of everything a session numbers.
///
/// Start with [`new`](Self::new), move it into [`Session::connect`](crate::Session::connect), get
/// it back by [`into_subscriptions`](crate::Session::into_subscriptions), and move it on into the
/// next session, which subscribes anew in the old order. Use one for all connections of a client,
/// even when nothing shall be replayed (then [`clear`](Self::clear) it): it also counts the
/// [epochs](Epoch) that tell the deliveries of different connections apart.
#[derive(Debug, Default)]
pub struct Subscriptions {
    entries: BTreeMap<SubscriptionKey, Entry>,
    epoch: u64,
    subscriptions: u64,
    receipts: u64,
    transactions: u64,
    /// Transactions that were open when their connection ended, oldest first.
    lost: VecDeque<TransactionId>,
}

/// A subscription as it is replayed: everything that makes up its SUBSCRIBE is in `command`, also
/// what the application left to a default.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) command: Subscribe,
    pub(crate) refusal: Option<Refusal>,
    /// How many times in a row it was under suspicion of having been refused.
    pub(crate) suspicions: u8,
    /// It is not replayed for now.
    pub(crate) withheld: bool,
}

impl Subscriptions {
    /// Lost transactions remembered. More than any connection may have open by default.
    const LOST: usize = 1_024;

    /// Creates an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of subscriptions, those in quarantine included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether there are no subscriptions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Iterates over the subscriptions, oldest first, those in quarantine included.
    pub fn keys(&self) -> impl Iterator<Item = SubscriptionKey> {
        self.entries.keys().copied()
    }

    /// Tells where a subscription listens.
    #[must_use]
    pub fn destination(&self, subscription: SubscriptionKey) -> Option<&str> {
        let entry = self.entries.get(&subscription)?;
        Some(&entry.command.destination)
    }

    /// Tells whether a subscription, live or not, has this id.
    pub(crate) fn has_id(&self, id: &str) -> bool {
        let mut ids = self.entries.values().filter_map(|e| e.command.id.as_ref());
        ids.any(|taken| taken.as_str() == id)
    }

    /// The name of a durable subscription.
    pub(crate) fn durable(&self, subscription: SubscriptionKey) -> Option<&str> {
        let entry = self.entries.get(&subscription)?;
        entry.command.durable.as_deref()
    }

    /// Iterates over the subscriptions that are not replayed any more because a server refused
    /// them, oldest first.
    pub fn quarantined(&self) -> impl Iterator<Item = (SubscriptionKey, &Refusal)> {
        self.entries
            .iter()
            .filter_map(|(&key, entry)| Some((key, entry.refusal.as_ref()?)))
    }

    /// Lets a subscription out of quarantine: the next session replays it again.
    pub fn release(&mut self, subscription: SubscriptionKey) {
        if let Some(entry) = self.entries.get_mut(&subscription) {
            entry.refusal = None;
            entry.suspicions = 0;
        }
    }

    /// Forgets a subscription: it is not replayed any more.
    pub fn forget(&mut self, subscription: SubscriptionKey) {
        self.entries.remove(&subscription);
    }

    /// Forgets all subscriptions.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Counts a new connection.
    pub(crate) fn begin_epoch(&mut self) -> Epoch {
        self.epoch += 1;
        Epoch(self.epoch)
    }

    pub(crate) fn insert(&mut self, command: Subscribe) -> SubscriptionKey {
        self.subscriptions += 1;
        let key = SubscriptionKey(self.subscriptions);
        self.entries.insert(
            key,
            Entry {
                command,
                refusal: None,
                suspicions: 0,
                withheld: false,
            },
        );
        key
    }

    pub(crate) fn get_mut(&mut self, subscription: SubscriptionKey) -> Option<&mut Entry> {
        self.entries.get_mut(&subscription)
    }

    /// Iterates over those that the next connection has, oldest first: not those in quarantine.
    pub fn to_be_replayed(&self) -> impl Iterator<Item = SubscriptionKey> {
        let replayed = self.entries.iter().filter(|(_, e)| e.refusal.is_none());
        replayed.map(|(key, _)| *key)
    }

    /// Does not replay a subscription with the others: it is replayed by
    /// [`Session::replay_withheld`](crate::Session::replay_withheld) when its turn comes.
    pub fn withhold(&mut self, subscription: SubscriptionKey) {
        if let Some(entry) = self.entries.get_mut(&subscription) {
            entry.withheld = true;
        }
    }

    /// Replays a subscription with the others again.
    pub fn unwithhold(&mut self, subscription: SubscriptionKey) {
        if let Some(entry) = self.entries.get_mut(&subscription) {
            entry.withheld = false;
        }
    }

    /// Puts a subscription into quarantine: it is not replayed any more.
    pub fn refuse(&mut self, subscription: SubscriptionKey, why: Refusal) {
        if let Some(entry) = self.entries.get_mut(&subscription) {
            entry.refusal = Some(why);
        }
    }

    /// What has to be subscribed anew, in the old order.
    pub(crate) fn to_replay(&self) -> Vec<(SubscriptionKey, Subscribe)> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.refusal.is_none() && !entry.withheld)
            .map(|(&key, entry)| (key, entry.command.clone()))
            .collect()
    }

    /// The key that the next subscription will get.
    pub(crate) fn next_key(&self) -> SubscriptionKey {
        SubscriptionKey(self.subscriptions + 1)
    }

    pub(crate) fn new_receipt(&mut self) -> ReceiptId {
        self.receipts += 1;
        ReceiptId::from(format!("r{}", self.receipts))
    }

    pub(crate) fn new_transaction(&mut self) -> TransactionId {
        self.transactions += 1;
        TransactionId::from(format!("t{}", self.transactions))
    }

    /// Remembers a transaction that ended with its connection.
    pub(crate) fn lose(&mut self, transaction: TransactionId) {
        if self.lost.len() == Self::LOST {
            self.lost.pop_front();
        }
        self.lost.push_back(transaction);
    }

    /// Tells whether the transaction ended with its connection.
    pub(crate) fn is_lost(&self, transaction: &TransactionId) -> bool {
        self.lost.contains(transaction)
    }

    /// Frees the id of a lost transaction: a new one has taken it.
    pub(crate) fn forget_lost(&mut self, transaction: &TransactionId) {
        self.lost.retain(|lost| lost != transaction);
    }
}

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use rustc_hash::FxBuildHasher;
use stomp_commands::{ReceiptId, TransactionId};

use crate::SubscriptionKey;

/// The receipts that are waited for, in the order of their frames.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    orders: HashMap<ReceiptId, u64, FxBuildHasher>,
    pending: BTreeMap<u64, Pending>,
    deadlines: BTreeSet<(Instant, u64)>,
    /// The number of the next frame with a receipt.
    next: u64,
    /// Frames in front of this one are known to have been received.
    received: u64,
}

/// A frame whose RECEIPT is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) id: ReceiptId,
    pub(crate) purpose: Purpose,
    /// At which octet of the outgoing stream the frame begins.
    pub(crate) start: u64,
    pub(crate) deadline: Option<Instant>,
}

/// What the frame is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A frame with nothing that has to be known about it here.
    Other,
    /// A frame inside a transaction.
    InTransaction(TransactionId),
    /// The COMMIT of a transaction.
    Commit(TransactionId),
    /// A SUBSCRIBE, ours when a subscription is replayed.
    Subscribe {
        subscription: SubscriptionKey,
        replay: bool,
    },
    /// The DISCONNECT.
    Disconnect,
}

impl Purpose {
    /// Tells whether the session asked for the receipt by itself.
    pub(crate) fn is_internal(&self) -> bool {
        matches!(self, Self::Subscribe { replay: true, .. })
    }
}

impl Receipts {
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn contains(&self, id: &ReceiptId) -> bool {
        self.orders.contains_key(id)
    }

    /// All frames, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values()
    }

    /// The first frame that is not answered.
    pub(crate) fn oldest(&self) -> Option<&Pending> {
        self.values().next()
    }

    /// Tells whether the SUBSCRIBE of this subscription is not answered yet.
    pub(crate) fn awaits_subscribe(&self, key: SubscriptionKey) -> bool {
        self.values().any(|pending| {
            matches!(pending.purpose, Purpose::Subscribe { subscription, .. } if subscription == key)
        })
    }

    /// Enters a frame. Its id must not be waited for already.
    pub(crate) fn insert(&mut self, pending: Pending) {
        debug_assert!(!self.contains(&pending.id), "checked by the command");
        let order = self.next;
        self.next += 1;
        self.orders.insert(pending.id.clone(), order);
        if let Some(deadline) = pending.deadline {
            self.deadlines.insert((deadline, order));
        }
        self.pending.insert(order, pending);
    }

    /// Takes out the frame that a RECEIPT or an ERROR answers.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Pending> {
        let order = self.orders.remove(id)?;
        self.remove_order(order)
    }

    /// Takes out the frame that a RECEIPT answers. A RECEIPT also says that all frames in front of
    /// its own were received: lists those of which that was not known before.
    pub(crate) fn answer(&mut self, id: &str) -> Option<(Pending, Vec<ReceiptId>)> {
        let order = *self.orders.get(id)?;
        let earlier = match self.received {
            received if received < order => self.pending.range(received..order),
            _ => self.pending.range(order..order),
        };
        let earlier = earlier
            .filter(|(_, pending)| !pending.purpose.is_internal())
            .map(|(_, pending)| pending.id.clone())
            .collect();
        self.received = self.received.max(order);
        Some((self.remove(id)?, earlier))
    }

    /// Takes out one frame that is overdue.
    pub(crate) fn pop_overdue(&mut self, now: Instant) -> Option<Pending> {
        let &(deadline, order) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        let pending = self.remove_order(order)?;
        self.orders.remove(&pending.id);
        Some(pending)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// Takes the frames of a transaction out of it: it is committed. Those that had no deadline, since
    /// some brokers answer them only now, get one.
    pub(crate) fn commit(&mut self, transaction: &TransactionId, deadline: Option<Instant>) {
        for (&order, pending) in &mut self.pending {
            if matches!(&pending.purpose, Purpose::InTransaction(t) if t == transaction) {
                pending.purpose = Purpose::Other;
                if pending.deadline.is_none() {
                    pending.deadline = deadline;
                    self.deadlines
                        .extend(deadline.map(|deadline| (deadline, order)));
                }
            }
        }
    }

    /// Takes out the frames of a transaction.
    pub(crate) fn remove_transaction(&mut self, transaction: &TransactionId) -> Vec<Pending> {
        let of_it =
            |p: &&Pending| matches!(&p.purpose, Purpose::InTransaction(t) if t == transaction);
        let ids: Vec<_> = self.values().filter(of_it).map(|p| p.id.clone()).collect();
        ids.iter()
            .filter_map(|id| self.remove(id.as_str()))
            .collect()
    }

    /// Takes out all, oldest first.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Pending> + use<> {
        self.orders.clear();
        self.deadlines.clear();
        std::mem::take(&mut self.pending).into_values()
    }

    fn remove_order(&mut self, order: u64) -> Option<Pending> {
        let pending = self.pending.remove(&order)?;
        if let Some(deadline) = pending.deadline {
            self.deadlines.remove(&(deadline, order));
        }
        Some(pending)
    }
}

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use rustc_hash::FxBuildHasher;
use stomp_commands::{ReceiptId, TransactionId};

use crate::SubscriptionKey;
use crate::numbered::Numbered;

/// The receipts that are waited for, in the order of their frames.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    pending: Numbered<Pending>,
    numbers: HashMap<ReceiptId, u64, FxBuildHasher>,
    /// Frames whose last octet is not written yet, by the place behind it. Ascending.
    unwritten: VecDeque<(u64, u64)>,
    /// Ascending, since all have the same patience and time does not go back. The first is one of a
    /// frame that is still pending; those behind it may not be.
    deadlines: VecDeque<(Instant, u64)>,
    /// Frames in front of this one are known to have been received.
    received: u64,
}

/// A frame whose RECEIPT is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) id: ReceiptId,
    pub(crate) purpose: Purpose,
    /// At which place of the outgoing stream the frame begins.
    pub(crate) start: u64,
    /// The place behind the octet from which on its RECEIPT is waited for; `None` if that is not
    /// known yet, since some brokers answer the frames of a transaction with COMMIT.
    pub(crate) asked: Option<u64>,
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

    fn is_inside(&self, transaction: &TransactionId) -> bool {
        matches!(self, Self::InTransaction(inside) if inside == transaction)
    }
}

impl Pending {
    fn subscribes(&self, key: SubscriptionKey) -> bool {
        matches!(self.purpose, Purpose::Subscribe { subscription, .. } if subscription == key)
    }
}

impl Receipts {
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn contains(&self, id: &ReceiptId) -> bool {
        self.numbers.contains_key(id)
    }

    /// All frames, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter().map(|(_, pending)| pending)
    }

    /// The first frame that is not answered.
    pub(crate) fn oldest(&self) -> Option<&Pending> {
        self.values().next()
    }

    /// Takes out the SUBSCRIBE of this subscription.
    pub(crate) fn remove_subscribe(&mut self, key: SubscriptionKey) -> Option<Pending> {
        let id = self
            .values()
            .find(|pending| pending.subscribes(key))?
            .id
            .clone();
        self.remove(id.as_str())
    }

    /// Tells whether the SUBSCRIBE of this subscription is not answered yet.
    pub(crate) fn awaits_subscribe(&self, key: SubscriptionKey) -> bool {
        self.values().any(|pending| pending.subscribes(key))
    }

    /// Enters a frame. Its id must not be waited for already.
    pub(crate) fn insert(&mut self, pending: Pending) {
        debug_assert!(!self.contains(&pending.id), "checked by the command");
        let (id, asked) = (pending.id.clone(), pending.asked);
        let number = self.pending.push(pending);
        self.numbers.insert(id, number);
        self.unwritten.extend(asked.map(|end| (end, number)));
    }

    /// Takes note that everything in front of this place was written: the time of those who asked
    /// there begins.
    pub(crate) fn wrote(&mut self, place: u64, deadline: Option<Instant>) {
        while let Some(&(end, number)) = self.unwritten.front()
            && end <= place
        {
            self.unwritten.pop_front();
            if self.pending.get(number).is_some() {
                self.enter_deadline(deadline, number);
            }
        }
    }

    /// Takes out the frame that a RECEIPT or an ERROR answers.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Pending> {
        let number = self.numbers.remove(id)?;
        self.take(number)
    }

    /// Takes out the frame that a RECEIPT answers. A RECEIPT also says that all frames in front of
    /// its own were received: lists those of which that was not known before.
    pub(crate) fn answer(&mut self, id: &str) -> Option<(Pending, Vec<ReceiptId>)> {
        let number = self.numbers.remove(id)?;
        let earlier = self.pending.range(self.received, number);
        let earlier = earlier
            .filter(|(_, pending)| !pending.purpose.is_internal())
            .map(|(_, pending)| pending.id.clone())
            .collect();
        self.received = self.received.max(number);
        Some((self.take(number)?, earlier))
    }

    /// Takes out one frame that is overdue.
    pub(crate) fn pop_overdue(&mut self, now: Instant) -> Option<Pending> {
        let &(deadline, number) = self.deadlines.front()?;
        if deadline > now {
            return None;
        }
        let pending = self.take(number)?;
        self.numbers.remove(&pending.id);
        Some(pending)
    }

    /// Tells whether a frame is waited for of which octets in front of this place were handed out to
    /// be written, and not all are written.
    pub(crate) fn is_under_way(&mut self, offered: u64) -> bool {
        while let Some(&(_, number)) = self.unwritten.front() {
            match self.pending.get(number) {
                Some(pending) => return pending.start < offered,
                None => _ = self.unwritten.pop_front(),
            }
        }
        false
    }

    /// Takes out one frame that is [under way](Self::is_under_way).
    pub(crate) fn pop_under_way(&mut self, offered: u64) -> Option<Pending> {
        if !self.is_under_way(offered) {
            return None;
        }
        let (_, number) = self.unwritten.pop_front()?;
        let pending = self.take(number)?;
        self.numbers.remove(&pending.id);
        Some(pending)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|&(deadline, _)| deadline)
    }

    /// Takes the frames of a transaction out of it: it is committed by a frame that ends at `end`.
    /// Those that nobody waited for, since some brokers answer them only now, are from there on.
    pub(crate) fn commit(&mut self, transaction: &TransactionId, end: Option<u64>) {
        for (number, pending) in self.pending.iter_mut() {
            if pending.purpose.is_inside(transaction) {
                pending.purpose = Purpose::Other;
                if pending.asked.is_none() {
                    pending.asked = end;
                    self.unwritten.extend(end.map(|end| (end, number)));
                }
            }
        }
    }

    /// Takes out the frames of a transaction.
    pub(crate) fn remove_transaction(&mut self, transaction: &TransactionId) -> Vec<Pending> {
        let inside = |pending: &&Pending| pending.purpose.is_inside(transaction);
        let ids: Vec<_> = self.values().filter(inside).map(|p| p.id.clone()).collect();
        ids.iter()
            .filter_map(|id| self.remove(id.as_str()))
            .collect()
    }

    /// Takes out all, oldest first.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Pending> + use<> {
        self.numbers.clear();
        self.deadlines.clear();
        self.unwritten.clear();
        self.pending.drain()
    }

    fn take(&mut self, number: u64) -> Option<Pending> {
        let pending = self.pending.remove(number)?;
        if self.deadlines.front().is_some_and(|&(_, n)| n == number) {
            self.deadlines.pop_front();
            while let Some(&(_, number)) = self.deadlines.front()
                && self.pending.get(number).is_none()
            {
                self.deadlines.pop_front();
            }
        }
        Some(pending)
    }

    fn enter_deadline(&mut self, deadline: Option<Instant>, number: u64) {
        let Some(deadline) = deadline else { return };
        debug_assert!(self.deadlines.back().is_none_or(|last| last.0 <= deadline));
        if self.deadlines.len() > 2 * self.pending.len() {
            let pending = &self.pending;
            self.deadlines.retain(|&(_, n)| pending.get(n).is_some());
        }
        self.deadlines.push_back((deadline, number));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pending(id: &str) -> Pending {
        Pending {
            id: id.into(),
            purpose: Purpose::Other,
            start: 0,
            asked: Some(0),
        }
    }

    #[test]
    fn one_receipt_that_never_comes_keeps_no_others() {
        let start = Instant::now();
        let mut receipts = Receipts::default();
        receipts.insert(pending("never"));
        receipts.wrote(0, Some(start));
        for n in 1..10_000 {
            let id = format!("r{n}");
            receipts.insert(pending(&id));
            receipts.wrote(0, Some(start + Duration::from_secs(n)));
            assert!(receipts.remove(&id).is_some());
            assert!(receipts.deadlines.len() <= 5);
        }
        assert_eq!(receipts.next_deadline(), Some(start));
        let overdue = receipts.pop_overdue(start).map(|pending| pending.id);
        assert_eq!(overdue, Some("never".into()));
        assert_eq!((receipts.len(), receipts.next_deadline()), (0, None));
    }
}

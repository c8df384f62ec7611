use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stomp_commands::TransactionId;

use crate::numbered::Numbered;

/// The deliveries of one subscription that are not settled for good.
///
/// The ids that settle them stand one behind the other in one text, so that a delivery allocates
/// nothing. Those of settled ones go when the text is copied, which happens before it is more than
/// twice as long as it has to be.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    list: Numbered<Delivery>,
    ids: Vec<u8>,
    /// Where `ids` is copied to, to and fro.
    spare: Vec<u8>,
    /// Octets of `ids` that belong to deliveries of `list`.
    used: usize,
    /// What is kept of all deliveries of a connection.
    kept: Kept,
}

/// How many octets are kept of deliveries, of all subscriptions that share it. An atomic number
/// only since whoever has it may go from thread to thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Arc<AtomicUsize>);

/// What is kept of a delivery beside its id, roughly.
const RECORD: usize = 64;

impl Kept {
    pub(crate) fn octets(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// An id, and as much again, since it is copied to and fro.
    fn of(id: usize) -> usize {
        RECORD + 2 * id
    }

    fn add(&self, id: usize) {
        self.0.fetch_add(Self::of(id), Ordering::Relaxed);
    }

    fn remove(&self, id: usize) {
        self.0.fetch_sub(Self::of(id), Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Delivery {
    fate: Fate,
    /// Where its id stands.
    id: Range<usize>,
}

#[derive(Debug, PartialEq)]
enum Fate {
    Open,
    /// The application has let go of it, and will not settle it.
    Released,
    /// Settled by a transaction that is still open.
    InTransaction(TransactionId),
}

/// Which deliveries an ACK or NACK settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only the one named: ack mode `client-individual`.
    One,
    /// The one named and all older ones: ack mode `client`.
    UpTo,
}

impl Deliveries {
    /// Begins to keep deliveries, and to count what is kept of them.
    pub(crate) fn counted_by(kept: &Kept) -> Self {
        let mut deliveries = Self::default();
        deliveries.kept = kept.clone();
        deliveries
    }

    /// Enters a new delivery, and gives its number. The id is text, which nobody has to check
    /// again before it is needed.
    pub(crate) fn add(&mut self, id: &[u8]) -> u64 {
        if self.list.len() == 0 {
            self.ids.clear();
        } else if self.ids.len() > 2 * self.used {
            self.pack();
        }
        let start = self.ids.len();
        self.ids.extend_from_slice(id);
        self.used += id.len();
        self.kept.add(id.len());
        self.list.push(Delivery {
            fate: Fate::Open,
            id: start..self.ids.len(),
        })
    }

    /// Returns the id of a delivery that may be settled.
    pub(crate) fn open(&self, number: u64) -> Option<&str> {
        let delivery = self.list.get(number)?;
        (delivery.fate == Fate::Open).then(|| self.id_of(delivery))
    }

    /// Takes note that the application will not settle a delivery.
    pub(crate) fn release(&mut self, number: u64) {
        if let Some(delivery) = self.list.get_mut(number)
            && delivery.fate == Fate::Open
        {
            delivery.fate = Fate::Released;
        }
    }

    /// Iterates over the deliveries that may be settled, oldest first.
    pub(crate) fn open_ones(&self) -> impl Iterator<Item = u64> {
        self.of_fate(Fate::Open)
    }

    /// Iterates over those that are not settled, whoever has them.
    pub(crate) fn free_ones(&self) -> impl Iterator<Item = u64> {
        let free = |(number, delivery): (u64, &Delivery)| delivery.fate.is_free().then_some(number);
        self.list.iter().filter_map(free)
    }

    /// Iterates over those that the application has let go of.
    pub(crate) fn released_ones(&self) -> impl Iterator<Item = u64> {
        self.of_fate(Fate::Released)
    }

    fn of_fate(&self, fate: Fate) -> impl Iterator<Item = u64> {
        let has =
            move |(number, delivery): (u64, &Delivery)| (delivery.fate == fate).then_some(number);
        self.list.iter().filter_map(has)
    }

    /// Returns the id of a delivery that is not settled, whoever has it.
    pub(crate) fn unsettled_id(&self, number: u64) -> Option<&str> {
        let delivery = self.list.get(number)?;
        delivery.fate.is_free().then(|| self.id_of(delivery))
    }

    fn id_of(&self, delivery: &Delivery) -> &str {
        let id = &self.ids[delivery.id.clone()];
        std::str::from_utf8(id).expect("it is the value of a header")
    }

    /// Settles a delivery, at once or when `transaction` is committed.
    pub(crate) fn settle(
        &mut self,
        number: u64,
        reach: Reach,
        transaction: Option<&TransactionId>,
    ) {
        match (transaction, reach) {
            (None, Reach::One) => {
                if let Some(delivery) = self.list.remove(number) {
                    self.used -= delivery.id.len();
                    self.kept.remove(delivery.id.len());
                }
            }
            (None, Reach::UpTo) => self.remove(number, Fate::is_free),
            (Some(transaction), reach) => {
                for (n, delivery) in self.list.iter_mut() {
                    let reached = match reach {
                        Reach::One => n == number,
                        Reach::UpTo => n <= number,
                    };
                    if reached && delivery.fate.is_free() {
                        delivery.fate = Fate::InTransaction(transaction.clone());
                    }
                }
            }
        }
    }

    /// Settles what the transaction holds.
    pub(crate) fn commit(&mut self, transaction: &TransactionId) {
        self.remove(u64::MAX, |fate| fate.is_held_by(transaction));
    }

    /// Opens again what the transaction holds.
    pub(crate) fn abort(&mut self, transaction: &TransactionId) {
        for (_, delivery) in self.list.iter_mut() {
            if delivery.fate.is_held_by(transaction) {
                delivery.fate = Fate::Open;
            }
        }
    }

    /// Deliveries that are not settled, or only by a transaction that is still open.
    pub(crate) fn unsettled(&self) -> usize {
        self.list.len()
    }

    fn remove(&mut self, last: u64, of: impl Fn(&Fate) -> bool) {
        let (used, kept) = (&mut self.used, &self.kept);
        self.list.remove_through(last, |delivery| {
            let goes = of(&delivery.fate);
            if goes {
                *used -= delivery.id.len();
                kept.remove(delivery.id.len());
            }
            goes
        });
    }

    /// Copies the ids that are still needed.
    fn pack(&mut self) {
        self.spare.clear();
        for (_, delivery) in self.list.iter_mut() {
            let start = self.spare.len();
            self.spare.extend_from_slice(&self.ids[delivery.id.clone()]);
            delivery.id = start..self.spare.len();
        }
        std::mem::swap(&mut self.ids, &mut self.spare);
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        for (_, delivery) in self.list.iter() {
            self.kept.remove(delivery.id.len());
        }
    }
}

impl Fate {
    fn is_free(&self) -> bool {
        matches!(self, Self::Open | Self::Released)
    }

    fn is_held_by(&self, transaction: &TransactionId) -> bool {
        matches!(self, Self::InTransaction(holder) if holder == transaction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_until_it_is_settled_or_the_subscription_is_gone() {
        let kept = Kept::default();
        let [mut one, mut other] = [(); 2].map(|()| Deliveries::counted_by(&kept));
        for deliveries in [&mut one, &mut other] {
            let numbers = [0; 4].map(|_| deliveries.add(&[b'k'; 100]));
            assert_eq!(numbers, [0, 1, 2, 3]);
        }
        assert_eq!(kept.octets(), 8 * 264);
        one.release(0);
        assert_eq!(kept.octets(), 8 * 264, "it may still be given back");
        one.settle(1, Reach::One, None);
        one.settle(1, Reach::One, None);
        other.settle(2, Reach::UpTo, None);
        assert_eq!(kept.octets(), 4 * 264);
        drop(one);
        assert_eq!(kept.octets(), 264);
        drop(other);
        assert_eq!(kept.octets(), 0);
    }

    fn three() -> Deliveries {
        let mut deliveries = Deliveries::default();
        let numbers = [b"k0", b"k1", b"k2"].map(|id| deliveries.add(id));
        assert_eq!(numbers, [0, 1, 2]);
        deliveries
    }

    fn open(deliveries: &Deliveries) -> Vec<u64> {
        let is_open = |n: &u64| match deliveries.open(*n) {
            Some(id) => {
                assert_eq!(id, format!("k{n}"));
                true
            }
            None => false,
        };
        (0..3).filter(is_open).collect()
    }

    #[test]
    fn individual_settles_one() {
        let mut deliveries = three();
        deliveries.settle(1, Reach::One, None);
        assert_eq!(open(&deliveries), [0, 2]);
        assert_eq!(deliveries.unsettled(), 2);
    }

    #[test]
    fn cumulative_settles_all_older_ones_too() {
        let mut deliveries = three();
        deliveries.settle(1, Reach::UpTo, None);
        assert_eq!(open(&deliveries), [2]);
        assert_eq!(deliveries.unsettled(), 1);
    }

    #[test]
    fn abort_opens_again_what_the_transaction_settled() {
        let t = TransactionId::from("t");
        let mut deliveries = three();
        deliveries.settle(0, Reach::One, None);
        deliveries.settle(2, Reach::UpTo, Some(&t));
        assert!(open(&deliveries).is_empty());
        deliveries.abort(&t);
        assert_eq!(open(&deliveries), [1, 2]);
    }

    #[test]
    fn commit_settles_only_what_its_transaction_holds() {
        let [t, u] = ["t", "u"].map(TransactionId::from);
        let mut deliveries = three();
        deliveries.settle(0, Reach::One, Some(&t));
        deliveries.settle(1, Reach::One, Some(&u));
        deliveries.commit(&t);
        deliveries.abort(&u);
        assert_eq!(open(&deliveries), [1, 2]);
        assert_eq!(deliveries.unsettled(), 2);
    }

    #[test]
    fn ids_of_settled_deliveries_do_not_pile_up() {
        let transaction = TransactionId::from("t");
        let mut deliveries = Deliveries::default();
        let kept = deliveries.add(b"kept");
        for n in 0..1_000 {
            let number = deliveries.add(format!("id-{n}").as_bytes());
            let other = deliveries.add(b"other");
            assert_eq!(deliveries.open(number), Some(&*format!("id-{n}")));
            deliveries.settle(number, Reach::One, None);
            assert_eq!(deliveries.open(number), None);
            deliveries.settle(other, Reach::One, Some(&transaction));
            deliveries.commit(&transaction);
            assert_eq!(deliveries.open(kept), Some("kept"));
            assert_eq!((deliveries.used, deliveries.unsettled()), (4, 1));
            assert!(deliveries.ids.len() < 32, "{}", deliveries.ids.len());
        }
        let last = deliveries.add(b"last");
        deliveries.settle(last, Reach::UpTo, None);
        assert_eq!((deliveries.used, deliveries.unsettled()), (0, 0));
        let next = deliveries.add(b"next");
        assert_eq!(deliveries.ids, b"next");
        assert_eq!(deliveries.open(next), Some("next"));
    }
}

use std::collections::VecDeque;

use stomp_commands::TransactionId;

/// The deliveries of one subscription that are not settled for good, oldest first.
///
/// Settled ones are swept out in bulk, so that settling costs the same whatever the order, and the
/// list is never longer than twice what is open.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    list: VecDeque<Delivery>,
    settled: usize,
    next: u64,
}

#[derive(Debug)]
struct Delivery {
    number: u64,
    fate: Fate,
}

#[derive(Debug, PartialEq)]
enum Fate {
    Open,
    /// Settled by a transaction that is still open.
    InTransaction(TransactionId),
    Settled,
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
    /// Enters a new delivery, and gives its number.
    pub(crate) fn add(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        self.list.push_back(Delivery {
            number,
            fate: Fate::Open,
        });
        number
    }

    /// Tells whether the delivery may be settled.
    pub(crate) fn is_open(&self, number: u64) -> bool {
        self.find(number)
            .is_some_and(|at| self.list[at].fate == Fate::Open)
    }

    /// Settles a delivery, at once or when `transaction` is committed.
    pub(crate) fn settle(
        &mut self,
        number: u64,
        reach: Reach,
        transaction: Option<&TransactionId>,
    ) {
        let Some(last) = self.find(number) else {
            return;
        };
        let first = match reach {
            Reach::One => last,
            Reach::UpTo => 0,
        };
        for delivery in self.list.range_mut(first..=last) {
            if delivery.fate == Fate::Open {
                delivery.fate = match transaction {
                    Some(transaction) => Fate::InTransaction(transaction.clone()),
                    None => {
                        self.settled += 1;
                        Fate::Settled
                    }
                };
            }
        }
        self.sweep();
    }

    /// Settles what the transaction holds.
    pub(crate) fn commit(&mut self, transaction: &TransactionId) {
        for delivery in &mut self.list {
            if matches!(&delivery.fate, Fate::InTransaction(t) if t == transaction) {
                delivery.fate = Fate::Settled;
                self.settled += 1;
            }
        }
        self.sweep();
    }

    /// Opens again what the transaction holds.
    pub(crate) fn abort(&mut self, transaction: &TransactionId) {
        for delivery in &mut self.list {
            if matches!(&delivery.fate, Fate::InTransaction(t) if t == transaction) {
                delivery.fate = Fate::Open;
            }
        }
    }

    /// Deliveries that are not settled, or only by a transaction that is still open.
    pub(crate) fn unsettled(&self) -> usize {
        self.list.len() - self.settled
    }

    fn find(&self, number: u64) -> Option<usize> {
        // Settled mostly in order, so that it is most often the first.
        if self.list.front()?.number == number {
            return Some(0);
        }
        self.list
            .binary_search_by_key(&number, |delivery| delivery.number)
            .ok()
    }

    fn sweep(&mut self) {
        while self.list.front().is_some_and(|d| d.fate == Fate::Settled) {
            self.list.pop_front();
            self.settled -= 1;
        }
        if self.settled > self.list.len() / 2 {
            self.list.retain(|delivery| delivery.fate != Fate::Settled);
            self.settled = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Deliveries {
        let mut deliveries = Deliveries::default();
        assert_eq!([0, 1, 2].map(|_| deliveries.add()), [0, 1, 2]);
        deliveries
    }

    fn open(deliveries: &Deliveries) -> Vec<u64> {
        (0..3).filter(|&n| deliveries.is_open(n)).collect()
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
    fn one_delivery_kept_open_does_not_make_the_list_grow() {
        let mut deliveries = Deliveries::default();
        let kept = deliveries.add();
        for _ in 0..10_000 {
            let number = deliveries.add();
            deliveries.settle(number, Reach::One, None);
            assert!(!deliveries.is_open(number));
        }
        assert!(deliveries.is_open(kept));
        assert!(deliveries.list.len() <= 3, "{}", deliveries.list.len());
    }
}

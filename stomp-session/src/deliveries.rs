use stomp_commands::TransactionId;

use crate::numbered::Numbered;

/// The deliveries of one subscription that are not settled for good.
#[derive(Debug, Default)]
pub(crate) struct Deliveries(Numbered<Fate>);

#[derive(Debug, PartialEq)]
enum Fate {
    Open,
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
    /// Enters a new delivery, and gives its number.
    pub(crate) fn add(&mut self) -> u64 {
        self.0.push(Fate::Open)
    }

    /// Tells whether the delivery may be settled.
    pub(crate) fn is_open(&self, number: u64) -> bool {
        self.0.get(number) == Some(&Fate::Open)
    }

    /// Settles a delivery, at once or when `transaction` is committed.
    pub(crate) fn settle(
        &mut self,
        number: u64,
        reach: Reach,
        transaction: Option<&TransactionId>,
    ) {
        let open = |fate: &Fate| *fate == Fate::Open;
        match (transaction, reach) {
            (None, Reach::One) => drop(self.0.remove(number)),
            (None, Reach::UpTo) => self.0.remove_through(number, |fate| open(fate)),
            (Some(transaction), reach) => {
                let reached = self.0.iter_mut().filter(|(n, _)| match reach {
                    Reach::One => *n == number,
                    Reach::UpTo => *n <= number,
                });
                for (_, fate) in reached.filter(|(_, fate)| open(fate)) {
                    *fate = Fate::InTransaction(transaction.clone());
                }
            }
        }
    }

    /// Settles what the transaction holds.
    pub(crate) fn commit(&mut self, transaction: &TransactionId) {
        self.0
            .remove_through(u64::MAX, |fate| fate.is_held_by(transaction));
    }

    /// Opens again what the transaction holds.
    pub(crate) fn abort(&mut self, transaction: &TransactionId) {
        for (_, fate) in self.0.iter_mut() {
            if fate.is_held_by(transaction) {
                *fate = Fate::Open;
            }
        }
    }

    /// Deliveries that are not settled, or only by a transaction that is still open.
    pub(crate) fn unsettled(&self) -> usize {
        self.0.len()
    }
}

impl Fate {
    fn is_held_by(&self, transaction: &TransactionId) -> bool {
        matches!(self, Self::InTransaction(holder) if holder == transaction)
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
}

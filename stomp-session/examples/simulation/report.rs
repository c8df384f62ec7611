//! What came of it.

use std::fmt;

/// The figures of one world, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) connections: u64,
    pub(crate) kills: u64,
    /// SENDs outside of transactions.
    pub(crate) attempts: u64,
    /// Messages whose RECEIPT came.
    pub(crate) confirmed: u64,
    /// Confirmed, and never delivered.
    pub(crate) lost: u64,
    /// Delivered more than once. That is what at-least-once means.
    pub(crate) duplicated: u64,
    /// Deliveries in another order than the broker's, on one connection.
    pub(crate) reordered: u64,
    /// ACKs for deliveries of another connection that the session did not send.
    pub(crate) stale: u64,
    /// ACKs on the wire for deliveries of another connection.
    pub(crate) stale_acks: u64,
    /// Subscription ids that came up on two connections.
    pub(crate) reused_ids: u64,
    /// Frames on the wire for transactions of another connection.
    pub(crate) stale_transactions: u64,
    pub(crate) transactions: u64,
    /// COMMITs of which the session said that nobody knows.
    pub(crate) in_doubt: u64,
    /// Transactions of which a part took place, or something else than the session said.
    pub(crate) torn: u64,
    /// Receipts that were neither reported nor reported missing, or both.
    pub(crate) unresolved: u64,
    /// What the session let through and the broker had to refuse, or the session refused without
    /// reason.
    pub(crate) errors: u64,
    /// A digest of everything that went over the wire.
    pub(crate) digest: u64,
}

impl Report {
    pub(crate) fn keeps_promises(&self) -> bool {
        let broken = [
            self.lost,
            self.reordered,
            self.stale_acks,
            self.reused_ids,
            self.stale_transactions,
            self.torn,
            self.unresolved,
            self.errors,
        ];
        broken.iter().all(|&count| count == 0)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (total, more) in [
            (&mut self.connections, other.connections),
            (&mut self.kills, other.kills),
            (&mut self.attempts, other.attempts),
            (&mut self.confirmed, other.confirmed),
            (&mut self.lost, other.lost),
            (&mut self.duplicated, other.duplicated),
            (&mut self.reordered, other.reordered),
            (&mut self.stale, other.stale),
            (&mut self.stale_acks, other.stale_acks),
            (&mut self.reused_ids, other.reused_ids),
            (&mut self.stale_transactions, other.stale_transactions),
            (&mut self.transactions, other.transactions),
            (&mut self.in_doubt, other.in_doubt),
            (&mut self.torn, other.torn),
            (&mut self.unresolved, other.unresolved),
            (&mut self.errors, other.errors),
        ] {
            *total += more;
        }
        self.digest = self.digest.rotate_left(1) ^ other.digest;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} connections, {} kills, {} attempts, {} confirmed, {} lost, {} duplicated, \
             {} reordered, {} stale acks on the wire ({} held back), {} stale transactions, \
             {} reused ids, {} transactions ({} in doubt, {} torn), {} unresolved, {} errors, \
             digest {:016x}",
            self.connections,
            self.kills,
            self.attempts,
            self.confirmed,
            self.lost,
            self.duplicated,
            self.reordered,
            self.stale_acks,
            self.stale,
            self.stale_transactions,
            self.reused_ids,
            self.transactions,
            self.in_doubt,
            self.torn,
            self.unresolved,
            self.errors,
            self.digest,
        )
    }
}

/// Counters since the client began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections on which CONNECTED came.
    pub connections: u64,
    /// Messages that were received.
    pub received: u64,
    /// Messages that came for no subscription, or for one that has just ended.
    pub orphans: u64,
    /// Messages of lost connections that were dropped before anybody took them.
    pub stale_dropped: u64,
    /// Fired messages that were lost with a connection.
    pub fired_lost: u64,
    /// Messages that the application dropped without settling them.
    pub released: u64,
    /// How often reading stopped since nobody took the messages.
    pub stops: u64,
}

use std::time::Duration;

use crate::broker::Broker;

/// Where to connect next, and how long to wait before. How it went is told to
/// [`Failover::succeeded`](crate::Failover::succeeded) or
/// [`Failover::failed`](crate::Failover::failed).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The broker to connect to.
    pub broker: Broker,
    /// How long to wait before.
    pub delay: Duration,
    /// The number of this attempt since the last stable connection, from 1.
    pub number: u32,
    /// The number of the round through all brokers since the last stable connection, from 1.
    pub round: u32,
    /// Set each `warnAfterReconnectAttempts` failures: time to say in the log that there is still
    /// no connection.
    pub warn: bool,
    pub(super) purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// There is no connection.
    Connect,
    /// There is one, but to a broker that is not preferred.
    FailBack,
}

use std::fmt;

use crate::broker::Broker;

/// Every attempt that the options allow has been made: which brokers were tried, how often, and
/// what went wrong last.
///
/// ```
/// use stomp_failover::{Failover, FailoverUri};
///
/// let mut failover = Failover::new("stomp://mq.example".parse::<FailoverUri>()?, 1);
/// let attempt = failover.next()?;
/// failover.failed(&attempt, "connection refused");
/// let exhausted = failover.next().unwrap_err();
/// assert_eq!(
///     exhausted.to_string(),
///     "no connection within 1 round (startupMaxReconnectAttempts): \
///      stomp://mq.example:61613 tried once, last: connection refused",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exhausted {
    /// Which limit was reached.
    pub limit: Limit,
    /// The brokers tried since the last stable connection, in the order of their first attempt.
    pub tried: Vec<Tried>,
}

/// What happened to one broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tried {
    /// The broker.
    pub broker: Broker,
    /// How often it was tried. 0 if it was not tried again after a stable connection to it was
    /// lost.
    pub attempts: u32,
    /// What [`failed`](crate::Failover::failed) or [`lost`](crate::Failover::lost) last said;
    /// `None` if nothing was reported.
    pub last_error: Option<String>,
}

/// The limits that end a series of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// There was never a connection, and `startupMaxReconnectAttempts` is reached.
    Startup(Count),
    /// A connection was lost, and `maxReconnectAttempts` is reached.
    Reconnect(Count),
    /// A connection was lost, and `reconnectSupported=false`.
    ReconnectNotSupported,
}

/// How many attempts there were, in the unit of [`CountBy`](crate::CountBy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Count {
    /// Rounds through all brokers.
    Rounds(u32),
    /// Single brokers.
    Brokers(u32),
}

impl std::error::Error for Exhausted {}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.limit.fmt(f)?;
        for (index, tried) in self.tried.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            tried.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Startup(count) => write!(
                f,
                "no connection within {count} (startupMaxReconnectAttempts)"
            ),
            Self::Reconnect(count) => write!(
                f,
                "no stable connection within {count} (maxReconnectAttempts)"
            ),
            Self::ReconnectNotSupported => {
                f.write_str("connection lost, and no other allowed (reconnectSupported)")
            }
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rounds(1) => f.write_str("1 round"),
            Self::Rounds(rounds) => write!(f, "{rounds} rounds"),
            Self::Brokers(1) => f.write_str("1 attempt"),
            Self::Brokers(attempts) => write!(f, "{attempts} attempts"),
        }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.broker.fmt(f)?;
        match self.attempts {
            0 => f.write_str(" not tried again")?,
            1 => f.write_str(" tried once")?,
            attempts => write!(f, " tried {attempts} times")?,
        }
        match &self.last_error {
            Some(error) => write!(f, ", last: {error}"),
            None => f.write_str(", result not reported"),
        }
    }
}

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
///     "stomp://mq.example:61613: connection refused \
///      (tried once; startupMaxReconnectAttempts allows 1 round)",
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

/// One line, the most important part first: which broker, what went wrong, and then which limit
/// ended it.
impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [tried] = &*self.tried {
            return write!(
                f,
                "{}: {} ({}; {})",
                tried.broker,
                tried.outcome(),
                tried.times(),
                self.limit
            );
        }
        for tried in &self.tried {
            write!(f, "{tried}; ")?;
        }
        self.limit.fmt(f)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Startup(count) => write!(f, "startupMaxReconnectAttempts allows {count}"),
            Self::Reconnect(count) => write!(f, "maxReconnectAttempts allows {count}"),
            Self::ReconnectNotSupported => {
                f.write_str("reconnectSupported=false allows no reconnection")
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
        write!(f, "{}: {} ({})", self.broker, self.outcome(), self.times())
    }
}

impl Tried {
    /// Errors come from elsewhere, and may have line breaks that would tear a log apart.
    fn outcome(&self) -> String {
        self.last_error
            .as_deref()
            .unwrap_or("result not reported")
            .replace(char::is_control, " ")
    }

    fn times(&self) -> String {
        match self.attempts {
            0 => "not tried again".to_owned(),
            1 => "tried once".to_owned(),
            attempts => format!("tried {attempts} times"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Scheme;

    #[test]
    fn an_error_of_several_lines_becomes_one() {
        let exhausted = Exhausted {
            limit: Limit::Startup(Count::Rounds(1)),
            tried: vec![Tried {
                broker: Broker::new(Scheme::Stomp, "a", 61613),
                attempts: 1,
                last_error: Some("ERROR frame:\naccess\trefused".to_owned()),
            }],
        };
        assert_eq!(
            exhausted.to_string(),
            "stomp://a:61613: ERROR frame: access refused \
             (tried once; startupMaxReconnectAttempts allows 1 round)",
        );
    }
}

pub(crate) mod java;
mod manners;
mod reaction;
pub(crate) mod spring;
mod wildcards;

use std::fmt;
use std::str::FromStr;

use stomp_commands::Dialect;

pub(crate) use manners::{HeartBeatAnswer, Manners, Receipts, Rhythm, Ticks, Watch};
pub(crate) use reaction::{Reaction, reaction};

/// Whose manners a broker copies.
///
/// The specification leaves much open, and real brokers disobey the rest of it, each in its own
/// way. A client that works with [`Strict`](Self::Strict) makes no mistakes; one that works with
/// the others gets along with theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// The specification to the letter: ERROR ends the connection, always.
    #[default]
    Strict,
    /// RabbitMQ 3.10 with its STOMP plugin.
    RabbitMq,
    /// Apache ActiveMQ Classic 5.17.
    ActiveMq,
    /// Apache ActiveMQ Artemis 2.
    Artemis,
    /// The simple broker of Spring's messaging (6.2), which has little of a broker: it answers
    /// DISCONNECT with a RECEIPT and nothing else, names no `server`, has no `ack` in MESSAGE,
    /// keeps nothing (a queue is a topic), and passes over acknowledgements, transactions and most
    /// mistakes in silence, a CONNECT without `accept-version` among them.
    Spring,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 5] = [
        Self::Strict,
        Self::RabbitMq,
        Self::ActiveMq,
        Self::Artemis,
        Self::Spring,
    ];

    /// Tells whose words for prefetch, durability and expiry the broker understands.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Strict | Self::Spring => Dialect::Generic,
            Self::RabbitMq => Dialect::RabbitMq,
            Self::ActiveMq => Dialect::ActiveMq,
            Self::Artemis => Dialect::Artemis,
        }
    }
}

/// Writes the name that [`FromStr`] reads: `strict`, `rabbitmq`, `activemq`, `artemis` or `spring`.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Strict => "strict",
            Self::RabbitMq => "rabbitmq",
            Self::ActiveMq => "activemq",
            Self::Artemis => "artemis",
            Self::Spring => "spring",
        })
    }
}

/// The text names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a profile (expected strict, rabbitmq, activemq, artemis or spring)")]
#[non_exhaustive]
pub struct UnknownProfile;

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.to_string() == text)
            .ok_or(UnknownProfile)
    }
}

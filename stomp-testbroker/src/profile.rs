use std::fmt;
use std::str::FromStr;

use stomp_commands::Dialect;
use stomp_frame::Frame;

use crate::NackPolicy;

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
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 4] = [Self::Strict, Self::RabbitMq, Self::ActiveMq, Self::Artemis];

    /// Tells whose words for prefetch, durability and expiry the broker understands.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Strict => Dialect::Generic,
            Self::RabbitMq => Dialect::RabbitMq,
            Self::ActiveMq => Dialect::ActiveMq,
            Self::Artemis => Dialect::Artemis,
        }
    }
}

/// Writes the name that [`FromStr`] reads: `strict`, `rabbitmq`, `activemq` or `artemis`.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Strict => "strict",
            Self::RabbitMq => "rabbitmq",
            Self::ActiveMq => "activemq",
            Self::Artemis => "artemis",
        })
    }
}

/// The text names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a profile (expected strict, rabbitmq, activemq or artemis)")]
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

/// What the broker says in CONNECTED about heart-beats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeartBeatAnswer {
    /// What was configured.
    Own,
    /// The client's numbers, the other way round.
    Mirror,
    /// The same, in whole seconds.
    MirrorWholeSeconds,
}

/// A profile as data: everything in which brokers differ.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    /// `server` of CONNECTED.
    pub(crate) server: &'static str,
    /// Whether CONNECT needs `host` from 1.1 on, as the specification demands.
    pub(crate) host_required: bool,
    pub(crate) heart_beat: HeartBeatAnswer,
    /// How many periods of silence are death.
    pub(crate) tolerance: u32,
    /// Whether a line feed follows the NUL.
    pub(crate) eol_after_frame: bool,
    pub(crate) nack: NackPolicy,
    pub(crate) dead_letters: &'static str,
}

impl Manners {
    pub(crate) fn of(profile: Profile) -> Self {
        match profile {
            Profile::Strict => Self {
                server: concat!("stomp-testbroker/", env!("CARGO_PKG_VERSION")),
                host_required: true,
                heart_beat: HeartBeatAnswer::Own,
                tolerance: 2,
                eol_after_frame: false,
                nack: NackPolicy::Drop,
                dead_letters: "/queue/DLQ",
            },
            Profile::RabbitMq => Self {
                server: "RabbitMQ/3.10.8",
                host_required: false,
                heart_beat: HeartBeatAnswer::MirrorWholeSeconds,
                tolerance: 3,
                eol_after_frame: true,
                nack: NackPolicy::Requeue,
                ..Self::of(Profile::Strict)
            },
            Profile::ActiveMq => Self {
                server: "ActiveMQ/5.17.2",
                host_required: false,
                heart_beat: HeartBeatAnswer::Mirror,
                tolerance: 2,
                eol_after_frame: true,
                nack: NackPolicy::DeadLetter,
                dead_letters: "/queue/ActiveMQ.DLQ",
            },
            Profile::Artemis => Self {
                server: "ActiveMQ-Artemis/2.31.2 ActiveMQ Artemis Messaging Engine",
                nack: NackPolicy::Drop,
                dead_letters: "/queue/DLQ",
                ..Self::of(Profile::ActiveMq)
            },
        }
    }

    /// Reads how many messages a subscriber wants to have at a time.
    pub(crate) fn prefetch(&self, subscribe: &Frame) -> Option<usize> {
        ["prefetch-count", "activemq.prefetchSize"]
            .into_iter()
            .find_map(|name| subscribe.headers.get(name))
            .and_then(|text| text.parse().ok())
            .filter(|prefetch| *prefetch > 0)
    }
}

use std::fmt;

use stomp_frame::Version;

/// The words of a broker: STOMP leaves prefetch, durability, expiry and more to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Dialect {
    /// A broker we know nothing about, and the specification's words only.
    #[default]
    Generic,
    /// RabbitMQ with its STOMP plugin.
    RabbitMq,
    /// Apache ActiveMQ Classic.
    ActiveMq,
    /// Apache ActiveMQ Artemis.
    Artemis,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 4] = [Self::Generic, Self::RabbitMq, Self::ActiveMq, Self::Artemis];

    /// Recognises a broker by the `server` header of its CONNECTED.
    ///
    /// ```
    /// use stomp_commands::Dialect;
    ///
    /// assert_eq!(Dialect::detect(Some("RabbitMQ/3.10.8")), Dialect::RabbitMq);
    /// assert_eq!(Dialect::detect(None), Dialect::Generic);
    /// ```
    #[must_use]
    pub fn detect(server: Option<&str>) -> Self {
        let name = server.unwrap_or_default();
        let name = name.split(['/', ' ']).next().unwrap_or_default();
        match name {
            "RabbitMQ" => Self::RabbitMq,
            "ActiveMQ" => Self::ActiveMq,
            "ActiveMQ-Artemis" => Self::Artemis,
            _ => Self::Generic,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Generic => "a generic broker",
            Self::RabbitMq => "RabbitMQ",
            Self::ActiveMq => "ActiveMQ",
            Self::Artemis => "Artemis",
        })
    }
}

/// Something that a broker may or may not have a word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// [`Subscribe::prefetch`](crate::Subscribe::prefetch).
    Prefetch,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Prefetch => "a prefetch in messages",
        })
    }
}

/// Whom a frame goes to: the version in force on the connection, and the broker's dialect.
///
/// A bare [`Version`] is a generic peer, so `into_frame(Version::V1_2)` works wherever no broker's
/// own words are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Peer {
    /// The version in force.
    pub version: Version,
    /// The broker's words.
    pub dialect: Dialect,
}

impl Peer {
    /// Describes a peer.
    #[must_use]
    pub const fn new(version: Version, dialect: Dialect) -> Self {
        Self { version, dialect }
    }
}

impl From<Version> for Peer {
    fn from(version: Version) -> Self {
        Self::new(version, Dialect::Generic)
    }
}

use stomp_frame::Version;

use super::Dialect;

/// Whom a frame goes to: the version in force on the connection, and the broker's dialect.
///
/// A bare [`Version`] is an unknown broker, so `into_frame(Version::V1_2)` will do wherever no
/// broker's own words are used.
///
/// ```
/// use stomp_commands::{Dialect, Peer, Subscribe, Version};
///
/// let peer = Peer::new(Version::V1_2, Dialect::RabbitMq);
/// let frame = Subscribe::to("/queue/a").id("s1").prefetch(10).into_frame(peer)?;
/// assert_eq!(frame.headers.get("prefetch-count"), Some("10"));
/// # Ok::<_, stomp_commands::CommandError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Peer {
    /// The version in force.
    pub version: Version,
    /// The broker's words.
    pub dialect: Dialect,
    /// CONNECT named a `client-id`: durable subscriptions of ActiveMQ and Artemis need it.
    pub client_id: bool,
}

impl Peer {
    /// Describes a peer, on a connection without `client-id`.
    #[must_use]
    pub const fn new(version: Version, dialect: Dialect) -> Self {
        Self {
            version,
            dialect,
            client_id: false,
        }
    }

    /// Says that CONNECT named a `client-id`.
    #[must_use]
    pub const fn with_client_id(mut self) -> Self {
        self.client_id = true;
        self
    }
}

impl From<Version> for Peer {
    fn from(version: Version) -> Self {
        Self::new(version, Dialect::Generic)
    }
}

use std::fmt;
use std::str::FromStr;

use crate::Version;

/// The first line of a frame.
///
/// The set is closed: the specification lets a server answer anything else with ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "UPPERCASE"))]
#[expect(
    clippy::exhaustive_enums,
    reason = "the commands of the specification, all versions"
)]
#[allow(missing_docs)] // the specification defines them
pub enum Command {
    Connect,
    Stomp,
    Connected,
    Send,
    Subscribe,
    Unsubscribe,
    Ack,
    Nack,
    Begin,
    Commit,
    Abort,
    Disconnect,
    Message,
    Receipt,
    Error,
}

/// A side of a connection: the one that sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum Side {
    /// The client: CONNECT, SEND, SUBSCRIBE, …
    Client,
    /// The server: CONNECTED, MESSAGE, RECEIPT, ERROR.
    Server,
}

impl Command {
    /// Every command, client commands first.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Stomp,
        Self::Send,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Ack,
        Self::Nack,
        Self::Begin,
        Self::Commit,
        Self::Abort,
        Self::Disconnect,
        Self::Connected,
        Self::Message,
        Self::Receipt,
        Self::Error,
    ];

    /// Names the command as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Stomp => "STOMP",
            Self::Connected => "CONNECTED",
            Self::Send => "SEND",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Ack => "ACK",
            Self::Nack => "NACK",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
            Self::Disconnect => "DISCONNECT",
            Self::Message => "MESSAGE",
            Self::Receipt => "RECEIPT",
            Self::Error => "ERROR",
        }
    }

    pub(crate) const fn from_bytes(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"CONNECT" => Self::Connect,
            b"STOMP" => Self::Stomp,
            b"CONNECTED" => Self::Connected,
            b"SEND" => Self::Send,
            b"SUBSCRIBE" => Self::Subscribe,
            b"UNSUBSCRIBE" => Self::Unsubscribe,
            b"ACK" => Self::Ack,
            b"NACK" => Self::Nack,
            b"BEGIN" => Self::Begin,
            b"COMMIT" => Self::Commit,
            b"ABORT" => Self::Abort,
            b"DISCONNECT" => Self::Disconnect,
            b"MESSAGE" => Self::Message,
            b"RECEIPT" => Self::Receipt,
            b"ERROR" => Self::Error,
            _ => return None,
        })
    }

    /// Tells which side sends this command.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::Connected | Self::Message | Self::Receipt | Self::Error => Side::Server,
            _ => Side::Client,
        }
    }

    /// Tells whether `version` has this command: STOMP and NACK came with 1.1.
    #[must_use]
    pub fn exists_in(self, version: Version) -> bool {
        version >= Version::V1_1 || !matches!(self, Self::Stomp | Self::Nack)
    }

    /// Tells whether a frame of this command may have a body in `version`.
    ///
    /// From 1.1 on only SEND, MESSAGE and ERROR may (1.1 and 1.2, "Body").
    #[must_use]
    pub const fn may_have_body(self, version: Version) -> bool {
        matches!(version, Version::V1_0) || matches!(self, Self::Send | Self::Message | Self::Error)
    }

    /// Tells whether header names and values of this command are escaped in `version`.
    ///
    /// CONNECT and CONNECTED never are, "to allow for backwards compatibility with 1.0"
    /// (1.1 and 1.2, "Value Encoding"); the STOMP frame is.
    #[must_use]
    pub const fn is_escaped(self, version: Version) -> bool {
        !matches!(version, Version::V1_0) && !matches!(self, Self::Connect | Self::Connected)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not a STOMP command. Commands are case sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a STOMP command")]
#[non_exhaustive]
pub struct UnknownCommand;

impl FromStr for Command {
    type Err = UnknownCommand;

    fn from_str(text: &str) -> Result<Self, UnknownCommand> {
        Self::from_bytes(text.as_bytes()).ok_or(UnknownCommand)
    }
}

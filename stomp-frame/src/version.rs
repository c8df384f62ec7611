use std::fmt;
use std::str::FromStr;

/// A version of the STOMP protocol.
///
/// Versions are ordered: `V1_0 < V1_1 < V1_2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three versions of the specification"
)]
pub enum Version {
    /// STOMP 1.0: no escapes, no heart-beats, no NACK.
    #[cfg_attr(feature = "serde", serde(rename = "1.0"))]
    V1_0,
    /// STOMP 1.1: escapes for LF, colon and backslash, heart-beats, NACK.
    #[cfg_attr(feature = "serde", serde(rename = "1.1"))]
    V1_1,
    /// STOMP 1.2: CR LF line ends, an escape for CR, ACK by the `ack` header.
    #[cfg_attr(feature = "serde", serde(rename = "1.2"))]
    V1_2,
}

impl Version {
    /// Every version, in increasing order.
    pub const ALL: [Self; 3] = [Self::V1_0, Self::V1_1, Self::V1_2];

    /// Names the version as headers do: `1.0`, `1.1` or `1.2`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not `1.0`, `1.1` or `1.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a STOMP version (expected 1.0, 1.1 or 1.2)")]
#[non_exhaustive]
pub struct UnknownVersion;

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or(UnknownVersion)
    }
}

use std::fmt;
use std::str::FromStr;

/// How the messages of a subscription are acknowledged (1.2, "SUBSCRIBE ack Header").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[expect(clippy::exhaustive_enums, reason = "the modes of the specification")]
pub enum AckMode {
    /// Not at all: the server forgets a message when it has sent it. The default.
    #[default]
    Auto,
    /// An ACK is cumulative: it settles all messages of the subscription up to this one.
    Client,
    /// An ACK settles one message. Came with 1.1.
    ClientIndividual,
}

impl AckMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Client, Self::ClientIndividual];

    /// Names the mode as the header does.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Client => "client",
            Self::ClientIndividual => "client-individual",
        }
    }
}

impl fmt::Display for AckMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not `auto`, `client` or `client-individual`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ack mode (expected auto, client or client-individual)")]
#[non_exhaustive]
pub struct UnknownAckMode;

impl FromStr for AckMode {
    type Err = UnknownAckMode;

    fn from_str(text: &str) -> Result<Self, UnknownAckMode> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(UnknownAckMode)
    }
}

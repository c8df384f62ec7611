use std::fmt;
use std::str::FromStr;

use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, FrameError, Peer, ReceiptId, SubscriptionId};

/// SUBSCRIBE: asks for the messages of a destination.
///
/// ```
/// use stomp_commands::{AckMode, Subscribe, Version};
///
/// let frame = Subscribe::to("/queue/a")
///     .id("s1")
///     .ack(AckMode::ClientIndividual)
///     .into_frame(Version::V1_2)?;
/// assert_eq!(frame.headers.get("ack"), Some("client-individual"));
/// # Ok::<_, stomp_commands::CommandError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscribe {
    /// Whose messages.
    pub destination: String,
    /// Names the subscription: mandatory from 1.1 on.
    pub id: Option<SubscriptionId>,
    /// How messages are acknowledged. `auto`, the default, is not written.
    pub ack: AckMode,
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// Headers of your own.
    pub headers: Headers,
}

impl Subscribe {
    /// Asks for the messages of a destination, in ack mode `auto`.
    #[must_use]
    pub fn to(destination: impl Into<String>) -> Self {
        Self {
            destination: destination.into(),
            id: None,
            ack: AckMode::Auto,
            receipt: None,
            headers: Headers::new(),
        }
    }

    /// Names the subscription.
    #[must_use]
    pub fn id(mut self, id: impl Into<SubscriptionId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Chooses how messages are acknowledged.
    #[must_use]
    pub fn ack(mut self, ack: AckMode) -> Self {
        self.ack = ack;
        self
    }

    setters!(receipt, header);

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// When there is no id in 1.1 or 1.2, or when a header of your own has a method here.
    pub fn into_frame(self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        let version = to.into().version;
        let mut frame = Assembly::new(Command::Subscribe, version)?;
        frame = match version {
            Version::V1_0 => frame.put_if_some(header::ID, self.id),
            _ => frame.put_required(header::ID, self.id)?,
        };
        frame = frame.put(header::DESTINATION, self.destination);
        if self.ack != AckMode::Auto {
            frame = frame.put(header::ACK, self.ack.as_str());
        }
        frame
            .put_if_some(header::RECEIPT, self.receipt)
            .finish(&self.headers)
    }

    /// Reads the frame.
    ///
    /// `client-individual` came with 1.1; in 1.0 it is taken all the same, as brokers do.
    ///
    /// # Errors
    ///
    /// When it is another frame; when `destination` is missing, or `id` in 1.1 and 1.2; when the
    /// ack mode is unknown.
    pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
        assemble::expect_command(&frame, Command::Subscribe, version)?;
        let id = match version {
            Version::V1_0 => assemble::optional(&frame, header::ID),
            _ => Some(assemble::required(&frame, header::ID)?.into()),
        };
        let ack = match frame.headers.get(header::ACK) {
            None => AckMode::Auto,
            Some(mode) => mode.parse().map_err(|_| FrameError::BadAckMode)?,
        };
        Ok(Self {
            destination: assemble::required(&frame, header::DESTINATION)?.to_owned(),
            id,
            ack,
            receipt: assemble::optional(&frame, header::RECEIPT),
            headers: assemble::user_headers(&mut frame),
        })
    }
}

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
        [Self::Auto, Self::Client, Self::ClientIndividual]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(UnknownAckMode)
    }
}

/// UNSUBSCRIBE: ends a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsubscribe {
    /// The subscription's id, if it has one: it always does from 1.1 on.
    pub id: Option<SubscriptionId>,
    /// 1.0 only: the destination of a subscription made without id.
    pub destination: Option<String>,
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// Headers of your own.
    pub headers: Headers,
}

impl Unsubscribe {
    /// Ends the subscription of this id.
    #[must_use]
    pub fn id(id: impl Into<SubscriptionId>) -> Self {
        Self::of(Some(id.into()), None)
    }

    /// Ends the subscription that was made without id, in 1.0.
    #[must_use]
    pub fn destination(destination: impl Into<String>) -> Self {
        Self::of(None, Some(destination.into()))
    }

    fn of(id: Option<SubscriptionId>, destination: Option<String>) -> Self {
        Self {
            id,
            destination,
            receipt: None,
            headers: Headers::new(),
        }
    }

    setters!(receipt, header);

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// When there is no id in 1.1 or 1.2, or when a header of your own has a method here.
    pub fn into_frame(self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        let version = to.into().version;
        let mut frame = Assembly::new(Command::Unsubscribe, version)?;
        frame = match (version, self.id) {
            (Version::V1_0, None) => frame.put_required(header::DESTINATION, self.destination)?,
            (_, id) => frame.put_required(header::ID, id)?,
        };
        frame
            .put_if_some(header::RECEIPT, self.receipt)
            .finish(&self.headers)
    }

    /// Reads the frame.
    ///
    /// # Errors
    ///
    /// When it is another frame; when `id` is missing, or in 1.0 both `id` and `destination`.
    pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
        assemble::expect_command(&frame, Command::Unsubscribe, version)?;
        let id = assemble::optional(&frame, header::ID);
        let destination = match (version, &id) {
            (Version::V1_0, None) => {
                Some(assemble::required(&frame, header::DESTINATION)?.to_owned())
            }
            (_, None) => return Err(assemble::missing(&frame, header::ID)),
            (_, Some(_)) => None,
        };
        Ok(Self {
            id,
            destination,
            receipt: assemble::optional(&frame, header::RECEIPT),
            headers: assemble::user_headers(&mut frame),
        })
    }
}

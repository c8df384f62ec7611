use bytes::Bytes;
use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, FrameError, Peer, ReceiptId, TransactionId};

/// SEND: gives a message to a destination.
///
/// ```
/// use stomp_commands::{Send, Version};
///
/// let frame = Send::to("/queue/a")
///     .text("hello")
///     .header("priority", "7")
///     .receipt("r1")
///     .into_frame(Version::V1_2)?;
/// assert_eq!(frame.headers.get("content-type"), Some("text/plain;charset=utf-8"));
/// assert_eq!(frame.body, "hello");
/// # Ok::<_, stomp_commands::CommandError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Send {
    /// Where the message goes.
    pub destination: String,
    /// Sends with a transaction, not at once.
    pub transaction: Option<TransactionId>,
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// The MIME type of the body. `None` leaves it to [`kind`](Self::kind).
    pub content_type: Option<String>,
    /// What the body is.
    pub kind: BodyKind,
    /// Headers of your own. They travel with the message.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// What the body of a message is, which decides its default `content-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyKind {
    /// Nothing is said about it.
    #[default]
    Raw,
    /// `application/octet-stream`.
    Bytes,
    /// `text/plain;charset=utf-8`.
    Text,
    /// `application/json`.
    Json,
}

impl BodyKind {
    /// The `content-type` that goes with it.
    #[must_use]
    pub const fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Raw => None,
            Self::Bytes => Some("application/octet-stream"),
            Self::Text => Some("text/plain;charset=utf-8"),
            Self::Json => Some("application/json"),
        }
    }
}

impl Send {
    /// Begins a message to a destination, with an empty body.
    #[must_use]
    pub fn to(destination: impl Into<String>) -> Self {
        Self {
            destination: destination.into(),
            transaction: None,
            receipt: None,
            content_type: None,
            kind: BodyKind::Raw,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// Sets the body, and says nothing about what it is.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.with_body(body.into(), BodyKind::Raw)
    }

    /// Sets a body of octets: `application/octet-stream`, unless
    /// [`content_type`](Self::content_type) says more.
    #[must_use]
    pub fn bytes(self, body: impl Into<Bytes>) -> Self {
        self.with_body(body.into(), BodyKind::Bytes)
    }

    /// Sets a body of text: `text/plain;charset=utf-8`, unless
    /// [`content_type`](Self::content_type) says more.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with_body(text.into().into(), BodyKind::Text)
    }

    /// Sets a body of JSON: `application/json`, unless [`content_type`](Self::content_type) says
    /// more.
    ///
    /// # Errors
    ///
    /// When the value cannot be serialised.
    #[cfg(feature = "json")]
    pub fn json(self, value: &(impl serde::Serialize + ?Sized)) -> serde_json::Result<Self> {
        let body = serde_json::to_vec(value)?;
        Ok(self.with_body(body.into(), BodyKind::Json))
    }

    fn with_body(mut self, body: Bytes, kind: BodyKind) -> Self {
        self.body = body;
        self.kind = kind;
        self
    }

    /// Sets the MIME type of the body.
    #[must_use]
    pub fn content_type(mut self, mime: impl Into<String>) -> Self {
        self.content_type = Some(mime.into());
        self
    }

    setters!(transaction, receipt, header);

    /// Builds the frame. `content-length` is left to the encoder.
    ///
    /// # Errors
    ///
    /// When a header of your own has a method here.
    pub fn into_frame(self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        let content_type = self.content_type.as_deref().or(self.kind.content_type());
        let mut frame = Assembly::new(Command::Send, to.into().version)?
            .put(header::DESTINATION, self.destination)
            .put_if_some(header::TRANSACTION, self.transaction)
            .put_if_some(header::RECEIPT, self.receipt)
            .put_if_some(header::CONTENT_TYPE, content_type)
            .finish(&self.headers)?;
        frame.body = self.body;
        Ok(frame)
    }

    /// Reads the frame.
    ///
    /// # Errors
    ///
    /// When it is another frame, or `destination` is missing.
    pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
        assemble::expect_command(&frame, Command::Send, version)?;
        Ok(Self {
            destination: assemble::required(&frame, header::DESTINATION)?.to_owned(),
            transaction: assemble::optional(&frame, header::TRANSACTION),
            receipt: assemble::optional(&frame, header::RECEIPT),
            content_type: assemble::optional(&frame, header::CONTENT_TYPE),
            kind: BodyKind::Raw,
            headers: assemble::user_headers(&mut frame),
            body: frame.body,
        })
    }
}

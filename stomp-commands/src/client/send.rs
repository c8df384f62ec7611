use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use stomp_frame::{Command, ContentLength, Frame, Headers, Version, header};

use super::{BodyKind, ExpiresIn};
use crate::assemble::{self, Assembly, setters};
use crate::dialect::{Expiry, TextBody};
use crate::{
    CommandError, Dialect, Feature, FrameError, Message, MessageBuilder, Peer, ReceiptId,
    TransactionId,
};

/// SEND: gives a message to a destination.
///
/// ```
/// use stomp_commands::{Send, Version};
///
/// let frame = Send::to("/queue/a")
///     .text("hello")
///     .header("colour", "blue")
///     .receipt("r1")
///     .into_frame(Version::V1_2)?;
/// assert_eq!(frame.headers.get("content-type"), Some("text/plain;charset=utf-8"));
/// assert_eq!(frame.body, "hello");
/// # Ok::<_, stomp_commands::CommandError>(())
/// ```
///
/// Importing it hides the marker trait of this name, which is `std::marker::Send` then.
#[derive(Clone, PartialEq, Eq)]
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
    /// The message survives a restart of the broker. No by default, with all known brokers.
    pub persistent: bool,
    /// When the message is of no use any more.
    pub expires_in: Option<ExpiresIn>,
    /// Which messages the broker delivers first: higher ones.
    pub priority: Option<u8>,
    /// Headers of your own. They travel with the message.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
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
            persistent: false,
            expires_in: None,
            priority: None,
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

    /// Makes the message survive a restart of the broker. Without it a RECEIPT is worth little.
    #[must_use]
    pub fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// Makes the message expire `ttl` after `now`; parts of a millisecond are rounded up.
    ///
    /// RabbitMQ counts from the message's arrival. ActiveMQ and Artemis are told the time of day,
    /// so their clocks and this one had better agree.
    #[must_use]
    pub fn expires_in(mut self, ttl: Duration, now: SystemTime) -> Self {
        self.expires_in = Some(ExpiresIn { ttl, now });
        self
    }

    /// Makes the broker deliver the message before those of lower priority: 0 to 9, with RabbitMQ
    /// to 255.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = Some(priority);
        self
    }

    setters!(transaction, receipt, header, into_frame);

    /// Tells what the encoder has to do about `content-length`.
    ///
    /// It is withheld from a text body where that is how a broker tells text from octets, unless
    /// the text holds NUL.
    #[must_use]
    pub fn content_length(&self, dialect: Dialect) -> ContentLength {
        match dialect.words().text {
            TextBody::NoLength { .. } if self.kind.is_text() && !self.holds_nul() => {
                ContentLength::Withhold
            }
            _ => ContentLength::Auto,
        }
    }

    fn holds_nul(&self) -> bool {
        self.body.contains(&0)
    }

    /// Builds the frame, which shares the body. `content-length` is left to the encoder: see
    /// [`content_length`](Self::content_length).
    ///
    /// # Errors
    ///
    /// When the broker has no word for what was asked, or not for so large a number; when a header
    /// of your own has a method here, or is one that the broker refuses.
    pub fn to_frame(&self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        let content_type = self.content_type.as_deref().or(self.kind.content_type());
        let mut frame = Assembly::new(Command::Send, to)?;
        if self.transaction.is_some() {
            frame.expect_transactions()?;
        }
        frame.put(header::DESTINATION, &self.destination);
        frame.put_if_some(header::TRANSACTION, self.transaction.as_ref());
        frame.put_if_some(header::RECEIPT, self.receipt.as_ref());
        frame.put_if_some(header::CONTENT_TYPE, content_type);
        self.check_headers(&frame)?;
        self.put_text(&mut frame)?;
        self.put_persistent(&mut frame)?;
        self.put_expiry(&mut frame)?;
        self.put_priority(&mut frame)?;
        let mut frame = frame.finish(&self.headers)?;
        frame.body = self.body.clone();
        Ok(frame)
    }

    fn check_headers(&self, frame: &Assembly) -> Result<(), CommandError> {
        match frame.words().forbidden_on_send {
            Some(header) if self.headers.contains(header) => Err(CommandError::ForbiddenHeader {
                dialect: frame.peer().dialect,
                command: Command::Send,
                header,
            }),
            _ => Ok(()),
        }
    }

    fn put_text(&self, frame: &mut Assembly) -> Result<(), CommandError> {
        if let TextBody::NoLength { typed } = frame.words().text
            && self.kind.is_text()
            && self.holds_nul()
        {
            let typed = typed.ok_or(frame.inexpressible(Feature::NulInText))?;
            frame.put_all(&[typed]);
        }
        Ok(())
    }

    fn put_persistent(&self, frame: &mut Assembly) -> Result<(), CommandError> {
        if self.persistent {
            let word = frame.words().persistent;
            let word = word.ok_or(frame.inexpressible(Feature::Persistence))?;
            frame.put_all(&[word]);
        }
        Ok(())
    }

    fn put_expiry(&self, frame: &mut Assembly) -> Result<(), CommandError> {
        let Some(expires) = self.expires_in else {
            return Ok(());
        };
        let (name, ms) = match frame.words().expiry {
            Some(Expiry::Ttl { name, max }) if expires.ttl_ms() <= max => (name, expires.ttl_ms()),
            Some(Expiry::Ttl { max, .. }) => {
                return Err(frame.out_of_range(Feature::Expiry, 1, max));
            }
            Some(Expiry::Epoch { name }) => (name, expires.epoch_ms()),
            None => return Err(frame.inexpressible(Feature::Expiry)),
        };
        frame.put(name, ms.to_string());
        Ok(())
    }

    fn put_priority(&self, frame: &mut Assembly) -> Result<(), CommandError> {
        let Some(priority) = self.priority else {
            return Ok(());
        };
        let word = frame.words().priority;
        let word = word.ok_or(frame.inexpressible(Feature::Priority))?;
        if priority > word.max {
            return Err(frame.out_of_range(Feature::Priority, 0, word.max.into()));
        }
        frame.put(word.name, priority.to_string());
        Ok(())
    }

    /// Makes the message that a subscription gets of it, as a server does: with its destination,
    /// content type and body, and all of its headers but those that only a server writes
    /// (1.2, "SEND": "MUST pass these headers through").
    ///
    /// ```
    /// use stomp_commands::{ClientFrame, Command, Frame, Version};
    ///
    /// let frame = Frame::new(Command::Send)
    ///     .header("destination", "/queue/a")
    ///     .header("colour", "blue")
    ///     .header("ack", "forged");
    /// let ClientFrame::Send(send) = ClientFrame::from_frame(frame, Version::V1_2)? else { panic!() };
    /// let message = send.into_message("m1").subscription("s1").build();
    /// assert_eq!(message.header("colour"), Some("blue"));
    /// assert_eq!(message.ack_id(), None);
    /// # Ok::<_, stomp_commands::FrameError>(())
    /// ```
    #[must_use = "a builder does nothing until it builds"]
    pub fn into_message(self, message_id: impl AsRef<str>) -> MessageBuilder {
        let servers = assemble::typed_headers(Command::Message);
        let mut headers = self.headers;
        headers.retain(|name, _| !servers.contains(&name));
        let message = Message::builder(self.destination, message_id).body(self.body);
        let content_type = self.content_type.as_deref().or(self.kind.content_type());
        match content_type {
            Some(mime) => message.content_type(mime),
            None => message,
        }
        .headers(&headers)
    }

    /// Reads the frame. Brokers' own words are left among the headers.
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
            persistent: false,
            expires_in: None,
            priority: None,
            headers: assemble::user_headers(&mut frame),
            body: frame.body,
        })
    }
}

/// Shows everything but the body, of which it shows the length.
impl fmt::Debug for Send {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send")
            .field("destination", &self.destination)
            .field("transaction", &self.transaction)
            .field("receipt", &self.receipt)
            .field("content_type", &self.content_type)
            .field("kind", &self.kind)
            .field("persistent", &self.persistent)
            .field("expires_in", &self.expires_in)
            .field("priority", &self.priority)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

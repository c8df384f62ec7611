use std::fmt;
use std::str::Utf8Error;

use bytes::Bytes;
use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble;
use crate::{FrameError, SubscriptionId};

/// MESSAGE: what a subscription gets.
///
/// A view of the frame that was checked once, so that nothing is copied and nothing can be missing.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// A MESSAGE frame with `destination` and `message-id`.
    frame: Frame,
}

impl Message {
    /// Reads the frame.
    ///
    /// # Errors
    ///
    /// When it is another frame; when `destination` or `message-id` is missing, or from 1.1 on
    /// `subscription`.
    // A frame is large: inlined, it is not copied once more on its way.
    #[inline]
    pub fn from_frame(frame: Frame, version: Version) -> Result<Self, FrameError> {
        match check(&frame, version) {
            Ok(()) => Ok(Self { frame }),
            Err(error) => Err(error),
        }
    }

    /// Begins a message, as a server does.
    pub fn builder(destination: impl AsRef<str>, message_id: impl AsRef<str>) -> MessageBuilder {
        let frame = Frame::new(Command::Message)
            .header(header::DESTINATION, destination)
            .header(header::MESSAGE_ID, message_id);
        MessageBuilder { frame }
    }

    /// Returns where the message was sent to. It may differ from what was subscribed to, as with
    /// ActiveMQ's virtual topics and RabbitMQ's exchanges: dispatch by
    /// [`subscription`](Self::subscription).
    #[must_use]
    pub fn destination(&self) -> &str {
        self.checked(header::DESTINATION)
    }

    /// Returns the broker's name for the message.
    #[must_use]
    pub fn message_id(&self) -> &str {
        self.checked(header::MESSAGE_ID)
    }

    /// Returns the subscription that gets the message. Only 1.0 may leave it out, and does when
    /// SUBSCRIBE had no id.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        self.header(header::SUBSCRIPTION)
    }

    /// Returns what 1.2 acknowledges the message by. Absent in ack mode `auto`, and before 1.2.
    #[must_use]
    pub fn ack_id(&self) -> Option<&str> {
        self.header(header::ACK)
    }

    /// Returns the MIME type of the body.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.header(header::CONTENT_TYPE)
    }

    /// Tells whether the broker says that it delivered the message before: `redelivered:true`, of
    /// RabbitMQ and ActiveMQ.
    #[must_use]
    pub fn redelivered(&self) -> bool {
        self.header("redelivered") == Some("true")
    }

    /// Returns the first header called `name`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.frame.headers.get(name)
    }

    /// Returns all headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.frame.headers
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.frame.body
    }

    /// Returns the body as text.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8.
    pub fn text(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.frame.body)
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or not that of a `T`.
    #[cfg(feature = "json")]
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.frame.body)
    }

    /// Returns the frame.
    #[must_use]
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Returns the frame, by value.
    #[must_use]
    pub fn into_frame(self) -> Frame {
        self.frame
    }

    /// Copies headers and body out of the read buffer they share with other frames.
    pub fn detach(&mut self) {
        self.frame.detach();
    }

    fn checked(&self, name: &str) -> &str {
        self.header(name)
            .expect("a message is only made with its mandatory headers")
    }
}

fn check(frame: &Frame, version: Version) -> Result<(), FrameError> {
    assemble::expect_command(frame, Command::Message, version)?;
    let [mut destination, mut message_id] = [false; 2];
    let mut subscription = version == Version::V1_0;
    for name in frame.headers.names() {
        destination |= name == header::DESTINATION.as_bytes();
        message_id |= name == header::MESSAGE_ID.as_bytes();
        subscription |= name == header::SUBSCRIPTION.as_bytes();
    }
    for (is_there, name) in [
        (destination, header::DESTINATION),
        (message_id, header::MESSAGE_ID),
        (subscription, header::SUBSCRIPTION),
    ] {
        if !is_there {
            return Err(assemble::missing(frame, name));
        }
    }
    Ok(())
}

/// Shows where the message comes from and how long the body is: fit for a log line.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.frame, f)
    }
}

/// Shows the headers, and the length of the body.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("headers", &self.frame.headers)
            .field("body", &format_args!("{} bytes", self.frame.body.len()))
            .finish()
    }
}

/// Builds a [`Message`], as a server does.
///
/// ```
/// use stomp_commands::Message;
///
/// let message = Message::builder("/queue/a", "1").subscription("s1").body("hi").build();
/// assert_eq!(message.text(), Ok("hi"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct MessageBuilder {
    frame: Frame,
}

impl MessageBuilder {
    /// Sets the subscription that gets the message.
    pub fn subscription(self, id: impl Into<SubscriptionId>) -> Self {
        let id = id.into();
        self.set(header::SUBSCRIPTION, id.as_str())
    }

    /// Sets what 1.2 acknowledges the message by.
    pub fn ack_id(self, id: impl AsRef<str>) -> Self {
        self.set(header::ACK, id.as_ref())
    }

    /// Sets the MIME type of the body.
    pub fn content_type(self, mime: impl AsRef<str>) -> Self {
        self.set(header::CONTENT_TYPE, mime.as_ref())
    }

    /// Adds a header. Behind one of the same name it is a repeat, which clients ignore.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.frame.headers.append(name, value);
        self
    }

    /// Adds headers, such as those of the SEND that the message comes from.
    pub fn headers(mut self, headers: &Headers) -> Self {
        self.frame.headers.extend(headers);
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.frame.body = body.into();
        self
    }

    /// Builds the message.
    #[must_use]
    pub fn build(self) -> Message {
        Message { frame: self.frame }
    }

    /// Builds the message as a frame.
    #[must_use]
    pub fn into_frame(self) -> Frame {
        self.frame
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.frame.headers.set(name, value);
        self
    }
}

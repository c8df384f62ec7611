use std::fmt;

use bytes::Bytes;
use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, Dialect, FrameError, ReceiptId, SubscriptionId};

/// ERROR: something went wrong, and the server is about to close the connection.
///
/// Nothing in it is mandatory. ActiveMQ names the `receipt-id` of the frame it answers, RabbitMQ
/// never does; RabbitMQ's body explains in a line, ActiveMQ's is a stack trace.
///
/// ```
/// use stomp_commands::{ErrorFrame, Version};
///
/// let error = ErrorFrame::new("no common version")
///     .versions(&[Version::V1_1, Version::V1_2])
///     .text("This broker retired 1.0.\nAsk its keeper why.");
/// assert_eq!(error.to_string(), "no common version: This broker retired 1.0.");
/// let frame = error.into_frame()?;
/// assert_eq!(frame.headers.get("version"), Some("1.1,1.2"));
/// # Ok::<_, stomp_commands::CommandError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorFrame {
    /// A short description.
    pub message: Option<String>,
    /// The `receipt` of the frame that is answered.
    ///
    /// Where `receipt-id` is missing, a header `receipt` of the ERROR is taken for it: Vert.x writes
    /// it so (observed).
    pub receipt_id: Option<ReceiptId>,
    /// RabbitMQ: the subscription that was cancelled; the connection goes on then.
    pub subscription: Option<SubscriptionId>,
    /// After a failed CONNECT: the versions that the server speaks, as it wrote them.
    pub version: Option<String>,
    /// The MIME type of the body.
    pub content_type: Option<String>,
    /// Everything else.
    pub headers: Headers,
    /// A longer description.
    pub body: Bytes,
}

impl ErrorFrame {
    /// Reports an error.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            ..Self::default()
        }
    }

    /// Says which frame is answered.
    #[must_use]
    pub fn receipt_id(mut self, id: impl Into<ReceiptId>) -> Self {
        self.receipt_id = Some(id.into());
        self
    }

    /// Says which subscription is over.
    #[must_use]
    pub fn subscription(mut self, id: impl Into<SubscriptionId>) -> Self {
        self.subscription = Some(id.into());
        self
    }

    /// Lists the versions that the server speaks.
    #[must_use]
    pub fn versions(mut self, supported: &[Version]) -> Self {
        self.version = Some(crate::negotiate::version_list(supported));
        self
    }

    /// Explains at length, in plain text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content_type = Some("text/plain;charset=utf-8".to_owned());
        self.body = text.into().into();
        self
    }

    setters!(header);

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// When a header of your own has a method here.
    pub fn into_frame(self) -> Result<Frame, CommandError> {
        let mut frame = Assembly::new(Command::Error, Version::V1_0)?;
        frame.put_if_some(header::MESSAGE, self.message);
        frame.put_if_some(header::RECEIPT_ID, self.receipt_id);
        frame.put_if_some(header::SUBSCRIPTION, self.subscription);
        frame.put_if_some(header::VERSION, self.version);
        frame.put_if_some(header::CONTENT_TYPE, self.content_type);
        let mut frame = frame.finish(&self.headers)?;
        frame.body = self.body;
        Ok(frame)
    }

    /// Reads the frame.
    ///
    /// # Errors
    ///
    /// When it is another frame.
    pub fn from_frame(mut frame: Frame) -> Result<Self, FrameError> {
        assemble::expect_command(&frame, Command::Error, Version::V1_0)?;
        Ok(Self {
            message: assemble::optional(&frame, header::MESSAGE),
            receipt_id: assemble::optional(&frame, header::RECEIPT_ID)
                .or_else(|| assemble::optional(&frame, header::RECEIPT)),
            subscription: assemble::optional(&frame, header::SUBSCRIPTION),
            version: assemble::optional(&frame, header::VERSION),
            content_type: assemble::optional(&frame, header::CONTENT_TYPE),
            headers: assemble::user_headers(&mut frame),
            body: frame.body,
        })
    }

    /// Tells whether the ERROR is about a subscription that has ended, and which: then it ends nothing
    /// else, and the connection goes on. See
    /// [`Words::ended_error`](crate::dialect::Words::ended_error).
    ///
    /// Whether that subscription was just ended is for the caller to know.
    ///
    /// ```
    /// use stomp_commands::{Dialect, Ended, ErrorFrame};
    ///
    /// let error = ErrorFrame::new("Subscription not found")
    ///     .text("There is no current subscription with tag 'T_s1'.");
    /// assert_eq!(error.ended_subscription(Dialect::RabbitMq), Some(Ended::Id("s1".into())));
    /// assert_eq!(error.ended_subscription(Dialect::ActiveMq), None);
    /// ```
    #[must_use]
    pub fn ended_subscription(&self, dialect: Dialect) -> Option<Ended> {
        let words = dialect.words().ended_error?;
        if self.message.as_deref()?.trim() != words.message {
            return None;
        }
        let text = std::str::from_utf8(&self.body).ok()?.trim_end();
        let text = text.strip_suffix(words.after)?;
        match text.strip_prefix(words.before_id) {
            Some(id) => Some(Ended::Id(id.into())),
            None => {
                let destination = text.strip_prefix(words.before_destination)?;
                Some(Ended::Destination(destination.to_owned()))
            }
        }
    }

    /// Returns the body as text, with whatever is not UTF-8 replaced.
    #[must_use]
    pub fn explanation(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// A subscription that has ended, as an ERROR names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a subscription has an id, or it has none"
)]
pub enum Ended {
    /// By its id.
    Id(SubscriptionId),
    /// By its destination, since it had no id.
    Destination(String),
}

/// Shows the short description, and the first line of the long one: fit for a log line.
impl fmt::Display for ErrorFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explanation = self.explanation();
        let first = explanation.trim().lines().next().unwrap_or_default().trim();
        match (self.message.as_deref().map(str::trim), first) {
            (None | Some(""), "") => f.write_str("no description"),
            (None | Some(""), text) => f.write_str(text),
            (Some(message), text) if text.is_empty() || text == message => f.write_str(message),
            (Some(message), text) => write!(f, "{message}: {text}"),
        }
    }
}

/// Shows everything but the body, of which it shows the length: some brokers put whole frames into
/// it.
impl fmt::Debug for ErrorFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorFrame")
            .field("message", &self.message)
            .field("receipt_id", &self.receipt_id)
            .field("subscription", &self.subscription)
            .field("version", &self.version)
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

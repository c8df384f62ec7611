use std::fmt;
use std::ops::Deref;

use stomp_session::{DecodeError, DecodeErrorKind, Settled};

use crate::{Acker, Content, Error, Message};

/// A message that was larger than the [limit](crate::Builder::limits), or cannot be read for another
/// reason: what it said of itself,
/// without its body, and the right to settle it.
///
/// The broker counts it as delivered, so it is to be settled like any other: acknowledged it is
/// gone, not acknowledged it goes where the broker sends what was refused. In ack mode `auto`
/// nothing is [to be settled](Acker::is_needed).
///
/// ```no_run
/// use stomp_async::{Error, Subscription};
///
/// async fn next(inbox: &mut Subscription) -> Result<(), Error> {
///     match inbox.next().await {
///         Some(Err(Error::TooLarge(oversized))) => {
///             eprintln!("{oversized}");
///             oversized.nack().await?;
///         }
///         Some(message) => drop(message?),
///         None => {}
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "a message that is not acknowledged will be delivered again"]
pub struct Oversized {
    message: Message,
    why: DecodeError,
    length: u64,
    limit: u64,
}

impl Oversized {
    pub(crate) fn new(message: Message, why: DecodeError, length: Option<u64>, limit: u64) -> Self {
        Self {
            message,
            why,
            length: length.unwrap_or_default(),
            limit,
        }
    }

    /// Returns how large the body was said to be, in octets; 0 if nothing was said.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns how large it might have been, in octets.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Tells the broker that the message has been dealt with: see [`Message::ack`].
    ///
    /// # Errors
    ///
    /// As for [`Message::ack`].
    pub async fn ack(self) -> Result<Settled, Error> {
        self.message.ack().await
    }

    /// Tells the broker that the message has not been dealt with: see [`Message::nack`].
    ///
    /// # Errors
    ///
    /// As for [`Message::nack`].
    pub async fn nack(self) -> Result<Settled, Error> {
        self.message.nack().await
    }

    /// Takes it apart: what the message said of itself, and the right to settle it.
    pub fn split(self) -> (Content, Acker) {
        self.message.split()
    }
}

/// Reads what the message says, but for its body, which is empty.
impl Deref for Oversized {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.message
    }
}

impl fmt::Display for Oversized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let destination = self.destination();
        let Self { length, limit, .. } = self;
        match self.why.kind {
            DecodeErrorKind::BodyTooLong if *length > 0 => write!(
                f,
                "a message from {destination} has {length} octets, and {limit} are allowed"
            ),
            _ => write!(
                f,
                "a message from {destination} cannot be read: {}",
                self.why
            ),
        }
    }
}

impl std::error::Error for Oversized {}

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use stomp_session::engine::{Acker, Arrival, Unreadable};
use stomp_session::{Epoch, Settled};

use crate::handle::Handle;
use crate::{Content, Error};

/// A message that was received, and the right to settle it.
///
/// Settling takes the message by value, so it cannot happen twice. To work on the message after
/// that, or to settle it elsewhere, [`split`](Self::split) it.
///
/// A message that is dropped without being settled stays with this connection: the broker delivers
/// it again when the subscription or the connection ends.
#[must_use = "a message that is not acknowledged will be delivered again"]
pub struct Message {
    content: Content,
    acker: Acker,
}

impl Message {
    /// Takes an arrival. What could not be read is an error that can be settled.
    pub(crate) fn new(mut arrival: Arrival, handle: Arc<Handle>) -> Result<Self, Error> {
        if let Some(defect) = arrival.defect.take() {
            let unreadable = Unreadable::new(arrival, defect, handle);
            return Err(Error::Unreadable(Box::new(unreadable)));
        }
        Ok(Self {
            content: arrival.delivery.message,
            acker: Acker::new(arrival.delivery.token, handle),
        })
    }

    /// Tells the broker that the message has been dealt with: see [`Acker::ack`].
    ///
    /// # Errors
    ///
    /// As for [`Acker::ack`].
    pub fn ack(self) -> Result<Settled, Error> {
        self.acker.ack()
    }

    /// Tells the broker that the message has not been dealt with: see [`Acker::nack`].
    ///
    /// # Errors
    ///
    /// As for [`Acker::nack`].
    pub fn nack(self) -> Result<Settled, Error> {
        self.acker.nack()
    }

    /// Takes the message apart: what it says, and the right to settle it, from any thread.
    pub fn split(self) -> (Content, Acker) {
        (self.content, self.acker)
    }

    /// Tells which connection the message came on.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.acker.epoch()
    }

    /// Tells whether the message came on an earlier connection: see [`Acker::is_stale`].
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.acker.is_stale()
    }
}

/// Reads what the message says.
impl Deref for Message {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.content
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.content.fmt(f)
    }
}

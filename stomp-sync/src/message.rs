use std::fmt;
use std::ops::Deref;
use std::time::Instant;

use stomp_session::{AckToken, Delivery, Epoch, Session, Settled, UsageError, With};

use crate::client::Handle;
use crate::{Content, Error};

/// A message that was received, and the right to settle it.
///
/// Settling takes the message by value, so it cannot happen twice. To work on the message after
/// that, or to settle it elsewhere, [`split`](Self::split) it.
///
/// A message that is dropped without being settled stays with this connection: the broker delivers
/// it again when the connection ends.
#[must_use = "a message that is not acknowledged will be delivered again"]
pub struct Message {
    content: Content,
    acker: Acker,
}

impl Message {
    pub(crate) fn new(delivery: Delivery, handle: Handle) -> Self {
        Self {
            content: delivery.message,
            acker: Acker {
                token: delivery.token,
                handle,
            },
        }
    }

    /// Tells the broker that the message has been dealt with.
    ///
    /// [`Settled::Stale`] means that the message came on an earlier connection: nothing was sent,
    /// and the broker delivers it again.
    ///
    /// # Errors
    ///
    /// When the message is not to be acknowledged (ack mode `auto`), or the subscription or the
    /// client is gone.
    pub fn ack(self) -> Result<Settled, Error> {
        self.acker.ack()
    }

    /// Tells the broker that the message has not been dealt with. What happens to it then is the
    /// broker's business: RabbitMQ delivers it again, ActiveMQ puts it into the dead letter queue.
    ///
    /// # Errors
    ///
    /// As for [`ack`](Self::ack), and in STOMP 1.0, which has no NACK.
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

/// The right to settle one message, once.
#[must_use = "a message that is not acknowledged will be delivered again"]
pub struct Acker {
    token: AckToken,
    handle: Handle,
}

impl Acker {
    /// Acknowledges: see [`Message::ack`].
    ///
    /// # Errors
    ///
    /// As for [`Message::ack`].
    pub fn ack(self) -> Result<Settled, Error> {
        self.settle(Session::ack)
    }

    /// Refuses: see [`Message::nack`].
    ///
    /// # Errors
    ///
    /// As for [`Message::nack`].
    pub fn nack(self) -> Result<Settled, Error> {
        self.settle(Session::nack)
    }

    /// Tells whether the message is to be settled: not in ack mode `auto`.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.token.is_ackable()
    }

    /// Tells which connection the message came on.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.token.epoch()
    }

    fn settle(
        self,
        verdict: impl Fn(&mut Session, &AckToken, With, Instant) -> Result<Settled, UsageError>,
    ) -> Result<Settled, Error> {
        let Self { token, handle } = self;
        // The session has its answer ready when it is not the one of this message any more.
        let stale = |session: &Session| session.is_closed() || session.epoch() != token.epoch();
        let shared = &handle.shared;
        let mut state = shared.turn(handle.send_timeout, |state| {
            state.takes_commands() || stale(&state.session)
        })?;
        let settled = verdict(&mut state.session, &token, With::nothing(), Instant::now())?;
        shared.done(state);
        Ok(settled)
    }
}

impl fmt::Debug for Acker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acker").field(&self.token).finish()
    }
}

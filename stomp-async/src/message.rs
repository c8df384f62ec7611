use std::fmt;
use std::ops::Deref;

use stomp_session::{AckToken, Delivery, Epoch, Settled};

use crate::call::{Call, Verdict};
use crate::handle::Handle;
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
    pub async fn ack(self) -> Result<Settled, Error> {
        self.acker.ack().await
    }

    /// Tells the broker that the message has not been dealt with. What happens to it then is the
    /// broker's business: RabbitMQ delivers it again, ActiveMQ puts it into the dead letter queue.
    ///
    /// # Errors
    ///
    /// As for [`ack`](Self::ack), and in STOMP 1.0, which has no NACK.
    pub async fn nack(self) -> Result<Settled, Error> {
        self.acker.nack().await
    }

    /// Takes the message apart: what it says, and the right to settle it, from any task.
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
    pub async fn ack(self) -> Result<Settled, Error> {
        self.settle(Verdict::Ack).await
    }

    /// Refuses: see [`Message::nack`].
    ///
    /// # Errors
    ///
    /// As for [`Message::nack`].
    pub async fn nack(self) -> Result<Settled, Error> {
        self.settle(Verdict::Nack).await
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

    async fn settle(self, verdict: Verdict) -> Result<Settled, Error> {
        let Self { token, handle } = self;
        let patience = handle.common.send_timeout;
        handle
            .call(0, patience, |ticket, reply| Call::Settle {
                verdict,
                token,
                ticket,
                reply,
            })
            .await
    }
}

impl fmt::Debug for Acker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acker").field(&self.token).finish()
    }
}

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use stomp_commands::Message;

use super::{Arrival, Defect, Error};
use crate::{AckToken, Epoch, Settled, SubscriptionKey, Verdict};

/// The way of a message back to its client. Implemented by whoever drives the engine.
pub trait Settle: Send + Sync {
    /// See [`Engine::settle`](super::Engine::settle).
    ///
    /// # Errors
    ///
    /// As there.
    fn settle(&self, verdict: Verdict, token: &AckToken) -> Result<Settled, Error>;

    /// See [`Engine::release`](super::Engine::release).
    fn release(&self, token: &AckToken);

    /// Tells whether the message came on an earlier connection.
    fn is_stale(&self, token: &AckToken) -> bool;
}

/// The right to settle one message, once. Nothing of it ever waits: the frame is queued, or it is
/// known that none is needed.
///
/// Dropping it without settling the message tells the client that nobody will: the broker has it
/// back when the subscription or the connection ends.
#[must_use = "a message that is not acknowledged will be delivered again"]
pub struct Acker {
    token: AckToken,
    /// Gone when it is settled.
    back: Option<Arc<dyn Settle>>,
}

impl Acker {
    /// Makes the right to settle what this token names.
    pub fn new(token: AckToken, back: Arc<dyn Settle>) -> Self {
        let back = Some(back);
        Self { token, back }
    }

    /// Tells the broker that the message has been dealt with.
    ///
    /// [`Settled::Stale`] means that the message came on an earlier connection: nothing was sent,
    /// and the broker delivers it again. [`Settled::NotNeeded`]: it counts as consumed already, in
    /// ack mode `auto`, or where the broker gave nothing to acknowledge it by.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] when the client is closed.
    pub fn ack(self) -> Result<Settled, Error> {
        self.settle(Verdict::Ack)
    }

    /// Tells the broker that the message has not been dealt with. What happens to it then is the
    /// broker's business: RabbitMQ delivers it again, ActiveMQ puts it into the dead letter queue.
    ///
    /// # Errors
    ///
    /// As for [`ack`](Self::ack), and in STOMP 1.0, which has no NACK.
    pub fn nack(self) -> Result<Settled, Error> {
        self.settle(Verdict::Nack(None))
    }

    /// Tells whether the message is to be settled: not in ack mode `auto`.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.token.is_ackable()
    }

    /// Tells whether the message came on an earlier connection, so that settling it has no effect:
    /// the broker delivers it again.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let back = self.back.as_ref();
        back.is_some_and(|back| back.is_stale(&self.token))
    }

    /// Tells which connection the message came on.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.token.epoch()
    }

    /// Returns the key of the subscription that the message came for.
    #[must_use]
    pub fn subscription(&self) -> SubscriptionKey {
        self.token.subscription()
    }

    fn settle(mut self, verdict: Verdict) -> Result<Settled, Error> {
        match self.back.take() {
            Some(back) => back.settle(verdict, &self.token),
            None => Ok(Settled::NotNeeded),
        }
    }
}

impl Drop for Acker {
    fn drop(&mut self) {
        if let Some(back) = self.back.take()
            && self.token.is_ackable()
        {
            back.release(&self.token);
        }
    }
}

impl fmt::Debug for Acker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acker").field(&self.token).finish()
    }
}

/// A message that could not be read: what it said of itself, as far as that can be told, without
/// its body, and the right to settle it.
///
/// The broker counts it as delivered, so it is to be settled like any other: acknowledged it is
/// gone, not acknowledged it goes where the broker sends what was refused. In ack mode `auto`
/// nothing is [to be settled](Acker::is_needed).
#[derive(Debug)]
#[must_use = "a message that is not acknowledged will be delivered again"]
pub struct Unreadable {
    content: Message,
    defect: Defect,
    acker: Acker,
}

impl Unreadable {
    /// Makes one of an arrival that has a defect.
    pub fn new(arrival: Arrival, defect: Defect, back: Arc<dyn Settle>) -> Self {
        Self {
            content: arrival.delivery.message,
            defect,
            acker: Acker::new(arrival.delivery.token, back),
        }
    }

    /// Tells what was wrong with it.
    #[must_use]
    pub fn defect(&self) -> &Defect {
        &self.defect
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

    /// Takes it apart: what the message said of itself, and the right to settle it.
    pub fn split(self) -> (Message, Acker) {
        (self.content, self.acker)
    }
}

/// Reads what the message says, but for its body, which is empty.
impl Deref for Unreadable {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.content
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message from {} {}", self.destination(), self.defect)
    }
}

impl std::error::Error for Unreadable {}

use stomp_frame::{Command, Frame, Headers, Version};

use super::delivery::{Delivery, Settlement};
use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, Feature, FrameError, Peer, ReceiptId, TransactionId};

/// NACK: a message was not consumed. Came with 1.1.
///
/// What follows is the broker's business: RabbitMQ delivers the message again, ActiveMQ moves it to
/// the dead letter queue, Artemis drops it. [`requeue`](Self::requeue) and
/// [`dead_letter`](Self::dead_letter) say what is meant, and fail where it cannot be had.
///
/// ```
/// use stomp_commands::{CommandError, Dialect, Message, Nack, Peer, Version};
///
/// let message = Message::builder("/queue/a", "7").subscription("s1").ack_id("42").build();
/// let nack = Nack::of(&message).dead_letter();
///
/// let rabbitmq = Peer::new(Version::V1_2, Dialect::RabbitMq);
/// let frame = nack.clone().into_frame(rabbitmq)?;
/// assert_eq!(frame.headers.get("requeue"), Some("false"));
///
/// let artemis = Peer::new(Version::V1_2, Dialect::Artemis);
/// assert!(matches!(nack.into_frame(artemis), Err(CommandError::Inexpressible { .. })));
/// # Ok::<_, CommandError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Nack {
    /// Which message.
    pub delivery: Delivery,
    /// What should become of it. `None` leaves it to the broker.
    pub refusal: Option<Refusal>,
    /// Refuses with a transaction, not at once. Artemis cannot.
    pub transaction: Option<TransactionId>,
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// Headers of your own.
    pub headers: Headers,
}

/// What should become of a message that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Refusal {
    /// It is delivered again.
    Requeue,
    /// It is moved to the dead letters.
    DeadLetter,
}

impl Nack {
    /// Refuses a message that was received.
    #[must_use]
    pub fn of(message: impl Into<Delivery>) -> Self {
        Self {
            delivery: message.into(),
            refusal: None,
            transaction: None,
            receipt: None,
            headers: Headers::new(),
        }
    }

    /// Has the message delivered again, at once and perhaps to the same subscription. RabbitMQ
    /// only.
    #[must_use]
    pub fn requeue(mut self) -> Self {
        self.refusal = Some(Refusal::Requeue);
        self
    }

    /// Has the message moved to the dead letters. RabbitMQ and ActiveMQ; RabbitMQ drops it when its
    /// queue has no dead letter exchange.
    #[must_use]
    pub fn dead_letter(mut self) -> Self {
        self.refusal = Some(Refusal::DeadLetter);
        self
    }

    setters!(transaction, receipt, header, into_frame);

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// When the version is 1.0, which has no NACK; when the message lacks what the version names it
    /// by, as the `ack` header in 1.2; when the broker cannot do with the message what was asked,
    /// or not in a transaction; when a header of your own has a method here.
    pub fn to_frame(&self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        let (transaction, receipt) = (self.transaction.as_ref(), self.receipt.as_ref());
        let mut frame = Settlement::put(
            Command::Nack,
            to.into(),
            &self.delivery,
            transaction,
            receipt,
        )?;
        put_refusal(&mut frame, self.refusal)?;
        frame.finish(&self.headers)
    }

    /// Reads the frame. Brokers' own words are left among the headers.
    ///
    /// # Errors
    ///
    /// When it is another frame, or a header is missing that names the message in this version.
    pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
        let settlement = Settlement::take(&frame, Command::Nack, version)?;
        Ok(Self {
            delivery: settlement.delivery,
            refusal: None,
            transaction: settlement.transaction,
            receipt: settlement.receipt,
            headers: assemble::user_headers(&mut frame),
        })
    }
}

fn put_refusal(frame: &mut Assembly, refusal: Option<Refusal>) -> Result<(), CommandError> {
    let words = frame.words().nack;
    let (headers, feature) = match refusal {
        None => return Ok(()),
        Some(Refusal::Requeue) => (words.requeue, Feature::NackRequeue),
        Some(Refusal::DeadLetter) => (words.dead_letter, Feature::NackDeadLetter),
    };
    let headers = headers.ok_or(frame.inexpressible(feature))?;
    frame.put_all(headers);
    Ok(())
}

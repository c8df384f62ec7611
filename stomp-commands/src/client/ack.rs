use stomp_frame::{Command, Frame, Headers, Version};

use super::delivery::{Delivery, Settlement};
use crate::assemble::{self, setters};
use crate::{CommandError, FrameError, Peer, ReceiptId, TransactionId};

/// ACK: a message was consumed. In ack mode `client`, all earlier ones of its subscription, too.
///
/// ```
/// use stomp_commands::{Ack, Message, Version};
///
/// let message = Message::builder("/queue/a", "7").subscription("s1").ack_id("42").build();
/// let frame = Ack::of(&message).transaction("t1").into_frame(Version::V1_2)?;
/// assert_eq!(frame.headers.get("id"), Some("42"));
/// let frame = Ack::of(&message).into_frame(Version::V1_1)?;
/// assert_eq!(frame.headers.get("message-id"), Some("7"));
/// # Ok::<_, stomp_commands::CommandError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ack {
    /// Which message.
    pub delivery: Delivery,
    /// Acknowledges with a transaction, not at once. Artemis cannot.
    pub transaction: Option<TransactionId>,
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// Headers of your own.
    pub headers: Headers,
}

impl Ack {
    /// Acknowledges a message that was received.
    #[must_use]
    pub fn of(message: impl Into<Delivery>) -> Self {
        Self {
            delivery: message.into(),
            transaction: None,
            receipt: None,
            headers: Headers::new(),
        }
    }

    setters!(transaction, receipt, header, into_frame);

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// When the message lacks what the version names it by, as the `ack` header in 1.2; when the
    /// broker cannot acknowledge in a transaction; when a header of your own has a method here.
    pub fn to_frame(&self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        let (transaction, receipt) = (self.transaction.as_ref(), self.receipt.as_ref());
        let frame = Settlement::put(
            Command::Ack,
            to.into(),
            &self.delivery,
            transaction,
            receipt,
        )?;
        frame.finish(&self.headers)
    }

    /// Reads the frame.
    ///
    /// # Errors
    ///
    /// When it is another frame, or a header is missing that names the message in this version.
    pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
        let settlement = Settlement::take(&frame, Command::Ack, version)?;
        Ok(Self {
            delivery: settlement.delivery,
            transaction: settlement.transaction,
            receipt: settlement.receipt,
            headers: assemble::user_headers(&mut frame),
        })
    }
}

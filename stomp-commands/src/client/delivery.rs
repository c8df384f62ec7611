use stomp_frame::{Command, Frame, Version, header};

use crate::assemble::{self, Assembly};
use crate::{
    CommandError, Feature, FrameError, Message, Peer, ReceiptId, SubscriptionId, TransactionId,
};

/// What ACK and NACK have to know of a message. Each version names messages in its own way.
///
/// | version | ACK and NACK carry |
/// |---|---|
/// | 1.0 | `message-id`, and `subscription` if the message has one; there is no NACK |
/// | 1.1 | `message-id` and `subscription` |
/// | 1.2 | `id`, which is the message's `ack` |
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Delivery {
    /// The message's `message-id`.
    pub message_id: Option<String>,
    /// The message's `subscription`.
    pub subscription: Option<SubscriptionId>,
    /// The message's `ack`, which 1.2 needs.
    pub ack: Option<String>,
}

impl From<&Message> for Delivery {
    fn from(message: &Message) -> Self {
        Self {
            message_id: Some(message.message_id().to_owned()),
            subscription: message.subscription().map(SubscriptionId::from),
            ack: message.ack_id().map(str::to_owned),
        }
    }
}

impl Delivery {
    /// Writes the headers that name the message in this version.
    fn put(&self, frame: &mut Assembly, command: Command) -> Result<(), CommandError> {
        match frame.peer().version {
            Version::V1_0 => {
                frame.put_required(header::MESSAGE_ID, self.message_id.as_ref())?;
                frame.put_if_some(header::SUBSCRIPTION, self.subscription.as_ref());
            }
            Version::V1_1 => {
                frame.put_required(header::MESSAGE_ID, self.message_id.as_ref())?;
                frame.put_required(header::SUBSCRIPTION, self.subscription.as_ref())?;
            }
            Version::V1_2 => {
                let ack = self.ack.as_ref();
                frame.put(header::ID, ack.ok_or(CommandError::NotAckable { command })?);
            }
        }
        Ok(())
    }

    /// Reads the headers that name the message in this version.
    fn take(frame: &Frame, version: Version) -> Result<Self, FrameError> {
        let mut delivery = Self::default();
        match version {
            Version::V1_0 => {
                delivery.message_id = Some(assemble::required(frame, header::MESSAGE_ID)?.into());
                delivery.subscription = assemble::optional(frame, header::SUBSCRIPTION);
            }
            Version::V1_1 => {
                delivery.message_id = Some(assemble::required(frame, header::MESSAGE_ID)?.into());
                delivery.subscription =
                    Some(assemble::required(frame, header::SUBSCRIPTION)?.into());
            }
            Version::V1_2 => delivery.ack = Some(assemble::required(frame, header::ID)?.into()),
        }
        Ok(delivery)
    }
}

/// What ACK and NACK have in common.
pub(super) struct Settlement {
    pub(super) delivery: Delivery,
    pub(super) transaction: Option<TransactionId>,
    pub(super) receipt: Option<ReceiptId>,
}

impl Settlement {
    pub(super) fn put(
        command: Command,
        to: Peer,
        delivery: &Delivery,
        transaction: Option<&TransactionId>,
        receipt: Option<&ReceiptId>,
    ) -> Result<Assembly, CommandError> {
        let mut frame = Assembly::new(command, to)?;
        if transaction.is_some() && !frame.words().transactional_ack {
            return Err(frame.inexpressible(Feature::TransactionalAck));
        }
        delivery.put(&mut frame, command)?;
        frame.put_if_some(header::TRANSACTION, transaction);
        frame.put_if_some(header::RECEIPT, receipt);
        Ok(frame)
    }

    pub(super) fn take(
        frame: &Frame,
        command: Command,
        version: Version,
    ) -> Result<Self, FrameError> {
        assemble::expect_command(frame, command, version)?;
        Ok(Self {
            delivery: Delivery::take(frame, version)?,
            transaction: assemble::optional(frame, header::TRANSACTION),
            receipt: assemble::optional(frame, header::RECEIPT),
        })
    }
}

use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, FrameError, Message, Peer, ReceiptId, SubscriptionId, TransactionId};

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
    fn put(
        self,
        frame: Assembly,
        command: Command,
        version: Version,
    ) -> Result<Assembly, CommandError> {
        match version {
            Version::V1_0 => Ok(frame
                .put_required(header::MESSAGE_ID, self.message_id)?
                .put_if_some(header::SUBSCRIPTION, self.subscription)),
            Version::V1_1 => frame
                .put_required(header::MESSAGE_ID, self.message_id)?
                .put_required(header::SUBSCRIPTION, self.subscription),
            Version::V1_2 => {
                let ack = self.ack.ok_or(CommandError::NotAckable { command })?;
                Ok(frame.put(header::ID, ack))
            }
        }
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

macro_rules! settlement {
    ($(#[$doc:meta])* $name:ident, $command:expr, $verb:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            /// Which message.
            pub delivery: Delivery,
            /// Settles with a transaction, not at once.
            pub transaction: Option<TransactionId>,
            /// Asks for a RECEIPT.
            pub receipt: Option<ReceiptId>,
            /// Headers of your own.
            pub headers: Headers,
        }

        impl $name {
            #[doc = concat!($verb, " a message that was received.")]
            #[must_use]
            pub fn of(message: impl Into<Delivery>) -> Self {
                Self {
                    delivery: message.into(),
                    transaction: None,
                    receipt: None,
                    headers: Headers::new(),
                }
            }

            setters!(transaction, receipt, header);

            /// Builds the frame.
            ///
            /// # Errors
            ///
            /// When the version lacks the command; when the message lacks what the version names
            /// it by, as the `ack` header in 1.2; when a header of your own has a method here.
            pub fn into_frame(self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
                let version = to.into().version;
                let frame = Assembly::new($command, version)?;
                self.delivery
                    .put(frame, $command, version)?
                    .put_if_some(header::TRANSACTION, self.transaction)
                    .put_if_some(header::RECEIPT, self.receipt)
                    .finish(&self.headers)
            }

            /// Reads the frame.
            ///
            /// # Errors
            ///
            /// When it is another frame, or a header is missing that names the message in this
            /// version.
            pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
                assemble::expect_command(&frame, $command, version)?;
                Ok(Self {
                    delivery: Delivery::take(&frame, version)?,
                    transaction: assemble::optional(&frame, header::TRANSACTION),
                    receipt: assemble::optional(&frame, header::RECEIPT),
                    headers: assemble::user_headers(&mut frame),
                })
            }
        }
    };
}

settlement! {
    /// ACK: a message was consumed. In ack mode `client` all earlier ones of its subscription, too.
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
    Ack, Command::Ack, "Acknowledges"
}

settlement! {
    /// NACK: a message was not consumed. Came with 1.1.
    ///
    /// What follows is the broker's business: RabbitMQ delivers it again, ActiveMQ moves it to the
    /// dead letter queue, Artemis drops it.
    Nack, Command::Nack, "Refuses"
}

use stomp_commands::{ReceiptId, Refusal, TransactionId};
use stomp_frame::{Command, Headers};

use crate::UsageError;

/// What may go with an ACK, a NACK or an UNSUBSCRIBE.
///
/// ```
/// use stomp_session::With;
///
/// let with = With::nothing().receipt("r7").transaction("t1");
/// # let _ = with;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct With {
    /// Settles with a transaction, not at once. UNSUBSCRIBE cannot.
    pub transaction: Option<TransactionId>,
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// NACK: what should become of the message. `None` leaves it to the broker.
    pub refusal: Option<Refusal>,
    /// UNSUBSCRIBE: deletes the subscription at the broker, too, if it is durable.
    pub delete: bool,
    /// Headers of your own.
    pub headers: Headers,
}

impl With {
    /// Starts with nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Makes it part of a transaction: it takes effect with COMMIT, or not at all.
    #[must_use]
    pub fn transaction(mut self, id: impl Into<TransactionId>) -> Self {
        self.transaction = Some(id.into());
        self
    }

    /// Asks the server for a RECEIPT with this id.
    #[must_use]
    pub fn receipt(mut self, id: impl Into<ReceiptId>) -> Self {
        self.receipt = Some(id.into());
        self
    }

    /// NACK: has the message delivered again. RabbitMQ only.
    #[must_use]
    pub fn requeue(mut self) -> Self {
        self.refusal = Some(Refusal::Requeue);
        self
    }

    /// NACK: has the message moved to the dead letters. RabbitMQ and ActiveMQ only.
    #[must_use]
    pub fn dead_letter(mut self) -> Self {
        self.refusal = Some(Refusal::DeadLetter);
        self
    }

    /// UNSUBSCRIBE: deletes a durable subscription at the broker, with what it has collected.
    ///
    /// RabbitMQ and Artemis take it as the one UNSUBSCRIBE. ActiveMQ wants the usual one first,
    /// and forgets nothing while it is subscribed to.
    #[must_use]
    pub fn delete(mut self) -> Self {
        self.delete = true;
        self
    }

    /// Adds a header of your own.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Refuses what the command cannot carry: left out in silence it would be missed too late.
    pub(crate) fn refuse_for(&self, command: Command) -> Result<(), UsageError> {
        let what = match command {
            Command::Unsubscribe if self.transaction.is_some() => "a transaction",
            Command::Ack | Command::Unsubscribe if self.refusal.is_some() => {
                "what should become of a message"
            }
            Command::Ack | Command::Nack if self.delete => "the deletion of a subscription",
            _ => return Ok(()),
        };
        Err(UsageError::Misplaced { command, what })
    }
}

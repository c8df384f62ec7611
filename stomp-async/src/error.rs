use std::time::Duration;

use stomp_failover::{Exhausted, UriError};
use stomp_session::{CloseReason, ReceiptFailure, ServerError, UsageError};

/// What can go wrong, sorted by what it means for the message or the client.
///
/// `Display` is one line that says what to look at, fit for a log; it holds no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URI cannot be understood.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// TLS cannot be set up.
    #[cfg(feature = "tls")]
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] crate::TlsError),
    /// No broker of the URI accepted a connection: which were tried, how often, and why not.
    #[error("cannot connect: {0}")]
    Connect(Box<Exhausted>),
    /// The call cannot be carried out as it is. Nothing was sent.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// No octet of the frame left this process: the broker has not seen it, and will not.
    #[error("not sent: {0}")]
    NotSent(Cause),
    /// The frame left, and its RECEIPT did not come: the broker may have processed it, or not.
    /// Sending it again may do it twice.
    #[error("sent, but not confirmed: {0}")]
    Unconfirmed(Cause),
    /// The broker answered with ERROR. RabbitMQ never says to what: a SUBSCRIBE that it was to
    /// answer next counts as meant.
    #[error("the broker refused: {0}")]
    Rejected(ServerError),
    /// The subscription is over: the broker refused it, at first or on a later connection.
    #[error("the subscription ended: {0}")]
    SubscriptionRefused(stomp_session::Refusal),
    /// A message was larger than the [limit](crate::Builder::limits), or cannot be read for another
    /// reason, and was not kept. It is still
    /// to be settled, and further messages follow.
    #[error(transparent)]
    TooLarge(Box<crate::Oversized>),
    /// The connection ended while a transaction was open. The broker has rolled it back.
    #[error("the transaction was lost with its connection; nothing of it took place")]
    TransactionLost,
    /// The connection ended between COMMIT and its RECEIPT.
    #[error("the commit may or may not have taken place: its receipt never came")]
    InDoubt,
    /// The client was disconnected, or has given up reconnecting.
    #[error("the client is closed: {0}")]
    Closed(Cause),
}

/// Why something did not happen.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// Time was up.
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    /// The connection ended.
    #[error("the connection was lost")]
    ConnectionLost,
    /// The session ended for this reason.
    #[error(transparent)]
    Session(CloseReason),
    /// All attempts to reconnect failed.
    #[error(transparent)]
    Exhausted(Box<Exhausted>),
    /// `disconnect` was called, or every handle was dropped.
    #[error("it was disconnected")]
    Disconnected,
    /// The transaction of the frame was aborted.
    #[error("its transaction was aborted")]
    Aborted,
}

impl Error {
    /// Tells whether the broker may have processed the frame although this is an error: repeat it
    /// only if doing so twice does no harm.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Unconfirmed(_) | Self::InDoubt)
    }

    /// What became of a frame whose RECEIPT will not be reported.
    pub(crate) fn no_receipt(why: ReceiptFailure, patience: Duration) -> Self {
        match why {
            ReceiptFailure::NotSent(reason) => Self::NotSent(reason.into()),
            ReceiptFailure::Deadline => Self::Unconfirmed(Cause::Deadline(patience)),
            ReceiptFailure::Refused(error) | ReceiptFailure::Suspected(error) => {
                Self::Rejected(error)
            }
            ReceiptFailure::TransactionLost => Self::TransactionLost,
            ReceiptFailure::InDoubt => Self::InDoubt,
            ReceiptFailure::Aborted => Self::NotSent(Cause::Aborted),
            ReceiptFailure::ConnectionLost(reason) => Self::Unconfirmed(reason.into()),
            _ => Self::Unconfirmed(Cause::ConnectionLost),
        }
    }
}

impl From<CloseReason> for Cause {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::ConnectionLost => Self::ConnectionLost,
            reason => Self::Session(reason),
        }
    }
}

impl From<Exhausted> for Error {
    fn from(exhausted: Exhausted) -> Self {
        Self::Connect(Box::new(exhausted))
    }
}

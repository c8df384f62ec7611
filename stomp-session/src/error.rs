use std::io;
use std::sync::Arc;
use std::time::Duration;

use stomp_commands::{CommandError, FrameError};
use stomp_frame::{Command, DecodeError, EncodeError};

use crate::ServerError;

/// The application asked for something that cannot be done. Nothing was changed, nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// There is no CONNECTED yet, or the session is disconnecting or closed.
    #[error("not connected")]
    NotConnected,
    /// The command cannot be said in this version, or not to this broker.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The frame cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The receipt id is waited for already.
    #[error("a receipt of this id is waited for already")]
    DuplicateReceipt,
    /// The subscription id is in use, or 1.0 and the destination is subscribed without an id.
    #[error("there is a subscription of this id already")]
    DuplicateSubscription,
    /// There is no such subscription (any more).
    #[error("no such subscription")]
    UnknownSubscription,
    /// The message belongs to a subscription that is gone.
    #[error("the subscription of this message is gone")]
    UnknownMessage,
    /// The message came in ack mode `auto`, or without the header that ACK needs.
    #[error("this message cannot be acknowledged (ack mode auto?)")]
    NotAckable,
    /// The message was acknowledged already, by itself, with a later one, or in a transaction.
    #[error("this message is acknowledged already")]
    AlreadySettled,
    /// There is a transaction of this id already.
    #[error("there is a transaction of this id already")]
    DuplicateTransaction,
    /// There is no open transaction of this id.
    #[error("no open transaction of this id")]
    UnknownTransaction,
    /// The transaction was open when its connection ended. The broker has rolled it back.
    #[error("the transaction was lost with its connection")]
    TransactionLost,
    /// [`With`](crate::With) holds something that this command cannot carry.
    #[error("{command} cannot carry {what}")]
    Misplaced {
        /// The command.
        command: Command,
        /// What it cannot carry.
        what: &'static str,
    },
    /// What is to be sent is larger than what clients like this one receive: see
    /// [`Config::refuse_unreadable`](crate::Config::refuse_unreadable). Whoever raises his own
    /// [`limits`](crate::Config::limits) may send more.
    #[error(
        "{what} of {octets} octets, where clients receive {limit} (raise the limits of this one to send it)"
    )]
    BeyondLimits {
        /// Which part of the frame.
        what: &'static str,
        /// How large it is.
        octets: u64,
        /// How large it may be.
        limit: u64,
    },
    /// What is to be sent is larger than what this server takes: it would end the connection.
    #[error("a frame of {octets} octets: {server} takes {limit}")]
    BeyondServer {
        /// What the server calls itself.
        server: String,
        /// How large the frame is, about.
        octets: u64,
        /// How large it may be.
        limit: u64,
    },
    /// As many octets wait to be written as [`FlowLimits`](crate::FlowLimits) allows.
    #[error("too many octets wait to be written")]
    OutboundFull,
    /// As many receipts are waited for as [`FlowLimits`](crate::FlowLimits) allows.
    #[error("too many receipts are waited for")]
    TooManyReceipts,
    /// As many transactions are open as [`FlowLimits`](crate::FlowLimits) allows.
    #[error("too many transactions are open")]
    TooManyTransactions,
    /// There are as many subscriptions as [`FlowLimits`](crate::FlowLimits) allows.
    #[error("too many subscriptions")]
    TooManySubscriptions,
}

impl UsageError {
    /// Tells whether the same call may succeed once the driver has written, or a receipt came.
    #[must_use]
    pub fn is_back_pressure(&self) -> bool {
        matches!(self, Self::OutboundFull | Self::TooManyReceipts)
    }
}

/// Why a session is over. There is exactly one reason for each session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// We sent DISCONNECT.
    ///
    /// `confirmed` tells whether its RECEIPT came. Without one the broker has most likely
    /// processed everything, too, but nobody knows.
    #[error("disconnected")]
    Disconnected {
        /// The RECEIPT of DISCONNECT came.
        confirmed: bool,
    },
    /// The connection ended, and nobody said why.
    #[error("the connection was lost")]
    ConnectionLost,
    /// The transport failed.
    #[error("the connection was lost: {0}")]
    Transport(#[from] TransportError),
    /// The connection ended before CONNECTED, and nobody said why. ActiveMQ does so now and then
    /// when the login is wrong.
    #[error("closed before CONNECTED (is the login right, and is this its STOMP port?)")]
    ClosedBeforeConnected,
    /// The server answered CONNECT by ERROR: wrong login, unknown host, no common version.
    #[error("the server refused the connection: {0}")]
    ConnectRefused(ServerError),
    /// The server sent ERROR. That is the last frame of a connection (1.2, "ERROR").
    #[error("the server reported an error: {0}")]
    Error(ServerError),
    /// The server broke the protocol.
    #[error("the server broke the protocol: {0}")]
    Misbehaviour(#[from] Misbehaviour),
    /// The server was silent for too long.
    #[error(
        "nothing was heard from the server for {silence:?}, though it agreed to heart-beats every {period:?}"
    )]
    HeartBeatMissed {
        /// How long ago the last octet came.
        silence: Duration,
        /// The period that was agreed.
        period: Duration,
    },
    /// The server took nothing of what was to be written.
    #[error("the server has taken nothing for {after:?} of what is to be written to it")]
    WriteTimedOut {
        /// For how long.
        after: Duration,
    },
    /// The server has begun a frame, and did not go on with it.
    #[error("the server has begun a frame, and not gone on with it within {after:?}")]
    FrameTimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// CONNECTED did not come in time.
    #[error("no CONNECTED within {after:?}")]
    ConnectTimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// We sent DISCONNECT, and neither its RECEIPT nor the end of the connection came in time.
    #[error("no answer to DISCONNECT within {after:?}")]
    DisconnectTimedOut {
        /// How long it was waited for.
        after: Duration,
    },
}

impl CloseReason {
    /// Tells whether we ended the session ourselves.
    #[must_use]
    pub fn is_orderly(&self) -> bool {
        matches!(self, Self::Disconnected { .. })
    }
}

/// A transport that could not be made, or failed: what the operating system said, in lower case
/// and without its number for it.
///
/// ```
/// use std::io;
/// use stomp_session::TransportError;
///
/// let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
/// assert_eq!(TransportError::from(&refused).to_string(), "connection refused");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(Arc<str>);

impl From<&io::Error> for TransportError {
    fn from(error: &io::Error) -> Self {
        let text = error.to_string();
        match text.split_once(" (os error") {
            Some((text, _)) => Self(text.to_lowercase().into()),
            None => Self(text.into()),
        }
    }
}

/// How the server broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// What it sent is no frame.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The frame lacks something, or has no place here.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Misbehaviour {
    /// What it was, in words that are the same for the same fault on every connection.
    #[cfg(feature = "engine")]
    pub(crate) fn without_place(&self) -> String {
        match self {
            Self::Decode(error) => error.kind.to_string(),
            Self::Frame(error) => error.to_string(),
        }
    }
}

/// Why no RECEIPT will be reported for a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptFailure {
    /// No octet of the frame left the session: the broker has not seen it.
    #[error("the frame was not sent")]
    NotSent(#[source] CloseReason),
    /// The receipt did not come in time. The broker may have processed the frame, or will.
    #[error("no receipt within the time allowed")]
    Deadline,
    /// The connection ended first. The broker may have processed the frame.
    #[error("the connection ended before the receipt came")]
    ConnectionLost(#[source] CloseReason),
    /// The server answered this frame by ERROR.
    #[error("the server refused the frame: {0}")]
    Refused(ServerError),
    /// The server closed with an ERROR that names no frame, when this SUBSCRIBE was the next to be
    /// answered. RabbitMQ never names the frame.
    #[error("the server seems to have refused the frame: {0}")]
    Suspected(ServerError),
    /// The transaction was lost before its COMMIT left: nothing of it took place.
    #[error("the transaction was lost with its connection")]
    TransactionLost,
    /// The COMMIT left, and no receipt came: it took place, or it did not. Sending the transaction
    /// again may do its work twice.
    #[error("the commit may or may not have taken place")]
    InDoubt,
    /// The transaction of the frame was aborted, and brokers need not answer its frames then.
    #[error("the transaction was aborted")]
    Aborted,
}

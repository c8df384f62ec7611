use std::fmt;
use std::sync::Arc;

use stomp_commands::negotiate::Agreed;
use stomp_commands::{Dialect, ErrorFrame, Message, ReceiptId, TransactionId};
use stomp_frame::{DecodeError, Version};

use crate::{CloseReason, ReceiptFailure, SubscriptionKey, UsageError};

/// What the application has to know. Taken out by [`Session::poll_event`](crate::Session::poll_event).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// CONNECTED came: commands are possible from now on.
    Connected(Connection),
    /// A MESSAGE came for a subscription of ours.
    Message(Delivery),
    /// A MESSAGE came for a subscription of ours that cannot be read, and was dropped as it arrived:
    /// it is beyond the [limits](crate::Config::limits), or has a line in its head that is no
    /// header.
    ///
    /// Settle it like any other, or the broker will deliver it again.
    MessageUnreadable {
        /// What could be picked out of the message: no body, and not all headers. A destination or
        /// message id that could not is empty.
        delivery: Delivery,
        /// Why it cannot be read.
        why: DecodeError,
        /// How long the body was said to be, in octets.
        length: Option<u64>,
    },
    /// A MESSAGE came for no subscription of ours: most often one that was on its way while we
    /// unsubscribed, or a reply that RabbitMQ sends without a subscription.
    OrphanMessage(Message),
    /// The broker confirmed a subscription, by the RECEIPT of its SUBSCRIBE.
    Subscribed {
        /// The subscription.
        subscription: SubscriptionKey,
    },
    /// The receipt for the SUBSCRIBE of a replayed subscription did not come in time. It stays
    /// subscribed, and is replayed on the next connection.
    SubscribeUnanswered {
        /// The subscription.
        subscription: SubscriptionKey,
    },
    /// The broker refused a subscription. It is kept, but not replayed any more: see
    /// [`Subscriptions::quarantined`](crate::Subscriptions::quarantined).
    SubscriptionRefused {
        /// The subscription.
        subscription: SubscriptionKey,
        /// What the broker said.
        why: Refusal,
    },
    /// Every subscription that came from the previous connection is answered: confirmed, refused,
    /// or overdue. Only now is the order safe that most applications want, "first the
    /// subscriptions, then what was left to send". Does not come when there was none to replay.
    Replayed,
    /// A RECEIPT came that was waited for.
    Receipt {
        /// The id of the receipt.
        receipt: ReceiptId,
        /// Receipts of earlier frames, which the broker has *received* by now, and that are still
        /// waited for: "all the previous frames" were received, but need not have been processed
        /// (1.2, "RECEIPT"). Each is listed once.
        also_received: Vec<ReceiptId>,
    },
    /// No RECEIPT will be reported for this frame.
    ReceiptFailed {
        /// The id of the receipt.
        receipt: ReceiptId,
        /// Why.
        why: ReceiptFailure,
    },
    /// A RECEIPT came that nobody waits for (any more).
    UnexpectedReceipt {
        /// The id of the receipt.
        receipt: ReceiptId,
    },
    /// A transaction was open when the connection ended. The broker has rolled it back.
    TransactionLost {
        /// The transaction.
        transaction: TransactionId,
    },
    /// ERROR came. [`Closed`](Self::Closed) follows.
    Error(ServerError),
    /// The session is over. This is the last event, it comes once, and everything that was waited
    /// for was resolved before.
    Closed(CloseReason),
}

/// What was agreed with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The version in force.
    pub version: Version,
    /// What the server calls itself.
    pub server: Option<String>,
    /// The server's id of the session.
    pub session: Option<String>,
    /// How often each side has to show life.
    pub heart_beat: Agreed,
    /// The broker's dialect, recognised by `server` or taken from the configuration.
    pub dialect: Dialect,
    /// Which connection this is.
    pub epoch: Epoch,
}

/// A message, and what is needed to settle it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The subscription that it came for.
    pub subscription: SubscriptionKey,
    /// Settles the message: see [`Session::ack`](crate::Session::ack).
    pub token: AckToken,
    /// What it measured on the wire, headers included.
    pub octets: usize,
}

/// Names one delivery on one connection.
///
/// ACK on another connection than the message's may hit *another* message: RabbitMQ looks only at
/// the running number in the ack id. So a token knows the [`Epoch`] of its connection, and the
/// session writes nothing for one of another epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AckToken {
    pub(crate) epoch: Epoch,
    pub(crate) subscription: SubscriptionKey,
    /// The number of the delivery among those of its subscription. `None` if it cannot be
    /// acknowledged.
    pub(crate) number: Option<u64>,
}

impl AckToken {
    /// The connection that the message came on.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The subscription that the message came for.
    #[must_use]
    pub fn subscription(&self) -> SubscriptionKey {
        self.subscription
    }

    /// Tells whether the message has to be settled: not in ack mode `auto`, nor when the server
    /// left out the header that ACK needs.
    #[must_use]
    pub fn is_ackable(&self) -> bool {
        self.number.is_some()
    }
}

/// What became of an ACK or NACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it was sent, or why not")]
pub enum Settled {
    /// The frame is queued.
    Sent,
    /// The delivery belongs to a connection that is gone. Nothing was sent; the broker has taken
    /// the message back when that connection ended, and will deliver it again.
    Stale,
    /// The message counts as consumed already: it came in ack mode `auto`, or the broker gave
    /// nothing to acknowledge it by. Nothing was sent.
    NotNeeded,
}

/// Counts the connections that share one set of [`Subscriptions`](crate::Subscriptions), from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub(crate) u64);

impl Epoch {
    /// The number of the connection.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the server said in an ERROR. Shared, since it answers several questions at once.
pub type ServerError = Arc<ErrorFrame>;

/// Why a subscription is not replayed any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The server answered its SUBSCRIBE by ERROR, or named it in one.
    #[error("the server refused the subscription: {0}")]
    Error(ServerError),
    /// The server closed twice in a row with an ERROR that names no frame, when this SUBSCRIBE
    /// was the next to be answered. RabbitMQ never names the frame.
    #[error("the server seems to refuse the subscription: {0}")]
    Suspected(ServerError),
    /// What came for the subscription ended one connection after the other, always in the same way.
    #[error("what comes for it ends every connection: {0}")]
    Poison(Box<CloseReason>),
    /// The version in force, or the broker we are connected to now, cannot express what the
    /// subscription asks for.
    #[error(transparent)]
    Inexpressible(#[from] UsageError),
}

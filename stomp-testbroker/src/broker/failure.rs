use std::time::Instant;

use stomp_commands::FrameError;
use stomp_frame::{Command, DecodeError, DecodeErrorKind, Frame};

use super::Broker;
use super::connection::{ConnectionId, State};
use super::frames::receipt_frame;
use crate::Profile;
use crate::profile::{Reaction, reaction};

/// Why a frame was refused. Becomes the `message` of ERROR.
///
/// Names commands and headers, never a header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The octets are not STOMP.
    #[error("malformed frame")]
    Malformed(DecodeError),
    /// A frame before CONNECT.
    #[error("{0} before CONNECT")]
    NotConnected(Command),
    /// CONNECT or STOMP a second time.
    #[error("already connected")]
    AlreadyConnected,
    /// A frame that only servers send.
    #[error("{0} is not a client command")]
    NotAClientCommand(Command),
    /// The version demands a header that is not there.
    #[error("{command} without the header {header}")]
    MissingHeader {
        /// The frame's command.
        command: Command,
        /// The header's name.
        header: &'static str,
    },
    /// No version in common.
    #[error("no common version")]
    NoCommonVersion,
    /// `heart-beat` is not two numbers.
    #[error("heart-beat is not two decimal numbers with a comma between them")]
    BadHeartBeat,
    /// The virtual host does not exist.
    #[error("no such virtual host")]
    UnknownHost,
    /// Login or passcode is missing or wrong.
    #[error("access refused")]
    AccessRefused,
    /// An `ack` that is no ack mode.
    #[error("ack is not auto, client or client-individual")]
    BadAckMode,
    /// The subscription's id is in use.
    #[error("the id of the subscription is in use")]
    DuplicateSubscription,
    /// UNSUBSCRIBE for a subscription that does not exist.
    #[error("no such subscription")]
    UnknownSubscription,
    /// ACK or NACK for a message that does not wait for one on this connection.
    #[error("{0} for a message that does not wait for it")]
    UnknownMessage(Command),
    /// RabbitMQ: ACK or NACK for a message of a subscription that has ended.
    #[error("{0} for a message whose subscription has ended")]
    SubscriptionEnded(Command),
    /// RabbitMQ: ACK or NACK for a delivery that was settled before.
    #[error("unknown delivery tag {0}")]
    SettledAlready(u64),
    /// A destination without a name, where the broker wants one.
    #[error("the destination is empty")]
    EmptyDestination,
    /// RabbitMQ: a queue or topic whose name has a slash.
    #[error("the name of the destination has a slash that is not escaped")]
    InvalidDestination,
    /// RabbitMQ: a destination of a kind that it does not know.
    #[error("unknown destination")]
    UnknownDestination,
    /// RabbitMQ: SEND or SUBSCRIBE to what is only good for `reply-to`.
    #[error("not a valid destination for {0}")]
    NotADestinationFor(Command),
    /// RabbitMQ: a reply queue that is not there.
    #[error("no such queue")]
    NoSuchQueue,
    /// RabbitMQ: the id of a subscription that looks like one of the broker's own.
    #[error("the id of a subscription may not start with /temp-queue/")]
    ReservedId,
    /// RabbitMQ: SEND that names its message.
    #[error("message-id is not allowed on SEND")]
    MessageIdNotAllowed,
    /// ActiveMQ: CONNECT with the `client-id` of another connection.
    #[error("the client-id is connected already")]
    ClientIdInUse,
    /// SUBSCRIBE or UNSUBSCRIBE for a durable subscription that somebody uses.
    #[error("Durable consumer is in use")]
    DurableInUse,
    /// BEGIN with the id of an open transaction.
    #[error("the id of the transaction is in use")]
    DuplicateTransaction,
    /// A transaction that is not open.
    #[error("no such transaction")]
    UnknownTransaction,
    /// ActiveMQ: NACK in a transaction.
    #[error("Poison ack cannot be transacted")]
    NackInTransaction,
    /// Spring: DISCONNECT without a receipt, or silence.
    #[error("Session closed.")]
    SessionClosed,
    /// The client exceeds one of the [`Caps`](crate::Caps).
    #[error("too many {0}")]
    TooMany(&'static str),
    /// A fault of the test says so.
    #[error("refused by a fault of the test")]
    Fault,
}

impl From<FrameError> for Failure {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::NoCommonVersion => Self::NoCommonVersion,
            _ => Self::BadHeartBeat,
        }
    }
}

/// Returns the first header of that name, or says that it is missing.
pub(crate) fn require<'a>(frame: &'a Frame, name: &'static str) -> Result<&'a str, Failure> {
    frame.headers.get(name).ok_or(Failure::MissingHeader {
        command: frame.command,
        header: name,
    })
}

impl Broker {
    /// Answers a frame that cannot be done, as the profile does.
    pub(crate) fn refuse(
        &mut self,
        id: ConnectionId,
        failure: Failure,
        receipt: Option<&str>,
        now: Instant,
    ) {
        let error = self.error_frame(failure, receipt);
        let confirm = |broker: &mut Self| {
            if let Some(receipt) = receipt {
                broker.emit(id, receipt_frame(receipt), now);
            }
        };
        match reaction(self.config.profile, failure) {
            Reaction::None => return confirm(self),
            Reaction::Silence => {
                let note = format!("ignored: {failure}");
                return self.transcript.note(Some(id), note, now);
            }
            Reaction::Error => return self.emit(id, error, now),
            Reaction::ErrorAndClose => self.emit(id, error, now),
            Reaction::Close => {}
            Reaction::ErrorThenReceiptAndClose => {
                self.emit(id, error, now);
                confirm(self);
            }
            Reaction::ReceiptThenErrorAndClose => {
                confirm(self);
                self.emit(id, error, now);
            }
        }
        self.hang_up(id, now);
    }

    /// Answers octets that are not STOMP. RabbitMQ goes on behind an unknown command.
    pub(crate) fn refuse_octets(&mut self, id: ConnectionId, error: DecodeError, now: Instant) {
        let receipt = self.receipt_behind(id, error);
        self.refuse(id, Failure::Malformed(error), receipt.as_deref(), now);
        let mut decoder = self.manners.decoder(self.config.caps.frame);
        let version = self.connections[&id].version;
        decoder.set_version(self.manners.wire_version(version));
        let connection = self.connection(id);
        if connection.state == State::Closing {
            return;
        }
        let input = &mut connection.input;
        match input.iter().position(|octet| *octet == 0) {
            Some(end) => drop(input.split_to(end + 1)),
            None => input.clear(),
        }
        connection.decoder = decoder;
    }

    /// Looks for the receipt that a frame with an unknown command asks for, which ActiveMQ sees.
    fn receipt_behind(&self, id: ConnectionId, error: DecodeError) -> Option<String> {
        if error.kind != DecodeErrorKind::UnknownCommand || self.config.profile != Profile::ActiveMq
        {
            return None;
        }
        let input = std::str::from_utf8(&self.connections.get(&id)?.input).ok()?;
        let mut headers = input.lines().skip(1).take_while(|line| !line.is_empty());
        let receipt = headers.find_map(|line| line.strip_prefix("receipt:"));
        receipt.map(str::to_owned)
    }

    /// Ends a connection from the broker's side: input is ignored from now on, and the driver
    /// closes the link when all output was taken.
    pub(crate) fn hang_up(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.state == State::Closing {
            return;
        }
        connection.state = State::Closing;
        connection.input.clear();
        self.announce(id);
        self.release(id, now);
    }
}

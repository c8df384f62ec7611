use std::time::Instant;

use stomp_commands::{FrameError, negotiate};
use stomp_frame::{Command, DecodeError, Frame, Headers, Version, header};

use super::Broker;
use super::connection::{ConnectionId, State};

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
    /// BEGIN with the id of an open transaction.
    #[error("the id of the transaction is in use")]
    DuplicateTransaction,
    /// A transaction that is not open.
    #[error("no such transaction")]
    UnknownTransaction,
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
    /// Answers ERROR, and ends the connection.
    pub(crate) fn refuse(
        &mut self,
        id: ConnectionId,
        failure: Failure,
        receipt: Option<&str>,
        now: Instant,
    ) {
        let error = error_frame(failure, receipt, &self.config.versions);
        self.emit(id, error, now);
        self.hang_up(id, now);
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

fn error_frame(failure: Failure, receipt: Option<&str>, versions: &[Version]) -> Frame {
    let mut headers = Headers::new();
    // No colon, no backslash: before the version is known nobody can tell whether it is escaped.
    headers.append(header::MESSAGE, failure.to_string());
    if let Some(receipt) = receipt {
        headers.append(header::RECEIPT_ID, receipt);
    }
    if failure == Failure::NoCommonVersion {
        let mut versions = versions.to_vec();
        versions.sort_unstable();
        headers.append(header::VERSION, negotiate::version_list(&versions));
    }
    let mut error = Frame::new(Command::Error);
    if let Failure::Malformed(reason) = failure {
        headers.append(header::CONTENT_TYPE, "text/plain");
        error.body = reason.to_string().into();
    }
    error.headers = headers;
    error
}

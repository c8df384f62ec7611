use stomp_frame::{Command, DecodeErrorKind};

use super::{Profile, spring};
use crate::Failure;

/// What a broker does about a frame that it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// ERROR, and the end of the connection.
    ErrorAndClose,
    /// ERROR, and the connection goes on.
    Error,
    /// The end of the connection, and not a word.
    Close,
    /// ERROR, then all the same the RECEIPT, then the end.
    ErrorThenReceiptAndClose,
    /// The RECEIPT, then the ERROR, then the end.
    ReceiptThenErrorAndClose,
    /// Nothing: it is accepted.
    None,
    /// Not a word, and the connection goes on.
    Silence,
}

/// Tells what a broker does about a failure. Observed, for RabbitMQ and ActiveMQ.
pub(crate) fn reaction(profile: Profile, failure: Failure) -> Reaction {
    match profile {
        Profile::Strict => Reaction::ErrorAndClose,
        Profile::RabbitMq => rabbitmq(failure),
        Profile::ActiveMq => activemq(failure),
        Profile::Artemis => artemis(failure),
        Profile::Spring => spring::reaction(failure),
    }
}

fn rabbitmq(failure: Failure) -> Reaction {
    match failure {
        Failure::Malformed(error) if error.kind == DecodeErrorKind::UnknownCommand => {
            Reaction::Error
        }
        Failure::Malformed(_) | Failure::AlreadyConnected => Reaction::Close,
        Failure::DuplicateSubscription | Failure::NoSuchQueue => Reaction::ErrorThenReceiptAndClose,
        Failure::SettledAlready(_) => Reaction::ReceiptThenErrorAndClose,
        Failure::TooMany(_) | Failure::Fault => Reaction::ErrorAndClose,
        // A refused CONNECT, too: the client may try again for ten seconds.
        _ => Reaction::Error,
    }
}

fn activemq(failure: Failure) -> Reaction {
    match failure {
        Failure::EmptyDestination => Reaction::Close,
        Failure::Malformed(error) if error.kind == DecodeErrorKind::MalformedHeader => {
            Reaction::Close
        }
        Failure::BadAckMode => Reaction::None,
        Failure::Malformed(_)
        | Failure::NoCommonVersion
        | Failure::BadHeartBeat
        | Failure::AccessRefused
        | Failure::ClientIdInUse
        | Failure::NotAClientCommand(_)
        | Failure::TooMany(_)
        | Failure::Fault => Reaction::ErrorAndClose,
        _ => Reaction::Error,
    }
}

/// From its source: what is wrong with a connection ends it, what is wrong with a frame does not.
fn artemis(failure: Failure) -> Reaction {
    match failure {
        Failure::UnknownMessage(Command::Ack | Command::Nack)
        | Failure::UnknownSubscription
        | Failure::UnknownTransaction
        | Failure::DuplicateTransaction
        | Failure::DuplicateSubscription
        | Failure::SettledAlready(_)
        | Failure::MissingHeader { .. } => Reaction::Error,
        _ => Reaction::ErrorAndClose,
    }
}

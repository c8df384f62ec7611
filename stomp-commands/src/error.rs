use stomp_frame::{Command, Version};

use crate::{Dialect, Feature};

/// The application asked for something that cannot be said. Nothing was built.
///
/// Names commands and headers, never the value of a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The version in force does not have this command: NACK and STOMP came with 1.1.
    #[error("STOMP {version} has no {command}")]
    NotInVersion {
        /// The command.
        command: Command,
        /// The version in force.
        version: Version,
    },
    /// A header that the version demands was not given, and there is no default.
    #[error("{command} in STOMP {version} needs the header {header:?}")]
    MissingHeader {
        /// The command.
        command: Command,
        /// The header that is missing.
        header: &'static str,
        /// The version in force.
        version: Version,
    },
    /// The message cannot be acknowledged: 1.2 needs its `ack` header, and it came without. Most
    /// often the subscription's ack mode is `auto`.
    #[error("the message carries no \"ack\" header, so {command} cannot name it (ack mode auto?)")]
    NotAckable {
        /// ACK or NACK.
        command: Command,
    },
    /// A header given by name has its own method on this command, or was written by one.
    #[error("the header {header:?} of {command} is set by its own method, not by name")]
    ReservedHeader {
        /// The command.
        command: Command,
        /// The header's name.
        header: String,
    },
    /// The broker answers this header with an ERROR. Most often it comes from a message that is
    /// passed on.
    #[error("the {dialect} dialect does not allow the header {header:?} on {command}")]
    ForbiddenHeader {
        /// The broker's dialect.
        dialect: Dialect,
        /// The command.
        command: Command,
        /// The header's name.
        header: &'static str,
    },
    /// CONNECT offers no version at all.
    #[error("CONNECT offers no version")]
    NoVersion,
    /// The broker has no word for this.
    #[error("the {dialect} dialect has no word for {feature}")]
    Inexpressible {
        /// The broker's dialect.
        dialect: Dialect,
        /// What it has no word for.
        feature: Feature,
    },
    /// The broker has a word for this, but not for so small or so large a number.
    #[error("the {dialect} dialect takes {min} to {max} for {feature}")]
    OutOfRange {
        /// The broker's dialect.
        dialect: Dialect,
        /// What was asked for.
        feature: Feature,
        /// The lowest number it takes.
        min: u64,
        /// The highest number it takes.
        max: u64,
    },
    /// A durable subscription needs a `client-id` on CONNECT with this broker, and there was none.
    #[error("a durable subscription needs a client-id on CONNECT in the {dialect} dialect")]
    NoClientId {
        /// The broker's dialect.
        dialect: Dialect,
    },
    /// The name of a durable subscription is its id with this broker, and they differ.
    #[error("the {dialect} dialect names a durable subscription by its id, so both must be equal")]
    DurableIdDiffers {
        /// The broker's dialect.
        dialect: Dialect,
    },
    /// The broker could not read an ACK of a subscription with this id.
    #[error("no ACK can be read in the {dialect} dialect when the subscription id holds {text:?}")]
    UnusableId {
        /// The broker's dialect.
        dialect: Dialect,
        /// What the id must not hold.
        text: &'static str,
    },
}

/// The peer sent a frame that its version does not allow. The connection cannot go on.
///
/// Names commands and headers, never the value of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is not one of those expected here.
    #[error("unexpected {command} frame")]
    UnexpectedCommand {
        /// The command that came.
        command: Command,
    },
    /// A header that the version demands is missing.
    #[error("{command} frame without the header {header:?}")]
    MissingHeader {
        /// The command.
        command: Command,
        /// The header that is missing.
        header: &'static str,
    },
    /// The server chose a version that the client did not offer, or one that does not exist.
    #[error("the server chose a version that was not offered")]
    VersionNotOffered,
    /// The client offers no version that the server speaks.
    #[error("no common version")]
    NoCommonVersion,
    /// `heart-beat` is not two decimal numbers with a comma between them.
    #[error("heart-beat is not two decimal numbers with a comma between them")]
    BadHeartBeat,
    /// `ack` of SUBSCRIBE is not `auto`, `client` or `client-individual`.
    #[error("unknown ack mode")]
    BadAckMode,
}

//! The simple broker of Spring's messaging: a relay between browsers rather than a broker. Observed
//! with Spring 6.2.12 over WebSocket.

use super::manners::{HeartBeatAnswer, Manners};
use super::reaction::Reaction;
use super::{Profile, Receipts};
use crate::Failure;

pub(crate) fn manners() -> Manners {
    Manners {
        profile: Profile::Spring,
        server: "", // it does not say
        host_required: false,
        forgives_blanks: false,
        accept_version_required: true,
        heart_beat: HeartBeatAnswer::Own,
        dead_percent: 300,
        subscription_id_required: true,
        receipts: Receipts::OfDisconnect,
        ignores_settling: true,
        stays_after_disconnect: true,
        ..Manners::of(Profile::Strict)
    }
}

/// What a client gets wrong is mostly passed over in silence.
pub(crate) fn reaction(failure: Failure) -> Reaction {
    match failure {
        Failure::NoCommonVersion
        | Failure::MissingHeader { .. }
        | Failure::UnknownDestination
        | Failure::DuplicateSubscription
        | Failure::UnknownSubscription => Reaction::Silence,
        _ => Reaction::ErrorAndClose,
    }
}

/// `message` of its ERROR, which never has a reason that an application gave.
pub(crate) fn words(failure: Failure) -> &'static str {
    match failure {
        Failure::NotConnected(_) => "Unknown session",
        Failure::AlreadyConnected => "Session already exists",
        Failure::SessionClosed => "Session closed.",
        Failure::Malformed(_) => "Frame must be terminated with a null octet",
        _ => "Failed to send message to ExecutorSubscribableChannel[clientInboundChannel]",
    }
}

/// Tells whether the broker is configured for a destination: as in its manual, for these two.
pub(crate) fn serves(destination: &str) -> bool {
    destination.starts_with("/topic/") || destination.starts_with("/queue/")
}

//! The session's words and those of the scripts.

use std::time::Duration;

use serde_json::{Value, json};
use stomp_commands::{CommandError, FrameError, Send};
use stomp_frame::{DecodeErrorKind, EncodeError, header};
use stomp_session::{CloseReason, Event, Misbehaviour, SubscriptionKey, UsageError};

use crate::script::encode_base64;

/// Says an event in the words of the scripts. They have no words for what follows from it for the
/// application's own waits, nor for replayed subscriptions.
pub(crate) fn describe(
    event: Event,
    wire_id: impl Fn(SubscriptionKey) -> Option<String>,
) -> Option<(&'static str, Value)> {
    let ms = |period: Option<Duration>| period.map_or(0, |period| period.as_millis() as u64);
    Some(match event {
        Event::Connected(connection) => {
            let fields = json!({
                "version": connection.version.as_str(),
                "session": connection.session,
                "send_ms": ms(connection.heart_beat.send),
                "recv_ms": ms(connection.heart_beat.receive),
            });
            ("connected", fields)
        }
        Event::Message(delivery) => {
            let message = &delivery.message;
            let fields = json!({
                "subscription": wire_id(delivery.subscription),
                "message_id": message.message_id(),
                "destination": message.destination(),
                "body": encode_base64(message.body()),
            });
            ("message", fields)
        }
        Event::OrphanMessage(message) => {
            let fields = json!({
                "subscription": message.subscription(),
                "message_id": message.message_id(),
                "destination": message.destination(),
                "body": encode_base64(message.body()),
            });
            ("orphan-message", fields)
        }
        Event::Receipt {
            receipt,
            also_received,
        } => {
            let also: Vec<_> = also_received.iter().map(|id| id.as_str()).collect();
            let fields = json!({ "receipt_id": receipt.as_str(), "also_received": also });
            ("receipt", fields)
        }
        Event::UnexpectedReceipt { receipt } => (
            "unexpected-receipt",
            json!({ "receipt_id": receipt.as_str() }),
        ),
        Event::Error(error) => {
            let receipt = error.receipt_id.as_ref().map(|id| id.as_str());
            let fields = json!({ "message": error.message, "receipt_id": receipt });
            ("error", fields)
        }
        Event::Closed(CloseReason::Misbehaviour(misbehaviour)) => {
            let kind = name_misbehaviour(misbehaviour);
            ("protocol-error", json!({ "kind": kind }))
        }
        Event::Closed(CloseReason::HeartBeatMissed { .. }) => ("heartbeat-timeout", json!({})),
        Event::Closed(CloseReason::Disconnected { confirmed }) => {
            ("disconnected", json!({ "confirmed": confirmed }))
        }
        Event::Closed(CloseReason::ConnectionLost | CloseReason::ClosedBeforeConnected) => {
            ("connection-lost", json!({}))
        }
        _ => return None,
    })
}

fn name_misbehaviour(misbehaviour: Misbehaviour) -> &'static str {
    match misbehaviour {
        Misbehaviour::Decode(error) => match error.kind {
            DecodeErrorKind::UnknownCommand => "unknown-command",
            DecodeErrorKind::MalformedHeader => "malformed-header",
            DecodeErrorKind::UndefinedEscape => "undefined-escape",
            DecodeErrorKind::BareCr => "bare-cr",
            DecodeErrorKind::NulInHeader => "nul-in-header",
            DecodeErrorKind::InvalidUtf8 => "invalid-utf8",
            DecodeErrorKind::BadContentLength => "bad-content-length",
            DecodeErrorKind::MissingNulAfterBody => "missing-nul-after-body",
            DecodeErrorKind::BodyNotAllowed => "body-not-allowed",
            DecodeErrorKind::TooManyHeaders => "too-large-header-count",
            DecodeErrorKind::HeaderLineTooLong | DecodeErrorKind::HeadTooLong => {
                "too-large-header-line"
            }
            DecodeErrorKind::BodyTooLong => "too-large-body",
            _ => "another decoding error",
        },
        Misbehaviour::Frame(FrameError::UnexpectedCommand { .. }) => "unexpected-frame",
        Misbehaviour::Frame(FrameError::MissingHeader { .. }) => "missing-header",
        Misbehaviour::Frame(FrameError::VersionNotOffered) => "version-not-offered",
        Misbehaviour::Frame(FrameError::BadHeartBeat) => "bad-heart-beat",
        _ => "another misbehaviour",
    }
}

pub(crate) fn name_refusal(error: &UsageError) -> String {
    match error {
        UsageError::NotConnected => "not-connected",
        UsageError::DuplicateReceipt => "duplicate-receipt",
        UsageError::DuplicateSubscription => "duplicate-subscription",
        UsageError::UnknownSubscription => "unknown-subscription",
        UsageError::UnknownMessage => "unknown-message",
        UsageError::NotAckable => "not-ackable",
        UsageError::AlreadySettled => "already-settled",
        UsageError::DuplicateTransaction => "duplicate-transaction",
        UsageError::UnknownTransaction => "unknown-transaction",
        UsageError::Command(CommandError::NotInVersion { .. }) => "unsupported-in-version",
        UsageError::Command(CommandError::NotAckable { .. }) => "not-ackable",
        UsageError::Command(CommandError::ReservedHeader { header, .. })
            if header == header::CONTENT_LENGTH =>
        {
            "bad-content-length"
        }
        UsageError::Encode(EncodeError::Unencodable { .. }) => "unencodable-header",
        UsageError::Encode(EncodeError::EmptyHeaderName) => "malformed-header",
        UsageError::Encode(EncodeError::NulInHeader { .. }) => "nul-in-header",
        UsageError::Encode(EncodeError::BadContentLength { .. }) => "bad-content-length",
        UsageError::Encode(EncodeError::BodyNotAllowed { .. }) => "body-not-allowed",
        UsageError::Encode(EncodeError::UnknownCommand { .. }) => "unknown-command",
        other => return other.to_string(),
    }
    .to_owned()
}

/// The session says once that a frame was received; the scripts list it with every RECEIPT of a
/// later frame, until it has its own.
pub(crate) fn list_all_received(receipt: &mut Value, received: &mut Vec<String>) {
    let texts = receipt["also_received"].as_array().into_iter().flatten();
    received.extend(texts.filter_map(Value::as_str).map(str::to_owned));
    let own = received.iter().position(|id| receipt["receipt_id"] == **id);
    let earlier = &received[..own.unwrap_or(received.len())];
    receipt["also_received"] = json!(earlier);
    if let Some(own) = own {
        received.remove(own);
    }
}

/// Scripts give all headers by name; SEND has a field for one of them, and counts another itself.
pub(crate) fn take_typed_headers(send: &mut Send) {
    send.content_type = send.headers.get(header::CONTENT_TYPE).map(str::to_owned);
    let length = send.body.len().to_string();
    send.headers.retain(|name, value| {
        name != header::CONTENT_TYPE && (name != header::CONTENT_LENGTH || value != length)
    });
}

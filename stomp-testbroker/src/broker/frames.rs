//! The frames that a broker sends, in the shape that its profile has.

use std::time::Duration;

use stomp_commands::{HeartBeat, negotiate};
use stomp_frame::{Command, Frame, Headers, Version, header};

use super::connection::{AckMode, ConnectionId, Subscription};
use super::ids::{self, Parts};
use super::queue::Entry;
use super::{Broker, Failure};
use crate::Profile;

/// What CONNECTED says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted<'a> {
    pub(crate) id: ConnectionId,
    pub(crate) connect: &'a Frame,
    pub(crate) version: Version,
    pub(crate) heart_beat: HeartBeat,
}

impl Broker {
    pub(crate) fn connected_frame(&self, accepted: Accepted<'_>) -> Frame {
        let Accepted {
            id,
            connect,
            version,
            heart_beat,
        } = accepted;
        let profile = self.config.profile;
        let session = ids::session(profile, id);
        let mut headers = Headers::new();
        match profile {
            Profile::Strict => {
                headers.append(header::VERSION, version.as_str());
                headers.append(header::SESSION, session);
                headers.append(header::SERVER, self.manners.server);
                if version > Version::V1_0 {
                    headers.append(header::HEART_BEAT, heart_beat.to_string());
                }
            }
            Profile::RabbitMq => {
                headers.append(header::SERVER, self.manners.server);
                headers.append(header::SESSION, session);
                headers.append(header::HEART_BEAT, heart_beat.to_string());
                headers.append(header::VERSION, version.as_str());
            }
            Profile::ActiveMq | Profile::Artemis => {
                headers.append(header::SERVER, self.manners.server);
                if let Some(receipt) = connect.headers.get(header::RECEIPT) {
                    headers.append("response-id", receipt);
                    headers.append(header::RECEIPT_ID, receipt);
                }
                headers.append(header::HEART_BEAT, heart_beat.to_string());
                let client_id = connect.headers.get("client-id");
                headers.append(header::SESSION, client_id.unwrap_or(&session));
                headers.append(header::VERSION, version.as_str());
            }
        }
        frame(Command::Connected, headers)
    }

    /// Builds MESSAGE.
    pub(crate) fn message_frame(
        &self,
        parts: Parts<'_>,
        subscription: &Subscription,
        version: Version,
        entry: &Entry,
        age: Duration,
    ) -> Frame {
        let profile = self.config.profile;
        let message = &entry.message;
        let ack = (version == Version::V1_2 && subscription.mode != AckMode::Auto)
            .then(|| ids::ack(profile, parts));
        let message_id = ids::message_id(profile, parts);
        let destination = subscription.shown_as.as_ref();
        let destination = destination.unwrap_or(&message.destination);
        let mut headers = Headers::new();
        let mut known = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                headers.append(name, value);
            }
        };
        match profile {
            Profile::Strict => {
                known(header::SUBSCRIPTION, subscription.id());
                known(header::DESTINATION, Some(destination));
                known(header::MESSAGE_ID, Some(&message_id));
                known(header::ACK, ack.as_deref());
                if entry.deliveries > 1 {
                    known("redelivered", Some("true"));
                    known("delivery-count", Some(&entry.deliveries.to_string()));
                }
                headers.extend(&message.frame.headers);
            }
            Profile::RabbitMq => {
                known(header::SUBSCRIPTION, subscription.id());
                known(header::DESTINATION, Some(destination));
                known(header::MESSAGE_ID, Some(&message_id));
                let redelivered = if entry.deliveries > 1 {
                    "true"
                } else {
                    "false"
                };
                known("redelivered", Some(redelivered));
                known(header::ACK, ack.as_deref());
                headers.extend(&message.frame.headers);
            }
            Profile::ActiveMq | Profile::Artemis => {
                let given = &message.frame.headers;
                let own = ["expires", "priority", "timestamp", header::CONTENT_TYPE];
                known("expires", Some(given.get("expires").unwrap_or("0")));
                for (name, value) in given.iter().filter(|(name, _)| !own.contains(name)) {
                    known(name, Some(value));
                }
                known(header::DESTINATION, Some(destination));
                known(header::ACK, ack.as_deref());
                known(header::SUBSCRIPTION, subscription.id());
                known("priority", Some(given.get("priority").unwrap_or("4")));
                known(header::MESSAGE_ID, Some(&message_id));
                known(header::CONTENT_TYPE, given.get(header::CONTENT_TYPE));
                if message.had_length {
                    let length = message.frame.body.len().to_string();
                    known(header::CONTENT_LENGTH, Some(&length));
                }
                known("timestamp", Some(&timestamp(age)));
                if entry.deliveries > 1 {
                    known("redelivered", Some("true"));
                }
            }
        }
        Frame {
            body: message.frame.body.clone(),
            ..frame(Command::Message, headers)
        }
    }

    /// Builds the ERROR for a frame that is refused.
    pub(crate) fn error_frame(&self, failure: Failure, receipt: Option<&str>) -> Frame {
        let mut headers = Headers::new();
        let text = failure.to_string();
        match self.config.profile {
            Profile::Strict => {
                // No colon, no backslash: before the version is known nobody can tell whether it is
                // escaped.
                headers.append(header::MESSAGE, &text);
                if let Some(receipt) = receipt {
                    headers.append(header::RECEIPT_ID, receipt);
                }
                if failure == Failure::NoCommonVersion {
                    headers.append(header::VERSION, self.version_list());
                }
                let mut error = frame(Command::Error, headers);
                if let Failure::Malformed(reason) = failure {
                    error.headers.append(header::CONTENT_TYPE, "text/plain");
                    error.body = reason.to_string().into();
                }
                error
            }
            Profile::RabbitMq => {
                headers.append(header::MESSAGE, rabbitmq_words(failure, &text));
                headers.append(header::CONTENT_TYPE, "text/plain");
                headers.append(header::VERSION, self.version_list());
                let body = format!("{text}\n");
                headers.append(header::CONTENT_LENGTH, body.len().to_string());
                Frame {
                    body: body.into(),
                    ..frame(Command::Error, headers)
                }
            }
            Profile::ActiveMq | Profile::Artemis => {
                headers.append(header::CONTENT_TYPE, "text/plain");
                if let Some(receipt) = receipt {
                    headers.append(header::RECEIPT_ID, receipt);
                }
                headers.append(header::MESSAGE, &text);
                let body = format!(
                    "org.apache.activemq.transport.stomp.ProtocolException: {text}\n\
                     \tat org.apache.activemq.transport.stomp.ProtocolConverter.onStompCommand\n"
                );
                Frame {
                    body: body.into(),
                    ..frame(Command::Error, headers)
                }
            }
        }
    }

    fn version_list(&self) -> String {
        let mut versions = self.config.versions.clone();
        versions.sort_unstable();
        negotiate::version_list(&versions)
    }
}

pub(crate) fn receipt_frame(receipt: &str) -> Frame {
    Frame::new(Command::Receipt).header(header::RECEIPT_ID, receipt)
}

fn frame(command: Command, headers: Headers) -> Frame {
    Frame {
        headers,
        ..Frame::new(command)
    }
}

/// Milliseconds since 1970, as if the broker had been started at one and the same moment always: the
/// core has no clock.
fn timestamp(age: Duration) -> String {
    const START: u128 = 1_795_000_000_000;
    (START + age.as_millis()).to_string()
}

/// `message` of RabbitMQ's ERROR, where it has been seen.
fn rabbitmq_words(failure: Failure, text: &str) -> &str {
    match failure {
        Failure::Malformed(_) | Failure::NotAClientCommand(_) => "Bad command",
        Failure::NotConnected(_) => "Illegal command",
        Failure::NoCommonVersion => "Version mismatch",
        Failure::AccessRefused | Failure::UnknownHost => "Bad CONNECT",
        Failure::BadHeartBeat | Failure::BadAckMode => "Processing error",
        Failure::MissingHeader {
            header: header::DESTINATION,
            ..
        } => "Missing destination",
        Failure::MissingHeader {
            header: header::TRANSACTION,
            ..
        } => "Missing transaction",
        Failure::MissingHeader { .. } => "Missing header",
        Failure::EmptyDestination => "Invalid destination",
        Failure::UnknownDestination => "Unknown destination",
        Failure::DuplicateSubscription => "Duplicated subscription identifier",
        Failure::UnknownSubscription => "No subscription found",
        Failure::UnknownMessage(_) => "Invalid header",
        Failure::SettledAlready(_) => "precondition_failed",
        Failure::UnknownTransaction => "Bad transaction",
        _ => text,
    }
}

//! The frames that a broker sends, in the shape that its profile has.

use std::time::Duration;

use stomp_commands::{HeartBeat, negotiate};
use stomp_frame::{Command, Frame, Headers, Version, header};

use super::connection::{AckMode, ConnectionId};
use super::ids::{self, Parts};
use super::queue::{Consumer, Entry};
use super::{Broker, Failure};
use crate::Profile;
use crate::profile::java::HashMap;
use crate::profile::spring;

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
            Profile::Spring => {
                headers.append(header::VERSION, version.as_str());
                headers.append(header::HEART_BEAT, heart_beat.to_string());
            }
            Profile::ActiveMq | Profile::Artemis => {
                let mut map = HashMap::with_capacity(16);
                map.put(header::SERVER, self.manners.server);
                map.put(header::VERSION, version.as_str());
                map.put(header::HEART_BEAT, heart_beat.to_string());
                let client_id = connect.headers.get("client-id");
                map.put(header::SESSION, client_id.unwrap_or(&session));
                if let Some(receipt) = connect.headers.get(header::RECEIPT) {
                    map.put(header::RECEIPT_ID, receipt);
                    map.put("response-id", receipt);
                }
                headers = map.into_headers();
            }
        }
        frame(Command::Connected, headers)
    }

    /// Builds MESSAGE, the delivery of that number on its connection.
    pub(crate) fn message_frame(
        &self,
        to: Consumer,
        number: u64,
        entry: &Entry,
        age: Duration,
    ) -> Frame {
        let profile = self.config.profile;
        let message = &entry.message;
        let connection = &self.connections[&to.connection];
        let subscription = &connection.subscriptions[&to.subscription];
        let version = connection.version;
        let parts = Parts {
            connection: to.connection,
            subscription: to.subscription,
            key: &subscription.key,
            delivery: number,
            message: message.number,
        };
        let ack = (version == Version::V1_2 && subscription.mode != AckMode::Auto)
            .then(|| ids::ack(profile, parts));
        let message_id = ids::message_id(profile, parts);
        let destination = subscription.shown_as.as_ref();
        let destination = destination.unwrap_or(&message.destination);
        let headers = match profile {
            Profile::Strict => {
                let mut headers = Headers::new();
                if let Some(id) = subscription.id() {
                    headers.append(header::SUBSCRIPTION, id);
                }
                headers.append(header::DESTINATION, destination);
                headers.append(header::MESSAGE_ID, message_id);
                if let Some(ack) = ack {
                    headers.append(header::ACK, ack);
                }
                if entry.deliveries > 1 {
                    headers.append("redelivered", "true");
                    headers.append("delivery-count", entry.deliveries.to_string());
                }
                headers.extend(&message.frame.headers);
                headers
            }
            Profile::RabbitMq => {
                let mut headers = Headers::new();
                if let Some(id) = subscription.id() {
                    headers.append(header::SUBSCRIPTION, id);
                }
                headers.append(header::DESTINATION, destination);
                headers.append(header::MESSAGE_ID, message_id);
                let redelivered = entry.deliveries > 1;
                headers.append("redelivered", redelivered.to_string());
                if let Some(ack) = ack {
                    headers.append(header::ACK, ack);
                }
                append_amqp(&mut headers, &message.frame.headers);
                headers
            }
            Profile::Spring => {
                let mut headers = message.frame.headers.clone();
                headers.append(header::SUBSCRIPTION, subscription.id().unwrap_or_default());
                headers.append(header::MESSAGE_ID, message_id);
                headers
            }
            Profile::ActiveMq | Profile::Artemis => {
                let mut map = HashMap::with_capacity(32);
                let given = &message.frame.headers;
                map.put("expires", given.get("expires").unwrap_or("0"));
                map.put("priority", given.get("priority").unwrap_or("4"));
                map.put(header::DESTINATION, &**destination);
                map.put(header::MESSAGE_ID, message_id);
                map.put("timestamp", timestamp(age));
                if entry.deliveries > 1 {
                    map.put("redelivered", "true");
                }
                if message.had_length {
                    let length = message.frame.body.len();
                    map.put(header::CONTENT_LENGTH, length.to_string());
                }
                for (name, value) in given {
                    map.put_if_absent(name, value);
                }
                if let Some(own) = given.get("reply-to")
                    && let Some(own) = self.own_name(to.connection, own)
                {
                    map.put("reply-to", own);
                }
                if let Some(id) = subscription.id() {
                    map.put(header::SUBSCRIPTION, id);
                }
                if let Some(ack) = ack {
                    map.put(header::ACK, ack);
                }
                map.into_headers()
            }
        };
        Frame {
            body: message.frame.body.clone(),
            ..frame(Command::Message, headers)
        }
    }

    /// Builds the ERROR for a frame that is refused.
    pub(crate) fn error_frame(&self, failure: Failure, receipt: Option<&str>) -> Frame {
        let mut headers = Headers::new();
        let text = failure.to_string();
        let names_frame_by = self.config.error_receipt_header.as_str();
        match self.config.profile {
            Profile::Strict => {
                // No colon, no backslash: before the version is known nobody can tell whether it is
                // escaped.
                headers.append(header::MESSAGE, &text);
                if let Some(receipt) = receipt {
                    headers.append(names_frame_by, receipt);
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
            Profile::Spring => {
                headers.append(header::MESSAGE, spring::words(failure));
                headers.append(header::CONTENT_LENGTH, "0");
                frame(Command::Error, headers)
            }
            Profile::ActiveMq | Profile::Artemis => {
                let mut map = HashMap::with_capacity(16);
                map.put(header::CONTENT_TYPE, "text/plain");
                map.put(header::MESSAGE, &*text);
                if let Some(receipt) = receipt {
                    map.put(names_frame_by, receipt);
                }
                headers = map.into_headers();
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

    pub(crate) fn version_list(&self) -> String {
        let mut versions = self.config.versions.clone();
        versions.sort_unstable();
        negotiate::version_list(&versions)
    }
}

/// RabbitMQ turns what AMQP has a property for into one, and the rest around.
fn append_amqp(headers: &mut Headers, given: &Headers) {
    const PROPERTIES: [&str; 11] = [
        "app-id",
        "user-id",
        "type",
        "timestamp",
        "expiration",
        "reply-to",
        "correlation-id",
        "priority",
        "persistent",
        "content-encoding",
        header::CONTENT_TYPE,
    ];
    let mut others: Vec<(&str, &str)> = Vec::new();
    for (name, value) in given {
        let repeated = others.iter().any(|(known, _)| *known == name);
        if !repeated && !PROPERTIES.contains(&name) {
            others.push((name, value));
        }
    }
    headers.extend(others.into_iter().rev());
    let value = |name| given.get(name).map(|value| (name, value));
    headers.extend(PROPERTIES.into_iter().filter_map(value));
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
        Failure::EmptyDestination
        | Failure::InvalidDestination
        | Failure::NotADestinationFor(_) => "Invalid destination",
        Failure::ReservedId => "Invalid id",
        Failure::NoSuchQueue => "not_found",
        Failure::UnknownDestination => "Unknown destination",
        Failure::DuplicateSubscription => "Duplicated subscription identifier",
        Failure::UnknownSubscription => "No subscription found",
        Failure::SubscriptionEnded(_) => "Subscription not found",
        Failure::UnknownMessage(_) => "Invalid header",
        Failure::SettledAlready(_) => "precondition_failed",
        Failure::UnknownTransaction => "Bad transaction",
        _ => text,
    }
}

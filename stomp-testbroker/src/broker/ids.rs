use bytes::BufMut;
use stomp_frame::{Command, Frame, Version, header};

use super::connection::{Connection, ConnectionId, Key, Subscription};
use super::failure::{Failure, require};
use crate::Profile;

/// What the ids of a MESSAGE are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) subscription: u32,
    pub(crate) key: &'a Key,
    /// Counts the deliveries of the connection.
    pub(crate) delivery: u64,
    /// Counts the messages of the broker.
    pub(crate) message: u64,
}

/// A delivery that ACK or NACK names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) subscription: u32,
    pub(crate) delivery: u64,
}

/// Makes the `session` of CONNECTED.
pub(crate) fn session(profile: Profile, id: ConnectionId) -> String {
    match profile {
        Profile::ActiveMq => format!("ID:testbroker-1:{}", id.0),
        _ => format!("session-{}", id.0),
    }
}

/// Makes the `message-id` of MESSAGE.
pub(crate) fn message_id(profile: Profile, parts: Parts<'_>) -> String {
    match profile {
        Profile::Strict => strict("message", parts),
        Profile::RabbitMq => rabbitmq(parts),
        Profile::ActiveMq => format!("ID:testbroker-2:1:-1:1:{}", parts.message),
        Profile::Spring => format!("{}-{}", session(profile, parts.connection), parts.delivery),
        Profile::Artemis => format!("{}", parts.message),
    }
}

/// Makes the `ack` of MESSAGE.
///
/// A strict broker takes care that it is not the `message-id`: 1.2 wants this one in ACK, and many
/// clients got that wrong.
pub(crate) fn ack(profile: Profile, parts: Parts<'_>) -> String {
    match profile {
        Profile::Strict => strict("ack", parts),
        Profile::RabbitMq => rabbitmq(parts),
        Profile::ActiveMq => format!("ID:testbroker-3:{}", parts.delivery),
        Profile::Spring => message_id(profile, parts), // which nobody is told
        Profile::Artemis => format!("{}", parts.message),
    }
}

/// Reads which delivery an ACK or NACK names: by the `ack` of MESSAGE in 1.2, else by its
/// `message-id`, in 1.1 together with the subscription.
pub(crate) fn named(
    profile: Profile,
    id: ConnectionId,
    connection: &Connection,
    frame: &Frame,
) -> Result<Named, Failure> {
    let unknown = Failure::UnknownMessage(frame.command);
    let text = match connection.version {
        Version::V1_2 => require(frame, header::ID)?,
        _ => require(frame, header::MESSAGE_ID)?,
    };
    match profile {
        Profile::Strict => {
            let named = parse_strict(id, connection.version, text).ok_or(unknown)?;
            check_subscription(connection, frame, named).ok_or(unknown)?;
            Ok(named)
        }
        Profile::RabbitMq => parse_rabbitmq(connection, frame.command, text),
        Profile::ActiveMq | Profile::Artemis | Profile::Spring => {
            find_by_text(profile, id, connection, frame, text).ok_or(unknown)
        }
    }
}

fn strict(prefix: &str, parts: Parts<'_>) -> String {
    let id = Strict {
        connection: parts.connection,
        subscription: parts.subscription,
        delivery: parts.delivery,
    };
    let mut text = Vec::with_capacity(prefix.len() + Strict::SPACE);
    id.put(prefix, &mut text);
    String::from_utf8(text).expect("made of ASCII")
}

/// What makes the ids of a strict broker unique.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strict {
    pub(crate) connection: ConnectionId,
    pub(crate) subscription: u32,
    pub(crate) delivery: u64,
}

impl Strict {
    /// Octets of such an id, unless its numbers are very long.
    const SPACE: usize = 32;

    pub(crate) fn put(self, prefix: &str, output: &mut impl BufMut) {
        output.put_slice(prefix.as_bytes());
        for number in [self.connection.0, self.subscription.into(), self.delivery] {
            output.put_u8(b'-');
            put_number(number, output);
        }
    }
}

/// Writes a number in decimal.
pub(crate) fn put_number(mut number: u64, output: &mut impl BufMut) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    output.put_slice(&digits[start..]);
}

fn parse_strict(id: ConnectionId, version: Version, text: &str) -> Option<Named> {
    let prefix = match version {
        Version::V1_2 => "ack-",
        _ => "message-",
    };
    let (connection, rest) = text.strip_prefix(prefix)?.split_once('-')?;
    let (subscription, delivery) = rest.split_once('-')?;
    let named = Named {
        subscription: number(subscription)?.try_into().ok()?,
        delivery: number(delivery)?,
    };
    (number(connection)? == id.0).then_some(named)
}

/// Reads a number as it was written: no sign, no leading zero.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

/// 1.1 wants the subscription of the message.
fn check_subscription(connection: &Connection, frame: &Frame, named: Named) -> Option<()> {
    if connection.version != Version::V1_1 {
        return Some(());
    }
    let subscription = connection.subscriptions.get(&named.subscription)?;
    (subscription.id() == frame.headers.get(header::SUBSCRIPTION)).then_some(())
}

fn rabbitmq(parts: Parts<'_>) -> String {
    let tag = rabbitmq_tag(parts.key);
    let session = session(Profile::RabbitMq, parts.connection);
    format!("{tag}@@{session}@@{}", parts.delivery)
}

/// Makes the name that RabbitMQ has for a subscription.
pub(crate) fn rabbitmq_tag(key: &Key) -> String {
    match key {
        Key::Id(id) => format!("T_{id}"),
        Key::Destination(destination) => format!("Q_{destination}"),
    }
}

/// RabbitMQ wants the subscription to be there, and reads the number. It looks at no session, nor
/// whose the number is: an ACK of an earlier connection settles whatever message has it now.
fn parse_rabbitmq(connection: &Connection, command: Command, text: &str) -> Result<Named, Failure> {
    let unknown = Failure::UnknownMessage(command);
    let parts: Vec<_> = text.split("@@").collect();
    let &[name, _session, delivery] = parts.as_slice() else {
        return Err(unknown);
    };
    let key = match (name.strip_prefix("T_"), name.strip_prefix("Q_")) {
        (Some(id), _) => Key::Id(id.to_owned()),
        (_, Some(destination)) => Key::Destination(destination.to_owned()),
        _ => return Err(unknown),
    };
    let subscription = connection.subscription_keys.get(&key);
    let subscription = *subscription.ok_or(Failure::SubscriptionEnded(command))?;
    let delivery = number(delivery).ok_or(unknown)?;
    let mut parts = connection.parts_of(subscription);
    let holder = parts.find(|(_, part)| part.position(delivery).is_some());
    Ok(Named {
        subscription: holder.map_or(subscription, |(part, _)| part),
        delivery,
    })
}

/// Makes the text that an ACK in this version names a delivery by.
pub(crate) fn named_by(profile: Profile, version: Version, parts: Parts<'_>) -> String {
    match version {
        Version::V1_2 => ack(profile, parts),
        _ => message_id(profile, parts),
    }
}

/// Looks through all that the client has got; the first that has such an id is meant.
fn find_by_text(
    profile: Profile,
    id: ConnectionId,
    connection: &Connection,
    frame: &Frame,
    text: &str,
) -> Option<Named> {
    let wanted = frame.headers.get(header::SUBSCRIPTION);
    let fits = |subscription: &Subscription| {
        connection.version == Version::V1_2 || wanted.is_none() || subscription.id() == wanted
    };
    let mut subscriptions = connection.subscriptions.iter();
    subscriptions.find_map(|(number, subscription)| {
        let mut unsettled = subscription.unsettled.iter();
        let delivery = unsettled.find(|delivery| {
            let parts = Parts {
                connection: id,
                subscription: *number,
                key: &subscription.key,
                delivery: delivery.number,
                message: delivery.entry.message.number,
            };
            fits(subscription) && named_by(profile, connection.version, parts) == text
        })?;
        Some(Named {
            subscription: *number,
            delivery: delivery.number,
        })
    })
}

use std::sync::{Arc, Weak};
use std::time::Instant;

use bytes::{BufMut, BytesMut};
use stomp_frame::{Command, Encoder, Frame, Headers, Side, Version, header};

use super::Broker;
use super::connection::{AckMode, Subscription};
use super::ids;
use super::output::write_head;
use super::queue::{Consumer, Entry, Message};
use crate::Profile;

/// MESSAGE straight into the output, for a broker that is in a hurry: what a subscription writes in
/// front is encoded once a subscription, and the sender's headers once a message, however many
/// subscribers get it; a body is copied once, into the output.
impl Broker {
    /// Tells whether nobody wants to see a MESSAGE as a frame, and it has the plain shape.
    pub(crate) fn writes_messages_directly(&self) -> bool {
        self.config.profile == Profile::Strict
            && !self.has_faults()
            && !self.transcript.is_recording()
    }

    /// Writes the same octets as [`message_frame`](Self::message_frame) followed by
    /// [`emit`](Self::emit).
    pub(crate) fn write_message(&mut self, to: Consumer, number: u64, entry: &Entry, now: Instant) {
        let Some(connection) = self.connections.get_mut(&to.connection) else {
            return;
        };
        let version = connection.version;
        let Some(subscription) = connection.subscriptions.get_mut(&to.subscription) else {
            return;
        };
        if connection.discard {
            return;
        }
        let acked = version == Version::V1_2 && subscription.mode != AckMode::Auto;
        let lead = subscription.lead(&entry.message.destination, version);
        let Some(tail) = self.tail.of(&entry.message, version) else {
            return;
        };
        let body = &entry.message.frame.body;
        let output = &mut connection.output;
        let before = output.len();
        output.reserve(lead.len() + SPACE_FOR_IDS + tail.len() + body.len() + 1);
        output.put_slice(lead);
        let id = ids::Strict {
            connection: to.connection,
            subscription: to.subscription,
            delivery: number,
        };
        put_name(header::MESSAGE_ID, output);
        id.put("message", output);
        output.put_u8(b'\n');
        if acked {
            put_name(header::ACK, output);
            id.put("ack", output);
            output.put_u8(b'\n');
        }
        if entry.deliveries > 1 {
            output.put_slice(b"redelivered:true\ndelivery-count:");
            ids::put_number(entry.deliveries.into(), output);
            output.put_u8(b'\n');
        }
        output.put_slice(tail);
        output.put_slice(body);
        output.put_u8(0);
        connection.sent_octets += (output.len() - before) as u64;
        connection.beats.sent = now;
        self.announce(to.connection);
    }
}

/// Two ids and a count, roughly.
const SPACE_FOR_IDS: usize = 128;

fn put_name(name: &str, output: &mut BytesMut) {
    output.put_slice(name.as_bytes());
    output.put_u8(b':');
}

/// The beginning of each MESSAGE of a subscription, encoded.
#[derive(Clone, Debug)]
pub(crate) struct Lead {
    /// Where its messages were sent.
    destination: Arc<str>,
    octets: Vec<u8>,
}

impl Subscription {
    /// Returns the command and the headers that are the same in each MESSAGE.
    fn lead(&mut self, destination: &Arc<str>, version: Version) -> &[u8] {
        let known = self.lead.take();
        let known = known.filter(|lead| Arc::ptr_eq(&lead.destination, destination));
        let lead = known.unwrap_or_else(|| Lead {
            destination: Arc::clone(destination),
            octets: self.encode_lead(destination, version),
        });
        &self.lead.insert(lead).octets
    }

    fn encode_lead(&self, destination: &Arc<str>, version: Version) -> Vec<u8> {
        let mut headers = Headers::new();
        if let Some(id) = self.id() {
            headers.append(header::SUBSCRIPTION, id);
        }
        let shown_as = self.shown_as.as_ref();
        headers.append(header::DESTINATION, shown_as.unwrap_or(destination));
        let frame = Frame {
            headers,
            ..Frame::new(Command::Message)
        };
        let mut octets = BytesMut::new();
        let encoder = Encoder::new(Side::Server).version(version);
        write_head(&frame, encoder, &mut octets);
        octets.truncate(octets.len().saturating_sub(b"\n".len()));
        octets.into()
    }
}

/// The headers of MESSAGE that are the sender's, as one version has them. Kept for the next
/// subscriber of the same topic.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Whose they are. As long as this exists no other message can have its place in memory.
    message: Weak<Message>,
    version: Version,
    /// With the command line of SEND in front, and nothing if they cannot be written.
    octets: BytesMut,
}

impl Tail {
    pub(crate) fn new() -> Self {
        Self {
            message: Weak::new(),
            version: Version::V1_2,
            octets: BytesMut::new(),
        }
    }

    fn of(&mut self, message: &Arc<Message>, version: Version) -> Option<&[u8]> {
        const COMMAND: &[u8] = b"SEND\n";
        if self.message.as_ptr() != Arc::as_ptr(message) || self.version != version {
            // A message that nobody else has will not be asked for again.
            self.message = match Arc::strong_count(message) {
                1 => Weak::new(),
                _ => Arc::downgrade(message),
            };
            self.version = version;
            self.octets.clear();
            let encoder = Encoder::new(Side::Client).version(version);
            write_head(&message.frame, encoder, &mut self.octets);
        }
        self.octets.get(COMMAND.len()..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, ConnectionId, NackPolicy};

    /// What senders write: one frame a version at least.
    const SENDS: [&str; 8] = [
        "SEND\ndestination:DEST\n\nplain\0",
        "SEND\ndestination:DEST\n\n\0",
        "SEND\ndestination:DEST\ncontent-length:3\n\na\0b\0",
        "SEND\ndestination:DEST\nk:a\\nb\\cc\\\\d\n\nescaped\0",
        "SEND\ndestination:DEST\nk:a\\rb\nk:again\n\nonly 1.2 has a CR\0",
        "SEND\ndestination:DEST\nmessage-id:mine\nsubscription:mine\nack:mine\n\ncheeky\0",
        "SEND\ndestination:DEST\ncontent-type:text/plain\nreceipt:r\npersistent:true\n\ntext\0",
        "SEND\ndestination:DEST\nk:a\\nb\nk:c\\nd\nother:x\n\nnot for 1.0\0",
    ];

    /// All that three subscribers of three versions are told, with the client's death in between.
    fn told(transcript: usize, destination: &str, mode: &str) -> Vec<String> {
        let now = Instant::now();
        let mut broker = Broker::new(Config {
            transcript,
            nack: Some(NackPolicy::Requeue),
            ..Config::default()
        });
        let connect = |broker: &mut Broker, version: &str| {
            let id = broker.handle_open(now);
            let connect = format!("CONNECT\naccept-version:{version}\nhost:h\n\n\0");
            broker.handle_data(id, connect.as_bytes(), now);
            id
        };
        let sender = connect(&mut broker, "1.2");
        let subscribe = |broker: &mut Broker| -> Vec<ConnectionId> {
            ["1.0", "1.1", "1.2"]
                .into_iter()
                .map(|version| {
                    let id = connect(broker, version);
                    let subscribe = format!(
                        "SUBSCRIBE\nid:s\\\\1\ndestination:{destination}\nack:{mode}\n\n\0"
                    );
                    broker.handle_data(id, subscribe.as_bytes(), now);
                    id
                })
                .collect()
        };
        let mut all = subscribe(&mut broker);
        for send in SENDS {
            let send = send.replace("DEST", destination);
            broker.handle_data(sender, send.as_bytes(), now);
        }
        let mut told = Vec::new();
        let mut hear = |broker: &mut Broker, id| {
            let output = broker.poll_transmit(id, now).unwrap_or_default();
            told.push(format!("{id} {}", output.escape_ascii()));
        };
        for id in &all {
            hear(&mut broker, *id);
            broker.handle_close(*id, now);
        }
        all = subscribe(&mut broker);
        for id in all.into_iter().chain([sender]) {
            hear(&mut broker, id);
        }
        told
    }

    #[test]
    fn a_message_looks_the_same_whether_or_not_a_frame_was_made_of_it() {
        for destination in ["/queue/a", "/topic/a", "/queue/a\\cb", "/temp-queue/a"] {
            for mode in ["auto", "client", "client-individual"] {
                let directly = told(0, destination, mode);
                let as_frames = told(100, destination, mode);
                assert_eq!(directly, as_frames, "{destination} {mode}");
            }
        }
        let text = told(0, "/queue/a", "client").concat();
        assert!(
            text.contains("redelivered:true\\ndelivery-count:2"),
            "{text}"
        );
    }
}

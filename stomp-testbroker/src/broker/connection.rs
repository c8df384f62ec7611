use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use stomp_frame::{Decoder, Frame, Version};

use super::delivery::Lead;
use super::mailbox::Mailbox;
use super::queue::{Entry, QueueId};
use super::transaction::Transaction;
use crate::fault::{RuleId, Standing};
use crate::profile::{Ticks, Watch};

/// Names a connection of a [`Broker`](crate::Broker): 1 is the first that was ever opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) u64);

impl ConnectionId {
    /// Returns the number of the connection: 1 for the first one of this broker.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Where a connection is in its life.
///
/// ```text
/// Opening ──CONNECT──► Connected ──DISCONNECT, ERROR, silence──► Closing ──output taken──► gone
///    └──────────────────ERROR──────────────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for CONNECT or STOMP.
    Opening,
    /// CONNECTED was sent.
    Connected,
    /// DISCONNECT was answered, and the client is to close: input is ignored (Spring).
    Left,
    /// The broker is done with it: input is ignored, and what still waits goes out.
    Closing,
}

impl State {
    /// Tells whether what the client says is of no interest any more.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Left | Self::Closing)
    }
}

/// One client, seen from the broker.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) state: State,
    pub(crate) version: Version,
    pub(crate) login: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) decoder: Decoder,
    /// Octets received and not understood yet.
    pub(crate) input: BytesMut,
    /// Octets for the peer.
    pub(crate) output: BytesMut,
    /// Whether it stands in the list of those whose driver has something to do.
    pub(crate) announced: bool,
    /// Whether a delivery had to wait because too much output waits already.
    pub(crate) stalled: bool,
    pub(crate) beats: Beats,
    /// Which member of a cluster it came to.
    pub(crate) node: usize,

    pub(crate) subscriptions: BTreeMap<u32, Subscription>,
    pub(crate) subscription_keys: HashMap<Key, u32>,
    next_subscription: u32,
    pub(crate) transactions: HashMap<String, Transaction>,
    /// Queues that are of use to this connection only.
    pub(crate) temporary: Vec<Arc<str>>,
    /// Messages of subscriptions that have ended, which stay with the client (RabbitMQ), by the
    /// number of their delivery.
    pub(crate) left_unacked: BTreeMap<u64, (QueueId, Entry)>,
    /// Deliveries that wait for the end of the input at hand (RabbitMQ).
    pub(crate) mailbox: Mailbox,
    /// Ids that subscriptions which have ended left to be acknowledged (ActiveMQ).
    pub(crate) late_acks: VecDeque<String>,
    /// RECEIPTs of SEND that come late (RabbitMQ).
    pub(crate) confirms: Vec<Confirm>,
    /// Number of the last delivery; ids of messages are made of it.
    pub(crate) deliveries: u64,

    pub(crate) received_octets: u64,
    pub(crate) sent_octets: u64,
    /// Faults that last.
    pub(crate) standing: Vec<(RuleId, Standing)>,
    /// A received frame that waits, and those behind it with it.
    pub(crate) held: Option<(Instant, Frame)>,
    /// Frames to be sent later.
    pub(crate) delayed: Vec<(Instant, Frame)>,
    /// Whether frames to be sent are thrown away.
    pub(crate) discard: bool,
}

impl Connection {
    pub(crate) fn new(node: usize, decoder: Decoder, now: Instant) -> Self {
        Self {
            state: State::Opening,
            version: Version::V1_2,
            login: None,
            client_id: None,
            decoder,
            input: BytesMut::new(),
            output: BytesMut::new(),
            announced: false,
            stalled: false,
            beats: Beats::new(now),
            node,
            subscriptions: BTreeMap::new(),
            subscription_keys: HashMap::new(),
            next_subscription: 0,
            transactions: HashMap::new(),
            temporary: Vec::new(),
            left_unacked: BTreeMap::new(),
            mailbox: Mailbox::default(),
            late_acks: VecDeque::new(),
            confirms: Vec::new(),
            deliveries: 0,
            received_octets: 0,
            sent_octets: 0,
            standing: Vec::new(),
            held: None,
            delayed: Vec::new(),
            discard: false,
        }
    }

    /// Keeps a subscription under a number that this connection never used before.
    pub(crate) fn add_subscription(&mut self, subscription: Subscription) -> u32 {
        self.next_subscription += 1;
        let number = self.next_subscription;
        if subscription.part_of.is_none() {
            let key = subscription.key.clone();
            self.subscription_keys.insert(key, number);
        }
        self.subscriptions.insert(number, subscription);
        number
    }

    pub(crate) fn remove_subscription(&mut self, number: u32) -> Option<Subscription> {
        let subscription = self.subscriptions.remove(&number)?;
        if self.subscription_keys.get(&subscription.key) == Some(&number) {
            self.subscription_keys.remove(&subscription.key);
        }
        Some(subscription)
    }

    /// Returns the subscriptions that are one for the client: that of this number, and those that
    /// were added since its pattern fits further destinations.
    pub(crate) fn parts_of(&self, number: u32) -> impl Iterator<Item = (u32, &Subscription)> {
        self.subscriptions
            .range(number..)
            .map(|(part, subscription)| (*part, subscription))
            .filter(move |(part, subscription)| {
                *part == number || subscription.part_of == Some(number)
            })
    }

    pub(crate) fn subscription_by_id(&self, id: &str) -> Option<u32> {
        let key = Key::Id(id.to_owned());
        self.subscription_keys.get(&key).copied()
    }

    /// Takes the octets for the peer; the buffer is left without memory of its own.
    pub(crate) fn take_output(&mut self, slice: Option<usize>) -> Option<Bytes> {
        if self.output.is_empty() {
            return None;
        }
        let output = match slice {
            Some(octets) if octets < self.output.len() => self.output.split_to(octets),
            _ => std::mem::take(&mut self.output),
        };
        Some(output.freeze())
    }
}

/// When something was heard and said last, and how often it has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beats {
    pub(crate) opened: Instant,
    pub(crate) received: Instant,
    pub(crate) sent: Instant,
    /// The broker owes an octet at least this often.
    pub(crate) send_every: Option<Duration>,
    /// Silence longer than this is death.
    pub(crate) dead_after: Option<Duration>,
    /// When the broker looks for silence.
    pub(crate) watch: Watch,
    /// Its clock for that.
    pub(crate) looks_at: Option<Ticks>,
    /// Its clock for its own beats, if it goes by one.
    pub(crate) beats_at: Option<Ticks>,
}

impl Beats {
    fn new(now: Instant) -> Self {
        Self {
            opened: now,
            received: now,
            sent: now,
            send_every: None,
            dead_after: None,
            watch: Watch::Always,
            looks_at: None,
            beats_at: None,
        }
    }
}

/// How the client names a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Id(String),
    /// 1.0 lets it go without an id.
    Destination(String),
}

/// The `ack` of SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckMode {
    Auto,
    Client,
    ClientIndividual,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) key: Key,
    /// The subscription with a pattern for a destination that this one fits.
    pub(crate) part_of: Option<u32>,
    pub(crate) queue: QueueId,
    pub(crate) mode: AckMode,
    pub(crate) prefetch: Option<usize>,
    /// What MESSAGE calls the destination, if not by its name.
    pub(crate) shown_as: Option<Arc<str>>,
    /// Delivered and not settled, in the order of delivery.
    pub(crate) unsettled: VecDeque<Delivery>,
    /// How its MESSAGEs begin, once there was one.
    pub(crate) lead: Option<Lead>,
}

impl Subscription {
    pub(crate) fn id(&self) -> Option<&str> {
        match &self.key {
            Key::Id(id) => Some(id),
            Key::Destination(_) => None,
        }
    }

    /// Tells where the delivery of that number stands in `unsettled`.
    pub(crate) fn position(&self, number: u64) -> Option<usize> {
        self.unsettled
            .binary_search_by_key(&number, |delivery| delivery.number)
            .ok()
    }
}

/// The RECEIPT of a SEND, to come later.
#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) receipt: String,
    /// That of a persistent message comes behind that of a transient one.
    pub(crate) persistent: bool,
}

/// A message in the hands of a client.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// Counts the deliveries of one connection.
    pub(crate) number: u64,
    pub(crate) entry: Entry,
}

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use stomp_commands::HeartBeat;
use stomp_frame::{Limits, Version, header};

use crate::Profile;

/// How a [`Broker`](crate::Broker) behaves.
///
/// The default is the specification read strictly: it finds mistakes of clients that RabbitMQ and
/// ActiveMQ let pass.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// Whose manners to copy. Default: [`Profile::Strict`].
    pub profile: Profile,
    /// The versions to speak, in any order. Default: 1.0, 1.1 and 1.2.
    pub versions: Vec<Version>,
    /// How often the broker can beat, and how often it wants the client to. Default: `0,0`; the
    /// profiles of real brokers, but for Spring's, answer with the client's own numbers and ignore
    /// this.
    pub heart_beat: HeartBeat,
    /// How long the broker bears silence before it takes a client for dead, in percent of the
    /// agreed period. Default: what the profile does, 200 for [`Profile::Strict`].
    pub dead_percent: Option<u32>,
    /// Users and their passcodes. Default: empty, and then everybody may come in.
    pub logins: BTreeMap<String, String>,
    /// The virtual hosts there are. Default: empty, and then any name is one.
    pub virtual_hosts: Vec<String>,
    /// Whether CONNECT must have `host` from 1.1 on, as the specification demands and no broker
    /// insists on. Default: what the profile does; yes for [`Profile::Strict`].
    pub host_required: Option<bool>,
    /// Whether SUBSCRIBE and UNSUBSCRIBE get the RECEIPT that they ask for. Default: what the
    /// profile does; yes for [`Profile::Strict`]. go-stomp's server answers neither, and every SEND.
    pub subscribe_receipts: Option<bool>,
    /// By which header an ERROR names the frame that it is about, where it does. Default:
    /// `receipt-id`, as the specification has it; Vert.x says `receipt`.
    pub error_receipt_header: String,
    /// What happens to a message that a client refused. Default: what the profile does;
    /// [`NackPolicy::Drop`] for [`Profile::Strict`].
    pub nack: Option<NackPolicy>,
    /// How often a message is delivered before it goes to [`dead_letters`](Self::dead_letters).
    /// Default: `None`, without end.
    pub max_deliveries: Option<u32>,
    /// Where messages go that nobody wants. Default: `/queue/DLQ`, with ActiveMQ's profiles their
    /// own names.
    pub dead_letters: Option<String>,
    /// How many frames the transcript keeps. Default: 4,096; zero keeps none and costs nothing. In
    /// no case does it keep more than 16 MiB of them.
    pub transcript: usize,
    /// Lets frames suffer at random, as this seed decides. Default: `None`, never.
    pub chaos: Option<u64>,
    /// What a peer may use up.
    pub caps: Caps,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            profile: Profile::Strict,
            versions: Version::ALL.to_vec(),
            heart_beat: HeartBeat::NONE,
            dead_percent: None,
            logins: BTreeMap::new(),
            virtual_hosts: Vec::new(),
            host_required: None,
            subscribe_receipts: None,
            error_receipt_header: header::RECEIPT_ID.to_owned(),
            nack: None,
            max_deliveries: None,
            dead_letters: None,
            transcript: 4096,
            chaos: None,
            caps: Caps::default(),
        }
    }
}

/// Shows who may log in, never with what.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("profile", &self.profile)
            .field("versions", &self.versions)
            .field("heart_beat", &self.heart_beat)
            .field("dead_percent", &self.dead_percent)
            .field("logins", &self.logins.keys().collect::<Vec<_>>())
            .field("virtual_hosts", &self.virtual_hosts)
            .field("host_required", &self.host_required)
            .field("subscribe_receipts", &self.subscribe_receipts)
            .field("error_receipt_header", &self.error_receipt_header)
            .field("nack", &self.nack)
            .field("max_deliveries", &self.max_deliveries)
            .field("dead_letters", &self.dead_letters)
            .field("transcript", &self.transcript)
            .field("chaos", &self.chaos)
            .field("caps", &self.caps)
            .finish()
    }
}

/// What happens to a message that a client refused with NACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NackPolicy {
    /// It is gone.
    Drop,
    /// It goes back to its old place in the queue, and may come to the same consumer again.
    Requeue,
    /// It goes to the dead letters.
    DeadLetter,
}

/// What a peer may use up before the broker defends itself.
///
/// The specification allows limits, and asks for ERROR and the end of the connection when one is
/// exceeded ("Size Limits").
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Caps {
    /// Sizes of frames before CONNECT was accepted. Default:
    /// [`Limits::server_before_connect`].
    pub frame_before_connect: Limits,
    /// Sizes of frames afterwards. Default: [`Limits::server`], but bodies up to 64 MiB.
    pub frame: Limits,
    /// Time from opening a connection to its CONNECT. Default: what the profile does; 10 s for
    /// [`Profile::Strict`].
    pub connect_time: Option<Duration>,
    /// Octets that may wait for a peer that does not read. The broker stops reading from that peer
    /// until some were taken. Default: 1 MiB.
    pub output: usize,
    /// Subscriptions of one connection. Default: 1,000.
    pub subscriptions: usize,
    /// Open transactions of one connection. Default: 64.
    pub transactions: usize,
    /// Frames in one transaction. Default: 1,000.
    pub transaction_frames: usize,
    /// Queues and topics. Default: 100,000.
    pub destinations: usize,
    /// Octets of all messages that wait in queues or for ACK. Default: 1 GiB.
    pub stored: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            frame_before_connect: Limits::server_before_connect(),
            frame: Limits::server().body(64 << 20),
            connect_time: None,
            output: 1 << 20,
            subscriptions: 1000,
            transactions: 64,
            transaction_frames: 1000,
            destinations: 100_000,
            stored: 1 << 30,
        }
    }
}

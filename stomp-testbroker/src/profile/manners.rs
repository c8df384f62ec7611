use std::time::{Duration, Instant};

use stomp_commands::Dialect;
use stomp_commands::dialect::{Expiry, Flow};
use stomp_frame::{Decoder, Frame, Limits, Side, Tolerance, Version, header};

use super::wildcards::Wildcards;
use super::{Profile, spring};
use crate::NackPolicy;
use crate::broker::TEMPORARY;

/// Deadlines further away than a year would only overflow.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the broker says in CONNECTED about heart-beats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeartBeatAnswer {
    /// What was configured.
    Own,
    /// The client's numbers, the other way round.
    Mirror,
    /// The same, in whole seconds.
    MirrorWholeSeconds,
}

/// When heart-beats come, in periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// After each.
    Full,
    /// After each half.
    Half,
    /// At ticks of a clock, one a period, if nothing was sent since the tick before: a beat is one
    /// to two periods behind a frame.
    Ticks,
}

/// When a broker looks whether a client is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// All the time.
    Always,
    /// At ticks, one a period: the last one that is not too late is the end.
    LastTick,
    /// At ticks, one a period: silence counts from the one that follows the last octet.
    NextTick,
}

/// Which frames get their RECEIPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receipts {
    /// All that ask for one.
    All,
    /// Only DISCONNECT.
    OfDisconnect,
}

/// The ticks of a clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    pub(crate) first: Instant,
    pub(crate) every: Duration,
}

impl Ticks {
    /// Returns the last tick that is not after `time`, or the first of all.
    pub(crate) fn last_before(self, time: Instant) -> Instant {
        let since = time.saturating_duration_since(self.first).as_nanos();
        let over = since % self.every.as_nanos().max(1);
        let whole = u64::try_from(since - over).unwrap_or(u64::MAX);
        self.first + Duration::from_nanos(whole)
    }

    /// Returns the first tick that is not before `time`.
    pub(crate) fn next_after(self, time: Instant) -> Instant {
        let last = self.last_before(time);
        if last < time { last + self.every } else { last }
    }
}

/// A profile as data: in what brokers differ, apart from the shape of their frames.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    pub(crate) profile: Profile,
    /// `server` of CONNECTED.
    pub(crate) server: &'static str,
    /// Whether CONNECT needs `host` from 1.1 on, as the specification demands.
    pub(crate) host_required: bool,
    /// Whether blanks in `accept-version` are forgiven.
    pub(crate) forgives_blanks: bool,
    /// Whether CONNECT needs `accept-version`: without it is 1.0, says the specification.
    pub(crate) accept_version_required: bool,
    pub(crate) heart_beat: HeartBeatAnswer,
    pub(crate) rhythm: Rhythm,
    /// How much of a period of silence is death.
    pub(crate) dead_percent: u32,
    pub(crate) watch: Watch,
    /// The virtual hosts there are; any, if none is named.
    pub(crate) virtual_hosts: &'static [&'static str],
    /// Which destinations stand for several.
    pub(crate) wildcards: Option<Wildcards>,
    /// Whether a subscription that has ended leaves its last messages to be acknowledged, once each
    /// and in vain.
    pub(crate) takes_late_acks: bool,
    /// What it reads beyond the specification.
    pub(crate) octets: Tolerance,
    /// Whether it escapes and unescapes in 1.0 as in 1.2.
    pub(crate) escapes_in_every_version: bool,
    /// How long it waits for CONNECT.
    pub(crate) connect_time: Duration,
    /// Whether a line feed follows the NUL.
    pub(crate) eol_after_frame: bool,
    /// Whether a subscription needs an id from 1.1 on.
    pub(crate) subscription_id_required: bool,
    /// Whether several subscriptions of a connection may have one id.
    pub(crate) subscription_ids_may_repeat: bool,
    /// Whether BEGIN may name an open transaction, which then begins anew.
    pub(crate) begin_restarts: bool,
    /// Whether messages are settled over the whole connection, and stay with it after UNSUBSCRIBE.
    pub(crate) one_channel: bool,
    /// Whether MESSAGEs wait until all frames of a piece of input were read.
    pub(crate) delivers_behind_input: bool,
    pub(crate) receipts: Receipts,
    /// Whether ACK, NACK, BEGIN, COMMIT, ABORT, and `transaction` of SEND mean nothing.
    pub(crate) ignores_settling: bool,
    /// Whether the client has to close the connection after the RECEIPT of DISCONNECT.
    pub(crate) stays_after_disconnect: bool,
    /// Whether a RECEIPT comes before the MESSAGEs that the frame brings about.
    pub(crate) receipt_first: bool,
    /// Whether RECEIPTs of SEND come late: behind all other answers, after COMMIT, transient
    /// before persistent, and never after DISCONNECT.
    pub(crate) confirms_late: bool,
    /// Whether an ACK in a transaction makes room for the next message before COMMIT.
    pub(crate) acks_make_room_at_once: bool,
    pub(crate) nack: NackPolicy,
    /// Whether a `client-id` belongs to one connection at a time, and a durable subscription to one
    /// consumer.
    pub(crate) names_are_exclusive: bool,
    /// Whether ACK and NACK need `subscription` in 1.1, as the specification demands.
    pub(crate) ack_names_subscription: bool,
    /// Whether NACK may be part of a transaction.
    pub(crate) transacts_nack: bool,
    /// Whether NACK is about one message even with `ack:client`.
    pub(crate) nack_is_individual: bool,
    pub(crate) dead_letters: &'static str,
    /// How many messages a subscriber may have unacknowledged that asks for nothing.
    pub(crate) prefetch: Option<usize>,
}

impl Manners {
    pub(crate) fn of(profile: Profile) -> Self {
        match profile {
            Profile::Strict => Self {
                profile,
                server: concat!("stomp-testbroker/", env!("CARGO_PKG_VERSION")),
                host_required: true,
                forgives_blanks: true,
                accept_version_required: false,
                heart_beat: HeartBeatAnswer::Own,
                rhythm: Rhythm::Full,
                dead_percent: 200,
                watch: Watch::Always,
                virtual_hosts: &[],
                wildcards: None,
                takes_late_acks: false,
                octets: Tolerance::strict(),
                escapes_in_every_version: false,
                connect_time: Duration::from_secs(10),
                eol_after_frame: false,
                subscription_id_required: true,
                subscription_ids_may_repeat: false,
                begin_restarts: false,
                one_channel: false,
                delivers_behind_input: false,
                receipts: Receipts::All,
                ignores_settling: false,
                stays_after_disconnect: false,
                receipt_first: false,
                confirms_late: false,
                acks_make_room_at_once: false,
                nack: NackPolicy::Drop,
                names_are_exclusive: false,
                ack_names_subscription: true,
                transacts_nack: true,
                nack_is_individual: false,
                dead_letters: "/queue/DLQ",
                prefetch: None,
            },
            Profile::RabbitMq => Self {
                profile,
                server: "RabbitMQ/3.10.8",
                host_required: false,
                forgives_blanks: false,
                heart_beat: HeartBeatAnswer::MirrorWholeSeconds,
                rhythm: Rhythm::Half,
                dead_percent: 300,
                watch: Watch::LastTick,
                virtual_hosts: &["/"],
                wildcards: Some(Wildcards {
                    any_words: "#",
                    in_queues: false,
                }),
                octets: rabbitmq_octets(),
                escapes_in_every_version: true,
                eol_after_frame: true,
                subscription_id_required: false,
                begin_restarts: true,
                ack_names_subscription: false,
                one_channel: true,
                delivers_behind_input: true,
                receipt_first: true,
                confirms_late: true,
                nack: NackPolicy::Requeue,
                ..Self::of(Profile::Strict)
            },
            Profile::ActiveMq => Self {
                profile,
                server: "ActiveMQ/5.17.2",
                host_required: false,
                forgives_blanks: false,
                heart_beat: HeartBeatAnswer::Mirror,
                rhythm: Rhythm::Ticks,
                watch: Watch::NextTick,
                wildcards: Some(Wildcards {
                    any_words: ">",
                    in_queues: true,
                }),
                takes_late_acks: true,
                octets: activemq_octets(),
                connect_time: Duration::from_secs(30),
                eol_after_frame: true,
                subscription_ids_may_repeat: true,
                receipt_first: true,
                acks_make_room_at_once: true,
                nack: NackPolicy::DeadLetter,
                names_are_exclusive: true,
                transacts_nack: false,
                nack_is_individual: true,
                dead_letters: "/queue/ActiveMQ.DLQ",
                prefetch: Some(200), // observed: a page
                ..Self::of(Profile::Strict)
            },
            Profile::Artemis => Self {
                profile,
                server: "ActiveMQ-Artemis/2.31.2 ActiveMQ Artemis Messaging Engine",
                host_required: false,
                forgives_blanks: false,
                heart_beat: HeartBeatAnswer::Mirror,
                eol_after_frame: true,
                ack_names_subscription: false,
                nack: NackPolicy::Drop, // NACK is taken for ACK
                ..Self::of(Profile::Strict)
            },
            Profile::Spring => spring::manners(),
        }
    }

    /// Names the brokers whose words it understands: its own, and everybody's if it is strict.
    fn understood(&self) -> impl Iterator<Item = Dialect> + use<> {
        let profile = self.profile;
        let dialects = Dialect::ALL.into_iter();
        dialects.filter(move |dialect| match profile {
            Profile::Strict => true,
            profile => *dialect == profile.dialect(),
        })
    }

    /// Reads how many messages a subscriber wants to have at a time; a strict broker understands
    /// everybody's word for it.
    pub(crate) fn prefetch_of(&self, subscribe: &Frame) -> Option<usize> {
        let asked = self
            .understood()
            .find_map(|dialect| match dialect.words().prefetch? {
                Flow::Messages { name, .. } => subscribe.headers.get(name)?.parse::<usize>().ok(),
                // Octets are not counted here: 0 is one message at a time, all else no limit.
                Flow::Bytes { name, .. } => (subscribe.headers.get(name)? == "0").then_some(1),
                _ => None,
            });
        match (asked, self.profile) {
            (None, _) => self.prefetch,
            // ActiveMQ takes it literally, and then nothing is ever delivered.
            (Some(0), Profile::ActiveMq) => Some(0),
            (Some(0), _) => None,
            (asked, _) => asked,
        }
    }

    /// Reads under which name a subscription is to outlive its connection; a strict broker
    /// understands everybody's words for it.
    pub(crate) fn durable_name(&self, frame: &Frame) -> Option<String> {
        self.understood().find_map(|dialect| {
            let durable = dialect.words().durable?;
            let name = durable.name.unwrap_or(header::ID);
            let mut flags = durable.flags.iter();
            flags
                .all(|(name, value)| frame.headers.get(name) == Some(value))
                .then(|| frame.headers.get(name).map(str::to_owned))
                .flatten()
        })
    }

    /// Reads how long a message is of use, where the broker counts from its arrival.
    pub(crate) fn time_to_live(&self, send: &Frame) -> Option<Duration> {
        let dialect = match self.profile {
            Profile::Strict => Dialect::RabbitMq,
            profile => profile.dialect(),
        };
        match dialect.words().expiry? {
            Expiry::Ttl { name, .. } => {
                let ms = send.headers.get(name)?.parse().ok()?;
                Some(Duration::from_millis(ms).min(FOREVER))
            }
            _ => None,
        }
    }

    /// Tells whether NACK wants another fate for the message than it usually has.
    pub(crate) fn nack_policy(&self, nack: &Frame) -> Option<NackPolicy> {
        let words = self.profile.dialect().words().nack;
        let says = |wanted: Option<&'static [(&'static str, &'static str)]>| {
            wanted.is_some_and(|headers| {
                !headers.is_empty()
                    && headers
                        .iter()
                        .all(|(name, value)| nack.headers.get(name) == Some(value))
            })
        };
        if says(words.requeue) {
            Some(NackPolicy::Requeue)
        } else if says(words.dead_letter) {
            Some(NackPolicy::DeadLetter)
        } else {
            None
        }
    }

    /// Tells whether a destination is a topic.
    pub(crate) fn is_topic(&self, name: &str) -> bool {
        name.starts_with("/topic/")
            || self.profile == Profile::Spring
            // Artemis knows no temporary queues (observed with 2.40): an address like any other.
            || self.profile == Profile::Artemis && name.starts_with(TEMPORARY)
    }

    /// Tells whether every connection has its own destination of that name.
    pub(crate) fn is_private(&self, name: &str) -> bool {
        self.profile != Profile::Artemis && name.starts_with(TEMPORARY)
    }

    /// Makes the decoder of a connection.
    pub(crate) fn decoder(&self, limits: Limits) -> Decoder {
        Decoder::new(Side::Client, limits).tolerance(self.octets)
    }

    /// Tells by the rules of which version frames are read and written.
    pub(crate) fn wire_version(&self, version: Version) -> Version {
        match self.escapes_in_every_version {
            true => Version::V1_2,
            false => version,
        }
    }

    /// Tells which headers of SEND do not reach MESSAGE.
    pub(crate) fn withheld(&self) -> &'static [&'static str] {
        match self.profile {
            Profile::RabbitMq => &[header::DESTINATION, header::CONTENT_LENGTH],
            Profile::Spring => &[
                header::CONTENT_LENGTH,
                header::MESSAGE_ID,
                header::SUBSCRIPTION,
            ],
            Profile::ActiveMq => &[
                header::DESTINATION,
                header::RECEIPT,
                header::TRANSACTION,
                header::CONTENT_LENGTH,
                header::MESSAGE_ID,
                header::SUBSCRIPTION,
            ],
            _ => &[
                header::DESTINATION,
                header::RECEIPT,
                header::TRANSACTION,
                header::CONTENT_LENGTH,
                header::MESSAGE_ID,
                header::SUBSCRIPTION,
                header::ACK,
            ],
        }
    }
}

fn rabbitmq_octets() -> Tolerance {
    let mut tolerance = Tolerance::strict();
    tolerance.nul_between_frames = true;
    tolerance.nul_in_headers = true;
    tolerance.spare_bodies = true;
    tolerance.headers_without_name = true;
    tolerance
}

fn activemq_octets() -> Tolerance {
    let mut tolerance = Tolerance::strict();
    tolerance.nul_between_frames = true;
    tolerance.nul_in_headers = true;
    tolerance.spare_bodies = true;
    tolerance.undefined_escapes = true;
    tolerance.headers_without_colon = true;
    tolerance.short_content_length = true;
    tolerance
}

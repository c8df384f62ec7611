use std::fmt;

use stomp_frame::Limits;

/// A header as the table has it: its name, and its one value.
type Header = (&'static str, &'static str);

/// One broker's words: a row of the table. `None` is what it has no word for.
///
/// "Observed" is RabbitMQ 3.10.8 and ActiveMQ 5.17.2, asked over a raw socket; what they do about
/// subscriptions that end also RabbitMQ 4.0.5 and 4.3.6, ActiveMQ 6.1.7 and 6.3.1, Artemis 2.40,
/// Apollo 1.7.1, Spring 6.2.12 and Vert.x 5.0.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Words {
    /// SUBSCRIBE: how much may be under way without acknowledgement.
    ///
    /// RabbitMQ `prefetch-count`, of 16 bits as AMQP has it; without it there is no limit (observed:
    /// 3,001 of 3,001).
    /// ActiveMQ `activemq.prefetchSize`, 1,000 by default; 0 is accepted, and then nothing is ever
    /// delivered (observed). Artemis `consumer-window-size`, since 2.16, counts octets: 10 KiB by
    /// default, 0 is one message at a time, -1 is no limit (manual, "Flow Control").
    pub prefetch: Option<Flow>,
    /// SUBSCRIBE, UNSUBSCRIBE: a subscription to a topic that outlives the connection.
    pub durable: Option<Durable>,
    /// SUBSCRIBE: which messages to deliver, in the broker's language.
    ///
    /// 1.0 names the header. ActiveMQ and Artemis take SQL 92 conditions. RabbitMQ accepts the
    /// header and delivers everything (observed), so it is refused here. Spring takes expressions of
    /// its own language, if that is switched on.
    pub selector: Option<&'static str>,
    /// SEND: the message survives a restart of the broker.
    ///
    /// `persistent:true` with all three; Spring and Vert.x pass it on, and keep nothing. Without it, messages are lost when RabbitMQ or ActiveMQ
    /// are killed, even those whose RECEIPT came (observed).
    pub persistent: Option<Header>,
    /// SEND: when the message is of no use any more.
    ///
    /// RabbitMQ `expiration`, in ms from its arrival, at most 2^32 - 1 (`rabbit_misc:check_expiry`;
    /// ERROR and the end of the connection above, observed for a value that is no number). ActiveMQ
    /// and Artemis `expires`, in ms since 1970; 0 is never.
    pub expiry: Option<Expiry>,
    /// SEND: which messages to deliver first.
    ///
    /// All three call it `priority`. JMS has 0 to 9 (ActiveMQ cuts 11 down to 9, observed; the
    /// default is 4). RabbitMQ has 0 to 255 and heeds it on queues with `x-max-priority` only.
    pub priority: Option<Priority>,
    /// SEND: how to say that the body is text, if it makes a difference.
    pub text: TextBody,
    /// NACK: what becomes of the message.
    pub nack: NackWords,
    /// ACK and NACK may be part of a transaction.
    ///
    /// Not on Artemis, which ignores the header (manual, "Transactional Acknowledgements").
    pub transactional_ack: bool,
    /// The RECEIPT of a SEND in a transaction comes only after COMMIT, and never after ABORT, so
    /// that nobody must wait for it before. RabbitMQ (observed); ActiveMQ confirms at once.
    pub transactional_receipt_after_commit: bool,
    /// RECEIPTs come in the order of the frames they confirm. ActiveMQ (observed); not with
    /// RabbitMQ, where a transient message overtakes a persistent one (observed); nobody promises
    /// it of Artemis.
    pub receipts_in_order: bool,
    /// SUBSCRIBE with `receipt` that is refused gets an ERROR and no RECEIPT.
    ///
    /// RabbitMQ sends the ERROR first and then the RECEIPT all the same (observed): a RECEIPT
    /// behind an ERROR proves nothing.
    pub subscribe_receipt_proves: bool,
    /// ERROR names the frame it answers by `receipt-id`, or by `receipt` as Vert.x does. ActiveMQ does, except for frames it could
    /// not read; RabbitMQ never does (both observed). Artemis does, except for SUBSCRIBE
    /// (`VersionedStompFrameHandler.handleSubscribe`).
    pub error_receipt_id: bool,
    /// ACK and NACK mean something. Spring's simple broker swallows both, whatever the ack mode, and
    /// its messages carry no `ack` (observed): nothing has to be settled there.
    pub acknowledges: bool,
    /// How far an ACK in ack mode `client` reaches, and a NACK that is cumulative.
    pub cumulative_ack: Reach,
    /// UNSUBSCRIBE gives back what was delivered and not acknowledged, at once: another subscription
    /// gets it while the connection goes on. So what is still to be acknowledged must be first.
    ///
    /// ActiveMQ and Artemis (observed: 20 of 20 messages). With RabbitMQ they are nobody's until the
    /// connection ends (observed, classic and quorum queues: 0 of 20), unless they are given back by
    /// NACKs in a transaction that is committed behind the UNSUBSCRIBE. The specification says
    /// nothing, so of an unknown broker it is not assumed.
    pub unsubscribe_gives_back: bool,
    /// What becomes of an ACK that comes after UNSUBSCRIBE.
    pub acks_after_unsubscribe: LateAck,
    /// How an ERROR says that a frame named a subscription that has ended, where such an ERROR leaves
    /// the connection open: see [`ErrorFrame::ended_subscription`](crate::ErrorFrame).
    ///
    /// RabbitMQ, for a late ACK or NACK, and also for a delivery that meets its UNSUBSCRIBE inside
    /// the broker, which no frame of the client asked for (observed). So it may come a while after
    /// the UNSUBSCRIBE, and is no reason to give up the connection.
    pub ended_error: Option<EndedError>,
    /// MESSAGE in 1.1 has CR written as `\r`, which 1.1 does not define. RabbitMQ and Artemis
    /// (observed); ActiveMQ writes the CR as it is. Whoever reads from them needs
    /// [`Tolerance::carriage_return_escape`](stomp_frame::Tolerance::carriage_return_escape).
    pub writes_carriage_return_in_1_1: bool,
    /// Over WebSocket, each frame is one message, so that a frame ends with its message whatever its
    /// `content-length` says. ActiveMQ (observed), which writes U+FFFD for each octet of a body that
    /// is not UTF-8, and the `content-length` of before.
    pub frame_is_message: bool,
    /// BEGIN, COMMIT and ABORT mean something. Spring's simple broker ignores them: a SEND with
    /// `transaction` is delivered at once, and ABORT takes nothing back (observed).
    pub transactions: bool,
    /// Which frames get the RECEIPT that they ask for.
    pub receipts: Receipts,
    /// CONNECT is unescaped in all versions, against the specification: a backslash in a password
    /// must be doubled. RabbitMQ and ActiveMQ (observed); Artemis reads it by the rules of 1.0.
    pub unescapes_connect: bool,
    /// Text that must not occur in the id of a subscription whose messages are acknowledged.
    ///
    /// RabbitMQ takes `@@` for the end of the id when it reads an ACK (observed).
    pub forbidden_in_id: Option<&'static str>,
    /// SEND: a header of which the broker wants to be the only author. RabbitMQ `message-id`: ERROR
    /// `'message-id' is not allowed on 'SEND'.` (observed). ActiveMQ writes its own over it.
    pub forbidden_on_send: Option<&'static str>,
    /// What a frame may measure before the broker refuses it, by default.
    ///
    /// RabbitMQ: 4 MiB a frame since 3.12.2, 100 headers of 100 KiB (source; 3.10.8 took 64 MiB).
    /// ActiveMQ: 100 MiB a body, 1,000 headers of 10 KiB (observed). Spring: 64 KiB a frame
    /// (observed). Vert.x: 10 KiB a header line (observed), 1,000 headers, 100 MiB a body (manual).
    /// Artemis: none known.
    pub limits: Option<Limits>,
}

/// How a prefetch is counted, and the header for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flow {
    /// In messages, from 1 on.
    Messages {
        /// The header.
        name: &'static str,
        /// The most it takes.
        max: u32,
    },
    /// In octets; 0 is one message at a time.
    Bytes {
        /// The header.
        name: &'static str,
        /// The most it takes.
        max: u32,
    },
}

/// How a durable subscription is named.
///
/// RabbitMQ makes a queue of its own for it, named after user and subscription id: `durable:true`
/// and `auto-delete:false` on SUBSCRIBE, and the same again on an UNSUBSCRIBE that deletes it (both
/// observed). ActiveMQ and Artemis tell durable subscriptions apart by the `client-id` of CONNECT
/// and a name: `activemq.subscriptionName`, `durable-subscription-name`. Without `client-id`
/// ActiveMQ confirms the SUBSCRIBE and keeps nothing (observed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durable {
    /// The header with the name. `None`: the name is the subscription's id.
    pub name: Option<&'static str>,
    /// What else SUBSCRIBE and UNSUBSCRIBE say.
    pub flags: &'static [(&'static str, &'static str)],
    /// CONNECT must have named a `client-id`.
    pub needs_client_id: bool,
    /// When the subscription can be deleted.
    pub forget: ForgetDurable,
}

/// When [`Unsubscribe::durable`](crate::Unsubscribe::durable) deletes a durable subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForgetDurable {
    /// While it is subscribed to: this UNSUBSCRIBE takes the place of the usual one.
    WhileSubscribed,
    /// After the usual UNSUBSCRIBE by id. ActiveMQ: `Durable consumer is in use` before (observed).
    AfterUnsubscribe,
}

/// How the end of a message's use is said, and the header for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// In ms from arrival.
    Ttl {
        /// The header.
        name: &'static str,
        /// The most it takes, in ms.
        max: u64,
    },
    /// In ms since 1970, UTC.
    Epoch {
        /// The header.
        name: &'static str,
    },
}

/// How messages are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Priority {
    /// The header.
    pub name: &'static str,
    /// The highest priority; the lowest is 0.
    pub max: u8,
}

/// How a text body is told from octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextBody {
    /// Not at all: a body is octets, `content-type` says the rest.
    Octets,
    /// By the absence of `content-length`: JMS consumers get a `TextMessage` then, and a
    /// `BytesMessage` otherwise (observed with ActiveMQ; Artemis: manual, "STOMP and JMS
    /// interoperability").
    NoLength {
        /// A header that says it explicitly, for text that cannot do without `content-length`
        /// because it holds NUL. ActiveMQ `amq-msg-type:text` (observed).
        typed: Option<(&'static str, &'static str)>,
    },
}

/// What becomes of a message after NACK, and how to ask for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NackWords {
    /// What a plain NACK means.
    ///
    /// RabbitMQ delivers again at once, on the same subscription if there is no other. ActiveMQ
    /// moves to `ActiveMQ.DLQ` (both observed). Artemis takes it for an ACK
    /// (`StompFrameHandlerV11.onNack`).
    pub fate: Fate,
    /// What NACK says so that the message is delivered again.
    pub requeue: Option<&'static [(&'static str, &'static str)]>,
    /// What NACK says so that the message goes to the dead letters. RabbitMQ `requeue:false`, which
    /// drops it when the queue has no dead letter exchange (observed).
    pub dead_letter: Option<&'static [(&'static str, &'static str)]>,
}

/// How far an ACK reaches that stands for earlier messages as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// To the earlier messages of its subscription, as the specification has it. ActiveMQ, Artemis,
    /// Apollo (observed).
    Subscription,
    /// To all earlier messages of the connection. RabbitMQ (observed: of two subscriptions with three
    /// messages each, one ACK for the last message of the second took all six). So whoever has more
    /// than one subscription must never send it one that is cumulative.
    Connection,
}

/// What becomes of an ACK that comes after the UNSUBSCRIBE of its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LateAck {
    /// Nobody knows.
    Unknown,
    /// It is confirmed, and does nothing. ActiveMQ (observed), where the message has been given
    /// back; Vert.x, which confirms any (observed).
    Ignored,
    /// It is refused by an [ERROR](Words::ended_error) that leaves the connection open. RabbitMQ
    /// (observed); within a transaction that was begun before, it is taken.
    Refused,
    /// It is refused by an ERROR that ends the connection in some version. Artemis: in 1.2
    /// (observed).
    Fatal,
}

/// An ERROR about a subscription that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndedError {
    /// Its `message`.
    pub message: &'static str,
    /// What stands in its body in front of the subscription's id.
    pub before_id: &'static str,
    /// The same in front of the destination of a subscription without id, in 1.0.
    pub before_destination: &'static str,
    /// What stands behind either.
    pub after: &'static str,
}

/// Which frames get the RECEIPT that they ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Receipts {
    /// Every frame, as the specification has it.
    Every,
    /// DISCONNECT and no other. Spring's simple broker (observed).
    DisconnectOnly,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Nobody knows.
    Unknown,
    /// It is delivered again.
    Requeued,
    /// It is moved to the dead letters.
    DeadLettered,
    /// It is gone.
    Dropped,
}

/// Something that a broker may have no word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// [`Subscribe::prefetch`](crate::Subscribe::prefetch).
    Prefetch,
    /// [`Subscribe::window_bytes`](crate::Subscribe::window_bytes).
    WindowBytes,
    /// [`Subscribe::durable`](crate::Subscribe::durable).
    Durable,
    /// [`Subscribe::selector`](crate::Subscribe::selector).
    Selector,
    /// [`Send::persistent`](crate::Send::persistent).
    Persistence,
    /// [`Send::expires_in`](crate::Send::expires_in).
    Expiry,
    /// [`Send::priority`](crate::Send::priority).
    Priority,
    /// NUL in a body of [`Send::text`](crate::Send::text).
    NulInText,
    /// [`Nack::requeue`](crate::Nack::requeue).
    NackRequeue,
    /// [`Nack::dead_letter`](crate::Nack::dead_letter).
    NackDeadLetter,
    /// [`Begin`](crate::Begin), and [`Send::transaction`](crate::Send::transaction).
    Transactions,
    /// [`Ack::transaction`](crate::Ack::transaction) and
    /// [`Nack::transaction`](crate::Nack::transaction).
    TransactionalAck,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Prefetch => "a prefetch in messages",
            Self::WindowBytes => "a prefetch in bytes",
            Self::Durable => "a durable subscription",
            Self::Selector => "a selector",
            Self::Persistence => "a persistent message",
            Self::Expiry => "an expiry of a message",
            Self::Priority => "a priority of a message",
            Self::NulInText => "NUL in a text body",
            Self::NackRequeue => "a NACK that delivers again",
            Self::NackDeadLetter => "a NACK that moves to the dead letters",
            Self::Transactions => "a transaction",
            Self::TransactionalAck => "an ACK or NACK in a transaction",
        })
    }
}

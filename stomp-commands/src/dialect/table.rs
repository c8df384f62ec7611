//! The table: a row for each dialect. [`Words`] says where each fact comes from.

use stomp_frame::{Limits, header};

use super::words::{
    Durable, EndedError, Expiry, Fate, Flow, ForgetDurable, LateAck, NackWords, Priority, Reach,
    Receipts, TextBody, Words,
};

const PERSISTENT: (&str, &str) = ("persistent", "true");

const JMS_PRIORITY: Priority = Priority {
    name: "priority",
    max: 9,
};

/// An unknown broker: `selector` is a word of 1.0, `persistent` and `priority` are common to all
/// three below.
pub(super) static GENERIC: Words = Words {
    prefetch: None,
    durable: None,
    selector: Some("selector"),
    persistent: Some(PERSISTENT),
    expiry: None,
    priority: Some(JMS_PRIORITY),
    text: TextBody::Octets,
    nack: NackWords {
        fate: Fate::Unknown,
        requeue: None,
        dead_letter: None,
    },
    transactional_ack: true, // by the specification, as is what follows about ACK and receipts
    transactional_receipt_after_commit: false,
    receipts_in_order: false,
    subscribe_receipt_proves: true,
    error_receipt_id: false,
    acknowledges: true,
    cumulative_ack: Reach::Subscription,
    unsubscribe_gives_back: false,
    acks_after_unsubscribe: LateAck::Unknown,
    ended_error: None,
    writes_carriage_return_in_1_1: false,
    frame_is_message: false,
    transactions: true,
    receipts: Receipts::Every,
    unescapes_connect: false,
    forbidden_in_id: None,
    forbidden_on_send: None,
    limits: None,
};

pub(super) static RABBITMQ: Words = Words {
    prefetch: Some(Flow::Messages {
        name: "prefetch-count",
        max: u16::MAX as u32,
    }),
    durable: Some(Durable {
        name: None,
        flags: &[("durable", "true"), ("auto-delete", "false")],
        needs_client_id: false,
        forget: ForgetDurable::WhileSubscribed,
    }),
    selector: None,
    persistent: Some(PERSISTENT),
    expiry: Some(Expiry::Ttl {
        name: "expiration",
        max: u32::MAX as u64,
    }),
    priority: Some(Priority {
        name: "priority",
        max: u8::MAX,
    }),
    text: TextBody::Octets,
    nack: NackWords {
        fate: Fate::Requeued,
        requeue: Some(&[("requeue", "true")]),
        dead_letter: Some(&[("requeue", "false")]),
    },
    transactional_ack: true,
    transactional_receipt_after_commit: true,
    receipts_in_order: false,
    subscribe_receipt_proves: false,
    error_receipt_id: false,
    acknowledges: true,
    cumulative_ack: Reach::Connection,
    unsubscribe_gives_back: false,
    acks_after_unsubscribe: LateAck::Refused,
    ended_error: Some(EndedError {
        message: "Subscription not found",
        before_id: "There is no current subscription with tag 'T_",
        before_destination: "There is no current subscription with tag 'Q_",
        after: "'.",
    }),
    writes_carriage_return_in_1_1: true,
    frame_is_message: false,
    transactions: true,
    receipts: Receipts::Every,
    unescapes_connect: true,
    forbidden_in_id: Some("@@"),
    forbidden_on_send: Some(header::MESSAGE_ID),
    limits: Some(
        Limits::server()
            .headers(100)
            .header_line(100 << 10)
            .head(4 << 20)
            .body(4 << 20),
    ),
};

pub(super) static ACTIVEMQ: Words = Words {
    prefetch: Some(Flow::Messages {
        name: "activemq.prefetchSize",
        max: i32::MAX as u32,
    }),
    durable: Some(Durable {
        name: Some("activemq.subscriptionName"),
        flags: &[],
        needs_client_id: true,
        forget: ForgetDurable::AfterUnsubscribe,
    }),
    selector: Some("selector"),
    persistent: Some(PERSISTENT),
    expiry: Some(Expiry::Epoch { name: "expires" }),
    priority: Some(JMS_PRIORITY),
    text: TextBody::NoLength {
        typed: Some(("amq-msg-type", "text")),
    },
    nack: NackWords {
        fate: Fate::DeadLettered,
        requeue: None,
        dead_letter: Some(&[]),
    },
    transactional_ack: true,
    transactional_receipt_after_commit: false,
    receipts_in_order: true,
    subscribe_receipt_proves: true,
    error_receipt_id: true,
    acknowledges: true,
    cumulative_ack: Reach::Subscription,
    unsubscribe_gives_back: true,
    acks_after_unsubscribe: LateAck::Ignored,
    ended_error: None,
    writes_carriage_return_in_1_1: false,
    frame_is_message: true,
    transactions: true,
    receipts: Receipts::Every,
    unescapes_connect: true,
    forbidden_in_id: None,
    forbidden_on_send: None,
    limits: Some(
        Limits::server()
            .headers(1000)
            .header_line(10 << 10)
            .head(10 << 20)
            .body(100 << 20),
    ),
};

pub(super) static ARTEMIS: Words = Words {
    prefetch: Some(Flow::Bytes {
        name: "consumer-window-size",
        max: i32::MAX as u32,
    }),
    durable: Some(Durable {
        name: Some("durable-subscription-name"),
        flags: &[],
        needs_client_id: true,
        forget: ForgetDurable::WhileSubscribed,
    }),
    selector: Some("selector"),
    persistent: Some(PERSISTENT),
    expiry: Some(Expiry::Epoch { name: "expires" }),
    priority: Some(JMS_PRIORITY),
    text: TextBody::NoLength { typed: None },
    nack: NackWords {
        fate: Fate::Dropped,
        requeue: None,
        dead_letter: None,
    },
    transactional_ack: false,
    transactional_receipt_after_commit: false,
    receipts_in_order: false,
    subscribe_receipt_proves: true,
    error_receipt_id: true,
    acknowledges: true,
    cumulative_ack: Reach::Subscription,
    unsubscribe_gives_back: true,
    acks_after_unsubscribe: LateAck::Fatal,
    ended_error: None,
    writes_carriage_return_in_1_1: true,
    frame_is_message: false,
    transactions: true,
    receipts: Receipts::Every,
    unescapes_connect: false,
    forbidden_in_id: None,
    forbidden_on_send: None,
    limits: None,
};

/// Spring's simple broker, which hands messages on and keeps nothing.
pub(super) static SPRING: Words = Words {
    prefetch: None,
    durable: None,
    selector: Some("selector"),
    persistent: Some(PERSISTENT),
    expiry: None,
    priority: None,
    text: TextBody::Octets,
    nack: NackWords {
        fate: Fate::Dropped,
        requeue: None,
        dead_letter: None,
    },
    transactional_ack: false,
    transactional_receipt_after_commit: false,
    receipts_in_order: false,
    subscribe_receipt_proves: true,
    error_receipt_id: false,
    acknowledges: false,
    cumulative_ack: Reach::Subscription,
    unsubscribe_gives_back: false,
    acks_after_unsubscribe: LateAck::Ignored,
    ended_error: None,
    writes_carriage_return_in_1_1: false,
    frame_is_message: false,
    transactions: false,
    receipts: Receipts::DisconnectOnly,
    unescapes_connect: false,
    forbidden_in_id: None,
    forbidden_on_send: None,
    limits: Some(
        Limits::server()
            .headers(usize::MAX)
            .header_line(64 << 10)
            .head(64 << 10)
            .body(64 << 10),
    ),
};

pub(super) static VERTX: Words = Words {
    prefetch: None,
    durable: None,
    selector: None,
    persistent: Some(PERSISTENT),
    expiry: None,
    priority: None,
    text: TextBody::Octets,
    nack: NackWords {
        fate: Fate::Dropped,
        requeue: None,
        dead_letter: None,
    },
    transactional_ack: true,
    transactional_receipt_after_commit: false,
    receipts_in_order: false,
    subscribe_receipt_proves: true,
    error_receipt_id: true,
    acknowledges: true,
    cumulative_ack: Reach::Subscription,
    unsubscribe_gives_back: false,
    acks_after_unsubscribe: LateAck::Ignored,
    ended_error: None,
    writes_carriage_return_in_1_1: false,
    frame_is_message: false,
    transactions: true,
    receipts: Receipts::Every,
    unescapes_connect: false,
    forbidden_in_id: None,
    forbidden_on_send: None,
    limits: Some(
        Limits::server()
            .headers(1000)
            .header_line(10 << 10)
            .head(10 << 20)
            .body(100 << 20),
    ),
};

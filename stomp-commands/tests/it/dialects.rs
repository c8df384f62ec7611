//! What each broker is told, and what is refused instead.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stomp_commands::dialect::{Fate, ForgetDurable, LateAck, Reach, Receipts};
use stomp_commands::{
    AckMode, Begin, CommandError, Dialect, Ended, ErrorFrame, Feature, Message, Nack, Peer, Send,
    Subscribe, Unsubscribe, Version,
};
use stomp_frame::{ContentLength, Encoder, Side};

use Dialect::{ActiveMq, Artemis, Generic, RabbitMq, Spring, Vertx};

fn peer(dialect: Dialect) -> Peer {
    Peer::new(Version::V1_2, dialect)
}

/// The headers that a command has in addition to those it has without the broker's words.
#[track_caller]
fn said(frame: Result<stomp_commands::Frame, CommandError>) -> Vec<(String, String)> {
    let usual = ["id", "destination", "ack", "content-type"];
    let frame = frame.unwrap();
    let headers = frame.headers.iter();
    headers
        .filter(|(name, _)| !usual.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let headers = headers.iter();
    headers
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
}

fn refused(dialect: Dialect, feature: Feature) -> CommandError {
    CommandError::Inexpressible { dialect, feature }
}

fn subscribe() -> Subscribe {
    Subscribe::to("/topic/a").id("s1").ack(AckMode::Client)
}

#[test]
fn prefetch() {
    let ask = |dialect, n| subscribe().prefetch(n).into_frame(peer(dialect));
    assert_eq!(said(ask(RabbitMq, 10)), pairs(&[("prefetch-count", "10")]));
    assert_eq!(
        said(ask(ActiveMq, 10)),
        pairs(&[("activemq.prefetchSize", "10")])
    );
    assert_eq!(
        said(ask(Artemis, 1)),
        pairs(&[("consumer-window-size", "0")])
    );
    assert_eq!(ask(Artemis, 10), Err(refused(Artemis, Feature::Prefetch)));
    assert_eq!(ask(Generic, 1), Err(refused(Generic, Feature::Prefetch)));
}

#[test]
fn a_prefetch_of_nothing_is_refused() {
    // ActiveMQ would never deliver anything, RabbitMQ everything.
    for dialect in [RabbitMq, ActiveMq] {
        let frame = subscribe().prefetch(0).into_frame(peer(dialect));
        assert!(
            matches!(frame, Err(CommandError::OutOfRange { min: 1, .. })),
            "{frame:?}"
        );
    }
    assert!(subscribe().prefetch(0).into_frame(peer(Artemis)).is_err());
}

#[test]
fn a_hint_is_said_as_far_as_there_is_a_word_and_refuses_nothing() {
    let ask = |dialect, n| said(subscribe().prefetch_hint(n).into_frame(peer(dialect)));
    assert_eq!(ask(RabbitMq, 10), pairs(&[("prefetch-count", "10")]));
    assert_eq!(ask(RabbitMq, 0), pairs(&[("prefetch-count", "1")]));
    assert_eq!(
        ask(RabbitMq, u32::MAX),
        pairs(&[("prefetch-count", "65535")])
    );
    assert_eq!(ask(Artemis, 1), pairs(&[("consumer-window-size", "0")]));
    assert_eq!(ask(Artemis, 10), pairs(&[]));
    assert_eq!(ask(Generic, 10), pairs(&[]));
    let mine = subscribe().prefetch_hint(10).header("prefetch-count", "5");
    let mine = said(mine.into_frame(peer(RabbitMq)));
    assert_eq!(mine, pairs(&[("prefetch-count", "5")]));
}

#[test]
fn a_prefetch_of_more_than_brokers_can_read_is_refused() {
    for (dialect, most) in [(RabbitMq, u16::MAX.into()), (ActiveMq, i32::MAX as u32)] {
        assert!(subscribe().prefetch(most).into_frame(peer(dialect)).is_ok());
        let more = subscribe().prefetch(most + 1).into_frame(peer(dialect));
        assert!(
            matches!(more, Err(CommandError::OutOfRange { .. })),
            "{more:?}"
        );
    }
    let most = i32::MAX as u32;
    assert!(
        subscribe()
            .window_bytes(most)
            .into_frame(peer(Artemis))
            .is_ok()
    );
    assert!(
        subscribe()
            .window_bytes(most + 1)
            .into_frame(peer(Artemis))
            .is_err()
    );
}

#[test]
fn window_in_bytes() {
    for dialect in Dialect::ALL {
        let frame = subscribe().window_bytes(4096).into_frame(peer(dialect));
        match dialect {
            Artemis => assert_eq!(said(frame), pairs(&[("consumer-window-size", "4096")])),
            _ => assert_eq!(frame, Err(refused(dialect, Feature::WindowBytes))),
        }
    }
}

#[test]
fn selector() {
    for dialect in Dialect::ALL {
        let frame = subscribe().selector("a = 1").into_frame(peer(dialect));
        match dialect {
            RabbitMq | Vertx => assert_eq!(frame, Err(refused(dialect, Feature::Selector))),
            _ => assert_eq!(said(frame), pairs(&[("selector", "a = 1")])),
        }
    }
}

#[test]
fn durable_subscriptions_of_rabbitmq_are_named_by_their_id() {
    let to = peer(RabbitMq);
    let flags = pairs(&[("durable", "true"), ("auto-delete", "false")]);
    let durable = Subscribe::to("/topic/a").durable("d1");
    let frame = durable.clone().into_frame(to).unwrap();
    assert_eq!(frame.headers.get("id"), Some("d1"));
    assert_eq!(said(Ok(frame)), flags);
    assert_eq!(said(durable.clone().id("d1").into_frame(to)), flags);
    let dialect = RabbitMq;
    let other = durable.id("s1").into_frame(to);
    assert_eq!(other, Err(CommandError::DurableIdDiffers { dialect }));
    let forget = Unsubscribe::durable("d1").into_frame(to).unwrap();
    assert_eq!(forget.headers.get("id"), Some("d1"));
    assert_eq!(said(Ok(forget)), flags);
}

#[test]
fn durable_subscriptions_of_jms_brokers_need_a_client_id() {
    let cases = [
        (
            ActiveMq,
            "activemq.subscriptionName",
            ForgetDurable::AfterUnsubscribe,
        ),
        (
            Artemis,
            "durable-subscription-name",
            ForgetDurable::WhileSubscribed,
        ),
    ];
    for (dialect, header, forget) in cases {
        let durable = Subscribe::to("/topic/a").durable("d1");
        let without = durable.clone().into_frame(peer(dialect));
        assert_eq!(without, Err(CommandError::NoClientId { dialect }));
        let with = peer(dialect).with_client_id();
        assert_eq!(
            said(durable.clone().into_frame(with)),
            pairs(&[(header, "d1")])
        );
        assert_eq!(
            said(durable.id("s1").into_frame(with)),
            pairs(&[(header, "d1")])
        );
        let unsubscribe = Unsubscribe::durable("d1").into_frame(with);
        assert_eq!(said(unsubscribe), pairs(&[(header, "d1")]));
        assert_eq!(dialect.words().durable.unwrap().forget, forget);
    }
    let generic = Subscribe::to("/topic/a")
        .durable("d1")
        .into_frame(peer(Generic));
    assert_eq!(generic, Err(refused(Generic, Feature::Durable)));
}

#[test]
fn ids_that_rabbitmq_misreads_are_refused_where_it_matters() {
    let id = Subscribe::to("/queue/a").id("a@@b");
    let acked = id.clone().ack(AckMode::Client);
    let error = CommandError::UnusableId {
        dialect: RabbitMq,
        text: "@@",
    };
    assert_eq!(acked.clone().into_frame(peer(RabbitMq)), Err(error));
    assert!(id.into_frame(peer(RabbitMq)).is_ok());
    assert!(acked.into_frame(peer(ActiveMq)).is_ok());
}

#[test]
fn persistence_has_one_word() {
    for dialect in Dialect::ALL {
        let frame = Send::to("/queue/a").persistent().into_frame(peer(dialect));
        assert_eq!(said(frame), pairs(&[("persistent", "true")]));
        assert_eq!(said(Send::to("/queue/a").into_frame(peer(dialect))), []);
    }
}

#[test]
fn expiry() {
    let now = UNIX_EPOCH + Duration::from_millis(1_000_000);
    let ask = |dialect, ttl| {
        Send::to("/queue/a")
            .expires_in(ttl, now)
            .into_frame(peer(dialect))
    };
    let minute = Duration::from_secs(60);
    assert_eq!(
        said(ask(RabbitMq, minute)),
        pairs(&[("expiration", "60000")])
    );
    assert_eq!(
        said(ask(ActiveMq, minute)),
        pairs(&[("expires", "1060000")])
    );
    assert_eq!(said(ask(Artemis, minute)), pairs(&[("expires", "1060000")]));
    assert_eq!(ask(Generic, minute), Err(refused(Generic, Feature::Expiry)));
}

#[test]
fn expiry_at_its_ends() {
    let ask = |dialect, ttl, now| {
        let send = Send::to("/queue/a").expires_in(ttl, now);
        send.into_frame(peer(dialect))
    };
    // Parts of a millisecond round up: 0 would mean at once to one broker, and never to another.
    let short = Duration::from_nanos(1);
    assert_eq!(
        said(ask(RabbitMq, short, UNIX_EPOCH)),
        pairs(&[("expiration", "1")])
    );
    assert_eq!(
        said(ask(ActiveMq, Duration::ZERO, UNIX_EPOCH)),
        pairs(&[("expires", "1")])
    );
    // A clock before 1970 is taken for 1970.
    let before: SystemTime = UNIX_EPOCH - Duration::from_secs(9);
    assert_eq!(
        said(ask(ActiveMq, short, before)),
        pairs(&[("expires", "1")])
    );
    // RabbitMQ would close the connection, Java could not read the number.
    let most = Duration::from_millis(u32::MAX.into());
    assert_eq!(
        said(ask(RabbitMq, most, UNIX_EPOCH)),
        pairs(&[("expiration", "4294967295")])
    );
    let more = ask(RabbitMq, most + short, UNIX_EPOCH);
    assert!(matches!(
        more,
        Err(CommandError::OutOfRange {
            max: 4_294_967_295,
            ..
        })
    ));
    let ever = said(ask(ActiveMq, Duration::MAX, UNIX_EPOCH));
    assert_eq!(ever, pairs(&[("expires", "9223372036854775807")]));
}

#[test]
fn priority() {
    let ask = |dialect, n| Send::to("/queue/a").priority(n).into_frame(peer(dialect));
    for dialect in Dialect::ALL {
        if matches!(dialect, Spring | Vertx) {
            assert_eq!(ask(dialect, 9), Err(refused(dialect, Feature::Priority)));
            continue;
        }
        assert_eq!(said(ask(dialect, 9)), pairs(&[("priority", "9")]));
        let high = ask(dialect, 255);
        match dialect {
            RabbitMq => assert_eq!(said(high), pairs(&[("priority", "255")])),
            _ => assert!(matches!(high, Err(CommandError::OutOfRange { max: 9, .. }))),
        }
    }
}

#[test]
fn text_is_told_from_octets_by_the_absence_of_content_length() {
    let wire = |send: Send, dialect| {
        let policy = send.content_length(dialect);
        let frame = send.into_frame(peer(dialect)).unwrap();
        let mut wire = bytes::BytesMut::new();
        let encoder = Encoder::new(Side::Client).content_length(policy);
        encoder.encode(&frame, &mut wire).unwrap();
        String::from_utf8(wire.to_vec()).unwrap()
    };
    for dialect in Dialect::ALL {
        let withheld = matches!(dialect, ActiveMq | Artemis);
        let text = wire(Send::to("/queue/a").text("hi"), dialect);
        assert_eq!(text.contains("content-length"), !withheld, "{dialect}");
        let bytes = wire(Send::to("/queue/a").bytes("hi"), dialect);
        assert!(bytes.contains("content-length:2"), "{dialect}");
        let raw = Send::to("/queue/a").body("hi");
        assert_eq!(raw.content_length(dialect), ContentLength::Auto);
    }
}

#[test]
fn text_with_nul_needs_content_length() {
    let text = Send::to("/queue/a").text("a\0b");
    for dialect in Dialect::ALL {
        assert_eq!(text.content_length(dialect), ContentLength::Auto);
        let frame = text.clone().into_frame(peer(dialect));
        match dialect {
            ActiveMq => assert_eq!(said(frame), pairs(&[("amq-msg-type", "text")])),
            Artemis => assert_eq!(frame, Err(refused(Artemis, Feature::NulInText))),
            _ => assert_eq!(said(frame), []),
        }
    }
}

#[test]
fn nack() {
    let message = Message::builder("/queue/a", "1")
        .subscription("s")
        .ack_id("2")
        .build();
    for dialect in Dialect::ALL {
        let to = peer(dialect);
        assert_eq!(said(Nack::of(&message).into_frame(to)), []);
        let requeue = Nack::of(&message).requeue().into_frame(to);
        match dialect {
            RabbitMq => assert_eq!(said(requeue), pairs(&[("requeue", "true")])),
            _ => assert_eq!(requeue, Err(refused(dialect, Feature::NackRequeue))),
        }
        let dead = Nack::of(&message).dead_letter().into_frame(to);
        match dialect {
            RabbitMq => assert_eq!(said(dead), pairs(&[("requeue", "false")])),
            ActiveMq => assert_eq!(said(dead), []),
            _ => assert_eq!(dead, Err(refused(dialect, Feature::NackDeadLetter))),
        }
    }
    assert_eq!(RabbitMq.words().nack.fate, Fate::Requeued);
    assert_eq!(ActiveMq.words().nack.fate, Fate::DeadLettered);
    assert_eq!(Artemis.words().nack.fate, Fate::Dropped);
}

#[test]
fn what_an_ack_reaches_and_what_unsubscribe_gives_back() {
    for (dialect, reach, gives_back, late) in [
        (Generic, Reach::Subscription, false, LateAck::Unknown),
        (RabbitMq, Reach::Connection, false, LateAck::Refused),
        (ActiveMq, Reach::Subscription, true, LateAck::Ignored),
        (Artemis, Reach::Subscription, true, LateAck::Fatal),
    ] {
        let words = dialect.words();
        assert_eq!(words.cumulative_ack, reach, "{dialect}");
        assert_eq!(words.unsubscribe_gives_back, gives_back, "{dialect}");
        assert_eq!(words.acks_after_unsubscribe, late, "{dialect}");
        let keeps = late == LateAck::Refused;
        assert_eq!(words.ended_error.is_some(), keeps, "{dialect}");
    }
    for dialect in Dialect::ALL {
        let escapes = matches!(dialect, RabbitMq | Artemis);
        assert_eq!(dialect.words().writes_carriage_return_in_1_1, escapes);
        let spring = dialect == Spring;
        assert_eq!(dialect.words().acknowledges, !spring);
        let some = dialect.words().receipts == Receipts::DisconnectOnly;
        assert_eq!(some, spring);
    }
}

#[test]
fn an_error_about_an_ended_subscription_is_known_by_its_words() {
    let ended = |message: &str, text: &str| {
        let error = ErrorFrame::new(message).text(text);
        error.ended_subscription(RabbitMq)
    };
    let not_found = "Subscription not found";
    let tag = |tag: &str| format!("There is no current subscription with tag '{tag}'.\n");
    let id = |id: &str| Some(Ended::Id(id.into()));
    assert_eq!(ended(not_found, &tag("T_s")), id("s"));
    assert_eq!(ended(not_found, &tag("T_it's'.")), id("it's'."));
    assert_eq!(ended(not_found, &tag("T_")), id(""));
    let destination = Some(Ended::Destination("/queue/a".into()));
    assert_eq!(ended(not_found, &tag("Q_/queue/a")), destination);
    for (message, text) in [
        ("Bad command", tag("T_s")),
        (not_found, tag("s")),
        (not_found, String::new()),
        (not_found, "There is no current subscription".into()),
    ] {
        assert_eq!(ended(message, &text), None, "{message}: {text}");
    }
    assert_eq!(ErrorFrame::default().ended_subscription(RabbitMq), None);
}

#[test]
fn a_word_of_the_broker_cannot_be_said_twice() {
    let twice = subscribe()
        .prefetch(10)
        .header("prefetch-count", "0")
        .into_frame(peer(RabbitMq));
    assert!(
        matches!(twice, Err(CommandError::ReservedHeader { .. })),
        "{twice:?}"
    );
    let once = subscribe()
        .header("prefetch-count", "5")
        .into_frame(peer(RabbitMq));
    assert_eq!(said(once), pairs(&[("prefetch-count", "5")]));
}

#[test]
fn a_header_that_rabbitmq_answers_with_an_error_is_refused() {
    let send = Send::to("/queue/a").header("message-id", "7");
    for dialect in Dialect::ALL {
        let frame = send.clone().into_frame(peer(dialect));
        if dialect == RabbitMq {
            let error = frame.unwrap_err();
            let expected = r#"the rabbitmq dialect does not allow the header "message-id" on SEND"#;
            assert_eq!(error.to_string(), expected);
        } else {
            assert_eq!(said(frame), pairs(&[("message-id", "7")]));
        }
    }
}

#[test]
fn what_is_expressed_is_what_works() {
    let message = Message::builder("/queue/a", "1")
        .subscription("s")
        .ack_id("2")
        .build();
    for dialect in Dialect::ALL {
        let to = peer(dialect).with_client_id();
        let now = UNIX_EPOCH;
        let works = [
            (Feature::Prefetch, subscribe().prefetch(9).into_frame(to)),
            (
                Feature::WindowBytes,
                subscribe().window_bytes(9).into_frame(to),
            ),
            (
                Feature::Durable,
                Subscribe::to("/topic/a").durable("d").into_frame(to),
            ),
            (Feature::Selector, subscribe().selector("x").into_frame(to)),
            (
                Feature::Persistence,
                Send::to("a").persistent().into_frame(to),
            ),
            (
                Feature::Expiry,
                Send::to("a").expires_in(Duration::ZERO, now).into_frame(to),
            ),
            (Feature::Priority, Send::to("a").priority(1).into_frame(to)),
            (Feature::NulInText, Send::to("a").text("\0").into_frame(to)),
            (
                Feature::NackRequeue,
                Nack::of(&message).requeue().into_frame(to),
            ),
            (
                Feature::NackDeadLetter,
                Nack::of(&message).dead_letter().into_frame(to),
            ),
            (Feature::Transactions, Begin::new("t").into_frame(to)),
            (
                Feature::Transactions,
                Send::to("a").transaction("t").into_frame(to),
            ),
            (
                Feature::TransactionalAck,
                Nack::of(&message).transaction("t").into_frame(to),
            ),
        ];
        for (feature, frame) in works {
            assert_eq!(
                dialect.expresses(feature),
                frame.is_ok(),
                "{dialect}: {feature}"
            );
        }
    }
}

#[test]
fn refusals_say_what_cannot_be_had() {
    let dialect = RabbitMq;
    let feature = Feature::Selector;
    let inexpressible = CommandError::Inexpressible { dialect, feature };
    let expected = "the rabbitmq dialect has no word for a selector";
    assert_eq!(inexpressible.to_string(), expected);
    let dialect = ActiveMq;
    let out_of_range = CommandError::OutOfRange {
        dialect,
        feature: Feature::Priority,
        min: 0,
        max: 9,
    };
    let expected = "the activemq dialect takes 0 to 9 for a priority of a message";
    assert_eq!(out_of_range.to_string(), expected);
}

#[test]
fn frame_limits_are_those_of_the_brokers_defaults() {
    let limits = RabbitMq.words().limits.unwrap();
    assert_eq!((limits.headers, limits.header_line), (100, 102_400));
    assert_eq!((limits.head, limits.body), (4_194_304, 4_194_304));
    let limits = ActiveMq.words().limits.unwrap();
    assert_eq!((limits.headers, limits.header_line), (1000, 10_240));
    assert_eq!((limits.head, limits.body), (10_485_760, 104_857_600));
}

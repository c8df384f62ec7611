//! ACK and NACK: C19 and C20 of stompest's tests, in our words.

use stomp_commands::{
    Ack, Command, CommandError, Dialect, FrameError, Message, Nack, Peer, Version,
};

use crate::{frame, headers, message};
use Version::{V1_0, V1_1, V1_2};

/// A message with everything a broker may put into it.
fn full() -> Message {
    let headers = [
        ("destination", "/queue/a"),
        ("message-id", "4711"),
        ("subscription", "s1"),
        ("ack", "0815"),
        ("transaction", "of the sender"),
        ("receipt", "of the sender"),
        ("foreign", "x"),
    ];
    message(V1_2, &headers)
}

const NAMES: [(Version, &[(&str, &str)]); 3] = [
    (V1_0, &[("message-id", "4711"), ("subscription", "s1")]),
    (V1_1, &[("message-id", "4711"), ("subscription", "s1")]),
    (V1_2, &[("id", "0815")]),
];

#[test]
fn each_version_names_the_message_in_its_own_way() {
    for (version, names) in NAMES {
        let frame = Ack::of(&full()).into_frame(version).unwrap();
        assert_eq!(
            (frame.command, headers(&frame)),
            (Command::Ack, names.to_vec())
        );
    }
    for (version, names) in &NAMES[1..] {
        let frame = Nack::of(&full()).into_frame(*version).unwrap();
        assert_eq!(
            (frame.command, headers(&frame)),
            (Command::Nack, names.to_vec())
        );
    }
}

#[test]
fn transaction_receipt_and_headers_are_those_of_the_caller() {
    let rest = [("transaction", "t1"), ("receipt", "r1"), ("a", "b")];
    for (version, names) in NAMES {
        let ack = Ack::of(&full())
            .header("a", "b")
            .receipt("r1")
            .transaction("t1");
        let frame = ack.into_frame(version).unwrap();
        assert_eq!(headers(&frame), [names, &rest].concat());
    }
    for (version, names) in &NAMES[1..] {
        let nack = Nack::of(&full())
            .header("a", "b")
            .receipt("r1")
            .transaction("t1");
        let frame = nack.into_frame(*version).unwrap();
        assert_eq!(headers(&frame), [*names, &rest].concat());
    }
}

#[test]
fn in_1_0_a_message_may_have_no_subscription() {
    let anonymous = message(V1_0, &[("destination", "/queue/a"), ("message-id", "1")]);
    let frame = Ack::of(&anonymous).into_frame(V1_0).unwrap();
    assert_eq!(headers(&frame), [("message-id", "1")]);
}

#[test]
fn nack_did_not_exist_in_1_0() {
    let nack = Nack::of(&full());
    let error = CommandError::NotInVersion {
        command: Command::Nack,
        version: V1_0,
    };
    assert_eq!(nack.clone().into_frame(V1_0), Err(error.clone()));
    assert_eq!(nack.transaction("t").into_frame(V1_0), Err(error.clone()));
    assert_eq!(error.to_string(), "STOMP 1.0 has no NACK");
}

#[test]
fn a_message_without_ack_header_cannot_be_acknowledged_in_1_2() {
    let auto = Message::builder("/queue/a", "1").subscription("s1").build();
    let not_ackable = |command| Err(CommandError::NotAckable { command });
    assert_eq!(Ack::of(&auto).into_frame(V1_2), not_ackable(Command::Ack));
    assert_eq!(Nack::of(&auto).into_frame(V1_2), not_ackable(Command::Nack));
    assert!(Ack::of(&auto).into_frame(V1_1).is_ok());
}

#[test]
fn a_message_of_1_0_cannot_be_acknowledged_by_the_rules_of_1_1() {
    let anonymous = message(V1_0, &[("destination", "/queue/a"), ("message-id", "1")]);
    let error = CommandError::MissingHeader {
        command: Command::Ack,
        header: "subscription",
        version: V1_1,
    };
    assert_eq!(Ack::of(&anonymous).into_frame(V1_1), Err(error));
}

#[test]
fn messages_that_cannot_be_named_are_not_messages() {
    let all = [
        ("destination", "/queue/a"),
        ("message-id", "1"),
        ("subscription", "s1"),
    ];
    for version in Version::ALL {
        for missing in ["destination", "message-id", "subscription"] {
            let given: Vec<_> = all
                .into_iter()
                .filter(|(name, _)| *name != missing)
                .collect();
            let read = Message::from_frame(frame(Command::Message, &given), version);
            if (version, missing) == (V1_0, "subscription") {
                assert!(read.is_ok());
            } else {
                let command = Command::Message;
                let header = missing;
                assert_eq!(read, Err(FrameError::MissingHeader { command, header }));
            }
        }
        let other = Message::from_frame(frame(Command::Receipt, &all), version);
        let command = Command::Receipt;
        assert_eq!(other, Err(FrameError::UnexpectedCommand { command }));
    }
}

#[test]
fn typed_headers_cannot_be_given_by_name() {
    for name in [
        "id",
        "message-id",
        "subscription",
        "transaction",
        "receipt",
        "content-length",
    ] {
        for version in Version::ALL {
            let refused = Ack::of(&full()).header(name, "x").into_frame(version);
            assert!(
                matches!(refused, Err(CommandError::ReservedHeader { .. })),
                "{name}"
            );
        }
    }
}

#[test]
fn brokers_read_what_clients_say() {
    for (version, names) in NAMES {
        let given = [
            names,
            &[("transaction", "t1"), ("receipt", "r1"), ("a", "b")],
        ]
        .concat();
        let ack = Ack::from_frame(frame(Command::Ack, &given), version).unwrap();
        assert_eq!(headers(&ack.into_frame(version).unwrap()), given);
    }
}

#[test]
fn acknowledging_needs_the_name_of_a_message() {
    let cases = [
        (
            V1_0,
            &[("id", "x"), ("subscription", "s")][..],
            "message-id",
        ),
        (V1_1, &[("subscription", "s")][..], "message-id"),
        (V1_1, &[("message-id", "1")][..], "subscription"),
        (
            V1_2,
            &[("message-id", "1"), ("subscription", "s")][..],
            "id",
        ),
    ];
    for (version, given, header) in cases {
        let command = Command::Ack;
        let missing = Err(FrameError::MissingHeader { command, header });
        assert_eq!(Ack::from_frame(frame(command, given), version), missing);
    }
    let nack = Nack::from_frame(frame(Command::Nack, &[("message-id", "1")]), V1_0);
    let command = Command::Nack;
    assert_eq!(nack, Err(FrameError::UnexpectedCommand { command }));
}

#[test]
fn transactions_are_refused_where_acknowledgements_ignore_them() {
    for dialect in Dialect::ALL {
        let peer = Peer::new(V1_2, dialect);
        let ack = Ack::of(&full()).transaction("t1").into_frame(peer);
        let nack = Nack::of(&full()).transaction("t1").into_frame(peer);
        let ignored = matches!(dialect, Dialect::Artemis | Dialect::Spring);
        assert_eq!((ack.is_err(), nack.is_err()), (ignored, ignored));
        assert!(Ack::of(&full()).into_frame(peer).is_ok());
    }
}

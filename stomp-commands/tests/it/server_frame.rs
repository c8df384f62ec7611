//! What clients read, and must not miss.

use bytes::Bytes;
use stomp_commands::{Command, ErrorFrame, FrameError, Message, Receipt, ServerFrame, Version};

use crate::{frame, headers, message};
use Version::{V1_0, V1_1, V1_2};

#[test]
fn mandatory_headers_are_checked_by_version() {
    use Command::{Message, Receipt};
    let cases: [(Command, &[Version], &[&str]); 3] = [
        (Message, &[V1_0], &["destination", "message-id"]),
        (
            Message,
            &[V1_1, V1_2],
            &["destination", "message-id", "subscription"],
        ),
        (Receipt, &Version::ALL, &["receipt-id"]),
    ];
    for (command, versions, mandatory) in cases {
        for &version in versions {
            let given: Vec<_> = mandatory.iter().map(|name| (*name, "x")).collect();
            assert!(ServerFrame::from_frame(frame(command, &given), version).is_ok());
            for header in mandatory {
                let given: Vec<_> = given.iter().copied().filter(|(n, _)| n != header).collect();
                let read = ServerFrame::from_frame(frame(command, &given), version);
                assert_eq!(read, Err(FrameError::MissingHeader { command, header }));
            }
        }
    }
}

#[test]
fn frames_of_clients_are_unexpected() {
    for command in Command::ALL {
        for version in Version::ALL {
            let read = ServerFrame::from_frame(frame(command, &[]), version);
            let unexpected = read == Err(FrameError::UnexpectedCommand { command });
            let is_client = command.side() == stomp_frame::Side::Client;
            assert_eq!(unexpected, is_client, "{command}");
        }
    }
}

#[test]
fn the_first_of_repeated_headers_counts() {
    let given = [
        ("subscription", "s1"),
        ("destination", "/queue/a"),
        ("message-id", "1"),
        ("subscription", "forged"),
        ("redelivered", "false"),
        ("redelivered", "true"),
    ];
    let message = message(V1_2, &given);
    assert_eq!(message.subscription(), Some("s1"));
    assert!(!message.redelivered());
    assert_eq!(message.headers().len(), 6);
}

#[test]
fn messages_are_read_without_copying_the_body() {
    let body = Bytes::from_static(b"na\xc3\xafve");
    let given = [
        ("destination", "/queue/a"),
        ("message-id", "1"),
        ("subscription", "s1"),
        ("content-type", "text/plain"),
        ("redelivered", "true"),
    ];
    let frame = frame(Command::Message, &given).body(body.clone());
    let message = Message::from_frame(frame.clone(), V1_2).unwrap();
    assert_eq!(message.body().as_ptr(), body.as_ptr());
    assert_eq!(message.text(), Ok("naïve"));
    assert_eq!(message.content_type(), Some("text/plain"));
    assert!(message.redelivered());
    assert_eq!(message.ack_id(), None);
    assert_eq!(message.to_string(), "MESSAGE /queue/a (6 bytes)");
    assert_eq!(message.into_frame(), frame);
}

#[test]
fn a_detached_message_lets_go_of_the_buffer_it_came_in() {
    let buffer = Bytes::from_static(b"hi and much more");
    let mut message = Message::builder("/queue/a", "1")
        .body(buffer.slice(..2))
        .build();
    assert_eq!(message.body().as_ptr(), buffer.as_ptr());
    message.detach();
    assert_ne!(message.body().as_ptr(), buffer.as_ptr());
    assert_eq!(message.text(), Ok("hi"));
}

#[test]
fn text_that_is_not_utf_8_is_an_error() {
    let message = Message::builder("/queue/a", "1").body(&b"\xff"[..]).build();
    assert!(message.text().is_err());
}

#[test]
fn errors_keep_their_explanation() {
    let given = [
        ("message", "Unknown\r"),
        ("receipt-id", "r1"),
        ("content-type", "text/plain"),
        ("version", "1.0,1.1"),
    ];
    let frame = frame(Command::Error, &given).body("\n  at first\nat second");
    let ServerFrame::Error(error) = ServerFrame::from_frame(frame, V1_2).unwrap() else {
        panic!()
    };
    assert_eq!(error.receipt_id.as_ref().map(|id| id.as_str()), Some("r1"));
    assert_eq!(error.version.as_deref(), Some("1.0,1.1"));
    assert_eq!(error.explanation(), "\n  at first\nat second");
    assert_eq!(error.to_string(), "Unknown: at first");
}

#[test]
fn an_error_may_name_its_frame_by_receipt() {
    for (headers, id) in [
        (&[("receipt", "r1")][..], Some("r1")), // Vert.x
        (&[("receipt", "r1"), ("receipt-id", "r2")], Some("r2")),
        (&[("message", "no")], None),
    ] {
        let error = ErrorFrame::from_frame(frame(Command::Error, headers)).unwrap();
        assert_eq!(error.receipt_id.as_ref().map(|id| id.as_str()), id);
    }
}

#[test]
fn errors_without_anything_still_print() {
    let shown = |message: Option<&str>, body: &str| {
        let mut error = ErrorFrame::default();
        error.message = message.map(str::to_owned);
        error.body = body.to_owned().into();
        error.to_string()
    };
    assert_eq!(shown(None, ""), "no description");
    assert_eq!(shown(Some(""), ""), "no description");
    assert_eq!(shown(None, "why"), "why");
    assert_eq!(shown(Some("what"), ""), "what");
    assert_eq!(shown(Some("what"), "what\nelse"), "what");
    assert_eq!(shown(Some("what"), "why\nelse"), "what: why");
}

#[test]
fn servers_say_what_clients_read() {
    let error = ErrorFrame::new("No")
        .receipt_id("r1")
        .subscription("s1")
        .versions(&[V1_0, V1_1])
        .text("Not at all")
        .header("a", "b");
    let said = error.clone().into_frame().unwrap();
    let expected = [
        ("message", "No"),
        ("receipt-id", "r1"),
        ("subscription", "s1"),
        ("version", "1.0,1.1"),
        ("content-type", "text/plain;charset=utf-8"),
        ("a", "b"),
    ];
    assert_eq!(headers(&said), expected);
    assert_eq!(ErrorFrame::from_frame(said), Ok(error));

    let receipt = Receipt::new("r1").header("a", "b");
    let said = receipt.clone().into_frame().unwrap();
    assert_eq!(headers(&said), [("receipt-id", "r1"), ("a", "b")]);
    assert_eq!(Receipt::from_frame(said), Ok(receipt));

    let said = Message::builder("/queue/a", "1")
        .header("a", "b")
        .ack_id("2")
        .subscription("s1")
        .content_type("text/plain")
        .body("hi")
        .into_frame();
    let read = Message::from_frame(said, V1_2).unwrap();
    assert_eq!(read.destination(), "/queue/a");
    assert_eq!(read.message_id(), "1");
    assert_eq!(read.subscription(), Some("s1"));
    assert_eq!(read.ack_id(), Some("2"));
    assert_eq!(read.header("a"), Some("b"));
}

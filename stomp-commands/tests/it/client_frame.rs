//! What brokers read, and must not miss.

use stomp_commands::{
    Abort, Begin, ClientFrame, Command, CommandError, Commit, Connect, FrameError, HeartBeat, Send,
    Version,
};

use crate::{frame, headers};
use Version::{V1_0, V1_1, V1_2};

#[test]
fn mandatory_headers_are_checked_by_version() {
    use Command::*;
    let cases: [(Command, &[Version], &[&str]); 12] = [
        (Send, &Version::ALL, &["destination"]),
        (Subscribe, &[V1_0], &["destination"]),
        (Subscribe, &[V1_1, V1_2], &["id", "destination"]),
        (Unsubscribe, &[V1_1, V1_2], &["id"]),
        (Ack, &[V1_0], &["message-id"]),
        (Ack, &[V1_1], &["message-id", "subscription"]),
        (Ack, &[V1_2], &["id"]),
        (Nack, &[V1_1], &["message-id", "subscription"]),
        (Nack, &[V1_2], &["id"]),
        (Begin, &Version::ALL, &["transaction"]),
        (Commit, &Version::ALL, &["transaction"]),
        (Abort, &Version::ALL, &["transaction"]),
    ];
    for (command, versions, mandatory) in cases {
        for &version in versions {
            let given: Vec<_> = mandatory.iter().map(|name| (*name, "x")).collect();
            let read = ClientFrame::from_frame(frame(command, &given), version);
            assert!(read.is_ok(), "{command} {version}: {read:?}");
            for header in mandatory {
                let given: Vec<_> = given.iter().copied().filter(|(n, _)| n != header).collect();
                let read = ClientFrame::from_frame(frame(command, &given), version);
                assert_eq!(read, Err(FrameError::MissingHeader { command, header }));
            }
        }
    }
}

#[test]
fn frames_of_servers_and_of_later_versions_are_unexpected() {
    let mut unexpected: Vec<_> = Version::ALL
        .into_iter()
        .flat_map(|version| {
            use Command::*;
            [Connected, Message, Receipt, Error].map(|command| (command, version))
        })
        .collect();
    unexpected.push((Command::Nack, V1_0));
    for (command, version) in unexpected {
        let read = ClientFrame::from_frame(frame(command, &[("message-id", "1")]), version);
        assert_eq!(read, Err(FrameError::UnexpectedCommand { command }));
    }
}

#[test]
fn connect_is_read_by_the_version_that_was_settled() {
    let given = [
        ("accept-version", "1.0,1.1,2.0"),
        ("host", " h"),
        ("login", " me"),
        ("heart-beat", "1,2"),
        ("client-id", "c"),
        ("a", "b"),
    ];
    let connect = Connect::from_frame(frame(Command::Connect, &given), V1_1).unwrap();
    assert_eq!(connect.versions, [V1_0, V1_1]);
    assert_eq!(connect.host.as_deref(), Some(" h"));
    assert_eq!(connect.login.as_deref(), Some(" me"));
    assert_eq!(connect.heart_beat, HeartBeat::new(1, 2));
    assert_eq!(connect.client_id.as_deref(), Some("c"));
    assert_eq!(connect.headers.iter().collect::<Vec<_>>(), [("a", "b")]);

    let connect = Connect::from_frame(frame(Command::Connect, &given), V1_0).unwrap();
    assert_eq!(connect.login.as_deref(), Some("me"), "1.0 pads values");
    assert_eq!(
        connect.heart_beat,
        HeartBeat::NONE,
        "1.0 has no heart-beats"
    );
}

#[test]
fn connect_needs_a_host_and_a_good_heart_beat_from_1_1_on() {
    let read = |given: &[(&str, &str)], version| {
        Connect::from_frame(frame(Command::Connect, given), version).map(|_| ())
    };
    let bad = [("host", "h"), ("heart-beat", "1")];
    assert_eq!(read(&bad, V1_0), Ok(()));
    assert_eq!(read(&bad[1..], V1_0), Ok(()));
    for version in [V1_1, V1_2] {
        assert_eq!(read(&bad, version), Err(FrameError::BadHeartBeat));
        let command = Command::Connect;
        let header = "host";
        assert_eq!(
            read(&bad[1..], version),
            Err(FrameError::MissingHeader { command, header })
        );
    }
}

#[test]
fn stomp_needs_accept_version() {
    let given = [("host", "h")];
    let read = ClientFrame::from_frame(frame(Command::Stomp, &given), V1_0);
    let command = Command::Stomp;
    let header = "accept-version";
    assert_eq!(read, Err(FrameError::MissingHeader { command, header }));
    let connect = ClientFrame::from_frame(frame(Command::Connect, &given), V1_0);
    assert!(matches!(connect, Ok(ClientFrame::Connect(c)) if c.versions == [V1_0]));
}

#[test]
fn receipts_are_found_on_every_frame_but_connect() {
    for command in Command::ALL {
        let all = [
            ("destination", "d"),
            ("id", "i"),
            ("message-id", "m"),
            ("subscription", "s"),
            ("transaction", "t"),
            ("accept-version", "1.2"),
            ("host", "h"),
            ("receipt", "r"),
        ];
        let Ok(read) = ClientFrame::from_frame(frame(command, &all), V1_2) else {
            continue;
        };
        let receipt = read.receipt().map(|id| id.as_str());
        let is_connect = matches!(command, Command::Connect | Command::Stomp);
        assert_eq!(receipt, (!is_connect).then_some("r"), "{command}");
    }
}

#[test]
fn transactions_have_an_id() {
    for version in Version::ALL {
        let frames = [
            (
                Command::Begin,
                Begin::new("t1").receipt("r").into_frame(version),
            ),
            (
                Command::Commit,
                Commit::new("t1").receipt("r").into_frame(version),
            ),
            (
                Command::Abort,
                Abort::new("t1").receipt("r").into_frame(version),
            ),
        ];
        for (command, said) in frames {
            let said = said.unwrap();
            assert_eq!(said.command, command);
            assert_eq!(headers(&said), [("transaction", "t1"), ("receipt", "r")]);
        }
    }
    let refused = Begin::new("t1")
        .header("transaction", "t2")
        .into_frame(V1_2);
    assert!(matches!(refused, Err(CommandError::ReservedHeader { .. })));
}

#[test]
fn send_keeps_what_travels_with_the_message() {
    let given = [
        ("a", "1"),
        ("destination", "/queue/a"),
        ("content-type", "text/plain"),
        ("a", "2"),
        ("receipt", "r"),
        ("content-length", "2"),
        ("destination", "/queue/other"),
        ("ack", "mine"),
    ];
    let send = frame(Command::Send, &given).body("hi");
    let send = Send::from_frame(send, V1_2).unwrap();
    assert_eq!(send.destination, "/queue/a");
    assert_eq!(send.content_type.as_deref(), Some("text/plain"));
    let kept: Vec<_> = send.headers.iter().collect();
    assert_eq!(kept, [("a", "1"), ("a", "2"), ("ack", "mine")]);
    assert_eq!(send.body, "hi");
}

#[test]
fn what_travels_with_a_send_reaches_the_message_and_nothing_else_does() {
    let given = [
        ("a", "1"),
        ("destination", "/queue/a"),
        ("subscription", "forged"),
        ("content-type", "text/csv"),
        ("message-id", "forged"),
        ("a", "2"),
        ("receipt", "r"),
        ("transaction", "t"),
        ("ack", "forged"),
        ("content-length", "2"),
        ("persistent", "true"),
    ];
    let send = Send::from_frame(frame(Command::Send, &given).body("hi"), V1_2).unwrap();
    let message = send.into_message("m1").build();
    let expected = [
        ("destination", "/queue/a"),
        ("message-id", "m1"),
        ("content-type", "text/csv"),
        ("a", "1"),
        ("a", "2"),
        ("persistent", "true"),
    ];
    assert_eq!(message.headers().iter().collect::<Vec<_>>(), expected);
    assert_eq!(message.body(), "hi");
    let said = Send::to("/queue/a").text("hi").into_message("m2").build();
    assert_eq!(said.content_type(), Some("text/plain;charset=utf-8"));
}

#[test]
fn send_says_what_the_body_is() {
    let content_type = |send: Send| {
        let frame = send.into_frame(V1_2).unwrap();
        assert_eq!(frame.body, "hi");
        frame.headers.get("content-type").map(str::to_owned)
    };
    let send = Send::to("/queue/a");
    assert_eq!(content_type(send.clone().body("hi")), None);
    let text = content_type(send.clone().text("hi"));
    assert_eq!(text.as_deref(), Some("text/plain;charset=utf-8"));
    let bytes = content_type(send.clone().bytes(&b"hi"[..]));
    assert_eq!(bytes.as_deref(), Some("application/octet-stream"));
    let own = content_type(send.content_type("text/csv").text("hi"));
    assert_eq!(own.as_deref(), Some("text/csv"));
}

#[cfg(feature = "json")]
#[test]
fn json_goes_there_and_back() {
    use stomp_commands::Message;

    let send = Send::to("/queue/a").json(&[1, 2]).unwrap();
    let frame = send.into_frame(V1_2).unwrap();
    assert_eq!(frame.headers.get("content-type"), Some("application/json"));
    let message = Message::builder("/queue/a", "1").body(frame.body).build();
    assert_eq!(message.json::<Vec<u8>>().unwrap(), [1, 2]);
    assert!(message.json::<String>().is_err());
}

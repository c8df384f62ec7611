use std::time::Duration;

use stomp_commands::{Abort, Ack, AckMode, Begin, Commit, Dialect, Disconnect, HeartBeat, Message};
use stomp_commands::{Nack, Send, Subscribe, Unsubscribe};
use stomp_frame::{Command, Frame, Version, encode};
use stomp_session::{
    CloseReason, Config, Event, Misbehaviour, Opening, Session, SessionState, Settled,
    Subscriptions, UsageError, With,
};

use crate::peer::{Peer, message, quiet};

/// A frame as its sender would write it.
fn frame(command: Command) -> String {
    let frame = Frame::new(command)
        .header("destination", "/queue/a")
        .header("message-id", "1")
        .header("subscription", "s1")
        .header("receipt-id", "r1")
        .header("version", "1.2");
    let mut octets = bytes::BytesMut::new();
    encode(&frame, Version::V1_2, &mut octets).expect("nothing to escape");
    String::from_utf8(octets.to_vec()).expect("text")
}

fn in_state(state: SessionState) -> Peer {
    let mut peer = match state {
        SessionState::Connecting => Peer::connecting(quiet()),
        _ => Peer::connected(),
    };
    match state {
        SessionState::Connecting | SessionState::Connected => {}
        SessionState::Disconnecting => {
            let disconnect = Disconnect::new().receipt("bye");
            peer.session
                .disconnect(disconnect, peer.now)
                .expect("connected");
        }
        SessionState::Closed => {
            peer.session.handle_eof(peer.now);
            peer.events();
        }
    }
    peer.sent();
    peer
}

const STATES: [SessionState; 4] = [
    SessionState::Connecting,
    SessionState::Connected,
    SessionState::Disconnecting,
    SessionState::Closed,
];

#[test]
fn every_frame_in_every_state_has_its_one_answer() {
    for state in STATES {
        for command in Command::ALL {
            let mut peer = in_state(state);
            peer.hear(&frame(command));
            let established = !matches!(state, SessionState::Connecting | SessionState::Closed);
            let events = peer.events();
            let expected: &[&str] = match (state, command) {
                (SessionState::Closed, _) => &[],
                (SessionState::Connecting, Command::Connected) => &["connected 1.2"],
                (SessionState::Connecting, Command::Error) => &[
                    "error no description",
                    "closed: the server refused the connection: no description",
                ],
                (_, Command::Message) if established => &["orphan 1"],
                (_, Command::Receipt) if established => &["unexpected receipt r1"],
                (_, Command::Error) => &[
                    "error no description",
                    "closed: the server reported an error: no description",
                ],
                (_, Command::Connected | Command::Message | Command::Receipt) => {
                    let unexpected = format!(
                        "closed: the server broke the protocol: unexpected {command} frame"
                    );
                    assert_eq!(events, [unexpected]);
                    continue;
                }
                (_, _) => &[
                    "closed: the server broke the protocol: unknown command (at octet 0 of the stream)",
                ],
            };
            let shown: Vec<_> = events
                .iter()
                .map(|event| match event.find(" (at octet ") {
                    Some(at) => format!("{} (at octet 0 of the stream)", &event[..at]),
                    None => event.clone(),
                })
                .collect();
            assert_eq!(shown, expected, "{command} while {state:?}");
        }
    }
}

#[test]
fn commands_need_a_connection() {
    for state in STATES {
        let mut peer = in_state(SessionState::Connected);
        let key = peer.subscribe(AckMode::Client);
        let token = peer.receive("s1", 1);
        peer.session.begin(Begin::new("t"), peer.now).expect("new");
        match state {
            SessionState::Connected => continue,
            SessionState::Connecting => {
                // A token of the connection that is being made cannot exist yet.
                peer = in_state(state);
            }
            SessionState::Disconnecting => {
                let disconnect = Disconnect::new().receipt("bye");
                peer.session
                    .disconnect(disconnect, peer.now)
                    .expect("connected");
            }
            SessionState::Closed => peer.session.handle_eof(peer.now),
        }
        peer.sent();
        let (session, now) = (&mut peer.session, peer.now);
        let settled = match state {
            SessionState::Closed => Ok(Settled::Stale),
            _ => Err(UsageError::NotConnected),
        };
        assert_eq!(session.ack(&token, With::nothing(), now), settled);
        assert_eq!(session.nack(&token, With::nothing(), now), settled);
        let refused = [
            session.send(Send::to("/queue/a"), now),
            session.subscribe(Subscribe::to("/b"), now).map(drop),
            session.unsubscribe(key, With::nothing(), now),
            session.begin(Begin::new("u"), now),
            session.commit(Commit::new("t"), now),
            session.abort(Abort::new("t"), now),
            session.disconnect(Disconnect::new(), now),
        ];
        assert_eq!(
            refused,
            [const { Err(UsageError::NotConnected) }; 7],
            "{state:?}"
        );
        assert_eq!(peer.sent(), "");
    }
}

#[test]
fn connect_says_what_the_configuration_says() {
    let config = Config::default()
        .host("h")
        .login("me")
        .passcode("s3cret")
        .client_id("c")
        .header("x", "y")
        .heart_beat(HeartBeat::new(1, 2))
        .versions([Version::V1_2, Version::V1_1]);
    let connect = |config: Config| {
        let mut session = Session::connect(config, Subscriptions::new(), std::time::Instant::now())
            .expect("a good configuration");
        let octets = session.poll_transmit(std::time::Instant::now());
        String::from_utf8(octets.expect("CONNECT").to_vec()).expect("text")
    };
    let frame = "CONNECT\naccept-version:1.1,1.2\nhost:h\nlogin:me\npasscode:s3cret\n\
                 client-id:c\nheart-beat:1,2\nx:y\n\n\0";
    assert_eq!(connect(config.clone()), frame);
    let stomp = config.clone().opening(Opening::Stomp);
    assert_eq!(connect(stomp), frame.replace("CONNECT", "STOMP"));
    assert_eq!(
        connect(Config::default().versions([Version::V1_0])),
        "CONNECT\naccept-version:1.0\n\n\0"
    );
    let escaped = Config::default()
        .passcode(r"a\b")
        .dialect(Dialect::RabbitMq);
    assert!(connect(escaped).contains("\npasscode:a\\\\b\n"));
}

#[test]
fn configuration_that_cannot_be_written_is_refused_beforehand() {
    let now = std::time::Instant::now();
    let bad = [
        Config::default().login("a\0b"),
        Config::default().versions([]),
        Config::default()
            .versions([Version::V1_0])
            .opening(Opening::Stomp),
        Config::default().header("host", "twice"),
    ];
    for config in bad {
        let error = Session::check(&config).expect_err("bad");
        let refused = Session::connect(config, Subscriptions::new(), now);
        assert_eq!(refused.map(drop), Err(error));
    }
    assert_eq!(Session::check(&Config::default()), Ok(()));
}

#[test]
fn connected_tells_what_was_agreed() {
    let mut peer = Peer::connecting(Config::default());
    peer.hear(
        "CONNECTED\nversion:1.1\nserver:ActiveMQ/5.17.2\nsession:4\nheart-beat:0,20000\n\n\0",
    );
    let Some(Event::Connected(connection)) = peer.event() else {
        panic!("not connected");
    };
    assert_eq!(connection.version, Version::V1_1);
    assert_eq!(connection.server.as_deref(), Some("ActiveMQ/5.17.2"));
    assert_eq!(connection.session.as_deref(), Some("4"));
    assert_eq!(connection.dialect, Dialect::ActiveMq);
    assert_eq!(connection.heart_beat.send, Some(Duration::from_secs(20)));
    assert_eq!(connection.heart_beat.receive, None);
    assert_eq!(connection.epoch, peer.session.epoch());
    assert_eq!(peer.session.connection(), Some(&connection));
    assert_eq!(peer.session.state(), SessionState::Connected);
}

#[test]
fn nothing_is_agreed_before_connected_and_nothing_is_left_after_the_end() {
    let mut peer = Peer::connecting(Config::default());
    assert_eq!(peer.session.state(), SessionState::Connecting);
    assert_eq!(peer.session.connection(), None);
    peer.hear("CONNECTED\nversion:1.2\nsession:4\nserver:x\nheart-beat:3,4\n\n\0");
    assert!(peer.session.connection().is_some());
    assert!(peer.session.poll_timeout().is_some());
    peer.session.handle_eof(peer.now);
    assert_eq!(peer.session.state(), SessionState::Closed);
    assert_eq!(peer.session.connection(), None);
    assert_eq!(peer.session.poll_timeout(), None);
}

#[test]
fn version_that_was_not_offered_is_misbehaviour() {
    for (offered, answer) in [
        (Version::V1_0, "version:1.1\n"),
        (Version::V1_1, ""),
        (Version::V1_1, "version:1.2\n"),
        (Version::V1_2, "version:1.3\n"),
    ] {
        let mut peer = Peer::connecting(quiet().versions([offered]));
        peer.hear(&format!("CONNECTED\n{answer}\n\0"));
        let reason = peer.closed();
        assert!(
            matches!(reason, CloseReason::Misbehaviour(Misbehaviour::Frame(_))),
            "{offered} {answer:?} {reason}"
        );
    }
}

#[test]
fn server_without_a_version_speaks_1_0_and_the_next_is_offered_all_again() {
    let mut peer = Peer::connecting(quiet());
    peer.hear("CONNECTED\nsession:hi\n\n\0");
    let connection = peer.session.connection().expect("connected").clone();
    assert_eq!(connection.version, Version::V1_0);
    assert_eq!(connection.session.as_deref(), Some("hi"));
    assert_eq!(connection.server, None);

    peer.session.handle_eof(peer.now);
    let subscriptions = peer.session.into_subscriptions();
    let next = Session::connect(quiet(), subscriptions, peer.now);
    let connect = next.expect("good").poll_transmit(peer.now);
    assert!(connect.is_some_and(|c| c.starts_with(b"CONNECT\naccept-version:1.0,1.1,1.2\n")));
}

#[test]
fn heart_beats_are_agreed_anew_on_every_connection() {
    let agreed = |peer: &Peer| {
        let beats = peer.session.connection().expect("connected").heart_beat;
        [beats.send, beats.receive].map(|period| period.map(|period| period.as_millis()))
    };
    let mut peer = Peer::connecting(Config::default().heart_beat(HeartBeat::new(1, 2)));
    peer.hear("CONNECTED\nversion:1.1\nheart-beat:3,4\n\n\0");
    assert_eq!(agreed(&peer), [Some(4), Some(3)]);
    let peer = peer.reconnected_by("CONNECTED\nheart-beat:3,4\n\n\0");
    assert_eq!(agreed(&peer), [None, None], "1.0 has none");
    let peer = peer.reconnected_by("CONNECTED\nversion:1.2\n\n\0");
    assert_eq!(agreed(&peer), [None, None]);
}

#[test]
fn chosen_dialect_beats_the_servers_name() {
    let mut peer = Peer::connecting(quiet().dialect(Dialect::Artemis));
    peer.hear("CONNECTED\nversion:1.2\nserver:ActiveMQ/5.17.2\n\n\0");
    let dialect = peer
        .session
        .connection()
        .map(|connection| connection.dialect);
    assert_eq!(dialect, Some(Dialect::Artemis));
}

#[test]
fn text_goes_out_as_text_where_that_means_no_content_length() {
    for (server, header) in [
        ("ActiveMQ/5.17.2", ""),
        ("RabbitMQ/3.10.8", "content-length:2\n"),
    ] {
        let mut peer = Peer::connecting(quiet());
        peer.hear(&format!("CONNECTED\nversion:1.2\nserver:{server}\n\n\0"));
        peer.session
            .send(Send::to("/a").text("hi"), peer.now)
            .expect("connected");
        let frame =
            format!("SEND\ndestination:/a\ncontent-type:text/plain;charset=utf-8\n{header}\nhi\0");
        assert_eq!(peer.sent(), frame);
    }
}

#[test]
fn next_octet_after_connected_is_read_by_its_version() {
    let mut peer = Peer::connecting(quiet());
    peer.hear("CONNECTED\nversion:1.1\n\n\0\nRECEIPT\nreceipt-id:a\\cb\r\n\n\0");
    assert_eq!(peer.events(), ["connected 1.1", "unexpected receipt a:b\r"]);
}

#[test]
fn frames_may_come_an_octet_at_a_time() {
    let wire = format!(
        "CONNECTED\nversion:1.2\n\n\0\n{}\nRECEIPT\nreceipt-id:r\n\n\0",
        message("x", 1)
    );
    let mut peer = Peer::connecting(quiet());
    for octet in wire.split("").filter(|octet| !octet.is_empty()) {
        peer.hear(octet);
    }
    assert_eq!(
        peer.events(),
        ["connected 1.2", "orphan m1", "unexpected receipt r"]
    );
}

#[test]
fn connected_must_come_in_time() {
    let mut peer = Peer::connecting(Config::default());
    peer.hear("\n\n\n");
    peer.sleep_ms(9_999);
    assert!(!peer.session.is_closed());
    peer.sleep_ms(1);
    let after = Duration::from_secs(10);
    assert_eq!(peer.closed(), CloseReason::ConnectTimedOut { after });
}

#[test]
fn connected_in_time_stops_the_clock() {
    let mut peer = Peer::connected();
    assert_eq!(peer.session.poll_timeout(), None);
    peer.sleep(Duration::from_secs(86_400));
    assert_eq!(peer.session.state(), SessionState::Connected);
}

#[test]
fn end_before_connected_says_what_it_may_mean() {
    let mut peer = Peer::connecting(quiet());
    peer.session.handle_eof(peer.now);
    let reason = peer.closed();
    assert_eq!(reason, CloseReason::ClosedBeforeConnected);
    assert!(reason.to_string().contains("is the login right"));
}

#[test]
fn unexpected_end_of_a_transport_is_an_end() {
    let mut peer = Peer::connected();
    let error = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    peer.session.handle_io_error(&error, peer.now);
    assert_eq!(peer.closed(), CloseReason::ConnectionLost);
}

#[test]
fn transport_that_fails_is_the_reason_in_every_state_but_the_last() {
    let error = std::io::Error::from_raw_os_error(104);
    for state in STATES {
        let mut peer = in_state(state);
        peer.session.handle_io_error(&error, peer.now);
        let events = peer.events();
        match state {
            SessionState::Disconnecting => assert_eq!(events, ["closed: disconnected"]),
            SessionState::Closed => assert_eq!(events, [""; 0]),
            _ => assert_eq!(
                events,
                ["closed: the connection was lost: connection reset by peer"]
            ),
        }
    }
}

#[test]
fn misbehaviour_ends_it_and_what_came_before_counts() {
    let mut peer = Peer::connected();
    peer.send("r1");
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0MESSAGE\n\n\0RECEIPT\nreceipt-id:r2\n\n\0");
    assert_eq!(
        peer.events(),
        [
            "receipt r1",
            "closed: the server broke the protocol: MESSAGE frame without the header \"destination\"",
        ]
    );
    assert_eq!(peer.sent(), "", "nothing more is written");
    let mut peer = Peer::connected();
    peer.hear("RECEIPT\nreceipt-id:\\x\n\n\0");
    let reason = peer.closed();
    assert!(matches!(
        reason,
        CloseReason::Misbehaviour(Misbehaviour::Decode(_))
    ));
}

#[test]
fn message_beyond_the_limit_is_reported_without_its_body_and_can_be_settled() {
    let limits = stomp_frame::Limits::client().body(3);
    let mut peer = Peer::connecting(quiet().limits(limits));
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    peer.event();
    let key = peer.subscribe(AckMode::Client);
    let large = |subscription| {
        let head = "MESSAGE\ndestination:/a\nmessage-id:1\nack:k1\ncontent-length:4";
        format!("{head}\nsubscription:{subscription}\n\nlong\0")
    };
    peer.hear(&large("s1"));
    let Some(Event::MessageUnreadable {
        delivery,
        why,
        length,
    }) = peer.event()
    else {
        panic!("a message that is too large");
    };
    assert_eq!((delivery.subscription, length), (key, Some(4)));
    assert_eq!(why.kind, stomp_session::DecodeErrorKind::BodyTooLong);
    let settled = peer
        .session
        .nack(&delivery.token, With::nothing(), peer.now);
    assert_eq!(settled, Ok(stomp_session::Settled::Sent));
    peer.hear(&large("gone"));
    peer.hear(&message("s1", 2));
    assert_eq!(peer.events(), ["orphan 1", "message m2"]);
    peer.hear("ERROR\nmessage:no\ncontent-length:4\n\nlong\0");
    assert_eq!(peer.events()[0], "error no");
}

#[test]
fn message_that_cannot_be_read_can_be_settled_and_costs_no_connection() {
    for (version, id) in [
        ("1.2", "id:k1\n"),
        ("1.1", "message-id:1\nsubscription:s1\n"),
    ] {
        let mut peer = Peer::connecting(quiet());
        peer.hear(&format!("CONNECTED\nversion:{version}\n\n\0"));
        peer.event();
        peer.subscribe(AckMode::ClientIndividual);
        peer.sent();
        let long = "x".repeat(20_000);
        let lines = "message-id:1\nack:k1\nsubscription:s1\ndestination:/a";
        for odd in [format!("k:{long}"), "k:\\t".to_owned(), "k".to_owned()] {
            peer.hear(&format!("MESSAGE\n{odd}\n{lines}\n\nbody\0"));
            let Some(Event::MessageUnreadable { delivery, .. }) = peer.event() else {
                panic!("cannot be read: {odd:.10}");
            };
            assert_eq!(delivery.message.destination(), "/a");
            let settled = peer.session.ack(&delivery.token, With::nothing(), peer.now);
            assert_eq!(settled, Ok(stomp_session::Settled::Sent));
            assert_eq!(peer.sent(), format!("ACK\n{id}\n\0"));
        }
        peer.hear(&format!(
            "MESSAGE\ndestination:{long}\nsubscription:s1\n\nbody\0"
        ));
        let Some(Event::MessageUnreadable { delivery, .. }) = peer.event() else {
            panic!("cannot be read");
        };
        assert!(!delivery.token.is_ackable(), "nothing to name it by");
        peer.hear(&format!("MESSAGE\nk:{long}\nmessage-id:4\n\nbody\0"));
        peer.hear(&message("s1", 2));
        assert_eq!(peer.events(), ["orphan 4", "message m2"]);
        let lines = "message-id:1\ndestination:/a\nsubscription:gone";
        peer.hear(&format!("MESSAGE\nk\n{lines}\n\nbody\0"));
        let reason = peer.closed();
        assert!(matches!(reason, CloseReason::Misbehaviour(_)), "nobody's");
    }
}

#[test]
fn message_that_lacks_what_the_server_writes_is_torn() {
    let mut peer = Peer::connecting(quiet());
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    peer.event();
    peer.subscribe(AckMode::Client);
    peer.hear("MESSAGE\nsubscription:s1\ndesti\nmessage-id:2\n\nbody\0");
    let reason = peer.closed();
    assert!(matches!(reason, CloseReason::Misbehaviour(_)));
}

#[test]
fn message_beyond_the_limit_has_no_place_before_connected() {
    let limits = stomp_frame::Limits::client().body(3);
    let mut peer = Peer::connecting(quiet().limits(limits));
    peer.hear("MESSAGE\ndestination:/a\nmessage-id:1\ncontent-length:4\n\nlong\0");
    let unexpected = "closed: the server broke the protocol: unexpected MESSAGE frame";
    assert_eq!(peer.events(), [unexpected]);
}

#[test]
fn subscriptions_get_an_id_in_1_0_on_request() {
    for (config, id) in [(quiet(), None), (quiet().names_in_1_0(), Some("s1"))] {
        let mut peer = Peer::connecting(config);
        peer.hear("CONNECTED\n\n\0");
        let key = peer.subscribe(AckMode::Auto);
        let named = peer.session.wire_id(key).map(|id| id.as_str());
        assert_eq!(named, id);
    }
}

#[test]
fn tolerance_is_a_choice() {
    let tolerance = stomp_frame::Tolerance::lenient();
    for (config, events) in [(quiet(), 2), (quiet().tolerance(tolerance), 1)] {
        let mut peer = Peer::connecting(config);
        peer.hear("CONNECTED\nversion:1.2\n\n\0\0");
        assert_eq!(peer.events().len(), events);
    }
}

#[test]
fn closed_session_empties_the_buffer() {
    let mut peer = Peer::connected();
    let mut buffer = bytes::BytesMut::from("FOO\n\n\0and more");
    peer.session.handle_data(&mut buffer, peer.now);
    assert!(peer.session.is_closed());
    assert!(buffer.is_empty());
}

#[test]
fn unfinished_frame_stays_in_the_buffer() {
    let mut peer = Peer::connected();
    let mut buffer = bytes::BytesMut::from("\nRECEIPT\nrec");
    peer.session.handle_data(&mut buffer, peer.now);
    buffer.extend_from_slice(b"eipt-id:r\n\n\0");
    peer.session.handle_data(&mut buffer, peer.now);
    assert_eq!(peer.events(), ["unexpected receipt r"]);
    assert!(buffer.is_empty());
}

#[test]
fn session_and_its_parts_can_move_between_threads() {
    fn check<T: std::marker::Send + Sync + 'static>() {}
    check::<Session>();
    check::<Event>();
    check::<Config>();
    check::<CloseReason>();
    check::<UsageError>();
}

#[test]
fn what_is_sent_often_is_small() {
    assert!(size_of::<UsageError>() <= 64);
    assert!(size_of::<CloseReason>() <= 48);
}

#[test]
fn frames_of_the_vocabulary_and_of_the_session_are_the_same() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::Client);
    peer.hear(&message("s1", 1));
    let delivery = peer.delivery();
    let message: &Message = &delivery.message;
    let mut expect = bytes::BytesMut::new();
    for frame in [
        Send::to("/queue/a")
            .header("k", "v")
            .into_frame(Version::V1_2),
        Ack::of(message).into_frame(Version::V1_2),
        Unsubscribe::id("s1").into_frame(Version::V1_2),
    ] {
        encode(&frame.expect("good"), Version::V1_2, &mut expect).expect("good");
    }
    let (session, now) = (&mut peer.session, peer.now);
    session
        .send(Send::to("/queue/a").header("k", "v"), now)
        .expect("connected");
    let _ = session
        .ack(&delivery.token, With::nothing(), now)
        .expect("open");
    session
        .unsubscribe(key, With::nothing(), now)
        .expect("live");
    assert_eq!(peer.sent().as_bytes(), &expect[..]);
    assert!(Nack::of(message).into_frame(Version::V1_0).is_err());
}

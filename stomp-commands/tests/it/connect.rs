//! CONNECT, STOMP, CONNECTED, DISCONNECT: C01 to C18 of stompest's tests, in our words.

use stomp_commands::{
    Command, CommandError, Connect, Connected, Dialect, Disconnect, FrameError, HeartBeat, Version,
};
use stomp_frame::EncodeError;

use crate::{frame, headers, over_the_wire};
use Version::{V1_0, V1_1, V1_2};

/// What 1.0 says.
fn bare() -> Connect {
    Connect::new("ignored").versions([V1_0])
}

#[track_caller]
fn says(connect: Connect, expected: &[(&str, &str)]) {
    let frame = connect.into_frame().unwrap();
    assert_eq!(frame.command, Command::Connect);
    assert_eq!(headers(&frame), expected);
}

#[test]
fn an_offer_of_1_0_alone_has_no_host() {
    let offer = ("accept-version", "1.0");
    says(bare(), &[offer]); // C01, C06, but for the version, without which Spring does not answer
    says(bare().login("me"), &[offer, ("login", "me")]); // C02
    says(bare().passcode("secret"), &[offer, ("passcode", "secret")]); // C03
    let both = [offer, ("login", "me"), ("passcode", "secret")];
    says(bare().login("me").passcode("secret"), &both); // C04
    says(bare().heart_beat(HeartBeat::new(1, 2)), &[offer]);
}

#[test]
fn headers_of_ones_own_follow() {
    let connect = bare().login("me").header("4711", "0815");
    let expected = [("accept-version", "1.0"), ("login", "me"), ("4711", "0815")];
    says(connect, &expected); // C05
}

#[test]
fn an_empty_login_is_sent() {
    says(
        bare().login("").passcode(""),
        &[("accept-version", "1.0"), ("login", ""), ("passcode", "")],
    );
}

#[test]
fn later_versions_are_listed_in_increasing_order_with_the_host() {
    let offer = [("accept-version", "1.0,1.1"), ("host", "")];
    says(Connect::new("").versions([V1_1, V1_0, V1_1]), &offer); // C07
    let mut connect = Connect::new("");
    connect.versions = vec![V1_1, V1_0];
    says(connect, &offer);
    let offer = [("accept-version", "1.1"), ("host", "")];
    says(Connect::new("").versions([V1_1]), &offer); // C08
    let offer = [("accept-version", "1.0,1.1,1.2"), ("host", "earth")];
    says(Connect::new("earth"), &offer); // C09
}

#[test]
fn heart_beats_are_offered_unless_there_are_none() {
    let connect = Connect::new("earth").versions([V1_1]);
    let expected = [
        ("accept-version", "1.1"),
        ("host", "earth"),
        ("heart-beat", "1,2"),
    ];
    says(connect.clone().heart_beat(HeartBeat::new(1, 2)), &expected); // C10
    says(connect.heart_beat(HeartBeat::NONE), &expected[..2]);
}

#[test]
fn everything_at_once() {
    let connect = Connect::new("earth") // C11
        .versions([V1_0, V1_1])
        .login("me")
        .passcode("secret")
        .client_id("c1")
        .heart_beat(HeartBeat::new(1, 2))
        .header("4711", "0815");
    let expected = [
        ("accept-version", "1.0,1.1"),
        ("host", "earth"),
        ("login", "me"),
        ("passcode", "secret"),
        ("client-id", "c1"),
        ("heart-beat", "1,2"),
        ("4711", "0815"),
    ];
    says(connect, &expected);
}

#[test]
fn typed_headers_cannot_be_given_by_name() {
    // C12 is a matter of types here; C13, a heart-beat by name, is refused: it would be ignored or
    // would overrule what the session knows.
    for name in [
        "accept-version",
        "host",
        "login",
        "passcode",
        "heart-beat",
        "client-id",
        "receipt",
        "content-length",
    ] {
        let refused = Connect::new("/").header(name, "s3cret").into_frame();
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, CommandError::ReservedHeader { command: Command::Connect, header } if header == name),
            "{error:?}"
        );
        assert!(!error.to_string().contains("s3cret"));
    }
}

#[test]
fn stomp_says_the_same_as_connect() {
    let connect = Connect::new("earth").versions([V1_1]).login("me");
    let stomp = connect.clone().stomp().into_frame().unwrap(); // C14
    assert_eq!(stomp.command, Command::Stomp);
    assert_eq!(stomp.headers, connect.into_frame().unwrap().headers);
    assert_eq!(over_the_wire(&stomp, V1_1), stomp);
}

#[test]
fn stomp_did_not_exist_in_1_0() {
    let refused = bare().stomp().into_frame(); // C15
    let error = CommandError::NotInVersion {
        command: Command::Stomp,
        version: V1_0,
    };
    assert_eq!(refused, Err(error));
}

#[test]
fn an_offer_of_nothing_is_refused() {
    let refused = Connect::new("/").versions([]).into_frame();
    assert_eq!(refused, Err(CommandError::NoVersion));
}

#[test]
fn logins_may_be_any_text() {
    let connect = Connect::new("/").login("Jörg").passcode("пароль:中文");
    let frame = connect.into_frame().unwrap();
    for version in Version::ALL {
        let received = over_the_wire(&frame, version);
        assert_eq!(received.headers.get("login"), Some("Jörg"));
        assert_eq!(received.headers.get("passcode"), Some("пароль:中文"));
    }
}

#[test]
fn no_login_can_inject_a_header() {
    let frame = Connect::new("/")
        .login("me\nadmin:true")
        .into_frame()
        .unwrap();
    let refused = stomp_frame::encode(&frame, V1_2, &mut bytes::BytesMut::new());
    assert!(matches!(refused, Err(EncodeError::Unencodable { .. })));
}

#[test]
fn a_backslash_is_doubled_for_brokers_that_unescape_connect() {
    let cases = [
        (Dialect::Generic, r"a:b\c"),
        (Dialect::Artemis, r"a:b\c"),
        (Dialect::RabbitMq, r"a:b\\c"),
        (Dialect::ActiveMq, r"a:b\\c"),
    ];
    for (dialect, sent) in cases {
        let connect = Connect::new("/").passcode(r"a:b\c").dialect(dialect);
        let frame = connect.clone().into_frame().unwrap();
        assert_eq!(frame.headers.get("passcode"), Some(sent), "{dialect}");
        // The encoder escapes STOMP by itself.
        let frame = connect.stomp().into_frame().unwrap();
        assert_eq!(frame.headers.get("passcode"), Some(r"a:b\c"), "{dialect}");
    }
}

#[test]
fn line_ends_can_be_said_where_connect_is_unescaped() {
    let connect = Connect::new("/")
        .passcode("a\nb\r")
        .dialect(Dialect::RabbitMq);
    let frame = connect.into_frame().unwrap();
    assert_eq!(frame.headers.get("passcode"), Some(r"a\nb\r"));
    assert_eq!(over_the_wire(&frame, V1_2), frame);
}

#[test]
fn disconnect_may_ask_for_a_receipt() {
    for version in Version::ALL {
        let frame = Disconnect::new().into_frame(version).unwrap(); // C16
        assert_eq!(
            (frame.command, headers(&frame)),
            (Command::Disconnect, vec![])
        );
        let disconnect = Disconnect::new().receipt("4711").header("a", "b");
        let frame = disconnect.into_frame(version).unwrap(); // C17
        assert_eq!(headers(&frame), [("receipt", "4711"), ("a", "b")]);
    }
}

mod connected {
    use super::*;

    #[track_caller]
    fn reads(offered: &[Version], given: &[(&str, &str)]) -> Result<Connected, FrameError> {
        Connected::from_frame(frame(Command::Connected, given), offered)
    }

    #[test]
    fn without_a_version_it_is_1_0() {
        let connected = reads(&[V1_0], &[("session", "hi")]).unwrap(); // C18 a, c
        assert_eq!(connected.version, V1_0);
        assert_eq!(connected.session.as_deref(), Some("hi"));
        assert_eq!(connected.server, None);
        assert_eq!(connected.heart_beat, HeartBeat::NONE);
        assert_eq!(reads(&[V1_0], &[]).unwrap().session, None); // C18 b
        assert_eq!(reads(&[V1_0, V1_1], &[]).unwrap().version, V1_0); // C18 d
    }

    #[test]
    fn a_version_that_was_not_offered_is_refused() {
        let refused = Err(FrameError::VersionNotOffered);
        assert_eq!(reads(&[V1_1], &[]), refused); // C18 e
        assert_eq!(reads(&[V1_0], &[("version", "1.1")]), refused);
        assert_eq!(reads(&Version::ALL, &[("version", "1.3")]), refused);
    }

    #[test]
    fn another_frame_is_unexpected() {
        for offered in [&[V1_0], &[V1_1]] {
            let other = Connected::from_frame(frame(Command::Message, &[]), offered); // C18 f
            let command = Command::Message;
            assert_eq!(other, Err(FrameError::UnexpectedCommand { command }));
        }
    }

    #[test]
    fn an_offered_version_is_taken() {
        let given = [("version", "1.1"), ("server", "moon")];
        for offered in [&[V1_1][..], &[V1_0, V1_1]] {
            let connected = reads(offered, &given).unwrap(); // C18 g, h
            assert_eq!(connected.version, V1_1);
            assert_eq!(connected.server.as_deref(), Some("moon"));
            assert_eq!(connected.session, None);
            assert_eq!(connected.dialect(), Dialect::Generic);
            let known = [("version", "1.1"), ("server", "RabbitMQ/3.10.8")];
            assert_eq!(reads(offered, &known).unwrap().dialect(), Dialect::RabbitMq);
        }
    }

    #[test]
    fn heart_beats_begin_with_1_1() {
        let later = [("version", "1.1"), ("heart-beat", "1,2")];
        assert_eq!(
            reads(&[V1_1], &later).unwrap().heart_beat,
            HeartBeat::new(1, 2)
        ); // C18 i
        for ignored in ["1,2", "nonsense"] {
            let early = [("version", "1.0"), ("heart-beat", ignored)];
            assert_eq!(reads(&[V1_0], &early).unwrap().heart_beat, HeartBeat::NONE); // C18 j
        }
    }

    #[test]
    fn malformed_heart_beats_are_refused() {
        for bad in [
            "-1,0", "0,-1", "-1,-1", "2", ",", ",2", "2,", "None", " 1,2",
        ] {
            let given = [("version", "1.1"), ("heart-beat", bad)]; // C18 k
            assert_eq!(
                reads(&[V1_1], &given),
                Err(FrameError::BadHeartBeat),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_padding_of_1_0_is_taken_off() {
        let given = [("session", " hi "), ("extra", "\tx")];
        let connected = reads(&[V1_0], &given).unwrap();
        assert_eq!(connected.session.as_deref(), Some("hi "));
        assert_eq!(connected.headers.get("extra"), Some("x"));
        let later = [("version", "1.2"), ("session", " hi")];
        assert_eq!(
            reads(&[V1_2], &later).unwrap().session.as_deref(),
            Some(" hi")
        );
    }

    #[test]
    fn the_rest_is_kept() {
        let given = [("version", "1.2"), ("receipt-id", "c1"), ("version", "1.1")];
        let connected = reads(&[V1_2], &given).unwrap();
        assert_eq!(
            connected.headers.iter().collect::<Vec<_>>(),
            [("receipt-id", "c1")]
        );
    }

    #[test]
    fn servers_say_what_clients_read() {
        let connected = Connected::new(V1_2)
            .session("s")
            .server("stomp/1")
            .heart_beat(HeartBeat::new(10, 20))
            .header("a", "b");
        let frame = connected.clone().into_frame().unwrap();
        assert_eq!(reads(&[V1_2], &headers(&frame)), Ok(connected));
        let early = Connected::new(V1_0)
            .heart_beat(HeartBeat::new(1, 1))
            .into_frame()
            .unwrap();
        assert_eq!(headers(&early), [("version", "1.0")]);
    }
}

//! What frames, commands and errors look like in a log: enough to go by, and no secret.

use bytes::BytesMut;
use stomp_frame::{Command, Decoder, EncodeError, Frame, Limits, Side, Version, encode};

#[test]
fn frame_shows_its_command_its_destination_and_how_long_its_body_is() {
    let send = Frame::new(Command::Send).header("destination", "/queue/a");
    assert_eq!(send.to_string(), "SEND /queue/a");
    assert_eq!(send.body("hello").to_string(), "SEND /queue/a (5 bytes)");
    assert_eq!(
        Frame::new(Command::Error).body("x").to_string(),
        "ERROR (1 bytes)"
    );
}

#[test]
fn debug_shows_headers_but_neither_passcode_nor_body() {
    let connect = Frame::new(Command::Connect)
        .header("login", "me")
        .header("passcode", "s3cret")
        .body("t0p");
    let shown = format!("{connect:?}");
    for part in ["Connect", "login", "me", "passcode", "3 bytes"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(
        !shown.contains("s3cret") && !shown.contains("t0p"),
        "{shown}"
    );
}

#[test]
fn commands_and_versions_are_read_as_they_are_shown() {
    for command in Command::ALL {
        assert_eq!(command.to_string().parse(), Ok(command));
        assert_eq!(command.to_string(), command.as_str());
    }
    assert!("send".parse::<Command>().is_err());
    assert!("SEND ".parse::<Command>().is_err());
    for version in Version::ALL {
        assert_eq!(version.to_string().parse(), Ok(version));
        assert_eq!(version.to_string(), version.as_str());
    }
    assert!("1.3".parse::<Version>().is_err());
    assert_eq!(
        format!("{:<5}|{:>4}", Command::Ack, Version::V1_0),
        "ACK  | 1.0"
    );
}

#[test]
fn decode_error_names_the_rule_and_the_place_and_not_the_header() {
    let mut buffer = BytesMut::from("CONNECT\npasscode:s3\rcret\n\n\0");
    let mut decoder = Decoder::new(Side::Client, Limits::server());
    let error = decoder.decode(&mut buffer).expect_err("there is a bare CR");
    let shown = "carriage return without a line feed (at octet 19 of the stream)";
    assert_eq!(error.to_string(), shown);
    assert!(!format!("{error:?} {decoder:?}").contains("s3"));
}

#[test]
fn encode_error_names_the_header_and_not_its_value() {
    let connect = Frame::new(Command::Connect).header("passcode", "s3\ncret");
    let error = encode(&connect, Version::V1_2, &mut BytesMut::new()).unwrap_err();
    assert!(matches!(error, EncodeError::Unencodable { .. }));
    let shown = "header \"passcode\" holds a line feed, which CONNECT in STOMP 1.2 cannot carry";
    assert_eq!(error.to_string(), shown);
    assert!(!format!("{error:?}").contains("s3"));
}

//! Any frame, written and read: the same frame, or an error that has its reason. Nothing in a frame
//! ends a line, a header or a frame.
//!
//! An input is four choices and the frame: command, version, `1` to withhold `content-length`, `1`
//! to double backslashes in CONNECT; then names and values in turn, each with an octet 255 behind
//! it, and the body.

#![no_main]

#[path = "../../tests/support/reference.rs"]
mod reference;
#[path = "../../tests/support/mod.rs"]
mod support;

use bytes::{Buf, BytesMut};
use libfuzzer_sys::fuzz_target;
use reference::{Rules, refer};
use stomp_frame::{
    Command, ConnectEscapes, ContentLength, EncodeError, Encoder, Frame, Limits, OnUnreadable,
    Tolerance, Version,
};
use stomp_frame_fuzz::Choices;
use support::{Reading, read};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    let command = choices.one_of(Command::ALL);
    let version = choices.version();
    let content_length = choices.one_of([ContentLength::Auto, ContentLength::Withhold]);
    let connect_escapes = choices.one_of([ConnectEscapes::Never, ConnectEscapes::Backslash]);
    let frame = describe(command, choices.rest());

    let encoder = Encoder::new(command.side())
        .version(version)
        .content_length(content_length)
        .connect_escapes(connect_escapes);
    let mut wire = BytesMut::from("before");
    if let Err(error) = encoder.encode(&frame, &mut wire) {
        assert_eq!(wire, "before");
        assert!(has_reason(&error, &frame), "{error}");
        return;
    }
    wire.advance("before".len());
    let mut parts = encoder.encode_parts(&frame).expect("it was encoded above");
    assert_eq!(parts.copy_to_bytes(parts.remaining()), wire);

    let doubles = connect_escapes == ConnectEscapes::Backslash && command == Command::Connect;
    let expected = as_read(&frame, version, content_length, doubles);
    let expected = Reading {
        frames: vec![expected.clone(), expected],
        ..Reading::default()
    };
    let twice = wire.repeat(2);
    let limits = Limits::client().headers(usize::MAX);
    let mut decoder = stomp_frame::Decoder::new(command.side(), limits);
    decoder.set_version(version);
    assert_eq!(read(decoder, [&twice[..]]), expected);
    let rules = Rules {
        side: command.side(),
        version,
        settled: None,
        tolerance: Tolerance::strict(),
        body: limits.body,
        unreadable: OnUnreadable::Refuse,
    };
    assert_eq!(refer(rules, &twice), expected, "by the reference");
});

fn describe(command: Command, text: &[u8]) -> Frame {
    let mut fields: Vec<_> = text.split(|octet| *octet == 255).collect();
    let body = fields.pop().unwrap_or_default();
    let mut frame = Frame::new(command).body(body.to_vec());
    for header in fields.chunks(2) {
        let [name, value] = [0, 1].map(|n| header.get(n).copied().unwrap_or_default());
        let [name, value] = [name, value].map(String::from_utf8_lossy);
        frame.headers.append(name, value);
    }
    frame
}

/// The frame as a reader finds it on the wire.
fn as_read(frame: &Frame, version: Version, content_length: ContentLength, doubles: bool) -> Frame {
    let mut expected = Frame::new(frame.command).body(frame.body.clone());
    let withhold = content_length == ContentLength::Withhold;
    for (name, value) in &frame.headers {
        if withhold && name == "content-length" {
            continue;
        }
        let [name, value] = [name, value].map(|text| match doubles {
            true => text.replace('\\', "\\\\"),
            false => text.to_owned(),
        });
        expected.headers.append(name, value);
    }
    let is_known = expected.headers.contains("content-length");
    if !frame.body.is_empty() && !is_known && !withhold {
        let length = frame.body.len().to_string();
        expected.headers.append("content-length", length);
    }
    if version == Version::V1_0 {
        expected.headers.trim_padding();
    }
    expected
}

fn has_reason(error: &EncodeError, frame: &Frame) -> bool {
    let length = frame.headers.get("content-length");
    let holds = |name: &str, octets: &[char]| {
        let mut headers = frame.headers.iter();
        headers.any(|(n, value)| n == name && format!("{n}{value}").contains(octets))
    };
    match error {
        EncodeError::UnknownCommand { version, .. } => !frame.command.exists_in(*version),
        EncodeError::BodyNotAllowed { version, .. } => {
            !frame.body.is_empty() && !frame.command.may_have_body(*version)
        }
        EncodeError::EmptyHeaderName => frame.headers.iter().any(|(name, _)| name.is_empty()),
        EncodeError::NulInHeader { name } => holds(name, &['\0']),
        EncodeError::Unencodable { name, .. } => holds(name, &['\n', '\r', ':']),
        EncodeError::BadContentLength { length: octets } => {
            *octets == frame.body.len() && length != Some(&octets.to_string())
        }
        EncodeError::NulInBody => frame.body.contains(&0),
        _ => false,
    }
}

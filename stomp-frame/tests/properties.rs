//! What holds for any frame and any octets.

mod support;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use stomp_frame::{
    Command, Decoder, EncodeError, Frame, Limits, OnUnreadable, Side, Tolerance, Version, encode,
};
use support::{Reading, read};

fn any_version() -> impl Strategy<Value = Version> {
    select(&Version::ALL[..])
}

fn any_side() -> impl Strategy<Value = Side> {
    select(vec![Side::Client, Side::Server])
}

/// Mostly the characters that matter.
fn any_text() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "\n",
        "\r",
        ":",
        "\\",
        "\0",
        " ",
        "\t",
        "\\n",
        "\\c",
        "é",
        "content-length",
        "a",
    ]);
    prop_oneof![
        vec(odd, 0..6).prop_map(|parts| parts.concat()),
        "[a-z:]{0,12}",
        any::<String>(),
    ]
}

prop_compose! {
    fn any_frame()(
        command in select(&Command::ALL[..]),
        headers in vec((any_text(), any_text()), 0..20),
        body in prop_oneof![Just(Vec::new()), vec(any::<u8>(), 0..200)],
    ) -> Frame {
        let mut frame = Frame::new(command).body(body);
        frame.headers.extend(headers);
        frame
    }
}

/// Octets that are nearly frames.
fn any_wire() -> impl Strategy<Value = Vec<u8>> {
    let part = select(vec![
        &b"SEND\n"[..],
        b"MESSAGE\n",
        b"CONNECT\n",
        b"CONNECTED\r\n",
        b"ERROR\n",
        b"ACK\n",
        b"NACK\n",
        b"a:b\n",
        b"a:\\n\\c\\\\\n",
        b"content-length:3\n",
        b"content-length: 3\n",
        b"content-length:0\r\n",
        b"k\xc3\xa9:v\n",
        b"k:\xff\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b"abc",
        b":",
        b"\\",
        b"x:y:z\n",
        b"ack:7\n",
        b"content-length:30\n",
        b"a line that is longer than all that the limits let pass:\r",
    ]);
    vec(part, 0..14).prop_map(|parts| parts.concat())
}

fn decoder(side: Side, version: Version) -> Decoder {
    let limits = Limits::client()
        .header_line(40)
        .headers(6)
        .head(100)
        .body(20);
    let mut decoder = Decoder::new(side, limits);
    decoder.set_version(version);
    decoder
}

/// As a reader of `version` finds it on the wire.
fn as_read(frame: &Frame, version: Version) -> Frame {
    let mut expected = frame.clone();
    if version == Version::V1_0 {
        expected.headers.trim_padding();
    }
    if !frame.body.is_empty() && !frame.headers.contains("content-length") {
        expected
            .headers
            .append("content-length", frame.body.len().to_string());
    }
    expected
}

/// Headers and body.
type Parts = (Vec<(String, String)>, Vec<u8>);

/// Reads one frame by the letter of the specification, and knows nothing of this crate but the
/// escapes' table. Gives the headers and the body, or `None` if it is not exactly one frame.
fn reference(wire: &[u8], command: &str, escapes: &[(u8, char)]) -> Option<Parts> {
    let mut rest = wire.strip_prefix(command.as_bytes())?.strip_prefix(b"\n")?;
    let mut headers = Vec::new();
    let mut length = None;
    loop {
        let end = rest.iter().position(|&octet| octet == b'\n')?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|&octet| octet == b':')?;
        let name = undo(&line[..colon], escapes)?;
        let value = undo(&line[colon + 1..], escapes)?;
        if name == "content-length" && length.is_none() {
            length = Some(value.parse::<usize>().ok()?);
        }
        headers.push((name, value));
    }
    let length = length.or_else(|| rest.iter().position(|&octet| octet == 0))?;
    (rest.len() == length + 1 && rest[length] == 0).then(|| (headers, rest[..length].to_vec()))
}

fn undo(text: &[u8], escapes: &[(u8, char)]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' if !escapes.is_empty() => {
                let letter = characters.next()?;
                escapes.iter().find(|(l, _)| char::from(*l) == letter)?.1
            }
            character => character,
        });
    }
    Some(plain)
}

fn table(command: Command, version: Version) -> &'static [(u8, char)] {
    match (command, version) {
        (Command::Connect | Command::Connected, _) | (_, Version::V1_0) => &[],
        (_, Version::V1_1) => &[(b'n', '\n'), (b'c', ':'), (b'\\', '\\')],
        (_, Version::V1_2) => &[(b'n', '\n'), (b'c', ':'), (b'\\', '\\'), (b'r', '\r')],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_written_is_read_again(frame in any_frame(), version in any_version()) {
        let mut wire = BytesMut::new();
        if encode(&frame, version, &mut wire).is_ok() {
            let mut decoder = Decoder::new(frame.command.side(), Limits::client());
            decoder.set_version(version);
            let reading = read(decoder, [&wire[..]]);
            prop_assert_eq!(reading.error, None);
            prop_assert_eq!(reading.frames, [as_read(&frame, version)]);
            prop_assert_eq!(reading.rest, 0);
        } else {
            prop_assert!(wire.is_empty());
        }
    }

    #[test]
    fn what_is_read_is_written_and_read_again(
        wire in any_wire(), side in any_side(), version in any_version(),
    ) {
        for frame in read(decoder(side, version), [&wire[..]]).frames {
            let mut again = BytesMut::new();
            encode(&frame, version, &mut again).expect("what was read can be written");
            let reading = read(decoder(side, version), [&again[..]]);
            // There may be no room for the content-length that the wire did not have.
            if reading.error.is_none() {
                prop_assert_eq!(reading.frames, [as_read(&frame, version)]);
            }
        }
    }

    #[test]
    fn pieces_do_not_matter(
        wire in any_wire(), side in any_side(), version in any_version(), lenient: bool, skip: bool,
        sizes in vec(1usize..20, 1..6),
    ) {
        let tolerance = if lenient { Tolerance::lenient() } else { Tolerance::strict() };
        let unreadable = if skip { OnUnreadable::Skip } else { OnUnreadable::Refuse };
        let decoder = || decoder(side, version).tolerance(tolerance).unreadable(unreadable);
        let whole = read(decoder(), [&wire[..]]);
        let by_octet = read(decoder(), wire.chunks(1));
        prop_assert_eq!(&by_octet, &whole);
        let mut rest = &wire[..];
        let pieces = sizes.iter().cycle().map_while(|&size| {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        });
        let cut: Reading = read(decoder(), pieces);
        prop_assert_eq!(cut, whole);
    }

    #[test]
    fn no_text_ends_a_line_or_a_frame(frame in any_frame(), version in any_version()) {
        let mut wire = BytesMut::new();
        match encode(&frame, version, &mut wire) {
            Ok(()) => {
                let command = frame.command.as_str();
                let read = reference(&wire, command, table(frame.command, version));
                let (mut headers, body) = read.expect("exactly one frame");
                if headers.len() > frame.headers.len() {
                    let length = (String::from("content-length"), body.len().to_string());
                    prop_assert_eq!(headers.pop(), Some(length));
                }
                let expected: Vec<_> = frame.headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                prop_assert_eq!(headers, expected);
                prop_assert_eq!(Bytes::from(body), frame.body);
            }
            Err(EncodeError::Unencodable { name, .. } | EncodeError::NulInHeader { name }) => {
                prop_assert!(frame.headers.contains(&name));
            }
            Err(_) => {}
        }
    }
}

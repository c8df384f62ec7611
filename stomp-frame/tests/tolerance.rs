//! What a decoder takes beyond the specification, and that it takes it only when told to.

#[path = "support/reference.rs"]
mod reference;
mod support;

use reference::{Rules, refer};
use stomp_frame::DecodeErrorKind::{
    BareCr, BodyNotAllowed, InvalidUtf8, MalformedHeader, NulInHeader, UndefinedEscape,
    UnknownCommand,
};
use stomp_frame::{DecodeErrorKind, Decoder, Limits, OnUnreadable, Side, Tolerance, Version};
use support::{Reading, read};

fn decoder(version: Version, tolerance: Tolerance) -> Decoder {
    let mut decoder = Decoder::new(Side::Client, Limits::server()).tolerance(tolerance);
    decoder.set_version(version);
    decoder
}

/// Reads the stream leniently, in pieces of every size, and checks that strict rules refuse it.
#[track_caller]
fn odd(version: Version, wire: &[u8], strict: DecodeErrorKind) -> Reading {
    let refused = read(decoder(version, Tolerance::strict()), [wire]).error;
    assert_eq!(refused.expect("strict rules refuse it").kind, strict);
    let lenient = || decoder(version, Tolerance::lenient());
    let whole = read(lenient(), [wire]);
    for size in 1..wire.len() {
        assert_eq!(
            read(lenient(), wire.chunks(size)),
            whole,
            "pieces of {size}"
        );
    }
    whole
}

#[track_caller]
fn reads_one(reading: &Reading, headers: &[(&str, &str)]) {
    assert_eq!(reading.error, None);
    assert_eq!(reading.frames.len(), 1);
    assert_eq!(
        reading.frames[0].headers.iter().collect::<Vec<_>>(),
        headers
    );
    assert!(reading.frames[0].body.is_empty());
    assert_eq!(reading.rest, 0);
}

#[test]
fn cr_lf_ends_lines_in_every_version() {
    for version in [Version::V1_0, Version::V1_1] {
        let reading = odd(version, b"SEND\r\na:b\rc\r\n\r\n\0\r\n\r\n", UnknownCommand);
        reads_one(&reading, &[("a", "b\rc")]);
        assert_eq!(reading.heart_beats, 2);
    }
    let reading = odd(Version::V1_2, b"SEND\na:b\rc\n\n\0", BareCr);
    assert_eq!(
        reading.error.unwrap().kind,
        BareCr,
        "there it has no meaning"
    );
}

#[test]
fn nul_between_frames_is_passed_over() {
    let wire = b"\0\n\0\0SEND\na:b\n\n\0\0\n\0";
    let reading = odd(Version::V1_2, wire, NulInHeader);
    reads_one(&reading, &[("a", "b")]);
    assert_eq!(reading.heart_beats, 2);
}

#[test]
fn nul_is_an_octet_of_a_header() {
    let reading = odd(Version::V1_1, b"SEND\na\0:b\0\\c\n\n\0", NulInHeader);
    reads_one(&reading, &[("a\0", "b\0:")]);
}

#[test]
fn what_is_not_utf8_is_replaced() {
    let wire = b"SEND\nfirst:\xc3\xa9\na\xff:\xfe\\c:\xc3\nlast:\\n\n\n\0";
    let reading = odd(Version::V1_2, wire, InvalidUtf8);
    reads_one(
        &reading,
        &[
            ("first", "é"),
            ("a\u{fffd}", "\u{fffd}::\u{fffd}"),
            ("last", "\n"),
        ],
    );
    let wire = b"SEND\n\xff\n\n\0";
    let reading = odd(Version::V1_2, wire, InvalidUtf8);
    reads_one(&reading, &[("\u{fffd}", "")]);
}

#[test]
fn a_header_without_a_colon_has_no_value() {
    let wire = b"SEND\njust a word\nand\\c\nk:v\n\n\0";
    let reading = odd(Version::V1_1, wire, MalformedHeader);
    reads_one(&reading, &[("just a word", ""), ("and:", ""), ("k", "v")]);
}

#[test]
fn a_header_without_a_name_has_a_value() {
    let reading = odd(Version::V1_2, b"SEND\n:v\n::\nk:v\n\n\0", MalformedHeader);
    reads_one(&reading, &[("", "v"), ("", ":"), ("k", "v")]);
}

#[test]
fn a_backslash_that_begins_no_escape_is_a_backslash() {
    let wire = b"SEND\nk:a\\tb\\\\\\c\nl\\:\\\n\n\0";
    let reading = odd(Version::V1_2, wire, UndefinedEscape);
    reads_one(&reading, &[("k", "a\\tb\\:"), ("l\\", "\\")]);
}

#[test]
fn an_escaped_carriage_return_of_1_2_is_one_in_1_1() {
    let wire = b"SEND\nk:a\\rb\n\n\0";
    let reading = odd(Version::V1_1, wire, UndefinedEscape);
    reads_one(&reading, &[("k", "a\rb")]);
    let mut tolerance = Tolerance::strict();
    tolerance.carriage_return_escape = true;
    let read_with = |version, wire| read(decoder(version, tolerance), [wire]);
    reads_one(&read_with(Version::V1_1, wire), &[("k", "a\rb")]);
    reads_one(&read_with(Version::V1_0, wire), &[("k", "a\\rb")]);
    reads_one(
        &read_with(Version::V1_1, b"CONNECT\nk:a\\rb\n\n\0"),
        &[("k", "a\\rb")],
    );
    let odd = read_with(Version::V1_1, b"SEND\nk:a\\tb\n\n\0");
    assert_eq!(odd.error.map(|error| error.kind), Some(UndefinedEscape));
}

/// Reads the stream with these rules, in pieces of every size and by the reference.
#[track_caller]
fn tolerated(tolerance: Tolerance, wire: &[u8]) -> Reading {
    let version = Version::V1_2;
    let rules = Rules {
        side: Side::Client,
        version,
        settled: None,
        tolerance,
        body: Limits::server().body,
        unreadable: OnUnreadable::Refuse,
    };
    let expected = refer(rules, wire);
    for size in 1..=wire.len() {
        let reading = read(decoder(version, tolerance), wire.chunks(size));
        assert_eq!(reading, expected, "pieces of {size}");
    }
    expected
}

#[test]
fn a_body_where_none_may_be_is_dropped() {
    let mut tolerance = Tolerance::strict();
    tolerance.spare_bodies = true;
    for wire in [
        &b"SUBSCRIBE\nk:v\n\nab\0"[..],
        b"SUBSCRIBE\nk:v\n\n\0",
        b"SUBSCRIBE\nk:v\ncontent-length:3\n\na\0b\0",
    ] {
        let reading = tolerated(tolerance, wire);
        assert_eq!((reading.error, reading.rest), (None, 0));
        assert_eq!(reading.frames.len(), 1);
        assert!(reading.frames[0].body.is_empty());
    }
    let reading = tolerated(tolerance, b"SEND\n\nab\0");
    assert_eq!(reading.frames[0].body, "ab");
}

#[test]
fn a_body_ends_where_content_length_says() {
    let mut tolerance = Tolerance::strict();
    tolerance.short_content_length = true;
    let reading = tolerated(tolerance, b"SEND\ncontent-length:2\n\nabSEND\n\ncd\0");
    let bodies: Vec<_> = reading.frames.iter().map(|frame| &frame.body[..]).collect();
    assert_eq!(bodies, [b"ab", b"cd"]);
    let reading = tolerated(tolerance, b"SEND\ncontent-length:2\n\nabcd\0");
    assert_eq!(reading.error.unwrap().kind, NulInHeader);
}

#[test]
fn a_spare_line_end_is_no_body() {
    for spare in ["\n", "\r\n"] {
        let wire = format!("CONNECT\nhost:h\n\n{spare}\0");
        let reading = odd(Version::V1_2, wire.as_bytes(), BodyNotAllowed);
        reads_one(&reading, &[("host", "h")]);
    }
    for more in ["\n\n", "\r", "\r\r", "x"] {
        let wire = format!("CONNECT\nhost:h\n\n{more}\0");
        let reading = odd(Version::V1_2, wire.as_bytes(), BodyNotAllowed);
        assert_eq!(reading.error.unwrap().kind, BodyNotAllowed, "{more:?}");
    }
    let limits = Limits::server_before_connect();
    let decoder = Decoder::new(Side::Client, limits).tolerance(Tolerance::lenient());
    reads_one(&read(decoder, [&b"CONNECT\n\n\n\0"[..]]), &[]);
}

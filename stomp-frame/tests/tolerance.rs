//! What a decoder takes beyond the specification, and that it takes it only when told to.

mod support;

use stomp_frame::DecodeErrorKind::{
    BareCr, BodyNotAllowed, InvalidUtf8, MalformedHeader, NulInHeader, UnknownCommand,
};
use stomp_frame::{DecodeErrorKind, Decoder, Limits, Side, Tolerance, Version};
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
    assert_eq!(reading.error.unwrap().kind, MalformedHeader);
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

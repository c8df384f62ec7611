//! Every short string over the octets that matter: no panic, no loop, the same whole as octet by
//! octet, and the same as the slow and obvious reader has it.

#[path = "support/reference.rs"]
mod reference;
mod support;

use reference::{Rules, refer};
use stomp_frame::{Decoder, Limits, OnUnreadable, Side, Tolerance, Version};
use support::read_settling;

/// `C` stands for all octets without a meaning; `n` and `c` have one behind a backslash.
const OCTETS: [u8; 8] = *b"C:\\nc\r\n\0";

/// Calls `check` with every string of this length behind `prefix`, and the sum of its digits.
fn for_all(length: u32, prefix: &[u8], check: impl Fn(&[u8], usize)) {
    let mut wire = prefix.to_vec();
    for number in 0..OCTETS.len().pow(length) {
        let digits = (0..length).map(|place| number >> (3 * place) & 7);
        wire.truncate(prefix.len());
        wire.extend(digits.clone().map(|digit| OCTETS[digit]));
        check(&wire, digits.sum());
    }
}

/// Each version, strict and lenient, is a turn.
const TURNS: usize = 6;

fn check(wire: &[u8], turn: usize) {
    let tolerance = match turn % 2 {
        0 => Tolerance::strict(),
        _ => Tolerance::lenient(),
    };
    let rules = Rules {
        side: Side::Client,
        version: Version::ALL[turn % 3],
        settled: None,
        tolerance,
        body: 1,
        unreadable: OnUnreadable::Refuse,
    };
    check_by(rules, wire);
    let is_skipped = [&b"MESSAGE"[..], b"content-length:2"];
    if is_skipped
        .iter()
        .any(|part| wire.windows(part.len()).any(|octets| octets == *part))
    {
        let (side, unreadable) = match wire.starts_with(b"MESSAGE") {
            true => (Side::Server, OnUnreadable::Skip),
            false => (rules.side, OnUnreadable::Skip),
        };
        let rules = Rules {
            side,
            unreadable,
            ..rules
        };
        check_by(rules, wire);
    }
}

fn check_by(rules: Rules, wire: &[u8]) {
    let decoder = || {
        let decoder = Decoder::new(rules.side, Limits::server().body(rules.body));
        let decoder = decoder.tolerance(rules.tolerance);
        let mut decoder = decoder.unreadable(rules.unreadable);
        decoder.set_version(rules.version);
        decoder
    };
    let expected = refer(rules, wire);
    for size in [wire.len().max(1), 1] {
        let reading = read_settling(decoder(), rules.settled, wire.chunks(size));
        assert_eq!(reading, expected, "{rules:?} {}", wire.escape_ascii());
    }
}

fn check_by_all_rules(wire: &[u8], _: usize) {
    (0..TURNS).for_each(|turn| check(wire, turn));
}

#[test]
fn all_strings_up_to_five_octets_by_all_rules() {
    (0..=5).for_each(|length| for_all(length, b"", check_by_all_rules));
}

#[test]
fn all_strings_up_to_five_octets_in_a_header_by_all_rules() {
    (0..=5).for_each(|length| for_all(length, b"SEND\n", check_by_all_rules));
}

#[test]
fn all_strings_up_to_five_octets_in_a_header_that_may_be_skipped() {
    (0..=5).for_each(|length| for_all(length, b"MESSAGE\n", check_by_all_rules));
}

#[test]
fn all_strings_of_six_octets() {
    for_all(6, b"", check);
}

#[test]
#[ignore = "two million strings take a quarter of a minute"]
fn all_strings_of_seven_octets() {
    for_all(7, b"", check);
}

/// Commands: with a body and without one, escaped and not, of the other version and of the other
/// side.
const COMMANDS: [&[u8]; 6] = [
    b"SEND\n",
    b"ACK\n",
    b"CONNECT\r\n",
    b"NACK\n",
    b"ERROR\n",
    b"MESSAGE\n",
];

const LINES: [&[u8]; 9] = [
    b"k:v\n",
    b"k: \t\\n\\c v\r\n",
    b"k\xc3\xa9:\xff\n",
    b"content-length:0\n",
    b"content-length:1\r\n",
    b"content-length: 02\n",
    b"content-length:2\n",
    b"content-length:-1\n",
    b":v\n",
];

/// The blank line, and what may stand behind it.
const BODIES: [&[u8]; 8] = [
    b"\n",
    b"\r\n",
    b"\nx",
    b"\n\n",
    b"\n\r",
    b"\r\n\r\n",
    b"\nx\0",
    b"\nxy",
];

const ENDS: [&[u8]; 4] = [b"", b"z", b"\0", b"\0\r\n\0SEND\n\nx\0"];

#[test]
fn all_small_frames_by_all_rules() {
    let lines = || [&b""[..]].into_iter().chain(LINES);
    for command in COMMANDS {
        for (first, second) in lines().flat_map(|first| lines().map(move |line| (first, line))) {
            for (body, end) in BODIES.iter().flat_map(|b| ENDS.iter().map(move |e| (b, e))) {
                let wire = [command, first, second, body, end].concat();
                check_by_all_rules(&wire, 0);
            }
        }
    }
}

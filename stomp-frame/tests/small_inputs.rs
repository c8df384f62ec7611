//! Every short string over the octets that matter: no panic, no loop, the same whole as octet by
//! octet, and the same as the slow and obvious reader has it.

#[path = "support/reference.rs"]
mod reference;
mod support;

use reference::{Rules, refer};
use stomp_frame::{Decoder, Limits, Side, Tolerance, Version};
use support::read;

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
    let rules = Rules {
        side: Side::Client,
        version: Version::ALL[turn % 3],
        settled: None,
        tolerance: match turn % 2 {
            0 => Tolerance::strict(),
            _ => Tolerance::lenient(),
        },
        body: Limits::server().body,
        skip: false,
    };
    let decoder = || {
        let decoder = Decoder::new(rules.side, Limits::server());
        let mut decoder = decoder.tolerance(rules.tolerance);
        decoder.set_version(rules.version);
        decoder
    };
    let expected = refer(rules, wire);
    for size in [wire.len().max(1), 1] {
        let reading = read(decoder(), wire.chunks(size));
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
fn all_strings_of_six_octets() {
    for_all(6, b"", check);
}

#[test]
#[ignore = "two million strings take a quarter of a minute"]
fn all_strings_of_seven_octets() {
    for_all(7, b"", check);
}

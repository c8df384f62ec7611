//! Any octets, cut anywhere: the same items as in one piece, and as by the slow and obvious reader;
//! no panic; memory that follows what arrived; and a failed decoder stays failed.
//!
//! An input is eight choices and the stream: side, version, `1` to settle that version by the first
//! frame only, tolerance, limits (the usual, small, none for bodies), `1` to skip what cannot be read, the
//! length of the first piece, and of all others.

#![no_main]

#[path = "../../tests/support/reference.rs"]
mod reference;
#[path = "../../tests/support/mod.rs"]
mod support;

use allocation_counter::measure;
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use reference::{Rules, refer};
use stomp_frame::{Decoder, Limits, OnUnreadable, Version};
use stomp_frame_fuzz::Choices;
use support::read_settling;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    let side = choices.side();
    let (version, settled) = match (choices.version(), choices.yes()) {
        (version, false) => (version, None),
        (version, true) => (Version::V1_2, Some(version)),
    };
    let tolerance = choices.tolerance();
    let (limits, is_limited) = match choices.below(3) {
        0 => (Limits::client().headers(usize::MAX), false),
        1 => (
            Limits::client().headers(3).header_line(32).head(80).body(9),
            true,
        ),
        _ => (Limits::client().headers(usize::MAX).body(u64::MAX), false),
    };
    let unreadable = choices.one_of([OnUnreadable::Refuse, OnUnreadable::Skip]);
    let first = choices.below(256);
    let size = choices.below(256) + 1;
    let wire = choices.rest();

    let decoder = || {
        let decoder = Decoder::new(side, limits);
        let mut decoder = decoder.tolerance(tolerance).unreadable(unreadable);
        decoder.set_version(version);
        decoder
    };
    let (head, tail) = wire.split_at(first.min(wire.len()));
    let pieces = || [head].into_iter().chain(tail.chunks(size));

    let whole = read_settling(decoder(), settled, [wire]);
    assert_eq!(
        read_settling(decoder(), settled, pieces()),
        whole,
        "in pieces"
    );
    assert_eq!(
        read_settling(decoder(), settled, wire.chunks(1)),
        whole,
        "by octet"
    );
    if !is_limited {
        let rules = Rules {
            side,
            version,
            settled,
            tolerance,
            body: limits.body.min(isize::MAX as u64), // no buffer holds more
            unreadable,
        };
        assert_eq!(refer(rules, wire), whole, "by the reference");
    }
    let mut decoder = decoder();
    decoder.set_limits(limits.headers(limits.headers.min(256)));
    memory_follows_what_arrived(decoder, pieces());
});

/// The buffer is at most twice as large as what arrived, or 64 KiB ahead of a body; and the places
/// of 256 headers want noting.
fn memory_follows_what_arrived<'a>(mut decoder: Decoder, pieces: impl Iterator<Item = &'a [u8]>) {
    const NOTES: i64 = 8 << 10;
    let mut buffer = BytesMut::new();
    let (mut received, mut live) = (0, 0);
    for piece in pieces {
        received += piece.len() as i64;
        let step = measure(|| {
            buffer.extend_from_slice(piece);
            while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
        });
        let most = live + step.bytes_max as i64;
        assert!(
            most <= 2 * received + (64 << 10) + NOTES,
            "{most} for {received}"
        );
        live += step.bytes_current;
    }
}

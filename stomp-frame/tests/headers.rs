//! Headers as an application meets them.

use allocation_counter::measure;
use bytes::{Buf, BytesMut};
use stomp_frame::{Command, Encoder, Frame, Headers, Side, Version, encode};

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().copied().collect()
}

#[test]
fn headers_are_equal_if_names_values_and_order_are() {
    let some = headers(&[("a", "1"), ("b", "2"), ("a", "3")]);
    let mut same = headers(&[("a", "1"), ("b", "2"), ("c", ""), ("a", "3")]);
    same.remove("c");
    assert_eq!(some, same);
    for other in [
        &[("a", "1"), ("b", "2"), ("a", "4")][..],
        &[("a", "1"), ("b", "2"), ("c", "3")],
        &[("a", "1"), ("a", "3"), ("b", "2")],
        &[("a", "1"), ("b", "2")],
        &[("a", "1"), ("b", "2"), ("a", "3"), ("d", "4")],
        &[],
    ] {
        assert_ne!(some, headers(other));
    }
}

#[test]
fn iterator_knows_how_many_are_left() {
    let some = headers(&[("a", "1"), ("b", "2"), ("a", "3")]);
    let mut iter = some.iter();
    for left in [3, 2, 1, 0] {
        assert_eq!(iter.len(), left);
        assert_eq!(iter.next().is_some(), left > 0);
    }
}

#[test]
fn few_or_long_headers_are_built_with_one_allocation() {
    let pairs = [
        ("destination", "/queue/orders"),
        ("content-type", "text/plain"),
        ("receipt", "r1"),
        ("x", "y"),
    ];
    let mut built = Headers::new();
    let allocated = measure(|| built.extend(pairs));
    assert_eq!(allocated.count_total, 1, "{allocated:?}");
    let long = "v".repeat(1_000);
    let allocated = measure(|| built = headers(&[("k", &long)]));
    assert_eq!(allocated.count_total, 1, "{allocated:?}");
}

#[test]
fn a_frame_is_written_with_one_allocation_of_about_its_size() {
    for count in [1, 6, 90] {
        let mut frame = Frame::new(Command::Send).body(vec![0; 1_000]);
        frame
            .headers
            .extend((0..count).map(|number| (number.to_string(), "value")));
        let mut wire = BytesMut::new();
        let allocated = measure(|| encode(&frame, Version::V1_2, &mut wire).expect("it is good"));
        assert_eq!(allocated.count_total, 1, "{allocated:?}");
        assert!(wire.capacity() < wire.len() + 200, "{}", wire.capacity());
    }
}

#[test]
fn parts_can_be_written_a_few_octets_at_a_time() {
    let frame = Frame::new(Command::Send).header("k", "v").body("hello");
    let encoder = Encoder::new(Side::Client);
    let mut wire = BytesMut::new();
    encoder.encode(&frame, &mut wire).expect("it is good");
    for size in 1..wire.len() {
        let mut parts = encoder.encode_parts(&frame).expect("it is good");
        let mut written = Vec::new();
        while parts.has_remaining() {
            let octets = parts.chunk().len().min(size);
            written.extend_from_slice(&parts.chunk()[..octets]);
            parts.advance(octets);
        }
        assert_eq!(written, wire, "{size}");
    }
}

//! Limits hold to the octet, while octets arrive, and memory follows what arrived.

mod support;

use allocation_counter::measure;
use bytes::BytesMut;
use stomp_frame::DecodeErrorKind::{
    BadContentLength, BodyTooLong, HeadTooLong, HeaderLineTooLong, MissingNulAfterBody,
    TooManyHeaders,
};
use stomp_frame::{
    Command, DecodeErrorKind, Decoder, Frame, Headers, Item, Limits, OnUnreadable, Side, Version,
    encode,
};
use support::{Fault, Reading, read};

fn decoder(limits: Limits) -> Decoder {
    Decoder::new(Side::Server, limits)
}

/// Checks that the fault comes with the last octet of `wire`, and not before it.
#[track_caller]
fn fails_at_the_last_octet(limits: Limits, wire: &str, kind: DecodeErrorKind, position: u64) {
    let whole = read(decoder(limits), [wire.as_bytes()]);
    let error = whole.error.expect("should fail");
    assert_eq!(
        (error.kind, error.position),
        (kind, position),
        "{wire:.60?}"
    );
    let by_octet = read(decoder(limits), wire.as_bytes().chunks(1));
    assert_eq!(by_octet.error, Some(error), "octet by octet");
    let shorter = read(decoder(limits), wire.as_bytes()[..wire.len() - 1].chunks(1));
    assert_eq!(shorter.error, None, "an octet less");
}

#[track_caller]
fn reads(limits: Limits, wire: &str) -> Reading {
    let whole = read(decoder(limits), [wire.as_bytes()]);
    assert_eq!(whole.error, None, "{wire:.60?}");
    assert_eq!(whole.rest, 0);
    assert_eq!(read(decoder(limits), wire.as_bytes().chunks(1)), whole);
    whole
}

#[test]
fn a_line_of_the_limit_is_read_and_one_octet_more_is_not() {
    let limits = Limits::client().header_line(80);
    let line = |octets: usize| format!("MESSAGE\nk:{}", "v".repeat(octets - 2));
    reads(limits, &format!("{}\n\n\0", line(80)));
    reads(limits, &format!("{}\r\n\n\0", line(80)));
    fails_at_the_last_octet(limits, &line(81), HeaderLineTooLong, 8);
    fails_at_the_last_octet(limits, &"M".repeat(81), HeaderLineTooLong, 0);
}

#[test]
fn a_cr_counts_where_it_is_an_octet_of_the_value() {
    let limits = Limits::client().header_line(10);
    for (last, passes) in [("\r", true), ("v", true), ("", false)] {
        let mut decoder = decoder(limits);
        decoder.set_version(Version::V1_1);
        let wire = format!("MESSAGE\nk:{}{last}", "v".repeat(8));
        let error = read(decoder, [wire.as_bytes()]).error;
        assert_eq!(error.is_some(), passes, "{last:?}");
    }
}

#[test]
fn the_head_counts_all_lines_with_their_ends() {
    let wire = "MESSAGE\na:1\nb:2\n\n\0";
    reads(Limits::client().head(16), wire);
    fails_at_the_last_octet(Limits::client().head(15), &wire[..16], HeadTooLong, 16);
    fails_at_the_last_octet(Limits::client().head(14), &wire[..15], HeadTooLong, 12);
    let many = "k:v\n".repeat(1000);
    fails_at_the_last_octet(
        Limits::client().head(300).headers(usize::MAX),
        &format!("MESSAGE\n{many}")[..301],
        HeadTooLong,
        300,
    );
}

#[test]
fn the_limit_that_is_passed_first_is_named() {
    let limits = Limits::client().header_line(100).head(50);
    let wire = format!("MESSAGE\nk:{}", "v".repeat(500));
    fails_at_the_last_octet(limits, &wire[..51], HeadTooLong, 8);
    let whole = read(decoder(limits), [wire.as_bytes()]);
    assert_eq!(whole.error.unwrap().kind, HeadTooLong);

    let wire = "MESSAGE\na:1\nb:2\nc:3\n\n\0";
    let limits = Limits::client().headers(2);
    for (head, octets, kind) in [(15, 16, HeadTooLong), (16, 17, TooManyHeaders)] {
        let limits = limits.head(head);
        fails_at_the_last_octet(limits, &wire[..octets], kind, 16);
        let whole = read(decoder(limits), [wire.as_bytes()]);
        assert_eq!(whole.error.unwrap().kind, kind);
    }
}

#[test]
fn every_header_line_counts_repeats_too() {
    let limits = Limits::client().headers(3);
    reads(
        limits,
        "MESSAGE\nk:v\nk:v\nk:v\n\n\0MESSAGE\nk:v\nk:v\nk:v\n\n\0",
    );
    fails_at_the_last_octet(limits, "MESSAGE\nk:v\nk:v\nk:v\nk", TooManyHeaders, 20);
    fails_at_the_last_octet(Limits::client().headers(0), "MESSAGE\nk", TooManyHeaders, 8);
}

#[test]
fn headers_have_their_places_in_a_head_of_any_size() {
    let limits = Limits::client().head(1 << 20).header_line(1 << 20);
    for long in [0, 5, 11, 12, 30] {
        // "MESSAGE", eight octets for each header in front, and "long:" make up to 64 KiB.
        for octets in (65_536 - 13 - 8 * long - 2)..(65_536 - 13 - 8 * long + 10) {
            let mut expected = Headers::new();
            for number in 0..40 {
                let value = "v".repeat(octets);
                match number == long {
                    true => expected.append("long", value),
                    false => expected.append(format!("k{number:02}"), "v\\w"),
                }
            }
            let lines: String = expected.iter().map(|(n, v)| format!("{n}:{v}\n")).collect();
            for (version, lines) in [
                (Version::V1_0, lines.clone()),
                (Version::V1_2, lines.replace('\\', "\\\\")),
            ] {
                let mut decoder = decoder(limits);
                decoder.set_version(version);
                let reading = read(decoder, [format!("MESSAGE\n{lines}\n\0").as_bytes()]);
                assert_eq!(reading.error, None);
                assert_eq!(reading.frames[0].headers, expected, "{long}, {octets}");
            }
        }
    }
}

#[test]
fn limits_can_be_replaced_between_two_frames() {
    let connect = b"CONNECT\n\n\0";
    let send = b"SEND\n\nhello\0";
    for (limits, reads) in [
        (Limits::server_before_connect(), false),
        (Limits::server(), true),
        (Limits::server().body(4), false),
        (Limits::server().body(5), true),
    ] {
        let mut decoder = Decoder::new(Side::Client, Limits::server_before_connect());
        let mut buffer = BytesMut::from(&[&connect[..], send].concat()[..]);
        assert!(matches!(decoder.decode(&mut buffer), Ok(Some(_))));
        decoder.set_limits(limits);
        assert_eq!(decoder.decode(&mut buffer).is_ok(), reads, "{limits:?}");
    }
}

#[test]
fn a_body_of_the_limit_is_read_and_one_octet_more_is_not() {
    let limits = Limits::client().body(5);
    reads(limits, "MESSAGE\n\n12345\0");
    reads(limits, "MESSAGE\ncontent-length:5\n\n12345\0");
    fails_at_the_last_octet(limits, "MESSAGE\n\n123456", BodyTooLong, 9);
    fails_at_the_last_octet(limits, "MESSAGE\ncontent-length:6\n\n", BodyTooLong, 8);
    fails_at_the_last_octet(Limits::client().body(0), "MESSAGE\n\n1", BodyTooLong, 9);
}

#[test]
fn streams_without_end_fail_at_once() {
    for (start, kind, octets) in [
        ("", HeaderLineTooLong, (16 << 10) + 1),
        ("MESSAGE\n\n", BodyTooLong, 9 + (16 << 20) + 1),
    ] {
        let mut decoder = decoder(Limits::client());
        let mut buffer = BytesMut::from(start);
        let mut received = start.len();
        let error = loop {
            let _ = match decoder.decode(&mut buffer) {
                Ok(item) => item,
                Err(error) => break error,
            };
            buffer.extend_from_slice(&[b'x'; 1 << 10]);
            received += 1 << 10;
            assert!(received < octets + (2 << 10), "{kind:?}");
        };
        assert_eq!(error.kind, kind);
        assert!(received >= octets, "{kind:?}");
    }
}

#[test]
fn lengths_that_are_none_are_refused() {
    for bad in [
        "",
        "-1",
        "+1",
        " 1",
        "1 ",
        "0x1",
        "1e3",
        "1_0",
        "1,0",
        "abc",
        "1\\n",
        "١",
        "18446744073709551616",
        "99999999999999999999999",
    ] {
        let wire = format!("MESSAGE\ncontent-length:{bad}\n\n1\0");
        let reading = read(decoder(Limits::client()), [wire.as_bytes()]);
        assert_eq!(reading.error.unwrap().kind, BadContentLength, "{bad}");
        assert_eq!(
            read(decoder(Limits::client()), wire.as_bytes().chunks(1)),
            reading
        );
    }
}

#[test]
fn a_length_alone_allocates_next_to_nothing() {
    for length in ["16777216", "9999999"] {
        let wire = format!("MESSAGE\ncontent-length:{length}\n\n");
        let allocated = measure(|| {
            let mut buffer = BytesMut::from(&*wire);
            assert_eq!(decoder(Limits::client()).decode(&mut buffer), Ok(None));
        });
        assert!(allocated.bytes_max <= (64 << 10) + 1024, "{allocated:?}");
    }
}

#[test]
fn room_is_made_for_the_next_read_of_a_body() {
    for (octets, arrived, room) in [
        (10_000, 0, 10_001..10_100),
        (10_000, 5_000, 5_001..6_000),
        (1_000_000, 0, 64 << 10..65 << 10),
        (100, 0, 101..1_000),
    ] {
        let wire = format!(
            "MESSAGE\ncontent-length:{octets}\n\n{}",
            "x".repeat(arrived)
        );
        let mut buffer = BytesMut::from(&*wire);
        assert_eq!(decoder(Limits::client()).decode(&mut buffer), Ok(None));
        let made = buffer.capacity() - buffer.len();
        assert!(room.contains(&made), "{made} for {octets} after {arrived}");
    }
    let mut buffer = BytesMut::with_capacity(8 << 10);
    buffer.extend_from_slice(b"MESSAGE\ncontent-length:1000000\n\n");
    let allocated = measure(|| {
        assert_eq!(decoder(Limits::client()).decode(&mut buffer), Ok(None));
    });
    assert_eq!(allocated.count_total, 0, "there was room enough");
}

#[test]
fn no_length_is_too_large_to_calculate_with() {
    let limits = Limits::client().body(u64::MAX);
    for length in [u64::MAX, u64::MAX - 34, u64::MAX - 35, 1 << 63] {
        let wire = format!("MESSAGE\ncontent-length:{length}\n\n");
        let mut buffer = BytesMut::from(&*wire);
        let result = decoder(limits).decode(&mut buffer);
        let too_long = result.is_err_and(|error| error.kind == BodyTooLong);
        assert!(too_long || buffer.capacity() < 128 << 10, "{length}");
    }
}

#[test]
fn memory_is_at_most_twice_what_arrived() {
    for head in ["MESSAGE\ncontent-length:4000000\n\n", "MESSAGE\n\n"] {
        for size in [1000, 4 << 10, 64 << 10] {
            let mut received = head.len();
            let mut decoder = decoder(Limits::client());
            let mut buffer = BytesMut::from(head);
            for piece in [b'x'; 4_000_000].chunks(size) {
                let _ = decoder.decode(&mut buffer).unwrap();
                buffer.extend_from_slice(piece);
                received += piece.len();
                assert!(buffer.capacity() <= 2 * received + (64 << 10), "{received}");
            }
        }
    }
}

#[test]
fn line_ends_cost_nothing() {
    let mut buffer = BytesMut::from(&[b'\n'; 1_000_000][..]);
    let mut decoder = decoder(Limits::client());
    let allocated = measure(|| {
        let item = decoder.decode(&mut buffer).unwrap();
        assert_eq!(item, Some(Item::HeartBeat(1_000_000)));
    });
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn a_detached_frame_keeps_no_buffer_alive() {
    let decode = || {
        let mut buffer = BytesMut::with_capacity(1 << 20);
        buffer.extend_from_slice(b"MESSAGE\nk:v\n\nbody\0");
        match decoder(Limits::client()).decode(&mut buffer) {
            Ok(Some(Item::Frame(frame))) => frame,
            other => panic!("{other:?}"),
        }
    };
    let mut kept = None;
    let allocated = measure(|| kept = Some(decode()));
    assert!(allocated.bytes_current >= 1 << 20, "{allocated:?}");
    let mut detached = None;
    let allocated = measure(|| {
        let mut frame = decode();
        frame.detach();
        detached = Some(frame);
    });
    assert!(allocated.bytes_current < 100, "{allocated:?}");
    assert_eq!(detached, kept);
}

#[test]
fn a_frame_costs_no_allocation() {
    let frame = "MESSAGE\nsubscription:0\nmessage-id:7\ndestination:/queue/a\nk1:v\nk2:v\n\
                 content-length:5\n\nhello\0";
    let mut buffer = BytesMut::with_capacity(4 << 10);
    let mut decoder = decoder(Limits::client());
    let mut octets = frame.bytes().cycle();
    let allocated = measure(|| {
        for _ in 0..1000 {
            buffer.reserve(4 << 10);
            while buffer.len() < 4 << 10 {
                buffer.extend_from_slice(&[octets.next().unwrap()]);
            }
            while decoder.decode(&mut buffer).unwrap().is_some() {}
        }
    });
    assert!(allocated.count_total < 100, "{allocated:?}");
}

#[test]
fn a_frame_stays_where_it_was_read() {
    let body = "b".repeat(100_000);
    for head in [
        "MESSAGE\nk:v\n\n",
        "MESSAGE\nk:v\ncontent-length:100000\n\n",
    ] {
        let wire = format!("{head}{body}\0");
        for size in [1, 4 << 10, 1 << 20] {
            let mut decoder = decoder(Limits::client());
            let mut buffer = BytesMut::with_capacity(wire.len());
            let start = buffer.as_ptr();
            let mut item = None;
            for piece in wire.as_bytes().chunks(size) {
                buffer.extend_from_slice(piece);
                item = decoder.decode(&mut buffer).unwrap();
            }
            let Some(Item::Frame(frame)) = item else {
                panic!("no frame: {item:?}")
            };
            assert_eq!(frame.body.as_ptr(), start.wrapping_add(head.len()));
            let value = frame.headers.get("k").unwrap();
            assert_eq!(value.as_ptr(), start.wrapping_add("MESSAGE\nk:".len()));
        }
    }
}

#[test]
fn a_frame_is_built_and_written_with_an_allocation_each() {
    let built = measure(|| {
        let frame = Frame::new(Command::Send)
            .header("destination", "/queue/orders.incoming")
            .header("content-type", "text/plain")
            .header("correlation-id", "ID:host-4711:0001")
            .header("receipt", "r-1")
            .body("hello");
        let mut wire = BytesMut::new();
        let written = measure(|| encode(&frame, Version::V1_2, &mut wire).unwrap());
        assert_eq!(written.count_total, 1);
    });
    assert_eq!(built.count_total, 2);
}

#[test]
fn a_body_beyond_the_limit_is_skipped_on_request() {
    let limits = Limits::client().body(5);
    let wire = "MESSAGE\nn:1\n\nabc\0MESSAGE\nn:2\ncontent-length:9\n\n\0\n\nMESSAG\0\n\
                MESSAGE\nn:3\n\nxyz\0";
    for size in [1, 2, 7, wire.len()] {
        let decoder = decoder(limits).unreadable(OnUnreadable::Skip);
        let reading = read(decoder, wire.as_bytes().chunks(size));
        assert_eq!(reading.error, None);
        let fault = Fault {
            kind: BodyTooLong,
            position: 29,
        };
        assert_eq!(reading.skipped, [(fault, Some(9))]);
        assert_eq!(reading.heart_beats, 1);
        let numbers: Vec<_> = reading
            .frames
            .iter()
            .map(|frame| frame.headers.get("n"))
            .collect();
        assert_eq!(numbers, [Some("1"), Some("2"), Some("3")]);
        assert!(
            reading
                .frames
                .iter()
                .all(|frame| frame.command == Command::Message)
        );
        assert_eq!(reading.rest, 0);
    }
}

#[test]
fn what_is_skipped_needs_no_memory_and_ends_with_nul() {
    let mut decoder = decoder(Limits::client()).unreadable(OnUnreadable::Skip);
    let mut buffer = BytesMut::from(&b"MESSAGE\ncontent-length:18446744073709551615\n\n"[..]);
    let allocated = measure(|| {
        for _ in 0..2000 {
            let _ = decoder.decode(&mut buffer).unwrap();
            buffer.extend_from_slice(&[0; 1 << 10]);
        }
    });
    assert!(allocated.bytes_max < 16 << 10, "{allocated:?}");

    let wire = b"MESSAGE\ncontent-length:3\n\nabcd";
    for size in [1, 2, wire.len()] {
        let decoder = Decoder::new(Side::Server, Limits::client().body(2));
        let reading = read(decoder.unreadable(OnUnreadable::Skip), wire.chunks(size));
        let error = reading.error.unwrap();
        assert_eq!((error.kind, error.position), (MissingNulAfterBody, 29));
    }
}

//! A frame that cannot be read is an item, and the stream goes on behind it.

mod support;

use allocation_counter::measure;
use bytes::BytesMut;
use stomp_frame::DecodeErrorKind::{
    BadContentLength, BareCr, BodyTooLong, CutShort, HeadTooLong, HeaderLineTooLong, InvalidUtf8,
    MalformedHeader, MissingNulAfterBody, NulInHeader, TooManyHeaders, UndefinedEscape,
    UnknownCommand,
};
use stomp_frame::{
    Command, DecodeErrorKind, Decoder, Item, Limits, OnUnreadable, Side, Tolerance, Version,
};
use support::{Fault, Reading, read};

fn limits() -> Limits {
    let limits = Limits::client().headers(6).header_line(70);
    limits.head(200).body(20)
}

fn decoder() -> Decoder {
    Decoder::new(Side::Server, limits()).unreadable(OnUnreadable::Skip)
}

/// Reads the stream in pieces of many sizes, always to the same end.
#[track_caller]
fn reads(wire: &[u8]) -> Reading {
    reads_with(decoder, wire)
}

#[track_caller]
fn reads_with(decoder: impl Fn() -> Decoder, wire: &[u8]) -> Reading {
    let whole = read(decoder(), [wire]);
    for size in 1..wire.len().min(90) {
        assert_eq!(
            read(decoder(), wire.chunks(size)),
            whole,
            "pieces of {size}"
        );
    }
    for at in 1..wire.len() {
        let (head, tail) = wire.split_at(at);
        assert_eq!(read(decoder(), [head, tail]), whole, "cut at {at}");
    }
    whole
}

/// Checks that a MESSAGE of these lines is an item with these headers, and that the next is read.
#[track_caller]
fn skips(lines: &[u8], kind: DecodeErrorKind, at: u64, kept: &[(&str, &str)]) {
    for (length, body) in [("", &b"body"[..]), ("content-length:5\n", b"bo\0dy")] {
        let start = &b"\nMESSAGE\n"[..];
        let next = b"\n\0\nMESSAGE\nn:2\n\nnext\0";
        let wire = [start, lines, length.as_bytes(), b"\n", body, &next[1..]].concat();
        let reading = reads(&wire);
        let length = (!length.is_empty()).then_some(5);
        let position = at + start.len() as u64;
        assert_eq!(reading.error, None);
        assert_eq!(reading.skipped, [(Fault { kind, position }, length)]);
        assert_eq!((reading.frames.len(), reading.rest), (2, 0));
        let mut expected = kept.to_vec();
        expected.extend(length.map(|_| ("content-length", "5")));
        let got: Vec<_> = reading.frames[0].headers.iter().collect();
        assert_eq!(got, expected);
        assert_eq!(reading.frames[1].body, "next");
    }
}

#[test]
fn a_line_that_is_no_header_costs_only_itself() {
    let around = |line: &[u8]| [b"ack:7\n", line, b"\r\nsubscription:s\\c1\n"].concat();
    let kept = [("ack", "7"), ("subscription", "s:1")];
    for (line, kind, at) in [
        (&b"k:\\t"[..], UndefinedEscape, 6),
        (b"\\:v", UndefinedEscape, 6),
        (b"no colon", MalformedHeader, 6),
        (b":no name", MalformedHeader, 6),
        (b"k:\xff", InvalidUtf8, 6),
        (b"k:a\rb", BareCr, 9),
        (b"k:a\r\r", BareCr, 9),
    ] {
        skips(&around(line), kind, at, &kept);
    }
}

#[test]
fn the_first_fault_is_told_and_later_ones_are_passed_over() {
    let lines = b"a:1\nk:\\t\nno colon\nb:2\nl:\xff\nm:\r-\nc\\c:\\\\3\n";
    let kept = [("a", "1"), ("b", "2"), ("c:", "\\3")];
    skips(lines, UndefinedEscape, 4, &kept);
}

#[test]
fn what_settles_a_message_is_found_behind_a_line_that_is_too_long() {
    let long = "x".repeat(5_000);
    let lines = format!("a:1\nlong:{long}\nmessage-id:m\ndestination:/queue/a\nack:7\n");
    let kept = [
        ("a", "1"),
        ("message-id", "m"),
        ("destination", "/queue/a"),
        ("ack", "7"),
    ];
    skips(lines.as_bytes(), HeaderLineTooLong, 4, &kept);
}

#[test]
fn what_settles_a_message_is_found_behind_too_many_headers() {
    let lines = "k:v\n".repeat(50) + "ack:7\nack:8\nsubscription:s\nredelivered:true\n";
    let mut kept = vec![("k", "v"); 6];
    kept.extend([("ack", "7"), ("subscription", "s"), ("redelivered", "true")]);
    skips(lines.as_bytes(), TooManyHeaders, 24, &kept);
}

#[test]
fn what_settles_a_message_is_found_in_a_head_that_is_too_long() {
    let long = format!("k:{}\n", "v".repeat(60));
    let lines = long.repeat(4) + "ack:7\n";
    let value = "v".repeat(60);
    let kept = [("k", &*value), ("k", &value), ("k", &value), ("ack", "7")];
    skips(lines.as_bytes(), HeadTooLong, 3 * 63, &kept);
}

#[test]
fn a_body_without_length_is_dropped_up_to_its_nul() {
    let reading = reads(b"MESSAGE\nack:7\n\n123456789 123456789 1\0\nMESSAGE\n\nnext\0");
    let fault = Fault {
        kind: BodyTooLong,
        position: 15,
    };
    assert_eq!((reading.error, reading.rest), (None, 0));
    assert_eq!(reading.skipped, [(fault, None)]);
    assert_eq!(reading.frames[0].headers.get("ack"), Some("7"));
    assert_eq!(reading.frames[1].body, "next");
    let mut decoder = decoder();
    let mut buffer = BytesMut::from(&b"MESSAGE\n\n123456789 123456789 1"[..]);
    let item = decoder.decode(&mut buffer).unwrap();
    assert!(
        matches!(item, Some(Item::Unreadable { .. })),
        "before its end"
    );
}

#[test]
fn an_error_is_told_however_long_it_is() {
    let long = "x".repeat(1_000);
    for wire in [
        format!("ERROR\nmessage:no\n\n{long}\0"),
        format!("ERROR\ntrace:{long}\nmessage:no\n\n\0"),
    ] {
        let reading = reads(wire.as_bytes());
        assert_eq!((reading.error, reading.skipped.len()), (None, 1));
        assert_eq!(reading.frames[0].command, Command::Error);
        assert_eq!(reading.frames[0].headers.get("message"), Some("no"));
    }
}

#[test]
fn a_head_that_nobody_has_to_answer_is_refused() {
    for (wire, kind, position) in [
        (&b"RECEIPT\nreceipt-id:\\x\n\n\0"[..], UndefinedEscape, 8),
        (b"ERROR\nno colon\n\n\0", MalformedHeader, 6),
        (b"CONNECTED\nno colon\n\n\0", MalformedHeader, 10),
        (
            b"MESSAGE\na:1\nRECEIPT\nreceipt-id:1\n\n\0",
            MalformedHeader,
            12,
        ),
        (
            b"MESSAGE\na:1\nsubscMESSAGE\nb:1\n\n\0",
            MalformedHeader,
            12,
        ),
        (b"OOPS\nno colon\n\n\0", UnknownCommand, 0),
    ] {
        let error = reads(wire).error;
        assert_eq!(error, Some(Fault { kind, position }));
    }
    let decoder = || Decoder::new(Side::Client, limits()).unreadable(OnUnreadable::Skip);
    let error = reads_with(decoder, b"SEND\nno colon\n\n\0").error;
    assert_eq!(error.unwrap().kind, MalformedHeader);
}

#[test]
fn what_loses_the_end_of_the_frame_is_refused() {
    let long = "x".repeat(200);
    for (wire, kind, position) in [
        ("MESSAGE\nno colon\nk\0".to_owned(), NulInHeader, 18),
        (format!("MESSAGE\nk:{long}\0"), NulInHeader, 210),
        (
            "MESSAGE\nack:7\ndestRECEIPT\nreceipt-id:1\n\n\0".to_owned(),
            MalformedHeader,
            14,
        ),
        (
            format!("MESSAGE\nk:{long}\nRECEIPT\nreceipt-id:1\n\n\0"),
            MalformedHeader,
            211,
        ),
        (
            "MESSAGE\nno colon\na:1\ncontent-length:x\n\n\0".to_owned(),
            BadContentLength,
            21,
        ),
        (
            "MESSAGE\ncontent-length:5\\x\na:1\n\n\0".to_owned(),
            BadContentLength,
            8,
        ),
        (
            format!("MESSAGE\ncontent-length:{long}\na:1\n\n\0"),
            BadContentLength,
            8,
        ),
        (
            "MESSAGE\nno colon\ncontent-length:2\n\nabc\0".to_owned(),
            MissingNulAfterBody,
            37,
        ),
        (
            "MESSAGE\ncontent-length:2\n\nabc\0".to_owned(),
            MissingNulAfterBody,
            28,
        ),
    ] {
        let error = reads(wire.as_bytes()).error;
        assert_eq!(error, Some(Fault { kind, position }), "{wire:.40?}");
    }
}

#[test]
fn a_length_is_heeded_whatever_the_limits() {
    let limits = Limits::client().header_line(12);
    let decoder = || Decoder::new(Side::Server, limits).unreadable(OnUnreadable::Skip);
    let reading = reads_with(
        decoder,
        b"MESSAGE\ncontent-length:3\r\n\na\0b\0MESSAGE\n\n\0",
    );
    assert_eq!((reading.error, reading.frames.len()), (None, 2));
    assert_eq!(reading.skipped[0].1, Some(3));
}

#[test]
fn what_the_rules_of_the_connection_allow_is_kept() {
    let wire =
        b"MESSAGE\nlong:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n\
                 ack: \t7\\c\ncontent-length: 2\nk:\xff\nl\n\nab\0";
    for (version, tolerance, kept) in [
        (
            Version::V1_0,
            Tolerance::strict(),
            &[("ack", "7\\c"), ("content-length", "2")][..],
        ),
        (
            Version::V1_0,
            Tolerance::lenient(),
            &[
                ("ack", "7\\c"),
                ("content-length", "2"),
                ("k", "\u{fffd}"),
                ("l", ""),
            ],
        ),
    ] {
        let decoder = || {
            let mut decoder = decoder().tolerance(tolerance);
            decoder.set_version(version);
            decoder
        };
        let reading = reads_with(decoder, wire);
        assert_eq!(reading.error, None);
        let got: Vec<_> = reading.frames[0].headers.iter().collect();
        assert_eq!(got, kept);
    }
}

#[test]
fn memory_does_not_grow_with_what_is_skipped() {
    let parts = [
        ("MESSAGE\nk:", "x".repeat(1 << 10)),
        ("MESSAGE\nno colon\n", "k:v\n".repeat(256)),
        ("MESSAGE\nno colon\n", "ack:7\nmessage-id:1\n".repeat(64)),
        ("MESSAGE\nk:\\x\n", "no colon\n".repeat(100)),
        ("MESSAGE\n\n", "x".repeat(1 << 10)),
        (
            "MESSAGE\ncontent-length:18446744073709551615\n\n",
            "\0".repeat(1 << 10),
        ),
    ];
    for (start, part) in parts {
        let mut decoder = Decoder::new(Side::Server, Limits::client().body(1 << 10))
            .unreadable(OnUnreadable::Skip);
        let mut buffer = BytesMut::from(start);
        let allocated = measure(|| {
            for _ in 0..2000 {
                let _ = decoder.decode(&mut buffer).unwrap();
                buffer.extend_from_slice(part.as_bytes());
            }
        });
        assert!(allocated.bytes_max < 160 << 10, "{start:?}: {allocated:?}");
    }
}

/// Reads messages, each of which ends a frame, in pieces.
fn read_messages(decoder: Decoder, messages: &[&str], size: usize) -> Vec<Result<Item, Fault>> {
    let mut decoder = decoder;
    let mut buffer = BytesMut::new();
    let mut items = Vec::new();
    for message in messages {
        for piece in message.as_bytes().chunks(size) {
            buffer.extend_from_slice(piece);
            loop {
                match decoder.decode(&mut buffer) {
                    Ok(Some(item)) => items.push(Ok(item)),
                    Ok(None) => break,
                    Err(error) => {
                        items.push(Err(error.into()));
                        return items;
                    }
                }
            }
        }
        match decoder.end_of_message(&mut buffer) {
            Ok(item) => items.extend(item.map(Ok)),
            Err(error) => {
                items.push(Err(error.into()));
                assert_eq!(decoder.decode(&mut buffer), Err(error), "stays failed");
                return items;
            }
        }
        assert!(!decoder.is_inside_frame());
    }
    items
}

/// Checks that the first message is such an item, and that the second is read.
#[track_caller]
fn ends(
    message: &str,
    kind: DecodeErrorKind,
    position: u64,
    length: Option<u64>,
    ack: Option<&str>,
) {
    let next = "MESSAGE\n\nnext\0\n";
    for size in 1..=message.len() {
        let decoder = decoder().in_messages();
        let items = read_messages(decoder, &[message, next, "\n", next], size);
        let Ok(Item::Unreadable {
            frame,
            error,
            length: told,
        }) = &items[0]
        else {
            panic!("{:?} of {message:?} in {size}", items[0]);
        };
        assert_eq!(Fault::from(*error), Fault { kind, position });
        assert_eq!((*told, frame.headers.get("ack")), (length, ack));
        let read = |item: &Result<Item, Fault>| matches!(item, Ok(Item::Frame(frame)) if frame.body == "next");
        assert_eq!(items.iter().filter(|item| read(item)).count(), 2);
        let unreadable = |item: &&Result<Item, Fault>| matches!(item, Ok(Item::Unreadable { .. }));
        assert_eq!(items.iter().filter(unreadable).count(), 1, "told once");
    }
}

#[test]
fn a_frame_ends_with_its_message() {
    let head = "MESSAGE\nack:7\ncontent-length:4\n\n";
    ends(
        &format!("{head}\u{fffd}\u{fffd}c\0"),
        MissingNulAfterBody,
        36,
        Some(4),
        Some("7"),
    );
    ends(&format!("{head}abc"), CutShort, 35, Some(4), Some("7"));
    ends(&format!("{head}abcd"), CutShort, 36, Some(4), Some("7"));
    ends("MESSAGE\nack:7\n\nabc", CutShort, 18, None, Some("7"));
    ends("MESSAGE\nack:7\nsubscr", CutShort, 20, None, Some("7"));
    ends(
        "MESSAGE\nack:7\nno colon\nsubscr",
        MalformedHeader,
        14,
        None,
        Some("7"),
    );
    let head = "MESSAGE\nack:7\ncontent-length:40\n\n";
    ends(&format!("{head}abc"), BodyTooLong, 14, Some(40), Some("7"));
    let long = "x".repeat(50);
    ends(
        &format!("{head}{long}\0"),
        BodyTooLong,
        14,
        Some(40),
        Some("7"),
    );
}

#[test]
fn a_message_may_hold_several_frames_and_line_ends() {
    let items = read_messages(
        decoder().in_messages(),
        &["\n", "MESSAGE\n\na\0MESSAGE\n\nb\0\n", ""],
        usize::MAX,
    );
    assert_eq!(items.len(), 4);
    assert!(items.iter().all(Result::is_ok));
}

#[test]
fn a_frame_that_nobody_has_to_answer_is_cut_short_for_good() {
    for message in [
        "MESS",
        "RECEIPT\nreceipt-id:1\n",
        "RECEIPT\nreceipt-id:1\n\n",
    ] {
        let items = read_messages(decoder().in_messages(), &[message], usize::MAX);
        let position = message.len() as u64;
        assert_eq!(
            items,
            [Err(Fault {
                kind: CutShort,
                position
            })]
        );
    }
    let decoder = Decoder::new(Side::Server, Limits::client()).in_messages();
    let items = read_messages(decoder, &["MESSAGE\n\nab"], usize::MAX);
    assert_eq!(
        items,
        [Err(Fault {
            kind: CutShort,
            position: 11
        })]
    );
}

#[test]
fn a_decoder_knows_whether_it_is_inside_a_frame() {
    let wire =
        b"\nMESSAGE\nno colon\n\nabc\0\nMESSAGE\n\n123456789 123456789 123\0MESSAGE\n\n\0\r\n";
    let mut decoder = decoder();
    let mut buffer = BytesMut::new();
    let mut outside = String::new();
    for octet in wire.chunks(1) {
        buffer.extend_from_slice(octet);
        while decoder.decode(&mut buffer).unwrap().is_some() {}
        outside.push(if decoder.is_inside_frame() { '-' } else { '+' });
    }
    assert_eq!(
        outside,
        "+---------------------++--------------------------------+---------+++"
    );
}

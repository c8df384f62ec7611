use std::io;

use bytes::BytesMut;
use proptest::prelude::*;
use stomp_failover::{Broker, FailoverUri, Scheme};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Message, Role, WebSocket};

use super::super::{LayerConfig, LayerError, Layers, Read, WebSocketOptions};
use super::peer::Got;
#[cfg(feature = "tls")]
use super::peer::talk;
use crate::Pieces;

fn asking(options: WebSocketOptions) -> Layers {
    let broker = Broker::new(Scheme::Ws, "localhost", 15674);
    let config = LayerConfig::new().websocket(options);
    Layers::for_broker(&broker, &config).unwrap()
}

/// What a server says to a request that it grants.
fn granted(request: &[u8], further: &str) -> String {
    let request = std::str::from_utf8(request).unwrap();
    let key = request.split("Sec-WebSocket-Key: ").nth(1).unwrap();
    let accept = derive_accept_key(key.split("\r\n").next().unwrap().as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: WebSocket\r\nSec-WebSocket-Accept: {accept}\r\n{further}\r\n"
    )
}

const PROTOCOL: &str = "Sec-WebSocket-Protocol: v12.stomp\r\n";

fn open_with(options: WebSocketOptions) -> Layers {
    let mut layers = asking(options);
    let answer = granted(layers.outgoing(), PROTOCOL);
    layers.written(layers.outgoing().len());
    assert_eq!(layers.receive(answer.as_bytes()), answer.len());
    assert!(layers.is_open() && layers.outgoing().is_empty());
    layers
}

fn open() -> Layers {
    open_with(WebSocketOptions::default())
}

fn received(octets: &[u8]) -> (Layers, Result<Got, LayerError>) {
    let mut layers = open();
    let mut got = Got::default();
    let fed = got.feed(&mut layers, octets, 16 << 10);
    (layers, fed.map(|()| got))
}

/// Takes one frame of the client apart: its first octet, and what it says.
fn unmasked(octets: &mut &[u8]) -> (u8, Vec<u8>) {
    let (length, rest) = match octets[1] & 0x7f {
        126 => (usize::from(octets[2]) << 8 | usize::from(octets[3]), 4),
        127 => (
            u64::from_be_bytes(octets[2..10].try_into().unwrap()) as usize,
            10,
        ),
        length => (usize::from(length), 2),
    };
    assert!(octets[1] & 0x80 != 0, "clients mask");
    let mask = &octets[rest..rest + 4];
    let payload = octets[rest + 4..][..length].iter();
    let payload = payload
        .zip(mask.iter().cycle())
        .map(|(octet, mask)| octet ^ mask);
    let frame = (octets[0], payload.collect());
    *octets = &octets[rest + 4 + length..];
    frame
}

fn written(layers: &mut Layers) -> Vec<(u8, Vec<u8>)> {
    let octets = layers.outgoing().to_vec();
    layers.written(octets.len());
    let mut octets = &octets[..];
    std::iter::from_fn(|| (!octets.is_empty()).then(|| unmasked(&mut octets))).collect()
}

#[test]
fn a_websocket_is_asked_for_on_the_path_of_the_uri() {
    let uri: FailoverUri = "ws://[::1]:15674/stomp/websocket?a=b".parse().unwrap();
    let layers = Layers::for_broker(&uri.brokers()[0], &LayerConfig::new()).unwrap();
    let request = std::str::from_utf8(layers.outgoing()).unwrap();
    assert!(request.starts_with("GET /stomp/websocket?a=b HTTP/1.1\r\nHost: [::1]:15674\r\n"));
    assert!(request.contains("\r\nSec-WebSocket-Protocol: v12.stomp, v11.stomp, v10.stomp\r\n"));
    assert_eq!(layers.pieces(), Pieces::Frames);
    assert!(!layers.is_secure() && !layers.is_plain());
}

#[test]
fn what_cannot_stand_in_a_request_is_an_error_in_one_line() {
    let broker = Broker::new(Scheme::Ws, "a b\r\ncookie: c", 80);
    let error = Layers::for_broker(&broker, &LayerConfig::new()).unwrap_err();
    let text = "no WebSocket can be asked for at ws://[a b\\r\\ncookie: c]:80/";
    assert_eq!(error.to_string(), text);
}

#[test]
fn the_answer_may_come_octet_by_octet_and_what_follows_it_is_not_lost() {
    for size in [1, 2, 7, 1_000] {
        let mut layers = asking(WebSocketOptions::default());
        let mut answer = granted(layers.outgoing(), PROTOCOL).into_bytes();
        answer.extend(b"\x81\x05hello");
        let mut got = Got::default();
        got.feed(&mut layers, &answer, size).unwrap();
        assert_eq!(got.octets, &b"hello"[..]);
        assert_eq!(got.ends, [5]);
    }
}

#[test]
fn an_answer_that_is_not_what_was_asked_for_is_refused() {
    let good = |further: &str| {
        let further = further.to_owned();
        move |request: &[u8]| granted(request, &further)
    };
    let fixed = |answer: &str| {
        let answer = answer.to_owned();
        move |_: &[u8]| answer.clone()
    };
    type Answer = Box<dyn Fn(&[u8]) -> String>;
    let cases: [(Answer, &str); 13] = [
        (
            Box::new(fixed("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")),
            "the upgrade was refused with 403: is a header or cookie missing?",
        ),
        (
            Box::new(fixed("HTTP/1.1 401 \r\n\r\n")),
            "the upgrade was refused with 401: is a header or cookie missing?",
        ),
        (
            Box::new(fixed("HTTP/1.1 400 Bad Request\r\n\r\nbody")),
            "the upgrade was refused with 400: is this a SockJS endpoint? Its raw path is …/websocket",
        ),
        (
            Box::new(fixed("HTTP/1.1 404 Not Found\r\n\r\n")),
            "the upgrade was refused with 404: is the path right?",
        ),
        (
            Box::new(fixed("HTTP/1.1 500 Oops\n\n")),
            "the upgrade was refused with 500",
        ),
        (
            Box::new(fixed("ERROR\nmessage:Unknown STOMP action: GET\n\n")),
            "the other side does not speak WebSocket",
        ),
        (
            Box::new(fixed("\x15\x03\x01")),
            "the other side does not speak WebSocket",
        ),
        (
            Box::new(fixed("HTTP/1.1 1x1\r\n\r\n")),
            "the upgrade failed: the answer cannot be read",
        ),
        (
            Box::new(good("")),
            "the upgrade failed: the answer has no subprotocol",
        ),
        (
            Box::new(good("Sec-WebSocket-Protocol: mqtt\r\n")),
            "the upgrade failed: the answer has a subprotocol that is not STOMP",
        ),
        (
            Box::new(good(&format!(
                "{PROTOCOL}Sec-WebSocket-Extensions: permessage-deflate\r\n"
            ))),
            "the upgrade failed: the answer has an extension that nobody asked for",
        ),
        (
            Box::new(|_| granted(b"Sec-WebSocket-Key: another\r\n", PROTOCOL)),
            "the upgrade failed: the answer is to somebody else's key",
        ),
        (
            Box::new(|request| granted(request, PROTOCOL).replace("WebSocket\r", "h2c\r")),
            "the upgrade failed: the answer names another protocol",
        ),
    ];
    for (answer, why) in cases {
        let mut layers = asking(WebSocketOptions::default());
        let answer = answer(layers.outgoing());
        let error = Got::default()
            .feed(&mut layers, answer.as_bytes(), 7)
            .unwrap_err();
        assert_eq!(error.to_string(), why);
        assert_eq!(layers.read(&mut BytesMut::new(), 1), Err(error));
        assert_eq!(layers.receive(b"more"), 4, "nobody reads it");
        assert!(!layers.is_open());
    }
}

#[test]
fn an_answer_without_a_subprotocol_is_tolerated_if_told() {
    let mut layers = asking(WebSocketOptions::default().any_subprotocol(true));
    let answer = granted(layers.outgoing(), "");
    layers.receive(answer.as_bytes());
    assert!(layers.is_open());
}

#[test]
fn an_answer_without_end_is_not_kept() {
    let mut layers = asking(WebSocketOptions::default());
    let endless = [&b"HTTP/1.1 101 "[..], &[b'x'; 1 << 20]].concat();
    let error = Got::default()
        .feed(&mut layers, &endless, 1_000)
        .unwrap_err();
    assert_eq!(
        error,
        LayerError::Upgrade("the head of the answer is too long")
    );
}

#[test]
fn an_end_before_the_answer_is_no_orderly_one() {
    let mut layers = asking(WebSocketOptions::default());
    layers.receive_end();
    let read = layers.read(&mut BytesMut::new(), 1);
    assert_eq!(read, Err(LayerError::EndedEarly));
}

#[test]
fn a_piece_is_a_message_of_text_if_it_can_be() {
    let mut layers = open();
    for piece in [
        &b"\n"[..],
        "SEND\n\ngrüße\0".as_bytes(),
        b"SEND\n\n\xff\0",
        b"",
    ] {
        layers.write(piece).unwrap();
    }
    let want = [
        (0x81, b"\n".to_vec()),
        (0x81, "SEND\n\ngrüße\0".into()),
        (0x82, b"SEND\n\n\xff\0".to_vec()),
    ];
    assert_eq!(written(&mut layers), want, "an empty piece is no message");
    for length in [125, 126, 65_535, 65_536, 200_000] {
        layers.write(&vec![b'a'; length]).unwrap();
        assert_eq!(written(&mut layers), [(0x81, vec![b'a'; length])]);
    }
}

#[test]
fn progress_is_told_in_octets_of_stomp() {
    let mut layers = open();
    let mut got = Got::default();
    layers.write(&[b'a'; 40_000]).unwrap();
    got.feed(&mut layers, b"\x89\x01p", 99).unwrap();
    layers.write(b"b").unwrap();
    let mut buffer = Vec::new();
    layers.take_outgoing(&mut buffer);
    let told: usize = buffer
        .chunks(1_000)
        .map(|part| layers.written(part.len()))
        .sum();
    assert_eq!(told, 40_001);
    assert!(layers.outgoing().is_empty());
}

#[test]
fn a_piece_that_is_too_large_for_a_message_goes_in_several() {
    let mut layers = open_with(WebSocketOptions::default().max_message(4));
    layers.write("ab€cd€".as_bytes()).unwrap();
    let parts = ["ab", "€c", "d€"].map(|part| (0x81, part.as_bytes().to_vec()));
    assert_eq!(written(&mut layers), parts);
    layers.write(b"abcde\xff").unwrap();
    assert_eq!(
        written(&mut layers),
        [(0x82, b"abcd".to_vec()), (0x82, b"e\xff".to_vec())]
    );
}

#[test]
fn text_that_is_none_passes_as_it_is() {
    let (_, got) = received(b"\x81\x04a\xff\xfeb");
    assert_eq!(got.unwrap().octets, &b"a\xff\xfeb"[..]);
}

#[test]
fn a_length_that_was_only_announced_takes_no_memory() {
    let (mut layers, got) = received(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffabc");
    let got = got.unwrap();
    assert_eq!((&got.octets[..], got.ends.len()), (&b"abc"[..], 0));
    assert!(got.octets.capacity() < 1_024);
    layers.receive_end();
    let read = layers.read(&mut BytesMut::new(), 1);
    assert_eq!(read, Ok(Read::End(None)), "an end as any other");
}

#[test]
fn a_flood_of_pings_is_answered_once_by_somebody_who_cannot_write() {
    let mut layers = open();
    let mut got = Got::default();
    for ping in 0..10_000_u32 {
        let mut octets = vec![0x89, 125];
        octets.extend(ping.to_be_bytes());
        octets.resize(127, 0);
        got.feed(&mut layers, &octets, 16 << 10).unwrap();
        assert!(layers.outgoing().len() < 256);
    }
    let numbers = |frames: Vec<(u8, Vec<u8>)>| -> Vec<_> {
        let number = |(opcode, payload): (u8, Vec<u8>)| {
            assert_eq!((opcode, payload.len()), (0x8a, 125));
            u32::from_be_bytes(payload[..4].try_into().unwrap())
        };
        frames.into_iter().map(number).collect()
    };
    assert_eq!(numbers(written(&mut layers)), [0]);
    assert_eq!(numbers(written(&mut layers)), [9_999], "the latest");
    assert!(layers.outgoing().is_empty());
}

#[test]
fn whoever_does_nothing_but_ping_is_left() {
    let mut layers = open();
    let mut got = Got::default();
    let some = b"\x89\x01p".repeat(1_000);
    let end = (0..1_001).find_map(|_| {
        let end = got.feed(&mut layers, &some, 16 << 10).err();
        drop(written(&mut layers));
        drop(written(&mut layers));
        end
    });
    let why = "pings without end, and nothing else";
    assert_eq!(end, Some(LayerError::WebSocket(why)));
}

#[test]
fn whoever_pings_on_and_on_and_takes_no_answer_is_left() {
    let mut layers = open();
    let mut got = Got::default();
    let ping = |got: &mut Got, layers: &mut Layers| got.feed(layers, b"\x89\x01p", 16 << 10);
    for _ in 0..30 {
        for _ in 0..1_000 {
            ping(&mut got, &mut layers).unwrap();
        }
        // An answer is taken now and then.
        drop(written(&mut layers));
        drop(written(&mut layers));
    }
    let end = (0..20_000).find_map(|_| ping(&mut got, &mut layers).err());
    let why = "pings without end, and none of the answers is taken";
    assert_eq!(end, Some(LayerError::WebSocket(why)));
}

#[test]
fn a_pong_goes_before_the_next_piece_while_there_is_always_something_to_write() {
    let mut layers = open();
    let mut got = Got::default();
    layers.write(b"1").unwrap();
    got.feed(&mut layers, b"\x89\x01p", 99).unwrap();
    layers.written(1);
    layers.write(b"2").unwrap();
    layers.write(b"3").unwrap();
    let octets = layers.outgoing();
    assert_eq!(octets.len(), 6 + 3 * 7);
    let opcodes: Vec<_> = octets[6..].chunks(7).map(|frame| frame[0]).collect();
    assert_eq!(opcodes, [0x8a, 0x81, 0x81]);
}

#[test]
fn a_million_empty_messages_and_pongs_are_nothing() {
    let mut layers = open();
    let mut got = Got::default();
    let octets = b"\x81\x00\x82\x00\x8a\x00\x01\x00\x80\x00".repeat(10_000);
    for _ in 0..25 {
        got.feed(&mut layers, &octets, 16 << 10).unwrap();
    }
    assert_eq!(got, Got::default());
    assert!(layers.outgoing().is_empty());
    assert_eq!(got.octets.capacity(), 0);
}

#[test]
fn a_close_is_told_in_one_line_and_answered() {
    for (payload, told, answer) in [
        (
            &b"\x03\xf1Text message too large: 65,608 > 65,536"[..],
            "the server closed the WebSocket with 1009: Text message too large: 65,608 > 65,536",
            &b"\x03\xf1"[..],
        ),
        (
            b"\x03\xe8",
            "the server closed the WebSocket with 1000",
            b"\x03\xe8",
        ),
        (b"", "the server closed the WebSocket", b""),
        (
            b"\x03\xf0a\nb\x1b[31m\xff",
            "the server closed the WebSocket with 1008: a\\nb\\u{1b}[31m\u{fffd}",
            b"\x03\xf0",
        ),
    ] {
        let frame = [&[0x88, payload.len() as u8], payload, b"\x81\x01x"].concat();
        let (mut layers, got) = received(&frame);
        let got = got.unwrap();
        let close = got.end.unwrap().unwrap();
        assert_eq!(close.to_string(), told);
        assert_eq!(got.octets, &b""[..], "nothing comes after the end");
        assert!(!layers.wants_piece());
        assert_eq!(layers.write(b"x"), Err(LayerError::NotOpen));
        let again = layers.read(&mut BytesMut::new(), 1);
        assert_eq!(again, Ok(Read::End(Some(close))));
        layers.close();
        assert_eq!(written(&mut layers), [(0x88, answer.to_vec())]);
    }
    let long = [&b"\x88\x7d\x03\xe8"[..], &[7; 123]].concat();
    let close = received(&long).1.unwrap().end.unwrap().unwrap();
    assert_eq!(close.reason.chars().count(), 121);
    assert!(close.reason.ends_with('…'));
}

#[test]
fn who_closes_first_still_reads_what_comes() {
    let mut layers = open();
    let mut got = Got::default();
    layers.write(b"DISCONNECT").unwrap();
    layers.close();
    assert_eq!(written(&mut layers)[1..], [(0x88, b"\x03\xe8".to_vec())]);
    got.feed(&mut layers, b"\x89\x00\x81\x07RECEIPT\x88\x02\x03\xe8", 1)
        .unwrap();
    assert_eq!(got.octets, &b"RECEIPT"[..]);
    assert_eq!(got.end.unwrap().unwrap().code, Some(1_000));
    assert_eq!(layers.outgoing(), b"", "neither a pong nor another close");
}

#[test]
fn a_broken_protocol_ends_after_what_came_before_and_the_server_is_told() {
    let mut layers = open();
    let mut got = Got::default();
    let octets = b"\x81\x01a\x81\x82maskab";
    let error = got.feed(&mut layers, octets, 99).unwrap_err();
    assert_eq!(got.octets, &b"a"[..]);
    let text = "the server broke the WebSocket protocol: a masked frame";
    assert_eq!(error.to_string(), text);
    assert_eq!(layers.write(b"x"), Err(error));
    layers.close();
    assert_eq!(written(&mut layers), [(0x88, b"\x03\xea".to_vec())]);
    let half = received(b"\x88\x01\x03").1.unwrap_err();
    assert_eq!(half, LayerError::WebSocket("half a code at the end"));
}

#[test]
fn a_message_ends_where_its_last_octet_was_read() {
    let mut layers = open();
    layers.receive(b"\x01\x03abc\x80\x02de\x82\x01f");
    let mut octets = BytesMut::new();
    let mut read = |room| layers.read(&mut octets, room).unwrap();
    let some = |count, end_of_message| Read::Octets {
        count,
        end_of_message,
    };
    assert_eq!(read(2), some(2, false));
    assert_eq!(read(9), some(1, false));
    assert_eq!(read(2), some(2, true));
    assert_eq!(read(0), some(0, false));
    assert_eq!(read(9), some(1, true));
    assert_eq!(read(9), Read::Dry);
}

/// A transport in memory, for somebody else's server.
#[derive(Default)]
struct Pipe {
    inbound: io::Cursor<Vec<u8>>,
    outbound: Vec<u8>,
}

impl io::Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inbound.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl io::Write for Pipe {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.outbound.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn another_implementation_understands_us_and_we_understand_it(
        pieces in proptest::collection::vec((any::<bool>(), 0..3_u8, 1..40_000_usize), 1..8),
        size in 1..40_000_usize,
    ) {
        let mut layers = open();
        let mut server = WebSocket::from_raw_socket(Pipe::default(), Role::Server, None);
        let (mut there, mut back, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (is_ours, kind, length) in pieces {
            let octets = vec![[b'a', 0xff, b'\n'][usize::from(kind)]; length];
            let message = match String::from_utf8(octets.clone()) {
                Ok(text) => Message::text(text),
                Err(_) => Message::binary(octets.clone()),
            };
            if is_ours {
                layers.write(&octets).unwrap();
                there.push(message);
            } else {
                server.send(message).unwrap();
                server.send(Message::Ping("ping".into())).unwrap();
                back.extend(octets);
                ends.push(back.len());
            }
        }
        let pings = ends.len();
        let mut got = Got::default();
        let octets = std::mem::take(&mut server.get_mut().outbound);
        got.feed(&mut layers, &octets, size).unwrap();
        prop_assert!(got.octets == back && got.ends == ends);
        server.get_mut().inbound = io::Cursor::new(layers.outgoing().to_vec());
        layers.written(layers.outgoing().len());
        let pong = layers.outgoing().to_vec();
        let mut heard = Vec::new();
        let mut pongs = 0;
        loop {
            match server.read() {
                Ok(Message::Pong(_)) => pongs += 1,
                Ok(message) => heard.push(message),
                Err(tungstenite::Error::Io(_)) => break,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
        prop_assert!(heard == there);
        prop_assert_eq!(pongs + usize::from(!pong.is_empty()), pings.min(1 + usize::from(there.is_empty())));
    }
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![
        8 => prop::sample::select(vec![0x00_u8, 0x01, 0x02, 0x80, 0x81, 0x82, 0x89, 0x8a]),
        1 => any::<u8>(),
    ];
    let length = prop_oneof![8 => 0..4_u8, 1 => any::<u8>()];
    let payload = proptest::collection::vec(any::<u8>(), 0..6);
    (opcode, length, payload).prop_map(|(opcode, length, payload)| {
        let mut frame = vec![opcode, length];
        frame.extend(payload);
        frame.truncate(2 + usize::from(length));
        frame
    })
}

proptest! {
    #[test]
    fn how_octets_are_sliced_makes_no_difference(
        frames in proptest::collection::vec(frame(), 0..20),
        (one, other) in (1..50_usize, 1..50_usize),
    ) {
        let octets = frames.concat();
        let read = |size| {
            let mut layers = open();
            let mut got = Got::default();
            let fed = got.feed(&mut layers, &octets, size);
            (got, fed)
        };
        prop_assert_eq!(read(one), read(other));
    }
}

#[cfg(feature = "tls")]
#[test]
fn both_layers_stand_on_each_other() {
    use rustls::version::{TLS12, TLS13};
    for (version, size) in [(&TLS13, 1), (&TLS12, 100), (&TLS13, 40_000)] {
        let trust = |tls: crate::Tls, pem: String| tls.ca_pem(pem);
        let (mut layers, mut peer) = super::secure::pair(Scheme::Wss, version, trust);
        assert!(layers.is_secure());
        assert_eq!(layers.pieces(), Pieces::Frames);
        let mut got = Got::default();
        talk(&mut layers, &mut peer, &mut got, size).unwrap();
        assert!(!layers.is_open(), "TLS alone is not enough");
        let answer = granted(&std::mem::take(&mut peer.heard), PROTOCOL);
        peer.say(answer.as_bytes());
        talk(&mut layers, &mut peer, &mut got, size).unwrap();
        assert!(layers.is_open() && layers.wants_piece());
        let piece = vec![b'a'; 100_000];
        layers.write(&piece).unwrap();
        peer.say(b"\x89\x01p\x82\x7f\0\0\0\0\0\x01\x86\xa0");
        peer.say(&piece);
        peer.say(b"\x88\x02\x03\xe8");
        talk(&mut layers, &mut peer, &mut got, size).unwrap();
        assert!(got.octets == piece && got.ends == [100_000]);
        assert_eq!(got.end.unwrap().unwrap().code, Some(1_000));
        let mut heard = &peer.heard[..];
        assert!(unmasked(&mut heard) == (0x81, piece));
        let mut rest = Vec::new();
        while !heard.is_empty() {
            rest.push(unmasked(&mut heard).0);
        }
        assert_eq!(rest, [0x8a, 0x88]);
    }
}

#[test]
fn what_is_sent_is_never_shown() {
    let mut layers = open();
    layers.write(b"s3cret").unwrap();
    assert!(!format!("{layers:?}").contains("s3cret"));
}

use stomp_failover::{Broker, Scheme};

use super::super::{LayerConfig, Layers, Read};
use super::peer::{Got, Peer, talk};
use crate::Pieces;

#[test]
fn without_layers_octets_pass_as_they_are() {
    let broker = Broker::new(Scheme::Stomp, "localhost", 61613);
    let mut layers = Layers::for_broker(&broker, &LayerConfig::new()).unwrap();
    assert!(layers.is_plain() && layers.is_open() && layers.wants_piece());
    assert!(!layers.is_secure());
    assert_eq!(layers.pieces(), Pieces::Coalesced);
    let (mut peer, mut got) = (Peer::default(), Got::default());
    layers.write(b"CONNECT").unwrap();
    peer.say(&[7; 100_000]);
    talk(&mut layers, &mut peer, &mut got, 10_000).unwrap();
    assert_eq!(peer.heard, b"CONNECT");
    assert_eq!(got.octets, vec![7; 100_000]);
    layers.receive_end();
    assert_eq!(layers.read(&mut got.octets, 1), Ok(Read::End(None)));
}

#[test]
fn what_came_before_the_end_is_read_first_and_no_more_than_there_is_room_for() {
    let mut layers = Layers::plain();
    assert_eq!(layers.receive(&[1; 100_000]), 16 << 10);
    assert_eq!(layers.receive(&[1; 100_000]), 0);
    layers.receive_end();
    let mut octets = bytes::BytesMut::new();
    while let Read::Octets { count, .. } = layers.read(&mut octets, 1_000).unwrap() {
        assert!(count <= 1_000);
    }
    assert_eq!(octets.len(), 16 << 10);
    assert_eq!(layers.read(&mut octets, 1), Ok(Read::End(None)));
    assert_eq!(layers.receive(b"late"), 4, "nobody reads it");
}

#[test]
fn no_more_pieces_are_wanted_than_can_be_written() {
    let mut layers = Layers::plain();
    layers.write(&[1; (64 << 10) - 1]).unwrap();
    assert!(layers.wants_piece());
    layers.write(&[1]).unwrap();
    assert!(!layers.wants_piece());
    layers.written(1);
    assert!(layers.wants_piece());
    layers.close();
    assert!(!layers.wants_piece());
    assert_eq!(
        layers.write(b"more").unwrap_err().to_string(),
        "the connection is not open"
    );
}

#[test]
fn what_is_not_built_in_is_said() {
    for (scheme, built_in, text) in [
        (
            Scheme::StompTls,
            cfg!(feature = "tls"),
            "TLS is not built in (feature `tls`)",
        ),
        (
            Scheme::Ws,
            cfg!(feature = "websocket"),
            "WebSocket is not built in (feature `websocket`)",
        ),
    ] {
        let broker = Broker::new(scheme, "localhost", 1);
        let layers = Layers::for_broker(&broker, &LayerConfig::new());
        match layers {
            Err(error) if !built_in => assert_eq!(error.to_string(), text),
            Err(error) => assert_eq!(error.to_string(), "TLS is not set up"),
            Ok(_) => assert!(built_in, "{text}"),
        }
    }
}

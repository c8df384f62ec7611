use std::sync::Arc;

use bytes::BytesMut;
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use stomp_failover::{Broker, Scheme};

use super::super::{LayerConfig, LayerError, Layers, Read};
use super::peer::{Got, Peer, talk};
use crate::{Pieces, Tls};

/// A server called `localhost`, and a client that trusts it as told.
pub(super) fn pair(
    scheme: Scheme,
    version: &'static SupportedProtocolVersion,
    trust: impl FnOnce(Tls, String) -> Tls,
) -> (Layers, Peer) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let tls = trust(Tls::new(), certificate.pem());
    let config = tls.config(
        |_| unreachable!("no files"),
        |_| unreachable!("no platform"),
    );
    let broker = Broker::new(scheme, "localhost", 61614);
    let config = LayerConfig::new().tls(tls, config.unwrap());
    let layers = Layers::for_broker(&broker, &config).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        );
    let server = ServerConnection::new(Arc::new(server.unwrap())).unwrap();
    let peer = Peer {
        tls: Some(server),
        ..Peer::default()
    };
    (layers, peer)
}

fn trusting(version: &'static SupportedProtocolVersion) -> (Layers, Peer) {
    pair(Scheme::StompTls, version, |tls, pem| tls.ca_pem(pem))
}

fn failed(layers: &mut Layers) -> LayerError {
    let error = layers.read(&mut BytesMut::new(), 1).unwrap_err();
    let again = layers.read(&mut BytesMut::new(), 1).unwrap_err();
    assert_eq!(error, again, "it stays so");
    assert_eq!(layers.receive(&[0; 100_000]), 100_000, "nobody reads it");
    assert!(!layers.wants_piece());
    assert_eq!(layers.write(b"x"), Err(again));
    error
}

#[test]
fn the_handshake_may_come_octet_by_octet() {
    for version in [&TLS12, &TLS13] {
        let (mut layers, mut peer) = trusting(version);
        assert!(layers.is_secure() && !layers.is_plain() && !layers.is_open());
        assert_eq!(layers.pieces(), Pieces::Coalesced);
        assert!(!layers.wants_piece());
        assert_eq!(layers.write(b"early"), Err(LayerError::NotOpen));
        let mut got = Got::default();
        talk(&mut layers, &mut peer, &mut got, 1).unwrap();
        assert!(layers.is_open() && layers.wants_piece());
        layers.write(b"CONNECT").unwrap();
        peer.say(b"CONNECTED");
        talk(&mut layers, &mut peer, &mut got, 1).unwrap();
        assert_eq!(peer.heard, b"CONNECT");
        assert_eq!(got.octets, &b"CONNECTED"[..]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn data_passes_in_slices_of_any_size(
        pieces in proptest::collection::vec((any::<bool>(), 0..40_000_usize), 1..8),
        size in 1..40_000_usize,
    ) {
        let (mut layers, mut peer) = trusting(&TLS13);
        let mut got = Got::default();
        talk(&mut layers, &mut peer, &mut got, size).unwrap();
        let (mut there, mut back) = (Vec::new(), Vec::new());
        for (n, (is_ours, length)) in pieces.into_iter().enumerate() {
            let piece: Vec<u8> = (0..length).map(|m| (n * 7 + m) as u8).collect();
            match is_ours {
                true => {
                    layers.write(&piece).unwrap();
                    there.extend(piece);
                }
                false => {
                    peer.say(&piece);
                    back.extend(piece);
                }
            }
        }
        talk(&mut layers, &mut peer, &mut got, size).unwrap();
        prop_assert!(peer.heard == there && got.octets == back);
    }
}

#[test]
fn nobody_else_is_believed_and_the_error_says_why() {
    let somebody = || {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.self_signed(&key).unwrap().pem()
    };
    let stranger = |tls: Tls, _: String| tls.ca_pem(somebody());
    let (mut layers, mut peer) = pair(Scheme::StompTls, &TLS13, stranger);
    let error = talk(&mut layers, &mut peer, &mut Got::default(), 999).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("invalid peer certificate: "), "{text}");
    assert!(!layers.outgoing().is_empty(), "the other side is told");
    failed(&mut layers);

    let named = |tls: Tls, pem| tls.ca_pem(pem).server_name("elsewhere.invalid");
    let (mut layers, mut peer) = pair(Scheme::StompTls, &TLS13, named);
    let error = talk(&mut layers, &mut peer, &mut Got::default(), 999).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("not valid for name"), "{text}");

    let anybody = |tls: Tls, _| tls.danger_accept_any_certificate();
    let (mut layers, mut peer) = pair(Scheme::StompTls, &TLS13, anybody);
    talk(&mut layers, &mut peer, &mut Got::default(), 999).unwrap();
    assert!(layers.is_open());
}

#[test]
fn a_peer_that_does_not_speak_tls_is_told_from_one_that_does() {
    for plain in [&b"ERROR\nmessage:what?\n\n\0"[..], b"HTTP/1.1 400 \r\n\r\n"] {
        let (mut layers, _) = trusting(&TLS13);
        assert_eq!(layers.receive(plain), plain.len());
        let error = failed(&mut layers);
        assert_eq!(error.to_string(), "the other side does not speak TLS");
    }
    let (mut layers, _) = trusting(&TLS13);
    layers.receive_end();
    let error = failed(&mut layers);
    let text = "the connection was closed without an answer in TLS: does the other side speak it?";
    assert_eq!(error.to_string(), text);
}

#[test]
fn an_alert_in_the_handshake_is_told() {
    let (mut layers, _) = trusting(&TLS13);
    layers.receive(b"\x15\x03\x03\x00\x02\x02\x28");
    let text = failed(&mut layers).to_string();
    assert!(text.contains("HandshakeFailure"), "{text}");
    let (mut layers, _) = trusting(&TLS13);
    layers.receive(b"\x15\x03");
    layers.receive_end();
    let error = failed(&mut layers);
    assert_eq!(
        error.to_string(),
        "the connection was closed during the handshake"
    );
}

#[test]
fn what_came_before_a_broken_record_is_read_first() {
    let (mut layers, mut peer) = trusting(&TLS13);
    let mut got = Got::default();
    talk(&mut layers, &mut peer, &mut got, 999).unwrap();
    peer.say(b"ERROR");
    let mut octets = peer.outbound();
    octets.extend(b"\x17\x03\x03\x00\x20broken, not authentic, all wrong.");
    let taken = layers.receive(&octets);
    assert_eq!(taken, octets.len());
    let read = layers.read(&mut got.octets, 99);
    assert!(
        matches!(read, Ok(Read::Octets { count: 5, .. })),
        "{read:?}"
    );
    assert!(matches!(failed(&mut layers), LayerError::Rustls(_)));
    assert!(!layers.outgoing().is_empty(), "the other side is told");
}

#[test]
fn an_end_without_a_farewell_is_one_as_any_other() {
    for farewell in [false, true] {
        let (mut layers, mut peer) = trusting(&TLS13);
        let mut got = Got::default();
        talk(&mut layers, &mut peer, &mut got, 999).unwrap();
        peer.say(b"RECEIPT");
        if farewell {
            peer.tls.as_mut().unwrap().send_close_notify();
        }
        talk(&mut layers, &mut peer, &mut got, 999).unwrap();
        assert_eq!(got.end, farewell.then_some(None));
        layers.receive_end();
        got.read(&mut layers, 99).unwrap();
        assert_eq!((&got.octets[..], got.end), (&b"RECEIPT"[..], Some(None)));
    }
}

#[test]
fn progress_is_told_in_octets_of_stomp() {
    let (mut layers, mut peer) = trusting(&TLS13);
    talk(&mut layers, &mut peer, &mut Got::default(), 999).unwrap();
    layers.write(&[7; 40_000]).unwrap();
    let mut buffer = Vec::new();
    layers.take_outgoing(&mut buffer);
    assert!(layers.outgoing().is_empty() && buffer.len() > 40_000);
    layers.write(&[7; 30_000]).unwrap();
    assert!(!layers.wants_piece(), "what was taken counts");
    let steps = buffer.chunks(1_000).map(|part| layers.written(part.len()));
    let steps: Vec<_> = steps.filter(|&stomp| stomp > 0).collect();
    assert_eq!(steps, [16 << 10, 16 << 10, 40_000 - (32 << 10)]);
    assert_eq!(layers.written(layers.outgoing().len()), 30_000);
    layers.close();
    assert_eq!(layers.written(layers.outgoing().len()), 0);
}

#[test]
fn a_farewell_is_the_last_thing_that_is_written() {
    let (mut layers, mut peer) = trusting(&TLS13);
    let mut got = Got::default();
    talk(&mut layers, &mut peer, &mut got, 999).unwrap();
    layers.write(b"DISCONNECT").unwrap();
    layers.close();
    layers.close();
    assert_eq!(layers.write(b"more"), Err(LayerError::NotOpen));
    peer.say(b"RECEIPT");
    talk(&mut layers, &mut peer, &mut got, 999).unwrap();
    assert_eq!(peer.heard, b"DISCONNECT");
    let tls = peer.tls.as_mut().unwrap();
    assert!(tls.process_new_packets().unwrap().peer_has_closed());
    assert_eq!(got.octets, &b"RECEIPT"[..], "still read");
}

#[test]
fn no_more_is_kept_than_a_record_or_two_of_what_nobody_reads() {
    let (mut layers, mut peer) = trusting(&TLS13);
    talk(&mut layers, &mut peer, &mut Got::default(), 999).unwrap();
    peer.say(&[7; 1 << 20]);
    let octets = peer.outbound();
    let taken = layers.receive(&octets);
    assert!(taken < 80 << 10, "{taken}");
    assert_eq!(layers.receive(&octets[taken..]), 0);
    let mut got = Got::default();
    got.read(&mut layers, 1_000).unwrap();
    got.feed(&mut layers, &octets[taken..], octets.len())
        .unwrap();
    assert!(got.octets == vec![7; 1 << 20]);
}

#[test]
fn records_without_content_and_key_updates_do_not_pile_up_answers() {
    let (mut layers, mut peer) = trusting(&TLS13);
    let mut got = Got::default();
    talk(&mut layers, &mut peer, &mut got, 999).unwrap();
    let mut failed = false;
    for _ in 0..1_000 {
        peer.tls.as_mut().unwrap().refresh_traffic_keys().unwrap();
        failed |= got.feed(&mut layers, &peer.outbound(), 999).is_err();
    }
    assert!(failed, "rustls has a limit");
    assert!(layers.outgoing().len() < 1_024);
}

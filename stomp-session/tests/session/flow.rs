use std::time::Duration;

use bytes::Bytes;
use stomp_commands::{AckMode, Begin, Disconnect, Send, Subscribe};
use stomp_session::{FlowLimits, UsageError};

use crate::peer::{Peer, quiet};

fn limited(flow: FlowLimits) -> Peer {
    let mut peer = Peer::connecting(quiet().flow(flow));
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    peer.events();
    peer
}

#[test]
fn outbound_octets_are_limited_until_the_driver_has_written() {
    let mut peer = limited(FlowLimits::default().outbound(100));
    let send = || Send::to("/queue/a").body("x".repeat(40));
    assert_eq!(peer.session.send(send(), peer.now), Ok(()));
    assert!(!peer.session.is_congested());
    assert_eq!(
        peer.session.send(send(), peer.now),
        Ok(()),
        "87 octets wait, that is less than 100"
    );
    assert!(peer.session.is_congested());
    let refused = peer.session.send(send(), peer.now);
    assert_eq!(refused, Err(UsageError::OutboundFull));
    assert!(refused.is_err_and(|error| error.is_back_pressure()));
    peer.sent();
    assert_eq!(peer.session.outbound(), 0);
    assert_eq!(peer.session.send(send(), peer.now), Ok(()));
}

#[test]
fn one_frame_larger_than_the_limit_is_let_in() {
    let mut peer = limited(FlowLimits::default().outbound(100));
    let large = Send::to("/queue/a").body(vec![b'x'; 1 << 20]);
    assert_eq!(peer.session.send(large, peer.now), Ok(()));
    let small = peer.session.send(Send::to("/queue/a"), peer.now);
    assert_eq!(small, Err(UsageError::OutboundFull));
}

#[test]
fn disconnect_finds_room_when_nothing_else_does() {
    let mut peer = limited(FlowLimits::default().outbound(1).receipts(1));
    peer.send("r1");
    let disconnect = Disconnect::new().receipt("bye");
    assert_eq!(peer.session.disconnect(disconnect, peer.now), Ok(()));
    assert!(peer.sent().ends_with("DISCONNECT\nreceipt:bye\n\n\0"));
}

#[test]
fn receipts_are_limited_until_one_is_answered() {
    let mut peer = limited(FlowLimits::default().receipts(2));
    peer.send("r1");
    assert!(!peer.session.is_congested());
    peer.send("r2");
    assert!(peer.session.is_congested());
    let send = || Send::to("/queue/a").receipt("r3");
    let refused = peer.session.send(send(), peer.now);
    assert_eq!(refused, Err(UsageError::TooManyReceipts));
    assert!(refused.is_err_and(|error| error.is_back_pressure()));
    assert_eq!(peer.session.send(Send::to("/queue/a"), peer.now), Ok(()));
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0");
    assert_eq!(peer.session.send(send(), peer.now), Ok(()));
}

#[test]
fn subscriptions_are_limited() {
    let mut peer = limited(FlowLimits::default().subscriptions(1));
    let key = peer.subscribe(AckMode::Auto);
    let refused = peer.session.subscribe(Subscribe::to("/b"), peer.now);
    assert_eq!(refused, Err(UsageError::TooManySubscriptions));
    assert!(refused.is_err_and(|error| !error.is_back_pressure()));
    let with = stomp_session::With::nothing();
    peer.session.unsubscribe(key, with, peer.now).expect("live");
    peer.subscribe(AckMode::Auto);
}

#[test]
fn transactions_are_limited() {
    let mut peer = limited(FlowLimits::default().transactions(1));
    peer.session.begin(Begin::new("t"), peer.now).expect("new");
    let refused = peer.session.begin(Begin::new("u"), peer.now);
    assert_eq!(refused, Err(UsageError::TooManyTransactions));
}

#[test]
fn small_frames_come_in_one_piece_and_large_bodies_as_they_are() {
    let mut peer = Peer::connected();
    let body = Bytes::from(vec![b'x'; 16 << 10]);
    peer.session
        .send(Send::to("/a"), peer.now)
        .expect("connected");
    let large = Send::to("/b").body(body.clone());
    peer.session.send(large, peer.now).expect("connected");
    peer.session
        .send(Send::to("/c"), peer.now)
        .expect("connected");
    let pieces: Vec<_> = std::iter::from_fn(|| peer.session.poll_transmit(peer.now)).collect();
    assert_eq!(
        pieces[0],
        "SEND\ndestination:/a\n\n\0SEND\ndestination:/b\ncontent-length:16384\n\n"
    );
    assert_eq!(pieces[1].as_ptr(), body.as_ptr(), "the body was copied");
    assert_eq!(pieces[2], "\0SEND\ndestination:/c\n\n\0");
    assert_eq!(pieces.len(), 3);

    let small = Send::to("/b").body(body.slice(1..));
    peer.session.send(small, peer.now).expect("connected");
    let pieces: Vec<_> = std::iter::from_fn(|| peer.session.poll_transmit(peer.now)).collect();
    assert_eq!(pieces.len(), 1);
}

#[test]
fn frame_that_cannot_be_written_leaves_nothing_behind() {
    let mut peer = Peer::connected();
    peer.session
        .send(Send::to("/a"), peer.now)
        .expect("connected");
    let bad = Send::to("/b").header("k", "a\0b").receipt("r1");
    assert!(matches!(
        peer.session.send(bad, peer.now),
        Err(UsageError::Encode(_))
    ));
    assert_eq!(peer.session.pending_receipts().count(), 0);
    peer.session
        .send(Send::to("/c"), peer.now)
        .expect("connected");
    assert_eq!(
        peer.sent(),
        "SEND\ndestination:/a\n\n\0SEND\ndestination:/c\n\n\0"
    );
    peer.sleep(Duration::from_secs(60));
    assert_eq!(peer.events(), [""; 0]);
}

#[test]
fn broker_that_takes_nothing_is_dead_after_a_minute_of_no_progress() {
    let mut peer = Peer::connected();
    peer.send("r1");
    assert!(peer.session.poll_transmit(peer.now).is_some());
    peer.sleep_ms(59_000);
    // A part of it was written, and the heart goes on beating.
    peer.session.handle_written(1, peer.now);
    peer.hear("\n");
    // The receipt has its time, which has not begun: the frame has not left.
    peer.sleep_ms(59_999);
    assert_eq!(peer.events(), [""; 0]);
    peer.sleep_ms(1);
    let end = "closed: the server has taken nothing for 60s of what is to be written to it";
    assert_eq!(
        peer.events(),
        [
            "no receipt r1: the connection ended before the receipt came",
            end
        ]
    );
}

#[test]
fn patience_with_a_broker_that_takes_nothing_is_configured() {
    let config = quiet().write_timeout(Duration::from_secs(3));
    let mut peer = Peer::connecting(config.clone());
    assert_eq!(peer.session.config(), &config);
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    peer.events();
    peer.send("r1");
    assert_eq!(peer.session.outbound(), 39);
    assert!(peer.session.poll_transmit(peer.now).is_some());
    peer.sleep_ms(2_999);
    assert!(!peer.session.is_closed());
    peer.sleep_ms(1);
    assert!(peer.session.is_closed());
}

#[test]
fn what_is_written_waits_for_nobody() {
    let mut peer = Peer::connected();
    peer.send("r1");
    peer.sent();
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0");
    assert_eq!(peer.session.poll_timeout(), None);
}

#[test]
fn broker_may_take_nothing_while_we_do_not_read() {
    let mut peer = Peer::connected();
    peer.session
        .send(stomp_commands::Send::to("/a"), peer.now)
        .expect("connected");
    assert!(peer.session.poll_transmit(peer.now).is_some());
    peer.session.handle_pause();
    assert_eq!(peer.session.poll_timeout(), None);
    peer.sleep_ms(3_600_000);
    peer.session.handle_resume(peer.now);
    peer.sleep_ms(59_999);
    assert_eq!(peer.events(), [""; 0]);
    peer.sleep_ms(1);
    assert_eq!(peer.events().len(), 1);
}

#[test]
fn every_frame_may_be_a_piece_of_its_own() {
    let config = quiet().pieces(stomp_session::Pieces::Frames);
    let config = config.heart_beat(stomp_commands::HeartBeat::new(1_000, 0));
    let mut peer = Peer::connecting(config);
    peer.hear("CONNECTED\nversion:1.2\nheart-beat:0,1000\n\n\0");
    peer.sleep_ms(800);
    for body in ["small".to_owned(), "x".repeat(100_000), String::new()] {
        let send = Send::to("/a").body(body);
        peer.session.send(send, peer.now).expect("connected");
    }
    let pieces = std::iter::from_fn(|| peer.session.poll_transmit(peer.now));
    let pieces: Vec<_> = pieces.map(|piece| (piece.len(), piece[0])).collect();
    let [beat, small, large, empty] = pieces[..] else {
        panic!("a heart-beat and three frames: {pieces:?}");
    };
    assert_eq!(beat, (1, b'\n'));
    assert!(small.1 == b'S' && empty.1 == b'S');
    assert!(large.0 > 100_000 && large.1 == b'S');
    assert_eq!(peer.session.outbound(), 0);
}

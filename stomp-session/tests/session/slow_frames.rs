//! Frames that come bit by bit.

use std::time::Duration;

use crate::peer::{Peer, quiet};

fn connected() -> Peer {
    let mut peer = Peer::connecting(quiet().frame_timeout(Duration::from_secs(30)));
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    peer.events();
    peer
}

#[test]
fn frame_that_comes_octet_by_octet_is_waited_for_no_longer_than_it_may_take() {
    let mut peer = connected();
    peer.hear("MESSAGE\nsubs");
    for _ in 0..99 {
        peer.sleep_ms(300);
        peer.hear("x");
    }
    assert_eq!(peer.events(), [""; 0]);
    peer.sleep_ms(300);
    let end = "closed: the server has begun a frame, and not gone on with it within 30s";
    assert_eq!(peer.events(), [end]);
}

#[test]
fn large_frame_has_the_time_again_for_each_part() {
    let mut peer = connected();
    let length = 1 << 20;
    peer.hear(&format!("ERROR\ncontent-length:{length}\n\n"));
    for _ in 0..16 {
        peer.sleep_ms(29_000);
        peer.hear(&"x".repeat(64 << 10));
    }
    peer.sleep_ms(29_000);
    assert_eq!(peer.events(), [""; 0]);
    peer.hear("\0");
    assert_eq!(peer.events().len(), 2, "the ERROR, and the end");
}

#[test]
fn what_lies_between_frames_has_all_the_time() {
    let mut peer = connected();
    peer.hear("RECEIPT\nreceipt-id:1\n\n\0\n");
    peer.sleep_ms(3_600_000);
    assert_eq!(peer.events(), ["unexpected receipt 1"]);
    assert_eq!(peer.session.poll_timeout(), None);
}

#[test]
fn nobody_is_blamed_for_a_frame_while_nothing_is_read() {
    let mut peer = connected();
    peer.hear("MESSAGE\n");
    peer.session.handle_pause();
    peer.sleep_ms(3_600_000);
    peer.session.handle_resume(peer.now);
    peer.sleep_ms(29_999);
    assert_eq!(peer.events(), [""; 0]);
    peer.sleep_ms(1);
    assert_eq!(peer.events().len(), 1, "it has its time from then on");
}

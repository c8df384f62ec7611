//! What an ERROR is about that names no frame.

use std::time::Duration;

use stomp_commands::HeartBeat;

use crate::peer::{Peer, quiet};

const REFUSED: &str = "ERROR\nmessage:access_refused\n\nno\0";

#[test]
fn only_frame_that_is_not_answered_is_the_one_that_was_refused() {
    let mut peer = Peer::connected();
    let first = peer.ask("1");
    let sent = peer.sent();
    peer.answer(&sent);
    assert_eq!(peer.outcome(first), "Confirmed");
    let second = peer.ask("2");
    peer.sent();
    peer.hear(REFUSED);
    assert_eq!(
        peer.outcome(second),
        "the broker refused: access_refused: no"
    );
}

#[test]
fn of_several_nobody_knows_which_is_meant() {
    let mut peer = Peer::connected();
    let first = peer.ask("1");
    let second = peer.ask("2");
    peer.sent();
    peer.hear(REFUSED);
    for op in [first, second] {
        let outcome = peer.outcome(op);
        assert!(
            outcome.starts_with("sent, but not confirmed: "),
            "{outcome}"
        );
    }
    peer.reconnect("CONNECTED\nversion:1.2\n\n\0");
    peer.send("fired", false);
    let asked = peer.ask("asked");
    peer.sent();
    peer.hear(REFUSED);
    let outcome = peer.outcome(asked);
    assert!(
        outcome.starts_with("sent, but not confirmed: "),
        "{outcome}"
    );
}

#[test]
fn heart_beats_are_not_what_is_refused() {
    let mut settings = quiet();
    settings.session = settings.session.heart_beat(HeartBeat::new(1_000, 0));
    let connected = "CONNECTED\nversion:1.2\nheart-beat:0,1000\n\n\0";
    let mut peer = Peer::connected_to(connected, settings);
    for _ in 0..3 {
        peer.sleep(Duration::from_secs(1));
        peer.sent();
    }
    let op = peer.ask("1");
    peer.sent();
    peer.sleep(Duration::from_secs(1));
    peer.sent();
    peer.hear(REFUSED);
    assert_eq!(peer.outcome(op), "the broker refused: access_refused: no");
}

use std::time::Duration;

use stomp_commands::{AckMode, Disconnect, HeartBeat};
use stomp_session::{CloseReason, Config, Event};

use crate::peer::Peer;

/// Ten seconds each way, and the defaults: a beat after 8 s, death after 21 s.
fn beating() -> Peer {
    let mut peer = Peer::connecting(Config::default());
    peer.hear("CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\0");
    assert!(matches!(peer.event(), Some(Event::Connected(_))));
    peer
}

#[test]
fn beat_goes_out_after_four_fifths_of_the_period() {
    let mut peer = beating();
    peer.sleep_ms(7_999);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(1);
    assert_eq!(peer.sent(), "\n");
    peer.sleep_ms(7_999);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(1);
    assert_eq!(peer.sent(), "\n");
}

#[test]
fn any_write_counts_as_a_beat() {
    let mut peer = beating();
    peer.sleep_ms(5_000);
    peer.send("r1");
    assert_ne!(peer.sent(), "");
    peer.sleep_ms(7_999);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(1);
    assert_eq!(peer.sent(), "\n");
}

#[test]
fn no_beat_queues_up_behind_what_waits_already() {
    let mut peer = beating();
    peer.send("r1");
    for seconds in 1..=20 {
        peer.session
            .handle_timeout(peer.now + Duration::from_secs(seconds));
    }
    let sent = peer.sent();
    assert!(sent.ends_with('\0'), "{sent:?}");
}

#[test]
fn only_one_beat_waits_for_a_driver_that_is_stuck() {
    let mut peer = beating();
    for second in 1..=20 {
        peer.session
            .handle_timeout(peer.now + Duration::from_secs(second));
    }
    assert_eq!(peer.sent(), "\n");
}

#[test]
fn silence_of_two_periods_and_a_second_is_death() {
    let mut peer = beating();
    let start = peer.now;
    while peer
        .session
        .poll_timeout()
        .is_some_and(|due| due < start + Duration::from_secs(21))
    {
        peer.sleep_ms(500);
        peer.sent();
    }
    assert_eq!(
        peer.session.poll_timeout(),
        Some(start + Duration::from_secs(21))
    );
    peer.now = start + Duration::from_millis(20_999);
    peer.session.handle_timeout(peer.now);
    assert!(!peer.session.is_closed());
    peer.sleep_ms(1);
    let reason = peer.closed();
    assert_eq!(
        reason.to_string(),
        "nothing was heard from the server for 21s, though it agreed to heart-beats every 10s"
    );
}

#[test]
fn any_octet_counts_as_life() {
    let mut peer = beating();
    for octet in ["\n", "M", "E", "S", "S"] {
        peer.now += Duration::from_secs(20);
        peer.hear(octet);
        peer.session.handle_timeout(peer.now);
        peer.sent();
        assert!(!peer.session.is_closed());
    }
}

#[test]
fn octets_that_were_there_before_are_no_life() {
    let mut peer = beating();
    peer.hear("MESS");
    peer.now += Duration::from_secs(20);
    peer.hear("");
    peer.now += Duration::from_secs(1);
    peer.session.handle_timeout(peer.now);
    assert!(matches!(peer.closed(), CloseReason::HeartBeatMissed { .. }));
}

#[test]
fn paused_reader_blames_nobody() {
    let mut peer = beating();
    peer.session.handle_pause();
    peer.now += Duration::from_secs(3_600);
    peer.session.handle_timeout(peer.now);
    assert_eq!(peer.sent(), "\n", "our own beats go on");
    assert!(!peer.session.is_closed());

    peer.session.handle_resume(peer.now);
    peer.now += Duration::from_millis(20_999);
    peer.session.handle_timeout(peer.now);
    assert!(!peer.session.is_closed());
    peer.now += Duration::from_millis(1);
    peer.session.handle_timeout(peer.now);
    let reason = peer.closed();
    assert!(
        matches!(reason, CloseReason::HeartBeatMissed { silence, .. } if silence.as_secs() == 21)
    );
}

#[test]
fn resuming_what_was_not_paused_proves_nothing() {
    let mut peer = beating();
    peer.now += Duration::from_secs(20);
    peer.session.handle_resume(peer.now);
    peer.now += Duration::from_secs(1);
    peer.session.handle_timeout(peer.now);
    assert!(peer.session.is_closed());
}

#[test]
fn data_while_paused_does_not_start_the_clock() {
    let mut peer = beating();
    peer.session.handle_pause();
    peer.hear("\n");
    peer.now += Duration::from_secs(100);
    peer.session.handle_timeout(peer.now);
    assert!(!peer.session.is_closed());
}

#[test]
fn each_side_may_do_without() {
    for (ours, theirs, waits) in [
        ((0, 0), "10000,10000", false),
        ((10_000, 0), "10000,0", false),
        ((10_000, 0), "0,10000", true),
        ((0, 10_000), "10000,0", true),
    ] {
        let config = Config::default().heart_beat(HeartBeat::new(ours.0, ours.1));
        let mut peer = Peer::connecting(config);
        peer.hear(&format!(
            "CONNECTED\nversion:1.2\nheart-beat:{theirs}\n\n\0"
        ));
        assert_eq!(
            peer.session.poll_timeout().is_some(),
            waits,
            "{ours:?} {theirs}"
        );
    }
}

#[test]
fn version_1_0_has_no_beats() {
    let mut peer = Peer::connecting(Config::default());
    peer.hear("CONNECTED\nheart-beat:10000,10000\n\n\0");
    assert_eq!(peer.session.poll_timeout(), None);
}

#[test]
fn leap_of_thirty_days_is_one_end_and_no_storm_of_beats() {
    let mut peer = beating();
    peer.now += Duration::from_secs(30 * 86_400);
    peer.session.handle_timeout(peer.now);
    assert_eq!(peer.sent(), "");
    assert!(matches!(peer.closed(), CloseReason::HeartBeatMissed { .. }));
}

#[test]
fn time_that_goes_back_stands_still() {
    let mut peer = beating();
    let early = peer.now;
    peer.now += Duration::from_secs(20);
    peer.hear("\n");
    peer.session.handle_timeout(early);
    peer.sent();
    peer.hear("\n");
    let due = peer.session.poll_timeout();
    assert_eq!(due, Some(peer.now + Duration::from_secs(8)));
    assert!(!peer.session.is_closed());
}

#[test]
fn nothing_beats_and_nothing_is_missed_after_disconnect() {
    let mut peer = beating();
    peer.subscribe(AckMode::Auto);
    let disconnect = Disconnect::new().receipt("bye");
    peer.session
        .disconnect(disconnect, peer.now)
        .expect("connected");
    peer.sent();
    let deadline = peer.now + Duration::from_secs(5);
    assert_eq!(peer.session.poll_timeout(), Some(deadline));
    peer.hear("\n");
    assert_eq!(peer.session.poll_timeout(), Some(deadline));
}

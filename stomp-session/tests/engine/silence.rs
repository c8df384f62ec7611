use std::time::Duration;

use stomp_commands::HeartBeat;
use stomp_session::engine::{Settings, Wake};

use crate::peer::{Peer, messages};

const BEATS: &str = "CONNECTED\nversion:1.2\nheart-beat:1000,1000\n\n\0";

fn beating() -> Settings {
    let mut settings = Settings::default();
    settings.session = settings.session.heart_beat(HeartBeat::new(1_000, 1_000));
    settings
}

/// Two periods, and the grace.
const SILENCE: Duration = Duration::from_secs(3);

fn silent() -> Peer {
    let mut peer = Peer::connected_to(BEATS, beating());
    peer.sleep(SILENCE - Duration::from_millis(1));
    assert!(!peer.engine.wants_read_dry(peer.link()));
    peer.sleep_ms(1);
    assert!(peer.engine.wants_read_dry(peer.link()));
    assert!(peer.wakes().contains(&Wake::Reader));
    peer
}

#[test]
fn silence_is_believed_when_nothing_was_there_to_be_read() {
    let mut peer = silent();
    let link = peer.link();
    peer.engine.handle_read_dry(link, peer.now);
    assert!(peer.engine.connection().is_none());
}

#[test]
fn whoever_stood_still_reads_before_he_blames() {
    let mut peer = silent();
    peer.hear("\n");
    let link = peer.link();
    assert!(!peer.engine.wants_read_dry(link));
    peer.engine.handle_read_dry(link, peer.now);
    assert!(peer.engine.connection().is_some());
}

#[test]
fn without_an_answer_silence_is_believed_after_a_second() {
    let mut peer = silent();
    peer.sleep_ms(999);
    assert!(peer.engine.connection().is_some());
    peer.sleep_ms(1);
    assert!(peer.engine.connection().is_none());
}

#[test]
fn clock_that_leaps_starts_the_grace_too() {
    let mut peer = Peer::connected_to(BEATS, beating());
    peer.now += Duration::from_secs(3_600);
    peer.engine.handle_timeout(peer.now);
    assert!(peer.engine.connection().is_some());
    peer.hear("\n");
    peer.sleep_ms(2_000);
    assert!(peer.engine.connection().is_some());
}

#[test]
fn nobody_is_blamed_while_nothing_is_read() {
    let mut peer = Peer::connected_to(BEATS, beating());
    let key = peer.subscribe(1);
    peer.hear(&messages("s1", 0..3));
    peer.sleep(Duration::from_secs(60));
    assert!(peer.engine.connection().is_some());
    while !peer.engine.wants_read(peer.link()) {
        peer.take(key);
    }
    peer.sleep(SILENCE - Duration::from_millis(1));
    assert!(!peer.engine.wants_read_dry(peer.link()));
}

use std::time::Duration;

use stomp_session::engine::{LinkInfo, Sent, Wake, Work};

use crate::peer::{GENERIC, Peer, quiet};

const TWO: &str = "failover:(stomp://a,stomp://b)?randomize=false&startupMaxReconnectAttempts=1";

#[test]
fn connects_and_tells_whoever_waits() {
    let mut peer = Peer::linked(quiet());
    assert_eq!(peer.outcome(peer.connecting), "not yet");
    assert_eq!(peer.wakes(), []);
    peer.hear(GENERIC);
    assert_eq!(peer.wakes(), [Wake::Operation(peer.connecting)]);
    assert_eq!(peer.outcome(peer.connecting), "Connected");
    assert_eq!(
        peer.events(),
        ["connected to stomp://a:61613: STOMP 1.2 with an unnamed server"]
    );
}

#[test]
fn first_connection_that_nobody_accepts_is_told_with_every_reason() {
    let mut peer = Peer::new(quiet(), TWO);
    for why in ["refused", "unreachable"] {
        let dial = peer.dial_wanted();
        peer.engine.handle_dial_failed(dial.attempt, why, peer.now);
    }
    let outcome = peer.outcome(peer.connecting);
    assert!(outcome.starts_with("cannot connect: "), "{outcome}");
    assert!(outcome.contains("refused") && outcome.contains("unreachable"));
    assert!(peer.engine.end().is_some());
    assert!(matches!(peer.work(), Some(Work::End)));
    assert!(peer.wakes().contains(&Wake::Everybody));
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn refused_login_is_an_attempt_that_failed_with_the_reason() {
    let mut peer = Peer::linked(quiet());
    peer.hear("ERROR\nmessage:Bad CONNECT\n\nAccess refused\n\0");
    let events = peer.events();
    assert!(events[0].contains("Bad CONNECT"), "{events:?}");
}

#[test]
fn transport_that_is_not_secure_never_gets_the_passcode() {
    let uri = "failover:(stomp+tls://me:secret@a)?startupMaxReconnectAttempts=0";
    let mut peer = Peer::new(quiet(), uri);
    let dial = peer.dial_wanted();
    let link = peer
        .engine
        .handle_dialled(dial.attempt, LinkInfo::plain(), peer.now);
    assert_eq!(link, None);
    let outcome = peer.outcome(peer.connecting);
    assert!(outcome.contains("not secure"), "{outcome}");
    assert!(!outcome.contains("secret"), "{outcome}");
}

#[test]
fn secure_transport_is_taken_for_any_scheme() {
    for uri in ["stomp+tls://a", "stomp://a"] {
        let mut peer = Peer::new(quiet(), uri);
        let dial = peer.dial_wanted();
        let info = LinkInfo::plain().secure(true);
        let link = peer.engine.handle_dialled(dial.attempt, info, peer.now);
        assert!(link.is_some(), "{uri}");
    }
}

#[test]
fn dial_without_answer_is_cancelled_at_its_deadline() {
    let mut settings = quiet();
    settings.connect_timeout = Duration::from_secs(3);
    let mut peer = Peer::new(settings, TWO);
    let dial = peer.dial_wanted();
    assert_eq!(dial.deadline, Some(peer.now + Duration::from_secs(3)));
    peer.sleep_ms(2_999);
    assert!(peer.work().is_none());
    peer.sleep_ms(1);
    let cancelled = peer.work();
    assert!(matches!(cancelled, Some(Work::CancelDial(id)) if id == dial.attempt));
    assert_ne!(peer.dial_wanted().attempt, dial.attempt);
}

#[test]
fn what_comes_of_a_dial_that_nobody_wants_any_more_is_ignored() {
    let mut peer = Peer::new(quiet(), TWO);
    let old = peer.dial_wanted().attempt;
    peer.sleep(Duration::from_secs(10));
    let dial = peer.dial_wanted();
    let stale = peer.engine.handle_dialled(old, LinkInfo::plain(), peer.now);
    assert_eq!(stale, None);
    peer.engine.handle_dial_failed(old, "late", peer.now);
    let link = peer
        .engine
        .handle_dialled(dial.attempt, LinkInfo::plain(), peer.now);
    assert!(link.is_some());
    let again = peer
        .engine
        .handle_dialled(dial.attempt, LinkInfo::plain(), peer.now);
    assert_eq!(again, None, "an attempt makes one link");
}

#[test]
fn what_an_old_link_reports_is_ignored() {
    let mut peer = Peer::connected();
    let old = peer.link();
    peer.reconnect(GENERIC);
    let mut octets = bytes::BytesMut::from("RECEIPT\nreceipt-id:r1\n\n\0");
    assert!(!peer.engine.handle_data(old, &mut octets, false, peer.now));
    assert!(octets.is_empty());
    peer.engine.handle_written(old, 10, peer.now);
    peer.engine.handle_read_dry(old, peer.now);
    peer.engine.handle_closed(old, None, peer.now);
    assert!(!peer.engine.wants_read(old));
    assert_eq!(peer.engine.poll_transmit(old, peer.now), None);
    assert!(peer.engine.connection().is_some());
    assert_eq!(peer.send("x", false), Sent::Done);
}

#[test]
fn back_off_starts_anew_after_a_connection_that_did_its_work() {
    let mut peer = Peer::connected();
    for _ in 0..2 {
        // An address is down, and the broker comes and goes, 10 s apart (A37).
        let op = peer.ask("x");
        let sent = peer.sent();
        peer.answer(&sent);
        assert_eq!(peer.outcome(op), "Confirmed");
        peer.sleep(Duration::from_secs(9));
        peer.lose();
        peer.sleep_ms(10);
        let dial = peer.dial_wanted();
        peer.engine
            .handle_dial_failed(dial.attempt, "down", peer.now);
        peer.sleep_ms(20);
        peer.dial();
        peer.hear(GENERIC);
    }
}

#[test]
fn back_off_goes_on_after_connections_that_did_nothing() {
    let mut peer = Peer::connected();
    let mut waited = Vec::new();
    for _ in 0..4 {
        peer.sleep_ms(2);
        peer.lose();
        let lost = peer.now;
        while !matches!(peer.work(), Some(Work::Dial(dial)) if {
            peer.link = peer.engine.handle_dialled(dial.attempt, LinkInfo::plain(), peer.now);
            true
        }) {
            peer.sleep_ms(1);
        }
        peer.sent();
        peer.hear(GENERIC);
        waited.push(peer.now - lost);
    }
    assert!(
        waited.windows(2).all(|pair| pair[0] < pair[1]),
        "{waited:?}"
    );
}

#[test]
fn nothing_overflows_however_patient_everything_is() {
    let mut settings = quiet();
    settings.session = settings
        .session
        .connected_timeout(Duration::MAX)
        .receipt_timeout(Duration::MAX)
        .disconnect_timeout(Duration::MAX);
    settings.session.write_timeout = Duration::MAX;
    settings.connect_timeout = Duration::MAX;
    settings.send_timeout = Duration::MAX;
    settings.linger = Duration::MAX;
    settings.settle_timeout = Duration::MAX;
    settings.subscribe_timeout = Duration::MAX;
    let mut peer = Peer::new(settings, "stomp://a");
    let early = crate::peer::placed(peer.send_within("x", true, Some(Duration::MAX)));
    peer.dial();
    peer.hear(GENERIC);
    let op = crate::peer::asked(peer.resend("x", true, early).expect("it is its turn"));
    let subscribing = peer.ask_to_subscribe(stomp_commands::AckMode::Auto, usize::MAX);
    let key = {
        let sent = peer.sent();
        peer.answer(&sent);
        assert_eq!(peer.outcome(op), "Confirmed");
        peer.subscribed(subscribing)
    };
    let drain = Some(Duration::MAX);
    let ended = peer.engine.unsubscribe(key, drain, drain, peer.now);
    peer.sent();
    assert_eq!(peer.engine.poll_timeout(), None);
    peer.engine.handle_timeout(peer.now);
    let left = peer.engine.disconnect(peer.now);
    assert_eq!(peer.outcome(left), "not yet");
    assert_eq!(peer.outcome(ended), "not yet");
    assert_eq!(peer.engine.poll_timeout(), None);
}

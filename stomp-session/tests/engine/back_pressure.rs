use stomp_commands::AckMode;
use stomp_session::Settled;
use stomp_session::engine::{Settings, Verdict, Wake};

use crate::peer::{GENERIC, Peer, message, messages, quiet};

fn small() -> Settings {
    let mut settings = quiet();
    settings.inbox = 10_000;
    settings.overflow = 10_000;
    settings
}

fn reads(peer: &Peer) -> bool {
    peer.engine.wants_read(peer.link())
}

#[test]
fn reading_stops_beyond_the_capacity_and_goes_on_below() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(2);
    peer.hear(&messages("s1", 0..2));
    assert!(reads(&peer));
    peer.hear(&message("s1", 2));
    assert!(!reads(&peer));
    assert_eq!(peer.wakes(), []);
    peer.take(key);
    assert!(reads(&peer));
    assert_eq!(peer.wakes(), [Wake::Reader]);
}

#[test]
fn reading_stops_beyond_the_budget_in_octets() {
    let mut peer = Peer::connected_to(GENERIC, small());
    let key = peer.subscribe(1_000);
    let mut received = 0;
    while reads(&peer) {
        peer.hear(&message("s1", received));
        received += 1;
    }
    assert!(
        (14..=20).contains(&received),
        "{received} of 512 octets and some"
    );
    while !reads(&peer) {
        peer.take(key);
    }
}

#[test]
fn reading_goes_on_for_whoever_waits_for_an_answer() {
    let mut peer = Peer::connected();
    peer.subscribe(1);
    peer.hear(&messages("s1", 0..3));
    assert!(!reads(&peer));
    let op = peer.ask("x");
    assert!(reads(&peer));
    assert_eq!(peer.wakes(), [Wake::Reader]);
    let sent = peer.sent();
    peer.answer(&sent);
    assert_eq!(peer.outcome(op), "Confirmed");
    assert!(!reads(&peer));
}

#[test]
fn reading_goes_on_for_a_hungry_inbox_behind_a_full_one() {
    let mut peer = Peer::connected();
    peer.subscribe(1);
    let hungry = {
        let op = peer.ask_to_subscribe(AckMode::Auto, 5);
        let sent = peer.sent();
        peer.answer(&sent);
        peer.subscribed(op)
    };
    peer.wakes();
    peer.hear(&messages("s1", 0..3));
    assert!(!reads(&peer));
    assert!(peer.has_nothing(hungry));
    assert!(reads(&peer));
    assert_eq!(peer.wakes(), [Wake::Reader]);
    peer.hear(&message("s2", 9));
    assert_eq!(peer.wakes(), [Wake::Inbox(hungry)]);
    peer.take(hungry);
    assert!(!reads(&peer));
    assert!(peer.has_nothing(hungry));
    peer.engine.stop_waiting(hungry, peer.now);
    assert!(!reads(&peer), "nobody waits any more");
}

#[test]
fn even_for_an_answer_reading_stops_beyond_the_overflow() {
    let mut peer = Peer::connected_to(GENERIC, small());
    let key = peer.subscribe(1_000);
    let op = peer.ask("x");
    let mut received = 0;
    while reads(&peer) {
        peer.hear(&message("s1", received));
        received += 1;
    }
    assert!((28..=40).contains(&received), "{received}");
    assert_eq!(peer.outcome(op), "not yet");
    peer.wakes();
    peer.sleep_ms(20_000);
    assert!(peer.outcome(op).starts_with("sent") || peer.outcome(op) == "not yet");
    peer.take(key);
}

#[test]
fn after_one_second_it_is_told_whose_messages_nobody_takes() {
    let mut peer = Peer::connected();
    peer.subscribe(10);
    peer.subscribe(1);
    peer.hear(&(messages("s1", 0..3) + &messages("s2", 0..2)));
    peer.events();
    peer.sleep_ms(999);
    assert_eq!(peer.events(), Vec::<String>::new());
    peer.sleep_ms(1);
    let told = "nothing is read any more: nobody takes the messages of subscription 2";
    assert_eq!(peer.events(), [told]);
    peer.sleep_ms(100_000);
    assert_eq!(peer.events(), Vec::<String>::new(), "it is told once");
    assert_eq!(peer.engine.stats().stops, 1);
}

#[test]
fn full_inbox_does_not_keep_the_next_connection_from_coming_up() {
    let mut peer = Peer::connected();
    peer.subscribe_by(AckMode::Auto, 1);
    peer.hear(&messages("s1", 0..3));
    assert!(!reads(&peer));
    peer.lose();
    peer.sleep_ms(10);
    peer.dial();
    assert!(reads(&peer), "CONNECTED is to come");
    peer.hear(GENERIC);
    assert!(reads(&peer), "and so is the answer to SUBSCRIBE");
    let replay = peer.sent();
    peer.answer(&replay);
    assert!(!reads(&peer));
}

#[test]
fn subscription_that_is_dropped_gives_its_room_back() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(1);
    peer.hear(&messages("s1", 0..3));
    assert!(!reads(&peer));
    peer.engine.drop_subscriber(key, peer.now);
    assert!(reads(&peer));
    assert!(peer.wakes().contains(&Wake::Reader));
}

#[test]
fn lost_connection_gives_back_the_room_of_what_comes_again() {
    let mut peer = Peer::connected();
    peer.subscribe(1);
    peer.hear(&messages("s1", 0..3));
    peer.reconnect(GENERIC);
    assert!(reads(&peer));
}

#[test]
fn long_ids_of_messages_that_nobody_settles_count_as_well() {
    let mut peer = Peer::connected_to(GENERIC, small());
    let key = peer.subscribe_by(AckMode::ClientIndividual, 1_000);
    let long = format!("ack:{}", "k".repeat(1_000));
    let mut in_hand = Vec::new();
    while reads(&peer) && in_hand.len() < 100 {
        let n = in_hand.len();
        peer.hear(&message("s1", n as u32).replace(&format!("ack:k{n}"), &long));
        in_hand.push(peer.take(key).delivery.token);
    }
    assert!((4..=5).contains(&in_hand.len()), "{} taken", in_hand.len());
    // Dropped ones can still be given back, so their ids are kept.
    let now = peer.now;
    peer.engine.release(&in_hand[0], now);
    assert!(!reads(&peer));
    for token in &in_hand[1..] {
        let settled = peer.engine.settle(Verdict::Ack, token, now);
        assert!(matches!(settled, Ok(Settled::Sent)), "{settled:?}");
    }
    assert!(reads(&peer));
}

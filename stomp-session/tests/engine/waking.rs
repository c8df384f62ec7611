//! Exactly who is woken.

use stomp_session::engine::Wake;

use crate::peer::{GENERIC, Peer, message, quiet};

#[test]
fn one_receipt_wakes_one_and_only_one_who_waits() {
    let mut peer = Peer::connected();
    let waits = peer.ask("1");
    peer.ask("2");
    assert_eq!(peer.outcome(waits), "not yet");
    let sent = peer.sent();
    peer.answer(&sent);
    assert_eq!(peer.wakes(), [Wake::Operation(waits)]);
}

#[test]
fn message_wakes_whoever_found_nothing_once() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(10);
    peer.hear(&message("s1", 1));
    assert_eq!(peer.wakes(), [], "nobody waits");
    peer.take(key);
    assert!(peer.has_nothing(key));
    peer.hear(&message("s1", 2));
    peer.hear(&message("s1", 3));
    assert_eq!(peer.wakes(), [Wake::Inbox(key)]);
}

#[test]
fn driver_that_sleeps_is_woken_once_and_one_that_is_awake_never() {
    let mut peer = Peer::connected();
    peer.send("1", false);
    assert_eq!(peer.wakes(), [], "it is awake");
    peer.sent();
    peer.sleeps(true);
    assert_eq!(peer.wakes(), []);
    peer.send("2", false);
    peer.send("3", false);
    assert_eq!(peer.wakes(), [Wake::Driver]);
}

#[test]
fn driver_that_falls_asleep_over_something_to_do_is_woken_at_once() {
    let mut peer = Peer::connected();
    peer.send("1", false);
    peer.sleeps(true);
    assert_eq!(peer.wakes(), [Wake::Driver]);
    let mut peer = Peer::new(quiet(), "stomp://a");
    peer.sleeps(true);
    assert_eq!(peer.wakes(), [], "to dial is due, and it is told when");
    assert_eq!(peer.engine.poll_timeout(), Some(peer.now));
}

#[test]
fn driver_that_cannot_write_is_not_woken_to_write() {
    let mut peer = Peer::connected();
    peer.sleeps(false);
    peer.send("1", false);
    assert_eq!(peer.wakes(), []);
    peer.sleeps(true);
    assert_eq!(peer.wakes(), [Wake::Driver]);
}

#[test]
fn driver_is_woken_for_a_deadline_that_comes_sooner() {
    let mut peer = Peer::connected();
    peer.ask_within("1", 5_000);
    peer.sent();
    peer.sleeps(true);
    peer.sleeps(false);
    assert_eq!(peer.wakes(), []);
    peer.ask_within("2", 9_000);
    assert_eq!(peer.wakes(), [], "it comes later");
    peer.ask_within("3", 1_000);
    assert_eq!(peer.wakes(), [Wake::Driver]);
}

#[test]
fn driver_is_woken_for_work() {
    let mut peer = Peer::connected();
    peer.sleeps(true);
    peer.lose();
    let wakes = peer.wakes();
    let woken = wakes.iter().filter(|wake| **wake == Wake::Driver).count();
    assert_eq!(woken, 1, "{wakes:?}");
}

#[test]
fn listener_is_told_once_each_time_it_finds_nothing() {
    let mut peer = Peer::connected();
    assert_eq!(peer.events(), Vec::<String>::new());
    peer.lose();
    let listened = |wakes: Vec<Wake>| {
        let is_it = |wake: &&Wake| matches!(wake, Wake::Listener(_));
        wakes.iter().filter(is_it).count()
    };
    let wakes = peer.wakes();
    assert_eq!(listened(wakes), 1);
    assert_eq!(peer.events().len(), 2);
    peer.sleep_ms(10);
    peer.dial();
    peer.hear(GENERIC);
    let wakes = peer.wakes();
    assert_eq!(listened(wakes), 1);
}

#[test]
fn lost_connection_wakes_only_those_whose_wait_is_over() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(10);
    assert!(peer.has_nothing(key));
    let op = peer.ask("1");
    assert_eq!(peer.outcome(op), "not yet");
    peer.sent();
    peer.lose();
    let wakes = peer.wakes();
    assert!(wakes.contains(&Wake::Operation(op)));
    assert!(!wakes.contains(&Wake::Inbox(key)) && !wakes.contains(&Wake::Everybody));
}

/// Whether whoever watches was told, and how often.
fn watched(peer: &mut Peer) -> usize {
    let wakes = peer.wakes();
    let is_it = |wake: &&Wake| **wake == Wake::Watcher;
    wakes.iter().filter(is_it).count()
}

#[test]
fn whoever_watches_is_told_of_a_message_that_nobody_waits_for() {
    let mut peer = Peer::connected();
    peer.subscribe(10);
    assert!(!peer.engine.watch(), "there is nothing as yet");
    peer.hear(&message("s1", 1));
    peer.hear(&message("s1", 2));
    assert_eq!(watched(&mut peer), 1, "once for each look");
    assert!(peer.engine.watch());
}

#[test]
fn whoever_watches_is_told_of_an_event() {
    let mut peer = Peer::connected();
    peer.engine.watch();
    peer.lose();
    assert_eq!(watched(&mut peer), 1);
    assert!(!peer.events().is_empty());
}

#[test]
fn whoever_watches_is_told_of_the_end_of_an_operation() {
    let mut peer = Peer::connected();
    peer.ask("x");
    let sent = peer.sent();
    peer.engine.watch();
    peer.answer(&sent);
    assert_eq!(watched(&mut peer), 1);
}

#[test]
fn driver_whose_wake_was_not_passed_on_is_woken_for_what_there_is_besides() {
    let mut peer = Peer::connected();
    peer.sleeps(true);
    peer.ask_within("x", 1_000);
    assert_eq!(peer.wakes(), [Wake::Driver]);
    // Whoever has sent it writes it as well.
    peer.sent();
    peer.engine.sleep_on();
    assert_eq!(peer.wakes(), [Wake::Driver], "there is a deadline to keep");
    peer.sleeps(true);
    peer.send("y", false);
    assert_eq!(peer.wakes(), [Wake::Driver]);
    peer.sent();
    peer.engine.sleep_on();
    assert_eq!(peer.wakes(), [], "nothing is left to do");
    peer.send("z", false);
    assert_eq!(peer.wakes(), [Wake::Driver], "another one follows");
}

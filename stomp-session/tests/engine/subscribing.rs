use stomp_commands::AckMode;
use stomp_session::engine::{Taken, Verdict, Wake};

use crate::peer::{ACTIVEMQ, GENERIC, Peer, RABBITMQ, message, messages, quiet};

#[test]
fn receipt_answers_a_subscribe() {
    let mut peer = Peer::connected();
    let op = peer.ask_to_subscribe(AckMode::Auto, 10);
    let sent = peer.sent();
    assert_eq!(peer.outcome(op), "not yet");
    peer.answer(&sent);
    assert_eq!(peer.wakes(), [Wake::Operation(op)]);
    peer.subscribed(op);
}

#[test]
fn message_is_answer_enough() {
    let mut peer = Peer::connected();
    let op = peer.ask_to_subscribe(AckMode::Auto, 10);
    peer.sent();
    assert_eq!(peer.outcome(op), "not yet");
    peer.hear(&message("s1", 1));
    assert_eq!(peer.wakes(), [Wake::Operation(op)]);
    let key = peer.subscribed(op);
    peer.take(key);
}

#[test]
fn subscribe_that_nobody_answers_stands_after_two_seconds() {
    let mut peer = Peer::connected();
    let op = peer.ask_to_subscribe(AckMode::Auto, 10);
    peer.sent();
    peer.sleep_ms(1_999);
    assert_eq!(peer.outcome(op), "not yet");
    peer.sleep_ms(1);
    peer.subscribed(op);
    let events = peer.events();
    assert_eq!(
        events,
        ["subscription 1 was not answered, and counts as accepted"]
    );
}

#[test]
fn broker_that_answers_no_subscribe_is_remembered() {
    let mut peer = Peer::connected();
    let op = peer.ask_to_subscribe(AckMode::Auto, 10);
    peer.sent();
    peer.sleep_ms(2_000);
    peer.subscribed(op);
    peer.events();
    let second = peer.ask_to_subscribe(AckMode::Auto, 10);
    peer.sent();
    peer.sleep_ms(0);
    peer.subscribed(second);
    assert_eq!(peer.events(), Vec::<String>::new(), "it is said once");
    peer.reconnect(GENERIC);
    peer.sent();
    peer.sleep_ms(0);
    let events = peer.events();
    assert_eq!(
        events.last().map(String::as_str),
        Some("the subscriptions are back")
    );
}

#[test]
fn broker_that_was_only_slow_is_not_taken_for_a_silent_one() {
    let mut peer = Peer::connected();
    let op = peer.ask_to_subscribe(AckMode::Auto, 10);
    let sent = peer.sent();
    peer.sleep_ms(2_000);
    peer.subscribed(op);
    peer.answer(&sent);
    let second = peer.ask_to_subscribe(AckMode::Auto, 10);
    peer.sent();
    peer.sleep_ms(1_999);
    assert!(
        peer.engine.outcome(second).is_none(),
        "it has its time again"
    );
    peer.sleep_ms(1);
    peer.subscribed(second);
}

#[test]
fn every_subscribe_has_the_whole_two_seconds() {
    let mut peer = Peer::connected();
    let first = peer.ask_to_subscribe(AckMode::Auto, 10);
    let sent = peer.sent();
    peer.answer(&sent);
    peer.subscribed(first);
    peer.sleep_ms(1_950);
    let second = peer.ask_to_subscribe(AckMode::Auto, 10);
    let sent = peer.sent();
    peer.sleep_ms(100);
    assert_eq!(peer.outcome(second), "not yet", "it was sent 100 ms ago");
    peer.answer(&sent);
    peer.subscribed(second);
    assert!(peer.events().is_empty(), "this broker does answer");
}

#[test]
fn subscribe_that_was_not_written_yet_does_not_count_as_accepted() {
    let mut peer = Peer::connected();
    peer.send(&"x".repeat(100_000), false);
    let link = peer.link();
    peer.engine.poll_transmit(link, peer.now);
    let op = peer.ask_to_subscribe(AckMode::Auto, 10);
    peer.sleep_ms(2_500);
    assert_eq!(peer.outcome(op), "not yet", "nobody could answer it");
    peer.sent();
    peer.sleep_ms(2_000);
    peer.subscribed(op);
}

#[test]
fn refused_subscription_ends_with_the_reason_and_is_not_replayed() {
    let mut peer = Peer::connected();
    let op = peer.ask_to_subscribe(AckMode::Auto, 10);
    peer.sent();
    peer.hear("ERROR\nreceipt-id:r1\nmessage:no such queue\n\n\0");
    let outcome = peer.outcome(op);
    assert!(outcome.contains("no such queue"), "{outcome}");
    peer.sleep_ms(10);
    peer.dial();
    peer.hear(GENERIC);
    assert_eq!(peer.sent(), "");
}

#[test]
fn subscription_that_is_refused_on_a_later_connection_ends_behind_what_it_holds() {
    let mut peer = Peer::connected();
    let key = peer.subscribe_by(AckMode::Auto, 10);
    peer.hear(&message("s1", 1));
    assert_eq!(peer.take(key).delivery.message.message_id(), "m1");
    assert!(peer.has_nothing(key));
    peer.hear(&message("s1", 2));
    peer.wakes();
    peer.reconnect(GENERIC);
    let replay = peer.sent();
    let receipt = replay
        .split("receipt:")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let receipt = receipt.expect("it asks for a receipt");
    peer.hear(&format!("ERROR\nreceipt-id:{receipt}\nmessage:gone\n\n\0"));
    assert_eq!(peer.take(key).delivery.message.message_id(), "m2");
    match peer.engine.take(key, peer.now) {
        Taken::Ended(Some(error)) => assert!(error.to_string().contains("gone"), "{error}"),
        other => panic!("expected the end, got {other:?}"),
    }
    let again = peer.engine.take(key, peer.now);
    assert!(matches!(again, Taken::Ended(None)), "it is told once");
}

#[test]
fn rabbitmq_never_gets_a_cumulative_ack() {
    let mut peer = Peer::connected_to(RABBITMQ, quiet());
    let op = peer.ask_to_subscribe(AckMode::Client, 10);
    let sent = peer.sent();
    assert!(sent.contains("ack:client-individual"), "{sent}");
    peer.answer(&sent);
    let key = peer.subscribed(op);
    peer.hear(&messages("s1", 0..3));
    let tokens: Vec<_> = (0..3).map(|_| peer.take(key).delivery.token).collect();
    let settled = peer.engine.settle(Verdict::Ack, &tokens[2], peer.now);
    settled.expect("it is open");
    assert_eq!(peer.commands(), ["ACK k0", "ACK k1", "ACK k2"]);
}

#[test]
fn error_that_names_a_receipt_refuses_only_the_frame_that_asked_for_it() {
    let mut peer = Peer::connected();
    let first = peer.ask("1");
    let second = peer.ask("2");
    peer.sent();
    peer.hear("ERROR\nreceipt-id:r2\nmessage:too large\n\n\0");
    let [first, second] = [first, second].map(|op| peer.outcome(op));
    assert!(first.starts_with("sent, but not confirmed"), "{first}");
    assert!(second.starts_with("the broker refused"), "{second}");
}

#[test]
fn cumulative_ack_to_rabbitmq_reaches_what_was_let_go_of() {
    let mut peer = Peer::connected_to(RABBITMQ, quiet());
    let key = peer.subscribe_by(AckMode::Client, 10);
    peer.hear(&messages("s1", 0..2));
    let tokens: Vec<_> = (0..2).map(|_| peer.take(key).delivery.token).collect();
    peer.engine.release(&tokens[0], peer.now);
    let settled = peer.engine.settle(Verdict::Ack, &tokens[1], peer.now);
    settled.expect("it is open");
    assert_eq!(peer.commands(), ["ACK k0", "ACK k1"]);
}

#[test]
fn cumulative_nack_to_activemq_names_every_message() {
    let mut peer = Peer::connected_to(ACTIVEMQ, quiet());
    let key = peer.subscribe_by(AckMode::Client, 10);
    peer.hear(&messages("s1", 0..2));
    let tokens: Vec<_> = (0..2).map(|_| peer.take(key).delivery.token).collect();
    let nack = Verdict::Nack(None);
    let settled = peer.engine.settle(nack, &tokens[1], peer.now);
    settled.expect("it is open");
    assert_eq!(peer.commands(), ["NACK k0", "NACK k1"]);
}

#[test]
fn broker_is_not_taken_for_silent_while_nothing_is_read() {
    let mut settings = quiet();
    settings.inbox = 1_000;
    settings.overflow = 0;
    let mut peer = Peer::connected_to(GENERIC, settings);
    let full = peer.subscribe_by(AckMode::Auto, 10);
    peer.hear(&messages("s1", 0..3));
    assert!(!peer.engine.wants_read(peer.link()));
    peer.events();
    let op = peer.ask_to_subscribe(AckMode::Auto, 10);
    peer.sent();
    peer.sleep_ms(2_000);
    peer.subscribed(op);
    while !peer.engine.wants_read(peer.link()) {
        peer.take(full);
    }
    let second = peer.ask_to_subscribe(AckMode::Auto, 10);
    peer.sent();
    peer.sleep_ms(1_999);
    assert_eq!(peer.outcome(second), "not yet", "nobody knows how it is");
}

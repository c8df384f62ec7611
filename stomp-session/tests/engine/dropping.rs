//! How a subscription ends, by the book of each broker.

use std::time::Duration;

use stomp_commands::AckMode;
use stomp_session::engine::{Taken, Verdict, Wake};
use stomp_session::{AckToken, SubscriptionKey};

use crate::peer::{ACTIVEMQ, GENERIC, Peer, RABBITMQ, message, messages, quiet};

/// A subscription with `held` messages, the first `in_hand` of which the application has.
fn holding(
    connected: &str,
    capacity: usize,
    held: u32,
    in_hand: usize,
) -> (Peer, SubscriptionKey, Vec<AckToken>) {
    let mut peer = Peer::connected_to(connected, quiet());
    let key = peer.subscribe(capacity);
    peer.hear(&messages("s1", 0..held));
    let tokens = (0..in_hand).map(|_| peer.take(key).delivery.token);
    let tokens = tokens.collect();
    (peer, key, tokens)
}

fn ack(peer: &mut Peer, token: &AckToken) {
    let settled = peer.engine.settle(Verdict::Ack, token, peer.now);
    assert_eq!(settled.expect("it is open"), stomp_session::Settled::Sent);
}

/// The broker has read all that was settled before.
fn pass_fence(peer: &mut Peer) {
    let sent = peer.sent();
    let commands: Vec<_> = sent.split('\0').filter_map(|f| f.lines().next()).collect();
    assert_eq!(commands, ["BEGIN", "ABORT"]);
    peer.answer(&sent);
}

#[test]
fn rabbitmq_gets_it_all_in_one_write_once_its_prefetch_is_here() {
    let (mut peer, key, _) = holding(RABBITMQ, 3, 3, 0);
    peer.engine.drop_subscriber(key, peer.now);
    let expected = [
        "BEGIN t1",
        "NACK k0 t1",
        "NACK k1 t1",
        "NACK k2 t1",
        "UNSUBSCRIBE s1",
        "COMMIT t1",
    ];
    let link = peer.link();
    let piece = peer.engine.poll_transmit(link, peer.now).expect("frames");
    assert_eq!(
        piece.iter().filter(|octet| **octet == 0).count(),
        expected.len()
    );
    assert!(peer.engine.poll_transmit(link, peer.now).is_none());
    let text = String::from_utf8_lossy(&piece).into_owned();
    for (frame, expected) in text.split('\0').zip(expected) {
        let command = expected.split(' ').next().unwrap_or_default();
        assert!(frame.starts_with(command), "{frame}");
    }
    assert_eq!(text.matches("requeue:true").count(), 3, "{text}");
}

#[test]
fn rabbitmq_is_waited_for_until_nothing_has_come_for_50_ms() {
    let (mut peer, key, _) = holding(RABBITMQ, 10, 2, 0);
    peer.engine.drop_subscriber(key, peer.now);
    pass_fence(&mut peer);
    peer.sleep_ms(49);
    peer.hear(&message("s1", 2));
    peer.sleep_ms(49);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(1);
    pass_fence(&mut peer);
    let expected = [
        "BEGIN t3",
        "NACK k0 t3",
        "NACK k1 t3",
        "NACK k2 t3",
        "UNSUBSCRIBE s1",
        "COMMIT t3",
    ];
    assert_eq!(peer.commands(), expected);
}

#[test]
fn rabbitmq_that_is_busy_is_waited_for_until_it_has_read_the_acks_and_as_long_again() {
    let (mut peer, key, hand) = holding(RABBITMQ, 3, 3, 2);
    for token in &hand {
        ack(&mut peer, token);
    }
    assert_eq!(peer.commands(), ["ACK k0", "ACK k1"]);
    peer.engine.drop_subscriber(key, peer.now);
    peer.sleep_ms(300);
    pass_fence(&mut peer);
    peer.sleep_ms(299);
    assert_eq!(peer.sent(), "");
    peer.hear(&message("s1", 3));
    peer.sleep_ms(299);
    assert_eq!(peer.sent(), "");
    peer.hear(&message("s1", 4));
    let expected = [
        "BEGIN t2",
        "NACK k2 t2",
        "NACK k3 t2",
        "NACK k4 t2",
        "UNSUBSCRIBE s1",
        "COMMIT t2",
    ];
    assert_eq!(peer.commands(), expected, "its prefetch is here");
}

#[test]
fn rabbitmq_that_stood_still_is_not_taken_for_quiet() {
    let (mut peer, key, _) = holding(RABBITMQ, 10, 2, 0);
    peer.engine.drop_subscriber(key, peer.now);
    pass_fence(&mut peer);
    peer.sleep_ms(50);
    let fence = peer.sent();
    assert!(
        fence.starts_with("BEGIN") && fence.contains("ABORT"),
        "{fence}"
    );
    // What was on its way comes in front of the answer.
    peer.sleep_ms(20);
    peer.hear(&message("s1", 2));
    peer.answer(&fence);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(50);
    let fence = peer.sent();
    // Whoever takes long to answer takes long to send.
    peer.sleep_ms(100);
    peer.answer(&fence);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(99);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(1);
    pass_fence(&mut peer);
    let sent = peer.sent();
    assert_eq!(sent.matches("NACK").count(), 3, "{sent}");
    assert!(sent.contains("UNSUBSCRIBE"), "{sent}");
}

#[test]
fn rabbitmq_that_never_rests_is_waited_for_for_a_second() {
    let (mut peer, key, _) = holding(RABBITMQ, 100, 2, 0);
    peer.engine.drop_subscriber(key, peer.now);
    pass_fence(&mut peer);
    for n in 2..35 {
        peer.sleep_ms(30);
        peer.hear(&message("s1", n));
        assert!(n == 34 || peer.sent().is_empty(), "{n}");
    }
    peer.sleep_ms(10);
    let sent = peer.sent();
    assert!(sent.contains("UNSUBSCRIBE"), "{sent}");
}

#[test]
fn rabbitmq_that_never_reads_the_acks_is_not_waited_for_longer_than_a_receipt() {
    let (mut peer, key, _) = holding(RABBITMQ, 10, 2, 0);
    peer.engine.drop_subscriber(key, peer.now);
    assert_eq!(peer.commands().len(), 2);
    peer.sleep_ms(14_999);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(1 + 1_000);
    assert!(peer.sent().contains("UNSUBSCRIBE"));
}

#[test]
fn acks_are_held_back_from_rabbitmq_while_a_subscription_ends() {
    let (mut peer, key, hand) = holding(RABBITMQ, 10, 2, 2);
    peer.engine.drop_subscriber(key, peer.now);
    pass_fence(&mut peer);
    ack(&mut peer, &hand[0]);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(50);
    pass_fence(&mut peer);
    let expected = [
        "BEGIN t3",
        "ACK k1 t3",
        "BEGIN t4",
        "NACK k1 t4",
        "BEGIN t5",
        "ACK k0 t5",
        "UNSUBSCRIBE s1",
        "COMMIT t5",
    ];
    assert_eq!(peer.commands(), expected);
    ack(&mut peer, &hand[1]);
    assert_eq!(peer.commands(), ["COMMIT t3", "ABORT t4"]);
}

#[test]
fn cumulative_ack_that_is_held_back_reaches_what_came_before() {
    let mut peer = Peer::connected_to(RABBITMQ, quiet());
    let key = peer.subscribe_by(AckMode::Client, 10);
    peer.hear(&messages("s1", 0..3));
    let hand: Vec<_> = (0..3).map(|_| peer.take(key).delivery.token).collect();
    peer.engine.drop_subscriber(key, peer.now);
    pass_fence(&mut peer);
    ack(&mut peer, &hand[2]);
    peer.sleep_ms(50);
    pass_fence(&mut peer);
    let expected = [
        "BEGIN t3",
        "ACK k0 t3",
        "ACK k1 t3",
        "ACK k2 t3",
        "UNSUBSCRIBE s1",
        "COMMIT t3",
    ];
    assert_eq!(peer.commands(), expected);
}

#[test]
fn what_is_dropped_in_hand_after_the_end_goes_back_to_rabbitmq() {
    let (mut peer, key, hand) = holding(RABBITMQ, 1, 1, 1);
    peer.engine.drop_subscriber(key, peer.now);
    assert_eq!(
        peer.commands(),
        [
            "BEGIN t1",
            "ACK k0 t1",
            "BEGIN t2",
            "NACK k0 t2",
            "UNSUBSCRIBE s1"
        ]
    );
    peer.engine.release(&hand[0], peer.now);
    assert_eq!(peer.commands(), ["COMMIT t2", "ABORT t1"]);
    let again = peer.engine.settle(Verdict::Ack, &hand[0], peer.now);
    assert!(again.is_err(), "it is settled");
}

#[test]
fn activemq_is_unsubscribed_when_what_is_in_hand_is_settled() {
    for broker in [ACTIVEMQ, GENERIC] {
        let (mut peer, key, hand) = holding(broker, 10, 3, 2);
        peer.engine.drop_subscriber(key, peer.now);
        peer.sleep_ms(10_000);
        assert_eq!(peer.sent(), "");
        ack(&mut peer, &hand[0]);
        assert_eq!(peer.commands(), ["ACK k0"]);
        peer.engine.release(&hand[1], peer.now);
        assert_eq!(peer.commands(), ["UNSUBSCRIBE s1"]);
    }
}

#[test]
fn what_still_comes_for_it_goes_to_nobody() {
    let (mut peer, key, hand) = holding(ACTIVEMQ, 10, 1, 1);
    peer.engine.drop_subscriber(key, peer.now);
    peer.hear(&message("s1", 7));
    assert!(matches!(
        peer.engine.take(key, peer.now),
        Taken::Ended(None)
    ));
    assert_eq!(peer.engine.stats().orphans, 1);
    ack(&mut peer, &hand[0]);
    assert_eq!(peer.commands(), ["ACK k0", "UNSUBSCRIBE s1"]);
}

#[test]
fn nothing_in_hand_is_unsubscribed_at_once() {
    for broker in [ACTIVEMQ, GENERIC] {
        let (mut peer, key, _) = holding(broker, 10, 3, 0);
        peer.engine.drop_subscriber(key, peer.now);
        assert_eq!(peer.commands(), ["UNSUBSCRIBE s1"]);
    }
}

#[test]
fn unsubscribe_ends_with_its_receipt() {
    let (mut peer, key, _) = holding(GENERIC, 10, 0, 0);
    let op = peer.engine.unsubscribe(key, None, None, peer.now);
    assert_eq!(peer.outcome(op), "not yet");
    let sent = peer.sent();
    peer.answer(&sent);
    assert_eq!(peer.wakes(), [Wake::Operation(op)]);
    assert_eq!(peer.outcome(op), "Unsubscribed");
}

#[test]
fn unsubscribe_of_what_is_gone_is_done() {
    let (mut peer, key, _) = holding(GENERIC, 10, 0, 0);
    peer.engine.drop_subscriber(key, peer.now);
    let op = peer.engine.unsubscribe(key, None, None, peer.now);
    assert_eq!(peer.outcome(op), "Unsubscribed");
}

#[test]
fn draining_waits_for_what_is_in_hand_until_its_time_is_up() {
    for (broker, last) in [(ACTIVEMQ, 0), (RABBITMQ, 50)] {
        let (mut peer, key, _hand) = holding(broker, 10, 2, 1);
        let drain = Some(Duration::from_secs(3));
        let op = peer.engine.unsubscribe(key, drain, None, peer.now);
        peer.sleep_ms(2_999);
        assert_eq!(peer.sent(), "");
        peer.sleep_ms(1);
        if last > 0 {
            pass_fence(&mut peer);
        }
        if last > 0 {
            peer.sleep_ms(last);
            pass_fence(&mut peer);
        }
        let sent = peer.sent();
        assert!(sent.contains("UNSUBSCRIBE"), "{sent}");
        peer.answer(&sent);
        assert_eq!(peer.outcome(op), "Unsubscribed");
    }
}

#[test]
fn whoever_waits_for_a_message_learns_of_the_end() {
    for broker in [ACTIVEMQ, RABBITMQ] {
        let (mut peer, key, _) = holding(broker, 10, 0, 0);
        assert!(peer.has_nothing(key));
        peer.engine.unsubscribe(key, None, None, peer.now);
        assert!(peer.wakes().contains(&Wake::Inbox(key)));
        assert!(matches!(
            peer.engine.take(key, peer.now),
            Taken::Ended(None)
        ));
    }
}

#[test]
fn end_of_the_connection_ends_what_was_about_to_end() {
    for broker in [ACTIVEMQ, RABBITMQ] {
        let (mut peer, key, _hand) = holding(broker, 10, 2, 1);
        let drain = Some(Duration::from_secs(30));
        let op = peer.engine.unsubscribe(key, drain, None, peer.now);
        peer.reconnect(broker);
        assert_eq!(peer.outcome(op), "Unsubscribed");
        assert_eq!(peer.sent(), "", "it is not replayed");
    }
}

#[test]
fn error_about_a_subscription_that_we_have_just_ended_ends_nothing() {
    let (mut peer, key, _) = holding(RABBITMQ, 1, 1, 0);
    peer.engine.drop_subscriber(key, peer.now);
    peer.sent();
    peer.hear(
        "ERROR\nmessage:Subscription not found\n\nThere is no current subscription with tag 'T_s1'.\n\0",
    );
    assert!(peer.engine.connection().is_some());
}

#[test]
fn that_nothing_comes_proves_nothing_while_nothing_is_read() {
    let mut settings = quiet();
    settings.inbox = 1_000;
    settings.overflow = 0;
    let mut peer = Peer::connected_to(RABBITMQ, settings);
    let ends = peer.subscribe(10);
    let full = {
        let op = peer.ask_to_subscribe(AckMode::Auto, 1);
        let sent = peer.sent();
        peer.answer(&sent);
        peer.subscribed(op)
    };
    peer.hear(&messages("s2", 0..3));
    assert!(!peer.engine.wants_read(peer.link()));
    peer.engine.drop_subscriber(ends, peer.now);
    let fence = peer.sent();
    peer.sleep(Duration::from_secs(10));
    assert_eq!(peer.sent(), "", "what was sent to it waits to be read");
    while !peer.engine.wants_read(peer.link()) {
        peer.take(full);
    }
    peer.answer(&fence);
    peer.hear(&message("s1", 7));
    peer.sleep_ms(49);
    assert_eq!(peer.sent(), "");
    peer.sleep_ms(1);
    pass_fence(&mut peer);
    let sent = peer.sent();
    assert!(
        sent.contains("NACK") && sent.contains("UNSUBSCRIBE"),
        "{sent}"
    );
}

#[test]
fn client_that_leaves_does_not_wait_for_rabbitmq_to_have_read_the_acks() {
    let (mut peer, key, _) = holding(RABBITMQ, 10, 2, 0);
    peer.engine.drop_subscriber(key, peer.now);
    assert_eq!(peer.commands().len(), 2);
    peer.engine.disconnect(peer.now);
    peer.sleep_ms(50);
    let sent = peer.sent();
    assert!(sent.contains("UNSUBSCRIBE"), "{sent}");
    assert!(sent.contains("DISCONNECT"), "{sent}");
}

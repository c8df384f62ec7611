//! What brokers say in a way of their own, and what goes beyond our limits.

use stomp_session::Settled;
use stomp_session::engine::{Arrival, Verdict};

use crate::peer::{ACTIVEMQ, GENERIC, Peer, RABBITMQ, message, quiet};

const ARTEMIS: &str = "CONNECTED\nversion:1.1\n\
    server:ActiveMQ-Artemis/2.31.0 ActiveMQ Artemis Messaging Engine\n\n\0";

/// What is wrong with a message, in words.
fn defect(arrival: &Arrival) -> String {
    let defect = arrival.defect.as_ref();
    defect.map_or_else(String::new, ToString::to_string)
}

#[test]
fn error_that_names_its_frame_by_receipt_refuses_that_frame_only() {
    let mut peer = Peer::connected();
    let ops = ["1", "2", "3"].map(|body| peer.ask(body));
    peer.sent();
    peer.hear("ERROR\nreceipt:r2\nmessage:too large\n\n\0");
    let [first, second, third] = ops.map(|op| peer.outcome(op));
    assert!(first.starts_with("sent, but not confirmed"), "{first}");
    assert!(second.contains("refused: too large"), "{second}");
    assert!(third.starts_with("sent, but not confirmed"), "{third}");
}

#[test]
fn head_beyond_the_limits_is_an_item_that_can_be_settled() {
    let many: String = (0..300).map(|n| format!("h{n}:v\n")).collect();
    let long = format!("k:{}\n", "v".repeat(20 << 10));
    let longer = format!("k:{}\n", "v".repeat(15 << 10)).repeat(5);
    for headers in [many, long, longer] {
        let mut peer = Peer::connected();
        let key = peer.subscribe(10);
        let normal = message("s1", 1);
        let huge = normal.replacen("ack:", &(headers + "ack:"), 1);
        peer.hear(&(huge + &message("s1", 2)));
        let arrival = peer.take(key);
        assert!(defect(&arrival).starts_with("cannot be read: "));
        let settled = peer
            .engine
            .settle(Verdict::Ack, &arrival.delivery.token, peer.now);
        assert_eq!(settled.expect("open"), Settled::Sent);
        assert_eq!(peer.commands(), ["ACK k1"]);
        assert_eq!(defect(&peer.take(key)), "", "the next one is a good one");
    }
}

#[test]
fn carriage_return_is_read_as_rabbitmq_and_artemis_write_it_in_1_1() {
    let rabbitmq = RABBITMQ.replace("1.2", "1.1");
    for connected in [rabbitmq.as_str(), ARTEMIS] {
        let mut peer = Peer::connected_to(connected, quiet());
        let key = peer.subscribe(10);
        peer.hear(&message("s1", 1).replacen("ack:", "k:a\\rb\nack:", 1));
        let arrival = peer.take(key);
        assert_eq!(defect(&arrival), "");
        let headers = arrival.delivery.message.headers();
        assert_eq!(headers.get("k"), Some("a\rb"), "{connected}");
    }
}

#[test]
fn carriage_return_that_nobody_defines_makes_a_message_unreadable_and_no_more() {
    let activemq = ACTIVEMQ.replace("1.2", "1.1");
    let mut peer = Peer::connected_to(&activemq, quiet());
    let key = peer.subscribe(10);
    let bad = message("s1", 1).replacen("ack:", "k:a\\rb\nack:", 1);
    peer.hear(&(bad + &message("s1", 2)));
    assert_ne!(defect(&peer.take(key)), "");
    assert_eq!(defect(&peer.take(key)), "");
    assert!(peer.engine.connection().is_some());
}

/// A message that has less than it says.
fn cut_short() -> String {
    message("s1", 1).replacen("ack:", "content-length:100\nack:", 1)
}

#[test]
fn frame_of_activemq_ends_with_its_message_whatever_its_length_says() {
    let mut peer = Peer::connected_to(ACTIVEMQ, quiet());
    let key = peer.subscribe(10);
    peer.hear_message(&cut_short());
    let arrival = peer.take(key);
    assert!(defect(&arrival).starts_with("cannot be read: "));
    assert!(arrival.delivery.token.is_ackable());
    peer.hear_message(&message("s1", 2));
    assert_eq!(defect(&peer.take(key)), "");
}

#[test]
fn frame_of_others_may_come_in_many_messages() {
    let mut peer = Peer::connected_to(GENERIC, quiet());
    let key = peer.subscribe(10);
    peer.hear_message(&cut_short());
    assert!(peer.has_nothing(key));
    peer.hear_message(&("x".repeat(97) + "\0"));
    assert_eq!(defect(&peer.take(key)), "");
}

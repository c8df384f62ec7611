use std::time::Duration;

use stomp_session::engine::{Sent, Taken, Verdict, Wake, Work};

use crate::peer::{ACTIVEMQ, GENERIC, Peer, RABBITMQ, message, placed, quiet};

/// Whatever the driver has to do, in words.
fn works(peer: &mut Peer) -> Vec<&'static str> {
    let mut works = Vec::new();
    while let Some(work) = peer.work() {
        works.push(match work {
            Work::Dial(_) => "dial",
            Work::CancelDial(_) => "cancel",
            Work::Close { flush: None, .. } => "close",
            Work::Close { flush: Some(_), .. } => "flush and close",
            Work::End => "end",
        });
    }
    works
}

#[test]
fn disconnect_says_goodbye_and_waits_for_the_answer() {
    let mut peer = Peer::connected();
    let op = peer.engine.disconnect(peer.now);
    assert_eq!(peer.outcome(op), "not yet");
    let sent = peer.sent();
    assert!(sent.starts_with("DISCONNECT\n"), "{sent}");
    peer.answer(&sent);
    assert!(peer.wakes().contains(&Wake::Operation(op)));
    assert_eq!(peer.outcome(op), "Disconnected");
    assert_eq!(works(&mut peer), ["flush and close", "end"]);
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn disconnect_waits_for_receipts_that_are_missing() {
    let mut peer = Peer::connected();
    let op = peer.ask("x");
    let sent = peer.sent();
    let left = peer.engine.disconnect(peer.now);
    assert_eq!(peer.sent(), "");
    peer.answer(&sent);
    assert_eq!(peer.outcome(op), "Confirmed");
    let sent = peer.sent();
    assert!(sent.starts_with("DISCONNECT\n"), "{sent}");
    peer.answer(&sent);
    assert_eq!(peer.outcome(left), "Disconnected");
}

#[test]
fn disconnect_waits_for_those_who_are_in_the_line_and_takes_nobody_else() {
    let mut settings = quiet();
    settings.outbox = 10;
    let mut peer = Peer::connected_to(GENERIC, settings);
    peer.send("a long one", false);
    let place = placed(peer.send("1", false));
    peer.engine.disconnect(peer.now);
    let refused = peer.engine.send(
        &stomp_commands::Send::to("/queue/a"),
        false,
        None,
        None,
        peer.now,
    );
    assert!(refused.is_err());
    assert!(!peer.sent().contains("DISCONNECT"));
    assert_eq!(
        peer.resend("1", false, place).expect("it was there before"),
        Sent::Done
    );
    assert!(peer.sent().contains("DISCONNECT"));
}

#[test]
fn disconnect_waits_one_second_for_what_is_in_hand() {
    for broker in [ACTIVEMQ, RABBITMQ, GENERIC] {
        let mut peer = Peer::connected_to(broker, quiet());
        let key = peer.subscribe(10);
        peer.hear(&message("s1", 1));
        let _hand = peer.take(key);
        peer.engine.disconnect(peer.now);
        peer.sleep_ms(999);
        assert_eq!(peer.sent(), "");
        peer.sleep_ms(1);
        assert!(peer.sent().contains("DISCONNECT"));
    }
}

#[test]
fn disconnect_goes_on_once_what_is_in_hand_is_settled() {
    for broker in [ACTIVEMQ, RABBITMQ, GENERIC] {
        let mut peer = Peer::connected_to(broker, quiet());
        let key = peer.subscribe(10);
        peer.hear(&message("s1", 1));
        let token = peer.take(key).delivery.token;
        peer.engine.disconnect(peer.now);
        peer.sleep_ms(500);
        peer.engine
            .settle(Verdict::Ack, &token, peer.now)
            .expect("open");
        let sent = peer.sent();
        assert!(
            sent.starts_with("ACK\n") && sent.contains("DISCONNECT"),
            "{sent}"
        );
    }
}

#[test]
fn disconnect_does_not_wait_for_messages_that_nobody_has_in_hand() {
    let mut peer = Peer::connected_to(RABBITMQ, quiet());
    let key = peer.subscribe(10);
    peer.hear(&message("s1", 1));
    let token = peer.take(key).delivery.token;
    peer.engine.disconnect(peer.now);
    peer.hear(&message("s1", 2));
    peer.engine
        .settle(Verdict::Ack, &token, peer.now)
        .expect("open");
    assert!(peer.sent().contains("DISCONNECT"));
}

#[test]
fn disconnect_waits_one_second_for_the_hands_of_those_who_left_before() {
    let mut peer = Peer::connected_to(ACTIVEMQ, quiet());
    let key = peer.subscribe(10);
    peer.hear(&message("s1", 1));
    let _hand = peer.take(key);
    peer.engine.drop_subscriber(key, peer.now);
    peer.sleep_ms(100);
    let op = peer.engine.disconnect(peer.now);
    peer.sleep_ms(1_000);
    let sent = peer.sent();
    assert!(sent.contains("DISCONNECT"), "{sent}");
    peer.answer(&sent);
    assert_eq!(peer.outcome(op), "Disconnected");
}

#[test]
fn disconnect_without_an_answer_ends_at_its_deadline_and_says_so() {
    for busy in [false, true] {
        let mut peer = Peer::connected();
        if busy {
            peer.ask("x");
        }
        let op = peer.engine.disconnect(peer.now);
        peer.sent();
        peer.sleep_ms(4_999);
        assert_eq!(peer.outcome(op), "not yet");
        peer.sleep_ms(1);
        assert_eq!(
            peer.outcome(op),
            "the client is closed: no answer within 5s"
        );
        assert!(works(&mut peer).contains(&"end"));
        assert_eq!(peer.engine.poll_timeout(), None);
    }
}

#[test]
fn disconnect_that_is_answered_by_error_or_the_end_was_fine() {
    for answer in ["ERROR\nmessage:x\n\n\0", ""] {
        let mut peer = Peer::connected();
        let op = peer.engine.disconnect(peer.now);
        peer.sent();
        peer.hear(answer);
        if answer.is_empty() {
            peer.lose();
        }
        assert_eq!(peer.outcome(op), "Disconnected");
    }
}

#[test]
fn disconnect_of_a_connection_that_breaks_before_tells_what_was_lost() {
    let mut peer = Peer::connected();
    peer.send("x", false);
    let op = peer.engine.disconnect(peer.now);
    peer.lose();
    assert_eq!(peer.engine.stats().fired_lost, 1);
    assert_eq!(
        peer.outcome(op),
        "the client is closed: the connection was lost"
    );
}

#[test]
fn disconnect_without_a_connection_is_done() {
    let mut peer = Peer::new(quiet(), "stomp://a");
    let op = peer.engine.disconnect(peer.now);
    assert_eq!(peer.outcome(op), "Disconnected");
    assert_eq!(
        peer.outcome(peer.connecting),
        "the client is closed: it was disconnected"
    );
    assert_eq!(works(&mut peer), ["end"]);
}

#[test]
fn disconnect_while_dialling_cancels_it() {
    let mut peer = Peer::new(quiet(), "stomp://a");
    peer.dial_wanted();
    let op = peer.engine.disconnect(peer.now);
    assert_eq!(peer.outcome(op), "Disconnected");
    assert_eq!(works(&mut peer), ["cancel", "end"]);
}

#[test]
fn disconnect_before_connected_closes_at_once() {
    let mut peer = Peer::linked(quiet());
    let op = peer.engine.disconnect(peer.now);
    assert_eq!(works(&mut peer), ["close", "end"]);
    assert_eq!(peer.outcome(op), "Disconnected");
}

#[test]
fn disconnect_twice_is_one_goodbye_with_two_answers() {
    let mut peer = Peer::connected();
    let ops = [
        peer.engine.disconnect(peer.now),
        peer.engine.disconnect(peer.now),
    ];
    let sent = peer.sent();
    assert_eq!(sent.matches("DISCONNECT").count(), 1);
    peer.answer(&sent);
    for op in ops {
        assert_eq!(peer.outcome(op), "Disconnected");
    }
    let late = peer.engine.disconnect(peer.now);
    assert_eq!(
        peer.outcome(late),
        "the client is closed: it was disconnected"
    );
}

#[test]
fn whoever_waits_for_messages_learns_of_the_end() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(10);
    assert!(peer.has_nothing(key));
    let op = peer.engine.disconnect(peer.now);
    assert!(peer.wakes().contains(&Wake::Everybody));
    let taken = peer.engine.take(key, peer.now);
    assert!(matches!(taken, Taken::Ended(None)), "{taken:?}");
    assert_eq!(peer.outcome(op), "not yet");
    assert_eq!(peer.commands(), ["UNSUBSCRIBE s1", "DISCONNECT r2"]);
}

#[test]
fn last_handle_lets_what_was_fired_go_out_within_the_linger() {
    let mut peer = Peer::connected();
    peer.send("x", false);
    peer.engine.handle_abandoned(peer.now);
    let sent = peer.sent();
    assert!(
        sent.starts_with("SEND\n") && sent.contains("DISCONNECT\n"),
        "{sent}"
    );
    peer.sleep(Duration::from_secs(1));
    assert_eq!(works(&mut peer).last(), Some(&"end"));
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn last_handle_of_a_client_that_reconnects_ends_it() {
    let mut peer = Peer::connected();
    peer.lose();
    peer.engine.handle_abandoned(peer.now);
    assert_eq!(works(&mut peer).last(), Some(&"end"));
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn last_handle_of_a_client_whose_reading_has_stopped_ends_it() {
    let mut peer = Peer::connected();
    let key = peer.subscribe_by(stomp_commands::AckMode::Auto, 1);
    peer.hear(&crate::peer::messages("s1", 0..3));
    let link = peer.link();
    assert!(!peer.engine.wants_read(link));
    peer.engine.drop_subscriber(key, peer.now);
    peer.engine.handle_abandoned(peer.now);
    assert!(
        peer.engine.wants_read(link),
        "the answer is behind the messages"
    );
    peer.sleep(Duration::from_secs(1));
    assert_eq!(works(&mut peer).last(), Some(&"end"));
}

use std::time::Duration;

use stomp_commands::AckMode;
use stomp_session::engine::Wake;

use crate::peer::{GENERIC, Peer, placed, quiet};

#[test]
fn send_timeout_ends_the_wait_in_the_line_without_a_trace() {
    let uri = "failover:(stomp://a)?startupMaxReconnectAttempts=-1";
    let mut peer = Peer::new(quiet(), uri);
    let place = placed(peer.send("1", true));
    peer.sleep_ms(9_000);
    let dial = peer.dial_wanted();
    peer.engine
        .handle_dial_failed(dial.attempt, "down", peer.now);
    peer.sleep_ms(20_999);
    assert!(!peer.wakes().contains(&Wake::Operation(place)));
    peer.sleep_ms(1);
    assert_eq!(peer.outcome(place), "not sent: no answer within 30s");
}

#[test]
fn frame_that_nobody_was_offered_is_withdrawn_at_its_deadline() {
    let mut peer = Peer::connected();
    let late = peer.ask_within("late", 500);
    let other = peer.ask_within("other", 5_000);
    assert_eq!(peer.outcome(late), "not yet");
    peer.sleep_ms(500);
    assert_eq!(peer.wakes(), [Wake::Operation(late)]);
    assert_eq!(peer.outcome(late), "not sent: no answer within 500ms");
    let sent = peer.sent();
    assert!(!sent.contains("late") && sent.contains("other"), "{sent}");
    peer.answer(&sent);
    assert_eq!(peer.outcome(other), "Confirmed");
}

#[test]
fn frame_that_was_offered_is_in_doubt_at_its_deadline() {
    let mut peer = Peer::connected();
    let op = peer.ask_within("x", 500);
    peer.sleep_ms(400);
    let sent = peer.sent();
    peer.sleep_ms(100);
    assert_eq!(
        peer.outcome(op),
        "sent, but not confirmed: no answer within 500ms"
    );
    peer.answer(&sent);
    assert!(peer.engine.connection().is_some(), "it may come late");
}

#[test]
fn send_timeout_ends_with_the_first_octet() {
    let mut peer = Peer::connected();
    let op = peer.ask("x");
    let link = peer.link();
    assert!(peer.engine.poll_transmit(link, peer.now).is_some());
    peer.sleep(Duration::from_secs(59));
    assert_eq!(peer.outcome(op), "not yet", "it is still being written");
}

#[test]
fn receipt_is_waited_for_from_the_last_octet_on() {
    let mut peer = Peer::connected();
    let op = peer.ask(&"x".repeat(200_000));
    let link = peer.link();
    // A slow link: 64 KiB in 5 s.
    while let Some(piece) = peer.engine.poll_transmit(link, peer.now) {
        for half in [piece.len() / 2, piece.len() - piece.len() / 2] {
            peer.sleep_ms(2_500);
            peer.engine.handle_written(link, half, peer.now);
        }
    }
    assert_eq!(peer.outcome(op), "not yet");
    peer.sleep_ms(14_999);
    assert_eq!(peer.outcome(op), "not yet");
    peer.sleep_ms(1);
    assert_eq!(
        peer.outcome(op),
        "sent, but not confirmed: no answer within 15s, and no RECEIPT ever came from this broker \
         (does it send any?)"
    );
}

#[test]
fn deadline_of_the_call_holds_while_it_is_being_written() {
    let mut peer = Peer::connected();
    let op = peer.ask_within(&"x".repeat(200_000), 2_000);
    let link = peer.link();
    peer.engine.poll_transmit(link, peer.now);
    peer.sleep_ms(2_000);
    assert!(peer.outcome(op).starts_with("sent, but not confirmed"));
    assert!(peer.sent().len() > 100_000, "the frame is not torn");
}

#[test]
fn frames_withdrawn_in_the_middle_leave_their_neighbours_whole() {
    let mut peer = Peer::connected();
    let bodies: Vec<String> = (0..6)
        .map(|n| format!("<{n}{}>", "x".repeat(n * 9_000)))
        .collect();
    let ops: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| peer.ask_within(body, if n % 2 == 0 { 100 } else { 9_000 }))
        .collect();
    peer.sleep_ms(100);
    let sent = peer.sent();
    peer.answer(&sent);
    for (n, (op, body)) in ops.into_iter().zip(&bodies).enumerate() {
        let goes = n % 2 == 1;
        assert_eq!(sent.contains(body.as_str()), goes, "{n}");
        let expected = if goes {
            "Confirmed"
        } else {
            "not sent: no answer within 100ms"
        };
        assert_eq!(peer.outcome(op), expected);
    }
    assert_eq!(sent.matches("SEND\n").count(), 3);
}

#[test]
fn withdrawn_frame_makes_room() {
    let mut settings = quiet();
    settings.outbox = 500;
    let mut peer = Peer::connected_to(GENERIC, settings);
    peer.ask_within(&"x".repeat(1_000), 100);
    let place = placed(peer.send("y", false));
    peer.wakes();
    peer.sleep_ms(100);
    assert_eq!(peer.wakes(), [Wake::Operation(place)]);
}

#[test]
fn abandoned_in_the_line_it_is_never_sent() {
    let mut peer = Peer::new(quiet(), "stomp://a");
    let place = placed(peer.send("1", true));
    peer.engine.abandon(place, peer.now);
    peer.dial();
    peer.hear(GENERIC);
    assert_eq!(peer.sent(), "");
    assert_eq!(peer.outcome(place), "not yet", "nobody knows it any more");
}

#[test]
fn abandoned_before_its_first_octet_it_is_never_sent() {
    let mut peer = Peer::connected();
    let op = peer.ask("x");
    peer.engine.abandon(op, peer.now);
    assert_eq!(peer.sent(), "");
    assert_eq!(peer.engine.poll_timeout(), None, "nobody waits for it");
}

#[test]
fn abandoned_after_its_first_octet_its_receipt_surprises_nobody() {
    let mut peer = Peer::connected();
    let op = peer.ask("x");
    let sent = peer.sent();
    peer.engine.abandon(op, peer.now);
    peer.answer(&sent);
    assert_eq!(peer.wakes(), []);
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn abandoned_subscription_that_was_offered_is_ended() {
    let mut peer = Peer::connected();
    let op = peer.ask_to_subscribe(AckMode::ClientIndividual, 10);
    let sent = peer.sent();
    peer.engine.abandon(op, peer.now);
    assert_eq!(peer.commands(), ["UNSUBSCRIBE s1"]);
    peer.answer(&sent);
    peer.reconnect(GENERIC);
    assert_eq!(peer.sent(), "", "it is not replayed");
}

#[test]
fn abandoned_subscription_that_has_its_answer_is_ended_however_much_waits() {
    let mut settings = quiet();
    settings.outbox = 100;
    let mut peer = Peer::connected_to(GENERIC, settings);
    let op = peer.ask_to_subscribe(AckMode::ClientIndividual, 10);
    let sent = peer.sent();
    peer.send(&"x".repeat(1_000), false);
    peer.answer(&sent);
    peer.engine.abandon(op, peer.now);
    assert_eq!(peer.commands(), ["SEND /queue/a", "UNSUBSCRIBE s1"]);
}

#[test]
fn subscription_of_which_the_broker_never_heard_is_not_ended_there() {
    let mut peer = Peer::connected();
    let op = peer.ask_to_subscribe(AckMode::ClientIndividual, 10);
    peer.engine.abandon(op, peer.now);
    assert_eq!(peer.commands(), Vec::<String>::new());
    peer.reconnect(GENERIC);
    assert_eq!(peer.sent(), "", "it is not replayed");
}

#[test]
fn broker_that_takes_nothing_is_left_after_the_write_timeout() {
    let mut settings = quiet();
    settings.session.write_timeout = Duration::from_secs(7);
    settings.session = settings.session.receipt_timeout(Duration::from_secs(100));
    let mut peer = Peer::connected_to(GENERIC, settings);
    let stuck = peer.ask(&"x".repeat(200_000));
    let behind = peer.ask("y");
    let link = peer.link();
    assert!(peer.engine.poll_transmit(link, peer.now).is_some());
    for _ in 0..3 {
        peer.sleep_ms(6_999);
        peer.engine.handle_written(link, 1, peer.now);
    }
    assert!(peer.engine.connection().is_some(), "it takes something");
    peer.sleep_ms(6_999);
    assert!(peer.engine.connection().is_some());
    peer.sleep_ms(1);
    assert!(peer.engine.connection().is_none());
    let stuck = peer.outcome(stuck);
    assert!(stuck.starts_with("sent, but not confirmed: "), "{stuck}");
    let behind = peer.outcome(behind);
    assert!(behind.starts_with("not sent: "), "{behind}");
    let told =
        "the connection ended: the server has taken nothing for 7s of what is to be written to it";
    assert!(peer.events().contains(&told.to_owned()));
}

#[test]
fn write_that_is_done_has_no_timeout() {
    let mut settings = quiet();
    settings.session.write_timeout = Duration::from_secs(7);
    let mut peer = Peer::connected_to(GENERIC, settings);
    peer.send("x", false);
    peer.sent();
    peer.sleep_ms(100_000);
    assert!(peer.engine.connection().is_some());
}

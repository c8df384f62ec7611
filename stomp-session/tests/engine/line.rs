use stomp_session::engine::{Sent, Wake};

use crate::peer::{GENERIC, Peer, asked, placed, quiet};

#[test]
fn fired_message_is_done_at_once_where_there_is_room() {
    let mut peer = Peer::connected();
    assert_eq!(peer.send("x", false), Sent::Done);
    let sent = peer.sent();
    assert!(sent.starts_with("SEND\n") && !sent.contains("receipt"));
}

#[test]
fn confirmed_message_is_done_with_its_receipt() {
    let mut peer = Peer::connected();
    let op = peer.ask("x");
    let sent = peer.sent();
    assert_eq!(peer.outcome(op), "not yet");
    peer.answer(&sent);
    assert_eq!(peer.wakes(), [Wake::Operation(op)]);
    assert_eq!(peer.outcome(op), "Confirmed");
    assert_eq!(peer.outcome(op), "not yet", "it is told once");
}

#[test]
fn what_waits_without_a_connection_goes_out_behind_the_replay_and_in_order() {
    let mut peer = Peer::connected();
    peer.subscribe(10);
    peer.lose();
    let places = ["1", "2", "3"].map(|body| placed(peer.send(body, true)));
    peer.wakes();
    peer.sleep_ms(10);
    peer.dial();
    peer.hear(GENERIC);
    assert_eq!(peer.wakes(), [], "the subscriptions are not back yet");
    let replay = peer.sent();
    assert!(replay.starts_with("SUBSCRIBE\n"));
    let late = placed(peer.send("4", false));
    peer.answer(&replay);
    for (place, body) in places.into_iter().zip(["1", "2", "3"]) {
        assert_eq!(peer.wakes(), [Wake::Operation(place)]);
        let op = asked(peer.resend(body, true, place).expect("there is room"));
        assert_eq!(op, place, "the id stays the same");
        assert!(peer.sent().ends_with(&format!("{body}\0")));
    }
    assert_eq!(peer.wakes(), [Wake::Operation(late)]);
    assert_eq!(peer.resend("4", false, late).expect("room"), Sent::Done);
    assert_eq!(peer.wakes(), []);
}

#[test]
fn line_is_first_come_first_served() {
    let mut peer = Peer::new(quiet(), "stomp://a");
    let first = placed(peer.send("1", false));
    let second = placed(peer.send("2", false));
    peer.dial();
    peer.hear(GENERIC);
    peer.wakes();
    assert_eq!(
        peer.resend("2", false, second).expect("in line"),
        Sent::Wait(second)
    );
    placed(peer.send("3", false));
    assert_eq!(
        peer.resend("1", false, first).expect("its turn"),
        Sent::Done
    );
    assert_eq!(peer.wakes(), [Wake::Operation(second)]);
}

#[test]
fn turn_of_one_who_has_gone_away_passes_on() {
    let mut peer = Peer::new(quiet(), "stomp://a");
    let [first, second, third] = ["1", "2", "3"].map(|body| placed(peer.send(body, false)));
    peer.engine.abandon(second, peer.now);
    peer.dial();
    peer.hear(GENERIC);
    assert_eq!(peer.wakes(), [Wake::Operation(first)]);
    peer.engine.abandon(first, peer.now);
    assert_eq!(peer.wakes(), [Wake::Operation(third)]);
}

#[test]
fn turn_of_one_whose_command_is_wrong_passes_on() {
    let mut peer = Peer::new(quiet(), "stomp://a");
    let [first, second] = ["1", "2"].map(|body| placed(peer.send(body, false)));
    peer.dial();
    peer.hear(GENERIC);
    peer.wakes();
    let wrong = stomp_commands::Send::to("/queue/a").header("k", "\0");
    let refused = peer.engine.send(&wrong, false, None, Some(first), peer.now);
    assert!(refused.is_err());
    assert_eq!(peer.wakes(), [Wake::Operation(second)]);
}

#[test]
fn full_outbox_makes_wait_until_some_of_it_was_taken() {
    let mut settings = quiet();
    settings.outbox = 100;
    let mut peer = Peer::connected_to(GENERIC, settings);
    assert_eq!(
        peer.send(&"x".repeat(1_000), false),
        Sent::Done,
        "one too large"
    );
    let place = placed(peer.send("y", false));
    assert_eq!(peer.wakes(), []);
    peer.sent();
    assert_eq!(peer.wakes(), [Wake::Operation(place)]);
    assert_eq!(peer.resend("y", false, place).expect("room"), Sent::Done);
}

#[test]
fn what_waits_ends_with_the_client() {
    let mut peer = Peer::new(
        quiet(),
        "failover:(stomp://a)?startupMaxReconnectAttempts=0",
    );
    let place = placed(peer.send("1", true));
    let dial = peer.dial_wanted();
    peer.engine
        .handle_dial_failed(dial.attempt, "down", peer.now);
    assert!(peer.wakes().contains(&Wake::Operation(place)));
    let error = peer.resend("1", true, place).expect_err("it is over");
    assert!(error.to_string().starts_with("not sent: "), "{error}");
    let error = peer
        .resend("1", true, place)
        .expect_err("its place is gone");
    assert!(
        error.to_string().starts_with("the client is closed"),
        "{error}"
    );
}

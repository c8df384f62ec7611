use std::time::Duration;

use stomp_session::engine::Verdict;
use stomp_session::{AckToken, Settled, SubscriptionKey};

use crate::peer::{GENERIC, Peer, message, messages};

fn ack(peer: &mut Peer, token: &AckToken) -> Settled {
    let settled = peer.engine.settle(Verdict::Ack, token, peer.now);
    settled.expect("the client is open")
}

fn tokens(peer: &mut Peer, key: SubscriptionKey, count: usize) -> Vec<AckToken> {
    (0..count).map(|_| peer.take(key).delivery.token).collect()
}

#[test]
fn what_was_not_taken_of_a_lost_connection_is_dropped_and_counted() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(20);
    peer.hear(&messages("s1", 0..20));
    let hand = tokens(&mut peer, key, 3);
    peer.events();
    peer.reconnect(GENERIC);
    assert_eq!(peer.engine.stats().stale_dropped, 17);
    let events = peer.events();
    let dropped = "17 messages of the lost connection were dropped; they come again";
    assert!(events.iter().any(|event| event == dropped), "{events:?}");
    assert!(peer.has_nothing(key));
    let replay = peer.sent();
    peer.answer(&replay);
    assert!(peer.engine.is_stale(&hand[0]));
    assert_eq!(ack(&mut peer, &hand[0]), Settled::Stale);
    assert_eq!(peer.sent(), "");
    peer.hear(&message("s1.e2", 0));
    let token = peer.take(key).delivery.token;
    assert_eq!(ack(&mut peer, &token), Settled::Sent);
    assert_eq!(peer.commands(), ["ACK k0"]);
}

#[test]
fn settling_without_a_connection_is_too_late() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(20);
    peer.hear(&message("s1", 0));
    let hand = tokens(&mut peer, key, 1);
    peer.lose();
    assert_eq!(ack(&mut peer, &hand[0]), Settled::Stale);
    peer.engine.release(&hand[0], peer.now);
    assert_eq!(
        peer.engine.stats().released,
        0,
        "it is the broker's already"
    );
}

#[test]
fn message_that_needs_no_settling_outlives_its_connection() {
    let mut peer = Peer::connected();
    let key = peer.subscribe_by(stomp_commands::AckMode::Auto, 20);
    peer.hear(&message("s1", 0));
    peer.reconnect(GENERIC);
    let token = peer.take(key).delivery.token;
    assert_eq!(ack(&mut peer, &token), Settled::NotNeeded);
}

#[test]
fn message_without_ack_header_needs_no_settling() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(20);
    peer.hear("MESSAGE\ndestination:/queue/a\nmessage-id:m\nsubscription:s1\n\nhi\0");
    let token = peer.take(key).delivery.token;
    assert_eq!(ack(&mut peer, &token), Settled::NotNeeded);
    assert_eq!(peer.sent(), "");
}

#[test]
fn what_was_in_doubt_when_the_connection_broke_is_told_exactly() {
    let mut peer = Peer::connected();
    let offered = peer.ask("1");
    peer.sent();
    let queued = peer.ask("2");
    let why = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let link = peer.link();
    peer.engine.handle_closed(link, Some(&why), peer.now);
    assert!(peer.outcome(offered).starts_with("sent, but not confirmed"));
    assert!(peer.outcome(queued).starts_with("not sent"));
}

#[test]
fn fired_messages_that_a_lost_connection_had_not_taken_are_counted() {
    let mut peer = Peer::connected();
    peer.send("1", false);
    peer.sent();
    peer.send("2", false);
    peer.send("3", false);
    peer.lose();
    assert_eq!(peer.engine.stats().fired_lost, 2);
    let told = "2 fired messages were lost with the connection".to_owned();
    assert!(peer.events().contains(&told));
}

#[test]
fn driver_that_is_gone_leaves_nobody_waiting() {
    let mut peer = Peer::connected();
    let offered = peer.ask("1");
    peer.sent();
    let key = peer.subscribe(5);
    peer.lose();
    let place = crate::peer::placed(peer.send("2", true));
    let left = peer.outcome(offered);
    assert!(left.starts_with("sent, but not confirmed"), "{left}");
    peer.engine.handle_driver_gone("the runtime was shut down");
    let place = peer.outcome(place);
    assert!(place.starts_with("not sent: "), "{place}");
    let taken = peer.engine.take(key, peer.now);
    let ended = matches!(taken, stomp_session::engine::Taken::Ended(Some(_)));
    assert!(ended, "{taken:?}");
    peer.sleep(Duration::from_secs(100));
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn driver_that_is_gone_leaves_in_doubt_what_was_offered_and_no_more() {
    let mut peer = Peer::connected();
    let offered = peer.ask("1");
    peer.sent();
    let queued = peer.ask("2");
    peer.engine.handle_driver_gone("the runtime was shut down");
    let outcome = peer.outcome(offered);
    assert!(
        outcome.starts_with("sent, but not confirmed: "),
        "{outcome}"
    );
    let outcome = peer.outcome(queued);
    assert!(outcome.starts_with("not sent: "), "{outcome}");
}

#[test]
fn after_a_panic_nobody_knows_what_became_of_what_was_accepted() {
    let mut peer = Peer::connected();
    let queued = peer.ask("1");
    peer.engine.handle_panic("a call panicked in it");
    let outcome = peer.outcome(queued);
    assert!(
        outcome.starts_with("sent, but not confirmed: "),
        "{outcome}"
    );
}

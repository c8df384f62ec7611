//! What ends one connection after the other, and whose messages do.

use std::time::Duration;

use stomp_commands::AckMode;
use stomp_session::engine::{Sent, Taken, Verdict, Wake, Work};
use stomp_session::{Settled, SubscriptionKey};

use crate::peer::{ACTIVEMQ, GENERIC, Peer, RABBITMQ, message, placed, quiet};

/// What no frame can begin with.
const BAD: &str = "GARBAGE\n\n\0";

/// Another fault.
const WORSE: &str = "MESSAGE\n\n\0";

/// What says which message was not to be acknowledged, and so is the same each time.
const REFUSED: &str = "ERROR\nmessage:Unexpected ACK\n\nnot yours\0";

/// The connection after the one that was lost, with all that was subscribed back.
fn again(peer: &mut Peer, connected: &str) {
    peer.dial_when_due();
    peer.hear(connected);
    let replay = peer.sent();
    peer.answer(&replay);
}

fn with(subscriptions: usize) -> (Peer, Vec<SubscriptionKey>) {
    let mut peer = Peer::connected();
    let keys = (0..subscriptions).map(|_| peer.subscribe(10)).collect();
    peer.events();
    (peer, keys)
}

/// Ends connections by this, one after the other.
fn end_by(peer: &mut Peer, said: &str, times: usize) {
    for _ in 0..times {
        peer.hear(said);
        assert!(peer.engine.connection().is_none());
        again(peer, GENERIC);
    }
}

/// How the subscription ended, if it has.
fn end(peer: &mut Peer, key: SubscriptionKey) -> Option<String> {
    match peer.engine.take(key, peer.now) {
        Taken::Ended(Some(error)) => Some(error.to_string()),
        Taken::Ended(None) => panic!("it ended without a word"),
        _ => None,
    }
}

fn is_poisoned(peer: &mut Peer, key: SubscriptionKey) -> bool {
    let end = end(peer, key);
    let is_told = |end: &String| end.starts_with("the subscription ended: ");
    assert!(end.as_ref().is_none_or(is_told), "{end:?}");
    end.is_some()
}

/// The subscriptions that a replay names, by their number.
fn replayed(peer: &mut Peer) -> Vec<String> {
    let sent = peer.sent();
    let ids = sent.lines().filter_map(|line| line.strip_prefix("id:s"));
    let keys = ids.map(|id| id.split('.').next().unwrap_or_default().to_owned());
    let keys = keys.collect();
    peer.answer(&sent);
    keys
}

/// A connection on which subscriptions are tried.
fn trial(peer: &mut Peer) {
    peer.dial_when_due();
    peer.hear(GENERIC);
}

#[test]
fn three_ends_by_the_same_fault_end_the_only_subscription_and_nothing_else() {
    let (mut peer, keys) = with(1);
    assert!(peer.has_nothing(keys[0]));
    end_by(&mut peer, BAD, 2);
    assert!(peer.has_nothing(keys[0]));
    peer.wakes();
    peer.hear(BAD);
    assert!(peer.wakes().contains(&Wake::Inbox(keys[0])));
    let told = end(&mut peer, keys[0]).expect("it ended");
    assert!(told.contains("the server broke the protocol"), "{told}");
    let events = peer.events();
    assert!(
        events
            .iter()
            .any(|told| told.starts_with("subscription 1: ")),
        "{events:?}"
    );
    trial(&mut peer);
    assert_eq!(peer.sent(), "", "it is not replayed");
    assert_eq!(peer.send("x", false), Sent::Done);
    peer.subscribe(10);
}

#[test]
fn trial_finds_the_guilty_one_of_three() {
    for guilty in 0..3 {
        let (mut peer, keys) = with(3);
        end_by(&mut peer, BAD, 2);
        peer.hear(BAD);
        trial(&mut peer);
        for at in 0..=guilty {
            assert_eq!(replayed(&mut peer), [(at + 1).to_string()]);
            if at < guilty {
                peer.sleep_ms(999);
                assert_eq!(peer.sent(), "", "each is watched for a second");
                peer.sleep_ms(1);
            }
        }
        peer.hear(BAD);
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(is_poisoned(&mut peer, *key), at == guilty, "{guilty}");
        }
        trial(&mut peer);
        let mut others = vec!["1", "2", "3"];
        others.remove(guilty);
        assert_eq!(replayed(&mut peer), others, "all at once");
        assert_eq!(peer.send("x", false), Sent::Done);
    }
}

#[test]
fn trial_in_which_nothing_happens_leaves_all_as_they_were() {
    let (mut peer, keys) = with(3);
    end_by(&mut peer, BAD, 2);
    peer.hear(BAD);
    trial(&mut peer);
    for key in ["1", "2", "3"] {
        assert_eq!(replayed(&mut peer), [key]);
        peer.sleep_ms(1_000);
    }
    peer.sleep_ms(2_000);
    assert_eq!(peer.engine.poll_timeout(), None);
    end_by(&mut peer, BAD, 2);
    assert!(
        keys.iter().all(|key| peer.has_nothing(*key)),
        "it counts anew"
    );
    peer.lose();
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["1", "2", "3"]);
}

#[test]
fn what_others_get_done_in_a_trial_acquits_nobody() {
    let (mut peer, keys) = with(2);
    end_by(&mut peer, BAD, 2);
    peer.hear(BAD);
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["1"]);
    peer.hear(&message("s1.e4", 1));
    let token = peer.take(keys[0]).delivery.token;
    let settled = peer.engine.settle(Verdict::Ack, &token, peer.now);
    assert_eq!(settled.expect("open"), Settled::Sent);
    peer.sent();
    peer.sleep_ms(1_000);
    assert_eq!(replayed(&mut peer), ["2"]);
    peer.sleep_ms(500);
    peer.hear(BAD);
    assert!(!is_poisoned(&mut peer, keys[0]));
    assert!(is_poisoned(&mut peer, keys[1]));
}

#[test]
fn error_with_the_same_text_counts_where_every_ack_is_refused() {
    let (mut peer, keys) = with(1);
    for n in 1..=3_u64 {
        let id = match n {
            1 => "s1".to_owned(),
            n => format!("s1.e{n}"),
        };
        peer.hear(&message(&id, 1));
        let token = peer.take(keys[0]).delivery.token;
        peer.sleep_ms(2_000);
        peer.engine
            .settle(Verdict::Ack, &token, peer.now)
            .expect("open");
        assert!(peer.sent().starts_with("ACK\n"));
        peer.sleep_ms(999);
        assert!(!is_poisoned(&mut peer, keys[0]), "{n}");
        peer.hear(REFUSED);
        if n < 3 {
            again(&mut peer, GENERIC);
        }
    }
    let told = end(&mut peer, keys[0]).expect("it ended");
    assert!(told.contains("Unexpected ACK"), "{told}");
}

#[test]
fn delivery_settled_more_than_a_second_before_the_end_starts_the_count_anew() {
    let (mut peer, keys) = with(1);
    end_by(&mut peer, BAD, 2);
    peer.hear(&message("s1.e3", 1));
    peer.hear(&message("s1.e3", 2));
    for pause in [1_000, 10] {
        let token = peer.take(keys[0]).delivery.token;
        peer.engine
            .settle(Verdict::Ack, &token, peer.now)
            .expect("open");
        peer.sent();
        // Whoever settles all the time settles shortly before every end as well.
        peer.sleep_ms(pause);
    }
    end_by(&mut peer, BAD, 2);
    assert!(!is_poisoned(&mut peer, keys[0]), "these were one and two");
    peer.hear(BAD);
    assert!(is_poisoned(&mut peer, keys[0]));
}

#[test]
fn message_that_was_only_read_does_not_start_the_count_anew() {
    let (mut peer, keys) = with(1);
    for n in 1..=3 {
        assert!(!is_poisoned(&mut peer, keys[0]), "{n}");
        let id = match n {
            1 => "s1".to_owned(),
            n => format!("s1.e{n}"),
        };
        peer.hear(&message(&id, 1));
        let in_hand = peer.take(keys[0]);
        peer.sleep_ms(5_000);
        peer.hear(BAD);
        peer.engine.release(&in_hand.delivery.token, peer.now);
        if n < 3 {
            again(&mut peer, GENERIC);
        }
    }
    assert!(is_poisoned(&mut peer, keys[0]));
}

#[test]
fn connections_that_lived_long_were_not_ended_by_what_came_back() {
    let (mut peer, keys) = with(1);
    for _ in 0..5 {
        // An administrator closes all connections, now and then.
        peer.sleep(Duration::from_secs(60));
        end_by(&mut peer, REFUSED, 1);
    }
    assert!(!is_poisoned(&mut peer, keys[0]));
}

#[test]
fn different_faults_do_not_add_up() {
    let (mut peer, keys) = with(1);
    end_by(&mut peer, BAD, 2);
    end_by(&mut peer, WORSE, 2);
    end_by(&mut peer, REFUSED, 2);
    end_by(&mut peer, BAD, 2);
    assert!(!is_poisoned(&mut peer, keys[0]));
}

#[test]
fn plain_end_in_between_starts_the_count_anew() {
    let (mut peer, keys) = with(1);
    for _ in 0..3 {
        end_by(&mut peer, BAD, 2);
        peer.lose();
        again(&mut peer, GENERIC);
    }
    assert!(!is_poisoned(&mut peer, keys[0]));
}

#[test]
fn trial_that_a_lost_connection_interrupts_goes_on_with_whoever_was_tried() {
    let (mut peer, keys) = with(3);
    end_by(&mut peer, BAD, 2);
    peer.hear(BAD);
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["1"]);
    peer.sleep_ms(1_000);
    assert_eq!(replayed(&mut peer), ["2"]);
    for _ in 0..3 {
        peer.lose();
        trial(&mut peer);
        assert_eq!(replayed(&mut peer), ["1", "2"]);
        peer.sleep_ms(500);
    }
    peer.hear(BAD);
    assert!(!is_poisoned(&mut peer, keys[0]));
    assert!(is_poisoned(&mut peer, keys[1]));
    assert!(!is_poisoned(&mut peer, keys[2]));
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["1", "3"]);
}

#[test]
fn another_fault_in_a_trial_is_held_against_nobody_at_once() {
    let (mut peer, keys) = with(2);
    end_by(&mut peer, BAD, 2);
    peer.hear(BAD);
    for _ in 0..2 {
        trial(&mut peer);
        assert_eq!(replayed(&mut peer), ["1"]);
        peer.hear(REFUSED);
        assert!(!is_poisoned(&mut peer, keys[0]));
    }
    trial(&mut peer);
    peer.hear(REFUSED);
    assert!(is_poisoned(&mut peer, keys[0]), "three times are enough");
    assert!(!is_poisoned(&mut peer, keys[1]));
}

#[test]
fn subscription_that_is_ended_before_its_trial_is_left_out() {
    let (mut peer, keys) = with(3);
    end_by(&mut peer, BAD, 2);
    peer.hear(BAD);
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["1"]);
    let op = peer.engine.unsubscribe(keys[1], None, None, peer.now);
    assert_eq!(peer.outcome(op), "Unsubscribed");
    assert_eq!(peer.sent(), "", "the broker does not know of it");
    peer.sleep_ms(1_000);
    assert_eq!(replayed(&mut peer), ["3"]);
    peer.hear(BAD);
    assert!(!is_poisoned(&mut peer, keys[0]));
    assert!(is_poisoned(&mut peer, keys[2]));
}

#[test]
fn subscription_that_is_ended_in_its_trial_is_not_ended_twice() {
    let (mut peer, keys) = with(2);
    end_by(&mut peer, BAD, 2);
    peer.hear(BAD);
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["1"]);
    peer.engine.drop_subscriber(keys[0], peer.now);
    peer.sent();
    peer.events();
    peer.hear(BAD);
    let told = peer.events();
    assert!(
        !told.iter().any(|told| told.starts_with("subscription")),
        "{told:?}"
    );
    assert!(!is_poisoned(&mut peer, keys[1]));
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["2"]);
}

#[test]
fn subscription_that_is_refused_in_its_trial_ends_with_that_and_the_trial_goes_on() {
    let (mut peer, keys) = with(2);
    end_by(&mut peer, BAD, 2);
    peer.hear(BAD);
    trial(&mut peer);
    let sent = peer.sent();
    let receipt = sent.lines().find_map(|line| line.strip_prefix("receipt:"));
    let receipt = receipt.expect("it asks for one");
    peer.hear(&format!("ERROR\nmessage:gone\nreceipt-id:{receipt}\n\n\0"));
    let told = end(&mut peer, keys[0]).expect("it ended");
    assert!(told.contains("gone"), "{told}");
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["2"]);
    peer.hear(BAD);
    assert!(is_poisoned(&mut peer, keys[1]));
}

#[test]
fn disconnect_ends_a_trial() {
    let (mut peer, keys) = with(2);
    end_by(&mut peer, BAD, 2);
    peer.hear(BAD);
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["1"]);
    let op = peer.engine.disconnect(peer.now);
    let sent = peer.sent();
    peer.sleep_ms(2_000);
    assert_eq!(peer.sent(), "");
    assert!(matches!(
        peer.engine.take(keys[1], peer.now),
        Taken::Ended(None)
    ));
    peer.answer(&sent);
    assert_eq!(peer.outcome(op), "Disconnected");
}

#[test]
fn broker_that_refuses_for_ever_does_no_harm_without_subscriptions() {
    let (mut peer, _) = with(0);
    for _ in 0..300 {
        end_by(&mut peer, REFUSED, 1);
    }
    assert_eq!(peer.send("x", false), Sent::Done);
}

/// A connection on which nothing more can be read, and a message in hand.
fn broken(connected: &str) -> (Peer, SubscriptionKey, stomp_session::AckToken) {
    let mut peer = Peer::connected_to(connected, quiet());
    let key = peer.subscribe(10);
    peer.hear(&(message("s1", 1) + BAD));
    let token = peer.take(key).delivery.token;
    (peer, key, token)
}

/// What is to be closed, and whether something is written before.
fn closes(peer: &mut Peer) -> Option<bool> {
    while let Some(work) = peer.work() {
        if let Work::Close { flush, .. } = work {
            return Some(flush.is_some());
        }
    }
    None
}

#[test]
fn what_came_before_the_bad_octets_can_still_be_settled() {
    for connected in [ACTIVEMQ, RABBITMQ, GENERIC] {
        let (mut peer, _, token) = broken(connected);
        assert_eq!(closes(&mut peer), None);
        let settled = peer.engine.settle(Verdict::Ack, &token, peer.now);
        assert_eq!(settled.expect("open"), Settled::Sent);
        let expected: &[_] = match connected {
            RABBITMQ => &["ACK k1"],
            _ => &["ACK k1", "UNSUBSCRIBE s1"],
        };
        assert_eq!(peer.commands(), expected);
        assert_eq!(closes(&mut peer), Some(true), "the ACK may be half-way out");
        assert!(peer.engine.connection().is_none());
    }
}

#[test]
fn what_is_refused_counts_as_settled_as_well() {
    let (mut peer, _, token) = broken(ACTIVEMQ);
    peer.engine.release(&token, peer.now);
    assert_eq!(peer.commands(), ["UNSUBSCRIBE s1"]);
    assert_eq!(closes(&mut peer), Some(true));
}

#[test]
fn broken_connection_waits_a_second_for_what_nobody_settles() {
    for (connected, last) in [(ACTIVEMQ, "UNSUBSCRIBE s1"), (RABBITMQ, "")] {
        let (mut peer, _, _token) = broken(connected);
        peer.sleep_ms(999);
        assert_eq!(closes(&mut peer), None);
        assert_eq!(peer.sent(), "");
        peer.sleep_ms(1);
        assert!(peer.engine.connection().is_none());
        assert_eq!(peer.commands().concat(), last);
        assert_eq!(closes(&mut peer), Some(true));
    }
}

#[test]
fn broken_connection_without_anything_in_hand_ends_at_once() {
    for (connected, last) in [(ACTIVEMQ, "UNSUBSCRIBE s1"), (RABBITMQ, "")] {
        let mut peer = Peer::connected_to(connected, quiet());
        peer.subscribe(10);
        peer.hear(BAD);
        assert_eq!(peer.commands().concat(), last);
        assert!(peer.engine.connection().is_none());
    }
}

#[test]
fn new_commands_wait_for_the_connection_behind_the_broken_one() {
    let (mut peer, _, token) = broken(GENERIC);
    let place = placed(peer.send("x", true));
    assert_eq!(peer.sent(), "");
    peer.engine
        .settle(Verdict::Ack, &token, peer.now)
        .expect("open");
    assert!(!peer.sent().contains("SEND"));
    again(&mut peer, GENERIC);
    assert!(peer.wakes().contains(&Wake::Operation(place)));
    peer.resend("x", true, place).expect("it is its turn");
    let sent = peer.sent();
    assert!(sent.starts_with("SEND\n"), "{sent}");
    peer.answer(&sent);
    assert_eq!(peer.outcome(place), "Confirmed");
}

#[test]
fn what_is_heard_behind_the_bad_octets_counts_for_nothing() {
    let (mut peer, key, _token) = broken(GENERIC);
    peer.hear(&message("s1", 2));
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0");
    assert!(peer.has_nothing(key));
    assert_eq!(peer.engine.stats().received, 1);
}

#[test]
fn end_of_a_broken_connection_does_not_hide_what_broke_it() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(10);
    for n in 1..=3 {
        let id = match n {
            1 => "s1".to_owned(),
            n => format!("s1.e{n}"),
        };
        assert!(!is_poisoned(&mut peer, key), "{n}");
        peer.hear(&(message(&id, 1) + BAD));
        let _hand = peer.take(key);
        // The broker has had enough, too.
        peer.lose();
        if n < 3 {
            again(&mut peer, GENERIC);
        }
    }
    assert!(is_poisoned(&mut peer, key));
}

#[test]
fn trial_does_not_go_on_while_the_connection_is_broken() {
    let (mut peer, keys) = with(2);
    end_by(&mut peer, BAD, 2);
    peer.hear(BAD);
    trial(&mut peer);
    assert_eq!(replayed(&mut peer), ["1"]);
    peer.sleep_ms(500);
    peer.hear(&(message("s1.e4", 1) + BAD));
    let _hand = peer.take(keys[0]);
    peer.sleep_ms(1_000);
    assert!(peer.engine.connection().is_none());
    assert!(is_poisoned(&mut peer, keys[0]));
    assert!(!is_poisoned(&mut peer, keys[1]));
}

#[test]
fn message_that_lost_its_head_breaks_the_connection_and_leaves_time_to_settle() {
    let mut peer = Peer::connected();
    let key = peer.subscribe_by(AckMode::ClientIndividual, 10);
    peer.hear(&(message("s1", 1) + "MESSAGE\nsubscription:s1\ntorn\n\nhi\0"));
    let token = peer.take(key).delivery.token;
    let settled = peer.engine.settle(Verdict::Ack, &token, peer.now);
    assert_eq!(settled.expect("open"), Settled::Sent);
    assert_eq!(peer.commands(), ["ACK k1", "UNSUBSCRIBE s1"]);
}

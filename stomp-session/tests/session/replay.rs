use stomp_commands::{AckMode, Subscribe};
use stomp_session::{
    CloseReason, Event, ReceiptFailure, Refusal, SubscriptionKey, Subscriptions, UsageError, With,
};

use crate::peer::{Peer, message, quiet};

/// Three subscriptions, in an order that their destinations do not have.
fn three() -> (Peer, [SubscriptionKey; 3]) {
    let mut peer = Peer::connected();
    let subscribe = |peer: &mut Peer, subscribe| {
        let key = peer.session.subscribe(subscribe, peer.now);
        key.expect("connected")
    };
    let keys = [
        subscribe(
            &mut peer,
            Subscribe::to("/c").ack(AckMode::ClientIndividual),
        ),
        subscribe(&mut peer, Subscribe::to("/a").id("mine").header("x", "1")),
        subscribe(&mut peer, Subscribe::to("/b").receipt("r-once")),
    ];
    peer.sent();
    (peer, keys)
}

#[test]
fn replay_says_again_what_was_really_said_in_the_old_order() {
    let (peer, _) = three();
    let mut peer = peer.reconnected();
    assert_eq!(
        peer.sent(),
        "SUBSCRIBE\nid:s1.e2\ndestination:/c\nack:client-individual\nreceipt:r1\n\n\0\
         SUBSCRIBE\nid:mine.e2\ndestination:/a\nreceipt:r2\nx:1\n\n\0\
         SUBSCRIBE\nid:s3.e2\ndestination:/b\nreceipt:r3\n\n\0"
    );
}

#[test]
fn each_is_confirmed_and_the_last_answer_says_that_it_is_over() {
    let (peer, keys) = three();
    let mut peer = peer.reconnected();
    assert!(peer.session.is_replaying());
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0RECEIPT\nreceipt-id:r2\n\n\0");
    assert_eq!(
        peer.events(),
        ["subscribed: subscription 1", "subscribed: subscription 2"]
    );
    peer.hear("RECEIPT\nreceipt-id:r3\n\n\0");
    assert_eq!(peer.events(), ["subscribed: subscription 3", "replayed"]);
    assert!(!peer.session.is_replaying());
    assert_eq!(
        peer.session.wire_id(keys[1]).map(|id| id.as_str()),
        Some("mine.e2")
    );
}

#[test]
fn receipts_of_a_replay_are_nobodys_business() {
    let (peer, _) = three();
    let mut peer = peer.reconnected();
    peer.send("r9");
    peer.hear("RECEIPT\nreceipt-id:r9\n\n\0");
    assert_eq!(peer.events(), ["receipt r9"]);
    peer.session.handle_eof(peer.now);
    assert_eq!(peer.events(), ["closed: the connection was lost"]);
}

#[test]
fn messages_come_to_the_same_subscription_under_another_name() {
    let (peer, keys) = three();
    let mut peer = peer.reconnected();
    peer.hear(&message("s1.e2", 1));
    assert_eq!(peer.delivery().subscription, keys[0]);
    peer.hear(&message("s1", 2));
    assert_eq!(peer.events(), ["orphan m2"]);
}

#[test]
fn every_connection_has_names_of_its_own() {
    let (peer, _) = three();
    let mut peer = peer.reconnected().reconnected();
    assert!(peer.sent().starts_with("SUBSCRIBE\nid:s1.e3\n"));
    let key = peer
        .session
        .subscribe(Subscribe::to("/new").id("mine2"), peer.now);
    let key = key.expect("a new name");
    assert_eq!(
        peer.session.wire_id(key).map(|id| id.as_str()),
        Some("mine2.e3")
    );
}

#[test]
fn durable_subscription_keeps_its_name() {
    let mut peer = Peer::connecting(quiet());
    let rabbitmq = "CONNECTED\nversion:1.2\nserver:RabbitMQ/3.10.8\n\n\0";
    peer.hear(rabbitmq);
    let durable = Subscribe::to("/topic/a").durable("kept");
    peer.session
        .subscribe(durable, peer.now)
        .expect("RabbitMQ can");
    let first = peer.sent();
    peer.events();
    let mut peer = peer.reconnected_by(rabbitmq);
    let again = peer.sent();
    assert_eq!(again.replace("receipt:r1\n", ""), first);
    assert!(again.contains("\nid:kept\n"), "{again}");
}

#[test]
fn unsubscribed_ones_are_not_replayed() {
    let (mut peer, keys) = three();
    for key in [keys[0], keys[2]] {
        peer.session
            .unsubscribe(key, With::nothing(), peer.now)
            .expect("live");
    }
    let mut peer = peer.reconnected();
    let sent = peer.sent();
    assert!(sent.starts_with("SUBSCRIBE\nid:mine.e2\n"), "{sent}");
    assert_eq!(sent.matches("SUBSCRIBE").count(), 1);
}

#[test]
fn cleared_or_forgotten_ones_are_not_replayed() {
    let (mut peer, keys) = three();
    peer.session.subscriptions_mut().forget(keys[1]);
    let mut peer = peer.reconnected();
    assert_eq!(peer.sent().matches("SUBSCRIBE").count(), 2);
    peer.session.subscriptions_mut().clear();
    let mut peer = peer.reconnected();
    assert_eq!(peer.sent(), "");
    assert_eq!(
        peer.events(),
        [""; 0],
        "nothing to replay, so nothing was replayed"
    );
    assert_eq!(peer.session.epoch().number(), 3);
}

#[test]
fn nothing_is_lost_when_the_connection_breaks_in_the_middle_of_a_replay() {
    let (peer, _) = three();
    let mut peer = peer.reconnected();
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0");
    let mut peer = peer.reconnected();
    assert_eq!(peer.sent().matches("SUBSCRIBE").count(), 3);
}

#[test]
fn nothing_is_lost_when_the_next_connection_never_comes_up() {
    let (peer, _) = three();
    let config = quiet();
    let subscriptions = peer.session.into_subscriptions();
    let peer = Peer::again(config, subscriptions, peer.now);
    let subscriptions = peer.session.into_subscriptions();
    assert_eq!(subscriptions.len(), 3);
}

#[test]
fn refused_one_is_quarantined_and_the_others_come_back() {
    let (peer, keys) = three();
    let mut peer = peer.reconnected();
    peer.sent();
    peer.hear("ERROR\nmessage:no such queue\nreceipt-id:r2\n\n\0");
    assert_eq!(
        peer.events(),
        [
            "error no such queue",
            "refused: subscription 2: the server refused the subscription: no such queue",
            "closed: the server reported an error: no such queue",
        ]
    );
    let quarantined: Vec<_> = peer.session.subscriptions().quarantined().collect();
    assert!(matches!(quarantined[..], [(key, Refusal::Error(_))] if key == keys[1]));

    let mut peer = peer.reconnected();
    let sent = peer.sent();
    assert_eq!(sent.matches("SUBSCRIBE").count(), 2);
    assert!(!sent.contains("mine"), "{sent}");

    peer.session.subscriptions_mut().release(keys[1]);
    assert_eq!(peer.session.subscriptions().quarantined().count(), 0);
    let mut peer = peer.reconnected();
    assert_eq!(peer.sent().matches("SUBSCRIBE").count(), 3);
}

#[test]
fn new_subscription_that_is_refused_is_not_replayed_either() {
    let mut peer = Peer::connected();
    let subscribe = Subscribe::to("/a").receipt("r1");
    peer.session
        .subscribe(subscribe, peer.now)
        .expect("connected");
    peer.hear("ERROR\nmessage:no\nreceipt-id:r1\n\n\0");
    assert_eq!(
        peer.events(),
        [
            "error no",
            "refused: subscription 1: the server refused the subscription: no",
            "no receipt r1: the server refused the frame: no",
            "closed: the server reported an error: no",
        ]
    );
    assert_eq!(peer.reconnected().sent(), "");
}

#[test]
fn error_that_names_a_subscription_refuses_it_unless_it_was_confirmed() {
    let (peer, keys) = three();
    let mut peer = peer.reconnected();
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0ERROR\nmessage:cancelled\nsubscription:s1.e2\n\n\0");
    assert_eq!(
        peer.session.subscriptions().quarantined().count(),
        0,
        "a node went down, say"
    );

    let mut peer = peer.reconnected();
    peer.hear("ERROR\nmessage:no\nsubscription:s1.e3\n\n\0");
    let quarantined: Vec<_> = peer.session.subscriptions().quarantined().collect();
    assert!(matches!(quarantined[..], [(key, Refusal::Error(_))] if key == keys[0]));
}

#[test]
fn error_that_names_nothing_is_blamed_on_the_next_subscribe_the_second_time() {
    let (peer, keys) = three();
    let mut peer = peer.reconnected();
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0ERROR\nmessage:not_found\n\n\0");
    assert_eq!(peer.session.subscriptions().quarantined().count(), 0);

    let mut peer = peer.reconnected();
    peer.hear("RECEIPT\nreceipt-id:r4\n\n\0ERROR\nmessage:not_found\n\n\0");
    let quarantined: Vec<_> = peer.session.subscriptions().quarantined().collect();
    assert!(matches!(quarantined[..], [(key, Refusal::Suspected(_))] if key == keys[1]));
    assert!(peer.events().contains(
        &"refused: subscription 2: the server seems to refuse the subscription: not_found".into()
    ));
}

#[test]
fn suspicion_ends_with_the_receipt() {
    let (peer, _) = three();
    let mut peer = peer.reconnected();
    peer.hear("ERROR\nmessage:admin\n\n\0");
    let mut peer = peer.reconnected();
    peer.hear("RECEIPT\nreceipt-id:r4\n\n\0");
    let mut peer = peer.reconnected();
    peer.hear("ERROR\nmessage:admin\n\n\0");
    assert_eq!(peer.session.subscriptions().quarantined().count(), 0);
}

#[test]
fn error_is_not_blamed_on_a_subscribe_when_an_earlier_frame_is_unanswered() {
    for _ in 0..3 {
        let (mut peer, _) = three();
        peer.send("r0");
        let mut peer = peer.reconnected();
        peer.hear("RECEIPT\nreceipt-id:r1\n\n\0RECEIPT\nreceipt-id:r2\n\n\0");
        peer.hear("RECEIPT\nreceipt-id:r3\n\n\0");
        peer.send("r9");
        let late = Subscribe::to("/late").receipt("r10");
        peer.session.subscribe(late, peer.now).expect("connected");
        peer.hear("ERROR\nmessage:about r9\n\n\0");
        assert_eq!(peer.session.subscriptions().quarantined().count(), 0);
    }
}

#[test]
fn unanswered_replay_is_reported_and_tried_again_next_time() {
    let (peer, _) = three();
    let mut peer = peer.reconnected();
    peer.sent();
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0RECEIPT\nreceipt-id:r3\n\n\0");
    peer.sleep_ms(15_000);
    assert_eq!(
        peer.events(),
        [
            "subscribed: subscription 1",
            "subscribed: subscription 3",
            "unanswered: subscription 2",
            "replayed",
        ]
    );
    assert_eq!(peer.reconnected().sent().matches("SUBSCRIBE").count(), 3);
}

#[test]
fn what_was_left_before_it_was_confirmed_is_not_reported_any_more() {
    let (peer, keys) = three();
    let mut peer = peer.reconnected();
    peer.session
        .unsubscribe(keys[0], With::nothing(), peer.now)
        .expect("live");
    peer.session
        .unsubscribe(keys[1], With::nothing(), peer.now)
        .expect("live");
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0RECEIPT\nreceipt-id:r3\n\n\0");
    peer.sent();
    peer.sleep_ms(15_000);
    assert_eq!(peer.events(), ["subscribed: subscription 3", "replayed"]);
}

#[test]
fn broker_that_cannot_express_a_subscription_refuses_it() {
    let mut peer = Peer::connecting(quiet());
    peer.hear("CONNECTED\nversion:1.2\nserver:ActiveMQ/5.17.2\n\n\0");
    let prefetch = Subscribe::to("/a").prefetch(10);
    peer.session
        .subscribe(prefetch, peer.now)
        .expect("ActiveMQ can");
    peer.events();
    let mut peer = peer.reconnected();
    let Some(Event::SubscriptionRefused { why, .. }) = peer.event() else {
        panic!("a generic broker has no word for it");
    };
    assert!(matches!(
        why,
        Refusal::Inexpressible(UsageError::Command(_))
    ));
    assert_eq!(peer.events(), ["replayed"]);
    assert_eq!(peer.sent(), "");
}

#[test]
fn subscription_without_id_gets_one_where_the_version_wants_it() {
    let mut peer = Peer::by_version("1.0");
    let key = peer.subscribe(AckMode::Auto);
    assert_eq!(peer.session.wire_id(key), None);
    let mut peer = peer.reconnected();
    assert!(peer.sent().starts_with("SUBSCRIBE\nid:s1.e2\n"));
    let mut peer = peer.reconnected_by("CONNECTED\n\n\0");
    assert!(peer.sent().starts_with("SUBSCRIBE\ndestination:/queue/a\n"));
}

#[test]
fn released_one_whose_id_was_taken_meanwhile_is_refused() {
    let mut peer = Peer::connected();
    let subscribe = || Subscribe::to("/a").id("x");
    let key = peer.session.subscribe(subscribe().receipt("r1"), peer.now);
    peer.hear("ERROR\nreceipt-id:r1\n\n\0");
    peer.events();
    let mut peer = peer.reconnected();
    peer.session
        .subscribe(subscribe(), peer.now)
        .expect("the id is free");
    peer.session
        .subscriptions_mut()
        .release(key.expect("connected"));
    let mut peer = peer.reconnected();
    peer.sent();
    assert_eq!(
        peer.events(),
        ["refused: subscription 2: there is a subscription of this id already"]
    );
}

#[test]
fn new_set_is_empty_and_counts_from_one() {
    let subscriptions = Subscriptions::new();
    assert!(subscriptions.is_empty());
    let (peer, keys) = three();
    assert_eq!(peer.session.epoch().number(), 1);
    let subscriptions = peer.session.into_subscriptions();
    assert!(!subscriptions.is_empty());
    assert!(subscriptions.keys().eq(keys));
    assert_eq!(subscriptions.destination(keys[1]), Some("/a"));
}

#[test]
fn new_subscription_under_suspicion_is_reported_at_once_and_can_be_forgotten() {
    let mut peer = Peer::connected();
    let subscribe = Subscribe::to("/a").receipt("r1");
    let key = peer.session.subscribe(subscribe, peer.now);
    peer.send("r2");
    peer.sent();
    peer.hear("ERROR\nmessage:access_refused\n\n\0");
    let Some(Event::Error(_)) = peer.event() else {
        panic!("the error comes first");
    };
    let Some(Event::ReceiptFailed { receipt, why }) = peer.event() else {
        panic!("then what it seems to be about");
    };
    assert_eq!(receipt.as_str(), "r1");
    assert!(matches!(why, ReceiptFailure::Suspected(_)), "{why:?}");
    let Some(Event::ReceiptFailed { receipt, why }) = peer.event() else {
        panic!("then what is lost by it");
    };
    assert_eq!(receipt.as_str(), "r2");
    // Everybody who waited is told why it is over, before that is said by itself.
    assert!(
        matches!(why, ReceiptFailure::ConnectionLost(CloseReason::Error(_))),
        "{why:?}"
    );
    let end = "closed: the server reported an error: access_refused";
    assert_eq!(peer.events(), [end]);
    let subscriptions = peer.session.subscriptions_mut();
    subscriptions.forget(key.expect("connected"));
    assert_eq!(peer.reconnected().sent(), "");
}

#[test]
fn prefetch_that_is_only_a_hint_keeps_no_broker_from_taking_the_subscription() {
    let mut peer = Peer::connecting(quiet());
    peer.hear("CONNECTED\nversion:1.2\nserver:ActiveMQ/5.17.2\n\n\0");
    let hint = Subscribe::to("/a").prefetch_hint(10);
    peer.session.subscribe(hint, peer.now).expect("connected");
    assert!(peer.sent().contains("activemq.prefetchSize:10"));
    let mut peer = peer.reconnected();
    assert!(!peer.sent().contains("prefetch"));
    assert_eq!(peer.session.subscriptions().quarantined().count(), 0);
    let mut peer = peer.reconnected_by("CONNECTED\nversion:1.2\nserver:RabbitMQ/3.10.8\n\n\0");
    assert!(peer.sent().contains("prefetch-count:10"));
}

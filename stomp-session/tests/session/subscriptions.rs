use stomp_commands::{AckMode, Dialect, Subscribe};
use stomp_session::{Config, UsageError, With};

use crate::peer::{Peer, message, quiet};

#[test]
fn subscription_gets_an_id_unless_it_has_one() {
    let mut peer = Peer::connected();
    for (subscribe, id) in [
        (Subscribe::to("/a"), "s1"),
        (Subscribe::to("/a").id("mine"), "mine"),
        (Subscribe::to("/a"), "s3"),
    ] {
        let key = peer
            .session
            .subscribe(subscribe, peer.now)
            .expect("connected");
        assert_eq!(peer.session.wire_id(key).map(|id| id.as_str()), Some(id));
    }
}

#[test]
fn generated_ids_keep_out_of_the_way_of_given_ones() {
    let mut peer = Peer::connecting(quiet().id_prefix("app-"));
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    let given = Subscribe::to("/a").id("app-2");
    peer.session.subscribe(given, peer.now).expect("connected");
    let key = peer.session.subscribe(Subscribe::to("/b"), peer.now);
    let id = peer.session.wire_id(key.expect("connected"));
    assert_eq!(id.map(|id| id.as_str()), Some("app-2-"));
}

#[test]
fn id_in_use_is_refused_and_free_after_unsubscribe() {
    let mut peer = Peer::connected();
    let subscribe = || Subscribe::to("/a").id("x");
    let key = peer.session.subscribe(subscribe(), peer.now).expect("new");
    let again = peer.session.subscribe(subscribe(), peer.now);
    assert_eq!(again, Err(UsageError::DuplicateSubscription));
    assert_eq!(peer.session.subscriptions().len(), 1);
    let with = With::nothing().receipt("r1").header("k", "v");
    peer.session.unsubscribe(key, with, peer.now).expect("live");
    assert!(
        peer.sent()
            .ends_with("UNSUBSCRIBE\nid:x\nreceipt:r1\nk:v\n\n\0")
    );
    assert!(peer.session.subscribe(subscribe(), peer.now).is_ok());
    let gone = peer.session.unsubscribe(key, With::nothing(), peer.now);
    assert_eq!(gone, Err(UsageError::UnknownSubscription));
}

#[test]
fn two_ids_may_share_a_destination() {
    let mut peer = Peer::connected();
    let keys = [AckMode::Auto; 2].map(|ack| peer.subscribe(ack));
    peer.hear(&message("s2", 1));
    assert_eq!(peer.delivery().subscription, keys[1]);
    peer.hear(&message("s1", 2));
    assert_eq!(peer.delivery().subscription, keys[0]);
}

#[test]
fn subscribe_and_unsubscribe_say_the_same_in_every_version() {
    for version in ["1.0", "1.1", "1.2"] {
        let mut peer = Peer::by_version(version);
        let subscribe = Subscribe::to("/a")
            .id("4711")
            .ack(AckMode::Client)
            .receipt("r1")
            .header("selector", "colour = 'blue'");
        let key = peer.session.subscribe(subscribe, peer.now);
        assert_eq!(
            peer.sent(),
            "SUBSCRIBE\nid:4711\ndestination:/a\nack:client\nreceipt:r1\n\
             selector:colour = 'blue'\n\n\0"
        );
        peer.session
            .unsubscribe(key.expect("new"), With::nothing(), peer.now)
            .expect("live");
        assert_eq!(peer.sent(), "UNSUBSCRIBE\nid:4711\n\n\0");
    }
}

#[test]
fn receipt_confirms_a_subscription() {
    let mut peer = Peer::connected();
    let subscribe = Subscribe::to("/a").receipt("r1");
    peer.session
        .subscribe(subscribe, peer.now)
        .expect("connected");
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0");
    assert_eq!(peer.events(), ["subscribed: subscription 1", "receipt r1"]);
}

#[test]
fn message_after_unsubscribe_is_an_orphan() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::Auto);
    peer.session
        .unsubscribe(key, With::nothing(), peer.now)
        .expect("live");
    peer.hear(&message("s1", 1));
    assert_eq!(peer.events(), ["orphan m1"]);
}

#[test]
fn version_1_0_may_do_without_ids() {
    let mut peer = Peer::by_version("1.0");
    let key = peer.session.subscribe(Subscribe::to("/a"), peer.now);
    let key = key.expect("connected");
    assert_eq!(peer.sent(), "SUBSCRIBE\ndestination:/a\n\n\0");
    let again = peer.session.subscribe(Subscribe::to("/a"), peer.now);
    assert_eq!(again, Err(UsageError::DuplicateSubscription));
    let named = Subscribe::to("/a").id("x");
    let named = peer
        .session
        .subscribe(named, peer.now)
        .expect("it has an id");

    peer.hear("MESSAGE\ndestination:/a\nmessage-id:1\n\n\0");
    assert_eq!(peer.delivery().subscription, key);
    peer.hear("MESSAGE\ndestination:/a\nmessage-id:2\nsubscription:x\n\n\0");
    assert_eq!(peer.delivery().subscription, named);
    // RabbitMQ names subscriptions that were given no name.
    peer.hear("MESSAGE\ndestination:/a\nmessage-id:3\nsubscription:Q_/a\n\n\0");
    assert_eq!(peer.delivery().subscription, key);
    peer.hear("MESSAGE\ndestination:/b\nmessage-id:4\n\n\0");
    assert_eq!(peer.events(), ["orphan 4"]);

    peer.sent();
    peer.session
        .unsubscribe(key, With::nothing(), peer.now)
        .expect("live");
    assert_eq!(peer.sent(), "UNSUBSCRIBE\ndestination:/a\n\n\0");
    peer.hear("MESSAGE\ndestination:/a\nmessage-id:5\nsubscription:Q_/a\n\n\0");
    assert_eq!(peer.events(), ["orphan 5"]);
    peer.hear("MESSAGE\ndestination:/a\nmessage-id:6\n\n\0");
    assert_eq!(
        peer.delivery().subscription,
        named,
        "nobody else listens there"
    );
}

#[test]
fn oldest_gets_what_names_nobody() {
    let mut peer = Peer::by_version("1.0");
    let mut subscribe = |id: &str| {
        let subscribe = Subscribe::to("/a").id(id);
        peer.session.subscribe(subscribe, peer.now).expect("new")
    };
    let keys = ["z", "a", "m"].map(&mut subscribe);
    peer.hear("MESSAGE\ndestination:/a\nmessage-id:1\n\n\0");
    assert_eq!(peer.delivery().subscription, keys[0]);
}

#[test]
fn destination_does_not_matter_from_1_1_on() {
    let mut peer = Peer::by_version("1.1");
    peer.subscribe(AckMode::Auto);
    peer.hear("MESSAGE\ndestination:/queue/a\nmessage-id:1\nsubscription:other\n\n\0");
    assert_eq!(peer.events(), ["orphan 1"]);
}

#[test]
fn deletion_names_the_durable_subscription_where_the_broker_goes_by_its_name() {
    let config = Config::dialect(quiet(), Dialect::ActiveMq).client_id("c");
    let mut peer = Peer::connecting(config);
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    let durable = Subscribe::to("/topic/a").id("s").durable("kept");
    let key = peer.session.subscribe(durable, peer.now);
    peer.sent();
    peer.session
        .unsubscribe(
            key.expect("ActiveMQ can"),
            With::nothing().delete(),
            peer.now,
        )
        .expect("live");
    assert_eq!(
        peer.sent(),
        "UNSUBSCRIBE\nid:s\nactivemq.subscriptionName:kept\n\n\0"
    );
}

#[test]
fn deleting_a_durable_subscription_names_it() {
    let config = Config::dialect(quiet(), Dialect::RabbitMq);
    let mut peer = Peer::connecting(config);
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    let durable = || Subscribe::to("/topic/a").durable("kept");
    let key = peer
        .session
        .subscribe(durable(), peer.now)
        .expect("RabbitMQ can");
    peer.sent();
    peer.session
        .unsubscribe(key, With::nothing(), peer.now)
        .expect("live");
    assert_eq!(peer.sent(), "UNSUBSCRIBE\nid:kept\n\n\0");
    let key = peer
        .session
        .subscribe(durable(), peer.now)
        .expect("RabbitMQ can");
    peer.sent();
    peer.session
        .unsubscribe(key, With::nothing().delete(), peer.now)
        .expect("live");
    let sent = peer.sent();
    assert!(
        sent.starts_with("UNSUBSCRIBE\nid:kept\ndurable:true\n"),
        "{sent}"
    );
}

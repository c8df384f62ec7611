use stomp_commands::{AckMode, Dialect, Message};
use stomp_session::{Settled, UsageError, With};

use crate::peer::{Peer, quiet};

#[test]
fn delivery_of_another_connection_is_not_acknowledged() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::ClientIndividual);
    let old = peer.receive("s1", 1);
    let mut peer = peer.reconnected();
    peer.sent();
    let new = peer.receive("s1.e2", 1);
    let (session, now) = (&mut peer.session, peer.now);
    for _ in 0..2 {
        assert_eq!(session.ack(&old, With::nothing(), now), Ok(Settled::Stale));
        assert_eq!(session.nack(&old, With::nothing(), now), Ok(Settled::Stale));
    }
    assert_eq!(session.poll_transmit(now), None);
    assert_eq!(session.unsettled(key), 1);
    assert_eq!(session.ack(&new, With::nothing(), now), Ok(Settled::Sent));
    assert_eq!(peer.sent(), "ACK\nid:k1\n\n\0");
    assert_eq!((old.epoch().number(), new.epoch().number()), (1, 2));
    assert_eq!(old.subscription(), key);
}

#[test]
fn stale_is_the_answer_also_while_nothing_is_connected() {
    let mut peer = Peer::connected();
    peer.subscribe(AckMode::Client);
    let token = peer.receive("s1", 1);
    let subscriptions = peer.session.into_subscriptions();
    let mut peer = Peer::again(quiet(), subscriptions, peer.now);
    let settled = peer.session.ack(&token, With::nothing(), peer.now);
    assert_eq!(settled, Ok(Settled::Stale));
}

#[test]
fn each_version_names_the_message_in_its_own_way() {
    for (version, ack) in [
        ("1.0", "ACK\nmessage-id:m1\nsubscription:mine\n"),
        ("1.1", "ACK\nmessage-id:m1\nsubscription:mine\n"),
        ("1.2", "ACK\nid:k1\n"),
    ] {
        let mut peer = Peer::by_version(version);
        let subscribe = stomp_commands::Subscribe::to("/a").id("mine");
        let subscribe = subscribe.ack(AckMode::ClientIndividual);
        peer.session
            .subscribe(subscribe, peer.now)
            .expect("connected");
        peer.sent();
        let token = peer.receive("mine", 1);
        let with = With::nothing().receipt("r1").header("x", "y");
        assert_eq!(peer.session.ack(&token, with, peer.now), Ok(Settled::Sent));
        assert_eq!(peer.sent(), format!("{ack}receipt:r1\nx:y\n\n\0"));
    }
}

#[test]
fn nack_names_the_message_as_ack_does() {
    for (version, nack) in [
        ("1.1", "NACK\nmessage-id:m1\nsubscription:s1\n"),
        ("1.2", "NACK\nid:k1\n"),
    ] {
        let mut peer = Peer::by_version(version);
        peer.subscribe(AckMode::ClientIndividual);
        let token = peer.receive("s1", 1);
        let with = With::nothing().receipt("r1").header("x", "y");
        assert_eq!(peer.session.nack(&token, with, peer.now), Ok(Settled::Sent));
        assert_eq!(peer.sent(), format!("{nack}receipt:r1\nx:y\n\n\0"));
        peer.hear("RECEIPT\nreceipt-id:r1\n\n\0");
        assert_eq!(peer.events(), ["receipt r1"]);
    }
}

#[test]
fn nack_says_what_should_become_of_the_message() {
    let mut peer = Peer::connecting(quiet().dialect(Dialect::RabbitMq));
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    peer.event();
    peer.subscribe(AckMode::ClientIndividual);
    let token = peer.receive("s1", 1);
    let with = With::nothing().dead_letter();
    assert_eq!(peer.session.nack(&token, with, peer.now), Ok(Settled::Sent));
    assert_eq!(peer.sent(), "NACK\nid:k1\nrequeue:false\n\n\0");
    let token = peer.receive("s1", 2);
    let with = With::nothing().requeue();
    assert_eq!(peer.session.nack(&token, with, peer.now), Ok(Settled::Sent));
    assert!(peer.sent().starts_with("NACK\nid:k2\n"));
}

#[test]
fn what_a_command_cannot_carry_is_refused_not_dropped() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::Client);
    let token = peer.receive("s1", 1);
    let (session, now) = (&mut peer.session, peer.now);
    for (refused, text) in [
        (
            session
                .ack(&token, With::nothing().requeue(), now)
                .map(drop),
            "ACK cannot carry what should become of a message",
        ),
        (
            session.ack(&token, With::nothing().delete(), now).map(drop),
            "ACK cannot carry the deletion of a subscription",
        ),
        (
            session
                .nack(&token, With::nothing().delete(), now)
                .map(drop),
            "NACK cannot carry the deletion of a subscription",
        ),
        (
            session.unsubscribe(key, With::nothing().dead_letter(), now),
            "UNSUBSCRIBE cannot carry what should become of a message",
        ),
        (
            session.unsubscribe(key, With::nothing().transaction("t"), now),
            "UNSUBSCRIBE cannot carry a transaction",
        ),
    ] {
        assert_eq!(
            refused.map_err(|error| error.to_string()),
            Err(text.to_owned())
        );
    }
    assert_eq!(peer.session.unsettled(key), 1);
}

#[test]
fn version_1_0_has_no_nack() {
    let mut peer = Peer::by_version("1.0");
    let key = peer.subscribe(AckMode::Client);
    peer.hear("MESSAGE\ndestination:/queue/a\nmessage-id:1\n\n\0");
    let token = peer.delivery().token;
    let refused = peer.session.nack(&token, With::nothing(), peer.now);
    assert!(matches!(refused, Err(UsageError::Command(_))));
    assert_eq!(peer.session.unsettled(key), 1);
    assert_eq!(
        peer.session.ack(&token, With::nothing(), peer.now),
        Ok(Settled::Sent)
    );
    assert_eq!(peer.sent(), "ACK\nmessage-id:1\n\n\0");
}

#[test]
fn second_settlement_is_refused() {
    let mut peer = Peer::connected();
    peer.subscribe(AckMode::ClientIndividual);
    let token = peer.receive("s1", 1);
    assert_eq!(
        peer.session.ack(&token, With::nothing(), peer.now),
        Ok(Settled::Sent)
    );
    for _ in 0..2 {
        let again = peer.session.nack(&token, With::nothing(), peer.now);
        assert_eq!(again, Err(UsageError::AlreadySettled));
    }
}

#[test]
fn cumulative_mode_settles_all_earlier_ones_of_its_subscription_only() {
    let mut peer = Peer::connected();
    let first = peer.subscribe(AckMode::Client);
    let second = peer.subscribe(AckMode::Client);
    let tokens = [1, 2, 3].map(|n| peer.receive("s1", n));
    let other = peer.receive("s2", 1);
    assert_eq!(
        peer.session.ack(&tokens[1], With::nothing(), peer.now),
        Ok(Settled::Sent)
    );
    assert_eq!(peer.session.unsettled(first), 1);
    assert_eq!(peer.session.unsettled(second), 1);
    let refused = peer.session.ack(&tokens[0], With::nothing(), peer.now);
    assert_eq!(refused, Err(UsageError::AlreadySettled));
    assert_eq!(
        peer.session.ack(&tokens[2], With::nothing(), peer.now),
        Ok(Settled::Sent)
    );
    assert_eq!(
        peer.session.ack(&other, With::nothing(), peer.now),
        Ok(Settled::Sent)
    );
}

#[test]
fn individual_mode_settles_one() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::ClientIndividual);
    let tokens = [1, 2, 3].map(|n| peer.receive("s1", n));
    assert_eq!(
        peer.session.ack(&tokens[2], With::nothing(), peer.now),
        Ok(Settled::Sent)
    );
    assert_eq!(peer.session.unsettled(key), 2);
    assert_eq!(
        peer.session.ack(&tokens[0], With::nothing(), peer.now),
        Ok(Settled::Sent)
    );
}

#[test]
fn auto_mode_needs_no_ack_even_if_the_sender_wrote_the_header() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::Auto);
    let token = peer.receive("s1", 1);
    assert!(!token.is_ackable());
    assert_eq!(peer.session.unsettled(key), 0);
    let refused = peer.session.ack(&token, With::nothing(), peer.now);
    assert_eq!(refused, Err(UsageError::NotAckable));
}

#[test]
fn message_without_the_header_is_delivered_and_cannot_be_acknowledged() {
    let mut peer = Peer::connected();
    peer.subscribe(AckMode::Client);
    peer.hear("MESSAGE\ndestination:/queue/a\nmessage-id:1\nsubscription:s1\n\n\0");
    let token = peer.delivery().token;
    assert!(!token.is_ackable());
    let refused = peer.session.ack(&token, With::nothing(), peer.now);
    assert_eq!(refused, Err(UsageError::NotAckable));
}

#[test]
fn subscription_that_is_gone_takes_its_messages_along() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::Client);
    let token = peer.receive("s1", 1);
    peer.session
        .unsubscribe(key, With::nothing(), peer.now)
        .expect("live");
    let refused = peer.session.ack(&token, With::nothing(), peer.now);
    assert_eq!(refused, Err(UsageError::UnknownMessage));
    assert_eq!(peer.session.unsettled(key), 0);
}

#[test]
fn token_belongs_to_the_message() {
    let mut peer = Peer::connected();
    peer.subscribe(AckMode::Client);
    peer.hear("MESSAGE\ndestination:/a\nmessage-id:1\nsubscription:s1\nack:k\n\nhi\0");
    let delivery = peer.delivery();
    assert!(delivery.token.is_ackable());
    assert_eq!(Message::ack_id(&delivery.message), Some("k"));
}

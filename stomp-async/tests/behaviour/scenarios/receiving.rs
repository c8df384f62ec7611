//! What comes to an inbox: in order, within bounds, to be settled once.

use std::time::Duration;

use stomp_frame::Command;
use stomp_testbroker::{Fault, Profile, TestBroker, on};

use crate::client::{Ack, Next, Outgoing, Settled, Verdict, Wanted};
use crate::peer::Peer;
use crate::world::{SOON, World, until, within};

pub(crate) fn what_is_not_acknowledged_is_delivered_to_the_next(world: &World) {
    let broker = world.broker();
    broker.push("/queue/a", "work");
    let first = world.connect(&broker);
    let mut inbox = first.subscribe(Wanted::from("/queue/a")).unwrap();
    drop(inbox.next(SOON).message());
    first.disconnect();

    let second = world.connect(&broker);
    let mut inbox = second.subscribe(Wanted::from("/queue/a")).unwrap();
    let message = inbox.next(SOON).message();
    assert_eq!(message.text(), "work");
    assert_eq!(message.ack(), Settled::Sent);
    second.disconnect().ok();
    assert_eq!(broker.depth("/queue/a"), 0);
}

pub(crate) fn what_is_refused_leaves_the_hand(world: &World) {
    let broker = world.broker();
    broker.push("/queue/a", "work");
    let client = world.connect(&broker);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let message = inbox.next(SOON).message();
    let nacks = on(Command::Nack).then(Fault::Pass).mount(&broker);
    assert_eq!(message.nack(), Settled::Sent);
    client.send(Outgoing::confirmed("/queue/b", "behind")).ok();
    assert_eq!(nacks.hits(), 1);
}

pub(crate) fn a_full_inbox_stops_the_reading_and_nothing_is_lost(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let wanted = Wanted::from("/queue/a").capacity(1);
    let mut inbox = client.subscribe(wanted).unwrap();
    for n in 0..200 {
        broker.push("/queue/a", n.to_string());
    }
    for n in 0..200 {
        let message = inbox.next(SOON).message();
        assert_eq!(message.text(), n.to_string());
        assert_eq!(message.ack(), Settled::Sent);
    }
    let nothing = inbox.next(Duration::from_millis(1));
    assert!(matches!(nothing, Next::Nothing), "{}", nothing.describe());
}

pub(crate) fn a_message_arrives_behind_those_of_a_full_inbox(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let full = client.subscribe(Wanted::from("/queue/a").capacity(1));
    let mut other = client.subscribe(Wanted::from("/queue/b")).unwrap();
    for n in 0..30 {
        broker.push("/queue/a", n.to_string());
    }
    broker.push("/queue/b", "behind");
    assert_eq!(other.next(SOON).message().text(), "behind");
    drop(full);
}

pub(crate) fn a_receipt_arrives_behind_messages_that_nobody_asked_for_yet(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let wanted = Wanted::from("/queue/a").ack(Ack::Auto).capacity(1);
    let mut inbox = client.subscribe(wanted).unwrap();
    for n in 0..30 {
        broker.push("/queue/a", n.to_string());
    }
    for n in 0..30 {
        assert_eq!(inbox.next(SOON).message().text(), n.to_string());
        let seen = Outgoing::confirmed("/queue/b", "seen");
        within(SOON, || client.send(seen)).ok();
    }
    client.disconnect().ok();
}

pub(crate) fn a_message_beyond_the_limit_can_be_settled(world: &World) {
    let broker = world.broker();
    let mut options = world.options(&broker);
    options.largest_body = Some(3);
    let client = world.connect_by(&options);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    for body in ["long", "too long", "ok"] {
        broker.push("/queue/a", body);
    }
    for length in [4, 8] {
        let Next::TooLarge(message, text) = inbox.next(SOON) else {
            panic!("{length} octets are too many");
        };
        let told = format!("a message from /queue/a has {length} octets, and 3 are allowed");
        assert_eq!(text, told);
        assert!(message.body().is_empty());
        assert_eq!(message.ack(), Settled::Sent);
    }
    assert_eq!(inbox.next(SOON).message().ack(), Settled::Sent);
    client.disconnect().ok();
    assert_eq!(broker.depth("/queue/a"), 0);
    assert_eq!(broker.unacked("/queue/a"), 0);
}

pub(crate) fn a_subscription_that_the_broker_refuses_is_told_with_its_reason(world: &World) {
    for profile in [Profile::Strict, Profile::RabbitMq, Profile::ActiveMq] {
        let broker = world.start(TestBroker::builder().profile(profile));
        let client = world.connect(&broker);
        let no = Fault::Error("access_refused".into());
        let secret = on(Command::Subscribe).to("/queue/secret");
        let _fault = secret.then(no).mount(&broker);
        let Err(verdict) = client.subscribe(Wanted::from("/queue/secret")) else {
            panic!("it was refused");
        };
        assert!(matches!(verdict, Verdict::Rejected(_)), "{verdict:?}");
        assert!(verdict.text().contains("access_refused"), "{verdict:?}");
        // The next connection knows nothing of it.
        let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
        broker.push("/queue/a", "hello");
        assert_eq!(inbox.next(SOON).message().text(), "hello");
        assert_eq!(broker.subscribers("/queue/secret"), 0);
    }
}

pub(crate) fn a_dropped_subscription_unsubscribes_and_the_rest_goes_on(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    drop(client.subscribe(Wanted::from("/queue/a")).unwrap());
    client.send(Outgoing::confirmed("/queue/b", "x")).ok();
    assert_eq!(broker.subscribers("/queue/a"), 0);
}

pub(crate) fn a_subscription_given_up_in_the_making_is_ended_when_there_is_room(world: &World) {
    let broker = world.start(TestBroker::builder().heart_beat(100, 0));
    let client = world.connect(&broker);
    let late = Fault::DelayReceipt(Duration::from_millis(300));
    let _fault = on(Command::Subscribe).then(late).mount(&broker);
    let begun = || broker.subscribers("/queue/a") == 1;
    if !client.subscribe_and_leave(Wanted::from("/queue/a"), &begun) {
        return;
    }
    let deaf = broker.stop_reading();
    let large = Outgoing::fired("/queue/b", vec![b'x'; 4 << 20]);
    client.send(large).ok();
    // Its RECEIPT comes while nothing can be written.
    client.pass(Duration::from_millis(800));
    drop(deaf);
    until(&*client, "UNSUBSCRIBE", || {
        broker.subscribers("/queue/a") == 0
    });
}

pub(crate) fn rabbitmq_gets_no_acknowledgement_of_several(world: &World) {
    let broker = world.start(TestBroker::builder().profile(Profile::RabbitMq));
    let client = world.connect(&broker);
    let wanted = |name| Wanted::from(name).ack(Ack::Cumulative);
    let mut inboxes = ["/queue/a", "/queue/b"].map(|name| client.subscribe(wanted(name)).unwrap());
    for n in 0..3 {
        broker.push("/queue/a", n.to_string());
        broker.push("/queue/b", n.to_string());
    }
    let mut last = Vec::new();
    for inbox in &mut inboxes {
        for _ in 0..2 {
            drop(inbox.next(SOON).message());
        }
        last.push(inbox.next(SOON).message());
    }
    assert_eq!(last.pop().unwrap().ack(), Settled::Sent);
    client.send(Outgoing::confirmed("/queue/c", "behind")).ok();
    // Those before it in its own subscription are meant, and no others.
    assert_eq!(broker.unacked("/queue/b"), 0);
    assert_eq!(broker.unacked("/queue/a"), 3);
    // There, a cumulative one would hit both.
    let transcript = broker.transcript().to_string();
    let cumulative = |line: &&str| line.contains("SUBSCRIBE") && line.ends_with("ack:client");
    let found = transcript.lines().find(cumulative);
    assert_eq!(found, None);
}

pub(crate) fn where_there_is_no_ack_header_nothing_is_to_be_settled(world: &World) {
    let peer = Peer::start(world, |peer| {
        if !peer.welcome("1.2", "") {
            return;
        }
        if let Some(said) = peer.hear_a("SUBSCRIBE")
            && peer.receipt(&said)
        {
            let id = said.header("id").unwrap_or_default();
            let message = format!("MESSAGE\nsubscription:{id}\nmessage-id:1\ndestination:/queue/a");
            peer.say(&format!("{message}\n\nx\0"));
        }
        peer.go_on();
    });
    let client = world.connect_by(&peer.options());
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let settled = inbox.next(SOON).message().ack();
    assert!(
        matches!(settled, Settled::NotNeeded | Settled::Sent),
        "{settled:?}"
    );
}

pub(crate) fn a_message_is_answer_enough_to_a_subscribe(world: &World) {
    let peer = Peer::start(world, |peer| {
        if !peer.welcome("1.2", "") {
            return;
        }
        if let Some(said) = peer.hear_a("SUBSCRIBE") {
            let id = said.header("id").unwrap_or_default();
            let head = "message-id:1\nack:1\ndestination:/queue/a";
            peer.say(&format!("MESSAGE\nsubscription:{id}\n{head}\n\nx\0"));
        }
        peer.go_on();
    });
    let client = world.connect_by(&peer.options());
    let wanted = Wanted::from("/queue/a");
    let mut inbox = within(SOON, || client.subscribe(wanted)).unwrap();
    assert_eq!(inbox.next(SOON).message().text(), "x");
    client.send(Outgoing::confirmed("/queue/b", "x")).ok();
}

pub(crate) fn who_answers_no_subscribe_is_asked_for_two_seconds_once(world: &World) {
    let peer = Peer::start(world, |peer| {
        if !peer.welcome("1.2", "") {
            return;
        }
        while let Some(said) = peer.hear()
            && (said.command == "SUBSCRIBE" || peer.receipt(&said))
        {}
    });
    let client = world.connect_by(&peer.options());
    let wanted = Wanted::from("/queue/a");
    let bound = Duration::from_secs(4);
    let _first = within(bound, || client.subscribe(wanted)).unwrap();
    // It is known now, so those behind it do not wait.
    let _others = within(bound, || {
        ["/queue/b", "/queue/c", "/queue/d"]
            .map(|name| client.subscribe(Wanted::from(name)).unwrap())
    });
    let message = Outgoing::confirmed("/queue/b", "x");
    within(SOON, || client.send(message)).ok();
    assert_eq!(peer.opened(), 1);
}

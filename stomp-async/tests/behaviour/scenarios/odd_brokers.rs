//! Brokers that do what none should: nothing of it goes on for ever, or costs more than itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use stomp_frame::Command;
use stomp_testbroker::{Fault, on};

use crate::client::{Next, Settled, Verdict, Wanted};
use crate::peer::{Conversation, Peer};
use crate::world::{SOON, World};

/// Sends these messages to whoever subscribes, and counts the acknowledgements.
fn messages(peer: &mut Conversation, messages: &[String], acks: &AtomicUsize) {
    while let Some(said) = peer.hear() {
        match said.command.as_str() {
            "SUBSCRIBE" => {
                peer.receipt(&said);
                let id = said.header("id").unwrap_or_default();
                for (n, rest) in messages.iter().enumerate() {
                    let head = format!("subscription:{id}\nmessage-id:{n}\ndestination:/queue/a");
                    let ack = format!("ack:{n}-{}", peer.number);
                    peer.say(&format!("MESSAGE\n{head}\n{ack}\n{rest}\0"));
                }
            }
            "ACK" | "NACK" => _ = acks.fetch_add(1, Ordering::Relaxed),
            _ => _ = peer.receipt(&said),
        }
    }
}

pub(crate) fn a_head_beyond_the_limits_is_an_item_to_be_settled(world: &World) {
    let acks = Arc::new(AtomicUsize::new(0));
    let counting = acks.clone();
    let peer = Peer::start(world, move |peer| {
        let long = "x".repeat(17 << 10);
        let all = ["\none", &format!("long:{long}\n\nbad"), "\ntwo"].map(Into::into);
        if peer.welcome("1.2", "") {
            messages(peer, &all, &counting);
        }
    });
    let client = world.connect_by(&peer.options());
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let one = inbox.next(SOON).message();
    assert_eq!((one.text().as_str(), one.ack()), ("one", Settled::Sent));
    let Next::TooLarge(bad, _) = inbox.next(SOON) else {
        panic!("it cannot be read, and is to be settled");
    };
    assert_eq!(bad.ack(), Settled::Sent);
    let two = inbox.next(SOON).message();
    assert_eq!((two.text().as_str(), two.ack()), ("two", Settled::Sent));
    client.disconnect().ok();
    assert_eq!(acks.load(Ordering::Relaxed), 3);
    assert_eq!(peer.opened(), 1);
}

pub(crate) fn the_same_poison_again_and_again_ends_the_subscription(world: &World) {
    let peer = Peer::start(world, move |peer| {
        // An undefined escape: nobody knows where that would end.
        let all = ["x:\\q\n\nbad".to_owned()];
        if peer.welcome("1.2", "") {
            messages(peer, &all, &AtomicUsize::new(0));
        }
    });
    let client = world.connect_by(&peer.options());
    let Ok(mut inbox) = client.subscribe(Wanted::from("/queue/a")) else {
        panic!("it was confirmed");
    };
    let next = inbox.next(SOON);
    assert!(
        matches!(next, Next::Failed(Verdict::Ended(_)) | Next::TooLarge(..)),
        "{}",
        next.describe()
    );
    assert!(peer.opened() <= 10, "{} connections", peer.opened());
}

pub(crate) fn an_acknowledgement_that_is_always_refused_ends_the_subscription(world: &World) {
    let broker = world.broker();
    let no = Fault::Error("no such message".into());
    let _fault = on(Command::Ack).then(no).mount(&broker);
    broker.push("/queue/a", "work");
    let client = world.connect(&broker);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let begin = Instant::now();
    let mut deliveries = 0;
    let end = loop {
        assert!(
            begin.elapsed() < SOON,
            "{deliveries} deliveries, and no end"
        );
        match inbox.next(SOON) {
            Next::Message(message) => _ = message.ack(),
            other => break other,
        }
        deliveries += 1;
        assert!(deliveries <= 20, "it goes on for ever");
    };
    let Next::Failed(Verdict::Ended(text)) = end else {
        panic!("it ended by {}", end.describe());
    };
    assert!(text.contains("no such message"), "{text}");
}

pub(crate) fn a_return_escaped_for_version_1_1_costs_no_connection(world: &World) {
    let peer = Peer::start(world, |peer| {
        let all = ["x:a\\rb\n\nodd", "\ntwo"].map(Into::into);
        if peer.welcome("1.1", "server:RabbitMQ/3.10.8\n") {
            messages(peer, &all, &AtomicUsize::new(0));
        }
    });
    let client = world.connect_by(&peer.options());
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let (Next::Message(odd) | Next::TooLarge(odd, _)) = inbox.next(SOON) else {
        panic!("it is to be settled");
    };
    assert_eq!(odd.ack(), Settled::Sent);
    assert_eq!(inbox.next(SOON).message().text(), "two");
    assert_eq!(peer.opened(), 1);
}

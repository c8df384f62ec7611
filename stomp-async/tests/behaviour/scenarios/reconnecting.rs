//! What a lost connection does to all that was under way.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use stomp_frame::Command;
use stomp_testbroker::{Fault, Guard, TestBroker, on};

use crate::client::{
    Ack, Client, Event, Events, Next, Options, Outgoing, Settled, Verdict, Wanted,
};
use crate::peer::Peer;
use crate::scenarios::sending::latest;
use crate::world::{SOON, World, until, until_within};

/// Waits for an event, and passes over others.
#[track_caller]
fn hear(events: &mut dyn Events, wanted: impl Fn(&Event) -> bool) -> Event {
    let begin = Instant::now();
    while begin.elapsed() < 2 * SOON {
        if let Some(event) = events.next(SOON)
            && wanted(&event)
        {
            return event;
        }
    }
    panic!("there was no such event");
}

/// Ends the connection, and lets nobody in; returns when the client knows.
fn cut(client: &dyn Client, broker: &TestBroker) -> Guard {
    let mut events = client.events();
    let refusing = broker.refuse_connections();
    broker.close_connections();
    hear(&mut *events, |event| {
        matches!(event, Event::Disconnected(_))
    });
    refusing
}

pub(crate) fn subscriptions_come_back_and_late_acks_are_stale(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    broker.push("/queue/a", "one");
    let early = inbox.next(SOON).message();
    let mut events = client.events();
    broker.close_connections();
    hear(&mut *events, |event| *event == Event::Replayed);
    assert_eq!(early.ack(), Settled::Stale);
    let late = inbox.next(SOON).message();
    assert_eq!((late.text().as_str(), late.epoch()), ("one", 2));
    assert_eq!(late.ack(), Settled::Sent);
    client.disconnect().ok();
    assert_eq!(broker.depth("/queue/a"), 0);
    assert_eq!(broker.unacked("/queue/a"), 0);
}

pub(crate) fn a_subscription_dropped_between_two_connections_does_not_come_back(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let gone = client.subscribe(Wanted::from("/queue/gone")).unwrap();
    let _kept = client.subscribe(Wanted::from("/queue/kept")).unwrap();
    let refusing = cut(&*client, &broker);
    drop(gone);
    drop(refusing);
    until(&*client, "subscription", || {
        broker.subscribers("/queue/kept") == 1
    });
    // What follows the replay on the wire is behind an UNSUBSCRIBE, if that is how it is done.
    client.send(Outgoing::confirmed("/queue/a", "x")).ok();
    assert_eq!(broker.subscribers("/queue/gone"), 0);
}

pub(crate) fn what_happens_to_the_connection_can_be_heard_in_order(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let _inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let mut events = client.events();
    let refusing = broker.refuse_connections();
    broker.close_connections();
    let event = events.next(SOON);
    assert!(matches!(event, Some(Event::Disconnected(_))), "{event:?}");
    assert_eq!(events.next(SOON), Some(Event::Reconnecting));
    drop(refusing);
    hear(&mut *events, |event| *event == Event::Connected);
    assert_eq!(events.next(SOON), Some(Event::Replayed));
    client.disconnect().ok();
    assert_eq!(events.next(SOON), None);
}

pub(crate) fn who_gives_up_says_why_to_everybody(world: &World) {
    let broker = world.broker();
    let mut options = world.options(&broker);
    options.uri = options.uri.replace(
        "startupMaxReconnectAttempts=0",
        "maxReconnectAttempts=1&startupMaxReconnectAttempts=0",
    );
    let client = world.connect_by(&options);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let mut events = client.events();
    let _refusing = broker.refuse_connections();
    broker.close_connections();
    let Next::Failed(Verdict::Closed(text)) = inbox.next(SOON) else {
        panic!("it ended without a reason");
    };
    assert!(text.contains("connection refused"), "{text}");
    let after = inbox.next(SOON);
    let ended = matches!(after, Next::Ended | Next::Failed(Verdict::Closed(_)));
    assert!(ended, "{}", after.describe());
    hear(&mut *events, |event| *event == Event::GaveUp);
    let verdict = client.send(Outgoing::fired("/queue/a", "x"));
    assert!(matches!(verdict, Verdict::Closed(_)), "{verdict:?}");
}

pub(crate) fn what_is_stale_is_not_handed_out(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    for n in 0..20 {
        broker.push("/queue/a", n.to_string());
    }
    for _ in 0..3 {
        assert_eq!(inbox.next(SOON).message().ack(), Settled::Sent);
    }
    // Behind these acks, and behind all twenty.
    client.send(Outgoing::confirmed("/queue/b", "x")).ok();
    let mut events = client.events();
    broker.close_connections();
    hear(&mut *events, |event| *event == Event::Replayed);
    for n in 3..20 {
        let message = inbox.next(SOON).message();
        assert_eq!((message.text(), message.epoch()), (n.to_string(), 2));
        assert_eq!(message.ack(), Settled::Sent);
    }
    let more = inbox.next(Duration::from_millis(100));
    assert!(matches!(more, Next::Nothing), "{}", more.describe());
    client.disconnect().ok();
    assert_eq!(broker.depth("/queue/a"), 0);
}

pub(crate) fn a_subscription_refused_later_ends_and_the_rest_goes_on(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let mut bad = client.subscribe(Wanted::from("/queue/bad")).unwrap();
    let mut good = client.subscribe(Wanted::from("/queue/good")).unwrap();
    let mut events = client.events();
    let no = Fault::Error("not any more".into());
    let again = on(Command::Subscribe).to("/queue/bad");
    let _fault = again.then(no).mount(&broker);
    broker.close_connections();
    hear(&mut *events, |event| *event == Event::SubscriptionRefused);
    let Next::Failed(Verdict::Ended(text)) = bad.next(SOON) else {
        panic!("it was refused");
    };
    assert!(text.contains("not any more"), "{text}");
    broker.push("/queue/good", "x");
    assert_eq!(good.next(SOON).message().text(), "x");
}

pub(crate) fn an_over_full_inbox_holds_up_no_reconnect(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let wanted = Wanted::from("/topic/a").ack(Ack::Auto).capacity(1);
    let _full = client.subscribe(wanted).unwrap();
    for round in 1..=10 {
        for _ in 0..50 {
            broker.push("/topic/a", vec![b'x'; 1000]);
        }
        client.pass(Duration::from_millis(10));
        // It ends in the midst of a write, and while nobody waits for anything.
        let deaf = broker.stop_reading();
        let large = Outgoing::fired("/topic/nobody", vec![b'x'; 12 << 20]);
        client.send(large.timeout(SOON)).ok();
        client.pass(Duration::from_millis(10));
        broker.close_connections();
        drop(deaf);
        until_within(SOON, &*client, "new connection", || {
            latest(&broker) > round && broker.subscribers("/topic/a") == 1
        });
    }
}

pub(crate) fn an_over_full_inbox_hides_no_reset(world: &World) {
    let peer = Peer::start(world, |peer| {
        if !peer.welcome("1.2", "") {
            return;
        }
        let Some(said) = peer.hear_a("SUBSCRIBE") else {
            return;
        };
        peer.receipt(&said);
        let id = said.header("id").unwrap_or_default();
        for n in 0..50 {
            let head = format!("subscription:{id}\nmessage-id:{n}\ndestination:/topic/a");
            peer.say(&format!("MESSAGE\n{head}\n\nx\0"));
        }
        // Leaves in the midst of it, so the system resets the connection.
        peer.hear_some();
    });
    let client = world.connect_by(&peer.options());
    let wanted = Wanted::from("/topic/a").ack(Ack::Auto).capacity(1);
    let _full = client.subscribe(wanted).unwrap();
    for round in 1..=5 {
        client.pass(Duration::from_millis(10));
        let large = Outgoing::fired("/topic/nobody", vec![b'x'; 12 << 20]);
        client.send(large.timeout(SOON)).ok();
        until_within(SOON, &*client, "new connection", || peer.opened() > round);
    }
}

pub(crate) fn a_client_that_nobody_holds_ends_although_its_inbox_was_over_full(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let wanted = Wanted::from("/topic/a").ack(Ack::Auto).capacity(1);
    let full = client.subscribe(wanted).unwrap();
    for _ in 0..200 {
        broker.push("/topic/a", vec![b'x'; 1000]);
    }
    client.pass(Duration::from_millis(100));
    let refusing = broker.refuse_connections();
    broker.close_connections();
    drop(full);
    drop(client);
    std::thread::sleep(Duration::from_millis(300));
    drop(refusing);
    // Who is still there comes back within milliseconds.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(latest(&broker), 0, "somebody came back");
}

pub(crate) fn a_broker_that_comes_and_goes_is_found_at_once(world: &World) {
    let broker = world.broker();
    let mut options = world.options(&broker);
    options.uri = slow(&options.uri);
    let client = world.connect_by(&options);
    for round in 0..3 {
        serve_for_a_while(&*client, round);
        let down = broker.refuse_connections();
        broker.close_connections();
        client.pass(Duration::from_millis(1_500));
        drop(down);
        back_soon(&*client, &[&broker], round);
    }
}

/// Delays that grow as they do by default, from 10 ms on.
fn slow(uri: &str) -> String {
    let (uri, _) = uri.split_once("?initial").unwrap();
    format!(
        "{uri}?initialReconnectDelay=10&useExponentialBackOff=true&backOffMultiplier=2\
         &reconnectDelayJitter=0&maxReconnectDelay=30000"
    )
}

/// A connection on which a RECEIPT came and that lived for a second counts as good.
fn serve_for_a_while(client: &dyn Client, round: u64) {
    let message = Outgoing::confirmed("/queue/a", round.to_string());
    client.send(message).ok();
    client.pass(Duration::from_millis(1_200));
}

#[track_caller]
fn back_soon(client: &dyn Client, brokers: &[&TestBroker], round: u64) {
    let bound = Duration::from_secs(2);
    until_within(
        bound,
        client,
        &format!("connection in round {round}"),
        || {
            brokers
                .iter()
                .any(|broker| !broker.connections().is_empty())
        },
    );
}

pub(crate) fn two_fail_overs_of_a_healthy_pair_are_quick(world: &World) {
    let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = ports.map(|port| port.local_addr().unwrap());
    let start = |address: SocketAddr| TestBroker::builder().listen(address).start();
    let mut broker = start(addresses[0]);
    let both = format!(
        "failover:(stomp://{},stomp://{})?initial",
        addresses[0], addresses[1]
    );
    let client = world.connect_by(&Options {
        uri: slow(&both),
        ..Options::default()
    });
    for round in 1..=3 {
        serve_for_a_while(&*client, round);
        drop(broker);
        client.pass(Duration::from_millis(1_500));
        broker = start(addresses[round as usize % 2]);
        back_soon(&*client, &[&broker], round);
    }
}

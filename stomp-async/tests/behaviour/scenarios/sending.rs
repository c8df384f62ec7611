//! Sending, and what can be said of a message afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stomp_frame::Command;
use stomp_testbroker::{Fault, TestBroker, on};

use crate::client::{Client, Event, Outgoing, Settled, Transport, Verdict, Wanted};
use crate::peer::Peer;
use crate::world::{SHORT, SOON, World, until, within};

pub(crate) fn only_confirmed_messages_are_persistent(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    client.send(Outgoing::fired("/queue/a", "1")).ok();
    client.send(Outgoing::confirmed("/queue/a", "2")).ok();
    let stored = broker.peek("/queue/a");
    let persistent: Vec<_> = stored
        .iter()
        .map(|frame| frame.headers.get("persistent"))
        .collect();
    assert_eq!(persistent, [None, Some("true")]);
}

pub(crate) fn a_call_that_cannot_be_carried_out_harms_nothing(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let bad = Outgoing::confirmed("/queue/a", "x").header("k", "a\0b");
    let verdict = client.send(bad);
    assert!(matches!(verdict, Verdict::Usage(_)), "{verdict:?}");
    client.send(Outgoing::confirmed("/queue/a", "good")).ok();
    assert_eq!(broker.depth("/queue/a"), 1);
    assert_eq!(latest(&broker), 1);
}

/// The number of the last connection that is up: 1 as long as there was no other one, 0 if none is.
pub(crate) fn latest(broker: &TestBroker) -> u64 {
    let connections = broker.connections();
    connections
        .last()
        .map_or(0, |connection| connection.number())
}

pub(crate) fn many_threads_send_in_their_order_while_one_receives(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let wanted = Wanted::from("/queue/a").capacity(10);
    let mut inbox = client.subscribe(wanted).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = client.another();
            scope.spawn(move || {
                for n in 0..25 {
                    let text = format!("{thread} {n}");
                    client.send(Outgoing::confirmed("/queue/a", text)).ok();
                }
            });
        }
        let mut next = [0; 8];
        for _ in 0..200 {
            let message = inbox.next(SOON).message();
            let text = message.text();
            let (thread, n) = text.split_once(' ').unwrap();
            let thread: usize = thread.parse().unwrap();
            assert_eq!(n.parse(), Ok(next[thread]));
            next[thread] += 1;
            assert_eq!(message.ack(), Settled::Sent);
        }
    });
    client.disconnect().ok();
    assert_eq!(broker.depth("/queue/a"), 0);
}

pub(crate) fn a_refusal_is_told_and_the_next_connection_goes_on(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let no = Fault::Error("not here".into());
    let _fault = on(Command::Send).to("/queue/bad").then(no).mount(&broker);
    let verdict = client.send(Outgoing::confirmed("/queue/bad", "x"));
    assert!(matches!(verdict, Verdict::Rejected(_)), "{verdict:?}");
    assert!(verdict.text().contains("not here"), "{verdict:?}");
    client.send(Outgoing::confirmed("/queue/good", "x")).ok();
}

pub(crate) fn an_error_names_its_frame_by_receipt_too(world: &World) {
    let peer = Peer::start(world, |peer| {
        if !peer.welcome("1.2", "") {
            return;
        }
        let said: Vec<_> = (0..2).map_while(|_| peer.hear_a("SEND")).collect();
        let bad = said.iter().find(|said| said.header("which") == Some("bad"));
        if let Some(receipt) = bad.and_then(|bad| bad.header("receipt")) {
            peer.say(&format!("ERROR\nmessage:no\nreceipt:{receipt}\n\n\0"));
        }
        peer.close();
    });
    let client = world.connect_by(&peer.options());
    let send = |which: &str| {
        let client = client.another();
        let message = Outgoing::confirmed("/queue/a", "x").header("which", which);
        std::thread::spawn(move || client.send(message))
    };
    let [good, bad] = ["good", "bad"]
        .map(send)
        .map(|thread| thread.join().unwrap());
    assert!(matches!(bad, Verdict::Rejected(_)), "{bad:?}");
    assert!(matches!(good, Verdict::Unconfirmed(_)), "{good:?}");
}

pub(crate) fn nobody_can_tell_whether_a_message_was_taken_that_was_cut_off(world: &World) {
    for (fault, taken) in [(Fault::Close, 0), (Fault::ProcessThenClose, 1)] {
        let broker = world.broker();
        let client = world.connect(&broker);
        let _fault = on(Command::Send).then(fault).mount(&broker);
        let verdict = client.send(Outgoing::confirmed("/queue/a", "x"));
        assert!(matches!(verdict, Verdict::Unconfirmed(_)), "{verdict:?}");
        assert_eq!(broker.depth("/queue/a"), taken);
    }
}

/// Ends the connection, and lets nobody in; returns when the client knows.
fn cut(client: &dyn Client, broker: &TestBroker) -> stomp_testbroker::Guard {
    let mut events = client.events();
    let refusing = broker.refuse_connections();
    broker.close_connections();
    let begin = Instant::now();
    while begin.elapsed() < SOON {
        if let Some(Event::Disconnected(_)) = events.next(SOON) {
            return refusing;
        }
    }
    panic!("the client does not know that its connection is lost");
}

pub(crate) fn without_a_connection_it_is_not_sent_and_never_will_be(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let refusing = cut(&*client, &broker);
    let message = |text: &str| Outgoing::confirmed("/queue/a", text.to_owned()).timeout(SHORT);
    let verdict = within(SOON, || client.send(message("confirmed")));
    assert!(matches!(verdict, Verdict::NotSent(_)), "{verdict:?}");
    let fired = Outgoing::fired("/queue/a", "fired").timeout(SHORT);
    let verdict = within(SOON, || client.send(fired));
    assert!(matches!(verdict, Verdict::NotSent(_)), "{verdict:?}");
    drop(refusing);
    client.send(Outgoing::confirmed("/queue/a", "last")).ok();
    assert_eq!(broker.depth("/queue/a"), 1);
}

pub(crate) fn what_waits_for_a_connection_goes_out_with_the_next(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let refusing = cut(&*client, &broker);
    let sender = client.another();
    let sending = std::thread::spawn(move || sender.send(Outgoing::confirmed("/queue/a", "kept")));
    client.pass(Duration::from_millis(50));
    drop(refusing);
    within(SOON, || sending.join().unwrap()).ok();
    assert_eq!(broker.depth("/queue/a"), 1);
}

pub(crate) fn who_sends_faster_than_the_broker_takes_is_told(world: &World) {
    let broker = world.start(TestBroker::builder().heart_beat(100, 0));
    let client = world.connect(&broker);
    let deaf = broker.stop_reading();
    let mut fired = 0;
    loop {
        let large = vec![b'x'; 1 << 20];
        let message = Outgoing::fired("/queue/a", large).timeout(Duration::from_millis(200));
        match within(SOON, || client.send(message)) {
            Verdict::Ok => fired += 1,
            Verdict::NotSent(_) => break,
            other => panic!("{other:?}"),
        }
        assert!(fired < 64, "it takes messages without end");
    }
    drop(deaf);
    let last = Outgoing::confirmed("/queue/a", "last");
    within(2 * SOON, || client.send(last)).ok();
    assert_eq!(broker.depth("/queue/a"), fired + 1);
}

pub(crate) fn a_transport_that_panics_leaves_doubt_behind(world: &World) {
    let broker = world.broker();
    let panics = Arc::new(AtomicBool::new(false));
    let mut options = world.options(&broker);
    options.transport = Transport::Users(panics.clone());
    let client = world.connect_by(&options);
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let sender = client.another();
    let sending = std::thread::spawn(move || sender.send(Outgoing::confirmed("/queue/a", "taken")));
    broker.received("/queue/a", 1).wait();
    panics.store(true, Ordering::Relaxed);
    broker.close_connections();
    // Where callers do the work themselves, the panic may be the caller's own.
    if let Ok(verdict) = within(SOON, || sending.join()) {
        assert!(matches!(verdict, Verdict::Unconfirmed(_)), "{verdict:?}");
    }
    let behind = Outgoing::confirmed("/queue/a", "behind").timeout(SHORT);
    within(SOON, || client.send(behind));
}

pub(crate) fn a_runtime_that_ends_leaves_doubt_behind(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let sender = client.another();
    let sending = std::thread::spawn(move || sender.send(Outgoing::confirmed("/queue/a", "taken")));
    broker.received("/queue/a", 1).wait();
    if client.kill() {
        let verdict = within(SOON, || sending.join().unwrap());
        assert!(matches!(verdict, Verdict::Unconfirmed(_)), "{verdict:?}");
    }
}

pub(crate) fn what_was_fired_arrives_although_all_handles_are_dropped(world: &World) {
    let broker = world.broker();
    for round in 1..=5 {
        let client = world.connect(&broker);
        for n in 0..100 {
            client.send(Outgoing::fired("/queue/a", n.to_string())).ok();
        }
        drop(client);
        broker.received("/queue/a", round * 100).within(SOON).wait();
    }
    let stored = broker.peek("/queue/a");
    for (n, frame) in stored.iter().enumerate() {
        assert_eq!(frame.body, (n % 100).to_string());
    }
    until_gone(&broker);
}

fn until_gone(broker: &TestBroker) {
    broker.connected(0).within(SOON).wait();
}

pub(crate) fn a_dropped_client_says_goodbye(world: &World) {
    let broker = world.broker();
    let goodbye = on(Command::Disconnect).then(Fault::Pass).mount(&broker);
    let client = world.connect(&broker);
    until(&*client, "connection", || !broker.connections().is_empty());
    drop(client);
    until_gone(&broker);
    assert_eq!(goodbye.hits(), 1);
}

//! Every wait ends when it was told to, whatever else is under way.

use std::time::Duration;

use stomp_frame::Command;
use stomp_testbroker::{Fault, TestBroker, on};

use crate::client::{Client, Outgoing, Settled, Verdict, Wanted};
use crate::peer::Peer;
use crate::scenarios::sending::latest;
use crate::world::{SHORT, SOON, World, within};

/// More than the systems between two sockets take by themselves.
const HUGE: usize = 15 << 20;

pub(crate) fn a_receipt_that_never_comes_is_not_waited_for_longer(world: &World) {
    let broker = world.broker();
    let mut options = world.options(&broker);
    options.heart_beat = Some(Duration::ZERO);
    options.receipt_timeout = Some(SHORT);
    let client = world.connect_by(&options);
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let message = Outgoing::confirmed("/queue/a", "x");
    let verdict = within(SOON, || client.send(message));
    assert!(matches!(verdict, Verdict::Unconfirmed(_)), "{verdict:?}");
    assert_eq!(broker.depth("/queue/a"), 1);
}

pub(crate) fn the_deadline_of_a_call_is_over_all_of_it(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let message = Outgoing::confirmed("/queue/a", "x").timeout(SHORT);
    let verdict = within(SOON, || client.send(message));
    assert!(matches!(verdict, Verdict::Unconfirmed(_)), "{verdict:?}");
}

/// A client of a broker that beats and takes nothing, with a huge frame on its way.
fn stuck(world: &World) -> (TestBroker, Box<dyn Client>, stomp_testbroker::Guard) {
    let broker = world.start(TestBroker::builder().heart_beat(100, 0));
    let mut options = world.options(&broker);
    options.disconnect_timeout = Some(SHORT);
    let client = world.connect_by(&options);
    let deaf = broker.stop_reading();
    let huge = Outgoing::fired("/queue/huge", vec![b'x'; HUGE]);
    within(SOON, || client.send(huge)).ok();
    (broker, client, deaf)
}

pub(crate) fn what_was_not_begun_in_time_is_withdrawn(world: &World) {
    let (broker, client, deaf) = stuck(world);
    let small = Outgoing::confirmed("/queue/small", "late").timeout(SHORT);
    let verdict = within(SOON, || client.send(small));
    assert!(matches!(verdict, Verdict::NotSent(_)), "{verdict:?}");
    drop(deaf);
    client
        .send(Outgoing::confirmed("/queue/small", "last"))
        .ok();
    assert_eq!(broker.depth("/queue/huge"), 1);
    assert_eq!(broker.depth("/queue/small"), 1);
}

pub(crate) fn what_was_begun_is_in_doubt_in_time(world: &World) {
    let broker = world.start(TestBroker::builder().heart_beat(100, 0));
    let client = world.connect(&broker);
    let deaf = broker.stop_reading();
    // Time enough to begin: a busy machine takes a while to cut so much into frames.
    let patience = 4 * SHORT;
    let huge = Outgoing::confirmed("/queue/huge", vec![b'x'; HUGE]).timeout(patience);
    let verdict = within(2 * SOON, || client.send(huge));
    assert!(matches!(verdict, Verdict::Unconfirmed(_)), "{verdict:?}");
    // It is on its way, so it goes out whole.
    drop(deaf);
    client
        .send(Outgoing::confirmed("/queue/small", "last"))
        .ok();
    assert_eq!(broker.depth("/queue/huge"), 1);
}

pub(crate) fn disconnecting_ends_in_time_while_nothing_is_taken(world: &World) {
    let (_broker, client, _deaf) = stuck(world);
    let verdict = within(SOON, || client.disconnect());
    assert!(verdict != Verdict::Ok, "the broker cannot have answered");
}

pub(crate) fn dropping_ends_in_time_while_nothing_is_taken(world: &World) {
    let (_broker, client, _deaf) = stuck(world);
    within(SOON, || drop(client));
}

pub(crate) fn a_slow_reader_that_beats_stops_no_clock(world: &World) {
    let peer = Peer::start(world, |peer| {
        if !peer.welcome("1.2", "heart-beat:200,0\n") {
            return;
        }
        // 320 KB a second.
        while peer.swallow(16 << 10) && peer.say("\n") {
            peer.pass(Duration::from_millis(50));
        }
    });
    let mut options = peer.options();
    options.heart_beat = Some(Duration::from_millis(200));
    options.disconnect_timeout = Some(SHORT);
    let client = world.connect_by(&options);
    let huge = Outgoing::fired("/queue/huge", vec![b'x'; HUGE]);
    within(SOON, || client.send(huge)).ok();
    let small = Outgoing::confirmed("/queue/small", "late").timeout(SHORT);
    let verdict = within(SOON, || client.send(small));
    assert!(matches!(verdict, Verdict::NotSent(_)), "{verdict:?}");
    within(SOON, || client.pass(SHORT));
    assert_eq!(peer.opened(), 1, "a broker that beats is not dead");
    within(SOON, || client.disconnect());
}

pub(crate) fn the_time_of_a_receipt_begins_when_the_frame_has_left(world: &World) {
    let broker = world.start(TestBroker::builder().heart_beat(100, 0));
    let mut options = world.options(&broker);
    options.receipt_timeout = Some(SHORT);
    let client = world.connect_by(&options);
    let deaf = broker.stop_reading();
    let sender = client.another();
    let sending = std::thread::spawn(move || {
        sender.send(Outgoing::confirmed("/queue/huge", vec![b'x'; HUGE]))
    });
    client.pass(3 * SHORT);
    drop(deaf);
    within(2 * SOON, || sending.join().unwrap()).ok();
    assert_eq!(broker.depth("/queue/huge"), 1);
}

pub(crate) fn disconnecting_takes_its_time_once(world: &World) {
    let broker = world.broker();
    let mut options = world.options(&broker);
    options.disconnect_timeout = Some(Duration::from_secs(2));
    let client = world.connect_by(&options);
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let sender = client.another();
    let sending = std::thread::spawn(move || sender.send(Outgoing::confirmed("/queue/a", "x")));
    broker.received("/queue/a", 1).wait();
    let _silence = broker.black_hole();
    // Once waiting for the receipt, and not once more for that of DISCONNECT.
    let bound = Duration::from_millis(3_500);
    let verdict = within(bound, || client.disconnect());
    assert!(matches!(verdict, Verdict::Closed(_)), "{verdict:?}");
    let verdict = within(SOON, || sending.join().unwrap());
    assert!(matches!(verdict, Verdict::Unconfirmed(_)), "{verdict:?}");
}

pub(crate) fn who_waits_for_anything_sees_what_lies_in_any_inbox(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let mut first = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let _second = client.subscribe(Wanted::from("/queue/b")).unwrap();
    broker.push("/queue/a", "x");
    // It lies in the inbox when the receipt of what came behind it is here.
    client.send(Outgoing::confirmed("/queue/c", "y")).ok();
    for _ in 0..3 {
        within(SOON, || client.poll(Duration::from_secs(8)));
    }
    assert_eq!(first.next(SOON).message().ack(), Settled::Sent);
}

pub(crate) fn who_stood_still_blames_nobody(world: &World) {
    let broker = world.start(TestBroker::builder().heart_beat(200, 0));
    let mut options = world.options(&broker);
    options.heart_beat = Some(Duration::from_millis(200));
    let client = world.connect_by(&options);
    client.send(Outgoing::confirmed("/queue/a", "before")).ok();
    if !client.stand_still(Duration::from_secs(3)) {
        return;
    }
    client.send(Outgoing::confirmed("/queue/a", "after")).ok();
    client.pass(Duration::from_millis(300));
    assert_eq!(latest(&broker), 1);
}

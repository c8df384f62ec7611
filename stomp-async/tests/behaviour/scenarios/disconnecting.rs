//! The end of a client, in order or not, and one answer for everybody.

use std::time::Duration;

use stomp_frame::Command;
use stomp_testbroker::{Fault, on};

use crate::client::{Event, Next, Outgoing, Settled, Verdict, Wanted};
use crate::world::{SHORT, SOON, World, until, within};

pub(crate) fn it_waits_for_what_was_sent_before(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let late = Fault::DelayReceipt(Duration::from_millis(300));
    let _fault = on(Command::Send).then(late).mount(&broker);
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..10)
            .map(|n: usize| {
                let client = client.another();
                let message = Outgoing::confirmed("/queue/a", n.to_string());
                scope.spawn(move || client.send(message))
            })
            .collect();
        broker.received("/queue/a", 10).wait();
        client.disconnect().ok();
        for sender in senders {
            sender.join().unwrap().ok();
        }
    });
    assert_eq!(broker.depth("/queue/a"), 10);
}

pub(crate) fn after_it_every_handle_says_so(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let other = client.another();
    let mut events = client.events();
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    client.disconnect().ok();
    for _ in 0..3 {
        let next = within(SOON, || inbox.next(2 * SOON));
        assert!(matches!(next, Next::Ended), "{}", next.describe());
        assert_eq!(within(SOON, || events.next(2 * SOON)), None);
    }
    let closed = Verdict::Closed("the client is closed: it was disconnected".into());
    assert_eq!(other.send(Outgoing::fired("/queue/a", "x")), closed);
    assert_eq!(other.send(Outgoing::confirmed("/queue/a", "x")), closed);
    let Err(verdict) = other.subscribe(Wanted::from("/queue/a")) else {
        panic!("there is no connection");
    };
    assert_eq!(verdict, closed);
    assert_eq!(other.disconnect(), closed);
}

pub(crate) fn an_error_in_answer_to_it_harms_nothing(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    client.send(Outgoing::confirmed("/queue/a", "x")).ok();
    let no = Fault::Error("x".into());
    let _fault = on(Command::Disconnect).then(no).mount(&broker);
    client.disconnect().ok();
}

pub(crate) fn a_message_in_hand_can_be_settled_meanwhile(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    broker.push("/queue/a", "work");
    let message = inbox.next(SOON).message();
    // It holds up the end until the message was settled.
    let late = Fault::DelayReceipt(Duration::from_secs(2));
    let _fault = on(Command::Send).then(late).mount(&broker);
    let sender = client.another();
    let sending = std::thread::spawn(move || sender.send(Outgoing::confirmed("/queue/b", "x")));
    broker.received("/queue/b", 1).wait();
    let leaving = std::thread::spawn(move || client.disconnect());
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(message.ack(), Settled::Sent);
    sending.join().unwrap().ok();
    leaving.join().unwrap().ok();
    assert_eq!(broker.depth("/queue/a"), 0);
    assert_eq!(broker.unacked("/queue/a"), 0);
}

pub(crate) fn what_waited_for_a_connection_is_not_sent(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let mut events = client.events();
    let _refusing = broker.refuse_connections();
    broker.close_connections();
    while !matches!(events.next(SOON), Some(Event::Reconnecting)) {}
    let sender = client.another();
    let sending = std::thread::spawn(move || sender.send(Outgoing::confirmed("/queue/a", "x")));
    client.pass(Duration::from_millis(150));
    within(2 * SOON, || client.disconnect());
    let verdict = within(SOON, || sending.join().unwrap());
    assert!(matches!(verdict, Verdict::NotSent(_)), "{verdict:?}");
}

pub(crate) fn without_an_answer_it_says_so_and_the_others_that_it_was_disconnected(world: &World) {
    let broker = world.broker();
    let mut options = world.options(&broker);
    options.disconnect_timeout = Some(SHORT);
    let client = world.connect_by(&options);
    let other = client.another();
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let _fault = on(Command::Disconnect)
        .then(Fault::BlackHole)
        .mount(&broker);
    let verdict = within(SOON, || client.disconnect());
    assert!(matches!(verdict, Verdict::Closed(_)), "{verdict:?}");
    let text = verdict.text();
    assert!(
        text.contains("no answer") && text.contains("500ms"),
        "{text}"
    );
    let closed = Verdict::Closed("the client is closed: it was disconnected".into());
    assert_eq!(other.send(Outgoing::fired("/queue/a", "x")), closed);
    let next = inbox.next(SOON);
    assert!(matches!(next, Next::Ended), "{}", next.describe());
}

pub(crate) fn nothing_that_went_back_is_handed_out_after_it(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    for n in 0..5 {
        broker.push("/queue/a", n.to_string());
    }
    // They lie in the inbox when the receipt of what came behind them is here.
    client.send(Outgoing::confirmed("/queue/b", "x")).ok();
    client.disconnect().ok();
    assert_eq!(broker.depth("/queue/a"), 5);
    let next = inbox.next(SOON);
    assert!(matches!(next, Next::Ended), "{}", next.describe());
}

pub(crate) fn a_message_that_outlives_the_client_says_so(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    broker.push("/queue/a", "work");
    let message = inbox.next(SOON).message();
    within(2 * SOON, || client.disconnect());
    let settled = message.ack();
    let said = matches!(
        settled,
        Settled::Stale | Settled::Failed(Verdict::Closed(_))
    );
    assert!(said, "{settled:?}");
    assert_eq!(broker.depth("/queue/a"), 1);
}

pub(crate) fn the_last_of_all_that_is_held_ends_the_client(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    drop(client);
    assert_eq!(broker.connections().len(), 1, "the inbox holds it");
    let other = world.connect(&broker);
    drop(inbox);
    until(&*other, "end", || broker.connections().len() == 1);
}

//! Connections that are lost by other people's hands.

use std::time::Instant;

use super::elsewhere::Elsewhere;
use super::line::Line;
use super::stage::{Broker, PATIENCE, fresh, while_it_works};
use crate::client::{Adapter, Event, Events, Inbox, Outgoing, Received, Settled, Wanted};

pub(super) fn what_was_in_hand_comes_again_in_order_however_the_connection_is_lost(
    adapter: &dyn Adapter,
) {
    let broker = Broker::RabbitMq;
    let line = Line::to(broker.address());
    let queue = fresh("again");
    Elsewhere::at(broker).fill(&queue, (0..40).map(|n| n.to_string()));
    let client = broker.connect(adapter, Some(line.port));
    let wanted = Wanted::from(&queue).capacity(10);
    let mut inbox = client.subscribe(wanted).unwrap();
    expect(&mut *inbox, 0..5, 1).for_each(|message| assert_eq!(message.ack(), Settled::Sent));

    // By an operator, whom RabbitMQ has say why.
    let early: Vec<_> = expect(&mut *inbox, 5..10, 1).collect();
    let mut events = client.events();
    while_it_works(&*client, || broker.disconnect_all());
    let why = back(&mut *events);
    for message in early {
        assert_eq!(message.ack(), Settled::Stale);
    }
    expect(&mut *inbox, 5..15, 2).for_each(|message| assert_eq!(message.ack(), Settled::Sent));
    client.send(Outgoing::confirmed(&queue, "40")).ok();

    // By the network, which says nothing.
    let early: Vec<_> = expect(&mut *inbox, 15..20, 2).collect();
    line.cut();
    let silence = back(&mut *events);
    client.send(Outgoing::confirmed(&queue, "41")).ok();
    for message in early {
        assert_eq!(message.ack(), Settled::Stale);
    }
    expect(&mut *inbox, 15..42, 3).for_each(|message| assert_eq!(message.ack(), Settled::Sent));
    eprintln!(
        "{}: lost by \"{why}\", then by \"{silence}\"",
        adapter.name()
    );
    client.disconnect().ok();
    Elsewhere::at(broker).find_nothing(&queue);
}

/// Takes the messages that come next, in their order.
#[track_caller]
fn expect(
    inbox: &mut dyn Inbox,
    bodies: std::ops::Range<u32>,
    epoch: u64,
) -> impl Iterator<Item = Box<dyn Received>> {
    bodies.map(move |expected| {
        let message = inbox.next(PATIENCE).message();
        assert_eq!(
            (message.text(), message.epoch()),
            (expected.to_string(), epoch)
        );
        message
    })
}

/// Waits until the client is back, and returns why it was gone.
#[track_caller]
fn back(events: &mut dyn Events) -> String {
    let (begin, mut why) = (Instant::now(), None);
    while begin.elapsed() < PATIENCE {
        match events.next(PATIENCE) {
            Some(Event::Disconnected(reason)) => why = Some(reason),
            Some(Event::Replayed) => return why.expect("it was gone"),
            _ => {}
        }
    }
    panic!("it did not come back; it was gone since {why:?}");
}

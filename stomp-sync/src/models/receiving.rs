//! Messages that come, are taken, settled and dropped, and a reader that must not read.

use std::time::Duration;

use super::clock::begin;
use super::system::running;
use super::world::go;
use super::{Manners, Time, World, check, check_with, clock, time};
use crate::{AckMode, Client, Error, Message, Subscription};

const FIVE_MESSAGES: Manners = Manners {
    receipts: true,
    messages: 5,
};

pub(super) fn subscribe(client: &Client) -> Subscription {
    let subscribe = client.subscribe("/queue/a");
    subscribe.open().expect("it is confirmed")
}

pub(super) fn take(inbox: &mut Subscription) -> Message {
    let item = inbox.next().expect("nobody has closed");
    item.expect("it is whole")
}

#[test]
fn a_message_that_comes_is_taken_by_whoever_waits_for_it() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.connect();
        let mut inbox = subscribe(&client);
        begin();
        let other = world.clone();
        go(move || {
            other.peer(|peer| peer.deliver());
            other.peer(|peer| peer.deliver());
        });
        for number in ["1", "2"] {
            let message = take(&mut inbox);
            if time() == Time::Late {
                assert_eq!(message.text().ok(), Some(number));
            }
            message.ack().expect("nobody has closed");
        }
        if time() == Time::Late {
            world.wait_until(|peers| peers[0].acks == 2);
            assert_eq!(clock::elapsed(), Duration::ZERO);
        }
    });
}

#[test]
fn a_message_and_the_end_of_patience_lose_nothing() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.connect();
        let mut inbox = subscribe(&client);
        begin();
        let other = world.clone();
        go(move || other.peer(|peer| peer.deliver()));
        let patience = Duration::from_millis(10);
        while inbox
            .next_timeout(patience)
            .expect("nobody has closed")
            .is_none()
        {}
    });
}

#[test]
fn a_reader_that_pauses_goes_on_as_soon_as_there_is_room() {
    check(|| {
        let world = World::new(FIVE_MESSAGES);
        let client = world.connect();
        let subscribe = client.subscribe("/queue/a").capacity(1);
        let mut inbox = subscribe.open().expect("it is confirmed");
        begin();
        for _ in 0..5 {
            let message = take(&mut inbox);
            message.ack().expect("nobody has closed");
        }
        if time() == Time::Late {
            assert_eq!(clock::elapsed(), Duration::ZERO);
        }
    });
}

#[test]
fn it_goes_on_for_who_takes_and_writes_nothing() {
    check(|| {
        let world = World::new(FIVE_MESSAGES);
        let client = world.connect();
        let subscribe = client.subscribe("/queue/a").capacity(1);
        let mut inbox = subscribe
            .ack(AckMode::Auto)
            .open()
            .expect("it is confirmed");
        begin();
        let sender = client.clone();
        go(move || drop(sender.send("/queue/a").fire()));
        for _ in 0..5 {
            drop(inbox.next().expect("nobody has closed"));
        }
        if time() == Time::Late {
            assert_eq!(clock::elapsed(), Duration::ZERO);
        }
    });
}

#[test]
fn a_receipt_is_read_behind_a_full_inbox() {
    check(|| {
        let world = World::new(FIVE_MESSAGES);
        let client = world.connect();
        let subscribe = client.subscribe("/queue/a").capacity(1);
        let inbox = subscribe.open().expect("it is confirmed");
        begin();
        super::sending::expect_told(client.send("/queue/a").confirmed());
        drop(inbox);
    });
}

#[test]
fn a_link_that_breaks_while_its_reader_pauses_is_made_anew() {
    check(|| {
        let world = World::new(FIVE_MESSAGES);
        let client = world.connect();
        let subscribe = client.subscribe("/queue/a").capacity(1);
        let inbox = subscribe.open().expect("it is confirmed");
        begin();
        let other = world.clone();
        go(move || other.peer(|peer| peer.broken = true));
        while world.count() == 1 {
            // The first that fails to be written tells that it is over.
            let _ = client.send("/queue/a").text("1").fire();
            world.pause(Duration::from_millis(50));
        }
        // The client is not closed, and yet the reader of the first has nothing to wait for.
        while running("stomp-link") > 1 {
            world.pause(Duration::from_millis(50));
        }
        drop(inbox);
    });
}

#[test]
fn a_link_that_breaks_and_a_reader_that_goes_on_do_not_miss_each_other() {
    check(|| {
        let world = World::new(FIVE_MESSAGES);
        let client = world.connect();
        let subscribe = client.subscribe("/queue/a").capacity(1);
        let mut inbox = subscribe.open().expect("it is confirmed");
        begin();
        let other = world.clone();
        go(move || {
            other.peer(|peer| {
                peer.broken = true;
                peer.ended = true;
            });
        });
        // Those of the first link may be gone: they come again on the second.
        for _ in 0..5 {
            let message = take(&mut inbox);
            message.ack().expect("nobody has closed");
        }
    });
}

#[test]
fn whoever_is_dropped_last_nobody_waits() {
    check(|| {
        let world = World::new(FIVE_MESSAGES);
        let client = world.connect();
        let mut inbox = subscribe(&client);
        let message = take(&mut inbox);
        begin();
        let events = client.events();
        let other = world.clone();
        go(move || drop(message));
        go(move || drop(inbox));
        go(move || drop(events));
        go(move || other.peer(|peer| peer.deliver()));
        drop(client);
    });
}

#[test]
fn a_message_is_settled_or_told_why_not_while_all_handles_go() {
    check(|| {
        let world = World::new(FIVE_MESSAGES);
        let client = world.connect();
        let mut inbox = subscribe(&client);
        let message = take(&mut inbox);
        begin();
        go(move || match message.ack() {
            Ok(_) | Err(Error::Closed(_)) => {}
            Err(error) => panic!("{error:?}"),
        });
        go(move || drop(inbox));
        drop(client);
    });
}

#[test]
fn the_last_handle_waits_for_what_was_fired_and_no_longer_than_its_linger() {
    check_with(Time::Late, || {
        let world = World::new(Manners::default());
        let client = world.connect();
        begin();
        world.peer(|peer| peer.room = 5);
        client
            .send("/queue/a")
            .text("1")
            .fire()
            .expect("there is room");
        drop(client);
        assert!(clock::elapsed() <= Duration::from_millis(1100));
    });
}

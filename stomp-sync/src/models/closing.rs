//! The end, asked for or not, against everything that is under way.

use std::time::Duration;

use super::clock::begin;
use super::receiving::subscribe;
use super::sending::expect_some_end;
use super::world::go;
use super::{Manners, Time, World, check, clock, time};
use crate::{Cause, Error};

#[test]
fn a_confirmed_send_against_disconnect() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.connect();
        begin();
        let other = client.clone();
        go(move || expect_some_end(other.send("/queue/a").text("1").confirmed()));
        expect_orderly(client.disconnect());
        if time() == Time::Late {
            assert_eq!(clock::elapsed(), Duration::ZERO);
        }
    });
}

#[test]
fn a_confirmed_send_against_the_end_of_the_link() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.connect();
        begin();
        let other = world.clone();
        go(move || other.peer(|peer| peer.ended = true));
        expect_some_end(client.send("/queue/a").text("1").confirmed());
    });
}

#[test]
fn a_confirmed_send_against_a_link_that_can_only_be_read() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.connect();
        begin();
        let other = world.clone();
        go(move || other.peer(|peer| peer.broken = true));
        expect_some_end(client.send("/queue/a").text("1").confirmed());
    });
}

#[test]
fn disconnect_against_everything() {
    check(|| {
        let world = World::new(Manners {
            receipts: true,
            messages: 2,
        });
        let client = world.connect();
        let inbox = subscribe(&client);
        begin();
        let (sender, mut events) = (client.clone(), client.events());
        go(move || {
            for item in inbox {
                match item.and_then(crate::Message::ack) {
                    Ok(_) | Err(Error::Closed(Cause::Disconnected)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
        go(move || while events.next().is_some() {});
        go(move || {
            let _ = sender.send("/queue/a").text("1").fire();
            expect_some_end(sender.send("/queue/a").text("2").confirmed());
        });
        expect_orderly(client.disconnect());
    });
}

#[test]
fn disconnect_against_disconnect_and_the_end_of_the_link() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.connect();
        let (first, other) = (client.clone(), world.clone());
        go(move || drop(first.disconnect()));
        go(move || other.peer(|peer| peer.ended = true));
        let _ = client.disconnect();
        begin();
    });
}

#[test]
fn disconnect_against_a_client_that_connects_again() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.connect();
        world.peer(|peer| peer.ended = true);
        let other = client.clone();
        go(move || expect_some_end(other.send("/queue/a").text("1").confirmed()));
        let _ = client.disconnect();
        begin();
    });
}

#[test]
fn disconnect_from_a_broker_that_takes_nothing_has_its_time() {
    check(|| {
        let world = World::new(Manners::default());
        let patience = Duration::from_secs(2);
        let builder = world.builder().disconnect_timeout(patience);
        let client = builder.connect().expect("a peer");
        begin();
        world.peer(|peer| peer.room = 0);
        let other = client.clone();
        go(move || expect_some_end(other.send("/queue/a").text("1").confirmed()));
        let result = client.disconnect();
        if time() == Time::Late {
            assert!(result.is_err());
            assert_eq!(clock::elapsed(), patience);
        }
    });
}

/// Nothing but time can keep the broker from answering.
fn expect_orderly(result: Result<(), Error>) {
    match result {
        Ok(()) => {}
        Err(Error::Closed(Cause::Deadline(_) | Cause::Session(_))) if time() == Time::Anywhere => {}
        Err(error) => panic!("{error:?}"),
    }
}

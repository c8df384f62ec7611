//! Without threads of the client's: of those who wait one works, and hands that on when he leaves.

use std::time::Duration;

use super::clock::begin;
use super::receiving::{subscribe, take};
use super::sending::{expect_some_end, expect_told};
use super::world::go;
use super::{Manners, Time, World, check, clock, time};

#[test]
fn two_who_wait_both_come_back_whoever_works() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.builder().manual().connect().expect("a peer");
        begin();
        let other = client.clone();
        go(move || expect_told(other.send("/queue/a").text("1").confirmed()));
        expect_told(client.send("/queue/a").text("2").confirmed());
        expect_soon();
    });
}

#[test]
fn one_waits_for_a_receipt_and_one_for_a_message() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.builder().manual().connect().expect("a peer");
        let mut inbox = subscribe(&client);
        begin();
        let (sender, other) = (client.clone(), world.clone());
        go(move || expect_told(sender.send("/queue/a").text("1").confirmed()));
        go(move || other.peer(|peer| peer.deliver()));
        let message = take(&mut inbox);
        message.ack().expect("nobody has closed");
        expect_soon();
    });
}

#[test]
fn transports_that_cannot_be_waited_for_are_looked_after() {
    check(|| {
        let world = World::with_simple_transports(Manners::default());
        let client = world.builder().manual().connect().expect("a peer");
        let mut inbox = subscribe(&client);
        begin();
        let (sender, other) = (client.clone(), world.clone());
        go(move || expect_told(sender.send("/queue/a").text("1").confirmed()));
        go(move || other.peer(|peer| peer.deliver()));
        drop(take(&mut inbox));
        expect_soon();
    });
}

#[test]
fn a_receipt_that_never_comes_is_missed_in_time_by_both() {
    check(|| {
        let world = World::new(Manners {
            receipts: false,
            messages: 0,
        });
        let client = world.builder().manual().connect().expect("a peer");
        begin();
        for patience in [700, 300] {
            let client = client.clone();
            let patience = Duration::from_millis(patience);
            go(move || {
                let send = client.send("/queue/a").timeout(patience);
                assert!(send.confirmed().is_err());
                if time() == Time::Late {
                    assert_eq!(clock::elapsed(), patience);
                }
            });
        }
    });
}

#[test]
fn disconnect_against_one_who_works() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.builder().manual().connect().expect("a peer");
        let mut inbox = subscribe(&client);
        let sender = client.clone();
        go(move || while inbox.next().is_some() {});
        go(move || expect_some_end(sender.send("/queue/a").text("1").confirmed()));
        let _ = client.disconnect();
        begin();
        expect_soon();
    });
}

#[test]
fn the_end_of_the_link_against_two_who_wait() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.builder().manual().connect().expect("a peer");
        begin();
        let (other, sender) = (world.clone(), client.clone());
        go(move || other.peer(|peer| peer.ended = true));
        go(move || expect_some_end(sender.send("/queue/a").text("1").confirmed()));
        expect_some_end(client.send("/queue/a").text("2").confirmed());
    });
}

/// Whoever works sleeps in the transport, and looks again twice a second.
fn expect_soon() {
    if time() == Time::Late {
        assert!(
            clock::elapsed() <= Duration::from_secs(1),
            "{:?}",
            clock::elapsed()
        );
    }
}

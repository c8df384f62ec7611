//! Confirmations, the line before a full outbox, and who writes.

use std::time::Duration;

use super::clock::begin;
use super::world::go;
use super::{Manners, Time, World, check, check_with, clock, time};
use crate::{Cause, Error};

const NO_RECEIPTS: Manners = Manners {
    receipts: false,
    messages: 0,
};

#[test]
fn two_who_send_confirmed_are_both_told_at_once() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.connect();
        begin();
        let other = client.clone();
        go(move || expect_told(other.send("/queue/a").text("1").confirmed()));
        expect_told(client.send("/queue/a").text("2").confirmed());
    });
}

#[test]
fn what_is_fired_while_another_writes_does_not_wait() {
    check_with(Time::Late, || {
        let world = World::new(Manners::default());
        let client = world.connect();
        begin();
        let (other, third) = (client.clone(), client.clone());
        go(move || expect_told(other.send("/queue/a").text("1").confirmed()));
        go(move || {
            third
                .send("/queue/a")
                .text("2")
                .fire()
                .expect("there is room")
        });
        world.wait_until(|peers| peers[0].sends == 2);
        assert_eq!(clock::elapsed(), Duration::ZERO);
        drop(client);
    });
}

#[test]
fn the_keeper_wakes_for_what_comes_behind_a_write_that_it_was_spared() {
    check_with(Time::Late, || {
        let world = World::new(Manners::default());
        let client = world.connect();
        begin();
        expect_told(client.send("/queue/a").text("1").confirmed());
        client
            .send("/queue/a")
            .text("2")
            .fire()
            .expect("there is room");
        world.wait_until(|peers| peers[0].sends == 2);
        assert_eq!(clock::elapsed(), Duration::ZERO);
    });
}

#[test]
fn all_who_stand_in_line_before_a_full_outbox_come_through() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.builder().buffer(1).connect().expect("a peer");
        begin();
        world.peer(|peer| peer.room = 10);
        for _ in 0..2 {
            let client = client.clone();
            go(move || expect_told(client.send("/queue/a").text("1").confirmed()));
        }
        let other = world.clone();
        go(move || other.peer(|peer| peer.room = usize::MAX));
        match client.send("/queue/a").text("2").fire() {
            Err(Error::NotSent(Cause::Deadline(_))) if time() == Time::Anywhere => {}
            result => result.expect("the others make room"),
        }
    });
}

#[test]
fn who_stands_in_line_is_told_when_the_client_is_closed() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.builder().buffer(1).connect().expect("a peer");
        world.peer(|peer| peer.room = 0);
        for _ in 0..2 {
            let client = client.clone();
            go(move || expect_some_end(client.send("/queue/a").text("1").confirmed()));
        }
        let _ = client.disconnect();
        begin();
    });
}

#[test]
fn who_stands_in_line_goes_on_behind_the_end_of_the_link() {
    check(|| {
        let world = World::new(Manners::default());
        let client = world.builder().buffer(1).connect().expect("a peer");
        begin();
        world.peer(|peer| peer.room = 0);
        for _ in 0..2 {
            let client = client.clone();
            go(move || expect_some_end(client.send("/queue/a").text("1").confirmed()));
        }
        world.peer(|peer| peer.ended = true);
        world.wait_until(|peers| peers.len() > 1);
    });
}

#[test]
fn a_receipt_that_never_comes_is_missed_in_time_by_nobody_elses_help() {
    check(|| {
        let patience = Duration::from_millis(500);
        let world = World::new(NO_RECEIPTS);
        let builder = world.builder().receipt_timeout(patience);
        let client = builder.connect().expect("a peer");
        begin();
        match client.send("/queue/a").text("1").confirmed() {
            Err(Error::Unconfirmed(_)) => {}
            Err(Error::NotSent(_)) if time() == Time::Anywhere => {}
            result => panic!("{result:?}"),
        }
        if time() == Time::Late {
            assert_eq!(clock::elapsed(), patience);
        }
    });
}

#[test]
fn each_of_two_who_wait_in_vain_has_his_own_time() {
    check_with(Time::Late, || {
        let world = World::new(NO_RECEIPTS);
        let client = world.connect();
        begin();
        for patience in [300, 200] {
            let client = client.clone();
            let patience = Duration::from_millis(patience);
            go(move || {
                let send = client.send("/queue/a").text("1").timeout(patience);
                assert!(send.confirmed().is_err());
                assert_eq!(clock::elapsed(), patience);
            });
        }
        let send = client.send("/queue/a").timeout(Duration::from_millis(100));
        assert!(send.confirmed().is_err());
        assert_eq!(clock::elapsed(), Duration::from_millis(100));
    });
}

/// The broker answers, so only time can keep anybody from being told.
pub(super) fn expect_told(result: Result<(), Error>) {
    match result {
        Ok(()) => {}
        Err(_) if time() == Time::Anywhere => {}
        Err(error) => panic!("{error:?}"),
    }
}

/// It ended. That alone counts where the connection does, too.
pub(super) fn expect_some_end(result: Result<(), Error>) {
    match result {
        Ok(()) | Err(Error::NotSent(_) | Error::Unconfirmed(_) | Error::Closed(_)) => {}
        Err(error) => panic!("{error:?}"),
    }
}

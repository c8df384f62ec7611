//! The end, asked for or not, against everything that is under way.

use std::time::Duration;

use super::clock::{self, begin};
use super::sending::{expect_at_once, expect_some_end};
use super::system::end_runtime;
use super::{Manners, Time, World, block_on, check, go, time};
use crate::{Cause, Error};

#[test]
fn a_confirmed_send_against_disconnect() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            begin();
            let other = client.clone();
            go(async move { expect_some_end(other.send("/queue/a").confirmed().await) });
            expect_orderly(client.disconnect().await);
            expect_at_once();
        });
    });
}

#[test]
fn a_confirmed_send_against_the_end_of_the_link() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            begin();
            let other = world.clone();
            go(async move { other.peer(|peer| peer.ended = true) });
            expect_some_end(client.send("/queue/a").confirmed().await);
        });
    });
}

#[test]
fn a_confirmed_send_against_a_link_that_can_only_be_read() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            begin();
            let other = world.clone();
            go(async move { other.peer(|peer| peer.broken = true) });
            expect_some_end(client.send("/queue/a").confirmed().await);
        });
    });
}

#[test]
fn disconnect_against_everything() {
    check(|| {
        block_on(async {
            let world = World::new(Manners {
                receipts: true,
                messages: 2,
            });
            let client = world.connect().await;
            let mut inbox = client.subscribe("/queue/a").await.expect("confirmed");
            begin();
            let (sender, mut events) = (client.clone(), client.events());
            go(async move {
                while let Some(item) = inbox.next().await {
                    let Ok(message) = item else { break };
                    match message.ack().await {
                        Ok(_) | Err(Error::Closed(Cause::Disconnected)) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            });
            go(async move { while events.next().await.is_some() {} });
            go(async move {
                let _ = sender.send("/queue/a").await;
                expect_some_end(sender.send("/queue/a").confirmed().await);
            });
            expect_orderly(client.disconnect().await);
        });
    });
}

#[test]
fn disconnect_against_disconnect_and_the_end_of_the_link() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            begin();
            let (first, other) = (client.clone(), world.clone());
            go(async move { drop(first.disconnect().await) });
            go(async move { other.peer(|peer| peer.ended = true) });
            let _ = client.disconnect().await;
        });
    });
}

#[test]
fn disconnect_from_a_broker_that_takes_nothing_has_its_time() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let patience = Duration::from_secs(2);
            let builder = world.builder().disconnect_timeout(patience);
            let client = builder.connect().await.expect("a peer");
            begin();
            world.peer(|peer| peer.room = 0);
            let other = client.clone();
            go(async move { expect_some_end(other.send("/queue/a").confirmed().await) });
            let result = client.disconnect().await;
            if time() == Time::Late {
                assert!(result.is_err());
                assert_eq!(clock::elapsed(), patience);
            }
        });
    });
}

#[test]
fn the_end_of_the_runtime_is_told_to_everybody() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            let mut inbox = client.subscribe("/queue/a").await.expect("confirmed");
            begin();
            let (sender, leaver) = (client.clone(), client.clone());
            go(async move {
                match sender.send("/queue/a").confirmed().await {
                    Ok(()) | Err(Error::NotSent(_) | Error::Unconfirmed(_)) => {}
                    Err(Error::Closed(Cause::DriverGone(_) | Cause::Disconnected)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            });
            go(async move { while let Some(Ok(_)) = inbox.next().await {} });
            go(async move { drop(leaver.disconnect().await) });
            end_runtime();
            drop(client);
            expect_at_once();
        });
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

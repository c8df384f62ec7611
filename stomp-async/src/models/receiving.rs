//! Messages that come, are taken, settled and dropped, and a link that is not read.

use std::pin::pin;
use std::time::Duration;

use super::clock::begin;
use super::sending::{expect_at_once, expect_told};
use super::world::pause;
use super::{Manners, Time, World, block_on, check, go, time};
use crate::{AckMode, Error, Message, Subscription};

const FIVE_MESSAGES: Manners = Manners {
    receipts: true,
    messages: 5,
};

async fn take(inbox: &mut Subscription) -> Message {
    let item = inbox.next().await.expect("nobody has closed");
    item.expect("it is whole")
}

#[test]
fn a_message_that_comes_is_taken_by_whoever_waits_for_it() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            let mut inbox = client.subscribe("/queue/a").await.expect("confirmed");
            begin();
            let other = world.clone();
            go(async move {
                other.peer(|peer| peer.deliver());
                other.peer(|peer| peer.deliver());
            });
            for _ in 0..2 {
                let message = take(&mut inbox).await;
                message.ack().await.expect("nobody has closed");
            }
            if time() == Time::Late {
                world.wait_until(|peers| peers[0].acks == 2).await;
            }
            expect_at_once();
        });
    });
}

#[test]
fn who_looks_and_goes_away_loses_no_message() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            let mut inbox = client.subscribe("/queue/a").await.expect("confirmed");
            begin();
            let other = world.clone();
            go(async move { other.peer(|peer| peer.deliver()) });
            let first = {
                let mut next = pin!(inbox.next());
                std::future::poll_fn(|cx| std::task::Poll::Ready(next.as_mut().poll(cx))).await
            };
            match first {
                std::task::Poll::Ready(item) => drop(item),
                std::task::Poll::Pending => drop(take(&mut inbox).await),
            }
            expect_at_once();
        });
    });
}

#[test]
fn a_link_that_is_not_read_goes_on_as_soon_as_there_is_room() {
    check(|| {
        block_on(async {
            let world = World::new(FIVE_MESSAGES);
            let client = world.connect().await;
            let subscribe = client.subscribe("/queue/a").capacity(1);
            let mut inbox = subscribe.await.expect("confirmed");
            begin();
            for _ in 0..5 {
                let message = take(&mut inbox).await;
                message.ack().await.expect("nobody has closed");
            }
            expect_at_once();
        });
    });
}

#[test]
fn it_goes_on_for_who_takes_and_writes_nothing() {
    check(|| {
        block_on(async {
            let world = World::new(FIVE_MESSAGES);
            let client = world.connect().await;
            let subscribe = client.subscribe("/queue/a").capacity(1);
            let mut inbox = subscribe.ack(AckMode::Auto).await.expect("confirmed");
            begin();
            let sender = client.clone();
            go(async move { drop(sender.send("/queue/a").await) });
            for _ in 0..5 {
                drop(take(&mut inbox).await);
            }
            expect_at_once();
        });
    });
}

#[test]
fn a_receipt_is_read_behind_a_full_inbox() {
    check(|| {
        block_on(async {
            let world = World::new(FIVE_MESSAGES);
            let client = world.connect().await;
            let subscribe = client.subscribe("/queue/a").capacity(1);
            let inbox = subscribe.await.expect("confirmed");
            begin();
            expect_told(client.send("/queue/a").confirmed().await);
            expect_at_once();
            drop(inbox);
        });
    });
}

#[test]
fn a_link_that_breaks_while_it_is_not_read_is_made_anew() {
    check(|| {
        block_on(async {
            let world = World::new(FIVE_MESSAGES);
            let client = world.connect().await;
            let subscribe = client.subscribe("/queue/a").capacity(1);
            let inbox = subscribe.await.expect("confirmed");
            begin();
            let other = world.clone();
            go(async move { other.peer(|peer| peer.broken = true) });
            while world.count() == 1 {
                // The first that fails to be written tells that it is over.
                let _ = client.send("/queue/a").await;
                pause(Duration::from_millis(50)).await;
            }
            drop(inbox);
        });
    });
}

#[test]
fn whoever_is_dropped_last_nobody_waits() {
    check(|| {
        block_on(async {
            let world = World::new(FIVE_MESSAGES);
            let client = world.connect().await;
            let mut inbox = client.subscribe("/queue/a").await.expect("confirmed");
            let message = take(&mut inbox).await;
            begin();
            let mut events = client.events();
            let other = world.clone();
            go(async move { drop(message) });
            go(async move { drop(inbox) });
            go(async move { while events.next().await.is_some() {} });
            go(async move { other.peer(|peer| peer.deliver()) });
            drop(client);
        });
    });
}

#[test]
fn a_message_is_settled_or_told_why_not_while_all_handles_go() {
    check(|| {
        block_on(async {
            let world = World::new(FIVE_MESSAGES);
            let client = world.connect().await;
            let mut inbox = client.subscribe("/queue/a").await.expect("confirmed");
            let message = take(&mut inbox).await;
            begin();
            go(async move {
                match message.ack().await {
                    Ok(_) | Err(Error::Closed(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            });
            go(async move { drop(inbox) });
            drop(client);
        });
    });
}

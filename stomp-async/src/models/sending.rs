//! Confirmations, the line before a full outbox, and futures that are dropped or move.

use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::clock::{self, begin};
use super::{Manners, Time, World, block_on, check, check_with, go, time};
use crate::send::Sending;
use crate::{Cause, Client, Error};

const NO_RECEIPTS: Manners = Manners {
    receipts: false,
    messages: 0,
};

fn confirmed(client: &Client) -> Sending {
    client.send("/queue/a").text("1").confirmed().into_future()
}

#[test]
fn two_who_send_confirmed_are_both_told_at_once() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            begin();
            let other = client.clone();
            go(async move { expect_told(confirmed(&other).await) });
            expect_told(confirmed(&client).await);
            expect_at_once();
        });
    });
}

#[test]
fn the_driver_wakes_for_what_is_fired_while_it_falls_asleep() {
    check_with(Time::Late, || {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            begin();
            let other = client.clone();
            go(async move { other.send("/queue/a").await.expect("there is room") });
            client.send("/queue/a").await.expect("there is room");
            world.wait_until(|peers| peers[0].sends == 2).await;
            expect_at_once();
        });
    });
}

#[test]
fn all_who_stand_in_line_before_a_full_outbox_come_through() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.builder().buffer(1).connect().await.expect("a peer");
            begin();
            world.peer(|peer| peer.room = 10);
            for _ in 0..2 {
                let client = client.clone();
                go(async move { expect_told(confirmed(&client).await) });
            }
            let other = world.clone();
            go(async move { other.peer(|peer| peer.room = usize::MAX) });
            expect_told(client.send("/queue/a").await);
        });
    });
}

#[test]
fn who_leaves_the_line_gives_his_turn_to_the_next() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.builder().buffer(1).connect().await.expect("a peer");
            begin();
            world.peer(|peer| peer.room = 10);
            let mut leaving: Vec<_> = (0..2).map(|_| confirmed(&client)).collect();
            for sending in &mut leaving {
                let _ = poll_once(sending).await;
            }
            let last = client.clone();
            go(async move { expect_told(confirmed(&last).await) });
            let other = world.clone();
            go(async move { other.peer(|peer| peer.room = usize::MAX) });
            go(async move { drop(leaving) });
        });
    });
}

#[test]
fn who_stands_in_line_is_told_when_the_client_is_closed() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.builder().buffer(1).connect().await.expect("a peer");
            begin();
            world.peer(|peer| peer.room = 0);
            for _ in 0..2 {
                let client = client.clone();
                go(async move { expect_some_end(confirmed(&client).await) });
            }
            let _ = client.disconnect().await;
        });
    });
}

#[test]
fn a_receipt_that_never_comes_is_missed_in_time() {
    check(|| {
        block_on(async {
            let patience = Duration::from_millis(500);
            let world = World::new(NO_RECEIPTS);
            let builder = world.builder().receipt_timeout(patience);
            let client = builder.connect().await.expect("a peer");
            begin();
            match confirmed(&client).await {
                Err(Error::Unconfirmed(_)) => {}
                Err(Error::NotSent(_)) if time() == Time::Anywhere => {}
                result => panic!("{result:?}"),
            }
            if time() == Time::Late {
                assert_eq!(clock::elapsed(), patience);
            }
        });
    });
}

#[test]
fn each_of_two_who_wait_in_vain_has_his_own_time() {
    check_with(Time::Late, || {
        block_on(async {
            let world = World::new(NO_RECEIPTS);
            let client = world.connect().await;
            begin();
            for patience in [300, 200, 100] {
                let client = client.clone();
                let patience = Duration::from_millis(patience);
                go(async move {
                    let send = client.send("/queue/a").confirmed().timeout(patience);
                    assert!(send.await.is_err());
                    assert_eq!(clock::elapsed(), patience);
                });
            }
        });
    });
}

#[test]
fn a_future_that_is_dropped_disturbs_nobody() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            begin();
            let mut given_up = confirmed(&client);
            let polled = poll_once(&mut given_up).await;
            go(async move {
                if polled.is_pending() {
                    drop(given_up);
                }
            });
            expect_told(confirmed(&client).await);
        });
    });
}

#[test]
fn a_future_that_moves_to_another_task_wakes_that_one() {
    check(|| {
        block_on(async {
            let world = World::new(Manners::default());
            let client = world.connect().await;
            begin();
            let mut moving = confirmed(&client);
            if let Poll::Ready(result) = poll_once(&mut moving).await {
                return expect_told(result);
            }
            go(async move {
                if let Poll::Ready(result) = poll_once(&mut moving).await {
                    return expect_told(result);
                }
                go(async move { expect_told(moving.await) });
            });
        });
    });
}

pub(super) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

/// The broker answers, so only time can keep anybody from being told.
pub(super) fn expect_told(result: Result<(), Error>) {
    match result {
        Ok(()) => {}
        Err(Error::NotSent(_) | Error::Unconfirmed(_)) if time() == Time::Anywhere => {}
        Err(error) => panic!("{error:?}"),
    }
}

/// It ended. That alone counts where the connection does, too.
pub(super) fn expect_some_end(result: Result<(), Error>) {
    match result {
        Ok(()) | Err(Error::NotSent(_) | Error::Unconfirmed(_)) => {}
        Err(Error::Closed(Cause::Disconnected | Cause::Deadline(_))) => {}
        Err(error) => panic!("{error:?}"),
    }
}

/// Nobody had to wait for time to pass.
pub(super) fn expect_at_once() {
    if time() == Time::Late {
        assert_eq!(clock::elapsed(), Duration::ZERO);
    }
}

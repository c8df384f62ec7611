//! The blocking client while everything breaks at random: nothing confirmed is lost, nobody hangs.

use std::collections::BTreeSet;
use std::time::Duration;

use stomp_sync::{Builder, Client, Error};
use stomp_testbroker::TestBroker;

const MESSAGES: usize = 60;

/// Sends everything until it is confirmed, receives it all, and counts what was not there at last.
fn play(seed: u64, kind: fn(Builder) -> Builder) {
    let broker = TestBroker::builder().chaos_seed(seed).start();
    let uri = format!(
        "failover:({})?initialReconnectDelay=1&maxReconnectDelay=5&startupMaxReconnectAttempts=-1",
        broker.url()
    );
    let builder = Client::builder(uri)
        .receipt_timeout(Duration::from_millis(500))
        .disconnect_timeout(Duration::from_millis(500))
        .session(|config| config.connected_timeout(Duration::from_millis(500)));
    let client = kind(builder).connect().expect("attempts without end");
    let received = std::thread::scope(|scope| {
        for sender in 0..3 {
            let client = client.clone();
            scope.spawn(move || {
                for n in (sender..MESSAGES).step_by(3) {
                    while let Err(error) = client.send("/queue/a").text(n.to_string()).confirmed() {
                        assert!(
                            matches!(
                                error,
                                Error::Unconfirmed(_) | Error::NotSent(_) | Error::Rejected(_)
                            ),
                            "seed {seed}: {error:?}"
                        );
                    }
                }
            });
        }
        receive(&client, seed)
    });
    assert_eq!(received.len(), MESSAGES, "seed {seed}");
    // Nobody may hang, but nobody has to be polite in the midst of this.
    let _ = client.disconnect();
}

fn receive(client: &Client, seed: u64) -> BTreeSet<usize> {
    let mut received = BTreeSet::new();
    while received.len() < MESSAGES {
        let mut inbox = match client.subscribe("/queue/a").capacity(5).open() {
            Ok(inbox) => inbox,
            Err(Error::Closed(cause)) => panic!("seed {seed}: {cause}"),
            Err(_) => continue,
        };
        while received.len() < MESSAGES {
            match inbox.next() {
                Some(Ok(message)) => {
                    let n = message.text().expect("text").parse().expect("a number");
                    match message.ack() {
                        Ok(_) => _ = received.insert(n),
                        Err(error) => panic!("seed {seed}: {error:?}"),
                    }
                }
                // Under suspicion of having been refused.
                Some(Err(Error::SubscriptionRefused(_))) => break,
                other => panic!("seed {seed}: {other:?}"),
            }
        }
    }
    received
}

#[test]
fn nothing_confirmed_is_lost_with_threads() {
    (0..8).for_each(|seed| play(seed, |builder| builder));
}

#[test]
fn nothing_confirmed_is_lost_without_threads() {
    (0..8).for_each(|seed| play(seed, Builder::manual));
}

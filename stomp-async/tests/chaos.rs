//! The client while everything breaks at random, in virtual time: nothing confirmed is lost, nobody
//! hangs.

use std::collections::BTreeSet;
use std::time::Duration;

use stomp_async::{Client, Error};
use stomp_testbroker::TestBroker;
use tokio::time::timeout;

const MESSAGES: usize = 60;

/// Sends everything until it is confirmed, receives it all, and counts what was not there at last.
async fn play(seed: u64) {
    let broker = TestBroker::builder().chaos_seed(seed).in_memory();
    let connector = broker.connector();
    let client = Client::builder("failover:(stomp://broker)?startupMaxReconnectAttempts=-1")
        .seed(seed)
        .transport(move |_| {
            let connector = connector.clone();
            async move { connector.connect_async() }
        })
        .connect()
        .await
        .expect("attempts without end");
    let senders: Vec<_> = (0..3)
        .map(|sender| tokio::spawn(send(client.clone(), sender, seed)))
        .collect();
    let received = receive(&client, seed).await;
    assert_eq!(received.len(), MESSAGES, "seed {seed}");
    for sender in senders {
        sender.await.expect("no panic");
    }
    // Nobody may hang, but nobody has to be polite in the midst of this.
    let _ = client.disconnect().await;
}

async fn send(client: Client, sender: usize, seed: u64) {
    for n in (sender..MESSAGES).step_by(3) {
        while let Err(error) = client
            .send("/queue/a")
            .text(n.to_string())
            .confirmed()
            .await
        {
            assert!(
                matches!(
                    error,
                    Error::Unconfirmed(_) | Error::NotSent(_) | Error::Rejected(_)
                ),
                "seed {seed}: {error:?}"
            );
        }
    }
}

async fn receive(client: &Client, seed: u64) -> BTreeSet<usize> {
    let mut received = BTreeSet::new();
    while received.len() < MESSAGES {
        let mut inbox = match client.subscribe("/queue/a").capacity(5).await {
            Ok(inbox) => inbox,
            Err(Error::Closed(cause)) => panic!("seed {seed}: {cause}"),
            Err(_) => continue,
        };
        while received.len() < MESSAGES {
            match inbox.next().await {
                Some(Ok(message)) => {
                    let n = message.text().expect("text").parse().expect("a number");
                    match message.ack().await {
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

#[tokio::test(start_paused = true)]
async fn nothing_confirmed_is_lost() {
    for seed in 0..20 {
        let a_day = Duration::from_secs(24 * 60 * 60);
        let played = timeout(a_day, play(seed)).await;
        assert!(played.is_ok(), "seed {seed} hangs");
    }
}

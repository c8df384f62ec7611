//! The blocking client when its connection is lost, or when nobody reads what comes.

use std::net::SocketAddr;
use std::time::Duration;

use stomp_sync::{AckMode, Client, Error, Settled};
use stomp_testbroker::{Profile, TestBroker};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// Starts a broker where another one was.
fn again(address: SocketAddr) -> TestBroker {
    TestBroker::builder().listen(address).start()
}

/// Delays that cost a test nothing.
fn fast(broker: &TestBroker) -> String {
    let address = broker.address();
    format!("failover:(stomp://{address})?initialReconnectDelay=1&maxReconnectDelay=5")
}

#[test]
fn subscriptions_come_back_and_late_acks_are_stale() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(fast(&broker))?;
    let mut inbox = client.subscribe("/queue/a").open()?;
    broker.push("/queue/a", "one");
    let early = inbox.next().ok_or("closed")??;

    let address = broker.address();
    drop(broker);
    let broker = again(address);
    broker.subscribed("/queue/a").wait();
    assert_eq!(early.ack()?, Settled::Stale);

    broker.push("/queue/a", "two");
    let late = inbox.next().ok_or("closed")??;
    assert_eq!(late.text()?, "two");
    assert_eq!(late.epoch().number(), 2);
    assert_eq!(late.ack()?, Settled::Sent);
    broker.consumed("/queue/a", 1).wait();
    client.disconnect()?;
    Ok(())
}

#[test]
fn a_subscription_dropped_between_two_connections_does_not_come_back() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(fast(&broker))?;
    let gone = client.subscribe("/queue/gone").open()?;
    let _kept = client.subscribe("/queue/kept").open()?;

    let address = broker.address();
    drop(broker);
    while !matches!(
        client.send("/queue/a").text("x").fire(),
        Err(Error::NotSent(_))
    ) {
        std::thread::yield_now();
    }
    drop(gone);
    let broker = again(address);
    broker.subscribed("/queue/kept").wait();
    // What follows the replay on the wire is behind an UNSUBSCRIBE, if that is how it is done.
    loop {
        match client.send("/queue/a").text("x").confirmed() {
            Ok(()) => break,
            Err(Error::NotSent(_)) => std::thread::yield_now(),
            Err(error) => return Err(error.into()),
        }
    }
    assert_eq!(broker.subscribers("/queue/gone"), 0);
    Ok(())
}

#[test]
fn what_is_sent_without_a_connection_is_not_sent() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(fast(&broker))?;
    drop(broker);
    // Until the client has noticed, a message may still leave, and is in doubt then.
    loop {
        match client.send("/queue/a").text("x").confirmed() {
            Err(Error::NotSent(_)) => return Ok(()),
            Err(Error::Unconfirmed(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_receipt_arrives_although_nobody_reads_the_messages() -> Result {
    let broker = TestBroker::builder().profile(Profile::RabbitMq).start();
    for n in 0..30 {
        broker.push("/queue/a", n.to_string());
    }
    let client = Client::builder(broker.url())
        .receipt_timeout(Duration::from_secs(3))
        .connect()?;
    let inbox = client.subscribe("/queue/a").capacity(10).open()?;
    broker
        .until("all that was asked for", |broker| {
            broker.unacked("/queue/a") == 10
        })
        .wait();
    client.send("/queue/b").text("hello").confirmed()?;
    drop(inbox);
    client.disconnect()?;
    Ok(())
}

#[test]
fn a_receipt_arrives_behind_messages_that_nobody_asked_for_yet() -> Result {
    let broker = TestBroker::start();
    let client = Client::builder(broker.url())
        .receipt_timeout(Duration::from_secs(3))
        .connect()?;
    let mut inbox = client
        .subscribe("/queue/a")
        .ack(AckMode::Auto)
        .capacity(1)
        .open()?;
    for n in 0..30 {
        broker.push("/queue/a", n.to_string());
    }
    for n in 0..30 {
        let message = inbox.next().ok_or("closed")??;
        assert_eq!(message.text()?, n.to_string());
        client.send("/queue/b").text("seen").confirmed()?;
    }
    client.disconnect()?;
    Ok(())
}

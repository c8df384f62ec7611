//! The blocking client when its connection is lost, or when nobody reads what comes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stomp_frame::Command;
use stomp_sync::{AckMode, Client, CloseReason, Error, Event, Settled};
use stomp_testbroker::{Fault, Profile, TestBroker, on};

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
        client.send("/queue/a").timeout(Duration::ZERO).fire(),
        Err(Error::NotSent(_))
    ) {
        std::thread::yield_now();
    }
    drop(gone);
    let broker = again(address);
    broker.subscribed("/queue/kept").wait();
    // What follows the replay on the wire is behind an UNSUBSCRIBE, if that is how it is done.
    client.send("/queue/a").text("x").confirmed()?;
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
        let send = client.send("/queue/a").timeout(Duration::ZERO);
        match send.confirmed() {
            Err(Error::NotSent(_)) => return Ok(()),
            Err(Error::Unconfirmed(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_sent_without_a_connection_waits_for_the_next_one() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(fast(&broker))?;
    let mut events = client.events();
    let address = broker.address();
    drop(broker);
    while !matches!(events.next(), Some(Event::Disconnected { .. })) {}
    let sender = client.clone();
    let sending = std::thread::spawn(move || sender.send("/queue/a").text("kept").confirmed());
    let broker = again(address);
    sending.join().expect("no panic")?;
    assert_eq!(broker.depth("/queue/a"), 1);
    Ok(())
}

#[test]
fn what_happens_to_the_connection_can_be_heard() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(fast(&broker))?;
    let _inbox = client.subscribe("/queue/a").open()?;
    let mut events = client.events();
    assert!(events.next_timeout(Duration::ZERO).is_none());
    let address = broker.address();
    drop(broker);
    assert!(matches!(events.next(), Some(Event::Disconnected { .. })));
    assert!(matches!(events.next(), Some(Event::Reconnecting { .. })));
    let _broker = again(address);
    while !matches!(events.next(), Some(Event::Connected { .. })) {}
    assert!(matches!(events.next(), Some(Event::Replayed)));
    client.disconnect()?;
    assert!(events.next().is_none());
    Ok(())
}

#[test]
fn who_gives_up_says_why_to_everybody() -> Result {
    let broker = TestBroker::start();
    let address = broker.address();
    let uri =
        format!("failover:(stomp://{address})?maxReconnectAttempts=1&initialReconnectDelay=1");
    let client = Client::connect(uri)?;
    let mut events = client.events();
    let mut inbox = client.subscribe("/queue/a").open()?;
    drop(broker);
    let error = inbox.next().ok_or("ended without a reason")?.unwrap_err();
    assert!(matches!(error, Error::Closed(_)), "{error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(inbox.next().is_none());
    assert!(matches!(events.by_ref().last(), Some(Event::GaveUp { .. })));
    Ok(())
}

#[test]
fn disconnecting_takes_no_longer_than_it_may() -> Result {
    let broker = TestBroker::start();
    let client = Client::builder(broker.url())
        .disconnect_timeout(Duration::from_secs(1))
        .connect()?;
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let sender = client.clone();
    let sending = std::thread::spawn(move || sender.send("/queue/a").confirmed());
    broker.received("/queue/a", 1).wait();
    let _silence = broker.black_hole();
    let begin = Instant::now();
    let error = client.disconnect().unwrap_err();
    // Once waiting for the receipt, and not once more for that of DISCONNECT.
    let elapsed = begin.elapsed();
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    assert_eq!(
        error.to_string(),
        "the client is closed: no answer within 1s"
    );
    let error = sending.join().expect("no panic").unwrap_err();
    assert!(matches!(error, Error::Unconfirmed(_)), "{error:?}");
    Ok(())
}

#[test]
fn a_broker_that_beats_but_takes_nothing_is_left_in_time() -> Result {
    let broker = TestBroker::builder().heart_beat(100, 0).start();
    let client = Client::builder(fast(&broker))
        .write_timeout(Duration::from_millis(700))
        .connect()?;
    let mut events = client.events();
    let deaf = broker.stop_reading();
    let left = AtomicBool::new(false);
    let reason = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !left.load(Ordering::Relaxed) {
                let large = client.send("/queue/a").bytes(vec![0; 1 << 20]);
                // Not sent when the buffers of the system are full.
                let _ = large.timeout(Duration::from_millis(10)).fire();
            }
        });
        let event = events.next();
        left.store(true, Ordering::Relaxed);
        match event {
            Some(Event::Disconnected { reason }) => reason,
            other => panic!("{other:?}"),
        }
    });
    assert!(
        matches!(reason, CloseReason::WriteTimedOut { .. }),
        "{reason}"
    );
    drop(deaf);
    client.send("/queue/a").text("again").confirmed()?;
    Ok(())
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

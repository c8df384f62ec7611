//! The blocking client without threads of its own, and over transports of the user's.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stomp_frame::Command;
use stomp_sync::{Client, Error, Event, Settled};
use stomp_testbroker::{Fault, TestBroker, on};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn manual(broker: &TestBroker) -> std::result::Result<Client, Error> {
    let address = broker.address();
    let uri = format!("failover:(stomp://{address})?initialReconnectDelay=1&maxReconnectDelay=5");
    Client::builder(uri).manual().connect()
}

#[test]
fn a_message_goes_there_and_back() -> Result {
    let broker = TestBroker::start();
    let client = manual(&broker)?;
    let mut inbox = client.subscribe("/queue/a").open()?;
    client.send("/queue/a").text("hello").confirmed()?;
    let message = inbox.next().ok_or("closed")??;
    assert_eq!(message.text()?, "hello");
    assert_eq!(message.ack()?, Settled::Sent);
    assert!(inbox.next_timeout(Duration::from_millis(1))?.is_none());
    client.disconnect()?;
    assert_eq!(
        (broker.depth("/queue/a"), broker.unacked("/queue/a")),
        (0, 0)
    );
    Ok(())
}

#[test]
fn nothing_happens_between_the_calls() -> Result {
    let broker = TestBroker::start();
    let client = manual(&broker)?;
    let mut events = client.events();
    let address = broker.address();
    drop(broker);
    let _broker = TestBroker::builder().listen(address).start();
    std::thread::yield_now();
    assert!(events.next_timeout(Duration::ZERO).is_none());
    while events.next_timeout(Duration::ZERO).is_none() {
        client.poll(Instant::now())?;
    }
    while !matches!(events.next(), Some(Event::Connected { .. })) {}
    client.disconnect()?;
    Ok(())
}

#[test]
fn polling_beats() -> Result {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = heard.clone();
    let server = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut octets = [0; 1024];
        while stream.read(&mut octets)? > 0 {
            match octets[0] {
                b'C' => stream.write_all(b"CONNECTED\nversion:1.2\nheart-beat:0,20\n\n\0")?,
                b'\n' => _ = counter.fetch_add(1, Ordering::Relaxed),
                _ => {}
            }
        }
        Ok(())
    });
    let client = Client::builder(format!("stomp://{address}"))
        .heart_beat(Duration::from_millis(20))
        .manual()
        .connect()?;
    while heard.load(Ordering::Relaxed) < 2 {
        client.poll(Instant::now() + Duration::from_millis(5))?;
    }
    drop(client);
    server.join().expect("no panic")?;
    Ok(())
}

#[test]
fn subscriptions_come_back_while_somebody_waits() -> Result {
    let broker = TestBroker::start();
    let client = manual(&broker)?;
    let mut inbox = client.subscribe("/queue/a").open()?;
    broker.push("/queue/a", "one");
    let early = inbox.next().ok_or("closed")??;
    broker.close_connections();
    let late = inbox.next().ok_or("closed")??;
    assert_eq!(late.text()?, "one");
    assert_eq!(late.epoch().number(), 2);
    assert_eq!(early.ack()?, Settled::Stale);
    assert_eq!(late.ack()?, Settled::Sent);
    client.disconnect()?;
    assert_eq!(broker.depth("/queue/a"), 0);
    Ok(())
}

#[test]
fn one_of_many_threads_works_for_all() -> Result {
    let broker = TestBroker::start();
    let client = manual(&broker)?;
    let mut inbox = client.subscribe("/queue/a").capacity(10).open()?;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let client = client.clone();
            scope.spawn(move || {
                for n in 0..25 {
                    let text = format!("{thread} {n}");
                    client.send("/queue/a").text(text).confirmed().unwrap();
                }
            });
        }
        for _ in 0..100 {
            let message = inbox.next().unwrap().unwrap();
            assert_eq!(message.ack().unwrap(), Settled::Sent);
        }
    });
    client.disconnect()?;
    assert_eq!(broker.depth("/queue/a"), 0);
    Ok(())
}

#[test]
fn a_dropped_client_says_goodbye() -> Result {
    let broker = TestBroker::start();
    let goodbye = on(Command::Disconnect).then(Fault::Pass).mount(&broker);
    drop(manual(&broker)?);
    broker.connected(0).wait();
    assert_eq!(goodbye.hits(), 1);
    Ok(())
}

#[test]
fn a_receipt_that_never_comes_has_a_deadline() -> Result {
    let broker = TestBroker::start();
    let client = Client::builder(broker.url())
        .receipt_timeout(Duration::from_millis(50))
        .manual()
        .connect()?;
    client.send("/queue/a").confirmed()?;
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let error = client.send("/queue/a").confirmed().unwrap_err();
    let text = error.to_string();
    assert_eq!(text, "sent, but not confirmed: no answer within 50ms");
    Ok(())
}

#[test]
fn a_broker_that_never_answers_is_told_from_one_that_is_late() -> Result {
    let broker = TestBroker::start();
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let client = Client::builder(broker.url())
        .receipt_timeout(Duration::from_millis(50))
        .manual()
        .connect()?;
    let error = client.send("/queue/a").confirmed().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("no RECEIPT ever came from this broker"),
        "{text}"
    );
    Ok(())
}

#[test]
fn the_transport_may_be_yours() -> Result {
    let broker = TestBroker::start();
    let address = broker.address();
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = opened.clone();
    let client = Client::builder("failover:(stomp://elsewhere)?initialReconnectDelay=1")
        .transport(move |broker, patience| {
            assert_eq!(broker.host(), "elsewhere");
            counter.fetch_add(1, Ordering::Relaxed);
            TcpStream::connect_timeout(&address, patience)
        })
        .connect()?;
    client.send("/queue/a").confirmed()?;
    broker.close_connections();
    let mut events = client.events();
    while !matches!(events.next(), Some(Event::Connected { .. })) {}
    client.send("/queue/a").confirmed()?;
    assert_eq!(opened.load(Ordering::Relaxed), 2);
    Ok(())
}

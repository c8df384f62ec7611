//! The blocking client against the test broker.

use std::io::{Read, Write};
use std::time::Duration;

use stomp_sync::{AckMode, Client, Error, Settled, Tolerance};
use stomp_testbroker::TestBroker;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

#[test]
fn a_message_goes_there_and_back() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(broker.url())?;
    let mut inbox = client.subscribe("/queue/a").open()?;
    client.send("/queue/a").text("hello").confirmed()?;
    let message = inbox.next().ok_or("closed")??;
    assert_eq!(message.text()?, "hello");
    assert_eq!(message.ack()?, Settled::Sent);
    client.disconnect()?;
    assert_eq!(
        (broker.depth("/queue/a"), broker.unacked("/queue/a")),
        (0, 0)
    );
    Ok(())
}

#[test]
fn what_is_not_acknowledged_is_delivered_to_the_next() -> Result {
    let broker = TestBroker::start();
    broker.push("/queue/a", "work");
    let first = Client::connect(broker.url())?;
    let message = first.subscribe("/queue/a").open()?.next();
    drop(message.ok_or("closed")??);
    first.disconnect()?;

    let second = Client::connect(broker.url())?;
    let mut inbox = second.subscribe("/queue/a").open()?;
    let message = inbox.next().ok_or("closed")??;
    assert!(message.redelivered());
    message.ack()?;
    Ok(())
}

#[test]
fn only_confirmed_messages_are_persistent_and_only_unless_told_otherwise() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(broker.url())?;
    client.send("/queue/a").text("1").fire()?;
    client.send("/queue/a").text("2").transient().confirmed()?;
    client.send("/queue/a").text("3").confirmed()?;
    let stored = broker.peek("/queue/a");
    let persistent: Vec<_> = stored
        .iter()
        .map(|frame| frame.headers.get("persistent"))
        .collect();
    assert_eq!(persistent, [None, None, Some("true")]);
    Ok(())
}

#[test]
fn many_threads_send_while_one_receives() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(broker.url())?;
    let mut inbox = client.subscribe("/queue/a").capacity(10).open()?;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = client.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    let text = format!("{thread} {n}");
                    client.send("/queue/a").text(text).confirmed().unwrap();
                }
            });
        }
        let mut next = [0; 8];
        for _ in 0..400 {
            let message = inbox.next().unwrap().unwrap();
            let text = message.text().unwrap().to_owned();
            let (thread, n) = text.split_once(' ').unwrap();
            let thread: usize = thread.parse().unwrap();
            assert_eq!(n.parse(), Ok(next[thread]), "in the order of each sender");
            next[thread] += 1;
            assert_eq!(message.ack().unwrap(), Settled::Sent);
        }
    });
    client.disconnect()?;
    assert_eq!(broker.depth("/queue/a"), 0);
    Ok(())
}

#[test]
fn a_full_inbox_stops_the_reading_and_nothing_is_lost() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(broker.url())?;
    let mut inbox = client.subscribe("/queue/a").capacity(1).open()?;
    for n in 0..200 {
        broker.push("/queue/a", n.to_string());
    }
    for n in 0..200 {
        let message = inbox.next().ok_or("closed")??;
        assert_eq!(message.text()?, n.to_string());
        message.ack()?;
    }
    assert!(inbox.next_timeout(Duration::ZERO)?.is_none());
    Ok(())
}

#[test]
fn a_refused_login_is_reported_as_what_it_is_and_without_the_passcode() {
    let broker = TestBroker::builder().login("me", "right").start();
    let builder = Client::builder(broker.url()).login("me", "wr0ng");
    let error = builder.connect().unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("refused the connection"), "{text}");
    assert!(!text.contains("wr0ng"), "{text}");
}

#[test]
fn a_port_where_nobody_listens_is_an_error_of_one_line() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let error = Client::connect(format!("stomp://{address}")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("connection refused"), "{text}");
    assert!(text.contains(&address.to_string()), "{text}");
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn the_second_broker_is_used_when_the_first_is_down() -> Result {
    let broker = TestBroker::start();
    let uri = format!(
        "failover:(stomp://127.0.0.1:1,{})?randomize=false&startupMaxReconnectAttempts=3",
        broker.url()
    );
    let client = Client::connect(uri)?;
    client.send("/queue/a").confirmed()?;
    assert_eq!(broker.depth("/queue/a"), 1);
    Ok(())
}

#[test]
fn what_speaks_no_stomp_is_given_up_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let error = Client::builder(format!("stomp://{address}"))
        .session(|config| config.connected_timeout(Duration::from_millis(50)))
        .connect()
        .unwrap_err();
    assert!(error.to_string().contains("no CONNECTED"), "{error}");
}

#[test]
fn tolerance_towards_the_broker_is_a_choice() -> Result {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let uri = format!("stomp://{}", listener.local_addr()?);
    let odd = std::thread::spawn(move || -> std::io::Result<()> {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept()?;
            let mut octets = [0; 1024];
            let _ = stream.read(&mut octets)?;
            // A NUL too much ends what is strict.
            stream.write_all(b"\0CONNECTED\nversion:1.2\n\n\0")?;
            let _ = stream.read(&mut octets);
        }
        Ok(())
    });
    let connect = |tolerance| Client::builder(&uri).tolerance(tolerance).connect();
    let error = connect(Tolerance::strict()).unwrap_err();
    assert!(error.to_string().contains("broke the protocol"), "{error}");
    drop(connect(Tolerance::lenient())?);
    odd.join().expect("no panic")?;
    Ok(())
}

#[test]
fn a_call_that_cannot_be_carried_out_harms_nothing() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(broker.url())?;
    let error = client
        .send("/queue/a")
        .header("k", "a\0b")
        .confirmed()
        .unwrap_err();
    assert!(matches!(error, Error::Usage(_)), "{error:?}");
    client.send("/queue/a").confirmed()?;
    assert_eq!(broker.depth("/queue/a"), 1);
    Ok(())
}

#[test]
fn in_ack_mode_auto_there_is_nothing_to_acknowledge() -> Result {
    let broker = TestBroker::start();
    broker.push("/queue/a", "x");
    let client = Client::connect(broker.url())?;
    let mut inbox = client.subscribe("/queue/a").ack(AckMode::Auto).open()?;
    let message = inbox.next().ok_or("closed")??;
    assert_eq!(message.ack()?, Settled::NotNeeded);
    Ok(())
}

#[test]
fn a_dropped_client_disconnects_and_a_dropped_subscription_unsubscribes() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(broker.url())?;
    drop(client.subscribe("/queue/a").open()?);
    client.send("/queue/b").confirmed()?;
    assert_eq!(broker.subscribers("/queue/a"), 0);
    drop(client);
    broker.connected(0).wait();
    Ok(())
}

#[test]
fn after_disconnect_every_handle_says_so() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(broker.url())?;
    let other = client.clone();
    let mut inbox = client.subscribe("/queue/a").open()?;
    client.disconnect()?;
    assert!(inbox.next().is_none());
    let error = other.send("/queue/a").fire().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the client is closed: it was disconnected"
    );
    Ok(())
}

#[test]
fn handles_may_go_anywhere() {
    fn anywhere<T: Send + Sync + 'static>() {}
    anywhere::<Client>();
    anywhere::<Error>();
    anywhere::<stomp_sync::Message>();
    anywhere::<stomp_sync::Subscription>();
}

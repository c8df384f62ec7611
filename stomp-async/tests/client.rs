//! The client against the test broker, in memory and in virtual time: an hour costs nothing.

mod support;

use std::time::Duration;

use stomp_async::{AckMode, Client, Error, HeartBeat, Settled, Tolerance};
use stomp_testbroker::TestBroker;
use support::{builder, client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

#[tokio::test(start_paused = true)]
async fn a_message_goes_there_and_back() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let mut inbox = client.subscribe("/queue/a").await?;
    client.send("/queue/a").text("hello").confirmed().await?;

    let message = inbox.next().await.ok_or("closed")??;
    assert_eq!(message.text()?, "hello");
    assert_eq!(
        message.header("content-type"),
        Some("text/plain;charset=utf-8")
    );
    assert_eq!(broker.unacked("/queue/a"), 1);
    assert_eq!(message.ack().await?, Settled::Sent);
    client.disconnect().await?;
    assert_eq!(
        (broker.depth("/queue/a"), broker.unacked("/queue/a")),
        (0, 0)
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_is_delivered_to_the_next() -> Result {
    let broker = TestBroker::in_memory();
    broker.push("/queue/a", "work");
    let first = client(&broker).await?;
    let mut inbox = first.subscribe("/queue/a").await?;
    let message = inbox.next().await.ok_or("closed")??;
    drop(message);
    first.disconnect().await?;

    let second = client(&broker).await?;
    let mut inbox = second.subscribe("/queue/a").await?;
    let message = inbox.next().await.ok_or("closed")??;
    assert_eq!(message.text()?, "work");
    assert!(message.redelivered());
    message.ack().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn only_confirmed_messages_are_persistent_and_only_unless_told_otherwise() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    client.send("/queue/a").text("1").await?;
    client
        .send("/queue/a")
        .text("2")
        .confirmed()
        .transient()
        .await?;
    client.send("/queue/a").text("3").confirmed().await?;

    let stored = broker.peek("/queue/a");
    let persistent: Vec<_> = stored
        .iter()
        .map(|frame| frame.headers.get("persistent"))
        .collect();
    assert_eq!(persistent, [None, None, Some("true")]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_reported_as_what_it_is_and_without_the_passcode() {
    let broker = TestBroker::builder().login("me", "right").in_memory();
    let error = builder(&broker)
        .login("me", "wr0ng")
        .connect()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("refused the connection"), "{text}");
    assert!(!text.contains("wr0ng"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn tolerance_towards_the_broker_is_a_choice() {
    // A NUL too much ends what is strict.
    async fn connect(tolerance: Tolerance) -> std::result::Result<(), Error> {
        let client = Client::builder("stomp://odd")
            .tolerance(tolerance)
            .transport(|_| async {
                let (ours, mut theirs) = tokio::io::duplex(1024);
                tokio::spawn(async move {
                    let _ = theirs.read(&mut [0; 1024]).await;
                    let _ = theirs.write_all(b"\0CONNECTED\nversion:1.2\n\n\0").await;
                    let _ = theirs.read(&mut [0; 1024]).await;
                });
                Ok(ours)
            });
        client.connect().await.map(drop)
    }
    let error = connect(Tolerance::strict()).await.unwrap_err();
    assert!(error.to_string().contains("broke the protocol"), "{error}");
    assert!(connect(Tolerance::lenient()).await.is_ok());
}

#[tokio::test]
async fn a_wrong_uri_is_an_error_before_anything_is_tried() {
    let error = Client::connect("http://localhost").await.unwrap_err();
    assert!(matches!(error, Error::Uri(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn heart_beats_keep_an_idle_connection_for_a_day() -> Result {
    let broker = TestBroker::builder().heart_beat(10_000, 10_000).in_memory();
    let client = client(&broker).await?;
    let mut inbox = client.subscribe("/queue/a").await?;
    tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
    client
        .send("/queue/a")
        .text("still here")
        .confirmed()
        .await?;
    let message = inbox.next().await.ok_or("closed")??;
    assert_eq!(message.epoch().number(), 1, "there was no reconnect");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_stops_the_reading_but_not_the_heart() -> Result {
    let broker = TestBroker::builder().heart_beat(10_000, 10_000).in_memory();
    let client = client(&broker).await?;
    let mut slow = client.subscribe("/queue/slow").capacity(2).await?;
    for n in 0..500 {
        broker.push("/queue/slow", n.to_string());
    }
    tokio::time::sleep(Duration::from_secs(60 * 60)).await;
    for n in 0..500 {
        let message = slow.next().await.ok_or("closed")??;
        assert_eq!(message.text()?, n.to_string());
        assert_eq!(message.ack().await?, Settled::Sent, "message {n}");
    }
    assert_eq!(broker.connections().len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn two_subscriptions_do_not_mix() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let mut a = client.subscribe("/queue/a").await?;
    let mut b = client.subscribe("/topic/b").ack(AckMode::Auto).await?;
    client.send("/topic/b").text("to b").await?;
    client.send("/queue/a").text("to a").await?;
    assert_eq!(a.next().await.ok_or("closed")??.text()?, "to a");
    assert_eq!(b.next().await.ok_or("closed")??.text()?, "to b");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_carried_out_harms_nothing() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let error = client
        .send("/queue/a")
        .header("k", "a\0b")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Usage(_)), "{error:?}");
    let error = client
        .send("/queue/a")
        .header("receipt", "mine")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("receipt"), "{error}");
    client.send("/queue/a").text("good").confirmed().await?;
    assert_eq!(broker.depth("/queue/a"), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn in_ack_mode_auto_there_is_nothing_to_acknowledge() -> Result {
    let broker = TestBroker::in_memory();
    broker.push("/queue/a", "x");
    let client = client(&broker).await?;
    let mut inbox = client.subscribe("/queue/a").ack(AckMode::Auto).await?;
    let message = inbox.next().await.ok_or("closed")??;
    assert_eq!(message.ack().await?, Settled::NotNeeded);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dropped_subscription_is_unsubscribed_and_the_rest_goes_on() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let inbox = client.subscribe("/queue/a").await?;
    drop(inbox);
    client.send("/queue/b").confirmed().await?;
    assert_eq!(broker.subscribers("/queue/a"), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_ends_the_connection() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let mut inbox = client.subscribe("/queue/a").await?;
    client
        .send("/queue/a")
        .text("keeps the client alive")
        .await?;
    drop(client);
    let message = inbox.next().await.ok_or("closed")??;
    drop(inbox);
    // Its subscription is gone, and it can still be settled.
    assert_eq!(message.split().1.ack()?, Settled::Sent);
    broker.connected(0).await;
    assert_eq!(broker.depth("/queue/a"), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn after_disconnect_every_handle_says_so() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let other = client.clone();
    let mut inbox = client.subscribe("/queue/a").await?;
    client.disconnect().await?;
    assert!(inbox.next().await.is_none());
    assert!(other.events().next().await.is_none());
    let error = other.send("/queue/a").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the client is closed: it was disconnected"
    );
    other.disconnect().await.unwrap_err();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn disconnect_waits_for_what_was_sent_before() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let mut sends = Vec::new();
    for n in 0..100 {
        let mut send = client
            .send("/queue/a")
            .text(n.to_string())
            .confirmed()
            .into_future();
        // Polled once, it is handed over.
        tokio::select! {
            biased;
            result = &mut send => result?,
            () = std::future::ready(()) => sends.push(send),
        }
    }
    client.disconnect().await?;
    for send in sends {
        send.await?;
    }
    assert_eq!(broker.depth("/queue/a"), 100);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_leaves_whole_frames_on_the_wire() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    for polls in 0..20 {
        let mut send = client
            .send("/queue/a")
            .bytes(vec![7; 100_000])
            .confirmed()
            .into_future();
        for _ in 0..polls {
            tokio::select! {
                biased;
                result = &mut send => { result?; break }
                () = tokio::task::yield_now() => {}
            }
        }
        drop(send);
        client.send("/queue/marker").confirmed().await?;
    }
    assert_eq!(broker.depth("/queue/marker"), 20);
    for frame in broker.peek("/queue/a") {
        assert_eq!(frame.body.len(), 100_000);
    }
    Ok(())
}

#[tokio::test]
async fn who_stood_still_reads_before_judging_the_broker() -> Result {
    let broker = TestBroker::builder().heart_beat(500, 500).start();
    let client = Client::builder(broker.url())
        // The broker would not believe in one that promised to beat.
        .session(|config| config.heart_beat(HeartBeat::new(0, 500)))
        .connect()
        .await?;
    std::thread::sleep(Duration::from_secs(4)); // beats lie in the socket by now
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.send("/queue/a").confirmed().await?;
    assert_eq!(client.stats().connections, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn no_passcode_goes_over_what_is_not_secure_when_the_scheme_says_it_should_be() -> Result {
    let broker = TestBroker::in_memory();
    let connector = broker.connector();
    let connect = move |_| {
        let connector = connector.clone();
        async move { connector.connect_async() }
    };
    let secure = || Client::builder("stomp+tls://me:s3cret@broker");
    let error = secure().transport(connect.clone()).connect().await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the passcode was not sent"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
    let client = secure().secure_transport(connect).connect().await?;
    assert!(client.connection().is_some());
    Ok(())
}

#[test]
fn handles_may_go_anywhere() {
    fn anywhere<T: Send + Sync + 'static>() {}
    anywhere::<Client>();
    anywhere::<Error>();
    anywhere::<stomp_async::Acker>();
    anywhere::<stomp_async::Message>();
    anywhere::<stomp_async::Subscription>();
}

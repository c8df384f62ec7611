//! What comes to an inbox: too much, and too large.

mod support;

use std::time::Duration;

use stomp_async::{AckMode, Client, Error, Limits, Settled};
use stomp_testbroker::TestBroker;
use support::{builder, client};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

async fn with_bodies_of_up_to(
    octets: u64,
    broker: &TestBroker,
) -> std::result::Result<Client, Error> {
    let limits = Limits::client().body(octets);
    builder(broker).limits(limits).connect().await
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_limit_is_an_item_that_can_be_settled() -> Result {
    let broker = TestBroker::in_memory();
    let client = with_bodies_of_up_to(3, &broker).await?;
    let mut inbox = client.subscribe("/queue/a").await?;
    for body in ["long", "too long", "ok"] {
        broker.push("/queue/a", body);
    }
    for length in [4, 8] {
        let error = inbox.next().await.ok_or("closed")?.unwrap_err();
        let text = format!("a message from /queue/a has {length} octets, and 3 are allowed");
        assert_eq!(error.to_string(), text);
        let Error::Unreadable(unreadable) = error else {
            return Err(error.into());
        };
        let defect = unreadable.defect();
        assert_eq!((defect.length, defect.limit), (Some(length), 3));
        assert_eq!(unreadable.destination(), "/queue/a");
        assert!(unreadable.body().is_empty());
        match length {
            4 => assert_eq!(unreadable.ack()?, Settled::Sent),
            _ => assert_eq!(unreadable.nack()?, Settled::Sent),
        }
    }
    let message = inbox.next().await.ok_or("closed")??;
    assert_eq!(message.text()?, "ok");
    message.ack().await?;
    client.disconnect().await?;
    assert_eq!(
        (broker.depth("/queue/a"), broker.unacked("/queue/a")),
        (0, 0)
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn in_ack_mode_auto_a_message_beyond_the_limit_is_told_and_no_more() -> Result {
    let broker = TestBroker::in_memory();
    broker.push("/queue/a", "long");
    let client = with_bodies_of_up_to(3, &broker).await?;
    let mut inbox = client.subscribe("/queue/a").ack(AckMode::Auto).await?;
    let Some(Err(Error::Unreadable(unreadable))) = inbox.next().await else {
        return Err("a message that is too large".into());
    };
    let (content, acker) = unreadable.split();
    assert_eq!(content.destination(), "/queue/a");
    assert!(!acker.is_needed());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_receipt_arrives_behind_messages_that_nobody_asked_for_yet() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let inbox = client.subscribe("/queue/a").ack(AckMode::Auto).capacity(1);
    let mut inbox = inbox.await?;
    for n in 0..30 {
        broker.push("/queue/a", n.to_string());
    }
    for n in 0..30 {
        let message = inbox.next().await.ok_or("closed")??;
        assert_eq!(message.text()?, n.to_string());
        client.send("/queue/b").text("seen").confirmed().await?;
    }
    client.disconnect().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_message_arrives_behind_those_of_a_full_inbox() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let full = client.subscribe("/queue/a").capacity(1).await?;
    let mut other = client.subscribe("/queue/b").await?;
    for n in 0..30 {
        broker.push("/queue/a", n.to_string());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    broker.push("/queue/b", "behind");
    let message = other.next().await.ok_or("closed")??;
    assert_eq!(message.text()?, "behind");
    drop(full);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_looks_once_and_goes_away_does_not_count_as_waiting() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let _full = client.subscribe("/queue/a").capacity(1).await?;
    let mut other = client.subscribe("/queue/b").await?;
    let soon = Duration::from_secs(1);
    assert!(tokio::time::timeout(soon, other.next()).await.is_err());
    for _ in 0..100 {
        broker.push("/queue/a", vec![0; 4 << 10]);
    }
    tokio::time::sleep(soon).await;
    assert_eq!(client.stats().stops, 1);
    let received = client.stats().received;
    assert!(tokio::time::timeout(soon, other.next()).await.is_err());
    assert!(
        client.stats().received > received,
        "as long as somebody waits"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn memory_is_the_limit_of_what_is_read_for_a_receipt() -> Result {
    let broker = TestBroker::in_memory();
    let client = builder(&broker).inbox(1 << 20).connect().await?;
    let inbox = client.subscribe("/queue/a").ack(AckMode::Auto).capacity(1);
    let mut inbox = inbox.await?;
    // More than that and 8 MiB, and then what answers a confirmed message.
    for _ in 0..20 {
        broker.push("/queue/a", vec![0; 1 << 20]);
    }
    let begin = tokio::time::Instant::now();
    let sending = client.send("/queue/b").confirmed().await;
    assert!(matches!(sending, Err(Error::Unconfirmed(_))), "{sending:?}");
    assert_eq!(begin.elapsed(), Duration::from_secs(15));
    for _ in 0..20 {
        let message = inbox.next().await.ok_or("closed")??;
        assert_eq!(message.body().len(), 1 << 20);
    }
    client.send("/queue/b").confirmed().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_leaves_with_a_full_inbox_leaves_in_order() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let _inbox = client.subscribe("/queue/a").capacity(1).await?;
    for n in 0..30 {
        broker.push("/queue/a", n.to_string());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.disconnect().await?;
    assert_eq!(broker.depth("/queue/a"), 30);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_ends_with_the_reason_too() -> Result {
    // Who does not read notices by its heart-beats that nobody is there.
    let broker = TestBroker::builder().heart_beat(10_000, 10_000).in_memory();
    let connector = broker.connector();
    let client = Client::builder("failover:(stomp://broker)?maxReconnectAttempts=1")
        .transport(move |_| {
            let connector = connector.clone();
            async move { connector.connect_async() }
        })
        .connect()
        .await?;
    let mut events = client.events();
    let full = client.subscribe("/queue/a").ack(AckMode::Auto).capacity(1);
    let mut full = full.await?;
    let mut stale = client.subscribe("/queue/b").capacity(1).await?;
    for queue in ["/queue/a", "/queue/b"] {
        broker.push(queue, "1");
        broker.push(queue, "2");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(broker);
    while events.next().await.is_some() {}
    for _ in 0..2 {
        let _ = full
            .next()
            .await
            .ok_or("a message that counts as consumed")??;
    }
    // What could have been settled is the broker's again.
    assert_eq!(client.stats().stale_dropped, 2);
    for inbox in [&mut full, &mut stale] {
        let error = inbox.next().await.ok_or("no reason")?.unwrap_err();
        assert!(matches!(error, Error::Closed(_)), "{error:?}");
        assert!(inbox.next().await.is_none());
    }
    Ok(())
}

//! What everybody learns when something ends before its time, and what is left behind.

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use stomp_async::{Cause, Client, Error, Event};
use stomp_frame::Command;
use stomp_testbroker::{Fault, TestBroker, on};
use support::{builder, client};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep, timeout};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn is_gone<T>(result: &std::result::Result<T, Error>) -> bool {
    matches!(
        result,
        Err(Error::Unconfirmed(Cause::DriverGone(_)) | Error::Closed(Cause::DriverGone(_)))
    )
}

#[test]
fn whoever_waits_learns_that_the_runtime_of_the_client_has_ended() -> Result {
    let broker = TestBroker::start();
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let theirs = tokio::runtime::Runtime::new()?;
    let client = theirs.block_on(Client::connect(broker.url()))?;
    let mut inbox = theirs.block_on(async { client.subscribe("/queue/b").await })?;
    let ours = tokio::runtime::Runtime::new()?;
    let sender = client.clone();
    let send = ours.spawn(async move { sender.send("/queue/a").confirmed().await });
    let receive = ours.spawn(async move { inbox.next().await });
    let other = client.clone();
    let events = ours.spawn(async move { other.events().next().await });
    ours.block_on(async {
        while broker.depth("/queue/a") == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    });
    theirs.shutdown_timeout(Duration::from_secs(5));
    let sent = ours.block_on(send)?;
    assert!(
        matches!(&sent, Err(error) if error.is_in_doubt()),
        "{sent:?}"
    );
    assert!(is_gone(&sent), "{sent:?}");
    let received = ours.block_on(receive)?.ok_or("no reason")?;
    assert!(is_gone(&received), "{received:?}");
    assert!(ours.block_on(events)?.is_none());
    let late = ours.block_on(async { client.send("/queue/a").await });
    assert!(is_gone(&late), "{late:?}");
    Ok(())
}

/// A transport that panics when it is told to.
struct Brittle<T>(T, Arc<AtomicBool>);

impl<T: AsyncRead + Unpin> AsyncRead for Brittle<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        assert!(!self.1.load(Ordering::Relaxed), "as the test wants it");
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Brittle<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_leaves_the_same_verdicts() -> Result {
    let broker = TestBroker::in_memory();
    let connector = broker.connector();
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = broken.clone();
    let client = Client::builder("stomp://broker")
        .transport(move |_| {
            let (connector, breaks) = (connector.clone(), breaks.clone());
            async move { Ok(Brittle(connector.connect_async()?, breaks)) }
        })
        .connect()
        .await?;
    let mut inbox = client.subscribe("/queue/a").await?;
    broken.store(true, Ordering::Relaxed);
    // It panics when it is read, before it is given anything to write.
    let sent = client.send("/queue/a").confirmed().await;
    assert!(
        matches!(&sent, Err(Error::NotSent(Cause::DriverGone(_)))),
        "{sent:?}"
    );
    let received = inbox.next().await.ok_or("no reason")?;
    assert!(is_gone(&received), "{received:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_client_that_everybody_has_dropped() -> Result {
    let broker = TestBroker::in_memory();
    let connector = Arc::new(broker.connector());
    let alive = Arc::downgrade(&connector);
    let client = Client::builder("failover:(stomp://broker)")
        .transport(move |_| {
            let connector = connector.clone();
            async move { connector.connect_async() }
        })
        .connect()
        .await?;
    let inbox = client.subscribe("/queue/a").capacity(1).await?;
    for _ in 0..30 {
        broker.push("/queue/a", "too much");
    }
    sleep(Duration::from_secs(1)).await;
    let _down = broker.refuse_connections();
    broker.close_connections();
    sleep(Duration::from_secs(1)).await;
    assert!(alive.upgrade().is_some());
    drop((client, inbox));
    sleep(Duration::from_secs(1)).await;
    assert!(alive.upgrade().is_none(), "it reconnects for ever");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_is_given_up_closes_what_it_opened() -> Result {
    let broker = TestBroker::in_memory();
    let _silent = broker.stop_reading();
    let patience = Duration::from_secs(1);
    assert!(timeout(patience, builder(&broker).connect()).await.is_err());
    broker.connected(0).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_subscribe_that_is_given_up_is_ended_even_behind_a_megabyte() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let mut subscribe = client.subscribe("/queue/a").into_future();
    assert!(is_pending(&mut subscribe).await);
    let deaf = broker.stop_reading();
    client.send("/queue/b").bytes(vec![0; 3 << 20]).await?;
    sleep(Duration::from_secs(1)).await;
    drop(subscribe);
    drop(deaf);
    client.send("/queue/b").confirmed().await?;
    assert_eq!(broker.subscribers("/queue/a"), 0);
    Ok(())
}

/// Polls once, and says whether it is not ready.
async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx).is_pending())).await
}

#[tokio::test(start_paused = true)]
async fn what_was_not_offered_to_the_transport_is_taken_back() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let deaf = broker.stop_reading();
    client.send("/queue/b").bytes(vec![0; 900_000]).await?;
    sleep(Duration::from_secs(1)).await;
    let mut send = client.send("/queue/a").confirmed().into_future();
    assert!(is_pending(&mut send).await);
    drop(send);
    let soon = Duration::from_secs(5);
    let late = client.send("/queue/a").timeout(soon).confirmed().await;
    assert!(matches!(late, Err(Error::NotSent(_))), "{late:?}");
    drop(deaf);
    client.send("/queue/b").confirmed().await?;
    assert_eq!(broker.depth("/queue/a"), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn disconnecting_takes_no_longer_than_it_may() -> Result {
    let broker = TestBroker::in_memory();
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let second = Duration::from_secs(1);
    let client = builder(&broker)
        .disconnect_timeout(second)
        .connect()
        .await?;
    let mut send = client.send("/queue/a").confirmed().into_future();
    assert!(is_pending(&mut send).await);
    let begin = Instant::now();
    let result = client.disconnect().await;
    assert!(matches!(result, Err(Error::Closed(_))), "{result:?}");
    assert_eq!(begin.elapsed(), second);
    let sent = send.await;
    assert!(matches!(sent, Err(Error::Unconfirmed(_))), "{sent:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn endless_patience_is_possible_everywhere() -> Result {
    let broker = TestBroker::in_memory();
    let endless = Duration::MAX;
    let client = builder(&broker)
        .connect_timeout(endless)
        .send_timeout(endless)
        .write_timeout(endless)
        .receipt_timeout(endless)
        .disconnect_timeout(endless)
        .linger(endless)
        .heart_beat(endless)
        .connect()
        .await?;
    let mut inbox = client.subscribe("/queue/a").await?;
    client.send("/queue/a").timeout(endless).confirmed().await?;
    let message = inbox.next().await.ok_or("closed")??;
    message.ack().await?;
    client.disconnect().await?;
    Ok(())
}

/// The octets of an application that wants to know when they go, and asks the client then.
struct Nosy {
    client: Client,
    gone: Arc<AtomicBool>,
}

impl AsRef<[u8]> for Nosy {
    fn as_ref(&self) -> &[u8] {
        &[0; 100_000]
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        let _ = self.client.stats();
        self.gone.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_may_ask_the_client_when_it_is_dropped() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let bodies: Vec<_> = (0..5).map(|_| Arc::new(AtomicBool::new(false))).collect();
    let body = |n: usize| {
        Bytes::from_owner(Nosy {
            client: client.clone(),
            gone: bodies[n].clone(),
        })
    };
    client.send("/queue/a").bytes(body(0)).confirmed().await?;
    let deaf = broker.stop_reading();
    client.send("/queue/a").bytes(vec![0; 300_000]).await?;
    let mut send = client.send("/queue/a").bytes(body(1)).into_future();
    assert!(!is_pending(&mut send).await, "fired");
    drop(send);
    let mut send = client
        .send("/queue/a")
        .bytes(body(2))
        .confirmed()
        .into_future();
    assert!(is_pending(&mut send).await);
    drop(send);
    assert!(bodies[2].load(Ordering::Relaxed), "it was taken back");
    let late = client.send("/queue/a").bytes(body(3)).confirmed();
    let late = late.timeout(Duration::from_secs(1)).await;
    assert!(matches!(late, Err(Error::NotSent(_))), "{late:?}");
    let mut events = client.events();
    broker.close_connections();
    drop(deaf);
    while !matches!(events.next().await, Some(Event::Connected { .. })) {}
    client.send("/queue/a").bytes(body(4)).confirmed().await?;
    for gone in &bodies {
        assert!(gone.load(Ordering::Relaxed));
    }
    Ok(())
}

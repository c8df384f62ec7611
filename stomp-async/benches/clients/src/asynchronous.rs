use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use stomp_async::{AckMode, Client, Message, Subscription};
use tokio::runtime::{Builder, Runtime};

use crate::work::{BODY, Mode, Report, SUBSCRIPTIONS, UNDER_WAY, Work};

pub fn run(mode: Mode, work: Work, n: u64, uri: &str) -> Report {
    let runtime = runtime(mode);
    let uri = uri.to_owned();
    let measured = async move {
        let client = Client::connect(uri).await.expect("a connection");
        let report = measure(&client, work, n).await;
        client.disconnect().await.expect("an answer");
        report
    };
    match mode {
        Mode::Multi => runtime.block_on(runtime.spawn(measured)).expect("no panic"),
        _ => runtime.block_on(measured),
    }
}

fn runtime(mode: Mode) -> Runtime {
    let mut builder = match mode {
        Mode::Multi => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    let runtime = builder.worker_threads(2).enable_all().build();
    runtime.expect("a runtime")
}

async fn measure(client: &Client, work: Work, n: u64) -> Report {
    match work {
        Work::Publish => {
            let begin = Instant::now();
            for _ in 0..n {
                fire(client).await;
            }
            confirm(client).await;
            Report::new(n, begin)
        }
        Work::Confirmed => {
            let begin = Instant::now();
            for _ in 0..n {
                confirm(client).await;
            }
            Report::new(n, begin)
        }
        Work::Confirmed64 => {
            let begin = Instant::now();
            let tasks: Vec<_> = (0..UNDER_WAY)
                .map(|_| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        for _ in 0..n / UNDER_WAY {
                            confirm(&client).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("no panic");
            }
            Report::new(n / UNDER_WAY * UNDER_WAY, begin)
        }
        Work::Auto => {
            let mut inbox = subscribe(client, AckMode::Auto).await;
            let begin = start(client, n).await;
            for _ in 0..n {
                drop(next(&mut inbox).await);
            }
            Report::new(n, begin)
        }
        Work::Ack => {
            let mut inbox = subscribe(client, AckMode::ClientIndividual).await;
            let begin = start(client, n).await;
            for _ in 0..n {
                next(&mut inbox).await.ack().await.expect("an ACK");
            }
            confirm(client).await;
            Report::new(n, begin)
        }
        Work::Ack1000 => {
            let mut inboxes = Vec::new();
            for _ in 0..SUBSCRIPTIONS {
                inboxes.push(subscribe(client, AckMode::ClientIndividual).await);
            }
            let each = n as usize / SUBSCRIPTIONS;
            let begin = start(client, (each * SUBSCRIPTIONS) as u64).await;
            let tasks: Vec<_> = inboxes
                .into_iter()
                .map(|mut inbox| {
                    tokio::spawn(async move {
                        for _ in 0..each {
                            next(&mut inbox).await.ack().await.expect("an ACK");
                        }
                        inbox
                    })
                })
                .collect();
            let mut inboxes = Vec::new();
            for task in tasks {
                inboxes.push(task.await.expect("no panic"));
            }
            confirm(client).await;
            Report::new((each * SUBSCRIPTIONS) as u64, begin)
        }
        Work::Latency => latency(client, n).await,
    }
}

/// Ends when either of the two is through.
async fn latency(client: &Client, n: u64) -> Report {
    let mut inbox = subscribe(client, AckMode::Auto).await;
    let flood = 10 * n;
    let begin = start(client, flood).await;
    let over = Arc::new(AtomicBool::new(false));
    let ends = over.clone();
    let consumer = tokio::spawn(async move {
        let mut taken = 0;
        while taken < flood && !ends.load(Ordering::Relaxed) {
            drop(next(&mut inbox).await);
            taken += 1;
        }
        taken
    });
    let (mut fired, mut asked) = (Vec::new(), Vec::new());
    while fired.len() < n as usize && !consumer.is_finished() {
        asked.extend(lock(client));
        let begin = Instant::now();
        fire(client).await;
        fired.push(begin.elapsed());
        tokio::task::yield_now().await;
    }
    over.store(true, Ordering::Relaxed);
    let taken = consumer.await.expect("no panic");
    let mut report = Report::new(fired.len() as u64 + taken, begin);
    report.calls = Some((fired, asked));
    report
}

/// How long it takes to get the client's lock, and to do next to nothing there.
fn lock(client: &Client) -> Option<Duration> {
    #[cfg(feature = "stats")]
    {
        let begin = Instant::now();
        let _ = client.stats();
        Some(begin.elapsed())
    }
    #[cfg(not(feature = "stats"))]
    {
        let _ = client;
        None
    }
}

async fn fire(client: &Client) {
    let body = Bytes::from_static(BODY);
    let sent = client.send("/queue/a").body(body).await;
    sent.expect("a connection");
}

async fn confirm(client: &Client) {
    let body = Bytes::from_static(BODY);
    let sent = client.send("/queue/a").body(body).confirmed().await;
    sent.expect("a RECEIPT");
}

async fn subscribe(client: &Client, ack: AckMode) -> Subscription {
    let subscribed = client.subscribe("/queue/a").ack(ack).await;
    subscribed.expect("a RECEIPT")
}

async fn start(client: &Client, messages: u64) -> Instant {
    let begin = Instant::now();
    let sent = client.send(format!("/start/{messages}")).body("").await;
    sent.expect("a connection");
    begin
}

async fn next(inbox: &mut Subscription) -> Message {
    let item = inbox.next().await;
    item.expect("a connection").expect("a message")
}

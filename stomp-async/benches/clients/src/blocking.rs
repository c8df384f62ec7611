use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use stomp_sync::{AckMode, Client, Message, Subscription};

use crate::work::{BODY, Mode, Report, SUBSCRIPTIONS, UNDER_WAY, Work};

pub fn run(mode: Mode, work: Work, n: u64, uri: &str) -> Report {
    let builder = Client::builder(uri);
    let builder = match mode {
        Mode::Manual => builder.manual(),
        _ => builder,
    };
    let client = builder.connect().expect("a connection");
    let report = measure(&client, work, n, mode);
    client.disconnect().expect("an answer");
    report
}

fn measure(client: &Client, work: Work, n: u64, mode: Mode) -> Report {
    match work {
        Work::Publish => {
            let begin = Instant::now();
            for _ in 0..n {
                fire(client);
            }
            confirm(client);
            Report::new(n, begin)
        }
        Work::Confirmed => {
            let begin = Instant::now();
            for _ in 0..n {
                confirm(client);
            }
            Report::new(n, begin)
        }
        Work::Confirmed64 => {
            let begin = Instant::now();
            thread::scope(|scope| {
                for _ in 0..UNDER_WAY {
                    scope.spawn(|| (0..n / UNDER_WAY).for_each(|_| confirm(client)));
                }
            });
            Report::new(n / UNDER_WAY * UNDER_WAY, begin)
        }
        Work::Auto => {
            let mut inbox = subscribe(client, AckMode::Auto);
            let begin = start(client, n);
            for _ in 0..n {
                drop(next(&mut inbox));
            }
            Report::new(n, begin)
        }
        Work::Ack => {
            let mut inbox = subscribe(client, AckMode::ClientIndividual);
            let begin = start(client, n);
            for _ in 0..n {
                next(&mut inbox).ack().expect("an ACK");
            }
            confirm(client);
            Report::new(n, begin)
        }
        Work::Ack1000 => {
            let mut inboxes: Vec<_> = (0..SUBSCRIPTIONS)
                .map(|_| subscribe(client, AckMode::ClientIndividual))
                .collect();
            let each = n as usize / SUBSCRIPTIONS;
            let begin = start(client, (each * SUBSCRIPTIONS) as u64);
            let consume = |inbox: &mut Subscription| {
                next(inbox).ack().expect("an ACK");
            };
            if mode == Mode::Manual {
                for _ in 0..each {
                    for inbox in &mut inboxes {
                        consume(inbox);
                    }
                }
            } else {
                thread::scope(|scope| {
                    for inbox in &mut inboxes {
                        scope.spawn(move || (0..each).for_each(|_| consume(inbox)));
                    }
                });
            }
            confirm(client);
            Report::new((each * SUBSCRIPTIONS) as u64, begin)
        }
        Work::Latency => latency(client, n),
    }
}

/// Ends when either of the two is through.
fn latency(client: &Client, n: u64) -> Report {
    let mut inbox = subscribe(client, AckMode::Auto);
    let flood = 10 * n;
    let begin = start(client, flood);
    let over = AtomicBool::new(false);
    let (mut fired, mut asked) = (Vec::new(), Vec::new());
    let taken = thread::scope(|scope| {
        let consumer = scope.spawn(|| {
            let mut taken = 0;
            while taken < flood && !over.load(Ordering::Relaxed) {
                drop(next(&mut inbox));
                taken += 1;
            }
            taken
        });
        while fired.len() < n as usize && !consumer.is_finished() {
            asked.extend(lock(client));
            let begin = Instant::now();
            fire(client);
            fired.push(begin.elapsed());
        }
        over.store(true, Ordering::Relaxed);
        consumer.join().expect("no panic")
    });
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

fn fire(client: &Client) {
    let body = Bytes::from_static(BODY);
    let sent = client.send("/queue/a").body(body).fire();
    sent.expect("a connection");
}

fn confirm(client: &Client) {
    let body = Bytes::from_static(BODY);
    let sent = client.send("/queue/a").body(body).confirmed();
    sent.expect("a RECEIPT");
}

fn subscribe(client: &Client, ack: AckMode) -> Subscription {
    let subscribed = client.subscribe("/queue/a").ack(ack).open();
    subscribed.expect("a RECEIPT")
}

fn start(client: &Client, messages: u64) -> Instant {
    let begin = Instant::now();
    let sent = client.send(format!("/start/{messages}")).body("").fire();
    sent.expect("a connection");
    begin
}

fn next(inbox: &mut Subscription) -> Message {
    inbox.next().expect("a connection").expect("a message")
}

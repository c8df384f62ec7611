//! Other connections to the broker: they fill queues, and find what is to be had.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stomp_sync::Client;

use super::stage::Broker;

pub(super) struct Elsewhere(Broker);

/// What came elsewhere, in its order.
pub(super) struct Found {
    pub(super) bodies: Vec<String>,
    /// When the last of them came, since the search began.
    pub(super) after: Duration,
}

impl Elsewhere {
    pub(super) fn at(broker: Broker) -> Self {
        Self(broker)
    }

    fn connect(&self) -> Client {
        Client::connect(self.0.url()).expect("the broker runs")
    }

    /// Returns when the broker has all of them.
    pub(super) fn fill(&self, destination: &str, bodies: impl IntoIterator<Item = String>) {
        let client = self.connect();
        let mut bodies = bodies.into_iter().peekable();
        while let Some(body) = bodies.next() {
            let send = client.send(destination).text(body);
            // The broker works them off in their order, as they are all alike.
            match bodies.peek() {
                Some(_) => send.fire(),
                None => send.transient().confirmed(),
            }
            .expect("the broker takes it");
        }
        client.disconnect().expect("an orderly end");
    }

    /// Fills slowly, until it is over.
    pub(super) fn trickle(&self, destination: &str, over: &AtomicBool, sent: &AtomicU64) {
        let client = self.connect();
        while !over.load(Ordering::Relaxed) {
            let number = sent.fetch_add(1, Ordering::Relaxed);
            let send = client.send(destination).text(number.to_string());
            send.fire().expect("the broker takes it");
            thread::sleep(Duration::from_millis(1));
        }
        client.disconnect().expect("an orderly end");
    }

    /// Takes, and acknowledges, as many as are expected, within `patience`; and then whatever comes
    /// beyond them.
    pub(super) fn find(&self, destination: &str, expected: usize, patience: Duration) -> Found {
        let client = self.connect();
        let begin = Instant::now();
        let inbox = client.subscribe(destination).capacity(500);
        let mut inbox = inbox.open().expect("a subscription");
        let mut found = Found {
            bodies: Vec::new(),
            after: Duration::ZERO,
        };
        loop {
            let patience = match found.bodies.len() < expected {
                true => patience.saturating_sub(begin.elapsed()),
                false => BEYOND,
            };
            match inbox.next_timeout(patience).expect("the connection lives") {
                Some(message) => {
                    found
                        .bodies
                        .push(message.text().expect("a text").to_owned());
                    found.after = begin.elapsed();
                    message.ack().expect("the connection lives");
                }
                None => break,
            }
        }
        // The broker has read every ACK then.
        client.disconnect().expect("an orderly end");
        found
    }

    #[track_caller]
    pub(super) fn find_nothing(&self, destination: &str) {
        let found = self.find(destination, 0, BEYOND);
        assert_eq!(found.bodies, Vec::<String>::new(), "{destination}");
    }
}

/// How long something is looked for that should not be there.
const BEYOND: Duration = Duration::from_millis(300);

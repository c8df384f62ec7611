//! How often a session allocates once it has warmed up: for what it is asked to make, and for
//! nothing that comes.

use std::time::{Duration, Instant};

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use stomp_commands::{AckMode, HeartBeat, ReceiptId, Send, Subscribe};
use stomp_frame::Version;
use stomp_session::{AckToken, Config, Event, Session, Settled, Subscriptions, With};

/// How often everything is done before it counts.
const WARM_UP: usize = 5;

/// How often it is counted.
const ROUNDS: usize = 20;

/// Frames a round.
const FRAMES: usize = 50;

struct Peer {
    session: Session,
    now: Instant,
    buffer: BytesMut,
    tokens: Vec<AckToken>,
}

impl Peer {
    fn new(ack: AckMode, subscriptions: usize) -> Self {
        let now = Instant::now();
        let config = Config::default().heart_beat(HeartBeat::new(10_000, 10_000));
        let session = Session::connect(config, Subscriptions::new(), now);
        let mut peer = Self {
            session: session.expect("a good configuration"),
            now,
            buffer: BytesMut::with_capacity(1 << 20),
            tokens: Vec::with_capacity(FRAMES),
        };
        peer.hear("CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\0");
        for _ in 0..subscriptions {
            let subscribe = Subscribe::to("/queue/a").ack(ack);
            peer.session.subscribe(subscribe, now).expect("connected");
        }
        peer.write();
        peer
    }

    fn hear(&mut self, octets: &str) {
        self.now += Duration::from_millis(1);
        self.buffer.extend_from_slice(octets.as_bytes());
        self.session.handle_data(&mut self.buffer, self.now);
        while let Some(event) = self.session.poll_event() {
            if let Event::Message(delivery) = event
                && delivery.token.is_ackable()
            {
                self.tokens.push(delivery.token);
            }
        }
    }

    fn settle(&mut self) {
        while let Some(token) = self.tokens.pop() {
            match self.session.ack(&token, With::nothing(), self.now) {
                Ok(Settled::Sent) => {}
                // In ack mode `client` the last one settled them all.
                refused => assert!(refused.is_err()),
            }
        }
        self.write();
    }

    fn write(&mut self) {
        while self.session.poll_transmit(self.now).is_some() {}
    }
}

fn messages(subscriptions: usize) -> Vec<String> {
    let message = |n: usize| {
        format!(
            "MESSAGE\nsubscription:s{}\ndestination:/queue/a\nmessage-id:m{n}\nack:k{n}\n\nhello\0\n",
            n % subscriptions + 1
        )
    };
    (0..FRAMES).map(message).collect()
}

/// Allocations of a round, once everything has the size that it needs.
fn steady(mut round: impl FnMut() -> u64) -> Vec<u64> {
    for _ in 0..WARM_UP {
        round();
    }
    let mut counts: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    counts.dedup();
    counts
}

fn receive(ack: AckMode, subscriptions: usize) -> Vec<u64> {
    let mut peer = Peer::new(ack, subscriptions);
    let messages = messages(subscriptions);
    steady(|| {
        let mut count = 0;
        for message in &messages {
            count += measure(|| peer.hear(message)).count_total;
        }
        peer.settle();
        count
    })
}

#[test]
fn message_costs_no_allocation() {
    for subscriptions in [1, 1_000] {
        for ack in [AckMode::Auto, AckMode::Client, AckMode::ClientIndividual] {
            let counts = receive(ack, subscriptions);
            assert_eq!(counts, [0], "{ack}, {subscriptions} subscriptions");
        }
    }
}

#[test]
fn ack_costs_the_allocation_of_its_frame_and_a_copy_of_the_id() {
    let mut peer = Peer::new(AckMode::ClientIndividual, 1);
    let messages = messages(1);
    let counts = steady(|| {
        messages.iter().for_each(|message| peer.hear(message));
        measure(|| peer.settle()).count_total
    });
    assert_eq!(counts, [2 * FRAMES as u64]);
}

#[test]
fn message_that_stays_unsettled_makes_no_difference() {
    let mut peer = Peer::new(AckMode::ClientIndividual, 1);
    let messages = messages(1);
    peer.hear(&messages[0]);
    let kept = peer.tokens.pop();
    let counts = steady(|| {
        let hear = |message: &String| measure(|| peer.hear(message)).count_total;
        let count = messages.iter().map(hear).sum();
        peer.settle();
        count
    });
    assert_eq!(counts, [0]);
    assert!(kept.is_some_and(|token| token.is_ackable()));
}

fn sends(confirmed: bool) -> Vec<Send> {
    let send = |n: usize| {
        let mut send = Send::to("/queue/a")
            .body(Bytes::from_static(b"hello"))
            .header("colour", "blue");
        send.receipt = confirmed.then(|| ReceiptId::from(format!("r{n}")));
        send
    };
    (0..FRAMES).map(send).collect()
}

#[test]
fn send_costs_the_one_allocation_of_its_frame() {
    let frames: u64 = sends(true)
        .into_iter()
        .map(|send| measure(|| drop(send.into_frame(Version::V1_2))).count_total)
        .sum();
    assert_eq!(frames, FRAMES as u64);
    for subscriptions in [1, 1_000] {
        for confirmed in [false, true] {
            let mut peer = Peer::new(AckMode::Auto, subscriptions);
            let receipts: Vec<_> = (0..FRAMES)
                .map(|n| format!("RECEIPT\nreceipt-id:r{n}\n\n\0"))
                .collect();
            let counts = steady(|| {
                let mut count = 0;
                for send in sends(confirmed) {
                    let (session, now) = (&mut peer.session, peer.now);
                    count += measure(|| session.send(send, now).expect("connected")).count_total;
                    count += measure(|| peer.write()).count_total;
                }
                if confirmed {
                    for receipt in &receipts {
                        count += measure(|| peer.hear(receipt)).count_total;
                    }
                }
                count
            });
            assert_eq!(counts, [frames], "confirmed: {confirmed}");
        }
    }
}

#[test]
fn receipt_id_is_one_allocation_and_its_text_another() {
    let mut peer = Peer::new(AckMode::Auto, 1);
    let count = measure(|| drop(peer.session.new_receipt())).count_total;
    assert_eq!(count, 2);
}

//! The work that is measured: what a session does for a message, a settlement, a SEND, and the
//! same without a session, to be subtracted.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use stomp_commands::{
    Ack, AckMode, Delivery as Named, HeartBeat, Message, Peer, Receipt, ReceiptId, Send, Subscribe,
    SubscriptionId,
};
use stomp_frame::{Command, Decoder, Encoder, Item, Limits, Side, Version};
use stomp_session::{AckToken, Config, Delivery, Event, Session, Settled, Subscriptions, With};

/// How often the work of a round is done.
pub(crate) const ROUND: usize = 1_024;

/// Messages that are not settled at a time, and SENDs that are not confirmed.
const WINDOW: usize = 128;

/// Messages that one read brings.
const READ: usize = 32;

const BODY: &[u8] = &[b'x'; 256];

/// A piece of work, done [`ROUND`] times by each call.
pub(crate) type Work = Box<dyn FnMut(&mut Meter)>;

/// One line of the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Live subscriptions.
    pub(crate) subscriptions: usize,
    pub(crate) work: Work,
    /// The same without a session.
    pub(crate) without: Work,
}

/// All lines of the table.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for subscriptions in [1, 1_000] {
        for (name, ack) in [
            ("MESSAGE, ack:auto", AckMode::Auto),
            ("MESSAGE, ack:client", AckMode::Client),
            ("MESSAGE, ack:client-individual", AckMode::ClientIndividual),
        ] {
            cases.push(Case {
                name,
                subscriptions,
                work: receive(ack, subscriptions),
                without: decode(messages(subscriptions)),
            });
        }
        cases.push(Case {
            name: "ACK, client-individual",
            subscriptions,
            work: settle(subscriptions),
            without: encode_acks(),
        });
        for (name, confirmed) in [("SEND", false), ("SEND with receipt", true)] {
            cases.push(Case {
                name,
                subscriptions,
                work: send(confirmed, subscriptions),
                without: encode_sends(confirmed),
            });
        }
        cases.push(Case {
            name: "RECEIPT",
            subscriptions,
            work: confirm(subscriptions),
            without: decode(receipts()),
        });
    }
    cases
}

/// Measures the part of a round that counts.
pub(crate) struct Meter {
    pub(crate) elapsed: Duration,
    on: bool,
}

impl Meter {
    pub(crate) fn on() -> Self {
        Self {
            elapsed: Duration::ZERO,
            on: true,
        }
    }

    /// Measures nothing, for a first round.
    pub(crate) fn off() -> Self {
        Self {
            on: false,
            ..Self::on()
        }
    }

    fn measure(&mut self, work: &mut dyn FnMut()) {
        match self.on {
            true => self.elapsed += measured(work),
            false => work(),
        }
    }
}

/// A function of its own, so that Callgrind can be told to count in here only.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Reads, each of several messages with six headers, for all subscriptions in turn.
fn messages(subscriptions: usize) -> Vec<Vec<u8>> {
    let one = |n: usize| {
        let id = format!("s{}", n % subscriptions + 1);
        let mut octets = format!(
            "MESSAGE\nsubscription:{id}\ndestination:/queue/orders\nmessage-id:T_{id}@@session-x@@{n}\n\
             ack:T_{id}@@session-x@@{n}\ncontent-type:text/plain\ncontent-length:{}\n\n",
            BODY.len()
        )
        .into_bytes();
        octets.extend_from_slice(BODY);
        octets.extend_from_slice(b"\0\n");
        octets
    };
    reads((0..ROUND).map(one))
}

fn receipts() -> Vec<Vec<u8>> {
    reads((0..ROUND).map(|n| format!("RECEIPT\nreceipt-id:r{n}\n\n\0\n").into_bytes()))
}

fn reads(frames: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let frames: Vec<_> = frames.collect();
    frames.chunks(READ).map(<[_]>::concat).collect()
}

fn decode(reads: Vec<Vec<u8>>) -> Work {
    let mut decoder = Decoder::new(Side::Server, Limits::client());
    let mut buffer = BytesMut::new();
    Box::new(move |meter| {
        for reads in reads.chunks(WINDOW / READ) {
            meter.measure(&mut || {
                for read in reads {
                    buffer.extend_from_slice(read);
                    while let Some(item) = decoder.decode(&mut buffer).expect("good frames") {
                        if let Item::Frame(frame) = item {
                            match frame.command {
                                Command::Receipt => drop(black_box(Receipt::id_in(&frame))),
                                _ => drop(black_box(Message::from_frame(frame, Version::V1_2))),
                            }
                        }
                    }
                }
            });
        }
    })
}

fn receive(ack: AckMode, subscriptions: usize) -> Work {
    let mut rig = Rig::new(ack, subscriptions);
    let reads = messages(subscriptions);
    Box::new(move |meter| {
        for reads in reads.chunks(WINDOW / READ) {
            meter.measure(&mut || rig.receive(reads));
            rig.settle();
        }
    })
}

fn settle(subscriptions: usize) -> Work {
    let mut rig = Rig::new(AckMode::ClientIndividual, subscriptions);
    let reads = messages(subscriptions);
    Box::new(move |meter| {
        for reads in reads.chunks(WINDOW / READ) {
            rig.receive(reads);
            meter.measure(&mut || rig.settle());
        }
    })
}

fn encode_acks() -> Work {
    let ids: Vec<_> = (0..ROUND)
        .map(|n| format!("T_s1@@session-x@@{n}"))
        .collect();
    let subscription = SubscriptionId::from("s1");
    let mut out = Out::new();
    Box::new(move |meter| {
        for ids in ids.chunks(WINDOW) {
            meter.measure(&mut || {
                for id in ids {
                    let mut named = Named::default();
                    named.subscription = Some(subscription.clone());
                    named.ack = Some(id.clone());
                    out.write(&Ack::of(named).into_frame(out.peer).expect("good"));
                }
            });
        }
    })
}

fn sends(confirmed: bool) -> Vec<Send> {
    let body = Bytes::from_static(BODY);
    let one = |n: usize| {
        let mut send = Send::to("/queue/orders").body(body.clone());
        send.receipt = confirmed.then(|| ReceiptId::from(format!("r{n}")));
        send.header("colour", "blue")
    };
    (0..ROUND).map(one).collect()
}

fn send(confirmed: bool, subscriptions: usize) -> Work {
    let mut rig = Rig::new(AckMode::Auto, subscriptions);
    let (sends, receipts) = (sends(confirmed), receipts());
    Box::new(move |meter| {
        for (sends, receipts) in sends.chunks(WINDOW).zip(receipts.chunks(WINDOW / READ)) {
            let mut sends = Vec::from(sends).into_iter();
            meter.measure(&mut || rig.send(&mut sends));
            if confirmed {
                rig.receive(receipts);
            }
        }
    })
}

fn confirm(subscriptions: usize) -> Work {
    let mut rig = Rig::new(AckMode::Auto, subscriptions);
    let (sends, receipts) = (sends(true), receipts());
    Box::new(move |meter| {
        for (sends, receipts) in sends.chunks(WINDOW).zip(receipts.chunks(WINDOW / READ)) {
            rig.send(&mut sends.iter().cloned());
            meter.measure(&mut || rig.receive(receipts));
        }
    })
}

fn encode_sends(confirmed: bool) -> Work {
    let sends = sends(confirmed);
    let mut out = Out::new();
    Box::new(move |meter| {
        for sends in sends.chunks(WINDOW) {
            let mut sends = Vec::from(sends).into_iter();
            meter.measure(&mut || {
                for send in &mut sends {
                    out.write(&send.into_frame(out.peer).expect("good"));
                }
            });
        }
    })
}

/// Where frames go without a session.
struct Out {
    encoder: Encoder,
    peer: Peer,
    buffer: BytesMut,
}

impl Out {
    fn new() -> Self {
        Self {
            encoder: Encoder::new(Side::Client),
            peer: Version::V1_2.into(),
            buffer: BytesMut::new(),
        }
    }

    fn write(&mut self, frame: &stomp_frame::Frame) {
        self.encoder.encode(frame, &mut self.buffer).expect("good");
        black_box(self.buffer.split().freeze());
    }
}

/// A session that is connected and has subscribed, and an application.
pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    buffer: BytesMut,
    tokens: Vec<AckToken>,
}

impl Rig {
    pub(crate) fn new(ack: AckMode, subscriptions: usize) -> Self {
        let now = Instant::now();
        let config = Config::default().heart_beat(HeartBeat::new(10_000, 10_000));
        let session = Session::connect(config, Subscriptions::new(), now);
        let mut rig = Self {
            session: session.expect("a good configuration"),
            now,
            buffer: BytesMut::new(),
            tokens: Vec::with_capacity(ROUND),
        };
        rig.hear(b"CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\0");
        for _ in 0..subscriptions {
            let subscribe = Subscribe::to("/queue/orders").ack(ack);
            rig.session.subscribe(subscribe, now).expect("connected");
            rig.write();
        }
        rig
    }

    fn receive(&mut self, reads: &[Vec<u8>]) {
        for read in reads {
            self.hear(read);
        }
    }

    fn hear(&mut self, octets: &[u8]) {
        self.now += Duration::from_micros(1);
        self.buffer.extend_from_slice(octets);
        self.session.handle_data(&mut self.buffer, self.now);
        while let Some(event) = self.session.poll_event() {
            black_box(&event);
            if let Event::Message(Delivery { token, .. }) = event
                && token.is_ackable()
            {
                self.tokens.push(token);
            }
        }
    }

    fn settle(&mut self) {
        for at in 0..self.tokens.len() {
            self.now += Duration::from_micros(1);
            let token = &self.tokens[at];
            let settled = self.session.ack(token, With::nothing(), self.now);
            assert_eq!(settled, Ok(Settled::Sent));
            self.write();
        }
        self.tokens.clear();
    }

    fn send(&mut self, sends: &mut dyn Iterator<Item = Send>) {
        for send in sends {
            self.now += Duration::from_micros(1);
            self.session.send(send, self.now).expect("connected");
            self.write();
        }
    }

    fn write(&mut self) {
        while let Some(octets) = self.session.poll_transmit(self.now) {
            black_box(octets);
        }
    }
}

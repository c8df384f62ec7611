//! The load: the same for every broker.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use stomp_frame::{Command, Encoder, Frame, Side, header};
use url::Url;

use crate::Result;
use crate::peer::Peer;

const BODY: usize = 100;
/// Messages written at one go.
const BATCH: usize = 250;
/// Messages without RECEIPT that a producer dares to have.
const WINDOW: usize = 8 * BATCH;
/// How long a round is to take.
const ROUND: Duration = Duration::from_secs(1);

/// Who sends to whom.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Two pairs, a queue each.
    Free,
    /// The same, with a RECEIPT for every message.
    Receipts,
    /// A producer, and a topic with four subscribers; deliveries count.
    Topic,
}

impl Shape {
    pub(crate) const ALL: [Self; 3] = [Self::Free, Self::Receipts, Self::Topic];

    fn producers(self) -> usize {
        match self {
            Self::Free | Self::Receipts => 2,
            Self::Topic => 1,
        }
    }

    fn consumers_of_each(self) -> usize {
        match self {
            Self::Free | Self::Receipts => 1,
            Self::Topic => 4,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Free => "2 producers, 2 queues, 2 consumers",
            Self::Receipts => "the same, with a RECEIPT for every message",
            Self::Topic => "1 producer, 1 topic, 4 subscribers: deliveries",
        })
    }
}

/// Who is measured.
pub(crate) struct Broker {
    pub(crate) name: String,
    address: SocketAddr,
    login: Option<(String, String)>,
    /// Messages a second, roughly.
    rate: usize,
}

impl Broker {
    pub(crate) fn new(name: impl Into<String>, address: SocketAddr) -> Self {
        const UNKNOWN: usize = 20_000;
        Self {
            name: name.into(),
            address,
            login: None,
            rate: UNKNOWN,
        }
    }

    fn connect(&self) -> Result<Peer> {
        let login = self.login.as_ref();
        Peer::connect(
            self.address,
            login.map(|(user, passcode)| (&**user, &**passcode)),
        )
    }
}

impl FromStr for Broker {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(argument: &str) -> Result<Self> {
        let (name, url) = argument.split_once('=').ok_or("expected NAME=URI")?;
        let url = Url::parse(url)?;
        let (host, port) = (url.host_str(), url.port());
        let (host, port) = host.zip(port).ok_or("expected a host and a port")?;
        let address = (host, port).to_socket_addrs()?.next();
        let mut broker = Self::new(name, address.ok_or("the host has no address")?);
        broker.login = url
            .password()
            .map(|passcode| (url.username().to_owned(), passcode.to_owned()));
        Ok(broker)
    }
}

/// Has messages go through the broker for about a second; returns how many a second.
pub(crate) fn measure(broker: &mut Broker, shape: Shape) -> Result<usize> {
    let messages = broker.rate * ROUND.as_millis() as usize / 1000;
    let each = (messages / shape.producers() / shape.consumers_of_each()).next_multiple_of(BATCH);
    let time = round(broker, shape, each)?;
    let total = each * shape.producers() * shape.consumers_of_each();
    let rate = (total as f64 / time.as_secs_f64()) as usize;
    broker.rate = rate.max(1000);
    Ok(rate)
}

/// Returns the time from the first SEND to the last MESSAGE and RECEIPT.
fn round(broker: &Broker, shape: Shape, each: usize) -> Result<Duration> {
    static ROUNDS: AtomicUsize = AtomicUsize::new(0);
    let round = ROUNDS.fetch_add(1, Ordering::Relaxed);
    let mut producers = Vec::new();
    let mut consumers = Vec::new();
    for number in 0..shape.producers() {
        let kind = if matches!(shape, Shape::Topic) {
            "topic"
        } else {
            "queue"
        };
        let process = std::process::id();
        let destination = format!("/{kind}/figures-{process}-{round}-{number}");
        for number in 0..shape.consumers_of_each() {
            consumers.push(consumer(broker, &destination, number)?);
        }
        producers.push((broker.connect()?, batch(&destination, shape)?));
    }
    let begin = Barrier::new(producers.len() + consumers.len() + 1);
    thread::scope(|scope| {
        let mut threads: Vec<ScopedJoinHandle<'_, Result<Peer>>> = Vec::new();
        for mut consumer in consumers {
            let begin = &begin;
            threads.push(scope.spawn(move || {
                begin.wait();
                consumer.await_frames(Command::Message, each)?;
                Ok(consumer)
            }));
        }
        for (mut producer, batch) in producers {
            let begin = &begin;
            threads.push(scope.spawn(move || {
                begin.wait();
                produce(&mut producer, &batch, shape, each)?;
                Ok(producer)
            }));
        }
        begin.wait();
        let start = Instant::now();
        // Nobody leaves before all are done: some brokers forget what a client sent that has left.
        let peers: Result<Vec<Peer>> = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a client panicked")?)
            .collect();
        let time = start.elapsed();
        peers.map(|_| time)
    })
}

/// Subscribes. Not every broker gives a RECEIPT for that, but all go through the frames of a
/// connection in order: who gets the message of a later subscription has the earlier one.
fn consumer(broker: &Broker, destination: &str, number: usize) -> Result<Peer> {
    let mut peer = broker.connect()?;
    let probe = format!("/queue/probe-{number}-of-{}", destination.replace('/', "."));
    for (id, destination) in [("0", destination), ("1", &probe)] {
        let subscribe = Frame::new(Command::Subscribe)
            .header(header::ID, id)
            .header(header::DESTINATION, destination)
            .header(header::ACK, "auto");
        peer.write(&encode(&subscribe)?)?;
    }
    let send = Frame::new(Command::Send).header(header::DESTINATION, probe);
    peer.write(&encode(&send.body("here?"))?)?;
    peer.await_frames(Command::Message, 1)?;
    Ok(peer)
}

fn produce(peer: &mut Peer, batch: &[u8], shape: Shape, count: usize) -> Result<()> {
    let mut waiting = 0;
    for _ in 0..count / BATCH {
        peer.write(batch)?;
        if matches!(shape, Shape::Receipts) {
            waiting += BATCH;
            while waiting >= WINDOW {
                waiting -= peer.read(Command::Receipt)?;
            }
        }
    }
    peer.await_frames(Command::Receipt, waiting)
}

/// The frames that are written at one go.
fn batch(destination: &str, shape: Shape) -> Result<Vec<u8>> {
    let mut send = Frame::new(Command::Send)
        .header(header::DESTINATION, destination)
        .body(vec![b'x'; BODY]);
    if matches!(shape, Shape::Receipts) {
        send = send.header(header::RECEIPT, "sent");
    }
    Ok(encode(&send)?.repeat(BATCH))
}

fn encode(frame: &Frame) -> Result<Vec<u8>> {
    let mut octets = BytesMut::new();
    Encoder::new(Side::Client).encode(frame, &mut octets)?;
    Ok(octets.into())
}

//! A connection that delivers late, in pieces, and breaks anywhere; and who listens in on it.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use stomp_frame::{Command, DecodeError, Decoder, Frame, Item, Limits, Side, Version, header};
use stomp_testbroker::ConnectionId;

/// Both directions of a connection.
pub(crate) struct Link {
    pub(crate) id: ConnectionId,
    pub(crate) up: Pipe,
    pub(crate) down: Pipe,
    pub(crate) wiretap: Wiretap,
    /// Nothing arrives any more, and nobody is told.
    pub(crate) dark: bool,
}

impl Link {
    pub(crate) fn new(id: ConnectionId, now: Instant) -> Self {
        Self {
            id,
            up: Pipe::new(now),
            down: Pipe::new(now),
            wiretap: Wiretap::new(),
            dark: false,
        }
    }

    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        let arrivals = [self.up.next_arrival(), self.down.next_arrival()];
        arrivals.into_iter().flatten().min().filter(|_| !self.dark)
    }
}

/// One direction.
pub(crate) struct Pipe {
    under_way: VecDeque<(Instant, Bytes)>,
    last: Instant,
}

impl Pipe {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            under_way: VecDeque::new(),
            last: now,
        }
    }

    /// Takes octets, which will arrive in their order, in two pieces.
    pub(crate) fn push(&mut self, mut octets: Bytes, now: Instant, rng: &mut Rng) {
        let head = octets.split_to(rng.usize(0..=octets.len()));
        for piece in [head, octets] {
            let arrival = now + Duration::from_micros(rng.u64(0..5_000));
            self.last = self.last.max(arrival);
            self.under_way.push_back((self.last, piece));
        }
    }

    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.under_way.front().map(|(arrival, _)| *arrival)
    }

    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Bytes> {
        if self.next_arrival()? > now {
            return None;
        }
        self.under_way.pop_front().map(|(_, piece)| piece)
    }

    /// Breaks: of what is under way, some still arrives.
    pub(crate) fn cut(&mut self, rng: &mut Rng) -> BytesMut {
        let mut rest = BytesMut::new();
        for (_, piece) in self.under_way.drain(..) {
            rest.extend_from_slice(&piece);
        }
        rest.truncate(rng.usize(0..=rest.len()));
        rest
    }
}

/// Reads along, and notes what has no place on this connection.
pub(crate) struct Wiretap {
    up: Decoder,
    up_buffer: BytesMut,
    down: Decoder,
    down_buffer: BytesMut,
    version: Version,
    /// What the broker delivered on this connection, by what names it in an ACK.
    delivered: HashSet<String>,
    /// The order in which it did.
    pub(crate) order: VecDeque<String>,
    begun: HashSet<String>,
    pub(crate) stale_acks: u64,
    pub(crate) stale_transactions: u64,
    pub(crate) subscribed: Vec<String>,
}

impl Wiretap {
    pub(crate) fn new() -> Self {
        Self {
            up: Decoder::new(Side::Client, Limits::client()),
            up_buffer: BytesMut::new(),
            down: Decoder::new(Side::Server, Limits::client()),
            down_buffer: BytesMut::new(),
            version: Version::V1_2,
            delivered: HashSet::new(),
            order: VecDeque::new(),
            begun: HashSet::new(),
            stale_acks: 0,
            stale_transactions: 0,
            subscribed: Vec::new(),
        }
    }

    /// Reads what the client writes.
    pub(crate) fn hear_client(&mut self, octets: &[u8]) {
        self.up_buffer.extend_from_slice(octets);
        while let Some(frame) =
            next_frame(&mut self.up, &mut self.up_buffer).expect("a session writes STOMP")
        {
            self.note(&frame);
        }
    }

    /// Reads what arrives at the client, up to what is no frame.
    pub(crate) fn hear_broker(&mut self, octets: &[u8]) {
        self.down_buffer.extend_from_slice(octets);
        while let Ok(Some(frame)) = next_frame(&mut self.down, &mut self.down_buffer) {
            match frame.command {
                Command::Connected => {
                    let version = frame.headers.get(header::VERSION);
                    self.version = version.map_or(Version::V1_0, |v| v.parse().expect("a version"));
                    self.up.set_version(self.version);
                    self.down.set_version(self.version);
                }
                Command::Message => {
                    let id = frame.headers.get(header::MESSAGE_ID).expect("an id");
                    self.order.push_back(id.to_owned());
                    self.delivered.extend(self.name(&frame, header::ACK));
                }
                _ => {}
            }
        }
    }

    fn note(&mut self, frame: &Frame) {
        let transaction = frame.headers.get(header::TRANSACTION).map(str::to_owned);
        match (frame.command, transaction) {
            (Command::Begin, Some(transaction)) => {
                self.begun.insert(transaction);
            }
            (_, Some(transaction)) if !self.begun.contains(&transaction) => {
                self.stale_transactions += 1;
            }
            _ => {}
        }
        if matches!(frame.command, Command::Ack | Command::Nack) {
            let name = self.name(frame, header::ID).expect("an id");
            self.stale_acks += u64::from(!self.delivered.contains(&name));
        }
        if frame.command == Command::Subscribe {
            let id = frame.headers.get(header::ID).map(str::to_owned);
            self.subscribed.extend(id);
        }
    }

    /// What names a message: in 1.2 a header of its own, before its id and subscription.
    fn name(&self, frame: &Frame, own: &str) -> Option<String> {
        if self.version == Version::V1_2 {
            return frame.headers.get(own).map(str::to_owned);
        }
        let [id, subscription] =
            [header::MESSAGE_ID, header::SUBSCRIPTION].map(|name| frame.headers.get(name));
        Some(format!("{}@{}", id?, subscription.unwrap_or_default()))
    }
}

fn next_frame(decoder: &mut Decoder, buffer: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
    loop {
        match decoder.decode(buffer)? {
            Some(Item::Frame(frame)) => return Ok(Some(frame)),
            Some(_) => {}
            None => return Ok(None),
        }
    }
}

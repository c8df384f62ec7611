//! The stage on which a script is played: a broker, its clients, and a clock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use stomp_frame::{Command, Decoder, Encoder, Frame, Item, Side, Version, header};
use stomp_testbroker::{Broker, Config, ConnectionId};

use crate::pattern::assign;
use crate::script::{Expect, ScriptFrame, Step, any_head, decode_base64};

/// The broker, its clients by name, and the clock.
pub(crate) struct Stage {
    broker: Broker,
    start: Instant,
    now: Instant,
    clients: BTreeMap<String, Client>,
    captured: HashMap<String, String>,
}

/// What a client has got and nobody asked for yet.
struct Client {
    id: ConnectionId,
    version: Version,
    decoder: Decoder,
    buffer: BytesMut,
    pending: VecDeque<Option<Frame>>, // `None` is one line end
    closed: bool,
}

impl Stage {
    pub(crate) fn new(config: Config) -> Self {
        let start = Instant::now();
        Self {
            broker: Broker::new(config),
            start,
            now: start,
            clients: BTreeMap::new(),
            captured: HashMap::new(),
        }
    }

    pub(crate) fn play(&mut self, step: &Step) -> Result<(), String> {
        if !step.is_known() {
            return Err("nobody knows what to do".into());
        }
        if let Some(ms) = step.at_ms {
            self.advance(self.start + Duration::from_millis(ms))?;
        }
        if !self.clients.contains_key(&step.conn) {
            let id = self.broker.handle_open(self.now);
            self.clients.insert(step.conn.clone(), Client::new(id));
        }
        let id = self.clients[&step.conn].id;
        if let Some(frame) = &step.client {
            let wire = self.encode(frame, self.clients[&step.conn].version)?;
            self.broker.handle_data(id, &wire, self.now);
        }
        if let Some(raw) = &step.client_raw {
            self.broker.handle_data(id, &decode_base64(raw)?, self.now);
        }
        if let Some(count) = step.client_eol {
            self.broker
                .handle_data(id, "\n".repeat(count).as_bytes(), self.now);
        }
        if step.client_close == Some(true) {
            self.collect()?;
            self.broker.handle_close(id, self.now);
        }
        self.collect()?;
        match &step.expect {
            Some(expect) => self.check(&step.conn, expect),
            None => Ok(()),
        }
    }

    /// Moves the clock, and fires the timers that are due on the way, in order.
    fn advance(&mut self, to: Instant) -> Result<(), String> {
        while let Some((due, id)) = self.broker.poll_next_timeout()
            && due <= to
        {
            self.now = self.now.max(due);
            self.broker.handle_timeout(id, self.now);
            self.collect()?;
        }
        self.now = to;
        Ok(())
    }

    /// Hands all output of the broker to the clients.
    fn collect(&mut self) -> Result<(), String> {
        for client in self.clients.values_mut() {
            while let Some(octets) = self.broker.poll_transmit(client.id, self.now) {
                client.receive(&octets)?;
            }
            if !client.closed && self.broker.poll_close(client.id) {
                client.closed = true;
                self.broker.handle_close(client.id, self.now);
            }
        }
        Ok(())
    }

    fn encode(&self, frame: &ScriptFrame, version: Version) -> Result<BytesMut, String> {
        let command = frame.command.parse::<Command>();
        let mut built = Frame::new(command.map_err(|e| e.to_string())?);
        for (name, value) in &frame.headers {
            let value = match value.strip_prefix('$') {
                Some(_) => self.captured.get(value).unwrap_or(value),
                None => value,
            };
            built.headers.append(name, value);
        }
        built.body = decode_base64(&frame.body)?.into();
        let mut wire = BytesMut::new();
        Encoder::new(Side::Client)
            .version(version)
            .encode(&built, &mut wire)
            .map_err(|error| format!("cannot play {}: {error}", frame.command))?;
        Ok(wire)
    }

    fn check(&mut self, name: &str, expect: &Expect) -> Result<(), String> {
        if !expect.is_known() {
            return Err("nobody knows what is expected".into());
        }
        let client = self.clients.get_mut(name).ok_or("no such connection")?;
        if let Some(pattern) = &expect.frame {
            let frame = client.next_frame()?;
            pattern.matches(&frame, &mut self.captured)?;
        }
        if let Some(patterns) = &expect.unordered {
            let mut frames = Vec::new();
            for _ in patterns {
                frames.push(client.next_frame()?);
            }
            assign(patterns, frames, &mut self.captured)?;
        }
        for _ in 0..expect.eol.unwrap_or(0) {
            match client.pending.pop_front() {
                Some(None) => {}
                Some(Some(frame)) => return Err(format!("expected a heart-beat, got {frame:?}")),
                None => return Err("expected a heart-beat, got nothing".into()),
            }
        }
        if expect.close == Some(true) {
            if expect.error_ok
                && let Some(Some(frame)) = client.pending.front()
                && frame.command == Command::Error
            {
                client.pending.pop_front();
            }
            client.check_empty()?;
            if !client.closed {
                return Err("expected the end of the connection".into());
            }
        }
        if expect.nothing == Some(true) {
            client.check_empty()?;
            if client.closed {
                return Err("expected nothing, got the end of the connection".into());
            }
        }
        if let Some(names) = &expect.distinct {
            let values: Vec<_> = names.iter().map(|name| self.captured.get(name)).collect();
            for (at, value) in values.iter().enumerate() {
                if value.is_none() || values[..at].contains(value) {
                    return Err(format!("{names:?} are not distinct: {values:?}"));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn check_nothing_left(&self) -> Result<(), String> {
        for (name, client) in &self.clients {
            client
                .check_empty()
                .map_err(|failure| format!("at the end, {name}: {failure}"))?;
        }
        Ok(())
    }
}

impl Client {
    fn new(id: ConnectionId) -> Self {
        Self {
            id,
            version: Version::V1_2,
            decoder: Decoder::new(Side::Server, any_head().body(u64::MAX)),
            buffer: BytesMut::new(),
            pending: VecDeque::new(),
            closed: false,
        }
    }

    fn receive(&mut self, octets: &[u8]) -> Result<(), String> {
        self.buffer.extend_from_slice(octets);
        while let Some(item) = self
            .decoder
            .decode(&mut self.buffer)
            .map_err(|error| format!("the broker sent something that is not STOMP: {error}"))?
        {
            match item {
                Item::Frame(frame) => {
                    if frame.command == Command::Connected {
                        let version = frame.headers.get(header::VERSION).unwrap_or("1.0");
                        self.version = version.parse().map_err(|_| "bad version")?;
                        self.decoder.set_version(self.version);
                    }
                    self.pending.push_back(Some(frame));
                }
                Item::HeartBeat(count) => self.pending.extend(vec![None; count]),
                _ => return Err("an item of a new kind".into()),
            }
        }
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Frame, String> {
        match self.pending.pop_front() {
            Some(Some(frame)) => Ok(frame),
            Some(None) => Err("expected a frame, got a heart-beat".into()),
            None if self.closed => Err("expected a frame, got the end of the connection".into()),
            None => Err("expected a frame, got nothing".into()),
        }
    }

    fn check_empty(&self) -> Result<(), String> {
        match self.pending.front() {
            None => Ok(()),
            Some(item) => Err(format!("nobody expected {item:?}")),
        }
    }
}

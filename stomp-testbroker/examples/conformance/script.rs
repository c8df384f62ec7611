//! One script: what its clients send, and what the broker has to answer.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::BytesMut;
use serde::Deserialize;
use serde_json::Value;
use stomp_commands::HeartBeat;
use stomp_frame::{Command, Decoder, Encoder, Frame, Item, Limits, Side, Version, header};
use stomp_testbroker::{Broker, Config, ConnectionId, NackPolicy};

/// What came of the scripts played so far.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    /// One text for each failed script: its id, and what was wrong.
    pub(crate) failures: Vec<String>,
    /// Lines that are scripts of another kind, or cases for a codec.
    pub(crate) left_out: usize,
}

impl Report {
    /// Plays each script of kind `broker` in a file of JSON lines.
    pub(crate) fn run(&mut self, file: &str, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() {
                continue;
            }
            match parse(line) {
                Ok(None) => self.left_out += 1,
                Ok(Some(script)) => match survive(|| script.run()) {
                    Ok(()) => self.passed += 1,
                    Err(failure) => self.failures.push(format!("{}: {failure}", script.id)),
                },
                Err(error) => {
                    let failure = format!("{file}:{number}: not a script: {error}");
                    self.failures.push(failure);
                }
            }
        }
    }
}

/// Makes a panic a failure like any other, so that the other scripts have their turn.
fn survive(play: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    std::panic::catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(|_| Err("it panics".into()))
}

/// Reads a line; `None` is a script of another kind, or a case for a codec.
fn parse(line: &str) -> serde_json::Result<Option<Script>> {
    let value: Value = serde_json::from_str(line)?;
    let is_script = value.get("steps").is_some();
    let is_case = value.get("wire").is_some() || value.get("frames").is_some();
    match value.get("kind").and_then(Value::as_str) {
        Some(kind) if is_script && kind != "broker" => Ok(None),
        None if is_case => Ok(None),
        _ => Script::deserialize(value).map(Some),
    }
}

#[derive(Deserialize)]
struct Script {
    id: String,
    #[serde(default)]
    config: ScriptConfig,
    steps: Vec<Step>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ScriptConfig {
    versions: Option<Vec<String>>,
    heart_beat: Option<(u64, u64)>,
    tolerance: Option<f64>,
    users: BTreeMap<String, String>,
    nack: Option<String>,
    limits: ScriptLimits,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ScriptLimits {
    max_headers: Option<usize>,
    max_header_line: Option<usize>,
    max_body: Option<u64>,
}

/// One line of the script: an act of a client, or an expectation. Fields that the schema does not
/// name are remarks.
#[derive(Deserialize)]
struct Step {
    at_ms: Option<u64>,
    conn: String,
    client: Option<ScriptFrame>,
    client_raw: Option<String>,
    client_eol: Option<usize>,
    client_close: Option<bool>,
    expect: Option<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFrame {
    command: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    frame: Option<Pattern>,
    unordered: Option<Vec<Pattern>>,
    eol: Option<usize>,
    close: Option<bool>,
    error_ok: bool,
    nothing: Option<bool>,
    distinct: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    command: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    all: BTreeMap<String, Vec<String>>,
    body: Option<String>,
}

impl Step {
    /// Whether anything is done or expected.
    fn is_known(&self) -> bool {
        self.client.is_some()
            || self.client_raw.is_some()
            || self.client_eol.is_some()
            || self.client_close.is_some()
            || self.expect.is_some()
    }
}

impl Expect {
    fn is_known(&self) -> bool {
        self.frame.is_some()
            || self.unordered.is_some()
            || self.eol.is_some()
            || self.close.is_some()
            || self.nothing.is_some()
            || self.distinct.is_some()
    }
}

impl Script {
    fn run(&self) -> Result<(), String> {
        let mut stage = Stage::new(self.config.build()?);
        for (number, step) in self.steps.iter().enumerate() {
            stage
                .play(step)
                .map_err(|failure| format!("step {}: {failure}", number + 1))?;
        }
        stage.check_nothing_left()
    }
}

impl ScriptConfig {
    fn build(&self) -> Result<Config, String> {
        let mut config = Config::default();
        if let Some(versions) = &self.versions {
            config.versions = versions
                .iter()
                .map(|version| version.parse::<Version>().map_err(|e| e.to_string()))
                .collect::<Result<_, _>>()?;
        }
        if let Some((send, receive)) = self.heart_beat {
            config.heart_beat = HeartBeat::new(send, receive);
        }
        config.dead_percent = self
            .tolerance
            .map(|periods| (periods * 100.0).round() as u32);
        config.logins = self.users.clone();
        config.nack = match self.nack.as_deref() {
            None => None,
            Some("drop") => Some(NackPolicy::Drop),
            Some("requeue") => Some(NackPolicy::Requeue),
            Some(other) => return Err(format!("unknown nack policy {other:?}")),
        };
        for limits in [
            &mut config.caps.frame_before_connect,
            &mut config.caps.frame,
        ] {
            let script = &self.limits;
            *limits = any_head()
                .headers(script.max_headers.unwrap_or(usize::MAX))
                .header_line(script.max_header_line.unwrap_or(usize::MAX))
                .body(script.max_body.unwrap_or(64 << 20));
        }
        // Scripts have no words for any other cap.
        config.caps.connect_time = Some(Duration::from_secs(365 * 24 * 3600));
        config.caps.output = usize::MAX;
        config.caps.subscriptions = usize::MAX;
        config.caps.transactions = usize::MAX;
        config.caps.transaction_frames = usize::MAX;
        Ok(config)
    }
}

/// Scripts limit nothing but what they name.
fn any_head() -> Limits {
    Limits::server()
        .headers(usize::MAX)
        .header_line(usize::MAX)
        .head(usize::MAX)
}

/// The broker, its clients by name, and the clock.
struct Stage {
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
    fn new(config: Config) -> Self {
        let start = Instant::now();
        Self {
            broker: Broker::new(config),
            start,
            now: start,
            clients: BTreeMap::new(),
            captured: HashMap::new(),
        }
    }

    fn play(&mut self, step: &Step) -> Result<(), String> {
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

    fn check_nothing_left(&self) -> Result<(), String> {
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

impl Pattern {
    fn matches(&self, frame: &Frame, captured: &mut HashMap<String, String>) -> Result<(), String> {
        if frame.command.as_str() != self.command {
            return Err(format!("expected {}, got {frame:?}", self.command));
        }
        for (name, expected) in &self.headers {
            let Some(value) = frame.headers.get(name) else {
                return Err(format!("no header {name:?} in {frame:?}"));
            };
            let fits = match expected.as_str() {
                "*" => true,
                variable if variable.starts_with('$') => {
                    let known = captured.entry(variable.to_owned());
                    known.or_insert_with(|| value.to_owned()) == value
                }
                text => text == value,
            };
            if !fits {
                return Err(format!("{name} is not {expected:?} in {frame:?}"));
            }
        }
        for name in &self.absent {
            if frame.headers.contains(name) {
                return Err(format!("header {name:?} should be absent in {frame:?}"));
            }
        }
        for (name, expected) in &self.all {
            if !frame
                .headers
                .get_all(name)
                .eq(expected.iter().map(String::as_str))
            {
                return Err(format!("all {name} are not {expected:?} in {frame:?}"));
            }
        }
        match &self.body {
            Some(body) if decode_base64(body)? != frame.body => {
                Err(format!("wrong body of {frame:?}"))
            }
            _ => Ok(()),
        }
    }
}

/// Finds a frame for every pattern.
fn assign(
    patterns: &[Pattern],
    mut frames: Vec<Frame>,
    captured: &mut HashMap<String, String>,
) -> Result<(), String> {
    let Some((pattern, rest)) = patterns.split_first() else {
        return Ok(());
    };
    let mut failure = String::new();
    for at in 0..frames.len() {
        let mut attempt = captured.clone();
        let frame = frames.remove(at);
        let result = pattern
            .matches(&frame, &mut attempt)
            .and_then(|()| assign(rest, frames.clone(), &mut attempt));
        frames.insert(at, frame);
        match result {
            Ok(()) => {
                *captured = attempt;
                return Ok(());
            }
            Err(reason) => failure = reason,
        }
    }
    Err(failure)
}

fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(text).map_err(|error| error.to_string())
}

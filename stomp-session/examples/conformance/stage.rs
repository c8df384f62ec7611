//! The stage on which a script is played: a session, a clock, and what came out so far.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use serde_json::Value;
use stomp_commands::{Abort, AckMode, Begin, Commit, Disconnect, Send, Subscribe};
use stomp_frame::{Decoder, Encoder, Frame, Item, Side, Version};
use stomp_session::{
    AckToken, Config, Event, Session, SessionState, SubscriptionKey, Subscriptions, UsageError,
    With,
};

use crate::pattern::assign;
use crate::script::{Expect, ScriptFrame, Step, any_head, decode_base64};
use crate::words::{describe, list_all_received, name_refusal, take_typed_headers};

pub(crate) struct Stage {
    config: Config,
    session: Option<Session>,
    start: Instant,
    now: Instant,
    /// What the session wrote and nobody asked for yet; `None` is one line end.
    output: VecDeque<Option<Frame>>,
    decoder: Decoder,
    written: BytesMut,
    /// What the server wrote and the session has not understood yet.
    read: BytesMut,
    /// Events, as the scripts name them.
    events: VecDeque<(&'static str, Value)>,
    /// Outstanding receipts of frames that the server is known to have received, in their order.
    received: Vec<String>,
    /// Messages by id, and by subscription as well: the same message may come on two.
    tokens: HashMap<String, Vec<(Option<String>, AckToken)>>,
    /// Subscriptions by id, and without one by destination.
    subscriptions: HashMap<Named, SubscriptionKey>,
    captured: HashMap<String, String>,
}

/// How a script names a subscription.
#[derive(PartialEq, Eq, Hash)]
enum Named {
    Id(String),
    Destination(String),
}

impl Named {
    fn of(step: &Step) -> Self {
        match &step.id {
            Some(id) => Self::Id(id.clone()),
            None => Self::Destination(step.destination.clone().unwrap_or_default()),
        }
    }
}

impl Stage {
    pub(crate) fn new(config: Config) -> Self {
        let start = Instant::now();
        Self {
            config,
            session: None,
            start,
            now: start,
            output: VecDeque::new(),
            decoder: Decoder::new(Side::Client, any_head().body(u64::MAX)),
            written: BytesMut::new(),
            read: BytesMut::new(),
            events: VecDeque::new(),
            received: Vec::new(),
            tokens: HashMap::new(),
            subscriptions: HashMap::new(),
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
        if let Some(act) = &step.act {
            match (self.act(act, step), &step.refuse) {
                (Ok(()), None) => {}
                (Ok(()), Some(kind)) => return Err(format!("{act} was not refused ({kind})")),
                (Err(refusal), Some(kind)) if refusal == *kind => {}
                (Err(refusal), _) => return Err(format!("{act} was refused: {refusal}")),
            }
        }
        if let Some(frame) = &step.server {
            let octets = self.encode(frame)?;
            self.hear(&octets)?;
        }
        if let Some(raw) = &step.server_raw {
            self.hear(&decode_base64(raw)?)?;
        }
        if let Some(count) = step.server_eol {
            self.hear("\n".repeat(count).as_bytes())?;
        }
        if step.server_close == Some(true) {
            let now = self.now;
            self.session()?.handle_eof(now);
        }
        self.collect()?;
        match &step.expect {
            Some(expect) => self.check(expect),
            None => Ok(()),
        }
    }

    pub(crate) fn check_nothing_left(&self) -> Result<(), String> {
        self.check_no_output()?;
        match self.events.front() {
            Some(event) => Err(format!("nobody expected {event:?}")),
            None => Ok(()),
        }
    }

    fn check_no_output(&self) -> Result<(), String> {
        match self.output.front() {
            Some(item) => Err(format!("nobody expected {item:?}")),
            None => Ok(()),
        }
    }

    /// Moves the clock, and fires the timers that are due on the way, in order.
    fn advance(&mut self, to: Instant) -> Result<(), String> {
        while let Some(session) = &mut self.session
            && let Some(due) = session.poll_timeout()
            && due <= to
        {
            self.now = self.now.max(due);
            session.handle_timeout(self.now);
            self.collect()?;
        }
        self.now = to;
        Ok(())
    }

    fn session(&mut self) -> Result<&mut Session, String> {
        self.session
            .as_mut()
            .ok_or("there is no session yet".into())
    }

    fn hear(&mut self, octets: &[u8]) -> Result<(), String> {
        self.read.extend_from_slice(octets);
        let session = self.session.as_mut().ok_or("there is no session yet")?;
        session.handle_data(&mut self.read, self.now);
        self.collect()
    }

    fn encode(&self, frame: &ScriptFrame) -> Result<BytesMut, String> {
        let mut octets = BytesMut::new();
        Encoder::new(Side::Server)
            .version(self.version())
            .encode(&frame.build(&self.captured)?, &mut octets)
            .map_err(|error| format!("cannot play the server's frame: {error}"))?;
        Ok(octets)
    }

    fn version(&self) -> Version {
        let connection = self.session.as_ref().and_then(Session::connection);
        connection.map_or(Version::V1_2, |connection| connection.version)
    }

    /// Takes what the session writes and reports.
    fn collect(&mut self) -> Result<(), String> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        while let Some(octets) = session.poll_transmit(self.now) {
            self.written.extend_from_slice(&octets);
        }
        while let Some(item) = self
            .decoder
            .decode(&mut self.written)
            .map_err(|error| format!("the session wrote something that is not STOMP: {error}"))?
        {
            match item {
                Item::Frame(frame) => self.output.push_back(Some(frame)),
                Item::HeartBeat(count) => self.output.extend(vec![None; count]),
                _ => return Err("an item of a new kind".into()),
            }
        }
        while let Some(event) = session.poll_event() {
            let wire_id = |key| session.wire_id(key).map(|id| id.as_str().to_owned());
            if let Event::Connected(connection) = &event {
                self.decoder.set_version(connection.version);
            }
            if let Event::Message(delivery) = &event {
                let id = delivery.message.message_id().to_owned();
                let entry = (wire_id(delivery.subscription), delivery.token.clone());
                self.tokens.entry(id).or_default().push(entry);
            }
            let mut described = describe(event, wire_id);
            if let Some(("receipt", fields)) = &mut described {
                list_all_received(fields, &mut self.received);
            }
            self.events.extend(described);
        }
        Ok(())
    }

    /// Does what the application does. The error is why it was refused.
    fn act(&mut self, act: &str, step: &Step) -> Result<(), String> {
        if act == "connect" {
            return self.connect(step);
        }
        let now = self.now;
        let token = step.message.as_deref().map(|id| self.token(id, step));
        let known = self.subscriptions.get(&Named::of(step)).copied();
        let Some(session) = &mut self.session else {
            return Err("not-connected".into());
        };
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let headers = step.headers.iter().map(|(n, v)| (n, v));
        let mut with = With::nothing();
        with.transaction = step.transaction.as_deref().map(Into::into);
        with.receipt = step.receipt.as_deref().map(Into::into);
        with.headers = headers.clone().collect();
        let receipt = with.receipt.clone();
        let result = match act {
            "send" => {
                let mut send = Send::to(text(&step.destination)).body(decode_base64(&step.body)?);
                send.transaction = with.transaction;
                send.receipt = receipt;
                send.headers = with.headers;
                take_typed_headers(&mut send);
                session.send(send, now)
            }
            "subscribe" => {
                let mut subscribe = Subscribe::to(text(&step.destination));
                subscribe.id = step.id.as_deref().map(Into::into);
                if let Some(mode) = &step.ack {
                    let mode = mode.parse::<AckMode>();
                    subscribe.ack = mode.map_err(|_| "bad-ack-mode")?;
                }
                subscribe.receipt = receipt;
                subscribe.headers = with.headers;
                session.subscribe(subscribe, now).map(|key| {
                    self.subscriptions.insert(Named::of(step), key);
                })
            }
            "unsubscribe" => match known {
                Some(key) => session.unsubscribe(key, with, now),
                // Nobody can name a subscription that was never made.
                None if session.state() == SessionState::Connected => {
                    return Err("unknown-subscription".into());
                }
                None => Err(UsageError::NotConnected),
            },
            "ack" | "nack" => match token.flatten() {
                Some(token) if act == "ack" => session.ack(&token, with, now).map(drop),
                Some(token) => session.nack(&token, with, now).map(drop),
                // Nobody can name a message that never came.
                None if session.state() == SessionState::Connected => {
                    return Err("unknown-message".into());
                }
                None => Err(UsageError::NotConnected),
            },
            "begin" => {
                let mut begin = Begin::new(text(&step.transaction));
                (begin.receipt, begin.headers) = (receipt, with.headers);
                session.begin(begin, now)
            }
            "commit" => {
                let mut commit = Commit::new(text(&step.transaction));
                (commit.receipt, commit.headers) = (receipt, with.headers);
                session.commit(commit, now)
            }
            "abort" => {
                let mut abort = Abort::new(text(&step.transaction));
                (abort.receipt, abort.headers) = (receipt, with.headers);
                session.abort(abort, now)
            }
            "disconnect" => {
                let mut disconnect = Disconnect::new();
                (disconnect.receipt, disconnect.headers) = (receipt, with.headers);
                session.disconnect(disconnect, now)
            }
            other => return Err(format!("nobody knows how to {other}")),
        };
        result.map_err(|error| name_refusal(&error))
    }

    fn connect(&mut self, step: &Step) -> Result<(), String> {
        // A session connects by being made, so that there is no second time.
        if self.session.is_some() {
            return Err("already-connected".into());
        }
        let mut config = self.config.clone();
        config.headers.extend(step.headers.iter().cloned());
        let session = Session::connect(config, Subscriptions::new(), self.now);
        self.session = Some(session.map_err(|error| name_refusal(&error))?);
        Ok(())
    }

    fn token(&self, message: &str, step: &Step) -> Option<AckToken> {
        let entries = self.tokens.get(message)?;
        let found = entries.iter().rev().find(|(subscription, _)| {
            step.subscription.is_none() || *subscription == step.subscription
        });
        found.map(|(_, token)| token.clone())
    }

    fn check(&mut self, expect: &Expect) -> Result<(), String> {
        if !expect.is_known() {
            return Err("nobody knows what is expected".into());
        }
        if let Some(pattern) = &expect.frame {
            let frame = self.next_frame()?;
            pattern.matches(&frame, &mut self.captured)?;
        }
        if let Some(patterns) = &expect.unordered {
            let frames = patterns.iter().map(|_| self.next_frame());
            let frames = frames.collect::<Result<Vec<_>, _>>()?;
            assign(patterns, frames, &mut self.captured)?;
        }
        for _ in 0..expect.eol.unwrap_or(0) {
            match self.output.pop_front() {
                Some(None) => {}
                other => return Err(format!("expected a heart-beat, got {other:?}")),
            }
        }
        if let Some(name) = &expect.event {
            let event = self.events.pop_front();
            let Some((_, fields)) = event.as_ref().filter(|(event, _)| event == name) else {
                return Err(format!("expected event {name}, got {event:?}"));
            };
            for (field, value) in &expect.fields {
                if fields.get(field).unwrap_or(&Value::Null) != value {
                    return Err(format!("{field} is not {value} in {fields}"));
                }
            }
        }
        self.check_session(expect)?;
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

    fn check_session(&mut self, expect: &Expect) -> Result<(), String> {
        let state = match self.session.as_ref().map(Session::state) {
            None => "idle",
            Some(SessionState::Connecting) => "connecting",
            Some(SessionState::Connected) => "connected",
            Some(SessionState::Disconnecting) => "disconnecting",
            Some(SessionState::Closed) => "closed",
        };
        if let Some(expected) = &expect.state
            && expected != state
        {
            return Err(format!("expected state {expected}, it is {state}"));
        }
        if let Some(expected) = &expect.pending_receipts {
            let pending = self.session.iter().flat_map(Session::pending_receipts);
            let pending: Vec<_> = pending.map(|id| id.as_str()).collect();
            if pending != *expected {
                return Err(format!(
                    "expected to wait for {expected:?}, not {pending:?}"
                ));
            }
        }
        if expect.close == Some(true) && state != "closed" {
            return Err(format!("expected the session to be closed, it is {state}"));
        }
        if expect.close == Some(true) {
            self.check_no_output()?;
        }
        if expect.nothing == Some(true) {
            self.check_nothing_left()?;
            if state == "closed" {
                return Err("expected nothing, but the session was closed".into());
            }
        }
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Frame, String> {
        match self.output.pop_front() {
            Some(Some(frame)) => Ok(frame),
            Some(None) => Err("expected a frame, got a heart-beat".into()),
            None => Err("expected a frame, got nothing".into()),
        }
    }
}

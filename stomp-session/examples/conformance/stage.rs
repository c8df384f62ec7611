//! The stage on which a script is played: a session, a clock, and what came out so far.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use serde_json::{Value, json};
use stomp_commands::{
    Abort, AckMode, Begin, CommandError, Commit, Disconnect, FrameError, Send, Subscribe,
};
use stomp_frame::{
    DecodeErrorKind, Decoder, EncodeError, Encoder, Frame, Item, Side, Version, header,
};
use stomp_session::{
    AckToken, CloseReason, Config, Event, Misbehaviour, Session, SessionState, SubscriptionKey,
    Subscriptions, UsageError, With,
};

use crate::script::{Expect, Pattern, ScriptFrame, Step, any_head, decode_base64, encode_base64};

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

/// The session says once that a frame was received; the scripts list it with every RECEIPT of a
/// later frame, until it has its own.
fn list_all_received(receipt: &mut Value, received: &mut Vec<String>) {
    let texts = receipt["also_received"].as_array().into_iter().flatten();
    received.extend(texts.filter_map(Value::as_str).map(str::to_owned));
    let own = received.iter().position(|id| receipt["receipt_id"] == **id);
    let earlier = &received[..own.unwrap_or(received.len())];
    receipt["also_received"] = json!(earlier);
    if let Some(own) = own {
        received.remove(own);
    }
}

/// Scripts give all headers by name; SEND has a field for one of them, and counts another itself.
fn take_typed_headers(send: &mut Send) {
    send.content_type = send.headers.get(header::CONTENT_TYPE).map(str::to_owned);
    let length = send.body.len().to_string();
    send.headers.retain(|name, value| {
        name != header::CONTENT_TYPE && (name != header::CONTENT_LENGTH || value != length)
    });
}

/// Says an event in the words of the scripts. They have no words for what follows from it for the
/// application's own waits, nor for replayed subscriptions.
fn describe(
    event: Event,
    wire_id: impl Fn(SubscriptionKey) -> Option<String>,
) -> Option<(&'static str, Value)> {
    let ms = |period: Option<Duration>| period.map_or(0, |period| period.as_millis() as u64);
    Some(match event {
        Event::Connected(connection) => {
            let fields = json!({
                "version": connection.version.as_str(),
                "session": connection.session,
                "send_ms": ms(connection.heart_beat.send),
                "recv_ms": ms(connection.heart_beat.receive),
            });
            ("connected", fields)
        }
        Event::Message(delivery) => {
            let message = &delivery.message;
            let fields = json!({
                "subscription": wire_id(delivery.subscription),
                "message_id": message.message_id(),
                "destination": message.destination(),
                "body": encode_base64(message.body()),
            });
            ("message", fields)
        }
        Event::OrphanMessage(message) => {
            let fields = json!({
                "subscription": message.subscription(),
                "message_id": message.message_id(),
                "destination": message.destination(),
                "body": encode_base64(message.body()),
            });
            ("orphan-message", fields)
        }
        Event::Receipt {
            receipt,
            also_received,
        } => {
            let also: Vec<_> = also_received.iter().map(|id| id.as_str()).collect();
            let fields = json!({ "receipt_id": receipt.as_str(), "also_received": also });
            ("receipt", fields)
        }
        Event::UnexpectedReceipt { receipt } => (
            "unexpected-receipt",
            json!({ "receipt_id": receipt.as_str() }),
        ),
        Event::Error(error) => {
            let receipt = error.receipt_id.as_ref().map(|id| id.as_str());
            let fields = json!({ "message": error.message, "receipt_id": receipt });
            ("error", fields)
        }
        Event::Closed(CloseReason::Misbehaviour(misbehaviour)) => {
            let kind = name_misbehaviour(misbehaviour);
            ("protocol-error", json!({ "kind": kind }))
        }
        Event::Closed(CloseReason::HeartBeatMissed { .. }) => ("heartbeat-timeout", json!({})),
        Event::Closed(CloseReason::Disconnected { confirmed }) => {
            ("disconnected", json!({ "confirmed": confirmed }))
        }
        Event::Closed(CloseReason::ConnectionLost | CloseReason::ClosedBeforeConnected) => {
            ("connection-lost", json!({}))
        }
        _ => return None,
    })
}

fn name_misbehaviour(misbehaviour: Misbehaviour) -> &'static str {
    match misbehaviour {
        Misbehaviour::Decode(error) => match error.kind {
            DecodeErrorKind::UnknownCommand => "unknown-command",
            DecodeErrorKind::MalformedHeader => "malformed-header",
            DecodeErrorKind::UndefinedEscape => "undefined-escape",
            DecodeErrorKind::BareCr => "bare-cr",
            DecodeErrorKind::NulInHeader => "nul-in-header",
            DecodeErrorKind::InvalidUtf8 => "invalid-utf8",
            DecodeErrorKind::BadContentLength => "bad-content-length",
            DecodeErrorKind::MissingNulAfterBody => "missing-nul-after-body",
            DecodeErrorKind::BodyNotAllowed => "body-not-allowed",
            DecodeErrorKind::TooManyHeaders => "too-large-header-count",
            DecodeErrorKind::HeaderLineTooLong | DecodeErrorKind::HeadTooLong => {
                "too-large-header-line"
            }
            DecodeErrorKind::BodyTooLong => "too-large-body",
            _ => "another decoding error",
        },
        Misbehaviour::Frame(FrameError::UnexpectedCommand { .. }) => "unexpected-frame",
        Misbehaviour::Frame(FrameError::MissingHeader { .. }) => "missing-header",
        Misbehaviour::Frame(FrameError::VersionNotOffered) => "version-not-offered",
        Misbehaviour::Frame(FrameError::BadHeartBeat) => "bad-heart-beat",
        _ => "another misbehaviour",
    }
}

fn name_refusal(error: &UsageError) -> String {
    match error {
        UsageError::NotConnected => "not-connected",
        UsageError::DuplicateReceipt => "duplicate-receipt",
        UsageError::DuplicateSubscription => "duplicate-subscription",
        UsageError::UnknownSubscription => "unknown-subscription",
        UsageError::UnknownMessage => "unknown-message",
        UsageError::NotAckable => "not-ackable",
        UsageError::AlreadySettled => "already-settled",
        UsageError::DuplicateTransaction => "duplicate-transaction",
        UsageError::UnknownTransaction => "unknown-transaction",
        UsageError::Command(CommandError::NotInVersion { .. }) => "unsupported-in-version",
        UsageError::Command(CommandError::NotAckable { .. }) => "not-ackable",
        UsageError::Command(CommandError::ReservedHeader { header, .. })
            if header == header::CONTENT_LENGTH =>
        {
            "bad-content-length"
        }
        UsageError::Encode(EncodeError::Unencodable { .. }) => "unencodable-header",
        UsageError::Encode(EncodeError::EmptyHeaderName) => "malformed-header",
        UsageError::Encode(EncodeError::NulInHeader { .. }) => "nul-in-header",
        UsageError::Encode(EncodeError::BadContentLength { .. }) => "bad-content-length",
        UsageError::Encode(EncodeError::BodyNotAllowed { .. }) => "body-not-allowed",
        UsageError::Encode(EncodeError::UnknownCommand { .. }) => "unknown-command",
        other => return other.to_string(),
    }
    .to_owned()
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
            let values = frame.headers.get_all(name);
            if !values.eq(expected.iter().map(String::as_str)) {
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

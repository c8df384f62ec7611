//! One script: what the application and the server do, and what the session has to make of it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value};
use stomp_commands::{Dialect, HeartBeat};
use stomp_frame::{Command, Frame, Limits, Version};
use stomp_session::{Config, FlowLimits, Liveness, Opening};

use crate::pattern::Pattern;
use crate::stage::Stage;

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
    /// Plays each script of kind `client` in a file of JSON lines.
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
        Some(kind) if is_script && kind != "client" => Ok(None),
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
    accept: Option<Vec<String>>,
    host: Option<String>,
    login: Option<String>,
    passcode: Option<String>,
    heart_beat: (u64, u64),
    tolerance: Option<f64>,
    use_stomp: bool,
}

/// One line of the script: an act of the application or the server, or an expectation.
///
/// Fields that the schema does not name are remarks.
#[derive(Deserialize)]
pub(crate) struct Step {
    pub(crate) at_ms: Option<u64>,
    #[serde(rename = "do")]
    pub(crate) act: Option<String>,
    pub(crate) refuse: Option<String>,
    pub(crate) destination: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) ack: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) subscription: Option<String>,
    pub(crate) transaction: Option<String>,
    pub(crate) receipt: Option<String>,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body: String,
    pub(crate) server: Option<ScriptFrame>,
    pub(crate) server_raw: Option<String>,
    pub(crate) server_eol: Option<usize>,
    pub(crate) server_close: Option<bool>,
    pub(crate) expect: Option<Expect>,
}

/// A frame of the server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptFrame {
    command: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

/// What has to come next, or to be the case.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Expect {
    pub(crate) frame: Option<Pattern>,
    pub(crate) unordered: Option<Vec<Pattern>>,
    pub(crate) eol: Option<usize>,
    pub(crate) event: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) pending_receipts: Option<Vec<String>>,
    pub(crate) close: Option<bool>,
    pub(crate) error_ok: bool,
    pub(crate) nothing: Option<bool>,
    pub(crate) distinct: Option<Vec<String>>,
    /// The fields of the event that are compared.
    #[serde(flatten)]
    pub(crate) fields: Map<String, Value>,
}

impl Step {
    /// Whether anything is done or expected.
    pub(crate) fn is_known(&self) -> bool {
        self.act.is_some()
            || self.server.is_some()
            || self.server_raw.is_some()
            || self.server_eol.is_some()
            || self.server_close.is_some()
            || self.expect.is_some()
    }
}

impl Expect {
    /// Whether anything is expected, and nothing that nobody would look at.
    pub(crate) fn is_known(&self) -> bool {
        let known = self.frame.is_some()
            || self.unordered.is_some()
            || self.eol.is_some()
            || self.event.is_some()
            || self.state.is_some()
            || self.pending_receipts.is_some()
            || self.close.is_some()
            || self.nothing.is_some()
            || self.distinct.is_some();
        known && (self.event.is_some() || self.fields.is_empty())
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
    /// The scripts expect a heart-beat at exactly the agreed period, death at exactly the tolerated
    /// one, no other deadlines, no limits, and whatever the specification allows from any broker.
    fn build(&self) -> Result<Config, String> {
        let dead_percent = (self.tolerance.unwrap_or(2.0) * 100.0).round() as u32;
        let liveness = Liveness::default()
            .send_percent(100)
            .dead_percent(dead_percent)
            .grace(Duration::ZERO);
        let (send, receive) = self.heart_beat;
        let mut config = Config::default()
            .host(self.host.as_deref().unwrap_or("h"))
            .heart_beat(HeartBeat::new(send, receive))
            .liveness(liveness)
            .connected_timeout(Duration::MAX)
            .receipt_timeout(Duration::MAX)
            .disconnect_timeout(Duration::MAX)
            .dialect(Dialect::Generic)
            .limits(any_head())
            .flow(
                FlowLimits::default()
                    .receipts(usize::MAX)
                    .transactions(usize::MAX)
                    .subscriptions(usize::MAX)
                    .outbound(usize::MAX),
            );
        if let Some(accept) = &self.accept {
            config.versions = accept
                .iter()
                .map(|version| version.parse::<Version>().map_err(|e| e.to_string()))
                .collect::<Result<_, _>>()?;
        }
        if let Some(login) = &self.login {
            config = config.login(login);
        }
        if let Some(passcode) = &self.passcode {
            config = config.passcode(passcode.as_str());
        }
        if self.use_stomp {
            config = config.opening(Opening::Stomp);
        }
        Ok(config)
    }
}

/// Scripts have no words for limits of a client, so nothing but a body has any.
pub(crate) fn any_head() -> Limits {
    Limits::client()
        .headers(usize::MAX)
        .header_line(usize::MAX)
        .head(usize::MAX)
}

impl ScriptFrame {
    /// Builds the frame, with what was captured in the place of `$x`.
    pub(crate) fn build(&self, captured: &HashMap<String, String>) -> Result<Frame, String> {
        let command = self.command.parse::<Command>();
        let mut frame = Frame::new(command.map_err(|error| error.to_string())?);
        let value = |text| captured.get(text).map_or(text, String::as_str);
        let headers = self.headers.iter();
        frame.headers = headers.map(|(name, text)| (name, value(text))).collect();
        frame.body = decode_base64(&self.body)?.into();
        Ok(frame)
    }
}

pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(text).map_err(|error| error.to_string())
}

pub(crate) fn encode_base64(octets: &[u8]) -> String {
    BASE64.encode(octets)
}

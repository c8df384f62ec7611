//! One script: what its clients send, and what the broker has to answer.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::Value;
use stomp_commands::HeartBeat;
use stomp_frame::{Limits, Version};
use stomp_testbroker::{Config, NackPolicy};

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
pub(crate) struct Step {
    pub(crate) at_ms: Option<u64>,
    pub(crate) conn: String,
    pub(crate) client: Option<ScriptFrame>,
    pub(crate) client_raw: Option<String>,
    pub(crate) client_eol: Option<usize>,
    pub(crate) client_close: Option<bool>,
    pub(crate) expect: Option<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptFrame {
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    pub(crate) frame: Option<Pattern>,
    pub(crate) unordered: Option<Vec<Pattern>>,
    pub(crate) eol: Option<usize>,
    pub(crate) close: Option<bool>,
    pub(crate) error_ok: bool,
    pub(crate) nothing: Option<bool>,
    pub(crate) distinct: Option<Vec<String>>,
}

impl Step {
    /// Whether anything is done or expected.
    pub(crate) fn is_known(&self) -> bool {
        self.client.is_some()
            || self.client_raw.is_some()
            || self.client_eol.is_some()
            || self.client_close.is_some()
            || self.expect.is_some()
    }
}

impl Expect {
    pub(crate) fn is_known(&self) -> bool {
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
        let mut config = self.config.build()?;
        self.play(config.clone())?;
        // A broker that keeps no transcript makes no frame of a MESSAGE before it writes it.
        config.transcript = 0;
        self.play(config)
            .map_err(|failure| format!("without a transcript, {failure}"))
    }

    fn play(&self, config: Config) -> Result<(), String> {
        let mut stage = Stage::new(config);
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
pub(crate) fn any_head() -> Limits {
    Limits::server()
        .headers(usize::MAX)
        .header_line(usize::MAX)
        .head(usize::MAX)
}

pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(text).map_err(|error| error.to_string())
}

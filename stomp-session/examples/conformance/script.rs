//! One script: what the application and the server do, and what the session has to make of it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value};
use stomp_commands::HeartBeat;
use stomp_frame::{Command, Frame, Version};
use stomp_session::{Config, Liveness, Opening};

use crate::stage::Stage;

/// Runs every script in a file of JSON lines. `None` is one of another kind than `client`.
pub(crate) fn run_all(text: &str) -> impl Iterator<Item = Option<Result<(), String>>> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| match serde_json::from_str::<Head>(line) {
            Ok(head) if head.kind != "client" => None,
            Ok(head) => Some(
                serde_json::from_str::<Script>(line)
                    .map_err(|error| error.to_string())
                    .and_then(|script| script.run())
                    .map_err(|failure| format!("{}: {failure}", head.id)),
            ),
            Err(error) => Some(Err(format!("not a script: {error}"))),
        })
}

#[derive(Deserialize)]
struct Head {
    id: String,
    kind: String,
}

#[derive(Deserialize)]
struct Script {
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
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) at_ms: u64,
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

/// What a frame has to look like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    #[serde(default)]
    pub(crate) all: std::collections::BTreeMap<String, Vec<String>>,
    pub(crate) body: Option<String>,
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
    /// one, and no other deadlines.
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
            .disconnect_timeout(Duration::MAX);
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

impl ScriptFrame {
    pub(crate) fn build(&self) -> Result<Frame, String> {
        let command = self.command.parse::<Command>();
        let mut frame = Frame::new(command.map_err(|error| error.to_string())?);
        frame.headers = self.headers.iter().map(|(n, v)| (n, v)).collect();
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

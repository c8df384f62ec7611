//! What a frame has to look like.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use stomp_frame::Frame;

use crate::script::decode_base64;

/// What a frame has to look like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    command: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    all: BTreeMap<String, Vec<String>>,
    body: Option<String>,
}

impl Pattern {
    /// Compares a frame, and captures what it names by `$`.
    pub(crate) fn matches(
        &self,
        frame: &Frame,
        captured: &mut HashMap<String, String>,
    ) -> Result<(), String> {
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
pub(crate) fn assign(
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

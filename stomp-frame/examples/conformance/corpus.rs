//! The corpus: its schema, and how a case is tried.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use stomp_frame::{Command, ContentLength, Decoder, Encoder, Frame, Headers, Item};
use stomp_frame::{DecodeErrorKind, EncodeError, Limits, Side, Version};

/// What came of the cases tried so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    /// One text for each failed case: its id, and what was wrong.
    pub(crate) failures: Vec<String>,
    /// Lines that are session scripts, which are not for a codec.
    pub(crate) left_out: usize,
}

impl Report {
    pub(crate) fn failed(&self) -> usize {
        self.failures.len()
    }

    /// Tries each case of a file. A line that is no case counts as a failed one.
    pub(crate) fn run(&mut self, file: &str, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() {
                continue;
            }
            match Case::parse(line) {
                Ok(Case::Script) => self.left_out += 1,
                Ok(Case::Decode(case)) => self.note(&case.id, survive(|| case.check())),
                Ok(Case::Encode(case)) => self.note(&case.id, survive(|| case.check())),
                Err(error) => {
                    let failure = format!("{file}:{number}: not a case: {error}");
                    self.failures.push(failure);
                }
            }
        }
    }

    fn note(&mut self, id: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(why) => self.failures.push(format!("{id}: {why}")),
        }
    }
}

/// Makes a panic a failure like any other, so that the other cases have their turn.
fn survive(check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    std::panic::catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|_| Err("it panics".into()))
}

enum Case {
    Decode(DecodeCase),
    Encode(EncodeCase),
    Script,
}

impl Case {
    /// Tells the kinds of lines apart by the fields that only one of them has.
    fn parse(line: &str) -> serde_json::Result<Self> {
        let value: Value = serde_json::from_str(line)?;
        if value.get("steps").is_some() {
            Ok(Self::Script)
        } else if value.get("expect").is_some() {
            DecodeCase::deserialize(value).map(Self::Decode)
        } else {
            EncodeCase::deserialize(value).map(Self::Encode)
        }
    }
}

/// A stream, and what a decoder makes of it.
#[derive(Deserialize)]
struct DecodeCase {
    id: String,
    #[serde(deserialize_with = "version")]
    version: Version,
    direction: Direction,
    wire: Octets,
    #[serde(default)]
    limits: CaseLimits,
    #[serde(default)]
    split: Split,
    expect: Expected,
}

impl DecodeCase {
    fn check(&self) -> Result<(), String> {
        for cuts in self.split.cuts(self.wire.0.len()) {
            self.decode(&cuts)
                .and_then(|got| self.compare(&got))
                .map_err(|why| format!("in pieces of {cuts:?}: {why}"))?;
        }
        Ok(())
    }

    /// Feeds the stream, cut into pieces of these lengths.
    fn decode(&self, pieces: &[usize]) -> Result<Decoded, String> {
        let mut decoder = Decoder::new(self.direction.into(), self.limits.into());
        decoder.set_version(self.version);
        let mut buffer = BytesMut::new();
        let mut got = Decoded::default();
        let mut wire = &self.wire.0[..];
        for &piece in pieces {
            let (next, rest) = wire.split_at(piece);
            buffer.put_slice(next);
            wire = rest;
            loop {
                match decoder.decode(&mut buffer) {
                    Ok(Some(Item::Frame(frame))) => got.frames.push(frame),
                    Ok(Some(Item::HeartBeat(eols))) => got.heart_beats += eols,
                    Ok(Some(other)) => return Err(format!("nobody asked for {other:?}")),
                    Ok(None) => break,
                    Err(error) => {
                        let again = decoder.decode(&mut buffer);
                        same("a failed decoder", &Err(error), &again)?;
                        got.error = Some(decode_error(error.kind));
                        return Ok(got);
                    }
                }
            }
        }
        got.rest = buffer.len();
        Ok(got)
    }

    fn compare(&self, got: &Decoded) -> Result<(), String> {
        let expect = &self.expect;
        same("error", &expect.error.as_deref(), &got.error).or_else(|why| match got.error {
            Some(error) if expect.error_alt.iter().any(|alt| alt == error) => Ok(()),
            _ => Err(why),
        })?;
        same("heart-beats", &expect.heartbeats, &got.heart_beats)?;
        same("frames", &expect.frames.len(), &got.frames.len())?;
        for (expected, frame) in expect.frames.iter().zip(&got.frames) {
            expected.compare(frame)?;
        }
        match expect.rest {
            Some(rest) if expect.error.is_none() => same("rest", &rest, &got.rest),
            _ => Ok(()),
        }
    }
}

#[derive(Default)]
struct Decoded {
    frames: Vec<Frame>,
    heart_beats: usize,
    error: Option<&'static str>,
    rest: usize,
}

#[derive(Deserialize)]
struct Expected {
    #[serde(default)]
    frames: Vec<CaseFrame>,
    #[serde(default)]
    heartbeats: usize,
    rest: Option<usize>,
    error: Option<String>,
    #[serde(default)]
    error_alt: Vec<String>,
}

/// Frames, and what an encoder makes of them.
#[derive(Deserialize)]
struct EncodeCase {
    id: String,
    #[serde(deserialize_with = "version")]
    version: Version,
    direction: Direction,
    frames: Vec<FrameOrEol>,
    #[serde(default)]
    content_length: CaseContentLength,
    wire: Option<Octets>,
    decoded: Option<Vec<CaseFrame>>,
    #[serde(default)]
    lossless: bool,
    error: Option<String>,
    #[serde(default)]
    error_alt: Vec<String>,
}

impl EncodeCase {
    fn check(&self) -> Result<(), String> {
        if self.wire.is_none() && self.error.is_none() {
            return Err("it expects neither octets nor an error".into());
        }
        let wire = match self.encode() {
            Ok(wire) => wire,
            Err(error) if self.error_alt.iter().any(|alt| alt == error) => return Ok(()),
            Err(error) => return same("error", &self.error.as_deref(), &Some(error)),
        };
        same("error", &self.error.as_deref(), &None)?;
        if let Some(expected) = &self.wire {
            same("wire", &show(&expected.0), &show(&wire))?;
        }
        let decoded = self.decode(wire)?;
        if let Some(expected) = &self.decoded {
            compare_all(expected, &decoded)?;
        }
        if self.lossless {
            let given: Vec<_> = self.frames.iter().filter_map(FrameOrEol::frame).collect();
            compare_all(given, &decoded)?;
        }
        Ok(())
    }

    fn encode(&self) -> Result<BytesMut, &'static str> {
        let encoder = Encoder::new(self.direction.into())
            .version(self.version)
            .content_length(self.content_length.into());
        let mut wire = BytesMut::new();
        for item in &self.frames {
            match item.frame() {
                Some(frame) => encoder
                    .encode(&frame.to_frame()?, &mut wire)
                    .map_err(|error| encode_error(&error))?,
                None => wire.put_u8(b'\n'),
            }
        }
        Ok(wire)
    }

    fn decode(&self, mut wire: BytesMut) -> Result<Vec<Frame>, String> {
        let mut decoder = Decoder::new(self.direction.into(), Limits::client());
        decoder.set_version(self.version);
        let mut frames = Vec::new();
        while let Some(item) = decoder.decode(&mut wire).map_err(|e| e.to_string())? {
            if let Item::Frame(frame) = item {
                frames.push(frame);
            }
        }
        same("rest", &0, &wire.len())?;
        Ok(frames)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FrameOrEol {
    Eol(Eol),
    Frame(CaseFrame),
}

#[derive(Deserialize)]
enum Eol {
    #[serde(rename = "EOL")]
    Eol,
}

impl FrameOrEol {
    fn frame(&self) -> Option<&CaseFrame> {
        match self {
            Self::Eol(Eol::Eol) => None,
            Self::Frame(frame) => Some(frame),
        }
    }
}

#[derive(Deserialize)]
struct CaseFrame {
    command: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Octets,
    #[serde(default)]
    lookup: BTreeMap<String, Option<String>>,
}

impl CaseFrame {
    fn to_frame(&self) -> Result<Frame, &'static str> {
        let command: Command = self.command.parse().map_err(|_| "unknown-command")?;
        let headers: Headers = self.headers.iter().map(|(n, v)| (n, v)).collect();
        let mut frame = Frame::new(command).body(self.body.0.clone());
        frame.headers = headers;
        Ok(frame)
    }

    fn compare(&self, got: &Frame) -> Result<(), String> {
        same("command", &&*self.command, &got.command.as_str())?;
        let expected: Vec<_> = self.headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        same("headers", &expected, &got.headers.iter().collect())?;
        same("body", &show(&self.body.0), &show(&got.body))?;
        for (name, value) in &self.lookup {
            same(name, &value.as_deref(), &got.headers.get(name))?;
        }
        Ok(())
    }
}

fn compare_all<'a>(
    expected: impl IntoIterator<Item = &'a CaseFrame>,
    got: &[Frame],
) -> Result<(), String> {
    let expected: Vec<_> = expected.into_iter().collect();
    same("frames", &expected.len(), &got.len())?;
    let mut pairs = expected.iter().zip(got);
    pairs.try_for_each(|(expected, got)| expected.compare(got))
}

/// How a case wants its stream cut.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Split {
    /// At every place, and in pieces of every small size.
    #[default]
    All,
    /// In single octets and pieces of a few sizes.
    Bytes,
}

impl Split {
    /// Streams of up to this many octets are also cut at every pair of places.
    const PAIRS: usize = 64;
    /// Streams of more octets than this are cut at about as many places, evenly spread.
    const PLACES: usize = 1024;

    /// Lists ways to cut `length` octets, each as the lengths of the pieces.
    fn cuts(self, length: usize) -> Vec<Vec<usize>> {
        let mut cuts = vec![vec![length]];
        let sizes: &[usize] = match self {
            Self::All => &[1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 64],
            Self::Bytes => &[1, 3, 64, 1000, 4096],
        };
        cuts.extend(sizes.iter().map(|&size| pieces(length, size)));
        if let Self::All = self {
            let places = (1..length).step_by(length / Self::PLACES + 1);
            cuts.extend(places.map(|at| vec![at, length - at]));
            if length <= Self::PAIRS {
                let pairs = (1..length).flat_map(|a| (a + 1..length).map(move |b| (a, b)));
                cuts.extend(pairs.map(|(a, b)| vec![a, b - a, length - b]));
            }
        }
        cuts
    }
}

fn pieces(length: usize, size: usize) -> Vec<usize> {
    let mut pieces = vec![size; length / size];
    pieces.extend((!length.is_multiple_of(size)).then_some(length % size));
    pieces
}

#[derive(Clone, Copy, Default, Deserialize)]
struct CaseLimits {
    max_headers: Option<usize>,
    max_header_line: Option<usize>,
    max_body: Option<u64>,
}

/// A limit that a case leaves out is the client's, but for the sum of all header lines, for which
/// cases have no word.
impl From<CaseLimits> for Limits {
    fn from(case: CaseLimits) -> Self {
        let limits = Self::client().head(usize::MAX);
        limits
            .headers(case.max_headers.unwrap_or(limits.headers))
            .header_line(case.max_header_line.unwrap_or(limits.header_line))
            .body(case.max_body.unwrap_or(limits.body))
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Client,
    Server,
}

impl From<Direction> for Side {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Client => Self::Client,
            Direction::Server => Self::Server,
        }
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CaseContentLength {
    #[default]
    Auto,
    Suppress,
}

impl From<CaseContentLength> for ContentLength {
    fn from(case: CaseContentLength) -> Self {
        match case {
            CaseContentLength::Auto => Self::Auto,
            CaseContentLength::Suppress => Self::Withhold,
        }
    }
}

/// Octets, written as base64.
#[derive(Default)]
struct Octets(Vec<u8>);

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        Ok(Self(octets))
    }
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn decode_error(kind: DecodeErrorKind) -> &'static str {
    match kind {
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
        DecodeErrorKind::HeaderLineTooLong => "too-large-header-line",
        DecodeErrorKind::HeadTooLong => "too-large-head",
        DecodeErrorKind::BodyTooLong => "too-large-body",
        _ => "an error without a name in the corpus",
    }
}

fn encode_error(error: &EncodeError) -> &'static str {
    match error {
        EncodeError::UnknownCommand { .. } => "unknown-command",
        EncodeError::EmptyHeaderName => "malformed-header",
        EncodeError::Unencodable { .. } => "unencodable-header",
        EncodeError::NulInHeader { .. } => "nul-in-header",
        EncodeError::BadContentLength { .. } => "bad-content-length",
        EncodeError::BodyNotAllowed { .. } => "body-not-allowed",
        EncodeError::NulInBody => "nul-in-body",
        _ => "an error without a name in the corpus",
    }
}

fn same<T: PartialEq + Debug>(what: &str, expected: &T, got: &T) -> Result<(), String> {
    if expected == got {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected:?}, got {got:?}"))
    }
}

fn show(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

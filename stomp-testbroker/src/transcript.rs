use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use stomp_frame::{Frame, header};

use crate::ConnectionId;

/// The whole conversation between the broker and its clients, as long as it fits.
///
/// `Display` prints it, one line a frame, passcodes hidden:
///
/// ```text
///    0.000 #1 opened
///    0.000 #1 → CONNECT accept-version:1.2 host:h
///    0.000 #1 ← CONNECTED version:1.2 session:session-1 server:stomp-testbroker/0.1.0
/// ```
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    lines: VecDeque<Line>,
    capacity: usize,
    /// Octets of the frames in all lines.
    octets: usize,
    start: Option<Instant>,
    /// Lines that had to make room.
    dropped: u64,
}

/// One line of a [`Transcript`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Line {
    /// The time since the first line.
    pub at: Duration,
    /// The connection it happened on, if it was one.
    pub connection: Option<ConnectionId>,
    /// What happened.
    pub what: What,
}

/// What happened on a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// A client came.
    Opened,
    /// A frame went one way or the other.
    Frame(Direction, Box<Frame>),
    /// The connection is gone.
    Closed,
    /// The test did something: a fault, an expectation.
    Note(String),
}

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two directions")]
pub enum Direction {
    /// The client sent it, the broker received it.
    Received,
    /// The broker sent it.
    Sent,
}

impl Transcript {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// Iterates over what is left of the conversation, the oldest line first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// Iterates over the frames that went one way.
    pub fn frames(&self, direction: Direction) -> impl Iterator<Item = &Frame> {
        self.lines.iter().filter_map(move |line| match &line.what {
            What::Frame(way, frame) if *way == direction => Some(&**frame),
            _ => None,
        })
    }

    pub(crate) fn is_recording(&self) -> bool {
        self.capacity > 0
    }

    pub(crate) fn opened(&mut self, id: ConnectionId, now: Instant) {
        self.push(Some(id), now, || What::Opened);
    }

    pub(crate) fn closed(&mut self, id: ConnectionId, now: Instant) {
        self.push(Some(id), now, || What::Closed);
    }

    pub(crate) fn frame(&mut self, id: ConnectionId, way: Direction, frame: &Frame, now: Instant) {
        self.push(Some(id), now, || {
            let mut frame = frame.clone();
            frame.detach(); // do not keep read buffers alive
            What::Frame(way, Box::new(frame))
        });
    }

    pub(crate) fn note(&mut self, id: Option<ConnectionId>, note: String, now: Instant) {
        self.push(id, now, || What::Note(note));
    }

    fn push(
        &mut self,
        connection: Option<ConnectionId>,
        now: Instant,
        what: impl FnOnce() -> What,
    ) {
        if self.capacity == 0 {
            return;
        }
        if self.lines.len() == self.capacity {
            self.drop_first();
        }
        let start = *self.start.get_or_insert(now);
        let line = Line {
            at: now.saturating_duration_since(start),
            connection,
            what: what(),
        };
        self.octets += line.octets();
        self.lines.push_back(line);
        while self.octets > OCTETS && self.lines.len() > 1 {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(line) = self.lines.pop_front() {
            self.octets -= line.octets();
            self.dropped += 1;
        }
    }
}

/// Octets of frames that a transcript holds; of a larger frame only that one.
const OCTETS: usize = 16 << 20;

impl Line {
    fn octets(&self) -> usize {
        let What::Frame(_, frame) = &self.what else {
            return 0;
        };
        let headers = frame.headers.iter();
        let head: usize = headers
            .map(|(name, value)| name.len() + value.len() + 2)
            .sum();
        head + frame.body.len()
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dropped > 0 {
            writeln!(f, "         … {} earlier lines were dropped", self.dropped)?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.3} ", self.at.as_secs_f64())?;
        if let Some(connection) = self.connection {
            write!(f, "{connection} ")?;
        }
        match &self.what {
            What::Opened => f.write_str("opened"),
            What::Closed => f.write_str("closed"),
            What::Note(note) => write!(f, "── {note}"),
            What::Frame(Direction::Received, frame) => write!(f, "→ {}", Compact(frame)),
            What::Frame(Direction::Sent, frame) => write!(f, "← {}", Compact(frame)),
        }
    }
}

/// Writes a frame in one line: command, headers, and the beginning of a body that is text.
struct Compact<'a>(&'a Frame);

impl fmt::Display for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 60;
        let Self(frame) = self;
        write!(f, "{}", frame.command)?;
        for (name, value) in &frame.headers {
            let value = match name {
                header::PASSCODE => "<redacted>",
                _ => value,
            };
            write!(f, " {}:{}", name.escape_debug(), value.escape_debug())?;
        }
        match std::str::from_utf8(&frame.body) {
            Ok("") => Ok(()),
            Ok(text) if text.chars().count() <= SHOWN => write!(f, " {text:?}"),
            Ok(text) => {
                let start: String = text.chars().take(SHOWN).collect();
                write!(f, " {start:?}… ({} bytes)", frame.body.len())
            }
            Err(_) => write!(f, " ({} bytes)", frame.body.len()),
        }
    }
}

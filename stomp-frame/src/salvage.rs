//! What can be picked out of a head that cannot be read.

use crate::fault::Fault;
use crate::head::Head;
use crate::looks::looked_at;
use crate::rules::Rules;
use crate::{Command, DecodeErrorKind, header};

/// The rest of a head that cannot be read, from the line at the front of the buffer on: lines are
/// taken off as they arrive, and what must be known to settle a message is kept.
///
/// It is the same whatever the pieces, since all it goes by is lines, and memory is bounded by the
/// limits: the head as far as it was read, and [`NAMES`] once each, in short lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Salvage {
    /// Where the frame begins in the stream.
    pub(crate) start: u64,
    /// The current line does not end in front of this place.
    scanned: usize,
    /// What is known of the current line.
    line: Line,
    /// A bit for each of the [`NAMES`] that is kept.
    found: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// It may be kept.
    Sound,
    /// It cannot be read.
    Odd,
    /// It is too long, and what has arrived of it is dropped.
    Dropped,
}

/// How far the lines reach.
pub(crate) enum Step {
    /// This many octets are done with, and more are needed.
    More(usize),
    /// The line is done with, of so many octets.
    Line(usize),
    /// The head is complete, with a last line of so many octets.
    Complete(usize),
}

/// What is kept beyond the limits, and told first: what settles a message, and what tells the
/// application (or whoever reads its log) which one it was.
const NAMES: [&str; 10] = [
    header::DESTINATION,
    header::SUBSCRIPTION,
    header::MESSAGE_ID,
    header::ACK,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::RECEIPT_ID,
    header::RECEIPT, // Vert.x, on ERROR
    header::MESSAGE,
    "redelivered",
];

/// Beyond the limits, no longer line is kept. Brokers' ids have some 100 octets at most.
const SHORT: usize = 1 << 10;

/// A line of up to this length is asked for `content-length` whatever the limits.
const LENGTH_LINE: usize = 64;

impl Salvage {
    /// Tells whether a frame of this command is worth it, with such a fault: a MESSAGE has a
    /// subscription that must settle it, and an ERROR a reason that somebody waits for. It is the
    /// server's own, so nobody will send it again and again with the same odd line.
    pub(crate) fn is_for(command: Command, kind: DecodeErrorKind) -> bool {
        match command {
            Command::Message => true,
            Command::Error => !is_odd_line(kind),
            _ => false,
        }
    }

    /// Tells whether the head ends where its blank line is all the same.
    pub(crate) fn gets_over(kind: DecodeErrorKind) -> bool {
        use DecodeErrorKind::*;
        is_odd_line(kind) || matches!(kind, TooManyHeaders | HeaderLineTooLong | HeadTooLong)
    }

    /// Begins with the line that does not end in front of `scanned`.
    pub(crate) fn new(kind: DecodeErrorKind, start: u64, scanned: usize, head: &Head) -> Self {
        let kept = (0..).zip(NAMES).filter(|(_, name)| head.contains(name));
        Self {
            start,
            scanned,
            line: match is_odd_line(kind) {
                true => Line::Odd,
                false => Line::Sound,
            },
            found: kept.fold(0, |found, (bit, _)| found | 1 << bit),
        }
    }

    /// Reads on in the line at the front of `src`, which is at `place` of the frame.
    pub(crate) fn step(
        &mut self,
        src: &[u8],
        place: u64,
        head: &mut Head,
        rules: &Rules,
    ) -> Result<Step, Fault> {
        let longest = rules.limits.header_line.max(LENGTH_LINE);
        let Some(end) = self.find_end(src, rules)? else {
            // A CR may turn out to be no part of the line.
            let is_too_long = src.len() > longest.saturating_add(1);
            if self.line != Line::Dropped && !is_too_long {
                return Ok(Step::More(0));
            }
            if self.line != Line::Dropped {
                self.note_length(src, place, false, head, rules);
            }
            self.line = Line::Dropped;
            self.scanned = 0;
            return Ok(Step::More(src.len()));
        };
        let text = match &src[..end] {
            [text @ .., b'\r'] if rules.has_cr_lf() => text,
            text => text,
        };
        let line = std::mem::replace(&mut self.line, Line::Sound);
        self.scanned = 0;
        if line == Line::Dropped {
            return Ok(Step::Line(end + 1));
        }
        if text.is_empty() {
            return Ok(Step::Complete(end + 1));
        }
        let is_whole = text.len() <= longest;
        if is_whole && is_command_behind(text, rules) {
            let kind = DecodeErrorKind::MalformedHeader;
            return Err(Fault { kind, at: 0 });
        }
        self.note_length(text, place, is_whole, head, rules);
        if line == Line::Sound && text.len() <= rules.limits.header_line {
            self.keep(text, head, rules);
        }
        Ok(Step::Line(end + 1))
    }

    /// Finds the LF of the current line.
    fn find_end(&mut self, src: &[u8], rules: &Rules) -> Result<Option<usize>, Fault> {
        let arrived = match src {
            [arrived @ .., b'\r'] if rules.has_cr_lf() => arrived, // the CR waits for its LF
            _ => src,
        };
        let rest = arrived.get(self.scanned..).unwrap_or_default();
        for at in memchr::memchr3_iter(b'\n', b'\r', 0, rest) {
            let at = self.scanned + at;
            match (src[at], src.get(at + 1)) {
                (b'\n', _) => {
                    looked_at(at - self.scanned);
                    return Ok(Some(at));
                }
                (0, _) if !rules.tolerance.nul_in_headers => {
                    let kind = DecodeErrorKind::NulInHeader;
                    return Err(Fault { kind, at });
                }
                (b'\r', next) if rules.forbids_cr() && next != Some(&b'\n') => self.make_odd(),
                _ => {}
            }
        }
        looked_at(rest.len());
        self.scanned = arrived.len();
        Ok(None)
    }

    fn make_odd(&mut self) {
        if self.line == Line::Sound {
            self.line = Line::Odd;
        }
    }

    /// Takes note of `content-length`, since it tells where the frame ends. One that cannot be read
    /// is a fault of its own.
    fn note_length(&self, line: &[u8], place: u64, is_whole: bool, head: &mut Head, rules: &Rules) {
        let name = header::CONTENT_LENGTH.as_bytes();
        match line.strip_prefix(name) {
            Some([b':', value @ ..]) if is_whole => head.note_length(place, value, rules),
            Some([b':', ..]) => head.note_length(place, b"", rules),
            Some([]) if rules.tolerance.headers_without_colon => {
                head.note_length(place, b"", rules)
            }
            _ => {}
        }
    }

    /// Keeps a line, if it can be read and there is room for it.
    fn keep(&mut self, line: &[u8], head: &mut Head, rules: &Rules) {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let bit = NAMES
            .iter()
            .position(|name| name.as_bytes() == &line[..colon]);
        let bit = bit.map_or(0, |bit| 1 << bit);
        let is_wanted = bit & !self.found != 0 && line.len() <= SHORT;
        if (is_wanted || head.has_room_for(line, rules)) && head.keep(line, colon, rules) {
            self.found |= bit;
        }
    }
}

/// Tells whether the head broke off, and the line is the first of the frame behind it: then the end
/// of the frame is lost, and a RECEIPT may be in what would be skipped.
fn is_command_behind(line: &[u8], rules: &Rules) -> bool {
    let mut commands = Command::ALL.into_iter().filter(|c| rules.know(*c));
    !rules.tolerance.headers_without_colon
        && memchr::memchr(b':', line).is_none()
        && commands.any(|command| line.ends_with(command.as_str().as_bytes()))
}

/// Tells whether the fault is in what a line says, and not in its size.
fn is_odd_line(kind: DecodeErrorKind) -> bool {
    use DecodeErrorKind::*;
    matches!(
        kind,
        MalformedHeader | UndefinedEscape | BareCr | InvalidUtf8
    )
}

use std::borrow::Cow;

use bytes::Bytes;

use crate::escape::{Escapes, Undefined};
use crate::fault::Fault;
use crate::looks::looked_at;
use crate::rules::Rules;
use crate::scan::{BLOCK, significant};
use crate::spans::{Span, Spans};
use crate::text::Text;
use crate::{Command, DecodeErrorKind, Headers, grammar, header};

/// A head as far as it has arrived: the command line and the header lines.
///
/// All places count from the first octet of the frame.
#[derive(Debug)]
pub(crate) struct Head {
    command: Option<Command>,
    spans: Spans,
    /// Where the current line begins.
    line: usize,
    /// The first colon of the current line, or a place beyond all as long as it has none.
    colon: usize,
    /// What else was seen of the current line.
    seen: Seen,
    /// The current line does not end in front of this place.
    scanned: usize,
    /// The lines so far as they are meant, once one of them means something else than it says.
    plain: Option<Vec<u8>>,
    content_length: Option<ContentLength>,
}

/// What makes a line other than a header in ASCII that means what it says.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Any of the others, or the line is the command line, or all lines are read so.
    with_care: bool,
    backslash: bool,
    /// An octet outside of ASCII.
    high: bool,
    /// The line ends in CR LF.
    cr_lf: bool,
}

/// The header of this name, the first if there are several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentLength {
    /// Where its line begins.
    pub(crate) line: usize,
    /// Octets, if it says so in digits.
    pub(crate) octets: Option<u64>,
}

impl Head {
    pub(crate) fn new() -> Self {
        Self {
            command: None,
            spans: Spans::default(),
            line: 0,
            colon: NOWHERE,
            seen: Seen::COMMAND,
            scanned: 0,
            plain: None,
            content_length: None,
        }
    }

    pub(crate) fn command(&self) -> Command {
        self.command
            .expect("a head is complete only with its command line")
    }

    pub(crate) fn content_length(&self) -> Option<ContentLength> {
        self.content_length
    }

    /// Returns the command, once its line has arrived.
    pub(crate) fn known_command(&self) -> Option<Command> {
        self.command
    }

    /// Returns the place up to which all lines are read.
    pub(crate) fn lines_end(&self) -> usize {
        self.line
    }

    /// Turns a complete head into headers, and makes room for the next.
    #[inline]
    pub(crate) fn take_headers(&mut self, text: Bytes) -> Headers {
        self.command = None;
        self.line = 0;
        self.colon = NOWHERE;
        self.seen = Seen::COMMAND;
        self.scanned = 0;
        self.content_length = None;
        let text = match self.plain.take() {
            Some(plain) => Text::Owned(plain),
            None => Text::Shared(text),
        };
        Headers::from_parts(text, self.spans.take())
    }

    /// Reads on from where the last call stopped, and says where the body begins, once it does.
    #[inline]
    pub(crate) fn read(&mut self, src: &[u8], rules: &Rules) -> Result<Option<usize>, Fault> {
        let arrived = match src {
            [arrived @ .., b'\r'] if rules.has_cr_lf() => arrived, // the CR waits for its LF
            _ => src,
        };
        let (mut line, mut colon) = (self.line, self.colon); // in registers while the loop runs
        while self.scanned < arrived.len() {
            let base = self.scanned;
            let mut marks = significant(&arrived[base..]);
            looked_at(arrived[base..].len().min(BLOCK));
            while marks != 0 {
                let at = base + marks.trailing_zeros() as usize;
                marks &= marks - 1;
                match src[at] {
                    b':' => colon = colon.min(at),
                    b'\n' => {
                        if self.end_line(src, line, colon, at, rules)? {
                            return Ok(Some(at + 1));
                        }
                        (line, colon) = (at + 1, NOWHERE);
                    }
                    _ => self.note(src, line, at, rules)?,
                }
            }
            self.scanned = arrived.len().min(base + BLOCK);
        }
        (self.line, self.colon) = (line, colon);
        self.check_limits(line, self.scanned, rules).map(|()| None)
    }

    /// Judges a significant octet that neither ends a line nor a name.
    #[cold]
    fn note(&mut self, src: &[u8], line: usize, at: usize, rules: &Rules) -> Result<(), Fault> {
        let kind = match (src[at], src.get(at + 1)) {
            (b'\\', _) => {
                self.seen.backslash = true;
                self.seen.with_care = true;
                return Ok(());
            }
            (0x80.., _) => {
                self.seen.high = true;
                self.seen.with_care = true;
                return Ok(());
            }
            (b'\r', Some(b'\n')) => {
                self.seen.cr_lf = rules.has_cr_lf();
                self.seen.with_care = true;
                return Ok(());
            }
            (b'\r', Some(_)) if rules.forbids_cr() => DecodeErrorKind::BareCr,
            (0, _) if !rules.tolerance.nul_in_headers => DecodeErrorKind::NulInHeader,
            _ => return Ok(()),
        };
        self.check_limits(line, at, rules)?;
        (self.line, self.scanned) = (line, at);
        Err(Fault { kind, at })
    }

    /// Reads a line that ends with the LF at this place, and tells whether it is the blank one.
    #[inline(always)] // for the one call, in a hot loop
    fn end_line(
        &mut self,
        src: &[u8],
        line: usize,
        colon: usize,
        at: usize,
        rules: &Rules,
    ) -> Result<bool, Fault> {
        if self.seen.with_care {
            return self.end_line_with_care(src, line, colon, at, rules);
        }
        self.check_limits(line, at, rules)?;
        if at == line {
            return Ok(true);
        }
        let Ok((_, (name, value))) = grammar::header(&src[line..at], colon - line) else {
            return self.end_line_with_care(src, line, colon, at, rules);
        };
        if name == header::CONTENT_LENGTH.as_bytes() {
            self.read_content_length(line, value);
        }
        self.spans.push(Span::new(line, colon, at));
        Ok(false)
    }

    /// Does the same for the command line, and for a line that may end in CR LF, mean something
    /// else than it says, or be no text at all.
    #[inline(never)] // out of the hot loop
    fn end_line_with_care(
        &mut self,
        src: &[u8],
        line: usize,
        colon: usize,
        at: usize,
        rules: &Rules,
    ) -> Result<bool, Fault> {
        let end = at - usize::from(self.seen.cr_lf);
        self.check_limits(line, end, rules)?;
        let src = &src[..end];
        match self.command {
            None => self.command = Some(self.read_command(src, rules)?),
            Some(_) if end == line => return Ok(true),
            Some(command) => {
                let read = self.read_with_care(src, line, colon, command, rules);
                read.inspect_err(|_| self.scanned = at)?;
            }
        }
        self.seen = Seen {
            with_care: rules.pads_values() || self.plain.is_some(),
            ..Seen::default()
        };
        Ok(false)
    }

    /// Checks the limits for a line that reaches up to `end` at least.
    #[inline]
    fn check_limits(&self, line: usize, end: usize, rules: &Rules) -> Result<(), Fault> {
        let limits = &rules.limits;
        let is_full = self.spans.len() >= limits.headers;
        if is_full || end - line > limits.header_line || end > limits.head {
            return self.overrun(line, end, rules);
        }
        Ok(())
    }

    /// Tells which limit is passed by a line that reaches up to `end`, if any. Neither the command
    /// line nor the blank one is a header.
    #[cold]
    fn overrun(&self, line: usize, end: usize, rules: &Rules) -> Result<(), Fault> {
        let limits = &rules.limits;
        let line_limit = line.saturating_add(limits.header_line);
        let is_full = self.spans.len() >= limits.headers && self.command.is_some();
        let kind = if is_full && end > line && line <= limits.head {
            DecodeErrorKind::TooManyHeaders
        } else if end <= line_limit.min(limits.head) {
            return Ok(());
        } else if line_limit <= limits.head {
            DecodeErrorKind::HeaderLineTooLong
        } else {
            DecodeErrorKind::HeadTooLong
        };
        Err(fault(kind, line))
    }

    fn read_command(&self, src: &[u8], rules: &Rules) -> Result<Command, Fault> {
        let text = self.text(src, 0, rules)?;
        looked_at(text.len());
        match grammar::command(&text) {
            Ok((_, command)) if rules.know(command) => Ok(command),
            _ => Err(fault(DecodeErrorKind::UnknownCommand, 0)),
        }
    }

    /// Reads a header that ends where `src` ends.
    #[inline(always)] // for the call at the end of a line
    fn read_with_care(
        &mut self,
        src: &[u8],
        line: usize,
        colon: usize,
        command: Command,
        rules: &Rules,
    ) -> Result<(), Fault> {
        let text = self.text(src, line, rules)?;
        let name_length = match text {
            Cow::Borrowed(_) => colon - line,
            Cow::Owned(_) => memchr::memchr(b':', &text).unwrap_or(NOWHERE),
        };
        let (name, value) = match grammar::header(&text, name_length) {
            Ok((_, header)) => header,
            Err(_) => {
                let odd = odd_header(&text, rules);
                odd.ok_or(fault(DecodeErrorKind::MalformedHeader, line))?
            }
        };
        let padded = rules.pads_values() && matches!(value, [b' ' | b'\t', ..]);
        let value = if padded { trim_blanks(value) } else { value };
        if name == header::CONTENT_LENGTH.as_bytes() {
            self.read_content_length(line, value);
        }
        let escapes = match self.seen.backslash {
            true => rules.escapes(command),
            false => Escapes::None,
        };
        let has_colon = name.len() < text.len();
        let is_meant = matches!(text, Cow::Borrowed(_)) && has_colon && !padded;
        let is_changed = escapes != Escapes::None || !is_meant;
        let span = if is_changed || self.plain.is_some() {
            looked_at(text.len());
            let plain = self.plain_lines(src, line);
            match rules.tolerance.undefined_escapes {
                true => write_loosely(name, value, escapes, plain),
                false => write_plain(name, value, escapes, plain)
                    .map_err(|Undefined| fault(DecodeErrorKind::UndefinedEscape, line))?,
            }
        } else {
            Span::new(line, colon, src.len())
        };
        self.spans.push(span);
        Ok(())
    }

    /// Takes a line for text, which it is if it is ASCII.
    fn text<'a>(&self, src: &'a [u8], line: usize, rules: &Rules) -> Result<Cow<'a, [u8]>, Fault> {
        let octets = &src[line..];
        if !self.seen.high {
            return Ok(octets.into());
        }
        looked_at(octets.len());
        if rules.tolerance.invalid_utf8 {
            return Ok(match String::from_utf8_lossy(octets) {
                Cow::Borrowed(text) => text.as_bytes().into(),
                Cow::Owned(text) => text.into_bytes().into(),
            });
        }
        match std::str::from_utf8(octets) {
            Ok(_) => Ok(octets.into()),
            Err(_) => Err(fault(DecodeErrorKind::InvalidUtf8, line)),
        }
    }

    fn read_content_length(&mut self, line: usize, value: &[u8]) {
        looked_at(header::CONTENT_LENGTH.len() + value.len());
        let octets = grammar::content_length(value);
        self.content_length.get_or_insert(ContentLength {
            line,
            octets: octets.ok().map(|(_, octets)| octets),
        });
    }

    /// The lines as they are meant: at first those in front of this one, whose places stay the
    /// same.
    fn plain_lines(&mut self, src: &[u8], line: usize) -> &mut Vec<u8> {
        let before = &src[..line];
        self.plain.get_or_insert_with(|| {
            looked_at(before.len());
            let mut plain = Vec::with_capacity(src.len() + TYPICAL_REST);
            plain.extend_from_slice(before);
            plain
        })
    }
}

/// For a head that cannot be read as a whole: what is kept of it, line by line.
impl Head {
    /// Begins to keep lines, at the one in which this fault is: those in front of it are kept.
    /// Says where that line begins, and which part of it was scanned for its end.
    pub(crate) fn begin_salvage(&mut self, fault: Fault, src: &[u8]) -> (usize, usize) {
        let line = match fault.kind {
            DecodeErrorKind::BareCr => self.line,
            _ => fault.at,
        };
        self.plain_lines(&src[..line], line);
        (line, self.scanned.saturating_sub(line))
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        let text = self.plain.as_deref().unwrap_or_default();
        self.spans.iter().any(|span| span.is_called(name, text))
    }

    /// Tells whether the limits let a line pass, where nothing but what is kept counts.
    pub(crate) fn has_room_for(&self, line: &[u8], rules: &Rules) -> bool {
        let kept = self.plain.as_ref().map_or(0, Vec::len);
        self.spans.len() < rules.limits.headers && kept + line.len() <= rules.limits.head
    }

    /// Keeps a line, if it can be read.
    pub(crate) fn keep(&mut self, line: &[u8], colon: usize, rules: &Rules) -> bool {
        let Some(command) = self.command else {
            return false;
        };
        let before = self.plain.as_ref().map_or(0, Vec::len);
        // Nobody has looked what is in it.
        self.seen = Seen {
            backslash: true,
            high: true,
            ..Seen::COMMAND
        };
        let is_kept = self.read_with_care(line, 0, colon, command, rules).is_ok();
        if let (Some(plain), false) = (&mut self.plain, is_kept) {
            plain.truncate(before);
        }
        is_kept
    }

    /// Takes note of a `content-length` in a line at this place of the frame.
    pub(crate) fn note_length(&mut self, place: u64, value: &[u8], rules: &Rules) {
        let value = match rules.pads_values() {
            true => trim_blanks(value),
            false => value,
        };
        let line = usize::try_from(place).unwrap_or(usize::MAX);
        self.read_content_length(line, value);
    }
}

/// The colon of a line that has none.
const NOWHERE: usize = usize::MAX;

impl Seen {
    /// What there is to a command line from the first.
    const COMMAND: Self = Self {
        with_care: true,
        backslash: false,
        high: false,
        cr_lf: false,
    };
}

#[cold]
fn fault(kind: DecodeErrorKind, at: usize) -> Fault {
    Fault { kind, at }
}

/// How much longer a head may become without a second allocation for it.
const TYPICAL_REST: usize = 192;

fn write_plain(
    name: &[u8],
    value: &[u8],
    escapes: Escapes,
    plain: &mut Vec<u8>,
) -> Result<Span, Undefined> {
    let start = plain.len();
    escapes.unescape_into(name, plain)?;
    let colon = plain.len();
    plain.push(b':');
    escapes.unescape_into(value, plain)?;
    Ok(Span::new(start, colon, plain.len()))
}

/// Does the same whatever the escapes.
fn write_loosely(name: &[u8], value: &[u8], escapes: Escapes, plain: &mut Vec<u8>) -> Span {
    let start = plain.len();
    escapes.unescape_loosely_into(name, plain);
    let colon = plain.len();
    plain.push(b':');
    escapes.unescape_loosely_into(value, plain);
    Span::new(start, colon, plain.len())
}

/// Reads a header line that has no colon, or nothing in front of it, if that is tolerated.
fn odd_header<'a>(line: &'a [u8], rules: &Rules) -> Option<(&'a [u8], &'a [u8])> {
    match line {
        [b':', value @ ..] => rules
            .tolerance
            .headers_without_name
            .then_some((&line[..0], value)),
        name => rules
            .tolerance
            .headers_without_colon
            .then_some((name, &name[name.len()..])),
    }
}

fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    value
}

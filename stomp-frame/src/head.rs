use std::borrow::Cow;

use bytes::Bytes;

use crate::decode::Rules;
use crate::escape::{Escapes, Undefined};
use crate::headers::{Span, Spans, Text};
use crate::looks::looked_at;
use crate::scan::Block;
use crate::{Command, DecodeErrorKind, Headers, Version, grammar, header};

/// A head as far as it has arrived: the command line and the header lines.
///
/// All places count from the first octet of the frame.
#[derive(Debug, Default)]
pub(crate) struct Head {
    command: Option<Command>,
    spans: Spans,
    /// Where the current line begins.
    line: usize,
    /// The line does not end in front of this place.
    scanned: usize,
    /// What was seen of the current line.
    seen: Seen,
    /// The lines so far as they are meant, once one of them means something else than it says.
    plain: Option<Vec<u8>>,
    content_length: Option<ContentLength>,
}

/// What the scan saw of a line that may not be complete.
#[derive(Debug, Default)]
struct Seen {
    colon: Option<usize>,
    backslash: bool,
    /// An octet outside of ASCII.
    high: bool,
}

/// The header of this name, the first if there are several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentLength {
    /// Where its line begins.
    pub(crate) line: usize,
    /// Octets, if it says so in digits.
    pub(crate) octets: Option<u64>,
}

/// A rule is broken by what stands at this place of the frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: DecodeErrorKind,
    pub(crate) at: usize,
}

impl Head {
    pub(crate) fn command(&self) -> Command {
        self.command
            .expect("a head is complete only with its command line")
    }

    pub(crate) fn content_length(&self) -> Option<ContentLength> {
        self.content_length
    }

    /// Turns a complete head into headers, and makes room for the next.
    #[inline]
    pub(crate) fn take_headers(&mut self, text: Bytes) -> Headers {
        let text = match self.plain.take() {
            Some(plain) => Text::Owned(plain),
            None => Text::Shared(text),
        };
        let headers = Headers::from_parts(text, self.spans.take());
        self.command = None;
        self.line = 0;
        self.scanned = 0;
        self.content_length = None;
        headers
    }

    /// Reads on from where the last call stopped, and says where the body begins, once it does.
    pub(crate) fn read(&mut self, src: &[u8], rules: &Rules) -> Result<Option<usize>, Fault> {
        while !self.needs_more(src, rules) {
            if let Some(body) = self.read_block(src, rules)? {
                return Ok(Some(body));
            }
        }
        self.check_limits(self.scanned, rules).map(|()| None)
    }

    fn needs_more(&self, src: &[u8], rules: &Rules) -> bool {
        match src[self.scanned..] {
            [] => true,
            // Waits for its LF.
            [b'\r'] => rules.has_cr_lf(),
            _ => false,
        }
    }

    /// Reads the lines that end in the next block.
    #[inline]
    fn read_block(&mut self, src: &[u8], rules: &Rules) -> Result<Option<usize>, Fault> {
        let base = self.scanned;
        let mut block = Block::of(&src[base..]);
        looked_at(src[base..].len().min(Block::LEN));
        while block.structure != 0 {
            let bit = block.structure.trailing_zeros();
            let at = base + bit as usize;
            block.structure &= block.structure - 1;
            match src[at] {
                b':' => {
                    self.seen.colon.get_or_insert(at);
                }
                b'\n' => {
                    let has_cr = rules.has_cr_lf() && src[self.line..at].ends_with(b"\r");
                    let end = at - usize::from(has_cr);
                    self.check_limits(end, rules)?;
                    if end == self.line && self.command.is_some() {
                        return Ok(Some(at + 1));
                    }
                    self.seen.add(&block, bit);
                    self.read_line(&src[..end], rules)?;
                    self.seen = Seen::default();
                    self.line = at + 1;
                    block.forget_through(bit);
                }
                _ => self.check_control(src, at, rules)?,
            }
        }
        self.seen.add(&block, 63);
        self.scanned = src.len().min(base + Block::LEN);
        if self.scanned == src.len() && src.ends_with(b"\r") && rules.has_cr_lf() {
            self.scanned -= 1;
        }
        Ok(None)
    }

    /// Judges a control that is no LF.
    #[cold]
    fn check_control(&self, src: &[u8], at: usize, rules: &Rules) -> Result<(), Fault> {
        let kind = match (src[at], src.get(at + 1)) {
            (0, _) if !rules.tolerance.nul_in_headers => DecodeErrorKind::NulInHeader,
            (b'\r', Some(next)) if *next != b'\n' && rules.forbids_cr() => DecodeErrorKind::BareCr,
            _ => return Ok(()),
        };
        self.check_limits(at, rules)?;
        Err(Fault { kind, at })
    }

    /// Checks the limits for a line that reaches up to `end` at least.
    #[inline]
    fn check_limits(&self, end: usize, rules: &Rules) -> Result<(), Fault> {
        let limits = &rules.limits;
        let is_full = self.spans.len() >= limits.headers && self.command.is_some();
        let line_limit = self.line.saturating_add(limits.header_line);
        let kind = if is_full && end > self.line && self.line <= limits.head {
            DecodeErrorKind::TooManyHeaders
        } else if end <= line_limit.min(limits.head) {
            return Ok(());
        } else if line_limit <= limits.head {
            DecodeErrorKind::HeaderLineTooLong
        } else {
            DecodeErrorKind::HeadTooLong
        };
        Err(self.fault(kind))
    }

    /// Reads the current line, which ends where `src` ends.
    #[inline]
    fn read_line(&mut self, src: &[u8], rules: &Rules) -> Result<(), Fault> {
        if self.seen.high {
            return self.read_text_line(src, rules);
        }
        let line = &src[self.line..];
        let colon = self
            .seen
            .colon
            .map_or(line.len(), |colon| colon - self.line);
        self.read_parts(src, line, colon, rules)
            .map_err(|kind| self.fault(kind))
    }

    /// Reads a current line that has more than ASCII.
    #[cold]
    fn read_text_line(&mut self, src: &[u8], rules: &Rules) -> Result<(), Fault> {
        let line = &src[self.line..];
        looked_at(line.len());
        let text = match rules.tolerance.invalid_utf8 {
            true => String::from_utf8_lossy(line),
            false => match std::str::from_utf8(line) {
                Ok(text) => text.into(),
                Err(_) => return Err(self.fault(DecodeErrorKind::InvalidUtf8)),
            },
        };
        if let Cow::Owned(_) = text {
            self.start_plain(src);
        }
        let colon = memchr::memchr(b':', text.as_bytes()).unwrap_or(text.len());
        self.read_parts(src, text.as_bytes(), colon, rules)
            .map_err(|kind| self.fault(kind))
    }

    /// Reads what `line` says: a command, or else a name and a value, parted by the first colon.
    #[inline]
    fn read_parts(
        &mut self,
        src: &[u8],
        line: &[u8],
        colon: usize,
        rules: &Rules,
    ) -> Result<(), DecodeErrorKind> {
        let Some(command) = self.command else {
            looked_at(line.len());
            self.command = Some(read_command(line, rules)?);
            return Ok(());
        };
        let Ok((_, (name, value))) = grammar::header(line, colon) else {
            return Err(DecodeErrorKind::MalformedHeader);
        };
        if self.seen.backslash || self.plain.is_some() || rules.version == Version::V1_0 {
            return self.read_meaning(src, name, value, command, rules);
        }
        if self.content_length.is_none() && name == header::CONTENT_LENGTH.as_bytes() {
            self.read_content_length(value);
        }
        let colon = self.line + colon;
        self.spans.push(Span::new(self.line, colon, src.len()));
        Ok(())
    }

    /// Reads a header that may mean something else than it says.
    #[cold]
    fn read_meaning(
        &mut self,
        src: &[u8],
        name: &[u8],
        value: &[u8],
        command: Command,
        rules: &Rules,
    ) -> Result<(), DecodeErrorKind> {
        // 1.0: the examples pad all values.
        let padded = rules.version == Version::V1_0 && matches!(value, [b' ' | b'\t', ..]);
        let value = if padded { trim_blanks(value) } else { value };
        if self.content_length.is_none() && name == header::CONTENT_LENGTH.as_bytes() {
            self.read_content_length(value);
        }
        let escapes = Escapes::of(command, rules.version);
        if padded || self.seen.backslash && escapes != Escapes::None {
            self.start_plain(src);
        }
        let Some(plain) = &mut self.plain else {
            let colon = self.line + name.len();
            self.spans.push(Span::new(self.line, colon, src.len()));
            return Ok(());
        };
        looked_at(name.len() + value.len());
        let span = write_plain(name, value, escapes, plain);
        self.spans
            .push(span.map_err(|_| DecodeErrorKind::UndefinedEscape)?);
        Ok(())
    }

    #[cold]
    fn read_content_length(&mut self, value: &[u8]) {
        looked_at(header::CONTENT_LENGTH.len() + value.len());
        let octets = grammar::content_length(value);
        self.content_length = Some(ContentLength {
            line: self.line,
            octets: octets.ok().map(|(_, octets)| octets),
        });
    }

    /// Begins to write the lines as they are meant, with those in front of the current one, whose
    /// places stay the same.
    fn start_plain(&mut self, src: &[u8]) {
        if self.plain.is_none() {
            looked_at(self.line);
            let mut plain = Vec::with_capacity(src.len() + TYPICAL_REST);
            plain.extend_from_slice(&src[..self.line]);
            self.plain = Some(plain);
        }
    }

    #[cold]
    fn fault(&self, kind: DecodeErrorKind) -> Fault {
        Fault {
            kind,
            at: self.line,
        }
    }
}

/// How much longer a head may become without a second allocation for it.
const TYPICAL_REST: usize = 192;

impl Seen {
    /// Adds what a block says of the octets up to the one of `bit`.
    #[inline]
    fn add(&mut self, block: &Block, bit: u32) {
        let through = u64::MAX >> (63 - bit);
        self.backslash |= block.backslashes & through != 0;
        self.high |= block.high & through != 0;
    }
}

fn read_command(line: &[u8], rules: &Rules) -> Result<Command, DecodeErrorKind> {
    match grammar::command(line) {
        Ok((_, command)) if rules.know(command) => Ok(command),
        _ => Err(DecodeErrorKind::UnknownCommand),
    }
}

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

fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    value
}

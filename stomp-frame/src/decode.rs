use bytes::{Buf, Bytes, BytesMut};

use crate::escape::Escapes;
use crate::headers::{Span, Spans};
use crate::{Command, DecodeError, DecodeErrorKind, Frame, Headers, Limits, Side, Version};
use crate::{grammar, header};

/// What a [`Decoder`] finds in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every item is a frame; a box would cost an allocation each"
)]
pub enum Item {
    /// A complete frame.
    Frame(Frame),
    /// A run of this many line ends between frames: heart-beats, or the ends that servers like to
    /// put behind a frame. Nobody can tell the two apart, and nobody needs to.
    HeartBeat(usize),
}

/// Reads frames out of a buffer, in two stages.
///
/// A scan finds the lines of the head and remembers how far it looked, so that no octet is looked
/// at again however the transport cuts the stream; the grammar then reads each line complete. The
/// body waits for `content-length` octets, or for the first NUL.
///
/// A decoder starts under the rules of 1.2, which CONNECT and CONNECTED of every version obey; call
/// [`set_version`](Self::set_version) as soon as one of these frames settled the version. Items are
/// decoded one a call, so the very next octet is read under the new rules.
///
/// Memory grows with the octets received, never with a number that the peer wrote.
#[derive(Debug)]
pub struct Decoder {
    side: Side,
    version: Version,
    limits: Limits,
    state: State,
    /// What is known of a frame that is not complete yet.
    partial: Head,
    /// Octets of the stream in front of the current frame.
    consumed: u64,
}

impl Decoder {
    /// Makes a decoder for the frames that `side` sends.
    #[must_use]
    pub fn new(side: Side, limits: Limits) -> Self {
        Self {
            side,
            version: Version::V1_2,
            limits,
            state: State::Between,
            partial: Head::default(),
            consumed: 0,
        }
    }

    /// Tells which version's rules are in force.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Reads all further frames by the rules of `version`.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Replaces the limits, as a server does once it has accepted CONNECT.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes the next item off the front of `src`; `None` asks for more octets.
    ///
    /// Call it again until it says `None` before you read on. `src` must be the same buffer every
    /// time, changed only by appending.
    ///
    /// # Errors
    ///
    /// When the peer broke the protocol. There is no way to find the next frame then, so the
    /// decoder stays failed and says so on every further call. Frames in front of the fault were
    /// delivered.
    pub fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Item>, DecodeError> {
        let result = self.step(src);
        if let Err(error) = result {
            self.state = State::Failed(error);
        }
        result
    }

    fn step(&mut self, src: &mut BytesMut) -> Result<Option<Item>, DecodeError> {
        let mut head = match self.state {
            State::Failed(error) => return Err(error),
            State::Between => {
                if let Some(eols) = self.take_eols(src)? {
                    return Ok(Some(Item::HeartBeat(eols)));
                }
                if src.is_empty() || src[0] == b'\r' && self.version == Version::V1_2 {
                    return Ok(None);
                }
                Head::default()
            }
            State::Head => std::mem::take(&mut self.partial),
            State::Body(body) => return self.read_body(body, src),
        };
        match self.read_head(src, &mut head)? {
            Some(end) => {
                let body = self.begin_body(&head, end, src)?;
                self.partial = head;
                self.read_body(body, src)
            }
            None => {
                self.partial = head;
                self.state = State::Head;
                Ok(None)
            }
        }
    }

    /// Takes line ends between frames. A CR at the end of the input waits for its LF.
    fn take_eols(&mut self, src: &mut BytesMut) -> Result<Option<usize>, DecodeError> {
        let mut at = 0;
        let mut eols = 0;
        loop {
            match src.get(at) {
                Some(b'\n') => at += 1,
                Some(b'\r') if self.version == Version::V1_2 => match src.get(at + 1) {
                    Some(b'\n') => at += 2,
                    Some(_) if eols == 0 => return Err(self.error(DecodeErrorKind::BareCr, at)),
                    _ => break,
                },
                _ => break,
            }
            eols += 1;
        }
        self.consume(src, at);
        Ok((eols > 0).then_some(eols))
    }

    /// Reads lines up to the blank one, and says where the body begins; `None` if it is not there.
    fn read_head(&self, src: &[u8], head: &mut Head) -> Result<Option<usize>, DecodeError> {
        loop {
            let Some((end, next)) = self.find_line_end(src, head)? else {
                self.check_lines(src, head)?;
                return Ok(None);
            };
            if end == head.line && head.command.is_some() {
                self.check_lines(src, head)?;
                return Ok(Some(next));
            }
            if let Err(kind) = self.read_line(&src[head.line..end], head) {
                return Err(self.line_error(src, head, end, kind));
            }
            head.line = next;
            head.scanned = next;
        }
    }

    /// Finds the end of the current line without its line end, and where the next begins.
    fn find_line_end(
        &self,
        src: &[u8],
        head: &mut Head,
    ) -> Result<Option<(usize, usize)>, DecodeError> {
        let rest = &src[head.scanned..];
        let found = match self.version {
            Version::V1_2 => memchr::memchr3(b'\n', b'\r', 0, rest),
            _ => memchr::memchr2(b'\n', 0, rest),
        };
        head.scanned += found.unwrap_or(rest.len());
        if head.scanned - head.line > self.limits.header_line {
            return Err(self.fault(src, head, DecodeErrorKind::HeaderLineTooLong, head.line));
        }
        if head.scanned > self.limits.head {
            return Err(self.fault(src, head, DecodeErrorKind::HeadTooLong, head.line));
        }
        if found.is_none() {
            return Ok(None);
        }
        let at = head.scanned;
        match (src[at], src.get(at + 1)) {
            (b'\n', _) => Ok(Some((at, at + 1))),
            (b'\r', Some(b'\n')) => Ok(Some((at, at + 2))),
            (b'\r', None) => Ok(None),
            (b'\r', _) => Err(self.fault(src, head, DecodeErrorKind::BareCr, at)),
            _ => Err(self.fault(src, head, DecodeErrorKind::NulInHeader, at)),
        }
    }

    fn read_line(&self, line: &[u8], head: &mut Head) -> Result<(), DecodeErrorKind> {
        let Some(_) = head.command else {
            let command = match grammar::command(line) {
                Ok((_, command)) => command,
                Err(_) => return Err(DecodeErrorKind::UnknownCommand),
            };
            if command.side() != self.side || !command.exists_in(self.version) {
                return Err(DecodeErrorKind::UnknownCommand);
            }
            head.command = Some(command);
            return Ok(());
        };
        if head.spans.len() >= self.limits.headers {
            return Err(DecodeErrorKind::TooManyHeaders);
        }
        let (name, value) = match grammar::header(line) {
            Ok((_, pair)) => pair,
            Err(_) => return Err(DecodeErrorKind::MalformedHeader),
        };
        let padding = match self.version {
            Version::V1_0 => leading_blanks(value),
            _ => 0,
        };
        let name_end = head.line + name.len();
        let span = Span {
            start: head.line as u32,
            name_end: name_end as u32,
            value: (name_end + 1 + padding) as u32,
            end: (head.line + line.len()) as u32,
        };
        if head.content_length.is_none() && name == header::CONTENT_LENGTH.as_bytes() {
            head.content_length = Some(span);
        }
        head.spans.push(span);
        Ok(())
    }

    /// Checks the complete lines that were not checked yet: UTF-8, and escapes.
    ///
    /// Most heads are plain ASCII without a backslash, so a whole head is judged at one go, and
    /// line by line only when there is something to find.
    fn check_lines(&self, src: &[u8], head: &mut Head) -> Result<(), DecodeError> {
        let lines = &src[head.checked..head.line];
        let Traits { ascii, backslash } = Traits::of(lines);
        let escapes = head
            .command
            .map_or(Escapes::None, |command| Escapes::of(command, self.version));
        let escaped = backslash && escapes != Escapes::None;
        if !ascii || escaped {
            let mut at = head.checked;
            for line in lines.split_inclusive(|&byte| byte == b'\n') {
                let kind = if std::str::from_utf8(line).is_err() {
                    Some(DecodeErrorKind::InvalidUtf8)
                } else if escaped && at > 0 && !escapes.is_well_formed(trim_eol(line)) {
                    Some(DecodeErrorKind::UndefinedEscape)
                } else {
                    None
                };
                if let Some(kind) = kind {
                    return Err(self.error(kind, at));
                }
                at += line.len();
            }
        }
        head.escaped |= escaped;
        head.checked = head.line;
        Ok(())
    }

    /// The error for the current line, unless an earlier line has one, or this one a graver.
    fn line_error(
        &self,
        src: &[u8],
        head: &mut Head,
        end: usize,
        kind: DecodeErrorKind,
    ) -> DecodeError {
        let kind = match std::str::from_utf8(&src[head.line..end]) {
            Err(_) if kind != DecodeErrorKind::TooManyHeaders => DecodeErrorKind::InvalidUtf8,
            _ => kind,
        };
        self.fault(src, head, kind, head.line)
    }

    /// The error at `position`, unless an earlier line has one.
    fn fault(
        &self,
        src: &[u8],
        head: &mut Head,
        kind: DecodeErrorKind,
        position: usize,
    ) -> DecodeError {
        match self.check_lines(src, head) {
            Err(earlier) => earlier,
            Ok(()) => self.error(kind, position),
        }
    }

    /// Judges what the head says of the body.
    fn begin_body(&self, head: &Head, start: usize, src: &[u8]) -> Result<Body, DecodeError> {
        let mut body = Body {
            start,
            scanned: start,
            length: None,
        };
        let Some(span) = head.content_length else {
            return Ok(body);
        };
        let at = span.start as usize;
        let Ok((_, length)) = grammar::content_length(&src[span.value()]) else {
            return Err(self.error(DecodeErrorKind::BadContentLength, at));
        };
        if length > 0 && !self.may_have_body(head) {
            return Err(self.error(DecodeErrorKind::BodyNotAllowed, at));
        }
        match usize::try_from(length) {
            Ok(octets) if length <= self.limits.body => body.length = Some(octets),
            _ => return Err(self.error(DecodeErrorKind::BodyTooLong, at)),
        }
        Ok(body)
    }

    fn read_body(
        &mut self,
        mut body: Body,
        src: &mut BytesMut,
    ) -> Result<Option<Item>, DecodeError> {
        let end = match body.length {
            Some(length) => self.end_by_length(&body, length, src)?,
            None => self.end_by_nul(&mut body, src)?,
        };
        match end {
            Some(end) => {
                self.state = State::Between;
                Ok(Some(Item::Frame(self.finish(body.start, end, src))))
            }
            None => {
                self.state = State::Body(body);
                Ok(None)
            }
        }
    }

    fn end_by_length(
        &self,
        body: &Body,
        length: usize,
        src: &mut BytesMut,
    ) -> Result<Option<usize>, DecodeError> {
        let end = body.start + length;
        match src.get(end) {
            Some(0) => Ok(Some(end)),
            Some(_) => Err(self.error(DecodeErrorKind::MissingNulAfterBody, end)),
            None => {
                let missing = end + 1 - src.len();
                src.reserve(missing.min(AHEAD));
                Ok(None)
            }
        }
    }

    fn end_by_nul(&self, body: &mut Body, src: &[u8]) -> Result<Option<usize>, DecodeError> {
        let nul = memchr::memchr(0, &src[body.scanned..]).map(|found| body.scanned + found);
        body.scanned = nul.unwrap_or(src.len());
        let length = body.scanned - body.start;
        if length > 0 && !self.may_have_body(&self.partial) {
            return Err(self.error(DecodeErrorKind::BodyNotAllowed, body.start));
        }
        if length as u64 > self.limits.body {
            return Err(self.error(DecodeErrorKind::BodyTooLong, body.start));
        }
        Ok(nul)
    }

    /// Cuts a complete frame off the buffer. Copies nothing, unless the head has escapes.
    fn finish(&mut self, start: usize, end: usize, src: &mut BytesMut) -> Frame {
        let Head {
            command,
            spans,
            escaped,
            ..
        } = std::mem::take(&mut self.partial);
        let command = command.expect("a head is complete only with its command line");
        let text = src.split_to(start).freeze();
        let body = match end - start {
            0 => Bytes::new(),
            length => src.split_to(length).freeze(),
        };
        src.advance(1);
        self.consumed += end as u64 + 1;
        let headers = match escaped {
            false => Headers::shared(text, spans),
            true => unescape(&text, &spans, Escapes::of(command, self.version)),
        };
        Frame {
            command,
            headers,
            body,
        }
    }

    fn may_have_body(&self, head: &Head) -> bool {
        head.command
            .is_some_and(|command| command.may_have_body(self.version))
    }

    fn consume(&mut self, src: &mut BytesMut, octets: usize) {
        src.advance(octets);
        self.consumed += octets as u64;
    }

    fn error(&self, kind: DecodeErrorKind, at: usize) -> DecodeError {
        DecodeError {
            kind,
            position: self.consumed + at as u64,
        }
    }
}

/// How much buffer is asked for ahead of a body that has not arrived.
const AHEAD: usize = 64 << 10;

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between frames, where only line ends may stand.
    Between,
    /// In a line of a head.
    Head,
    /// Behind a head.
    Body(Body),
    /// The peer broke the protocol.
    Failed(DecodeError),
}

/// What is known of a head. All places count from the first octet of the frame.
#[derive(Debug, Default)]
struct Head {
    command: Option<Command>,
    spans: Spans,
    /// Where the current line begins.
    line: usize,
    /// The current line does not end before this place.
    scanned: usize,
    /// Lines in front of this place are UTF-8, their escapes defined.
    checked: usize,
    /// Some line has an escape to undo.
    escaped: bool,
    content_length: Option<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Body {
    start: usize,
    /// There is no NUL in front of this place.
    scanned: usize,
    /// As `content-length` says, if it says anything.
    length: Option<usize>,
}

/// What the octets of a head have in common, found in one pass that the compiler vectorises.
struct Traits {
    ascii: bool,
    backslash: bool,
}

impl Traits {
    fn of(text: &[u8]) -> Self {
        const LANES: usize = 32;
        let mut high = [0u8; LANES];
        let mut back = [0u8; LANES];
        let mut see = |block: &[u8; LANES]| {
            for lane in 0..LANES {
                high[lane] |= block[lane];
                back[lane] |= u8::from(block[lane] == b'\\');
            }
        };
        let (blocks, tail) = text.as_chunks::<LANES>();
        blocks.iter().for_each(&mut see);
        let mut last = [0u8; LANES];
        last[..tail.len()].copy_from_slice(tail);
        see(&last);
        Self {
            ascii: high.iter().fold(0, |all, lane| all | lane) < 0x80,
            backslash: back.iter().fold(0, |all, lane| all | lane) != 0,
        }
    }
}

fn leading_blanks(value: &[u8]) -> usize {
    value
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count()
}

fn trim_eol(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn unescape(text: &[u8], spans: &Spans, escapes: Escapes) -> Headers {
    let text = std::str::from_utf8(text).expect("`check_lines` found the head to be UTF-8");
    let mut plain = String::with_capacity(text.len());
    let mut places = Spans::default();
    for span in spans.iter() {
        let start = plain.len() as u32;
        escapes.unescape_into(&text[span.name()], &mut plain);
        let value = plain.len() as u32;
        escapes.unescape_into(&text[span.value()], &mut plain);
        places.push(Span {
            start,
            name_end: value,
            value,
            end: plain.len() as u32,
        });
    }
    Headers::owned(plain, places)
}

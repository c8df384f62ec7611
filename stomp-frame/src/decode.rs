use bytes::{Buf, Bytes, BytesMut};

use crate::head::{ContentLength, Fault, Head};
use crate::looks::looked_at;
use crate::{Command, DecodeError, DecodeErrorKind, Frame, Limits, Side, Tolerance, Version};

/// What a [`Decoder`] finds in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// A complete frame.
    Frame(Frame),
    /// A run of this many line ends between frames: heart-beats, or the ends that servers like to
    /// put behind a frame. Nobody can tell the two apart, and nobody needs to.
    HeartBeat(usize),
    /// A frame without its body, which is [skipped](Oversized::Skip) as it arrives.
    TooLarge {
        /// The frame. Its body is empty.
        frame: Frame,
        /// The length of the body, in octets.
        length: u64,
    },
}

/// What a [`Decoder`] does about a body that is longer than [`Limits::body`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oversized {
    /// Fails with [`BodyTooLong`](DecodeErrorKind::BodyTooLong). The default.
    #[default]
    Refuse,
    /// If `content-length` announces it: hands out [`Item::TooLarge`] in its place, and drops the
    /// body as it arrives. So one message that is too large for a client does not end its
    /// connection, which would only be delivered the same message again.
    ///
    /// A body without `content-length` still fails: nobody knows how long it will be.
    Skip,
}

/// Reads frames out of a buffer, in two stages.
///
/// ```text
///             LF, CR LF               head complete
///            ┌─────────┐   ┌──────┐ ──────────────────► ┌──────┐
///  new() ──► │ Between │──►│ Head │                     │ Body │──┐
///            └─────────┘   └──────┘ ─── too large ────► │ Skip │  │ NUL
///                 ▲                                     └──────┘  │
///                 └───────────────────────────────────────────────┘
/// ```
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
    rules: Rules,
    state: State,
    /// What is known of a frame that is not complete yet.
    head: Head,
    /// Octets of the stream in front of the current frame.
    consumed: u64,
}

/// What a decoder goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    side: Side,
    pub(crate) version: Version,
    pub(crate) limits: Limits,
    pub(crate) tolerance: Tolerance,
    oversized: Oversized,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between frames, where only line ends may stand.
    Between,
    /// In a line of a head.
    Head,
    /// Behind a head.
    Body(Body),
    /// Behind a head that announces a body beyond the limit.
    TooLarge { start: usize, length: u64 },
    /// In such a body: this many octets are still to be dropped, and then the NUL.
    Skip(u64),
    /// The peer broke the protocol.
    Failed(DecodeError),
}

/// A body that is not complete yet. Places count from the first octet of the frame.
#[derive(Clone, Copy, Debug)]
struct Body {
    start: usize,
    /// There is no NUL in front of this place.
    scanned: usize,
    /// As `content-length` says, if it says anything.
    length: Option<usize>,
}

impl Decoder {
    /// Makes a decoder for the frames that `side` sends.
    #[must_use]
    pub fn new(side: Side, limits: Limits) -> Self {
        Self {
            rules: Rules {
                side,
                version: Version::V1_2,
                limits,
                tolerance: Tolerance::strict(),
                oversized: Oversized::Refuse,
            },
            state: State::Between,
            head: Head::default(),
            consumed: 0,
        }
    }

    /// Chooses what to take beyond the specification.
    #[must_use]
    pub const fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.rules.tolerance = tolerance;
        self
    }

    /// Chooses what to do about a body that is longer than the limit.
    #[must_use]
    pub const fn oversized(mut self, oversized: Oversized) -> Self {
        self.rules.oversized = oversized;
        self
    }

    /// Tells which version's rules are in force.
    #[must_use]
    pub fn version(&self) -> Version {
        self.rules.version
    }

    /// Reads all further frames by the rules of `version`.
    pub fn set_version(&mut self, version: Version) {
        self.rules.version = version;
    }

    /// Replaces the limits, as a server does once it has accepted CONNECT.
    pub fn set_limits(&mut self, limits: Limits) {
        self.rules.limits = limits;
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
        self.step(src)
            .map_err(|Fault { kind, at }| self.fail(kind, at))
    }

    #[cold]
    fn fail(&mut self, kind: DecodeErrorKind, at: usize) -> DecodeError {
        let error = match self.state {
            State::Failed(first) => first,
            _ => DecodeError {
                kind,
                position: self.consumed + at as u64,
            },
        };
        self.state = State::Failed(error);
        error
    }

    #[inline]
    fn step(&mut self, src: &mut BytesMut) -> Result<Option<Item>, Fault> {
        loop {
            self.state = match self.state {
                State::Between => {
                    let eols = self.take_line_ends(src)?;
                    if eols > 0 {
                        return Ok(Some(Item::HeartBeat(eols)));
                    }
                    if self.awaits_frame(src) {
                        return Ok(None);
                    }
                    State::Head
                }
                State::Head => match self.head.read(src, &self.rules)? {
                    Some(start) => self.begin_body(start)?,
                    None => return Ok(None),
                },
                State::Body(body) => return self.read_body(body, src),
                State::TooLarge { start, length } => {
                    let frame = self.take_frame(start, 0, src);
                    self.state = State::Skip(length);
                    return Ok(Some(Item::TooLarge { frame, length }));
                }
                State::Skip(left) => {
                    let left = self.drop_octets(left, src);
                    self.state = State::Skip(left);
                    match src.first() {
                        None => return Ok(None),
                        Some(0) => self.consume(1, src),
                        Some(_) => {
                            let kind = DecodeErrorKind::MissingNulAfterBody;
                            return Err(Fault { kind, at: 0 });
                        }
                    }
                    State::Between
                }
                State::Failed(DecodeError { kind, .. }) => return Err(Fault { kind, at: 0 }),
            };
        }
    }

    /// Takes line ends between frames. A CR at the end of the input waits for its LF.
    #[inline]
    fn take_line_ends(&mut self, src: &mut BytesMut) -> Result<usize, Fault> {
        let rules = &self.rules;
        let (mut at, mut eols) = (0, 0);
        loop {
            match (src.get(at), src.get(at + 1)) {
                (Some(b'\n'), _) => at += 1,
                (Some(b'\r'), Some(b'\n')) if rules.has_cr_lf() => at += 2,
                (Some(0), _) if rules.tolerance.nul_between_frames => {
                    at += 1;
                    continue;
                }
                (Some(b'\r'), Some(_)) if rules.forbids_cr() && at == 0 => {
                    let kind = DecodeErrorKind::BareCr;
                    return Err(Fault { kind, at });
                }
                _ => break,
            }
            eols += 1;
        }
        looked_at(at);
        self.consume(at, src);
        Ok(eols)
    }

    fn awaits_frame(&self, src: &[u8]) -> bool {
        src.is_empty() || src == b"\r" && self.rules.has_cr_lf()
    }

    /// Judges what the head says of the body.
    #[inline]
    fn begin_body(&self, start: usize) -> Result<State, Fault> {
        let body = |length| Body {
            start,
            scanned: start,
            length,
        };
        let Some(ContentLength { line, octets }) = self.head.content_length() else {
            return Ok(State::Body(body(None)));
        };
        let fault = |kind| Fault { kind, at: line };
        let length = octets.ok_or(fault(DecodeErrorKind::BadContentLength))?;
        if length > 0 && !self.may_have_body() {
            return Err(fault(DecodeErrorKind::BodyNotAllowed));
        }
        match usize::try_from(length) {
            Ok(octets) if length <= self.rules.limits.body => Ok(State::Body(body(Some(octets)))),
            _ if self.rules.oversized == Oversized::Skip => Ok(State::TooLarge { start, length }),
            _ => Err(fault(DecodeErrorKind::BodyTooLong)),
        }
    }

    #[inline]
    fn read_body(&mut self, mut body: Body, src: &mut BytesMut) -> Result<Option<Item>, Fault> {
        let length = match body.length {
            Some(length) => read_counted(&body, length, src)?,
            None => self.read_until_nul(&mut body, src)?,
        };
        let Some(length) = length else {
            self.state = State::Body(body);
            return Ok(None);
        };
        let is_spare = length > 0 && !self.may_have_body();
        let mut frame = self.take_frame(body.start, length, src);
        if is_spare {
            frame.body.clear();
        }
        self.consume(1, src);
        self.state = State::Between;
        Ok(Some(Item::Frame(frame)))
    }

    fn read_until_nul(&self, body: &mut Body, src: &[u8]) -> Result<Option<usize>, Fault> {
        let rest = &src[body.scanned..];
        let nul = memchr::memchr(0, rest);
        let octets = nul.unwrap_or(rest.len());
        looked_at(octets);
        body.scanned += octets;
        let text = &src[body.start..body.scanned];
        let fault = |kind| {
            Err(Fault {
                kind,
                at: body.start,
            })
        };
        if !text.is_empty() && !self.may_have_body() {
            let is_line_end = match nul {
                Some(_) => matches!(text, b"\n" | b"\r\n"),
                None => matches!(text, b"\n" | b"\r\n" | b"\r"),
            };
            return match is_line_end && self.rules.tolerance.spare_line_end {
                true => Ok(nul.map(|_| text.len())),
                false => fault(DecodeErrorKind::BodyNotAllowed),
            };
        }
        if text.len() as u64 > self.rules.limits.body {
            return fault(DecodeErrorKind::BodyTooLong);
        }
        Ok(nul.map(|_| text.len()))
    }

    /// Drops what has arrived of a body, and tells how much of it is still to come.
    fn drop_octets(&mut self, left: u64, src: &mut BytesMut) -> u64 {
        let here = usize::try_from(left).map_or(src.len(), |left| left.min(src.len()));
        self.consume(here, src);
        left - here as u64
    }

    /// Cuts a complete frame off the buffer, without copying it.
    #[inline]
    fn take_frame(&mut self, start: usize, length: usize, src: &mut BytesMut) -> Frame {
        let command = self.head.command();
        let head = src.split_to(start).freeze();
        let body = match length {
            0 => Bytes::new(),
            _ => src.split_to(length).freeze(),
        };
        self.consumed += (start + length) as u64;
        Frame {
            command,
            headers: self.head.take_headers(head),
            body,
        }
    }

    fn may_have_body(&self) -> bool {
        self.head.command().may_have_body(self.rules.version)
    }

    fn consume(&mut self, octets: usize, src: &mut BytesMut) {
        if octets > 0 {
            src.advance(octets);
            self.consumed += octets as u64;
        }
    }
}

/// How much buffer is asked for ahead of a body that has not arrived.
///
/// The buffer doubles when it grows, so a partial body is moved a few times at most, and large
/// blocks are moved by remapping their pages. Asking at once for all that `content-length` says
/// would save that, and let a peer that sends 30 octets have 16 MiB.
const AHEAD: usize = 64 << 10;

/// Room for less than this is too little for a read.
const SMALL_READ: usize = 4 << 10;

/// Waits for a body of known length and its NUL.
fn read_counted(body: &Body, length: usize, src: &mut BytesMut) -> Result<Option<usize>, Fault> {
    let end = body.start + length;
    match src.get(end) {
        Some(0) => Ok(Some(length)),
        Some(_) => Err(Fault {
            kind: DecodeErrorKind::MissingNulAfterBody,
            at: end,
        }),
        None => {
            if src.capacity() - src.len() < SMALL_READ {
                let missing = end + 1 - src.len();
                src.reserve(missing.min(AHEAD));
            }
            Ok(None)
        }
    }
}

impl Rules {
    /// Tells whether `command` is one that the peer may send.
    pub(crate) fn know(&self, command: Command) -> bool {
        command.side() == self.side && command.exists_in(self.version)
    }

    /// Tells whether CR LF ends a line, as LF does.
    pub(crate) fn has_cr_lf(&self) -> bool {
        self.version == Version::V1_2 || self.tolerance.cr_lf
    }

    /// Tells whether CR has no other place than in front of LF.
    pub(crate) fn forbids_cr(&self) -> bool {
        self.version == Version::V1_2
    }
}

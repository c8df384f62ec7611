use bytes::{Buf, Bytes, BytesMut};

use crate::body::{Announced, Body, Extent};
use crate::fault::Fault;
use crate::head::Head;
use crate::looks::looked_at;
use crate::rules::Rules;
use crate::{DecodeError, DecodeErrorKind, Frame, Limits, Side, Tolerance, Version};

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

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between frames, where only line ends may stand.
    Between,
    /// In a line of a head.
    Head,
    /// Behind a head.
    Body(Body),
    /// In a body beyond the limit: this many octets are still to be dropped, and then the NUL.
    Skip(u64),
    /// The peer broke the protocol.
    Failed(DecodeError),
}

/// What there is at the front of the buffer.
enum Found {
    /// Nothing that is complete.
    Nothing,
    /// This many line ends, taken.
    LineEnds(usize),
    /// A frame, still to be taken.
    Frame(Extent),
    /// A head still to be taken, whose body begins at `start` and is to be skipped.
    TooLarge { start: usize, length: u64 },
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
            head: Head::new(),
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
    /// # The buffer
    ///
    /// Frames share the buffer they were read into; [`BytesMut::reserve`] uses it again once they
    /// are dropped. Reserve room for a read before each read, 16 KiB say. Within a body that
    /// `content-length` announced the decoder does so when less than 4 KiB is left: as much as is
    /// missing of the body, and 64 KiB at most.
    ///
    /// The decoder never copies a body. The buffer does when it grows: at least to the double each
    /// time, so it copies each octet of a large body once on average.
    ///
    /// # Errors
    ///
    /// When the peer broke the protocol. There is no way to find the next frame then, so the
    /// decoder stays failed and says so on every further call. Frames in front of the fault were
    /// delivered.
    pub fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Item>, DecodeError> {
        match self.find(src) {
            Ok(Found::Nothing) => Ok(None),
            Ok(Found::LineEnds(count)) => Ok(Some(Item::HeartBeat(count))),
            Ok(Found::Frame(extent)) => {
                self.state = State::Between;
                Ok(Some(Item::Frame(self.take_frame(extent, src))))
            }
            Ok(Found::TooLarge { start, length }) => {
                self.state = State::Skip(length);
                let frame = self.take_head(start, src);
                Ok(Some(Item::TooLarge { frame, length }))
            }
            Err(fault) => Err(self.fail(fault)),
        }
    }

    #[cold]
    fn fail(&mut self, Fault { kind, at }: Fault) -> DecodeError {
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

    /// Goes from stage to stage as far as the octets reach.
    #[inline]
    fn find(&mut self, src: &mut BytesMut) -> Result<Found, Fault> {
        if let State::Skip(left) = self.state {
            self.skip(left, src)?;
        }
        if let State::Between = self.state {
            let eols = self.take_line_ends(src);
            if eols > 0 {
                return Ok(Found::LineEnds(eols));
            }
            if src.is_empty() || src == "\r" && self.rules.has_cr_lf() {
                return Ok(Found::Nothing);
            }
            self.state = State::Head;
        }
        let body = match self.state {
            State::Head => match self.head.read(src, &self.rules)? {
                Some(start) => Body::announced(&self.head, start, &self.rules)?,
                None => return Ok(Found::Nothing),
            },
            State::Body(body) => Announced::Body(body),
            State::Failed(DecodeError { kind, .. }) => return Err(Fault { kind, at: 0 }),
            State::Between | State::Skip(_) => return Ok(Found::Nothing),
        };
        match body {
            Announced::Body(body) => self.read_body(body, src),
            Announced::TooLarge { start, length } => Ok(Found::TooLarge { start, length }),
        }
    }

    #[inline]
    fn read_body(&mut self, mut body: Body, src: &mut BytesMut) -> Result<Found, Fault> {
        match body.read(src, &self.head, &self.rules)? {
            Some(extent) => Ok(Found::Frame(extent)),
            None => {
                self.state = State::Body(body);
                Ok(Found::Nothing)
            }
        }
    }

    /// Drops what has arrived of a body that is too large, with the NUL behind it.
    #[cold]
    fn skip(&mut self, left: u64, src: &mut BytesMut) -> Result<(), Fault> {
        let here = usize::try_from(left).map_or(src.len(), |left| left.min(src.len()));
        self.consume(here, src);
        self.state = State::Skip(left - here as u64);
        match src.first() {
            None => Ok(()),
            Some(0) => {
                self.consume(1, src);
                self.state = State::Between;
                Ok(())
            }
            Some(_) => Err(Fault {
                kind: DecodeErrorKind::MissingNulAfterBody,
                at: 0,
            }),
        }
    }

    /// Takes line ends between frames. A CR without LF is left for the head to judge.
    #[inline]
    fn take_line_ends(&mut self, src: &mut BytesMut) -> usize {
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
                _ => break,
            }
            eols += 1;
        }
        looked_at(at);
        self.consume(at, src);
        eols
    }

    /// Cuts a complete frame off the buffer, without copying it.
    #[inline]
    fn take_frame(&mut self, Extent { body, length, end }: Extent, src: &mut BytesMut) -> Frame {
        let head = src.split_to(body).freeze();
        let body = match length {
            0 => Bytes::new(),
            _ => src.split_to(length).freeze(),
        };
        src.advance(end - head.len() - length);
        self.consumed += end as u64;
        Frame {
            command: self.head.command(),
            headers: self.head.take_headers(head),
            body,
        }
    }

    /// Cuts a complete head off the buffer.
    fn take_head(&mut self, start: usize, src: &mut BytesMut) -> Frame {
        self.consumed += start as u64;
        Frame {
            command: self.head.command(),
            headers: self.head.take_headers(src.split_to(start).freeze()),
            body: Bytes::new(),
        }
    }

    fn consume(&mut self, octets: usize, src: &mut BytesMut) {
        if octets > 0 {
            src.advance(octets);
            self.consumed += octets as u64;
        }
    }
}

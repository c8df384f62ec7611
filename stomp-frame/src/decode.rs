mod recover;

use bytes::{Buf, Bytes, BytesMut};

use self::recover::Unreadable;
use crate::body::{Body, Extent};
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
    /// A frame that cannot be read, and is [skipped](OnUnreadable::Skip). The stream goes on behind
    /// it.
    Unreadable {
        /// What could be picked out of it: its command, and those of its headers that can be read.
        /// Beyond the limits these are the first of each that is needed to settle a MESSAGE, or to
        /// tell what it was. Its body is empty.
        frame: Frame,
        /// Why it cannot be read: the first of its faults.
        error: DecodeError,
        /// The length of the body in octets, if it was announced.
        length: Option<u64>,
    },
}

/// What a [`Decoder`] does about a frame that it cannot read, as long as it knows where the frame
/// ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnUnreadable {
    /// Fails. The default.
    #[default]
    Refuse,
    /// Hands out [`Item::Unreadable`] in its place, and drops the frame as it arrives: memory does
    /// not grow with it. So one odd message does not end the connection of a client, which would
    /// only be delivered the same message again.
    ///
    /// - Any frame whose body is longer than [`Limits::body`]. The item comes as soon as that is
    ///   known.
    /// - MESSAGE and ERROR with a head beyond the limits. The item comes with the end of the head.
    /// - MESSAGE with a line in its head that is no header, not UTF-8, or not escaped as the version
    ///   has it. The same.
    ///
    /// What loses the end of the frame still fails: a NUL in a head, a command in the place of a header, a `content-length` that is no
    /// number or has no NUL where it says; and so does any other frame.
    Skip,
}

/// Reads frames out of a buffer, in two stages.
///
/// ```text
///             LF, CR LF               head complete
///            ┌─────────┐   ┌──────┐ ──────────────────► ┌──────┐
///  new() ──► │ Between │──►│ Head │                     │ Body │──┐
///            └─────────┘   └──────┘ ─── too long ─────► └──────┘  │
///                 ▲            │ cannot be read            │      │ NUL
///                 │            ▼                           ▼      │
///                 │       ┌─────────┐                   ┌──────┐  │
///                 │       │ Salvage │ ────────────────► │ Skip │──┤
///                 │       └─────────┘                   └──────┘  │
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
    /// What there is to a frame that cannot be read. Not part of the state, which is looked at for
    /// every frame.
    unreadable: Unreadable,
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
    /// In a frame that cannot be read: see [`Decoder::unreadable`].
    Unreadable,
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
    /// A head, still to be taken up to here, of a frame that cannot be read.
    Unreadable(usize),
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
                unreadable: OnUnreadable::Refuse,
                in_messages: false,
            },
            state: State::Between,
            head: Head::new(),
            unreadable: Unreadable::NOTHING,
            consumed: 0,
        }
    }

    /// Chooses what to take beyond the specification.
    #[must_use]
    pub const fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.rules.tolerance = tolerance;
        self
    }

    /// Chooses what to do about a frame that cannot be read.
    #[must_use]
    pub const fn unreadable(mut self, unreadable: OnUnreadable) -> Self {
        self.rules.unreadable = unreadable;
        self
    }

    /// Says that every message of the transport ends a frame, as over WebSocket with RabbitMQ and
    /// ActiveMQ, and that each end is told by [`end_of_message`](Self::end_of_message).
    ///
    /// Then a MESSAGE or ERROR with octets behind the end of its body does not lose the end of the
    /// frame, and is [skipped](OnUnreadable::Skip) like others that cannot be read. ActiveMQ sends
    /// such over WebSocket: it writes U+FFFD for each octet of a body that is not UTF-8, and the
    /// `content-length` of before (observed).
    #[must_use]
    pub const fn in_messages(mut self) -> Self {
        self.rules.in_messages = true;
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

    /// Reads further frames with this [tolerance](Self::tolerance), as a client does once it knows
    /// its broker.
    pub fn set_tolerance(&mut self, tolerance: Tolerance) {
        self.rules.tolerance = tolerance;
    }

    /// Says from now on that every message of the transport ends a frame: see
    /// [`in_messages`](Self::in_messages).
    pub fn set_in_messages(&mut self) {
        self.rules.in_messages = true;
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
        let start = match self.find(src) {
            Ok(Found::Nothing) => return Ok(None),
            Ok(Found::LineEnds(count)) => return Ok(Some(Item::HeartBeat(count))),
            Ok(Found::Frame(extent)) => {
                self.state = State::Between;
                return Ok(Some(Item::Frame(self.take_frame(extent, src))));
            }
            Ok(Found::Unreadable(start)) => Some(start),
            Err(fault) => self.recover(fault, src)?,
        };
        Ok(start.map(|start| self.take_unreadable(start, src)))
    }

    /// Tells whether a frame has begun and is not complete yet, as far as the octets go that
    /// [`decode`](Self::decode) has seen. A frame that is skipped counts until its last octet.
    ///
    /// A stream that ends there was cut short.
    #[must_use]
    pub fn is_inside_frame(&self) -> bool {
        !matches!(self.state, State::Between | State::Failed(_))
    }

    fn error(&self, kind: DecodeErrorKind, at: usize) -> DecodeError {
        let position = self.consumed + at as u64;
        DecodeError { kind, position }
    }

    #[cold]
    fn fail(&mut self, error: DecodeError) -> DecodeError {
        let error = match self.state {
            State::Failed(first) => first,
            _ => error,
        };
        self.state = State::Failed(error);
        error
    }

    /// Goes from stage to stage as far as the octets reach.
    #[inline]
    fn find(&mut self, src: &mut BytesMut) -> Result<Found, Fault> {
        if let State::Unreadable = self.state
            && let Some(found) = self.find_in_unreadable(src)?
        {
            return Ok(found);
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
            State::Body(body) => body,
            State::Failed(DecodeError { kind, .. }) => return Err(Fault { kind, at: 0 }),
            State::Between | State::Unreadable => return Ok(Found::Nothing),
        };
        self.read_body(body, src)
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

    fn consume(&mut self, octets: usize, src: &mut BytesMut) {
        if octets > 0 {
            src.advance(octets);
            self.consumed += octets as u64;
        }
    }
}

//! How a decoder goes on behind a frame that it cannot read. All of it is off the path of frames
//! that are as they should be.

use bytes::{Bytes, BytesMut};

use super::{Decoder, Found, Item, OnUnreadable, State};
use crate::fault::Fault;
use crate::head::ContentLength;
use crate::looks::looked_at;
use crate::salvage::{Salvage, Step};
use crate::{DecodeError, DecodeErrorKind, Frame};

/// What there is to a frame that cannot be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unreadable {
    why: DecodeError,
    rest: Rest,
}

impl Unreadable {
    /// There is no such frame.
    pub(super) const NOTHING: Self = Self {
        why: DecodeError {
            kind: DecodeErrorKind::CutShort,
            position: 0,
        },
        rest: Rest::ToNul,
    };
}

/// What is still to come of it.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// A part of its head.
    Head(Salvage),
    /// This many octets, and then the NUL.
    Counted(u64),
    /// Up to the first NUL.
    ToNul,
    /// Up to the end of the message that it came in.
    ToEndOfMessage,
}

impl Decoder {
    /// Takes note that a message of the transport ended here, and with it any frame; call it when
    /// [`decode`](Self::decode) has said `None`. What has arrived of an unfinished frame is dropped.
    ///
    /// For WebSocket, with brokers that send no frame in parts. There a frame that breaks off, or
    /// whose `content-length` is wrong, ends with its message.
    ///
    /// Returns that frame, if it is one that [can be skipped](OnUnreadable::Skip), unless it was
    /// handed out already.
    ///
    /// # Errors
    ///
    /// [`CutShort`](DecodeErrorKind::CutShort) if a frame is not complete and may not be skipped: any
    /// but MESSAGE and ERROR.
    pub fn end_of_message(&mut self, src: &mut BytesMut) -> Result<Option<Item>, DecodeError> {
        let cut_short = self.error(DecodeErrorKind::CutShort, src.len());
        let start = match (self.state, self.unreadable.rest) {
            (State::Between, _) => return Ok(None),
            (State::Failed(error), _) => return Err(error),
            (State::Head, _) => self.head.lines_end(),
            (State::Body(body), _) => body.start(),
            (State::Unreadable, Rest::Head(_)) => 0,
            (State::Unreadable, _) => {
                self.end_unfinished(src);
                return Ok(None);
            }
        };
        if self.rules.unreadable == OnUnreadable::Refuse || !self.is_worth_it(cut_short.kind) {
            return Err(self.fail(cut_short));
        }
        if !matches!(self.state, State::Unreadable) {
            self.unreadable.why = cut_short;
        }
        let item = self.take_unreadable(start, src);
        self.end_unfinished(src);
        Ok(Some(item))
    }

    fn end_unfinished(&mut self, src: &mut BytesMut) {
        self.consume(src.len(), src);
        self.state = State::Between;
    }

    /// The error for a stream that ends behind what is in the buffer.
    #[cfg(feature = "codec")]
    pub(crate) fn cut_short(&mut self, src: &[u8]) -> DecodeError {
        let error = self.error(DecodeErrorKind::CutShort, src.len());
        self.fail(error)
    }

    /// Goes on behind a fault, if that can be done and should be. Says where the head ends that is to
    /// be handed out, once that is known.
    #[cold]
    pub(super) fn recover(
        &mut self,
        fault: Fault,
        src: &mut BytesMut,
    ) -> Result<Option<usize>, DecodeError> {
        let error = self.error(fault.kind, fault.at);
        if self.rules.unreadable == OnUnreadable::Refuse
            || matches!(self.state, State::Failed(_) | State::Unreadable)
        {
            return Err(self.fail(error));
        }
        match fault.kind {
            kind if Salvage::gets_over(kind) && self.is_worth_it(kind) => {
                let (line, scanned) = self.head.begin_salvage(fault, src);
                let salvage = Salvage::new(kind, self.consumed, scanned, &self.head);
                self.consume(line, src);
                self.begin_unreadable(error, Rest::Head(salvage));
                match self.read_on(salvage, src) {
                    Ok(Found::Unreadable(start)) => Ok(Some(start)),
                    Ok(_) => Ok(None),
                    Err(Fault { kind, at }) => Err(self.fail(self.error(kind, at))),
                }
            }
            DecodeErrorKind::BodyTooLong => {
                self.begin_unreadable(error, self.rest_of_body());
                Ok(Some(match self.head.content_length() {
                    Some(announced) => self.end_of_head(announced.line, src),
                    None => fault.at,
                }))
            }
            DecodeErrorKind::MissingNulAfterBody
                if self.rules.in_messages && self.is_worth_it(fault.kind) =>
            {
                self.begin_unreadable(error, Rest::ToEndOfMessage);
                // As much is in the buffer.
                let length = self.announced().map_or(0, |length| length as usize);
                Ok(Some(fault.at - length))
            }
            _ => Err(self.fail(error)),
        }
    }

    /// Tells whether there is somebody to whom the frame makes a difference.
    fn is_worth_it(&self, kind: DecodeErrorKind) -> bool {
        let command = self.head.known_command();
        command.is_some_and(|command| Salvage::is_for(command, kind))
    }

    /// The length that the frame's head tells, as far as it was read.
    fn announced(&self) -> Option<u64> {
        self.head.content_length()?.octets
    }

    /// Finds the end of a complete head once more, from a line of it on.
    fn end_of_head(&self, line: usize, src: &[u8]) -> usize {
        let mut start = line;
        for end in memchr::memchr_iter(b'\n', &src[line..]) {
            let end = line + end;
            match &src[start..end] {
                b"" => return end + 1,
                b"\r" if self.rules.has_cr_lf() => return end + 1,
                _ => start = end + 1,
            }
        }
        src.len()
    }

    fn begin_unreadable(&mut self, why: DecodeError, rest: Rest) {
        self.state = State::Unreadable;
        self.unreadable = Unreadable { why, rest };
    }

    fn rest_of_body(&self) -> Rest {
        self.announced().map_or(Rest::ToNul, Rest::Counted)
    }

    /// Hands out what could be picked out of a frame, whose head ends here.
    #[cold]
    #[inline(never)]
    pub(super) fn take_unreadable(&mut self, start: usize, src: &mut BytesMut) -> Item {
        let length = self.announced();
        Item::Unreadable {
            frame: self.take_head(start, src),
            error: self.unreadable.why,
            length,
        }
    }

    /// Cuts a head off the buffer, as far as it is there.
    fn take_head(&mut self, start: usize, src: &mut BytesMut) -> Frame {
        self.consumed += start as u64;
        Frame {
            command: self.head.command(),
            headers: self.head.take_headers(src.split_to(start).freeze()),
            body: Bytes::new(),
        }
    }

    /// Drops what has arrived of a frame that cannot be read. Says what there is if the end of that
    /// frame is not reached.
    #[cold]
    pub(super) fn find_in_unreadable(
        &mut self,
        src: &mut BytesMut,
    ) -> Result<Option<Found>, Fault> {
        let here = match self.unreadable.rest {
            Rest::Head(salvage) => return self.read_on(salvage, src).map(Some),
            Rest::Counted(left) => usize::try_from(left).unwrap_or(usize::MAX),
            Rest::ToNul => {
                let octets = memchr::memchr(0, src).unwrap_or(src.len());
                looked_at(octets);
                octets
            }
            Rest::ToEndOfMessage => usize::MAX,
        };
        let here = here.min(src.len());
        self.consume(here, src);
        if let Rest::Counted(left) = &mut self.unreadable.rest {
            *left -= here as u64;
        }
        if let Some(octet) = src.first() {
            self.end_skipped(*octet, src)?;
        }
        Ok(None)
    }

    /// Takes off what has arrived of a head that cannot be read.
    fn read_on(&mut self, mut salvage: Salvage, src: &mut BytesMut) -> Result<Found, Fault> {
        loop {
            let place = self.consumed - salvage.start;
            let step = salvage.step(src, place, &mut self.head, &self.rules)?;
            self.unreadable.rest = Rest::Head(salvage);
            match step {
                Step::Line(octets) => self.consume(octets, src),
                Step::More(octets) => {
                    self.consume(octets, src);
                    return Ok(Found::Nothing);
                }
                Step::Complete(octets) => {
                    self.consume(octets, src);
                    return self.end_head(salvage);
                }
            }
        }
    }

    /// Begins to skip the body behind a head that could not be read.
    fn end_head(&mut self, salvage: Salvage) -> Result<Found, Fault> {
        if let Some(ContentLength { line, octets: None }) = self.head.content_length() {
            let kind = DecodeErrorKind::BadContentLength;
            let position = salvage.start + line as u64;
            self.state = State::Failed(DecodeError { kind, position });
            return Err(Fault { kind, at: 0 });
        }
        self.unreadable.rest = self.rest_of_body();
        Ok(Found::Unreadable(0))
    }

    /// Ends a frame that was dropped up to this octet, which should be its NUL.
    fn end_skipped(&mut self, octet: u8, src: &mut BytesMut) -> Result<(), Fault> {
        match octet {
            0 => {
                self.consume(1, src);
                self.state = State::Between;
            }
            _ if self.rules.tolerance.short_content_length => self.state = State::Between,
            _ if self.rules.in_messages => {
                self.consume(src.len(), src);
                self.unreadable.rest = Rest::ToEndOfMessage;
            }
            _ => {
                let kind = DecodeErrorKind::MissingNulAfterBody;
                return Err(Fault { kind, at: 0 });
            }
        }
        Ok(())
    }
}

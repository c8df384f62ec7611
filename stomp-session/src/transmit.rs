use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use stomp_frame::{ContentLength, EncodeError, Encoder, Frame, Side, Version};

use crate::Pieces;

/// Bodies from this size on are handed over as they are, without a copy.
///
/// Below it, a second write costs more than copying.
const LARGE_BODY: usize = 16 << 10;

/// Octets that most frames fit in.
const TYPICAL: usize = 512;

/// How much is allocated at a time, so that it is not done for every frame.
const BUFFER: usize = 8 << 10;

/// The most that is handed out at a time where octets may be cut anywhere: so much at most is in
/// doubt when a connection ends, and no write takes long on a link that takes anything.
const PIECE: usize = 64 << 10;

/// Bytes on their way out, whole frames only.
///
/// Places count every octet that was ever queued, also those that were withdrawn: so a place names
/// one octet for good.
#[derive(Debug)]
pub(crate) struct Transmit {
    encoder: Encoder,
    cut: Pieces,
    /// Finished pieces in front of `tail`, with the place of their first octet.
    pieces: VecDeque<(u64, Bytes)>,
    /// What is coalesced into the next piece; it ends at `queued`.
    tail: BytesMut,
    /// The place behind the last octet.
    queued: u64,
    /// The place behind the last octet that was handed out.
    offered: u64,
    /// The place behind the last octet that was written.
    written: u64,
    /// Octets that wait to be handed out.
    waiting: usize,
}

impl Transmit {
    pub(crate) fn new(cut: Pieces) -> Self {
        Self {
            encoder: Encoder::new(Side::Client),
            cut,
            pieces: VecDeque::new(),
            tail: BytesMut::new(),
            queued: 0,
            offered: 0,
            written: 0,
            waiting: 0,
        }
    }

    pub(crate) fn set_version(&mut self, version: Version) {
        self.encoder = self.encoder.version(version);
    }

    /// Queues a frame, and says which places it takes. On an error the queue is as it was.
    pub(crate) fn push(
        &mut self,
        frame: &Frame,
        content_length: ContentLength,
    ) -> Result<Range<u64>, EncodeError> {
        if self.tail.capacity() - self.tail.len() < TYPICAL {
            // No more than fits where it is, once that has been written.
            let wanted = BUFFER.saturating_sub(self.tail.len());
            self.tail.reserve(wanted.max(TYPICAL));
        }
        let encoder = self.encoder.content_length(content_length);
        let start = self.queued;
        let before = self.tail.len();
        encoder.encode_head(frame, &mut self.tail)?;
        let length = self.tail.len() - before + frame.body.len() + 1;
        if self.cut == Pieces::Frames && before > 0 {
            let beat = self.tail.split_to(before);
            self.pieces
                .push_back((start - before as u64, beat.freeze()));
        }
        if frame.body.len() < LARGE_BODY || self.cut == Pieces::Frames {
            self.tail.extend_from_slice(&frame.body);
            self.queued += (length - 1) as u64;
        } else {
            self.queued += (length - 1 - frame.body.len()) as u64;
            self.finish_tail();
            self.pieces.push_back((self.queued, frame.body.clone()));
            self.queued += frame.body.len() as u64;
        }
        self.tail.extend_from_slice(b"\0");
        self.queued += 1;
        if self.cut == Pieces::Frames {
            self.finish_tail();
        }
        self.waiting += length;
        Ok(start..self.queued)
    }

    /// Queues a heart-beat, unless something waits already: that is a sign of life, too.
    pub(crate) fn beat(&mut self) {
        if self.len() == 0 {
            self.tail.extend_from_slice(b"\n");
            self.queued += 1;
            self.waiting += 1;
        }
    }

    /// Hands out the next piece. Asking for it says that the one before was written.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        self.written = self.offered;
        if self.pieces.is_empty() {
            self.finish_tail();
        }
        let (start, piece) = self.pieces.front_mut()?;
        let octets = match self.cut {
            Pieces::Coalesced if piece.len() > PIECE => piece.split_to(PIECE),
            _ => std::mem::take(piece),
        };
        // What was withdrawn in front of it counts as handed out and written: nobody asks for it.
        self.written = *start;
        *start += octets.len() as u64;
        self.offered = *start;
        self.waiting -= octets.len();
        if piece.is_empty() {
            self.pieces.pop_front();
        }
        Some(octets)
    }

    /// Takes note that so many octets more of the piece in hand were written.
    pub(crate) fn wrote(&mut self, octets: usize) {
        self.written = self.offered.min(self.written + octets as u64);
    }

    /// The place behind the last octet that was written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// The place behind the last octet that was queued.
    pub(crate) fn queued(&self) -> u64 {
        self.queued
    }

    /// The place behind the last octet that was handed out.
    pub(crate) fn offered(&self) -> u64 {
        self.offered
    }

    /// Tells whether any octet of the frame that begins at `start` was handed out.
    pub(crate) fn is_offered(&self, start: u64) -> bool {
        start < self.offered
    }

    /// Takes a frame back none of whose octets was handed out. Returns its large parts, which may
    /// belong to somebody who wants to know when they go.
    pub(crate) fn withdraw(&mut self, frame: &Range<u64>) -> Vec<Bytes> {
        debug_assert!(!self.is_offered(frame.start), "it may be on the wire");
        self.finish_tail();
        let mut withdrawn = Vec::new();
        let mut kept = VecDeque::with_capacity(self.pieces.len() + 1);
        for (start, mut piece) in self.pieces.drain(..) {
            let end = start + piece.len() as u64;
            if end <= frame.start || start >= frame.end {
                kept.push_back((start, piece));
                continue;
            }
            if start < frame.start {
                let before = piece.split_to((frame.start - start) as usize);
                kept.push_back((start, before));
            }
            let after = piece.len() - end.saturating_sub(frame.end) as usize;
            let rest = piece.split_off(after);
            self.waiting -= piece.len();
            withdrawn.push(piece);
            if !rest.is_empty() {
                kept.push_back((frame.end, rest));
            }
        }
        self.pieces = kept;
        withdrawn
    }

    /// Tells whether any octet of the frame that begins at `start` was handed out, or still will
    /// be.
    pub(crate) fn leaves(&self, start: u64) -> bool {
        start < self.queued
    }

    /// Octets that wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// Empties the queue, and returns what was in it. What was handed out stays on record.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = Bytes> + use<> {
        self.tail = BytesMut::new();
        self.queued = self.offered;
        self.waiting = 0;
        std::mem::take(&mut self.pieces)
            .into_iter()
            .map(|(_, piece)| piece)
    }

    fn finish_tail(&mut self) {
        if !self.tail.is_empty() {
            let tail = self.tail.split().freeze();
            self.pieces
                .push_back((self.queued - tail.len() as u64, tail));
        }
    }
}

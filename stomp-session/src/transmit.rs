use std::collections::VecDeque;

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

/// Bytes on their way out, whole frames only.
#[derive(Debug)]
pub(crate) struct Transmit {
    encoder: Encoder,
    cut: Pieces,
    /// Finished pieces in front of `tail`.
    pieces: VecDeque<Bytes>,
    /// What is coalesced into the next piece.
    tail: BytesMut,
    /// Octets queued since the session began.
    queued: u64,
    /// Octets handed to the driver since the session began.
    taken: u64,
}

impl Transmit {
    pub(crate) fn new(cut: Pieces) -> Self {
        Self {
            encoder: Encoder::new(Side::Client),
            cut,
            pieces: VecDeque::new(),
            tail: BytesMut::new(),
            queued: 0,
            taken: 0,
        }
    }

    pub(crate) fn set_version(&mut self, version: Version) {
        self.encoder = self.encoder.version(version);
    }

    /// Queues a frame, and says at which octet of the stream it begins. On an error the queue is
    /// as it was.
    pub(crate) fn push(
        &mut self,
        frame: &Frame,
        content_length: ContentLength,
    ) -> Result<u64, EncodeError> {
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
            self.pieces.push_back(beat.freeze());
        }
        if frame.body.len() < LARGE_BODY || self.cut == Pieces::Frames {
            self.tail.extend_from_slice(&frame.body);
        } else {
            self.pieces.push_back(self.tail.split().freeze());
            self.pieces.push_back(frame.body.clone());
        }
        self.tail.extend_from_slice(b"\0");
        if self.cut == Pieces::Frames {
            self.pieces.push_back(self.tail.split().freeze());
        }
        self.queued += length as u64;
        Ok(start)
    }

    /// Queues a heart-beat, unless something waits already: that is a sign of life, too.
    pub(crate) fn beat(&mut self) {
        if self.len() == 0 {
            self.tail.extend_from_slice(b"\n");
            self.queued += 1;
        }
    }

    /// Hands out the next piece.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        let piece = match self.pieces.pop_front() {
            Some(piece) => piece,
            None if self.tail.is_empty() => return None,
            None => self.tail.split().freeze(),
        };
        self.taken += piece.len() as u64;
        Some(piece)
    }

    /// Tells whether any octet of the frame that begins at `start` was handed out, or still will
    /// be.
    pub(crate) fn leaves(&self, start: u64) -> bool {
        start < self.queued
    }

    /// Octets that wait.
    pub(crate) fn len(&self) -> usize {
        (self.queued - self.taken) as usize
    }

    /// Drops what waits. What was handed out stays on record.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.tail = BytesMut::new();
        self.queued = self.taken;
    }
}

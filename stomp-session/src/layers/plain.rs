//! No layers: what comes is passed on as it is.

use bytes::{Buf, BytesMut};

use super::wire::{Lower, Upper, Wire};
use super::{LayerError, Read};
use crate::Pieces;

/// What is kept of what came, in octets.
const ROOM: usize = 16 << 10;

/// What is passed on at a time, in octets, so that progress is seen on a slow line.
const PART: usize = 16 << 10;

/// No TLS.
#[derive(Default)]
pub(super) struct Buffer(BytesMut);

impl Lower for Buffer {
    fn take(&mut self, octets: &[u8]) -> Result<usize, LayerError> {
        let count = octets.len().min(ROOM - self.0.len());
        self.0.extend_from_slice(&octets[..count]);
        Ok(count)
    }

    fn end(&mut self) -> Result<(), LayerError> {
        Ok(())
    }

    fn is_open(&self) -> bool {
        true
    }

    fn has_ended(&self) -> bool {
        false // nobody can say so
    }

    fn peek(&mut self) -> &[u8] {
        &self.0
    }

    fn consume(&mut self, octets: usize) {
        self.0.advance(octets);
    }

    fn put(&mut self, octets: &[u8], below: &mut Vec<u8>) -> Result<(), LayerError> {
        below.extend_from_slice(octets);
        Ok(())
    }

    fn drain(&mut self, _: &mut Vec<u8>) {}

    fn close(&mut self) {}
}

/// No WebSocket.
pub(super) struct Straight;

impl Upper for Straight {
    fn pieces(&self) -> Pieces {
        Pieces::Coalesced
    }

    fn is_open(&self) -> bool {
        true
    }

    fn advance(&mut self, _: &mut Wire) -> Result<(), LayerError> {
        Ok(())
    }

    fn read(
        &mut self,
        wire: &mut Wire,
        into: &mut BytesMut,
        room: usize,
    ) -> Result<Read, LayerError> {
        let came = wire.peek();
        if came.is_empty() {
            return Ok(Read::Dry);
        }
        let count = came.len().min(room);
        into.extend_from_slice(&came[..count]);
        wire.consume(count);
        Ok(Read::Octets {
            count,
            end_of_message: false,
        })
    }

    fn write(&mut self, wire: &mut Wire, piece: &[u8]) {
        for part in piece.chunks(PART) {
            wire.put(part, part.len());
        }
    }

    fn idle(&mut self, _: &mut Wire) {}

    fn close(&mut self, _: &mut Wire) {}
}

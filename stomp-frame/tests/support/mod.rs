//! Reads a stream that arrives in pieces.

use bytes::BytesMut;
use stomp_frame::{DecodeError, Decoder, Frame, Item};

/// All that a decoder makes of a stream.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) frames: Vec<Frame>,
    /// The lengths of frames that were too large.
    pub(crate) skipped: Vec<u64>,
    pub(crate) heart_beats: usize,
    pub(crate) error: Option<DecodeError>,
    /// Octets of a frame that is not complete.
    pub(crate) rest: usize,
}

pub(crate) fn read<'a>(
    mut decoder: Decoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Reading {
    let mut buffer = BytesMut::new();
    let mut reading = Reading::default();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(Item::Frame(frame))) => reading.frames.push(frame),
                Ok(Some(Item::HeartBeat(eols))) => reading.heart_beats += eols,
                Ok(Some(Item::TooLarge { frame, length })) => {
                    assert!(frame.body.is_empty());
                    reading.frames.push(frame);
                    reading.skipped.push(length);
                }
                Ok(Some(other)) => panic!("unknown item {other:?}"),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut buffer), Err(error), "stays failed");
                    reading.error = Some(error);
                    return reading;
                }
            }
        }
    }
    reading.rest = buffer.len();
    reading
}

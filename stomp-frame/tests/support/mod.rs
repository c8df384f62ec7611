//! Reads a stream that arrives in pieces.

use bytes::BytesMut;
use stomp_frame::{DecodeError, DecodeErrorKind, Decoder, Frame, Item, Version};

/// All that a decoder makes of a stream.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// The frames, of those that cannot be read what could be picked out.
    pub(crate) frames: Vec<Frame>,
    /// Why frames cannot be read, and the lengths of their bodies.
    pub(crate) skipped: Vec<(Fault, Option<u64>)>,
    pub(crate) heart_beats: usize,
    pub(crate) error: Option<Fault>,
    /// Octets of a frame that is not complete.
    pub(crate) rest: usize,
}

/// What a [`DecodeError`] says, for whoever has to expect one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) kind: DecodeErrorKind,
    pub(crate) position: u64,
}

impl From<DecodeError> for Fault {
    fn from(DecodeError { kind, position, .. }: DecodeError) -> Self {
        Self { kind, position }
    }
}

#[allow(dead_code)] // not all of those who share this file need it
pub(crate) fn read<'a>(decoder: Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Reading {
    read_settling(decoder, None, pieces)
}

/// Reads a stream whose first frame settles the version.
pub(crate) fn read_settling<'a>(
    mut decoder: Decoder,
    settled: Option<Version>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Reading {
    let mut buffer = BytesMut::new();
    let mut reading = Reading::default();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(Item::HeartBeat(eols))) => {
                    assert_ne!(eols, 0);
                    reading.heart_beats += eols;
                    continue;
                }
                Ok(Some(Item::Frame(frame))) => reading.frames.push(frame),
                Ok(Some(Item::Unreadable {
                    frame,
                    error,
                    length,
                })) => {
                    assert!(frame.body.is_empty());
                    reading.frames.push(frame);
                    reading.skipped.push((Fault::from(error), length));
                }
                Ok(Some(other)) => panic!("unknown item {other:?}"),
                Ok(None) => break,
                Err(error) => {
                    stays_failed(decoder, &mut buffer, error);
                    reading.error = Some(error.into());
                    return reading;
                }
            }
            if let Some(version) = settled {
                decoder.set_version(version);
            }
        }
    }
    reading.rest = buffer.len();
    reading
}

fn stays_failed(mut decoder: Decoder, buffer: &mut BytesMut, error: DecodeError) {
    assert_eq!(decoder.decode(buffer), Err(error));
    buffer.extend_from_slice(b"\n\0SEND\n\n\0");
    assert_eq!(decoder.decode(buffer), Err(error));
}

use bytes::BytesMut;
use stomp_frame::{DecodeError, DecodeErrorKind, Decoder, Frame, Item, Version};

/// All that a decoder makes of a stream.
#[derive(Debug, Default, PartialEq)]
pub struct Reading {
    /// The frames, those without their body included.
    pub frames: Vec<Frame>,
    /// The lengths of the bodies that were skipped.
    pub skipped: Vec<u64>,
    pub line_ends: usize,
    /// What was wrong, and where.
    pub error: Option<(DecodeErrorKind, u64)>,
    /// Octets of a frame that is not complete. Unless there is an error: then nobody cares.
    pub rest: usize,
}

/// Reads a stream that arrives in pieces. The first frame settles the version, if there is one to
/// settle.
pub fn read<'a>(
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
                Ok(Some(Item::HeartBeat(line_ends))) => {
                    assert_ne!(line_ends, 0);
                    reading.line_ends += line_ends;
                    continue;
                }
                Ok(Some(Item::Frame(frame))) => reading.frames.push(frame),
                Ok(Some(Item::TooLarge { frame, length })) => {
                    assert!(frame.body.is_empty());
                    reading.frames.push(frame);
                    reading.skipped.push(length);
                }
                Ok(Some(other)) => panic!("unknown item {other:?}"),
                Ok(None) => break,
                Err(error) => {
                    stays_failed(decoder, &mut buffer, error);
                    reading.error = Some((error.kind, error.position));
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

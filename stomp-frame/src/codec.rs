//! The decoder and the encoder for `tokio_util::codec::{FramedRead, FramedWrite}`.

use bytes::BytesMut;

use crate::{DecodeError, Decoder, EncodeError, Encoder, Frame, Item};

/// What can end a framed stream: the transport's fault, or the peer's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The transport failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The peer broke the protocol.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The frame cannot be written in this version. Nothing was written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl tokio_util::codec::Decoder for Decoder {
    type Item = Item;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Item>, CodecError> {
        Ok(Self::decode(self, src)?)
    }

    /// Fails where the stream ends inside a frame, also if that frame is skipped and nothing of it
    /// is in the buffer.
    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Item>, CodecError> {
        match Self::decode(self, src)? {
            None if self.is_inside_frame() || !src.is_empty() => Err(self.cut_short(src).into()),
            item => Ok(item),
        }
    }
}

impl tokio_util::codec::Encoder<&Frame> for Encoder {
    type Error = CodecError;

    fn encode(&mut self, frame: &Frame, dst: &mut BytesMut) -> Result<(), CodecError> {
        Ok(Self::encode(self, frame, dst)?)
    }
}

impl tokio_util::codec::Encoder<Frame> for Encoder {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame, dst: &mut BytesMut) -> Result<(), CodecError> {
        Ok(Self::encode(self, &frame, dst)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Limits, Side};

    #[test]
    fn what_one_end_writes_the_other_reads() {
        use tokio_util::codec::Decoder as _;
        let frame = Frame::new(Command::Send)
            .header("destination", "/queue/a")
            .body("a\0b");
        let mut wire = BytesMut::new();
        let mut encoder = Encoder::new(Side::Client);
        tokio_util::codec::Encoder::encode(&mut encoder, &frame, &mut wire).unwrap();
        let mut decoder = Decoder::new(Side::Client, Limits::server());
        let item = decoder.decode_eof(&mut wire).unwrap().unwrap();
        let Item::Frame(read) = item else {
            panic!("not a frame: {item:?}")
        };
        assert_eq!(read.body, frame.body);
        let wrong = Frame::new(Command::Message);
        let error = tokio_util::codec::Encoder::encode(&mut encoder, wrong, &mut wire).unwrap_err();
        assert!(matches!(error, CodecError::Encode(_)), "{error}");
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_is_an_error() {
        use tokio_util::codec::Decoder as _;
        for (wire, ends_well) in [
            ("MESSAGE\n\n\0\n", true),
            ("MESSAGE\n", false),
            ("MESSAGE\n\nab", false),
            ("MESSAGE\ncontent-length:9\n\nab", false),
            ("MESSAGE\ncontent-length:20\n\nab", false), // is skipped
            ("MESSAGE\n\ntoo long a body", false),
            ("MESSAGE\nno colon\n", false),
            ("MESSAGE\nno colon\n\n\0", true),
            ("\n\r", false),
        ] {
            let decoder = Decoder::new(Side::Server, Limits::client().body(10));
            let mut decoder = decoder.unreadable(crate::OnUnreadable::Skip);
            let mut buffer = BytesMut::from(wire);
            let end = loop {
                match decoder.decode_eof(&mut buffer) {
                    Ok(Some(_)) => {}
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            match end {
                None => assert!(ends_well, "{wire:?}"),
                Some(CodecError::Decode(error)) => {
                    assert_eq!(error.kind, crate::DecodeErrorKind::CutShort, "{wire:?}");
                    assert_eq!(error.position, wire.len() as u64);
                    assert!(!ends_well, "{wire:?}");
                }
                Some(error) => panic!("{error}"),
            }
        }
    }
}

use std::fmt;
use std::io::IoSlice;

use bytes::buf::Chain;
use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::escape::Escapes;
use crate::headers::Line;
use crate::scan::{is_plain, may_need_escape};
use crate::{Command, EncodeError, Frame, Side, Version, header};

/// Writes `frame` as `version` has it, at the end of `dst`.
///
/// Short for an [`Encoder`] that takes commands of both sides and sets `content-length` by itself.
///
/// # Errors
///
/// See [`Encoder::encode`].
pub fn encode(frame: &Frame, version: Version, dst: &mut BytesMut) -> Result<(), EncodeError> {
    Encoder::new(frame.command.side())
        .version(version)
        .encode(frame, dst)
}

/// What the encoder does about `content-length`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentLength {
    /// Adds it as the last header when the body is not empty and none was given. The default.
    #[default]
    Auto,
    /// Never writes it, given or not: ActiveMQ then takes the message for a JMS text message.
    /// A body that holds NUL is refused.
    Withhold,
}

/// What the encoder does about backslashes in CONNECT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectEscapes {
    /// Writes them as they are, since CONNECT is not escaped (1.1 and 1.2, "Value Encoding"). The
    /// default.
    #[default]
    Never,
    /// Doubles them: RabbitMQ and ActiveMQ unescape CONNECT in every version, and refuse a
    /// passcode with a backslash that is written by the rules.
    Backslash,
}

/// Writes frames, strictly: what it cannot write without changing its meaning it refuses.
///
/// No name and no value of a header can end a line, split a header or start another frame.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    side: Side,
    version: Version,
    content_length: ContentLength,
    connect_escapes: ConnectEscapes,
}

impl Encoder {
    /// Makes an encoder for the frames of one side, under the rules of 1.2 until told otherwise.
    #[must_use]
    pub const fn new(side: Side) -> Self {
        Self {
            side,
            version: Version::V1_2,
            content_length: ContentLength::Auto,
            connect_escapes: ConnectEscapes::Never,
        }
    }

    /// Sets the version to write.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Chooses what to do about `content-length`.
    #[must_use]
    pub const fn content_length(mut self, content_length: ContentLength) -> Self {
        self.content_length = content_length;
        self
    }

    /// Chooses what to do about backslashes in CONNECT.
    #[must_use]
    pub const fn connect_escapes(mut self, connect_escapes: ConnectEscapes) -> Self {
        self.connect_escapes = connect_escapes;
        self
    }

    /// Writes a frame, head and body, at the end of `dst`.
    ///
    /// # Errors
    ///
    /// When the version cannot carry the frame; `dst` is then as it was.
    pub fn encode(&self, frame: &Frame, dst: &mut BytesMut) -> Result<(), EncodeError> {
        dst.reserve(typical_head(frame) + frame.body.len() + 1);
        self.encode_head(frame, dst)?;
        dst.put_slice(&frame.body);
        dst.put_u8(0);
        Ok(())
    }

    /// Writes the head of a frame into a buffer of its own, and takes the body as it is: for a
    /// vectored write of a large body, without copying it.
    ///
    /// ```
    /// use std::io::{IoSlice, Write};
    ///
    /// use bytes::Buf;
    /// use stomp_frame::{Command, Encoder, Frame, Side};
    ///
    /// let frame = Frame::new(Command::Send).header("destination", "/queue/a").body("hello");
    /// let mut encoded = Encoder::new(Side::Client).encode_parts(&frame)?;
    /// let mut wire = Vec::new();
    /// while encoded.has_remaining() {
    ///     let mut slices = [IoSlice::new(&[]); 3];
    ///     let filled = encoded.chunks_vectored(&mut slices);
    ///     let written = wire.write_vectored(&slices[..filled])?;
    ///     encoded.advance(written);
    /// }
    /// assert_eq!(wire, b"SEND\ndestination:/queue/a\ncontent-length:5\n\nhello\0");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the version cannot carry the frame.
    pub fn encode_parts(&self, frame: &Frame) -> Result<Encoded, EncodeError> {
        let mut head = BytesMut::new();
        self.encode_head(frame, &mut head)?;
        let parts = head.freeze().chain(frame.body.clone());
        Ok(Encoded(parts.chain(&[0])))
    }

    /// Writes a frame up to and including the blank line. The body and a NUL have to follow.
    ///
    /// # Errors
    ///
    /// When the version cannot carry the frame; `dst` is then as it was.
    pub fn encode_head(&self, frame: &Frame, dst: &mut BytesMut) -> Result<(), EncodeError> {
        let before = dst.len();
        let result = self.try_head(frame, dst);
        if result.is_err() {
            dst.truncate(before);
        }
        result
    }

    fn try_head(&self, frame: &Frame, dst: &mut BytesMut) -> Result<(), EncodeError> {
        let (command, version) = (frame.command, self.version);
        if command.side() != self.side || !command.exists_in(version) {
            return Err(EncodeError::UnknownCommand { command, version });
        }
        if !frame.body.is_empty() && !command.may_have_body(version) {
            return Err(EncodeError::BodyNotAllowed { command, version });
        }
        dst.reserve(typical_head(frame));
        dst.put_slice(command.as_str().as_bytes());
        dst.put_u8(b'\n');
        let escapes = match (command, self.connect_escapes) {
            (Command::Connect, ConnectEscapes::Backslash) => Escapes::Backslash,
            _ => Escapes::of(command, version),
        };
        let withhold = self.content_length == ContentLength::Withhold;
        for Line { name, value, whole } in frame.headers.lines() {
            if withhold && name == header::CONTENT_LENGTH.as_bytes() {
                continue;
            }
            if name.is_empty() {
                return Err(EncodeError::EmptyHeaderName);
            }
            if is_plain(name) && is_plain(value) {
                dst.put_slice(whole);
            } else {
                let field = Field {
                    name,
                    command,
                    version,
                    escapes,
                };
                field.write(name, Part::Name, dst)?;
                dst.put_u8(b':');
                field.write(value, Part::Value, dst)?;
            }
            dst.put_u8(b'\n');
        }
        self.write_content_length(frame, dst)?;
        dst.put_u8(b'\n');
        Ok(())
    }

    fn write_content_length(&self, frame: &Frame, dst: &mut BytesMut) -> Result<(), EncodeError> {
        let length = frame.body.len();
        if self.content_length == ContentLength::Withhold {
            return match memchr::memchr(0, &frame.body) {
                Some(_) => Err(EncodeError::NulInBody),
                None => Ok(()),
            };
        }
        match frame.headers.get(header::CONTENT_LENGTH) {
            Some(given) if is_decimal(given, length) => Ok(()),
            Some(_) => Err(EncodeError::BadContentLength { length }),
            None if length == 0 => Ok(()),
            None => {
                dst.put_slice(header::CONTENT_LENGTH.as_bytes());
                dst.put_u8(b':');
                put_decimal(length, dst);
                dst.put_u8(b'\n');
                Ok(())
            }
        }
    }
}

/// A frame ready for the wire, in up to three pieces: head, body, NUL. Made by
/// [`Encoder::encode_parts`], and read as a [`Buf`].
pub struct Encoded(Chain<Chain<Bytes, Bytes>, &'static [u8]>);

impl Buf for Encoded {
    fn remaining(&self) -> usize {
        self.0.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.0.chunk()
    }

    fn advance(&mut self, octets: usize) {
        self.0.advance(octets);
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.0.chunks_vectored(slices)
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        self.0.copy_to_bytes(length)
    }
}

/// Shows how much is left, and no content: it may be a passcode.
impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} bytes)", self.remaining())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Name,
    Value,
}

/// A header that may have to be escaped: what an error has to say about it.
struct Field<'a> {
    name: &'a [u8],
    command: Command,
    version: Version,
    escapes: Escapes,
}

impl Field<'_> {
    fn write(&self, text: &[u8], part: Part, dst: &mut BytesMut) -> Result<(), EncodeError> {
        let mut plain = 0;
        for (at, &byte) in text.iter().enumerate() {
            if !may_need_escape(byte) {
                continue;
            }
            if let Some(letter) = self.escapes.encode(byte) {
                dst.put_slice(&text[plain..at]);
                dst.put_slice(&[b'\\', letter]);
                plain = at + 1;
            } else {
                self.check_raw(byte, part)?;
            }
        }
        dst.put_slice(&text[plain..]);
        Ok(())
    }

    /// Refuses a character that would be read as something else when written as it is.
    fn check_raw(&self, byte: u8, part: Part) -> Result<(), EncodeError> {
        let character = match byte {
            0 => return Err(EncodeError::NulInHeader { name: self.name() }),
            b'\n' => "a line feed",
            b':' if part == Part::Name => "a colon in its name",
            b'\r' if self.version == Version::V1_2 => "a carriage return",
            _ => return Ok(()),
        };
        Err(EncodeError::Unencodable {
            name: self.name(),
            character,
            command: self.command,
            version: self.version,
        })
    }

    fn name(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }
}

/// Tells how long a head becomes in which nothing is escaped, and a little more.
fn typical_head(frame: &Frame) -> usize {
    const AROUND: usize = "UNSUBSCRIBE\n".len() + "content-length:18446744073709551615\n\n".len();
    frame.headers.text_len() + frame.headers.len() + AROUND
}

/// Tells whether `text` is `number`, leading zeros allowed.
fn is_decimal(text: &str, number: usize) -> bool {
    crate::grammar::content_length(text.as_bytes()).is_ok_and(|(_, n)| n == number as u64)
}

fn put_decimal(mut number: usize, dst: &mut BytesMut) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    dst.put_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(passcode: &str) -> Frame {
        Frame::new(Command::Connect).header("passcode", passcode)
    }

    #[test]
    fn backslashes_in_connect_are_doubled_on_request_only() {
        let frame = connect("a:b\\n");
        let encoder = Encoder::new(Side::Client);
        let doubling = encoder.connect_escapes(ConnectEscapes::Backslash);
        let mut wire = BytesMut::new();
        encoder.encode(&frame, &mut wire).unwrap();
        assert_eq!(wire, "CONNECT\npasscode:a:b\\n\n\n\0");
        wire.clear();
        doubling.encode(&frame, &mut wire).unwrap();
        assert_eq!(wire, "CONNECT\npasscode:a:b\\\\n\n\n\0");
        let error = doubling.encode(&connect("a\nb"), &mut wire).unwrap_err();
        assert!(matches!(error, EncodeError::Unencodable { .. }), "{error}");
        let send = Frame::new(Command::Send).header("k", "a:b");
        wire.clear();
        doubling.encode(&send, &mut wire).unwrap();
        assert_eq!(wire, "SEND\nk:a\\cb\n\n\0");
    }

    #[test]
    fn parts_share_the_body_and_are_the_same_octets() {
        let frame = Frame::new(Command::Send)
            .header("k", "v")
            .body(vec![1; 9000]);
        let encoder = Encoder::new(Side::Client);
        let mut wire = BytesMut::new();
        encoder.encode(&frame, &mut wire).unwrap();
        let mut parts = encoder.encode_parts(&frame).unwrap();
        assert_eq!(parts.remaining(), wire.len());
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(parts.chunks_vectored(&mut slices), 3);
        assert_eq!(slices[1].as_ptr(), frame.body.as_ptr());
        assert_eq!(
            format!("{parts:?}"),
            format!("Encoded({} bytes)", wire.len())
        );
        assert_eq!(parts.copy_to_bytes(wire.len()), wire);
    }

    #[test]
    fn what_fails_leaves_the_buffer_as_it_was() {
        let mut wire = BytesMut::from("before");
        let frame = connect("s3cret\n");
        let error = encode(&frame, Version::V1_2, &mut wire).unwrap_err();
        assert_eq!(wire, "before");
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("passcode") && !shown.contains("s3cret"),
            "{shown}"
        );
    }
}

use bytes::{BufMut, BytesMut};

use crate::escape::Escapes;
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

/// Writes frames, strictly: what it cannot write without changing its meaning it refuses.
///
/// No name and no value of a header can end a line, split a header or start another frame.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    side: Side,
    version: Version,
    content_length: ContentLength,
}

impl Encoder {
    /// Makes an encoder for the frames of one side, under the rules of 1.2 until told otherwise.
    #[must_use]
    pub const fn new(side: Side) -> Self {
        Self {
            side,
            version: Version::V1_2,
            content_length: ContentLength::Auto,
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

    /// Writes a frame, head and body, at the end of `dst`.
    ///
    /// # Errors
    ///
    /// When the version cannot carry the frame; `dst` is then as it was.
    pub fn encode(&self, frame: &Frame, dst: &mut BytesMut) -> Result<(), EncodeError> {
        self.encode_head(frame, dst)?;
        dst.reserve(frame.body.len() + 1);
        dst.put_slice(&frame.body);
        dst.put_u8(0);
        Ok(())
    }

    /// Writes a frame up to and including the blank line, so that a large body can be handed to a
    /// vectored write without a copy. The body and a NUL have to follow.
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
        dst.put_slice(command.as_str().as_bytes());
        dst.put_u8(b'\n');
        let escapes = Escapes::of(command, version);
        let withhold = self.content_length == ContentLength::Withhold;
        for (name, value) in &frame.headers {
            if withhold && name == header::CONTENT_LENGTH {
                continue;
            }
            if name.is_empty() {
                return Err(EncodeError::EmptyHeaderName);
            }
            let field = Field {
                name,
                command,
                version,
                escapes,
            };
            field.write(name, Part::Name, dst)?;
            dst.put_u8(b':');
            field.write(value, Part::Value, dst)?;
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Name,
    Value,
}

/// One header on its way out: what an error has to say about it.
struct Field<'a> {
    name: &'a str,
    command: Command,
    version: Version,
    escapes: Escapes,
}

impl Field<'_> {
    fn write(&self, text: &str, part: Part, dst: &mut BytesMut) -> Result<(), EncodeError> {
        let bytes = text.as_bytes();
        dst.reserve(bytes.len() + 1);
        let mut plain = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if !matches!(byte, 0 | b'\n' | b'\r' | b':' | b'\\') {
                continue;
            }
            if let Some(letter) = self.escapes.encode(byte) {
                dst.put_slice(&bytes[plain..at]);
                dst.put_slice(&[b'\\', letter]);
                plain = at + 1;
            } else {
                self.check_raw(byte, part)?;
            }
        }
        dst.put_slice(&bytes[plain..]);
        Ok(())
    }

    /// Refuses a character that would be read as something else when written as it is.
    fn check_raw(&self, byte: u8, part: Part) -> Result<(), EncodeError> {
        let character = match byte {
            0 => {
                return Err(EncodeError::NulInHeader {
                    name: self.name.to_owned(),
                });
            }
            b'\n' => "a line feed",
            b':' if part == Part::Name => "a colon in its name",
            b'\r' if self.version == Version::V1_2 => "a carriage return",
            _ => return Ok(()),
        };
        Err(EncodeError::Unencodable {
            name: self.name.to_owned(),
            character,
            command: self.command,
            version: self.version,
        })
    }
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

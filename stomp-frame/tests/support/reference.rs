//! The other reader, which tests and fuzz targets hold against the decoder.

use bytes::Bytes;
use stomp_frame::{Command, DecodeErrorKind, Frame, Oversized, Side, Tolerance, Version};

use crate::support::{Fault, Reading};

/// What to read by. There are no limits but the one of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) side: Side,
    pub(crate) version: Version,
    /// The version after the first frame, if it changes then.
    pub(crate) settled: Option<Version>,
    pub(crate) tolerance: Tolerance,
    pub(crate) body: u64,
    /// What becomes of a body beyond the limit, if its length is known.
    pub(crate) oversized: Oversized,
}

/// Reads a stream the slow and obvious way: octet by octet, from a slice that is all there.
///
/// Knows the specification, and nothing of how the decoder goes about it.
pub(crate) fn refer(rules: Rules, wire: &[u8]) -> Reading {
    let mut reader = Reader {
        rules,
        wire,
        at: 0,
        reading: Reading::default(),
    };
    match reader.read_all() {
        Ok(()) => {}
        Err(Stop::Incomplete { from }) => reader.reading.rest = wire.len() - from,
        Err(Stop::Fault(kind, at)) => {
            let position = at as u64;
            reader.reading.error = Some(Fault { kind, position });
        }
    }
    reader.reading
}

struct Reader<'a> {
    rules: Rules,
    wire: &'a [u8],
    at: usize,
    reading: Reading,
}

enum Stop {
    /// The stream ends within what begins here.
    Incomplete {
        from: usize,
    },
    Fault(DecodeErrorKind, usize),
}

/// A line, and where it begins.
struct Line<'a> {
    text: &'a [u8],
    start: usize,
}

impl<'a> Reader<'a> {
    fn read_all(&mut self) -> Result<(), Stop> {
        loop {
            self.skip_between_frames()?;
            if self.at == self.wire.len() {
                return Ok(());
            }
            self.read_frame()?;
            if let Some(version) = self.rules.settled {
                self.rules.version = version;
            }
        }
    }

    fn has_cr_lf(&self) -> bool {
        self.rules.version == Version::V1_2 || self.rules.tolerance.cr_lf
    }

    fn skip_between_frames(&mut self) -> Result<(), Stop> {
        loop {
            match &self.wire[self.at..] {
                [b'\n', ..] => self.at += 1,
                [b'\r', b'\n', ..] if self.has_cr_lf() => self.at += 2,
                [b'\r'] if self.has_cr_lf() => return Err(Stop::Incomplete { from: self.at }),
                [0, ..] if self.rules.tolerance.nul_between_frames => {
                    self.at += 1;
                    continue;
                }
                _ => return Ok(()),
            }
            self.reading.heart_beats += 1;
        }
    }

    fn read_frame(&mut self) -> Result<(), Stop> {
        let from = self.at;
        let command = self.read_command(from)?;
        let mut frame = Frame::new(command);
        let mut length = None;
        loop {
            let line = self.read_line(from)?;
            if line.text.is_empty() {
                break;
            }
            let (name, value) = self.read_header(command, &line)?;
            if name == "content-length" && length.is_none() {
                length = Some((read_number(&value), line.start));
            }
            frame.headers.append(name, value);
        }
        let may_have_body = match self.rules.version {
            Version::V1_0 => true,
            _ => matches!(command, Command::Send | Command::Message | Command::Error),
        };
        match length {
            None => frame.body = self.read_until_nul(from, may_have_body)?,
            Some((None, line)) => {
                return Err(Stop::Fault(DecodeErrorKind::BadContentLength, line));
            }
            Some((Some(1..), line)) if !may_have_body && !self.rules.tolerance.spare_bodies => {
                return Err(Stop::Fault(DecodeErrorKind::BodyNotAllowed, line));
            }
            Some((Some(octets), line)) if octets > u128::from(self.rules.body) => {
                if self.rules.oversized == Oversized::Refuse {
                    return Err(Stop::Fault(DecodeErrorKind::BodyTooLong, line));
                }
                self.reading.frames.push(frame);
                self.reading.skipped.push(octets as u64);
                return self.skip_body(octets);
            }
            Some((Some(octets), _)) => {
                frame.body = self.read_counted(from, octets as usize)?;
                if !may_have_body {
                    frame.body.clear();
                }
            }
        }
        self.reading.frames.push(frame);
        Ok(())
    }

    fn read_command(&mut self, from: usize) -> Result<Command, Stop> {
        let line = self.read_line(from)?;
        let text = self.read_text(&line)?;
        let command = Command::ALL
            .into_iter()
            .find(|command| command.as_str() == text);
        let version = self.rules.version;
        match command {
            Some(Command::Stomp | Command::Nack) if version == Version::V1_0 => None,
            Some(command) if command.side() != self.rules.side => None,
            command => command,
        }
        .ok_or(Stop::Fault(DecodeErrorKind::UnknownCommand, line.start))
    }

    fn read_line(&mut self, from: usize) -> Result<Line<'a>, Stop> {
        let start = self.at;
        loop {
            match &self.wire[self.at..] {
                [b'\r', b'\n', ..] if self.has_cr_lf() => {
                    let text = &self.wire[start..self.at];
                    self.at += 2;
                    return Ok(Line { text, start });
                }
                [b'\n', ..] => {
                    let text = &self.wire[start..self.at];
                    self.at += 1;
                    return Ok(Line { text, start });
                }
                [b'\r', _, ..] if self.rules.version == Version::V1_2 => {
                    return Err(Stop::Fault(DecodeErrorKind::BareCr, self.at));
                }
                [0, ..] if !self.rules.tolerance.nul_in_headers => {
                    return Err(Stop::Fault(DecodeErrorKind::NulInHeader, self.at));
                }
                [] => return Err(Stop::Incomplete { from }),
                _ => self.at += 1,
            }
        }
    }

    fn read_text(&self, line: &Line) -> Result<String, Stop> {
        match String::from_utf8(line.text.to_vec()) {
            Ok(text) => Ok(text),
            Err(_) if self.rules.tolerance.invalid_utf8 => {
                Ok(String::from_utf8_lossy(line.text).into_owned())
            }
            Err(_) => Err(Stop::Fault(DecodeErrorKind::InvalidUtf8, line.start)),
        }
    }

    fn read_header(&self, command: Command, line: &Line) -> Result<(String, String), Stop> {
        let fault = |kind| Stop::Fault(kind, line.start);
        let text = self.read_text(line)?;
        let tolerance = self.rules.tolerance;
        let (name, mut value) = match text.split_once(':') {
            Some(("", value)) if tolerance.headers_without_name => ("", value),
            None if tolerance.headers_without_colon => (text.as_str(), ""),
            Some(("", _)) | None => return Err(fault(DecodeErrorKind::MalformedHeader)),
            Some(header) => header,
        };
        if self.rules.version == Version::V1_0 {
            value = value.trim_start_matches([' ', '\t']);
        }
        let unescape = |text| {
            self.unescape(command, text)
                .ok_or(fault(DecodeErrorKind::UndefinedEscape))
        };
        Ok((unescape(name)?, unescape(value)?))
    }

    fn unescape(&self, command: Command, text: &str) -> Option<String> {
        let version = self.rules.version;
        if version == Version::V1_0 || matches!(command, Command::Connect | Command::Connected) {
            return Some(text.to_owned());
        }
        let mut plain = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            plain.push(match character {
                '\\' => match characters.next() {
                    Some('\\') => '\\',
                    Some('n') => '\n',
                    Some('c') => ':',
                    Some('r') if version == Version::V1_2 => '\r',
                    other if self.rules.tolerance.undefined_escapes => {
                        plain.push('\\');
                        plain.extend(other);
                        continue;
                    }
                    _ => return None,
                },
                character => character,
            });
        }
        Some(plain)
    }

    fn read_counted(&mut self, from: usize, octets: usize) -> Result<Bytes, Stop> {
        let start = self.at;
        match self.wire.get(start + octets) {
            None => Err(Stop::Incomplete { from }),
            Some(0) => {
                self.at = start + octets + 1;
                Ok(Bytes::copy_from_slice(&self.wire[start..start + octets]))
            }
            Some(_) if self.rules.tolerance.short_content_length => {
                self.at = start + octets;
                Ok(Bytes::copy_from_slice(&self.wire[start..self.at]))
            }
            Some(_) => Err(Stop::Fault(
                DecodeErrorKind::MissingNulAfterBody,
                start + octets,
            )),
        }
    }

    fn skip_body(&mut self, octets: u128) -> Result<(), Stop> {
        let left = (self.wire.len() - self.at) as u128;
        if octets >= left {
            let from = self.wire.len();
            return Err(Stop::Incomplete { from });
        }
        self.read_counted(self.at, octets as usize).map(|_| ())
    }

    fn read_until_nul(&mut self, from: usize, may_have_body: bool) -> Result<Bytes, Stop> {
        let start = self.at;
        let rest = &self.wire[start..];
        let nul = rest.iter().position(|octet| *octet == 0);
        let body = &rest[..nul.unwrap_or(rest.len())];
        let is_too_long = body.len() as u64 > self.rules.body;
        let is_spare = match nul {
            Some(_) => matches!(body, b"\n" | b"\r\n"),
            None => matches!(body, b"\n" | b"\r\n" | b"\r"),
        };
        match may_have_body || self.rules.tolerance.spare_bodies {
            _ if body.is_empty() => {}
            true if is_too_long => return Err(Stop::Fault(DecodeErrorKind::BodyTooLong, start)),
            true => {}
            false if is_spare && self.rules.tolerance.spare_line_end => {}
            false => return Err(Stop::Fault(DecodeErrorKind::BodyNotAllowed, start)),
        }
        if nul.is_none() {
            return Err(Stop::Incomplete { from });
        }
        self.at = start + body.len() + 1;
        Ok(match may_have_body {
            true => Bytes::copy_from_slice(body),
            false => Bytes::new(),
        })
    }
}

/// A number of digits, below 2^64.
fn read_number(text: &str) -> Option<u128> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let number = digits.then(|| text.trim_start_matches('0'))?;
    match number {
        "" => Some(0),
        number => number.parse().ok().filter(|n| *n <= u128::from(u64::MAX)),
    }
}

//! The other reader, which tests and fuzz targets hold against the decoder.

use bytes::Bytes;
use stomp_frame::{Command, DecodeErrorKind, Frame, OnUnreadable, Side, Tolerance, Version};

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
    /// What becomes of a frame that cannot be read.
    pub(crate) unreadable: OnUnreadable,
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
        let mut fault = None;
        loop {
            // What is known to be unreadable is not kept until there is more of it.
            let from = match fault {
                None => from,
                Some(_) => self.at,
            };
            let line = match self.read_line(from) {
                Err(Stop::Fault(DecodeErrorKind::BareCr, at)) => {
                    self.get_over(command, &mut fault, DecodeErrorKind::BareCr, at)?;
                    let line = self.read_line_with_cr(self.start_of_line(at))?;
                    self.look_for_command(&line)?;
                    if length.is_none() {
                        length = self.odd_length(&line);
                    }
                    continue;
                }
                line => line?,
            };
            if line.text.is_empty() {
                break;
            }
            match self.read_header(command, &line) {
                Ok((name, value)) => {
                    if name == "content-length" && length.is_none() {
                        length = Some((read_number(&value), line.start));
                    }
                    frame.headers.append(name, value);
                }
                Err(Stop::Fault(kind, at)) => {
                    self.get_over(command, &mut fault, kind, at)?;
                    self.look_for_command(&line)?;
                    if length.is_none() {
                        length = self.odd_length(&line);
                    }
                }
                Err(stop) => return Err(stop),
            }
        }
        let may_have_body = match self.rules.version {
            Version::V1_0 => true,
            _ => matches!(command, Command::Send | Command::Message | Command::Error),
        };
        if let Some(fault) = fault {
            let length = match length {
                Some((None, line)) => {
                    return Err(Stop::Fault(DecodeErrorKind::BadContentLength, line));
                }
                length => length.and_then(|(octets, _)| octets),
            };
            return self.skip_frame(frame, fault, length);
        }
        match length {
            None if may_have_body || self.rules.tolerance.spare_bodies => {
                let body = &self.wire[self.at..];
                let nul = body.iter().position(|octet| *octet == 0);
                let octets = nul.unwrap_or(body.len()) as u64;
                if octets > self.rules.body && self.rules.unreadable == OnUnreadable::Skip {
                    let fault = (DecodeErrorKind::BodyTooLong, self.at);
                    return self.skip_frame(frame, fault, None);
                }
                frame.body = self.read_until_nul(from, may_have_body)?;
            }
            None => frame.body = self.read_until_nul(from, may_have_body)?,
            Some((None, line)) => {
                return Err(Stop::Fault(DecodeErrorKind::BadContentLength, line));
            }
            Some((Some(1..), line)) if !may_have_body && !self.rules.tolerance.spare_bodies => {
                return Err(Stop::Fault(DecodeErrorKind::BodyNotAllowed, line));
            }
            Some((Some(octets), line)) if octets > u128::from(self.rules.body) => {
                let fault = (DecodeErrorKind::BodyTooLong, line);
                if self.rules.unreadable == OnUnreadable::Refuse {
                    return Err(Stop::Fault(fault.0, fault.1));
                }
                return self.skip_frame(frame, fault, Some(octets));
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

    /// Refuses an odd line that another frame begins in.
    fn look_for_command(&self, line: &Line) -> Result<(), Stop> {
        let commands = ["CONNECTED", "MESSAGE", "RECEIPT", "ERROR"];
        let has_colon = line.text.contains(&b':');
        let is_command = commands.iter().any(|c| line.text.ends_with(c.as_bytes()));
        match is_command && !has_colon && !self.rules.tolerance.headers_without_colon {
            true => Err(Stop::Fault(DecodeErrorKind::MalformedHeader, line.start)),
            false => Ok(()),
        }
    }

    /// Takes note of a fault, if the frame can go on behind it.
    fn get_over(
        &self,
        command: Command,
        first: &mut Option<(DecodeErrorKind, usize)>,
        kind: DecodeErrorKind,
        at: usize,
    ) -> Result<(), Stop> {
        if command != Command::Message || self.rules.unreadable == OnUnreadable::Refuse {
            return Err(Stop::Fault(kind, at));
        }
        first.get_or_insert((kind, at));
        Ok(())
    }

    fn start_of_line(&self, at: usize) -> usize {
        let lines = &self.wire[..at];
        let line_feed = lines.iter().rposition(|octet| *octet == b'\n');
        line_feed.map_or(0, |at| at + 1)
    }

    /// Reads a line of 1.2 that has a CR where none may be.
    fn read_line_with_cr(&mut self, start: usize) -> Result<Line<'a>, Stop> {
        loop {
            match &self.wire[self.at..] {
                [] | [b'\r'] => return Err(Stop::Incomplete { from: start }),
                [b'\n', ..] => break,
                [0, ..] if !self.rules.tolerance.nul_in_headers => {
                    return Err(Stop::Fault(DecodeErrorKind::NulInHeader, self.at));
                }
                _ => self.at += 1,
            }
        }
        let text = &self.wire[start..self.at];
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        self.at += 1;
        Ok(Line { text, start })
    }

    /// The length that a line tells that is no header.
    fn odd_length(&self, line: &Line) -> Option<(Option<u128>, usize)> {
        let mut value = line.text.strip_prefix(b"content-length:")?;
        while let ([b' ' | b'\t', rest @ ..], Version::V1_0) = (value, self.rules.version) {
            value = rest;
        }
        let number = std::str::from_utf8(value).ok().and_then(read_number);
        Some((number, line.start))
    }

    fn skip_frame(
        &mut self,
        frame: Frame,
        (kind, at): (DecodeErrorKind, usize),
        length: Option<u128>,
    ) -> Result<(), Stop> {
        let position = at as u64;
        let length_told = length.map(|octets| octets as u64);
        self.reading.frames.push(frame);
        self.reading
            .skipped
            .push((Fault { kind, position }, length_told));
        match length {
            Some(octets) => self.skip_body(octets),
            None => {
                let nul = self.wire[self.at..].iter().position(|octet| *octet == 0);
                let from = self.wire.len();
                self.at += nul.ok_or(Stop::Incomplete { from })? + 1;
                Ok(())
            }
        }
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
                    Some('r') if self.rules.tolerance.carriage_return_escape => '\r',
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

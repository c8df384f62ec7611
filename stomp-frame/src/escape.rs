//! The escapes of headers: which characters, in which version, on which command.

use crate::{Command, Version};

/// How the headers of one frame are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// 1.0, and CONNECT and CONNECTED in every version: a backslash is a backslash.
    None,
    /// 1.1: `\n`, `\c`, `\\`.
    V1_1,
    /// 1.2: the same and `\r`.
    V1_2,
    /// Only the backslash: CONNECT for a broker that unescapes it.
    Backslash,
}

impl Escapes {
    pub(crate) fn of(command: Command, version: Version) -> Self {
        match version {
            _ if !command.is_escaped(version) => Self::None,
            Version::V1_2 => Self::V1_2,
            _ => Self::V1_1,
        }
    }

    /// The character that a backslash and `letter` stand for.
    pub(crate) const fn decode(self, letter: u8) -> Option<u8> {
        match (self, letter) {
            (Self::None, _) => None,
            (_, b'\\') => Some(b'\\'),
            (Self::Backslash, _) => None,
            (_, b'n') => Some(b'\n'),
            (_, b'c') => Some(b':'),
            (Self::V1_2, b'r') => Some(b'\r'),
            _ => None,
        }
    }

    /// The letter that stands for `byte` behind a backslash.
    pub(crate) const fn encode(self, byte: u8) -> Option<u8> {
        match (self, byte) {
            (Self::None, _) => None,
            (_, b'\\') => Some(b'\\'),
            (Self::Backslash, _) => None,
            (_, b'\n') => Some(b'n'),
            (_, b':') => Some(b'c'),
            (Self::V1_2, b'\r') => Some(b'r'),
            _ => None,
        }
    }

    /// Appends `text` with its escapes undone. Fails at a sequence the version does not define.
    pub(crate) fn unescape_into(self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Undefined> {
        if self == Self::None {
            out.extend_from_slice(text);
            return Ok(());
        }
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let letter = rest.get(at + 1).ok_or(Undefined)?;
            out.extend_from_slice(&rest[..at]);
            out.push(self.decode(*letter).ok_or(Undefined)?);
            rest = &rest[at + 2..];
        }
        out.extend_from_slice(rest);
        Ok(())
    }
}

impl Escapes {
    /// Does the same, but takes a backslash for itself at a sequence the version does not define.
    pub(crate) fn unescape_loosely_into(self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            out.extend_from_slice(&rest[..at]);
            let letter = rest.get(at + 1);
            match letter.and_then(|letter| self.decode(*letter)) {
                Some(meant) => out.push(meant),
                None => {
                    out.push(b'\\');
                    out.extend(letter);
                }
            }
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
    }
}

/// A backslash is followed by something the version gives no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undefined;

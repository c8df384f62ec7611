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
            (_, b'n') => Some(b'\n'),
            (_, b'c') => Some(b':'),
            (_, b'\\') => Some(b'\\'),
            (Self::V1_2, b'r') => Some(b'\r'),
            _ => None,
        }
    }

    /// The letter that stands for `byte` behind a backslash.
    pub(crate) const fn encode(self, byte: u8) -> Option<u8> {
        match (self, byte) {
            (Self::None, _) => None,
            (_, b'\n') => Some(b'n'),
            (_, b':') => Some(b'c'),
            (_, b'\\') => Some(b'\\'),
            (Self::V1_2, b'\r') => Some(b'r'),
            _ => None,
        }
    }

    /// Tells whether every backslash in `text` begins a defined sequence.
    pub(crate) fn is_well_formed(self, text: &[u8]) -> bool {
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            match rest.get(at + 1) {
                Some(&letter) if self.decode(letter).is_some() => rest = &rest[at + 2..],
                _ => return false,
            }
        }
        true
    }

    /// Appends `text` with its escapes undone. `text` is [well-formed](Self::is_well_formed).
    pub(crate) fn unescape_into(self, text: &str, out: &mut String) {
        let mut rest = text;
        while let Some((plain, escape)) = rest.split_once('\\') {
            out.push_str(plain);
            let letter = escape.as_bytes().first().copied().unwrap_or(b'\\');
            out.push(char::from(self.decode(letter).unwrap_or(letter)));
            rest = escape.get(1..).unwrap_or_default();
        }
        out.push_str(rest);
    }
}

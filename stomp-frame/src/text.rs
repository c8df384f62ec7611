use std::ops::Range;

use bytes::Bytes;

/// What the spans point into: UTF-8, lines of a name, a colon and a value.
#[derive(Clone)]
pub(crate) enum Text {
    /// A slice of the read buffer.
    Shared(Bytes),
    /// Built by the application, or rewritten because the wire does not say what it means.
    Owned(Vec<u8>),
}

impl Text {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Shared(text) => text,
            Self::Owned(text) => text,
        }
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.as_slice()[range]
    }

    /// Checks for the second time, since `unsafe` is not for us: a few ns for a short value.
    pub(crate) fn str(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(self.bytes(range)).expect("all text was checked to be UTF-8")
    }

    pub(crate) fn to_mut(&mut self) -> &mut Vec<u8> {
        if let Self::Shared(text) = self {
            *self = Self::Owned(text.to_vec());
        }
        match self {
            Self::Owned(text) => text,
            Self::Shared(_) => unreachable!("was made owned above"),
        }
    }

    pub(crate) fn detach(&mut self) {
        if let Self::Shared(text) = self {
            *text = Bytes::copy_from_slice(text);
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Owned(Vec::new())
    }
}

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::header;

/// The headers of a frame: in wire order, repeats kept, names and values decoded.
///
/// Of repeated headers the first counts, so [`get`](Self::get) returns the first. Names are case
/// sensitive, as the specification has them; nothing is trimmed.
///
/// All headers of a frame share one text. In a decoded frame that text is a slice of the read
/// buffer, and the places of the first dozen headers live inline: no allocation per header.
/// Looking a header up compares names one by one, which for a dozen beats any table.
#[derive(Clone, Default)]
pub struct Headers {
    text: Text,
    spans: Spans,
}

impl Headers {
    /// Creates an empty list. Does not allocate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wraps text that was checked to be UTF-8, with spans on character boundaries.
    pub(crate) fn from_parts(text: Text, spans: Spans) -> Self {
        Self { text, spans }
    }

    /// Returns the value of the first header called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns the values of all headers called `name`, in wire order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.spans
            .iter()
            .filter(move |span| self.text.bytes(span.name()) == name.as_bytes())
            .map(|span| self.text.str(span.value()))
    }

    /// Tells whether there is a header called `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let mut spans = self.spans.iter();
        spans.any(|span| self.text.bytes(span.name()) == name.as_bytes())
    }

    /// Returns the number of headers, repeats included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Tells whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over all names and values, in wire order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            headers: self,
            next: 0,
        }
    }

    /// Adds a header at the end, whether or not the name is there already.
    ///
    /// # Panics
    ///
    /// When the text of all headers together would pass 4 GiB.
    pub fn append(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        let (name, value) = (name.as_ref(), value.as_ref());
        let text = self.text.to_mut();
        let start = text.len();
        text.reserve(name.len() + value.len() + 1);
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend_from_slice(value.as_bytes());
        assert!(
            u32::try_from(text.len()).is_ok(),
            "the headers of one frame are limited to 4 GiB"
        );
        self.spans
            .push(Span::new(start, start + name.len(), text.len()));
    }

    /// Sets a header: the first of that name gets the value and any repeats go; without one it is
    /// appended.
    pub fn set(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        let (name, value) = (name.as_ref(), value.as_ref());
        if !self.contains(name) {
            return self.append(name, value);
        }
        let mut done = false;
        let mut rebuilt = Self::new();
        for (n, v) in self.iter() {
            if n != name {
                rebuilt.append(n, v);
            } else if !done {
                rebuilt.append(name, value);
                done = true;
            }
        }
        *self = rebuilt;
    }

    /// Removes all headers called `name`.
    pub fn remove(&mut self, name: &str) {
        self.retain(|n, _| n != name);
    }

    /// Keeps only the headers for which `keep(name, value)` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let mut kept = Spans::default();
        for span in self.spans.iter() {
            if keep(self.text.str(span.name()), self.text.str(span.value())) {
                kept.push(span);
            }
        }
        self.spans = kept;
    }

    /// Drops blanks and tabs in front of all values, as 1.0 asks of a reader.
    ///
    /// The decoder does it for 1.0 frames. Only CONNECT and CONNECTED may need it afterwards: they
    /// are read before the version is known.
    pub fn trim_padding(&mut self) {
        let is_padded = |value: &str| value.starts_with([' ', '\t']);
        if self.iter().any(|(_, value)| is_padded(value)) {
            let trimmed = self.iter();
            let trimmed =
                trimmed.map(|(name, value)| (name, value.trim_start_matches([' ', '\t'])));
            *self = trimmed.collect();
        }
    }

    /// Copies the text out of the read buffer it shares, so that this frame no longer keeps that
    /// buffer alive.
    pub(crate) fn detach(&mut self) {
        if let Text::Shared(text) = &self.text {
            self.text = Text::Shared(Bytes::copy_from_slice(text));
        }
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::new();
        headers.extend(pairs);
        headers
    }
}

impl<N: AsRef<str>, V: AsRef<str>> Extend<(N, V)> for Headers {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        for (name, value) in pairs {
            self.append(name, value);
        }
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Iterates over names and values in wire order. Made by [`Headers::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    headers: &'a Headers,
    next: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let span = self.headers.spans.get(self.next)?;
        self.next += 1;
        let text = &self.headers.text;
        Some((text.str(span.name()), text.str(span.value())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.headers.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other)
    }
}

impl Eq for Headers {}

/// Shows names and values, but never the value of `passcode`.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| match name {
                header::PASSCODE => (name, "<redacted>"),
                _ => (name, value),
            }))
            .finish()
    }
}

/// As a list of pairs, since order and repeats count. Everything is in it, the passcode too.
#[cfg(feature = "serde")]
impl serde::Serialize for Headers {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Headers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}

/// What the spans point into: UTF-8, lines of a name, a colon and a value.
#[derive(Clone)]
pub(crate) enum Text {
    /// A slice of the read buffer.
    Shared(Bytes),
    /// Built by the application, or rewritten because the wire does not say what it means.
    Owned(Vec<u8>),
}

impl Text {
    fn bytes(&self, range: Range<usize>) -> &[u8] {
        match self {
            Self::Shared(text) => &text[range],
            Self::Owned(text) => &text[range],
        }
    }

    /// Checks for the second time, since `unsafe` is not for us: a few ns for a short value.
    fn str(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(self.bytes(range)).expect("all text was checked to be UTF-8")
    }

    fn to_mut(&mut self) -> &mut Vec<u8> {
        if let Self::Shared(text) = self {
            *self = Self::Owned(text.to_vec());
        }
        match self {
            Self::Owned(text) => text,
            Self::Shared(_) => unreachable!("was made owned above"),
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Owned(Vec::new())
    }
}

/// Where a header stands in the text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    colon: u32,
    end: u32,
}

impl Span {
    /// The places of a header in a text that is shorter than 4 GiB.
    #[inline]
    pub(crate) fn new(start: usize, colon: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            colon: colon as u32,
            end: end as u32,
        }
    }

    fn name(self) -> Range<usize> {
        self.start as usize..self.colon as usize
    }

    fn value(self) -> Range<usize> {
        self.colon as usize + 1..self.end as usize
    }
}

/// A list of spans, the first dozen inline: a frame of usual size allocates nothing for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    inline: [Span; Self::INLINE],
    len: usize,
    more: Vec<Span>,
}

impl Spans {
    const INLINE: usize = 12;

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Moves the list out. The inline places are left as they are, since `len` says they are free.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        Self {
            inline: self.inline,
            len: std::mem::take(&mut self.len),
            more: std::mem::take(&mut self.more),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, span: Span) {
        match self.inline.get_mut(self.len) {
            Some(place) => *place = span,
            None => self.more.push(span),
        }
        self.len += 1;
    }

    fn get(&self, index: usize) -> Option<Span> {
        if index >= self.len {
            None
        } else if index < Self::INLINE {
            Some(self.inline[index])
        } else {
            Some(self.more[index - Self::INLINE])
        }
    }

    fn iter(&self) -> impl Iterator<Item = Span> {
        let inline = &self.inline[..self.len.min(Self::INLINE)];
        inline.iter().chain(&self.more).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many() -> Headers {
        (0..30)
            .map(|n| (format!("n{n}"), format!("v{n}")))
            .collect()
    }

    #[test]
    fn first_of_repeated_headers_wins_and_all_are_kept() {
        let headers: Headers = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!(headers.get("a"), Some("1"));
        assert_eq!(headers.get_all("a").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(headers.len(), 3);
    }

    #[test]
    fn more_headers_than_fit_inline_are_kept_in_order() {
        let headers = many();
        assert_eq!(headers.len(), 30);
        assert_eq!(headers.get("n0"), Some("v0"));
        assert_eq!(headers.get("n29"), Some("v29"));
        assert_eq!(headers.iter().nth(12), Some(("n12", "v12")));
        assert_eq!(headers.iter().len(), 30);
    }

    #[test]
    fn set_replaces_the_first_and_drops_repeats() {
        let mut headers: Headers = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        headers.set("a", "x");
        headers.set("c", "y");
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("a", "x"), ("b", "2"), ("c", "y")]);
    }

    #[test]
    fn remove_takes_all_repeats() {
        let mut headers = many();
        headers.append("n3", "again");
        headers.remove("n3");
        assert!(!headers.contains("n3"));
        assert_eq!(headers.len(), 29);
    }

    #[test]
    fn padding_goes_only_in_front_of_values() {
        let mut headers: Headers = [("a ", " \t x ")].into_iter().collect();
        headers.trim_padding();
        assert_eq!(headers.iter().next(), Some(("a ", "x ")));
    }

    #[test]
    fn debug_hides_the_passcode() {
        let headers: Headers = [("login", "me"), ("passcode", "s3cret")]
            .into_iter()
            .collect();
        let shown = format!("{headers:?}");
        assert!(shown.contains("me") && !shown.contains("s3cret"), "{shown}");
    }
}

use std::fmt;

use crate::header;
use crate::spans::{Span, Spans};
use crate::text::Text;

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
        Some(self.text.str(self.find(name)?.value()))
    }

    /// Returns the value of the first header called `name` as octets: enough to compare and to
    /// copy it, and cheaper than text, which is checked to be text once more.
    #[must_use]
    pub fn get_octets(&self, name: &str) -> Option<&[u8]> {
        Some(self.text.bytes(self.find(name)?.value()))
    }

    /// Returns the values of all headers called `name`, in wire order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.spans
            .iter()
            .filter(move |span| span.is_called(name, self.text.as_slice()))
            .map(|span| self.text.str(span.value()))
    }

    /// Tells whether there is a header called `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<Span> {
        let text = self.text.as_slice();
        self.spans.iter().find(|span| span.is_called(name, text))
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

    /// Iterates over all names as octets, in wire order: enough to compare them, and cheaper than
    /// text, which is checked to be text once more.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        let text = self.text.as_slice();
        self.spans.iter().map(|span| &text[span.name()])
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
        let octets = name.len() + value.len() + 1;
        text.reserve(if start == 0 {
            octets.max(TYPICAL)
        } else {
            octets
        });
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

    /// Iterates over all headers as they stand in the text.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let text = self.text.as_slice();
        self.spans.iter().map(|span| Line {
            name: &text[span.name()],
            value: &text[span.value()],
            whole: &text[span.line()],
        })
    }

    /// Returns the length of the text, of which some may belong to no header.
    pub(crate) fn text_len(&self) -> usize {
        self.text.as_slice().len()
    }

    /// Copies the text out of the read buffer it shares, so that this frame no longer keeps that
    /// buffer alive.
    pub(crate) fn detach(&mut self) {
        self.text.detach();
    }
}

/// Room for the headers of most frames, so that a frame is built with one allocation for them.
const TYPICAL: usize = 256;

/// A header in octets.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Name, colon and value.
    pub(crate) whole: &'a [u8],
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
        assert_eq!(headers.get_octets("n29"), Some(&b"v29"[..]));
        assert_eq!(headers.get_octets("n30"), None);
        assert_eq!(headers.iter().nth(12), Some(("n12", "v12")));
        assert_eq!(headers.iter().len(), 30);
        assert_eq!(headers.names().nth(12), Some(&b"n12"[..]));
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

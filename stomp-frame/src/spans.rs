use std::ops::Range;

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

    /// Compares the lengths first: most names differ there, and need not be looked at.
    #[inline]
    pub(crate) fn is_called(self, name: &str, text: &[u8]) -> bool {
        self.name().len() == name.len() && &text[self.name()] == name.as_bytes()
    }

    pub(crate) fn name(self) -> Range<usize> {
        self.start as usize..self.colon as usize
    }

    pub(crate) fn value(self) -> Range<usize> {
        self.colon as usize + 1..self.end as usize
    }

    pub(crate) fn line(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A list of spans, the first dozen inline: a frame of usual size allocates nothing for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    /// As long as they are few, and in the first 64 KiB.
    inline: [[u16; 3]; Self::INLINE],
    inline_len: u8,
    more: Vec<Span>,
}

impl Spans {
    const INLINE: usize = 12;

    pub(crate) fn len(&self) -> usize {
        usize::from(self.inline_len) + self.more.len()
    }

    /// Moves the list out. The inline places are left as they are, since they count as free.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        Self {
            inline: self.inline,
            inline_len: std::mem::take(&mut self.inline_len),
            more: std::mem::take(&mut self.more),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, span: Span) {
        let place = self.inline.get_mut(usize::from(self.inline_len));
        match (place, u16::try_from(span.end)) {
            // Once a span went elsewhere, no later one is in the first 64 KiB and has a place.
            (Some(place), Ok(end)) => {
                *place = [span.start as u16, span.colon as u16, end];
                self.inline_len += 1;
            }
            _ => self.push_more(span),
        }
    }

    #[cold]
    fn push_more(&mut self, span: Span) {
        self.more.push(span);
    }

    pub(crate) fn get(&self, index: usize) -> Option<Span> {
        self.iter().nth(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Span> {
        let inline = &self.inline[..usize::from(self.inline_len)];
        let inline = inline.iter().map(|place| {
            let [start, colon, end] = place.map(u32::from);
            Span { start, colon, end }
        });
        inline.chain(self.more.iter().copied())
    }
}

use std::collections::VecDeque;

/// A queue of numbered things, most of which leave in the order in which they came.
///
/// What leaves out of order leaves a gap. Gaps are closed in bulk, so that leaving costs the same
/// whatever the order, and the queue is never longer than twice what it holds.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    /// By ascending number; the first is no gap.
    places: VecDeque<(u64, Option<T>)>,
    gaps: usize,
    next: u64,
}

impl<T> Numbered<T> {
    /// Adds a thing, and gives its number.
    pub(crate) fn push(&mut self, thing: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.places.push_back((number, Some(thing)));
        number
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.gaps
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.places[self.find(number)?].1.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let at = self.find(number)?;
        self.places[at].1.as_mut()
    }

    /// Iterates over all, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        Self::filled(self.places.iter())
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        let places = self.places.iter_mut();
        places.filter_map(|(number, thing)| Some((*number, thing.as_mut()?)))
    }

    /// Iterates over those from `first` up to, and without, `end`.
    pub(crate) fn range(&self, first: u64, end: u64) -> impl Iterator<Item = (u64, &T)> {
        // Most often nothing older is left, and nothing has to be searched for.
        let is_first = self.places.front().is_none_or(|(number, _)| *number >= end);
        let at = match is_first {
            true => self.places.len(),
            false => self.places.partition_point(|(number, _)| *number < first),
        };
        Self::filled(self.places.range(at..)).take_while(move |(number, _)| *number < end)
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let at = self.find(number)?;
        let thing = self.places[at].1.take()?;
        self.gaps += 1;
        self.close_gaps();
        Some(thing)
    }

    /// Removes those up to and including `last` for which `leaves` says so.
    pub(crate) fn remove_through(&mut self, last: u64, mut leaves: impl FnMut(&mut T) -> bool) {
        for (number, thing) in &mut self.places {
            if *number > last {
                break;
            }
            if thing.as_mut().is_some_and(&mut leaves) {
                *thing = None;
                self.gaps += 1;
            }
        }
        self.close_gaps();
    }

    /// Removes all, oldest first.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.gaps = 0;
        let places = std::mem::take(&mut self.places);
        places.into_iter().filter_map(|(_, thing)| thing)
    }

    fn filled<'a>(
        places: impl Iterator<Item = &'a (u64, Option<T>)>,
    ) -> impl Iterator<Item = (u64, &'a T)>
    where
        T: 'a,
    {
        places.filter_map(|(number, thing)| Some((*number, thing.as_ref()?)))
    }

    fn find(&self, number: u64) -> Option<usize> {
        if self.places.front()?.0 == number {
            return Some(0);
        }
        let by_number = |(number, _): &(u64, Option<T>)| *number;
        self.places.binary_search_by_key(&number, by_number).ok()
    }

    fn close_gaps(&mut self) {
        while let Some((_, None)) = self.places.front() {
            self.places.pop_front();
            self.gaps -= 1;
        }
        if self.gaps > self.places.len() / 2 {
            self.places.retain(|(_, thing)| thing.is_some());
            self.gaps = 0;
        }
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            places: VecDeque::new(),
            gaps: 0,
            next: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> Numbered<char> {
        let mut numbered = Numbered::default();
        for (number, letter) in (0..).zip(text.chars()) {
            assert_eq!(numbered.push(letter), number);
        }
        numbered
    }

    fn text(numbered: &Numbered<char>) -> String {
        numbered.iter().map(|(_, letter)| letter).collect()
    }

    #[test]
    fn things_leave_in_any_order_and_keep_their_numbers() {
        let mut numbered = letters("abcdef");
        assert_eq!(numbered.remove(2), Some('c'));
        assert_eq!(numbered.remove(2), None);
        assert_eq!(numbered.remove(0), Some('a'));
        assert_eq!(numbered.remove(6), None);
        assert_eq!((numbered.get(1), numbered.get(2)), (Some(&'b'), None));
        assert_eq!((text(&numbered).as_str(), numbered.len()), ("bdef", 4));
        assert_eq!(numbered.push('g'), 6);
        assert_eq!(numbered.get(6), Some(&'g'));
    }

    #[test]
    fn gap_in_front_is_closed_at_once() {
        let mut numbered = letters("abcdefghij");
        for (number, left) in (0..10).zip((0..10).rev()) {
            assert!(numbered.remove(number).is_some());
            assert_eq!((numbered.len(), numbered.places.len()), (left, left));
        }
    }

    #[test]
    fn range_has_a_beginning_and_no_end() {
        let mut numbered = letters("abcdef");
        numbered.remove(0);
        numbered.remove(3);
        let range = |first, end| {
            let letters = numbered.range(first, end);
            letters.map(|(_, letter)| letter).collect::<String>()
        };
        assert_eq!(range(0, 1), "");
        assert_eq!(range(0, 2), "b");
        assert_eq!(range(1, 5), "bce");
        assert_eq!(range(4, 9), "ef");
        assert_eq!(range(5, 5), "");
        assert_eq!(range(6, 6), "");
    }

    #[test]
    fn only_what_is_old_enough_and_wants_to_leaves() {
        let mut numbered = letters("abcdef");
        numbered.remove(1);
        numbered.remove_through(3, |letter| *letter != 'c');
        assert_eq!((text(&numbered).as_str(), numbered.len()), ("cef", 3));
        assert_eq!(numbered.drain().collect::<String>(), "cef");
        assert_eq!((numbered.len(), numbered.push('g')), (0, 6));
    }

    #[test]
    fn one_that_stays_does_not_make_the_queue_grow() {
        let mut numbered = letters("a");
        for _ in 0..10_000 {
            let number = numbered.push('b');
            assert_eq!(numbered.remove(number), Some('b'));
            assert!(numbered.places.len() <= 3, "{}", numbered.places.len());
        }
        assert_eq!(text(&numbered), "a");
    }
}

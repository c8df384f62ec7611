use std::collections::VecDeque;

/// What is to be written to the transport, and how much of STOMP is in it.
#[derive(Default)]
pub(super) struct Outgoing {
    octets: Vec<u8>,
    /// So many of these are written already.
    start: usize,
    /// So many were taken away to be written, before these.
    taken: usize,
    /// So many were ever written.
    written: u64,
    marks: VecDeque<Mark>,
}

/// When everything up to `end` is written, so are these octets of STOMP.
struct Mark {
    end: u64,
    stomp: usize,
}

/// What is kept of a buffer that a large piece has made large, in octets.
const KEPT: usize = 128 << 10;

/// Octets of STOMP up to which pieces are counted as one, or many small ones would take more memory
/// for their marks than for themselves.
const FINE: usize = 1 << 10;

impl Outgoing {
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[self.start..]
    }

    /// How many octets wait, with those that were taken away.
    pub(super) fn waiting(&self) -> usize {
        self.taken + self.octets().len()
    }

    /// Where more may be appended.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        // Not for each octet, or moving the rest would cost more than writing it.
        if self.start > self.octets.len() / 2 {
            self.octets.drain(..self.start);
            self.start = 0;
        }
        &mut self.octets
    }

    /// Takes note that what was appended last holds so many octets of STOMP.
    pub(super) fn mark(&mut self, stomp: usize) {
        if stomp == 0 {
            return;
        }
        let end = self.written + self.waiting() as u64;
        match self.marks.back_mut() {
            Some(mark) if mark.stomp + stomp <= FINE => {
                mark.end = end;
                mark.stomp += stomp;
            }
            _ => self.marks.push_back(Mark { end, stomp }),
        }
    }

    /// Moves everything behind what is in `buffer`.
    pub(super) fn take(&mut self, buffer: &mut Vec<u8>) {
        self.taken += self.octets().len();
        match buffer.is_empty() && self.start == 0 {
            true => std::mem::swap(buffer, &mut self.octets),
            false => buffer.extend_from_slice(&self.octets[self.start..]),
        }
        self.clear();
    }

    /// Takes note that so many octets were written, and returns how many of STOMP were in them.
    pub(super) fn written(&mut self, octets: usize) -> usize {
        assert!(octets <= self.waiting(), "written more than there is");
        self.written += octets as u64;
        let taken = octets.min(self.taken);
        self.taken -= taken;
        self.start += octets - taken;
        if self.start == self.octets.len() {
            self.clear();
        }
        let mut stomp = 0;
        while let Some(mark) = self.marks.front()
            && mark.end <= self.written
        {
            stomp += mark.stomp;
            self.marks.pop_front();
        }
        stomp
    }

    fn clear(&mut self) {
        self.octets.clear();
        self.octets.shrink_to(KEPT);
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_goes_and_the_rest_stays_in_order() {
        let mut outgoing = Outgoing::default();
        outgoing.room().extend(b"abcdef");
        outgoing.written(4);
        assert_eq!(outgoing.octets(), b"ef");
        outgoing.room().extend(b"gh");
        assert_eq!(outgoing.octets(), b"efgh");
        outgoing.written(4);
        assert_eq!(outgoing.octets(), b"");
    }

    #[test]
    fn a_large_piece_does_not_stay_in_memory() {
        let mut outgoing = Outgoing::default();
        outgoing.room().resize(10 << 20, 0);
        outgoing.written(10 << 20);
        assert!(outgoing.octets.capacity() <= KEPT);
    }

    #[test]
    fn octets_of_stomp_count_when_all_around_them_is_written() {
        let mut outgoing = Outgoing::default();
        outgoing.room().extend([0; 2_010]);
        outgoing.mark(2_000);
        outgoing.room().extend([0; 2_010]);
        outgoing.mark(2_000);
        assert_eq!(outgoing.written(2_009), 0);
        assert_eq!(outgoing.written(2), 2_000);
        assert_eq!(outgoing.written(2_009), 2_000);
    }

    #[test]
    fn small_pieces_are_counted_together() {
        let mut outgoing = Outgoing::default();
        for _ in 0..10_000 {
            outgoing.room().push(b'\n');
            outgoing.mark(1);
        }
        assert!(outgoing.marks.len() <= 10);
        assert_eq!(outgoing.written(10_000), 10_000);
    }

    #[test]
    fn what_was_taken_away_still_waits_until_it_is_written() {
        let mut outgoing = Outgoing::default();
        let mut buffer = Vec::new();
        outgoing.room().extend(b"abc");
        outgoing.mark(3);
        outgoing.written(1);
        outgoing.take(&mut buffer);
        outgoing.room().extend(b"d");
        outgoing.take(&mut buffer);
        assert_eq!(buffer, b"bcd");
        outgoing.room().extend(b"ef");
        assert_eq!((outgoing.octets(), outgoing.waiting()), (&b"ef"[..], 5));
        assert_eq!(outgoing.written(2), 3);
        assert_eq!(outgoing.written(2), 0);
        assert_eq!((outgoing.octets(), outgoing.waiting()), (&b"f"[..], 1));
    }
}

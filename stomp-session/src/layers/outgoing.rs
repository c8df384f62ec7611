/// What is to be written to the transport.
#[derive(Default)]
pub(super) struct Outgoing {
    octets: Vec<u8>,
    written: usize,
}

/// What is kept of a buffer that a large piece has made large, in octets.
const KEPT: usize = 128 << 10;

impl Outgoing {
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[self.written..]
    }

    /// Where more may be appended.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        // Not for each octet, or moving the rest would cost more than writing it.
        if self.written > self.octets.len() / 2 {
            self.octets.drain(..self.written);
            self.written = 0;
        }
        &mut self.octets
    }

    pub(super) fn written(&mut self, octets: usize) {
        assert!(octets <= self.octets().len(), "written more than there is");
        self.written += octets;
        if self.written == self.octets.len() {
            self.octets.clear();
            self.octets.shrink_to(KEPT);
            self.written = 0;
        }
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
}

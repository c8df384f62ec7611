//! Which octets of a head mean something: 64 octets at a time, as bits.

/// One bit for each of up to 64 octets, the lowest for the first.
///
/// Most octets of a head are of no interest, so a reader goes from bit to bit instead of from octet
/// to octet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// The colons and the controls from 0 to 13: LF, CR, NUL, and some to be passed over.
    pub(crate) structure: u64,
    pub(crate) backslashes: u64,
    /// The octets outside of ASCII.
    pub(crate) high: u64,
}

impl Block {
    pub(crate) const LEN: usize = 64;

    /// Looks at the first [`LEN`](Self::LEN) octets, or at all if there are fewer.
    ///
    /// Marks each octet in a loop that the compiler turns into a few vector instructions, and then
    /// gathers the marks.
    #[inline]
    pub(crate) fn of(octets: &[u8]) -> Self {
        let padded;
        let octets = match octets.first_chunk() {
            Some(octets) => octets,
            None => {
                padded = pad(octets);
                &padded
            }
        };
        let mut marks = [0; Self::LEN];
        for (mark, octet) in marks.iter_mut().zip(octets) {
            let structure = u8::from(*octet <= b'\r') | u8::from(*octet == b':');
            let backslash = u8::from(*octet == b'\\');
            *mark = octet & HIGH | backslash << 1 | structure;
        }
        let (words, _) = marks.as_chunks();
        let words: [u64; Self::LEN / 8] = std::array::from_fn(|n| u64::from_le_bytes(words[n]));
        let mut block = Self {
            structure: gather(&words, 0),
            ..Self::default()
        };
        if words.iter().fold(0, |all, word| all | word) & !EVERY_LOWEST != 0 {
            block.backslashes = gather(&words, 1);
            block.high = gather(&words, 7);
        }
        block
    }

    /// Forgets the octets up to the one of `bit`.
    #[inline]
    pub(crate) fn forget_through(&mut self, bit: u32) {
        let above = (u64::MAX << bit) << 1;
        self.structure &= above;
        self.backslashes &= above;
        self.high &= above;
    }
}

const HIGH: u8 = 0x80;

#[cold]
fn pad(octets: &[u8]) -> [u8; Block::LEN] {
    let mut padded = [b' '; Block::LEN];
    padded[..octets.len()].copy_from_slice(octets);
    padded
}

/// The lowest bit of each octet of a word.
const EVERY_LOWEST: u64 = u64::from_le_bytes([1; 8]);

/// Gathers one bit of each octet. The factor moves the eight of a word side by side.
#[inline]
fn gather(words: &[u64; Block::LEN / 8], bit: u32) -> u64 {
    words.iter().rev().fold(0, |gathered, word| {
        let spread = word >> bit & EVERY_LOWEST;
        gathered << 8 | spread.wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_octet(octets: &[u8]) -> Block {
        let bits = |is: fn(u8) -> bool| {
            let octets = octets.iter().enumerate();
            octets.fold(0, |all, (n, octet)| all | u64::from(is(*octet)) << n)
        };
        Block {
            structure: bits(|octet| octet <= 13 || octet == b':'),
            backslashes: bits(|octet| octet == b'\\'),
            high: bits(|octet| octet >= 0x80),
        }
    }

    #[test]
    fn every_octet_is_known_at_every_place() {
        for octet in 0..=u8::MAX {
            for place in 0..Block::LEN {
                let mut octets = [b'a'; Block::LEN];
                octets[place] = octet;
                assert_eq!(Block::of(&octets), by_octet(&octets), "{octet} at {place}");
                assert_eq!(Block::of(&octets[..=place]), by_octet(&octets[..=place]));
            }
        }
    }

    #[test]
    fn forgets_up_to_any_bit() {
        for bit in 0..64 {
            let mut block = Block::of(&[b':'; Block::LEN]);
            block.forget_through(bit);
            assert_eq!(block.structure.count_ones(), 63 - bit);
            assert!(bit == 63 || block.structure >> (bit + 1) & 1 == 1);
        }
    }

    proptest! {
        #[test]
        fn many_octets_are_known_together(octets: [[u8; 32]; 2]) {
            let octets = octets.concat();
            prop_assert_eq!(Block::of(&octets), by_octet(&octets));
        }
    }
}

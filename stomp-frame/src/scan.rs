//! Which octets of a head mean something: many octets at a time.
//!
//! Most octets of a head are of no interest, so a reader goes from bit to bit instead of from octet
//! to octet, and a writer copies names and values as they are.

/// How many octets are looked at together.
pub(crate) const BLOCK: usize = 64;

/// Sets a bit, the lowest for the first octet, for each of the first [`BLOCK`] octets that is a
/// colon, a backslash, not ASCII, or a control up to CR: LF, CR, NUL, and some to be passed over.
///
/// Marks octets in a loop that the compiler turns into a few vector instructions, and then gathers
/// the marks.
#[inline]
pub(crate) fn significant(octets: &[u8]) -> u64 {
    match octets.first_chunk() {
        Some(block) => significant_in_block(block),
        None => significant_in_rest(octets),
    }
}

#[inline]
fn significant_in_block(octets: &[u8; BLOCK]) -> u64 {
    let marks = octets.map(is_significant).map(u8::from);
    let (words, _) = marks.as_chunks();
    words
        .iter()
        .rev()
        .fold(0, |bits, word| bits << 8 | gather(*word))
}

/// For the last octets that have arrived: few, if they arrive one by one.
#[cold]
fn significant_in_rest(octets: &[u8]) -> u64 {
    let marks = octets.iter().rev().map(|octet| is_significant(*octet));
    marks.fold(0, |bits, mark| bits << 1 | u64::from(mark))
}

#[inline]
fn is_significant(octet: u8) -> bool {
    // As signed numbers, the octets outside of ASCII are in front of the controls.
    (octet as i8 <= b'\r' as i8) | (octet == b':') | (octet == b'\\')
}

/// Gathers eight marks. The factor moves them side by side.
#[inline]
fn gather(marks: [u8; 8]) -> u64 {
    u64::from_le_bytes(marks).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Tells whether `text` can be written as it is, as a name or as a value, on any command.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    match text.last_chunk() {
        // The last part overlaps the one before it, unless they meet.
        Some(last) => {
            let (parts, _) = text.as_chunks();
            parts.iter().all(is_plain_part) && is_plain_part(last)
        }
        None => !text.iter().any(|octet| may_need_escape(*octet)),
    }
}

/// Does it without a branch, so that the compiler looks at all octets at once.
#[inline]
fn is_plain_part(octets: &[u8; 16]) -> bool {
    let octets = octets.iter();
    !octets.fold(false, |any, octet| any | may_need_escape(*octet))
}

/// Tells whether an octet may mean something else than itself, in a name or a value.
#[inline]
pub(crate) fn may_need_escape(octet: u8) -> bool {
    (octet <= b'\r') | (octet == b':') | (octet == b'\\')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_octet(octets: &[u8]) -> u64 {
        let octets = octets.iter().enumerate();
        octets.fold(0, |bits, (place, octet)| {
            let bit = matches!(octet, 0..=13 | b':' | b'\\' | 0x80..);
            bits | u64::from(bit) << place
        })
    }

    #[test]
    fn every_octet_is_known_at_every_place() {
        for octet in 0..=u8::MAX {
            for place in 0..BLOCK {
                let mut octets = [b'a'; BLOCK];
                octets[place] = octet;
                assert_eq!(
                    significant(&octets),
                    by_octet(&octets),
                    "{octet} at {place}"
                );
                let short = &octets[..=place];
                assert_eq!(significant(short), by_octet(short));
            }
        }
    }

    #[test]
    fn one_octet_is_enough_not_to_be_plain() {
        for length in 0..70 {
            let mut text = vec![b'a'; length];
            assert!(is_plain(&text));
            for place in 0..length {
                for (octet, plain) in [
                    (0, false),
                    (b'\r', false),
                    (14, true),
                    (b':', false),
                    (b'\\', false),
                    (b' ', true),
                    (0xc3, true),
                ] {
                    text[place] = octet;
                    assert_eq!(is_plain(&text), plain, "{octet} at {place} of {length}");
                }
                text[place] = b'a';
            }
        }
    }

    proptest! {
        #[test]
        fn many_octets_are_known_together(octets: [[u8; 32]; 3]) {
            let octets = octets.concat();
            prop_assert_eq!(significant(&octets), by_octet(&octets[..BLOCK]));
        }
    }
}

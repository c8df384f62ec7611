//! The grammar of one line, in nom.
//!
//! Lines arrive complete, with the place of their first colon: the scan found both, and remembers
//! how far it looked. nom's own streaming mode would start over at the first octet whenever a line
//! is cut.

use nom::bytes::complete::take;
use nom::character::complete::{char, u64};
use nom::combinator::{all_consuming, map_opt, rest, verify};
use nom::sequence::separated_pair;
use nom::{IResult, Parser};

use crate::Command;

/// The command line: one of the commands, to the letter.
pub(crate) fn command(line: &[u8]) -> IResult<&[u8], Command> {
    map_opt(rest, Command::from_bytes).parse(line)
}

/// A header line, whose first colon the scan has found: name, colon, value. The name is not empty;
/// later colons are tolerated, since brokers send them raw.
#[inline]
pub(crate) fn header(line: &[u8], colon: usize) -> IResult<&[u8], (&[u8], &[u8])> {
    separated_pair(verify(take(colon), not_empty), char(':'), rest).parse(line)
}

/// The value of `content-length`: ASCII digits and nothing else, below 2^64.
pub(crate) fn content_length(value: &[u8]) -> IResult<&[u8], u64> {
    all_consuming(u64).parse(value)
}

fn not_empty(name: &[u8]) -> bool {
    !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_splits_at_the_first_colon() {
        let (rest, pair) = header(b"session:ID:vm-1:2", 7).unwrap();
        assert_eq!(pair, (&b"session"[..], &b"ID:vm-1:2"[..]));
        assert!(rest.is_empty());
    }

    #[test]
    fn header_needs_a_name_and_a_colon_but_no_value() {
        assert!(header(b":v", 0).is_err());
        assert!(header(b"name", 4).is_err());
        assert!(header(b"name", 99).is_err());
        assert_eq!(header(b"k:", 1).unwrap().1, (&b"k"[..], &b""[..]));
    }

    #[test]
    fn content_length_is_digits_only() {
        let number = |text: &[u8]| content_length(text).ok().map(|(_, n)| n);
        assert_eq!(number(b"0007"), Some(7));
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            "",
            "18446744073709551616",
            "-1",
            "+1",
            " 1",
            "1 ",
            "0x1",
            "1e3",
            "1_0",
        ] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }
}

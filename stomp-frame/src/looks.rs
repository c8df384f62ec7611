//! Counts, in tests only, how many octets are examined.

#[cfg(test)]
thread_local! {
    static OCTETS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Notes that this many octets are examined, or copied.
#[inline]
pub(crate) fn looked_at(octets: usize) {
    #[cfg(test)]
    OCTETS.set(OCTETS.get() + octets);
    #[cfg(not(test))]
    let _ = octets;
}

/// Counts the octets that `work` examines.
#[cfg(test)]
pub(crate) fn count(work: impl FnOnce()) -> usize {
    let before = OCTETS.get();
    work();
    OCTETS.get() - before
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use crate::scan::BLOCK;
    use crate::{Decoder, Limits, OnUnreadable, Side, Tolerance};

    fn looks_octet_by_octet(wire: &[u8], tolerance: Tolerance) -> usize {
        let decoder = Decoder::new(Side::Server, Limits::client());
        looks(decoder.tolerance(tolerance), wire, 1)
    }

    fn looks(mut decoder: Decoder, wire: &[u8], size: usize) -> usize {
        let mut buffer = BytesMut::new();
        super::count(|| {
            for octets in wire.chunks(size) {
                buffer.extend_from_slice(octets);
                while decoder.decode(&mut buffer).unwrap().is_some() {}
            }
        })
    }

    #[test]
    fn no_octet_is_looked_at_more_than_three_times() {
        for frame in [
            "MESSAGE\nk:v\n\nbody\0",
            "MESSAGE\r\nk:v\r\nk:v\r\n\r\nbody\0\r\n",
            "MESSAGE\nk:v\\n\\c\\\\\nplain:x\nk\\\\:é\\r\n\n\0\n\n",
            "MESSAGE\ncontent-length:5\n\nhello\0",
            "MESSAGE\né:ééééééééééééééé\n\n\0",
        ] {
            for times in [1, 2, 40] {
                let wire = frame.repeat(times);
                let looks = looks_octet_by_octet(wire.as_bytes(), Tolerance::strict());
                assert!(looks >= wire.len() / 2, "{frame:?}: counts nothing?");
                assert!(
                    looks <= 3 * wire.len(),
                    "{frame:?}: {looks} for {}",
                    wire.len()
                );
            }
        }
        let wire = b"MESSAGE\n\xff:\xff\\c\na:b\n\n\0".repeat(9);
        assert!(looks_octet_by_octet(&wire, Tolerance::lenient()) <= 3 * wire.len());
    }

    #[test]
    fn long_parts_are_looked_at_once() {
        for octets in [8_000, 16_000] {
            let line = format!("MESSAGE\nk:{}\n\n", "v".repeat(octets - 14));
            let body = format!("MESSAGE\n\n{}", "v".repeat(octets - 9));
            for wire in [line, body] {
                let looks = looks_octet_by_octet(wire.as_bytes(), Tolerance::strict());
                assert!((octets - 2..octets + 100).contains(&looks), "{looks}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_looked_at_no_more_often() {
        let long = "x".repeat(5_000);
        for head in [
            "k:\\é\\x".to_owned(),
            "é\\c:v\nno colon\nack:é\\\\".to_owned(),
            "k:\u{fffd}\rv\nmessage-id:7\\c".to_owned(),
            format!("k:{long}\nack:{long}\nack:7\ncontent-length:3"),
            format!("k:é{long}\\x"),
            "k:v\n".repeat(300) + "destination:é\\n\nack:7",
        ] {
            let wire = format!("MESSAGE\n{head}\n\nabc\0").repeat(3);
            let body = format!("MESSAGE\n\n{long}\0");
            // The block in which a head turns out to be unreadable is begun anew.
            let most = |wire: &str| 3 * (wire.len() + BLOCK);
            for wire in [wire, body] {
                for size in [1, 3, 70, wire.len()] {
                    let limits = Limits::client().header_line(4_000).body(3_000);
                    let decoder = Decoder::new(Side::Server, limits);
                    let looks = looks(
                        decoder.unreadable(OnUnreadable::Skip),
                        wire.as_bytes(),
                        size,
                    );
                    assert!(looks >= wire.len() / 2, "{head:.40}: counts nothing?");
                    assert!(
                        looks <= most(&wire),
                        "{head:.40}: {looks} for {}",
                        wire.len()
                    );
                }
            }
        }
    }
}

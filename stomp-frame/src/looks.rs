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

    use crate::{Decoder, Limits, Side, Tolerance};

    fn looks_octet_by_octet(wire: &[u8], tolerance: Tolerance) -> usize {
        let mut decoder = Decoder::new(Side::Server, Limits::client()).tolerance(tolerance);
        let mut buffer = BytesMut::new();
        super::count(|| {
            for octet in wire.chunks(1) {
                buffer.extend_from_slice(octet);
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
}

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

    use crate::{Decoder, Limits, Side};

    /// Feeds single octets, and counts how many are examined.
    fn looks(wire: &[u8]) -> usize {
        let mut decoder = Decoder::new(Side::Server, Limits::client());
        let mut buffer = BytesMut::new();
        let mut items = 0;
        let looks = super::count(|| {
            for octet in wire {
                buffer.extend_from_slice(&[*octet]);
                items += usize::from(decoder.decode(&mut buffer).unwrap().is_some());
            }
        });
        assert_eq!(items, 1);
        looks
    }

    #[test]
    fn no_octet_is_examined_more_than_three_times_however_the_stream_is_cut() {
        for kib in [1, 2, 4, 8] {
            let line = format!("name:{}\n", "v".repeat(1019));
            let head = format!("MESSAGE\n{}\nx\0", line.repeat(kib));
            assert!(
                looks(head.as_bytes()) <= 3 * head.len(),
                "head of {kib} KiB"
            );
            let body = format!("MESSAGE\nk:v\n\n{}\0", "b".repeat(kib << 10));
            assert!(
                looks(body.as_bytes()) <= 3 * body.len(),
                "body of {kib} KiB"
            );
        }
    }
}

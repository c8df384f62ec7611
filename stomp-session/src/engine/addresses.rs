use core::net::SocketAddr;
use std::time::Duration;

/// How long an address may keep the next one waiting (RFC 8305, 5).
pub const STAGGER: Duration = Duration::from_millis(250);

/// How long a single address may take. The broker as a whole has the
/// [`connect_timeout`](super::Settings::connect_timeout).
pub const PER_ADDRESS: Duration = Duration::from_secs(5);

/// Orders the addresses of a host for an attempt to connect: IPv6 and IPv4 in turn, as the resolver
/// has them, so that one broken family costs one wait and not one for each address (RFC 8305, 4).
///
/// Whoever races them begins with the next when the last one has failed, or has not answered for
/// [`STAGGER`].
#[must_use]
pub fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let addresses = addresses.into_iter();
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.partition(SocketAddr::is_ipv6);
    let mut mixed = Vec::with_capacity(v6.len() + v4.len());
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    loop {
        let pair = [v6.next(), v4.next()];
        if pair == [None, None] {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        let parsed = list.iter().map(|text| text.parse());
        parsed.collect::<Result<_, _>>().expect("addresses")
    }

    #[test]
    fn families_alternate_in_the_order_of_the_resolver() {
        let given = addresses(&["1.1.1.1:1", "1.1.1.2:1", "1.1.1.3:1", "[::1]:1", "[::2]:1"]);
        let want = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "1.1.1.3:1"]);
        assert_eq!(interleave(given), want);
        let v4 = addresses(&["1.1.1.1:1", "1.1.1.2:1"]);
        assert_eq!(interleave(v4.clone()), v4);
    }
}

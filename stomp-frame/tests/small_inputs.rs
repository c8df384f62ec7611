//! Every short string over the octets that matter: no panic, no loop, and the same whole as octet
//! by octet.

mod support;

use stomp_frame::{Decoder, Limits, Side, Tolerance, Version};
use support::read;

/// `C` stands for all octets without a meaning; it also begins a command.
const OCTETS: [u8; 8] = *b"C:\\n\r\n\0 ";

fn check(length: u32, prefix: &[u8]) {
    let mut wire = prefix.to_vec();
    for number in 0..OCTETS.len().pow(length) {
        wire.truncate(prefix.len());
        wire.extend((0..length).map(|place| OCTETS[number >> (3 * place) & 7]));
        // Each string under the rules of one version; all three have their turn.
        let version = Version::ALL[number % 3];
        let tolerance = match number % 2 {
            0 => Tolerance::strict(),
            _ => Tolerance::lenient(),
        };
        let decoder = || {
            let mut decoder = Decoder::new(Side::Client, Limits::server()).tolerance(tolerance);
            decoder.set_version(version);
            decoder
        };
        let whole = read(decoder(), [&wire[..]]);
        let by_octet = read(decoder(), wire.chunks(1));
        assert_eq!(
            by_octet,
            whole,
            "{version} {:?}",
            wire.escape_ascii().to_string()
        );
    }
}

#[test]
fn all_strings_up_to_six_octets() {
    (0..=6).for_each(|length| check(length, b""));
}

#[test]
fn all_strings_of_five_octets_in_a_header() {
    (0..=5).for_each(|length| check(length, b"SEND\n"));
}

#[test]
#[ignore = "two million strings take half a minute without optimisation"]
fn all_strings_of_seven_octets() {
    check(7, b"");
}

/// Why a text could not be percent-decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Undecodable {
    Escape,
    Utf8,
}

/// Decodes `%41` to `A`. A `+` stays a `+`: this is a URI, not a form.
pub(crate) fn decode(text: &str) -> Result<String, Undecodable> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = bytes
                    .next()
                    .and_then(hex_digit)
                    .ok_or(Undecodable::Escape)?;
                let low = bytes
                    .next()
                    .and_then(hex_digit)
                    .ok_or(Undecodable::Escape)?;
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(decoded).map_err(|_| Undecodable::Utf8)
}

/// Encodes all but the unreserved characters of RFC 3986, so that what comes out is safe anywhere
/// in a failover URI.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        assert_eq!(decode("a%20b+%C3%A4%2f"), Ok("a b+ä/".into()));
        assert_eq!(decode(""), Ok(String::new()));
    }

    #[test]
    fn refuses_what_is_no_escape() {
        for text in ["%", "a%4", "%4g", "%g4", "%%41"] {
            assert_eq!(decode(text), Err(Undecodable::Escape), "{text}");
        }
        assert_eq!(decode("%ff"), Err(Undecodable::Utf8));
    }

    #[test]
    fn encodes_all_that_could_mean_something() {
        assert_eq!(encode("aZ09-._~"), "aZ09-._~");
        assert_eq!(
            encode("a:b@c/d,e(f)%ä\n"),
            "a%3Ab%40c%2Fd%2Ce%28f%29%25%C3%A4%0A"
        );
    }
}

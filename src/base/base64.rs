//! Base64 (RFC 4648 section 4) as nginx reads it: what stands behind the first `=` is not looked at.
//!
//! Called for the credentials of Basic authentication and the hashes of password files. Writes none.

/// The bytes that `text` stands for, or `None` when it is no base64.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let length = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    let digits = &text[..length];
    if length % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(length / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = bits << 6 | value(*digit)?;
        }
        // Four digits make three bytes, three make two, two make one; bits that make no whole byte are dropped.
        bits <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes(), "{text}");
        }
    }

    #[test]
    fn padding_may_be_missing_and_what_follows_it_does_not_count() {
        assert_eq!(decode(b"Zm8").unwrap(), b"fo");
        assert_eq!(decode(b"Zg==anything").unwrap(), b"f");
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["Z", "Zm9vY", "Zm 9", "Zm9-", "Zm9_", "é"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}

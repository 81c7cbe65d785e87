//! Base64 (RFC 4648 sections 4 and 5) as nginx reads it: what stands behind the first `=` is not looked at.
//!
//! Called for the credentials of Basic authentication, the hashes of password files, signed links and identifying
//! cookies.

/// The bytes that `text` stands for, or `None` when it is no base64.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, [b'+', b'/'])
}

/// As [`decode`], for the alphabet that fits into URLs, with `-` and `_`.
pub fn decode_url(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, [b'-', b'_'])
}

/// Writes `bytes` as base64, with the padding at its end, behind what `out` holds.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let mut padded = [0; 3];
        padded[..group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for digit in 0..4 {
            // Six bits are an index of the alphabet.
            let value = (bits >> (18 - 6 * digit)) as usize & 63;
            out.push(if digit <= group.len() { ALPHABET[value] } else { b'=' });
        }
    }
}

fn decode_with(text: &[u8], last: [u8; 2]) -> Option<Vec<u8>> {
    let length = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    let digits = &text[..length];
    if length % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(length / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = bits << 6 | value(*digit, last)?;
        }
        // Four digits make three bytes, three make two, two make one; bits that make no whole byte are dropped.
        bits <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn value(digit: u8, last: [u8; 2]) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        digit if digit == last[0] => 62,
        digit if digit == last[1] => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read_and_written() {
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
            let mut written = Vec::new();
            encode(bytes.as_bytes(), &mut written);
            assert_eq!(written, text.as_bytes());
        }
    }

    #[test]
    fn the_alphabet_for_urls_has_two_digits_of_its_own() {
        assert_eq!(decode_url(b"-_-_").unwrap(), decode(b"+/+/").unwrap());
        assert_eq!((decode_url(b"+/+/"), decode(b"-_-_")), (None, None));
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

//! Looking through bytes for control bytes, eight at a time.
//!
//! Every byte of every request head comes by here, and every value of a response. Called by the decoder and the encoder.
//! It does not say what a control byte means.

/// Where the first control byte stands: a line end, a tab, or what no line may contain (RFC 9110 section 5.5).
pub(crate) fn find_control(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks();
    for (number, word) in words.iter().enumerate() {
        let found = control_bits(u64::from_le_bytes(*word));
        if found != 0 {
            // The lowest bit belongs to the first byte.
            return Some(number * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let offset = rest.iter().position(u8::is_ascii_control)?;
    Some(words.len() * 8 + offset)
}

/// The highest bit of each control byte in `word`. Above the lowest of them there may be bits that mean nothing, for a
/// subtraction may borrow from the next byte.
fn control_bits(word: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = EACH << 7;
    let below_space = word.wrapping_sub(EACH * 0x20) & !word;
    let delete = word ^ (EACH * 0x7f);
    (below_space | (delete.wrapping_sub(EACH) & !delete)) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_control_byte_is_found_at_every_place_and_beside_every_other() {
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    for other in [b'a', b' ', 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xff] {
                        let mut bytes = vec![b'a'; length];
                        bytes[place] = byte;
                        if let Some(next) = bytes.get_mut(place + 1) {
                            *next = other;
                        }
                        let expected = bytes.iter().position(u8::is_ascii_control);
                        assert_eq!(find_control(&bytes), expected, "{bytes:?}");
                    }
                }
            }
        }
    }
}

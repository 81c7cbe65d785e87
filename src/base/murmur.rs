//! MurmurHash2: a hash that is the same everywhere and always, for what is divided among several (`split_clients`).
//!
//! Austin Appleby's 32-bit function with the seed 0, as nginx has it. No protection against collisions on purpose:
//! not for tables.

/// The hash of a text.
#[must_use]
pub fn murmur2(text: &[u8]) -> u32 {
    // Of a longer text nginx sees the length modulo 2^32 as well.
    #[expect(clippy::cast_possible_truncation, reason = "the function is defined on 32 bits")]
    let mut hash = text.len() as u32;
    let (words, rest) = text.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        word ^= word >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ word.wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u32::from_le_bytes(last)).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

const MULTIPLIER: u32 = 0x5bd1_e995;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_function_of_this_name() {
        assert_eq!(murmur2(b""), 0);
        assert_eq!(murmur2(b"a"), 0x9268_5f5e);
        assert_eq!(murmur2(b"abc"), 0x1357_7c9b);
        assert_eq!(murmur2(b"abcd"), 0x2687_3021);
        assert_eq!(murmur2(b"192.0.2.1AAA"), 0xcd5e_5fff);
    }
}

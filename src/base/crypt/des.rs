//! DES (crypt), the oldest form: zeros encrypted 25 times with the password as the key, by a DES (FIPS 46-3) whose
//! expansion is changed by the salt. Two characters of salt and eleven of hash; only the first eight characters of a
//! password count.
//!
//! Bits are numbered as in the standard: 1 is the highest. Written to be checked against it, not to be fast: a hash
//! takes a fraction of a millisecond, in a job.

use super::CRYPT64;

/// Of salt and hash together.
pub(super) const LENGTH: usize = 13;

/// The hash with its salt in front, which is that of `stored`; nothing if `stored` has not this form.
pub(super) fn hash(password: &[u8], stored: &[u8]) -> Option<[u8; LENGTH]> {
    let digit = |byte: &u8| CRYPT64.iter().position(|known| known == byte);
    let digits: Vec<usize> = stored.iter().map(digit).collect::<Option<_>>()?;
    let [low, high, ..] = digits[..] else { return None };
    let swapped = swapped(low | high << 6);
    let keys = round_keys(key(password));
    let (mut left, mut right) = (0_u32, 0_u32);
    for _ in 0..ENCRYPTIONS {
        for round_key in keys {
            (left, right) = (right, left ^ cipher(right, round_key, swapped));
        }
        // The halves are exchanged behind the last round; the permutations between two encryptions undo each other.
        (left, right) = (right, left);
    }
    let block = permuted(u64::from(left) << 32 | u64::from(right), 64, &FINAL);
    let mut hash = [0; LENGTH];
    hash[..2].copy_from_slice(&stored[..2]);
    for (at, byte) in hash[2..].iter_mut().enumerate() {
        // The last digit has four bits of the block and two zeros.
        let bits = if at == 10 { block << 2 } else { block >> (58 - 6 * at) };
        *byte = CRYPT64[bits as usize & 63];
    }
    Some(hash)
}

const ENCRYPTIONS: usize = 25;

/// The key: seven bits of each of eight characters; what would be parity is zero.
fn key(password: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (byte, character) in bytes.iter_mut().zip(password) {
        *byte = character << 1;
    }
    u64::from_be_bytes(bytes)
}

/// The keys of the rounds.
fn round_keys(key: u64) -> [u64; 16] {
    const HALF: u64 = (1 << 28) - 1;
    let chosen = permuted(key, 64, &CHOICE_1);
    let (mut left, mut right) = (chosen >> 28, chosen & HALF);
    let rotated = |half: u64, by: u32| (half << by | half >> (28 - by)) & HALF;
    ROTATIONS.map(|by| {
        (left, right) = (rotated(left, by), rotated(right, by));
        permuted(left << 28 | right, 56, &CHOICE_2)
    })
}

/// Which bits of the expansion's halves the salt has change places: its lowest bit the first of each half.
fn swapped(salt: usize) -> u64 {
    (0..12).filter(|bit| salt >> bit & 1 == 1).map(|bit| 1 << (23 - bit)).sum()
}

/// What one round makes of a half.
fn cipher(half: u32, round_key: u64, swapped: u64) -> u32 {
    let expanded = permuted(u64::from(half), 32, &EXPANSION);
    let exchange = (expanded >> 24 ^ expanded) & swapped;
    let input = expanded ^ (exchange << 24 | exchange) ^ round_key;
    let mut output = 0;
    for (at, rows) in SUBSTITUTIONS.iter().enumerate() {
        let six = (input >> (42 - 6 * at)) as usize & 63;
        // The outer two bits choose the row, the others the column.
        let (row, column) = (six >> 4 & 2 | six & 1, six >> 1 & 15);
        output = output << 4 | u64::from(rows[row * 16 + column]);
    }
    u32::try_from(permuted(output, 32, &PERMUTATION)).expect("32 bits are chosen")
}

/// The bits of `value` (of so many) that the table names, in its order.
fn permuted(value: u64, bits: u32, table: &[u8]) -> u64 {
    table.iter().fold(0, |chosen, bit| chosen << 1 | value >> (bits - u32::from(*bit)) & 1)
}

/// PC-1.
#[rustfmt::skip]
const CHOICE_1: [u8; 56] = [
    57, 49, 41, 33, 25, 17,  9,  1, 58, 50, 42, 34, 26, 18, 10,  2, 59, 51, 43, 35, 27, 19, 11,  3, 60, 52, 44, 36,
    63, 55, 47, 39, 31, 23, 15,  7, 62, 54, 46, 38, 30, 22, 14,  6, 61, 53, 45, 37, 29, 21, 13,  5, 28, 20, 12,  4,
];

/// PC-2.
#[rustfmt::skip]
const CHOICE_2: [u8; 48] = [
    14, 17, 11, 24,  1,  5,  3, 28, 15,  6, 21, 10, 23, 19, 12,  4, 26,  8, 16,  7, 27, 20, 13,  2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];

const ROTATIONS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

/// E.
#[rustfmt::skip]
const EXPANSION: [u8; 48] = [
    32,  1,  2,  3,  4,  5,  4,  5,  6,  7,  8,  9,  8,  9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17,
    16, 17, 18, 19, 20, 21, 20, 21, 22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32,  1,
];

/// P.
#[rustfmt::skip]
const PERMUTATION: [u8; 32] = [
    16,  7, 20, 21, 29, 12, 28, 17,  1, 15, 23, 26,  5, 18, 31, 10,
     2,  8, 24, 14, 32, 27,  3,  9, 19, 13, 30,  6, 22, 11,  4, 25,
];

/// IP, inverted.
#[rustfmt::skip]
const FINAL: [u8; 64] = [
    40,  8, 48, 16, 56, 24, 64, 32, 39,  7, 47, 15, 55, 23, 63, 31,
    38,  6, 46, 14, 54, 22, 62, 30, 37,  5, 45, 13, 53, 21, 61, 29,
    36,  4, 44, 12, 52, 20, 60, 28, 35,  3, 43, 11, 51, 19, 59, 27,
    34,  2, 42, 10, 50, 18, 58, 26, 33,  1, 41,  9, 49, 17, 57, 25,
];

/// S1 to S8, each in rows of 16.
#[rustfmt::skip]
const SUBSTITUTIONS: [[u8; 64]; 8] = [
    [
        14,  4, 13,  1,  2, 15, 11,  8,  3, 10,  6, 12,  5,  9,  0,  7,
         0, 15,  7,  4, 14,  2, 13,  1, 10,  6, 12, 11,  9,  5,  3,  8,
         4,  1, 14,  8, 13,  6,  2, 11, 15, 12,  9,  7,  3, 10,  5,  0,
        15, 12,  8,  2,  4,  9,  1,  7,  5, 11,  3, 14, 10,  0,  6, 13,
    ], [
        15,  1,  8, 14,  6, 11,  3,  4,  9,  7,  2, 13, 12,  0,  5, 10,
         3, 13,  4,  7, 15,  2,  8, 14, 12,  0,  1, 10,  6,  9, 11,  5,
         0, 14,  7, 11, 10,  4, 13,  1,  5,  8, 12,  6,  9,  3,  2, 15,
        13,  8, 10,  1,  3, 15,  4,  2, 11,  6,  7, 12,  0,  5, 14,  9,
    ], [
        10,  0,  9, 14,  6,  3, 15,  5,  1, 13, 12,  7, 11,  4,  2,  8,
        13,  7,  0,  9,  3,  4,  6, 10,  2,  8,  5, 14, 12, 11, 15,  1,
        13,  6,  4,  9,  8, 15,  3,  0, 11,  1,  2, 12,  5, 10, 14,  7,
         1, 10, 13,  0,  6,  9,  8,  7,  4, 15, 14,  3, 11,  5,  2, 12,
    ], [
         7, 13, 14,  3,  0,  6,  9, 10,  1,  2,  8,  5, 11, 12,  4, 15,
        13,  8, 11,  5,  6, 15,  0,  3,  4,  7,  2, 12,  1, 10, 14,  9,
        10,  6,  9,  0, 12, 11,  7, 13, 15,  1,  3, 14,  5,  2,  8,  4,
         3, 15,  0,  6, 10,  1, 13,  8,  9,  4,  5, 11, 12,  7,  2, 14,
    ], [
         2, 12,  4,  1,  7, 10, 11,  6,  8,  5,  3, 15, 13,  0, 14,  9,
        14, 11,  2, 12,  4,  7, 13,  1,  5,  0, 15, 10,  3,  9,  8,  6,
         4,  2,  1, 11, 10, 13,  7,  8, 15,  9, 12,  5,  6,  3,  0, 14,
        11,  8, 12,  7,  1, 14,  2, 13,  6, 15,  0,  9, 10,  4,  5,  3,
    ], [
        12,  1, 10, 15,  9,  2,  6,  8,  0, 13,  3,  4, 14,  7,  5, 11,
        10, 15,  4,  2,  7, 12,  9,  5,  6,  1, 13, 14,  0, 11,  3,  8,
         9, 14, 15,  5,  2,  8, 12,  3,  7,  0,  4, 10,  1, 13, 11,  6,
         4,  3,  2, 12,  9,  5, 15, 10, 11, 14,  1,  7,  6,  0,  8, 13,
    ], [
         4, 11,  2, 14, 15,  0,  8, 13,  3, 12,  9,  7,  5, 10,  6,  1,
        13,  0, 11,  7,  4,  9,  1, 10, 14,  3,  5, 12,  2, 15,  8,  6,
         1,  4, 11, 13, 12,  3,  7, 14, 10, 15,  6,  8,  0,  5,  9,  2,
         6, 11, 13,  8,  1,  4, 10,  7,  9,  5,  0, 15, 14,  2,  3, 12,
    ], [
        13,  2,  8,  4,  6, 15, 11,  1, 10,  9,  3, 14,  5,  0, 12,  7,
         1, 15, 13,  8, 10,  3,  7,  4, 12,  5,  6, 11,  0, 14,  9,  2,
         7, 11,  4,  1,  9, 12, 14,  2,  0,  6, 10, 13, 15,  3,  5,  8,
         2,  1, 14,  7,  4, 10,  8, 13, 15, 12,  9,  0,  3,  5,  6, 11,
    ],
];

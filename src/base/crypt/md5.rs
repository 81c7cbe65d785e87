//! MD5 (crypt): a thousand rounds of MD5 over the password, the salt and themselves, as FreeBSD made it for `$1$` and
//! Apache took it over for `$apr1$`.

use md5::{Digest, Md5};

use super::crypt64;

/// More than so much of a salt does not count.
pub(super) const SALT_BYTES_MAX: usize = 8;

const ROUNDS: usize = 1000;

/// The hash as it stands behind the salt.
pub(super) fn hash(password: &[u8], magic: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut digest = first(password, magic, salt);
    for round in 0..ROUNDS {
        let mut hasher = Md5::new();
        let odd = round % 2 == 1;
        hasher.update(if odd { password } else { &digest[..] });
        if !round.is_multiple_of(3) {
            hasher.update(salt);
        }
        if !round.is_multiple_of(7) {
            hasher.update(password);
        }
        hasher.update(if odd { &digest[..] } else { password });
        digest = hasher.finalize().into();
    }
    let groups = (0..5).map(|at| {
        let last = if at == 4 { 5 } else { at + 12 };
        ([digest[at], digest[at + 6], digest[last]], 4)
    });
    crypt64(groups.chain([([0, 0, digest[11]], 2)]))
}

/// What the rounds begin with.
fn first(password: &[u8], magic: &[u8], salt: &[u8]) -> [u8; 16] {
    let between = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut hasher = Md5::new().chain_update(password).chain_update(magic).chain_update(salt);
    for piece in password.chunks(between.len()) {
        hasher.update(&between[..piece.len()]);
    }
    // For each bit of the password's length, the lowest first: a zero for one, the first character for none.
    let mut length = password.len();
    while length > 0 {
        hasher.update(if length % 2 == 1 { b"\0" } else { &password[..1] });
        length /= 2;
    }
    hasher.finalize().into()
}

//! Passwords held against what a password file has of them: crypt(3)'s forms, Apache's, and those of LDAP that nginx
//! knows.
//!
//! | form | |
//! |---|---|
//! | `$2a$`, `$2b$`, `$2y$` | bcrypt |
//! | `$5$`, `$6$` | SHA-256 and SHA-512 (crypt) |
//! | `$1$`, `$apr1$` | MD5 (crypt, and Apache's of it) |
//! | 13 characters | DES (crypt) |
//! | `{SHA}`, `{SSHA}` | base64 of SHA-1, and of SHA-1 with a salt behind it |
//! | `{PLAIN}` | the password as it is |
//!
//! Takes as long as the form wants, within limits: up to seconds for bcrypt. Called in jobs, off the event loop, for `auth_basic`.
//! Makes no hashes, and reads no file.

mod des;
mod md5;

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::base64;

/// What a hash takes of a password, as libxcrypt's crypt(3) does (`CRYPT_MAX_PASSPHRASE_SIZE`); a longer one fits no
/// hash. The work of SHA-256 and SHA-512 (crypt) grows with the square of the length.
const PASSWORD_BYTES_MAX: usize = 512;

/// The dearest bcrypt that is computed: some two seconds of a core, and each further step doubles that. Tools make 5 to
/// 12 unless told otherwise.
pub const BCRYPT_COST_MAX: u32 = 15;

/// The most rounds of SHA-256 and SHA-512 (crypt) that are computed: about a second. Tools make 5,000 unless told
/// otherwise, and some 656,000.
pub const SHA_ROUNDS_MAX: u32 = 1_000_000;

/// Why a password cannot be held against what the file has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is of no form that is known here.
    #[error("has no form that is known here")]
    UnknownForm,
    /// bcrypt with a cost above [`BCRYPT_COST_MAX`].
    #[error("wants bcrypt with the cost {0}, and {BCRYPT_COST_MAX} is the most that is computed")]
    BcryptCost(u32),
    /// SHA-256 or SHA-512 (crypt) with more than [`SHA_ROUNDS_MAX`] rounds.
    #[error("wants {0} rounds, and {SHA_ROUNDS_MAX} are the most that are computed")]
    Rounds(u32),
}

/// Whether the password is the one that `stored` was made of. The time it takes depends on the form of `stored`, not
/// on where the two differ.
///
/// # Errors
/// When `stored` has no known form, or would take too long.
pub fn verify(password: &[u8], stored: &[u8]) -> Result<bool, Unusable> {
    if let Some(plain) = stored.strip_prefix(b"{PLAIN}") {
        return Ok(same(password, plain));
    }
    if let Some(encoded) = stored.strip_prefix(b"{SHA}").or_else(|| stored.strip_prefix(b"{SSHA}")) {
        return verify_sha1(password, encoded).ok_or(Unusable::UnknownForm);
    }
    // A hash ends where a C string does; a password that goes on behind that end would be as good as one that does not.
    let usable = password.len() <= PASSWORD_BYTES_MAX && !password.contains(&0);
    let candidate = if usable { password } else { b"" };
    let form = by_magic(stored).or_else(|| (stored.len() == des::LENGTH).then_some((b"", des_fits as Fits)));
    let (magic, fits) = form.ok_or(Unusable::UnknownForm)?;
    let rest = &stored[magic.len()..];
    check_cost(magic, rest)?;
    fits(candidate, magic, rest).map(|fits| fits && usable).ok_or(Unusable::UnknownForm)
}

/// Whether a password fits what stands behind the magic; nothing if that has not the form that the magic promises.
type Fits = fn(password: &[u8], magic: &'static [u8], rest: &[u8]) -> Option<bool>;

fn by_magic(stored: &[u8]) -> Option<(&'static [u8], Fits)> {
    let forms: [(&'static [u8], Fits); 7] = [
        (b"$apr1$", md5_fits),
        (b"$1$", md5_fits),
        (b"$5$", sha256_fits),
        (b"$6$", sha512_fits),
        (b"$2a$", bcrypt_fits),
        (b"$2b$", bcrypt_fits),
        (b"$2y$", bcrypt_fits),
    ];
    forms.into_iter().find(|(magic, _)| stored.starts_with(magic))
}

/// Whether a hash may be computed at all: who writes the file says how long that takes.
fn check_cost(magic: &[u8], rest: &[u8]) -> Result<(), Unusable> {
    if magic.starts_with(b"$2") {
        let cost = bcrypt_cost(rest).ok_or(Unusable::UnknownForm)?;
        return if cost > BCRYPT_COST_MAX { Err(Unusable::BcryptCost(cost)) } else { Ok(()) };
    }
    match rest.strip_prefix(b"rounds=").filter(|_| matches!(magic, b"$5$" | b"$6$")).and_then(number) {
        Some((rounds, _)) if rounds > SHA_ROUNDS_MAX => Err(Unusable::Rounds(rounds)),
        _ => Ok(()),
    }
}

/// The digits before the next `$`, and what stands behind that.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|byte| *byte == b'$')?;
    let digits = text[..end].iter().all(u8::is_ascii_digit);
    Some((std::str::from_utf8(&text[..end]).ok().filter(|_| digits)?.parse().ok()?, &text[end + 1..]))
}

/// The two digits of a bcrypt hash.
fn bcrypt_cost(rest: &[u8]) -> Option<u32> {
    let cost = rest.get(..2).filter(|cost| cost.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(cost).ok()?.parse().ok().filter(|cost| BCRYPT_COSTS.contains(cost))
}

fn des_fits(password: &[u8], _magic: &'static [u8], stored: &[u8]) -> Option<bool> {
    des::hash(password, stored).map(|hash| same(&hash, stored))
}

fn md5_fits(password: &[u8], magic: &'static [u8], rest: &[u8]) -> Option<bool> {
    let (salt, hash) = salt_and_hash(rest, md5::SALT_BYTES_MAX)?;
    Some(same(&md5::hash(password, magic, salt), hash))
}

fn sha256_fits(password: &[u8], _magic: &'static [u8], rest: &[u8]) -> Option<bool> {
    let (rounds, rest) = sha_rounds(rest)?;
    let (salt, hash) = salt_and_hash(rest, SHA_SALT_BYTES_MAX)?;
    let digest = sha_crypt::sha256_crypt(password, salt, rounds);
    let groups = (0..10).map(|at| {
        let mut bytes = [digest[at], digest[at + 10], digest[at + 20]];
        bytes.rotate_right(at % 3);
        (bytes, 4)
    });
    Some(same(&crypt64(groups.chain([([0, digest[31], digest[30]], 3)])), hash))
}

fn sha512_fits(password: &[u8], _magic: &'static [u8], rest: &[u8]) -> Option<bool> {
    let (rounds, rest) = sha_rounds(rest)?;
    let (salt, hash) = salt_and_hash(rest, SHA_SALT_BYTES_MAX)?;
    let digest = sha_crypt::sha512_crypt(password, salt, rounds);
    let groups = (0..21).map(|at| {
        let mut bytes = [digest[at], digest[at + 21], digest[at + 42]];
        bytes.rotate_left(at % 3);
        (bytes, 4)
    });
    Some(same(&crypt64(groups.chain([([0, 0, digest[63]], 2)])), hash))
}

/// More than so much of a salt does not count.
const SHA_SALT_BYTES_MAX: usize = 16;

/// `rounds=N$`, or the default.
fn sha_rounds(rest: &[u8]) -> Option<(sha_crypt::Params, &[u8])> {
    let Some(given) = rest.strip_prefix(b"rounds=") else { return Some((sha_crypt::Params::RECOMMENDED, rest)) };
    let (rounds, rest) = number(given)?;
    Some((sha_crypt::Params::new(rounds).ok()?, rest))
}

/// bcrypt: two digits of cost, `$`, and 22 and 31 characters of salt and hash in an alphabet of its own.
fn bcrypt_fits(password: &[u8], _magic: &'static [u8], rest: &[u8]) -> Option<bool> {
    let (cost, rest) = (bcrypt_cost(rest)?, rest.get(2..)?);
    let rest = rest.strip_prefix(b"$").filter(|rest| rest.len() == BCRYPT_SALT_LENGTH + BCRYPT_HASH_LENGTH)?;
    let (salt, hash) = rest.split_at(BCRYPT_SALT_LENGTH);
    let salt: [u8; 16] = bcrypt_decode(salt)?.try_into().ok()?;
    let hash = bcrypt_decode(hash)?;
    // The zero at the password's end is hashed with it, where there is room for it.
    let mut key = [password, b"\0"].concat();
    key.truncate(BCRYPT_KEY_BYTES_MAX);
    let computed = bcrypt::bcrypt(cost, salt, &key);
    Some(same(&computed[..BCRYPT_HASH_BYTES], &hash))
}

const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=31;
const BCRYPT_SALT_LENGTH: usize = 22;
const BCRYPT_HASH_LENGTH: usize = 31;
const BCRYPT_HASH_BYTES: usize = 23;
const BCRYPT_KEY_BYTES_MAX: usize = 72;

/// Base64 with bcrypt's alphabet.
fn bcrypt_decode(text: &[u8]) -> Option<Vec<u8>> {
    const BCRYPT: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let standard = text.iter().map(|digit| Some(STANDARD[BCRYPT.iter().position(|known| known == digit)?]));
    base64::decode(&standard.collect::<Option<Vec<u8>>>()?)
}

/// SHA-1 of the password and the salt, and the salt behind it.
fn verify_sha1(password: &[u8], encoded: &[u8]) -> Option<bool> {
    let decoded = base64::decode(encoded)?;
    let (digest, salt) = decoded.split_at_checked(SHA1_BYTES)?;
    let computed = Sha1::new().chain_update(password).chain_update(salt).finalize();
    Some(same(&computed, digest))
}

const SHA1_BYTES: usize = 20;

/// `SALT$HASH`.
fn salt_and_hash(rest: &[u8], salt_bytes_max: usize) -> Option<(&[u8], &[u8])> {
    let end = rest.iter().position(|byte| *byte == b'$').filter(|end| *end <= salt_bytes_max)?;
    Some((&rest[..end], &rest[end + 1..]))
}

/// The digits of crypt(3): of each three bytes so many, the lowest first.
fn crypt64(groups: impl IntoIterator<Item = ([u8; 3], usize)>) -> Vec<u8> {
    let digits = groups.into_iter().flat_map(|([high, middle, low], count)| {
        let bits = u32::from_be_bytes([0, high, middle, low]);
        (0..count).map(move |at| CRYPT64[(bits >> (6 * at)) as usize & 63])
    });
    digits.collect()
}

const CRYPT64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Equality that takes as long wherever the two differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests;

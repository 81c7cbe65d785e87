//! Basic credentials (RFC 7617 section 2): the value of `Authorization` to a user and a password.
//!
//! Called for `$remote_user` and by the module `auth_basic`. Judges no password.

use crate::base::base64;

/// A user and a password, as a client gives them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Never empty, and without a colon.
    pub user: Vec<u8>,
    /// May be empty, and hold anything.
    pub password: Vec<u8>,
}

impl Credentials {
    /// Reads the value of the field; nothing when it is of another scheme, is no base64, has no colon, or an empty user.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (scheme, encoded) = value.split_at_checked(BASIC.len())?;
        if !scheme.eq_ignore_ascii_case(BASIC) {
            return None;
        }
        let blanks = encoded.iter().take_while(|byte| **byte == b' ').count();
        let mut user = base64::decode(&encoded[blanks..])?;
        let colon = user.iter().position(|byte| *byte == b':').filter(|colon| *colon > 0)?;
        let password = user.split_off(colon + 1);
        user.truncate(colon);
        Some(Self { user, password })
    }
}

impl std::fmt::Debug for Credentials {
    /// Without the password, which belongs into no log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Credentials({:?})", String::from_utf8_lossy(&self.user))
    }
}

const BASIC: &[u8] = b"Basic ";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Option<(String, String)> {
        let Credentials { user, password } = Credentials::parse(value.as_bytes())?;
        Some((String::from_utf8(user).unwrap(), String::from_utf8(password).unwrap()))
    }

    #[test]
    fn the_example_of_the_rfc_is_read() {
        let expected = Some(("Aladdin".to_owned(), "open sesame".to_owned()));
        assert_eq!(parsed("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), expected);
        assert_eq!(parsed("bAsIc   QWxhZGRpbjpvcGVuIHNlc2FtZQ"), expected);
    }

    #[test]
    fn a_password_may_be_empty_and_hold_colons() {
        assert_eq!(parsed("Basic YTo="), Some(("a".to_owned(), String::new())));
        assert_eq!(parsed("Basic YTpiOmM="), Some(("a".to_owned(), "b:c".to_owned())));
    }

    #[test]
    fn what_names_no_user_is_nothing() {
        // The last two are ":b" and "ab".
        for value in
            ["", "Basic", "Basic ", "Basic !", "Digest YTpi", "BasicYTpi", "Basic\tYTpi", "Basic OmI=", "Basic YWI="]
        {
            assert_eq!(parsed(value), None, "{value}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let credentials = Credentials::parse(b"Basic YTpi").unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials(\"a\")");
    }
}

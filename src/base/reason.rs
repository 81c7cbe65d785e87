//! Why a system call failed, as nginx writes it into its log.
//!
//! For every message that names a failed call: `open() "/x" failed (2: No such file or directory)`. It does not judge
//! the error, and names no call.

use std::fmt;
use std::io;

/// A system error: `(2: No such file or directory)`.
#[derive(Debug)]
pub struct Reason<'a>(pub &'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = self.0.raw_os_error() else { return write!(formatter, "({})", self.0) };
        let text = self.0.to_string();
        let text = text.rsplit_once(" (os error").map_or(&*text, |(text, _)| text);
        write!(formatter, "({code}: {text})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_number_and_text() {
        assert_eq!(Reason(&io::Error::from_raw_os_error(2)).to_string(), "(2: No such file or directory)");
        assert_eq!(Reason(&io::Error::other("odd")).to_string(), "(odd)");
    }
}

//! Protocol versions of HTTP/1 (RFC 9112 section 2.3).
//!
//! Owns the reading of `HTTP/1.x`. Called by the decoder and the encoder. HTTP/0.9 has no version to read: a request
//! line without one is refused (nginx answers such requests).

/// The version a request is answered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1, and any later minor version, which must be compatible with it.
    Http11,
}

/// Why the third word of a request line is no version we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadVersion {
    /// Not of the form `HTTP/<digit>.<digit>`.
    Malformed,
    /// Well-formed, but its major number is above 1.
    Unsupported,
}

impl Version {
    /// Reads `HTTP/1.1` and the like. As in nginx, the major number may not begin with 0 and a minor number may have
    /// two digits.
    pub fn parse(text: &[u8]) -> Result<Version, BadVersion> {
        match text {
            b"HTTP/1.1" => return Ok(Version::Http11),
            b"HTTP/1.0" => return Ok(Version::Http10),
            _ => {}
        }
        let numbers = text.strip_prefix(b"HTTP/").ok_or(BadVersion::Malformed)?;
        let dot = numbers.iter().position(|byte| *byte == b'.').ok_or(BadVersion::Malformed)?;
        let (major, minor) = (&numbers[..dot], &numbers[dot + 1..]);
        let is_number = |digits: &[u8]| matches!(digits.len(), 1..=2) && digits.iter().all(u8::is_ascii_digit);
        if !is_number(major) || !is_number(minor) || major[0] == b'0' {
            return Err(BadVersion::Malformed);
        }
        match (major, minor) {
            (b"1", b"0" | b"00") => Ok(Version::Http10),
            (b"1", _) => Ok(Version::Http11),
            _ => Err(BadVersion::Unsupported),
        }
    }

    /// `HTTP/1.0` or `HTTP/1.1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_minor_version_is_answered_as_1_1() {
        assert_eq!(Version::parse(b"HTTP/1.0"), Ok(Version::Http10));
        assert_eq!(Version::parse(b"HTTP/1.1"), Ok(Version::Http11));
        assert_eq!(Version::parse(b"HTTP/1.2"), Ok(Version::Http11));
        assert_eq!(Version::parse(b"HTTP/1.10"), Ok(Version::Http11));
    }

    #[test]
    fn a_later_major_version_is_unsupported() {
        for text in ["HTTP/2.0", "HTTP/3.0", "HTTP/10.0"] {
            assert_eq!(Version::parse(text.as_bytes()), Err(BadVersion::Unsupported), "{text}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        let texts = [
            "",
            "HTTP",
            "HTTP/",
            "HTTP/1",
            "HTTP/1.",
            "HTTP/.1",
            "HTTP/0.9",
            "HTTP/01.1",
            "http/1.1",
            "HTTP/1.100",
            "HTTP/1.1x",
            "HTTP/+1.1",
        ];
        for text in texts {
            assert_eq!(Version::parse(text.as_bytes()), Err(BadVersion::Malformed), "{text}");
        }
    }
}

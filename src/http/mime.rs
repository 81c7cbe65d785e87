//! Media types by file name extension: what nginx's `types` says.
//!
//! Owns the look-up. Filled by the module of the directive; the `default_type` of everything else is a setting. It reads no file and guesses nothing from content.

use std::collections::HashMap;

use bytes::Bytes;

/// The longest extension looked up without allocating. The longest in nginx's `mime.types` has 5 bytes.
const SHORT_EXTENSION_BYTES_MAX: usize = 16;

/// A table of extensions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MimeTypes {
    by_extension: HashMap<Box<[u8]>, Bytes, foldhash::fast::RandomState>,
}

impl MimeTypes {
    /// nginx without `types`: `html`, `gif` and `jpg`.
    pub fn nginx_default() -> MimeTypes {
        let mut types = MimeTypes::default();
        types.insert(b"html", Bytes::from_static(b"text/html"));
        types.insert(b"gif", Bytes::from_static(b"image/gif"));
        types.insert(b"jpg", Bytes::from_static(b"image/jpeg"));
        types
    }

    /// Gives files with this extension, in whatever case, a type. Says which type the extension had before.
    pub fn insert(&mut self, extension: &[u8], media_type: impl Into<Bytes>) -> Option<Bytes> {
        self.by_extension.insert(extension.to_ascii_lowercase().into_boxed_slice(), media_type.into())
    }

    /// The type for an extension, without its dot, if it is known.
    pub fn by_extension(&self, extension: &[u8]) -> Option<&Bytes> {
        let mut short = [0; SHORT_EXTENSION_BYTES_MAX];
        match short.get_mut(..extension.len()) {
            Some(lowered) => {
                lowered.copy_from_slice(extension);
                lowered.make_ascii_lowercase();
                self.by_extension.get(&*lowered)
            }
            None => self.by_extension.get(extension.to_ascii_lowercase().as_slice()),
        }
    }
}

/// What stands behind the last dot of the last segment. Like in nginx, a name that begins with its only dot has none.
pub fn extension(path: &[u8]) -> Option<&[u8]> {
    // Extensions are short: one look from the end backwards finds the dot, or the slash that there is none behind.
    let mark = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'))?;
    let (before, behind) = (&path[..mark], &path[mark + 1..]);
    let names_a_type = path[mark] == b'.' && !behind.is_empty() && !before.is_empty() && !before.ends_with(b"/");
    names_a_type.then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_of_an_extension_does_not_matter() {
        let mut types = MimeTypes::nginx_default();
        types.insert(b"TXT", "text/x");
        assert_eq!(types.by_extension(b"HTML").unwrap(), "text/html");
        assert_eq!(types.by_extension(b"txt").unwrap(), "text/x");
        assert_eq!(types.insert(b"txt", "text/plain").unwrap(), "text/x");
    }

    #[test]
    fn a_name_without_a_dot_behind_its_first_byte_has_no_extension() {
        for path in ["/a", "/a.b/c", "/a.", "/.html", "/d/.html"] {
            assert_eq!(extension(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn only_the_last_dot_counts() {
        assert_eq!(extension(b"/a.tar.gz"), Some(&b"gz"[..]));
        assert_eq!(extension(b"a.b"), Some(&b"b"[..]));
        assert_eq!(extension(b""), None);
    }

    #[test]
    fn a_long_extension_is_looked_up_as_well() {
        let mut types = MimeTypes::nginx_default();
        types.insert(b"abcdefghijklmnopq", "a/long");
        assert_eq!(types.by_extension(b"ABCDEFGHIJKLMNOPQ").unwrap(), "a/long");
        assert_eq!(types.by_extension(b"abcdefghijklmnop"), None);
    }
}

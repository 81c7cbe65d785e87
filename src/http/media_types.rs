//! Sets of media types: which content a filter is for (nginx's `addition_types` and its like).
//!
//! Owns the comparison. Filled by the modules of the directives, which say what is in every set.

/// Media types, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaTypes {
    /// In lower case.
    types: Vec<Box<str>>,
    all: bool,
}

impl MediaTypes {
    /// `text/html` alone, which is in the sets of all filters for text.
    pub fn html() -> Self {
        Self { types: vec!["text/html".into()], all: false }
    }

    /// Adds a type, in whatever case; `*` stands for all. False if it was there already.
    pub fn add(&mut self, media_type: &str) -> bool {
        if media_type == "*" {
            return !std::mem::replace(&mut self.all, true);
        }
        let known = self.types.iter().any(|known| known.eq_ignore_ascii_case(media_type));
        if !known {
            self.types.push(media_type.to_ascii_lowercase().into());
        }
        !known
    }

    /// Whether the set has the type of content that is called this in `Content-Type`, parameters aside. Content without
    /// a type is in a set of all types alone.
    pub fn contains(&self, content_type: Option<&[u8]>) -> bool {
        if self.all {
            return true;
        }
        let Some(content_type) = content_type else { return false };
        let end = memchr::memchr(b';', content_type).unwrap_or(content_type.len());
        let media_type = content_type[..end].trim_ascii();
        self.types.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(media_type))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_case_nor_parameters_matter() {
        let mut types = MediaTypes::html();
        assert!(types.add("Text/Plain") && !types.add("text/plain") && !types.add("TEXT/HTML"));
        for content_type in ["text/plain", "TEXT/plain; charset=utf-8", "text/html ;x", "text/html"] {
            assert!(types.contains(Some(content_type.as_bytes())), "{content_type}");
        }
        for content_type in ["text/plainer", "text", "", ";text/html"] {
            assert!(!types.contains(Some(content_type.as_bytes())), "{content_type}");
        }
        assert!(!types.contains(None));
    }

    #[test]
    fn a_star_is_every_type_and_none() {
        let mut types = MediaTypes::html();
        assert!(types.add("*") && !types.add("*"));
        assert!(types.contains(Some(b"image/png")) && types.contains(None));
    }
}

//! From a URI to a file name: `root` and `alias` (nginx's `ngx_http_map_uri_to_path`).
//!
//! The URI is normalised before it comes here, so nothing that is joined can lead out of the root.

use std::borrow::Cow;

use super::exchange::Exchange;
use super::settings::{Alias, Root};

impl Exchange {
    /// `$request_filename`: the file that the current URI stands for. Always absolute.
    pub fn filename(&self) -> Vec<u8> {
        self.filename_of(&self.uri)
    }

    /// The file that another URI would stand for in this location.
    pub fn filename_of(&self, uri: &[u8]) -> Vec<u8> {
        let root = &self.plan.settings.root;
        let mut path = self.document_root();
        let rest = match root.alias {
            None => uri,
            Some(Alias::Prefix(length)) => uri.get(length..).unwrap_or_default(),
            Some(Alias::Whole) if self.uri_behind_alias => uri,
            Some(Alias::Whole) => return path,
        };
        // An alias is joined on a segment boundary: `/i../x` must not reach the alias's sibling.
        if root.alias.is_some() && !path.ends_with(b"/") && !rest.starts_with(b"/") && !rest.is_empty() {
            path.push(b'/');
        }
        let rest = if path.ends_with(b"/") { rest.strip_prefix(b"/").unwrap_or(rest) } else { rest };
        path.extend_from_slice(rest);
        path
    }

    /// `$document_root`: the value of `root` or `alias` for this request. Always absolute.
    pub fn document_root(&self) -> Vec<u8> {
        absolute(&self.plan.settings.root, self.plan.settings.root.path.render(self))
    }
}

/// A folder that turned out relative is taken from the prefix.
fn absolute(root: &Root, path: Cow<'_, [u8]>) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path.into_owned();
    }
    let mut absolute = root.prefix.as_bytes().to_vec();
    if !absolute.ends_with(b"/") {
        absolute.push(b'/');
    }
    absolute.extend_from_slice(&path);
    absolute
}

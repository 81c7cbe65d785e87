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
            Some(Alias::Prefix(length)) => behind(uri, length),
            Some(Alias::Whole) if self.uri_behind_alias => uri,
            Some(Alias::Whole) => return path,
        };
        // What is joined is joined on a segment boundary: `/i../x` must not reach the alias's sibling, nor a URI
        // that was rewritten to have no slash in front that of the root.
        if !path.ends_with(b"/") && !rest.starts_with(b"/") && !rest.is_empty() {
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

/// What of a URI is behind the part that an alias stands for. A location that ends within a segment
/// can leave `..` of one that is no such thing (`location /i`, URI `/i../x`); then the whole segment
/// stays, so that what is joined does not lead out of the alias.
fn behind(uri: &[u8], length: usize) -> &[u8] {
    let rest = uri.get(length..).unwrap_or_default();
    let segment = &rest[..memchr::memchr(b'/', rest).unwrap_or(rest.len())];
    if segment != b".." && segment != b"." {
        return rest;
    }
    let start = memchr::memrchr(b'/', &uri[..length]).map_or(0, |slash| slash + 1);
    &uri[start..]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::plan::PlanBuilder;
    use crate::exchange::template::Template;
    use crate::exchange::test_support::Bench;

    fn filename(root: &str, alias: Option<Alias>, uri: &str) -> String {
        let mut plan = PlanBuilder::new("/");
        plan.settings.root = Root { path: Template::literal(root), alias, prefix: "/prefix".into() };
        let exchange = Bench::new().exchange_in(plan, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        String::from_utf8(exchange.filename_of(uri.as_bytes())).unwrap()
    }

    #[test]
    fn a_root_has_the_whole_uri_behind_it() {
        assert_eq!(filename("/srv", None, "/a/b"), "/srv/a/b");
        assert_eq!(filename("/srv/", None, "/"), "/srv/");
        assert_eq!(filename("/", None, "/a"), "/a");
        assert_eq!(filename("html", None, "/a"), "/prefix/html/a");
    }

    #[test]
    fn an_alias_takes_the_place_of_the_locations_part() {
        let alias = |path, prefix: &str, uri| filename(path, Some(Alias::Prefix(prefix.len())), uri);
        assert_eq!(alias("/data/", "/i/", "/i/a"), "/data/a");
        assert_eq!(alias("/data/", "/i", "/i/a"), "/data/a");
        assert_eq!(alias("/data", "/i/", "/i/a"), "/data/a");
        assert_eq!(alias("/data", "/i", "/ibase"), "/data/base");
        assert_eq!(alias("/data/file", "/i", "/i"), "/data/file");
    }

    #[test]
    fn nothing_behind_an_alias_leads_out_of_it() {
        let alias = |path, uri| filename(path, Some(Alias::Prefix("/x/i".len())), uri);
        for path in ["/data", "/data/"] {
            assert_eq!(alias(path, "/x/i../secret"), "/data/i../secret");
            assert_eq!(alias(path, "/x/i.."), "/data/i..");
            assert_eq!(alias(path, "/x/i./a"), "/data/i./a");
            assert_eq!(alias(path, "/x/i.../a"), "/data/.../a");
        }
    }

    #[test]
    fn an_alias_for_the_whole_path_is_the_file() {
        assert_eq!(filename("/data/file", Some(Alias::Whole), "/any/thing"), "/data/file");
    }
}

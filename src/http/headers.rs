//! Header and trailer fields (RFC 9110 section 5): an ordered list in which a name may stand more than once.
//!
//! Owns look-up without regard to case and comma-separated lists. Called by everything that reads or writes a
//! message. It does not check what a name or value may contain: the decoder does for what comes in, the encoder for
//! what goes out.

use bytes::Bytes;

/// Names of fields in nginx's spelling.
#[expect(missing_docs, reason = "each constant is the field's name")]
pub mod names {
    pub const ACCEPT: &[u8] = b"Accept";
    pub const ACCEPT_ENCODING: &[u8] = b"Accept-Encoding";
    pub const ACCEPT_LANGUAGE: &[u8] = b"Accept-Language";
    pub const ACCEPT_RANGES: &[u8] = b"Accept-Ranges";
    pub const AGE: &[u8] = b"Age";
    pub const ALLOW: &[u8] = b"Allow";
    pub const AUTHORIZATION: &[u8] = b"Authorization";
    pub const CACHE_CONTROL: &[u8] = b"Cache-Control";
    pub const CONNECTION: &[u8] = b"Connection";
    pub const CONTENT_DISPOSITION: &[u8] = b"Content-Disposition";
    pub const CONTENT_ENCODING: &[u8] = b"Content-Encoding";
    pub const CONTENT_LANGUAGE: &[u8] = b"Content-Language";
    pub const CONTENT_LENGTH: &[u8] = b"Content-Length";
    pub const CONTENT_LOCATION: &[u8] = b"Content-Location";
    pub const CONTENT_RANGE: &[u8] = b"Content-Range";
    pub const CONTENT_TYPE: &[u8] = b"Content-Type";
    pub const COOKIE: &[u8] = b"Cookie";
    pub const DATE: &[u8] = b"Date";
    pub const DEPTH: &[u8] = b"Depth";
    pub const DESTINATION: &[u8] = b"Destination";
    pub const ETAG: &[u8] = b"ETag";
    pub const EXPECT: &[u8] = b"Expect";
    pub const EXPIRES: &[u8] = b"Expires";
    pub const FORWARDED: &[u8] = b"Forwarded";
    pub const HOST: &[u8] = b"Host";
    pub const IF_MATCH: &[u8] = b"If-Match";
    pub const IF_MODIFIED_SINCE: &[u8] = b"If-Modified-Since";
    pub const IF_NONE_MATCH: &[u8] = b"If-None-Match";
    pub const IF_RANGE: &[u8] = b"If-Range";
    pub const IF_UNMODIFIED_SINCE: &[u8] = b"If-Unmodified-Since";
    pub const KEEP_ALIVE: &[u8] = b"Keep-Alive";
    pub const LAST_MODIFIED: &[u8] = b"Last-Modified";
    pub const LINK: &[u8] = b"Link";
    pub const LOCATION: &[u8] = b"Location";
    pub const OVERWRITE: &[u8] = b"Overwrite";
    pub const PRAGMA: &[u8] = b"Pragma";
    pub const PROXY: &[u8] = b"Proxy";
    pub const PROXY_CONNECTION: &[u8] = b"Proxy-Connection";
    pub const RANGE: &[u8] = b"Range";
    pub const REFERER: &[u8] = b"Referer";
    pub const REFRESH: &[u8] = b"Refresh";
    pub const RETRY_AFTER: &[u8] = b"Retry-After";
    pub const SERVER: &[u8] = b"Server";
    pub const SET_COOKIE: &[u8] = b"Set-Cookie";
    pub const STATUS: &[u8] = b"Status";
    pub const TE: &[u8] = b"TE";
    pub const TRAILER: &[u8] = b"Trailer";
    pub const TRANSFER_ENCODING: &[u8] = b"Transfer-Encoding";
    pub const UPGRADE: &[u8] = b"Upgrade";
    pub const USER_AGENT: &[u8] = b"User-Agent";
    pub const VARY: &[u8] = b"Vary";
    pub const VIA: &[u8] = b"Via";
    pub const WWW_AUTHENTICATE: &[u8] = b"WWW-Authenticate";
    pub const X_ACCEL_BUFFERING: &[u8] = b"X-Accel-Buffering";
    pub const X_ACCEL_REDIRECT: &[u8] = b"X-Accel-Redirect";
    pub const X_FORWARDED_FOR: &[u8] = b"X-Forwarded-For";
    pub const X_REAL_IP: &[u8] = b"X-Real-IP";
}

/// One field line: its name as written and its value without the white space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name, spelt as it came or as it is to be sent.
    pub name: Bytes,
    /// The value.
    pub value: Bytes,
}

/// Fields in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<Field>,
}

impl Headers {
    /// No fields.
    pub const fn new() -> Headers {
        Headers { fields: Vec::new() }
    }

    /// No fields yet, with room for `count`.
    pub fn with_capacity(count: usize) -> Headers {
        Headers { fields: Vec::with_capacity(count) }
    }

    /// The value of the first field of this name, compared without regard to case.
    pub fn get(&self, name: &[u8]) -> Option<&Bytes> {
        self.fields.iter().find(|field| is_name(field, name)).map(|field| &field.value)
    }

    /// The values of all fields of this name, in order.
    pub fn get_all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a Bytes> {
        self.fields.iter().filter(move |field| is_name(field, name)).map(|field| &field.value)
    }

    /// How many fields have this name.
    pub fn count(&self, name: &[u8]) -> usize {
        self.fields.iter().filter(|field| is_name(field, name)).count()
    }

    /// Whether a field of this name is there.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    /// Gives the field this value: the first of the name keeps its place, others of the name go, and a name that was
    /// not there comes last.
    pub fn set(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        let field = Field { name: name.into(), value: value.into() };
        let Some(place) = self.fields.iter().position(|other| is_name(other, &field.name)) else {
            self.fields.push(field);
            return;
        };
        let mut index = 0;
        self.fields.retain(|other| {
            let keep = index <= place || !is_name(other, &field.name);
            index += 1;
            keep
        });
        self.fields[place] = field;
    }

    /// Adds a field before all others, whether or not its name is there already.
    pub fn insert_first(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.fields.insert(0, Field { name: name.into(), value: value.into() });
    }

    /// Adds a field at the end, whether or not its name is there already.
    pub fn append(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.fields.push(Field { name: name.into(), value: value.into() });
    }

    /// Takes away all fields of this name and says how many there were.
    pub fn remove(&mut self, name: &[u8]) -> usize {
        let before = self.fields.len();
        self.fields.retain(|field| !is_name(field, name));
        before - self.fields.len()
    }

    /// Keeps only the fields `keep` says yes to.
    pub fn retain(&mut self, keep: impl FnMut(&Field) -> bool) {
        self.fields.retain(keep);
    }

    /// All fields in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.fields.iter()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Takes all fields away and keeps the room they had.
    pub fn clear(&mut self) {
        self.fields.clear();
    }

    /// The members of the comma-separated lists in all fields of this name (RFC 9110 section 5.6.1), trimmed, without
    /// the empty ones. Commas within quoted strings separate too: use this for lists of tokens.
    pub fn list<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(trim)
            .filter(|member| !member.is_empty())
    }

    /// Whether a comma-separated list in a field of this name has `token`, without regard to case:
    /// `list_contains(CONNECTION, b"close")`.
    pub fn list_contains(&self, name: &[u8], token: &[u8]) -> bool {
        self.list(name).any(|member| member.eq_ignore_ascii_case(token))
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Field;
    type IntoIter = std::slice::Iter<'a, Field>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Field> for Headers {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Headers {
        Headers { fields: fields.into_iter().collect() }
    }
}

/// `text` without the spaces and tabs around it (OWS, RFC 9110 section 5.6.3).
pub fn trim(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(first) = text.iter().position(|byte| !is_space(byte)) else {
        return &[];
    };
    let last = text.iter().rposition(|byte| !is_space(byte)).unwrap_or(first);
    &text[first..=last]
}

/// White space around a value (RFC 9110 section 5.6.3).
pub(crate) const OWS: [u8; 2] = [b' ', b'\t'];

/// The bytes that nginx takes for valid in a name: letters, digits and hyphens.
pub(crate) const IS_PLAIN_NAME_BYTE: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < plain.len() {
        plain[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'-';
        byte += 1;
    }
    plain
};

fn is_name(field: &Field, name: &[u8]) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> Headers {
        fields.iter().map(|(name, value)| Field { name: (*name).into(), value: (*value).into() }).collect()
    }

    #[test]
    fn names_are_compared_without_regard_to_case() {
        let headers = headers(&[("host", "a")]);
        assert_eq!(headers.get(names::HOST).unwrap(), "a");
        assert_eq!(headers.get(b"Hos"), None);
    }

    #[test]
    fn a_repeated_name_keeps_all_its_values_in_order() {
        let headers = headers(&[("Cookie", "a=1"), ("Host", "h"), ("cookie", "b=2")]);
        assert_eq!(headers.get_all(names::COOKIE).collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(headers.count(names::COOKIE), 2);
    }

    #[test]
    fn set_replaces_in_place_and_takes_away_the_others() {
        let mut fields = headers(&[("A", "1"), ("B", "2"), ("a", "3"), ("C", "4")]);
        fields.set("a", "5");
        fields.set("D", "6");
        assert_eq!(fields, headers(&[("a", "5"), ("B", "2"), ("C", "4"), ("D", "6")]));
        assert_eq!(fields.remove(b"A"), 1);
        assert_eq!(fields.remove(b"A"), 0);
    }

    #[test]
    fn a_list_may_stand_in_several_fields() {
        let headers = headers(&[("Connection", "foo ,, Close"), ("connection", "bar")]);
        assert!(headers.list_contains(names::CONNECTION, b"close"));
        assert!(headers.list_contains(names::CONNECTION, b"BAR"));
        assert!(!headers.list_contains(names::CONNECTION, b"clos"));
        assert_eq!(headers.list(names::CONNECTION).count(), 3);
    }

    #[test]
    fn trimming_takes_spaces_and_tabs_only() {
        assert_eq!(trim(b" \ta b\t "), b"a b");
        assert_eq!(trim(b" \t"), b"");
        assert_eq!(trim(b"\x0ba"), b"\x0ba");
    }
}

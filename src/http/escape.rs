//! Escaping for what answers contain: URIs (RFC 3986 section 2), HTML and JSON.
//!
//! Owns which bytes are escaped, which is what nginx escapes in redirects, listings and variables. Called by modules
//! that write such texts. Decoding a path is `target`'s work.

/// Which bytes stay as they are in some part of a URI, a bit for each byte.
type Kept = [bool; 256];

/// What may stand in a URI at all: RFC 3986's characters, less the ones in `also_escaped`.
const fn kept(also_escaped: &[u8]) -> Kept {
    let mut kept = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        kept[byte as usize] = true;
        byte += 1;
    }
    let never: &[u8] = b"\"<>\\^`{|}";
    let mut place = 0;
    while place < never.len() {
        kept[never[place] as usize] = false;
        place += 1;
    }
    let mut place = 0;
    while place < also_escaped.len() {
        kept[also_escaped[place] as usize] = false;
        place += 1;
    }
    kept
}

const URI: Kept = kept(b"#%?");
const ARGUMENTS: Kept = kept(b"#%&+;?");
/// Everything but letters, digits and `-._~` is escaped.
const URI_COMPONENT: Kept = kept(b"!#$%&'()*+,/:;=?@[]");

const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Appends a path, keeping its slashes: for redirects. `%`, `?` and `#` are escaped, so that a normal path comes back
/// as itself.
pub fn uri(path: &[u8], out: &mut Vec<u8>) {
    percent(path, &URI, out);
}

/// Appends a path that becomes part of a query: for captures that a rewrite puts behind a question mark.
pub fn arguments(text: &[u8], out: &mut Vec<u8>) {
    percent(text, &ARGUMENTS, out);
}

/// Appends one segment or one value of a query, escaping whatever separates: for the links in a listing.
pub fn uri_component(text: &[u8], out: &mut Vec<u8>) {
    percent(text, &URI_COMPONENT, out);
}

/// Appends text for HTML: `<`, `>`, `&` and `"` are escaped.
pub fn html(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            byte => out.push(*byte),
        }
    }
}

/// Appends text for the inside of a JSON string (RFC 8259 section 7). Bytes above 127 stay as they are.
pub fn json(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..b' ' => {
                out.extend_from_slice(b"\\u00");
                push_hex(*byte, out);
            }
            byte => out.push(*byte),
        }
    }
}

fn percent(text: &[u8], kept: &Kept, out: &mut Vec<u8>) {
    out.reserve(text.len());
    for byte in text {
        if kept[usize::from(*byte)] {
            out.push(*byte);
        } else {
            out.push(b'%');
            push_hex(*byte, out);
        }
    }
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    out.push(HEX_DIGITS[usize::from(byte >> 4)]);
    out.push(HEX_DIGITS[usize::from(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escape: fn(&[u8], &mut Vec<u8>), text: &[u8]) -> String {
        let mut out = Vec::new();
        escape(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_path_keeps_what_separates_it() {
        assert_eq!(escaped(uri, b"/a b/%c?d#e&f+g;h"), "/a%20b/%25c%3Fd%23e&f+g;h");
        assert_eq!(escaped(uri, b"\r\n\x7f\xff\"<>\\^`{|}"), "%0D%0A%7F%FF%22%3C%3E%5C%5E%60%7B%7C%7D");
        let allowed = "-._~:/[]@!$&'()*+,;=";
        assert_eq!(escaped(uri, allowed.as_bytes()), allowed);
    }

    #[test]
    fn arguments_lose_nothing_that_separates_arguments() {
        assert_eq!(escaped(arguments, b"a&b+c;d=e/f"), "a%26b%2Bc%3Bd=e/f");
    }

    #[test]
    fn a_component_keeps_only_unreserved_bytes() {
        assert_eq!(escaped(uri_component, b"aZ09-._~"), "aZ09-._~");
        assert_eq!(
            escaped(uri_component, b"/:@!$&'()*+,;=[]?#% "),
            "%2F%3A%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%5B%5D%3F%23%25%20"
        );
    }

    #[test]
    fn html_loses_its_markup() {
        assert_eq!(escaped(html, b"<a href=\"x\">'&'"), "&lt;a href=&quot;x&quot;&gt;'&amp;'");
    }

    #[test]
    fn json_strings_stay_strings() {
        assert_eq!(escaped(json, b"\"\\\n\r\t\x08\x0c\x1f/"), "\\\"\\\\\\n\\r\\t\\b\\f\\u001F/");
        assert_eq!(escaped(json, "é".as_bytes()), "é");
    }
}

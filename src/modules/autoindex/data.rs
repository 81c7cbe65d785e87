//! A listing for programs: XML, JSON, and JSON within a call (JSONP); nginx's, to the byte.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::Offset;

use super::listing::Entry;
use crate::http::{date, escape};
use crate::runtime::Kind;

/// The document up to the first entry.
pub(super) fn begin_xml(out: &mut Vec<u8>) {
    out.extend_from_slice(b"<?xml version=\"1.0\"?>\r\n<list>\r\n");
}

/// One element. Only files have a size.
pub(super) fn xml_entry(name: &[u8], entry: &Entry, out: &mut Vec<u8>) {
    let element = element(entry.kind);
    let time = Offset::UTC.to_datetime(Timestamp::from_second(entry.changed).unwrap_or(Timestamp::UNIX_EPOCH));
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    // Writing into memory does not fail, here and below.
    let _ = write!(out, "<{element} mtime=\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z\"");
    if entry.kind == Kind::Regular {
        let _ = write!(out, " size=\"{}\"", entry.bytes);
    }
    out.push(b'>');
    escape::html(name, out);
    let _ = write!(out, "</{element}>\r\n");
}

/// The document from the last entry on.
pub(super) fn end_xml(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</list>\r\n");
}

/// The array up to the first entry, in a call of `callback` if there is one.
pub(super) fn begin_json(callback: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(callback) = callback {
        out.extend_from_slice(b"/* callback */\r\n");
        out.extend_from_slice(callback);
        out.push(b'(');
    }
    out.push(b'[');
}

/// One object. Only files have a size.
pub(super) fn json_entry(name: &[u8], entry: &Entry, first: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if first { b"\r\n{ \"name\":\"" } else { b",\r\n{ \"name\":\"" });
    escape::json(name, out);
    let _ = write!(out, "\", \"type\":\"{}\", \"mtime\":\"", element(entry.kind));
    let since = Duration::from_secs(u64::try_from(entry.changed).unwrap_or(0));
    out.extend_from_slice(&date::format(UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)));
    out.push(b'"');
    if entry.kind == Kind::Regular {
        let _ = write!(out, ", \"size\":{}", entry.bytes);
    }
    out.extend_from_slice(b" }");
}

/// The array from the last entry on.
pub(super) fn end_json(called: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if called { b"\r\n]);" } else { b"\r\n]" });
}

fn element(kind: Kind) -> &'static str {
    match kind {
        Kind::Directory => "directory",
        Kind::Regular => "file",
        Kind::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [(&[u8], Entry); 3] = [
        (b"sub", Entry { kind: Kind::Directory, bytes: 4096, changed: 784_111_777 }),
        (b"a&\"\x01", Entry { kind: Kind::Regular, bytes: 3, changed: 1 }),
        (b"pipe", Entry { kind: Kind::Other, bytes: 0, changed: 784_111_777 }),
    ];

    fn json(callback: Option<&[u8]>, entries: &[(&[u8], Entry)]) -> String {
        let mut out = Vec::new();
        begin_json(callback, &mut out);
        for (number, (name, entry)) in entries.iter().enumerate() {
            json_entry(name, entry, number == 0, &mut out);
        }
        end_json(callback.is_some(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn xml_is_nginxs() {
        let mut out = Vec::new();
        begin_xml(&mut out);
        ENTRIES.iter().for_each(|(name, entry)| xml_entry(name, entry, &mut out));
        end_xml(&mut out);
        let expected = "<?xml version=\"1.0\"?>\r\n<list>\r\n\
                        <directory mtime=\"1994-11-06T08:49:37Z\">sub</directory>\r\n\
                        <file mtime=\"1970-01-01T00:00:01Z\" size=\"3\">a&amp;&quot;\u{1}</file>\r\n\
                        <other mtime=\"1994-11-06T08:49:37Z\">pipe</other>\r\n\
                        </list>\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn json_is_nginxs() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let expected = format!(
            "[\r\n{{ \"name\":\"sub\", \"type\":\"directory\", \"mtime\":\"{date}\" }},\r\n\
             {{ \"name\":\"a&\\\"\\u0001\", \"type\":\"file\", \"mtime\":\"Thu, 01 Jan 1970 00:00:01 GMT\", \"size\":3 }},\r\n\
             {{ \"name\":\"pipe\", \"type\":\"other\", \"mtime\":\"{date}\" }}\r\n]"
        );
        assert_eq!(json(None, &ENTRIES), expected);
    }

    #[test]
    fn an_empty_listing_is_an_empty_array() {
        assert_eq!(json(None, &[]), "[\r\n]");
        assert_eq!(json(Some(b"cb.x"), &[]), "/* callback */\r\ncb.x([\r\n]);");
    }
}

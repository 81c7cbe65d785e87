//! A listing as an HTML page: nginx's page, to the byte.

use std::io::Write;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::listing::Entry;
use crate::http::escape;
use crate::runtime::Kind;

/// How a page tells sizes and times.
#[derive(Clone, Copy, Debug)]
pub(super) struct HtmlStyle {
    /// To the byte, or rounded.
    pub(super) exact_size: bool,
    /// Added to all times.
    pub(super) offset: Offset,
    /// The page is told to be in UTF-8, so a column is a character and not a byte.
    pub(super) utf8: bool,
}

/// The page up to the first entry.
pub(super) fn begin(uri: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"<html>\r\n<head><title>Index of ");
    escape::html(uri, out);
    out.extend_from_slice(b"</title></head>\r\n<body>\r\n<h1>Index of ");
    escape::html(uri, out);
    out.extend_from_slice(b"</h1><hr><pre><a href=\"../\">../</a>\r\n");
}

/// The line of one entry.
pub(super) fn entry(name: &[u8], entry: &Entry, style: HtmlStyle, out: &mut Vec<u8>) {
    let folder = entry.kind == Kind::Directory;
    out.extend_from_slice(b"<a href=\"");
    escape::uri_component(name, out);
    out.extend_from_slice(if folder { b"/\">" } else { b"\">" });
    let columns = columns(name, style.utf8);
    if columns > COLUMNS_MAX {
        escape::html(&name[..cut(name, style.utf8)], out);
        out.extend_from_slice(b"..&gt;</a>");
    } else {
        escape::html(name, out);
        let slash = folder && columns < COLUMNS_MAX;
        out.extend_from_slice(if slash { b"/</a>" } else { b"</a>" });
        let shown = columns + usize::from(slash);
        out.resize(out.len() + COLUMNS_MAX - shown, b' ');
    }
    write_time(entry.changed, style.offset, out);
    // Writing into memory does not fail.
    let _ = match (folder, style.exact_size) {
        (true, true) => write!(out, "{:>19}\r\n", '-'),
        (true, false) => write!(out, "{:>7}\r\n", '-'),
        (false, true) => write!(out, "{:>19}\r\n", entry.bytes),
        (false, false) => write_rounded(entry.bytes, out),
    };
}

/// The page from the last entry on.
pub(super) fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</pre><hr></body>\r\n</html>\r\n");
}

/// ` 28-Sep-1970 12:00 `
fn write_time(seconds: i64, offset: Offset, out: &mut Vec<u8>) {
    let time = offset.to_datetime(Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH));
    let month = MONTHS[usize::from(time.month().unsigned_abs()).saturating_sub(1).min(11)];
    let (day, year, hour, minute) = (time.day(), time.year(), time.hour(), time.minute());
    // Writing into memory does not fail.
    let _ = write!(out, " {day:02}-{month}-{year} {hour:02}:{minute:02} ");
}

/// Four digits are told as they are, more as the nearest K, M or G.
fn write_rounded(bytes: u64, out: &mut Vec<u8>) -> std::io::Result<()> {
    const UNITS: [(u64, u64, char); 3] = [(1 << 30, 1 << 30, 'G'), (1 << 20, 1 << 20, 'M'), (10_000, 1 << 10, 'K')];
    match UNITS.iter().find(|(least, _, _)| bytes >= *least) {
        Some((_, unit, letter)) => {
            let rounded = bytes / unit + u64::from(bytes % unit >= unit / 2);
            write!(out, "{rounded:>6}{letter}\r\n")
        }
        None => write!(out, " {bytes:>6}\r\n"),
    }
}

/// How many columns a name takes.
fn columns(name: &[u8], utf8: bool) -> usize {
    match std::str::from_utf8(name) {
        Ok(text) if utf8 => text.chars().count(),
        _ => name.len(),
    }
}

/// Where a long name is cut: nginx's place for it, or before the character that lies across it. nginx
/// cuts through that one, unless its `charset` is UTF-8.
fn cut(name: &[u8], utf8: bool) -> usize {
    let longest = COLUMNS_MAX - 3;
    let Ok(text) = std::str::from_utf8(name) else { return longest };
    if utf8 {
        return text.char_indices().nth(longest).map_or(text.len(), |(at, _)| at);
    }
    (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(longest)
}

/// What is shown of a name at most.
const COLUMNS_MAX: usize = 50;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: HtmlStyle = HtmlStyle { exact_size: true, offset: Offset::UTC, utf8: false };

    fn line(name: &str, kind: Kind, bytes: u64, style: HtmlStyle) -> String {
        let mut out = Vec::new();
        entry(name.as_bytes(), &Entry { kind, bytes, changed: 784_111_777 }, style, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// What stands behind the time.
    fn size(bytes: u64, exact_size: bool) -> String {
        let line = line("f", Kind::Regular, bytes, HtmlStyle { exact_size, ..EXACT });
        line.split_once("08:49 ").unwrap().1.trim_end_matches("\r\n").to_owned()
    }

    #[test]
    fn the_page_is_nginxs() {
        let mut page = Vec::new();
        begin(b"/a&b/", &mut page);
        end(&mut page);
        let expected = "<html>\r\n<head><title>Index of /a&amp;b/</title></head>\r\n<body>\r\n\
                        <h1>Index of /a&amp;b/</h1><hr><pre><a href=\"../\">../</a>\r\n\
                        </pre><hr></body>\r\n</html>\r\n";
        assert_eq!(String::from_utf8(page).unwrap(), expected);
    }

    #[test]
    fn a_file_has_its_name_its_time_and_its_size() {
        let expected = format!("<a href=\"e.txt\">e.txt</a>{:46}06-Nov-1994 08:49{:17}100\r\n", "", "");
        assert_eq!(line("e.txt", Kind::Regular, 100, EXACT), expected);
    }

    #[test]
    fn a_folder_has_a_slash_and_no_size() {
        let expected = format!("<a href=\"sub/\">sub/</a>{:47}06-Nov-1994 08:49{:19}-\r\n", "", "");
        assert_eq!(line("sub", Kind::Directory, 4096, EXACT), expected);
        let rounded = line("sub", Kind::Directory, 4096, HtmlStyle { exact_size: false, ..EXACT });
        assert!(rounded.ends_with("08:49       -\r\n"), "{rounded}");
    }

    #[test]
    fn names_are_escaped_for_the_link_and_for_the_page() {
        let line = line("a&b<c>\"d'.t:", Kind::Regular, 0, EXACT);
        assert!(line.starts_with("<a href=\"a%26b%3Cc%3E%22d%27.t%3A\">a&amp;b&lt;c&gt;&quot;d'.t:</a>"), "{line}");
    }

    #[test]
    fn a_long_name_is_cut_to_fifty_columns() {
        let shown = |name: &str, kind| {
            let line = line(name, kind, 0, EXACT);
            line.split_once("\">").unwrap().1.split_once("06-Nov").unwrap().0.to_owned()
        };
        let letters = |count| "x".repeat(count);
        assert_eq!(shown(&letters(49), Kind::Directory), letters(49) + "/</a> ");
        assert_eq!(shown(&letters(49), Kind::Regular), letters(49) + "</a>  ");
        assert_eq!(shown(&letters(50), Kind::Directory), letters(50) + "</a> ");
        assert_eq!(shown(&letters(51), Kind::Directory), letters(47) + "..&gt;</a> ");
    }

    #[test]
    fn a_name_is_not_cut_within_a_character() {
        assert_eq!(cut("é".repeat(26).as_bytes(), false), 46);
        assert_eq!(cut("日".repeat(20).as_bytes(), false), 45);
        assert_eq!(cut("x".repeat(60).as_bytes(), false), 47);
        assert_eq!(cut(&[0xbf; 60], false), 47);
    }

    #[test]
    fn in_utf8_a_character_is_a_column() {
        let shown = |name: &str| {
            let line = line(name, Kind::Regular, 0, HtmlStyle { utf8: true, ..EXACT });
            line.split_once("\">").unwrap().1.split_once("06-Nov").unwrap().0.to_owned()
        };
        assert_eq!(shown(&"日".repeat(50)), "日".repeat(50) + "</a> ");
        assert_eq!(shown(&"日".repeat(51)), "日".repeat(47) + "..&gt;</a> ");
        assert_eq!(shown("é"), format!("é</a>{:50}", ""));
        assert_eq!(columns(b"\xff\xfe", true), 2);
    }

    #[test]
    fn sizes_are_exact_or_rounded_to_the_nearest_unit() {
        assert_eq!(size(1_610_612_736, true), "         1610612736");
        let rounded = [
            (0, "      0"),
            (9999, "   9999"),
            (10_000, "    10K"),
            (10_751, "    10K"),
            (10_752, "    11K"),
            (1_048_575, "  1024K"),
            (1_048_576, "     1M"),
            (1_572_863, "     1M"),
            (1_572_864, "     2M"),
            (1_073_741_823, "  1024M"),
            (1_073_741_824, "     1G"),
            (1_610_612_736, "     2G"),
        ];
        for (bytes, expected) in rounded {
            assert_eq!(size(bytes, false), expected, " {bytes}");
        }
    }

    #[test]
    fn times_may_be_local() {
        let style = HtmlStyle { offset: Offset::constant(-9), ..EXACT };
        assert!(line("f", Kind::Regular, 0, style).contains(" 05-Nov-1994 23:49 "));
    }

    #[test]
    fn a_time_no_calendar_has_is_1970() {
        let mut out = Vec::new();
        write_time(i64::MAX, Offset::UTC, &mut out);
        assert_eq!(out, b" 01-Jan-1970 00:00 ");
    }
}

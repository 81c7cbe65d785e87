//! What a client is told of the files that were stored: as JSON for programs, as a page for people.

use crate::http::escape;
use crate::http::headers::{Headers, names, trim};

/// A file that was stored.
#[derive(Debug)]
pub(super) struct Stored {
    /// The form's field.
    pub(super) field: Vec<u8>,
    /// What it is called.
    pub(super) name: String,
    /// What the client called it.
    pub(super) sent_as: Vec<u8>,
    /// How many bytes it has.
    pub(super) size: u64,
    /// Where a client finds it, if that is known.
    pub(super) url: Option<Vec<u8>>,
}

/// The forms of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Html,
}

impl Form {
    /// What the client likes better (RFC 9110 section 12.5.1); a program that says nothing gets JSON.
    pub(super) fn accepted(headers: &Headers) -> Form {
        let mut html = None;
        let mut json = None;
        for member in headers.list(names::ACCEPT) {
            let mut words = member.split(|byte| *byte == b';').map(trim);
            let kind = words.next().unwrap_or_default().to_ascii_lowercase();
            let quality = words.find_map(quality).unwrap_or(1000);
            match &kind[..] {
                b"text/html" | b"application/xhtml+xml" => html = html.max(Some(quality)),
                b"application/json" => json = json.max(Some(quality)),
                _ => {}
            }
        }
        if html.is_some_and(|html| html > 0 && json.is_none_or(|json| html >= json)) { Form::Html } else { Form::Json }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Html => "text/html; charset=utf-8",
        }
    }

    pub(super) fn write(self, files: &[Stored], ignored: &[Vec<u8>]) -> Vec<u8> {
        match self {
            Form::Json => json(files, ignored),
            Form::Html => html(files),
        }
    }
}

/// `q=0.8` in thousandths.
fn quality(word: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(word).ok()?;
    let value = text.strip_prefix("q=").or_else(|| text.strip_prefix("Q="))?;
    let quality: f32 = value.parse().ok()?;
    Some((quality.clamp(0.0, 1.0) * 1000.0) as u32)
}

fn json(files: &[Stored], ignored: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"{\"files\":[".to_vec();
    for (number, file) in files.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        member(&mut out, "\n{", "field", &file.field);
        member(&mut out, ",", "name", file.name.as_bytes());
        member(&mut out, ",", "sent_as", &file.sent_as);
        out.extend_from_slice(format!(",\"size\":{}", file.size).as_bytes());
        if let Some(url) = &file.url {
            member(&mut out, ",", "url", url);
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"ignored\":[");
    for (number, field) in ignored.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        string(&mut out, field);
    }
    out.extend_from_slice(b"]}\n");
    out
}

fn member(out: &mut Vec<u8>, before: &str, name: &str, value: &[u8]) {
    out.extend_from_slice(format!("{before}\"{name}\":").as_bytes());
    string(out, value);
}

/// JSON is UTF-8, whatever a client sends.
fn string(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    escape::json(String::from_utf8_lossy(value).as_bytes(), out);
    out.push(b'"');
}

const PAGE: &str = include_str!("page.html");

fn html(files: &[Stored]) -> Vec<u8> {
    let mut list = Vec::new();
    for file in files {
        list.extend_from_slice(b"<li>");
        if let Some(url) = &file.url {
            list.extend_from_slice(b"<a href=\"");
            escape::html(url, &mut list);
            list.extend_from_slice(b"\">");
        }
        escape::html(file.name.as_bytes(), &mut list);
        if file.url.is_some() {
            list.extend_from_slice(b"</a>");
        }
        list.extend_from_slice(format!(" <small>{} bytes</small>", file.size).as_bytes());
        if file.name.as_bytes() != file.sent_as {
            list.extend_from_slice(b" <small>was called ");
            escape::html(String::from_utf8_lossy(&file.sent_as).as_bytes(), &mut list);
            list.extend_from_slice(b"</small>");
        }
        list.extend_from_slice(b"</li>\n");
    }
    let title = if files.len() == 1 { "One file is stored." } else { "Your files are stored." };
    let mut out = Vec::with_capacity(PAGE.len() + list.len());
    let mut rest = PAGE;
    while let Some((text, behind)) = rest.split_once("{{")
        && let Some((place, behind)) = behind.split_once("}}")
    {
        out.extend_from_slice(text.as_bytes());
        match place {
            "title" => out.extend_from_slice(title.as_bytes()),
            "list" => out.extend_from_slice(&list),
            _ => {}
        }
        rest = behind;
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(value: &'static str) -> Form {
        let mut headers = Headers::new();
        headers.append("Accept", value);
        Form::accepted(&headers)
    }

    #[test]
    fn a_browser_gets_a_page_and_a_program_json() {
        assert_eq!(Form::accepted(&Headers::new()), Form::Json);
        assert_eq!(accepted("*/*"), Form::Json);
        assert_eq!(accepted("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Form::Html);
        assert_eq!(accepted("application/json, text/plain, */*"), Form::Json);
        assert_eq!(accepted("application/json, text/html;q=0.9"), Form::Json);
        assert_eq!(accepted("application/json;q=0.5, text/html;q=0.9"), Form::Html);
        assert_eq!(accepted("text/html;q=0"), Form::Json);
    }

    #[test]
    fn json_is_json_whatever_files_are_called() {
        let file = Stored {
            field: b"f\"".to_vec(),
            name: "a\\b".into(),
            sent_as: b"\xff\n".to_vec(),
            size: 3,
            url: Some(b"/a%20b".to_vec()),
        };
        let text = String::from_utf8(json(&[file], &[b"x".to_vec(), b"<".to_vec()])).unwrap();
        let expected = "{\"files\":[\n{\"field\":\"f\\\"\",\"name\":\"a\\\\b\",\"sent_as\":\"\u{fffd}\\n\",\"size\":3,\
                        \"url\":\"/a%20b\"}],\"ignored\":[\"x\",\"<\"]}\n";
        assert_eq!(text, expected);
    }
}

//! The head of a CGI script's answer (RFC 3875 section 6): bytes to [`Head`].
//!
//! Owns its form and its limits. Called by the CGI module with what a script has written so far; does not read the
//! content behind it, follow a redirect, or choose the answer when a head is wrong.
//!
//! Lines may end with CR LF or with LF alone (section 6.3.4). What only the server may say of a connection is left out;
//! an announced transfer coding is refused, for the content behind it would be in a form that nobody undoes.

use bytes::{Bytes, BytesMut};

use super::h1::encoder::is_token;
use super::headers::{Headers, names, trim};
use super::status::Status;

/// How long a head may be, with the empty line at its end. Cookies make heads long; four times what clients may send.
pub const HEAD_BYTES_MAX: usize = 128 * 1024;

/// How many fields a head may have.
pub const FIELDS_MAX: usize = 256;

/// Reads one head, as it comes.
#[derive(Debug, Default)]
pub struct Decoder {
    /// How much of the buffer holds no end of the head.
    searched: usize,
}

/// What a script says before its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `Status` (section 6.3.3).
    pub status: Option<Status>,
    /// `Location` (section 6.3.2), not empty.
    pub location: Option<Bytes>,
    /// `Content-Type` (section 6.3.1).
    pub content_type: Option<Bytes>,
    /// `Content-Length`.
    pub content_length: Option<u64>,
    /// All other fields, in order.
    pub fields: Headers,
}

/// What is wrong with a head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHead {
    /// It is longer than [`HEAD_BYTES_MAX`].
    #[error("its header is longer than {HEAD_BYTES_MAX} bytes")]
    TooLong,
    /// It has more than [`FIELDS_MAX`] fields.
    #[error("its header has more than {FIELDS_MAX} fields")]
    TooManyFields,
    /// It begins with an empty line.
    #[error("its header is empty")]
    Empty,
    /// Nothing is wrong with it but that its end is missing.
    #[error("its output ended within its header")]
    Cut,
    /// A line is no field: there is no colon, or the name is none.
    #[error("a line of its header is not a field: \"{0}\"")]
    NotAField(String),
    /// A value has control bytes in it.
    #[error("a field of its header has control characters: \"{0}\"")]
    Control(String),
    /// `Status` is no code from 200 to 999.
    #[error("its status is not a code from 200 to 999: \"{0}\"")]
    Status(String),
    /// `Content-Length` is no number.
    #[error("its Content-Length is not a number: \"{0}\"")]
    ContentLength(String),
    /// `Transfer-Encoding` was set.
    #[error("its header has Transfer-Encoding, which is up to the server")]
    TransferEncoding,
    /// `Status`, `Location`, `Content-Type` or `Content-Length` say two different things.
    #[error("its header has {0} twice, and differently")]
    Contradiction(&'static str),
}

impl Decoder {
    /// Takes the head out of `buffer` as soon as it is whole; what is left there is content.
    ///
    /// # Errors
    /// What is wrong with it; the answer is 502.
    pub fn receive(&mut self, buffer: &mut BytesMut) -> Result<Option<Head>, BadHead> {
        let Some(end) = self.find_end(buffer) else {
            return if buffer.len() > HEAD_BYTES_MAX { Err(BadHead::TooLong) } else { Ok(None) };
        };
        if end > HEAD_BYTES_MAX {
            return Err(BadHead::TooLong);
        }
        self.searched = 0;
        parse(&buffer.split_to(end).freeze()).map(Some)
    }

    /// What is wrong with a head that ended like this: what a line of it says, or that more should have come.
    pub fn cut(buffer: &[u8]) -> BadHead {
        parse(&Bytes::copy_from_slice(buffer)).err().unwrap_or(BadHead::Cut)
    }

    /// Where the empty line ends.
    fn find_end(&mut self, buffer: &[u8]) -> Option<usize> {
        // The first line begins here; each of the others begins behind a line feed.
        if self.searched == 0 {
            match buffer {
                [] | [b'\r'] => return None,
                _ if empty_line(buffer).is_some() => return empty_line(buffer),
                _ => {}
            }
        }
        while let Some(at) = memchr::memchr(b'\n', &buffer[self.searched..]) {
            let next = self.searched + at + 1;
            if let Some(length) = empty_line(&buffer[next..]) {
                return Some(next + length);
            }
            if matches!(&buffer[next..], b"" | b"\r") {
                // What follows is not there yet: this line feed is looked at again.
                self.searched = next - 1;
                return None;
            }
            self.searched = next;
        }
        self.searched = buffer.len();
        None
    }
}

/// The length of the empty line that a text begins with.
fn empty_line(text: &[u8]) -> Option<usize> {
    match text {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

fn parse(text: &Bytes) -> Result<Head, BadHead> {
    let mut head = Head::default();
    let mut count = 0;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        count += 1;
        if count > FIELDS_MAX {
            return Err(BadHead::TooManyFields);
        }
        // Scripts that were written as non-parsed ones begin like this.
        if count == 1
            && let Some(status) = status_of_line(line)
        {
            head.status = Some(status);
            continue;
        }
        let colon = memchr::memchr(b':', line).ok_or_else(|| BadHead::NotAField(excerpt(line)))?;
        let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
        if !is_token(name) {
            return Err(BadHead::NotAField(excerpt(line)));
        }
        if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(BadHead::Control(excerpt(line)));
        }
        head.add(text.slice_ref(name), text.slice_ref(value))?;
    }
    if count == 0 { Err(BadHead::Empty) } else { Ok(head) }
}

impl Head {
    fn add(&mut self, name: Bytes, value: Bytes) -> Result<(), BadHead> {
        if name.eq_ignore_ascii_case(names::STATUS) {
            let status = code(&value).ok_or_else(|| BadHead::Status(excerpt(&value)))?;
            return keep(&mut self.status, status, "Status");
        }
        if name.eq_ignore_ascii_case(names::LOCATION) {
            return if value.is_empty() { Ok(()) } else { keep(&mut self.location, value, "Location") };
        }
        if name.eq_ignore_ascii_case(names::CONTENT_TYPE) {
            return keep(&mut self.content_type, value, "Content-Type");
        }
        if name.eq_ignore_ascii_case(names::CONTENT_LENGTH) {
            let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
            let length = length.filter(|_| digits).ok_or_else(|| BadHead::ContentLength(excerpt(&value)))?;
            return keep(&mut self.content_length, length, "Content-Length");
        }
        if name.eq_ignore_ascii_case(names::TRANSFER_ENCODING) {
            return Err(BadHead::TransferEncoding);
        }
        if !is_the_servers(&name) {
            self.fields.append(name, value);
        }
        Ok(())
    }
}

fn keep<T: PartialEq>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), BadHead> {
    match slot {
        Some(before) if *before != value => Err(BadHead::Contradiction(name)),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// Fields about the connection, and those that the server sends itself.
fn is_the_servers(name: &[u8]) -> bool {
    const FIELDS: [&[u8]; 8] = [
        names::CONNECTION,
        names::DATE,
        names::KEEP_ALIVE,
        names::PROXY_CONNECTION,
        names::SERVER,
        names::TE,
        names::TRAILER,
        names::UPGRADE,
    ];
    FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field))
}

/// The code in `404 Not Found`.
fn code(value: &[u8]) -> Option<Status> {
    let (digits, rest) = value.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(rest.first(), None | Some(b' ' | b'\t')) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    Status::new(code).filter(|status| !status.is_informational())
}

/// The status of a line `HTTP/1.1 200 OK`, also of one that is not whole yet; for logs, of an answer that is passed on
/// as it is (section 5).
pub fn status_of_line(line: &[u8]) -> Option<Status> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let space = memchr::memchr(b' ', rest)?;
    let rest = trim(&rest[space..]);
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
    code(&rest[..end])
}

/// The beginning of what was wrong, for a message.
fn excerpt(text: &[u8]) -> String {
    const SHOWN: usize = 80;
    let end = text.len().min(SHOWN);
    text[..end].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The head of a text, and what is behind it.
    fn read(text: &str) -> Result<Option<(Head, String)>, BadHead> {
        let mut buffer = BytesMut::from(text);
        let head = Decoder::default().receive(&mut buffer)?;
        Ok(head.map(|head| (head, String::from_utf8_lossy(&buffer).into_owned())))
    }

    #[track_caller]
    fn head(text: &str) -> Head {
        read(text).unwrap().unwrap().0
    }

    fn refused(text: &str) -> BadHead {
        read(text).unwrap_err()
    }

    const WHOLE: &str = "Status: 404 Not Found\r\nContent-type: text/plain\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\
                         Content-Length: 5\r\n\r\nhello";

    #[test]
    fn a_head_says_status_type_length_and_other_fields() {
        let (head, rest) = read(WHOLE).unwrap().unwrap();
        assert_eq!(head.status, Some(Status::NOT_FOUND));
        assert_eq!(head.content_type.as_deref(), Some(&b"text/plain"[..]));
        assert_eq!(head.content_length, Some(5));
        assert_eq!(head.fields.get_all(names::SET_COOKIE).collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(rest, "hello");
    }

    #[test]
    fn a_head_may_arrive_split_anywhere() {
        let expected = read(WHOLE).unwrap().unwrap();
        for text in [WHOLE.to_owned(), WHOLE.replace("\r\n", "\n")] {
            for at in 0..text.len() {
                let mut decoder = Decoder::default();
                let mut buffer = BytesMut::from(&text[..at]);
                let early = decoder.receive(&mut buffer).unwrap();
                buffer.extend_from_slice(&text.as_bytes()[at..]);
                let head = early.or_else(|| decoder.receive(&mut buffer).unwrap()).unwrap();
                assert_eq!((head, &buffer[..]), (expected.0.clone(), &b"hello"[..]), "split at {at}");
            }
            let mut decoder = Decoder::default();
            let mut buffer = BytesMut::new();
            let mut heads = text.bytes().filter_map(|byte| {
                buffer.extend_from_slice(&[byte]);
                decoder.receive(&mut buffer).ok().flatten()
            });
            assert_eq!(heads.next(), Some(expected.0.clone()), "byte by byte");
        }
    }

    #[test]
    fn without_its_empty_line_a_head_is_not_whole() {
        for text in ["", "a", "A: b", "A: b\n", "A: b\r\n", "A: b\r\n\r"] {
            assert_eq!(read(text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn of_a_head_that_was_cut_the_wrong_line_is_told() {
        assert_eq!(Decoder::cut(b"A: b\nC: d"), BadHead::Cut);
        assert_eq!(Decoder::cut(b"hello\n"), BadHead::NotAField("hello".to_owned()));
    }

    #[test]
    fn a_location_is_kept_as_it_is() {
        let head = head("Location: /other?a=b\n\n");
        assert_eq!((head.location.as_deref(), head.status), (Some(&b"/other?a=b"[..]), None));
    }

    #[test]
    fn a_first_line_of_http_is_a_status() {
        assert_eq!(head("HTTP/1.1 403 Forbidden\r\nA: b\r\n\r\n").status, Some(Status::FORBIDDEN));
        assert_eq!(head("HTTP/1.0 200\nA: b\n\n").status, Some(Status::OK));
        assert!(matches!(refused("A: b\nHTTP/1.1 200 OK\n\n"), BadHead::NotAField(_)));
    }

    #[test]
    fn what_is_the_servers_is_left_out() {
        let head = head("Content-Type: a/b\nConnection: close\nKeep-Alive: 5\nServer: x\nDate: y\nX-A: z\n\n");
        assert_eq!(head.fields.iter().map(|field| &field.name[..]).collect::<Vec<_>>(), [b"X-A"]);
    }

    #[test]
    fn what_is_no_head_is_refused() {
        assert_eq!(refused("\nhello"), BadHead::Empty);
        assert_eq!(refused("\r\nhello"), BadHead::Empty);
        assert_eq!(refused("hello world\n\n"), BadHead::NotAField("hello world".to_owned()));
        assert_eq!(refused("<html>: x\n\n"), BadHead::NotAField("<html>: x".to_owned()));
        assert_eq!(refused("A: b\n folded: c\n\n"), BadHead::NotAField(" folded: c".to_owned()));
        assert_eq!(refused("A: b\0c\n\n"), BadHead::Control("A: b\\x00c".to_owned()));
        assert_eq!(refused("A: b\rc\n\n"), BadHead::Control("A: b\\rc".to_owned()));
        assert_eq!(refused("Transfer-Encoding: chunked\n\n"), BadHead::TransferEncoding);
    }

    #[test]
    fn a_status_has_three_digits_and_is_final() {
        for wrong in ["", "20", "2000", "abc", "100 Continue", "99 x", "200OK", "-20"] {
            assert!(matches!(refused(&format!("Status: {wrong}\n\n")), BadHead::Status(_)), "{wrong}");
        }
        assert_eq!(head("Status: 299\n\n").status.unwrap().code(), 299);
    }

    #[test]
    fn a_length_is_digits() {
        for wrong in ["", "+5", "5 ", "0x5", "99999999999999999999999"] {
            let text = format!("Content-Length: {wrong}\n\n");
            assert_eq!(read(&text).is_err(), wrong.trim() != "5", "{wrong:?}");
        }
    }

    #[test]
    fn a_field_may_be_repeated_only_with_the_same_value() {
        assert_eq!(head("Status: 200\nStatus: 200 OK\n\n").status, Some(Status::OK));
        assert_eq!(refused("Status: 200\nStatus: 404\n\n"), BadHead::Contradiction("Status"));
        assert_eq!(refused("Content-Length: 1\nContent-Length: 2\n\n"), BadHead::Contradiction("Content-Length"));
    }

    #[test]
    fn length_and_number_of_fields_have_limits() {
        let fields = |count: usize| "A: b\n".repeat(count) + "\n";
        assert!(read(&fields(FIELDS_MAX)).is_ok());
        assert_eq!(refused(&fields(FIELDS_MAX + 1)), BadHead::TooManyFields);
        let long = |bytes: usize| format!("A: {}\n\n", "x".repeat(bytes - 5));
        assert!(matches!(read(&long(HEAD_BYTES_MAX)), Ok(Some(_))));
        assert_eq!(refused(&long(HEAD_BYTES_MAX + 1)), BadHead::TooLong);
        assert_eq!(refused(&"x".repeat(HEAD_BYTES_MAX + 1)), BadHead::TooLong);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_same_comes_out(
            parts in prop::collection::vec(
                prop::sample::select(vec!["A: b", "Status: 200", "\n", "\r\n", "\r", ":", "x", "HTTP/1.1 200", "Location: /a"]),
                0..12,
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            let text = parts.concat();
            let mut whole = BytesMut::from(&*text);
            let expected = Decoder::default().receive(&mut whole);
            let at = cut.index(text.len() + 1);
            let mut decoder = Decoder::default();
            let mut buffer = BytesMut::from(&text[..at]);
            let found = match decoder.receive(&mut buffer) {
                Ok(None) => {
                    buffer.extend_from_slice(&text.as_bytes()[at..]);
                    decoder.receive(&mut buffer)
                }
                early => {
                    buffer.extend_from_slice(&text.as_bytes()[at..]);
                    early
                }
            };
            prop_assert_eq!(&found, &expected);
            if found.is_ok() {
                prop_assert_eq!(buffer, whole);
            }
        }
    }
}

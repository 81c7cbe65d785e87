//! Forms with files as browsers send them: `multipart/form-data` (RFC 7578, RFC 2046 section 5.1).
//!
//! Owns the framing of parts, their heads, and the limits of what a part may cost beside its content. Called with each
//! piece of a request's content as it comes; gives the content of parts back without copying it. It keeps no file, cleans
//! no name, and does not limit how large a part is.

use bytes::{Buf, Bytes};
use memchr::memmem;

use super::headers::{names, trim};

/// The most bytes of a boundary (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// The most bytes before the first part. No browser sends any.
const PREAMBLE_BYTES_MAX: usize = 1024;

/// The most bytes of white space behind a boundary, where RFC 2046 allows it and nobody sends it.
const PADDING_BYTES_MAX: usize = 64;

/// The most bytes of a part's head. Browsers send two fields; a file's name may have 255 bytes, each escaped.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// The bytes of a line end, with which a delimiter begins.
const LINE_END: usize = 2;

/// Reads the parts of one form.
#[derive(Debug)]
pub struct Parser {
    /// What stands before a part and behind the last: CRLF, two hyphens, the boundary.
    delimiter: Bytes,
    finder: memmem::Finder<'static>,
    stage: Stage,
    parts: usize,
    parts_max: usize,
}

/// Where a form is.
#[derive(Debug)]
enum Stage {
    /// Before the first part or in one.
    Content {
        part: bool,
        /// How many bytes came before the first part.
        preamble: usize,
        /// How many bytes of the delimiter were seen at the end of what was given.
        matched: usize,
        /// How many of them are no content whatever follows: the end of the line before.
        lent: usize,
    },
    /// Behind a delimiter, in white space.
    Padding { bytes: usize },
    /// Behind a delimiter and a hyphen, which is one of the two that end a form.
    Hyphen,
    /// Behind a delimiter and a carriage return.
    LineFeed,
    /// In a part's head.
    Head(Vec<u8>),
    /// Behind the last part.
    End,
}

/// What was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Everything given was taken in: go on with what comes next.
    NeedMore,
    /// A part begins.
    Part(Box<PartHead>),
    /// Content of the part, never empty.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// The form is complete; what comes behind it has no meaning.
    End,
}

/// What a part says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartHead {
    /// The name of the form's field.
    pub name: Vec<u8>,
    /// The file's name as the client has it; none for a field that is no file. It may be anything: see who cleans it.
    pub filename: Option<Vec<u8>>,
    /// The type that the client says the content has.
    pub content_type: Option<Bytes>,
}

/// What was sent is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadForm {
    /// There is no boundary, or it cannot be one.
    #[error("expected a boundary of 1 to 70 characters in the content type")]
    Boundary,
    /// Much came before the first part.
    #[error("expected a boundary in the first {PREAMBLE_BYTES_MAX} bytes of the form")]
    Preamble,
    /// Something stands behind a boundary.
    #[error("expected the line end behind a boundary of the form")]
    Delimiter,
    /// A part's head is too large.
    #[error("the head of a part of the form has more than {HEAD_BYTES_MAX} bytes")]
    HeadTooLarge,
    /// A part's head is not well-formed.
    #[error("expected fields in the head of a part of the form")]
    Head,
    /// A part does not say that it is one of a form.
    #[error("expected \"Content-Disposition: form-data\" in a part of the form")]
    Disposition,
    /// There are too many parts.
    #[error("the form has more than {limit} parts")]
    TooManyParts {
        /// How many there may be.
        limit: usize,
    },
}

impl Parser {
    /// For content of this type, the value of the field `Content-Type`. None if it is no form.
    ///
    /// # Errors
    /// It is a form, but without a boundary.
    pub fn for_type(content_type: &[u8], parts_max: usize) -> Option<Result<Parser, BadForm>> {
        let end = content_type.iter().position(|byte| *byte == b';').unwrap_or(content_type.len());
        let (kind, parameters) = content_type.split_at(end);
        if !trim(kind).eq_ignore_ascii_case(b"multipart/form-data") {
            return None;
        }
        let boundary = Parameters { rest: parameters }.find(|(name, _)| name.eq_ignore_ascii_case(b"boundary"));
        Some(boundary.ok_or(BadForm::Boundary).and_then(|(_, boundary)| Parser::new(&boundary, parts_max)))
    }

    /// With this boundary, and so many parts at the most.
    ///
    /// # Errors
    /// It cannot be a boundary.
    pub fn new(boundary: &[u8], parts_max: usize) -> Result<Parser, BadForm> {
        let fits = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len());
        if !fits || boundary.iter().any(|byte| !(b' '..=b'~').contains(byte)) || boundary.ends_with(b" ") {
            return Err(BadForm::Boundary);
        }
        let delimiter = [b"\r\n--", boundary].concat();
        let finder = memmem::Finder::new(&delimiter).into_owned();
        // The first boundary may stand at the very beginning, as if a line had ended before it.
        let stage = Stage::Content { part: false, preamble: 0, matched: LINE_END, lent: LINE_END };
        Ok(Parser { delimiter: delimiter.into(), finder, stage, parts: 0, parts_max })
    }

    /// Takes the next thing out of `input`, and only its bytes: what follows is left for the next call.
    ///
    /// # Errors
    /// What was sent is no form; every further call has no meaning.
    pub fn receive(&mut self, input: &mut Bytes) -> Result<Progress, BadForm> {
        loop {
            let progress = match &mut self.stage {
                Stage::Content { .. } => self.receive_content(input)?,
                Stage::Padding { .. } | Stage::Hyphen | Stage::LineFeed => self.receive_line_end(input)?,
                Stage::Head(_) => self.receive_head(input)?,
                Stage::End => {
                    input.clear();
                    return Ok(Progress::NeedMore);
                }
            };
            match progress {
                Some(progress) => return Ok(progress),
                None if input.is_empty() => return Ok(Progress::NeedMore),
                None => {}
            }
        }
    }

    /// Whether the form is complete: what ends before is cut short.
    pub fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::End)
    }

    /// Content, up to the next delimiter.
    fn receive_content(&mut self, input: &mut Bytes) -> Result<Option<Progress>, BadForm> {
        let Stage::Content { part, preamble, matched, lent } = &mut self.stage else { return Ok(None) };
        if *matched > 0 {
            // A delimiter may have begun in what was given before.
            let same = input.iter().zip(&self.delimiter[*matched..]).take_while(|(one, other)| one == other).count();
            let seen = *matched + same;
            if seen == self.delimiter.len() {
                input.advance(same);
                return Ok(self.end_content());
            }
            if same == input.len() {
                *matched = seen;
                input.clear();
                return Ok(None);
            }
            // It was content: a delimiter has one carriage return, at its beginning, so none begins within it.
            input.advance(same);
            *matched = 0;
            let data = self.delimiter.slice(std::mem::take(lent)..seen);
            return content(*part, preamble, data);
        }
        if input.is_empty() {
            return Ok(None);
        }
        if let Some(at) = self.finder.find(input) {
            if at > 0 {
                return content(*part, preamble, input.split_to(at));
            }
            input.advance(self.delimiter.len());
            return Ok(self.end_content());
        }
        let begun = beginning_at_end(input, &self.delimiter);
        let data = input.split_to(input.len() - begun);
        *matched = begun;
        input.clear();
        content(*part, preamble, data)
    }

    /// A delimiter was seen.
    fn end_content(&mut self) -> Option<Progress> {
        let part = matches!(self.stage, Stage::Content { part: true, .. });
        self.stage = Stage::Padding { bytes: 0 };
        part.then_some(Progress::PartEnd)
    }

    /// What stands between a boundary and the part's head, or the end.
    fn receive_line_end(&mut self, input: &mut Bytes) -> Result<Option<Progress>, BadForm> {
        if input.is_empty() {
            return Ok(None);
        }
        self.stage = match (&self.stage, input.get_u8()) {
            (Stage::Padding { bytes: 0 }, b'-') => Stage::Hyphen,
            (Stage::Padding { .. }, b'\r') => Stage::LineFeed,
            (Stage::Padding { bytes }, b' ' | b'\t') if *bytes < PADDING_BYTES_MAX => {
                Stage::Padding { bytes: bytes + 1 }
            }
            (Stage::LineFeed, b'\n') => Stage::Head(Vec::new()),
            (Stage::Hyphen, b'-') => {
                self.stage = Stage::End;
                return Ok(Some(Progress::End));
            }
            _ => return Err(BadForm::Delimiter),
        };
        Ok(None)
    }

    fn receive_head(&mut self, input: &mut Bytes) -> Result<Option<Progress>, BadForm> {
        let Stage::Head(head) = &mut self.stage else { return Ok(None) };
        while let Some(end) = memchr::memchr(b'\n', input) {
            let line = input.split_to(end + 1);
            if head.len() + line.len() > HEAD_BYTES_MAX {
                return Err(BadForm::HeadTooLarge);
            }
            head.extend_from_slice(&line);
            if head == b"\r\n" || head.ends_with(b"\r\n\r\n") {
                let part = PartHead::parse(head)?;
                self.parts += 1;
                if self.parts > self.parts_max {
                    return Err(BadForm::TooManyParts { limit: self.parts_max });
                }
                // Without content its delimiter may begin with the line end of the head.
                self.stage = Stage::Content { part: true, preamble: 0, matched: LINE_END, lent: LINE_END };
                return Ok(Some(Progress::Part(Box::new(part))));
            }
        }
        if head.len() + input.len() > HEAD_BYTES_MAX {
            return Err(BadForm::HeadTooLarge);
        }
        head.extend_from_slice(input);
        input.clear();
        Ok(None)
    }
}

/// Content of a part; before the first part there should be little.
fn content(part: bool, preamble: &mut usize, data: Bytes) -> Result<Option<Progress>, BadForm> {
    if part {
        return Ok((!data.is_empty()).then_some(Progress::Data(data)));
    }
    *preamble += data.len();
    if *preamble > PREAMBLE_BYTES_MAX { Err(BadForm::Preamble) } else { Ok(None) }
}

/// How many bytes at the end of `input` are the beginning of the delimiter, which has a carriage return only there.
fn beginning_at_end(input: &[u8], delimiter: &[u8]) -> usize {
    let tail = &input[input.len().saturating_sub(delimiter.len() - 1)..];
    match memchr::memrchr(b'\r', tail) {
        Some(at) if delimiter.starts_with(&tail[at..]) => tail.len() - at,
        _ => 0,
    }
}

impl PartHead {
    /// Reads a head with the empty line at its end.
    fn parse(head: &[u8]) -> Result<PartHead, BadForm> {
        let mut part = None;
        let mut content_type = None;
        for line in head.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let colon = memchr::memchr(b':', line).ok_or(BadForm::Head)?;
            let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
            if name.is_empty() || value.contains(&0) {
                return Err(BadForm::Head);
            }
            if name.eq_ignore_ascii_case(names::CONTENT_DISPOSITION) {
                part = Some(PartHead::of_disposition(value)?);
            } else if name.eq_ignore_ascii_case(names::CONTENT_TYPE) {
                content_type = Some(Bytes::copy_from_slice(value));
            }
        }
        let part = part.ok_or(BadForm::Disposition)?;
        Ok(PartHead { content_type, ..part })
    }

    /// Reads `form-data; name="a"; filename="b"`. A name by `filename*` (RFC 8187), which browsers do not send, counts
    /// more.
    fn of_disposition(value: &[u8]) -> Result<PartHead, BadForm> {
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        if !trim(&value[..end]).eq_ignore_ascii_case(b"form-data") {
            return Err(BadForm::Disposition);
        }
        let mut part = PartHead::default();
        let mut extended = None;
        for (name, value) in (Parameters { rest: &value[end..] }) {
            match &name.to_ascii_lowercase()[..] {
                b"name" => part.name = without_escapes(&value),
                b"filename" => part.filename = Some(without_escapes(&value)),
                b"filename*" => extended = extended_value(&value),
                _ => {}
            }
        }
        if extended.is_some() {
            part.filename = extended;
        }
        Ok(part)
    }
}

/// The parameters behind a value: `; name=value; name="value"`. As browsers write them, a backslash escapes a quote and
/// stands for itself everywhere else: names of files have been sent with their folders, `C:\folder\file`.
struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a [u8], Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.rest.iter().position(|byte| !matches!(byte, b';' | b' ' | b'\t'))?;
            let rest = &self.rest[start..];
            let name_length = rest.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(name_length);
            let Some(behind) = behind.strip_prefix(b"=") else {
                // A parameter without a value is none.
                self.rest = behind;
                continue;
            };
            let quoted = trim(behind);
            let (value, rest) = match quoted.strip_prefix(b"\"") {
                Some(text) => quoted_text(text),
                None => {
                    let length = behind.iter().position(|byte| *byte == b';').unwrap_or(behind.len());
                    (trim(&behind[..length]).to_vec(), &behind[length..])
                }
            };
            // What stands behind a closing quote belongs to nothing.
            self.rest = &rest[rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len())..];
            return Some((trim(name), value));
        }
    }
}

/// Text up to the closing quote, and what stands behind it.
fn quoted_text(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        match rest {
            [b'\\', b'"', behind @ ..] => {
                value.push(b'"');
                rest = behind;
            }
            [b'"', behind @ ..] => return (value, behind),
            [byte, behind @ ..] => {
                value.push(*byte);
                rest = behind;
            }
            [] => return (value, rest),
        }
    }
}

/// Undoes what browsers do to what would break a quoted text (WHATWG: HTML, multipart/form-data): `%22`, `%0D`, `%0A`.
/// Other escapes are a part of the name.
fn without_escapes(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [byte, behind @ ..] = rest {
        (rest, _) = match behind {
            [b'2', b'2', behind @ ..] if *byte == b'%' => (behind, text.push(b'"')),
            [b'0', b'd' | b'D', behind @ ..] if *byte == b'%' => (behind, text.push(b'\r')),
            [b'0', b'a' | b'A', behind @ ..] if *byte == b'%' => (behind, text.push(b'\n')),
            _ => (behind, text.push(*byte)),
        };
    }
    text
}

/// The text of `charset'language'escaped` in UTF-8 (RFC 8187 section 3.2); none in another charset, or with escapes that
/// are none.
fn extended_value(value: &[u8]) -> Option<Vec<u8>> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, escaped) = (parts.next()?, parts.next()?, parts.next()?);
    if !charset.eq_ignore_ascii_case(b"utf-8") {
        return None;
    }
    let mut text = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            text.push(*byte);
            continue;
        }
        let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
        text.push(u8::try_from(high << 4 | low).ok()?);
    }
    Some(text)
}

#[cfg(test)]
mod tests;

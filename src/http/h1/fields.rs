//! Field lines (RFC 9112 section 5): the bytes of a section to `Headers`, without copying.
//!
//! Owns which names are valid, dropped or refused. Called by the decoder with a complete section, in which `lines`
//! found no control bytes. It does not read what a field means.

use bytes::Bytes;

use super::error::{BadRequest, Excerpt};
use super::head::Limits;
use super::whole::Whole;
use crate::http::Headers;
use crate::http::headers::{IS_PLAIN_NAME_BYTE, names, trim};

/// The fields of a section.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The valid ones.
    pub(super) headers: Headers,
    /// The lines dropped because of their name.
    pub(super) dropped: Vec<Bytes>,
    /// Which of those are there that mean something to the connection.
    pub(super) present: Present,
}

/// Which fields are there that say something of the connection and the framing. Most requests have one of them or two,
/// and are not looked through for the others.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Present {
    pub(super) host: bool,
    pub(super) connection: bool,
    pub(super) content_length: bool,
    pub(super) transfer_encoding: bool,
    pub(super) expect: bool,
}

impl Present {
    fn note(&mut self, name: &[u8]) {
        let (seen, known) = match name.len() {
            4 => (&mut self.host, names::HOST),
            6 => (&mut self.expect, names::EXPECT),
            10 => (&mut self.connection, names::CONNECTION),
            14 => (&mut self.content_length, names::CONTENT_LENGTH),
            17 => (&mut self.transfer_encoding, names::TRANSFER_ENCODING),
            _ => return,
        };
        *seen |= name.eq_ignore_ascii_case(known);
    }
}

// `Present::note` tells the names apart by their lengths first.
const _: () = assert!(
    names::HOST.len() == 4
        && names::EXPECT.len() == 6
        && names::CONNECTION.len() == 10
        && names::CONTENT_LENGTH.len() == 14
        && names::TRANSFER_ENCODING.len() == 17
);

/// What a line's name is.
enum Name {
    Valid,
    /// A token, but with other bytes than nginx takes for valid.
    Odd,
    /// No token at all (RFC 9110 section 5.1).
    Invalid,
}

impl Fields {
    /// The fields of a head whose places are known.
    pub(super) fn of(head: &Bytes, whole: &Whole<'_>) -> Fields {
        let mut fields = Fields { headers: Headers::with_capacity(whole.fields.len()), ..Fields::default() };
        for span in whole.fields {
            let name = head.slice(span.name_start as usize..span.name_end as usize);
            let value = head.slice(span.value_start as usize..span.value_end as usize);
            fields.present.note(&name);
            fields.headers.append(name, value);
        }
        fields
    }

    /// Reads `section[start..]`, which holds `count` field lines and the empty line behind them.
    pub(super) fn parse(section: &Bytes, start: usize, count: usize, limits: &Limits) -> Result<Fields, BadRequest> {
        let mut fields = Fields { headers: Headers::with_capacity(count), ..Fields::default() };
        let mut start = start;
        while let Some(length) = memchr::memchr(b'\n', &section[start..]) {
            let line = &section[start..start + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            let (name, colon) = parse_name(line, limits)?;
            match name {
                Name::Odd | Name::Invalid if limits.ignore_invalid_headers => {
                    fields.dropped.push(section.slice_ref(line))
                }
                Name::Valid | Name::Odd => {
                    fields.present.note(&line[..colon]);
                    let value = section.slice_ref(trim(&line[colon + 1..]));
                    fields.headers.append(section.slice(start..start + colon), value);
                }
                Name::Invalid => {
                    return Err(BadRequest::FieldName { found: Excerpt::of(line) });
                }
            }
            start += length + 1;
        }
        Ok(fields)
    }
}

impl Name {
    fn or_odd(self) -> Name {
        match self {
            Name::Invalid => Name::Invalid,
            Name::Valid | Name::Odd => Name::Odd,
        }
    }
}

/// A byte of a token beside letters, digits and hyphens (RFC 9110 section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    b"!#$%&'*+.^_`|~".contains(&byte)
}

/// Whether the name of `line` is valid, and where its colon is.
fn parse_name(line: &[u8], limits: &Limits) -> Result<(Name, usize), BadRequest> {
    let found = || Excerpt::of(line);
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(BadRequest::ObsoleteFold { found: found() });
    }
    // Nearly every name is a run of plain bytes.
    if let Some(place) = line.iter().position(|byte| !IS_PLAIN_NAME_BYTE[usize::from(*byte)])
        && line[place] == b':'
        && place > 0
    {
        return Ok((Name::Valid, place));
    }
    let mut name = Name::Valid;
    for (place, byte) in line.iter().enumerate() {
        match byte {
            byte if IS_PLAIN_NAME_BYTE[usize::from(*byte)] => {}
            b':' if place == 0 => return Err(BadRequest::EmptyFieldName { found: found() }),
            b':' => return Ok((name, place)),
            b' ' | b'\t' => return Err(BadRequest::WhiteSpaceInName { found: found() }),
            b'_' if limits.underscores_in_headers => {}
            _ if is_token_byte(*byte) => name = name.or_odd(),
            _ => name = Name::Invalid,
        }
    }
    Err(BadRequest::MissingColon { found: found() })
}

//! What the fields of a request head mean for the connection: the end of the body, the host, what follows the answer
//! (RFC 9112 sections 3.2, 6 and 9.3).
//!
//! Owns the refusal of ambiguous framing, where two readers could see different requests. Called by the decoder.

use bytes::Bytes;

use super::error::{BadRequest, Excerpt};
use super::fields::{Fields, Present};
use super::head::BodyFraming;
use crate::http::headers::names;
use crate::http::target::TargetForm;
use crate::http::{Headers, Host, Target, Version};

/// How the end of the body is known. Anything that leaves a choice is refused.
pub(super) fn body(fields: &Fields, version: Version) -> Result<BodyFraming, BadRequest> {
    let Fields { headers, present, .. } = fields;
    if !present.content_length && !present.transfer_encoding {
        return Ok(BodyFraming::None);
    }
    let lengths = headers.count(names::CONTENT_LENGTH);
    if present.transfer_encoding {
        if version == Version::Http10 {
            return Err(BadRequest::TransferEncodingInHttp10);
        }
        if lengths > 0 {
            return Err(BadRequest::LengthAndTransferEncoding);
        }
        return chunked(headers);
    }
    if lengths > 1 {
        let second = headers.get_all(names::CONTENT_LENGTH).nth(1).map_or(&[][..], |value| value);
        return Err(BadRequest::RepeatedContentLength { found: Excerpt::of(second) });
    }
    match headers.get(names::CONTENT_LENGTH) {
        None => Ok(BodyFraming::None),
        Some(value) => match parse_length(value) {
            Some(length) => Ok(BodyFraming::Length(length)),
            None => Err(BadRequest::ContentLength { found: Excerpt::of(value) }),
        },
    }
}

/// `chunked`, as the one coding in one or more fields.
fn chunked(headers: &Headers) -> Result<BodyFraming, BadRequest> {
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    if let Some(coding) = headers.list(names::TRANSFER_ENCODING).find(|coding| !is_chunked(coding)) {
        return Err(BadRequest::TransferCoding { found: Excerpt::of(coding) });
    }
    match headers.list(names::TRANSFER_ENCODING).count() {
        1 => Ok(BodyFraming::Chunked),
        count => Err(BadRequest::RepeatedChunked { count }),
    }
}

/// Digits alone, up to `i64::MAX` as nginx counts, so that sums of lengths fit in 64 bits.
fn parse_length(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let length = digits.iter().try_fold(0_i64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })?;
    u64::try_from(length).ok()
}

/// The host asked for. The authority of an absolute target counts before the field (RFC 9112 section 3.2.2), but the
/// field must be right all the same.
pub(super) fn host(headers: &Headers, target: &Target, version: Version) -> Result<Option<Host>, BadRequest> {
    let mut values = headers.get_all(names::HOST);
    let value = values.next();
    if let Some(second) = values.next() {
        return Err(BadRequest::RepeatedHost { found: Excerpt::of(second) });
    }
    let parse = |text: &Bytes| Host::parse(text).map_err(|_| BadRequest::Host { found: Excerpt::of(text) });
    let host = match value {
        None if version == Version::Http11 => return Err(BadRequest::MissingHost),
        None => None,
        Some(value) => Some(parse(value)?),
    };
    match target.form() {
        TargetForm::Absolute { authority, .. } => parse(authority).map(Some),
        TargetForm::Authority => parse(target.raw()).map(Some),
        TargetForm::Origin | TargetForm::Asterisk => Ok(host),
    }
}

/// Whether the client wants the connection to stay (RFC 9112 section 9.3).
pub(super) fn keep_alive(headers: &Headers, present: Present, version: Version) -> bool {
    if !present.connection {
        return version == Version::Http11;
    }
    if headers.list_contains(names::CONNECTION, b"close") {
        return false;
    }
    version == Version::Http11 || headers.list_contains(names::CONNECTION, b"keep-alive")
}

/// Whether the client waits for `100 Continue` (RFC 9110 section 10.1.1): only in HTTP/1.1, and only where a body is
/// to come. Like nginx, other expectations are ignored.
pub(super) fn expect_continue(headers: &Headers, present: Present, version: Version, framing: BodyFraming) -> bool {
    present.expect
        && version == Version::Http11
        && !matches!(framing, BodyFraming::None | BodyFraming::Length(0))
        && headers.list_contains(names::EXPECT, b"100-continue")
}

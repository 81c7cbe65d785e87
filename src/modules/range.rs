//! Parts of files: 206 with one range or several, 416 (RFC 9110 section 14; nginx's range filter).
//!
//! A filter behind those that add fields, for responses that can be had in parts. How `Range` and
//! `If-Range` are read is in `http::range`. Copies no bytes of a file.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::ops::Range as Run;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::vec;

use bytes::Bytes;

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::body::{Body, Chunk, FileSlice, Source};
use crate::exchange::plan::{Filter, PlanBuilder};
use crate::exchange::response::Response;
use crate::http::conditional::Validators;
use crate::http::headers::names;
use crate::http::method::Method;
use crate::http::range::{Multipart, RangeVerdict, content_range, content_range_unsatisfied, evaluate, if_range_holds};
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct Range;

/// What its directives set.
#[derive(Clone, Copy, Debug)]
pub struct Conf {
    max_ranges: usize,
}

impl Default for Conf {
    fn default() -> Self {
        Self { max_ranges: usize::MAX }
    }
}

impl Module for Range {
    type Conf = Conf;

    const NAME: &'static str = "range";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "max_ranges",
        contexts: Contexts::HTTP_SERVER_LOCATION,
        args: Shape::one("NUMBER"),
        repeat: Repeat::Once,
        set: |conf, arguments| {
            conf.max_ranges = arguments.number(0)?;
            Ok(())
        },
        default: "",
        doc: "How many ranges of a file one request may ask for; with more the whole file is sent. 0 turns ranges \
              off. Without it there is no limit but that all ranges together are no longer than the file.",
        example: "max_ranges 1;",
        origin: Origin::Nginx,
    }];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if conf.max_ranges > 0 {
            plan.filter(TakeRanges { max_ranges: conf.max_ranges });
        }
        Ok(())
    }
}

/// Cuts the ranges out of a response that were asked for.
#[derive(Debug)]
struct TakeRanges {
    max_ranges: usize,
}

impl Filter for TakeRanges {
    fn apply(&self, exchange: &mut Exchange, response: &mut Response) {
        if response.status != Status::OK || !response.ranges {
            return;
        }
        let Some(whole) = Whole::of(&response.body) else { return };
        let length = whole.length();
        match self.verdict(exchange, response, length) {
            RangeVerdict::Whole => response.headers.append(names::ACCEPT_RANGES, &b"bytes"[..]),
            RangeVerdict::Single(range) => {
                response.status = Status::PARTIAL_CONTENT;
                response.headers.append(names::CONTENT_RANGE, content_range(&range, length));
                response.body = whole.part(&range).into();
            }
            RangeVerdict::Multiple(ranges) => {
                let multipart = Multipart::new(next_boundary(), response.content_type.take(), length);
                response.status = Status::PARTIAL_CONTENT;
                response.content_type = Some(multipart.content_type());
                response.body = Body::Stream {
                    length: Some(multipart.body_length(&ranges)),
                    source: Box::new(Parts { multipart, whole, ranges: ranges.into_iter(), next: Next::Head }),
                };
            }
            RangeVerdict::Unsatisfiable => {
                exchange.error.content_range = Some(content_range_unsatisfied(length));
                exchange.error.refused = Some(Status::RANGE_NOT_SATISFIABLE);
            }
        }
    }
}

impl TakeRanges {
    fn verdict(&self, exchange: &Exchange, response: &Response, length: u64) -> RangeVerdict {
        // Ranges are defined for GET alone (RFC 9110 section 14.2); nginx takes them for HEAD as well.
        if *exchange.request.method() != Method::Get {
            return RangeVerdict::Whole;
        }
        let Some(range) = exchange.request.header(names::RANGE) else { return RangeVerdict::Whole };
        if let Some(condition) = exchange.request.header(names::IF_RANGE) {
            let validators =
                Validators { etag: response.headers.get(names::ETAG).cloned(), last_modified: response.last_modified };
            if !if_range_holds(condition, &validators) {
                return RangeVerdict::Whole;
            }
        }
        evaluate(range, length, self.max_ranges)
    }
}

/// A body that parts can be taken from.
#[derive(Debug)]
enum Whole {
    File(FileSlice),
    Bytes(Bytes),
}

impl Whole {
    fn of(body: &Body) -> Option<Self> {
        match body {
            Body::File(slice) => Some(Self::File(slice.clone())),
            Body::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Body::Empty | Body::Stream { .. } => None,
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::File(slice) => slice.length,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// A run of it; what lies behind the end is left out.
    fn part(&self, run: &Run<u64>) -> Chunk {
        let length = self.length();
        let (start, end) = (run.start.min(length), run.end.min(length));
        match self {
            Self::File(whole) => Chunk::File(FileSlice {
                file: whole.file.clone(),
                offset: whole.offset + start,
                length: end.saturating_sub(start),
            }),
            // Both fit: they are at most the length of bytes in memory.
            Self::Bytes(whole) => Chunk::Bytes(whole.slice(start as usize..end.max(start) as usize)),
        }
    }
}

/// The content of a `multipart/byteranges` answer.
struct Parts {
    multipart: Multipart,
    whole: Whole,
    ranges: vec::IntoIter<Run<u64>>,
    next: Next,
}

/// What comes next in a multipart answer.
enum Next {
    Head,
    Content(Run<u64>),
    Nothing,
}

impl Source for Parts {
    fn poll_next(&mut self, _context: &mut Context<'_>) -> Poll<Option<io::Result<Chunk>>> {
        Poll::Ready(match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Head => match self.ranges.next() {
                Some(range) => {
                    let head = self.multipart.part_head(&range);
                    self.next = Next::Content(range);
                    Some(Ok(Chunk::Bytes(head)))
                }
                None => Some(Ok(Chunk::Bytes(self.multipart.end()))),
            },
            Next::Content(range) => {
                self.next = Next::Head;
                Some(Ok(self.whole.part(&range)))
            }
            Next::Nothing => None,
        })
    }
}

/// The number in the next boundary. Boundaries count up from a random start, so that nobody can write
/// one into a file beforehand.
fn next_boundary() -> u64 {
    static NUMBER: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().build_hasher().finish()));
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::exchange::plan::{Handler, Handling, Outcome, Stage};
    use crate::exchange::testing::{Answer, Location};

    const CONTENT: &str = "0123456789";
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    /// Ten digits, in memory or in a file.
    #[derive(Debug)]
    struct Content {
        in_file: bool,
        ranges: bool,
    }

    impl Handler for Content {
        fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
            let mut response = Response::with_bytes(Status::OK, "text/plain", CONTENT);
            response.headers.append("ETag", "\"a\"");
            response.last_modified = Some(UNIX_EPOCH + Duration::from_secs(784_111_777));
            response.ranges = self.ranges;
            if self.in_file {
                let file = exchange.open_file(&exchange.filename_of(b"/file")).unwrap();
                // The digits begin behind two other bytes.
                response.body = Body::File(FileSlice { file: std::rc::Rc::new(file.into()), offset: 2, length: 10 });
            }
            Outcome::Respond(Box::new(response)).into()
        }
    }

    fn location(content: Content, max_ranges: usize) -> Location {
        let site = Location::new(|plan| {
            plan.handler(Stage::Content, content);
            plan.filter(TakeRanges { max_ranges });
        });
        site.file("file", &format!("xx{CONTENT}xx"))
    }

    fn asked(fields: &str) -> Answer {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
        let in_memory = location(Content { in_file: false, ranges: true }, usize::MAX).request(&head);
        let in_file = location(Content { in_file: true, ranges: true }, usize::MAX).request(&head);
        assert_eq!((in_memory.status, in_memory.body.len()), (in_file.status, in_file.body.len()));
        in_file
    }

    #[test]
    fn without_a_range_all_is_sent_and_ranges_are_offered() {
        let answer = asked("X: y");
        assert_eq!((answer.status, answer.text(), answer.header("accept-ranges")), (200, CONTENT, Some("bytes")));
    }

    #[test]
    fn one_range_is_that_part() {
        let cases = [("0-1", "01", "0-1"), ("8-", "89", "8-9"), ("-3", "789", "7-9"), ("5-99,200-", "56789", "5-9")];
        for (range, part, told) in cases {
            let answer = asked(&format!("Range: bytes={range}"));
            assert_eq!((answer.status, answer.text()), (206, part), "{range}");
            assert_eq!(answer.header("content-range"), Some(&*format!("bytes {told}/10")));
            assert_eq!((answer.content_type(), answer.header("accept-ranges")), (Some("text/plain"), None));
        }
    }

    #[test]
    fn several_ranges_are_several_parts() {
        let answer = asked("Range: bytes=0-1,-2");
        assert_eq!((answer.status, answer.header("content-range")), (206, None));
        let boundary = answer.content_type().unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
        assert!(boundary.len() == 20 && boundary.bytes().all(|byte| byte.is_ascii_digit()), "{boundary}");
        let expected = format!(
            "\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\
             \r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\
             \r\n--{boundary}--\r\n"
        );
        assert_eq!(answer.text(), expected);
    }

    #[test]
    fn boundaries_differ_from_one_answer_to_the_next() {
        assert_ne!(next_boundary(), next_boundary());
    }

    #[test]
    fn a_range_behind_the_end_is_refused_with_the_length() {
        for range in ["10-", "5-4", "x"] {
            let answer = asked(&format!("Range: bytes={range}"));
            assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */10")), "{range}");
            assert_eq!((answer.header("etag"), answer.content_type()), (None, Some("text/html")));
        }
    }

    #[test]
    fn if_range_must_hold() {
        let status = |condition: &str| asked(&format!("Range: bytes=0-1\r\nIf-Range: {condition}")).status;
        assert_eq!((status("\"a\""), status("\"b\""), status("W/\"a\"")), (206, 200, 200));
        assert_eq!((status(DATE), status("Sun, 06 Nov 1994 08:49:38 GMT")), (206, 200));
    }

    #[test]
    fn more_ranges_than_allowed_are_answered_whole() {
        let asked = |max_ranges, range: &str| {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes={range}\r\n\r\n");
            location(Content { in_file: false, ranges: true }, max_ranges).request(&head).status
        };
        assert_eq!((asked(1, "0-1"), asked(1, "0-1,3-4"), asked(2, "0-1,3-4")), (206, 200, 206));
    }

    #[test]
    fn a_range_is_for_get_alone() {
        let head = "HEAD / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n";
        let answer = location(Content { in_file: true, ranges: true }, 9).request(head);
        assert_eq!((answer.status, answer.header("accept-ranges")), (200, Some("bytes")));
    }

    #[test]
    fn a_response_that_cannot_be_had_in_parts_is_left_alone() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n";
        let answer = location(Content { in_file: false, ranges: false }, 9).request(head);
        assert_eq!((answer.status, answer.header("accept-ranges")), (200, None));
    }
}

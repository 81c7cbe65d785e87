//! Content received by a handler, without a connection.

use std::cell::RefCell;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::*;
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::BodyFolder;
use crate::exchange::test_support::{Bench, Pieces, rendered};

/// Where content is received, in a location that keeps 10 bytes in memory.
struct Place {
    bench: Bench,
    folder: tempfile::TempDir,
    in_file: BodyInFile,
}

impl Place {
    fn new() -> Self {
        Self { bench: Bench::new(), folder: tempfile::tempdir().unwrap(), in_file: BodyInFile::Off }
    }

    fn exchange(&self, framing: &str, pieces: Option<Pieces>) -> Exchange {
        let mut plan = PlanBuilder::new("/");
        plan.settings.client_body_buffer_bytes = 10;
        plan.settings.client_body_in_file = self.in_file;
        plan.settings.client_body_folder =
            BodyFolder { path: Arc::from(self.folder.path().join("bodies")), levels: [1, 0, 0] };
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        let mut exchange = self.bench.exchange_in(plan, &head);
        exchange.request.body = pieces.map(|pieces| Box::new(pieces) as _);
        exchange.record.content_meter = exchange.request.body.as_ref().map(|body| body.meter());
        exchange
    }

    /// What a handler gets.
    fn receive(&mut self, mut exchange: Exchange) -> (Exchange, Result<(), Outcome>) {
        let received = Rc::new(RefCell::new(None));
        let result = Rc::clone(&received);
        self.bench.handle().spawn(async move {
            let outcome = exchange.receive_content().await;
            result.replace(Some((exchange, outcome)));
        });
        while received.borrow().is_none() {
            self.bench.turn();
        }
        received.take().unwrap()
    }

    fn received(&mut self, pieces: &[&'static str]) -> Exchange {
        let exchange = self.exchange("Transfer-Encoding: chunked", Some(Pieces::of(pieces)));
        let (exchange, outcome) = self.receive(exchange);
        outcome.unwrap();
        exchange
    }

    fn failed(&mut self, error: InflowError) -> (Exchange, Outcome) {
        let pieces = Pieces::failing(&["some"], error);
        let exchange = self.exchange("Transfer-Encoding: chunked", Some(pieces));
        let (exchange, outcome) = self.receive(exchange);
        (exchange, outcome.unwrap_err())
    }
}

fn text(content: &Content) -> String {
    let mut text = String::new();
    content.reader().read_to_string(&mut text).unwrap();
    assert_eq!(text.len() as u64, content.length());
    text
}

#[test]
fn content_that_fits_stays_in_memory() {
    let exchange = Place::new().received(&["hello", "12345"]);
    assert!(matches!(exchange.content(), Content::Memory(_)));
    assert_eq!(text(exchange.content()), "hello12345");
}

#[test]
fn content_that_does_not_fit_is_in_a_file_without_a_name() {
    let mut place = Place::new();
    let exchange = place.received(&["hello", "123456", "7", "8"]);
    assert!(matches!(exchange.content(), Content::File(_)));
    assert_eq!(text(exchange.content()), "hello12345678");
    assert_eq!(fs::read_dir(place.folder.path().join("bodies")).unwrap().count(), 0);
}

#[test]
fn no_content_is_empty_content() {
    let mut place = Place::new();
    for framing in ["A: b", "Content-Length: 0"] {
        let exchange = place.exchange(framing, None);
        let (exchange, outcome) = place.receive(exchange);
        assert!(outcome.is_ok() && matches!(exchange.content(), Content::Empty), "{framing}");
    }
    assert!(place.received(&[]).content().is_empty());
    assert!(!place.folder.path().join("bodies").exists());
}

#[test]
fn what_was_received_is_there_for_the_next_handler() {
    let mut place = Place::new();
    let exchange = place.received(&["hello"]);
    let (exchange, outcome) = place.receive(exchange);
    assert!(outcome.is_ok());
    assert_eq!(text(exchange.content()), "hello");
}

#[test]
fn a_named_file_is_there_as_long_as_its_request() {
    let mut place = Place::new();
    place.in_file = BodyInFile::Clean;
    let exchange = place.received(&["hello"]);
    let Content::File(file) = exchange.content() else { panic!("{:?}", exchange.content()) };
    let path = file.path().unwrap().to_owned();
    assert!(path.starts_with(place.folder.path().join("bodies")));
    assert_eq!(fs::read(&path).unwrap(), b"hello");
    drop(exchange);
    assert!(!path.exists());
}

#[test]
fn a_file_is_made_for_an_announced_length_of_nothing_where_one_is_wanted() {
    let mut place = Place::new();
    place.in_file = BodyInFile::On;
    let exchange = place.exchange("Content-Length: 0", None);
    let (exchange, _) = place.receive(exchange);
    let Content::File(file) = exchange.content() else { panic!("{:?}", exchange.content()) };
    assert!(file.path().unwrap().exists() && exchange.content().is_empty());
}

#[test]
fn failures_are_answered_by_who_is_at_fault() {
    let mut place = Place::new();
    let too_large = InflowError::TooLarge { received: 4, announced: 9 };
    let (exchange, outcome) = place.failed(too_large);
    assert!(matches!(outcome, Outcome::Fail(Status::CONTENT_TOO_LARGE)) && exchange.error.too_large);
    let (exchange, outcome) = place.failed(InflowError::TimedOut);
    assert!(matches!(outcome, Outcome::Fail(Status::REQUEST_TIMEOUT)) && exchange.error.close);
    let (exchange, outcome) = place.failed(InflowError::Closed);
    assert!(matches!(outcome, Outcome::Close));
    assert_eq!(exchange.record.status, Some(Status::BAD_REQUEST));
    assert!(exchange.request.body.is_none() && matches!(exchange.content(), Content::Empty));
}

#[test]
fn a_file_that_cannot_be_made_is_the_servers_fault() {
    let mut place = Place::new();
    fs::write(place.folder.path().join("bodies"), "in the way").unwrap();
    let exchange = place.exchange("Transfer-Encoding: chunked", Some(Pieces::of(&["hello", "123456"])));
    let (exchange, outcome) = place.receive(exchange);
    assert!(matches!(outcome, Err(Outcome::Fail(Status::INTERNAL_SERVER_ERROR))));
    assert!(exchange.request.body.is_none(), "the rest is nobody's");
}

#[test]
fn variables_tell_where_content_is() {
    let values = "$content_length [$request_body]";
    let mut place = Place::new();
    assert_eq!(rendered(values, &place.exchange("Transfer-Encoding: chunked", Some(Pieces::of(&["hello"])))), " []");
    assert_eq!(rendered(values, &place.received(&["hello"])), "5 [hello]");
    assert_eq!(rendered(values, &place.received(&[])), "0 []");
    assert_eq!(rendered(values, &place.received(&["hello", "123456"])), "11 []");
    place.in_file = BodyInFile::Clean;
    let exchange = place.received(&["hello"]);
    let file = rendered("$request_body_file", &exchange);
    assert_eq!(fs::read(file).unwrap(), b"hello");
    assert_eq!(rendered("$request_body", &exchange), "");
}

#[test]
fn the_request_is_as_long_as_its_head_and_what_was_read() {
    let exchange = Place::new().received(&["hello", "12345678"]);
    let head = exchange.request.head.head_bytes;
    assert_eq!(rendered("$request_length", &exchange), (head + 13).to_string());
}

#[test]
fn a_pipe_is_filled_as_far_as_it_goes() {
    let mut place = Place::new();
    for pieces in [&["hello"][..], &["hello", "123456"]] {
        let exchange = place.received(pieces);
        let mut reader = exchange.content().reader();
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).unwrap();
        let mut memory = [0; 16];
        assert_eq!(reader.send_to(write.as_fd()).unwrap() as u64, exchange.content().length());
        assert_eq!((reader.rest(), reader.send_to(write.as_fd()).unwrap()), (0, 0));
        let count = rustix::io::read(&read, &mut memory).unwrap();
        assert_eq!(memory[..count], *pieces.concat().as_bytes());
        while rustix::io::write(&write, &[0; 4096]).is_ok() {}
        let mut again = exchange.content().reader();
        assert_eq!(again.send_to(write.as_fd()).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(again.rest(), exchange.content().length());
        drop(read);
        assert_eq!(again.send_to(write.as_fd()).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

//! A location to test handlers and filters in: a folder of files, a plan of handlers and filters, requests answered
//! without a connection.

use std::cell::RefCell;
use std::fs;
use std::future::poll_fn;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::answer::answer;
use super::body::{Body, Chunk, FileSlice};
use super::plan::PlanBuilder;
use super::response::Response;
use super::template::Template;
use super::test_support::Bench;
use crate::runtime::read_at;

/// A location that answers every path.
pub(crate) struct Location {
    folder: tempfile::TempDir,
    plan: PlanBuilder,
}

/// An answer, its body read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) response: Response,
    pub(crate) body: Vec<u8>,
    /// The URI in the end.
    pub(crate) uri: String,
}

impl Location {
    /// Whose plan `install` fills; its root is a folder of its own.
    pub(crate) fn new(install: impl FnOnce(&mut PlanBuilder)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = PlanBuilder::new("/");
        plan.settings.root.path = Template::literal(folder.path().to_str().unwrap());
        install(&mut plan);
        Self { folder, plan }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// With this file, last changed on the example date of RFC 9110: Sun, 06 Nov 1994 08:49:37 GMT.
    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        fs::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
        self
    }

    pub(crate) fn folder(self, name: &str) -> Self {
        fs::create_dir_all(self.path(name)).unwrap();
        self
    }

    /// With a root, or alias, of another path.
    pub(crate) fn with_root(mut self, path: &Path) -> Self {
        self.plan.settings.root.path = Template::literal(path.to_str().unwrap());
        self
    }

    pub(crate) fn get(self, target: &str) -> Answer {
        self.request(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
    }

    /// Answers a head as it would be on the wire.
    pub(crate) fn request(self, head: &str) -> Answer {
        let mut bench = Bench::new();
        let mut exchange = bench.exchange_in(self.plan, head);
        let handle = exchange.handle.clone();
        let answered = Rc::new(RefCell::new(None));
        let result = Rc::clone(&answered);
        handle.spawn(async move {
            let mut response = answer(&mut exchange).await.expect("an answer");
            let body = std::mem::replace(&mut response.body, Body::Empty);
            let body = read(body).await;
            let uri = String::from_utf8(exchange.uri.to_vec()).unwrap();
            result.replace(Some(Answer { status: response.status.code(), response: *response, body, uri }));
        });
        while answered.borrow().is_none() {
            bench.turn();
        }
        let answer = answered.take();
        answer.unwrap()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.get(name.as_bytes()).map(|value| std::str::from_utf8(value).unwrap())
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.response.content_type.as_ref().map(|value| std::str::from_utf8(value).unwrap())
    }

    pub(crate) fn location(&self) -> Option<&str> {
        let made = self.response.location.as_ref();
        made.map(|value| std::str::from_utf8(value).unwrap()).or_else(|| self.header("location"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn read(body: Body) -> Vec<u8> {
    match body {
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes.to_vec(),
        Body::File(slice) => read_slice(&slice),
        Body::Stream { mut source, length } => {
            let mut content = Vec::new();
            while let Some(chunk) = poll_fn(|context| source.poll_next(context)).await {
                match chunk.unwrap() {
                    Chunk::Bytes(bytes) => content.extend_from_slice(&bytes),
                    Chunk::File(slice) => content.extend(read_slice(&slice)),
                }
            }
            assert!(length.is_none_or(|length| length == content.len() as u64), "the length that was told");
            content
        }
    }
}

fn read_slice(slice: &FileSlice) -> Vec<u8> {
    let mut content = vec![0; slice.length as usize];
    let count = read_at(slice.file.as_fd(), slice.offset, &mut content).unwrap();
    content.truncate(count);
    content
}

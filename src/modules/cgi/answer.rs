//! What a script writes, as a response (RFC 3875 section 6).

use std::ffi::OsStr;
use std::future::poll_fn;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::handler::client_left;
use super::run::{Run, Trouble, Verdict};
use super::settings::Conf;
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::exchange::body::{Body, Chunk, FileSlice, InflowError, Source};
use crate::exchange::content::Content;
use crate::exchange::files::Fault;
use crate::exchange::plan::Outcome;
use crate::exchange::redirect::split_target;
use crate::exchange::response::Response;
use crate::exchange::{Exchange, Shown};
use crate::http::cgi::{BadHead, Decoder, Head, status_of_line};
use crate::http::headers::names;
use crate::http::target::normalise_unless_normal;
use crate::http::{Method, Status, conditional};
use crate::runtime::Kind;

/// The field by which a script names a file to be sent in place of what it writes.
const X_SENDFILE: &[u8] = b"X-Sendfile";

/// Waits for a script's head, and answers with it and what follows.
pub(super) async fn answer(exchange: &mut Exchange, conf: &Conf, mut run: Run) -> Outcome {
    let mut buffer = BytesMut::new();
    let mut decoder = Decoder::default();
    loop {
        match poll_fn(|context| run.poll_output(context, &mut buffer)).await {
            Ok(0) if buffer.is_empty() => return silent(exchange, run),
            Ok(0) => return not_understood(exchange, run, &Decoder::cut(&buffer)),
            Ok(_) => {}
            Err(trouble) => return given_up(exchange, &run, &trouble),
        }
        match decoder.receive(&mut buffer) {
            Ok(None) => {}
            Ok(Some(head)) => return respond(exchange, conf, run, head, buffer.freeze()),
            Err(bad) => return not_understood(exchange, run, &bad),
        }
    }
}

/// Waits for the first of what a script writes, and passes everything on as it is (RFC 3875 section 5).
pub(super) async fn pass_on(exchange: &mut Exchange, mut run: Run) -> Outcome {
    let mut buffer = BytesMut::new();
    match poll_fn(|context| run.poll_output(context, &mut buffer)).await {
        Ok(0) => return silent(exchange, run),
        Ok(_) => {}
        Err(trouble) => return given_up(exchange, &run, &trouble),
    }
    let mut response = Response::new(status_of_line(&buffer).unwrap_or(Status::OK));
    response.raw = true;
    response.body = Body::Stream { source: Box::new(Output::new(run, buffer.freeze(), None)), length: None };
    Outcome::Respond(Box::new(response))
}

fn respond(exchange: &mut Exchange, conf: &Conf, run: Run, head: Head, rest: Bytes) -> Outcome {
    if !conf.x_sendfile.is_empty()
        && let Some(path) = head.fields.get(X_SENDFILE).cloned()
    {
        run.detach(Verdict::Used);
        return send_file(exchange, conf, head, &path);
    }
    if let Some(location) = head.location.as_ref().filter(|location| is_local(&head, location)) {
        let location = location.clone();
        let script = run.script.clone();
        run.detach(Verdict::Used);
        return redirect(exchange, &script, &location);
    }
    let redirects = if head.location.is_some() { Status::FOUND } else { Status::OK };
    let mut response = response(head.status.unwrap_or(redirects), &head);
    if response.status.forbids_body() {
        run.detach(Verdict::Used);
    } else {
        let length = head.content_length;
        response.body = Body::Stream { source: Box::new(Output::new(run, rest, length)), length };
    }
    Outcome::Respond(Box::new(response))
}

/// A response with what a head says, but for its length.
fn response(status: Status, head: &Head) -> Response {
    let mut response = Response::new(status);
    response.content_type = head.content_type.clone().filter(|content_type| !content_type.is_empty());
    if let Some(location) = &head.location {
        response.headers.append(names::LOCATION, location.clone());
    }
    for field in head.fields.iter() {
        response.headers.append(field.name.clone(), field.value.clone());
    }
    response
}

/// Whether the answer to another path is to be given in place of this one (section 6.2.2): if the head says nothing but
/// that. With a cookie beside it, it is meant for the client.
fn is_local(head: &Head, location: &[u8]) -> bool {
    location.starts_with(b"/") && !location.starts_with(b"//") && head.status.is_none() && head.fields.is_empty()
}

/// The answer to another path of this server.
fn redirect(exchange: &mut Exchange, script: &str, location: &Bytes) -> Outcome {
    let end = memchr::memchr(b'#', location).unwrap_or(location.len());
    let (path, args) = split_target(&location.slice(..end));
    let uri = match normalise_unless_normal(&path, exchange.site.merge_slashes()) {
        Ok(normal) => normal.unwrap_or(path),
        Err(error) => {
            let location = Shown(location);
            let what = format_args!("CGI script \"{script}\" redirects to \"{location}\", which is no path: {error}");
            exchange.report(Severity::Error, what);
            return Outcome::Fail(Status::BAD_GATEWAY);
        }
    };
    // The script has had the content.
    exchange.request.content = Content::Empty;
    if exchange.method != Method::Head {
        exchange.method = Method::Get;
    }
    Outcome::Reroute { uri, args }
}

/// A file in place of what a script would write, if it lies in one of the folders that are meant for that.
fn send_file(exchange: &mut Exchange, conf: &Conf, mut head: Head, path: &[u8]) -> Outcome {
    head.fields.remove(X_SENDFILE);
    let missing = |exchange: &Exchange, error: &io::Error| {
        let reason = Reason(error);
        exchange.report(Severity::Error, format_args!("X-Sendfile of \"{}\" failed {reason}", Shown(path)));
        Outcome::Fail(Fault::of(error).status())
    };
    let real = match allowed(&conf.x_sendfile, path) {
        Ok(Some(real)) => real,
        Ok(None) => {
            let what = format_args!("X-Sendfile of \"{}\", which is in no folder of \"cgi_x_sendfile\"", Shown(path));
            exchange.report(Severity::Error, what);
            return Outcome::Fail(Status::BAD_GATEWAY);
        }
        Err(error) => return missing(exchange, &error),
    };
    let file = match exchange.open_shared(&real) {
        Ok(file) if file.status.kind == Kind::Regular => file,
        Ok(_) => return missing(exchange, &io::ErrorKind::NotFound.into()),
        Err(error) => return missing(exchange, &error),
    };
    let mut response = response(head.status.unwrap_or(Status::OK), &head);
    if response.content_type.is_none() {
        response.content_type = exchange.plan.settings.content_type(&real).cloned();
    }
    response.last_modified = Some(file.status.mtime);
    if !response.headers.contains(names::ETAG) {
        response.headers.append(names::ETAG, conditional::etag(file.status.mtime, file.status.len));
    }
    response.headers.remove(names::LAST_MODIFIED);
    response.ranges = true;
    response.body = Body::File(FileSlice { offset: 0, length: file.status.len, file });
    Outcome::Respond(Box::new(response))
}

/// The path without symbolic links, if it is in one of the folders.
fn allowed(folders: &[PathBuf], path: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let path = Path::new(OsStr::from_bytes(path));
    if !path.is_absolute() {
        return Ok(None);
    }
    let real = path.canonicalize()?;
    let within = |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| real.starts_with(folder));
    Ok(folders.iter().any(within).then(|| real.into_os_string().into_vec()))
}

/// 502: the script has ended without a word.
fn silent(exchange: &Exchange, run: Run) -> Outcome {
    exchange.report(Severity::Error, format_args!("CGI script \"{}\" wrote nothing", run.script));
    run.detach(Verdict::Missing);
    Outcome::Fail(Status::BAD_GATEWAY)
}

/// 502: what the script wrote is no answer.
fn not_understood(exchange: &Exchange, run: Run, bad: &BadHead) -> Outcome {
    exchange.report(Severity::Error, format_args!("CGI script \"{}\" cannot be understood: {bad}", run.script));
    run.detach(Verdict::Refused);
    Outcome::Fail(Status::BAD_GATEWAY)
}

/// The answer in place of one that does not come. The script is ended as its `Run` is dropped.
fn given_up(exchange: &mut Exchange, run: &Run, trouble: &Trouble) -> Outcome {
    match trouble {
        Trouble::ClientLeft => client_left(exchange),
        Trouble::Content(error) => exchange.content_failed(error),
        Trouble::TooLong(_) | Trouble::Idle(_) | Trouble::Refused => {
            exchange.report(Severity::Error, format_args!("CGI script \"{}\" {trouble}", run.script));
            Outcome::Fail(Status::GATEWAY_TIMEOUT)
        }
        Trouble::Io(error) => {
            let reason = Reason(error);
            exchange.report(Severity::Crit, format_args!("reading from CGI script \"{}\" failed {reason}", run.script));
            Outcome::Fail(Status::BAD_GATEWAY)
        }
    }
}

/// What a script writes behind its head, up to the length it announced.
struct Output {
    run: Option<Run>,
    /// What came together with the head.
    first: Bytes,
    /// How much is still to come, if that was announced.
    left: Option<u64>,
    /// Somebody wants it.
    wanted: bool,
}

impl Output {
    fn new(run: Run, first: Bytes, left: Option<u64>) -> Self {
        Self { run: Some(run), first, left, wanted: false }
    }

    /// As much of it as was announced.
    fn clipped(&mut self, mut piece: Bytes) -> Chunk {
        if let Some(left) = &mut self.left {
            let length = usize::try_from(*left).map_or(piece.len(), |left| piece.len().min(left));
            piece.truncate(length);
            *left -= length as u64;
        }
        Chunk::Bytes(piece)
    }

    fn end(&mut self) -> Poll<Option<io::Result<Chunk>>> {
        if let Some(run) = self.run.take() {
            run.detach(Verdict::Used);
        }
        Poll::Ready(None)
    }
}

impl Source for Output {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Chunk>>> {
        self.wanted = true;
        let first = std::mem::take(&mut self.first);
        if self.left == Some(0) {
            return self.end();
        }
        if !first.is_empty() {
            return Poll::Ready(Some(Ok(self.clipped(first))));
        }
        let Some(run) = &mut self.run else { return Poll::Ready(None) };
        let mut piece = BytesMut::new();
        match ready!(run.poll_output(context, &mut piece)) {
            Ok(0) => self.end(),
            Ok(_) => Poll::Ready(Some(Ok(self.clipped(piece.freeze())))),
            Err(trouble) => {
                let error = failure(run, trouble);
                self.run = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

impl Drop for Output {
    /// Content that nobody wants (HEAD, 304) is no reason to end a script that may have more to do.
    fn drop(&mut self) {
        if !self.wanted
            && let Some(run) = self.run.take()
        {
            run.detach(Verdict::Used);
        }
    }
}

/// Trouble as the connection understands it.
fn failure(run: &Run, trouble: Trouble) -> io::Error {
    match trouble {
        Trouble::ClientLeft | Trouble::Content(InflowError::Closed | InflowError::Io(_)) => {
            io::ErrorKind::ConnectionAborted.into()
        }
        Trouble::Io(error) => error,
        Trouble::TooLong(_) | Trouble::Idle(_) | Trouble::Refused | Trouble::Content(_) => {
            io::Error::other(format!("CGI script \"{}\" {trouble}", run.script))
        }
    }
}

//! A request without a client: what a routing tree would answer, and by which way.
//!
//! For `explain` and for `expect`. It goes the way of every request: the same decoder, the same choice of server and
//! location, the same handlers, on a worker of its own that serves nobody. What would have an effect (a script, an
//! upload, a log line) is told and not done: handlers see that the exchange has a trace. Opens no socket, and changes
//! nothing of a running server.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use crate::exchange::Exchange;
use crate::exchange::body::Body;
use crate::exchange::client::{Client, ListenerFacts, Peer};
use crate::exchange::intake::answer_request;
use crate::exchange::plan::Plan;
use crate::exchange::request::Request;
use crate::exchange::response::Response;
use crate::exchange::shared_file;
use crate::exchange::trace::{Step, Trace};
use crate::http::Status;
use crate::http::h1::{BadRequest, Decoder, Progress};
use crate::http::headers::names;
use crate::route::tree::{AddressRoutes, Server};
use crate::runtime::{Address, Clock, Handle, Worker};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The method.
    pub method: String,
    /// The target as it stands in a request line: path and query.
    pub target: String,
    /// The value of `Host`.
    pub host: String,
    /// Further fields: name and value.
    pub fields: Vec<(String, String)>,
    /// Who asks.
    pub from: Peer,
}

/// What is answered, and how it came to that.
#[derive(Debug)]
pub struct Answer {
    /// The virtual server that was chosen; none when the request could not be read.
    pub server: Option<Arc<Server>>,
    /// The location that answered in the end; the server's own plan where none did.
    pub plan: Option<Arc<Plan>>,
    /// The way.
    pub steps: Vec<Step>,
    /// The answer's head.
    pub outcome: Outcome,
}

/// What would be sent.
#[derive(Debug)]
pub enum Outcome {
    /// A response; its content is not read.
    Response(Box<Response>),
    /// The connection would be closed without a word.
    Closed,
    /// The request is refused before a location is asked for.
    Malformed(BadRequest),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The system has no descriptors for a poll.
    #[error("cannot make a worker: {0}")]
    Worker(#[from] std::io::Error),
    /// The question is no whole request: a field holds an empty line, for example.
    #[error("the question is no single HTTP request")]
    NoRequest,
    /// A handler waits for something that does not come.
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    TimedOut,
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The head of a question is shorter than any limit an argument or a configuration has.
const HEAD_BYTES_MAX: usize = 1024 * 1024;

/// Asks the virtual servers of an address.
///
/// # Errors
/// When there is no answer at all; a refusal is an answer.
pub fn ask(routes: &Arc<AddressRoutes>, question: &Question) -> Result<Answer, Unanswered> {
    let (mut worker, _mailbox) = Worker::new(Clock::system())?;
    let handle = worker.handle();
    let answered = Rc::new(RefCell::new(None));
    let result = Rc::clone(&answered);
    let (asked, told) = (question.clone(), Arc::clone(routes));
    handle.spawn({
        let handle = handle.clone();
        async move {
            let answer = answer(&handle, &told, &asked).await;
            result.replace(Some(answer));
        }
    });
    let patience = handle.now() + PATIENCE;
    loop {
        let left = patience.saturating_duration_since(handle.now());
        worker.turn(Some(left))?;
        shared_file::end_turn();
        if let Some(answer) = answered.take() {
            return answer;
        }
        if left.is_zero() {
            return Err(Unanswered::TimedOut);
        }
    }
}

async fn answer(handle: &Handle, routes: &AddressRoutes, question: &Question) -> Result<Answer, Unanswered> {
    let mut buffer = question.head();
    if buffer.len() > HEAD_BYTES_MAX {
        return Err(Unanswered::NoRequest);
    }
    let head = match Decoder::new().receive(&mut buffer, &routes.default.reading.limits) {
        Ok(Progress::Head(head)) if buffer.is_empty() => head,
        Ok(_) => return Err(Unanswered::NoRequest),
        Err(error) => {
            return Ok(Answer { server: None, plan: None, steps: Vec::new(), outcome: Outcome::Malformed(error) });
        }
    };
    let (server, captured) = routes.select(head.host.as_ref().map(|host| &*host.name));
    let (uri, args) = (head.target.path(), head.target.query().unwrap_or_default());
    let client = Rc::new(question.client(handle, &routes.address));
    let request = Request::new(head, None);
    let site = Arc::clone(&server);
    let mut exchange = Exchange::new(handle.clone(), client, request, site, (uri, args), handle.now());
    exchange.trace = Some(Rc::default());
    if let Some(captured) = captured {
        exchange.keep_captures(captured);
    }
    let response = answer_request(&mut exchange).await;
    let steps = exchange.trace.as_deref().map(Trace::steps).unwrap_or_default();
    let outcome = response.map_or(Outcome::Closed, Outcome::Response);
    Ok(Answer { server: Some(server), plan: Some(Arc::clone(&exchange.plan)), steps, outcome })
}

impl Question {
    /// The request as it would be on the wire.
    fn head(&self) -> BytesMut {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.host);
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        BytesMut::from(head.as_bytes())
    }

    fn client(&self, handle: &Handle, address: &Address) -> Client {
        let inet = match address {
            Address::Inet(inet) => Some(*inet),
            Address::Unix(_) | Address::Named(_) => None,
        };
        let listener = ListenerFacts { address: address.to_string().into(), inet };
        let client = Client::new(1, self.from, Arc::new(listener), handle.now(), Weak::new());
        client.requests.set(1);
        if let Some(inet) = inet {
            // What the system would say of a connection that came to a wildcard: the address itself is all there is.
            let _first = client.local.set(Box::new(Some(inet)));
        }
        client
    }
}

impl Answer {
    /// The status that the client would see, and the log.
    pub fn status(&self) -> Status {
        match &self.outcome {
            Outcome::Response(response) => response.status,
            Outcome::Closed => Status::CLOSE,
            Outcome::Malformed(error) => error.status(),
        }
    }

    /// Where the client is led, if it is.
    pub fn redirect(&self) -> Option<String> {
        let Outcome::Response(response) = &self.outcome else { return None };
        let location = response.location.as_ref().or_else(|| response.headers.get(names::LOCATION))?;
        Some(String::from_utf8_lossy(location).into_owned())
    }

    /// The file that is the content, if one is.
    pub fn file(&self) -> Option<&str> {
        let Outcome::Response(response) = &self.outcome else { return None };
        matches!(response.body, Body::File(_) | Body::Stream { .. }).then_some(())?;
        let files = self.own_steps().filter_map(|step| match step {
            Step::File { path } => Some(&**path),
            _ => None,
        });
        files.last()
    }

    /// The steps without those of subrequests.
    pub fn own_steps(&self) -> impl Iterator<Item = &Step> {
        let mut depth = 0_usize;
        self.steps.iter().filter(move |step| {
            match step {
                Step::Asks { .. } => depth += 1,
                Step::Answered { .. } => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
    }
}

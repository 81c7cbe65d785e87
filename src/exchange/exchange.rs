//! The Exchange: one request, its one response, and all that is known between them.
//!
//! It knows no protocol and no socket: HTTP/1 has one at a time on a connection, HTTP/2 and 3 have
//! many, a subrequest (`subrequest`) is one without a client of its own. What happens to it in order is in
//! `answer`; here is its state.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::client::{Client, Peer};
use super::family::Family;
use super::limits::Limits;
use super::plan::Plan;
use super::record::Record;
use super::request::Request;
use super::response::Response;
use super::site::Site;
use super::subrequest::Lineage;
use super::trace::{Step, Trace};
use super::variables::Slot;
use crate::base::report::{self, ErrorLog, Severity};
use crate::http::headers::names;
use crate::http::method::Method;
use crate::http::status::Status;
use crate::runtime::Handle;

/// One request on its way to its response.
pub struct Exchange {
    /// The worker it runs on: time, files, children.
    pub handle: Handle,
    /// The connection it came on.
    pub client: Rc<Client>,
    /// What was received.
    pub request: Request,
    /// The method that handlers answer; GET once an error page has taken over from anything but HEAD.
    pub method: Method,
    /// The virtual server.
    pub site: Arc<dyn Site>,
    /// The location that answers now.
    pub plan: Arc<Plan>,
    /// `$uri`: decoded and normalised; changes with internal redirects.
    pub uri: Bytes,
    /// `$args`: as received, without the question mark; changes with internal redirects.
    pub args: Bytes,
    /// `$host`: the name the client asked for, in lower case and without port; the server's name
    /// when it gave none.
    pub host: Bytes,
    /// What regular expressions captured.
    pub captures: Captures,
    /// The user whose password an access check has found right; `$remote_user` is only what the client says.
    pub user: Option<Bytes>,
    /// Whether an internal redirect or an error page led here; `internal` locations ask.
    pub internal: bool,
    /// Where it was routed again, in order: URIs, and names of locations. At most `REROUTES_MAX`.
    pub trail: Vec<Bytes>,
    /// What error pages have made of it.
    pub error: ErrorState,
    /// `try_files` found a file by putting the URI behind an `alias` that stands for the whole path.
    pub uri_behind_alias: bool,
    /// `$limit_rate`: how many bytes a second the client is sent at most, 0 being no limit. None until it is set, or the
    /// response is sent.
    pub limit_rate: Option<u64>,
    /// When its first byte was read.
    pub started: Instant,
    /// When its first byte was read, on the wall.
    pub started_wall: SystemTime,
    /// What was sent, for logs.
    pub record: Record,
    /// Where its steps are told, if somebody asked for them: then it is a rehearsal, without a client, and handlers must
    /// have no effect outside of it.
    pub trace: Option<Rc<Trace>>,
    /// Of a subrequest: what it knows of the request that it is a part of.
    pub(super) lineage: Option<Box<Lineage>>,
    /// What it shares with its subrequests; made when something is first put into it.
    pub(super) family: OnceCell<Rc<Family>>,
    /// What `once` has computed.
    known: RefCell<Vec<(&'static str, Option<Bytes>)>>,
}

/// What error pages have made of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorState {
    /// The status that the final response has instead of its own.
    pub status: Option<Status>,
    /// An error page is answering; without `recursive_error_pages` there is no further one.
    pub in_error_page: bool,
    /// Where a redirect leads whose status has an error page.
    pub location: Option<Bytes>,
    /// The methods that `Allow` names beside a 405.
    pub allow: Option<Bytes>,
    /// The fields `WWW-Authenticate` of the response, in order: what a client may answer a 401 with.
    pub challenges: Vec<Bytes>,
    /// What `Content-Range` says beside a 416.
    pub content_range: Option<Bytes>,
    /// What `Retry-After` says beside a 503: seconds.
    pub retry_after: Option<u32>,
    /// A filter refuses the response (412, 416): this status is answered in its place, as if a
    /// handler had failed with it.
    pub refused: Option<Status>,
    /// The content was refused for its length; what answers that is not refused for it again.
    pub too_large: bool,
    /// The connection ends with the response, whichever page that is in the end.
    pub close: bool,
}

impl ErrorState {
    /// Adds a challenge to the response (RFC 9110 section 11.6.1), once: an error page may meet the same check again.
    pub fn challenge(&mut self, challenge: Bytes) {
        if !self.challenges.contains(&challenge) {
            self.challenges.push(challenge);
        }
    }
}

/// The groups of the regular expression that matched last. One may match while a value is computed (`map`), when the
/// exchange is only looked at.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    last: RefCell<Option<Captured>>,
}

/// What one match captured.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The text that was matched.
    pub subject: Bytes,
    /// The groups, 0 being the whole match, as byte ranges of the subject.
    pub groups: Vec<Option<Range<usize>>>,
    /// Which groups have a name, and its slot.
    pub names: Arc<[(usize, Slot)]>,
}

impl Captured {
    /// The text of a group.
    pub fn group(&self, group: usize) -> Option<Bytes> {
        let range = self.groups.get(group)?.clone()?;
        (range.end <= self.subject.len()).then(|| self.subject.slice(range))
    }
}

impl Captures {
    /// The text of group `group` of the last match.
    pub fn group(&self, group: usize) -> Option<Bytes> {
        self.last.borrow().as_ref()?.group(group)
    }
}

impl Exchange {
    /// An exchange for a request that was just received; `answer` takes it from here.
    pub fn new(
        handle: Handle,
        client: Rc<Client>,
        request: Request,
        site: Arc<dyn Site>,
        (uri, args): (Bytes, Bytes),
        started: Instant,
    ) -> Self {
        let plan = Arc::clone(site.plan());
        let host = match &request.head.host {
            Some(host) if !host.name.is_empty() => host.name.clone(),
            _ => site.name().clone(),
        };
        let started_wall = handle.wall();
        let record = Record { connection_requests: client.requests.get(), ..Record::default() };
        Self {
            method: request.head.method.clone(),
            handle,
            client,
            request,
            site,
            plan,
            uri,
            args,
            host,
            captures: Captures::default(),
            user: None,
            internal: false,
            trail: Vec::new(),
            error: ErrorState::default(),
            uri_behind_alias: false,
            limit_rate: None,
            started,
            started_wall,
            record,
            trace: None,
            lineage: None,
            family: OnceCell::new(),
            known: RefCell::default(),
        }
    }

    /// Keeps what a regular expression captured: its groups until the next match, its named groups for good; one that
    /// took no part in the match is empty.
    pub fn keep_captures(&self, captured: Captured) {
        for (group, slot) in captured.names.iter() {
            self.family().values.set(*slot, Some(captured.group(*group).unwrap_or_default()));
        }
        self.captures.last.replace(Some(captured));
    }

    /// The value of a variable that the configuration defines: what it was given last, else what its definition
    /// computes, which then stays for the request and all its subrequests unless it is volatile.
    pub fn slot(&self, slot: Slot) -> Option<Bytes> {
        if let Some(known) = self.family.get().and_then(|family| family.values.known(slot)) {
            return known;
        }
        let definition = self.site.definitions().get(slot)?;
        self.family().values.compute(slot, definition, self)
    }

    /// Gives a variable that the configuration defines a value for the rest of the request and all its subrequests,
    /// whatever its definition.
    pub fn set_slot(&mut self, slot: Slot, value: Bytes) {
        self.family().values.set(slot, Some(value));
    }

    /// `$request_id`: 32 hexadecimal digits from 16 random bytes, the same for a request and all its subrequests.
    pub fn id(&self) -> &str {
        self.family().id()
    }

    /// Whether it is a subrequest: an exchange without a client of its own.
    pub fn is_subrequest(&self) -> bool {
        self.lineage.is_some()
    }

    /// `$request_method`: that of the client's request, also for its subrequests.
    pub fn main_method(&self) -> &Method {
        self.lineage.as_ref().map_or(&self.method, |lineage| &lineage.main_method)
    }

    /// What limits have made of it and its subrequests.
    pub fn limits(&self) -> &Limits {
        &self.family().limits
    }

    /// Gives back the places that limits counted: it is over, and only its record is still needed.
    pub fn release_limits(&self) {
        if let Some(family) = self.family.get() {
            family.limits.release();
        }
    }

    pub(super) fn family(&self) -> &Rc<Family> {
        self.family.get_or_init(Rc::default)
    }

    /// The error log: for a subrequest that of the client's request, as in nginx.
    pub(super) fn error_log(&self) -> &Arc<ErrorLog> {
        self.lineage.as_ref().map_or(&self.plan.settings.error_log, |lineage| &lineage.error_log)
    }

    /// Computes something from variables that show a response (`$status`, `$sent_http_name`) as it is so far, before
    /// it is sent.
    pub fn showing<T>(&mut self, response: &mut Response, compute: impl FnOnce(&Self) -> T) -> T {
        let blank = Response::new(response.status);
        self.record.response = Some(Box::new(std::mem::replace(response, blank)));
        let computed = compute(self);
        if let Some(shown) = self.record.response.take() {
            *response = *shown;
        }
        computed
    }

    /// Tells a step of the way to whoever asked for it; `step` is called only then.
    pub fn tell(&self, step: impl FnOnce() -> Step) {
        if let Some(trace) = &self.trace {
            trace.tell(step());
        }
    }

    /// The value of a variable that the settings of the location decide (`PlanBuilder::value`), computed when it is
    /// first read; as in nginx it stays what it was, wherever the exchange is routed later. None when it has no value,
    /// or nothing was set.
    pub fn location_value(&self, name: &'static str) -> Option<Bytes> {
        if let Some(known) = self.known(name) {
            return known;
        }
        let value = self.plan.value(name)?;
        self.once(name, || value.value(self))
    }

    /// What `compute` gave when it was first asked for under this name; a module's way to do something once for the
    /// whole exchange.
    pub fn once(&self, name: &'static str, compute: impl FnOnce() -> Option<Bytes>) -> Option<Bytes> {
        if let Some(known) = self.known(name) {
            return known;
        }
        // Not borrowed meanwhile: one value may need another.
        let value = compute();
        self.known.borrow_mut().push((name, value.clone()));
        value
    }

    fn known(&self, name: &str) -> Option<Option<Bytes>> {
        self.known.borrow().iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    /// Writes to the error log of the location, with what nginx tells of a request: connection,
    /// client, server, request line, subrequest, host.
    pub fn report(&self, severity: Severity, message: fmt::Arguments<'_>) {
        if let Some(trace) = &self.trace {
            return trace.note(format_args!("[{}] {message}", severity.name()), None);
        }
        let log = self.error_log();
        if log.enabled(severity) {
            report::report_to(log, severity, format_args!("*{} {message}{}", self.client.number, About(self)));
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Exchange({} {:?} in {:?})", self.client.number, self.uri, self.plan.name)
    }
}

/// The tail of an error log line.
pub(super) struct About<'a>(pub(super) &'a Exchange);

impl fmt::Display for About<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exchange = self.0;
        let head = &exchange.request.head;
        match exchange.client.peer {
            Peer::Inet(address) => write!(formatter, ", client: {}", address.ip())?,
            Peer::Unix => formatter.write_str(", client: unix:")?,
        }
        write!(formatter, ", server: {}", Shown(exchange.site.name()))?;
        write!(formatter, ", request: \"{}\"", Shown(&head.request_line))?;
        if exchange.is_subrequest() {
            write!(formatter, ", subrequest: \"{}\"", Shown(&exchange.uri))?;
        }
        if let Some(host) = head.headers.get(names::HOST) {
            write!(formatter, ", host: \"{}\"", Shown(host))?;
        }
        match head.headers.get(names::REFERER) {
            Some(referrer) => write!(formatter, ", referrer: \"{}\"", Shown(referrer)),
            None => Ok(()),
        }
    }
}

/// Bytes from a peer as text that cannot break a log line: quotes and control bytes are escaped.
#[derive(Debug)]
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '"' | '\\' => write!(formatter, "\\{character}")?,
                    character if character.is_control() => write!(formatter, "\\x{:02X}", character as u32)?,
                    character => write!(formatter, "{character}")?,
                }
            }
            for byte in chunk.invalid() {
                write!(formatter, "\\x{byte:02X}")?;
            }
        }
        Ok(())
    }
}

//! Exchanges for tests: a request's text and a plan become an [`Exchange`] on a worker whose clock stands still.
//!
//! Used by the tests of variables and modules. Nothing here touches a socket; what needs one is tested in `tests/`.

use std::cell::Cell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::Exchange;
use super::body::{Inflow, InflowError};
use super::client::{Client, ListenerFacts};
use super::definitions::Definitions;
use super::known_settings::KnownSettings;
use super::plan::{Plan, PlanBuilder};
use super::request::Request;
use super::site::{Located, Site};
use super::template::Template;
use crate::http::Headers;
use crate::http::h1::{Decoder, Limits, Progress};
use crate::http::target::normalise;
use crate::runtime::{Clock, Handle, Peer, Worker};

/// A worker for exchanges, and the clock they see. The clock starts at Sun, 06 Nov 1994 08:49:37 GMT.
pub(crate) struct Bench {
    /// Moves the time; exchanges see it after [`Bench::turn`].
    pub(crate) clock: Clock,
    worker: Worker,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = Clock::manual();
        let (worker, _mailbox) = Worker::new(clock.clone()).expect("the system gives a poll");
        Self { clock, worker }
    }

    pub(crate) fn handle(&self) -> Handle {
        self.worker.handle()
    }

    /// One turn of the worker: it reads the clock.
    pub(crate) fn turn(&mut self) {
        self.worker.turn(Some(std::time::Duration::ZERO)).expect("the poll works");
    }

    /// An exchange in a location with nginx's default settings, at the server `example.org`.
    pub(crate) fn exchange(&self, request: &str) -> Exchange {
        self.exchange_in(PlanBuilder::new("/"), request)
    }

    /// An exchange at a server that defines variables.
    pub(crate) fn exchange_defining(&self, definitions: Definitions, request: &str) -> Exchange {
        self.exchange_at(PlanBuilder::new("/"), definitions, request)
    }

    /// An exchange in the location that `plan` describes. The request is a whole head with its empty line; the client
    /// is 192.0.2.7:4321, the server's end 198.51.100.1:8080, the connection number 5.
    pub(crate) fn exchange_in(&self, plan: PlanBuilder, request: &str) -> Exchange {
        self.exchange_at(plan, Definitions::default(), request)
    }

    fn exchange_at(&self, plan: PlanBuilder, definitions: Definitions, request: &str) -> Exchange {
        let mut buffer = BytesMut::from(request);
        let Ok(Progress::Head(head)) = Decoder::new().receive(&mut buffer, &Limits::default()) else {
            panic!("expected a whole request head, found {request:?}")
        };
        let handle = self.worker.handle();
        let (plan, name) =
            (Arc::new(plan.finish(None, &mut KnownSettings::default())), Bytes::from_static(b"example.org"));
        let site = Arc::new(OneLocation { plan, name, definitions });
        let uri = Bytes::from(normalise(&head.target.path(), true).expect("the test asks for a path"));
        let args = head.target.query().unwrap_or_default();
        let listener = ListenerFacts {
            address: "198.51.100.1:8080".into(),
            inet: Some(SocketAddr::from(([198, 51, 100, 1], 8080))),
        };
        let peer = Peer::Inet(SocketAddr::from(([192, 0, 2, 7], 4321)));
        let client = Client::new(5, peer, Arc::new(listener), handle.now(), Weak::new());
        client.requests.set(1);
        let length = head.head_bytes as u64;
        let started = handle.now();
        let request = Request::new(head, None);
        let mut exchange = Exchange::new(handle, Rc::new(client), request, site, (uri, args), started);
        exchange.record.request_bytes = length;
        exchange
    }
}

/// A template of the core's variables.
pub(crate) fn template(text: &str) -> Template {
    Template::compile(text, super::core_variables::resolve).expect("the test uses variables of the core")
}

/// What a template comes to for an exchange, as text.
pub(crate) fn rendered(text: &str, exchange: &Exchange) -> String {
    String::from_utf8_lossy(&template(text).render(exchange)).into_owned()
}

/// A virtual server with one location for everything.
#[derive(Debug)]
struct OneLocation {
    plan: Arc<Plan>,
    name: Bytes,
    definitions: Definitions,
}

impl Site for OneLocation {
    fn locate(&self, _path: &[u8]) -> Located {
        Located { plan: Arc::clone(&self.plan), captured: None, redirect_to_slash: false }
    }

    fn named(&self, _name: &str) -> Option<Arc<Plan>> {
        None
    }

    fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    fn name(&self) -> &Bytes {
        &self.name
    }

    fn merge_slashes(&self) -> bool {
        true
    }

    fn definitions(&self) -> &Definitions {
        &self.definitions
    }
}

/// Content for a request: these pieces, each after a wait, and then the end or a failure.
pub(crate) struct Pieces {
    pieces: VecDeque<Bytes>,
    failure: Option<InflowError>,
    waited: bool,
    trailers: Headers,
    meter: Rc<Cell<u64>>,
}

impl Pieces {
    pub(crate) fn of(pieces: &[&'static str]) -> Self {
        let pieces = pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect();
        Self { pieces, failure: None, waited: false, trailers: Headers::new(), meter: Rc::default() }
    }

    pub(crate) fn failing(pieces: &[&'static str], failure: InflowError) -> Self {
        Self { failure: Some(failure), ..Self::of(pieces) }
    }
}

impl Inflow for Pieces {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, InflowError>>> {
        self.waited = !self.waited;
        if self.waited {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = self.pieces.pop_front();
        self.meter.set(self.meter.get() + piece.as_ref().map_or(0, |piece| piece.len() as u64));
        Poll::Ready(piece.map(Ok).or_else(|| self.failure.take().map(Err)))
    }

    fn trailers(&self) -> &Headers {
        &self.trailers
    }

    fn set_limits(&mut self, _bytes_max: Option<u64>, _timeout: Duration) {}

    fn meter(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.meter)
    }
}

//! A Plan: everything a location does to a request, finished at load.
//!
//! Modules put their objects (handlers, filters, loggers) and settings in while the configuration
//! is built; a request only walks over them: no look-up, no merging, no downcast. A Plan is
//! immutable and shared by all workers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::exchange::Exchange;
use super::known_settings::KnownSettings;
use super::response::Response;
use super::settings::Settings;
use super::variables::Computed;
use crate::http::method::Method;
use crate::http::status::Status;

/// What one location does, in order.
#[derive(Debug)]
pub struct Plan {
    /// How the location was written, for messages and `explain` (`= /x`, `~ \.php$`, `@name`;
    /// empty for the server itself).
    pub name: Box<str>,
    /// Where it was written: the number of a file, and an offset in it; for `explain`.
    pub written_at: Option<(u32, u32)>,
    /// What modules configured that more than one part reads; shared by the plans whose settings are the same.
    pub settings: Arc<Settings>,
    /// Handlers in the order of their stages, and within a stage of `modules/mod.rs`.
    pub handlers: Box<[Box<dyn Handler>]>,
    /// Handlers of the stage `PostRead`; those of the server itself are run.
    pub post_read: Box<[Box<dyn Handler>]>,
    /// The stage of each handler.
    pub stages: Box<[Stage]>,
    /// How many handlers at the start are of the stage `Rewrite`.
    pub rewrite_handlers: usize,
    /// Filters in the order in which they see a response.
    pub filters: Box<[Box<dyn Filter>]>,
    /// Told of each finished exchange.
    pub loggers: Box<[Box<dyn Logger>]>,
    /// What variables come to here whose value the location's settings decide; see [`Plan::value`].
    pub values: Box<[(&'static str, Box<dyn Computed>)]>,
    /// Another plan for methods that `limit_except` does not name.
    pub except: Option<Except>,
}

impl Plan {
    /// How a variable of a module is computed in this location, if its settings say so. Asked only when the variable is
    /// read (`Exchange::location_value`); there are few, so they are gone through.
    pub fn value(&self, name: &str) -> Option<&dyn Computed> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }
}

/// `limit_except`: all methods but these go another way.
#[derive(Debug)]
pub struct Except {
    /// The methods that keep the location's own plan.
    pub methods: Box<[Method]>,
    /// The plan for all others.
    pub plan: Arc<Plan>,
}

/// When a handler has its turn; nginx's phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before anything else, once for a request, by the settings of the server: who the client is.
    PostRead,
    /// `return`, `rewrite`, `set`, `if`: before access is looked at, as in nginx.
    Rewrite,
    /// Limits.
    PreAccess,
    /// Who may: `allow`, `deny`, passwords; what its handlers say together is up to `satisfy`. Not asked for subrequests:
    /// the client has passed those of its own request.
    Access,
    /// `try_files`.
    PreContent,
    /// What answers: CGI, uploads, `index`, `autoindex`, static files.
    Content,
}

/// A step in answering a request.
pub trait Handler: Send + Sync + fmt::Debug {
    /// The name of its module, for `explain`.
    fn module(&self) -> &'static str {
        module_of(std::any::type_name::<Self>())
    }

    /// Looks at the exchange and decides how it goes on.
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a>;
}

/// A handler's answer: at once, or awaited. Only what really waits pays for an allocation.
pub enum Handling<'a> {
    /// Decided without waiting.
    Done(Outcome),
    /// Must wait for something (a child, an upstream, a body).
    Later(Pin<Box<dyn Future<Output = Outcome> + 'a>>),
}

impl From<Outcome> for Handling<'_> {
    fn from(outcome: Outcome) -> Self {
        Self::Done(outcome)
    }
}

/// How an exchange goes on after a handler.
#[derive(Debug)]
pub enum Outcome {
    /// The next handler has its turn.
    Next,
    /// A check of the stage `Access` lets the request pass; with `satisfy any` the others are not asked. Of any other
    /// handler it says no more than `Next`.
    Granted,
    /// This is the response; filters see it, error pages do not replace it.
    Respond(Box<Response>),
    /// This status, by `error_page` where one is set for it, else by the built-in page.
    Fail(Status),
    /// A redirect to this place (`Location`), by `error_page` where one is set for its status.
    RedirectTo {
        /// 301, 302, 303, 307 or 308.
        status: Status,
        /// The target as the handler means it: absolute, or a path that is made absolute as
        /// `absolute_redirect` says.
        location: Bytes,
    },
    /// Route the same exchange again, to another URI of this server (nginx's internal redirect).
    Reroute {
        /// The new `$uri`: decoded and normalised.
        uri: Bytes,
        /// The new `$args`.
        args: Bytes,
    },
    /// The exchange's URI was changed: choose the location again, without the server's own rewrite handlers. Of
    /// those themselves it says no more than `Next`, for a location is chosen behind them anyway.
    Relocate,
    /// Route the same exchange to the location `@name`; URI and arguments stay.
    Named(Arc<str>),
    /// End the connection without a word (nginx's 444). Logs show the status that the handler left in the exchange's
    /// record, else 444.
    Close,
}

/// Changes a response on its way out. Filters run in the order of `modules/mod.rs`; one that must
/// see or change the content wraps the body.
pub trait Filter: Send + Sync + fmt::Debug {
    /// Changes the response, or leaves it.
    fn apply(&self, exchange: &mut Exchange, response: &mut Response);

    /// Whether it changes the responses of subrequests too. Most are about the answer to the client: its conditions,
    /// its fields, its ranges. Those that change content, wherever it goes, say yes.
    fn is_for_subrequests(&self) -> bool {
        false
    }
}

/// Writes a finished exchange down.
pub trait Logger: Send + Sync + fmt::Debug {
    /// Called once per exchange, after its last byte was sent or given up.
    fn log(&self, exchange: &Exchange);
}

/// `webserv::modules::root::Handler` is of `root`.
fn module_of(type_name: &'static str) -> &'static str {
    let behind = type_name.split_once("::modules::").map_or(type_name, |(_, behind)| behind);
    behind.split("::").next().unwrap_or(behind)
}

/// A Plan while it is built: what a module's `install` is given.
#[derive(Debug)]
pub struct PlanBuilder {
    /// How the location was written.
    pub name: Box<str>,
    /// Where it was written: the number of a file, and an offset in it.
    pub written_at: Option<(u32, u32)>,
    /// Set by modules, read by everybody.
    pub settings: Settings,
    /// The plans of the location's `if` blocks, in order; they are finished before its own. None for a server,
    /// whose `if` blocks set nothing.
    pub conditionals: Vec<Arc<Plan>>,
    handlers: Vec<(Stage, Box<dyn Handler>)>,
    filters: Vec<Box<dyn Filter>>,
    loggers: Vec<Box<dyn Logger>>,
    values: Vec<(&'static str, Box<dyn Computed>)>,
}

impl PlanBuilder {
    /// An empty plan for the location `name`.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self {
            name: name.into(),
            written_at: None,
            settings: Settings::default(),
            conditionals: Vec::new(),
            handlers: Vec::new(),
            filters: Vec::new(),
            loggers: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Adds a handler behind those of its stage.
    pub fn handler(&mut self, stage: Stage, handler: impl Handler + 'static) {
        self.handlers.push((stage, Box::new(handler)));
    }

    /// Adds a filter behind the others.
    pub fn filter(&mut self, filter: impl Filter + 'static) {
        self.filters.push(Box::new(filter));
    }

    /// Adds a logger.
    pub fn logger(&mut self, logger: impl Logger + 'static) {
        self.loggers.push(Box::new(logger));
    }

    /// Says how the variable `name` of a module is computed in this location; the variable's getter asks for it by
    /// `Exchange::location_value`.
    pub fn value(&mut self, name: &'static str, value: impl Computed + 'static) {
        self.values.push((name, Box::new(value)));
    }

    /// The finished plan; its settings are the object of an earlier one, if that has the same.
    pub fn finish(mut self, except: Option<Except>, known: &mut KnownSettings) -> Plan {
        self.handlers.sort_by_key(|(stage, _)| *stage);
        let post_read = self.handlers.partition_point(|(stage, _)| *stage == Stage::PostRead);
        let post_read = self.handlers.drain(..post_read).map(|(_, handler)| handler).collect();
        Plan {
            name: self.name,
            written_at: self.written_at,
            settings: known.share(self.settings),
            post_read,
            stages: self.handlers.iter().map(|(stage, _)| *stage).collect(),
            rewrite_handlers: self.handlers.iter().filter(|(stage, _)| *stage == Stage::Rewrite).count(),
            handlers: self.handlers.into_iter().map(|(_, handler)| handler).collect(),
            filters: self.filters.into_boxed_slice(),
            loggers: self.loggers.into_boxed_slice(),
            values: self.values.into_boxed_slice(),
            except,
        }
    }
}

//! How many at once: `limit_conn_zone`, `limit_conn` and what belongs to them.
//!
//! A handler of the stage `PreAccess`, behind that of request limits as in nginx. What is counted lies in named zones
//! that all workers share and that outlive a reload (`counter`).

mod counter;

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use counter::{Counters, Refused};

use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::{Build, ServerBuilder};
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::config::zones::ZoneDefinition;
use crate::exchange::limits::{self, Verdict};
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::template::Template;
use crate::exchange::trace::Trace;
use crate::exchange::variables::{Variable, VariableKind, append};
use crate::exchange::{Exchange, Shown};
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct LimitConn;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    zones: Rc<Vec<DefinedZone>>,
    limits: Rc<Limits>,
    status: Status,
    severity: Severity,
    dry_run: bool,
}

impl Default for Conf {
    fn default() -> Self {
        Self {
            zones: Rc::default(),
            limits: Rc::default(),
            status: Status::SERVICE_UNAVAILABLE,
            severity: Severity::Error,
            dry_run: false,
        }
    }
}

/// One `limit_conn_zone`.
#[derive(Clone, Debug)]
struct DefinedZone {
    definition: ZoneDefinition,
    key: Template,
}

/// The `limit_conn` of a block, shared by the blocks in it that have none.
#[derive(Debug, Default)]
struct Limits {
    written: Vec<WrittenLimit>,
    /// With their zones, once a plan has asked.
    resolved: OnceCell<Arc<[Limit]>>,
}

/// One `limit_conn`.
#[derive(Clone, Debug)]
struct WrittenLimit {
    zone: Box<str>,
    place: Place,
    max: u32,
}

const KIND: &str = "limit_conn_zone";

impl Module for LimitConn {
    type Conf = Conf;

    const NAME: &'static str = "limit_conn";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: KIND,
            contexts: Contexts::HTTP,
            args: Shape::exactly(2, "KEY zone=NAME:SIZE"),
            repeat: Repeat::Many,
            set: define_zone,
            default: "",
            doc: "Defines a zone in which `limit_conn` counts the requests of each KEY that are under way: a text with \
                  variables. Requests whose key is empty are not counted. The SIZE limits the memory (32k at least): one \
                  megabyte holds about 17 thousand keys of up to 26 bytes at the same time; a longer key takes 56 bytes more \
                  for each further 26. When the zone is full, requests with further keys are refused. All workers count in \
                  the same zone, and it goes on counting over a reload, with another size as far as the entries fit. With \
                  another key it begins anew, which the log says (nginx refuses such a reload).",
            example: "limit_conn_zone $binary_remote_addr zone=addr:10m;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "limit_conn",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::exactly(2, "ZONE NUMBER"),
            repeat: Repeat::Many,
            set: add_limit,
            default: "",
            doc: "How many requests with the same key may be under way at the same time, up to 65535. One more is answered \
                  with `limit_conn_status`. A request is under way from its head to the last byte of its answer; a \
                  connection without one is not counted. Several limits may stand together. A block without `limit_conn` \
                  has those of the block around it. A request is counted once, wherever redirects lead it.",
            example: "limit_conn addr 10;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "limit_conn_status",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("CODE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.status = arguments.error_status(0)?;
                Ok(())
            },
            default: "503",
            doc: "The status, from 400 to 599, of requests that `limit_conn` refuses.",
            example: "limit_conn_status 429;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "limit_conn_log_level",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("info | notice | warn | error"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.severity = arguments.choice(0, &LEVELS)?;
                Ok(())
            },
            default: "error",
            doc: "How severe a refused request is for the error log.",
            example: "limit_conn_log_level warn;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "limit_conn_dry_run",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.dry_run = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether requests are counted and logged only, and none is refused.",
            example: "limit_conn_dry_run on;",
            origin: Origin::Nginx,
        },
    ];

    const VARIABLES: &'static [Variable] = &[Variable {
        name: "limit_conn_status",
        kind: VariableKind::Single,
        get: |exchange, _member, out| {
            append(exchange.limits().connections.get().map(|verdict| verdict.name().as_bytes()), out)
        },
        doc: "What `limit_conn` made of the request: `PASSED`, `REJECTED` or `REJECTED_DRY_RUN`.",
    }];

    /// Zones exist once they are defined, so that one which is not used for a while goes on counting.
    fn server(conf: &Conf, _server: &mut ServerBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        for zone in conf.zones.iter() {
            build.zone(&zone.definition, Counters::with_bytes)?;
        }
        Ok(())
    }

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if conf.limits.written.is_empty() {
            return Ok(());
        }
        let limits = match conf.limits.resolved.get() {
            Some(resolved) => Arc::clone(resolved),
            None => {
                let resolved = conf.resolve(build)?;
                Arc::clone(conf.limits.resolved.get_or_init(|| resolved))
            }
        };
        let limiter = Limiter { limits, status: conf.status, severity: conf.severity, dry_run: conf.dry_run };
        plan.handler(Stage::PreAccess, limiter);
        Ok(())
    }
}

impl Conf {
    /// The limits with their zones.
    fn resolve(&self, build: &mut Build<'_>) -> Result<Arc<[Limit]>, Diagnostic> {
        let mut resolved = Vec::new();
        for limit in &self.limits.written {
            let Some(zone) = self.zones.iter().find(|zone| zone.definition.name == limit.zone) else {
                let definition = format!("{KIND} $binary_remote_addr zone={}:10m;", limit.zone);
                return Err(build.unknown_zone(KIND, &limit.zone, limit.place, &definition));
            };
            resolved.push(Limit {
                name: limit.zone.clone(),
                written_key: zone.definition.key.clone(),
                counters: build.zone(&zone.definition, Counters::with_bytes)?,
                key: zone.key.clone(),
                max: limit.max,
            });
        }
        Ok(resolved.into())
    }
}

fn define_zone(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let key = arguments.template(0)?;
    if !arguments.word(1).starts_with("zone=") {
        return Err(arguments.invalid_parameter(1, []).label("expected `zone=NAME:SIZE`"));
    }
    let definition = ZoneDefinition::parse(arguments, 1, KIND, arguments.word(0))?;
    if let Some(first) = conf.zones.iter().find(|zone| zone.definition.name == definition.name) {
        return Err(first.definition.defined_again(&definition));
    }
    Rc::make_mut(&mut conf.zones).push(DefinedZone { definition, key });
    Ok(())
}

fn add_limit(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let (zone, number) = (arguments.word(0), arguments.word(1));
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let max = number.parse::<u16>().ok().filter(|max| digits && *max > 0).ok_or_else(|| {
        let error = arguments.error(1, format!("invalid number of connections \"{number}\""));
        error.label("expected a number from 1 to 65535")
    })?;
    let mut written = match arguments.first_in_block() {
        true => Vec::new(),
        false => conf.limits.written.clone(),
    };
    let place = arguments.place(0);
    if let Some(first) = written.iter().find(|limit| *limit.zone == *zone) {
        let error = Diagnostic::error(place, format!("zone \"{zone}\" limits the connections of this block already"));
        return Err(error.related(first.place, "first here"));
    }
    written.push(WrittenLimit { zone: zone.into(), place, max: max.into() });
    conf.limits = Rc::new(Limits { written, resolved: OnceCell::new() });
    Ok(())
}

/// One `limit_conn`, with what its zone says.
#[derive(Debug)]
struct Limit {
    /// The zone's name.
    name: Box<str>,
    counters: Arc<Counters>,
    key: Template,
    /// The key as it was written.
    written_key: Box<str>,
    max: u32,
}

/// The limits of a location.
#[derive(Debug)]
struct Limiter {
    limits: Arc<[Limit]>,
    /// Of what is refused.
    status: Status,
    severity: Severity,
    dry_run: bool,
}

impl Handler for Limiter {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        if exchange.limits().connections.get().is_some() {
            return Outcome::Next.into();
        }
        if let Some(trace) = &exchange.trace {
            self.tell(exchange, trace);
            return Outcome::Next.into();
        }
        // What was entered is left again when a later limit refuses.
        let mut places = Vec::new();
        for limit in self.limits.iter() {
            let key = limit.key.render(exchange);
            if key.is_empty() || !limit.accepts(&key, exchange) {
                continue;
            }
            match limit.counters.enter(&key, limit.max) {
                Ok(place) => places.push(place),
                Err(refused) => return self.refuse(exchange, limit, refused).into(),
            }
        }
        if !places.is_empty() {
            exchange.limits().connections.set(Some(Verdict::Passed));
        }
        for place in places {
            exchange.limits().hold(place);
        }
        Outcome::Next.into()
    }
}

impl Limiter {
    /// What is said of a rehearsal, which is not counted: it must not take a client's place.
    fn tell(&self, exchange: &Exchange, trace: &Trace) {
        for limit in self.limits.iter() {
            let (zone, max, key) = (&limit.name, limit.max, limit.key.render(exchange));
            if key.is_empty() {
                trace.note(format_args!("not limited by zone \"{zone}\": its key is empty"), None);
            } else {
                let key = Shown(&key);
                let message = format_args!("at most {max} at once with the key \"{key}\", by zone \"{zone}\"");
                trace.note(message, None);
            }
        }
    }

    fn refuse(&self, exchange: &mut Exchange, limit: &Limit, why: Refused) -> Outcome {
        let zone = &limit.name;
        match why {
            Refused::Limit => {
                let dry_run = if self.dry_run { ", dry run," } else { "" };
                let message = format_args!("limiting connections{dry_run} by zone \"{zone}\"");
                exchange.report(self.severity, message);
            }
            Refused::NoRoom => exchange.report(Severity::Crit, format_args!("no memory in limit_conn_zone \"{zone}\"")),
        }
        if self.dry_run {
            exchange.limits().connections.set(Some(Verdict::RejectedDryRun));
            return Outcome::Next;
        }
        exchange.limits().connections.set(Some(Verdict::Rejected));
        Outcome::Fail(self.status)
    }
}

impl Limit {
    fn accepts(&self, key: &[u8], exchange: &Exchange) -> bool {
        limits::accepts_key(exchange, key, &self.written_key, KEY_BYTES_MAX)
    }
}

/// nginx's.
const KEY_BYTES_MAX: usize = 255;

const LEVELS: [(&str, Severity); 4] =
    [("info", Severity::Info), ("notice", Severity::Notice), ("warn", Severity::Warn), ("error", Severity::Error)];

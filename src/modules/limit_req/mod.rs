//! How often: `limit_req_zone`, `limit_req` and what belongs to them.
//!
//! A handler of the stage `PreAccess`. What is counted lies in named zones that all workers share and that outlive a
//! reload (`bucket`); this file reads the directives, `handler` judges requests.

mod bucket;
mod handler;

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bucket::{Buckets, REQUEST};
use handler::{Limit, Limiter};

use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::{Build, ServerBuilder};
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::config::zones::ZoneDefinition;
use crate::exchange::plan::{PlanBuilder, Stage};
use crate::exchange::template::Template;
use crate::exchange::variables::{Variable, VariableKind, append};
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct LimitReq;

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

/// One `limit_req_zone`.
#[derive(Clone, Debug)]
struct DefinedZone {
    definition: ZoneDefinition,
    key: Template,
    /// Thousandths of a request in a second.
    rate: u64,
}

/// The `limit_req` of a block, shared by the blocks in it that have none.
#[derive(Debug, Default)]
struct Limits {
    written: Vec<WrittenLimit>,
    /// With their zones, once a plan has asked.
    resolved: OnceCell<Arc<[Limit]>>,
}

/// One `limit_req`.
#[derive(Clone, Debug)]
struct WrittenLimit {
    zone: Box<str>,
    place: Place,
    /// In thousandths of a request.
    burst: u64,
    delay: u64,
}

const KIND: &str = "limit_req_zone";

impl Module for LimitReq {
    type Conf = Conf;

    const NAME: &'static str = "limit_req";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: KIND,
            contexts: Contexts::HTTP,
            args: Shape::exactly(3, "KEY zone=NAME:SIZE rate=RATE"),
            repeat: Repeat::Many,
            set: define_zone,
            default: "",
            doc: "Defines a zone in which `limit_req` counts the requests of each KEY: a text with variables. Requests whose \
                  key is empty are not counted. The RATE is so many requests in a second (`10r/s`) or in a minute (`30r/m`). \
                  The SIZE limits the memory (32k at least): one megabyte holds about 16 thousand keys of up to 26 bytes; \
                  a longer key takes 64 bytes more for each further 26. When the zone is full, the keys that were used least \
                  recently are forgotten. All workers count in the same zone, and it goes on counting over a reload: with \
                  another rate at once, with another size as far as the entries fit. With another key it begins anew, which \
                  the log says (nginx refuses such a reload).",
            example: "limit_req_zone $binary_remote_addr zone=one:10m rate=1r/s;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "limit_req",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::between(1, 3, "zone=NAME [burst=NUMBER] [nodelay | delay=NUMBER]"),
            repeat: Repeat::Many,
            set: add_limit,
            default: "",
            doc: "Limits the requests for each key to the rate of the zone. Of those that come too early, as many as `burst` \
                  says wait until it is their turn; the others are answered with `limit_req_status`. With `nodelay` none \
                  waits, with `delay` only those beyond this number. Several limits may stand together: a request must pass \
                  all of them, waits as long as the longest, and if one refuses it, it counts in none. A block without \
                  `limit_req` has those of the block around it. A request is counted once, wherever redirects lead it.",
            example: "limit_req zone=one burst=5 nodelay;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "limit_req_status",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("CODE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.status = arguments.error_status(0)?;
                Ok(())
            },
            default: "503",
            doc: "The status, from 400 to 599, of requests that `limit_req` refuses.",
            example: "limit_req_status 429;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "limit_req_log_level",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("info | notice | warn | error"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.severity = arguments.choice(0, &LEVELS)?;
                Ok(())
            },
            default: "error",
            doc: "How severe a refused request is for the error log. A delayed one is one level less severe.",
            example: "limit_req_log_level warn;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "limit_req_dry_run",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.dry_run = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether requests are counted and logged only, and neither delayed nor refused.",
            example: "limit_req_dry_run on;",
            origin: Origin::Nginx,
        },
    ];

    const VARIABLES: &'static [Variable] = &[Variable {
        name: "limit_req_status",
        kind: VariableKind::Single,
        get: |exchange, _member, out| {
            append(exchange.limits().requests.get().map(|verdict| verdict.name().as_bytes()), out)
        },
        doc: "What `limit_req` made of the request: `PASSED`, `DELAYED`, `REJECTED`, `DELAYED_DRY_RUN` or `REJECTED_DRY_RUN`.",
    }];

    /// Zones exist once they are defined, so that one which is not used for a while goes on counting.
    fn server(conf: &Conf, _server: &mut ServerBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        for zone in conf.zones.iter() {
            zone.open(build)?;
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
        plan.handler(Stage::PreAccess, Limiter::new(limits, conf.status, conf.severity, conf.dry_run));
        Ok(())
    }
}

impl Conf {
    /// The limits with their zones.
    fn resolve(&self, build: &mut Build<'_>) -> Result<Arc<[Limit]>, Diagnostic> {
        let mut resolved = Vec::new();
        for limit in &self.limits.written {
            let Some(zone) = self.zones.iter().find(|zone| zone.definition.name == limit.zone) else {
                let definition = format!("{KIND} $binary_remote_addr zone={}:10m rate=10r/s;", limit.zone);
                return Err(build.unknown_zone(KIND, &limit.zone, limit.place, &definition));
            };
            resolved.push(Limit {
                name: limit.zone.clone(),
                written_key: zone.definition.key.clone(),
                buckets: zone.open(build)?,
                key: zone.key.clone(),
                rate: zone.rate,
                burst: limit.burst,
                delay: limit.delay,
            });
        }
        Ok(resolved.into())
    }
}

impl DefinedZone {
    fn open(&self, build: &mut Build<'_>) -> Result<Arc<Buckets>, Diagnostic> {
        build.zone(&self.definition, |bytes| Buckets::with_bytes(bytes, Instant::now()))
    }
}

fn define_zone(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let key = arguments.template(0)?;
    let (mut definition, mut rate) = (None, None);
    for index in 1..arguments.len() {
        let word = arguments.word(index);
        if word.starts_with("zone=") && definition.is_none() {
            definition = Some(ZoneDefinition::parse(arguments, index, KIND, arguments.word(0))?);
        } else if word.starts_with("rate=") && rate.is_none() {
            rate = Some(parse_rate(arguments, index)?);
        } else {
            return Err(arguments.invalid_parameter(index, ["zone=", "rate="]));
        }
    }
    let (Some(definition), Some(rate)) = (definition, rate) else {
        return Err(arguments.error_here(format!("\"{KIND}\" must have \"zone\" and \"rate\" parameters")));
    };
    if let Some(first) = conf.zones.iter().find(|zone| zone.definition.name == definition.name) {
        return Err(first.definition.defined_again(&definition));
    }
    Rc::make_mut(&mut conf.zones).push(DefinedZone { definition, key, rate });
    Ok(())
}

/// `rate=10r/s`, `rate=30r/m`; without a unit in a second, as in nginx. In thousandths of a request in a second.
fn parse_rate(arguments: &Arguments<'_>, index: usize) -> Result<u64, Diagnostic> {
    let value = &arguments.word(index)["rate=".len()..];
    let (number, seconds) = match (value.strip_suffix("r/s"), value.strip_suffix("r/m")) {
        (Some(number), _) => (number, 1),
        (_, Some(number)) => (number, 60),
        _ => (value, 1),
    };
    match positive(number) {
        Some(requests) => Ok(requests * REQUEST / seconds),
        None => Err(invalid(arguments, index, "rate", "expected a rate such as 10r/s or 30r/m")),
    }
}

fn add_limit(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let (mut zone, mut burst, mut delay) = (None, None, None);
    for index in 0..arguments.len() {
        let word = arguments.word(index);
        let number = |name: &str, value: &str| {
            let expected = "expected a number of requests from 1 on";
            positive(value).ok_or_else(|| invalid(arguments, index, name, expected))
        };
        match word.split_once('=') {
            Some(("zone", name)) if zone.is_none() => zone = Some((name, arguments.place_in(index, 5..word.len()))),
            Some(("burst", value)) if burst.is_none() => burst = Some(number("burst", value)? * REQUEST),
            Some(("delay", value)) if delay.is_none() => delay = Some(number("delay", value)? * REQUEST),
            None if word == "nodelay" && delay.is_none() => delay = Some(u64::MAX),
            _ => return Err(arguments.invalid_parameter(index, ["zone=", "burst=", "delay=", "nodelay"])),
        }
    }
    let Some((zone, place)) = zone.filter(|(name, _)| !name.is_empty()) else {
        let error = arguments.error_here("\"limit_req\" must have \"zone\" parameter");
        return Err(error.label("expected the zone it counts in, such as `zone=one`"));
    };
    let mut written = match arguments.first_in_block() {
        true => Vec::new(),
        false => conf.limits.written.clone(),
    };
    if let Some(first) = written.iter().find(|limit| *limit.zone == *zone) {
        let error = Diagnostic::error(place, format!("zone \"{zone}\" limits the requests of this block already"));
        return Err(error.related(first.place, "first here"));
    }
    let limit = WrittenLimit { zone: zone.into(), place, burst: burst.unwrap_or(0), delay: delay.unwrap_or(0) };
    written.push(limit);
    conf.limits = Rc::new(Limits { written, resolved: OnceCell::new() });
    Ok(())
}

/// A number from 1 on; so small that no time made of it overflows.
fn positive(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<u32>().ok().filter(|number| digits && *number > 0).map(u64::from)
}

fn invalid(arguments: &Arguments<'_>, index: usize, what: &str, expected: &str) -> Diagnostic {
    let word = arguments.word(index);
    let value = word.find('=').map_or(0, |at| at + 1)..word.len();
    arguments.error_in(index, value, format!("invalid {what} \"{word}\"")).label(expected)
}

const LEVELS: [(&str, Severity); 4] =
    [("info", Severity::Info), ("notice", Severity::Notice), ("warn", Severity::Warn), ("error", Severity::Error)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{accepted, plan_at};
    use crate::exchange::client::Peer;
    use crate::exchange::trace::Step;
    use crate::rehearsal::{Question, ask};

    #[test]
    fn a_rehearsal_is_told_of_limits_and_not_counted() {
        let text = "limit_req_zone $arg_key zone=one:32k rate=1r/m; server { limit_req zone=one; }";
        let configuration = accepted::<LimitReq>(&format!("http {{ {text} }}"));
        let question = |target: &str| Question {
            method: "GET".to_owned(),
            target: target.to_owned(),
            host: "a".to_owned(),
            fields: Vec::new(),
            from: Peer::Unix,
        };
        let notes = |target: &str| {
            let answer = ask(&configuration.tree.addresses[0], &question(target)).unwrap();
            assert_eq!(answer.status(), Status::NOT_FOUND);
            let note = |step: &Step| match step {
                Step::Note { text, .. } => Some(text.to_string()),
                _ => None,
            };
            answer.steps.iter().find_map(note).unwrap()
        };
        for _ in 0..3 {
            assert_eq!(notes("/x?key=a"), "requests with the key \"a\" are limited by zone \"one\"");
        }
        assert_eq!(notes("/x"), "not limited by zone \"one\": its key is empty");
    }

    #[test]
    fn blocks_without_limits_share_those_around_them() {
        let zone = "limit_req_zone $uri zone=one:32k rate=90r/m; limit_req zone=one burst=2 delay=1;";
        let shown = |text: &str| format!("{:?}", plan_at::<LimitReq>(&format!("{zone} {text}"), "/").handlers);
        let inherited = shown("server { location / { limit_req_status 429; } }");
        assert!(inherited.contains("rate: 1500, burst: 2000, delay: 1000"), "{inherited}");
        assert!(inherited.contains("429"), "{inherited}");
        let own = shown("server { location / { limit_req zone=one nodelay; } }");
        assert!(own.contains("burst: 0,") && !own.contains("burst: 2000"), "{own}");
    }
}

//! Judges requests by their limits: lets them pass, lets them wait, or refuses them, and says so in the log.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::bucket::{Buckets, Claim, Decision, judge};
use crate::base::lru_table::KEY_BYTES_MAX;
use crate::base::report::Severity;
use crate::exchange::limits::{self, Verdict};
use crate::exchange::plan::{Handler, Handling, Outcome};
use crate::exchange::template::Template;
use crate::exchange::trace::Trace;
use crate::exchange::{Exchange, Shown};
use crate::http::status::Status;

/// One `limit_req`, with what its zone says.
#[derive(Debug)]
pub(super) struct Limit {
    /// The zone's name.
    pub(super) name: Box<str>,
    pub(super) buckets: Arc<Buckets>,
    pub(super) key: Template,
    /// The key as it was written.
    pub(super) written_key: Box<str>,
    /// As in [`Claim`].
    pub(super) rate: u64,
    pub(super) burst: u64,
    pub(super) delay: u64,
}

/// The limits of a location.
#[derive(Debug)]
pub(super) struct Limiter {
    limits: Arc<[Limit]>,
    /// Of what is refused.
    status: Status,
    severity: Severity,
    /// Of what is delayed.
    delay_severity: Severity,
    dry_run: bool,
}

impl Limiter {
    /// `severity` is that of refused requests.
    pub(super) fn new(limits: Arc<[Limit]>, status: Status, severity: Severity, dry_run: bool) -> Self {
        let delay_severity = match severity {
            Severity::Error => Severity::Warn,
            Severity::Warn => Severity::Notice,
            _ => Severity::Info,
        };
        Self { limits, status, severity, delay_severity, dry_run }
    }

    /// What the limits say, and the zone that says it. None: none of them concerns this request.
    fn judge(&self, exchange: &Exchange) -> Option<(Decision, &str)> {
        let keyed: Vec<(&Limit, _)> = self.limits.iter().map(|limit| (limit, limit.key.render(exchange))).collect();
        let claims: Vec<Claim<'_>> = keyed
            .iter()
            .filter(|(limit, key)| !key.is_empty() && limit.accepts(key, exchange))
            .map(|(limit, key)| Claim {
                buckets: &limit.buckets,
                key,
                rate: limit.rate,
                burst: limit.burst,
                delay: limit.delay,
            })
            .collect();
        if claims.is_empty() {
            return None;
        }
        let decision = judge(&claims, exchange.handle.now());
        let name = match decision {
            Decision::Pass => "",
            Decision::Delay { claim, .. } | Decision::Refuse { claim, .. } | Decision::NoRoom { claim } => {
                let buckets = claims[claim].buckets;
                self.limits.iter().find(|limit| Arc::ptr_eq(&limit.buckets, buckets)).map_or("", |limit| &limit.name)
            }
        };
        Some((decision, name))
    }

    /// What is said of a rehearsal, which is not counted: it must not take a client's turn.
    fn tell(&self, exchange: &Exchange, trace: &Trace) {
        for limit in self.limits.iter() {
            let (zone, key) = (&limit.name, limit.key.render(exchange));
            if key.is_empty() {
                trace.note(format_args!("not limited by zone \"{zone}\": its key is empty"), None);
            } else {
                let key = Shown(&key);
                trace.note(format_args!("requests with the key \"{key}\" are limited by zone \"{zone}\""), None);
            }
        }
    }

    fn refuse(&self, exchange: &mut Exchange) -> Outcome {
        if self.dry_run {
            exchange.limits().requests.set(Some(Verdict::RejectedDryRun));
            return Outcome::Next;
        }
        exchange.limits().requests.set(Some(Verdict::Rejected));
        Outcome::Fail(self.status)
    }
}

impl Limit {
    fn accepts(&self, key: &[u8], exchange: &Exchange) -> bool {
        limits::accepts_key(exchange, key, &self.written_key, KEY_BYTES_MAX)
    }
}

impl Handler for Limiter {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        if exchange.limits().requests.get().is_some() {
            return Outcome::Next.into();
        }
        if let Some(trace) = &exchange.trace {
            self.tell(exchange, trace);
            return Outcome::Next.into();
        }
        let Some((decision, zone)) = self.judge(exchange) else { return Outcome::Next.into() };
        let dry_run = if self.dry_run { ", dry run" } else { "" };
        match decision {
            Decision::Pass => {
                exchange.limits().requests.set(Some(Verdict::Passed));
                Outcome::Next.into()
            }
            Decision::NoRoom { .. } => {
                let message = format_args!("could not allocate node in limit_req zone \"{zone}\"");
                exchange.report(Severity::Alert, message);
                self.refuse(exchange).into()
            }
            Decision::Refuse { excess, .. } => {
                let excess = Thousandths(excess);
                let message = format_args!("limiting requests{dry_run}, excess: {excess} by zone \"{zone}\"");
                exchange.report(self.severity, message);
                self.refuse(exchange).into()
            }
            Decision::Delay { excess, by, .. } => {
                let excess = Thousandths(excess);
                let message = format_args!("delaying request{dry_run}, excess: {excess}, by zone \"{zone}\"");
                exchange.report(self.delay_severity, message);
                if self.dry_run {
                    exchange.limits().requests.set(Some(Verdict::DelayedDryRun));
                    return Outcome::Next.into();
                }
                exchange.limits().requests.set(Some(Verdict::Delayed));
                Handling::Later(Box::pin(wait(exchange, by)))
            }
        }
    }
}

/// Goes on after this time, unless the client leaves before.
async fn wait(exchange: &mut Exchange, delay: Duration) -> Outcome {
    let handle = exchange.handle.clone();
    let client = Rc::clone(&exchange.client);
    let left = pin!(client.left());
    match handle.timeout(handle.now() + delay, left).await {
        Err(_elapsed) => Outcome::Next,
        Ok(()) => {
            exchange.report(Severity::Info, format_args!("client prematurely closed connection"));
            exchange.record.status = Some(Status::CLIENT_CLOSED_REQUEST);
            Outcome::Close
        }
    }
}

/// A number in thousandths, with three digits behind the point.
struct Thousandths(u64);

impl std::fmt::Display for Thousandths {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

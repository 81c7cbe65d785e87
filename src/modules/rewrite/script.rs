//! The script of a block: its steps, and a run of them.
//!
//! A handler of the stage `Rewrite`; it waits for nothing. Everything in a step was compiled at load.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::answer::Answer;
use super::condition::Condition;
use super::rewriting::Rewriting;
use crate::base::report::Severity;
use crate::config::named_regex::NamedRegex;
use crate::exchange::Captures;
use crate::exchange::files::is_unsafe;
use crate::exchange::plan::{Handler, Handling, Outcome, Plan};
use crate::exchange::settings::Alias;
use crate::exchange::template::{Part, Template};
use crate::exchange::trace;
use crate::exchange::variables::{Assignee, Reference};
use crate::exchange::{Exchange, Shown};
use crate::http::escape;
use crate::http::status::Status;

/// One directive.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// `rewrite`.
    Rewrite(Arc<Rewriting>),
    /// `set`.
    Set { name: Box<str>, variable: Assignee, value: Template },
    /// `if`: where its condition holds, the plan of its block, of a location's, takes the place of the location's;
    /// where it does not, the steps before `behind` are passed over.
    If { condition: Arc<Condition>, written_at: (u32, u32), scope: Option<Arc<Plan>>, behind: usize },
    /// `return`.
    Return(Answer),
    /// `break`.
    Break,
}

/// The steps of a block, and where each is written.
#[derive(Debug)]
pub(super) struct Script {
    steps: Box<[(Step, Arc<str>)]>,
}

/// How a script goes on behind a step.
pub(super) enum Flow {
    /// With the next step.
    Next,
    /// With another step.
    At(usize),
    /// It ends.
    End,
    /// It ends, and the location is chosen again.
    Relocate,
    /// It ends, and so does the choice of what answers.
    Decided(Outcome),
}

/// One run of a script.
pub(super) struct Run<'a> {
    pub(super) exchange: &'a mut Exchange,
    /// `rewrite_log`, as the block says where the script begins.
    logs: bool,
    /// Where the present step is written.
    at: &'a Arc<str>,
    /// Captured groups of a URI that was sent escaped are escaped again: until, as in nginx, a first rewrite
    /// matches, and in redirects and queries.
    escapes: bool,
    /// The URI at the beginning, if it is another now.
    original: Option<Bytes>,
    /// A rewrite without a flag asks for another location, unless a `break` follows.
    relocates: bool,
}

impl Script {
    pub(super) fn new(steps: Box<[(Step, Arc<str>)]>) -> Self {
        Self { steps }
    }
}

impl Handler for Script {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        let Some((_, at)) = self.steps.first() else { return Outcome::Next.into() };
        let logs = exchange.plan.settings.rewrite_log;
        let run = Run { exchange, logs, at, escapes: true, original: None, relocates: false };
        run.all(&self.steps).into()
    }
}

impl<'a> Run<'a> {
    fn all(mut self, steps: &'a [(Step, Arc<str>)]) -> Outcome {
        let mut next = 0;
        while let Some((step, at)) = steps.get(next) {
            self.at = at;
            match self.one(step) {
                Flow::Next => next += 1,
                Flow::At(behind) => next = behind,
                Flow::End => {
                    self.relocates = false;
                    break;
                }
                Flow::Relocate => break,
                Flow::Decided(outcome) => return outcome,
            }
        }
        if let Some(original) = &self.original
            && let Err(status) = self.check_uri(original)
        {
            return Outcome::Fail(status);
        }
        if self.relocates { Outcome::Relocate } else { Outcome::Next }
    }

    /// Whether a rewritten URI leads to a file of the location, or to another location.
    fn check_uri(&self, original: &Bytes) -> Result<(), Status> {
        let uri = &self.exchange.uri;
        if is_unsafe(uri) {
            self.exchange.report(Severity::Error, format_args!("unsafe URI \"{}\" was detected", Shown(uri)));
            return Err(Status::NOT_FOUND);
        }
        let plan = &self.exchange.plan;
        if let (Some(Alias::Prefix(length)), false) = (plan.settings.root.alias, self.relocates)
            && uri.get(..length) != original.get(..length)
        {
            let message = "\"alias\" cannot be used in location";
            self.exchange.report(
                Severity::Alert,
                format_args!("{message} \"{}\" where URI was rewritten to \"{}\"", plan.name, Shown(uri)),
            );
            return Err(Status::INTERNAL_SERVER_ERROR);
        }
        Ok(())
    }

    fn one(&mut self, step: &Step) -> Flow {
        match step {
            Step::Rewrite(rewriting) => rewriting.apply(self),
            Step::Set { name, variable, value } => {
                let value = self.value(value);
                self.tell(format_args!("{name} is set to \"{}\"", Shown(&value)));
                variable.assign(self.exchange, value);
                Flow::Next
            }
            Step::If { condition, written_at, scope, behind } => match condition.holds(self) {
                Ok(holds) => {
                    let (written_at, at) = (*written_at, self.at);
                    self.exchange.tell(|| trace::Step::Condition { holds, written_at, at: Arc::clone(at) });
                    if !holds {
                        return Flow::At(*behind);
                    }
                    if let Some(plan) = scope {
                        self.exchange.plan = Arc::clone(plan);
                    }
                    Flow::Next
                }
                Err(status) => Flow::Decided(Outcome::Fail(status)),
            },
            Step::Return(answer) => {
                self.tell(format_args!("this answers"));
                Flow::Decided(answer.outcome(self.exchange))
            }
            Step::Break => {
                self.tell(format_args!("this ends the rewrites"));
                Flow::End
            }
        }
    }

    /// The URI and query from here on. An empty URI is an error.
    pub(super) fn rewrite(&mut self, uri: Bytes, args: Bytes) -> Result<(), Status> {
        self.escapes = false;
        self.note(format_args!("rewritten data: \"{}\", args: \"{}\"", Shown(&uri), Shown(&args)));
        self.exchange.args = args;
        if uri.is_empty() {
            self.exchange.report(Severity::Error, format_args!("the rewritten URI has a zero length"));
            return Err(Status::INTERNAL_SERVER_ERROR);
        }
        let before = std::mem::replace(&mut self.exchange.uri, uri);
        self.original.get_or_insert(before);
        self.exchange.internal = true;
        self.exchange.uri_behind_alias = false;
        self.relocates = true;
        self.exchange
            .tell(|| trace::Step::Rerouted { uri: self.exchange.uri.clone(), args: self.exchange.args.clone() });
        Ok(())
    }

    /// Matches a text and keeps what was captured; without a match the groups of the last one are gone.
    pub(super) fn matches(&mut self, regex: &NamedRegex, text: &Bytes) -> Result<bool, Status> {
        let pattern = regex.regex.pattern().as_bytes();
        match regex.captures(text) {
            Ok(Some(captured)) => {
                self.note(format_args!("\"{}\" matches \"{}\"", Shown(pattern), Shown(text)));
                self.exchange.keep_captures(captured);
                Ok(true)
            }
            Ok(None) => {
                self.note(format_args!("\"{}\" does not match \"{}\"", Shown(pattern), Shown(text)));
                self.exchange.captures = Captures::default();
                Ok(false)
            }
            Err(error) => {
                self.exchange.report(Severity::Alert, format_args!("{error}"));
                Err(Status::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// A value for this exchange; its captured groups are escaped if asked for, and if the client has escaped
    /// anything in its URI.
    pub(super) fn render(&self, value: &Template, escapes: bool) -> Bytes {
        let is_group = |part: &Part| matches!(part, Part::Variable(Reference::Capture(_)));
        if !escapes || !value.parts().iter().any(is_group) || !self.was_sent_escaped() {
            return value.render_bytes(self.exchange);
        }
        let mut out = Vec::with_capacity(64);
        for part in value.parts() {
            match part {
                Part::Literal(text) => out.extend_from_slice(text),
                Part::Variable(Reference::Capture(group)) => {
                    let text = self.exchange.captures.group(usize::from(*group)).unwrap_or_default();
                    escape::arguments(&text, &mut out);
                }
                Part::Variable(reference) => {
                    reference.write(self.exchange, &mut out);
                }
            }
        }
        Bytes::from(out)
    }

    /// As `render`, for a value outside of rewrites.
    pub(super) fn value(&self, value: &Template) -> Bytes {
        self.render(value, self.escapes)
    }

    /// nginx's `quoted_uri` and `plus_in_uri`.
    fn was_sent_escaped(&self) -> bool {
        self.exchange.request.head.target.path().iter().any(|byte| matches!(byte, b'%' | b'+'))
    }

    /// Tells what happens, if `rewrite_log` says so, or if somebody wants to know the way of the exchange.
    pub(super) fn note(&self, message: fmt::Arguments<'_>) {
        if self.exchange.trace.is_some() {
            self.tell(message);
        } else if self.logs {
            self.exchange.report(Severity::Notice, message);
        }
    }

    /// Tells those who want to know the way of the exchange.
    fn tell(&self, message: fmt::Arguments<'_>) {
        if let Some(trace) = &self.exchange.trace {
            trace.note(message, Some(Arc::clone(self.at)));
        }
    }
}

//! What happens before anything is served: `rewrite`, `if`, `set`, `break` and `return`.
//!
//! As in nginx they are the steps of one script for each block, in the order in which they are written; those in an
//! `if` are steps of the block around it. A server's script runs before a location is chosen, a location's before
//! access is looked at. Nothing is inherited. What else stands in an `if` of a location is a scope of its own, which
//! the script puts in the place of the location's.

mod answer;
mod condition;
mod form;
mod rewriting;
mod script;

use std::sync::Arc;

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Inherit, Module, Origin, Repeat, Shape};
use crate::exchange::plan::{PlanBuilder, Stage};

use self::answer::Answer;
use self::condition::Condition;
use self::rewriting::Rewriting;
use self::script::{Script, Step};

/// The module.
#[derive(Debug)]
pub struct Rewrite;

/// What its directives set: the steps of one block, in order.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    steps: Vec<Written>,
}

/// A step where it was written.
#[derive(Clone, Debug)]
struct Written {
    /// The `if` of the block that it stands in.
    inside: Option<usize>,
    /// The `if` of the block that it opens.
    opens: Option<usize>,
    step: Step,
    /// `site.conf:3`.
    at: Arc<str>,
}

const EVERYWHERE: Contexts = Contexts::SERVER.or(Contexts::LOCATION).or(Contexts::SERVER_IF).or(Contexts::LOCATION_IF);

impl Module for Rewrite {
    type Conf = Conf;

    const NAME: &'static str = "rewrite";

    const DIRECTIVES: &'static [Directive<Conf>] = &[REWRITE, IF, SET, BREAK, RETURN];

    const KEEPS_TO_ITS_BLOCK: bool = true;

    const INHERIT: Option<Inherit<Conf>> = Some(|_| Conf::default());
    const INHERITS_ALL: fn(&Conf) -> bool = |conf| conf.steps.is_empty();

    const IS_SCRIPT: bool = true;

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if !conf.steps.is_empty() {
            let script = conf.script(plan);
            plan.handler(Stage::Rewrite, script);
        }
        Ok(())
    }
}

const REWRITE: Directive<Conf> = Directive {
    name: "rewrite",
    contexts: EVERYWHERE,
    args: Shape::between(2, 3, "REGEX REPLACEMENT [last | break | redirect | permanent]"),
    repeat: Repeat::Many,
    set: |conf, arguments| {
        let rewriting = Rewriting::compile(arguments)?;
        conf.add(arguments, Step::Rewrite(rewriting.into()));
        Ok(())
    },
    default: "",
    doc: "Changes the path, if the regular expression matches it. The replacement may hold captured groups and other \
          variables; what stands in it behind a question mark becomes the query, with the request's own query behind \
          it, unless the replacement ends with a question mark. Then the directives that follow are looked at, with the \
          new path; `last` ends that and chooses the location again, `break` ends it and stays in the location. \
          `redirect` answers with 302 and `permanent` with 301, as does, with 302, a replacement that begins with \
          `http://`, `https://` or `$scheme`. A request that goes round is answered with 500 after 10 turns, and the \
          error log shows the paths. Unlike in nginx a path that is rewritten to lead out of the root is answered with \
          404, a path that lost its slash is still below the root, and `alias` takes a path that was rewritten within \
          its location.",
    example: "rewrite ^/users/(.*)$ /show?user=$1 last;",
    origin: Origin::Nginx,
};

const IF: Directive<Conf> = Directive {
    name: "if",
    contexts: Contexts::SERVER.or(Contexts::LOCATION),
    args: Shape::Conditional { min: 1, max: usize::MAX, names: "(CONDITION)" },
    repeat: Repeat::Many,
    set: |conf, arguments| {
        let condition = Condition::compile(arguments)?;
        let place = arguments.place_of_name();
        let written_at = (place.file.0, place.span.start);
        let step = Step::If { condition: condition.into(), written_at, scope: None, behind: 0 };
        let at = arguments.file_and_line();
        conf.steps.push(Written { inside: None, opens: arguments.conditional(), step, at });
        Ok(())
    },
    default: "",
    doc: "Looks at its block if the condition holds: `$variable`, unless that is empty or `0`; `$variable = text` and \
          `!=`; `$variable ~ regex`, `~*` without regard to case, `!~` and `!~*`, whose groups can be used behind it; \
          `-f path` for a file, `-d` for a folder, `-e` for either, `-x` for what may be executed, and `!-f`, `!-d`, \
          `!-e`, `!-x`. The rewrites in the block are steps among those around it, in the order of the text. \
          All other settings in the `if` of a location apply in the place of the location's own, and are what the \
          location sets where the block says nothing; of several conditions that hold, the last one's count alone, \
          and `try_files` of the location is not looked at.",
    example: "if ($request_method = POST) { return 405; }",
    origin: Origin::Nginx,
};

const SET: Directive<Conf> = Directive {
    name: "set",
    contexts: EVERYWHERE,
    args: Shape::exactly(2, "$VARIABLE VALUE"),
    repeat: Repeat::Many,
    set: |conf, arguments| {
        let (variable, value) = (arguments.assignee(0)?, arguments.template(1)?);
        let step = Step::Set { name: arguments.word(0).into(), variable, value };
        conf.add(arguments, step);
        Ok(())
    },
    default: "",
    doc: "Gives the variable a value, which may hold variables, for the rest of the request, also where it is \
          redirected internally. Of webserv's own variables `$args` and `$limit_rate` can be set, and those of the \
          families such as `$http_NAME`.",
    example: "set $site $host;",
    origin: Origin::Nginx,
};

const BREAK: Directive<Conf> = Directive {
    name: "break",
    contexts: EVERYWHERE,
    args: Shape::NONE,
    repeat: Repeat::Many,
    set: |conf, arguments| {
        conf.add(arguments, Step::Break);
        Ok(())
    },
    default: "",
    doc: "Ends the rewrites of the block, and of the block around an `if`; the request stays in the location.",
    example: "break;",
    origin: Origin::Nginx,
};

const RETURN: Directive<Conf> = Directive {
    name: "return",
    contexts: EVERYWHERE,
    args: Shape::between(1, 2, "CODE [TEXT] | CODE URL | URL"),
    repeat: Repeat::Many,
    set: |conf, arguments| {
        let answer = Answer::compile(arguments)?;
        conf.add(arguments, Step::Return(answer));
        Ok(())
    },
    default: "",
    doc: "Answers at once, before access rules and files are looked at. With 301, 302, 303, 307 or 308 it is a redirect \
          to the URL, or to a path of this server; a URL alone is a 302. With any other code from 200 to 999 and a \
          text, the answer is the text; its content type is that of the path's extension, or `default_type`. An error's \
          code without a text is answered by its `error_page`. The codes 444, 408 and 499 without a text close the \
          connection and send nothing. Text and URL may hold variables. Unlike in nginx, codes below 200 are refused, \
          for no client takes them as an answer.",
    example: "return 301 https://$host$request_uri;",
    origin: Origin::Nginx,
};

impl Conf {
    fn add(&mut self, arguments: &Arguments<'_>, step: Step) {
        let inside = arguments.conditional();
        self.steps.push(Written { inside, opens: None, step, at: arguments.file_and_line() });
    }

    /// The steps as they run: each `if` knows where its block ends, and its scope.
    fn script(&self, plan: &PlanBuilder) -> Script {
        let compiled = self.steps.iter().enumerate().map(|(at, written)| {
            let mut step = written.step.clone();
            if let Step::If { scope, behind, .. } = &mut step {
                let block = self.steps[at + 1..].iter().take_while(|next| next.inside == written.opens);
                *behind = at + 1 + block.count();
                *scope = written.opens.and_then(|number| plan.conditionals.get(number)).map(Arc::clone);
            }
            (step, Arc::clone(&written.at))
        });
        Script::new(compiled.collect())
    }
}

//! Scripts that answer (RFC 3875): `cgi` and its directives, which are webserv's own.
//!
//! The first of the content handlers, for what stands behind a script's path (`PATH_INFO`) may look like a folder. It
//! finds the script a request is for (`script`), waits until one more may run (`gate`), has the request's content at hand,
//! starts it (`environment`, `runtime::start`), moves its streams (`run`), and makes a response of what it
//! writes (`answer`). A script is owned by the exchange that asked for it: dropped, it ends.

mod answer;
mod directives;
mod environment;
mod errors;
mod gate;
mod handler;
mod run;
mod script;
mod settings;
mod watch;

use std::sync::Arc;

use handler::RunScript;
use settings::{Conf, ErrorsTo};

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Directive, Module};
use crate::exchange::plan::{PlanBuilder, Stage};

/// The module.
#[derive(Debug)]
pub struct Cgi;

impl Module for Cgi {
    type Conf = Conf;

    const NAME: &'static str = "cgi";

    const DIRECTIVES: &'static [Directive<Conf>] = directives::DIRECTIVES;

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if conf.runs_nothing() {
            return Ok(());
        }
        let mut conf = conf.clone();
        if let ErrorsTo::File(path) = &conf.errors {
            conf.errors = ErrorsTo::Open(build.log_file(path, None)?);
        }
        let gate = build.keep(&format!("cgi {}", plan.name));
        plan.handler(Stage::Content, RunScript { conf: Arc::new(conf), gate });
        Ok(())
    }
}

//! The form of redirects to the server itself: `absolute_redirect` and its like.
//!
//! Puts its settings into the plan; `exchange::redirect` writes by them.

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;

/// The module.
#[derive(Debug)]
pub struct Redirects;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    absolute: bool,
    port: bool,
    server_name: bool,
}

impl Default for Conf {
    fn default() -> Self {
        Self { absolute: true, port: true, server_name: false }
    }
}

impl Module for Redirects {
    type Conf = Conf;

    const NAME: &'static str = "redirects";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "absolute_redirect",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.absolute = arguments.flag(0)?;
                Ok(())
            },
            default: "on",
            doc: "Whether a redirect to a path of this server names scheme, host and port. With `off` it is the path \
                  alone, which suits a server behind another one.",
            example: "absolute_redirect off;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "port_in_redirect",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.port = arguments.flag(0)?;
                Ok(())
            },
            default: "on",
            doc: "Whether absolute redirects name the port that the request came to, where it is not 80.",
            example: "port_in_redirect off;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "server_name_in_redirect",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.server_name = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether absolute redirects name the first `server_name` rather than the host that the client asked for.",
            example: "server_name_in_redirect on;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.absolute_redirect = conf.absolute;
        plan.settings.port_in_redirect = conf.port;
        plan.settings.server_name_in_redirect = conf.server_name;
        Ok(())
    }
}

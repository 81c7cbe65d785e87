//! Which methods a location takes: `allow_methods`.
//!
//! Puts a setting into the plan; the stages of answering act on it as soon as the location is known, before any handler
//! and any check. nginx has `limit_except` for this, which answers 403 and does not say what would be allowed.

use std::sync::Arc;

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::AllowedMethods;
use crate::http::method::Method;

/// The module.
#[derive(Debug)]
pub struct AllowMethods;

/// What its directive sets.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    allowed: Option<Arc<AllowedMethods>>,
}

impl Module for AllowMethods {
    type Conf = Conf;

    const NAME: &'static str = "allow_methods";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "allow_methods",
        contexts: Contexts::HTTP_SERVER_LOCATION.or(Contexts::LIMIT_EXCEPT),
        args: Shape::at_least(1, "all | METHOD..."),
        repeat: Repeat::Once,
        set: set_methods,
        default: "all",
        doc: "The methods that may be used; GET stands for HEAD too. Any other is answered with 405 and a field `Allow`, \
              as soon as the location is known and before anybody is asked for a password. OPTIONS is answered with 204 and \
              the same field; if it is listed, by the location's handlers, if they know it. With `all`, what answers the \
              location decides: OPTIONS is answered so too where `dav_methods` or `upload_store` is set, and else 405 as in \
              nginx. Only a `return` or `rewrite` of the server itself, outside of locations, comes before it. \
              nginx has no such directive; its `limit_except` answers 403.",
        example: "allow_methods GET POST;",
        origin: Origin::Ours,
    }];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.allowed_methods = conf.allowed.clone();
        Ok(())
    }
}

fn set_methods(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    if arguments.len() == 1 && arguments.word(0) == "all" {
        conf.allowed = None;
        return Ok(());
    }
    let methods = arguments.methods()?;
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if !methods.contains(&Method::Options) {
        names.push(Method::Options.as_str());
    }
    let field = names.join(", ").into();
    conf.allowed = Some(Arc::new(AllowedMethods { methods, field }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused};

    fn field(text: &str, path: &str) -> String {
        let allowed = plan_at::<AllowMethods>(text, path).settings.allowed_methods.clone();
        allowed.map_or_else(|| "all".to_owned(), |allowed| String::from_utf8(allowed.field.to_vec()).unwrap())
    }

    #[test]
    fn get_stands_for_head_and_options_is_always_there() {
        assert_eq!(field("server { allow_methods get POST; }", "/"), "GET, HEAD, POST, OPTIONS");
        assert_eq!(field("server { allow_methods OPTIONS PUT; }", "/"), "OPTIONS, PUT");
        assert_eq!(field("server { }", "/"), "all");
    }

    #[test]
    fn a_location_has_its_own_or_those_of_its_server() {
        let text = "server { allow_methods PUT; location /a { } location /b { allow_methods all; } }";
        assert_eq!(field(text, "/a"), "PUT, OPTIONS");
        assert_eq!(field(text, "/b"), "all");
    }

    #[test]
    fn what_is_no_method_is_refused() {
        assert!(refused::<AllowMethods>("allow_methods GET PSOT;").contains("did you mean `POST`?"));
        assert!(refused::<AllowMethods>("allow_methods all GET;").contains("invalid method \"all\""));
        assert!(refused::<AllowMethods>("allow_methods;").contains("allow_methods"));
    }
}

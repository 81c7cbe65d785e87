//! Configurations for the tests of single modules: a text of `http { }` that one module alone must understand.

use std::sync::Arc;

use super::render::{self, Colour};
use super::schema::{AnyModule, Contexts, Directive, Erased, Module, Origin as Whose, Repeat, Shape};
use super::{Configuration, Origin, Request, load};
use crate::exchange::plan::Plan;
use crate::exchange::site::Site;

/// An `if` that does nothing, for directives that may stand in one.
struct Conditions;

impl Module for Conditions {
    type Conf = ();

    const NAME: &'static str = "conditions";

    const DIRECTIVES: &'static [Directive<()>] = &[Directive {
        name: "if",
        contexts: Contexts::SERVER.or(Contexts::LOCATION),
        args: Shape::Conditional { min: 1, max: usize::MAX, names: "(CONDITION)" },
        repeat: Repeat::Many,
        set: |(), _arguments| Ok(()),
        default: "",
        doc: "",
        example: "if ($uri) { }",
        origin: Whose::Nginx,
    }];

    const IS_SCRIPT: bool = true;
}

/// What one module makes of a whole text: the configuration if there is one, and what was reported.
pub(crate) fn load_with<M: Module>(text: &str) -> (Option<Configuration>, String) {
    let module: &'static dyn AnyModule = Box::leak(Box::new(Erased::<M>::NEW));
    let conditions: &'static dyn AnyModule = Box::leak(Box::new(Erased::<Conditions>::NEW));
    let request = Request {
        origin: Origin::BuiltIn(text.to_owned()),
        prefix: "/srv".into(),
        globals: Vec::new(),
        error_log: None,
        as_root: rustix::process::geteuid().is_root(),
        modules: Box::leak(Box::new([module, conditions])),
    };
    let loaded = load(&request, None);
    let report = render::text(&loaded.report, Colour::Off);
    (loaded.result.ok(), report)
}

/// The configuration of a text without findings.
#[track_caller]
pub(crate) fn accepted<M: Module>(text: &str) -> Configuration {
    let (configuration, report) = load_with::<M>(text);
    assert_eq!(report, "", "of {text}");
    configuration.unwrap()
}

/// What is reported of lines of a server that are refused.
#[track_caller]
pub(crate) fn refused<M: Module>(server: &str) -> String {
    let (configuration, report) = load_with::<M>(&format!("http {{ server {{ {server} }} }}"));
    assert!(configuration.is_none(), "accepted: {server}");
    report
}

/// What is reported of lines of a server that are accepted.
#[track_caller]
pub(crate) fn warned<M: Module>(server: &str) -> String {
    let (configuration, report) = load_with::<M>(&format!("http {{ server {{ {server} }} }}"));
    assert!(configuration.is_some(), "refused: {report}");
    report
}

/// The plan that answers a path of the first server in lines of `http`.
#[track_caller]
pub(crate) fn plan_at<M: Module>(http: &str, path: &str) -> Arc<Plan> {
    let configuration = accepted::<M>(&format!("http {{ {http} }}"));
    configuration.tree.addresses[0].default.locate(path.as_bytes()).plan
}

/// Checks that the example of each directive is accepted in each block where it may stand.
#[track_caller]
pub(crate) fn check_examples<M: Module>() {
    check_examples_after::<M>("");
}

/// [`check_examples`] where examples name what is defined by lines of `http`.
#[track_caller]
pub(crate) fn check_examples_after<M: Module>(http: &str) {
    for directive in M::DIRECTIVES {
        for context in directive.contexts.names().filter(|context| !context.starts_with("if ")) {
            let example = directive.example;
            let http = if directive.contexts == Contexts::HTTP { "" } else { http };
            let text = match context {
                "main" => format!("{example} http {{ }}"),
                "events" => format!("events {{ {example} }} http {{ }}"),
                "http" => format!("http {{ {http} {example} server {{ }} }}"),
                "server" => format!("http {{ {http} server {{ {example} }} }}"),
                "location" => format!("http {{ {http} server {{ location / {{ {example} }} }} }}"),
                "if in server" => format!("http {{ {http} server {{ if ($uri) {{ {example} }} }} }}"),
                "if in location" => {
                    format!("http {{ {http} server {{ location / {{ if ($uri) {{ {example} }} }} }} }}")
                }
                _ => format!("http {{ server {{ location / {{ {context} GET {{ {example} }} }} }} }}"),
            };
            let (configuration, report) = load_with::<M>(&text);
            assert!(configuration.is_some(), "{report}");
        }
    }
}

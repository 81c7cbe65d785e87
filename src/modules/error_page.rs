//! Pages in place of errors: `error_page`, `recursive_error_pages`.
//!
//! Puts its settings into the plan; `exchange::answer` goes to the page.

use std::sync::Arc;

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::{ErrorAnswer, ErrorPage as Page, ErrorTarget};
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct ErrorPage;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    pages: Arc<[Page]>,
    recursive: bool,
}

impl Default for Conf {
    fn default() -> Self {
        Self { pages: Arc::from([]), recursive: false }
    }
}

impl Module for ErrorPage {
    type Conf = Conf;

    const NAME: &'static str = "error_page";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "error_page",
            contexts: Contexts::HTTP_SERVER_LOCATION_IF,
            args: Shape::at_least(2, "CODE... [=[ANSWER]] URI"),
            repeat: Repeat::Many,
            set: add_pages,
            default: "",
            doc: "What is shown for these errors: a URI of this server, to which the request goes by an internal redirect \
                  as a GET; a location `@name`; or the URL of another place, to which the client is redirected. The answer \
                  keeps the status of the error; `=200` gives it another, `=` the one that the page answers with. The URI \
                  may hold variables. Codes are from 300 to 599, without 499. A block that has an `error_page` of its own \
                  takes none from the blocks around it.",
            example: "error_page 500 502 503 504 /50x.html;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "recursive_error_pages",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.recursive = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether an error of an error page has an error page too. A request goes round ten times at the most.",
            example: "recursive_error_pages on;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.error_pages = Arc::clone(&conf.pages);
        plan.settings.recursive_error_pages = conf.recursive;
        Ok(())
    }
}

fn add_pages(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let last = arguments.len() - 1;
    let has_answer = arguments.word(last - 1).starts_with('=');
    let codes = if has_answer { last - 1 } else { last };
    if codes == 0 {
        return Err(invalid(arguments, 0).label("expected the code of an error before it"));
    }
    let answer = if has_answer { Some(answer(arguments, last - 1)?) } else { None };
    let target = target(arguments, last)?;
    let mut pages = if arguments.first_in_block() { Vec::new() } else { conf.pages.to_vec() };
    for index in 0..codes {
        let on = code(arguments, index)?;
        pages.push(Page { on, answer: answer.unwrap_or_else(|| usual_answer(on)), target: target.clone() });
    }
    conf.pages = pages.into();
    Ok(())
}

fn code(arguments: &Arguments<'_>, index: usize) -> Result<Status, Diagnostic> {
    let word = arguments.word(index);
    let Ok(number) = arguments.number::<u32>(index) else {
        let expected = if index + 2 < arguments.len() { "codes" } else { "a code" };
        return Err(invalid(arguments, index).label(format!("expected {expected} from 300 to 599 before the URI")));
    };
    if number == 499 {
        return Err(invalid(arguments, index).label("the client has left then, and nobody would see the page"));
    }
    let status = u16::try_from(number).ok().filter(|code| (300..=599).contains(code)).and_then(Status::new);
    status.ok_or_else(|| arguments.error(index, format!("value \"{word}\" must be between 300 and 599")))
}

/// `=` and `=200`; `=0` is nginx's other way to write `=`.
fn answer(arguments: &Arguments<'_>, index: usize) -> Result<ErrorAnswer, Diagnostic> {
    let digits = &arguments.word(index)[1..];
    let numeric = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        _ if digits.is_empty() => Ok(ErrorAnswer::OfPage),
        Ok(0) if numeric => Ok(ErrorAnswer::OfPage),
        Ok(code @ 200..) if numeric && let Some(status) = Status::new(code) => Ok(ErrorAnswer::Fixed(status)),
        _ => Err(invalid(arguments, index).label("expected `=`, or `=` and a code from 200 to 999")),
    }
}

/// nginx's own codes are never sent: in their place goes 400.
fn usual_answer(on: Status) -> ErrorAnswer {
    match on.code() {
        494..=497 => ErrorAnswer::Fixed(Status::BAD_REQUEST),
        _ => ErrorAnswer::Same,
    }
}

fn target(arguments: &Arguments<'_>, index: usize) -> Result<ErrorTarget, Diagnostic> {
    let word = arguments.word(index);
    if word.starts_with('@') && !word.contains('$') {
        return Ok(ErrorTarget::Named(Arc::from(word)));
    }
    if !word.starts_with(['/', '$', '@']) && !word.contains("://") {
        let warning = Diagnostic::warning(arguments.place(index), format!("error page \"{word}\" is no path"));
        let warning =
            warning.label("clients are redirected to this as it stands").lint(&lint::ERROR_PAGE_WITHOUT_SLASH);
        arguments.warn(warning.help(format!("write \"/{word}\" for a page of this server")));
    }
    Ok(ErrorTarget::Uri(arguments.template(index)?))
}

fn invalid(arguments: &Arguments<'_>, index: usize) -> Diagnostic {
    arguments.error(index, format!("invalid value \"{}\" in \"error_page\" directive", arguments.word(index)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused, warned};

    /// The pages of a location, in a short form.
    fn pages(text: &str) -> Vec<String> {
        let plan = plan_at::<ErrorPage>(text, "/");
        let shown = plan.settings.error_pages.iter().map(|page| {
            let answer = match page.answer {
                ErrorAnswer::Same => String::new(),
                ErrorAnswer::OfPage => "= ".to_owned(),
                ErrorAnswer::Fixed(status) => format!("={} ", status.code()),
            };
            let target = match &page.target {
                ErrorTarget::Named(name) => name.to_string(),
                ErrorTarget::Uri(uri) => {
                    uri.as_literal().map_or("a template".to_owned(), |text| String::from_utf8(text.to_vec()).unwrap())
                }
            };
            format!("{} {answer}{target}", page.on.code())
        });
        shown.collect()
    }

    #[test]
    fn several_codes_have_one_page_and_several_directives_add_up() {
        assert_eq!(
            pages(
                "server { error_page 404 410 /x; error_page 500 =200 /y; error_page 502 = @z; error_page 403 = $uri; }"
            ),
            ["404 /x", "410 /x", "500 =200 /y", "502 = @z", "403 = a template"]
        );
    }

    #[test]
    fn a_block_with_pages_of_its_own_takes_none_from_outside() {
        let text = "error_page 404 /outer; server { location / { error_page 500 /inner; } }";
        assert_eq!(pages(text), ["500 /inner"]);
        assert_eq!(pages("error_page 404 /outer; server { location / { } }"), ["404 /outer"]);
    }

    #[test]
    fn codes_that_are_never_sent_become_400() {
        assert_eq!(pages("server { error_page 494 497 /x; }"), ["494 =400 /x", "497 =400 /x"]);
        assert_eq!(pages("server { error_page 497 =301 https://a/; }"), ["497 =301 https://a/"]);
    }

    #[test]
    fn codes_are_errors_and_redirects() {
        for (text, reason) in [
            ("error_page 200 /x;", "value \"200\" must be between 300 and 599"),
            ("error_page 600 /x;", "value \"600\" must be between 300 and 599"),
            ("error_page 499 /x;", "invalid value \"499\""),
            ("error_page 404 /a /b;", "invalid value \"/a\""),
            ("error_page =200 /x;", "invalid value \"=200\""),
            ("error_page 404 =x /x;", "invalid value \"=x\""),
            ("error_page 404 =+5 /x;", "invalid value \"=+5\""),
            ("error_page 404 '' /x;", "invalid value \"\""),
        ] {
            let report = refused::<ErrorPage>(text);
            assert!(report.contains(reason), "{text}: {report}");
        }
    }

    #[test]
    fn a_page_without_its_slash_is_warned_of() {
        assert!(warned::<ErrorPage>("error_page 404 404.html;").contains("write \"/404.html\""));
    }
}

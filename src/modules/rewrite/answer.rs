//! Answers that stand in the configuration: `return`.

use bytes::Bytes;

use crate::base::boxed::boxed;
use crate::config::arguments::Arguments;
use crate::config::diagnostics::Diagnostic;
use crate::config::lint;
use crate::exchange::Exchange;
use crate::exchange::body::Body;
use crate::exchange::plan::Outcome;
use crate::exchange::response::Response;
use crate::exchange::template::Template;
use crate::http::status::Status;

/// What a `return` answers.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Nothing: the connection is closed, and logs show this status.
    Close(Status),
    /// An error, by its page.
    Fail(Status),
    /// A redirect.
    Redirect { status: Status, location: Template },
    /// A text.
    Text { status: Status, text: Template },
}

impl Answer {
    /// Understands the words of a `return`.
    pub(super) fn compile(arguments: &Arguments<'_>) -> Result<Self, Diagnostic> {
        let word = arguments.word(0);
        if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_digit()) {
            let is_url = ["http://", "https://", "$scheme"].iter().any(|begin| word.starts_with(begin));
            return match is_url && arguments.len() == 1 {
                true => Ok(Self::Redirect { status: Status::FOUND, location: arguments.template(0)? }),
                false => Err(invalid_code(arguments)),
            };
        }
        let code = word.parse().ok().filter(|code| *code >= 200);
        let status = code.and_then(Status::new).ok_or_else(|| invalid_code(arguments))?;
        let text = match arguments.len() {
            1 => Template::literal(""),
            _ => arguments.template(1)?,
        };
        if status.is_redirect_with_location() {
            if text.is_empty() {
                let warning = Diagnostic::warning(arguments.place(0), format!("a redirect with {word} leads nowhere"));
                arguments.warn(warning.label("expected a URL behind it").lint(&lint::EMPTY_REDIRECT));
            }
            return Ok(Self::Redirect { status, location: text });
        }
        Ok(match status.code() {
            200..400 => Self::Text { status, text },
            _ if !text.is_empty() => Self::Text { status, text },
            408 | 444 | 499 => Self::Close(status),
            _ => Self::Fail(status),
        })
    }

    /// The outcome for an exchange.
    pub(super) fn outcome(&self, exchange: &mut Exchange) -> Outcome {
        match self {
            Self::Close(status) => {
                exchange.record.status = Some(*status);
                Outcome::Close
            }
            Self::Fail(status) => Outcome::Fail(*status),
            Self::Redirect { status, location } => {
                Outcome::RedirectTo { status: *status, location: location.render_bytes(exchange) }
            }
            Self::Text { status, text } => {
                // What the text says of `$status` is what is being sent.
                exchange.record.status = exchange.error.status.or(Some(*status));
                let text = text.render_bytes(exchange);
                exchange.record.status = None;
                Outcome::Respond(boxed(|| with_text(exchange, *status, text)))
            }
        }
    }
}

fn invalid_code(arguments: &Arguments<'_>) -> Diagnostic {
    let word = arguments.word(0);
    let error = arguments.error(0, format!("invalid return code \"{word}\""));
    if word.starts_with('/') && arguments.len() == 1 {
        return error.label("expected a code before a path").help(format!("write `return 302 {word}`"));
    }
    let expected = "expected a code from 200 to 999, or a URL that begins with `http://`, `https://` or `$scheme`";
    error.label(expected)
}

fn with_text(exchange: &Exchange, status: Status, text: Bytes) -> Response {
    let mut response = Response::new(status);
    if !status.forbids_body() {
        response.content_type = exchange.plan.settings.content_type(&exchange.uri).cloned();
        response.body = Body::Bytes(text);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::super::Rewrite;
    use super::super::script::{Script, Step};
    use super::*;
    use crate::config::testing::{plan_at, refused, warned};
    use crate::exchange::plan::Stage;
    use crate::exchange::test_support::template;
    use crate::exchange::testing::Location;

    fn text(code: u16, text: &str) -> Answer {
        Answer::Text { status: Status::new(code).unwrap(), text: template(text) }
    }

    fn site(answer: Answer) -> Location {
        Location::new(|plan| {
            plan.handler(Stage::Rewrite, Script::new([(Step::Return(answer), "a.conf:1".into())].into()))
        })
    }
    #[test]
    fn a_text_has_the_type_of_the_paths_extension() {
        let html = site(text(200, "at $uri")).get("/a.html");
        assert_eq!((html.status, html.text(), html.content_type()), (200, "at /a.html", Some("text/html")));
        let plain = site(text(404, "none")).get("/a");
        assert_eq!((plain.status, plain.text(), plain.content_type()), (404, "none", Some("text/plain")));
    }

    #[test]
    fn an_answer_without_content_has_no_type() {
        let empty = site(text(204, "text")).get("/a");
        assert_eq!((empty.status, empty.text(), empty.content_type()), (204, "", None));
    }

    #[test]
    fn an_error_without_text_has_its_page() {
        let answer = site(Answer::Fail(Status::GONE)).get("/");
        assert_eq!(answer.status, 410);
        assert!(answer.text().contains("410"));
    }

    #[test]
    fn a_redirect_to_a_path_is_made_absolute() {
        let redirect = |location: &str| {
            let answer = site(Answer::Redirect { status: Status::SEE_OTHER, location: template(location) }).get("/x?y");
            assert_eq!(answer.status, 303);
            answer.location().unwrap().to_owned()
        };
        assert_eq!(redirect("/new$uri?$args"), "http://a:8080/new/x?y");
        assert_eq!(redirect("https://example.org/"), "https://example.org/");
    }

    #[test]
    fn a_location_does_not_answer_as_the_block_around_it() {
        let stages = |text: &str, path: &str| plan_at::<Rewrite>(text, path).has_stage(Stage::Rewrite);
        assert!(stages("server { return 404; }", "/"));
        let nested = "server { return 404; location / { return 200; location /a { } } }";
        assert!(stages(nested, "/"));
        assert!(!stages(nested, "/a"));
    }

    #[test]
    fn codes_and_urls_are_told_from_nonsense() {
        for text in ["foo", "1000", "-1", "+200", "99", "100", "$x", "\"\"", "HTTP://a", "http://a b"] {
            let report = refused::<Rewrite>(&format!("return {text};"));
            assert!(report.contains("invalid return code"), "{text}: {report}");
        }
        assert!(refused::<Rewrite>("return /x;").contains("write `return 302 /x`"));
    }

    #[test]
    fn what_is_surely_a_mistake_is_warned_of() {
        assert!(warned::<Rewrite>("return 301;").contains("leads nowhere"));
    }
}

//! Who may ask, by the answer to a subrequest: `auth_request`, `auth_request_set`.
//!
//! A handler of the stage `Access`, behind those of addresses and passwords, as in nginx. It makes the subrequest and
//! judges its status; what answers it is an ordinary location.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::subrequest::{Subrequest, SubrequestError};
use crate::exchange::template::Template;
use crate::exchange::variables::Assignee;
use crate::http::headers::names;
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct AuthRequest;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    uri: Option<Bytes>,
    variables: Arc<[Variable]>,
}

/// One `auth_request_set`.
#[derive(Clone, Debug)]
struct Variable {
    assignee: Assignee,
    value: Template,
}

impl Default for Conf {
    fn default() -> Self {
        Self { uri: None, variables: Arc::from([]) }
    }
}

impl Module for AuthRequest {
    type Conf = Conf;

    const NAME: &'static str = "auth_request";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "auth_request",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("URI | off"),
            repeat: Repeat::Once,
            set: set_uri,
            default: "off",
            doc: "Asks this path of the server first, in a request of its own, and lets its status decide: 2xx lets the \
                  client pass; 401, sent with the answer's `WWW-Authenticate`, and 403 refuse it; any other is an error, \
                  500. The path is taken as it is: it has neither variables nor arguments. The location that answers may \
                  be `internal`. It is asked with GET and the fields of the client's request, but without content, so \
                  that, unlike in nginx, its `client_max_body_size` does not matter; its own access rules are not looked \
                  at. Its answer's content is thrown away.",
            example: "auth_request /auth;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "auth_request_set",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::exactly(2, "$VARIABLE VALUE"),
            repeat: Repeat::Many,
            set: add_variable,
            default: "",
            doc: "Sets a variable when `auth_request` has its answer, whatever that is. The value may hold variables; they \
                  are those of the request that was made: `$status`, `$sent_http_name` and `$uri` are its own. Of webserv's \
                  own variables those can be set that `set` can set. A block with such lines has none of those around it.",
            example: "auth_request_set $auth_status $status;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if let Some(uri) = &conf.uri {
            plan.handler(Stage::Access, Ask { uri: uri.clone(), variables: Arc::clone(&conf.variables) });
        }
        Ok(())
    }
}

fn set_uri(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    conf.uri = match arguments.word(0) {
        "off" | "" => None,
        _ => Some(arguments.subrequest_uri(0)?),
    };
    Ok(())
}

fn add_variable(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let variable = Variable { assignee: arguments.receiver(0)?, value: arguments.template(1)? };
    let mut variables = if arguments.first_in_block() { Vec::new() } else { conf.variables.to_vec() };
    variables.push(variable);
    conf.variables = variables.into();
    Ok(())
}

/// Asks the path, and judges its answer.
#[derive(Debug)]
struct Ask {
    uri: Bytes,
    variables: Arc<[Variable]>,
}

impl Handler for Ask {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        Handling::Later(Box::pin(self.ask(exchange)))
    }
}

impl Ask {
    async fn ask(&self, exchange: &mut Exchange) -> Outcome {
        let answered = match Subrequest::of(exchange, self.uri.clone(), Bytes::new()) {
            Ok(subrequest) => subrequest.answer().await,
            Err(error) => Err(error),
        };
        let answered = match answered {
            Ok(answered) => answered,
            Err(SubrequestError::Closed(status)) => {
                exchange.record.status = Some(status);
                return Outcome::Close;
            }
            Err(SubrequestError::Cycle | SubrequestError::TooMany) => {
                return Outcome::Fail(Status::INTERNAL_SERVER_ERROR);
            }
        };
        let status = answered.status();
        if status == Status::UNAUTHORIZED {
            for challenge in answered.response().headers.get_all(names::WWW_AUTHENTICATE) {
                exchange.error.challenge(challenge.clone());
            }
        }
        let asked = answered.finish();
        for variable in &*self.variables {
            variable.assignee.assign(exchange, variable.value.render_bytes(&asked));
        }
        judge(exchange, status)
    }
}

fn judge(exchange: &Exchange, status: Status) -> Outcome {
    match status.code() {
        200..300 => Outcome::Granted,
        401 | 403 => Outcome::Fail(status),
        code => {
            exchange.report(Severity::Error, format_args!("auth request unexpected status: {code}"));
            Outcome::Fail(Status::INTERNAL_SERVER_ERROR)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused, warned};
    use crate::exchange::response::Response;
    use crate::exchange::test_support::template;
    use crate::exchange::testing::{Answer, Location};
    use crate::exchange::variables::Slot;

    /// Answers subrequests with a status and two challenges, and the client with the variable.
    #[derive(Debug)]
    struct Content(u16);

    impl Handler for Content {
        fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
            let mut response = Response::new(Status::new(self.0).unwrap());
            if exchange.is_subrequest() {
                response.headers.append("WWW-Authenticate", "Basic");
                response.headers.append("www-authenticate", "Negotiate");
            } else {
                let set = exchange.slot(Slot(1)).unwrap_or_default();
                response = Response::with_bytes(Status::OK, "text/plain", set);
            }
            Outcome::Respond(Box::new(response)).into()
        }
    }

    fn asked(status: u16) -> Answer {
        let variables = [Variable {
            assignee: Assignee::Slot(Slot(1)),
            value: template("$uri: $status $sent_http_www_authenticate"),
        }];
        let ask = Ask { uri: Bytes::from_static(b"/auth"), variables: variables.into() };
        let site = Location::new(|plan| {
            plan.handler(Stage::Access, ask);
            plan.handler(Stage::Content, Content(status));
        });
        site.get("/page")
    }

    #[test]
    fn success_lets_the_client_pass_and_sets_variables() {
        assert_eq!(asked(200).text(), "/auth: 200 Basic, Negotiate");
        assert_eq!(asked(299).text(), "/auth: 299 Basic, Negotiate");
    }

    #[test]
    fn a_refusal_is_the_clients_with_all_challenges() {
        let refusal = asked(401);
        let challenges: Vec<_> = refusal.response.headers.get_all(b"WWW-Authenticate").collect();
        assert_eq!(refusal.status, 401);
        assert_eq!(challenges, ["Basic", "Negotiate"]);
        let refusal = asked(403);
        assert_eq!((refusal.status, refusal.header("www-authenticate")), (403, None));
    }

    #[test]
    fn anything_else_is_an_error() {
        assert_eq!([302, 404, 500, 304].map(|status| asked(status).status), [500; 4]);
    }

    #[test]
    fn off_ends_what_a_block_around_has_begun() {
        let asks = |text: &str| plan_at::<AuthRequest>(text, "/").has_stage(Stage::Access);
        assert!(asks("auth_request /auth; server { location / { } }"));
        for off in ["off", "\"\""] {
            assert!(!asks(&format!("auth_request /auth; server {{ location / {{ auth_request {off}; }} }}")));
        }
        assert!(!asks("server { auth_request_set $a b; }"));
    }

    #[test]
    fn variables_of_a_block_replace_those_around_it() {
        let shown = |text: &str| format!("{:?}", plan_at::<AuthRequest>(text, "/").handlers);
        let nested =
            "auth_request /auth; auth_request_set $a outer; server { location / { auth_request_set $a inner; } }";
        assert!(shown(nested).contains("inner") && !shown(nested).contains("outer"));
        assert!(shown("auth_request /auth; auth_request_set $a outer; server { location / { } }").contains("outer"));
    }

    #[test]
    fn what_is_no_path_or_no_variable_is_refused() {
        for (text, reason) in [
            ("auth_request auth;", "invalid URI \"auth\""),
            ("auth_request http://a/;", "invalid URI"),
            ("auth_request_set a b;", "invalid variable name \"a\""),
            ("auth_request_set $ b;", "invalid variable name \"$\""),
            ("auth_request_set $a-b c;", "invalid variable name \"$a-b\""),
            ("auth_request_set $uri b;", "the duplicate \"uri\" variable"),
            ("auth_request /a; auth_request /b;", "duplicate"),
        ] {
            let report = refused::<AuthRequest>(text);
            assert!(report.contains(reason), "{text}: {report}");
        }
    }

    #[test]
    fn what_only_looks_like_arguments_or_variables_is_warned_of() {
        assert!(
            warned::<AuthRequest>("auth_request /auth?a=b;")
                .contains("the \"?\" in \"/auth?a=b\" is a part of the path")
        );
        assert!(warned::<AuthRequest>("auth_request /$host;").contains("variables have no meaning here"));
    }
}

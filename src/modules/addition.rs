//! Content before and after that of responses: `add_before_body`, `add_after_body`, `addition_types`.
//!
//! A filter behind those of the response's fields and before that of ranges, as in nginx. It puts the content of
//! subrequests around the body; each is made when its place is reached.

use std::sync::Arc;

use bytes::Bytes;

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::body::Body;
use crate::exchange::plan::{Filter, PlanBuilder};
use crate::exchange::response::Response;
use crate::exchange::subrequest::Subrequests;
use crate::http::media_types::MediaTypes;
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct Addition;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    before: Option<Bytes>,
    after: Option<Bytes>,
    types: Arc<MediaTypes>,
}

impl Default for Conf {
    fn default() -> Self {
        Self { before: None, after: None, types: Arc::new(MediaTypes::html()) }
    }
}

impl Module for Addition {
    type Conf = Conf;

    const NAME: &'static str = "addition";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "add_before_body",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("URI"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.before = uri(arguments)?;
                Ok(())
            },
            default: "",
            doc: "Puts the content of this path of the server, asked for in a request of its own, before the content of \
                  responses with the status 200 and a type of `addition_types`; whatever that request is answered with. \
                  Such responses are sent without length and ranges, and with a weak entity tag. The path is taken as it \
                  is: it has neither variables nor arguments. An empty one adds nothing.",
            example: "add_before_body /header.html;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "add_after_body",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("URI"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.after = uri(arguments)?;
                Ok(())
            },
            default: "",
            doc: "Puts the content of this path of the server behind the content of responses. See `add_before_body`.",
            example: "add_after_body /footer.html;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "addition_types",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::at_least(1, "TYPE..."),
            repeat: Repeat::Many,
            set: |conf, arguments| {
                if arguments.first_in_block() {
                    conf.types = Arc::new(MediaTypes::html());
                }
                arguments.add_media_types(Arc::make_mut(&mut conf.types));
                Ok(())
            },
            default: "text/html",
            doc: "Content of these types, and of `text/html`, has content added to it; `*` stands for every type. Unlike in \
                  nginx the parameters of a type (`; charset=utf-8`) do not matter wherever it was set.",
            example: "addition_types text/plain;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if conf.before.is_some() || conf.after.is_some() {
            let Conf { before, after, types } = conf.clone();
            plan.filter(AddContent { before, after, types });
        }
        Ok(())
    }
}

fn uri(arguments: &Arguments<'_>) -> Result<Option<Bytes>, Diagnostic> {
    if arguments.word(0).is_empty() {
        return Ok(None);
    }
    arguments.subrequest_uri(0).map(Some)
}

/// Puts content around the body.
#[derive(Debug)]
struct AddContent {
    before: Option<Bytes>,
    after: Option<Bytes>,
    types: Arc<MediaTypes>,
}

impl Filter for AddContent {
    fn apply(&self, exchange: &mut Exchange, response: &mut Response) {
        if response.status != Status::OK || !self.types.contains(response.content_type.as_deref()) {
            return;
        }
        response.content_changes();
        let subrequests = Subrequests::of(exchange);
        let content = |uri: &Bytes| subrequests.body(uri.clone(), Bytes::new());
        let main = std::mem::replace(&mut response.body, Body::Empty);
        let bodies = [self.before.as_ref().map(content), Some(main), self.after.as_ref().map(content)];
        response.body = Body::chain(bodies.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused, warned};
    use crate::exchange::plan::{Handler, Handling, Outcome, Stage};
    use crate::exchange::testing::{Answer, Location};

    /// Answers subrequests with their path, and the client with `main` of this type.
    #[derive(Debug)]
    struct Content(u16, &'static str);

    impl Handler for Content {
        fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
            let response = if exchange.is_subrequest() {
                Response::with_bytes(Status::NOT_FOUND, "text/plain", exchange.uri.clone())
            } else {
                let status = Status::new(self.0).unwrap();
                let mut response = Response::with_bytes(status, self.1, &b" main "[..]);
                response.ranges = true;
                response.headers.append("ETag", "\"tag\"");
                response.headers.append("Accept-Ranges", "bytes");
                response
            };
            Outcome::Respond(Box::new(response)).into()
        }
    }

    fn answer(before: Option<&'static str>, after: Option<&'static str>, content: Content) -> Answer {
        let uri = |uri: &'static str| Bytes::from_static(uri.as_bytes());
        let filter = AddContent { before: before.map(uri), after: after.map(uri), types: Arc::new(MediaTypes::html()) };
        let site = Location::new(|plan| {
            plan.handler(Stage::Content, content);
            plan.filter(filter);
        });
        site.get("/page")
    }

    #[test]
    fn content_of_subrequests_stands_around_the_content() {
        let content = || Content(200, "text/html; charset=utf-8");
        assert_eq!(answer(Some("/a"), Some("/b"), content()).text(), "/a main /b");
        assert_eq!(answer(Some("/a"), None, content()).text(), "/a main ");
        assert_eq!(answer(None, Some("/b"), content()).text(), " main /b");
    }

    #[test]
    fn what_is_added_to_has_neither_length_nor_ranges_and_a_weak_tag() {
        let added = answer(Some("/a"), None, Content(200, "text/html")).response;
        assert!(!added.ranges && !added.headers.contains(b"Accept-Ranges"));
        assert_eq!(added.headers.get(b"ETag").unwrap(), "W/\"tag\"");
    }

    #[test]
    fn other_statuses_and_types_are_left_alone() {
        for content in [Content(200, "text/plain"), Content(404, "text/html"), Content(206, "text/html")] {
            let left = answer(Some("/a"), Some("/b"), content);
            assert_eq!((left.text(), left.header("etag")), (" main ", Some("\"tag\"")));
            assert!(left.response.ranges);
        }
    }

    #[test]
    fn settings_are_inherited_and_an_empty_path_ends_them() {
        let shown = |text: &str| format!("{:?}", plan_at::<Addition>(text, "/").filters);
        let outer = "add_before_body /a; add_after_body /b; addition_types text/plain;";
        let nested = |inner: &str| shown(&format!("{outer} server {{ location / {{ {inner} }} }}"));
        assert!(nested("").contains("/a") && nested("").contains("/b") && nested("").contains("text/plain"));
        assert!(!nested("add_before_body '';").contains("/a"));
        assert_eq!(nested("add_before_body ''; add_after_body '';"), "[]");
        let types = nested("addition_types text/css; addition_types text/xml;");
        assert!(types.contains("text/html") && types.contains("text/css") && types.contains("text/xml"));
        assert!(!types.contains("text/plain"));
    }

    #[test]
    fn what_is_no_path_is_refused_and_a_type_named_twice_warned_of() {
        assert!(refused::<Addition>("add_before_body a.html;").contains("invalid URI \"a.html\""));
        assert!(warned::<Addition>("addition_types a/b a/B;").contains("duplicate MIME type \"a/B\""));
        assert!(warned::<Addition>("addition_types text/html;").contains("duplicate MIME type \"text/html\""));
    }
}

//! A picture of one transparent pixel from memory: `empty_gif` (nginx's empty_gif module).
//!
//! The first of the content handlers, for nothing else answers where it stands. Reads no file.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Inherit, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::response::Response;
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct EmptyGif;

/// What its directive sets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conf {
    enabled: bool,
}

impl Module for EmptyGif {
    type Conf = Conf;

    const NAME: &'static str = "empty_gif";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "empty_gif",
        contexts: Contexts::LOCATION,
        args: Shape::NONE,
        repeat: Repeat::Many,
        set: |conf, _| {
            conf.enabled = true;
            Ok(())
        },
        default: "",
        doc: "Answers with a GIF picture of one transparent pixel, last changed on 28 September 1970. A nested location \
              does not inherit it. Methods other than GET and HEAD are not allowed (405).",
        example: "empty_gif;",
        origin: Origin::Nginx,
    }];

    const KEEPS_TO_ITS_BLOCK: bool = true;

    const INHERIT: Option<Inherit<Conf>> = Some(|_| Conf::default());
    const INHERITS_ALL: fn(&Conf) -> bool = |conf| !conf.enabled;
    const INHERIT_IN_IF: Option<Inherit<Conf>> = None;

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if conf.enabled {
            plan.handler(Stage::Content, SendPixel);
        }
        Ok(())
    }
}

/// Answers with the picture.
#[derive(Debug)]
struct SendPixel;

impl Handler for SendPixel {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        if !exchange.method.is_get_or_head() {
            exchange.error.allow = Some(Bytes::from_static(b"GET, HEAD"));
            return Outcome::Fail(Status::METHOD_NOT_ALLOWED).into();
        }
        let (content_type, content) = (Bytes::from_static(b"image/gif"), Bytes::from_static(PIXEL));
        let mut response = Response::with_bytes(Status::OK, content_type, content);
        response.last_modified = Some(UNIX_EPOCH + LAST_MODIFIED);
        Outcome::Respond(Box::new(response)).into()
    }
}

/// nginx's date: Mon, 28 Sep 1970 06:00:00 GMT.
const LAST_MODIFIED: Duration = Duration::from_secs(23_349_600);

/// GIF89a: the screen, two colours, transparency, the picture of one pixel, the end.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x01\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x01\x00,\
                       \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02L\x01\x00;";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::plan_at;
    use crate::exchange::testing::Location;

    #[test]
    fn the_picture_has_43_bytes_and_a_date() {
        let answer = Location::new(|plan| plan.handler(Stage::Content, SendPixel)).get("/any.html");
        assert_eq!((answer.status, answer.body.len()), (200, 43));
        assert_eq!(answer.content_type(), Some("image/gif"));
        assert!(answer.response.last_modified.is_some() && !answer.response.ranges);
    }

    #[test]
    fn other_methods_are_told_which_are_allowed() {
        let site = Location::new(|plan| plan.handler(Stage::Content, SendPixel));
        let answer = site.request("POST / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    }

    #[test]
    fn a_nested_location_does_not_inherit_it() {
        let text = "server { location / { empty_gif; location /a { } } }";
        assert!(plan_at::<EmptyGif>(text, "/").has_stage(Stage::Content));
        assert!(!plan_at::<EmptyGif>(text, "/a").has_stage(Stage::Content));
    }
}

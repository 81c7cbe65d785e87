//! What the server tells of itself: `server_tokens`.
//!
//! Puts its setting into the plan; the head of every response and the built-in pages are written by it.

use bytes::Bytes;

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::ServerTokens as Tokens;

/// The module.
#[derive(Debug)]
pub struct ServerTokens;

/// What its directive sets.
#[derive(Clone, Debug)]
pub struct Conf(Tokens);

impl Default for Conf {
    fn default() -> Self {
        Self(Tokens::On)
    }
}

impl Module for ServerTokens {
    type Conf = Conf;

    const NAME: &'static str = "server_tokens";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "server_tokens",
        contexts: Contexts::HTTP_SERVER_LOCATION,
        args: Shape::one("on | off | build | TEXT"),
        repeat: Repeat::Once,
        set: |conf, arguments| {
            conf.0 = tokens(arguments)?;
            Ok(())
        },
        default: "on",
        doc: "What the field `Server` and the built-in pages tell: name and version (`on`, and `build`, which tells no more \
              here), or the name alone (`off`). Any other text is told in their place; with an empty one there is no field. \
              It holds no variables.",
        example: "server_tokens off;",
        origin: Origin::Nginx,
    }];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.server_tokens = conf.0.clone();
        Ok(())
    }
}

fn tokens(arguments: &Arguments<'_>) -> Result<Tokens, Diagnostic> {
    match arguments.word(0) {
        "on" => Ok(Tokens::On),
        "off" => Ok(Tokens::Off),
        "build" => Ok(Tokens::Build),
        text if text.contains('$') => {
            let error = arguments.error(0, "variables are not supported in the \"server_tokens\" directive");
            Err(error.label("expected `on`, `off`, `build` or a text without `$`"))
        }
        text if text.contains(char::is_control) => {
            Err(arguments.error(0, format!("invalid value {text:?} in \"server_tokens\" directive")))
        }
        text => Ok(Tokens::Text(Bytes::copy_from_slice(text.as_bytes()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused};

    fn told(text: &str) -> Tokens {
        plan_at::<ServerTokens>(&format!("server {{ {text} }}"), "/").settings.server_tokens.clone()
    }

    #[test]
    fn a_text_is_told_in_place_of_the_name() {
        assert_eq!(told(""), Tokens::On);
        assert_eq!(told("server_tokens build;"), Tokens::Build);
        assert_eq!(told("server_tokens 'A Server';"), Tokens::Text(Bytes::from_static(b"A Server")));
        assert_eq!(told("server_tokens '';"), Tokens::Text(Bytes::new()));
    }

    #[test]
    fn a_text_cannot_break_the_head_and_has_no_variables() {
        assert!(refused::<ServerTokens>("server_tokens 'a\nb';").contains("invalid value"));
        assert!(refused::<ServerTokens>("server_tokens $host;").contains("variables are not supported"));
    }
}

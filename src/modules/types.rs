//! What files are called to clients: `types` and `default_type`.
//!
//! Puts the table into the settings of the location; whoever serves a file looks its type up there.
//! Guesses nothing from content.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::Settings;
use crate::http::mime::MimeTypes;

/// The module.
#[derive(Debug)]
pub struct Types;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    types: Arc<MimeTypes>,
    default_type: Bytes,
}

impl Default for Conf {
    fn default() -> Self {
        let Settings { types, default_type, .. } = Settings::default();
        Self { types, default_type }
    }
}

impl Module for Types {
    type Conf = Conf;

    const NAME: &'static str = "types";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "types",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Block { min: 0, max: 0, names: "{ TYPE EXTENSION...; ... }" },
            repeat: Repeat::Many,
            set: set_types,
            default: "{ text/html html; image/gif gif; image/jpeg jpg; }",
            doc: "Gives files the content type of their extension, in whatever case. The table takes the place of the \
                  one around it; an empty one leaves everything to `default_type`. A full table is in `mime.types`.",
            example: "types { text/html html htm; image/png png; }",
            origin: Origin::Nginx,
        },
        Directive {
            name: "default_type",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("TYPE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.default_type = Bytes::copy_from_slice(arguments.word(0).as_bytes());
                Ok(())
            },
            default: "text/plain",
            doc: "The content type of files whose extension `types` does not know. With an empty one they have none.",
            example: "default_type application/octet-stream;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "types_hash_max_size",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |_, arguments| arguments.number::<u32>(0).map(drop),
            default: "1024",
            doc: "nginx's tables must be given a size; those of webserv have the size they need.",
            example: "types_hash_max_size 2048;",
            origin: Origin::NginxNoEffect,
        },
        Directive {
            name: "types_hash_bucket_size",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |_, arguments| arguments.number::<u32>(0).map(drop),
            default: "64",
            doc: "nginx's tables must be given a size; those of webserv have the size they need.",
            example: "types_hash_bucket_size 128;",
            origin: Origin::NginxNoEffect,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.types = Arc::clone(&conf.types);
        plan.settings.default_type = conf.default_type.clone();
        Ok(())
    }
}

fn set_types(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    // A second block beside the first adds to it; what the enclosing block had is dropped.
    let mut types = match arguments.first_in_block() {
        true => MimeTypes::default(),
        false => (*conf.types).clone(),
    };
    // Where the extensions of this block stand.
    let mut places = HashMap::new();
    for entry in arguments.entries() {
        let content_type = Bytes::copy_from_slice(entry.name().as_bytes());
        for (index, extension) in entry.words().enumerate() {
            let first = places.insert(extension.to_ascii_lowercase(), entry.place(index));
            let Some(previous) = types.insert(extension.as_bytes(), content_type.clone()) else { continue };
            let message = format!(
                "duplicate extension \"{extension}\", content type: \"{}\", previous content type: \"{}\"",
                entry.name(),
                String::from_utf8_lossy(&previous),
            );
            let warning = Diagnostic::warning(entry.place(index), message).lint(&lint::DUPLICATE_MIME_TYPE);
            arguments.warn(match first {
                Some(first) => warning.label("the last one holds").related(first, "first here"),
                None => warning.label("the last one holds"),
            });
        }
    }
    conf.types = Arc::new(types);
    Ok(())
}

//! Variables by other variables: `map`.
//!
//! Reads the block into a table (`table`), which is the variable's definition: looked up when the variable is first
//! read, not before. The sizes of nginx's hash tables are accepted; ours have the size they need.

mod table;

use std::collections::HashMap;

use self::table::{Map, Target};
use crate::base::suggest::nearest;
use crate::config::arguments::Arguments;
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::lint;
use crate::config::named_regex::NamedRegex;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::template::Template;
use crate::route::names::{Name, NameTableBuilder};

/// The module.
#[derive(Debug)]
pub struct Maps;

impl Module for Maps {
    type Conf = ();

    const NAME: &'static str = "map";

    const DIRECTIVES: &'static [Directive<()>] = &[
        Directive {
            name: "map",
            contexts: Contexts::HTTP,
            args: Shape::Block { min: 2, max: 2, names: "STRING $VARIABLE { KEY VALUE; ... }" },
            repeat: Repeat::Many,
            set: |(), arguments| set_map(arguments),
            default: "",
            doc: "Defines a variable whose value depends on STRING, which may hold several variables. It is looked up when the \
                  variable is first read in a request. A KEY is a text, in any case of its letters, or a regular \
                  expression behind `~` or `~*` (without regard to case), whose groups can be used in VALUE and in what \
                  follows. A text goes before the first expression that matches, in the order of the file, and that \
                  before `default`; without `default` the rest is empty. With `hostnames;` before the keys they may be \
                  `*.example.org`, `.example.org` (which is that and `example.org`) and `www.example.*`: an exact name goes \
                  before the longest that begins with a star, that before the longest that ends with one. \
                  `volatile;` has the value looked up each time it is read. `include FILE;` reads keys from a file. A KEY \
                  that is one of these words, or begins with `~`, is written with `\\` before it. VALUE may hold variables. \
                  `set` may give the variable another value for the rest of a request.",
            example: "map $http_user_agent $mobile { default 0; \"~Opera Mini\" 1; }",
            origin: Origin::Nginx,
        },
        Directive {
            name: "map_hash_max_size",
            contexts: Contexts::HTTP,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |(), arguments| arguments.number::<u32>(0).map(drop),
            default: "2048",
            doc: "nginx's tables must be given a size; those of webserv have the size they need.",
            example: "map_hash_max_size 4096;",
            origin: Origin::NginxNoEffect,
        },
        Directive {
            name: "map_hash_bucket_size",
            contexts: Contexts::HTTP,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |(), arguments| arguments.number::<u32>(0).map(drop),
            default: "64",
            doc: "nginx's tables must be given a size; those of webserv have the size they need.",
            example: "map_hash_bucket_size 128;",
            origin: Origin::NginxNoEffect,
        },
    ];
}

fn set_map(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    // First, so that a block that is wrong does not make the variable unknown.
    let variable = arguments.new_variable(1)?;
    let source = arguments.template(0).map_err(|error| arguments.warn(error));
    let mut reader = Reader::default();
    arguments.each_entry(|entry| reader.entry(entry))?;
    if let Ok(source) = source {
        let volatile = reader.volatile;
        arguments.compute_by(variable, Box::new(reader.finish(source)), volatile);
    }
    Ok(())
}

/// Collects the lines of a block.
#[derive(Default)]
struct Reader<'a> {
    hostnames: bool,
    volatile: bool,
    default: Option<(u32, Place)>,
    keys: NameTableBuilder<Target>,
    /// Where the first key stands that `hostnames` before it would give another meaning.
    first_mask: Option<Place>,
    regexes: Vec<(NamedRegex, u32)>,
    values: Vec<Template>,
    /// Values without variables that came before: thousands of keys often have two of them.
    literals: HashMap<&'a str, u32>,
}

impl<'a> Reader<'a> {
    fn entry(&mut self, entry: &Arguments<'a>) -> Result<(), Diagnostic> {
        let key = entry.name();
        match (key, entry.len()) {
            ("hostnames", 0) => {
                self.hostnames(entry);
                return Ok(());
            }
            ("volatile", 0) => {
                self.volatile = true;
                return Ok(());
            }
            (_, 1) => {}
            _ => return Err(wrong_count(entry)),
        }
        let value = self.value(entry)?;
        if key == "default" {
            return self.set_default(entry, value);
        }
        if let Some(pattern) = key.strip_prefix('~') {
            let case_insensitive = pattern.starts_with('*');
            let regex = entry.regex_in_name(if case_insensitive { 2 } else { 1 }, case_insensitive)?;
            self.regexes.push((regex, value));
            return Ok(());
        }
        self.key(entry, key.strip_prefix('\\').unwrap_or(key), value)
    }

    fn hostnames(&mut self, entry: &Arguments<'_>) {
        self.hostnames = true;
        if let Some(first) = self.first_mask {
            let warning = Diagnostic::warning(entry.place_of_name(), "\"hostnames\" stands behind keys");
            let warning = warning.label("it is about the keys behind it").lint(&lint::MAP_LATE_HOSTNAMES);
            entry.warn(warning.related(first, "here a star or a dot stands for itself"));
        }
    }

    fn set_default(&mut self, entry: &Arguments<'_>, value: u32) -> Result<(), Diagnostic> {
        let place = entry.place_of_name();
        if let Some((_, first)) = self.default {
            let error = Diagnostic::error(place, "duplicate default map parameter");
            return Err(error.related(first, "the first is here"));
        }
        self.default = Some((value, place));
        Ok(())
    }

    fn key(&mut self, entry: &Arguments<'_>, key: &str, value: u32) -> Result<(), Diagnostic> {
        let place = entry.place_of_name();
        let name = match self.hostnames {
            false => Name::exact(key),
            true => Name::parse_mask(key).map_err(|_| {
                Diagnostic::error(place, format!("invalid hostname or wildcard \"{key}\""))
                    .label("a star stands for whole labels, at the start or at the end")
            })?,
        };
        if let Some(first) = self.keys.existing(&name) {
            let error = Diagnostic::error(place, format!("conflicting parameter \"{key}\""));
            return Err(error.related(first.place, "the same is meant here"));
        }
        if !self.hostnames && (key.starts_with(['*', '.']) || key.ends_with(".*")) {
            self.first_mask.get_or_insert(place);
        }
        // Nothing stands in its way, as was just seen.
        let _ = self.keys.insert(name, Target { value, place });
        Ok(())
    }

    /// The number of a value.
    fn value(&mut self, entry: &Arguments<'a>) -> Result<u32, Diagnostic> {
        let text = entry.word(0);
        if let Some(known) = self.literals.get(text) {
            return Ok(*known);
        }
        let template = entry.template(0)?;
        // Each value takes two bytes of a text, and texts are far below the limit of 32 bits.
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        if template.as_literal().is_some() {
            self.literals.insert(text, number);
        }
        self.values.push(template);
        Ok(number)
    }

    fn finish(self, source: Template) -> Map {
        Map {
            source,
            hostnames: self.hostnames,
            keys: self.keys.build(),
            regexes: self.regexes,
            default: self.default.map(|(value, _)| value),
            values: self.values,
        }
    }
}

fn wrong_count(entry: &Arguments<'_>) -> Diagnostic {
    let error = Diagnostic::error(entry.whole(), "invalid number of the map parameters");
    let parameters = ["hostnames", "volatile"];
    match nearest(entry.name(), parameters).filter(|_| entry.is_empty()) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error.label("expected a key and one value"),
    }
}

//! A small table of directives, shaped like nginx's.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use crate::config::arguments::Arguments;
use crate::config::build::{Build, Listen, ProcessBuilder, ServerBuilder};
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::schema::{AnyModule, Contexts, Directive, Erased, Inherit, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::template::Template;
use crate::exchange::variables::{Variable, VariableKind};
use crate::route::names::Name;
use crate::runtime::listen::{Address, ListenOptions};

/// The modules of the tests.
pub(super) static MODULES: &[&'static dyn AnyModule] =
    &[&Erased::<Sites>::NEW, &Erased::<Files>::NEW, &Erased::<Answers>::NEW];

/// Addresses, names, events.
struct Sites;

#[derive(Clone, Default)]
struct SitesConf {
    listens: Vec<Listen>,
    names: Vec<(Name, Place)>,
    connections: usize,
}

/// What everybody inherits.
struct Files;

#[derive(Clone, Default)]
struct FilesConf {
    root: Option<Template>,
    index: Vec<String>,
    pages: Vec<String>,
    types: Vec<String>,
    numbers: Vec<String>,
    log: Option<String>,
}

/// What nobody inherits.
struct Answers;

#[derive(Clone, Default)]
struct AnswersConf {
    answer: Option<Template>,
    denied: bool,
}

const fn directive<C>(
    name: &'static str,
    contexts: Contexts,
    args: Shape,
    repeat: Repeat,
    set: fn(&mut C, &mut Arguments<'_>) -> Result<(), Diagnostic>,
) -> Directive<C> {
    let (default, doc, example) = ("", "A directive of the tests.", "");
    Directive { name, contexts, args, repeat, set, default, doc, example, origin: Origin::Nginx }
}

const fn variable(name: &'static str, kind: VariableKind) -> Variable {
    Variable { name, kind, get: |_exchange, _member, _out| false, doc: "A variable of the tests." }
}

const ALL: Contexts = Contexts::HTTP_SERVER_LOCATION;

impl Module for Sites {
    type Conf = SitesConf;
    const NAME: &'static str = "sites";
    const DIRECTIVES: &'static [Directive<SitesConf>] = &[
        directive("listen", Contexts::SERVER, Shape::at_least(1, "PORT [PARAMETER...]"), Repeat::Many, listen),
        directive("server_name", Contexts::SERVER, Shape::at_least(1, "NAME..."), Repeat::Many, |conf, args| {
            for index in 0..args.len() {
                let name = Name::parse(args.word(index)).map_err(|error| args.error(index, error.to_string()))?;
                conf.names.push((name, args.place(index)));
            }
            Ok(())
        }),
        directive("worker_connections", Contexts::EVENTS, Shape::one("NUMBER"), Repeat::Once, |conf, args| {
            conf.connections = args.number(0)?;
            Ok(())
        }),
    ];

    fn process(conf: &SitesConf, process: &mut ProcessBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        process.connections_max = conf.connections;
        Ok(())
    }

    fn server(conf: &SitesConf, server: &mut ServerBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        server.listens.clone_from(&conf.listens);
        server.names.clone_from(&conf.names);
        Ok(())
    }
}

fn listen(conf: &mut SitesConf, args: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let address = Address::Inet(SocketAddr::from((Ipv4Addr::UNSPECIFIED, args.number(0)?)));
    let mut listen = Listen {
        address,
        options: ListenOptions::default(),
        options_written: false,
        proxy_protocol: false,
        default_server: false,
        place: args.place_of_name(),
    };
    for index in 1..args.len() {
        match args.word(index) {
            "default_server" => listen.default_server = true,
            "deferred" => listen.options_written = true,
            _ => return Err(args.invalid_parameter(index, ["default_server", "deferred"])),
        }
    }
    conf.listens.push(listen);
    Ok(())
}

impl Module for Files {
    type Conf = FilesConf;
    const NAME: &'static str = "files";
    const DIRECTIVES: &'static [Directive<FilesConf>] = &[
        directive("root", ALL, Shape::one("PATH"), Repeat::Once, |conf, args| {
            conf.root = Some(args.template(0)?);
            Ok(())
        }),
        directive("index", ALL, Shape::at_least(1, "FILE..."), Repeat::Many, |conf, args| {
            collect(&mut conf.index, args);
            Ok(())
        }),
        directive("error_page", ALL, Shape::at_least(2, "CODE... URI"), Repeat::Many, |conf, args| {
            collect(&mut conf.pages, args);
            Ok(())
        }),
        directive("sendfile", ALL, Shape::Flag, Repeat::Once, |conf, args| number(conf, args.flag(0))),
        directive("body_size", ALL, Shape::one("SIZE"), Repeat::Once, |conf, args| number(conf, args.size(0))),
        directive("timeout", ALL, Shape::between(1, 2, "TIME [TIME]"), Repeat::Once, |conf, args| {
            number::<Duration>(conf, args.duration(0))
        }),
        directive("satisfy", ALL, Shape::one("all | any"), Repeat::Once, |conf, args| {
            number(conf, args.choice(0, &[("all", 1), ("any", 2)]))
        }),
        directive("match", ALL, Shape::one("REGEX"), Repeat::Many, |conf, args| {
            number(conf, args.regex(0, 0, false).map(|named| named.names.len()))
        }),
        directive("log_format", Contexts::HTTP, Shape::at_least(2, "NAME TEXT..."), Repeat::Many, |conf, args| {
            number(conf, args.template(1).map(|template| template.parts().len()))
        }),
        directive("log", Contexts::MAIN.or(ALL), Shape::one("PATH"), Repeat::Once, |conf, args| {
            conf.log = Some(args.word(0).to_owned());
            Ok(())
        }),
        directive("types", ALL, Shape::Block { min: 0, max: 0, names: "" }, Repeat::Once, |conf, args| {
            conf.types.clear();
            for entry in args.entries() {
                conf.types.extend(entry.words().map(|word| format!("{word}={}", entry.name())));
            }
            Ok(())
        }),
    ];

    fn install(conf: &FilesConf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        let root = conf.root.as_ref().and_then(Template::as_literal).unwrap_or(b"-");
        let text = format!(
            "{}|{}|{}|{}",
            String::from_utf8_lossy(root),
            conf.index.join(","),
            conf.pages.join(","),
            conf.types.join(",")
        );
        plan.settings.default_type = Bytes::from(text);
        if let Some(log) = &conf.log {
            let path = build.prefix().join(log);
            build.log_file(&path, None)?;
        }
        Ok(())
    }
}

fn collect(list: &mut Vec<String>, args: &Arguments<'_>) {
    if args.first_in_block() {
        list.clear();
    }
    list.extend(args.words().map(str::to_owned));
}

fn number<T: std::fmt::Debug>(conf: &mut FilesConf, value: Result<T, Diagnostic>) -> Result<(), Diagnostic> {
    conf.numbers.push(format!("{:?}", value?));
    Ok(())
}

impl Module for Answers {
    type Conf = AnswersConf;
    const NAME: &'static str = "answers";
    const DIRECTIVES: &'static [Directive<AnswersConf>] = &[
        directive("answer", Contexts::SERVER.or(Contexts::LOCATION), Shape::one("TEXT"), Repeat::Once, |conf, args| {
            conf.answer = Some(args.template(0)?);
            Ok(())
        }),
        directive("deny", ALL.or(Contexts::LIMIT_EXCEPT), Shape::one("all"), Repeat::Many, |conf, _args| {
            conf.denied = true;
            Ok(())
        }),
        directive("internal", Contexts::LOCATION, Shape::NONE, Repeat::Once, |_conf, _args| Ok(())),
    ];
    const VARIABLES: &'static [Variable] = &[
        variable("host", VariableKind::Single),
        variable("uri", VariableKind::Single),
        variable("arg_", VariableKind::Family),
        variable("http_", VariableKind::Family),
    ];
    const INHERIT: Option<Inherit<AnswersConf>> = Some(|outer| AnswersConf { answer: None, denied: outer.denied });

    fn install(conf: &AnswersConf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if conf.answer.is_some() || conf.denied {
            let mut text = plan.settings.default_type.to_vec();
            text.extend_from_slice(if conf.denied { b"|denied" } else { b"" });
            text.extend_from_slice(if conf.answer.is_some() { b"|answers" } else { b"" });
            plan.settings.default_type = Bytes::from(text);
        }
        Ok(())
    }
}

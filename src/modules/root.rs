//! Where files are: `root`, `alias`, `disable_symlinks`.
//!
//! Puts its settings into the plan; how a URI becomes a path is in `exchange::path`, how a path is
//! opened in `exchange::files`.

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::{Alias, Root as RootSetting, SymlinkCheck};
use crate::exchange::template::Template;
use crate::route::locations::Pattern;
use crate::runtime::Symlinks;

/// The module.
#[derive(Debug)]
pub struct Root;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    path: Template,
    alias: Option<Alias>,
    /// Which of the two directives this block has itself, and where.
    own: Option<(&'static str, Place)>,
    symlinks: SymlinkCheck,
}

impl Default for Conf {
    fn default() -> Self {
        Self { path: Template::literal("html"), alias: None, own: None, symlinks: SymlinkCheck::default() }
    }
}

impl Module for Root {
    type Conf = Conf;

    const NAME: &'static str = "root";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "root",
            contexts: Contexts::HTTP_SERVER_LOCATION_IF,
            args: Shape::one("FOLDER"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.alias = None;
                conf.place(arguments, "root")
            },
            default: "html",
            doc: "The folder that files are taken from: the file of a request is this folder and the whole path of the \
                  URI behind it. It may hold variables. A relative folder is taken from the prefix.",
            example: "root /srv/www/$host;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "alias",
            contexts: Contexts::LOCATION,
            args: Shape::one("PATH"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.alias = Some(aliased(arguments)?);
                conf.place(arguments, "alias")
            },
            default: "",
            doc: "Takes the place of the location's own part of the path: in `location /i/`, `alias /data/images/` makes \
                  `/i/top.gif` the file `/data/images/top.gif`. In a location with a regular expression it is the whole \
                  path of the file, with the groups that were captured. Unlike nginx, alias and rest are joined by a \
                  slash where neither has one, and what a client asks for never leads out of the alias: with `location /i`, \
                  `/i../x` is no neighbour of it.",
            example: "alias /data/images/;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "disable_symlinks",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::between(1, 2, "off | on [from=PART] | if_not_owner [from=PART]"),
            repeat: Repeat::Once,
            set: set_symlinks,
            default: "off",
            doc: "Refuses, with 403, files that a symbolic link leads to: any (`on`), or one whose owner is not that of \
                  what it points to (`if_not_owner`). Links in the beginning of the path that `from=` names, often \
                  `$document_root`, are not looked at.",
            example: "disable_symlinks if_not_owner from=$document_root;",
            origin: Origin::Nginx,
        },
    ];

    const INHERIT: Option<fn(&Conf) -> Conf> = Some(|outer| Conf { own: None, ..outer.clone() });

    const INHERITS_ALL: fn(&Conf) -> bool = |conf| conf.own.is_none();

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.root = RootSetting { path: conf.path.clone(), alias: conf.alias, prefix: build.shared_prefix() };
        plan.settings.symlinks = conf.symlinks.clone();
        Ok(())
    }
}

impl Conf {
    fn place(&mut self, arguments: &Arguments<'_>, directive: &'static str) -> Result<(), Diagnostic> {
        if let Some((other, place)) = self.own {
            let message =
                format!("\"{directive}\" directive is duplicate, \"{other}\" directive was specified earlier");
            return Err(arguments.error_here(message).related(place, "first here"));
        }
        self.own = Some((directive, arguments.place_of_name()));
        let path = arguments.word(0);
        for variable in ["document_root", "realpath_root"] {
            if path.contains(&format!("${variable}")) || path.contains(&format!("${{{variable}}}")) {
                let message = format!("the ${variable} variable cannot be used in the \"{directive}\" directive");
                return Err(arguments.error(0, message));
            }
        }
        self.path = match path {
            // As in nginx `$document_root` has no slash at its end.
            _ if directive == "root" && path.len() > 1 && path.ends_with('/') => {
                let length = path.len() - 1;
                absolute(arguments, &path[..length], || arguments.template_in(0, 0..length))?
            }
            _ => absolute(arguments, path, || arguments.template(0))?,
        };
        Ok(())
    }
}

/// A relative path is taken from the prefix; what begins with a variable is seen only when it is used.
fn absolute(
    arguments: &Arguments<'_>,
    path: &str,
    as_written: impl FnOnce() -> Result<Template, Diagnostic>,
) -> Result<Template, Diagnostic> {
    if path.starts_with(['/', '$']) {
        return as_written();
    }
    let prefix = arguments.prefix().trim_end_matches('/');
    arguments.template_of(&format!("{prefix}/{path}"), arguments.place(0))
}

/// What part of the URI an `alias` stands for in its location.
fn aliased(arguments: &Arguments<'_>) -> Result<Alias, Diagnostic> {
    let pattern = arguments.location().and_then(|(modifier, text)| Pattern::parse(modifier, text).ok());
    match pattern {
        Some(Pattern::Exact(prefix) | Pattern::Prefix(prefix) | Pattern::PrefixWithoutRegex(prefix)) => {
            Ok(Alias::Prefix(prefix.len()))
        }
        Some(Pattern::Named(_)) => {
            let error = arguments.error_here("the \"alias\" directive cannot be used inside the named location");
            Err(error.label("a name has no part of the path to take the place of").help("use `root`"))
        }
        // One that is wrong was reported where it stands.
        Some(Pattern::Regex(_)) | None => Ok(Alias::Whole),
    }
}

fn set_symlinks(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let mut mode = None;
    let mut trusted = None;
    for (index, word) in arguments.words().enumerate() {
        let known = match word {
            "off" => mode.replace(Symlinks::Follow).is_none(),
            "on" => mode.replace(Symlinks::Refuse).is_none(),
            "if_not_owner" => mode.replace(Symlinks::SameOwner).is_none(),
            _ => match word.strip_prefix("from=") {
                None => return Err(arguments.invalid_parameter(index, MODES.iter().copied())),
                Some("") => return Err(arguments.error(index, "\"from=\" needs a path")),
                Some(_) => trusted.replace((index, arguments.template_in(index, 5..word.len())?)).is_none(),
            },
        };
        if !known {
            return Err(arguments.error(index, format!("duplicate parameter \"{word}\"")));
        }
    }
    let Some(mode) = mode else {
        let message = "\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter";
        return Err(arguments.error_here(message));
    };
    if let (Symlinks::Follow, Some((index, _))) = (mode, &trusted) {
        return Err(arguments.error(*index, "\"from=\" cannot be used with \"off\" parameter"));
    }
    conf.symlinks = SymlinkCheck { mode, trusted: trusted.map(|(_, part)| part) };
    Ok(())
}

const MODES: &[&str] = &["off", "on", "if_not_owner", "from="];

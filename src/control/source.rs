//! Where the configuration comes from: what the command line said once, for the start and every reload.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::load::{Loaded, Origin, Request, load};
use crate::config::resources::Resources;
use crate::config::schema::AnyModule;

/// How the configuration is read.
#[derive(Clone)]
pub struct Source {
    /// The main text.
    pub main: Main,
    /// What relative paths are taken from (`-p`).
    pub prefix: PathBuf,
    /// Directives of the main context (`-g`).
    pub globals: String,
    /// Where errors go when no `error_log` says (`-e`); the terminal when absent.
    pub error_log: Option<PathBuf>,
    /// All modules, in their order.
    pub modules: &'static [&'static dyn AnyModule],
}

/// The main text of the configuration.
#[derive(Clone, Debug)]
pub enum Main {
    /// A file, by its absolute path.
    File(PathBuf),
    /// The built-in one, which serves a welcome page.
    BuiltIn(String),
}

impl Source {
    /// Reads, checks and builds the configuration as it is now. What `previous` has open is kept open.
    pub fn load(&self, previous: Option<&Resources>) -> Loaded {
        let origin = match &self.main {
            Main::File(path) => Origin::File(path),
            Main::BuiltIn(text) => Origin::Text { name: BUILT_IN, text, folder: &self.prefix },
        };
        load(&Request {
            origin,
            prefix: &self.prefix,
            globals: &self.globals,
            modules: self.modules,
            previous,
            as_root: rustix::process::geteuid().is_root(),
        })
    }

    /// The file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.main {
            Main::File(path) => Some(path),
            Main::BuiltIn(_) => None,
        }
    }
}

impl fmt::Display for Main {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::BuiltIn(_) => formatter.write_str(BUILT_IN),
        }
    }
}

/// What messages call the built-in configuration.
const BUILT_IN: &str = "the built-in configuration";

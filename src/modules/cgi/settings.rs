//! What the directives set.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::log_file::LogFile;
use crate::exchange::template::Template;
use crate::runtime::ChildLimits;

/// The settings of a location.
#[derive(Clone, Debug)]
pub struct Conf {
    /// `cgi`: which files are scripts.
    pub(super) scripts: Scripts,
    /// `cgi_script`: the one script for everything.
    pub(super) fixed: Option<Fixed>,
    /// `cgi_interpreter`, in order.
    pub(super) interpreters: Arc<[Interpreter]>,
    /// `cgi_set_var`, in order.
    pub(super) variables: Arc<[(Box<str>, Template)]>,
    /// `cgi_path`.
    pub(super) path: Arc<str>,
    /// `cgi_working_dir`; none is the script's folder.
    pub(super) folder: Option<Template>,
    /// `cgi_stderr`.
    pub(super) errors: ErrorsTo,
    /// `cgi_timeout`.
    pub(super) timeout: Option<Duration>,
    /// `cgi_idle_timeout`.
    pub(super) idle_timeout: Option<Duration>,
    /// `cgi_grace`.
    pub(super) grace: Duration,
    /// `cgi_max`, `cgi_queue`.
    pub(super) crowd: Crowd,
    /// `cgi_limit_memory`, `cgi_limit_cpu`, `cgi_limit_processes`.
    pub(super) limits: ChildLimits,
    /// `cgi_x_sendfile`: folders whose files a script may have sent.
    pub(super) x_sendfile: Arc<[PathBuf]>,
    /// `cgi_ignore_client_abort`.
    pub(super) ignore_client_abort: bool,
    /// `cgi_pass_authorization`.
    pub(super) pass_authorization: bool,
    /// `cgi_request_buffering`.
    pub(super) request_buffering: bool,
}

/// `cgi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scripts {
    /// None.
    Off,
    /// All files.
    All,
    /// Those with one of these endings, each with its dot.
    Endings(Arc<[Box<str>]>),
}

/// `cgi_script`.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    /// The file.
    pub(super) path: Template,
    /// The beginning of the URI that is the script's own name; what follows is its `PATH_INFO`.
    pub(super) prefix: Box<str>,
}

/// `cgi_interpreter`.
#[derive(Clone, Debug)]
pub(super) struct Interpreter {
    /// The ending of the scripts' names, with its dot; empty for all others.
    pub(super) ending: Box<str>,
    /// The program that runs them.
    pub(super) program: PathBuf,
    /// Its arguments before the script's name.
    pub(super) arguments: Box<[Box<str>]>,
}

/// `cgi_stderr`.
#[derive(Clone, Debug)]
pub(super) enum ErrorsTo {
    /// To the error log, line by line.
    Log,
    /// Nowhere.
    Off,
    /// To a file, as it comes.
    File(PathBuf),
    /// The same, opened.
    Open(Arc<LogFile>),
}

/// `cgi_max` and `cgi_queue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crowd {
    /// How many may run at once.
    pub(super) running_max: usize,
    /// How many may wait.
    pub(super) waiting_max: usize,
    /// How long one waits at the most.
    pub(super) patience: Duration,
}

impl Conf {
    pub(super) fn runs_nothing(&self) -> bool {
        self.scripts == Scripts::Off && self.fixed.is_none()
    }

    /// What runs a script of this name, if it does not run by itself.
    pub(super) fn interpreter(&self, name: &[u8]) -> Option<&Interpreter> {
        let fits = |interpreter: &&Interpreter| {
            !interpreter.ending.is_empty() && name.ends_with(interpreter.ending.as_bytes())
        };
        let others = || self.interpreters.iter().find(|interpreter| interpreter.ending.is_empty());
        self.interpreters.iter().find(fits).or_else(others)
    }
}

impl Scripts {
    /// Whether a file of this name is one.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        match self {
            Self::Off => false,
            Self::All => true,
            Self::Endings(endings) => endings.iter().any(|ending| name.ends_with(ending.as_bytes())),
        }
    }
}

impl Default for Conf {
    fn default() -> Self {
        Self {
            scripts: Scripts::Off,
            fixed: None,
            interpreters: Arc::from([]),
            variables: Arc::from([]),
            path: Arc::from(DEFAULT_PATH),
            folder: None,
            errors: ErrorsTo::Log,
            timeout: Some(Duration::from_secs(600)),
            idle_timeout: Some(Duration::from_secs(60)),
            grace: Duration::from_secs(2),
            crowd: Crowd { running_max: 64, waiting_max: 256, patience: Duration::from_secs(30) },
            limits: ChildLimits::default(),
            x_sendfile: Arc::from([]),
            ignore_client_abort: false,
            pass_authorization: false,
            request_buffering: true,
        }
    }
}

/// Where scripts find programs unless `cgi_path` says otherwise.
pub(super) const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

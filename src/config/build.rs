//! What modules give: the process, the virtual servers, and the hands to open things with.

use std::collections::TryReserveError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::diagnostics::{Diagnostic, Place};
use super::expectations::Expectation;
use super::resources::Resources;
use super::zones::ZoneDefinition;
use crate::base::log_file::LogFile;
use crate::base::report::ErrorLog;
use crate::base::zone::Zone;
use crate::route::names::Name;
pub use crate::route::tree::Reading;
use crate::runtime::listen::{Address, ListenOptions};

/// What the main context sets; nginx's defaults.
#[derive(Clone, Debug)]
pub struct ProcessBuilder {
    /// `user`: the name, and the group where one is given.
    pub user: Option<(String, Option<String>)>,
    /// `worker_processes`: how many worker threads.
    pub workers: usize,
    /// `worker_rlimit_nofile`.
    pub open_files_max: Option<u64>,
    /// `worker_connections`: for each worker.
    pub connections_max: usize,
    /// `multi_accept`: take all waiting connections in one turn.
    pub multi_accept: bool,
    /// `worker_shutdown_timeout`: how long a graceful end waits for connections; none is for ever.
    pub shutdown_timeout: Option<Duration>,
    /// `pid`: where the process id is written.
    pub pid: Option<PathBuf>,
    /// `control`: where the control socket is, if there is one.
    pub control: Option<PathBuf>,
    /// `reload_guard`.
    pub reload_guard: Option<ReloadGuard>,
    /// `daemon`.
    pub daemon: bool,
    /// `watch`: how long the configuration's files must have been quiet after a change; none when nobody watches them.
    pub watch: Option<Duration>,
    /// `error_log` of the main context.
    pub error_log: Arc<ErrorLog>,
}

/// `reload_guard`: when a reload is taken back for its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadGuard {
    /// The share of 5xx among the answers, in hundredths of a percent, from which on it is.
    pub share: u32,
    /// How long answers are watched, and how long before the reload they are compared with.
    pub window: Duration,
    /// How many answers there must be for a share to mean anything.
    pub answers_min: u64,
}

/// What a `server` block sets about itself.
#[derive(Debug)]
pub struct ServerBuilder {
    /// `listen`, in order. Empty means nginx's default address.
    pub listens: Vec<Listen>,
    /// `server_name`, in order. Empty means the empty name.
    pub names: Vec<(Name, Place)>,
    /// How requests are read, decided by the address's default server before a request is known.
    pub reading: Reading,
    /// `merge_slashes`.
    pub merge_slashes: bool,
    /// `expect`, in order.
    pub expectations: Vec<Expectation>,
}

/// One `listen`.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Where.
    pub address: Address,
    /// How.
    pub options: ListenOptions,
    /// Whether any option of the socket was written (nginx lets only one `listen` of an address have them).
    pub options_written: bool,
    /// `proxy_protocol`: holds for the address, whichever `listen` of it says so.
    pub proxy_protocol: bool,
    /// `default_server`.
    pub default_server: bool,
    /// Where it was written.
    pub place: Place,
}

impl Default for ProcessBuilder {
    /// nginx's defaults; `daemon` is off here, for a service manager is the rule.
    fn default() -> Self {
        Self {
            user: None,
            workers: 1,
            open_files_max: None,
            connections_max: 512,
            multi_accept: false,
            shutdown_timeout: None,
            pid: None,
            control: None,
            reload_guard: None,
            daemon: false,
            watch: None,
            error_log: Arc::new(ErrorLog::default()),
        }
    }
}

impl Default for ServerBuilder {
    /// nginx's defaults.
    fn default() -> Self {
        Self {
            listens: Vec::new(),
            names: Vec::new(),
            reading: Reading::default(),
            merge_slashes: true,
            expectations: Vec::new(),
        }
    }
}

/// Hands for `process`, `server` and `install`: opens what a configuration names. What was open
/// before a reload and is named again is the same object.
#[derive(Debug)]
pub struct Build<'a> {
    pub(super) resources: &'a mut Resources,
    pub(super) prefix: &'a Arc<str>,
    pub(super) error_log: Option<&'a Path>,
    pub(super) warnings: &'a mut Vec<Diagnostic>,
    pub(super) server_names: &'a [Name],
}

impl Build<'_> {
    /// The prefix that relative paths are taken from (`-p`).
    pub fn prefix(&self) -> &Path {
        Path::new(&**self.prefix)
    }

    /// The same, to be kept.
    pub fn shared_prefix(&self) -> Arc<str> {
        Arc::clone(self.prefix)
    }

    /// Where errors go when no `error_log` of the main context says (`-e`).
    pub fn error_log(&self) -> Option<&Path> {
        self.error_log
    }

    /// Opens a log file for appending, creating it; the same path is the same file.
    ///
    /// # Errors
    /// The system's reason, at `place`.
    pub fn log_file(&mut self, path: &Path, place: Option<Place>) -> Result<Arc<LogFile>, Diagnostic> {
        let (file, warning) = self.resources.log_file(path, place)?;
        self.warnings.extend(warning);
        Ok(file)
    }

    /// Notes a folder that the server writes to: it is made when the configuration takes effect, if the configuration
    /// names it, and belongs to the user that the server becomes. Gives its path, to be kept.
    pub fn folder(&mut self, path: &Path, named: bool) -> Arc<Path> {
        self.resources.folder(path, named)
    }

    /// The names of the virtual server that is being built; empty while its names are being gathered.
    pub fn server_names(&self) -> &[Name] {
        self.server_names
    }

    /// The zone of a definition, made if need be; the same name, kind and key is the same zone, also after a reload.
    /// A changed size takes effect when the configuration does. With another key or kind it begins anew, which a
    /// warning says.
    ///
    /// # Errors
    /// Another kind of zone has the name, or there is not enough memory.
    pub fn zone<Z: Zone>(
        &mut self,
        definition: &ZoneDefinition,
        make: impl FnOnce(u64) -> Result<Z, TryReserveError>,
    ) -> Result<Arc<Z>, Diagnostic> {
        let (zone, warning) = self.resources.zones.open(definition, make)?;
        self.warnings.extend(warning);
        Ok(zone)
    }

    /// The error for a zone of this kind that is used, at `place`, and that nobody defines; `definition` is a line
    /// that would.
    pub fn unknown_zone(&self, kind: &str, name: &str, place: Place, definition: &str) -> Diagnostic {
        self.resources.zones.unknown(kind, name, place, definition)
    }

    /// What a module keeps of something across reloads, by what it is for; made when it is first asked for. The virtual
    /// server's names are part of the key, as is which of several with the same key this is.
    pub fn keep<T: Default + Send + Sync + 'static>(&mut self, key: &str) -> Arc<T> {
        let key = format!("{key} {:?}", self.server_names);
        self.resources.kept.keep(&key)
    }

    /// Has what a killed process left unfinished in a folder removed, once the configuration takes effect; a folder that
    /// was looked through since the start is not looked through again.
    pub fn sweep(&mut self, folder: &Path) {
        self.resources.sweeps.add(folder);
    }

    /// Keeps a warning; or an error, where the module can go on and find more.
    pub fn warn(&mut self, finding: Diagnostic) {
        self.warnings.push(finding);
    }
}

//! Access logs whose path has variables in it: each line's file is opened when the line is written, and kept open only
//! by `open_log_file_cache`.
//!
//! Owns the path's safety (a value never leads up by `..`), nginx's condition that the request's root must exist, and
//! the cache, which all workers share under a lock.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::log_file::LogFile;
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::exchange::template::{Part, Template};
use crate::exchange::{Exchange, Shown};

/// A log whose file depends on the request.
#[derive(Debug)]
pub(super) struct OnDemand {
    /// Absolute.
    pub(super) path: Template,
    pub(super) cache: Option<Arc<FileCache>>,
}

/// `open_log_file_cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CacheSettings {
    /// `max=`: how many files are known at the most; then those used least recently are closed.
    pub(super) files_max: usize,
    /// `inactive=`: how long a file is kept that is not used.
    pub(super) inactive: Duration,
    /// `min_uses=`: how often a file must be used within `inactive` to be kept open.
    pub(super) uses_min: u32,
    /// `valid=`: how long a file is used before it is seen whether it still has its name.
    pub(super) valid: Duration,
}

impl OnDemand {
    /// Writes one line, with its line feed. What goes wrong is in the error log.
    pub(super) fn write(&self, exchange: &Exchange, line: &[u8]) {
        let Some(path) = self.path_for(exchange) else { return };
        if !root_exists(exchange) {
            return;
        }
        let file_path = Path::new(OsStr::from_bytes(&path));
        let opened = match &self.cache {
            Some(cache) => cache.open(file_path, exchange.handle.now()),
            None => LogFile::open(file_path).map(Arc::new),
        };
        match opened {
            Ok(file) => file.write_lines(line),
            Err(error) => {
                exchange.report(Severity::Crit, format_args!("open() \"{}\" failed {}", Shown(&path), Reason(&error)))
            }
        }
    }

    /// The file's path. A client that could lead out of the logs' folder gets no log.
    fn path_for(&self, exchange: &Exchange) -> Option<Vec<u8>> {
        let literal_parts = self.path.parts().iter().filter_map(|part| match part {
            Part::Literal(text) => Some(&**text),
            Part::Variable(_) => None,
        });
        let steps_up_meant: usize = literal_parts.map(steps_up).sum();
        let mut path = Vec::with_capacity(128);
        self.path.render_into(exchange, &mut path);
        if steps_up(&path) > steps_up_meant || path.contains(&0) {
            exchange.report(Severity::Error, format_args!("unsafe path of an access log: \"{}\"", Shown(&path)));
            return None;
        }
        Some(path)
    }
}

/// How many segments of a path are `..`.
fn steps_up(path: &[u8]) -> usize {
    path.split(|byte| *byte == b'/').filter(|segment| *segment == b"..").count()
}

/// As in nginx: no log is made for a request whose root is not there, so that made-up hosts make no files.
fn root_exists(exchange: &Exchange) -> bool {
    let root = exchange.document_root();
    let tested = match std::fs::metadata(OsStr::from_bytes(&root)) {
        Ok(status) if status.is_dir() => return true,
        Ok(_file) => io::ErrorKind::NotADirectory.into(),
        Err(error) => error,
    };
    exchange.report(Severity::Error, format_args!("testing \"{}\" existence failed {}", Shown(&root), Reason(&tested)));
    false
}

/// Open files by their paths.
#[derive(Debug)]
pub(super) struct FileCache {
    settings: CacheSettings,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    files: HashMap<Box<Path>, Entry>,
    /// When files are next looked for that nobody used.
    sweep_at: Option<Instant>,
}

/// A file that was used lately.
#[derive(Debug)]
struct Entry {
    /// Open once it was used often enough.
    file: Option<Arc<LogFile>>,
    uses: u32,
    used_at: Instant,
    checked_at: Instant,
}

impl FileCache {
    pub(super) fn new(settings: CacheSettings) -> Self {
        Self { settings, known: Mutex::default() }
    }

    /// The open file of a path.
    fn open(&self, path: &Path, now: Instant) -> io::Result<Arc<LogFile>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.sweep(now, self.settings.inactive);
        if let Some(entry) = known.files.get_mut(path) {
            return entry.open(path, now, &self.settings);
        }
        let file = Arc::new(LogFile::open(path)?);
        known.make_room(self.settings.files_max);
        let kept = (self.settings.uses_min <= 1).then(|| Arc::clone(&file));
        known.files.insert(path.into(), Entry { file: kept, uses: 1, used_at: now, checked_at: now });
        Ok(file)
    }
}

impl Known {
    /// Forgets files that were not used for so long.
    fn sweep(&mut self, now: Instant, inactive: Duration) {
        if self.sweep_at.is_some_and(|at| now < at) {
            return;
        }
        self.sweep_at = now.checked_add(inactive.max(SWEEP_INTERVAL_MIN));
        self.files.retain(|_, entry| now.saturating_duration_since(entry.used_at) < inactive);
    }

    /// Forgets the file used least recently when there are as many as may be.
    fn make_room(&mut self, files_max: usize) {
        if self.files.len() < files_max {
            return;
        }
        let oldest = self.files.iter().min_by_key(|(_, entry)| entry.used_at).map(|(path, _)| path.clone());
        if let Some(path) = oldest {
            self.files.remove(&path);
        }
    }
}

impl Entry {
    fn open(&mut self, path: &Path, now: Instant, settings: &CacheSettings) -> io::Result<Arc<LogFile>> {
        let unused_for = now.saturating_duration_since(self.used_at);
        self.uses = if unused_for < settings.inactive { self.uses.saturating_add(1) } else { 1 };
        self.used_at = now;
        let file = match &self.file {
            Some(file) if now.saturating_duration_since(self.checked_at) < settings.valid => {
                return Ok(Arc::clone(file));
            }
            Some(file) if file.has_its_name() => Arc::clone(file),
            _ => Arc::new(LogFile::open(path)?),
        };
        self.checked_at = now;
        self.file = (self.uses >= settings.uses_min).then(|| Arc::clone(&file));
        Ok(file)
    }
}

/// Looking through all files costs; once a second is often enough.
const SWEEP_INTERVAL_MIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::exchange::plan::PlanBuilder;
    use crate::exchange::settings::Root;
    use crate::exchange::test_support::{Bench, template};

    struct Logs {
        folder: tempfile::TempDir,
        now: Instant,
    }

    impl Logs {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), now: Instant::now() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, cache: &FileCache, name: &str, line: &str) -> Arc<LogFile> {
            let file = cache.open(&self.path(name), self.now).unwrap();
            file.write_lines(line.as_bytes());
            file
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }
    }

    fn cache(files_max: usize, uses_min: u32) -> FileCache {
        let (inactive, valid) = (Duration::from_secs(10), Duration::from_secs(60));
        FileCache::new(CacheSettings { files_max, inactive, uses_min, valid })
    }

    #[test]
    fn a_file_stays_open_while_it_is_used() {
        let (mut logs, cache) = (Logs::new(), cache(2, 1));
        let first = logs.write(&cache, "a", "1\n");
        logs.now += Duration::from_secs(9);
        assert!(Arc::ptr_eq(&first, &logs.write(&cache, "a", "2\n")));
        logs.now += Duration::from_secs(20);
        assert!(!Arc::ptr_eq(&first, &logs.write(&cache, "a", "3\n")));
        assert_eq!(logs.read("a"), "1\n2\n3\n");
    }

    #[test]
    fn more_files_than_may_be_close_the_one_used_least_recently() {
        let (mut logs, cache) = (Logs::new(), cache(2, 1));
        let a = logs.write(&cache, "a", "1\n");
        logs.now += Duration::from_secs(1);
        let b = logs.write(&cache, "b", "1\n");
        logs.now += Duration::from_secs(1);
        logs.write(&cache, "a", "2\n");
        logs.write(&cache, "c", "1\n");
        assert_eq!(cache.known.lock().unwrap().files.len(), 2);
        assert!(Arc::ptr_eq(&a, &logs.write(&cache, "a", "3\n")));
        assert!(!Arc::ptr_eq(&b, &logs.write(&cache, "b", "2\n")));
    }

    #[test]
    fn a_file_used_too_seldom_is_not_kept_open() {
        let (logs, cache) = (Logs::new(), cache(2, 3));
        let files = [1, 2, 3, 4].map(|_| logs.write(&cache, "a", "x\n"));
        assert!(!Arc::ptr_eq(&files[0], &files[1]) && !Arc::ptr_eq(&files[1], &files[2]));
        assert!(Arc::ptr_eq(&files[2], &files[3]));
    }

    #[test]
    fn a_file_that_was_renamed_is_noticed_after_its_time() {
        let (mut logs, cache) = (Logs::new(), cache(2, 1));
        logs.write(&cache, "a", "1\n");
        fs::rename(logs.path("a"), logs.path("b")).unwrap();
        for line in ["2\n", "3\n", "4\n", "5\n", "6\n", "7\n"] {
            logs.now += Duration::from_secs(9);
            logs.write(&cache, "a", line);
        }
        logs.now += Duration::from_secs(9);
        logs.write(&cache, "a", "8\n");
        assert_eq!((&*logs.read("b"), &*logs.read("a")), ("1\n2\n3\n4\n5\n6\n7\n", "8\n"));
    }

    #[test]
    fn a_path_is_made_for_each_request_below_a_root_that_exists() {
        let logs = Logs::new();
        let folder = logs.folder.path().to_str().unwrap();
        let log = OnDemand { path: template(&format!("{folder}/$arg_name.log")), cache: None };
        let write = |root: &str, name: &str| {
            let mut plan = PlanBuilder::new("/");
            plan.settings.root = Root { path: Template::literal(root), alias: None, prefix: "/".into() };
            let exchange = Bench::new().exchange_in(plan, &format!("GET /?name={name} HTTP/1.0\r\n\r\n"));
            log.write(&exchange, b"line\n");
        };
        write(folder, "there");
        write("/nonexistent", "rootless");
        write(folder, "../up");
        write(folder, "/../up");
        assert_eq!(logs.read("there.log"), "line\n");
        let names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["there.log"]);
    }
}

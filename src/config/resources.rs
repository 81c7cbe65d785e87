//! What a configuration has opened, by name, and what a reload therefore need not open again.
//!
//! A new load is given the resources of the running one; what both name is one object, so that a
//! log is not opened twice and a zone goes on counting. What the new one does not name is closed with the last plan
//! that uses it.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostics::{Diagnostic, Level, Place};
use super::sweeps::Sweeps;
use super::zones::{ZoneResized, Zones};
use crate::base::log_file::{LogFile, Reopening};
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};
use crate::runtime::{TempFileError, make_folder};

/// What is open.
#[derive(Debug, Default)]
pub struct Resources {
    log_files: HashMap<PathBuf, Arc<LogFile>>,
    /// What was open before; taken over when it is named again.
    previous: HashMap<PathBuf, Arc<LogFile>>,
    /// Folders that the server writes to, and whether the configuration names them.
    folders: BTreeMap<Arc<Path>, bool>,
    opened: Opened,
    pub(super) zones: Zones,
    pub(super) kept: Kept,
    pub(super) sweeps: Sweeps,
}

/// Log files that were opened for a configuration that has not taken effect: dropped, it leaves no trace of them.
#[derive(Debug, Default)]
struct Opened {
    new: Vec<Arc<LogFile>>,
    again: Vec<Reopening>,
}

impl Opened {
    fn take_effect(&mut self) {
        self.new.drain(..).for_each(|file| file.settle());
        self.again.drain(..).for_each(Reopening::take_effect);
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.new.iter().for_each(|file| file.withdraw());
    }
}

/// What modules keep across reloads, by what it is for. Where several of one configuration have the same key, their
/// order tells them apart.
#[derive(Debug, Default)]
pub(super) struct Kept {
    things: HashMap<(Box<str>, usize), Arc<dyn Any + Send + Sync>>,
    previous: HashMap<(Box<str>, usize), Arc<dyn Any + Send + Sync>>,
    counts: HashMap<Box<str>, usize>,
}

impl Kept {
    fn after(previous: &Self) -> Self {
        Self { previous: previous.things.clone(), ..Self::default() }
    }

    pub(super) fn keep<T: Default + Send + Sync + 'static>(&mut self, key: &str) -> Arc<T> {
        let count = self.counts.entry(key.into()).or_default();
        let key = (Box::from(key), *count);
        *count += 1;
        let before = self.previous.remove(&key).and_then(|thing| thing.downcast().ok());
        let thing: Arc<T> = before.unwrap_or_default();
        self.things.insert(key, Arc::clone(&thing) as Arc<dyn Any + Send + Sync>);
        thing
    }
}

impl Resources {
    /// Nothing open yet; what `previous` holds may be taken over.
    pub fn after(previous: Option<&Self>) -> Self {
        let Some(previous) = previous else { return Self::default() };
        let zones = Zones::after(&previous.zones);
        let kept = Kept::after(&previous.kept);
        let sweeps = Sweeps::after(&previous.sweeps);
        Self { previous: previous.log_files.clone(), zones, kept, sweeps, ..Self::default() }
    }

    /// A log file, opened for appending and created if need be; the same path is the same file.
    ///
    /// One that is taken over goes to the file that has its name now once the configuration takes effect, for as with
    /// nginx a reload is a way to finish a rotation. Where that cannot be opened it stays as it is, with a warning.
    ///
    /// # Errors
    /// The system's reason, at `place`.
    pub(super) fn log_file(
        &mut self,
        path: &Path,
        place: Option<Place>,
    ) -> Result<(Arc<LogFile>, Option<Diagnostic>), Diagnostic> {
        if let Some(file) = self.log_files.get(path) {
            return Ok((Arc::clone(file), None));
        }
        let failed = |error| {
            let message = format!("open() \"{}\" failed {}", path.display(), Reason(&error));
            Diagnostic { place, ..Diagnostic::without_place(message) }
        };
        let (file, warning) = match self.previous.remove(path) {
            Some(file) => {
                let reopening = file.prepare_reopening().map_err(|error| Diagnostic {
                    level: Level::Warning,
                    ..failed(error).label("lines go on to the file that was open before")
                });
                let warning = match reopening {
                    Ok(reopening) => {
                        self.opened.again.extend(reopening);
                        None
                    }
                    Err(warning) => Some(warning),
                };
                (file, warning)
            }
            None => {
                let file = Arc::new(LogFile::open(path).map_err(failed)?);
                self.opened.new.push(Arc::clone(&file));
                (file, None)
            }
        };
        self.log_files.insert(path.to_owned(), Arc::clone(&file));
        Ok((file, warning))
    }

    /// Notes a folder that the server writes to; `named` says that the configuration names it, and that it is no default.
    pub(super) fn folder(&mut self, path: &Path, named: bool) -> Arc<Path> {
        let known = self.folders.get_key_value(path).map(|(path, named)| (Arc::clone(path), *named));
        let (path, known) = known.unwrap_or_else(|| (Arc::from(path), false));
        self.folders.insert(Arc::clone(&path), named || known);
        path
    }

    /// Makes the folders that the configuration names and that are missing, for this user alone.
    ///
    /// # Errors
    /// Those of mkdir(2).
    pub fn make_folders(&self) -> Result<(), TempFileError> {
        self.folders.iter().filter(|(_, named)| **named).try_for_each(|(path, _)| make_folder(path))
    }

    /// Lets all lines from now on go to the files that have the logs' names now (`USR1`).
    pub fn reopen_logs(&self) {
        for (path, file) in &self.log_files {
            if let Err(error) = file.reopen() {
                let reason = Reason(&error);
                // The user that the server became may not make a file in a folder of root's.
                let cure = match error.kind() {
                    std::io::ErrorKind::PermissionDenied => {
                        ", lines go on to the old file: let logrotate make the new one, by `create 0640 USER`"
                    }
                    _ => ", lines go on to the old file",
                };
                report(Severity::Emerg, format_args!("open() \"{}\" failed {reason}{cure}", path.display()));
            }
        }
    }

    /// Gives log files and folders to the user that the server becomes, so that it can open and write to them. It may
    /// have no right to make the folders it takes by default, so they are made.
    pub fn hand_over(&self, user: u32, group: u32) {
        for (path, file) in &self.log_files {
            if let Err(error) = file.give_to(user, group) {
                let reason = Reason(&error);
                report(Severity::Warn, format_args!("chown() \"{}\" failed {reason}", path.display()));
            }
        }
        for path in self.folders.keys() {
            if let Err(error) = Self::give_folder(path, user) {
                report(Severity::Warn, format_args!("{error}"));
            }
        }
    }

    /// Gives a folder to a user, unless it is one like `/tmp`, where everybody may write.
    fn give_folder(path: &Path, user: u32) -> Result<(), TempFileError> {
        make_folder(path)?;
        let failed = |call| move |error| TempFileError { call, path: path.to_owned(), error };
        let status = std::fs::metadata(path).map_err(failed("stat"))?;
        if status.uid() == user || status.mode() & STICKY != 0 {
            return Ok(());
        }
        std::os::unix::fs::chown(path, Some(user), None).map_err(failed("chown"))
    }

    /// All log files.
    pub fn log_files(&self) -> impl Iterator<Item = (&Path, &Arc<LogFile>)> {
        self.log_files.iter().map(|(path, file)| (&**path, file))
    }

    /// Lets go of what was open before and was not named again.
    pub(super) fn finish(&mut self) {
        self.previous = HashMap::new();
        self.kept.previous = HashMap::new();
        self.zones.finish();
    }

    /// Does what had to wait until nothing can refuse the configuration any more: called when it is published. Says what
    /// became of zones whose size changed.
    pub fn take_effect(&mut self) -> Vec<ZoneResized> {
        self.opened.take_effect();
        self.sweeps.take_effect();
        self.zones.take_effect()
    }

    /// Removes the log files that were made for a configuration that is only looked at.
    pub(super) fn withdraw(&mut self) {
        drop(std::mem::take(&mut self.opened));
    }

    /// Gets ready to take effect once more, after `other`, which did in the meantime. The names of zones for whose size
    /// there is no memory now: they stay as they are.
    pub fn prepare_return(&mut self, other: &Self) -> Vec<Box<str>> {
        self.sweeps.join(&other.sweeps);
        self.zones.prepare_return()
    }
}

/// The bit of a folder's mode by which only owners remove what is in it.
const STICKY: u32 = 0o1000;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn folders_that_are_named_are_made_for_this_user_alone() {
        let place = tempfile::tempdir().unwrap();
        let (named, default) = (place.path().join("named"), place.path().join("default"));
        let mut resources = Resources::default();
        resources.folder(&named, false);
        resources.folder(&named, true);
        resources.folder(&named, false);
        resources.folder(&default, false);
        resources.make_folders().unwrap();
        resources.make_folders().unwrap();
        assert_eq!(fs::metadata(&named).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!default.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        let mut resources = Resources::default();
        resources.folder(&path, true);
        let error = resources.make_folders().unwrap_err().to_string();
        assert_eq!(error, format!("mkdir() \"{}\" failed (2: No such file or directory)", path.display()));
    }

    #[test]
    fn the_user_gets_its_folders_but_none_that_is_everybodys() {
        let place = tempfile::tempdir().unwrap();
        let (default, shared) = (place.path().join("default"), place.path().join("shared"));
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
        let me = rustix::process::geteuid().as_raw();
        // Only root can give anything away.
        let user = if me == 0 { 12345 } else { me };
        let mut resources = Resources::default();
        resources.folder(&default, false);
        resources.folder(&shared, true);
        resources.hand_over(user, 12345);
        assert_eq!(fs::metadata(&default).unwrap().uid(), user);
        assert_eq!(fs::metadata(&shared).unwrap().uid(), me);
    }
}

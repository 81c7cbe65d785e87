//! Which folders to watch so that no change of the files that a configuration was read from goes unnoticed, and which
//! events in them matter.
//!
//! Folders are watched, never files, for a watch on a file follows the file when another is renamed over its name. A
//! path is followed as the system follows it: each folder on its way that holds a link, or lacks the next name, is
//! watched for that name, as is the one that holds the file. Those between are watched too, for they can be moved away,
//! but for the uppermost: nobody replaces `/etc`, in which every program opens files. It reads folders and links; it
//! watches nothing itself.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use glob::Pattern;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind};

use crate::config::watched::{PATTERN_OPTIONS, Watched};

/// What to watch: folders by their paths without links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    folders: BTreeMap<PathBuf, Folder>,
}

/// A folder, and which names in it matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Folder {
    /// Device and number, by which one is told that has taken the place of another.
    id: Option<(u64, u64)>,
    names: BTreeSet<OsString>,
    patterns: BTreeSet<Pattern>,
    /// Whether it holds a file, a link, or a gap; it is only passed through otherwise.
    matters: bool,
}

/// What an event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    /// Nothing that was read can have changed.
    Nothing,
    /// Something may have changed.
    Look,
    /// And the watches may no longer be where they should be.
    WatchAnew,
}

impl Plan {
    /// What to watch for what was read, as the folders are now.
    pub(super) fn of(watched: &Watched) -> Self {
        let mut planner = Planner::default();
        watched.files().for_each(|path| planner.file(path));
        watched.patterns().for_each(|pattern| planner.pattern(pattern));
        planner.finish()
    }

    /// The folders to watch.
    pub(super) fn folders(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.folders.keys().map(|path| &**path)
    }

    /// What an event in a watched folder means. That a file was opened or read means nothing; that it was closed by
    /// somebody who wrote may be all that is told of a change.
    pub(super) fn meaning(&self, event: &Event) -> Meaning {
        if event.need_rescan() {
            return Meaning::WatchAnew;
        }
        if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) {
            return Meaning::Nothing;
        }
        let displaces = matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
        event.paths.iter().map(|path| self.meaning_of(path, displaces)).max().unwrap_or(Meaning::Nothing)
    }

    fn meaning_of(&self, path: &Path, displaces: bool) -> Meaning {
        if self.folders.contains_key(path) {
            return if displaces { Meaning::WatchAnew } else { Meaning::Look };
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Meaning::Nothing };
        match self.folders.get(parent).is_some_and(|folder| folder.concerns(name)) {
            true => Meaning::Look,
            false => Meaning::Nothing,
        }
    }
}

impl Folder {
    fn concerns(&self, name: &OsStr) -> bool {
        self.names.contains(name)
            || name
                .to_str()
                .is_some_and(|name| self.patterns.iter().any(|pattern| pattern.matches_with(name, PATTERN_OPTIONS)))
    }
}

/// Follows paths.
#[derive(Debug, Default)]
struct Planner {
    folders: BTreeMap<PathBuf, Folder>,
    /// Folders as they are written, and where they are.
    known: HashMap<PathBuf, Option<PathBuf>>,
}

impl Planner {
    fn file(&mut self, path: &Path) {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
        if let Some(folder) = self.folder(parent) {
            self.follow(folder, Path::new(name));
        }
    }

    /// Where a folder is, if it is there.
    fn folder(&mut self, path: &Path) -> Option<PathBuf> {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let found = self.follow(PathBuf::from("/"), path);
        self.known.insert(path.to_owned(), found.clone());
        found
    }

    fn pattern(&mut self, pattern: &str) {
        let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        self.matching(PathBuf::from("/"), &parts);
    }

    /// Notes the folders in which names can come and go that the parts of a pattern match.
    fn matching(&mut self, folder: PathBuf, parts: &[&str]) {
        let literal = parts.iter().take_while(|part| !part.contains(['*', '?', '['])).count();
        let Some(folder) = self.follow(folder, &parts[..literal].iter().collect::<PathBuf>()) else { return };
        let [part, rest @ ..] = &parts[literal..] else { return };
        let Ok(pattern) = Pattern::new(part) else { return };
        let noted = self.note(&folder);
        noted.matters = true;
        noted.patterns.insert(pattern.clone());
        if rest.is_empty() || self.folders.len() > FOLDERS_PLANNED_MAX {
            return;
        }
        // A folder that cannot be read has no matches for whoever reads the configuration either.
        let Ok(entries) = fs::read_dir(&folder) else { return };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        for name in names.filter(|name| pattern.matches_with(name, PATTERN_OPTIONS)) {
            if let Some(below) = self.follow(folder.clone(), Path::new(&name))
                && below.is_dir()
            {
                self.matching(below, rest);
            }
        }
    }

    /// Goes a way from a folder, as the system does, and notes each step; to where it leads, unless something is missing.
    fn follow(&mut self, folder: PathBuf, way: &Path) -> Option<PathBuf> {
        let mut at = folder;
        let mut steps: VecDeque<OsString> = VecDeque::new();
        lead(&mut at, &mut steps, way);
        let mut links = 0;
        while let Some(step) = steps.pop_front() {
            if step == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&step);
            let noted = self.note(&at);
            noted.names.insert(step);
            match fs::symlink_metadata(&next) {
                Ok(status) if status.is_dir() => at = next,
                Ok(status) if status.is_symlink() => {
                    noted.matters = true;
                    links += 1;
                    if links > LINKS_MAX {
                        return None;
                    }
                    lead(&mut at, &mut steps, &fs::read_link(&next).ok()?);
                }
                Ok(_) => {
                    noted.matters = true;
                    return steps.is_empty().then_some(next);
                }
                Err(_) => {
                    noted.matters = true;
                    return None;
                }
            }
        }
        Some(at)
    }

    fn note(&mut self, folder: &Path) -> &mut Folder {
        self.folders.entry(folder.to_owned()).or_default()
    }

    /// Keeps what is worth a watch. A folder that has two paths (it is mounted twice) can be told of by one only.
    fn finish(self) -> Plan {
        let mut plan = Plan::default();
        let mut paths: HashMap<(u64, u64), PathBuf> = HashMap::new();
        for (path, mut folder) in self.folders {
            if !folder.matters && path.components().count() <= UPPERMOST {
                continue;
            }
            match fs::metadata(&path) {
                Ok(status) => folder.id = Some((status.dev(), status.ino())),
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(_) => {}
            }
            let first = folder.id.map(|id| paths.entry(id).or_insert_with(|| path.clone()).clone());
            match first.and_then(|first| plan.folders.get_mut(&first)) {
                Some(first) => {
                    first.names.append(&mut folder.names);
                    first.patterns.append(&mut folder.patterns);
                }
                None => drop(plan.folders.insert(path, folder)),
            }
        }
        plan
    }
}

/// Puts a way before the steps that remain; one from the root begins there.
fn lead(at: &mut PathBuf, steps: &mut VecDeque<OsString>, way: &Path) {
    for component in way.components().rev() {
        match component {
            Component::Normal(name) => steps.push_front(name.to_owned()),
            Component::ParentDir => steps.push_front("..".into()),
            Component::RootDir => *at = PathBuf::from("/"),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

/// `/` and the folders in it: how many components the path of such a one has.
const UPPERMOST: usize = 2;
/// How many links the system follows on one way.
const LINKS_MAX: usize = 40;
/// With more folders than this nobody reads on which there are: they are too many to watch.
const FOLDERS_PLANNED_MAX: usize = 100_000;

#[cfg(test)]
mod tests;

//! What a load of a configuration read, by which one can tell later whether another would read anything else.
//!
//! A file is kept by a digest of its content, a pattern by what it matched. `sources` notes every file here and
//! `includes` every pattern, also those that cannot be read; so it is there when a load fails. `control::watch` looks
//! again and compares. What is read for requests (password files, error pages, documents) has no place here: a change
//! of it counts at once, without a reload.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use foldhash::quality::RandomState;
use glob::{GlobResult, MatchOptions, PatternError};
use rustix::fs::{Mode, OFlags};

use crate::base::pace;

/// What was read, or was to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    files: BTreeMap<PathBuf, Digest>,
    patterns: BTreeMap<String, Matches>,
}

/// What a file held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// This many bytes, with this hash.
    Content {
        /// How many.
        bytes: usize,
        /// A hash of them, good within this process.
        hash: u64,
    },
    /// There was none.
    Missing,
    /// It was there, or may have been, and could not be read.
    Unreadable,
    /// A pipe or a device: it gives what it has once, and nobody can look again.
    Special,
}

/// What a pattern matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    found: BTreeSet<PathBuf>,
    /// Folders that could not be looked into.
    unreadable: BTreeSet<PathBuf>,
}

impl Watched {
    /// Notes a file.
    pub(super) fn file(&mut self, path: &Path, digest: Digest) {
        self.files.insert(path.to_owned(), digest);
    }

    /// Notes a pattern.
    pub(super) fn pattern(&mut self, pattern: &str, results: &[GlobResult]) {
        self.patterns.insert(pattern.to_owned(), Matches::of(results));
    }

    /// The files that can be looked at again.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().filter(|(_, digest)| **digest != Digest::Special).map(|(path, _)| &**path)
    }

    /// The patterns, absolute, as [`PATTERN_OPTIONS`] have them matched.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.keys().map(String::as_str)
    }

    /// The same files and patterns as they are at this moment.
    pub fn look(&self) -> Self {
        let files = self.files.iter().map(|(path, digest)| match digest {
            Digest::Special => (path.clone(), Digest::Special),
            _ => (path.clone(), look_at(path)),
        });
        let patterns = self.patterns.keys().map(|pattern| {
            // One that was understood before is understood again.
            let results = expand(pattern).unwrap_or_default();
            (pattern.clone(), Matches::of(&results))
        });
        Self { files: files.collect(), patterns: patterns.collect() }
    }

    /// What is another in `now`: files with other content, or that came or went. What cannot be read now tells nothing of
    /// its content, and so is no change.
    pub fn differences(&self, now: &Self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        for (path, digest) in &self.files {
            if now.files.get(path).is_some_and(|now| now != digest && *now != Digest::Unreadable) {
                found.insert(path.clone());
            }
        }
        for (pattern, matches) in &self.patterns {
            let Some(now) = now.patterns.get(pattern) else { continue };
            found.extend(now.found.difference(&matches.found).cloned());
            let hidden = |path: &&PathBuf| now.unreadable.iter().any(|folder| path.starts_with(folder));
            found.extend(matches.found.difference(&now.found).filter(|path| !hidden(path)).cloned());
        }
        found
    }
}

impl Digest {
    fn of(content: &io::Result<Vec<u8>>) -> Self {
        /// Against content that was made to have the hash of another.
        static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);
        match content {
            Ok(bytes) => Self::Content { bytes: bytes.len(), hash: SEED.hash_one(bytes) },
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Self::Missing,
            Err(_) => Self::Unreadable,
        }
    }
}

impl Matches {
    fn of(results: &[GlobResult]) -> Self {
        let found = results.iter().filter_map(|result| result.as_ref().ok());
        let unreadable = results.iter().filter_map(|result| result.as_ref().err());
        Self { found: found.cloned().collect(), unreadable: unreadable.map(|error| error.path().to_owned()).collect() }
    }
}

/// Reads a file up to its limit and one byte more, and says what to note of it.
pub(super) fn read(path: &Path) -> (io::Result<Vec<u8>>, Digest) {
    let (is_special, content) = match open(path) {
        Ok(file) => (file.metadata().is_ok_and(|status| !status.is_file()), content(file)),
        Err(error) => (false, Err(error)),
    };
    let digest = if is_special { Digest::Special } else { Digest::of(&content) };
    (content, digest)
}

/// What a file holds now; a pipe is not even opened, for that could be heard at its other end.
fn look_at(path: &Path) -> Digest {
    match std::fs::metadata(path) {
        Ok(status) if status.is_file() => read(path).1,
        Ok(_) => Digest::Special,
        Err(error) => Digest::of(&Err(error)),
    }
}

fn open(path: &Path) -> io::Result<File> {
    // A pipe is read as the shell's `<(command)` needs it, but opening one to which nobody writes must not wait: the
    // server would hear no signal meanwhile.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    rustix::io::ioctl_fionbio(&file, false)?;
    Ok(file)
}

fn content(file: File) -> io::Result<Vec<u8>> {
    // Room for all of it at once, and for the read that finds its end. Of a pipe nobody knows how much comes.
    let length = file.metadata()?.len().min(FILE_BYTES_MAX as u64);
    let mut bytes = Vec::with_capacity(length as usize + 1);
    let mut rest = file.take(FILE_BYTES_MAX as u64 + 1);
    while rest.by_ref().take(PIECE_BYTES).read_to_end(&mut bytes)? > 0 {
        pace::breathe();
    }
    Ok(bytes)
}

/// What a pattern matches now, in alphabetical order.
pub(super) fn expand(pattern: &str) -> Result<Vec<GlobResult>, PatternError> {
    Ok(glob::glob_with(pattern, PATTERN_OPTIONS)?.collect())
}

/// nginx's: a `*` matches no slash and no dot at the beginning of a name.
pub const PATTERN_OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
/// Copying so much takes the system some 10 µs.
const PIECE_BYTES: u64 = 64 * 1024;
/// Ten thousand servers need four megabytes.
pub(super) const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

const _: () = assert!(FILE_BYTES_MAX <= webserv_grammar::SOURCE_BYTES_MAX, "a smaller limit is told better here");

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder, and what a load would have noted that reads `a` and `b` and includes `sites/*.conf`.
    fn noted() -> (tempfile::TempDir, Watched) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sites")).unwrap();
        for name in ["a", "sites/one.conf", "sites/two.conf"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let mut watched = Watched::default();
        for name in ["a", "b", "sites/one.conf", "sites/two.conf"] {
            let path = folder.path().join(name);
            watched.file(&path, read(&path).1);
        }
        let pattern = format!("{}/sites/*.conf", folder.path().display());
        watched.pattern(&pattern, &expand(&pattern).unwrap());
        (folder, watched)
    }

    /// The names of what is another after something was done in the folder.
    fn after(change: impl FnOnce(&Path)) -> Vec<String> {
        let (folder, watched) = noted();
        change(folder.path());
        let found = watched.differences(&watched.look());
        let name = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
        found.iter().map(name).collect()
    }

    #[test]
    fn other_content_counts_whoever_has_the_same_length() {
        assert_eq!(after(|folder| fs::write(folder.join("a"), "b").unwrap()), ["a"]);
        assert_eq!(after(|folder| fs::write(folder.join("sites/two.conf"), "").unwrap()), ["sites/two.conf"]);
    }

    #[test]
    fn the_same_content_written_again_or_reached_by_a_link_is_no_change() {
        let rewritten = |folder: &Path| {
            fs::remove_file(folder.join("a")).unwrap();
            fs::write(folder.join("a"), "a").unwrap();
            fs::rename(folder.join("sites"), folder.join("elsewhere")).unwrap();
            symlink("elsewhere", folder.join("sites")).unwrap();
            fs::write(folder.join("sites/other"), "matches no pattern").unwrap();
        };
        assert_eq!(after(rewritten), [""; 0]);
    }

    #[test]
    fn what_comes_and_what_goes_counts() {
        assert_eq!(after(|folder| fs::write(folder.join("b"), "").unwrap()), ["b"]);
        assert_eq!(after(|folder| fs::write(folder.join("sites/three.conf"), "").unwrap()), ["sites/three.conf"]);
        let removed = after(|folder| fs::remove_dir_all(folder.join("sites")).unwrap());
        assert_eq!(removed, ["sites/one.conf", "sites/two.conf"]);
    }

    #[test]
    fn what_cannot_be_read_any_more_is_no_change_but_what_can_be_again_is() {
        let (folder, watched) = noted();
        let path = folder.path().join("a");
        let mut unreadable = watched.clone();
        unreadable.file(&path, Digest::Unreadable);
        assert!(watched.differences(&unreadable).is_empty());
        assert_eq!(unreadable.differences(&watched).into_iter().collect::<Vec<_>>(), [path]);
        let mut hidden = watched.clone();
        let matches = hidden.patterns.values_mut().next().unwrap();
        matches.found.clear();
        matches.unreadable.insert(folder.path().join("sites"));
        assert!(watched.differences(&hidden).is_empty());
    }

    #[test]
    fn a_pipe_is_read_once_and_never_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::RWXU).unwrap();
        let (content, digest) = read(&path);
        assert_eq!((content.unwrap().len(), digest), (0, Digest::Special));
        let mut watched = Watched::default();
        watched.file(&path, digest);
        assert_eq!(watched.files().count(), 0);
        fs::remove_file(&path).unwrap();
        assert!(watched.differences(&watched.look()).is_empty());
    }

    #[test]
    fn a_folder_in_place_of_a_file_counts() {
        let replaced = |folder: &Path| {
            fs::remove_file(folder.join("a")).unwrap();
            fs::create_dir(folder.join("a")).unwrap();
        };
        assert_eq!(after(replaced), ["a"]);
    }
}

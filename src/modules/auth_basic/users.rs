//! Password files: lines of `USER:PASSWORD`, found and judged.
//!
//! A line may go on with a colon and anything; one that begins with `#` is a comment, and the first line of a user counts.
//! Everything here reads files and computes hashes, so it is called in jobs, off the event loop.
//!
//! Small files are kept in memory as they were read. Each look-up asks the system whether the file is still the one that
//! was read (length, time of change, number), so a change counts with the next request.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::base::crypt::{self, Unusable};
use crate::http::credentials::Credentials;
use crate::runtime::{self, FileStatus, Kind};

/// The largest file that is kept: some 3,000 users. Larger ones are read to the user's line at each look-up.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// How many files are kept for one configuration; with more, those used last. With `KEPT_BYTES_MAX` that is 4 MiB.
const KEPT_FILES_MAX: usize = 16;

/// How long a file must have been unchanged to be kept: clocks of file systems tick in steps, and two changes within one
/// step cannot be told apart.
const SETTLED: Duration = Duration::from_secs(2);

/// The longest part of a line that is looked at; user and password are at its beginning.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024;

/// The password files of one configuration.
#[derive(Default)]
pub(super) struct UserFiles {
    /// In the order of their last use.
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    path: PathBuf,
    status: FileStatus,
    content: Arc<[u8]>,
}

/// What a file says of a user and a password.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The password is the user's.
    Fits,
    /// It is not.
    DoesNotFit,
    /// The file has no such user.
    NoUser,
    /// What the file has of the user's password has no known form, or would take too long to judge by.
    Unusable(Unusable),
    /// The user's line is longer than [`LINE_BYTES_MAX`] before its password ends.
    LongLine,
    /// The file cannot be opened.
    CannotOpen(io::Error),
    /// It cannot be read.
    CannotRead(io::Error),
    /// It is a FIFO, a socket or a device.
    NotAFile,
}

impl UserFiles {
    /// Judges credentials by a file.
    ///
    /// A user that the file has not costs what another's wrong password does: the password is held against the first of
    /// the file, so that the time of an answer does not tell which users there are as long as the file's passwords have
    /// one form.
    pub(super) fn judge(&self, path: &Path, credentials: &Credentials) -> Verdict {
        let found = self.look_up(path, &credentials.user);
        let stored = match found {
            Ok(Line::Password(stored)) => stored,
            Ok(Line::TooLong) => return Verdict::LongLine,
            Ok(Line::Missing { first }) => {
                let _for_its_time = std::hint::black_box(crypt::verify(&credentials.password, &first));
                return Verdict::NoUser;
            }
            Err(verdict) => return verdict,
        };
        match crypt::verify(&credentials.password, &stored) {
            Ok(true) => Verdict::Fits,
            Ok(false) => Verdict::DoesNotFit,
            Err(why) => Verdict::Unusable(why),
        }
    }

    fn look_up(&self, path: &Path, user: &[u8]) -> Result<Line, Verdict> {
        if let Some(content) = self.kept(path) {
            return find(&*content, user).map_err(Verdict::CannotRead);
        }
        let open = runtime::open(path).map_err(Verdict::CannotOpen)?;
        if open.status.kind == Kind::Other {
            return Err(Verdict::NotAFile);
        }
        let mut file = File::from(open.fd);
        let mut content = Vec::new();
        // One byte more than is kept shows that there is more.
        let limit = KEPT_BYTES_MAX as u64 + 1;
        file.by_ref().take(limit).read_to_end(&mut content).map_err(Verdict::CannotRead)?;
        if content.len() > KEPT_BYTES_MAX {
            return find(content.chain(BufReader::new(file)), user).map_err(Verdict::CannotRead);
        }
        let line = find(&*content, user).map_err(Verdict::CannotRead);
        self.keep(path, open.status, content);
        line
    }

    /// The content of a file that is unchanged since it was read.
    fn kept(&self, path: &Path) -> Option<Arc<[u8]>> {
        let status = runtime::status(path).ok()?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|kept| kept.path == path && kept.status == status)?;
        let used = kept.remove(at);
        let content = Arc::clone(&used.content);
        kept.push(used);
        Some(content)
    }

    fn keep(&self, path: &Path, status: FileStatus, content: Vec<u8>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.path != path);
        // What is younger, or comes from the future, is read again.
        if SystemTime::now().duration_since(status.mtime).is_ok_and(|age| age >= SETTLED) {
            if kept.len() >= KEPT_FILES_MAX {
                kept.remove(0);
            }
            kept.push(Kept { path: path.to_owned(), status, content: content.into() });
        }
    }
}

impl std::fmt::Debug for UserFiles {
    /// Without the files' contents.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("UserFiles")
    }
}

/// What was found of a user.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Password(Vec<u8>),
    TooLong,
    /// There is none; `first` is the password of the first user, if there is any.
    Missing {
        first: Vec<u8>,
    },
}

/// Finds the password of a user.
fn find(mut lines: impl BufRead, user: &[u8]) -> io::Result<Line> {
    let mut line = Vec::new();
    let mut first: Option<Vec<u8>> = None;
    loop {
        line.clear();
        let length = lines.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(Line::Missing { first: first.unwrap_or_default() });
        }
        let whole = length < LINE_BYTES_MAX || line.ends_with(b"\n");
        if !whole {
            lines.skip_until(b'\n')?;
        }
        let Some((name, password)) = entry(&line, whole) else { continue };
        match password {
            Some(password) if name == user => return Ok(Line::Password(password.to_owned())),
            None if name == user => return Ok(Line::TooLong),
            Some(password) if first.is_none() => first = Some(password.to_owned()),
            _ => {}
        }
    }
}

/// The user of a line, and the password where its end is in sight; nothing for a comment or an empty line.
fn entry(line: &[u8], whole: bool) -> Option<(&[u8], Option<&[u8]>)> {
    if line.starts_with(b"#") || line.starts_with(b"\r") {
        return None;
    }
    let colon = memchr::memchr(b':', line)?;
    let (name, rest) = (&line[..colon], &line[colon + 1..]);
    let end = memchr::memchr3(b':', b'\r', b'\n', rest).or(whole.then_some(rest.len()));
    Some((name, end.map(|end| &rest[..end])))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(content: &str, user: &str) -> Line {
        find(content.as_bytes(), user.as_bytes()).unwrap()
    }

    fn password(text: &str) -> Line {
        Line::Password(text.as_bytes().to_owned())
    }

    fn missing(first: &str) -> Line {
        Line::Missing { first: first.as_bytes().to_owned() }
    }

    #[test]
    fn the_first_line_of_a_user_counts() {
        let content = "ann:1\nbob:2\nann:3\n";
        assert_eq!(found(content, "ann"), password("1"));
        assert_eq!(found(content, "bob"), password("2"));
        assert_eq!(found(content, "an"), missing("1"));
        assert_eq!(found(content, "annb"), missing("1"));
    }

    #[test]
    fn comments_empty_lines_and_lines_without_a_colon_are_passed_over() {
        let content = "# ann:0\n\n\r\nann\n ann:1\nann:2";
        assert_eq!(found(content, "ann"), password("2"));
        assert_eq!(found(content, "# ann"), missing("1"));
        assert_eq!(found("", "ann"), missing(""));
    }

    #[test]
    fn a_password_ends_at_a_colon_or_the_end_of_the_line() {
        assert_eq!(found("ann:1:a comment: more\n", "ann"), password("1"));
        assert_eq!(found("ann:1\r\nbob:2", "ann"), password("1"));
        assert_eq!(found("ann:1\r\nbob:2", "bob"), password("2"));
        assert_eq!(found("ann:\nbob:2", "ann"), password(""));
    }

    #[test]
    fn a_user_never_reaches_into_another_line() {
        assert_eq!(found("a\nb:1\n", "a\nb"), missing("1"));
    }

    #[test]
    fn of_a_long_line_only_the_beginning_is_looked_at() {
        let comment = "x".repeat(LINE_BYTES_MAX * 3);
        assert_eq!(found(&format!("ann:1:{comment}\nbob:2\n"), "ann"), password("1"));
        assert_eq!(found(&format!("ann:1:{comment}\nbob:2\n"), "bob"), password("2"));
        assert_eq!(found(&format!("ann:{comment}\nbob:2\n"), "ann"), Line::TooLong);
        assert_eq!(found(&format!("ann:{comment}\nbob:2\n"), "bob"), password("2"));
        let edge = "y".repeat(LINE_BYTES_MAX - "ann:\n".len());
        assert_eq!(found(&format!("ann:{edge}\nbob:2\n"), "ann"), password(&edge));
        assert_eq!(found(&format!("ann:{edge}y\nbob:2\n"), "ann"), Line::TooLong);
    }

    /// A file of its own, last changed long ago.
    struct Fixture {
        folder: tempfile::TempDir,
        files: UserFiles,
    }

    impl Fixture {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), files: UserFiles::default() }
        }

        fn write(&self, name: &str, content: &str, changed: Duration) -> PathBuf {
            let path = self.folder.path().join(name);
            fs::write(&path, content).unwrap();
            let changed = SystemTime::UNIX_EPOCH + changed;
            File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
            path
        }

        fn judge(&self, path: &Path, user: &str, password: &str) -> Verdict {
            let credentials = Credentials { user: user.into(), password: password.into() };
            self.files.judge(path, &credentials)
        }

        fn kept(&self) -> usize {
            self.files.kept.lock().unwrap().len()
        }
    }

    const LONG_AGO: Duration = Duration::from_secs(784_111_777);

    #[test]
    fn credentials_are_judged_by_the_file() {
        let fixture = Fixture::new();
        let path = fixture.write("users", "ann:{PLAIN}secret\nbob:secret\n", LONG_AGO);
        for _twice in 0..2 {
            assert!(matches!(fixture.judge(&path, "ann", "secret"), Verdict::Fits));
            assert!(matches!(fixture.judge(&path, "ann", "Secret"), Verdict::DoesNotFit));
            assert!(matches!(fixture.judge(&path, "bob", "secret"), Verdict::Unusable(Unusable::UnknownForm)));
            assert!(matches!(fixture.judge(&path, "carl", "secret"), Verdict::NoUser));
        }
        assert_eq!(fixture.kept(), 1);
    }

    #[test]
    fn a_changed_file_counts_at_once() {
        let fixture = Fixture::new();
        let path = fixture.write("users", "ann:{PLAIN}one\n", LONG_AGO);
        assert!(matches!(fixture.judge(&path, "ann", "one"), Verdict::Fits));
        fixture.write("users", "ann:{PLAIN}two\n", LONG_AGO + Duration::from_nanos(1));
        assert!(matches!(fixture.judge(&path, "ann", "one"), Verdict::DoesNotFit));
        assert!(matches!(fixture.judge(&path, "ann", "two"), Verdict::Fits));
        let other = fixture.write("other", "ann:{PLAIN}six\n", LONG_AGO + Duration::from_nanos(1));
        fs::rename(other, &path).unwrap();
        assert!(matches!(fixture.judge(&path, "ann", "six"), Verdict::Fits));
        fs::remove_file(&path).unwrap();
        assert!(matches!(fixture.judge(&path, "ann", "six"), Verdict::CannotOpen(_)));
    }

    #[test]
    fn a_file_that_was_changed_just_now_is_read_again() {
        let fixture = Fixture::new();
        let path = fixture.folder.path().join("users");
        fs::write(&path, "ann:{PLAIN}one\n").unwrap();
        assert!(matches!(fixture.judge(&path, "ann", "one"), Verdict::Fits));
        assert_eq!(fixture.kept(), 0);
    }

    #[test]
    fn no_more_files_are_kept_than_may_be() {
        let fixture = Fixture::new();
        let paths: Vec<_> = (0..KEPT_FILES_MAX + 3)
            .map(|number| fixture.write(&number.to_string(), "ann:{PLAIN}secret\n", LONG_AGO))
            .collect();
        for path in paths.iter().chain(&paths) {
            assert!(matches!(fixture.judge(path, "ann", "secret"), Verdict::Fits));
            assert!(fixture.kept() <= KEPT_FILES_MAX);
        }
    }

    #[test]
    fn a_large_file_is_read_to_the_users_line_and_not_kept() {
        let fixture = Fixture::new();
        let others: String = (0..30_000).map(|number| format!("user{number}:{{PLAIN}}x\n")).collect();
        let path = fixture.write("users", &format!("{others}ann:{{PLAIN}}secret\n"), LONG_AGO);
        assert!(matches!(fixture.judge(&path, "ann", "secret"), Verdict::Fits));
        assert!(matches!(fixture.judge(&path, "user1", "x"), Verdict::Fits));
        assert!(matches!(fixture.judge(&path, "nobody", "x"), Verdict::NoUser));
        assert_eq!(fixture.kept(), 0);
    }

    #[test]
    fn what_is_no_file_is_told() {
        let fixture = Fixture::new();
        assert!(matches!(fixture.judge(fixture.folder.path(), "ann", "x"), Verdict::CannotRead(_)));
        assert!(matches!(fixture.judge(Path::new("/dev/null"), "ann", "x"), Verdict::NotAFile));
        assert!(matches!(fixture.judge(&fixture.folder.path().join("none"), "ann", "x"), Verdict::CannotOpen(_)));
    }
}

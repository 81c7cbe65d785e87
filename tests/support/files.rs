//! Files that a test makes, and files that it waits for.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

use super::PATIENCE;

/// Bytes that differ from place to place, so that a piece at the wrong offset shows.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

/// Waits until the text of a file satisfies `is`, looking again whenever its folder changes. No file is an empty text.
#[track_caller]
pub(crate) fn wait_for_file(path: &Path, is: impl Fn(&str) -> bool) -> String {
    let folder = path.parent().expect("a file is in a folder");
    let watch =
        inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).expect("there is inotify");
    let events = inotify::WatchFlags::MODIFY
        | inotify::WatchFlags::CREATE
        | inotify::WatchFlags::MOVED_TO
        | inotify::WatchFlags::MOVED_FROM
        | inotify::WatchFlags::DELETE;
    inotify::add_watch(&watch, folder, events).expect("the folder can be watched");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        if is(&text) {
            return text;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "waiting for {}, which is now:\n{text}", path.display());
        let timeout = Timespec::try_from(left).expect("PATIENCE is short");
        let mut polled = [PollFd::new(&watch, PollFlags::IN)];
        // Interrupted or not: the file is looked at again.
        let _events = poll(&mut polled, Some(&timeout));
        let mut forgotten = [0; 4096];
        while matches!(rustix::io::read(&watch, &mut forgotten), Ok(1..)) {}
    }
}

/// The lines of a file, once there are at least `count`.
#[track_caller]
pub(crate) fn wait_for_lines(path: &Path, count: usize) -> Vec<String> {
    let complete = |text: &str| text.matches('\n').count() >= count;
    wait_for_file(path, complete).lines().map(str::to_owned).collect()
}

//! What a child may use.
//!
//! Called by `child` right after the start, on the thread that started it. Nothing runs between fork and exec, so a child
//! has a moment without its limits, and what it starts in that moment is looked for.

use std::io;

use rustix::process::{Pid, Resource, Rlimit};

/// How many processes that a child has started in its first moments are given its limits.
const DESCENDANTS_MAX: usize = 64;

/// What a child, and each process it starts, may use. Set right after the start (prlimit(2)), and never more than the
/// server itself may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildLimits {
    /// Bytes of address space (RLIMIT_AS).
    pub memory_bytes: Option<u64>,
    /// Seconds of processor time (RLIMIT_CPU).
    pub cpu_seconds: Option<u64>,
    /// Processes and threads of the user (RLIMIT_NPROC), all that there are counted; not for root.
    pub processes: Option<u64>,
}

impl ChildLimits {
    /// Sets the limits on a child, and on what it may have started before this thread came to it: from then on whatever
    /// is started inherits them.
    pub(super) fn set(self, child: Pid) -> io::Result<()> {
        if self == Self::default() {
            return Ok(());
        }
        self.set_one(child)?;
        let mut limited = vec![child];
        let mut at = 0;
        while let Some(&parent) = limited.get(at) {
            for child in children_of(parent) {
                // One that has ended needs no limit.
                if !limited.contains(&child) && limited.len() < DESCENDANTS_MAX && self.set_one(child).is_ok() {
                    limited.push(child);
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn set_one(self, process: Pid) -> io::Result<()> {
        // The signal at the limit, and a second later the end for those who ignore it.
        let cpu = self.cpu_seconds.map(|seconds| (seconds, seconds.saturating_add(1)));
        let all = [
            (Resource::As, self.memory_bytes.map(|bytes| (bytes, bytes))),
            (Resource::Cpu, cpu),
            (Resource::Nproc, self.processes.map(|count| (count, count))),
        ];
        for (resource, limit) in all {
            let Some((current, maximum)) = limit else { continue };
            // What is inherited cannot be raised.
            let highest = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
            let limit = Rlimit { current: Some(current.min(highest)), maximum: Some(maximum.min(highest)) };
            rustix::process::prlimit(Some(process), resource, limit)?;
        }
        Ok(())
    }
}

/// The processes that another has started itself; none where the system does not tell.
fn children_of(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero();
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    let texts = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    texts
        .flat_map(|text| text.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect::<Vec<_>>())
        .collect()
}

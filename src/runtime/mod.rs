//! The event loop: one thread, one poll, one map of descriptors to the tasks that own them.
//!
//! A [`Worker`] waits, tells tasks that their descriptors, timers or wakers are ready, polls those tasks, and starts
//! again. A task is a future; a listener is one, a connection is one. Tasks reach their worker through a [`Handle`],
//! descriptors through [`Io`], [`Transport`] and [`Acceptor`]. Other threads reach a worker through its [`Mailbox`].
//! What blocks or takes long is done by the threads behind [`Handle::job`].
//!
//! What holds here and is seen only by what is absent: no HTTP, no lock or allocation per event, no waker stored for a
//! descriptor or a timer (any event of a task polls the whole task, and each of its futures looks at its own readiness),
//! no blocking call but the wait itself and reads of regular files.
//!
//! A future that drives others must therefore poll all of them each time it is polled, as joining and racing in place
//! do; a sub-executor that polls only children whose waker was called would miss descriptors and deadlines.

mod child;
mod clock;
mod files;
mod folder;
mod handle;
mod io;
mod jobs;
mod leftovers;
pub mod listen;
mod mailbox;
mod new_file;
mod pipe;
mod symlinks;
mod task;
mod temp_file;
mod timer;
mod transport;
mod trees;
mod worker;

pub use child::{Child, ChildLimits, Input, Launch, StartError, Started, keep_descriptors_from_children, start};
pub use clock::Clock;
pub use files::{FileStatus, Kind, OpenFile, open, read_at, status};
pub use folder::Folder;
pub use handle::{Handle, Hooks, SCRATCH_BYTES, YieldNow};
pub use io::{Io, Ready};
pub use jobs::{JobError, WORK_WAITING_MAX, Work};
pub use leftovers::{ENTRIES_MAX as SWEPT_ENTRIES_MAX, Swept, sweep};
pub use listen::{AcceptError, Acceptor, Address, Keepalive, ListenOptions, Peer, apply, bind, probe};
pub use mailbox::{JOBS_WAITING_MAX, Job, Mailbox, PostError};
pub use new_file::{Existing, NewFile, NewFolder, TEMPORARY_PREFIX, with_temporary_name};
pub use pipe::{PipeReader, PipeWriter};
pub use symlinks::{Symlinks, open_checked, open_folder_checked, status_checked};
pub use task::TaskId;
pub use temp_file::{Naming, TempFile, TempFileError, make_folder};
pub use timer::{Deadline, Elapsed, TICK, Timeout};
pub use transport::Transport;
pub use trees::{DEPTH_MAX as TREE_DEPTH_MAX, Duplication, FileCopy, LinkSearch, Removal, TreeFailure, new_folder};
pub use worker::Worker;

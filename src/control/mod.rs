//! The main thread: signals, reloads, listeners, the process itself. It builds the new state whole, opens everything it
//! needs, and only then publishes it; on any error nothing has changed, and the reason is reported.
//!
//! It never touches a request. Workers hear from it by mail and through the published tree.

mod ask;
mod background;
mod causes;
mod generation;
mod guard;
mod handover;
mod life;
mod listeners;
mod notify;
mod passed;
mod pid_file;
mod places;
mod privileges;
mod program;
mod reload;
mod serve;
mod shares;
mod signals;
mod socket;
mod status;
mod trial;
mod upgrade;
mod verdict;
mod watch;
mod wire;
mod workers;

pub use ask::{AskError, ask};
pub use handover::HandoverError;
pub use pid_file::{PidError, read as read_pid};
pub use serve::{Ended, ServeError, serve};
pub use signals::{SignalName, end_by, send};
pub use wire::{Answer, Asked, Command, Manner, is_trial_time};

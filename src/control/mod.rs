//! The main thread: signals, reloads, listeners, the process itself. It builds the new state whole, opens everything it
//! needs, and only then publishes it; on any error nothing has changed, and the reason is reported.
//!
//! It never touches a request. Workers hear from it by mail and through the published tree.

mod causes;
mod listeners;
mod pid_file;
mod privileges;
mod reload;
mod serve;
mod signals;
mod workers;

pub use pid_file::{PidError, read as read_pid};
pub use serve::{ServeError, serve};
pub use signals::{SignalName, send};

//! Reloads and signals, seen by clients that are connected meanwhile.

mod commands;
mod confirm;
mod connections;
mod ending;
mod endurance;
mod guard;
mod listeners;
mod logs;
mod refusals;
mod status;
mod watching;
mod workers;

/// A whole configuration around one `server`.
fn configuration(server: &str) -> String {
    format!(
        "events {{ }}\nhttp {{\naccess_log off;\nserver {{\nlisten 127.0.0.1:0;\nroot {{root}};\n{server}\n}}\n}}\n"
    )
}

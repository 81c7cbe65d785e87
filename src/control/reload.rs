//! A reload: read and check everything, open everything new, publish, retire what is gone. An error before "publish"
//! changes nothing but the log; nothing after it can fail.

use std::sync::Arc;

use super::listeners::Change;
use super::serve::{Server, limits};
use crate::base::report::{self, Severity, report};
use crate::config::load::{self, Configuration, Loaded};
use crate::config::render;

/// Takes up the configuration as it is on disk now, or says why not and leaves everything as it is.
pub(super) fn reload(server: &mut Server) {
    report(Severity::Notice, format_args!("reloading the configuration"));
    let loaded = load::load(&server.request, Some(&server.resources));
    let prepared = accept(loaded).and_then(|configuration| prepare(server, configuration));
    match prepared {
        Some((configuration, change)) => {
            warn_of_what_stays(server, &configuration);
            publish(server, configuration, change);
        }
        None => report(Severity::Error, format_args!("configuration not changed, see the errors above")),
    }
}

/// The configuration, if it has no errors; every finding is reported.
fn accept(loaded: Loaded) -> Option<Configuration> {
    for finding in &loaded.report.diagnostics {
        let line = render::one_line(finding, &loaded.report.sources);
        report(finding.level.severity(), format_args!("{line}"));
    }
    loaded.result.ok()
}

/// What cannot change while the server runs is told, not dropped in silence.
fn warn_of_what_stays(server: &Server, configuration: &Configuration) {
    let (old, new) = (&server.process, &configuration.process);
    let changes = [
        ("worker_processes", new.workers != server.workers.len()),
        ("user", new.user != old.user),
        ("worker_rlimit_nofile", new.open_files_max != old.open_files_max),
        ("pid", new.pid != old.pid),
    ];
    for (name, _) in changes.iter().filter(|(_, changed)| *changed) {
        report(Severity::Warn, format_args!("the changed \"{name}\" takes effect at the next start"));
    }
}

/// Makes and binds what is new.
fn prepare(server: &Server, configuration: Configuration) -> Option<(Configuration, Change)> {
    if let Err(error) = configuration.resources.make_folders() {
        report(Severity::Emerg, format_args!("{error}"));
        return None;
    }
    match server.listeners.prepare(&configuration.tree, server.workers.len()) {
        Ok(change) => Some((configuration, change)),
        Err(errors) => {
            for error in errors {
                report(Severity::Emerg, format_args!("{error}"));
            }
            None
        }
    }
}

fn publish(server: &mut Server, configuration: Configuration, change: Change) {
    let Configuration { process, tree, mut resources } = configuration;
    for address in change.added() {
        report(Severity::Notice, format_args!("listening on {address}"));
    }
    for address in change.removed() {
        report(Severity::Notice, format_args!("no longer listening on {address}"));
    }
    for address in &change.differing {
        report(Severity::Warn, format_args!("the changed options of {address} take effect at the next start"));
    }
    resources.take_effect();
    let servers = tree.servers();
    server.published.publish(Arc::new(tree));
    let (added, removed) = server.listeners.commit(change, server.workers.len());
    server.workers.add_listeners(added);
    server.workers.close_listeners(&removed);
    server.workers.set_limits(limits(&process));
    report::set_process_log(Arc::clone(&process.error_log));
    server.process = process;
    server.resources = resources;
    let generation = server.published.generation();
    report(
        Severity::Notice,
        format_args!(
            "configuration reloaded: generation {generation}, {servers} servers on {} addresses",
            server.listeners.shown().count()
        ),
    );
}

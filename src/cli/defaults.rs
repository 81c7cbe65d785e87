//! What holds when the command line does not say: where the configuration is, the prefix, and the built-in
//! configuration with its welcome page.

use std::env;
use std::path::{Path, PathBuf};

use super::CommandError;
use super::arguments::Invocation;
use crate::config::load::{Origin, Request};
use crate::modules::MODULES;

/// Where an installed configuration is.
pub(super) const CONFIGURATION_PATH: &str = "/etc/webserv/webserv.conf";

/// Where an installed welcome page is: the prefix of `html/`.
const INSTALLED_PREFIX: &str = "/usr/share/webserv";

/// The port of the welcome page.
pub(super) const WELCOME_PORT: u16 = 8080;

/// How the configuration is to be read.
pub(super) fn request(invocation: &Invocation) -> Result<Request, CommandError> {
    let current = env::current_dir()?;
    let file = match &invocation.configuration {
        Some(file) => Some(current.join(file)),
        None => Some(PathBuf::from(CONFIGURATION_PATH)).filter(|path| path.exists()),
    };
    let prefix = invocation.prefix.as_ref().map(|prefix| current.join(prefix));
    let (origin, prefix) = match file {
        Some(file) => {
            let prefix = prefix.unwrap_or_else(|| prefix_of(&file));
            (Origin::File(file), prefix)
        }
        None => {
            let prefix = prefix.map_or_else(welcome_prefix, Ok)?;
            (Origin::BuiltIn(welcome()), prefix)
        }
    };
    Ok(Request {
        origin,
        prefix,
        globals: invocation.globals.clone(),
        error_log: invocation.error_log.clone(),
        as_root: rustix::process::geteuid().is_root(),
        modules: MODULES,
    })
}

/// The folder of the configuration; the one above it when that is called as nginx and its packages call it.
fn prefix_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let above = folder.parent().filter(|_| folder.ends_with("conf") || folder.ends_with("conf.d"));
    above.unwrap_or(folder).to_owned()
}

/// The built-in configuration.
fn welcome() -> String {
    // Whoever starts it this way only wants to see it run, with the files that they can read.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    format!(
        "{user}error_log stderr notice;
events {{ }}
http {{
    sendfile on;
    types {{ text/html html; image/svg+xml svg; text/css css; }}
    server {{
        listen {WELCOME_PORT};
        listen [::]:{WELCOME_PORT};
        server_name localhost;
        root html;
    }}
}}
"
    )
}

/// The folder that has `html/`: here, above the program (a checkout's `target/release/webserv`), or installed.
fn welcome_prefix() -> Result<PathBuf, CommandError> {
    let current = env::current_dir()?;
    let program = env::current_exe()?;
    let mut candidates = std::iter::once(current.as_path()).chain(program.ancestors().skip(1));
    let found = candidates.find(|folder| has_welcome_page(folder)).or_else(|| {
        let installed = Path::new(INSTALLED_PREFIX);
        has_welcome_page(installed).then_some(installed)
    });
    let found = found.ok_or_else(|| {
        format!("there is no configuration at {CONFIGURATION_PATH} and no welcome page to serve: give a configuration with -c FILE")
    })?;
    Ok(found.to_owned())
}

fn has_welcome_page(folder: &Path) -> bool {
    folder.join("html/index.html").is_file() && folder.join("errors/page.html").is_file()
        || folder == Path::new(INSTALLED_PREFIX) && folder.join("html/index.html").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_the_folder_above_conf_and_conf_d() {
        assert_eq!(prefix_of(Path::new("/srv/conf/webserv.conf")), Path::new("/srv"));
        assert_eq!(prefix_of(Path::new("/srv/conf.d/a.conf")), Path::new("/srv"));
        assert_eq!(prefix_of(Path::new("/etc/webserv/webserv.conf")), Path::new("/etc/webserv"));
    }
}

//! Servers that share an address.

use super::super::addresses::AddressUse;
use super::super::diagnostics::Diagnostic;
use super::{Found, Lint};
use crate::config::view::View;

/// Several servers of one address, and none is said to be the default.
pub(super) static NO_DEFAULT_SERVER: Lint = Lint {
    code: "no-default-server",
    finds: "Several servers share an address, and none of them says `default_server`.",
    matters: "The first one answers for all names that no server has, and for none: which that is changes with the order \
              of files, and unknown names get to see a site that is not meant for them.",
    instead: "Write `default_server` behind the `listen` of the one that is meant, best of one that answers nothing else. \
              A first server that is called `_` is taken to be meant.",
    wrong: "server { listen 8080; server_name a.example; }\nserver { listen 8080; server_name b.example; }",
    right: "server { listen 8080 default_server; return 444; }\n\
            server { listen 8080; server_name a.example; }\nserver { listen 8080; server_name b.example; }",
    found: Found::Checking(no_default_server),
};

fn no_default_server(view: &View<'_>) -> Vec<Diagnostic> {
    view.addresses.iter().filter(|address| address.servers > 1 && !address.has_default).map(finding).collect()
}

fn finding(address: &AddressUse) -> Diagnostic {
    let message = format!("no server is the default of {}", address.address);
    let label = format!("the first of {} servers, so it answers for unknown names", address.servers);
    Diagnostic::warning(address.first, message)
        .label(label)
        .help("write `default_server` behind the `listen` that is meant")
}

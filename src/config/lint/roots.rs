//! Folders that are set for some locations, and not for the others beside them.

use super::super::diagnostics::{Diagnostic, Place};
use super::serving::{answers, denied};
use super::{Found, Lint};
use crate::config::view::{Block, DEFAULT_ROOT, Kind, View};

/// `root` in the locations of a server that has none itself.
pub(super) static ROOT_IN_LOCATION: Lint = Lint {
    code: "root-in-location",
    finds: "A server sets `root` in its locations only, the same one twice; or beside a location that serves files and \
            has none.",
    matters: "A location without a `root` takes its files from the default folder, `html`, which is not what anybody \
              means; and each location that is added has the same gap again.",
    instead: "Write `root` once, into the server. A location that needs another one still has its own.",
    wrong: "server {\n    listen 8080;\n    location / { root www; }\n    location /files/ { autoindex on; }\n}",
    right: "server {\n    listen 8080;\n    root www;\n    location /files/ { autoindex on; }\n}",
    found: Found::Checking(root_in_location),
};

fn root_in_location(view: &View<'_>) -> Vec<Diagnostic> {
    view.of_kind(Kind::Server).filter_map(|server| gap(view, server)).collect()
}

fn gap(view: &View<'_>, server: &Block<'_>) -> Option<Diagnostic> {
    if view.owner(server, "root").is_some() {
        return None;
    }
    let mut first: Option<(&Block<'_>, _)> = None;
    let mut without = None;
    for location in view.children(server, Kind::Location) {
        let root = location.all("root").next();
        match (root, first) {
            (Some(root), None) => first = Some((location, root)),
            (Some(root), Some((_, earlier))) if root.words.first()?.text == earlier.words.first()?.text => {
                let finding = warning(root.place(root.name)).label("the same as in an earlier location");
                return Some(finding.related(earlier.place(earlier.name), "here").help(HELP));
            }
            (None, _) if serves_files(view, location) => without = without.or(Some(location)),
            _ => {}
        }
    }
    let ((_, root), without) = (first?, without?);
    let finding = warning(root.place(root.name)).label("holds in this location only");
    let text = format!("this one serves files from the default folder, `{DEFAULT_ROOT}`");
    Some(finding.related(without.place()?, text).help(HELP))
}

fn warning(place: Place) -> Diagnostic {
    Diagnostic::warning(place, "\"root\" is set in locations only")
}

/// Whether requests to a location end at a file, as far as that can be seen.
fn serves_files(view: &View<'_>, location: &Block<'_>) -> bool {
    let has_own_folder = location.has("alias");
    let has_nested = view.children(location, Kind::Location).next().is_some();
    !has_own_folder && !has_nested && !answers(view, location) && denied(view, location).is_none()
}

const HELP: &str = "write `root` into the server: its locations inherit it";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn a_location_beside_the_one_with_the_root_lacks_it() {
        check(
            &ROOT_IN_LOCATION,
            "server {
    location / { root /srv; }
#                ^^^^ \"root\" is set in locations only; holds in this location only
    location /a { }
#   -------- this one serves files from the default folder, `html`
}
server { root /srv; location / { root /a; } location /b { } }
server { location / { return 404; } location /files { root /srv; } location /x { proxy_pass http://a; } }",
        );
    }

    #[test]
    fn a_root_that_stands_in_several_locations_belongs_into_the_server() {
        check(
            &ROOT_IN_LOCATION,
            "server {
    location /a { root /srv; }
#                 ---- here
    location /b { root /other; }
    location /c { root /srv; }
#                 ^^^^ \"root\" is set in locations only; the same as in an earlier location
}",
        );
        check(
            &ROOT_IN_LOCATION,
            "root /srv; server { location /a { root /a; } location /b { root /a; } location /c { } }",
        );
    }
}

//! The blocks of a configuration, as a table like those of the modules, so that errors and manual
//! come from one place. What stands in them is walked in `engine`.

use super::schema::{Contexts, Entry, Origin, Repeat, Shape};

/// What a directive of the structure opens, or does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    /// `events { }`.
    Events,
    /// `http { }`.
    Http,
    /// `server { }`.
    Server,
    /// `location { }`.
    Location,
    /// `limit_except { }`.
    LimitExcept,
    /// `include FILE`.
    Include,
}

/// The name that the manual gives to this table.
pub(super) const NAME: &str = "structure";

/// The table.
pub(super) const STRUCTURE: &[(Structure, Entry)] = &[
    (
        Structure::Events,
        Entry {
            name: "events",
            contexts: Contexts::MAIN,
            args: block(0, 0, ""),
            repeat: Repeat::Once,
            default: "",
            doc: "Holds the directives that say how connections are handled. It may be empty or left out.",
            example: "events { worker_connections 1024; }",
            origin: Origin::Nginx,
        },
    ),
    (
        Structure::Http,
        Entry {
            name: "http",
            contexts: Contexts::MAIN,
            args: block(0, 0, ""),
            repeat: Repeat::Once,
            default: "",
            doc: "Holds the servers, and the settings that all of them begin with.",
            example: "http { server { root /srv/www; } }",
            origin: Origin::Nginx,
        },
    ),
    (
        Structure::Server,
        Entry {
            name: "server",
            contexts: Contexts::HTTP,
            args: block(0, 0, ""),
            repeat: Repeat::Many,
            default: "",
            doc: "Sets up a virtual server. `listen` says at which addresses it answers, and `server_name` \
                  for which names; of several servers with one address, the name that the client asked for decides, \
                  and the default server of the address has all other names.",
            example: "server { listen 80; server_name example.org; root /srv/www; }",
            origin: Origin::Nginx,
        },
    ),
    (
        Structure::Location,
        Entry {
            name: "location",
            contexts: Contexts::SERVER.or(Contexts::LOCATION),
            args: block(1, 2, "[= | ~ | ~* | ^~] URI"),
            repeat: Repeat::Many,
            default: "",
            doc: "Sets what happens to requests for some paths. `= URI` is this path alone. A URI without a sign is the \
                  beginning of a path; the longest that fits is remembered. `~` and `~*` (without regard to case) are \
                  regular expressions, tried in the order of the file; the first that matches wins over the remembered \
                  beginning, unless that was written with `^~`. `@name` is a location for internal redirects only. \
                  The path is compared after it was decoded and normalised.",
            example: "location /images/ { expires 30d; }",
            origin: Origin::Nginx,
        },
    ),
    (
        Structure::LimitExcept,
        Entry {
            name: "limit_except",
            contexts: Contexts::LOCATION,
            args: block(1, usize::MAX, "METHOD..."),
            repeat: Repeat::Once,
            default: "",
            doc: "Applies its directives to requests with all methods but these. `GET` allows `HEAD` as well.",
            example: "limit_except GET { deny all; }",
            origin: Origin::Nginx,
        },
    ),
    (
        Structure::Include,
        Entry {
            name: "include",
            contexts: Contexts::ANY,
            args: Shape::one("FILE | PATTERN"),
            repeat: Repeat::Many,
            default: "",
            doc: "Reads another file as if its text stood here. With `*`, `?` and `[ ]` it reads all files that fit, \
                  in alphabetical order, and none is no error. A relative name is taken from the folder of the main \
                  configuration file.",
            example: "include conf.d/*.conf;",
            origin: Origin::Nginx,
        },
    ),
];

const fn block(min: usize, max: usize, names: &'static str) -> Shape {
    Shape::Block { min, max, names }
}

//! What clients may send, and how long they may take: heads, bodies, paths.
//!
//! Heads are read before the virtual server is known, so the settings of the address's default server
//! count for them; bodies are read as the location says. Decides nothing else.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::arguments::Arguments;
use crate::config::build::{Build, Reading, ServerBuilder};
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::{BodyFolder, BodyInFile, Settings};
use crate::http::h1::Limits;

/// The module.
#[derive(Debug)]
pub struct Client;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    header_timeout: Duration,
    header_buffer_bytes: u64,
    large_buffers: u64,
    large_buffer_bytes: u64,
    headers_max: usize,
    ignore_invalid_headers: bool,
    underscores_in_headers: bool,
    merge_slashes: bool,
    body_timeout: Duration,
    body_bytes_max: Option<u64>,
    body_buffer_bytes: usize,
    body_in_file: BodyInFile,
    body_folder: Option<PathBuf>,
    body_folder_levels: [u8; 3],
}

impl Default for Conf {
    fn default() -> Self {
        let Reading { limits, header_timeout } = Reading::default();
        let settings = Settings::default();
        Self {
            header_timeout,
            header_buffer_bytes: 1024,
            large_buffers: 4,
            large_buffer_bytes: 8 * 1024,
            headers_max: limits.headers_max,
            ignore_invalid_headers: limits.ignore_invalid_headers,
            underscores_in_headers: limits.underscores_in_headers,
            merge_slashes: true,
            body_timeout: settings.client_body_timeout,
            body_bytes_max: settings.client_max_body_size,
            body_buffer_bytes: settings.client_body_buffer_bytes,
            body_in_file: settings.client_body_in_file,
            body_folder: None,
            body_folder_levels: settings.client_body_folder.levels,
        }
    }
}

/// The least size of a large buffer: nginx wants no less than its `connection_pool_size`, of which this is the default.
const LARGE_BUFFER_BYTES_MIN: u64 = 512;

/// How many digits of a file's number all folder levels may take together, as in nginx.
const FOLDER_DIGITS_MAX: u64 = 10;

const HTTP_SERVER: Contexts = Contexts::HTTP.or(Contexts::SERVER);

impl Module for Client {
    type Conf = Conf;

    const NAME: &'static str = "client";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "client_header_timeout",
            contexts: HTTP_SERVER,
            args: Shape::one("TIME"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.header_timeout = arguments.duration(0)?;
                Ok(())
            },
            default: "60s",
            doc: "How long a client may take for the whole head of a request, from its first byte; then the connection is \
                  closed. The setting of the address's default server counts.",
            example: "client_header_timeout 10s;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "client_header_buffer_size",
            contexts: HTTP_SERVER,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.header_buffer_bytes = arguments.size(0)?;
                Ok(())
            },
            default: "1k",
            doc: "The part of a request's head that `large_client_header_buffers` does not count. Memory is taken as heads \
                  need it, so there is no buffer of this size. The setting of the address's default server counts.",
            example: "client_header_buffer_size 2k;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "large_client_header_buffers",
            contexts: HTTP_SERVER,
            args: Shape::exactly(2, "NUMBER SIZE"),
            repeat: Repeat::Once,
            set: set_large_buffers,
            default: "4 8k",
            doc: "How large the head of a request may be. The request line and each field may have SIZE bytes at most, and \
                  all of the head NUMBER times SIZE and `client_header_buffer_size`. A longer request line is answered \
                  with 414, a longer field or head with 431, where nginx says 400. The setting of the address's default \
                  server counts.",
            example: "large_client_header_buffers 4 16k;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "max_headers",
            contexts: HTTP_SERVER,
            args: Shape::one("NUMBER"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.headers_max = arguments.number(0)?;
                Ok(())
            },
            default: "1000",
            doc: "How many fields the head of a request may have; one with more is answered with 431, where nginx says 400. \
                  The setting of the address's default server counts.",
            example: "max_headers 200;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "ignore_invalid_headers",
            contexts: HTTP_SERVER,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.ignore_invalid_headers = arguments.flag(0)?;
                Ok(())
            },
            default: "on",
            doc: "Whether fields of a request are left out whose names have other characters than letters, digits and \
                  hyphens (and underscores where `underscores_in_headers` allows them). The setting of the address's \
                  default server counts.",
            example: "ignore_invalid_headers off;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "underscores_in_headers",
            contexts: HTTP_SERVER,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.underscores_in_headers = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether names of a request's fields may have underscores. If not, such fields are invalid, and \
                  `ignore_invalid_headers` says what becomes of them. The setting of the address's default server counts.",
            example: "underscores_in_headers on;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "merge_slashes",
            contexts: HTTP_SERVER,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.merge_slashes = arguments.flag(0)?;
                Ok(())
            },
            default: "on",
            doc: "Whether two or more slashes side by side in the path of a request are taken for one.",
            example: "merge_slashes off;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "client_body_timeout",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("TIME"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.body_timeout = arguments.duration(0)?;
                Ok(())
            },
            default: "60s",
            doc: "How long a client may send nothing in the middle of a request's body, while it is waited for. Then the \
                  request is answered with 408 and the connection closed, where nginx closes it without an answer; or it is \
                  reset, with `reset_timedout_connection`.",
            example: "client_body_timeout 20s;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "client_max_body_size",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                let size = arguments.offset(0)?;
                conf.body_bytes_max = (size > 0).then_some(size);
                Ok(())
            },
            default: "1m",
            doc: "How large the body of a request may be; a larger one is answered with 413. 0 is no limit.",
            example: "client_max_body_size 100m;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "client_body_buffer_size",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.body_buffer_bytes = usize::try_from(arguments.size(0)?).unwrap_or(usize::MAX);
                Ok(())
            },
            default: "16k",
            doc: "How much of a request's body is kept in memory; a larger one goes to a file (`client_body_temp_path`). \
                  Memory is taken as the body comes.",
            example: "client_body_buffer_size 64k;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "client_body_in_file_only",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("on | clean | off"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.body_in_file = arguments.choice(0, BODIES_IN_FILES)?;
                Ok(())
            },
            default: "off",
            doc: "Whether every body that is received as a whole is put into a file with a name (`$request_body_file`), for \
                  other programs to read, whatever its size. With `clean` the file is removed when the request is over; with \
                  `on` it stays, and whoever reads it removes it. With `off` only what is too large for \
                  `client_body_buffer_size` is in a file, which has no name.",
            example: "client_body_in_file_only clean;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "client_body_in_single_buffer",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |_, arguments| arguments.flag(0).map(drop),
            default: "off",
            doc: "In nginx it saves copying where `$request_body` is used. Here a body that is in memory always is in one \
                  piece.",
            example: "client_body_in_single_buffer on;",
            origin: Origin::NginxNoEffect,
        },
        Directive {
            name: "client_body_temp_path",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::between(1, 4, "FOLDER [LEVEL [LEVEL [LEVEL]]]"),
            repeat: Repeat::Once,
            set: set_body_folder,
            default: "client_body_temp",
            doc: "The folder for bodies of requests that do not stay in memory, and how many digits from the end of a named \
                  file's number (`client_body_in_file_only`) name the folders on each level below it: with `1 2` the file \
                  0000123457 is in `7/45`. Where the file system can, other files have no name from the start, so that \
                  nothing is left behind whatever happens. A folder that is missing is made, with access for the server's \
                  `user` alone. A relative path is taken from the prefix.",
            example: "client_body_temp_path /var/cache/webserv/bodies 1 2;",
            origin: Origin::Nginx,
        },
    ];

    fn server(conf: &Conf, server: &mut ServerBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        server.merge_slashes = conf.merge_slashes;
        server.reading = Reading { limits: limits(conf), header_timeout: conf.header_timeout };
        Ok(())
    }

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.client_body_timeout = conf.body_timeout;
        plan.settings.client_max_body_size = conf.body_bytes_max;
        plan.settings.client_body_buffer_bytes = conf.body_buffer_bytes;
        plan.settings.client_body_in_file = conf.body_in_file;
        let folder = match &conf.body_folder {
            Some(folder) => build.prefix().join(folder),
            None => build.prefix().join(&plan.settings.client_body_folder.path),
        };
        let path = build.folder(&folder, conf.body_folder.is_some());
        plan.settings.client_body_folder = BodyFolder { path, levels: conf.body_folder_levels };
        Ok(())
    }
}

const BODIES_IN_FILES: &[(&str, BodyInFile)] =
    &[("on", BodyInFile::On), ("clean", BodyInFile::Clean), ("off", BodyInFile::Off)];

/// nginx's buffers as limits: a line fits into one of them, a head into all.
fn limits(conf: &Conf) -> Limits {
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    let large = conf.large_buffers.saturating_mul(conf.large_buffer_bytes);
    Limits {
        line_bytes_max: bytes(conf.header_buffer_bytes.max(conf.large_buffer_bytes)),
        head_bytes_max: bytes(conf.header_buffer_bytes.saturating_add(large)),
        headers_max: conf.headers_max,
        ignore_invalid_headers: conf.ignore_invalid_headers,
        underscores_in_headers: conf.underscores_in_headers,
    }
}

fn set_large_buffers(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let number = arguments.number(0)?;
    if number == 0 {
        let message = "invalid value \"0\" in \"large_client_header_buffers\" directive";
        return Err(arguments.error(0, message).label("expected at least 1 buffer"));
    }
    let size = arguments.size(1)?;
    if size < LARGE_BUFFER_BYTES_MIN {
        let message = format!(
            "the \"large_client_header_buffers\" size must be equal to or greater than {LARGE_BUFFER_BYTES_MIN} bytes"
        );
        return Err(arguments.error(1, message).label("expected a size, such as 8k"));
    }
    conf.large_buffers = number;
    conf.large_buffer_bytes = size;
    Ok(())
}

fn set_body_folder(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let mut levels = [0; 3];
    for (index, level) in levels.iter_mut().enumerate().take(arguments.len() - 1) {
        *level = match arguments.number(index + 1)? {
            digits @ 1..=FOLDER_DIGITS_MAX => digits as u8,
            digits => {
                let message = format!("invalid value \"{digits}\" in \"client_body_temp_path\" directive");
                return Err(arguments.error(index + 1, message).label("expected a number of digits, from 1 to 10"));
            }
        };
    }
    if levels.iter().map(|level| u64::from(*level)).sum::<u64>() > FOLDER_DIGITS_MAX {
        let error = arguments.error(1, "the levels of \"client_body_temp_path\" are too long");
        return Err(error.label("expected at most 10 digits in all"));
    }
    conf.body_folder = Some(arguments.path(0));
    conf.body_folder_levels = levels;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{accepted, plan_at, refused};

    fn reading(server: &str) -> Reading {
        let configuration = accepted::<Client>(&format!("http {{ server {{ {server} }} }}"));
        configuration.tree.addresses[0].default.reading.clone()
    }

    #[test]
    fn buffers_are_limits_of_lines_and_heads() {
        let limits = |server: &str| {
            let limits = reading(server).limits;
            (limits.line_bytes_max, limits.head_bytes_max)
        };
        assert_eq!(limits(""), (8192, 1024 + 4 * 8192));
        assert_eq!(limits("large_client_header_buffers 2 1k;"), (1024, 1024 + 2048));
        assert_eq!(limits("client_header_buffer_size 16k;"), (16384, 16384 + 4 * 8192));
        assert_eq!(limits("large_client_header_buffers 99999999999 99999999999m;").1, usize::MAX);
    }

    #[test]
    fn how_heads_are_read_belongs_to_the_server() {
        let reading = reading("client_header_timeout 5s; max_headers 7; underscores_in_headers on;");
        assert_eq!(reading.header_timeout, Duration::from_secs(5));
        assert_eq!(reading.limits.headers_max, 7);
        assert!(reading.limits.underscores_in_headers && reading.limits.ignore_invalid_headers);
    }

    #[test]
    fn a_body_size_of_0_is_no_limit() {
        let limit = |text: &str| plan_at::<Client>(text, "/").settings.client_max_body_size;
        assert_eq!(limit("server { }"), Some(1024 * 1024));
        assert_eq!(limit("client_max_body_size 2g; server { }"), Some(2 << 30));
        assert_eq!(limit("client_max_body_size 2g; server { location / { client_max_body_size 0; } }"), None);
    }

    #[test]
    fn a_folder_for_bodies_is_taken_from_the_prefix() {
        let folder = |text: &str| plan_at::<Client>(text, "/").settings.client_body_folder.clone();
        assert_eq!(folder("server { }").path.to_str(), Some("/srv/client_body_temp"));
        let set = folder("server { client_body_temp_path /tmp/bodies 1 2; }");
        assert_eq!((set.path.to_str(), set.levels), (Some("/tmp/bodies"), [1, 2, 0]));
    }

    #[test]
    fn buffers_and_levels_that_make_no_sense_are_refused() {
        assert!(refused::<Client>("large_client_header_buffers 0 8k;").contains("at least 1 buffer"));
        assert!(refused::<Client>("large_client_header_buffers 4 511;").contains("512 bytes"));
        assert!(refused::<Client>("client_body_temp_path x 0;").contains("from 1 to 10"));
        assert!(refused::<Client>("client_body_temp_path x 4 4 4;").contains("at most 10 digits"));
        assert!(refused::<Client>("location / { merge_slashes off; }").contains("not allowed here"));
    }
}

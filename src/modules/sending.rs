//! How responses are sent: time-outs, `sendfile`, packets.
//!
//! Puts its settings into the plan; the connection acts on them.

use std::time::Duration;

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::Settings;

/// The module.
#[derive(Debug)]
pub struct Sending;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    timeout: Duration,
    reset_timed_out: bool,
    sendfile: bool,
    sendfile_max_chunk: u64,
    nodelay: bool,
    chunked: bool,
}

impl Default for Conf {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            timeout: settings.send_timeout,
            reset_timed_out: settings.reset_timedout_connection,
            sendfile: settings.sendfile,
            sendfile_max_chunk: settings.sendfile_max_chunk,
            nodelay: settings.tcp_nodelay,
            chunked: settings.chunked_transfer_encoding,
        }
    }
}

impl Module for Sending {
    type Conf = Conf;

    const NAME: &'static str = "sending";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "send_timeout",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("TIME"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.timeout = arguments.duration(0)?;
                Ok(())
            },
            default: "60s",
            doc: "How long a client may take nothing of its answer before the connection is closed. The time begins anew \
                  with every part that the client takes.",
            example: "send_timeout 30s;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "reset_timedout_connection",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.reset_timed_out = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether a connection that ran into a time-out, or that `return 444` closes, is ended with a reset, so that \
                  the system forgets at once what it still had to send. Connections that waited for a further request \
                  are closed as usual.",
            example: "reset_timedout_connection on;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "sendfile",
            contexts: Contexts::HTTP_SERVER_LOCATION_IF,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.sendfile = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether the system sends files by itself, without a detour through the memory of the server. Use `on` \
                  unless the files are on a file system that cannot do it.",
            example: "sendfile on;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "sendfile_max_chunk",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.sendfile_max_chunk = arguments.size(0)?;
                Ok(())
            },
            default: "2m",
            doc: "How many bytes of a file one connection sends before others have their turn; 0 is no limit, and lets one \
                  fast client have a worker for itself.",
            example: "sendfile_max_chunk 512k;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "tcp_nodelay",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.nodelay = arguments.flag(0)?;
                Ok(())
            },
            default: "on",
            doc: "Whether small packets are sent at once (TCP_NODELAY), and do not wait until the client has acknowledged \
                  those before.",
            example: "tcp_nodelay on;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "chunked_transfer_encoding",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.chunked = arguments.flag(0)?;
                Ok(())
            },
            default: "on",
            doc: "Whether an answer whose length is not known beforehand is sent in chunks to clients of HTTP/1.1. With \
                  `off` its end is the end of the connection; for clients that say 1.1 and do not know chunks.",
            example: "chunked_transfer_encoding off;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        let settings = &mut plan.settings;
        settings.send_timeout = conf.timeout;
        settings.reset_timedout_connection = conf.reset_timed_out;
        settings.sendfile = conf.sendfile;
        settings.sendfile_max_chunk = conf.sendfile_max_chunk;
        settings.tcp_nodelay = conf.nodelay;
        settings.chunked_transfer_encoding = conf.chunked;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused};

    #[test]
    fn each_setting_arrives_at_the_location() {
        let text = "send_timeout 5s; reset_timedout_connection on; tcp_nodelay off;
            server { sendfile on; location / { sendfile_max_chunk 0; chunked_transfer_encoding off; } }";
        let plan = plan_at::<Sending>(text, "/");
        let settings = &plan.settings;
        assert_eq!(settings.send_timeout, Duration::from_secs(5));
        assert!(settings.reset_timedout_connection && settings.sendfile);
        assert!(!settings.tcp_nodelay && !settings.chunked_transfer_encoding);
        assert_eq!(settings.sendfile_max_chunk, 0);
    }

    #[test]
    fn a_chunk_is_a_size_without_gigabytes_as_in_nginx() {
        assert!(refused::<Sending>("sendfile_max_chunk 1g;").contains("expected the unit k or m"));
    }
}

//! The features: each a file or folder here, and a line in [`MODULES`].
//!
//! A module declares its directives and variables in a table and installs finished objects into plans; it names no
//! other module. The order of the list is the order of handlers within a stage, and of filters.

pub mod access;
pub mod access_log;
pub mod addition;
pub mod allow_methods;
pub mod auth_basic;
pub mod auth_request;
pub mod autoindex;
pub mod cgi;
pub mod charset;
pub mod client;
pub mod conditional;
pub mod dav;
pub mod empty_gif;
pub mod error_log;
pub mod error_page;
pub mod expect;
pub mod geo;
pub mod headers;
pub mod ignored;
pub mod index;
pub mod internal;
pub mod keepalive;
pub mod limit_conn;
pub mod limit_rate;
pub mod limit_req;
pub mod lingering;
pub mod listen;
pub mod log_settings;
pub mod map;
pub mod process;
pub mod range;
pub mod real_ip;
pub mod redirects;
pub mod referer;
pub mod reload_guard;
pub mod rewrite;
pub mod rewrite_settings;
pub mod root;
pub mod satisfy;
pub mod secure_link;
pub mod sending;
pub mod server_name;
pub mod server_tokens;
pub mod split_clients;
pub mod static_files;
pub mod try_files;
pub mod types;
pub mod upload;
pub mod userid;
pub mod watch;

use crate::config::schema::{AnyModule, Erased};

/// All modules, in order.
pub static MODULES: &[&dyn AnyModule] = &[
    // What only sets things.
    &Erased::<process::Process>::NEW,
    &Erased::<watch::Watch>::NEW,
    &Erased::<reload_guard::ReloadGuard>::NEW,
    &Erased::<ignored::Ignored>::NEW,
    &Erased::<listen::Listen>::NEW,
    &Erased::<server_name::ServerName>::NEW,
    &Erased::<expect::Expect>::NEW,
    &Erased::<client::Client>::NEW,
    &Erased::<keepalive::Keepalive>::NEW,
    &Erased::<lingering::Lingering>::NEW,
    &Erased::<sending::Sending>::NEW,
    &Erased::<limit_rate::LimitRate>::NEW,
    &Erased::<redirects::Redirects>::NEW,
    &Erased::<server_tokens::ServerTokens>::NEW,
    &Erased::<error_page::ErrorPage>::NEW,
    &Erased::<internal::Internal>::NEW,
    &Erased::<satisfy::Satisfy>::NEW,
    &Erased::<allow_methods::AllowMethods>::NEW,
    &Erased::<log_settings::LogSettings>::NEW,
    &Erased::<rewrite_settings::RewriteSettings>::NEW,
    &Erased::<types::Types>::NEW,
    &Erased::<root::Root>::NEW,
    &Erased::<map::Maps>::NEW,
    &Erased::<geo::Geo>::NEW,
    &Erased::<split_clients::SplitClients>::NEW,
    &Erased::<error_log::ErrorLog>::NEW,
    &Erased::<access_log::AccessLog>::NEW,
    &Erased::<referer::Referer>::NEW,
    &Erased::<secure_link::SecureLink>::NEW,
    // Handlers.
    &Erased::<rewrite::Rewrite>::NEW,
    &Erased::<real_ip::RealIp>::NEW,
    &Erased::<limit_req::LimitReq>::NEW,
    &Erased::<limit_conn::LimitConn>::NEW,
    &Erased::<access::Access>::NEW,
    &Erased::<auth_basic::AuthBasic>::NEW,
    &Erased::<auth_request::AuthRequest>::NEW,
    &Erased::<try_files::TryFiles>::NEW,
    &Erased::<dav::Dav>::NEW,
    &Erased::<upload::Upload>::NEW,
    &Erased::<empty_gif::EmptyGif>::NEW,
    &Erased::<cgi::Cgi>::NEW,
    &Erased::<index::Index>::NEW,
    &Erased::<autoindex::Autoindex>::NEW,
    &Erased::<static_files::StaticFiles>::NEW,
    // Filters: conditions first, as they may leave no response to change; ranges last, as they cut what is sent.
    &Erased::<conditional::Conditional>::NEW,
    &Erased::<headers::Headers>::NEW,
    &Erased::<userid::UserId>::NEW,
    &Erased::<addition::Addition>::NEW,
    &Erased::<charset::Charset>::NEW,
    &Erased::<range::Range>::NEW,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{check_examples, check_examples_after};

    /// But for those of the logs, which would open files.
    #[test]
    fn the_examples_of_the_manual_are_accepted() {
        check_examples::<access::Access>();
        check_examples::<addition::Addition>();
        check_examples::<allow_methods::AllowMethods>();
        check_examples::<auth_basic::AuthBasic>();
        check_examples::<auth_request::AuthRequest>();
        check_examples::<autoindex::Autoindex>();
        check_examples::<cgi::Cgi>();
        check_examples::<charset::Charset>();
        check_examples::<client::Client>();
        check_examples::<conditional::Conditional>();
        check_examples::<dav::Dav>();
        check_examples::<empty_gif::EmptyGif>();
        check_examples::<error_page::ErrorPage>();
        check_examples::<expect::Expect>();
        check_examples::<geo::Geo>();
        check_examples::<headers::Headers>();
        check_examples::<ignored::Ignored>();
        check_examples::<index::Index>();
        check_examples::<internal::Internal>();
        check_examples::<keepalive::Keepalive>();
        check_examples_after::<limit_conn::LimitConn>("limit_conn_zone $uri zone=addr:32k;");
        check_examples::<limit_rate::LimitRate>();
        check_examples_after::<limit_req::LimitReq>("limit_req_zone $uri zone=one:32k rate=1r/s;");
        check_examples::<lingering::Lingering>();
        check_examples::<listen::Listen>();
        check_examples::<log_settings::LogSettings>();
        check_examples::<map::Maps>();
        check_examples::<process::Process>();
        check_examples::<range::Range>();
        check_examples::<real_ip::RealIp>();
        check_examples::<redirects::Redirects>();
        check_examples::<referer::Referer>();
        check_examples::<reload_guard::ReloadGuard>();
        check_examples::<rewrite::Rewrite>();
        check_examples::<rewrite_settings::RewriteSettings>();
        check_examples::<root::Root>();
        check_examples::<satisfy::Satisfy>();
        check_examples::<secure_link::SecureLink>();
        check_examples::<sending::Sending>();
        check_examples::<server_name::ServerName>();
        check_examples::<server_tokens::ServerTokens>();
        check_examples::<split_clients::SplitClients>();
        check_examples::<static_files::StaticFiles>();
        check_examples::<try_files::TryFiles>();
        check_examples::<types::Types>();
        check_examples::<upload::Upload>();
        check_examples::<userid::UserId>();
        check_examples::<watch::Watch>();
    }
}

//! The settings of a location that more than one part reads.
//!
//! A directive that only its own module cares about lives in that module's objects; here is what
//! the connection, the stages of answering and several handlers share. Defaults are nginx's.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;

use super::rate::SizeValue;
use super::template::Template;
use crate::base::report::ErrorLog;
use crate::http::method::Method;
use crate::http::mime::{self, MimeTypes};
use crate::http::status::Status;
use crate::runtime::Symlinks;

/// What a location is set to.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How connections are kept.
    pub keepalive: Keepalive,
    /// How a connection ends whose client still sends.
    pub lingering: Lingering,
    /// `client_body_timeout`: between two reads of a request body.
    pub client_body_timeout: Duration,
    /// `client_max_body_size` in bytes; `None` is no limit (configured as 0).
    pub client_max_body_size: Option<u64>,
    /// `client_body_buffer_size` in bytes: how much of a request body is kept in memory.
    pub client_body_buffer_bytes: usize,
    /// `client_body_in_file_only`.
    pub client_body_in_file: BodyInFile,
    /// `client_body_temp_path`: where request bodies go that do not stay in memory.
    pub client_body_folder: BodyFolder,
    /// `send_timeout`: between two writes the client accepts.
    pub send_timeout: Duration,
    /// `reset_timedout_connection`: end timed-out connections with RST.
    pub reset_timedout_connection: bool,
    /// `sendfile`: files go from the page cache to the socket.
    pub sendfile: bool,
    /// `sendfile_max_chunk` in bytes: how much one connection sends before others have a turn.
    pub sendfile_max_chunk: u64,
    /// `limit_rate`: bytes a second; 0 is no limit.
    pub limit_rate: SizeValue,
    /// `limit_rate_after`: bytes that are sent before the limit holds.
    pub limit_rate_after: SizeValue,
    /// `chunked_transfer_encoding`: allows chunked responses to HTTP/1.1.
    pub chunked_transfer_encoding: bool,
    /// `tcp_nodelay`: no waiting for acknowledgements of small packets.
    pub tcp_nodelay: bool,
    /// `root` or `alias`.
    pub root: Root,
    /// `disable_symlinks`.
    pub symlinks: SymlinkCheck,
    /// `types`: content types by file name extension.
    pub types: Arc<MimeTypes>,
    /// `default_type`: for extensions that `types` does not know.
    pub default_type: Bytes,
    /// `charset`: what content of the type `text/html` is sent in, for those who must count its characters.
    pub charset: Option<Template>,
    /// `server_tokens`: what `Server` and the built-in error pages tell.
    pub server_tokens: ServerTokens,
    /// `absolute_redirect`: redirects name scheme and host.
    pub absolute_redirect: bool,
    /// `port_in_redirect`: absolute redirects name the port.
    pub port_in_redirect: bool,
    /// `server_name_in_redirect`: absolute redirects use the first `server_name`, not `Host`.
    pub server_name_in_redirect: bool,
    /// `error_page`, in the order in which they were written.
    pub error_pages: Arc<[ErrorPage]>,
    /// `recursive_error_pages`: an error page's own error may have an error page.
    pub recursive_error_pages: bool,
    /// `satisfy`: how many of the access checks must let a request pass.
    pub satisfy: Satisfy,
    /// `auth_delay`: how long a 401 of the access checks is held back.
    pub auth_delay: Duration,
    /// `allow_methods`; `None` is all of them.
    pub allowed_methods: Option<Arc<AllowedMethods>>,
    /// What the location's handlers have an answer for, which counts where `allow_methods` does not.
    pub handled_methods: HandledMethods,
    /// `internal`: only internal redirects reach this location.
    pub internal: bool,
    /// `log_not_found`: missing files are errors in the log.
    pub log_not_found: bool,
    /// `log_subrequest`: subrequests are in the access log.
    pub log_subrequest: bool,
    /// `rewrite_log`: what rewrites do is told in the error log.
    pub rewrite_log: bool,
    /// `uninitialized_variable_warn`: variables of `set` that are read without having been set are told of.
    pub uninitialized_variable_warn: bool,
    /// `error_log` of this location.
    pub error_log: Arc<ErrorLog>,
}

/// How connections are kept between requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keepalive {
    /// `keepalive_timeout`: how long an idle connection is kept; zero closes after each response.
    pub timeout: Duration,
    /// The second value of `keepalive_timeout`, sent as `Keep-Alive: timeout=`.
    pub header_timeout: Option<Duration>,
    /// `keepalive_requests`: how many requests one connection may bring.
    pub requests_max: u64,
    /// `keepalive_time`: how long one connection may bring requests.
    pub time_max: Duration,
    /// `keepalive_disable msie6`.
    pub disable_msie6: bool,
    /// `keepalive_disable safari`.
    pub disable_safari: bool,
}

/// `client_body_in_file_only`: which request bodies are in files that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyInFile {
    /// None: what is too large for memory is in a file without a name.
    Off,
    /// All; the file goes with the request.
    Clean,
    /// All; the file stays.
    On,
}

/// A folder for request bodies, a file each.
#[derive(Clone, Debug, PartialEq)]
pub struct BodyFolder {
    /// The folder; absolute in a finished plan.
    pub path: Arc<Path>,
    /// How many digits of a file's number name the folders on each level below it; 0 is no level.
    pub levels: [u8; 3],
}

/// How a connection ends whose client may still send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lingering {
    /// `lingering_close`.
    pub close: LingeringClose,
    /// `lingering_time`: how long data is read and thrown away in all.
    pub time: Duration,
    /// `lingering_timeout`: how long one read waits.
    pub timeout: Duration,
}

/// `lingering_close off|on|always`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LingeringClose {
    /// Close at once.
    Off,
    /// Wait for more data when the client may still be sending.
    On,
    /// Wait always.
    Always,
}

/// `server_tokens`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerTokens {
    /// Name and version.
    On,
    /// The name alone.
    Off,
    /// Name, version and build.
    Build,
    /// An own signature; an empty one sends no `Server` field.
    Text(Bytes),
}

/// `allow_methods`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedMethods {
    /// The methods that the location's handlers are asked for.
    pub methods: Box<[Method]>,
    /// What `Allow` says: these, and OPTIONS, which is answered in any case.
    pub field: Bytes,
}

/// The methods that handlers of a location have an answer for: GET and HEAD, and what modules add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandledMethods {
    /// What `Allow` says.
    pub field: Bytes,
}

impl HandledMethods {
    const READING: &'static str = "GET, HEAD";

    /// Adds methods; with them OPTIONS has an answer too.
    pub fn add(&mut self, methods: &[Method]) {
        let known = String::from_utf8_lossy(&self.field);
        let known = known.trim_end_matches(", OPTIONS");
        let added: String = methods.iter().map(|method| format!(", {}", method.as_str())).collect();
        self.field = format!("{known}{added}, OPTIONS").into();
    }

    /// Whether there are more than GET and HEAD. Where there are not, OPTIONS is no better than any other, as in nginx.
    pub fn has_more(&self) -> bool {
        self.field != Self::READING
    }
}

impl Default for HandledMethods {
    fn default() -> Self {
        Self { field: Bytes::from_static(Self::READING.as_bytes()) }
    }
}

/// Where files are.
#[derive(Clone, Debug, PartialEq)]
pub struct Root {
    /// The folder; absolute once variables are filled in (a relative result is taken from the prefix).
    pub path: Template,
    /// Whether it was `alias`, and what part of the URI it stands for.
    pub alias: Option<Alias>,
    /// The prefix that a path which turns out relative at run time is taken from.
    pub prefix: Arc<str>,
}

/// Which symbolic links are followed on the way to a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SymlinkCheck {
    /// What is done about them.
    pub mode: Symlinks,
    /// `from=`: links in this beginning of the path are followed all the same.
    pub trusted: Option<Template>,
}

/// What part of the URI an `alias` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// The location's prefix, so many bytes of the URI.
    Prefix(usize),
    /// The whole URI (`alias` in a regular expression location).
    Whole,
}

/// One `error_page` for one status.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorPage {
    /// The status it stands in for.
    pub on: Status,
    /// What becomes of the status.
    pub answer: ErrorAnswer,
    /// Where the page is.
    pub target: ErrorTarget,
}

/// The status of a response that `error_page` made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorAnswer {
    /// The original status (`error_page 404 /x`).
    Same,
    /// What the page itself answers (`error_page 404 = /x`).
    OfPage,
    /// This one (`error_page 404 =200 /x`).
    Fixed(Status),
}

/// `satisfy all|any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Satisfy {
    /// Each check that has an opinion must let the request pass.
    All,
    /// One is enough.
    Any,
}

/// Where an error page is.
#[derive(Clone, Debug, PartialEq)]
pub enum ErrorTarget {
    /// A URI of this server (`/404.html`, perhaps with arguments), or an absolute URL to redirect to.
    Uri(Template),
    /// A named location (`@name`).
    Named(Arc<str>),
}

impl Settings {
    /// The content type for a URI, by its extension; none if `default_type` is empty.
    pub fn content_type(&self, uri: &[u8]) -> Option<&Bytes> {
        let by_extension = mime::extension(uri).and_then(|extension| self.types.by_extension(extension));
        Some(by_extension.unwrap_or(&self.default_type)).filter(|content_type| !content_type.is_empty())
    }
}

impl Default for Settings {
    /// nginx's defaults; a copy of one value, whose tables are shared by the plans of all locations.
    fn default() -> Self {
        static DEFAULTS: LazyLock<Settings> = LazyLock::new(Settings::nginx_defaults);
        DEFAULTS.clone()
    }
}

impl Settings {
    fn nginx_defaults() -> Self {
        Self {
            keepalive: Keepalive {
                timeout: Duration::from_secs(75),
                header_timeout: None,
                requests_max: 1000,
                time_max: Duration::from_secs(3600),
                disable_msie6: true,
                disable_safari: false,
            },
            lingering: Lingering {
                close: LingeringClose::On,
                time: Duration::from_secs(30),
                timeout: Duration::from_secs(5),
            },
            client_body_timeout: Duration::from_secs(60),
            client_max_body_size: Some(1024 * 1024),
            client_body_buffer_bytes: 16 * 1024,
            client_body_in_file: BodyInFile::Off,
            client_body_folder: BodyFolder { path: Arc::from(Path::new("client_body_temp")), levels: [0; 3] },
            send_timeout: Duration::from_secs(60),
            reset_timedout_connection: false,
            sendfile: false,
            sendfile_max_chunk: 2 * 1024 * 1024,
            limit_rate: SizeValue::Fixed(0),
            limit_rate_after: SizeValue::Fixed(0),
            chunked_transfer_encoding: true,
            tcp_nodelay: true,
            root: Root { path: Template::literal("html"), alias: None, prefix: Arc::from("/") },
            symlinks: SymlinkCheck::default(),
            types: Arc::new(MimeTypes::nginx_default()),
            default_type: Bytes::from_static(b"text/plain"),
            charset: None,
            server_tokens: ServerTokens::On,
            absolute_redirect: true,
            port_in_redirect: true,
            server_name_in_redirect: false,
            error_pages: Arc::from([]),
            recursive_error_pages: false,
            satisfy: Satisfy::All,
            auth_delay: Duration::ZERO,
            allowed_methods: None,
            handled_methods: HandledMethods::default(),
            internal: false,
            log_not_found: true,
            log_subrequest: false,
            rewrite_log: false,
            uninitialized_variable_warn: true,
            error_log: Arc::new(ErrorLog::default()),
        }
    }
}

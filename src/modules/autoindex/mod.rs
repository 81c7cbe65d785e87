//! The contents of a folder as a page: `autoindex` (nginx's autoindex module).
//!
//! Runs behind `index`, for a path that ends with a slash. `listing` reads the folder, `html` and
//! `data` write it, in nginx's forms to the byte. A large folder is read and written in portions, with
//! other connections served in between, and there is a limit to how large it may be.

mod data;
mod html;
mod listing;

use std::io;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::files::Fault;
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::response::Response;
use crate::exchange::{Exchange, Shown};
use crate::http::status::Status;
use crate::runtime::Folder;
use html::HtmlStyle;
use listing::{Entry, Listing, ListingError, PORTION};

/// The module.
#[derive(Debug)]
pub struct Autoindex;

/// What its directives set.
#[derive(Clone, Copy, Debug)]
pub struct Conf {
    enabled: bool,
    format: Format,
    exact_size: bool,
    local_time: bool,
}

/// `autoindex_format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Html,
    Xml,
    Json,
    Jsonp,
}

impl Default for Conf {
    fn default() -> Self {
        Self { enabled: false, format: Format::Html, exact_size: true, local_time: false }
    }
}

impl Module for Autoindex {
    type Conf = Conf;

    const NAME: &'static str = "autoindex";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "autoindex",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.enabled = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Lists the contents of a folder that has no index file. Names that begin with a dot are left out. A \
                  folder with more than 100000 entries is not listed (500).",
            example: "autoindex on;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "autoindex_format",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("html | xml | json | jsonp"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.format = arguments.choice(0, FORMATS)?;
                Ok(())
            },
            default: "html",
            doc: "The form of a folder's listing. With `jsonp` the argument `callback` of the request names the function \
                  that is called with the listing; without it the listing is JSON.",
            example: "autoindex_format json;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "autoindex_exact_size",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.exact_size = arguments.flag(0)?;
                Ok(())
            },
            default: "on",
            doc: "Whether an HTML listing tells sizes to the byte, or rounded to K, M and G.",
            example: "autoindex_exact_size off;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "autoindex_localtime",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.local_time = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether an HTML listing tells times in the machine's time zone, or in UTC.",
            example: "autoindex_localtime on;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if conf.enabled {
            let zone = if conf.local_time { TimeZone::system() } else { TimeZone::UTC };
            plan.handler(Stage::Content, ListFolder { format: conf.format, exact_size: conf.exact_size, zone });
        }
        Ok(())
    }
}

/// Answers with the listing of a folder.
#[derive(Debug)]
struct ListFolder {
    format: Format,
    exact_size: bool,
    zone: TimeZone,
}

impl Handler for ListFolder {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        let answers = exchange.method.is_get_or_head();
        if !answers || !exchange.uri.ends_with(b"/") || exchange.uri.contains(&0) {
            return Outcome::Next.into();
        }
        Handling::Later(Box::pin(self.list(exchange)))
    }
}

impl ListFolder {
    async fn list(&self, exchange: &mut Exchange) -> Outcome {
        let callback = match self.format {
            Format::Jsonp => match callback(exchange) {
                Ok(callback) => callback,
                Err(status) => return Outcome::Fail(status),
            },
            _ => None,
        };
        let mut path = exchange.filename();
        while path.len() > 1 && path.ends_with(b"/") {
            path.pop();
        }
        let folder = match exchange.open_file(&path).and_then(Folder::new) {
            Ok(folder) => folder,
            Err(error) => return unopened(exchange, &path, &error),
        };
        let listing = match read(exchange, folder, &path).await {
            Ok(listing) => listing,
            Err(error) => return unread(exchange, &path, &error),
        };
        let content_type = match (self.format, &callback) {
            (Format::Html, _) => "text/html",
            (Format::Xml, _) => "text/xml; charset=utf-8",
            (Format::Jsonp, Some(_)) => "application/javascript",
            (Format::Json | Format::Jsonp, _) => "application/json",
        };
        let content = self.write(exchange, &listing, callback.as_deref()).await;
        Outcome::Respond(Box::new(Response::with_bytes(Status::OK, content_type, content)))
    }

    /// The page, written with pauses.
    async fn write(&self, exchange: &Exchange, listing: &Listing, callback: Option<&[u8]>) -> Vec<u8> {
        let charset = exchange.plan.settings.charset.as_ref();
        let utf8 = charset.is_some_and(|charset| charset.render(exchange).eq_ignore_ascii_case(b"utf-8"));
        let style = HtmlStyle { exact_size: self.exact_size, offset: self.offset(exchange), utf8 };
        let mut out = Vec::with_capacity(listing.len().min(PORTION) * 160 + 256);
        match self.format {
            Format::Html => html::begin(&exchange.uri, &mut out),
            Format::Xml => data::begin_xml(&mut out),
            Format::Json | Format::Jsonp => data::begin_json(callback, &mut out),
        }
        for (number, (name, entry)) in listing.iter().enumerate() {
            match self.format {
                Format::Html => html::entry(name, entry, style, &mut out),
                Format::Xml => data::xml_entry(name, entry, &mut out),
                Format::Json | Format::Jsonp => data::json_entry(name, entry, number == 0, &mut out),
            }
            if number % PORTION == PORTION - 1 {
                exchange.handle.yield_now().await;
            }
        }
        match self.format {
            Format::Html => html::end(&mut out),
            Format::Xml => data::end_xml(&mut out),
            Format::Json | Format::Jsonp => data::end_json(callback.is_some(), &mut out),
        }
        out
    }

    /// The zone's offset now; as in nginx it is that of all times, whatever their season.
    fn offset(&self, exchange: &Exchange) -> Offset {
        Timestamp::try_from(exchange.handle.wall()).map_or(Offset::UTC, |now| self.zone.to_offset(now))
    }
}

/// Reads the folder with pauses. Entries that may not be looked at are left out.
async fn read(exchange: &Exchange, mut folder: Folder, path: &[u8]) -> Result<Listing, ListingError> {
    let mut listing = Listing::default();
    let mut looked_at = 0_usize;
    while let Some(name) = folder.next_name() {
        let name = name.map_err(ListingError::Read)?;
        if !name.as_bytes().starts_with(b".") {
            match folder.status(&name) {
                Ok(status) => listing.insert(name.into_bytes(), Entry::of(&status))?,
                Err(error) => skip(exchange, path, name.as_bytes(), error)?,
            }
        }
        looked_at += 1;
        if looked_at.is_multiple_of(PORTION) {
            exchange.handle.yield_now().await;
        }
    }
    Ok(listing)
}

/// An entry that cannot be looked at: gone since its name was read, forbidden, or a reason to give up.
fn skip(exchange: &Exchange, path: &[u8], name: &[u8], error: io::Error) -> Result<(), ListingError> {
    if error.kind() == io::ErrorKind::NotFound {
        return Ok(());
    }
    let (path, name) = (Shown(path), Shown(name));
    exchange.report(Severity::Crit, format_args!("stat() \"{path}/{name}\" failed {}", Reason(&error)));
    match error.kind() {
        io::ErrorKind::PermissionDenied => Ok(()),
        _ => Err(ListingError::Entry),
    }
}

fn unopened(exchange: &Exchange, path: &[u8], error: &io::Error) -> Outcome {
    let fault = Fault::of(error);
    let severity = if fault == Fault::Failed { Severity::Crit } else { Severity::Error };
    exchange.report(severity, format_args!("opendir() \"{}\" failed {}", Shown(path), Reason(error)));
    Outcome::Fail(fault.status())
}

fn unread(exchange: &Exchange, path: &[u8], error: &ListingError) -> Outcome {
    let path = Shown(path);
    match error {
        ListingError::Read(error) if Fault::of(error) == Fault::Missing => {
            exchange.report(Severity::Error, format_args!("opendir() \"{path}\" failed {}", Reason(error)));
            return Outcome::Fail(Status::NOT_FOUND);
        }
        ListingError::Read(error) => {
            exchange.report(Severity::Crit, format_args!("readdir() \"{path}\" failed {}", Reason(error)));
        }
        ListingError::Entry => {}
        ListingError::TooLarge => exchange.report(Severity::Error, format_args!("directory \"{path}\": {error}")),
    }
    Outcome::Fail(Status::INTERNAL_SERVER_ERROR)
}

/// The argument `callback`: letters, digits, `_` and `.`; none if it is missing or empty.
fn callback(exchange: &Exchange) -> Result<Option<Bytes>, Status> {
    let Some(name) = argument(&exchange.args, b"callback=").filter(|name| !name.is_empty()) else { return Ok(None) };
    let fault = match () {
        () if name.len() > CALLBACK_BYTES_MAX => "too long",
        () if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) => "invalid",
        () => return Ok(Some(name)),
    };
    exchange.report(Severity::Info, format_args!("client sent {fault} callback name: \"{}\"", Shown(&name)));
    Err(Status::BAD_REQUEST)
}

/// The value of an argument, `name` being its name and `=`, in whatever case.
fn argument(args: &Bytes, name: &[u8]) -> Option<Bytes> {
    let matches = |part: &[u8]| part.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let part = args.split(|byte| *byte == b'&').find(|part| matches(part))?;
    Some(args.slice_ref(&part[name.len()..]))
}

/// nginx's limit.
const CALLBACK_BYTES_MAX: usize = 128;

const FORMATS: &[(&str, Format)] =
    &[("html", Format::Html), ("xml", Format::Xml), ("json", Format::Json), ("jsonp", Format::Jsonp)];

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::exchange::testing::{Answer, Location};

    fn site(format: Format) -> Location {
        let site = Location::new(|plan| {
            plan.handler(Stage::Content, ListFolder { format, exact_size: true, zone: TimeZone::UTC });
        });
        site.file("sub/b.txt", "hello").file("sub/.hidden", "").folder("sub/inner")
    }

    fn names(answer: &Answer) -> Vec<&str> {
        answer.text().lines().filter_map(|line| line.split_once("{ \"name\":\"")?.1.split('"').next()).collect()
    }

    #[test]
    fn a_folder_is_listed_without_hidden_names() {
        let answer = site(Format::Html).get("/sub/");
        assert_eq!((answer.status, answer.content_type()), (200, Some("text/html")));
        assert!(answer.text().contains("<h1>Index of /sub/</h1>"));
        assert!(answer.text().contains("<a href=\"inner/\">inner/</a>"));
        assert!(answer.text().contains("<a href=\"b.txt\">b.txt</a>"));
        assert!(!answer.text().contains("hidden"));
    }

    #[test]
    fn each_form_has_its_type() {
        let content_type = |format, target| site(format).get(target).content_type().map(str::to_owned).unwrap();
        assert_eq!(content_type(Format::Xml, "/sub/"), "text/xml; charset=utf-8");
        assert_eq!(content_type(Format::Json, "/sub/"), "application/json");
        assert_eq!(content_type(Format::Jsonp, "/sub/"), "application/json");
        assert_eq!(content_type(Format::Jsonp, "/sub/?callback="), "application/json");
        assert_eq!(content_type(Format::Jsonp, "/sub/?x&CallBack=a"), "application/javascript");
    }

    #[test]
    fn a_callback_is_a_name_of_limited_length() {
        let status = |callback: &str| site(Format::Jsonp).get(&format!("/sub/?callback={callback}")).status;
        assert_eq!((status("a_.0Z"), status(&"a".repeat(128)), status(&"a".repeat(129))), (200, 200, 400));
        for callback in ["a-b", "%61", "a(", "alert(1)"] {
            assert_eq!(status(callback), 400, "{callback}");
        }
        let called = site(Format::Jsonp).get("/sub/?callback=f.g");
        assert!(called.text().starts_with("/* callback */\r\nf.g([\r\n{ "), "{}", called.text());
    }

    #[test]
    fn a_dead_link_is_listed_and_a_linked_folder_is_one() {
        let site = site(Format::Json);
        symlink("nowhere", site.path("sub/dead")).unwrap();
        symlink("inner", site.path("sub/z")).unwrap();
        assert_eq!(names(&site.get("/sub/")), ["inner", "z", "b.txt", "dead"]);
    }

    #[test]
    fn a_large_folder_is_read_in_portions_and_listed_whole() {
        let site = site(Format::Json).folder("large");
        for number in 0..PORTION * 2 + 1 {
            std::fs::write(site.path(&format!("large/{number:05}")), "").unwrap();
        }
        let answer = site.get("/large/");
        let names = names(&answer);
        assert_eq!((names.len(), names[0], names[PORTION]), (PORTION * 2 + 1, "00000", "00512"));
    }

    #[test]
    fn what_is_no_folder_is_not_found() {
        assert_eq!(site(Format::Html).get("/none/").status, 404);
        assert_eq!(site(Format::Html).get("/sub/b.txt/").status, 404);
    }

    #[test]
    fn only_get_and_head_of_a_path_with_a_slash_are_listed() {
        assert_eq!(site(Format::Html).get("/sub").status, 404);
        assert_eq!(site(Format::Html).request("POST /sub/ HTTP/1.1\r\nHost: a\r\n\r\n").status, 403);
        assert_eq!(site(Format::Html).request("HEAD /sub/ HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    }

    #[test]
    fn the_root_of_the_file_system_can_be_listed() {
        let site = site(Format::Json).with_root(std::path::Path::new("/"));
        assert!(names(&site.get("/")).contains(&"etc"));
    }
}

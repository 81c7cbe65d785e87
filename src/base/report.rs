//! What the server says about itself: severities, error logs, and the way every message takes to them.
//!
//! [`report`] writes to the log of the process, [`report_to`] to that of a location. Both go through the `log` facade,
//! as do messages of crates (`log::error!`), to the logger that [`install_logger`] sets. Lines have nginx's form; a
//! message never makes a second line, whatever is in it. Writing waits for nothing (`log_file`, `syslog`).

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, Once};
use std::time::SystemTime;

use arc_swap::ArcSwap;

use super::local_time;
use super::log_file::LogFile;
use super::syslog::Syslog;

/// How bad it is: nginx's levels of `error_log`, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The server cannot run.
    Emerg,
    /// Someone must act at once.
    Alert,
    /// Something important is broken.
    Crit,
    /// A request could not be answered as configured.
    Error,
    /// Something is not as it should be, and went on.
    Warn,
    /// Worth knowing: starts, reloads, stops.
    Notice,
    /// What clients do wrong, and other detail.
    Info,
    /// For developers.
    Debug,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Self; 8] =
        [Self::Emerg, Self::Alert, Self::Crit, Self::Error, Self::Warn, Self::Notice, Self::Info, Self::Debug];

    /// As nginx writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emerg => "emerg",
            Self::Alert => "alert",
            Self::Crit => "crit",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }

    /// The `log` facade's level: it knows fewer.
    const fn level(self) -> log::Level {
        match self {
            Self::Emerg | Self::Alert | Self::Crit | Self::Error => log::Level::Error,
            Self::Warn => log::Level::Warn,
            Self::Notice | Self::Info => log::Level::Info,
            Self::Debug => log::Level::Debug,
        }
    }

    /// What a record's target is called that carries exactly this severity.
    const fn target(self) -> &'static str {
        match self {
            Self::Emerg => "webserv:emerg",
            Self::Alert => "webserv:alert",
            Self::Crit => "webserv:crit",
            Self::Error => "webserv:error",
            Self::Warn => "webserv:warn",
            Self::Notice => "webserv:notice",
            Self::Info => "webserv:info",
            Self::Debug => "webserv:debug",
        }
    }

    /// The severity of a record of the facade: ours says it by its target, others by their level. Nothing for
    /// debugging messages of other crates, nor for what is better not heard.
    fn of(metadata: &log::Metadata<'_>) -> Option<Self> {
        let target = metadata.target();
        if let Some(name) = target.strip_prefix("webserv:")
            && let Some(severity) = Self::parse(name)
        {
            return Some(severity);
        }
        if target.starts_with(UNHEARD) {
            return None;
        }
        let is_ours = target.starts_with("webserv");
        match metadata.level() {
            log::Level::Error => Some(Self::Error),
            log::Level::Warn => Some(Self::Warn),
            log::Level::Info => Some(Self::Info),
            log::Level::Debug if is_ours => Some(Self::Debug),
            log::Level::Debug | log::Level::Trace => None,
        }
    }
}

/// Where the messages of one block of the configuration go.
#[derive(Debug)]
pub struct ErrorLog {
    sinks: Box<[Sink]>,
    /// The most verbose threshold of all sinks.
    threshold: Option<Severity>,
}

/// One `error_log`.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Where to.
    pub destination: Destination,
    /// Messages of this severity and worse.
    pub threshold: Severity,
}

/// What a sink writes to.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A file, or standard error ([`LogFile::standard_error`]).
    File(Arc<LogFile>),
    /// A syslog server.
    Syslog(Arc<Syslog>),
}

/// Two are equal that write the same to the same places.
impl PartialEq for ErrorLog {
    fn eq(&self, other: &Self) -> bool {
        let same =
            |(one, other): (&Sink, &Sink)| one.threshold == other.threshold && one.destination.is(&other.destination);
        self.sinks.len() == other.sinks.len() && self.sinks.iter().zip(&other.sinks).all(same)
    }
}

impl Eq for ErrorLog {}

impl Destination {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => Arc::ptr_eq(one, other),
            (Self::Syslog(one), Self::Syslog(other)) => Arc::ptr_eq(one, other),
            (Self::File(_), Self::Syslog(_)) | (Self::Syslog(_), Self::File(_)) => false,
        }
    }
}

impl ErrorLog {
    /// A log that writes to each of these.
    pub fn new(sinks: Vec<Sink>) -> Self {
        Self { threshold: sinks.iter().map(|sink| sink.threshold).max(), sinks: sinks.into_boxed_slice() }
    }

    /// Whether a message of this severity would be written anywhere.
    pub fn enabled(&self, severity: Severity) -> bool {
        self.threshold.is_some_and(|threshold| severity <= threshold)
    }

    /// Whether messages go to this file.
    pub fn writes_to(&self, file: &Arc<LogFile>) -> bool {
        let is_it = |sink: &Sink| matches!(&sink.destination, Destination::File(other) if Arc::ptr_eq(other, file));
        self.sinks.iter().any(is_it)
    }

    fn write(&self, severity: Severity, message: fmt::Arguments<'_>) {
        let line = line(severity, message, SystemTime::now());
        for sink in self.sinks.iter().filter(|sink| severity <= sink.threshold) {
            match &sink.destination {
                Destination::File(file) => file.write_lines(line.as_bytes()),
                Destination::Syslog(syslog) => syslog.send(severity, line.trim_end_matches('\n').as_bytes()),
            }
        }
    }
}

impl Default for ErrorLog {
    /// Standard error, at `error`.
    fn default() -> Self {
        let destination = Destination::File(LogFile::standard_error());
        Self::new(vec![Sink { destination, threshold: Severity::Error }])
    }
}

static PROCESS_LOG: LazyLock<ArcSwap<ErrorLog>> = LazyLock::new(ArcSwap::default);

thread_local! {
    /// The log that the record under way is for; none is that of the process.
    static DIRECTED_TO: RefCell<Option<Arc<ErrorLog>>> = const { RefCell::new(None) };
    static THREAD_NUMBER: Cell<u32> = const { Cell::new(0) };
}

/// Writes to the log of the process.
pub fn report(severity: Severity, message: fmt::Arguments<'_>) {
    if PROCESS_LOG.load().enabled(severity) {
        emit(severity, message);
    }
}

/// Writes to another log: that of the location which a request is in.
pub fn report_to(log: &Arc<ErrorLog>, severity: Severity, message: fmt::Arguments<'_>) {
    if log.enabled(severity) {
        let before = DIRECTED_TO.replace(Some(Arc::clone(log)));
        let _restored = Restore(before);
        emit(severity, message);
    }
}

/// Sets the log of the process, at the start and at a reload.
pub fn set_process_log(log: Arc<ErrorLog>) {
    install_logger();
    log::set_max_level(filter(&log));
    PROCESS_LOG.store(log);
}

/// Makes the messages of this crate and others go to the log of the process. Does nothing the second time, or when the
/// program has a logger of its own.
pub fn install_logger() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if log::set_logger(&Facade).is_ok() {
            log::set_max_level(filter(&PROCESS_LOG.load()));
        }
    });
}

/// Numbers the current thread for its lines: workers from 1 on; 0 is the thread that controls them.
pub fn set_thread_number(number: u32) {
    THREAD_NUMBER.set(number);
}

fn emit(severity: Severity, message: fmt::Arguments<'_>) {
    install_logger();
    let record = log::Record::builder().args(message).level(severity.level()).target(severity.target()).build();
    log::logger().log(&record);
}

fn filter(log: &ErrorLog) -> log::LevelFilter {
    log.threshold.map_or(log::LevelFilter::Off, |severity| severity.level().to_level_filter())
}

/// The logger behind the facade.
struct Facade;

impl log::Log for Facade {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        Severity::of(metadata).is_some_and(|severity| destination().enabled(severity))
    }

    fn log(&self, record: &log::Record<'_>) {
        let Some(severity) = Severity::of(record.metadata()) else { return };
        let destination = destination();
        if destination.enabled(severity) {
            destination.write(severity, *record.args());
        }
    }

    fn flush(&self) {}
}

fn destination() -> Arc<ErrorLog> {
    DIRECTED_TO.with_borrow(Clone::clone).unwrap_or_else(|| PROCESS_LOG.load_full())
}

/// Puts back where messages went before, also when writing a message panics.
struct Restore(Option<Arc<ErrorLog>>);

impl Drop for Restore {
    fn drop(&mut self) {
        DIRECTED_TO.set(self.0.take());
    }
}

/// `2026/11/22 17:00:00 [error] 1234#5: message`, with its line feed.
fn line(severity: Severity, message: fmt::Arguments<'_>, wall: SystemTime) -> String {
    let mut line = OneLine(String::with_capacity(256));
    local_time::with(wall, |time| line.0.push_str(&String::from_utf8_lossy(&time.error_log)));
    let (process, thread) = (std::process::id(), THREAD_NUMBER.get());
    // Writing to a string fails only when it is full, or a message's own parts fail: what is there is written.
    let _full_or_broken = write!(line, " [{}] {process}#{thread}: {message}", severity.name());
    line.0.push('\n');
    line.0
}

/// Text without control characters and of limited length.
struct OneLine(String);

impl Write for OneLine {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.len() >= LINE_BYTES_MAX {
                return Err(fmt::Error);
            }
            if character.is_control() {
                write!(self.0, "\\x{:02X}", u32::from(character))?;
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

/// A crate whose warnings are about its own bookkeeping; what matters of it reaches `control::watch` as values.
const UNHEARD: &str = "notify::";
/// A line of this length, with its end, is still taken by a pipe in one piece (4096 bytes); nginx cuts at 2048.
const LINE_BYTES_MAX: usize = 4088;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn log_in(folder: &tempfile::TempDir, name: &str, threshold: Severity) -> (PathBuf, Sink) {
        let path = folder.path().join(name);
        let file = Arc::new(LogFile::open(&path).unwrap());
        (path, Sink { destination: Destination::File(file), threshold })
    }

    fn messages(path: &PathBuf) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
    }

    #[test]
    fn severities_have_nginx_names_in_order() {
        let names = Severity::ALL.map(Severity::name).join(" ");
        assert_eq!(names, "emerg alert crit error warn notice info debug");
        assert_eq!(Severity::parse("crit"), Some(Severity::Crit));
        assert_eq!(Severity::parse("critical"), None);
        assert!(Severity::Emerg < Severity::Debug);
    }

    #[test]
    fn a_line_has_nginx_form() {
        set_thread_number(5);
        let wall = UNIX_EPOCH + Duration::from_secs(1_795_366_800);
        let line = line(Severity::Error, format_args!("it is \"{}\"", 7), wall);
        let date = local_time::with(wall, |time| String::from_utf8(time.error_log.to_vec()).unwrap());
        assert_eq!(line, format!("{date} [error] {}#5: it is \"7\"\n", std::process::id()));
    }

    #[test]
    fn a_message_never_makes_a_second_line() {
        let line = line(Severity::Info, format_args!("a\nb\r\tc\u{1b}[0m\u{85}é"), UNIX_EPOCH);
        assert!(line.ends_with(": a\\x0Ab\\x0D\\x09c\\x1B[0m\\x85é\n"), "{line}");
    }

    #[test]
    fn a_long_message_is_cut() {
        let line = line(Severity::Info, format_args!("{}", "é".repeat(5000)), UNIX_EPOCH);
        assert!((LINE_BYTES_MAX..=4096).contains(&line.len()), "{}", line.len());
        assert!(line.ends_with("é\n"));
    }

    #[test]
    fn each_sink_has_its_own_threshold() {
        let folder = tempfile::tempdir().unwrap();
        let (warnings, first) = log_in(&folder, "warnings", Severity::Warn);
        let (everything, second) = log_in(&folder, "everything", Severity::Debug);
        let log = Arc::new(ErrorLog::new(vec![first, second]));
        report_to(&log, Severity::Error, format_args!("bad"));
        report_to(&log, Severity::Debug, format_args!("detail"));
        assert_eq!(messages(&warnings), ["bad"]);
        assert_eq!(messages(&everything), ["bad", "detail"]);
    }

    #[test]
    fn a_log_knows_beforehand_what_it_writes() {
        let folder = tempfile::tempdir().unwrap();
        let log = ErrorLog::new(vec![log_in(&folder, "a", Severity::Warn).1, log_in(&folder, "b", Severity::Crit).1]);
        assert!(log.enabled(Severity::Warn));
        assert!(!log.enabled(Severity::Notice));
        assert!(!ErrorLog::new(Vec::new()).enabled(Severity::Emerg));
        assert!(ErrorLog::default().enabled(Severity::Error) && !ErrorLog::default().enabled(Severity::Warn));
    }

    #[test]
    fn a_message_within_a_message_goes_to_its_own_log() {
        struct Talking(Arc<ErrorLog>);
        impl fmt::Display for Talking {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                report_to(&self.0, Severity::Error, format_args!("inner"));
                formatter.write_str("outer")
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let (outer_path, outer) = log_in(&folder, "outer", Severity::Error);
        let (inner_path, inner) = log_in(&folder, "inner", Severity::Error);
        let (outer, inner) = (Arc::new(ErrorLog::new(vec![outer])), Arc::new(ErrorLog::new(vec![inner])));
        report_to(&outer, Severity::Error, format_args!("{}", Talking(inner)));
        assert_eq!(messages(&outer_path), ["outer"]);
        assert_eq!(messages(&inner_path), ["inner"]);
        assert!(DIRECTED_TO.with_borrow(Option::is_none));
    }

    #[test]
    fn messages_of_other_crates_are_taken_but_not_their_debugging() {
        let severity = |level, target| Severity::of(&log::Metadata::builder().level(level).target(target).build());
        assert_eq!(severity(log::Level::Warn, "mio::poll"), Some(Severity::Warn));
        assert_eq!(severity(log::Level::Debug, "mio::poll"), None);
        assert_eq!(severity(log::Level::Debug, "webserv::runtime"), Some(Severity::Debug));
        assert_eq!(severity(log::Level::Error, "webserv:alert"), Some(Severity::Alert));
        assert_eq!(severity(log::Level::Trace, "webserv::runtime"), None);
        assert_eq!(severity(log::Level::Warn, "notify::inotify"), None, "its bookkeeping is not for the log");
    }
}

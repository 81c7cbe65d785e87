//! Logs that go to syslog (RFC 3164): nginx's `syslog:server=...` parameters, the message's form, the way out.
//!
//! Owns a non-blocking datagram socket per log, made when first needed and anew when the daemon was started again.
//! What the daemon does not take at once is dropped and counted; standard error is told once a minute. The form is
//! nginx's, `<PRI>Nov 22 17:00:00 host tag: message`: ready-made formatters add a process id that nginx leaves out.

use std::io::{self, Write};
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use super::local_time;
use super::log_file::tell;
use super::reason::Reason;
use super::report::Severity;
use super::suggest::nearest;

/// What stands behind `syslog:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// `server=`.
    pub server: Server,
    /// `facility=`; `local7` unless given.
    pub facility: Facility,
    /// `severity=` of access log lines; `info` unless given. Error messages have their own.
    pub severity: Severity,
    /// `tag=`; `webserv` unless given.
    pub tag: Box<str>,
    /// Whether the message names the host (`nohostname` is not given).
    pub names_host: bool,
}

/// Where the daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// UDP; the name is looked up when the log is opened.
    Udp {
        /// A name or an address; an IPv6 address without its brackets.
        host: Box<str>,
        /// 514 unless given.
        port: u16,
    },
    /// A Unix datagram socket.
    Unix(PathBuf),
}

/// A facility of RFC 3164 section 4.1.1, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

/// What is wrong with the parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParameterError {
    /// What is wrong; names the parameter.
    pub message: String,
    /// Where the parameter stands, in bytes from the text's start.
    pub at: usize,
    /// Its length in bytes.
    pub length: usize,
    /// What to write instead.
    pub help: Option<String>,
}

impl Parameters {
    /// Reads `server=unix:/dev/log,facility=local7,tag=web,severity=info,nohostname` (without `syslog:`).
    ///
    /// # Errors
    /// The first parameter that is wrong.
    pub fn parse(text: &str) -> Result<Self, ParameterError> {
        let (mut server, mut facility, mut severity, mut tag) = (None, None, None, None);
        let mut names_host = true;
        let mut at = 0;
        for parameter in text.split(',') {
            let error =
                |message: String, help: Option<String>| ParameterError { message, at, length: parameter.len(), help };
            let duplicate = |name| error(format!("duplicate syslog \"{name}\""), None);
            match parameter.split_once('=').unwrap_or((parameter, "")) {
                ("server", _) if server.is_some() => return Err(duplicate("server")),
                ("facility", _) if facility.is_some() => return Err(duplicate("facility")),
                ("severity", _) if severity.is_some() => return Err(duplicate("severity")),
                ("tag", _) if tag.is_some() => return Err(duplicate("tag")),
                ("server", value) => {
                    server = Some(parse_server(value).map_err(|(message, help)| error(message, help))?)
                }
                ("facility", value) => {
                    facility = Some(parse_facility(value).map_err(|(message, help)| error(message, help))?)
                }
                ("severity", value) => {
                    severity = Some(parse_severity(value).map_err(|(message, help)| error(message, help))?)
                }
                ("tag", value) => tag = Some(parse_tag(value).map_err(|message| error(message, None))?),
                ("nohostname", "") if !parameter.contains('=') => names_host = false,
                (name, _) => {
                    let near = nearest(name, PARAMETERS).map(|near| format!("did you mean `{near}`?"));
                    let help = near.unwrap_or_else(|| {
                        "expected `server=`, `facility=`, `severity=`, `tag=` or `nohostname`".into()
                    });
                    return Err(error(format!("unknown syslog parameter \"{parameter}\""), Some(help)));
                }
            }
            at += parameter.len() + 1;
        }
        let Some(server) = server else {
            let help = Some("say where the daemon listens, as in `syslog:server=unix:/dev/log`".to_owned());
            return Err(ParameterError {
                message: "no syslog server specified".into(),
                at: 0,
                length: text.len(),
                help,
            });
        };
        Ok(Self {
            server,
            facility: facility.unwrap_or(Facility(23)),
            severity: severity.unwrap_or(Severity::Info),
            tag: tag.unwrap_or_else(|| "webserv".into()),
            names_host,
        })
    }
}

type Wrong = (String, Option<String>);

fn parse_server(value: &str) -> Result<Server, Wrong> {
    let invalid = |why: &str| (format!("invalid syslog server \"{value}\": {why}"), None);
    if let Some(path) = value.strip_prefix("unix:") {
        return match path {
            "" => Err(invalid("no path")),
            path if SocketAddrUnix::new(path).is_err() => Err(invalid("the path is too long for a socket")),
            path => Ok(Server::Unix(PathBuf::from(path))),
        };
    }
    let (host, port) = match value.strip_prefix('[').map(|inner| inner.split_once(']')) {
        Some(None) => return Err(invalid("expected `]` behind the address")),
        Some(Some((host, rest))) if host.parse::<Ipv6Addr>().is_ok() => match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(invalid("expected `:` and a port behind the address")),
        },
        Some(Some(_)) => return Err(invalid("not an IPv6 address")),
        None => value.split_once(':').map_or((value, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Err(invalid("no host"));
    }
    let port = match port {
        None => PORT_DEFAULT,
        Some(port) => match port.parse() {
            Ok(number @ 1..) if !port.starts_with('+') => number,
            _ => return Err(invalid("invalid port")),
        },
    };
    Ok(Server::Udp { host: host.into(), port })
}

fn parse_facility(value: &str) -> Result<Facility, Wrong> {
    let number = FACILITIES.iter().position(|name| *name == value).and_then(|number| u8::try_from(number).ok());
    number.map(Facility).ok_or_else(|| unknown("facility", value, &FACILITIES))
}

fn parse_severity(value: &str) -> Result<Severity, Wrong> {
    Severity::parse(value).ok_or_else(|| unknown("severity", value, &Severity::ALL.map(Severity::name)))
}

fn parse_tag(value: &str) -> Result<Box<str>, String> {
    if value.len() > TAG_BYTES_MAX {
        return Err(format!("syslog tag length exceeds {TAG_BYTES_MAX}"));
    }
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err("syslog \"tag\" only allows alphanumeric characters and underscore".into());
    }
    Ok(value.into())
}

fn unknown(kind: &str, value: &str, names: &[&str]) -> Wrong {
    let near = nearest(value, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    let help = near.unwrap_or_else(|| format!("expected one of {}", names.join(", ")));
    (format!("unknown syslog {kind} \"{value}\""), Some(help))
}

/// A log at a syslog daemon.
#[derive(Debug)]
pub struct Syslog {
    parameters: Parameters,
    address: Address,
    host_name: Box<str>,
    socket: ArcSwapOption<OwnedFd>,
    lost: AtomicU64,
    told_at: AtomicU64,
}

#[derive(Debug)]
enum Address {
    Inet(SocketAddr),
    Unix(SocketAddrUnix),
}

impl Syslog {
    /// Looks up the server's name. The daemon need not run yet.
    ///
    /// # Errors
    /// When the name is not known.
    pub fn open(parameters: Parameters) -> io::Result<Self> {
        let address = match &parameters.server {
            Server::Unix(path) => Address::Unix(SocketAddrUnix::new(path)?),
            Server::Udp { host, port } => {
                let mut found = (&**host, *port).to_socket_addrs()?;
                Address::Inet(found.next().ok_or(io::ErrorKind::NotFound)?)
            }
        };
        Ok(Self {
            parameters,
            address,
            host_name: rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase().into(),
            socket: ArcSwapOption::empty(),
            lost: AtomicU64::new(0),
            told_at: AtomicU64::new(0),
        })
    }

    /// How many messages the daemon did not take.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Sends an access log line, with the severity that the parameters give.
    pub fn send_line(&self, line: &[u8]) {
        self.send(self.parameters.severity, line);
    }

    /// Sends one message, or drops it when the daemon does not take it at once.
    pub fn send(&self, severity: Severity, message: &[u8]) {
        let mut datagram = Vec::with_capacity(128 + message.len());
        self.write_head(severity, SystemTime::now(), &mut datagram);
        datagram.extend_from_slice(message);
        let result = self.try_send(&datagram).or_else(|error| match error {
            Errno::AGAIN | Errno::NOBUFS | Errno::MSGSIZE => Err(error),
            // The daemon has gone, or was started again: it may be back behind a new socket.
            _ => {
                self.socket.store(None);
                self.try_send(&datagram)
            }
        });
        if let Err(error) = result {
            self.lose(error);
        }
    }

    fn try_send(&self, datagram: &[u8]) -> Result<(), Errno> {
        let socket = match self.socket.load_full() {
            Some(socket) => socket,
            None => {
                let socket = Arc::new(self.address.connect()?);
                self.socket.store(Some(Arc::clone(&socket)));
                socket
            }
        };
        rustix::net::send(&*socket, datagram, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).map(|_all| ())
    }

    fn write_head(&self, severity: Severity, wall: SystemTime, out: &mut Vec<u8>) {
        let priority = u32::from(self.parameters.facility.0) * 8 + severity as u32;
        // Writing to memory does not fail.
        let _ = write!(out, "<{priority}>");
        local_time::with(wall, |time| out.extend_from_slice(&time.syslog));
        out.push(b' ');
        if self.parameters.names_host {
            out.extend_from_slice(self.host_name.as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(self.parameters.tag.as_bytes());
        out.extend_from_slice(b": ");
    }

    /// Counts a dropped message, and tells standard error at most once a minute.
    fn lose(&self, error: Errno) {
        let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
        let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        let told_at = self.told_at.load(Ordering::Relaxed);
        let is_due = told_at == 0 || now.saturating_sub(told_at) >= TOLD_AGAIN_AFTER_SECONDS;
        if is_due && self.told_at.compare_exchange(told_at, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let error = io::Error::from(error);
            let server = &self.parameters.server;
            tell(&format!(
                "webserv: [alert] messages lost that syslog server {server} did not take: {lost} in all {}\n",
                Reason(&error)
            ));
        }
    }
}

impl Address {
    fn connect(&self) -> Result<OwnedFd, Errno> {
        let family = match self {
            Self::Inet(SocketAddr::V4(_)) => AddressFamily::INET,
            Self::Inet(SocketAddr::V6(_)) => AddressFamily::INET6,
            Self::Unix(_) => AddressFamily::UNIX,
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
        match self {
            Self::Inet(address) => rustix::net::connect(&socket, address)?,
            Self::Unix(address) => rustix::net::connect(&socket, address)?,
        }
        Ok(socket)
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Self::Udp { host, port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Self::Udp { host, port } => write!(formatter, "{host}:{port}"),
        }
    }
}

const PARAMETERS: [&str; 5] = ["server", "facility", "severity", "tag", "nohostname"];

/// nginx's names, in the order of their numbers.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp", "ntp",
    "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// The port of RFC 3164 section 2.
const PORT_DEFAULT: u16 = 514;

/// RFC 3164 section 4.1.3.
const TAG_BYTES_MAX: usize = 32;

/// As for files.
const TOLD_AGAIN_AFTER_SECONDS: u64 = 60;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::unix::net::UnixDatagram;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn error(text: &str) -> (String, &str) {
        let error = Parameters::parse(text).unwrap_err();
        (error.message, &text[error.at..error.at + error.length])
    }

    #[test]
    fn parameters_have_nginx_defaults() {
        let parameters = Parameters::parse("server=127.0.0.1").unwrap();
        assert_eq!(parameters.server, Server::Udp { host: "127.0.0.1".into(), port: 514 });
        assert_eq!((parameters.facility, parameters.severity), (Facility(23), Severity::Info));
        assert_eq!((&*parameters.tag, parameters.names_host), ("webserv", true));
    }

    #[test]
    fn every_parameter_is_read() {
        let parameters =
            Parameters::parse("server=[::1]:12345,facility=auth,tag=web_1,severity=crit,nohostname").unwrap();
        assert_eq!(parameters.server, Server::Udp { host: "::1".into(), port: 12345 });
        assert_eq!((parameters.facility, parameters.severity), (Facility(4), Severity::Crit));
        assert_eq!((&*parameters.tag, parameters.names_host), ("web_1", false));
        let unix = Parameters::parse("nohostname,server=unix:/dev/log").unwrap();
        assert_eq!(unix.server, Server::Unix("/dev/log".into()));
    }

    #[test]
    fn an_error_names_the_parameter_and_shows_it() {
        let cases = [
            ("", "unknown syslog parameter \"\"", ""),
            ("facility=user", "no syslog server specified", "facility=user"),
            ("server=a,server=b", "duplicate syslog \"server\"", "server=b"),
            ("server=a,facility=locl7", "unknown syslog facility \"locl7\"", "facility=locl7"),
            ("server=a,severity=err,tag=x", "unknown syslog severity \"err\"", "severity=err"),
            ("server=a,tag=a-b", "syslog \"tag\" only allows alphanumeric characters and underscore", "tag=a-b"),
            ("server=a,nohostname=1", "unknown syslog parameter \"nohostname=1\"", "nohostname=1"),
            ("server=a:0", "invalid syslog server \"a:0\": invalid port", "server=a:0"),
            ("server=:1", "invalid syslog server \":1\": no host", "server=:1"),
            ("server=[1.2.3.4]", "invalid syslog server \"[1.2.3.4]\": not an IPv6 address", "server=[1.2.3.4]"),
            ("server=unix:", "invalid syslog server \"unix:\": no path", "server=unix:"),
        ];
        for (text, message, part) in cases {
            assert_eq!(error(text), (message.to_owned(), part), "{text}");
        }
        let long = format!("server=a,tag={}", "t".repeat(33));
        assert_eq!(error(&long).0, "syslog tag length exceeds 32");
        let help = Parameters::parse("server=a,facility=locl7").unwrap_err().help;
        assert_eq!(help.as_deref(), Some("did you mean `local7`?"));
    }

    #[test]
    fn a_message_has_nginx_form() {
        let head = |text: &str, severity| {
            let syslog = Syslog::open(Parameters::parse(text).unwrap()).unwrap();
            let mut out = Vec::new();
            syslog.write_head(severity, UNIX_EPOCH + Duration::from_secs(1_795_366_800), &mut out);
            (String::from_utf8(out).unwrap(), syslog.host_name)
        };
        let time = local_time::with(UNIX_EPOCH + Duration::from_secs(1_795_366_800), |time| {
            String::from_utf8(time.syslog.to_vec()).unwrap()
        });
        let (with_host, host) = head("server=127.0.0.1,tag=web", Severity::Error);
        assert_eq!(with_host, format!("<187>{time} {host} web: "));
        let (without, _) = head("server=127.0.0.1,nohostname,facility=kern", Severity::Debug);
        assert_eq!(without, format!("<7>{time} webserv: "));
    }

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_daemon_that_was_started_again_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let syslog = Syslog::open(Parameters::parse(&format!("server=unix:{}", path.display())).unwrap()).unwrap();
        syslog.send_line(b"before it runs");
        assert_eq!(syslog.lost(), 1);
        let daemon = UnixDatagram::bind(&path).unwrap();
        syslog.send_line(b"first");
        assert!(received(&daemon).ends_with(" webserv: first"));
        drop(daemon);
        std::fs::remove_file(&path).unwrap();
        let daemon = UnixDatagram::bind(&path).unwrap();
        syslog.send_line(b"second");
        assert!(received(&daemon).ends_with(" webserv: second"));
        assert_eq!(syslog.lost(), 1);
    }

    #[test]
    fn a_daemon_that_does_not_read_costs_messages_and_no_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let _deaf = UnixDatagram::bind(&path).unwrap();
        let syslog = Syslog::open(Parameters::parse(&format!("server=unix:{}", path.display())).unwrap()).unwrap();
        for _ in 0..10_000 {
            syslog.send_line(b"nobody reads this");
        }
        assert!(syslog.lost() > 0);
    }

    #[test]
    fn messages_go_by_udp() {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        let text = format!("server={},nohostname,severity=notice", daemon.local_addr().unwrap());
        Syslog::open(Parameters::parse(&text).unwrap()).unwrap().send_line(b"line");
        let mut buffer = [0; 1024];
        let length = daemon.recv(&mut buffer).unwrap();
        let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
        assert!(message.starts_with("<189>") && message.ends_with(" webserv: line"), "{message}");
    }
}

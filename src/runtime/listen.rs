//! Listening sockets: addresses, their options, binding, and accepting.
//!
//! Control binds, once per worker for an inet address (SO_REUSEPORT shares the connections out), once in all for a unix
//! socket (workers share duplicates); workers accept. Decides nothing: who probes, and what to do when descriptors run
//! out, is the caller's.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Poll, ready};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketAddrUnix, SocketFlags};
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use super::handle::Handle;
use super::io::{Io, Ready};

/// Where a server listens. Written as nginx writes it: `0.0.0.0:80`, `[::]:80`, `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// An IP address and a TCP port.
    Inet(SocketAddr),
    /// The path of a unix socket; empty for an unnamed one.
    Unix(PathBuf),
    /// A socket that a service manager opened and passes, by the manager's name for it.
    Named(String),
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(address) => write!(formatter, "{address}"),
            Address::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Address::Named(name) => write!(formatter, "fd:{name}"),
        }
    }
}

/// The parameters of nginx's `listen` that concern the socket. Accepted connections inherit all but the first and the
/// last two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// `backlog=`: connections that may wait to be accepted; the system caps it (net.core.somaxconn).
    pub backlog: u32,
    /// `rcvbuf=`: bytes the system may hold of what was received and not read.
    pub receive_buffer: Option<usize>,
    /// `sndbuf=`: bytes the system may hold of what was sent and not acknowledged.
    pub send_buffer: Option<usize>,
    /// `so_keepalive=`: probes on idle connections; none for off.
    pub keepalive: Option<Keepalive>,
    /// Whether small packets are sent at once (TCP_NODELAY). Set here, it saves a system call per connection.
    pub nodelay: bool,
    /// `ipv6only=`: whether `[::]` takes IPv6 alone. Cannot change on a live socket.
    pub ipv6only: bool,
    /// `deferred`: wake for a connection only when data has come. Accepted without effect: there is no safe interface
    /// to TCP_DEFER_ACCEPT, and without it only idle connections cost more.
    pub deferred: bool,
}

/// How idle connections are probed (tcp(7)); what is absent is the system's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// Idle time before the first probe (TCP_KEEPIDLE), in whole seconds.
    pub idle: Option<Duration>,
    /// Time between probes (TCP_KEEPINTVL), in whole seconds.
    pub interval: Option<Duration>,
    /// Unanswered probes until the connection is dropped (TCP_KEEPCNT).
    pub count: Option<u32>,
}

impl Default for ListenOptions {
    /// nginx's defaults, and no delay of small packets, as `tcp_nodelay` is on by default.
    fn default() -> ListenOptions {
        ListenOptions {
            backlog: BACKLOG,
            receive_buffer: None,
            send_buffer: None,
            keepalive: None,
            nodelay: true,
            ipv6only: true,
            deferred: false,
        }
    }
}

/// nginx's default `backlog` on Linux.
const BACKLOG: u32 = 511;

/// A listening socket: non-blocking, closed on exec. An inet address may be bound once for each worker; a unix socket
/// once, its descriptor is duplicated for workers. A unix socket left behind by a process that has ended is replaced,
/// and all users may connect (mode 0666), as with nginx.
///
/// # Errors
/// Those of socket(2), bind(2) and listen(2); `AddrInUse` for a unix path where somebody listens or that is no socket.
pub fn bind(address: &Address, options: &ListenOptions) -> io::Result<OwnedFd> {
    match address {
        Address::Inet(inet) => {
            let socket = inet_socket(*inet, options)?;
            socket.set_reuse_port(true)?;
            listen_on(socket, &SockAddr::from(*inet), options)
        }
        Address::Unix(path) => {
            if socket_state(path)? == PathState::Stale {
                std::fs::remove_file(path)?;
            }
            let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
            set_options(&socket, options, false)?;
            socket.bind(&SockAddr::unix(path)?)?;
            // Before it listens, so nobody is turned away for a moment.
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(UNIX_SOCKET_MODE))?;
            socket.listen(backlog(options))?;
            Ok(socket.into())
        }
        Address::Named(_) => Err(not_passed()),
    }
}

/// Whether an address can be listened on by nobody but us: for SO_REUSEPORT would share a port with another process of
/// the same user without a word. To be asked before the first `bind`; our own sockets on the address are in the way too.
/// A listener may appear between the two calls; that is then found out by nobody.
///
/// # Errors
/// `AddrInUse` when somebody listens there; those of bind(2) otherwise.
pub fn probe(address: &Address, options: &ListenOptions) -> io::Result<()> {
    match address {
        Address::Inet(inet) => {
            let socket = inet_socket(*inet, options)?;
            listen_on(socket, &SockAddr::from(*inet), options).map(drop)
        }
        Address::Unix(path) => socket_state(path).map(drop),
        Address::Named(_) => Err(not_passed()),
    }
}

/// A descriptor of a socket that was bound before: non-blocking, with these options, listening.
///
/// # Errors
/// Those of dup(2), setsockopt(2) and listen(2).
pub fn adopt(socket: &OwnedFd, options: &ListenOptions) -> io::Result<OwnedFd> {
    let socket = socket.try_clone()?;
    SockRef::from(&socket).set_nonblocking(true)?;
    apply(&socket, options)?;
    Ok(socket)
}

/// What a socket is bound to.
///
/// # Errors
/// Those of getsockname(2).
pub fn local_address(socket: &OwnedFd) -> io::Result<Address> {
    address_of(rustix::net::getsockname(socket)?)
}

fn not_passed() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "no socket of this name was passed, see FileDescriptorName= of systemd.socket",
    )
}

/// Sets the options that a live listening socket takes: all but `ipv6only`.
///
/// # Errors
/// Those of setsockopt(2) and listen(2).
pub fn apply(listener: &OwnedFd, options: &ListenOptions) -> io::Result<()> {
    let socket = SockRef::from(listener);
    let tcp = socket.domain()? != Domain::UNIX;
    set_options(&socket, options, tcp)?;
    socket.listen(backlog(options))
}

/// Who connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP, from this address.
    Inet(SocketAddr),
    /// Over a unix socket: on this machine.
    Unix,
}

/// Why a connection was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The process or the system is out of descriptors or memory: connections wait; try again after a while.
    #[error("out of descriptors or memory")]
    Exhausted(#[source] io::Error),
    /// That connection was lost before it was accepted: go on with the next.
    #[error("a connection was lost before it was accepted")]
    Aborted(#[source] io::Error),
    /// The listener is broken.
    #[error("cannot accept")]
    Other(#[source] io::Error),
}

impl From<io::Error> for AcceptError {
    /// Sorts by accept(2), where Linux reports the new connection's own network errors as well.
    fn from(error: io::Error) -> AcceptError {
        match Errno::from_io_error(&error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => AcceptError::Exhausted(error),
            Some(
                Errno::CONNABORTED
                | Errno::PROTO
                | Errno::PERM
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::NETUNREACH,
            ) => AcceptError::Aborted(error),
            _ => AcceptError::Other(error),
        }
    }
}

/// A listening socket in a worker's map.
pub struct Acceptor {
    io: Io<OwnedFd>,
}

impl Acceptor {
    /// For the task being polled: a listener of this worker alone, as `bind` makes for an inet address.
    ///
    /// # Errors
    /// As [`Io::new`].
    pub fn new(handle: &Handle, listener: OwnedFd) -> io::Result<Acceptor> {
        Ok(Acceptor { io: Io::new(handle, listener, Ready::NONE)? })
    }

    /// For the task being polled: a listener of which others hold duplicates, as of a unix socket or an inherited one.
    ///
    /// # Errors
    /// As [`Io::new`].
    pub fn duplicated(handle: &Handle, listener: OwnedFd) -> io::Result<Acceptor> {
        Ok(Acceptor { io: Io::duplicated(handle, listener, Ready::NONE)? })
    }

    /// The next connection: non-blocking, closed on exec. Readiness lasts until it is pending, errors do not end it: so
    /// accept in a bounded batch and yield, and after `Exhausted` wait before the next try.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn poll_accept(&self) -> Poll<Result<(OwnedFd, Peer), AcceptError>> {
        let accepted = ready!(self.io.try_io(Ready::READABLE, |listener| {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            Ok(rustix::net::acceptfrom_with(listener, flags)?)
        }));
        let (socket, address) = accepted?;
        let inet = address.and_then(|address| SocketAddr::try_from(address).ok());
        Poll::Ready(Ok((socket, inet.map_or(Peer::Unix, Peer::Inet))))
    }

    /// [`Acceptor::poll_accept`], awaited.
    ///
    /// # Errors
    /// As there.
    pub async fn accept(&self) -> Result<(OwnedFd, Peer), AcceptError> {
        poll_fn(|_| self.poll_accept()).await
    }

    /// The address listened on; with port 0 asked for, the port the system chose.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_address(&self) -> io::Result<Address> {
        address_of(rustix::net::getsockname(self.io.get_ref().as_fd())?)
    }
}

/// An address as the system gives it, as ours.
pub(super) fn address_of(address: SocketAddrAny) -> io::Result<Address> {
    if let Ok(inet) = SocketAddr::try_from(address.clone()) {
        return Ok(Address::Inet(inet));
    }
    let unix = SocketAddrUnix::try_from(address)?;
    let path = unix.path().map(|path| PathBuf::from(std::ffi::OsString::from_vec(path.to_bytes().to_vec())));
    Ok(Address::Unix(path.unwrap_or_default()))
}

fn inet_socket(address: SocketAddr, options: &ListenOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(options.ipv6only)?;
    }
    Ok(socket)
}

fn listen_on(socket: Socket, address: &SockAddr, options: &ListenOptions) -> io::Result<OwnedFd> {
    set_options(&socket, options, true)?;
    socket.bind(address)?;
    socket.listen(backlog(options))?;
    Ok(socket.into())
}

fn set_options(socket: &Socket, options: &ListenOptions, tcp: bool) -> io::Result<()> {
    if let Some(bytes) = options.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    if !tcp {
        return Ok(());
    }
    socket.set_tcp_nodelay(options.nodelay)?;
    let Some(keepalive) = &options.keepalive else {
        return socket.set_keepalive(false);
    };
    let mut parameters = TcpKeepalive::new();
    if let Some(idle) = keepalive.idle {
        parameters = parameters.with_time(idle);
    }
    if let Some(interval) = keepalive.interval {
        parameters = parameters.with_interval(interval);
    }
    if let Some(count) = keepalive.count {
        parameters = parameters.with_retries(count);
    }
    socket.set_tcp_keepalive(&parameters)
}

fn backlog(options: &ListenOptions) -> i32 {
    i32::try_from(options.backlog).unwrap_or(i32::MAX)
}

/// What is at the path of a unix socket to be.
#[derive(PartialEq, Eq)]
enum PathState {
    Free,
    /// A socket nobody listens on.
    Stale,
}

fn socket_state(path: &Path) -> io::Result<PathState> {
    let metadata = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(PathState::Free),
        result => result?,
    };
    if !metadata.file_type().is_socket() {
        return Err(Errno::ADDRINUSE.into());
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(PathState::Stale),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PathState::Free),
        _ => Err(Errno::ADDRINUSE.into()), // connected, its backlog full, of another type, or not ours to touch
    }
}

/// Everyone may connect, as with nginx; who may reach the path is what its folder says.
const UNIX_SOCKET_MODE: u32 = 0o666;

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    use rustix::net::sockopt;

    use super::*;

    fn inet(address: &str) -> Address {
        Address::Inet(address.parse().unwrap())
    }

    fn bound(listener: &OwnedFd) -> Address {
        address_of(rustix::net::getsockname(listener).unwrap()).unwrap()
    }

    fn connect(address: &Address) -> io::Result<()> {
        match address {
            Address::Inet(inet) => TcpStream::connect(inet).map(drop),
            Address::Unix(path) => UnixStream::connect(path).map(drop),
            Address::Named(_) => Err(not_passed()),
        }
    }

    fn in_use<T>(result: io::Result<T>) -> bool {
        result.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    }

    #[test]
    fn addresses_are_written_as_nginx_writes_them() {
        assert_eq!(inet("0.0.0.0:80").to_string(), "0.0.0.0:80");
        assert_eq!(inet("[::]:80").to_string(), "[::]:80");
        assert_eq!(Address::Unix("/run/web.sock".into()).to_string(), "unix:/run/web.sock");
    }

    #[test]
    fn each_worker_binds_an_address_for_itself_and_a_probe_tells_that_it_is_taken() {
        let options = ListenOptions::default();
        let first = bind(&inet("127.0.0.1:0"), &options).unwrap();
        let address = bound(&first);
        let second = bind(&address, &options).unwrap();
        assert_eq!(bound(&second), address);
        assert!(in_use(probe(&address, &options)));
        drop((first, second));
        probe(&address, &options).unwrap();
    }

    #[test]
    fn a_port_of_another_program_is_in_use() {
        let options = ListenOptions::default();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::Inet(other.local_addr().unwrap());
        assert!(in_use(probe(&address, &options)));
        assert!(in_use(bind(&address, &options)));
    }

    #[test]
    fn an_address_of_no_interface_cannot_be_bound() {
        let error = probe(&inet("192.0.2.1:0"), &ListenOptions::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn options_are_set_at_bind_and_changed_on_a_live_socket() {
        let keepalive =
            Keepalive { idle: Some(Duration::from_secs(30)), interval: Some(Duration::from_secs(5)), count: Some(3) };
        let mut options = ListenOptions {
            receive_buffer: Some(32 * 1024),
            send_buffer: Some(32 * 1024),
            keepalive: Some(keepalive),
            ..ListenOptions::default()
        };
        let listener = bind(&inet("127.0.0.1:0"), &options).unwrap();
        assert!(sockopt::socket_keepalive(&listener).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&listener).unwrap(), Duration::from_secs(30));
        assert_eq!(sockopt::tcp_keepintvl(&listener).unwrap(), Duration::from_secs(5));
        assert_eq!(sockopt::tcp_keepcnt(&listener).unwrap(), 3);
        assert!(sockopt::tcp_nodelay(&listener).unwrap());
        let before = sockopt::socket_recv_buffer_size(&listener).unwrap();
        options.receive_buffer = Some(64 * 1024);
        options.keepalive = None;
        options.nodelay = false;
        apply(&listener, &options).unwrap();
        assert!(sockopt::socket_recv_buffer_size(&listener).unwrap() > before);
        assert!(!sockopt::socket_keepalive(&listener).unwrap());
        assert!(!sockopt::tcp_nodelay(&listener).unwrap());
        connect(&bound(&listener)).unwrap();
    }

    #[test]
    fn a_unix_socket_is_for_all_users_and_replaces_a_stale_one_but_not_a_live_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        let address = Address::Unix(path.clone());
        let options = ListenOptions::default();
        drop(UnixListener::bind(&path).unwrap()); // leaves its file behind
        probe(&address, &options).unwrap();
        let listener = bind(&address, &options).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o666);
        assert_eq!(bound(&listener), address);
        assert!(in_use(probe(&address, &options)));
        assert!(in_use(bind(&address, &options)));
        connect(&address).unwrap();
        apply(&listener, &options).unwrap();
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious");
        std::fs::write(&path, "text").unwrap();
        assert!(in_use(bind(&Address::Unix(path.clone()), &ListenOptions::default())));
        assert_eq!(std::fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn errors_of_accept_are_sorted_by_what_to_do() {
        let sorted = |errno: Errno| AcceptError::from(io::Error::from(errno));
        assert!(matches!(sorted(Errno::MFILE), AcceptError::Exhausted(_)));
        assert!(matches!(sorted(Errno::NFILE), AcceptError::Exhausted(_)));
        assert!(matches!(sorted(Errno::CONNABORTED), AcceptError::Aborted(_)));
        assert!(matches!(sorted(Errno::HOSTUNREACH), AcceptError::Aborted(_)));
        assert!(matches!(sorted(Errno::BADF), AcceptError::Other(_)));
    }
}

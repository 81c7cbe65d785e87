//! A client: bytes out, answers in, and the ways to leave.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::PATIENCE;
use super::answer::Answer;

/// A connection to the server.
#[derive(Debug)]
pub(crate) struct Client {
    socket: Socket,
    /// Received and not yet taken.
    received: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .unwrap_or_else(|error| panic!("connecting to {address}: {error}"));
        stream.set_nodelay(true).expect("a TCP socket takes TCP_NODELAY");
        Self::new(Socket::from(OwnedFd::from(stream)))
    }

    pub(super) fn connect_unix(path: &Path) -> Self {
        let stream =
            UnixStream::connect(path).unwrap_or_else(|error| panic!("connecting to {}: {error}", path.display()));
        Self::new(Socket::from(OwnedFd::from(stream)))
    }

    /// As `connect`, with a receive buffer of `bytes`: what the client does not read soon waits in the server.
    pub(super) fn connect_narrow(address: SocketAddr, bytes: usize) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("there is a socket");
        socket.set_recv_buffer_size(bytes).expect("a socket takes SO_RCVBUF");
        socket.connect_timeout(&SockAddr::from(address), PATIENCE).expect("the server listens");
        Self::new(socket)
    }

    /// As `connect`, from an address of the client's own.
    pub(super) fn connect_from(from: IpAddr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("there is a socket");
        socket.bind(&SockAddr::from(SocketAddr::from((from, 0)))).expect("loopback has many addresses");
        socket.connect_timeout(&SockAddr::from(address), PATIENCE).expect("the server listens");
        Self::new(socket)
    }

    fn new(socket: Socket) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).expect("PATIENCE is not zero");
        socket.set_write_timeout(Some(PATIENCE)).expect("PATIENCE is not zero");
        Self { socket, received: Vec::new() }
    }

    /// Sends all of it.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.try_send(bytes) {
            self.fail(&format!("sending failed: {error}"));
        }
    }

    /// Sends all of it, or says why not.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(bytes.as_ref())
    }

    /// Sends as much as is taken without waiting; says how much.
    pub(crate) fn send_now(&mut self, bytes: &[u8]) -> usize {
        self.socket.set_nonblocking(true).expect("a socket can be non-blocking");
        let result = self.socket.write(bytes);
        self.socket.set_nonblocking(false).expect("a socket can be blocking");
        result.unwrap_or(0)
    }

    /// Sends `GET path` for `localhost`.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        self.answer()
    }

    /// Sends bytes that end with a request, and takes the content of its answer.
    #[track_caller]
    pub(crate) fn send_and_answer(&mut self, bytes: &[u8]) -> String {
        self.send(bytes);
        self.answer().text().to_owned()
    }

    /// The next answer, to any request but HEAD. An interim answer (100) is one too.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// The next answer, to a request with this method.
    #[track_caller]
    pub(crate) fn answer_to(&mut self, method: &str) -> Answer {
        let head = self.take_head();
        let mut answer = Answer::from_head(&head);
        let code = answer.status;
        if method == "HEAD" || code < 200 || code == 204 || code == 304 {
            return answer;
        }
        answer.body = if answer.header("transfer-encoding") == Some("chunked") {
            self.take_chunks()
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().expect("Content-Length is a number");
            self.take(length, "content")
        } else {
            self.rest()
        };
        answer
    }

    #[track_caller]
    fn take_head(&mut self) -> Vec<u8> {
        self.take_through(b"\r\n\r\n", "the head of an answer")
    }

    #[track_caller]
    fn take_chunks(&mut self) -> Vec<u8> {
        let mut content = Vec::new();
        loop {
            let line = self.take_through(b"\r\n", "the size of a chunk");
            let digits = String::from_utf8_lossy(&line[..line.len() - 2]).into_owned();
            let size = usize::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("not a chunk size: {digits:?}"));
            if size == 0 {
                let end = self.take_through(b"\r\n", "the end of the chunks");
                assert_eq!(end, b"\r\n", "trailers are not expected here");
                return content;
            }
            content.extend(self.take(size, "a chunk"));
            assert_eq!(self.take(2, "the end of a chunk"), b"\r\n");
        }
    }

    #[track_caller]
    fn take_through(&mut self, end: &[u8], what: &str) -> Vec<u8> {
        let mut searched = 0;
        loop {
            let found = memchr::memmem::find(&self.received[searched..], end);
            if let Some(at) = found {
                let through = searched + at + end.len();
                return self.received.drain(..through).collect();
            }
            searched = self.received.len().saturating_sub(end.len());
            self.fill(what);
        }
    }

    /// Exactly so many bytes, as they come.
    #[track_caller]
    pub(crate) fn take(&mut self, length: usize, what: &str) -> Vec<u8> {
        while self.received.len() < length {
            self.fill(what);
        }
        self.received.drain(..length).collect()
    }

    #[track_caller]
    fn fill(&mut self, what: &str) {
        match self.receive() {
            Ok(0) => self.fail(&format!("the server closed the connection before {what} was complete")),
            Ok(_) => {}
            Err(error) => self.fail(&format!("reading {what} failed: {error}")),
        }
    }

    fn receive(&mut self) -> io::Result<usize> {
        let mut piece = [0; 64 * 1024];
        let count = self.socket.read(&mut piece)?;
        self.received.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    /// What comes next, at least one byte unless the server closed the connection.
    #[track_caller]
    pub(crate) fn read_some(&mut self) -> Vec<u8> {
        if self.received.is_empty()
            && let Err(error) = self.receive()
        {
            self.fail(&format!("reading failed: {error}"));
        }
        std::mem::take(&mut self.received)
    }

    /// Everything until the server closes the connection.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        match self.try_rest() {
            (bytes, None) => bytes,
            (_, Some(error)) => self.fail(&format!("reading to the end failed: {error}")),
        }
    }

    /// Everything until the connection ends, and how it failed if it did.
    #[track_caller]
    pub(crate) fn try_rest(&mut self) -> (Vec<u8>, Option<io::Error>) {
        loop {
            match self.receive() {
                Ok(0) => return (std::mem::take(&mut self.received), None),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.fail("the server neither sends nor closes the connection");
                }
                Err(error) => return (std::mem::take(&mut self.received), Some(error)),
            }
        }
    }

    /// Waits for the end of the connection: true when the server closed it without a further byte and without a reset.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> bool {
        let (bytes, error) = self.try_rest();
        bytes.is_empty() && error.is_none()
    }

    /// Whether nothing has come and the connection is open, at this moment.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.socket.set_nonblocking(true).expect("a socket can be non-blocking");
        let result = self.receive();
        self.socket.set_nonblocking(false).expect("a socket can be blocking");
        self.received.is_empty() && matches!(result, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Says that nothing more comes, and goes on reading.
    pub(crate) fn shutdown_write(&self) {
        // Where the server has reset the connection, reading shows it.
        let _may_be_over = self.socket.shutdown(Shutdown::Write);
    }

    /// Leaves with a reset instead of a goodbye.
    pub(crate) fn reset(self) {
        self.socket.set_linger(Some(Duration::ZERO)).expect("a socket takes SO_LINGER");
    }

    /// The client's own address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.socket
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket())
            .expect("an internet socket has an address")
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let received = String::from_utf8_lossy(&self.received);
        let received: String = received.chars().take(2000).collect();
        panic!(
            "{what}. Received and not taken:
{received}"
        )
    }
}

//! How a server starts another one and leaves it what it has: for an upgrade, and to go into the background.
//!
//! The new process has one end of a socket pair as its standard input. It is sent what it inherits, a message each, with
//! the descriptors themselves (SCM_RIGHTS, so that no other child could get them); it makes ready, says so, and takes
//! over when it is told to go, and says when it serves; an end of either side undoes that. What both say is bounded.
//!
//! ```text
//! old:  begin · socket... · pid · control · end              go
//! new:                                          ready|failed      serves
//! ```

use std::env;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_type};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::passed::{Passed, PassedSocket, Source};
use super::program::Program;
use crate::base::reason::Reason;
use crate::runtime::Address;

/// The variable that tells a process that it inherits; set for that process alone.
pub(super) const VARIABLE: &str = "WEBSERV_HANDOVER";

/// Why another process is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To take this one's place.
    Upgrade,
    /// To serve in the background.
    Background,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Background => "background",
        }
    }

    fn named(word: &[u8]) -> Option<Self> {
        [Self::Upgrade, Self::Background].into_iter().find(|purpose| purpose.word().as_bytes() == word)
    }
}

/// What a process has from the one that started it.
#[derive(Debug, Default)]
pub(super) struct Legacy {
    /// Why it was started; none for a start by anybody else.
    pub(super) purpose: Option<Purpose>,
    /// Whether the first of the line was started as root.
    pub(super) as_root: bool,
    pub(super) passed: Passed,
    /// The open pid file of the server before, and where it is.
    pub(super) pid_file: Option<(PathBuf, OwnedFd)>,
    /// The control socket that the server before listens on.
    pub(super) control: Option<(PathBuf, OwnedFd)>,
}

/// A handover that failed, on the side of the new process.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// What was sent is not what was expected.
    #[error("the handover by the server that started this one is not understood: is it of another version?")]
    NotUnderstood,
    /// The other side has gone, or changed its mind.
    #[error("the server that started this one does not let it take over")]
    CalledOff,
    /// The system refuses.
    #[error("the handover failed {}", Reason(.0))]
    System(#[from] io::Error),
}

/// The new process' end.
#[derive(Debug)]
pub(super) struct Heir {
    channel: OwnedFd,
}

impl Heir {
    /// Receives what the process that started this one hands over; none where it was started by anybody else.
    ///
    /// # Errors
    /// What came is no handover.
    pub(super) fn receive() -> Result<Option<(Self, Legacy)>, HandoverError> {
        if env::var_os(VARIABLE).is_none() {
            return Ok(None);
        }
        let channel = io::stdin().as_fd().try_clone_to_owned()?;
        if !socket_type(&channel).is_ok_and(|kind| kind == SocketType::SEQPACKET) {
            return Err(HandoverError::NotUnderstood);
        }
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?).map_err(io::Error::from)?;
        set_timeout(&channel, PATIENCE)?;
        let legacy = receive_legacy(&channel)?;
        Ok(Some((Self { channel }, legacy)))
    }

    /// Says that the new process is ready, and waits until it may take over.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn ready(&self) -> Result<(), HandoverError> {
        send(&self.channel, &[READY], None).map_err(|_| HandoverError::CalledOff)?;
        match receive(&self.channel) {
            Ok((message, _)) if message == GO => Ok(()),
            _ => Err(HandoverError::CalledOff),
        }
    }

    /// Says that the new process serves.
    pub(super) fn serves(&self) {
        // Who does not listen any more does not serve either.
        let _gone = send(&self.channel, &[SERVES], None);
    }

    /// Says why it cannot; the first reason counts.
    pub(super) fn fail(&self, reason: &str) {
        let end = (0..=REASON_BYTES_MAX.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end));
        // Who does not listen any more knows.
        let _gone = send(&self.channel, &[FAILED, &reason.as_bytes()[..end.unwrap_or(0)]], None);
    }
}

/// The process that was started, from the side of the old one. Dropped before it was let go, it ends.
#[derive(Debug)]
pub(super) struct Successor {
    child: Option<Child>,
    channel: OwnedFd,
}

impl Successor {
    /// Starts a program, and hands over.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(program: &Program, legacy: Legacy) -> io::Result<Self> {
        let (channel, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let purpose = legacy.purpose.unwrap_or(Purpose::Background);
        let child = program.start(theirs, purpose.word())?;
        let successor = Self { child: Some(child), channel };
        set_timeout(&successor.channel, PATIENCE)?;
        match send_legacy(&successor.channel, legacy, purpose) {
            // It has ended: `wait_until_ready` will say how.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PIPE) => {}
            sent => sent?,
        }
        Ok(successor)
    }

    /// Its process number.
    pub(super) fn process(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Waits until it is ready to take over.
    ///
    /// # Errors
    /// Why it is not, as a text.
    pub(super) fn wait_until_ready(&mut self) -> Result<(), String> {
        let failed = |error: &io::Error| format!("the new process cannot be heard {}", Reason(error));
        set_timeout(&self.channel, READY_PATIENCE).map_err(|error| failed(&error))?;
        match receive(&self.channel) {
            Ok((message, _)) if message == READY => Ok(()),
            Ok((message, _)) => Err(self.reason_in(&message)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(format!("the new process was not ready within {} seconds", READY_PATIENCE.as_secs()))
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(self.how_it_ended()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Lets it take over, and waits until it has: all that could fail is behind it.
    ///
    /// # Errors
    /// It has ended meanwhile, or does not answer.
    pub(super) fn go(mut self) -> Result<(), String> {
        send(&self.channel, &[GO], None).map_err(|_| self.how_it_ended())?;
        set_timeout(&self.channel, GO_PATIENCE).map_err(|error| error.to_string())?;
        match receive(&self.channel) {
            Ok((message, _)) if message == SERVES => {
                self.child = None;
                Ok(())
            }
            Ok((message, _)) => Err(self.reason_in(&message)),
            Err(error) => Err(format!("the new process does not take over {}", Reason(&error))),
        }
    }

    /// Why it is not as far as it should be.
    fn reason_in(&mut self, message: &[u8]) -> String {
        if message.is_empty() {
            return self.how_it_ended();
        }
        let reason = message.strip_prefix(FAILED).and_then(|rest| rest.strip_prefix(b"\0"));
        let reason = reason.map(|reason| String::from_utf8_lossy(reason).trim_end().to_owned());
        reason.unwrap_or_else(|| "the new process says what is not understood".to_owned())
    }

    /// It has closed its end, so it is ending.
    fn how_it_ended(&mut self) -> String {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.take().map(|mut child| child.wait());
        let how = match status {
            Some(Ok(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => format!(" with status {code}"),
                (None, Some(signal)) => format!(" by signal {signal}"),
                (None, None) => String::new(),
            },
            Some(Err(_)) | None => String::new(),
        };
        format!("the new process ended{how} before it was ready")
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}

fn send_legacy(channel: &OwnedFd, legacy: Legacy, purpose: Purpose) -> io::Result<()> {
    let Legacy { purpose: _, as_root, passed, pid_file, control } = legacy;
    send(channel, &[BEGIN, VERSION, purpose.word().as_bytes(), flag(as_root)], None)?;
    for PassedSocket { source, name, configured, descriptor } in passed.into_sockets() {
        let name = name.unwrap_or_default();
        let is_managers = flag(source == Source::Manager);
        let (kind, address) = match &configured {
            None => ("", Vec::new()),
            Some(Address::Inet(inet)) => (INET, inet.to_string().into_bytes()),
            Some(Address::Unix(path)) => (UNIX, path.as_os_str().as_bytes().to_vec()),
            Some(Address::Named(name)) => (NAMED, name.clone().into_bytes()),
        };
        send(channel, &[SOCKET, is_managers, name.as_bytes(), kind.as_bytes(), &address], Some(descriptor.as_fd()))?;
    }
    for (word, thing) in [(PID, pid_file), (CONTROL, control)] {
        if let Some((path, descriptor)) = thing {
            send(channel, &[word, path.as_os_str().as_bytes()], Some(descriptor.as_fd()))?;
        }
    }
    send(channel, &[END], None)
}

fn receive_legacy(channel: &OwnedFd) -> Result<Legacy, HandoverError> {
    let mut legacy = Legacy::default();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let (message, descriptor) = receive(channel)?;
        let fields: Vec<&[u8]> = message.split(|byte| *byte == 0).collect();
        match (&fields[..], descriptor) {
            ([BEGIN, VERSION, purpose, as_root], None) => {
                legacy.purpose = Purpose::named(purpose);
                legacy.as_root = *as_root == flag(true);
            }
            ([SOCKET, is_managers, name, kind, address], Some(descriptor)) => {
                let source = if *is_managers == flag(true) { Source::Manager } else { Source::Server };
                let name = (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned());
                let configured = address_of(kind, address)?;
                legacy.passed.add(PassedSocket { source, name, configured, descriptor });
            }
            ([PID, path], Some(descriptor)) => legacy.pid_file = Some((path_of(path), descriptor)),
            ([CONTROL, path], Some(descriptor)) => legacy.control = Some((path_of(path), descriptor)),
            ([END], None) if legacy.purpose.is_some() => return Ok(legacy),
            _ => return Err(HandoverError::NotUnderstood),
        }
    }
    Err(HandoverError::CalledOff)
}

fn address_of(kind: &[u8], address: &[u8]) -> Result<Option<Address>, HandoverError> {
    let text = || std::str::from_utf8(address).map_err(|_| HandoverError::NotUnderstood);
    if kind.is_empty() {
        Ok(None)
    } else if kind == INET.as_bytes() {
        Ok(Some(Address::Inet(text()?.parse().map_err(|_| HandoverError::NotUnderstood)?)))
    } else if kind == UNIX.as_bytes() {
        Ok(Some(Address::Unix(path_of(address))))
    } else if kind == NAMED.as_bytes() {
        Ok(Some(Address::Named(text()?.to_owned())))
    } else {
        Err(HandoverError::NotUnderstood)
    }
}

fn path_of(bytes: &[u8]) -> PathBuf {
    Path::new(&std::ffi::OsString::from_vec(bytes.to_vec())).to_owned()
}

fn flag(is_set: bool) -> &'static [u8] {
    if is_set { b"1" } else { b"0" }
}

/// Sends fields as one message, with a descriptor perhaps. No field holds a NUL, for neither do paths.
fn send(channel: &OwnedFd, fields: &[&[u8]], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let message = fields.join(&0);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<BorrowedFd<'_>> = descriptor.into_iter().collect();
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    retry_on_intr(|| sendmsg(channel, &[IoSlice::new(&message)], &mut control, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// The next message whole, and its descriptor; empty when the other side has gone.
fn receive(channel: &OwnedFd) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut message = vec![0; MESSAGE_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = retry_on_intr(|| {
        recvmsg(channel, &mut [IoSliceMut::new(&mut message)], &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::other("a message is too long"));
    }
    message.truncate(received.bytes);
    let mut descriptor = None;
    for received in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = received {
            descriptor = descriptors.into_iter().next_back();
        }
    }
    Ok((message, descriptor))
}

fn set_timeout(channel: &OwnedFd, patience: Duration) -> io::Result<()> {
    set_socket_timeout(channel, Timeout::Recv, Some(patience))?;
    set_socket_timeout(channel, Timeout::Send, Some(patience))?;
    Ok(())
}

/// The form of the messages.
const VERSION: &[u8] = b"1";
const BEGIN: &[u8] = b"begin";
const SOCKET: &[u8] = b"socket";
const PID: &[u8] = b"pid";
const CONTROL: &[u8] = b"control";
const END: &[u8] = b"end";
const READY: &[u8] = b"ready";
const FAILED: &[u8] = b"failed";
const GO: &[u8] = b"go";
const SERVES: &[u8] = b"serves";
const INET: &str = "inet";
const UNIX: &str = "unix";
const NAMED: &str = "named";

/// The longest reason that is sent; a message must fit into the system's buffer of a socket (208 KiB).
const REASON_BYTES_MAX: usize = 64 * 1024;

/// The longest message.
const MESSAGE_BYTES_MAX: usize = REASON_BYTES_MAX + 1024;

/// How long one side waits for the other, but for the start itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it may take to take over: it renames a file.
const GO_PATIENCE: Duration = Duration::from_secs(5);

/// How long a new process may take until it is ready: a configuration of a hundred thousand servers takes seconds.
const READY_PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn channel() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
    }

    #[test]
    fn what_is_handed_over_arrives() {
        let (ours, theirs) = channel();
        let mut legacy = Legacy { as_root: true, ..Legacy::default() };
        let addresses = [
            Address::Inet("127.0.0.1:0".parse().unwrap()),
            Address::Unix("/run/x".into()),
            Address::Named("web".into()),
        ];
        for address in &addresses {
            let descriptor = OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
            let configured = Some(address.clone());
            legacy.passed.add(PassedSocket { source: Source::Server, name: None, configured, descriptor });
        }
        let file = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        legacy.pid_file = Some((PathBuf::from("/run/a b.pid"), file));
        let local: Vec<Address> = legacy.passed.local_addresses().cloned().collect();
        send_legacy(&ours, legacy, Purpose::Upgrade).unwrap();
        let received = receive_legacy(&theirs).unwrap();
        assert_eq!((received.purpose, received.as_root), (Some(Purpose::Upgrade), true));
        assert_eq!(received.pid_file.unwrap().0, PathBuf::from("/run/a b.pid"));
        assert!(received.control.is_none());
        assert_eq!(received.passed.local_addresses().cloned().collect::<Vec<_>>(), local);
        assert!(addresses.iter().all(|address| received.passed.for_address(address).len() == 1));
    }

    #[test]
    fn other_words_are_not_understood() {
        for message in ["", "end", "begin\x002\0upgrade\x000", "socket\x000\0\0\0", "pid\0/run/x"] {
            let (ours, theirs) = channel();
            send(&ours, &[message.as_bytes()], None).unwrap();
            assert!(matches!(receive_legacy(&theirs), Err(HandoverError::NotUnderstood)), "{message:?}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let (ours, theirs) = channel();
        Heir { channel: ours }.fail(&format!("x{}", "é".repeat(REASON_BYTES_MAX)));
        let (message, _) = receive(&theirs).unwrap();
        let reason = String::from_utf8(message).unwrap();
        assert!(reason.starts_with("failed\0xé") && reason.len() <= MESSAGE_BYTES_MAX);
    }

    #[test]
    fn who_is_not_told_to_go_does_not_take_over() {
        let (ours, theirs) = channel();
        drop(ours);
        assert!(matches!(Heir { channel: theirs }.ready(), Err(HandoverError::CalledOff)));
    }
}

//! A client of a worker that the test turns by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use super::House;

/// A client that never blocks: what it cannot have now it does not wait for.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) received: Vec<u8>,
}

/// What a client sees of its connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Open,
    Closed,
    Reset,
}

impl Client {
    pub(crate) fn send(&mut self, text: &str, house: &mut House) {
        self.stream.write_all(text.as_bytes()).unwrap();
        house.turn_after_client();
    }

    /// Takes everything until the connection ends, and says how.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Seen {
        let patience = rustix::event::Timespec { tv_sec: 20, tv_nsec: 0 };
        loop {
            let seen = self.look();
            if seen != Seen::Open {
                return seen;
            }
            let mut polled = [rustix::event::PollFd::new(&self.stream, rustix::event::PollFlags::IN)];
            let ready = rustix::event::poll(&mut polled, Some(&patience)).unwrap_or(1);
            assert!(ready > 0, "the connection does not end");
        }
    }

    /// Takes everything that is there.
    pub(crate) fn look(&mut self) -> Seen {
        let mut memory = [0; 65536];
        loop {
            match self.stream.read(&mut memory) {
                Ok(0) => return Seen::Closed,
                Ok(count) => self.received.extend_from_slice(&memory[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Seen::Open,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Seen::Reset,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

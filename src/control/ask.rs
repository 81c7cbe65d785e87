//! The control socket, the side of whoever asks: `webserv reload`, `webserv status`.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::wire::{ANSWER_BYTES_MAX, Answer, Asked, PATIENCE};
use crate::base::reason::Reason;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("cannot connect to the control socket \"{}\" {}", path.display(), Reason(error))]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The server did not answer, or not in full.
    #[error("the server at \"{}\" did not answer: it has ended, or is too busy with other commands", .0.display())]
    NoAnswer(PathBuf),
}

/// Asks the server that listens at a control socket, and waits until it has done it.
///
/// # Errors
/// Nobody listens there, or it gave no answer.
pub fn ask(path: &Path, asked: Asked) -> Result<Answer, AskError> {
    let mut stream =
        UnixStream::connect(path).map_err(|error| AskError::Unreachable { path: path.to_owned(), error })?;
    let exchanged = exchange(&mut stream, asked);
    exchanged.ok().and_then(|text| Answer::parse(&text)).ok_or_else(|| AskError::NoAnswer(path.to_owned()))
}

/// A reload takes the time it takes, so the answer is waited for; the server closes the connection when it ends.
fn exchange(stream: &mut UnixStream, asked: Asked) -> io::Result<String> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{}\n", asked.line()).as_bytes())?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX as u64).read_to_string(&mut text)?;
    Ok(text)
}

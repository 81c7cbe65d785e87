//! The texts that a configuration was read from: files, the built-in text, what `-g` gave.
//!
//! Everything read stays here for the messages and for `-T`. It knows lines and columns; what the texts mean is for
//! others.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use webserv_grammar::{Quote, Span, Word};

use super::diagnostics::{Diagnostic, FileId, Place};
use super::watched::{self, FILE_BYTES_MAX, Watched};
use crate::base::reason::Reason;

/// One text.
#[derive(Clone, Debug)]
pub struct Source {
    /// What messages call it: the path as it was opened, or what it is.
    pub name: String,
    /// The file, if it is one.
    pub path: Option<PathBuf>,
    /// What stands in it.
    pub text: Arc<str>,
    /// Where its lines begin, once somebody has asked for one.
    lines: OnceLock<Box<[u32]>>,
}

impl Source {
    fn new(name: String, path: Option<PathBuf>, text: Arc<str>) -> Self {
        Self { name, path, text, lines: OnceLock::new() }
    }

    /// The line, from 1, in which a byte stands: for one place in a million as for one.
    fn line(&self, offset: u32) -> usize {
        let lines = self.lines.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', self.text.as_bytes());
            std::iter::once(0).chain(ends.map(|end| u32::try_from(end + 1).unwrap_or(u32::MAX))).collect()
        });
        lines.partition_point(|start| *start <= offset)
    }
}

/// All texts of a configuration, in the order in which they were read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Vec<Source>,
}

impl Sources {
    /// Keeps a text that is no file.
    pub fn add_text(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.add(Source::new(name.into(), None, text.into()))
    }

    /// Reads a file, and notes it to be watched. What is not UTF-8 is reported with its place, and shown as replacement
    /// characters.
    ///
    /// # Errors
    /// The system's reason, or a limit; the place is that of the `include` that asked.
    pub(super) fn add_file(
        &mut self,
        path: &Path,
        asked: Option<Place>,
        watched: &mut Watched,
    ) -> Result<(FileId, Option<Diagnostic>), Diagnostic> {
        let name = path.display().to_string();
        let fail = |message| Diagnostic { place: asked, ..Diagnostic::without_place(message) };
        if self.texts.len() >= FILES_MAX {
            return Err(fail(format!("more than {FILES_MAX} configuration files")));
        }
        let (content, digest) = watched::read(path);
        watched.file(path, digest);
        let bytes = content.map_err(|error| fail(format!("open() \"{name}\" failed {}", Reason(&error))))?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(fail(format!("\"{name}\" is larger than {FILE_BYTES_MAX} bytes")));
        }
        let (text, invalid_at) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let byte = error.as_bytes()[at];
                (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some((at, byte)))
            }
        };
        let file = self.add(Source::new(name, Some(path.to_owned()), text.into()));
        let finding = invalid_at.map(|(at, byte)| {
            let place = Place { file, span: span(at..at + char::REPLACEMENT_CHARACTER.len_utf8()) };
            Diagnostic::error(place, "the file is not UTF-8")
                .label(format!("the byte 0x{byte:02X} begins no character"))
                .help("save the file in the encoding UTF-8")
        });
        Ok((file, finding))
    }

    /// The text with this number.
    pub fn source(&self, file: FileId) -> &Source {
        &self.texts[file.0 as usize]
    }

    /// All texts, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        (0..).map(FileId).zip(&self.texts)
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The line and the column, in characters, of a place's first byte; both from 1.
    pub fn line_and_column(&self, place: Place) -> (usize, usize) {
        let (line, column) = webserv_grammar::position(&self.source(place.file).text, place.span.start);
        (line as usize, column as usize)
    }

    /// The file and the line of a place, as messages name them: `site.conf:3`.
    pub fn file_and_line(&self, place: Place) -> String {
        let source = self.source(place.file);
        format!("{}:{}", source.name, source.line(place.span.start))
    }

    /// Where a part of a word stands, given as a range of bytes of the word's meaning. Quotes and
    /// escapes make the two differ.
    pub(super) fn place_in_word(&self, file: FileId, word: &Word, part: Range<usize>) -> Place {
        if part.end > word.text.len() {
            return Place { file, span: word.span };
        }
        let written = word.span.slice(&self.source(file).text);
        let start = written_offset(word, written, part.start);
        let end = written_offset(word, written, part.end).max(start);
        let at = word.span.start as usize;
        Place { file, span: span(at + start..at + end) }
    }

    fn add(&mut self, source: Source) -> FileId {
        let file = FileId(u32::try_from(self.texts.len()).expect("their number has a limit far below"));
        self.texts.push(source);
        file
    }
}

/// A span of these bytes.
pub(super) fn span(bytes: Range<usize>) -> Span {
    // What is too large for 32 bits was not read.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(offset(bytes.start), offset(bytes.end))
}

/// Where byte `at` of a word's meaning stands in the word as written: behind the quote, and with
/// each escape being two bytes that mean one.
fn written_offset(word: &Word, written: &str, at: usize) -> usize {
    let opening = usize::from(word.quote != Quote::None);
    if word.written.is_none() {
        return opening + at;
    }
    let mut offset = opening;
    let mut meant = 0;
    let mut rest = written.get(opening..).unwrap_or_default().bytes().peekable();
    while meant < at {
        let Some(byte) = rest.next() else { break };
        offset += 1;
        meant += 1;
        if byte == b'\\' && rest.peek().is_some_and(|next| ESCAPED.contains(next)) {
            rest.next();
            offset += 1;
        }
    }
    offset
}

/// A folder of one file per site holds far fewer; a pattern such as `/**` shall not read a disk.
const FILES_MAX: usize = 100_000;
/// What nginx resolves behind a backslash; before anything else a backslash is itself.
const ESCAPED: &[u8] = b"\"'\\trn";

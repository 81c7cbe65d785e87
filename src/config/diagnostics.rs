//! What is wrong with a configuration, with its place: the value; how it is shown is in `render`.

use webserv_grammar::Span;

use super::lint::Lint;
use crate::base::report::Severity;

/// A place in one of the files that a configuration was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which file, by its number in `Sources`.
    pub file: FileId,
    /// Where in it, in bytes.
    pub span: Span,
}

/// The number of a file in `Sources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The configuration works, but perhaps not as meant.
    Warning,
    /// The configuration is refused.
    Error,
}

impl Level {
    /// The level that nginx logs such a finding with.
    pub fn severity(self) -> Severity {
        match self {
            Self::Warning => Severity::Warn,
            Self::Error => Severity::Emerg,
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// Which kind of warning it is, where it has a code; errors have none.
    pub lint: Option<&'static Lint>,
    /// What is wrong: names the thing; lower case, no full stop.
    pub message: String,
    /// Where. `None` for what has no place (the main file cannot be read).
    pub place: Option<Place>,
    /// What stands under the caret: what was expected, in a few words. May be empty.
    pub label: String,
    /// What to write instead.
    pub help: Option<Box<str>>,
    /// Other places that belong to it ("first declared here").
    pub related: Vec<(Place, String)>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            lint: None,
            message: message.into(),
            place: Some(place),
            label: String::new(),
            help: None,
            related: Vec::new(),
        }
    }

    /// A warning at a place.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(place, message) }
    }

    /// An error that has no place in a file.
    pub fn without_place(message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            lint: None,
            message: message.into(),
            place: None,
            label: String::new(),
            help: None,
            related: Vec::new(),
        }
    }

    /// With its kind, whose code comments can silence.
    #[must_use]
    pub fn lint(mut self, lint: &'static Lint) -> Self {
        self.lint = Some(lint);
        self
    }

    /// With this text under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<Box<str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With another place that belongs to it.
    #[must_use]
    pub fn related(mut self, place: Place, text: impl Into<String>) -> Self {
        self.related.push((place, text.into()));
        self
    }
}

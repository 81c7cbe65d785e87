//! A configuration as lints see it: as written, by blocks, with what each block inherits.
//!
//! Made once for a check, of the tree as written; it knows directives by their names alone, so a lint may speak of one
//! that no module has. What the loader has understood (locations' patterns, addresses) is taken from there. What is
//! included stands where its `include` stands.

use std::collections::HashMap;
use std::path::PathBuf;

use super::addresses::AddressUse;
use super::diagnostics::{FileId, Place};
use super::lines::Line;
use super::schema::Contexts;
use super::session::Session;
use crate::exchange::template::{Template, TemplateError};
use crate::route::locations::{Entry, LocationTree, LocationTreeBuilder, Outcome, Pattern};

/// The whole configuration.
pub(super) struct View<'a> {
    pub(super) session: &'a Session,
    /// The addresses that are listened on; empty where the loader did not come so far.
    pub(super) addresses: &'a [AddressUse],
    /// Each behind the one it stands in.
    blocks: Vec<Block<'a>>,
}

/// A block of the structure: one whose directives are not its own language.
pub(super) struct Block<'a> {
    pub(super) kind: Kind,
    /// What opens it; none for the main context.
    pub(super) line: Option<Line<'a>>,
    /// The directives in it, in order, those with blocks as well.
    pub(super) lines: Vec<Line<'a>>,
    /// The names of those directives.
    names: Names,
    /// Where the directives of each name are among them, if there are many: all servers ask the block around them.
    by_name: Option<HashMap<&'a str, Vec<usize>>>,
    /// What a location is for; none if that was wrong.
    pub(super) pattern: Option<Pattern>,
    /// The block it stands in.
    parent: Option<usize>,
    /// The blocks in it.
    children: Vec<usize>,
    number: usize,
}

/// Names of directives, a bit for each of 64 groups: almost all blocks are asked for names that they have not.
#[derive(Clone, Copy, Debug, Default)]
struct Names(u64);

/// What kind of block it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Main,
    Events,
    Http,
    Server,
    Location,
    LimitExcept,
    If,
}

impl Kind {
    /// The same as a context of directives.
    pub(super) fn context(self) -> Contexts {
        match self {
            Self::Main => Contexts::MAIN,
            Self::Events => Contexts::EVENTS,
            Self::Http => Contexts::HTTP,
            Self::Server => Contexts::SERVER,
            Self::Location => Contexts::LOCATION,
            Self::LimitExcept => Contexts::LIMIT_EXCEPT,
            Self::If => Contexts::LOCATION_IF,
        }
    }
}

/// A variable in a word.
pub(super) struct Named {
    /// Its name, in lower case.
    pub(super) name: String,
    /// Where it begins in the word, with its `$`.
    pub(super) at: usize,
    /// How long it is there.
    pub(super) length: usize,
}

impl<'a> View<'a> {
    /// Sees the texts of the main context, in this order.
    pub(super) fn new(session: &'a Session, texts: &[FileId], addresses: &'a [AddressUse]) -> Self {
        let mut view = Self { session, addresses, blocks: Vec::new() };
        let mut lines = Vec::new();
        for file in texts {
            session.documents.each_line_of_file(*file, &mut |line| lines.push(line));
        }
        view.add(Kind::Main, None, None, lines);
        view
    }

    /// Adds a block and all that stand in it; they stand at most as deep as the grammar lets them.
    fn add(&mut self, kind: Kind, line: Option<Line<'a>>, parent: Option<usize>, lines: Vec<Line<'a>>) {
        let number = self.blocks.len();
        let pattern = line.filter(|_| kind == Kind::Location).and_then(|line| pattern(&line));
        let nested: Vec<(Kind, Line<'a>)> =
            lines.iter().filter_map(|line| Some((Kind::of(kind, &line.name.text)?, *line))).collect();
        let by_name = (lines.len() > LINES_SEARCHED_MAX).then(|| index(&lines));
        let names = lines.iter().fold(Names::default(), |names, line| names.and(&line.name.text));
        self.blocks.push(Block { kind, line, lines, names, by_name, pattern, parent, children: Vec::new(), number });
        if let Some(parent) = parent {
            self.blocks[parent].children.push(number);
        }
        for (kind, line) in nested {
            let Some(block) = line.block else { continue };
            let mut lines = Vec::new();
            self.session.documents.each_line(line.file, block, &mut |line| lines.push(line));
            self.add(kind, Some(line), Some(number), lines);
        }
    }

    /// All blocks, each behind the one it stands in.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block<'a>> {
        self.blocks.iter()
    }

    /// The directives of the blocks that may have some of these names, others among them.
    pub(super) fn lines(&self, names: &[&str]) -> impl Iterator<Item = &Line<'a>> {
        self.blocks.iter().filter(|block| block.may_have_any(names)).flat_map(|block| &block.lines)
    }

    /// All blocks of a kind.
    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Block<'a>> {
        self.blocks.iter().filter(move |block| block.kind == kind)
    }

    /// The block that a block stands in.
    pub(super) fn parent(&self, block: &Block<'a>) -> Option<&Block<'a>> {
        block.parent.map(|parent| &self.blocks[parent])
    }

    /// The blocks of a kind that stand in a block, in order.
    pub(super) fn children(&self, block: &Block<'a>, kind: Kind) -> impl Iterator<Item = &Block<'a>> {
        block.children.iter().map(|child| &self.blocks[*child]).filter(move |child| child.kind == kind)
    }

    /// A block and those it stands in, from the inside.
    pub(super) fn around<'v>(&'v self, block: &'v Block<'a>) -> impl Iterator<Item = &'v Block<'a>> {
        std::iter::successors(Some(block), |block| self.parent(block))
    }

    /// The block nearest to a block, itself or around it, that has a directive; as inheritance goes.
    pub(super) fn owner<'v>(&'v self, block: &'v Block<'a>, name: &'static str) -> Option<&'v Block<'a>> {
        self.around(block).find(|block| block.has(name))
    }

    /// The directive that holds in a block, the last of the nearest block that has one.
    pub(super) fn effective<'v>(&'v self, block: &'v Block<'a>, name: &'static str) -> Option<&'v Line<'a>> {
        self.owner(block, name)?.all(name).last()
    }

    /// The server that a block stands in.
    pub(super) fn server_of<'v>(&'v self, block: &'v Block<'a>) -> Option<&'v Block<'a>> {
        self.around(block).find(|block| block.kind == Kind::Server)
    }

    /// The locations of a server, to look paths up in as requests do.
    pub(super) fn locations(&self, server: &Block<'a>) -> LocationTree<usize> {
        let mut tree = LocationTreeBuilder::new();
        for location in self.children(server, Kind::Location) {
            let Some(pattern) = &location.pattern else { continue };
            let nested = self.locations(location);
            // Of two that are the same the first counts, here as there.
            let _ = tree.insert(pattern.clone(), Entry { value: location.number, auto_redirect: false, nested });
        }
        tree.build()
    }

    /// The block that answers a path: a location of the server's, or the server itself.
    pub(super) fn answering<'v>(
        &'v self,
        server: &'v Block<'a>,
        locations: &LocationTree<usize>,
        path: &str,
    ) -> Option<&'v Block<'a>> {
        match locations.find(path.as_bytes()).ok()? {
            Outcome::Found(found) => Some(&self.blocks[*found.value]),
            Outcome::Redirect(number) => Some(&self.blocks[*number]),
            Outcome::None => Some(server),
        }
    }

    /// The named location of a server's.
    pub(super) fn named(&self, locations: &LocationTree<usize>, name: &str) -> Option<&Block<'a>> {
        locations.named(name).map(|number| &self.blocks[*number])
    }

    /// The folder that a block takes files from, with whether it is an alias; none if variables decide.
    pub(super) fn root(&self, block: &Block<'a>) -> Option<(PathBuf, bool)> {
        let owner = self.around(block).find(|block| block.has("root") || block.has("alias"));
        let line = owner.and_then(|owner| owner.all("root").chain(owner.all("alias")).last());
        let (text, is_alias) = match line {
            Some(line) => (line.words.first().map_or("", |word| &*word.text), line.name.text == "alias"),
            None => (DEFAULT_ROOT, false),
        };
        (!text.contains('$')).then(|| (self.path(text), is_alias))
    }

    /// The path of a file that belongs to the configuration, taken from its folder if it is relative.
    pub(super) fn beside(&self, text: &str) -> PathBuf {
        self.session.folder.join(text)
    }

    /// A path, taken from the prefix if it is relative.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.session.prefix_path().join(text)
    }
}

impl<'a> Block<'a> {
    /// Whether it has a directive itself.
    pub(super) fn has(&self, name: &'static str) -> bool {
        self.all(name).next().is_some()
    }

    /// Whether it may have a directive of one of these names itself.
    pub(super) fn may_have_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.names.may_have(name))
    }

    /// All directives of a name that it has itself.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &Line<'a>> {
        let (searched, known): (&[Line<'a>], &[usize]) = match &self.by_name {
            _ if !self.names.may_have(name) => (&[], &[]),
            None => (&self.lines, &[]),
            Some(by_name) => (&[], by_name.get(name).map_or(&[], |known| known)),
        };
        let searched = searched.iter().filter(move |line| line.name.text == name);
        searched.chain(known.iter().map(|number| &self.lines[*number]))
    }

    /// Where the word stands that opens it.
    pub(super) fn place(&self) -> Option<Place> {
        self.line.map(|line| line.place(line.name))
    }

    /// How it is written, without its block: `location = /x`.
    pub(super) fn title(&self) -> String {
        let Some(line) = self.line else { return "main".to_owned() };
        let words = line.words.iter().map(|word| &*word.text);
        std::iter::once(&*line.name.text).chain(words).collect::<Vec<_>>().join(" ")
    }
}

impl Names {
    fn and(self, name: &str) -> Self {
        Self(self.0 | Self::group(name))
    }

    /// Whether the name may be among these; else it is not.
    fn may_have(self, name: &str) -> bool {
        self.0 & Self::group(name) != 0
    }

    /// The bit of a name, by what is quickly seen of it.
    fn group(name: &str) -> u64 {
        let byte = |at: usize| usize::from(name.as_bytes().get(at).copied().unwrap_or_default());
        let last = byte(name.len().saturating_sub(1));
        1 << ((name.len() + 5 * byte(0) + 3 * byte(name.len() / 2) + 11 * last) % 64)
    }
}

impl Kind {
    /// What kind of block a directive opens in a block, if it opens one and has one.
    fn of(outer: Kind, name: &str) -> Option<Kind> {
        Some(match (outer, name) {
            (Kind::Main, "events") => Kind::Events,
            (Kind::Main, "http") => Kind::Http,
            (Kind::Http, "server") => Kind::Server,
            (Kind::Server | Kind::Location, "location") => Kind::Location,
            (Kind::Server | Kind::Location, "if") => Kind::If,
            (Kind::Location, "limit_except") => Kind::LimitExcept,
            _ => return None,
        })
    }
}

/// The variables in a word, in order.
pub(super) fn variables(text: &str) -> Vec<Named> {
    let Err(found) = Template::compile(text, |_| None) else { return Vec::new() };
    let named = found.into_iter().filter_map(|error| match error {
        TemplateError::Unknown { name, at, length } => Some(Named { name: name.to_ascii_lowercase(), at, length }),
        TemplateError::Unclosed { .. } | TemplateError::NoName { .. } => None,
    });
    named.collect()
}

fn index<'a>(lines: &[Line<'a>]) -> HashMap<&'a str, Vec<usize>> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, line) in lines.iter().enumerate() {
        by_name.entry(&line.name.text).or_default().push(number);
    }
    by_name
}

/// What a location is for; its regular expression is the one that the loader has compiled and that is in use.
fn pattern(line: &Line<'_>) -> Option<Pattern> {
    match line.words {
        [text] => Pattern::parse(None, &text.text).ok(),
        [modifier, text] => Pattern::parse(Some(&modifier.text), &text.text).ok(),
        _ => None,
    }
}

/// Blocks with more directives than this have an index.
const LINES_SEARCHED_MAX: usize = 32;

/// What `root` is where nobody sets it.
pub(super) const DEFAULT_ROOT: &str = "html";

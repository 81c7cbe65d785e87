//! From the tree as written to the settings as meant: finds each directive in the tables, calls its
//! setter, hands settings down to nested blocks, and reports everything that is wrong.
//!
//! As in nginx a block inherits all of what the enclosing block sets, also what stands below it; so
//! the simple directives of a block are read first, then the blocks in it. Called by `load`; what
//! it gives, drafts, are made into a routing tree by `assemble`, one server after the other: of ten thousand servers
//! the settings of one are held at a time.

use webserv_grammar::Block;

use super::arguments::Arguments;
use super::diagnostics::{Diagnostic, FileId, Place};
use super::index::{Found, Index, Meaning};
use super::lines::Line;
use super::lint;
use super::methods;
use super::mistakes;
use super::named_regex;
use super::schema::{AnyModule, Conf, Contexts, Entry, Repeat, Shape};
use super::semicolons;
use super::session::Session;
use super::structure::Structure;
use crate::http::method::Method;
use crate::route::locations::{Pattern, PatternError};
use crate::route::tree::Slots;

/// A part of a configuration as meant, before anything is built of it.
pub(super) enum Draft<'d> {
    /// The settings of the main context, one for each module; it comes first.
    Main(&'d Confs),
    /// The next virtual server.
    Server(DraftServer),
}

/// For each module, whether one of its directives was wrong: then its settings are not to be trusted, and judging them
/// would only add follow-up errors.
pub(super) type Failed = [bool];

/// One `server`.
pub(super) struct DraftServer {
    pub(super) place: Place,
    pub(super) confs: Confs,
    pub(super) locations: Vec<DraftLocation>,
}

/// One `location`.
pub(super) struct DraftLocation {
    pub(super) place: Place,
    /// Modifier and pattern with one space between, also where they were glued.
    pub(super) name: Box<str>,
    pub(super) pattern: Pattern,
    /// The slots of the named groups of its regular expression.
    pub(super) captures: Slots,
    pub(super) confs: Confs,
    pub(super) locations: Vec<DraftLocation>,
    pub(super) except: Option<DraftExcept>,
    /// The settings of each `if` in it, in order; none where one sets nothing of its own.
    pub(super) conditionals: Vec<Option<Confs>>,
}

/// One `limit_except`.
pub(super) struct DraftExcept {
    pub(super) methods: Box<[Method]>,
    pub(super) confs: Confs,
}

/// The settings of a block: one entry for each module, in the order of the modules.
pub(super) type Confs = Vec<Conf>;

/// Reads a configuration.
pub(super) struct Engine<'s> {
    session: &'s Session,
    modules: &'static [&'static dyn AnyModule],
    index: Index,
    failed: Vec<bool>,
}

/// A block that is being read.
struct Scope<'s> {
    context: Contexts,
    /// The name of the directive that opened it; none for the main context.
    opened: Option<Place>,
    /// The line that opened it, if it is a location.
    location: Option<Line<'s>>,
    confs: Confs,
    /// Which directives came, by number, and where each came first.
    seen: Vec<(usize, Place)>,
    /// The blocks in it, to be read when all of its own is known.
    blocks: Vec<(Structure, Line<'s>)>,
    /// The `if` blocks in it, in order.
    conditionals: Vec<Conditional<'s>>,
    /// While the block of an `if` is read for the steps of scripts.
    inside_if: Option<InsideIf<'s>>,
}

/// An `if` of which only what scripts take has been read.
struct Conditional<'s> {
    context: Contexts,
    line: Line<'s>,
    others: Vec<(Line<'s>, usize)>,
}

/// The `if` that is being read.
struct InsideIf<'s> {
    /// Which one of its block.
    number: usize,
    /// Its directives that are no steps of a script, with their numbers: settings of its own, to be
    /// read when all that it inherits is known.
    others: Vec<(Line<'s>, usize)>,
}

impl<'s> Engine<'s> {
    pub(super) fn new(session: &'s Session, modules: &'static [&'static dyn AnyModule]) -> Self {
        Self { session, modules, index: Index::new(modules), failed: vec![false; modules.len()] }
    }

    /// Reads the main context: the texts in this order. `take` is given each part when it is known whole, with what had
    /// failed until then; all that failed is told at the end.
    pub(super) fn read(mut self, texts: &[FileId], mut take: impl FnMut(Draft<'_>, &Failed)) -> Vec<bool> {
        let confs = self.modules.iter().map(|module| module.default_conf()).collect();
        let mut main = Scope::new(Contexts::MAIN, None, confs);
        for file in texts {
            self.session.documents.each_line_of_file(*file, &mut |line| self.line(&mut main, line));
        }
        take(Draft::Main(&main.confs), &self.failed);
        for (_, http) in std::mem::take(&mut main.blocks) {
            let scope = self.nested(&main.confs, Contexts::HTTP, http);
            for (_, server) in scope.blocks {
                let server = self.server(&scope.confs, server);
                take(Draft::Server(server), &self.failed);
            }
        }
        self.failed
    }

    fn server(&mut self, enclosing: &Confs, line: Line<'s>) -> DraftServer {
        let scope = self.nested(enclosing, Contexts::SERVER, line);
        let locations = self.locations(&scope, None, 1);
        // An `if` of a server sets nothing; what stands in it must be right all the same.
        self.conditionals(&scope);
        DraftServer { place: line.place(line.name), confs: scope.confs, locations }
    }

    /// The locations of a server or of a location.
    fn locations(&mut self, scope: &Scope<'s>, outer: Option<&Pattern>, depth: usize) -> Vec<DraftLocation> {
        let lines = scope.blocks.iter().filter(|(structure, _)| *structure == Structure::Location);
        lines.filter_map(|(_, line)| self.location(scope, *line, outer, depth)).collect()
    }

    fn location(
        &mut self,
        enclosing: &Scope<'s>,
        line: Line<'s>,
        outer: Option<&Pattern>,
        depth: usize,
    ) -> Option<DraftLocation> {
        if depth > LOCATION_DEPTH_MAX {
            let message = format!("locations nested more than {LOCATION_DEPTH_MAX} deep");
            self.session.report(Diagnostic::error(line.place(line.name), message));
            return None;
        }
        let pattern = self.pattern(&line, outer, enclosing.opened);
        let scope = self.nested(&enclosing.confs, Contexts::LOCATION, line);
        let inner = pattern.as_ref().or(outer);
        let locations = self.locations(&scope, inner, depth + 1);
        let except = self.except(&scope);
        let conditionals = self.conditionals(&scope);
        Some(DraftLocation {
            place: line.place(line.name),
            name: location_name(&line).into(),
            captures: self.captures(&line, pattern.as_ref()),
            pattern: pattern?,
            confs: scope.confs,
            locations,
            except,
            conditionals,
        })
    }

    fn pattern(&self, line: &Line<'s>, outer: Option<&Pattern>, opened: Option<Place>) -> Option<Pattern> {
        let (modifier, text) = match line.words {
            [text] => (None, text),
            [modifier, text] => (Some(modifier), text),
            _ => return None,
        };
        let pattern = Pattern::parse(modifier.map(|word| &*word.text), &text.text);
        let judged = pattern.and_then(|pattern| match outer {
            Some(outer) => outer.may_hold(&pattern).map(|()| pattern),
            None => Ok(pattern),
        });
        match judged {
            Ok(pattern) => {
                self.warn_of_unreachable(line, &pattern);
                Some(pattern)
            }
            Err(error) => {
                let finding = self.pattern_error(line, &error);
                let nested = !matches!(error, PatternError::Modifier(_) | PatternError::Regex(_));
                self.session.report(match opened.filter(|_| nested) {
                    Some(opened) => finding.related(opened, "it stands in this location"),
                    None => finding,
                });
                None
            }
        }
    }

    /// A path begins with a slash, so what does not is a forgotten `~` or slash; nginx says nothing.
    fn warn_of_unreachable(&self, line: &Line<'s>, pattern: &Pattern) {
        let (Pattern::Exact(path) | Pattern::Prefix(path) | Pattern::PrefixWithoutRegex(path)) = pattern else {
            return;
        };
        if path.is_empty() || path.starts_with('/') {
            return;
        }
        let meant = if path.contains(['\\', '$', '^', '*', '(']) { format!("~ {path}") } else { format!("/{path}") };
        let place = line.place(line.words.last().unwrap_or(line.name));
        let warning =
            Diagnostic::warning(place, format!("location \"{path}\" matches nothing, for paths begin with \"/\""));
        let warning = warning.lint(&lint::UNREACHABLE_LOCATION);
        self.session.report(warning.label(format!("did you mean `{meant}`?")));
    }

    /// Defines the named groups of a location's regular expression.
    fn captures(&self, line: &Line<'s>, pattern: Option<&Pattern>) -> Slots {
        let Some(Pattern::Regex(regex)) = pattern else { return Slots::default() };
        named_regex::slots(regex, self.session, line.words_from(0)).unwrap_or_else(|error| {
            self.session.report(error);
            Slots::default()
        })
    }

    fn pattern_error(&self, line: &Line<'s>, error: &PatternError) -> Diagnostic {
        let last = line.words.last().unwrap_or(line.name);
        match error {
            PatternError::Modifier(modifier) => {
                let message = format!("invalid location modifier \"{modifier}\"");
                Diagnostic::error(line.place(&line.words[0]), message).label("expected `=`, `^~`, `~` or `~*`")
            }
            PatternError::Regex(regex) => {
                let shift = last.text.len() - last.text.trim_start_matches(['~', '*']).len();
                let shift = if line.words.len() == 1 { shift } else { 0 };
                let place = match regex.position() {
                    Some(at) => self.session.sources.place_in_word(line.file, last, shift + at..shift + at + 1),
                    None => line.place(last),
                };
                Diagnostic::error(place, format!("invalid regular expression \"{}\"", last.text)).label(regex.reason())
            }
            PatternError::Outside { outer, .. } => Diagnostic::error(line.place(last), error.to_string())
                .label(format!("the paths that come here begin with `{outer}`")),
            _ => Diagnostic::error(line.place(last), error.to_string()),
        }
    }

    fn except(&mut self, scope: &Scope<'s>) -> Option<DraftExcept> {
        let (_, line) = scope.blocks.iter().find(|(structure, _)| *structure == Structure::LimitExcept)?;
        let methods = methods::parse(line, self.session);
        let inner = self.nested(&scope.confs, Contexts::LIMIT_EXCEPT, *line);
        Some(DraftExcept { methods: methods?, confs: inner.confs })
    }

    /// Reads the block of a line; it starts with the settings around it.
    fn nested(&mut self, enclosing: &Confs, context: Contexts, line: Line<'s>) -> Scope<'s> {
        let inherited = self.modules.iter().zip(enclosing).map(|(module, conf)| module.inherit(conf));
        let mut scope = Scope::new(context, Some(line.place(line.name)), inherited.collect());
        scope.location = (context == Contexts::LOCATION).then_some(line);
        if let Some(block) = line.block {
            self.block(&mut scope, line.file, block);
        }
        scope
    }

    fn block(&mut self, scope: &mut Scope<'s>, file: FileId, block: &'s Block) {
        let session = self.session;
        session.documents.each_line(file, block, &mut |line| self.line(scope, line));
    }

    /// Reads the block of an `if`: the steps of scripts at once, as a part of the block around it. What else
    /// stands in it waits until that block is known whole.
    fn conditional(&mut self, scope: &mut Scope<'s>, line: Line<'s>) {
        let context = if scope.context == Contexts::SERVER { Contexts::SERVER_IF } else { Contexts::LOCATION_IF };
        let confs = std::mem::take(&mut scope.confs);
        let mut inner = Scope::new(context, Some(line.place(line.name)), confs);
        inner.location = scope.location;
        inner.inside_if = Some(InsideIf { number: scope.conditionals.len(), others: Vec::new() });
        if let Some(block) = line.block {
            self.block(&mut inner, line.file, block);
        }
        scope.confs = inner.confs;
        let others = inner.inside_if.map(|inside| inside.others).unwrap_or_default();
        scope.conditionals.push(Conditional { context, line, others });
    }

    /// The settings of the `if` blocks of a block that has been read.
    fn conditionals(&mut self, enclosing: &Scope<'s>) -> Vec<Option<Confs>> {
        enclosing.conditionals.iter().map(|conditional| self.settings_of(conditional, enclosing)).collect()
    }

    fn settings_of(&mut self, conditional: &Conditional<'s>, enclosing: &Scope<'s>) -> Option<Confs> {
        if conditional.others.is_empty() {
            return None;
        }
        let modules = self.modules.iter().zip(&enclosing.confs);
        let inherited = modules.map(|(module, conf)| module.inherit_in_if(conf)).collect();
        let opened = conditional.line.place(conditional.line.name);
        let mut scope = Scope::new(conditional.context, Some(opened), inherited);
        scope.location = enclosing.location;
        for (line, number) in &conditional.others {
            let known = self.index.known(*number);
            let (entry, meaning) = (known.entry, known.meaning);
            self.apply(&mut scope, *line, *number, &entry, meaning);
        }
        Some(scope.confs)
    }

    /// Understands one directive.
    fn line(&mut self, scope: &mut Scope<'s>, line: Line<'s>) {
        let found = self.index.find(&line.name.text, scope.context);
        let number = match found {
            Found::Here(number) => number,
            Found::Elsewhere(possible) => {
                self.session.report(mistakes::misplaced(&line, scope.context, possible, scope.opened));
                return self.swallowed(scope, line);
            }
            Found::Nowhere => {
                self.session.report(mistakes::unknown(&line, scope.context, &self.index));
                return self.swallowed(scope, line);
            }
        };
        let known = self.index.known(number);
        let (entry, meaning) = (known.entry, known.meaning);
        if let Some(split) = semicolons::split(line, Some(&entry), scope.context, &self.index) {
            self.session.report(semicolons::missing(&split.first, self.session));
            if semicolons::fits(&entry, split.first.words.len(), false) {
                self.apply(scope, split.first, number, &entry, meaning);
            } else {
                self.fail(meaning);
            }
            return self.line(scope, split.rest);
        }
        let (min, max) = entry.word_count();
        if line.block.is_some() != entry.has_block() {
            self.fail(meaning);
            return self.session.report(mistakes::wrong_block(&line, &entry));
        }
        if !(min..=max).contains(&line.words.len()) {
            self.fail(meaning);
            return self.session.report(mistakes::wrong_count(&line, &entry));
        }
        self.apply(scope, line, number, &entry, meaning);
    }

    /// A directive that means nothing here may have swallowed others that do.
    fn swallowed(&mut self, scope: &mut Scope<'s>, line: Line<'s>) {
        if let Some(split) = semicolons::split(line, None, scope.context, &self.index) {
            self.line(scope, split.rest);
        }
    }

    /// Does what a well-formed directive says.
    fn apply(&mut self, scope: &mut Scope<'s>, line: Line<'s>, number: usize, entry: &Entry, meaning: Meaning) {
        if let Some(inside) = &mut scope.inside_if
            && let Meaning::Module { module, .. } = meaning
            && !self.modules[module].is_script()
        {
            return inside.others.push((line, number));
        }
        let place = line.place(line.name);
        let first = scope.seen.iter().find(|(seen, _)| *seen == number).map(|(_, place)| *place);
        match first {
            Some(first) if entry.repeat == Repeat::Once => {
                return self.session.report(mistakes::repeated(&line, first));
            }
            Some(_) => {}
            None => scope.seen.push((number, place)),
        }
        match meaning {
            Meaning::Module { module, line: index } => {
                let mut arguments = Arguments {
                    session: self.session,
                    line,
                    context: scope.context,
                    first_in_block: first.is_none(),
                    location: scope.location,
                    conditional: match entry.args {
                        Shape::Conditional { .. } => Some(scope.conditionals.len()),
                        _ => scope.inside_if.as_ref().map(|inside| inside.number),
                    },
                };
                if let Err(error) = self.modules[module].set(index, &mut scope.confs[module], &mut arguments) {
                    self.failed[module] = true;
                    self.session.report(error);
                }
                if matches!(entry.args, Shape::Conditional { .. }) {
                    self.conditional(scope, line);
                }
            }
            Meaning::Structure(Structure::Include) => {
                // Reached only where a missing semicolon had hidden it; else it was expanded already.
                let session = self.session;
                for file in session.documents.included(line.file, line.name).unwrap_or_default() {
                    session.documents.each_line_of_file(*file, &mut |line| self.line(scope, line));
                }
            }
            Meaning::Structure(Structure::Events) => self.events(scope, line),
            Meaning::Structure(structure) => scope.blocks.push((structure, line)),
        }
    }

    /// `events { }` sets what belongs to the main context.
    fn events(&mut self, main: &mut Scope<'s>, line: Line<'s>) {
        let confs = std::mem::take(&mut main.confs);
        let mut events = Scope::new(Contexts::EVENTS, Some(line.place(line.name)), confs);
        if let Some(block) = line.block {
            self.block(&mut events, line.file, block);
        }
        main.confs = events.confs;
    }

    fn fail(&mut self, meaning: Meaning) {
        if let Meaning::Module { module, .. } = meaning {
            self.failed[module] = true;
        }
    }
}

impl Scope<'_> {
    fn new(context: Contexts, opened: Option<Place>, confs: Confs) -> Self {
        Self {
            context,
            opened,
            location: None,
            confs,
            seen: Vec::new(),
            blocks: Vec::new(),
            conditionals: Vec::new(),
            inside_if: None,
        }
    }
}

/// How a location is called everywhere: `/x`, `= /x`, `~* x`, `@x`.
pub(super) fn location_name(line: &Line<'_>) -> String {
    match line.words {
        [modifier, text] => format!("{} {}", modifier.text, text.text),
        [text] => {
            let text = &*text.text;
            let glued = ["=", "^~", "~*", "~"].into_iter().find_map(|modifier| {
                let pattern = text.strip_prefix(modifier)?;
                Some(format!("{modifier} {pattern}"))
            });
            glued.unwrap_or_else(|| text.to_owned())
        }
        _ => String::new(),
    }
}

/// nginx has no limit; each level costs stack when it is read and when a request is routed.
const LOCATION_DEPTH_MAX: usize = 32;

//! Locations by path: nginx's `location`.
//!
//! `config` builds a [`LocationTree`] for each server, bottom up; a request's normalised path is looked up in it. The
//! choice is nginx's. In one level of nesting: an exact location wins at once; else the longest prefix is kept, and
//! the locations nested in it are searched in the same way; unless an exact location or a regular expression was found
//! there, or the prefix forbids it (`^~`), the level's own regular expressions are tried in order, and the first that
//! matches wins, or a location nested in it. A prefix that is kept and beaten by nothing wins.
//! Does not normalise paths, and does not know what a location does.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use thiserror::Error;

use super::prefixes::{PrefixTree, Walk};
use crate::base::regex::{Captures, MatchError, Regex, RegexError};

/// What a location matches.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// `= /x`: this path alone.
    Exact(String),
    /// `/x`: every path that begins with it.
    Prefix(String),
    /// `^~ /x`: the same, and regular expressions beside it are not tried.
    PrefixWithoutRegex(String),
    /// `~ x` or `~* x`: every path the expression matches.
    Regex(Regex),
    /// `@x`, with its `@`: no path; internal redirects name it.
    Named(String),
}

/// Why the arguments of `location` are no pattern, or may not stand where they do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// The first of two arguments is none of nginx's modifiers.
    #[error("invalid location modifier \"{0}\", use =, ^~, ~ or ~*")]
    Modifier(String),
    /// The regular expression does not compile.
    #[error(transparent)]
    Regex(#[from] RegexError),
    /// Nothing can be nested in an exact location.
    #[error("location \"{inner}\" cannot be inside the exact location \"{outer}\"")]
    InsideExact {
        /// The nested location.
        inner: String,
        /// The one around it.
        outer: String,
    },
    /// Nothing can be nested in a named location.
    #[error("location \"{inner}\" cannot be inside the named location \"{outer}\"")]
    InsideNamed {
        /// The nested location.
        inner: String,
        /// The one around it.
        outer: String,
    },
    /// A named location cannot be nested.
    #[error("named location \"{0}\" can be on the server level only")]
    NamedInside(String),
    /// A path that the location around it never lets through.
    #[error("location \"{inner}\" is outside location \"{outer}\"")]
    Outside {
        /// The nested location.
        inner: String,
        /// The one around it.
        outer: String,
    },
}

/// A location that an earlier one of the same level is the same as; an error in nginx.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("duplicate location \"{pattern}\"")]
pub struct Conflict {
    /// The later location.
    pub pattern: String,
}

/// A location to be inserted.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// What it leads to.
    pub value: T,
    /// For a location that proxies and ends with a slash: the path without the slash is redirected to it.
    pub auto_redirect: bool,
    /// The locations within it.
    pub nested: LocationTree<T>,
}

/// Normalised path to `T`, for one level of nesting and all below it.
#[derive(Clone, Debug)]
pub struct LocationTree<T> {
    locations: Vec<Location<T>>,
    prefixes: PrefixTree,
    regexes: Vec<(Regex, usize)>,
    named: HashMap<Box<str>, usize, RandomState>,
}

#[derive(Clone, Debug)]
struct Location<T> {
    value: T,
    tries_regexes: bool,
    auto_redirect: bool,
    /// None where there are none, which is almost everywhere.
    nested: Option<Box<LocationTree<T>>>,
}

/// Collects the locations of one level for a [`LocationTree`].
#[derive(Clone, Debug)]
pub struct LocationTreeBuilder<T> {
    tree: LocationTree<T>,
}

/// What a path leads to.
#[derive(Debug)]
pub enum Outcome<'t, T> {
    /// A location.
    Found(Found<'t, T>),
    /// The path is to be redirected to itself with a slash at its end, where this location is.
    Redirect(&'t T),
    /// No location; the server itself answers.
    None,
}

/// A location, and the regular expressions on the way to it.
#[derive(Debug)]
pub struct Found<'t, T> {
    /// What was inserted with the location.
    pub value: &'t T,
    /// Every regular expression that matched, the outermost first: with nesting there can be several. Named groups of
    /// all of them are set; numbered ones are those of the last.
    pub matched: Vec<Matched<'t, T>>,
}

/// A location whose regular expression matched.
#[derive(Debug)]
pub struct Matched<'t, T> {
    /// What was inserted with the location.
    pub value: &'t T,
    /// The groups, in the path.
    pub captures: Captures,
}

impl Pattern {
    /// Reads the arguments of `location`: one (`/x`, `=/x`, `~x`, `@x`) or a modifier and one more.
    ///
    /// # Errors
    /// The modifier is unknown or the regular expression wrong.
    pub fn parse(modifier: Option<&str>, text: &str) -> Result<Pattern, PatternError> {
        let (modifier, text) = match modifier {
            Some(modifier) => (modifier, text),
            None => split_modifier(text),
        };
        let own = text.to_owned();
        Ok(match modifier {
            "=" => Pattern::Exact(own),
            "^~" => Pattern::PrefixWithoutRegex(own),
            "~" => Pattern::Regex(Regex::new(text, false)?),
            "~*" => Pattern::Regex(Regex::new(text, true)?),
            "@" => Pattern::Named(own),
            "" => Pattern::Prefix(own),
            _ => return Err(PatternError::Modifier(modifier.to_owned())),
        })
    }

    /// The path, regular expression or name, without a modifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::PrefixWithoutRegex(text) | Pattern::Named(text) => {
                text
            }
            Pattern::Regex(regex) => regex.pattern(),
        }
    }

    /// Whether `inner` may stand within this location, as nginx checks it.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn may_hold(&self, inner: &Pattern) -> Result<(), PatternError> {
        let names = || (inner.as_str().to_owned(), self.as_str().to_owned());
        match (self, inner) {
            (Pattern::Exact(_), _) => {
                let (inner, outer) = names();
                Err(PatternError::InsideExact { inner, outer })
            }
            (Pattern::Named(_), _) => {
                let (inner, outer) = names();
                Err(PatternError::InsideNamed { inner, outer })
            }
            (_, Pattern::Named(name)) => Err(PatternError::NamedInside(name.clone())),
            (_, Pattern::Regex(_)) => Ok(()),
            // In a regular expression this asks for its very text, so only another one fits: nginx's check.
            _ if inner.as_str().starts_with(self.as_str()) => Ok(()),
            _ => {
                let (inner, outer) = names();
                Err(PatternError::Outside { inner, outer })
            }
        }
    }
}

impl<T> Entry<T> {
    /// A location with nothing nested that redirects nothing.
    pub fn new(value: T) -> Self {
        Entry { value, auto_redirect: false, nested: LocationTree::default() }
    }
}

impl<T> LocationTreeBuilder<T> {
    /// No locations yet.
    #[must_use]
    pub fn new() -> Self {
        LocationTreeBuilder { tree: LocationTree::default() }
    }

    /// Adds a location; regular expressions are tried in the order of their insertion.
    ///
    /// # Errors
    /// An earlier location of this level is the same; regular expressions never are. Nothing is added then;
    /// [`LocationTreeBuilder::position`] tells which it is.
    pub fn insert(&mut self, pattern: Pattern, entry: Entry<T>) -> Result<(), Conflict> {
        if self.position(&pattern).is_some() {
            return Err(Conflict { pattern: pattern.as_str().to_owned() });
        }
        let tree = &mut self.tree;
        let index = tree.locations.len();
        tree.locations.push(Location {
            value: entry.value,
            tries_regexes: !matches!(pattern, Pattern::PrefixWithoutRegex(_)),
            auto_redirect: entry.auto_redirect,
            nested: (!entry.nested.is_empty()).then(|| Box::new(entry.nested)),
        });
        match pattern {
            Pattern::Exact(path) => tree.prefixes.insert(path.as_bytes()).exact = Some(index),
            Pattern::Prefix(path) | Pattern::PrefixWithoutRegex(path) => {
                tree.prefixes.insert(path.as_bytes()).prefix = Some(index);
            }
            Pattern::Regex(regex) => tree.regexes.push((regex, index)),
            Pattern::Named(name) => {
                tree.named.insert(name.into(), index);
            }
        }
        Ok(())
    }

    /// Which of those inserted, counted from 0, stands in the way of this one.
    #[must_use]
    pub fn position(&self, pattern: &Pattern) -> Option<usize> {
        let tree = &self.tree;
        match pattern {
            Pattern::Exact(path) => tree.prefixes.get(path.as_bytes())?.exact,
            Pattern::Prefix(path) | Pattern::PrefixWithoutRegex(path) => tree.prefixes.get(path.as_bytes())?.prefix,
            Pattern::Regex(_) => None,
            Pattern::Named(name) => tree.named.get(&**name).copied(),
        }
    }

    /// The finished tree.
    #[must_use]
    pub fn build(self) -> LocationTree<T> {
        let mut tree = self.tree;
        // Of ten thousand servers each would else keep room for locations that never come.
        tree.locations.shrink_to_fit();
        tree.regexes.shrink_to_fit();
        tree.prefixes.shrink_to_fit();
        tree
    }
}

impl<T> Default for LocationTreeBuilder<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// How the search of a level ended.
enum Step<'t, T> {
    /// With an exact location or a regular expression: nothing beats it.
    Final,
    /// With a path that only lacks its slash.
    Redirect(&'t T),
    /// With a prefix or nothing: the regular expressions of the level around it may still win.
    Open,
}

/// The best location so far.
struct Search<'t, T> {
    best: Option<&'t T>,
    matched: Vec<Matched<'t, T>>,
}

impl<T> LocationTree<T> {
    /// Whether it holds no location.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.locations.is_empty()
    }

    /// The location for a normalised path. Costs one walk along the path for each level of nesting, however many
    /// locations there are, and the regular expressions that are tried.
    ///
    /// # Errors
    /// A regular expression did not come to an end; nginx answers 500.
    pub fn find(&self, path: &[u8]) -> Result<Outcome<'_, T>, MatchError> {
        let mut search = Search { best: None, matched: Vec::new() };
        if let Step::Redirect(value) = self.search(path, &mut search)? {
            return Ok(Outcome::Redirect(value));
        }
        Ok(match search.best {
            Some(value) => Outcome::Found(Found { value, matched: search.matched }),
            None => Outcome::None,
        })
    }

    /// The location with this name, which begins with `@`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&T> {
        let index = *self.named.get(name)?;
        Some(&self.locations[index].value)
    }

    /// Every location of this level, in the order of insertion; the levels below are within them.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.locations.iter().map(|location| &location.value)
    }

    /// Searches this level and those below. The depth of the calls is that of the blocks in the configuration.
    fn search<'t>(&'t self, path: &[u8], search: &mut Search<'t, T>) -> Result<Step<'t, T>, MatchError> {
        let redirects = |index: usize| self.locations[index].auto_redirect;
        let mut tries_regexes = true;
        match self.prefixes.walk(path, redirects) {
            Walk::Exact(index) => {
                search.best = Some(&self.locations[index].value);
                return Ok(Step::Final);
            }
            Walk::LacksSlash(index) => {
                return Ok(Step::Redirect(&self.locations[index].value));
            }
            Walk::Prefix(index) => {
                let location = &self.locations[index];
                search.best = Some(&location.value);
                tries_regexes = location.tries_regexes;
                match location.search_nested(path, search)? {
                    Step::Open => {}
                    step => return Ok(step),
                }
            }
            Walk::Nothing => {}
        }
        if !tries_regexes {
            return Ok(Step::Open);
        }
        for (regex, index) in &self.regexes {
            let Some(captures) = regex.captures(path)? else {
                continue;
            };
            let location = &self.locations[*index];
            let value = &location.value;
            search.best = Some(value);
            search.matched.push(Matched { value, captures });
            // A location nested here that would redirect is simply the one found: so nginx does.
            if let Step::Redirect(value) = location.search_nested(path, search)? {
                search.best = Some(value);
            }
            return Ok(Step::Final);
        }
        Ok(Step::Open)
    }
}

impl<T> Location<T> {
    fn search_nested<'t>(&'t self, path: &[u8], search: &mut Search<'t, T>) -> Result<Step<'t, T>, MatchError> {
        match &self.nested {
            Some(nested) => nested.search(path, search),
            None => Ok(Step::Open),
        }
    }
}

impl<T> Default for LocationTree<T> {
    fn default() -> Self {
        LocationTree {
            locations: Vec::new(),
            prefixes: PrefixTree::default(),
            regexes: Vec::new(),
            named: HashMap::default(),
        }
    }
}

/// Modifier and pattern written as one word; `@` stays, for it is part of the name.
fn split_modifier(text: &str) -> (&str, &str) {
    for modifier in ["=", "^~", "~*", "~"] {
        if let Some(pattern) = text.strip_prefix(modifier) {
            return (modifier, pattern);
        }
    }
    if text.starts_with('@') {
        return ("@", text);
    }
    ("", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Builder = LocationTreeBuilder<&'static str>;

    /// Adds a location written as in a configuration, leading to its own text.
    fn add(builder: &mut Builder, text: &'static str, nested: LocationTree<&'static str>) {
        let (modifier, path) = match text.split_once(' ') {
            Some((modifier, path)) => (Some(modifier), path),
            None => (None, text),
        };
        let entry = Entry { nested, ..Entry::new(text) };
        builder.insert(Pattern::parse(modifier, path).unwrap(), entry).unwrap();
    }

    fn tree(locations: &[&'static str]) -> LocationTree<&'static str> {
        tree_with(locations, &[])
    }

    /// Locations, and after them those that hold others.
    fn tree_with(
        locations: &[&'static str],
        holders: &[(&'static str, &LocationTree<&'static str>)],
    ) -> LocationTree<&'static str> {
        let mut builder = Builder::new();
        for text in locations {
            add(&mut builder, text, LocationTree::default());
        }
        for (text, nested) in holders {
            add(&mut builder, text, (*nested).clone());
        }
        builder.build()
    }

    #[track_caller]
    fn check(tree: &LocationTree<&'static str>, expected: &[(&str, &str)]) {
        for (path, location) in expected {
            let found = match tree.find(path.as_bytes()).unwrap() {
                Outcome::Found(found) => found.value,
                Outcome::Redirect(_) => "redirect",
                Outcome::None => "none",
            };
            assert_eq!(found, *location, "{path}");
        }
    }

    #[test]
    fn the_example_of_the_manual_holds() {
        let locations = ["= /", "/", "/documents/", "^~ /images/", r"~* \.(gif|jpg|jpeg)$"];
        check(
            &tree(&locations),
            &[
                ("/", "= /"),
                ("/index.html", "/"),
                ("/documents/document.html", "/documents/"),
                ("/images/1.gif", "^~ /images/"),
                ("/documents/1.JPG", r"~* \.(gif|jpg|jpeg)$"),
            ],
        );
    }

    #[test]
    fn an_exact_location_beats_everything_for_its_path_alone() {
        check(&tree(&["= /a", "/a", "~ a"]), &[("/a", "= /a"), ("/ab", "~ a"), ("/b", "none")]);
    }

    #[test]
    fn regular_expressions_are_tried_in_order() {
        check(
            &tree(&["/", r"~ \.php$", "~ ^/x", "~* ^/Y"]),
            &[("/x.php", r"~ \.php$"), ("/x", "~ ^/x"), ("/y", "~* ^/Y"), ("/z", "/")],
        );
    }

    #[test]
    fn only_the_longest_prefix_can_keep_regular_expressions_away() {
        check(&tree(&["^~ /a/", "/a/b/", "~ x$"]), &[("/a/x", "^~ /a/"), ("/a/b/x", "~ x$"), ("/a/b/", "/a/b/")]);
    }

    #[test]
    fn nested_locations_come_before_the_regular_expressions_around_them() {
        let inner = tree(&["/a/b", r"~ \.php$", "= /a/exact"]);
        let outer = tree_with(&["~ ^/a", "/"], &[("/a/", &inner)]);
        check(&outer, &[("/a/x.php", r"~ \.php$"), ("/a/exact", "= /a/exact"), ("/a/b", "~ ^/a"), ("/c", "/")]);
    }

    #[test]
    fn each_level_keeps_away_its_own_regular_expressions_only() {
        let inner = tree(&["^~ /a/b/", "~ inner$"]);
        let open = tree_with(&["~ inner$|outer$"], &[("/a/", &inner)]);
        check(&open, &[("/a/b/outer", "~ inner$|outer$"), ("/a/b/inner", "~ inner$|outer$")]);
        let closed = tree_with(&["~ outer$"], &[("^~ /a/", &inner)]);
        check(&closed, &[("/a/b/outer", "^~ /a/b/"), ("/a/inner", "~ inner$")]);
    }

    #[test]
    fn locations_nested_in_a_regular_expression_give_all_groups() {
        let inner = tree(&[r"~ \.(?<kind>\w+)$"]);
        let outer = tree_with(&[], &[("~ ^/(?<user>[^/]+)/", &inner)]);
        let Outcome::Found(found) = outer.find(b"/anna/a.png").unwrap() else {
            panic!("nothing found");
        };
        assert_eq!(*found.value, r"~ \.(?<kind>\w+)$");
        let groups: Vec<_> = found.matched.iter().map(|matched| matched.captures.get(1)).collect();
        assert_eq!(groups, [Some(1..5), Some(8..11)]);
        check(&outer, &[("/anna/", "~ ^/(?<user>[^/]+)/")]);
    }

    /// A tree where `location /user/` proxies.
    fn proxying(others: &[&'static str]) -> LocationTree<&'static str> {
        let mut builder = Builder::new();
        let entry = Entry { auto_redirect: true, ..Entry::new("/user/") };
        builder.insert(Pattern::Prefix("/user/".to_owned()), entry).unwrap();
        for text in others {
            add(&mut builder, text, LocationTree::default());
        }
        builder.build()
    }

    #[test]
    fn a_proxying_location_redirects_the_path_without_its_slash() {
        let redirecting = proxying(&["/", "~ user"]);
        check(&redirecting, &[("/user", "redirect"), ("/user/", "~ user"), ("/use", "/")]);
        check(&proxying(&["= /user"]), &[("/user", "= /user")]);
        check(&proxying(&["/user"]), &[("/user", "/user"), ("/userx", "/user")]);
        check(&proxying(&["= /user/"]), &[("/user", "redirect"), ("/user/", "= /user/")]);
    }

    #[test]
    fn a_redirect_is_found_in_nested_locations_but_not_below_a_regular_expression() {
        check(&tree_with(&["~ u"], &[("/", &proxying(&[]))]), &[("/user", "redirect")]);
        check(&tree_with(&[], &[("~ u", &proxying(&[]))]), &[("/user", "/user/")]);
    }

    #[test]
    fn named_locations_are_found_by_name_alone() {
        let tree = tree(&["@fallback"]);
        assert_eq!(tree.named("@fallback"), Some(&"@fallback"));
        assert_eq!(tree.named("fallback"), None);
        check(&tree, &[("@fallback", "none")]);
    }

    #[test]
    fn a_location_may_stand_once_in_a_level() {
        for (first, second) in [("/a", "/a"), ("/a", "^~/a"), ("=/a", "=/a"), ("@a", "@a")] {
            let mut builder = LocationTreeBuilder::new();
            builder.insert(Pattern::parse(None, first).unwrap(), Entry::new(1)).unwrap();
            let again = Pattern::parse(None, second).unwrap();
            assert_eq!(builder.position(&again), Some(0));
            let conflict = builder.insert(again, Entry::new(2)).unwrap_err();
            let path = second.trim_start_matches(['=', '^', '~']);
            assert_eq!(conflict.to_string(), format!("duplicate location \"{path}\""));
        }
        tree(&["/a", "= /a", "~ /a", "~ /a", "/a/"]);
    }

    #[test]
    fn a_modifier_may_be_written_apart_or_together() {
        let kinds = |modifier: Option<&str>, text: &str| match Pattern::parse(modifier, text).unwrap() {
            Pattern::Exact(path) => format!("exact {path}"),
            Pattern::Prefix(path) => format!("prefix {path}"),
            Pattern::PrefixWithoutRegex(path) => format!("prefix without regex {path}"),
            Pattern::Regex(regex) => format!("{regex:?}"),
            Pattern::Named(name) => format!("named {name}"),
        };
        for (modifier, text) in [("=", "/x"), ("^~", "/x"), ("~", "x"), ("~*", "x")] {
            assert_eq!(kinds(Some(modifier), text), kinds(None, &format!("{modifier}{text}")));
        }
        assert_eq!(kinds(None, "/x"), "prefix /x");
        assert_eq!(kinds(None, "@x"), "named @x");
        let error = Pattern::parse(Some("=~"), "/x").unwrap_err().to_string();
        assert_eq!(error, "invalid location modifier \"=~\", use =, ^~, ~ or ~*");
        assert!(matches!(Pattern::parse(None, "~("), Err(PatternError::Regex(_))));
    }

    #[test]
    fn what_may_be_nested_is_what_nginx_lets() {
        let verdict = |outer, inner| {
            let outer = Pattern::parse(None, outer).unwrap();
            let inner = Pattern::parse(None, inner).unwrap();
            outer.may_hold(&inner).err().map(|error| error.to_string())
        };
        assert_eq!(verdict("/a", "/a/b"), None);
        assert_eq!(verdict("^~/a", "=/ab"), None);
        assert_eq!(verdict("/a", "~b"), None);
        assert_eq!(verdict("~a", "~b"), None);
        for (outer, inner, message) in [
            ("/a/", "/a", "location \"/a\" is outside location \"/a/\""),
            ("~a", "/a", "location \"/a\" is outside location \"a\""),
            ("=/a", "/ab", "location \"/ab\" cannot be inside the exact location \"/a\""),
            ("@a", "/b", "location \"/b\" cannot be inside the named location \"@a\""),
            ("/a", "@b", "named location \"@b\" can be on the server level only"),
        ] {
            assert_eq!(verdict(outer, inner).as_deref(), Some(message));
        }
    }
}

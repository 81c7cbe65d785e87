//! What a configuration has, as far as a reload tells what changed: servers, their locations, zones, the rest.
//!
//! Made from the lines as they were written, what is included in its place, so that a change of layout, of comments or
//! of which file a line stands in is none. It keeps names and hashes, not the lines.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::{FixedState, FoldHasher};

use super::diagnostics::FileId;
use super::engine::location_name;
use super::includes::Documents;
use super::lines::Line;
use crate::base::pace;

/// What a configuration has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    servers: BTreeMap<Box<str>, Server>,
    /// Everything outside of servers.
    rest: u64,
    /// Zones by name, with their sizes in bytes.
    pub(super) zones: BTreeMap<Box<str>, u64>,
}

/// A virtual server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Server {
    /// What stands in it but locations.
    rest: u64,
    /// Its locations by name, in the order of their names, with what stands in them.
    locations: Vec<(Box<str>, u64)>,
}

/// What differs between two configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind of thing: `server`, `location`, `zone`, or what it is.
    pub kind: &'static str,
    /// Its name; for a location with its server's.
    pub name: Box<str>,
    /// What happened to it.
    pub change: Change,
}

/// What happened to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Something in it is another.
    Changed,
}

impl Inventory {
    /// Of what these texts say, read in this order.
    pub(super) fn of(documents: &Documents, texts: &[FileId]) -> Self {
        let mut inventory = Self::default();
        let mut rest = hasher();
        for file in texts {
            documents.each_line_of_file(*file, &mut |line| match (&*line.name.text, line.block) {
                ("http", Some(block)) => documents.each_line(line.file, block, &mut |line| match &*line.name.text {
                    "server" => inventory.add_server(documents, line),
                    _ => write_line(documents, line, &mut rest),
                }),
                _ => write_line(documents, line, &mut rest),
            });
        }
        inventory.rest = rest.finish();
        inventory
    }

    fn add_server(&mut self, documents: &Documents, server: Line<'_>) {
        let Some(block) = server.block else { return };
        let mut listen = None;
        let mut name = None;
        let mut locations = Vec::new();
        let mut rest = hasher();
        documents.each_line(server.file, block, &mut |line| match (&*line.name.text, line.words) {
            ("location", _) => {
                let mut inside = hasher();
                write_line(documents, line, &mut inside);
                locations.push((Box::from(location_name(&line)), inside.finish()));
            }
            (directive, words) => {
                match (directive, words) {
                    ("listen", [address, ..]) if listen.is_none() => listen = Some(address.text.to_string()),
                    ("server_name", [first, ..]) if name.is_none() => name = Some(first.text.to_string()),
                    _ => {}
                }
                write_line(documents, line, &mut rest);
            }
        });
        locations.sort();
        let title = self.title(name.unwrap_or_default(), listen);
        self.servers.insert(title, Server { rest: rest.finish(), locations });
    }

    /// `example.org`; with its first address where there is no name, or another server has it; then with a number.
    fn title(&self, name: String, listen: Option<String>) -> Box<str> {
        let address = listen.map(|address| format!(" on {address}")).unwrap_or_default();
        let name = if name.is_empty() { format!("\"\"{address}") } else { name };
        let long = if name.ends_with(&address) { name.clone() } else { format!("{name}{address}") };
        let numbered = (2..).map(|number| format!("{long} ({number})"));
        let mut titles = [name, long.clone()].into_iter().chain(numbered);
        titles.find(|title| !self.servers.contains_key(&**title)).unwrap_or(long).into()
    }

    /// What became different from `self` to `new`: servers and their locations, zones, what else there is.
    pub fn differences(&self, new: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        if self.rest != new.rest {
            found.push(Difference::new("directives outside of servers", "", Change::Changed));
        }
        compare(&self.servers, &new.servers, |name, before, after| {
            match (before, after) {
                (None, _) => found.push(Difference::new("server", name, Change::Added)),
                (_, None) => found.push(Difference::new("server", name, Change::Removed)),
                (Some(before), Some(after)) => before.differences(after, name, &mut found),
            };
        });
        compare(&self.zones, &new.zones, |name, before, after| {
            found.push(Difference::new("zone", name, change_of(before, after)));
        });
        found
    }

    /// Gives everything back, at the pace of the thread.
    pub fn take_apart(self) {
        self.servers.into_values().for_each(|server| {
            drop(server);
            pace::breathe();
        });
    }

    /// How many servers there are.
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// How many locations all servers have, those in others not counted.
    pub fn locations(&self) -> usize {
        self.servers.values().map(|server| server.locations.len()).sum()
    }
}

impl Server {
    fn differences(&self, new: &Self, server: &str, found: &mut Vec<Difference>) {
        if self.rest != new.rest {
            found.push(Difference::new("server", server, Change::Changed));
        }
        let by_name = |server: &Self| server.locations.iter().cloned().collect::<BTreeMap<_, _>>();
        compare(&by_name(self), &by_name(new), |name, before, after| {
            let name = format!("{name} of server {server}");
            found.push(Difference::new("location", &name, change_of(before, after)));
        });
    }
}

impl Difference {
    fn new(kind: &'static str, name: &str, change: Change) -> Self {
        Self { kind, name: name.into(), change }
    }
}

/// Calls for each name whose values differ, in the order of the names.
fn compare<V: PartialEq>(
    before: &BTreeMap<Box<str>, V>,
    after: &BTreeMap<Box<str>, V>,
    mut differs: impl FnMut(&str, Option<&V>, Option<&V>),
) {
    for (name, value) in before {
        pace::breathe();
        let now = after.get(name);
        if now != Some(value) {
            differs(name, Some(value), now);
        }
    }
    for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        pace::breathe();
        differs(name, None, Some(value));
    }
}

fn change_of<V>(before: Option<V>, after: Option<V>) -> Change {
    match (before, after) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::Changed,
    }
}

/// The same in every process, so that nothing but the lines decides.
fn hasher() -> FoldHasher<'static> {
    FixedState::with_seed(0).build_hasher()
}

/// A line with all that stands in its block.
fn write_line(documents: &Documents, line: Line<'_>, hasher: &mut FoldHasher<'_>) {
    for word in std::iter::once(line.name).chain(line.words) {
        hasher.write(word.text.as_bytes());
        hasher.write_u8(0);
    }
    if let Some(block) = line.block {
        hasher.write_u8(b'{');
        documents.each_line(line.file, block, &mut |line| write_line(documents, line, hasher));
        hasher.write_u8(b'}');
    }
    hasher.write_u8(b';');
}

#[cfg(test)]
mod tests {
    use super::super::includes::Reader;
    use super::*;

    fn inventory(text: &str) -> Inventory {
        let mut reader = Reader::new(std::path::Path::new("/"));
        let file = reader.text("test", text);
        Inventory::of(&reader.finish().documents, &[file])
    }

    /// `+server a`, `-location / of server a`, `~zone one`.
    fn differences(before: &str, after: &str) -> Vec<String> {
        let http = |servers: &str| inventory(&format!("events {{}} http {{ {servers} }}"));
        let found = http(before).differences(&http(after));
        let sign = |change| match change {
            Change::Added => '+',
            Change::Removed => '-',
            Change::Changed => '~',
        };
        found.iter().map(|found| format!("{}{} {}", sign(found.change), found.kind, found.name)).collect()
    }

    #[test]
    fn layout_and_comments_are_no_difference() {
        let before = "server { listen 80; location /a { return 200 'x'; } }";
        let after = "# moved\nserver {\n  listen   80;\n  location /a {\n return 200 \"x\"; }\n}";
        assert_eq!(differences(before, after), Vec::<String>::new());
    }

    #[test]
    fn servers_come_and_go() {
        let a = "server { listen 80; server_name a.test; }";
        let b = "server { listen 80; server_name b.test; }";
        assert_eq!(differences(a, b), ["-server a.test", "+server b.test"]);
    }

    #[test]
    fn a_changed_location_is_told_with_its_server() {
        let before = "server { server_name a; location = /x { return 200; } location /y { } location /same { } }";
        let after = "server { server_name a; location = /x { return 204; } location /z { } location /same { } }";
        let expected = ["-location /y of server a", "~location = /x of server a", "+location /z of server a"];
        assert_eq!(differences(before, after), expected);
    }

    #[test]
    fn a_directive_of_a_server_changes_the_server_and_one_outside_everything() {
        let before = "server { server_name a; root /x; }";
        assert_eq!(differences(before, "server { server_name a; root /y; }"), ["~server a"]);
        assert_eq!(differences(before, "etag off; server { server_name a; root /x; }").len(), 1);
    }

    #[test]
    fn servers_that_are_called_the_same_are_told_apart() {
        let one = "server { server_name a; } ";
        assert_eq!(differences(one, &one.repeat(2)), ["+server a (2)"]);
        let other = "server { server_name a; listen 81; }";
        assert_eq!(differences(one, &format!("{one}{other}")), ["+server a on 81"]);
        assert_eq!(differences("", "server { listen 80; }"), ["+server \"\" on 80"]);
    }
}

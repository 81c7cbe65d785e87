//! Variables by the client's address: `geo`.
//!
//! Reads the block into a table of networks, or of ranges (`ranges`), which is the variable's definition (`lookup`).
//! Reads no data base of others, and does not write the binary files that nginx makes of large ones.

mod lookup;
mod ranges;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use self::lookup::{Block, Table};
use self::ranges::RangesBuilder;
use crate::base::networks::Networks;
use crate::base::suggest::nearest;
use crate::config::arguments::Arguments;
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::forwarded::Trusted;
use crate::exchange::template::Template;

/// The module.
#[derive(Debug)]
pub struct Geo;

impl Module for Geo {
    type Conf = ();

    const NAME: &'static str = "geo";

    const DIRECTIVES: &'static [Directive<()>] = &[Directive {
        name: "geo",
        contexts: Contexts::HTTP,
        args: Shape::Block { min: 1, max: 2, names: "[$ADDRESS] $VARIABLE { NETWORK VALUE; ... }" },
        repeat: Repeat::Many,
        set: |(), arguments| set_geo(arguments),
        default: "",
        doc: "Defines a variable by the client's address, or by the one in the variable ADDRESS. It has the VALUE of the \
              longest NETWORK with the address (`10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`), else that of `default`, else \
              it is empty. What is no address counts as 255.255.255.255, and so does a client of a Unix domain socket. \
              `delete NETWORK;` takes away a network that came before. `include FILE;` reads lines from a file. \
              `proxy NETWORK;` trusts the proxies of a network: the last address of their field X-Forwarded-For is taken, \
              or with `proxy_recursive;` the last one that is not trusted itself. With `ranges;` before all others, lines \
              are `FIRST-LAST VALUE;` with IPv4 addresses; a range may lie within one that came before it. `volatile;` \
              has the value looked up each time it is read. VALUE stands as it is.",
        example: "geo $place { default away; 192.168.0.0/16 home; ::1 here; }",
        origin: Origin::Nginx,
    }];
}

fn set_geo(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    // First, so that a block that is wrong does not make the variable unknown.
    let variable = arguments.new_variable(arguments.len().saturating_sub(1))?;
    let source = match arguments.len() {
        2 => arguments.variable(0).map(Some),
        _ => Ok(None),
    };
    let source = source.map_err(|error| arguments.warn(error));
    let mut reader = Reader::default();
    arguments.each_entry(|entry| reader.entry(entry))?;
    if let Ok(source) = source {
        let volatile = reader.volatile;
        arguments.compute_by(variable, Box::new(reader.finish(source)), volatile);
    }
    Ok(())
}

/// Collects the lines of a block.
#[derive(Default)]
struct Reader<'a> {
    volatile: bool,
    recursive: bool,
    proxies: Vec<Trusted>,
    networks: Networks<u32>,
    /// Where the first line about a network stands.
    first_network: Option<Place>,
    /// What the lines are about once `ranges` was said.
    ranges: Option<ValuedRanges>,
    values: Vec<Bytes>,
    /// The numbers of values that came before: many networks often have few.
    known: HashMap<&'a str, u32>,
}

/// The lines of a block with `ranges`.
#[derive(Default)]
struct ValuedRanges {
    ranges: RangesBuilder<u32>,
    default: Option<u32>,
}

impl<'a> Reader<'a> {
    fn entry(&mut self, entry: &Arguments<'a>) -> Result<(), Diagnostic> {
        match (entry.name(), entry.len()) {
            ("ranges", 0) => return self.begin_ranges(entry),
            ("proxy_recursive", 0) => self.recursive = true,
            ("volatile", 0) => self.volatile = true,
            ("proxy", 1) => self.proxies.push(Trusted::Net(network(entry, entry.word(0), entry.place(0))?)),
            (_, 1) if self.ranges.is_some() => return self.range(entry),
            (_, 1) => return self.network(entry),
            _ => return Err(wrong_count(entry)),
        }
        Ok(())
    }

    fn begin_ranges(&mut self, entry: &Arguments<'_>) -> Result<(), Diagnostic> {
        if let Some(first) = self.first_network {
            let message = "the \"ranges\" directive must be the first directive inside \"geo\" block";
            let error = Diagnostic::error(entry.place_of_name(), message);
            return Err(error.related(first, "this line is about a network"));
        }
        self.ranges.get_or_insert_default();
        Ok(())
    }

    /// `NETWORK VALUE`, `default VALUE`, `delete NETWORK`.
    fn network(&mut self, entry: &Arguments<'a>) -> Result<(), Diagnostic> {
        let (text, place) = (entry.name(), entry.place_of_name());
        self.first_network.get_or_insert(place);
        if text == "delete" {
            let deleted = network(entry, entry.word(0), entry.place(0))?;
            if self.networks.remove(deleted).is_none() {
                let warning =
                    Diagnostic::warning(entry.place(0), format!("no network \"{}\" to delete", entry.word(0)));
                let warning = warning.label("expected one that a line before it has");
                entry.warn(warning.lint(&lint::GEO_NOTHING_TO_DELETE));
            }
            return Ok(());
        }
        let networks = match text {
            "default" => EVERYWHERE.to_vec(),
            _ => vec![network(entry, text, place)?],
        };
        let value = self.value(entry);
        for network in networks {
            if let Some(old) = self.networks.insert(network, value) {
                self.warn_of_duplicate(entry, &format!("network \"{text}\","), old);
            }
        }
        Ok(())
    }

    /// `FIRST-LAST VALUE`, `default VALUE`, `delete FIRST-LAST`.
    fn range(&mut self, entry: &Arguments<'a>) -> Result<(), Diagnostic> {
        let (text, place) = (entry.name(), entry.place_of_name());
        if text == "delete" {
            let (first, last) = range(entry.word(0), entry.place(0))?;
            if !self.ranges.get_or_insert_default().ranges.remove(first, last) {
                let message = format!("no address range \"{}\" to delete", entry.word(0));
                let warning = Diagnostic::warning(entry.place(0), message);
                let warning = warning.label("expected one that a line before it has");
                entry.warn(warning.lint(&lint::GEO_NOTHING_TO_DELETE));
            }
            return Ok(());
        }
        if text == "default" {
            let value = self.value(entry);
            if let Some(old) = self.ranges.get_or_insert_default().default.replace(value) {
                self.warn_of_duplicate(entry, "default geo range", old);
            }
            return Ok(());
        }
        let (first, last) = range(text, place)?;
        let value = self.value(entry);
        let inserted = self.ranges.get_or_insert_default().ranges.insert(first, last, value);
        let replaced = inserted.map_err(|overlap| {
            let message = format!("range \"{text}\" overlaps \"{}-{}\"", overlap.first, overlap.last);
            Diagnostic::error(place, message).label("expected a range beside those before it, or within one of them")
        })?;
        if let Some(old) = replaced {
            self.warn_of_duplicate(entry, &format!("range \"{text}\","), old);
        }
        Ok(())
    }

    fn warn_of_duplicate(&self, entry: &Arguments<'_>, what: &str, old: u32) {
        let old = usize::try_from(old).ok().and_then(|old| self.values.get(old));
        let old = old.map(|old| String::from_utf8_lossy(old)).unwrap_or_default();
        let message = format!("duplicate {what} value: \"{}\", old value: \"{old}\"", entry.word(0));
        let warning = Diagnostic::warning(entry.place_of_name(), message).label("the last one counts");
        entry.warn(warning.lint(&lint::GEO_DUPLICATE));
    }

    /// The number of a value.
    fn value(&mut self, entry: &Arguments<'a>) -> u32 {
        *self.known.entry(entry.word(0)).or_insert_with(|| {
            self.values.push(entry.plain_value(0));
            // Each value takes two bytes of a text, and texts are far below the limit of 32 bits.
            u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn finish(self, source: Option<Template>) -> Block {
        let table = match self.ranges {
            Some(ValuedRanges { ranges, default }) => Table::Ranges(ranges.build(), default),
            None => Table::Networks(self.networks),
        };
        Block { source, proxies: self.proxies.into(), recursive: self.recursive, table, values: self.values }
    }
}

/// An address or a network; bits behind the network are warned of.
fn network(entry: &Arguments<'_>, text: &str, place: Place) -> Result<IpNet, Diagnostic> {
    let network = match text.contains('/') {
        true => text.parse().ok(),
        false => text.parse().map(IpAddr::into).ok(),
    };
    let network: IpNet = network.ok_or_else(|| {
        let error = Diagnostic::error(place, format!("invalid network \"{text}\""));
        error.label(match text.contains('-') {
            true => "expected an address or a network; ranges need `ranges;` as the first line of the block".to_owned(),
            false => entry.no_network(text, "expected an address, or a network such as 10.0.0.0/8"),
        })
    })?;
    if network.trunc() != network {
        let warning = Diagnostic::warning(place, format!("low address bits of {text} are meaningless"));
        let warning = warning.label(format!("the network is {}", network.trunc()));
        entry.warn(warning.lint(&lint::NETWORK_HOST_BITS));
    }
    Ok(network.trunc())
}

fn range(text: &str, place: Place) -> Result<(Ipv4Addr, Ipv4Addr), Diagnostic> {
    let ends = text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    ends.filter(|(first, last)| first <= last).ok_or_else(|| {
        let error = Diagnostic::error(place, format!("invalid range \"{text}\""));
        error.label(match ends {
            Some(_) => "expected the lower address first",
            None => "expected two IPv4 addresses, such as 10.0.0.0-10.0.0.255",
        })
    })
}

fn wrong_count(entry: &Arguments<'_>) -> Diagnostic {
    if let Some(error) = entry.missing_semicolon() {
        return error;
    }
    let error = Diagnostic::error(entry.whole(), "invalid number of the geo parameters");
    match nearest(entry.name(), ["ranges", "proxy_recursive", "volatile"]).filter(|_| entry.is_empty()) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error.label("expected a network and one value"),
    }
}

/// `default`, as networks.
const EVERYWHERE: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
];

//! Clients divided by percentages: `split_clients`.
//!
//! The same text falls into the same part always, here and in nginx, whatever the server or the time.

use bytes::Bytes;

use crate::base::murmur::murmur2;
use crate::config::arguments::Arguments;
use crate::config::diagnostics::Diagnostic;
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::template::Template;
use crate::exchange::variables::{Computed, append};

/// The module.
#[derive(Debug)]
pub struct SplitClients;

impl Module for SplitClients {
    type Conf = ();

    const NAME: &'static str = "split_clients";

    const DIRECTIVES: &'static [Directive<()>] = &[Directive {
        name: "split_clients",
        contexts: Contexts::HTTP,
        args: Shape::Block { min: 2, max: 2, names: "STRING $VARIABLE { PERCENT% VALUE; ... * VALUE; }" },
        repeat: Repeat::Many,
        set: |(), arguments| set_split(arguments),
        default: "",
        doc: "Defines a variable that has each VALUE for its share of all possible STRINGs, for tests of which of several \
              pages is better. STRING may hold variables; the same one leads to the same value always, and to that which \
              nginx chooses (MurmurHash2). PERCENT has up to two decimals; the shares together are at most 100%. `*` is \
              all that is left; without it the rest is empty. VALUE stands as it is.",
        example: "split_clients \"${remote_addr}AAA\" $variant { 0.5% .one; 2.0% .two; * \"\"; }",
        origin: Origin::Nginx,
    }];
}

fn set_split(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    // First, so that a block that is wrong does not make the variable unknown.
    let variable = arguments.new_variable(1)?;
    let source = arguments.template(0).map_err(|error| arguments.warn(error));
    let mut shares = Shares::default();
    arguments.each_entry(|entry| shares.add(entry))?;
    if let Ok(source) = source {
        arguments.compute_by(variable, Box::new(Split { source, parts: shares.parts }), false);
    }
    Ok(())
}

/// How a variable that `split_clients` defines is computed.
#[derive(Debug)]
struct Split {
    source: Template,
    parts: Vec<Part>,
}

/// One share.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// The hashes from the end of the part before it up to, not including, this; none for all that are left.
    end: Option<u32>,
    value: Bytes,
}

impl Computed for Split {
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        append(self.value(exchange).as_deref(), out)
    }

    fn value(&self, exchange: &Exchange) -> Option<Bytes> {
        let hash = murmur2(&self.source.render(exchange));
        Some(part(&self.parts, hash).cloned().unwrap_or_default())
    }
}

fn part(parts: &[Part], hash: u32) -> Option<&Bytes> {
    parts.iter().find(|part| part.end.is_none_or(|end| hash < end)).map(|part| &part.value)
}

/// Adds up the lines of a block.
#[derive(Debug, Default)]
struct Shares {
    parts: Vec<Part>,
    /// Of all, in hundredths of a percent.
    total: u32,
    /// Where the last part ends.
    end: u32,
}

impl Shares {
    fn add(&mut self, entry: &Arguments<'_>) -> Result<(), Diagnostic> {
        if entry.len() != 1 {
            let error = Diagnostic::error(entry.whole(), "invalid number of the split_clients parameters");
            return Err(error.label("expected a percentage and one value"));
        }
        let (word, place) = (entry.name(), entry.place_of_name());
        let end = if word == "*" {
            if self.parts.last().is_some_and(|part| part.end.is_none()) {
                let warning = Diagnostic::warning(place, "a \"*\" that is never reached");
                let warning = warning.label("the one before it takes all that is left");
                entry.warn(warning.lint(&lint::UNREACHABLE_SHARE));
            }
            self.total = WHOLE;
            None
        } else {
            let share = share(word).ok_or_else(|| {
                Diagnostic::error(place, format!("invalid percent value \"{word}\""))
                    .label("expected a percentage with up to two decimals, such as 0.5%, or `*`")
            })?;
            let before = self.total;
            self.total = before.saturating_add(share);
            if self.total > WHOLE {
                let error = Diagnostic::error(place, "percent total is greater than 100%");
                return Err(error.label(match WHOLE - before.min(WHOLE) {
                    0 => "the lines before it take everything".to_owned(),
                    left => format!("expected at most {}.{:02}% here", left / 100, left % 100),
                }));
            }
            self.end += end_of(share);
            Some(self.end)
        };
        self.parts.push(Part { end, value: entry.plain_value(0) });
        Ok(())
    }
}

/// A percentage in hundredths of a percent, if it has a form and is not zero: digits, of which up to two may stand
/// behind a point.
fn share(word: &str) -> Option<u32> {
    let number = word.strip_suffix('%')?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(decimals) || decimals.len() > 2 {
        return None;
    }
    let hundredths: u32 = format!("{whole}{decimals:0<2}").parse().ok()?;
    (hundredths > 0).then_some(hundredths)
}

/// How many hashes a share is, rounded as nginx rounds each.
fn end_of(share: u32) -> u32 {
    let hashes = u64::from(share) * u64::from(u32::MAX) / u64::from(WHOLE);
    u32::try_from(hashes).unwrap_or(u32::MAX)
}

/// 100%.
const WHOLE: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{accepted, load_with};

    #[test]
    fn percentages_have_up_to_two_decimals() {
        let cases =
            [("1%", 100), ("0.5%", 50), (".5%", 50), ("5.%", 500), ("1.25%", 125), ("100%", 10_000), ("0.01%", 1)];
        for (word, expected) in cases {
            assert_eq!(share(word), Some(expected), "{word}");
        }
        let wrong = ["", "%", ".%", "0%", "0.00%", "5", "5.125%", "1.1.1%", "-5%", "+5%", "5 %", "99999999999%"];
        assert_eq!(wrong.map(share), [None; 12]);
    }

    #[test]
    fn shares_are_those_of_nginxs_manual() {
        let (first, second) = (end_of(50), end_of(50) + end_of(200));
        let parts = [(Some(first), "one"), (Some(second), "two"), (None, "rest")]
            .map(|(end, value)| Part { end, value: Bytes::from_static(value.as_bytes()) });
        let at = |hash| part(&parts, hash).map(|value| value.to_vec()).unwrap();
        assert_eq!([at(0), at(21_474_835)], [b"one", b"one"]);
        assert_eq!([at(21_474_836), at(107_374_180)], [b"two", b"two"]);
        assert_eq!(at(u32::MAX), b"rest");
        assert_eq!(part(&parts[..2], u32::MAX), None);
    }

    #[test]
    fn all_may_be_taken_but_no_more() {
        accepted::<SplitClients>("http { split_clients $host $x { 33.33% a; 66.67% b; * c; } }");
        let (configuration, report) = load_with::<SplitClients>("http { split_clients $host $x { 60% a; 40.01% b; } }");
        assert!(configuration.is_none() && report.contains("percent total is greater than 100%"), "{report}");
        assert!(report.contains("expected at most 40.00% here"), "{report}");
    }
}

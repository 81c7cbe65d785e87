//! How fast a response may be sent: `limit_rate`, `limit_rate_after` and `$limit_rate`.
//!
//! Sizes that may hold variables are computed when the response is about to be sent, once. What a request sets itself
//! (`set $limit_rate`) goes before the location's. `server::pace` keeps to it.

use super::exchange::{Exchange, Shown};
use super::template::Template;
use crate::base::report::Severity;
use crate::base::size::parse_size;

/// A size in bytes that a location sets; without variables it is known at load.
#[derive(Clone, Debug, PartialEq)]
pub enum SizeValue {
    /// This one.
    Fixed(u64),
    /// What a text with variables comes to.
    Computed(Template),
}

/// How fast a response is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bytes a second; 0 is no limit.
    pub bytes_per_second: u64,
    /// How many bytes come before those that are limited.
    pub after: u64,
}

impl SizeValue {
    /// The size for this exchange; 0, and a line in the error log, when the text is none.
    pub fn of(&self, exchange: &Exchange) -> u64 {
        let template = match self {
            Self::Fixed(bytes) => return *bytes,
            Self::Computed(template) => template,
        };
        let text = template.render(exchange);
        parse(&text).unwrap_or_else(|| {
            exchange.report(Severity::Error, format_args!("invalid size \"{}\"", Shown(&text)));
            0
        })
    }
}

impl Exchange {
    /// How fast the response is to be sent. From here on `$limit_rate` is decided.
    pub fn decide_rate(&mut self) -> Rate {
        let settings = &self.plan.settings;
        let bytes_per_second = self.limit_rate.unwrap_or_else(|| settings.limit_rate.of(self));
        let after = if bytes_per_second == 0 { 0 } else { settings.limit_rate_after.of(self) };
        self.limit_rate = Some(bytes_per_second);
        Rate { bytes_per_second, after }
    }

    /// Sets `$limit_rate`; what is no size changes nothing and is told in the error log.
    pub fn set_limit_rate(&mut self, text: &[u8]) {
        match parse(text) {
            Some(bytes) => self.limit_rate = Some(bytes),
            None => self.report(Severity::Error, format_args!("invalid $limit_rate \"{}\"", Shown(text))),
        }
    }
}

fn parse(text: &[u8]) -> Option<u64> {
    parse_size(std::str::from_utf8(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::plan::PlanBuilder;
    use crate::exchange::test_support::{Bench, rendered, template};

    /// An exchange for a query, where `limit_rate $arg_rate` and `limit_rate_after $arg_after` hold.
    fn exchange(query: &str) -> Exchange {
        let mut plan = PlanBuilder::new("/");
        plan.settings.limit_rate = SizeValue::Computed(template("$arg_rate"));
        plan.settings.limit_rate_after = SizeValue::Computed(template("$arg_after"));
        Bench::new().exchange_in(plan, &format!("GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n"))
    }

    fn decided(query: &str) -> (u64, u64) {
        let rate = exchange(query).decide_rate();
        (rate.bytes_per_second, rate.after)
    }

    #[test]
    fn sizes_are_computed_for_the_request() {
        assert_eq!(decided("rate=100k&after=1m"), (100 << 10, 1 << 20));
        assert_eq!(decided("rate=0&after=1m"), (0, 0));
    }

    #[test]
    fn what_is_no_size_is_no_limit() {
        assert_eq!(decided("rate=fast&after=1m"), (0, 0));
        assert_eq!(decided("rate=10&after=-1"), (10, 0));
        assert_eq!(decided(""), (0, 0));
    }

    #[test]
    fn what_the_request_sets_goes_before_the_locations() {
        let mut exchange = exchange("rate=100&after=5");
        assert_eq!(rendered("$limit_rate", &exchange), "0");
        exchange.set_limit_rate(b"2k");
        exchange.set_limit_rate(b"fast");
        assert_eq!(rendered("$limit_rate", &exchange), "2048");
        assert_eq!(exchange.decide_rate(), Rate { bytes_per_second: 2048, after: 5 });
    }

    #[test]
    fn the_variable_says_what_was_decided() {
        let mut exchange = exchange("rate=1k");
        exchange.decide_rate();
        assert_eq!(rendered("$limit_rate", &exchange), "1024");
    }
}

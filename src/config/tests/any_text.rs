//! Whatever is written is answered.

use proptest::prelude::*;

use super::loaded;
use crate::config::render::{self, Colour};

/// Pieces of configurations, so that random texts come far.
const PIECES: &[&str] = &[
    "http",
    "server",
    "location",
    "events",
    "limit_except",
    "root",
    "index",
    "listen",
    "server_name",
    "types",
    "match",
    "answer",
    "error_page",
    "timeout",
    "GET",
    "80",
    "/x",
    "= /x",
    "~ (",
    "@n",
    "10k",
    "$uri",
    "$nope",
    "${",
    "'a",
    "\"b\\\"",
    "日本",
    "\u{7}",
    "\u{feff}",
    " ",
    " ",
    " ",
    "\n",
    "\r\n",
    "\t",
    ";",
    ";",
    "{",
    "{",
    "}",
    "}",
    "#",
    "include",
    "proxy_pass",
];

proptest! {
    #[test]
    fn any_text_is_taken_or_explained(pieces in proptest::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        let loaded = loaded(&text);
        prop_assert_eq!(loaded.result.is_err(), loaded.report.has_errors());
        let shown = render::text(&loaded.report, Colour::Off);
        prop_assert_eq!(shown.is_empty(), loaded.report.diagnostics.is_empty());
        for finding in &loaded.report.diagnostics {
            render::one_line(finding, &loaded.report.sources);
        }
    }
}

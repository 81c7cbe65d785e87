//! How `reload_guard` is written; what it does is in `reload::guard`.

use crate::support::*;

#[test]
fn a_share_a_window_and_a_minimum_are_understood() {
    for words in ["off", "10%", "0.5% 1m", "100% min=1 1h", "33.33% 1500ms min=1000"] {
        let checked = check_config(&format!("reload_guard {words};\nevents {{ }}"));
        assert!(checked.ok, "{words}: {}", checked.output);
    }
}

#[test]
fn other_words_are_told() {
    for (words, expected) in [
        ("10", "invalid share \"10\""),
        ("0%", "expected a share of all answers from 0.01% to 100%"),
        ("101%", "invalid share \"101%\""),
        ("0.001%", "invalid share \"0.001%\""),
        (".5%", "invalid share \".5%\""),
        ("-1%", "invalid share \"-1%\""),
        ("10% 0", "expected a time from 1s to 1h"),
        ("10% 2h", "expected a time from 1s to 1h"),
        ("10% soon", "soon"),
        ("10% min=0", "expected how many answers are enough"),
        ("10% min=+5", "invalid number \"+5\""),
        ("10% 30s 40s", "invalid parameter \"40s\""),
        ("off 30s", "takes no further words"),
    ] {
        let checked = check_config(&format!("reload_guard {words};\nevents {{ }}"));
        assert!(!checked.ok && checked.output.contains(expected), "{words}: {}", checked.output);
    }
}

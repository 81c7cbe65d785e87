//! A configuration file in the one layout: what `webserv fmt` writes.
//!
//! The layout is the grammar's (`webserv_grammar::print`). Here it is made sure that it says the same as before, and
//! that what cannot be read is left alone, with its errors. It follows no `include`: each file is formatted by itself.

use webserv_grammar::parse;

use super::diagnostics::Diagnostic;
use super::includes::syntax_finding;
use super::load::Report;
use super::sources::Sources;

/// The text in the one layout; `name` is what messages call it.
///
/// # Errors
/// What is wrong with the text; or that formatting it would change what it says, which is a fault of webserv.
pub fn format(name: &str, text: &str) -> Result<String, Report> {
    let parsed = parse(text);
    if !parsed.errors.is_empty() {
        let mut sources = Sources::default();
        let file = sources.add_text(name, text);
        let diagnostics = parsed.errors.into_iter().map(|error| syntax_finding(file, error)).collect();
        return Err(Report::of(sources, diagnostics));
    }
    let formatted = webserv_grammar::print(&parsed.document);
    let again = parse(&formatted);
    if again.errors.is_empty() && again.document.means_the_same_as(&parsed.document) {
        return Ok(formatted);
    }
    let finding = Diagnostic::without_place(format!("formatting \"{name}\" would change what it says"));
    Err(Report::of(Sources::default(), vec![finding.label("it is left as it is")]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_brought_into_the_one_layout() {
        let formatted = format("a.conf", "server{listen   80 ;# here\n\n\n\nindex 'a b'\n  c;}").unwrap();
        assert_eq!(formatted, "server {\n    listen 80; # here\n\n    index 'a b'\n        c;\n}\n");
        assert_eq!(format("a.conf", &formatted).unwrap(), formatted);
    }

    #[test]
    fn a_text_with_errors_is_not_formatted() {
        let report = format("a.conf", "server { listen 80 }\n}").unwrap_err();
        let messages: Vec<&str> = report.diagnostics.iter().map(|finding| &*finding.message).collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert_eq!(report.sources.line_and_column(report.diagnostics[0].place.unwrap()), (1, 19));
    }
}

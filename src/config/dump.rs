//! What `-T` prints: all texts of a configuration, as nginx prints them.

use std::io::{self, Write};

use super::sources::Sources;

/// Writes each text under a line with its name, files in nginx's form.
///
/// # Errors
/// Those of the writer.
pub fn dump(sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    for (_, source) in sources.iter() {
        match source.path {
            Some(_) => writeln!(out, "# configuration file {}:", source.name)?,
            None => writeln!(out, "# {}:", source.name)?,
        }
        writeln!(out, "{}", source.text)?;
    }
    Ok(())
}

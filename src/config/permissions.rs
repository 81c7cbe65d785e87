//! Permissions of files as nginx writes them: `user:rw group:r`.

use super::arguments::Arguments;
use super::diagnostics::Diagnostic;

/// What the user may do unless it is said.
const PERMISSIONS_OF_USER: u32 = 0o600;

impl Arguments<'_> {
    /// All words as the bits of a file's permissions.
    ///
    /// # Errors
    /// The first word that is none.
    pub fn permissions(&self) -> Result<u32, Diagnostic> {
        let mut access = 0;
        let mut user = PERMISSIONS_OF_USER;
        for (index, word) in self.words().enumerate() {
            let invalid = || {
                let error = self.error(index, format!("invalid value \"{word}\" in \"{}\" directive", self.name()));
                Err(error.label("expected `user:`, `group:` or `all:`, and `r`, `w` or `rw` behind it"))
            };
            let Some((who, what)) = word.split_once(':') else { return invalid() };
            let shift = match who {
                "user" => {
                    user = 0;
                    6
                }
                "group" => 3,
                "all" => 0,
                _ => return invalid(),
            };
            for letter in what.chars() {
                access |= match letter {
                    'r' => 4 << shift,
                    'w' => 2 << shift,
                    _ => return invalid(),
                };
            }
        }
        Ok(access | user)
    }
}

//! Settings that are the same are one: most locations are set to what their server is set to.
//!
//! Asked while plans are built; a finished plan holds its share. Looks only at what came lately, so that a load takes
//! no longer for it however many differ.

use std::sync::Arc;

use super::settings::Settings;

/// The settings of the plans that were finished last, the latest first.
#[derive(Debug, Default)]
pub struct KnownSettings {
    latest: Vec<Arc<Settings>>,
}

impl KnownSettings {
    /// These settings; the object of an earlier plan, if one of the latest has the same.
    pub fn share(&mut self, settings: Settings) -> Arc<Settings> {
        let at = match self.latest.iter().position(|known| **known == settings) {
            Some(at) => at,
            None => {
                self.latest.truncate(LATEST_MAX - 1);
                self.latest.push(Arc::new(settings));
                self.latest.len() - 1
            }
        };
        self.latest[..=at].rotate_right(1);
        Arc::clone(&self.latest[0])
    }
}

/// A server's own, and those of some locations that differ.
const LATEST_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::template::Template;

    fn rooted(path: impl AsRef<[u8]>) -> Settings {
        let mut settings = Settings::default();
        settings.root.path = Template::literal(path);
        settings
    }

    #[test]
    fn equal_settings_are_one_object_and_others_are_not() {
        let mut known = KnownSettings::default();
        let (one, other) = (known.share(rooted("/a")), known.share(rooted("/b")));
        assert!(Arc::ptr_eq(&one, &known.share(rooted("/a"))));
        assert!(Arc::ptr_eq(&other, &known.share(rooted("/b"))));
        assert!(!Arc::ptr_eq(&one, &other));
    }

    #[test]
    fn what_is_used_stays_known_beside_any_number_of_others() {
        let mut known = KnownSettings::default();
        let used = known.share(rooted("/used"));
        for number in 0..10 * LATEST_MAX {
            known.share(rooted(format!("/{number}")));
            assert!(Arc::ptr_eq(&used, &known.share(rooted("/used"))));
            assert!(known.latest.len() <= LATEST_MAX);
        }
    }
}

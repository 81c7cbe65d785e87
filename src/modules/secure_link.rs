//! Links that only somebody who knows a secret can make, perhaps for a time: `secure_link`, `secure_link_md5`,
//! `secure_link_secret` (nginx's secure_link module).
//!
//! Gives variables and refuses nothing by itself. That checksums are MD5 is nginx's choice, which links that are out
//! depend on.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::base::base64;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Inherit, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::plan::PlanBuilder;
use crate::exchange::template::Template;
use crate::exchange::variables::{Computed, Variable, VariableKind, append};

/// The module.
#[derive(Debug)]
pub struct SecureLink;

/// What its directives set.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    /// Where the request has its checksum and its time.
    given: Option<Template>,
    /// What the checksum must be of.
    signed: Option<Template>,
    secret: Option<Bytes>,
    /// What the block itself has set.
    own: Own,
}

/// Which of the two ways a block itself has chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Own {
    #[default]
    Neither,
    Template,
    Secret,
}

impl Module for SecureLink {
    type Conf = Conf;

    const NAME: &'static str = "secure_link";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "secure_link",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("VALUE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.choose(Own::Template, arguments)?;
                conf.given = Some(arguments.template(0)?);
                Ok(())
            },
            default: "",
            doc: "Where a request has the checksum of its link, in base64 for URLs, and behind a comma, if the link is only \
                  good for a time, its end in seconds since 1970. `$secure_link` compares it with that of \
                  `secure_link_md5`.",
            example: "secure_link $arg_md5,$arg_expires;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "secure_link_md5",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("VALUE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.choose(Own::Template, arguments)?;
                conf.signed = Some(arguments.template(0)?);
                Ok(())
            },
            default: "",
            doc: "What the checksum that `secure_link` names must be the MD5 of: the parts of the link that nobody shall \
                  change, and a secret.",
            example: "secure_link_md5 \"$secure_link_expires$uri$remote_addr a long secret\";",
            origin: Origin::Nginx,
        },
        Directive {
            name: "secure_link_secret",
            contexts: Contexts::LOCATION,
            args: Shape::one("WORD"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.choose(Own::Secret, arguments)?;
                conf.secret = Some(Bytes::copy_from_slice(arguments.word(0).as_bytes()));
                Ok(())
            },
            default: "",
            doc: "The secret of links in the form `/PREFIX/HASH/LINK`: the hash is the MD5, in hexadecimal, of the link with \
                  the secret behind it. The link is everything behind the hash as it was received, with its query. Use \
                  `secure_link` and `secure_link_md5` for links that end with a time or may be used by one client alone; \
                  the two ways cannot be mixed in a block.",
            example: "secure_link_secret \"a long secret\";",
            origin: Origin::Nginx,
        },
    ];

    const VARIABLES: &'static [Variable] = &[
        Variable {
            name: SECURE_LINK,
            kind: VariableKind::Single,
            get: |exchange, _, out| append(exchange.location_value(SECURE_LINK).as_deref(), out),
            doc: "1 if the link is good, 0 if its time is over, else empty; with secure_link_secret the link itself, or \
                  empty.",
        },
        Variable {
            name: SECURE_LINK_EXPIRES,
            kind: VariableKind::Single,
            get: |exchange, _, out| append(exchange.location_value(SECURE_LINK_EXPIRES).as_deref(), out),
            doc: "The end of the link's time, in seconds since 1970, as the request says.",
        },
    ];

    const INHERIT: Option<Inherit<Conf>> = Some(|conf| Conf { own: Own::Neither, ..conf.clone() });
    const INHERITS_ALL: fn(&Conf) -> bool = |conf| conf.own == Own::Neither;

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if let Some(secret) = &conf.secret {
            plan.value(SECURE_LINK, LinkByPath { secret: secret.clone() });
        } else if let (Some(given), Some(signed)) = (&conf.given, &conf.signed) {
            let given = Arc::new(given.clone());
            plan.value(SECURE_LINK, LinkByTemplate { given: Arc::clone(&given), signed: signed.clone() });
            plan.value(SECURE_LINK_EXPIRES, Expires { given });
        }
        Ok(())
    }
}

impl Conf {
    /// Takes one of the two ways; what the enclosing block has of the other ends here.
    fn choose(&mut self, own: Own, arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
        if self.own != Own::Neither && self.own != own {
            let message = "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"";
            return Err(arguments.error_here(message));
        }
        self.own = own;
        match own {
            Own::Secret => (self.given, self.signed) = (None, None),
            Own::Template | Own::Neither => self.secret = None,
        }
        Ok(())
    }
}

/// `secure_link` and `secure_link_md5`.
#[derive(Debug)]
struct LinkByTemplate {
    given: Arc<Template>,
    signed: Template,
}

impl Computed for LinkByTemplate {
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        let given = self.given.render(exchange);
        let (checksum, time) = match split(&given) {
            (checksum, None) => (checksum, None),
            (checksum, Some(time)) => match seconds(time) {
                Some(time) => (checksum, Some(time)),
                None => return false,
            },
        };
        if checksum.len() > CHECKSUM_LETTERS_MAX {
            return false;
        }
        let Some(checksum) = base64::decode_url(checksum) else { return false };
        if !is_same(&checksum, &Md5::digest(self.signed.render(exchange))) {
            return false;
        }
        let now = exchange.handle.wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        append(Some(if time.is_some_and(|time| time < now) { b"0" } else { b"1" }), out)
    }
}

/// `$secure_link_expires`.
#[derive(Debug)]
struct Expires {
    given: Arc<Template>,
}

impl Computed for Expires {
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        let given = self.given.render(exchange);
        append(split(&given).1.filter(|time| seconds(time).is_some()), out)
    }
}

/// `secure_link_secret`.
#[derive(Debug)]
struct LinkByPath {
    secret: Bytes,
}

impl Computed for LinkByPath {
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        let target = exchange.request.head.target.request_uri();
        let link = link_of(&target).and_then(|(hash, link)| {
            let digest = Md5::new().chain_update(link).chain_update(&self.secret).finalize();
            is_same(&from_hexadecimal(hash)?, &digest).then_some(link)
        });
        append(link, out)
    }
}

/// Hash and link of `/prefix/hash/link`.
fn link_of(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = target.get(1..)?.splitn(3, |byte| *byte == b'/');
    let _prefix = parts.next()?;
    let (hash, link) = (parts.next()?, parts.next()?);
    (!link.is_empty()).then_some((hash, link))
}

/// A checksum, and what stands behind its comma if there is one.
fn split(given: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b',', given) {
        Some(comma) => (&given[..comma], Some(&given[comma + 1..])),
        None => (given, None),
    }
}

/// A time in digits; the year 1970 has none in its first second.
fn seconds(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text)?;
    let time: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    u64::try_from(time).ok().filter(|time| *time > 0)
}

/// The bytes of a hash in hexadecimal digits of either case.
fn from_hexadecimal(hash: &[u8]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if hash.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hash.chunks(2)) {
        for digit in digits {
            let value = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(value).ok()?;
        }
    }
    Some(bytes)
}

/// Compares in a time that does not tell how far the two are the same.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    given.len() == expected.len() && given.iter().zip(expected).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

const SECURE_LINK: &str = "secure_link";
const SECURE_LINK_EXPIRES: &str = "secure_link_expires";

/// A checksum of 16 bytes, with its padding.
const CHECKSUM_LETTERS_MAX: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused};
    use crate::exchange::test_support::{Bench, template};

    fn computed(value: &dyn Computed, target: &str) -> Option<String> {
        let exchange = Bench::new().exchange(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let mut out = Vec::new();
        value.compute(&exchange, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    /// The link to `/s` with `md5=` its checksum, or another one, and a time. The clock of the tests shows 784111777.
    fn link(time: &str, other: Option<&str>) -> Option<String> {
        let given = Arc::new(template("$arg_md5,$arg_expires"));
        let value = LinkByTemplate { given, signed: template("$arg_expires$uri secret") };
        let mut checksum = Vec::new();
        base64::encode(&Md5::digest(format!("{time}/s secret")), &mut checksum);
        let checksum = String::from_utf8(checksum).unwrap().replace('+', "-").replace('/', "_");
        computed(&value, &format!("/s?md5={}&expires={time}", other.unwrap_or(&checksum)))
    }

    #[test]
    fn a_link_is_good_until_its_time_is_over() {
        assert_eq!(link("784111777", None).as_deref(), Some("1"));
        assert_eq!(link("784111776", None).as_deref(), Some("0"));
    }

    #[test]
    fn what_is_no_checksum_or_no_time_is_no_link() {
        assert_eq!(link("784111778", Some("AAAAAAAAAAAAAAAAAAAAAA")), None);
        for other in ["", "x", "A", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "!!!!!!!!!!!!!!!!!!!!!!"] {
            assert_eq!(link("784111778", Some(other)), None, "{other}");
        }
        for time in ["", "0", "5x", "-1", "+1", "99999999999999999999"] {
            assert_eq!(link(time, None), None, "{time}");
        }
    }

    #[test]
    fn the_time_is_told_whether_or_not_the_link_is_good() {
        let expires = |target| computed(&Expires { given: Arc::new(template("$arg_md5,$arg_e")) }, target);
        assert_eq!(expires("/?md5=x&e=7").as_deref(), Some("7"));
        assert_eq!((expires("/?e=soon"), expires("/")), (None, None));
    }

    #[test]
    fn a_link_by_path_is_what_stands_behind_its_hash() {
        let by_path = LinkByPath { secret: Bytes::from_static(b"word") };
        let link = |target: &str| computed(&by_path, target);
        // The MD5 of "linkword".
        let hash = "29245bdc2d04a9e0e729927ed0f84e26";
        assert_eq!(link(&format!("/p/{hash}/link")).as_deref(), Some("link"));
        assert_eq!(link(&format!("/p/{}/link", hash.to_uppercase())).as_deref(), Some("link"));
        let others = ["/p/{}/lin", "/p/{}/link?x", "/p/{}0/link", "/p/x/{}/link", "/p/{}/", "/p{}/link", "/p/{}", "/"];
        for other in others {
            assert_eq!(link(&other.replace("{}", hash)), None, "{other}");
        }
        assert_eq!(link("/p/+9245bdc2d04a9e0e729927ed0f84e26/link"), None);
    }

    #[test]
    fn a_block_chooses_one_way_and_ends_the_other() {
        let shown = |text: &str| format!("{:?}", plan_at::<SecureLink>(text, "/a").values);
        let outer = "secure_link $uri; secure_link_md5 $args;";
        assert!(shown(&format!("{outer} server {{ }}")).contains("LinkByTemplate"));
        let nested = shown(&format!("{outer} server {{ location / {{ secure_link_secret a; location /a {{ }} }} }}"));
        assert!(nested.contains("LinkByPath") && !nested.contains("LinkByTemplate"), "{nested}");
        let back = format!("server {{ location / {{ secure_link_secret a; location /a {{ {outer} }} }} }}");
        assert!(shown(&back).contains("LinkByTemplate"));
        assert_eq!(shown("secure_link $uri; server { }"), "[]");
        let mixed = "location / { secure_link_secret a; secure_link b; }";
        assert!(refused::<SecureLink>(mixed).contains("cannot be mixed"));
    }
}

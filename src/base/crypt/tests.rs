//! The forms, held against what other programs make of the same passwords.

use super::*;

const VECTORS: &str = include_str!("vectors.txt");

fn vectors() -> impl Iterator<Item = (&'static str, &'static str)> {
    VECTORS.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once('\t').unwrap())
}

fn fits(password: &str, stored: &str) -> bool {
    verify(password.as_bytes(), stored.as_bytes()).unwrap()
}

#[test]
fn what_other_programs_make_of_a_password_fits_it() {
    for (password, stored) in vectors() {
        assert!(fits(password, stored), "{password:?} {stored}");
    }
}

#[test]
fn another_password_does_not_fit() {
    for (password, stored) in vectors().filter(|(password, _)| *password == "secret") {
        for other in ["Secret", "secre", "secret2", "", " secret"] {
            assert!(!fits(other, stored), "{password:?} {stored}");
        }
    }
}

#[test]
fn a_changed_hash_does_not_fit() {
    for (password, stored) in vectors().filter(|(_, stored)| !stored.starts_with('{')) {
        // The last digit has bits that stand for nothing in some forms.
        let at = stored.len() - 2;
        let digit = if &stored[at..=at] == "a" { "b" } else { "a" };
        let changed = format!("{}{digit}{}", &stored[..at], &stored[at + 1..]);
        assert!(!fits(password, &changed), "{changed}");
        assert_ne!(verify(password.as_bytes(), &stored.as_bytes()[..at]), Ok(true), "{stored}");
    }
}

#[test]
fn only_the_first_characters_count_where_the_form_says_so() {
    let des = vectors().find(|(password, stored)| *password == "eight ch" && stored.len() == 13).unwrap().1;
    assert!(fits("eight characters", des));
    let bcrypt = vectors().find(|(password, stored)| password.len() == 80 && stored.starts_with("$2y$")).unwrap().1;
    assert!(fits(&"x".repeat(72), bcrypt) && !fits(&"x".repeat(71), bcrypt));
}

#[test]
fn a_password_that_no_hash_can_be_made_of_fits_none() {
    for (_, stored) in vectors().filter(|(password, stored)| password.is_empty() && !stored.starts_with('{')) {
        assert!(!fits(&"y".repeat(513), stored), "{stored}");
        assert!(!fits("\0", stored), "{stored}");
    }
    assert!(!fits("secret\0x", vectors().find(|(password, _)| *password == "secret").unwrap().1));
    assert!(fits(&"y".repeat(513), &format!("{{PLAIN}}{}", "y".repeat(513))));
}

#[test]
fn what_has_no_known_form_is_told_from_what_does_not_fit() {
    let unknown = [
        "",
        "*",
        "secret",
        "{MD5}abc",
        "{plain}secret",
        "{SHA}AAAA",
        "{SSHA}AAAA",
        "{SHA}!",
        "$1$abcdefgh",
        "$1$abcdefghi$x",
        "$apr1$",
        "$5$",
        "$5$salt",
        "$5$rounds=999$salt$x",
        "$5$rounds=+1000$salt$x",
        "$5$rounds=99999999999$salt$x",
        "$5$rounds=1000",
        "$6$01234567890123456$x",
        "$2$05$abcdefghijklmnopqrstuu8.veTXNDPV2eEsdpKNczMw2otgh5LnK",
        "$2x$05$abcdefghijklmnopqrstuu8.veTXNDPV2eEsdpKNczMw2otgh5LnK",
        "$2y$03$abcdefghijklmnopqrstuu8.veTXNDPV2eEsdpKNczMw2otgh5LnK",
        "$2y$32$abcdefghijklmnopqrstuu8.veTXNDPV2eEsdpKNczMw2otgh5LnK",
        "$2y$5$abcdefghijklmnopqrstuu8.veTXNDPV2eEsdpKNczMw2otgh5LnK",
        "$2y$05$abcdefghijklmnopqrstu",
        "$2y$05$abcdefghijklmnopqrstuu8.veTXNDPV2eEsdpKNczMw2otgh5Ln!",
        "$y$j9T$abcdefghijklmnop$3dL1LkYnZM.OVXuVdnnaKVDlLYT92dRwOzDZ5XiVCe.",
        "ab!!!!!!!!!!!",
        "\u{e9}bcdefghijkl",
    ];
    for stored in unknown {
        assert_eq!(verify(b"secret", stored.as_bytes()), Err(Unusable::UnknownForm), "{stored}");
    }
}

#[test]
fn what_would_take_too_long_is_not_computed() {
    let bcrypt = |cost: u32| format!("$2y${cost:02}$abcdefghijklmnopqrstuu8.veTXNDPV2eEsdpKNczMw2otgh5LnK");
    for cost in BCRYPT_COST_MAX + 1..=31 {
        assert_eq!(verify(b"secret", bcrypt(cost).as_bytes()), Err(Unusable::BcryptCost(cost)));
    }
    assert_eq!(check_cost(b"$2y$", &bcrypt(BCRYPT_COST_MAX).as_bytes()[4..]), Ok(()));
    for form in ["$5$", "$6$"] {
        let stored = |rounds: u32| format!("{form}rounds={rounds}$salt$x");
        let rounds = SHA_ROUNDS_MAX + 1;
        assert_eq!(verify(b"secret", stored(rounds).as_bytes()), Err(Unusable::Rounds(rounds)));
        assert_eq!(verify(b"secret", stored(999_999_999).as_bytes()), Err(Unusable::Rounds(999_999_999)));
        assert_eq!(check_cost(form.as_bytes(), &stored(SHA_ROUNDS_MAX).as_bytes()[3..]), Ok(()));
    }
}

proptest::proptest! {
    /// Forms that are dear on purpose begin with `$` and are left to the vectors.
    #[test]
    fn any_text_is_judged_without_a_panic(
        password in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
        stored in "(\\$1\\$|\\$apr1\\$|\\{SSHA\\}|\\{SHA\\}|\\{PLAIN\\}|\\$2y\\$04\\$|)[ -~]{0,60}",
    ) {
        let _either = verify(&password, stored.as_bytes());
    }
}

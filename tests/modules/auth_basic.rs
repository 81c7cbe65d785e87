//! Who may ask, by user and password.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::support::*;

/// "secret" in every form, a user for each.
const USERS: &str = "\
plain:{PLAIN}secret
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
ssha:{SSHA}D4kSuvPIF4rZzl+dW9Km/1788fBwZXBwZXI=
des:abNANd1rDfiNc
md5:$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1
apr1:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0
sha256:$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.
sha512:$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1
bcrypt:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a
";

/// bcrypt at the cost 14: more than a second of work.
const SLOW: &str = "slow:$2y$14$abcdefghijklmnopqrstuug2/T3netL3BPRcnafSaAr9lEfTNoLyC\n";

/// A site that asks for a user of `users`.
fn site(users: &str) -> Site {
    let conf = "auth_basic members; auth_basic_user_file {root}/users; location /open/ { auth_basic off; }";
    Site::new().file("page", "hello").file("open/page", "open").file("users", users).conf(conf)
}

trait Ask {
    fn as_user(&self, user: &str, password: &str) -> Answer;
}

impl Ask for Running {
    fn as_user(&self, user: &str, password: &str) -> Answer {
        self.get_with("/page", &[("Authorization", &basic(user, password))])
    }
}

#[test]
fn every_form_of_password_is_understood() {
    let site = site(USERS).start();
    for line in USERS.lines() {
        let user = line.split(':').next().unwrap();
        let answer = site.as_user(user, "secret");
        assert_eq!((answer.status, answer.text()), (200, "hello"), "{user}");
        assert_eq!(site.as_user(user, "Secret").status, 401, "{user}");
    }
}

#[test]
fn a_password_that_would_take_too_long_to_check_fits_nobody_and_the_log_says_why() {
    let site = site(
        "bcrypt:$2y$31$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a
sha512:$6$rounds=999999999$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1
",
    )
    .start();
    for (user, why) in [("bcrypt", "wants bcrypt with the cost 31"), ("sha512", "wants 999999999 rounds")] {
        assert_eq!(site.as_user(user, "secret").status, 401);
        assert_eq!(site.as_user("nobody", "secret").status, 401);
        let line = site.wait_for_log(why);
        assert!(line.contains(&format!("user \"{user}\": the password in \"")), "{line}");
    }
}

#[test]
fn who_gives_no_credentials_is_asked_for_them() {
    let site = site(USERS).main("error_log stderr info;").start();
    let answer = site.get("/page");
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Basic realm=\"members\"")));
    let line = site.wait_for_log("no user/password was provided for basic authentication");
    assert!(line.contains("[info]"), "{line}");
    for value in ["Basic", "Basic !", "Basic OnNlY3JldA==", "Digest username=\"plain\"", "cGxhaW46c2VjcmV0"] {
        assert_eq!(site.get_with("/page", &[("Authorization", value)]).status, 401, "{value}");
    }
    let written_otherwise = "bASIC   cGxhaW46c2VjcmV0";
    assert_eq!(site.get_with("/page", &[("Authorization", written_otherwise)]).status, 200);
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_alike_to_the_client_and_not_in_the_log() {
    let site = site(USERS).start();
    let (wrong, unknown) = (site.as_user("bcrypt", "wrong"), site.as_user("nobody", "wrong"));
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(wrong.header("www-authenticate"), unknown.header("www-authenticate"));
    let line = site.wait_for_log("user \"bcrypt\": password mismatch, client: 127.0.0.1");
    assert!(line.contains("[error]"), "{line}");
    site.wait_for_log(&format!("user \"nobody\" was not found in \"{}/users\"", site.root()));
}

#[test]
fn comments_and_third_fields_do_not_count() {
    let users = "# ann:{PLAIN}none\n\r\nann:{PLAIN}one:a comment\r\nbob:{PLAIN}two";
    let site = site(users).start();
    assert_eq!(site.as_user("ann", "one").status, 200);
    assert_eq!(site.as_user("bob", "two").status, 200);
    assert_eq!(site.as_user("# ann", "none").status, 401);
    assert_eq!(site.as_user("ann", "one:a comment").status, 401);
}

#[test]
fn a_password_without_a_known_form_fits_nothing() {
    let site = site("ann:secret\n").start();
    assert_eq!(site.as_user("ann", "secret").status, 401);
    site.wait_for_log("user \"ann\": the password in");
}

#[test]
fn a_changed_file_counts_at_once() {
    let site = site("ann:{PLAIN}one\n").start();
    let set = |content: &str, seconds| {
        site.write("users", content);
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        File::options().write(true).open(site.path("users")).unwrap().set_modified(changed).unwrap();
    };
    set("ann:{PLAIN}one\n", 784_111_777);
    assert_eq!(site.as_user("ann", "one").status, 200);
    set("ann:{PLAIN}two\n", 784_111_778);
    assert_eq!(site.as_user("ann", "one").status, 401);
    assert_eq!(site.as_user("ann", "two").status, 200);
}

#[test]
fn a_file_that_cannot_be_used_lets_nobody_in() {
    let conf = "auth_basic a; auth_basic_user_file {root}/$arg_file;";
    let site = Site::new().dir("folder").file("page", "").conf(conf).start();
    let status = |file: &str| {
        let credentials = basic("ann", "secret");
        site.get_with(&format!("/page?file={file}"), &[("Authorization", &credentials)]).status
    };
    assert_eq!(status("none"), 403);
    let line = site.wait_for_log("/none\" failed (2: No such file or directory)");
    assert!(line.contains("[error]"), "{line}");
    assert_eq!(status("folder"), 500);
    let line = site.wait_for_log("/folder\" failed (21: Is a directory)");
    assert!(line.contains("[crit]"), "{line}");
}

#[test]
fn realm_and_file_may_hold_variables() {
    let conf = "auth_basic $arg_realm; auth_basic_user_file {root}/users.$host;";
    let site = Site::new().file("page", "").file("users.a", "ann:{PLAIN}one\n").conf(conf).start();
    let ask = |target: &str, password: &str| {
        site.get_with(target, &[("Host", "a"), ("Authorization", &basic("ann", password))])
    };
    assert_eq!(ask("/page?realm=here", "one").status, 200);
    assert_eq!(ask("/page?realm=here", "two").header("www-authenticate"), Some("Basic realm=\"here\""));
    assert_eq!(ask("/page?realm=off", "two").status, 200);
}

#[test]
fn a_relative_file_is_taken_from_the_folder_of_the_configuration() {
    let conf = "auth_basic a; auth_basic_user_file users; location /v/ { auth_basic_user_file $arg_file; }";
    let site = Site::new().file("page", "").file("../users", USERS).conf(conf).start();
    assert_eq!(site.as_user("plain", "secret").status, 200);
    let credentials = basic("plain", "secret");
    assert_eq!(site.get_with("/v/?file=users", &[("Authorization", &credentials)]).status, 404);
    assert_eq!(site.as_user("plain", "public").status, 401);
}

#[test]
fn a_location_may_do_without_and_methods_may_be_singled_out() {
    let conf = "auth_basic_user_file {root}/users; location / { limit_except GET { auth_basic writers; } }";
    let writers = Site::new().file("page", "").file("users", USERS).conf(conf).start();
    assert_eq!(writers.get("/page").status, 200);
    assert_eq!(writers.ask("DELETE", "/page", &[]).header("www-authenticate"), Some("Basic realm=\"writers\""));
    let site = site(USERS).start();
    assert_eq!((site.get("/open/page").status, site.get("/page").status), (200, 401));
}

#[test]
fn the_error_page_of_a_401_is_sent_with_the_challenge() {
    let site = site(USERS).file("open/401.html", "who are you?").conf("error_page 401 /open/401.html;").start();
    let answer = site.get("/page");
    assert_eq!((answer.status, answer.text()), (401, "who are you?"));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"members\""));
}

#[test]
fn an_error_page_that_is_refused_itself_asks_once() {
    let site = site(USERS).conf("error_page 401 /401.html;").start();
    let answer = site.get("/page");
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Basic realm=\"members\"")));
}

#[test]
fn the_user_is_in_the_access_log_whether_right_or_wrong() {
    let http = "log_format user $remote_user:$status; access_log {root}/log user;";
    let site = site(USERS).http(http).start();
    site.as_user("plain", "secret");
    site.as_user("eve", "secret");
    site.get("/page");
    assert_eq!(site.access_log("log", 3), ["plain:200", "eve:401", "-:401"]);
}

#[test]
fn a_slow_hash_holds_up_no_other_request_of_its_worker() {
    let site = site(SLOW).main("worker_processes 1;").start();
    let request = format!("GET /page HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\n\r\n", basic("slow", "secret"));
    let (mut slow, mut quick) = (site.connect(), site.connect());
    slow.get("/open/page");
    // A machine that is very busy may have computed the hash before the test has asked: once it has not.
    let overtaken = (0..5).any(|_| {
        slow.send(&request);
        assert_eq!(quick.get("/open/page").text(), "open");
        let overtaken = slow.is_quiet();
        assert_eq!(slow.answer().text(), "hello");
        overtaken
    });
    assert!(overtaken, "the other request was answered after the hash each time");
}

#[test]
fn where_too_many_passwords_wait_the_next_is_told_so_at_once() {
    let site = site(SLOW).main("worker_processes 1;").start();
    let request = format!("GET /page HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\n\r\n", basic("slow", "secret"));
    // More than 256 wait behind those under way, however many were checked while the others came.
    let mut clients: Vec<_> = (0..480).map(|_| site.connect()).collect();
    clients.iter_mut().for_each(|client| client.send(&request));
    let last = clients.last_mut().unwrap().answer();
    assert_eq!(last.status, 503);
    site.wait_for_log("user \"slow\": the password was not checked: too much work is waiting");
    assert_eq!(site.get("/open/page").text(), "open");
}

#[test]
fn a_location_that_would_ask_nobody_is_warned_of() {
    let checked = check_config("events { } http { server { location / { auth_basic members; } } }");
    assert!(checked.ok && checked.output.contains("without a file of users no password is asked for"));
}

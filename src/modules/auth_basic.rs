//! Who may ask, by user and password: `auth_basic`, `auth_basic_user_file` (RFC 7617).
//!
//! A handler of the stage `Access`. What a client gives is judged in a job, for reading the file and computing the hash
//! take time that a worker has not; the files and their form are in `users`, the hashes in `base::crypt`. Nothing is
//! remembered of passwords that were right.

mod users;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use self::users::{LINE_BYTES_MAX, UserFiles, Verdict};
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Inherit, Module, Origin, Repeat, Shape};
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::template::Template;
use crate::exchange::{Exchange, Shown};
use crate::http::credentials::Credentials;
use crate::http::status::Status;
use crate::runtime::JobError;

/// The module.
#[derive(Debug)]
pub struct AuthBasic;

/// What its directives set.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    realm: Option<Template>,
    /// Where this block sets the realm.
    realm_here: Option<Place>,
    file: Option<Name>,
    /// One for the whole configuration: blocks start with a clone of the outermost.
    files: Arc<UserFiles>,
}

/// The name of a password file.
#[derive(Clone, Debug)]
struct Name {
    text: Template,
    /// Where one that turns out to be relative is.
    folder: Arc<Path>,
}

const CONTEXTS: Contexts = Contexts::HTTP_SERVER_LOCATION.or(Contexts::LIMIT_EXCEPT);

/// The realm that asks for no password.
const OFF: &[u8] = b"off";

impl Module for AuthBasic {
    type Conf = Conf;

    const NAME: &'static str = "auth_basic";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "auth_basic",
            contexts: CONTEXTS,
            args: Shape::one("REALM | off"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.realm = Some(arguments.template(0)?);
                conf.realm_here = Some(arguments.place(0));
                Ok(())
            },
            default: "off",
            doc: "Asks for a user and a password of `auth_basic_user_file`, by the name of the realm, which browsers show. \
                  Whoever gives none, or a wrong one, is answered with 401. The realm may hold variables; where it turns out \
                  to be `off`, everybody may ask. Passwords are not encrypted on their way.",
            example: "auth_basic \"members only\";",
            origin: Origin::Nginx,
        },
        Directive {
            name: "auth_basic_user_file",
            contexts: CONTEXTS,
            args: Shape::one("FILE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.file = Some(file(arguments)?);
                Ok(())
            },
            default: "",
            doc: "The users and passwords for `auth_basic`: lines of `USER:PASSWORD`, perhaps with a colon and a comment \
                  behind them; lines that begin with `#` are comments. The name may hold variables; a relative one is taken \
                  from the folder of the main configuration file. Passwords have the forms of bcrypt (`$2a$`, `$2b$`, `$2y$`), SHA-256 and SHA-512 crypt \
                  (`$5$`, `$6$`), MD5 crypt (`$1$`), Apache's MD5 (`$apr1$`), DES crypt, `{SSHA}`, `{SHA}` and \
                  `{PLAIN}`; `htpasswd -B`, `openssl passwd` and `mkpasswd` make them. Unlike in nginx, others that \
                  the system's crypt(3) may know, such as yescrypt (`$y$`), fit no password, which the error log says; nor does \
                  bcrypt with a cost above 15, or SHA crypt with more than 1,000,000 rounds. \
                  Passwords are checked by threads of their own, so a slow hash holds up no other request; where too many \
                  wait for one the answer is 503. A changed file counts at once. A file that is missing is answered with \
                  403, one that cannot be read with 500.",
            example: "auth_basic_user_file /etc/webserv/users;",
            origin: Origin::Nginx,
        },
    ];

    const INHERIT: Option<Inherit<Conf>> = Some(|outer| Conf { realm_here: None, ..outer.clone() });

    const INHERITS_ALL: fn(&Conf) -> bool = |conf| conf.realm_here.is_none();

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        let Some(realm) = conf.realm.as_ref().filter(|realm| realm.as_literal() != Some(OFF)) else { return Ok(()) };
        let Some(file) = &conf.file else {
            // Of a server a location may have the file; whoever answers in a location has what is there.
            if let Some(place) = conf.realm_here.filter(|_| !plan.name.is_empty()) {
                let warning = Diagnostic::warning(place, "\"auth_basic\" without \"auth_basic_user_file\"");
                let warning = warning.label("without a file of users no password is asked for");
                build.warn(warning.lint(&lint::AUTH_BASIC_WITHOUT_FILE));
            }
            return Ok(());
        };
        let check = Check { realm: realm.clone(), file: file.clone(), files: Arc::clone(&conf.files) };
        plan.handler(Stage::Access, check);
        Ok(())
    }
}

/// The name of the file; a relative one is taken from the folder of the configuration.
fn file(arguments: &Arguments<'_>) -> Result<Name, Diagnostic> {
    let (name, folder) = (arguments.word(0), arguments.folder());
    let text = match folder.to_str() {
        _ if name.starts_with(['/', '$']) => arguments.template(0)?,
        Some(folder) => {
            arguments.template_of(&format!("{}/{name}", folder.trim_end_matches('/')), arguments.place(0))?
        }
        None => return Err(arguments.error(0, format!("the folder \"{}\" is not UTF-8", folder.display()))),
    };
    Ok(Name { text, folder: Arc::from(folder) })
}

/// Asks for a user and a password.
#[derive(Debug)]
struct Check {
    realm: Template,
    file: Name,
    files: Arc<UserFiles>,
}

impl Handler for Check {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        let realm = self.realm.render_bytes(exchange);
        if realm == OFF {
            return Outcome::Next.into();
        }
        let Some(credentials) = exchange.request.credentials() else {
            exchange.report(Severity::Info, format_args!("no user/password was provided for basic authentication"));
            return challenge(exchange, &realm).into();
        };
        Handling::Later(Box::pin(self.judge(exchange, realm, credentials)))
    }
}

impl Check {
    async fn judge(&self, exchange: &mut Exchange, realm: Bytes, credentials: Credentials) -> Outcome {
        let path = self.path(exchange);
        let user = credentials.user.clone();
        let job = {
            let (files, path) = (Arc::clone(&self.files), path.clone());
            move || files.judge(&path, &credentials)
        };
        let verdict = match exchange.handle.job(job).await {
            Ok(verdict) => verdict,
            Err(error) => return unjudged(exchange, &user, &error),
        };
        if matches!(verdict, Verdict::Fits) {
            exchange.user = Some(Bytes::copy_from_slice(&user));
        }
        let user = Shown(&user);
        let file = path.display();
        match verdict {
            Verdict::Fits => Outcome::Granted,
            Verdict::DoesNotFit => {
                exchange.report(Severity::Error, format_args!("user \"{user}\": password mismatch"));
                challenge(exchange, &realm)
            }
            Verdict::NoUser => {
                exchange.report(Severity::Error, format_args!("user \"{user}\" was not found in \"{file}\""));
                challenge(exchange, &realm)
            }
            Verdict::Unusable(why) => {
                exchange.report(Severity::Error, format_args!("user \"{user}\": the password in \"{file}\" {why}"));
                challenge(exchange, &realm)
            }
            Verdict::LongLine => {
                let what = format_args!("is longer than {LINE_BYTES_MAX} bytes");
                exchange.report(Severity::Error, format_args!("user \"{user}\": the line in \"{file}\" {what}"));
                challenge(exchange, &realm)
            }
            Verdict::CannotOpen(error) if error.kind() == std::io::ErrorKind::NotFound => {
                exchange.report(Severity::Error, format_args!("open() \"{file}\" failed {}", Reason(&error)));
                Outcome::Fail(Status::FORBIDDEN)
            }
            Verdict::CannotOpen(error) => {
                exchange.report(Severity::Crit, format_args!("open() \"{file}\" failed {}", Reason(&error)));
                Outcome::Fail(Status::INTERNAL_SERVER_ERROR)
            }
            Verdict::CannotRead(error) => {
                exchange.report(Severity::Crit, format_args!("read() \"{file}\" failed {}", Reason(&error)));
                Outcome::Fail(Status::INTERNAL_SERVER_ERROR)
            }
            Verdict::NotAFile => {
                exchange.report(Severity::Crit, format_args!("\"{file}\" is not a regular file"));
                Outcome::Fail(Status::INTERNAL_SERVER_ERROR)
            }
        }
    }

    fn path(&self, exchange: &Exchange) -> PathBuf {
        let name = self.file.text.render(exchange).into_owned();
        self.file.folder.join(OsString::from_vec(name))
    }
}

/// 401, and what the client may answer it with. The realm is sent as it is, as nginx does.
fn challenge(exchange: &mut Exchange, realm: &[u8]) -> Outcome {
    exchange.error.challenge([b"Basic realm=\"", realm, b"\""].concat().into());
    Outcome::Fail(Status::UNAUTHORIZED)
}

/// The password was not checked.
fn unjudged(exchange: &Exchange, user: &[u8], error: &JobError) -> Outcome {
    let user = Shown(user);
    exchange.report(Severity::Error, format_args!("user \"{user}\": the password was not checked: {error}"));
    Outcome::Fail(match error {
        JobError::Full | JobError::NoThread(_) => Status::SERVICE_UNAVAILABLE,
        JobError::Panicked => Status::INTERNAL_SERVER_ERROR,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{accepted, plan_at, warned};

    fn asks(text: &str, path: &str) -> bool {
        plan_at::<AuthBasic>(text, path).has_stage(Stage::Access)
    }

    #[test]
    fn realm_and_file_are_inherited_each_by_itself() {
        let text =
            "auth_basic_user_file users; server { auth_basic a; location / { auth_basic off; } location /b { } }";
        assert!(!asks(text, "/"));
        assert!(asks(text, "/b"));
        assert!(asks("auth_basic a; server { location / { auth_basic_user_file b; } }", "/"));
        assert!(asks("server { auth_basic $arg_realm; auth_basic_user_file $arg_file; }", "/"));
        assert!(!asks("auth_basic_user_file users; server { }", "/"));
    }

    #[test]
    fn a_relative_file_is_taken_from_the_folder_of_the_configuration() {
        let handlers = |text: &str| format!("{:?}", plan_at::<AuthBasic>(text, "/").handlers);
        assert!(handlers("auth_basic a; auth_basic_user_file users; server { }").contains("\"/srv/users\""));
        assert!(handlers("auth_basic a; auth_basic_user_file /etc/users; server { }").contains("\"/etc/users\""));
    }

    #[test]
    fn a_location_that_asks_for_no_password_after_all_is_warned_of() {
        let report = warned::<AuthBasic>("location / { auth_basic a; }");
        assert!(report.contains("\"auth_basic\" without \"auth_basic_user_file\""), "{report}");
        accepted::<AuthBasic>("http { auth_basic a; server { location / { auth_basic_user_file b; } } }");
        accepted::<AuthBasic>("http { server { location / { auth_basic off; } } }");
    }
}

//! The stage `Access`: what its checks say of a request together (`satisfy`), and how long a refusal waits
//! (`auth_delay`).
//!
//! A check has no opinion (`Next`), lets the request pass (`Granted`), or refuses it (`Fail` with 403 or 401; the latter
//! leaves a challenge in the exchange). Anything else a check answers is the answer. Called by `answer` for the checks of
//! a location, in the order of `modules/mod.rs`; knows none of them.

use super::exchange::Exchange;
use super::plan::{Handler, Handling, Outcome};
use super::settings::Satisfy;
use super::trace::Step;
use crate::base::report::Severity;
use crate::http::status::Status;

/// Asks the checks. `Next` means that the request may go on; so may a subrequest, for the client has passed the checks
/// of its own request.
pub(super) async fn ask(exchange: &mut Exchange, checks: &[Box<dyn Handler>]) -> Outcome {
    if exchange.is_subrequest() {
        return Outcome::Next;
    }
    let satisfy = exchange.plan.settings.satisfy;
    let challenges = exchange.error.challenges.len();
    let mut refused = None;
    for check in checks {
        let outcome = match check.handle(exchange) {
            Handling::Done(outcome) => outcome,
            Handling::Later(outcome) => outcome.await,
        };
        match (satisfy, outcome) {
            (_, Outcome::Next) | (Satisfy::All, Outcome::Granted) => {}
            (Satisfy::Any, Outcome::Granted) => {
                // Those that an earlier round left belong to the error page that is being made.
                exchange.error.challenges.truncate(challenges);
                return Outcome::Next;
            }
            (Satisfy::Any, Outcome::Fail(status)) if is_refusal(status) => {
                // A password helps the client further than a bare refusal, whichever came last.
                if !matches!(refused, Some((Status::UNAUTHORIZED, _))) {
                    refused = Some((status, check));
                }
            }
            (Satisfy::All, Outcome::Fail(status)) if is_refusal(status) => {
                return refuse(exchange, status, &**check).await;
            }
            (_, outcome) => {
                exchange.tell(|| Step::Decided { module: check.module() });
                return outcome;
            }
        }
    }
    let Some((status, check)) = refused else { return Outcome::Next };
    if status == Status::FORBIDDEN {
        exchange.report(Severity::Error, format_args!("access forbidden by rule"));
    }
    refuse(exchange, status, &**check).await
}

/// Whether this is a check's refusal, and not a failure to make up its mind.
fn is_refusal(status: Status) -> bool {
    matches!(status, Status::UNAUTHORIZED | Status::FORBIDDEN)
}

/// The refusal; one that invites another try is held back for a while, but from nobody who only wants to know.
async fn refuse(exchange: &Exchange, status: Status, check: &dyn Handler) -> Outcome {
    exchange.tell(|| Step::Decided { module: check.module() });
    let delay = exchange.plan.settings.auth_delay;
    if status == Status::UNAUTHORIZED && !delay.is_zero() && exchange.trace.is_none() {
        exchange.report(Severity::Info, format_args!("delaying unauthorized request"));
        let handle = &exchange.handle;
        handle.deadline(handle.now() + delay).await;
    }
    Outcome::Fail(status)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::exchange::answer::answer;
    use crate::exchange::plan::{PlanBuilder, Stage};
    use crate::exchange::test_support::Bench;
    use crate::exchange::testing::{Answer, Location};

    /// A check that always says the same, now or later.
    #[derive(Clone, Copy, Debug)]
    enum Says {
        Nothing,
        Yes,
        No,
        Password,
        PasswordLater,
        Broken,
    }

    impl Handler for Says {
        fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
            let outcome = match self {
                Self::Nothing => Outcome::Next,
                Self::Yes => Outcome::Granted,
                Self::No => Outcome::Fail(Status::FORBIDDEN),
                Self::Password => {
                    exchange.error.challenge(Bytes::from_static(b"Basic realm=\"a\""));
                    Outcome::Fail(Status::UNAUTHORIZED)
                }
                Self::PasswordLater => {
                    return Handling::Later(Box::pin(async move {
                        exchange.handle.yield_now().await;
                        let Handling::Done(outcome) = Self::Password.handle(exchange) else { return Outcome::Close };
                        outcome
                    }));
                }
                Self::Broken => Outcome::Fail(Status::INTERNAL_SERVER_ERROR),
            };
            outcome.into()
        }
    }

    /// What a location with these checks answers; 204 is what stands behind them.
    fn answered(satisfy: Satisfy, checks: &[Says]) -> Answer {
        let install = |plan: &mut PlanBuilder| {
            plan.settings.satisfy = satisfy;
            checks.iter().for_each(|check| plan.handler(Stage::Access, *check));
            plan.handler(Stage::Content, Content);
        };
        Location::new(install).get("/")
    }

    fn status(satisfy: Satisfy, checks: &[Says]) -> u16 {
        answered(satisfy, checks).status
    }

    #[derive(Debug)]
    struct Content;

    impl Handler for Content {
        fn handle<'a>(&'a self, _exchange: &'a mut Exchange) -> Handling<'a> {
            Outcome::Fail(Status::NO_CONTENT).into()
        }
    }

    #[test]
    fn all_must_grant_and_the_first_refusal_answers() {
        use Says::*;
        let all = |checks: &[Says]| status(Satisfy::All, checks);
        assert_eq!(all(&[Nothing, Nothing]), 204);
        assert_eq!(all(&[Yes, Yes]), 204);
        assert_eq!(all(&[Yes, Password]), 401);
        assert_eq!(all(&[No, Password]), 403);
        assert_eq!(all(&[PasswordLater, No]), 401);
        assert_eq!(all(&[Yes, Broken, No]), 500);
    }

    #[test]
    fn with_any_the_first_grant_wins() {
        use Says::*;
        let any = |checks: &[Says]| status(Satisfy::Any, checks);
        assert_eq!(any(&[Nothing, Nothing]), 204);
        assert_eq!(any(&[No, Yes]), 204);
        assert_eq!(any(&[Yes, Broken]), 204);
        assert_eq!(any(&[PasswordLater, Yes]), 204);
        assert_eq!(any(&[Nothing, No]), 403);
        assert_eq!(any(&[No, Broken, Yes]), 500);
    }

    #[test]
    fn with_any_a_password_is_asked_for_before_all_is_refused() {
        use Says::*;
        for checks in [[No, Password], [Password, No], [No, PasswordLater]] {
            let answer = answered(Satisfy::Any, &checks);
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Basic realm=\"a\"")));
        }
    }

    #[test]
    fn a_grant_takes_back_the_challenge() {
        let answer = answered(Satisfy::Any, &[Says::Password, Says::Yes]);
        assert_eq!((answer.status, answer.header("www-authenticate")), (204, None));
    }

    #[test]
    fn a_challenge_is_sent_once_however_often_it_is_made() {
        let answer = answered(Satisfy::Any, &[Says::Password, Says::Password]);
        assert_eq!((answer.status, answer.response.headers.count(b"WWW-Authenticate")), (401, 1));
    }

    #[test]
    fn a_401_is_held_back_for_the_delay_and_a_403_is_not() {
        let statuses = |check: Says| {
            let mut bench = Bench::new();
            let mut plan = PlanBuilder::new("/");
            plan.settings.auth_delay = Duration::from_secs(2);
            plan.handler(Stage::Access, check);
            let mut exchange = bench.exchange_in(plan, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let answered = Rc::new(Cell::new(0));
            let kept = Rc::clone(&answered);
            exchange.handle.clone().spawn(async move {
                kept.set(answer(&mut exchange).await.unwrap().status.code());
            });
            let mut after = |time| {
                bench.clock.advance(Duration::from_millis(time));
                bench.turn();
                answered.get()
            };
            [after(0), after(1900), after(200)]
        };
        assert_eq!(statuses(Says::Password), [0, 0, 401]);
        assert_eq!(statuses(Says::No), [403, 403, 403]);
    }
}

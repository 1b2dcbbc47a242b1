//! Signing in to the console as an IAM user or as a root user.

use super::answer::{self, Answer};
use super::console;
use super::cookie::{self, Cookie};
use super::sign_in::{FORM_SECONDS, form_cookie, is_from_form};
use super::visit::Visit;
use axum::response::Response;
use base::Secret;
use http::{HeaderValue, StatusCode, header};
use pages::Html;
use pages::console::{AsWhom, Code, ConsoleSignIn, NewConsolePassword, SignInProblem};
use signin::password::{self, Outcome, Who};

/// What came with the form, to be shown again.
struct Given<'a> {
    as_whom: AsWhom,
    account: &'a str,
    name: &'a str,
    next: String,
}

impl<'a> Given<'a> {
    fn of(visit: &'a Visit) -> Self {
        let as_whom = if visit.field("as") == "root" { AsWhom::Root } else { AsWhom::User };
        let name = match as_whom {
            AsWhom::User => visit.field("username").trim(),
            AsWhom::Root => visit.field("email").trim(),
        };
        Self { as_whom, account: visit.field("account").trim(), name, next: console::place(visit, visit.field("next")) }
    }
}

/// Shows the form, or goes on when there is nothing to do.
pub(super) fn show(visit: &Visit) -> Answer {
    let next = console::place(visit, visit.query("next").unwrap_or_default());
    if visit.console()?.is_some() {
        return answer::redirect(&next);
    }
    let as_whom = if visit.query("as") == Some("root") { AsWhom::Root } else { AsWhom::User };
    let of_host = account_of_host(visit);
    let account = visit.query("account").or(of_host.as_deref()).unwrap_or_default();
    Ok(form(visit, &Given { as_whom, account, name: "", next }, None))
}

/// The account that the host names: `https://<account id or alias>.signin.aws.amazon.com/console`.
fn account_of_host(visit: &Visit) -> Option<String> {
    let host = visit.header(header::HOST)?.split(':').next()?.to_ascii_lowercase();
    let label = host.strip_suffix(".signin.aws.amazon.com")?;
    let is_region = label == visit.app().settings.region || label == "us-east-1";
    (!is_region && !label.contains('.')).then(|| label.to_owned())
}

/// The steps after the form are only for those who come from it; a link to them starts anew.
pub(super) fn restart(_: &Visit) -> Answer {
    answer::redirect("/console/signin")
}

/// Checks a password.
pub(super) fn submit(visit: &Visit) -> Answer {
    let given = Given::of(visit);
    if !is_from_form(visit) {
        return Ok(form(visit, &given, Some(SignInProblem::Expired)));
    }
    let password = Secret::new(visit.field("password"));
    let who = match given.as_whom {
        AsWhom::User => Who::User { account: given.account, user_name: given.name },
        AsWhom::Root => Who::Root { email: given.name },
    };
    if given.name.is_empty() || password.expose().is_empty() {
        return Ok(form(visit, &given, Some(SignInProblem::Refused)));
    }
    let outcome = password::sign_in(visit.app(), &visit.info, &who, &password)?;
    settle(visit, outcome, &given, |problem| form(visit, &given, Some(problem)))
}

/// Takes a code of a registered device.
pub(super) fn give_code(visit: &Visit) -> Answer {
    let given = Given::of(visit);
    if !is_from_form(visit) {
        return Ok(form(visit, &given, Some(SignInProblem::Expired)));
    }
    let ticket = visit.field("ticket");
    let outcome = password::give_code(visit.app(), &visit.info, ticket, visit.field("code"))?;
    settle(visit, outcome, &given, |problem| match problem {
        SignInProblem::Refused | SignInProblem::Throttled { .. } => code(visit, ticket, &given.next, Some(problem)),
        SignInProblem::Expired | SignInProblem::PasswordExpired => form(visit, &given, Some(problem)),
    })
}

/// Takes the password that replaces one that must be replaced.
pub(super) fn replace_password(visit: &Visit) -> Answer {
    let given = Given::of(visit);
    if !is_from_form(visit) {
        return Ok(form(visit, &given, Some(SignInProblem::Expired)));
    }
    let (ticket, new) = (visit.field("ticket"), Secret::new(visit.field("new")));
    if new.expose() != visit.field("again") {
        return Ok(new_password(visit, ticket, &given.next, Some("The two passwords differ.")));
    }
    let outcome = password::replace(visit.app(), &visit.info, ticket, &new)?;
    settle(visit, outcome, &given, |problem| form(visit, &given, Some(problem)))
}

/// What the browser gets for an outcome; `again` shows the form of the step once more.
fn settle(visit: &Visit, outcome: Outcome, given: &Given<'_>, again: impl Fn(SignInProblem) -> Response) -> Answer {
    match outcome {
        Outcome::SignedIn(session) => {
            let mut response = console::enter(visit, &session, None, StatusCode::SEE_OTHER, &given.next)?;
            answer::set_cookie(&mut response, &cookie::set(Cookie::Form, visit.is_https(), "", 0));
            Ok(response)
        }
        Outcome::NeedsCode(ticket) => Ok(code(visit, ticket.expose(), &given.next, None)),
        Outcome::MustChange(ticket) => Ok(new_password(visit, ticket.expose(), &given.next, None)),
        Outcome::PasswordRefused(text) => {
            Ok(new_password(visit, visit.field("ticket"), &given.next, Some(text.as_str())))
        }
        Outcome::Refused => Ok(again(SignInProblem::Refused)),
        Outcome::PasswordExpired => Ok(again(SignInProblem::PasswordExpired)),
        Outcome::TicketExpired => Ok(again(SignInProblem::Expired)),
        Outcome::Throttled { retry_after_seconds } => {
            let minutes = retry_after_seconds.max(1).saturating_add(59) / 60;
            let mut response = again(SignInProblem::Throttled { minutes });
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds.max(1)));
            Ok(response)
        }
    }
}

fn form(visit: &Visit, given: &Given<'_>, problem: Option<SignInProblem>) -> Response {
    let purpose = given.next.starts_with("/v1/authorize");
    tied(visit, status(problem), |csrf| {
        ConsoleSignIn {
            frame: visit.frame(),
            as_whom: given.as_whom,
            account: given.account,
            name: given.name,
            purpose: purpose.then_some("To let a command-line tool (aws login) act for you."),
            next: &given.next,
            csrf,
            problem,
        }
        .render()
    })
}

fn code(visit: &Visit, ticket: &str, next: &str, problem: Option<SignInProblem>) -> Response {
    tied(visit, status(problem), |csrf| Code { frame: visit.frame(), ticket, next, csrf, problem }.render())
}

fn new_password(visit: &Visit, ticket: &str, next: &str, problem: Option<&str>) -> Response {
    tied(visit, StatusCode::OK, |csrf| {
        NewConsolePassword { frame: visit.frame(), ticket, next, csrf, problem }.render()
    })
}

fn status(problem: Option<SignInProblem>) -> StatusCode {
    match problem {
        None | Some(SignInProblem::Refused | SignInProblem::PasswordExpired) => StatusCode::OK,
        Some(SignInProblem::Expired) => StatusCode::FORBIDDEN,
        Some(SignInProblem::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// A form that is tied to the browser by its cookie.
fn tied(visit: &Visit, status: StatusCode, render: impl FnOnce(&str) -> Html) -> Response {
    let cookie = form_cookie(visit);
    let mut response = answer::page(status, render(&visit.token(&cookie)));
    answer::set_cookie(&mut response, &cookie::set(Cookie::Form, visit.is_https(), &cookie, FORM_SECONDS));
    response
}

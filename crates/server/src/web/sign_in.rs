//! Signing in with a name and a password.

use super::answer::{self, Answer, Failure};
use super::cookie::{self, Cookie};
use super::destination::{Destination, Meaning};
use super::recovery;
use super::visit::Visit;
use axum::response::Response;
use base::Secret;
use base::random::ALPHABET_ALPHANUMERIC;
use directory::managed::own_password::Rule as DomainRule;
use http::{HeaderValue, StatusCode, header};
use identity::password::Problem as Rule;
use pages::password::{NewPassword, Occasion, Problem as PasswordProblem};
use pages::sign_in::{Problem, SignIn};
use sso::sign_in::{self, Changed, NewSession, Outcome, Replaced};

/// Characters of the cookie that ties a form to its browser: 190 bits.
const FORM_COOKIE_CHARACTERS: usize = 32;
/// How long a sign-in form stays good, in seconds.
pub(super) const FORM_SECONDS: i64 = 3_600;

/// Shows the form, or goes on when there is nothing to do.
pub(super) fn show(visit: &Visit) -> Answer {
    let next = Destination::of(visit.query("next").unwrap_or_default());
    let meaning = next.meaning(visit)?;
    if is_signed_in(visit, &meaning)? {
        return answer::redirect(next.as_str());
    }
    form(visit, &next, &meaning, "", None)
}

/// Whether the browser has nothing left to prove on the way to where `meaning` leads.
fn is_signed_in(visit: &Visit, meaning: &Meaning) -> Result<bool, Failure> {
    Ok(visit.person()?.is_some_and(|person| person.instance.id == meaning.instance.id))
}

/// A password is only changed on the way in; a link to that page starts anew.
pub(super) fn restart(_: &Visit) -> Answer {
    answer::redirect("/signin")
}

/// Checks name and password.
pub(super) fn submit(visit: &Visit) -> Answer {
    let next = Destination::of(visit.field("next"));
    let meaning = next.meaning(visit)?;
    let user_name = visit.field("username").trim();
    let again = |problem| form(visit, &next, &meaning, user_name, Some(problem));
    if !is_from_form(visit) {
        // The form of another tab has let this browser in meanwhile, and its cookie has gone with that.
        return if is_signed_in(visit, &meaning)? { answer::redirect(next.as_str()) } else { again(Problem::Expired) };
    }
    let password = Secret::new(visit.field("password"));
    if user_name.is_empty() || password.expose().is_empty() {
        return again(Problem::Refused);
    }
    match sign_in::sign_in(visit.app(), &visit.info, &meaning.instance, user_name, &password)? {
        Outcome::SignedIn(new) => establish(visit, &new, &next),
        Outcome::MustChange(ticket) => {
            Ok(new_password(visit, &next, user_name, ticket.expose(), Occasion::Given, None))
        }
        Outcome::ChangeInDomain(ticket) => {
            Ok(new_password(visit, &next, user_name, ticket.expose(), Occasion::Domain, None))
        }
        Outcome::ChangeInDirectory => again(Problem::ChangeElsewhere),
        Outcome::Refused => again(Problem::Refused),
        Outcome::Throttled { retry_after_seconds } => {
            let response = again(Problem::Throttled { minutes: minutes(retry_after_seconds) })?;
            Ok(retry_after(response, retry_after_seconds))
        }
        Outcome::Unavailable => again(Problem::Unavailable),
    }
}

/// Minutes, at least one, that are over in so many seconds.
fn minutes(seconds: i64) -> i64 {
    seconds.max(1).saturating_add(59) / 60
}

fn retry_after(mut response: Response, seconds: i64) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// Takes the password that replaces one of an administrator's.
pub(super) fn replace_password(visit: &Visit) -> Answer {
    let next = Destination::of(visit.field("next"));
    let user_name = visit.field("username");
    if !is_from_form(visit) {
        return expired(visit, &next, user_name);
    }
    let ticket = visit.field("ticket");
    let again = |problem| Ok(new_password(visit, &next, user_name, ticket, Occasion::Given, Some(problem)));
    let new = Secret::new(visit.field("new"));
    if new.expose() != visit.field("again") {
        return again(PasswordProblem::Mismatch);
    }
    match sign_in::replace_password(visit.app(), &visit.info, ticket, &new)? {
        Replaced::SignedIn(new) => establish(visit, &new, &next),
        Replaced::Refused(rule) => again(rule_of(rule)),
        Replaced::Expired => expired(visit, &next, user_name),
    }
}

/// Takes the password that replaces one which a domain that is run here lets nobody in with any more.
pub(super) fn change_in_domain(visit: &Visit) -> Answer {
    let next = Destination::of(visit.field("next"));
    let user_name = visit.field("username");
    if !is_from_form(visit) {
        return expired(visit, &next, user_name);
    }
    let ticket = visit.field("ticket");
    let again = |problem| Ok(new_password(visit, &next, user_name, ticket, Occasion::Domain, Some(problem)));
    let (present, new) = (Secret::new(visit.field("present")), Secret::new(visit.field("new")));
    if new.expose() != visit.field("again") {
        return again(PasswordProblem::Mismatch);
    }
    match sign_in::change_in_domain(visit.app(), &visit.info, ticket, &present, &new)? {
        Changed::SignedIn(new) => establish(visit, &new, &next),
        Changed::Refused(rule) => again(rule_of(rule)),
        Changed::RefusedByDomain(rule) => again(match rule {
            DomainRule::Length => PasswordProblem::Longer,
            DomainRule::Complexity => PasswordProblem::Simple,
            DomainRule::History => PasswordProblem::Reused,
            DomainRule::Age => PasswordProblem::Young,
            DomainRule::Other => PasswordProblem::Domain,
        }),
        Changed::WrongPresent => again(PasswordProblem::Present),
        Changed::Throttled { retry_after_seconds } => {
            let response = again(PasswordProblem::Throttled { minutes: minutes(retry_after_seconds) })?;
            Ok(retry_after(response, retry_after_seconds))
        }
        Changed::Unavailable => again(PasswordProblem::Unavailable),
        Changed::Expired => expired(visit, &next, user_name),
    }
}

/// The rule that a password does not meet, as pages name it.
pub(super) fn rule_of(rule: Rule) -> PasswordProblem {
    match rule {
        Rule::Length => PasswordProblem::Length,
        Rule::Classes => PasswordProblem::Classes,
        Rule::Reused => PasswordProblem::Reused,
        Rule::Guessable => PasswordProblem::Guessable,
    }
}

fn expired(visit: &Visit, next: &Destination, user_name: &str) -> Answer {
    let meaning = next.meaning(visit)?;
    form(visit, next, &meaning, user_name, Some(Problem::Expired))
}

/// Whether the form was made for this browser.
pub(super) fn is_from_form(visit: &Visit) -> bool {
    visit.cookie(Cookie::Form).is_some_and(|cookie| visit.has_token(cookie))
}

/// The sign-in form; its cookie ties it to the browser.
fn form(visit: &Visit, next: &Destination, meaning: &Meaning, user_name: &str, problem: Option<Problem>) -> Answer {
    let cookie = form_cookie(visit);
    let csrf = visit.token(&cookie);
    let has_passwords = visit.app().store.read(|tx| sso::mail_link::has_passwords(tx, &meaning.instance))?;
    let forgot = has_passwords.then(|| recovery::forgot_page(next));
    let page = SignIn {
        frame: visit.frame(),
        purpose: &meaning.purpose,
        user_name,
        next: next.as_str(),
        csrf: &csrf,
        problem,
        forgot: forgot.as_deref(),
    };
    let status = match problem {
        None | Some(Problem::Refused | Problem::ChangeElsewhere) => StatusCode::OK,
        Some(Problem::Expired) => StatusCode::FORBIDDEN,
        Some(Problem::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(Problem::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = answer::page(status, page.render());
    if let Some(origin) = &meaning.onward {
        answer::allow_form_to(&mut response, origin);
    }
    Ok(keep_form_cookie(visit, response, &cookie))
}

/// Has the browser keep the cookie of its forms.
pub(super) fn keep_form_cookie(visit: &Visit, mut response: Response, cookie: &str) -> Response {
    answer::set_cookie(&mut response, &cookie::set(Cookie::Form, visit.is_https(), cookie, FORM_SECONDS));
    response
}

/// The cookie that the browser has already, so that a second tab does not spoil the first; else a new one.
pub(super) fn form_cookie(visit: &Visit) -> String {
    let is_ours = |cookie: &&str| {
        cookie.len() == FORM_COOKIE_CHARACTERS && cookie.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match visit.cookie(Cookie::Form).filter(is_ours) {
        Some(cookie) => cookie.to_owned(),
        None => visit.app().with_random(|random| random.text(ALPHABET_ALPHANUMERIC, FORM_COOKIE_CHARACTERS)),
    }
}

fn new_password(
    visit: &Visit,
    next: &Destination,
    user_name: &str,
    ticket: &str,
    occasion: Occasion<'_>,
    problem: Option<PasswordProblem>,
) -> Response {
    let cookie = form_cookie(visit);
    let csrf = visit.token(&cookie);
    let (frame, next) = (visit.frame(), Some(next.as_str()));
    let page = NewPassword { frame, occasion, ticket, user_name, next, csrf: &csrf, problem };
    let status = match problem {
        Some(PasswordProblem::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(PasswordProblem::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    keep_form_cookie(visit, answer::page(status, page.render()), &cookie)
}

/// Gives the browser its session and sends it on. The form's cookie has done its work: what was known before somebody
/// signed in proves nothing afterwards.
fn establish(visit: &Visit, new: &NewSession, next: &Destination) -> Result<Response, Failure> {
    let seconds = new.session.expires_at.seconds().saturating_sub(visit.now().seconds());
    let mut response = answer::redirect(next.as_str())?;
    let session = cookie::set(Cookie::Session, visit.is_https(), new.cookie.expose(), seconds);
    answer::set_cookie(&mut response, &session);
    answer::set_cookie(&mut response, &cookie::set(Cookie::Form, visit.is_https(), "", 0));
    Ok(response)
}

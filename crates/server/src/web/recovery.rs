//! Forgotten passwords, and the pages that links in mails open.
//!
//! Opening a link changes nothing: programs that look for harm in mail open them all. Only sending the form does.

use super::answer::{self, Answer};
use super::destination::Destination;
use super::sign_in::{form_cookie, is_from_form, keep_form_cookie, rule_of};
use super::visit::Visit;
use axum::response::Response;
use base::Secret;
use http::{HeaderValue, StatusCode, header};
use pages::password::{NewPassword, Occasion, Problem as PasswordProblem};
use pages::recovery::{
    EmailVerified, ForgotPassword, InDirectory, LinkSent, LinkVoid, PasswordSet, Problem, VerifyEmail,
};
use sso::mail_link::{self, Link, Outcome, Purpose, Requested};

/// The page that leads to `next` by way of signing in.
fn sign_in_page(next: &Destination) -> String {
    answer::leading("/signin", next.as_str())
}

/// The page for whoever has forgotten the password and wants to go to `next`.
pub(super) fn forgot_page(next: &Destination) -> String {
    answer::leading("/signin/forgot", next.as_str())
}

/// Asks whose password is forgotten.
pub(super) fn ask(visit: &Visit) -> Answer {
    let next = Destination::of(visit.query("next").unwrap_or_default());
    let instance = next.meaning(visit)?.instance;
    if visit.app().store.read(|tx| mail_link::has_passwords(tx, &instance))? {
        Ok(question(visit, &next, "", None))
    } else {
        Ok(elsewhere(visit, &next))
    }
}

/// Has a link sent to whoever has that name.
pub(super) fn request(visit: &Visit) -> Answer {
    let next = Destination::of(visit.field("next"));
    let instance = next.meaning(visit)?.instance;
    let user_name = visit.field("username").trim();
    if !is_from_form(visit) {
        return Ok(question(visit, &next, user_name, Some(Problem::Expired)));
    }
    if user_name.is_empty() {
        return Ok(question(visit, &next, user_name, Some(Problem::Empty)));
    }
    match mail_link::request_reset(visit.app(), &visit.info, &instance, user_name)? {
        Requested::Accepted => {
            let sign_in = sign_in_page(&next);
            Ok(answer::page(StatusCode::OK, LinkSent { frame: visit.frame(), sign_in: &sign_in }.render()))
        }
        Requested::Throttled { retry_after_seconds } => {
            let minutes = retry_after_seconds.max(1).saturating_add(59) / 60;
            let mut response = question(visit, &next, user_name, Some(Problem::Throttled { minutes }));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds.max(1)));
            Ok(response)
        }
        Requested::Elsewhere => Ok(elsewhere(visit, &next)),
    }
}

fn question(visit: &Visit, next: &Destination, user_name: &str, problem: Option<Problem>) -> Response {
    let cookie = form_cookie(visit);
    let (csrf, sign_in) = (visit.token(&cookie), sign_in_page(next));
    let frame = visit.frame();
    let page = ForgotPassword { frame, user_name, next: next.as_str(), sign_in: &sign_in, csrf: &csrf, problem };
    let status = match problem {
        None | Some(Problem::Empty) => StatusCode::OK,
        Some(Problem::Expired) => StatusCode::FORBIDDEN,
        Some(Problem::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
    };
    keep_form_cookie(visit, answer::page(status, page.render()), &cookie)
}

fn elsewhere(visit: &Visit, next: &Destination) -> Response {
    let sign_in = sign_in_page(next);
    answer::page(StatusCode::OK, InDirectory { frame: visit.frame(), sign_in: &sign_in }.render())
}

/// The form behind an invitation.
pub(super) fn show_invitation(visit: &Visit) -> Answer {
    show_password(visit, Purpose::Invitation)
}

/// Sets the first password.
pub(super) fn accept_invitation(visit: &Visit) -> Answer {
    set_password(visit, Purpose::Invitation)
}

/// The form behind a link for a new password.
pub(super) fn show_reset(visit: &Visit) -> Answer {
    show_password(visit, Purpose::PasswordReset)
}

/// Sets another password.
pub(super) fn reset(visit: &Visit) -> Answer {
    set_password(visit, Purpose::PasswordReset)
}

fn show_password(visit: &Visit, purpose: Purpose) -> Answer {
    let token = visit.query("token").unwrap_or_default();
    Ok(match mail_link::find(visit.app(), token, purpose)? {
        Some(link) => password_form(visit, purpose, &link, token, None)?,
        None => void(visit, purpose),
    })
}

fn set_password(visit: &Visit, purpose: Purpose) -> Answer {
    let token = visit.field("ticket");
    let Some(link) = mail_link::find(visit.app(), token, purpose)? else { return Ok(void(visit, purpose)) };
    let again = |problem| password_form(visit, purpose, &link, token, Some(problem));
    if !is_from_form(visit) {
        return again(PasswordProblem::Expired);
    }
    let new = Secret::new(visit.field("new"));
    if new.expose() != visit.field("again") {
        return again(PasswordProblem::Mismatch);
    }
    match mail_link::set_password(visit.app(), &visit.info, token, purpose, &new)? {
        Outcome::Set => {
            let portal = visit.place_in(&link.instance, "/start")?;
            answer::redirect(&answer::leading("/signin/password-set", &portal))
        }
        Outcome::Refused(problem) => again(rule_of(problem)),
        Outcome::Void => Ok(void(visit, purpose)),
    }
}

fn password_form(
    visit: &Visit,
    purpose: Purpose,
    link: &Link,
    token: &str,
    problem: Option<PasswordProblem>,
) -> Answer {
    let cookie = form_cookie(visit);
    let csrf = visit.token(&cookie);
    let portal = format!("{}{}", visit.base_url(), visit.place_in(&link.instance, "/start")?);
    let (portal, expires_at) = (portal.as_str(), link.expires_at);
    let occasion = match purpose {
        Purpose::Invitation => Occasion::Invitation { portal, expires_at },
        Purpose::PasswordReset | Purpose::EmailVerification => Occasion::Reset { portal, expires_at },
    };
    let (frame, user_name) = (visit.frame(), link.user.user_name.as_str());
    let page = NewPassword { frame, occasion, ticket: token, user_name, next: None, csrf: &csrf, problem };
    let status = if problem == Some(PasswordProblem::Expired) { StatusCode::FORBIDDEN } else { StatusCode::OK };
    Ok(keep_form_cookie(visit, answer::page(status, page.render()), &cookie))
}

fn void(visit: &Visit, purpose: Purpose) -> Response {
    let is_for_password = purpose != Purpose::EmailVerification;
    answer::page(StatusCode::GONE, LinkVoid { frame: visit.frame(), is_for_password }.render())
}

/// Says that a password is set. Tells nothing about anybody.
pub(super) fn password_set(visit: &Visit) -> Answer {
    let sign_in = sign_in_page(&Destination::of(visit.query("next").unwrap_or_default()));
    Ok(answer::page(StatusCode::OK, PasswordSet { frame: visit.frame(), sign_in: &sign_in }.render()))
}

/// Asks whether an address is the reader's.
pub(super) fn show_verification(visit: &Visit) -> Answer {
    let token = visit.query("token").unwrap_or_default();
    verification(visit, token, false)
}

fn verification(visit: &Visit, token: &str, has_expired: bool) -> Answer {
    let purpose = Purpose::EmailVerification;
    let Some(link) = mail_link::find(visit.app(), token, purpose)? else { return Ok(void(visit, purpose)) };
    let cookie = form_cookie(visit);
    let csrf = visit.token(&cookie);
    let page = VerifyEmail {
        frame: visit.frame(),
        address: link.user.email().unwrap_or(&link.address),
        user_name: &link.user.user_name,
        ticket: token,
        csrf: &csrf,
        has_expired,
    };
    let status = if has_expired { StatusCode::FORBIDDEN } else { StatusCode::OK };
    Ok(keep_form_cookie(visit, answer::page(status, page.render()), &cookie))
}

/// Confirms an address.
pub(super) fn verify(visit: &Visit) -> Answer {
    let token = visit.field("ticket");
    if !is_from_form(visit) {
        return verification(visit, token, true);
    }
    let Some(link) = mail_link::find(visit.app(), token, Purpose::EmailVerification)? else {
        return Ok(void(visit, Purpose::EmailVerification));
    };
    if mail_link::verify_email(visit.app(), &visit.info, token)? {
        let portal = visit.place_in(&link.instance, "/start")?;
        Ok(answer::page(StatusCode::OK, EmailVerified { frame: visit.frame(), portal: &portal }.render()))
    } else {
        Ok(void(visit, Purpose::EmailVerification))
    }
}

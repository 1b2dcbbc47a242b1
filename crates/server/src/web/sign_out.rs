//! Signing out.

use super::answer::{self, Answer};
use super::cookie::{self, Cookie};
use super::visit::Visit;
use http::StatusCode;
use pages::sign_out::{SignOut, SignedOut};
use sso::session;

/// Asks, or tells that nobody is signed in.
pub(super) fn show(visit: &Visit) -> Answer {
    let html = match visit.person()? {
        Some(person) => SignOut { frame: visit.frame_of(&person), csrf: &visit.token_of(&person) }.render(),
        None => SignedOut { frame: visit.frame(), portal: "/start" }.render(),
    };
    Ok(answer::page(StatusCode::OK, html))
}

/// Ends the session of this browser.
pub(super) fn submit(visit: &Visit) -> Answer {
    let mut portal = "/start".to_owned();
    if visit.person()?.is_some() {
        let person = visit.sender("/signout")?;
        session::sign_out(visit.app(), &visit.info, &person.session)?;
        portal = visit.place_in(&person.instance, "/start")?;
    }
    let mut response = answer::page(StatusCode::OK, SignedOut { frame: visit.frame(), portal: &portal }.render());
    answer::set_cookie(&mut response, &cookie::set(Cookie::Session, visit.is_https(), "", 0));
    Ok(response)
}

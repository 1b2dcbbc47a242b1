//! The place of the consoles.

use super::answer::{self, Answer};
use super::visit::Visit;
use http::StatusCode;
use pages::console::NoConsole;

/// Says that there is no console, and offers credentials for the role that a link names.
pub(super) fn show(visit: &Visit) -> Answer {
    let person = visit.person()?;
    let frame = person.as_ref().map_or_else(|| visit.frame(), |person| visit.frame_of(person));
    let role = visit.query("account_id").zip(visit.query("role_name"));
    Ok(answer::page(StatusCode::NOT_IMPLEMENTED, NoConsole { frame, role }.render()))
}

//! The sessions of whoever is signed in.

use super::answer::{self, Answer, Failure};
use super::visit::Visit;
use http::StatusCode;
use pages::sessions::{Session, Sessions};
use sso::session::{self, SessionKind, SessionSummary};

const PLACE: &str = "/start/sessions";

/// Shows them.
pub(super) fn show(visit: &Visit) -> Answer {
    let person = visit.signed_in(PLACE)?;
    let sessions: Vec<Session> = session::list(visit.app(), &person.session)?.into_iter().map(shown).collect();
    let page = Sessions {
        frame: visit.frame_of(&person),
        sessions: &sessions,
        now: visit.now(),
        csrf: &visit.token_of(&person),
    };
    Ok(answer::page(StatusCode::OK, page.render()))
}

/// Ends one.
pub(super) fn end(visit: &Visit) -> Answer {
    let person = visit.sender(PLACE)?;
    if !session::end(visit.app(), &visit.info, &person.session, visit.field("session"))? {
        return Err(Failure::told(StatusCode::NOT_FOUND, "There is no such session", "It has ended already."));
    }
    answer::redirect(PLACE)
}

/// Ends all others.
pub(super) fn end_others(visit: &Visit) -> Answer {
    let person = visit.sender(PLACE)?;
    session::end_others(visit.app(), &visit.info, &person.session)?;
    answer::redirect(PLACE)
}

fn shown(summary: SessionSummary) -> Session {
    Session {
        id: summary.id,
        tool: match summary.kind {
            SessionKind::Browser => None,
            SessionKind::Tool { client_name } => Some(client_name),
        },
        source_ip: summary.source_ip,
        user_agent: summary.user_agent,
        created_at: summary.created_at,
        last_seen_at: summary.last_seen_at,
        expires_at: summary.expires_at,
        is_current: summary.is_current,
    }
}

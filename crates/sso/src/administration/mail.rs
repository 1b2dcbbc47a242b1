//! The outbox: what was written to people on behalf of the caller's account.

use super::{on_everything, ours};
use crate::messages;
use base::Timestamp;
use kernel::page::Cursor;
use kernel::{Cx, Result, Route, mail, route};
use model::vestibule::{ListMailRequest, ListMailResponse, MailMessage, MailStatus, ops};

/// Messages of a page when the caller does not say.
const PAGE: i32 = 50;

fn shown(message: mail::Message) -> MailMessage {
    let status = match (message.sent_at, &message.last_error) {
        (Some(_), _) => MailStatus::Sent,
        (None, Some(_)) => MailStatus::Failed,
        (None, None) => MailStatus::Waiting,
    };
    MailMessage {
        attempts: Some(message.attempts),
        body: Some(message.body.to_string()),
        created_date: Some(message.created_at),
        last_error: message.last_error,
        message_id: Some(message.id),
        recipient: Some(message.recipient),
        sent_date: message.sent_at,
        status: Some(status),
        subject: Some(message.subject),
    }
}

/// Oldest first, so that pages stay what they are while mail is written.
fn list(cx: &mut Cx<'_>, input: &ListMailRequest) -> Result<ListMailResponse> {
    let account = cx.account()?;
    let limit = i64::from(input.max_results.unwrap_or(PAGE));
    let cursor = Cursor::open(cx, &["ListMail"], input.next_token.as_deref(), limit);
    let cursor = cursor.ok_or_else(messages::invalid_next_token)?;
    let (at, id) = cursor.after.split_once(' ').unwrap_or_default();
    let after = (Timestamp::from_micros(at.parse().unwrap_or(i64::MIN)), id);
    let rows = mail::list(cx.app, cx.tx, &account, after, cursor.fetch)?;
    let key = |row: &mail::Message| format!("{} {}", row.created_at.micros(), row.id);
    let (rows, next_token) = cursor.close(cx, rows, key)?;
    Ok(ListMailResponse { messages: Some(rows.into_iter().map(shown).collect()), next_token })
}

pub(super) fn routes() -> Vec<Route> {
    vec![route::read::<ops::ListMail>(|_, _| on_everything(&["vestibule:ListMail"]), |cx, input| ours(list(cx, input)))]
}

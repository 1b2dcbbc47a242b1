//! Answers as people read them.

use base::Timestamp;
use model::vestibule::{IdentityCenter, IdentitySourceType, MailMessage, UserSession};
use std::fmt::Write as _;

/// `text` on one line, without what a terminal would obey: names and User-Agents come from anybody.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An instance, a line for each fact.
pub fn identity_center(center: Option<&IdentityCenter>) -> String {
    let Some(center) = center else { return String::new() };
    let mut out = String::new();
    let mut fact = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = writeln!(out, "{name:<22}{}", line(value));
        }
    };
    fact("Instance", center.instance_arn.as_deref());
    fact("Status", center.status.map(|status| status.as_str()));
    fact("Owner", center.owner_account_id.as_deref());
    fact("Identity store", center.identity_store_id.as_deref());
    fact("Region", center.region.as_deref());
    fact("Portal", center.portal_url.as_deref());
    fact("Start URL for clients", center.start_url.as_deref());
    fact("Trusted access", center.trusted_access_enabled.map(|is_on| if is_on { "enabled" } else { "disabled" }));
    let source = center.identity_source.as_ref().map(|source| match source.r#type {
        IdentitySourceType::IdentityCenter => "Identity Center directory".to_owned(),
        IdentitySourceType::ActiveDirectory => {
            format!("Active Directory {}", source.directory_id.as_deref().unwrap_or_default())
        }
    });
    fact("Identity source", source.as_deref());
    if let Some(settings) = &center.settings {
        let minutes = |minutes: Option<i32>| minutes.map(|minutes| format!("{minutes} minutes"));
        let allowed = |is_allowed: bool| if is_allowed { "allowed" } else { "blocked" };
        fact("Session", minutes(settings.session_duration_minutes).as_deref());
        fact("Idle at most", minutes(settings.session_idle_minutes).as_deref());
        fact("Account instances", settings.account_instances_allowed.map(allowed));
        fact("Device approval", settings.device_approval_allowed.map(allowed));
    }
    out
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), Timestamp::iso8601)
}

/// The sessions of a user, one a line.
pub fn sessions(sessions: &[UserSession]) -> String {
    let mut out = format!("{:<40}  {:<20}  {:<20}  {:<20}  {:<15}  FOR\n", "ID", "SINCE", "LAST USED", "UNTIL", "FROM");
    for session in sessions {
        let text = |value: &Option<String>| line(value.as_deref().unwrap_or("-"));
        let purpose = session.client_name.as_ref().or(session.user_agent.as_ref()).cloned();
        let _ = writeln!(
            out,
            "{:<40}  {:<20}  {:<20}  {:<20}  {:<15}  {}",
            text(&session.session_id),
            time(session.created_date),
            time(session.last_seen_date),
            time(session.expiration_date),
            text(&session.source_ip_address),
            text(&purpose)
        );
    }
    out
}

/// Messages, each with its body.
pub fn mail(messages: &[MailMessage]) -> String {
    let mut out = String::new();
    for message in messages {
        let text = |value: &Option<String>| line(value.as_deref().unwrap_or("-"));
        let status = message.status.map_or("-", |status| status.as_str());
        let _ =
            writeln!(out, "To: {}\nDate: {}\nStatus: {status}", text(&message.recipient), time(message.created_date));
        if let Some(error) = &message.last_error {
            let _ = writeln!(out, "Error: {}", line(error));
        }
        let _ = writeln!(out, "Subject: {}\n", text(&message.subject));
        for body_line in message.body.as_deref().unwrap_or_default().lines() {
            let _ = writeln!(out, "    {}", line(body_line));
        }
        out.push('\n');
    }
    if messages.is_empty() {
        out.push_str("There is no mail.\n");
    }
    out
}

//! Events that are no API call: people who sign in, are let in and sign out (CloudTrail's `AwsServiceEvent`).

use super::{HIDDEN, Record, member, person_identity, string};
use crate::caller::Person;
use crate::cx::RequestInfo;
use base::{AccountId, Timestamp};

/// Who did it, as `userIdentity` says.
#[derive(Debug, Clone, Copy)]
pub enum EventIdentity<'a> {
    /// Somebody who has not proved anything yet. CloudTrail shows the name only when there is such a user, because
    /// people type passwords into the wrong field.
    Unknown {
        /// The name, when there is such a user.
        user_name: Option<&'a str>,
    },
    /// A user of IAM Identity Center.
    IdentityCenterUser {
        /// The user.
        person: &'a Person,
        /// The session that was used.
        session: Option<&'a str>,
    },
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub struct ServiceEvent<'a> {
    /// The account to which it matters.
    pub account: &'a AccountId,
    /// `signin.amazonaws.com`, `sso.amazonaws.com`.
    pub event_source: &'static str,
    /// Name.
    pub event_name: &'static str,
    /// Who did it.
    pub identity: EventIdentity<'a>,
    /// The request.
    pub request: &'a RequestInfo,
    /// `requestParameters`; never secrets.
    pub parameters: &'a [(&'static str, &'a str)],
    /// `additionalEventData`; never secrets.
    pub additional: &'a [(&'static str, &'a str)],
    /// Whether it succeeded, for events whose `serviceEventDetails` say so.
    pub has_succeeded: Option<bool>,
    /// When.
    pub at: Timestamp,
}

impl Record {
    /// The record of `event`.
    pub fn of_event(event: &ServiceEvent<'_>) -> Self {
        let user_name = match event.identity {
            EventIdentity::Unknown { user_name } => user_name,
            EventIdentity::IdentityCenterUser { person, .. } => Some(person.user_name.as_str()),
        };
        Self {
            account: event.account.to_string(),
            event_source: event.event_source.to_owned(),
            event_name: event.event_name,
            is_read_only: false,
            user_name: user_name.map(str::to_owned),
            access_key_id: None,
            resources: String::new(),
            template: template(event),
            request_id: event.request.request_id.clone(),
            at: event.at,
        }
    }
}

fn template(event: &ServiceEvent<'_>) -> String {
    let mut out = String::with_capacity(512);
    out.push_str("{\"eventVersion\":\"1.11\",\"userIdentity\":");
    identity(&mut out, event);
    for (name, value) in [
        ("eventSource", event.event_source),
        ("eventName", event.event_name),
        ("awsRegion", &event.request.region),
        ("sourceIPAddress", &event.request.source_ip),
        ("userAgent", &event.request.user_agent),
    ] {
        member(&mut out, name, value);
    }
    out.push_str(",\"requestParameters\":");
    object(&mut out, event.parameters);
    out.push_str(",\"responseElements\":null,\"additionalEventData\":");
    object(&mut out, event.additional);
    out.push_str(",\"readOnly\":false,\"eventType\":\"AwsServiceEvent\",\"managementEvent\":true");
    member(&mut out, "recipientAccountId", event.account.as_str());
    if let Some(has_succeeded) = event.has_succeeded {
        out.push_str(",\"serviceEventDetails\":");
        object(&mut out, &[(event.event_name, if has_succeeded { "Success" } else { "Failure" })]);
    }
    out.push_str(",\"eventCategory\":\"Management\"}");
    out
}

fn identity(out: &mut String, event: &ServiceEvent<'_>) {
    let account = event.account.as_str();
    match event.identity {
        EventIdentity::Unknown { user_name } => {
            out.push_str("{\"type\":\"Unknown\"");
            member(out, "principalId", account);
            member(out, "arn", "");
            member(out, "accountId", account);
            member(out, "accessKeyId", "");
            member(out, "userName", user_name.unwrap_or(HIDDEN));
            out.push('}');
        }
        EventIdentity::IdentityCenterUser { person, session } => person_identity(out, person, session),
    }
}

/// `null` when there is nothing to say, as CloudTrail writes it.
pub(super) fn object(out: &mut String, members: &[(&'static str, &str)]) {
    if members.is_empty() {
        return out.push_str("null");
    }
    for (index, (name, text)) in members.iter().enumerate() {
        out.push(if index == 0 { '{' } else { ',' });
        string(out, name);
        out.push(':');
        string(out, text);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::super::{Occurrence, Uuid, complete};
    use super::*;

    #[test]
    fn a_failed_sign_in_hides_a_name_that_nobody_has_and_names_the_outcome() {
        let account = AccountId::parse("111122223333").expect("valid");
        let request = RequestInfo {
            request_id: "01234567-89ab-4def-8123-456789abcdef".to_owned(),
            source_ip: "192.0.2.1".to_owned(),
            user_agent: "a \"browser\",\"readOnly\":".to_owned(),
            region: "us-east-1".to_owned(),
            is_secure: true,
            dpop: None,
        };
        let at = Timestamp::from_seconds(1_795_219_200);
        let record = Record::of_event(&ServiceEvent {
            account: &account,
            event_source: "signin.amazonaws.com",
            event_name: "CredentialVerification",
            identity: EventIdentity::Unknown { user_name: None },
            request: &request,
            parameters: &[],
            additional: &[("CredentialType", "PASSWORD")],
            has_succeeded: Some(false),
            at,
        });
        let id = Uuid::parse(&request.request_id).expect("a UUID");
        let text = complete(record.json(), &Occurrence { at, event_id: id, request_id: id });
        assert!(text.contains(r#""userName":"HIDDEN_DUE_TO_SECURITY_REASONS"},"eventTime":"2026-"#), "{text}");
        assert!(text.contains(r#""additionalEventData":{"CredentialType":"PASSWORD"},"requestID":""#), "{text}");
        assert!(text.contains(r#""serviceEventDetails":{"CredentialVerification":"Failure"}"#), "{text}");
        assert!(text.contains(r#""requestParameters":null"#), "{text}");
    }
}

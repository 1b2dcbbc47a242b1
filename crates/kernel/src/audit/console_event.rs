//! Events of the console's sign-in (CloudTrail's `AwsConsoleSignIn`): `ConsoleLogin`, `SwitchRole`, `CheckMfa`.

use super::service_event::object;
use super::{HIDDEN, Record, member, string, user_identity, user_name};
use crate::caller::{Caller, PrincipalCaller};
use crate::cx::RequestInfo;
use base::{AccountId, Timestamp};

/// Where these events come from.
const EVENT_SOURCE: &str = "signin.amazonaws.com";

/// Who did it, as `userIdentity` says.
#[derive(Debug, Clone, Copy)]
pub enum ConsoleIdentity<'a> {
    /// A principal that has proved who it is.
    Principal(&'a PrincipalCaller),
    /// Somebody who tried to sign in as a user. CloudTrail shows the name only when there is such a user, because people
    /// type passwords into the wrong field.
    User {
        /// The name, when there is such a user.
        user_name: Option<&'a str>,
    },
    /// Somebody who tried to sign in as the root user.
    Root,
}

/// Something that happened at the console's sign-in.
#[derive(Debug, Clone, Copy)]
pub struct ConsoleEvent<'a> {
    /// The account to which it matters.
    pub account: &'a AccountId,
    /// Name; also the member of `responseElements` that holds the outcome.
    pub event_name: &'static str,
    /// Who did it.
    pub identity: ConsoleIdentity<'a>,
    /// The request.
    pub request: &'a RequestInfo,
    /// `additionalEventData`; never secrets.
    pub additional: &'a [(&'static str, &'a str)],
    /// Why it failed; `None`: it did not.
    pub error: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

impl Record {
    /// The record of `event`.
    pub fn of_console_event(event: &ConsoleEvent<'_>) -> Self {
        let (user_name, access_key_id) = match event.identity {
            ConsoleIdentity::Principal(caller) => {
                (user_name(caller), caller.access_key_id.as_ref().map(ToString::to_string))
            }
            ConsoleIdentity::User { user_name } => (user_name.map(str::to_owned), None),
            ConsoleIdentity::Root => (Some("root".to_owned()), None),
        };
        Self {
            account: event.account.to_string(),
            event_source: EVENT_SOURCE.to_owned(),
            event_name: event.event_name,
            is_read_only: false,
            user_name,
            access_key_id,
            resources: String::new(),
            template: template(event),
            request_id: event.request.request_id.clone(),
            at: event.at,
        }
    }
}

fn template(event: &ConsoleEvent<'_>) -> String {
    let mut out = String::with_capacity(512);
    out.push_str("{\"eventVersion\":\"1.11\",\"userIdentity\":");
    identity(&mut out, event);
    for (name, value) in [
        ("eventSource", EVENT_SOURCE),
        ("eventName", event.event_name),
        ("awsRegion", &event.request.region),
        ("sourceIPAddress", &event.request.source_ip),
        ("userAgent", &event.request.user_agent),
    ] {
        member(&mut out, name, value);
    }
    if let Some(error) = event.error {
        member(&mut out, "errorMessage", error);
    }
    out.push_str(",\"requestParameters\":null,\"responseElements\":");
    object(&mut out, &[(event.event_name, if event.error.is_none() { "Success" } else { "Failure" })]);
    out.push_str(",\"additionalEventData\":");
    object(&mut out, event.additional);
    out.push_str(",\"readOnly\":false,\"eventType\":\"AwsConsoleSignIn\",\"managementEvent\":true");
    member(&mut out, "recipientAccountId", event.account.as_str());
    out.push_str(",\"eventCategory\":\"Management\"}");
    out
}

fn identity(out: &mut String, event: &ConsoleEvent<'_>) {
    let account = event.account.as_str();
    match event.identity {
        ConsoleIdentity::Principal(caller) => user_identity(out, &Caller::Principal(caller.clone())),
        ConsoleIdentity::User { user_name } => {
            out.push_str("{\"type\":\"IAMUser\"");
            member(out, "accountId", account);
            member(out, "accessKeyId", "");
            out.push_str(",\"userName\":");
            string(out, user_name.unwrap_or(HIDDEN));
            out.push('}');
        }
        ConsoleIdentity::Root => {
            out.push_str("{\"type\":\"Root\"");
            member(out, "principalId", account);
            member(out, "arn", &format!("arn:aws:iam::{account}:root"));
            member(out, "accountId", account);
            member(out, "accessKeyId", "");
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Occurrence, Uuid, complete};
    use super::*;

    fn text(identity: ConsoleIdentity<'_>, error: Option<&str>) -> String {
        let request = RequestInfo {
            request_id: "01234567-89ab-4def-8123-456789abcdef".to_owned(),
            source_ip: "192.0.2.1".to_owned(),
            user_agent: "browser".to_owned(),
            region: "us-east-1".to_owned(),
            is_secure: true,
            dpop: None,
        };
        let at = Timestamp::from_seconds(1_795_219_200);
        let record = Record::of_console_event(&ConsoleEvent {
            account: &AccountId::parse("111122223333").expect("valid"),
            event_name: "ConsoleLogin",
            identity,
            request: &request,
            additional: &[("MFAUsed", "No")],
            error,
            at,
        });
        let id = Uuid::parse(&request.request_id).expect("a UUID");
        complete(record.json(), &Occurrence { at, event_id: id, request_id: id })
    }

    #[test]
    fn a_failed_sign_in_hides_a_name_that_nobody_has() {
        let text = text(ConsoleIdentity::User { user_name: None }, Some("Failed authentication"));
        for part in [
            r#""userIdentity":{"type":"IAMUser","accountId":"111122223333","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
            r#""errorMessage":"Failed authentication","requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"}"#,
            r#""additionalEventData":{"MFAUsed":"No"},"requestID":""#,
            r#""eventType":"AwsConsoleSignIn""#,
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_sign_in_of_the_root_user_names_the_account() {
        let text = text(ConsoleIdentity::Root, None);
        assert!(text.contains(r#""type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root""#));
        assert!(text.contains(r#""responseElements":{"ConsoleLogin":"Success"}"#) && !text.contains("errorMessage"));
    }
}

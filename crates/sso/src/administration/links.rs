//! Mails with links: instructions to choose a password, and the proof that an address is the user's.

use super::people::require_own_directory;
use super::{administered, named_user, on_everything, ours};
use crate::instance::Instance;
use crate::mail_link::{self, Purpose, Sent, Unsendable};
use crate::messages;
use identity::password;
use identity::user::{User, email};
use kernel::{Cx, Result, Route, WriteCx, route};
use model::vestibule::{
    DescribeEmailVerificationRequest, DescribeEmailVerificationResponse, PasswordLinkPurpose,
    SendEmailVerificationRequest, SendEmailVerificationResponse, SendPasswordLinkRequest, SendPasswordLinkResponse,
    ops,
};

fn send(cx: &mut WriteCx<'_>, instance: &Instance, user: &User, purpose: Purpose) -> Result<Sent> {
    mail_link::send(cx, instance, user, purpose)?.map_err(|reason| {
        let name = &user.user_name;
        messages::conflict(match reason {
            Unsendable::Disabled => format!("The user {name} is disabled"),
            Unsendable::NoAddress => format!("The user {name} has no e-mail address"),
            Unsendable::HasPassword => format!("The user {name} has a password already"),
        })
    })
}

/// Invites whoever has no password yet, unless the caller says otherwise.
fn send_password_link(cx: &mut WriteCx<'_>, input: &SendPasswordLinkRequest) -> Result<SendPasswordLinkResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    require_own_directory(cx, &instance)?;
    let user = named_user(cx, &instance, &input.user)?;
    let asked = match input.purpose {
        Some(asked) => asked,
        None if password::has_password(cx.tx, &user.id)? => PasswordLinkPurpose::PasswordReset,
        None => PasswordLinkPurpose::Invitation,
    };
    let purpose = match asked {
        PasswordLinkPurpose::Invitation => Purpose::Invitation,
        PasswordLinkPurpose::PasswordReset => Purpose::PasswordReset,
    };
    let sent = send(cx, &instance, &user, purpose)?;
    Ok(SendPasswordLinkResponse {
        expiration_date: Some(sent.expires_at),
        purpose: Some(asked),
        recipient: Some(sent.recipient),
        user_id: Some(user.id.to_string()),
    })
}

fn send_email_verification(
    cx: &mut WriteCx<'_>,
    input: &SendEmailVerificationRequest,
) -> Result<SendEmailVerificationResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    require_own_directory(cx, &instance)?;
    let user = named_user(cx, &instance, &input.user)?;
    let sent = send(cx, &instance, &user, Purpose::EmailVerification)?;
    Ok(SendEmailVerificationResponse {
        expiration_date: Some(sent.expires_at),
        recipient: Some(sent.recipient),
        user_id: Some(user.id.to_string()),
    })
}

fn describe_email_verification(
    cx: &mut Cx<'_>,
    input: &DescribeEmailVerificationRequest,
) -> Result<DescribeEmailVerificationResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    let user = named_user(cx, &instance, &input.user)?;
    let verified_at = email::verified_at(cx.tx, &user)?;
    Ok(DescribeEmailVerificationResponse {
        email_address: user.email().map(str::to_owned),
        user_id: Some(user.id.to_string()),
        verified: Some(verified_at.is_some()),
        verified_date: verified_at,
    })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::SendPasswordLink>(
            |_, _| on_everything(&["sso-directory:UpdatePassword"]),
            |cx, input| ours(send_password_link(cx, input)),
        ),
        route::write::<ops::SendEmailVerification>(
            |_, _| on_everything(&["sso-directory:VerifyEmail"]),
            |cx, input| ours(send_email_verification(cx, input)),
        ),
        route::read::<ops::DescribeEmailVerification>(
            |_, _| on_everything(&["sso-directory:DescribeUser"]),
            |cx, input| ours(describe_email_verification(cx, input)),
        ),
    ]
}

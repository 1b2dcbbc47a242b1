//! `vestibule user invite`, `reset-password` and `verify-email`: mails with links.

use super::print::line;
use super::{Answer, Caller};
use anyhow::Result;
use base::Timestamp;
use model::vestibule::{self as shapes, ops};

fn sent(recipient: Option<&str>, expires_at: Option<Timestamp>) -> String {
    let until = expires_at.map_or_else(|| "-".to_owned(), Timestamp::iso8601);
    format!("A mail to {} is written; its link is good until {until}.\n", line(recipient.unwrap_or("-")))
}

/// Sends a link for a password.
pub(super) fn password(caller: &Caller<'_>, user: String, purpose: shapes::PasswordLinkPurpose) -> Result<Answer> {
    let instance_arn = caller.instance_arn();
    let input = shapes::SendPasswordLinkRequest { instance_arn, purpose: Some(purpose), user };
    let output = caller.call::<ops::SendPasswordLink>(&input)?;
    Ok(Answer::new(&output, sent(output.recipient.as_deref(), output.expiration_date)))
}

/// Sends a link that verifies the address.
pub(super) fn verification(caller: &Caller<'_>, user: String) -> Result<Answer> {
    let input = shapes::SendEmailVerificationRequest { instance_arn: caller.instance_arn(), user };
    let output = caller.call::<ops::SendEmailVerification>(&input)?;
    Ok(Answer::new(&output, sent(output.recipient.as_deref(), output.expiration_date)))
}

/// Says whether the address is verified.
pub(super) fn verification_status(caller: &Caller<'_>, user: String) -> Result<Answer> {
    let input = shapes::DescribeEmailVerificationRequest { instance_arn: caller.instance_arn(), user };
    let output = caller.call::<ops::DescribeEmailVerification>(&input)?;
    let text = match (&output.email_address, output.verified_date) {
        (None, _) => "There is no address.\n".to_owned(),
        (Some(address), None) => format!("{} is not verified.\n", line(address)),
        (Some(address), Some(at)) => format!("{} is verified since {}.\n", line(address), at.iso8601()),
    };
    Ok(Answer::new(&output, text))
}

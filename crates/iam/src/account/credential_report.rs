//! The credential report: a table of the account's users and the state of their credentials.

use super::{Account, root_password};
use crate::access_key::{self, AccessKey};
use crate::login_profile;
use crate::mfa::{self, Holder};
use crate::password_policy::{self, PasswordPolicy};
use crate::user::{self, User};
use base::{AccountId, Timestamp};
use kernel::{Cx, Result, Tx, WriteCx, params};
use model::iam::{
    CredentialReportExpiredException, CredentialReportNotPresentException, GenerateCredentialReportResponse,
    GetCredentialReportResponse, ReportFormatType, ReportStateType,
};
use smithy::Blob;
use smithy::schema::Unit;

/// How long a report is given out before a new one is made.
const REPORT_SECONDS: i64 = 4 * 3_600;
const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
const NOT_APPLICABLE: &str = "N/A";
const NO_INFORMATION: &str = "no_information";
const NOT_SUPPORTED: &str = "not_supported";
const KEYS_SHOWN: usize = 2;

struct Stored {
    content: String,
    generated_at: Timestamp,
}

impl Stored {
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.generated_at.plus_seconds(REPORT_SECONDS) > now
    }
}

fn stored(tx: &mut Tx, account: &AccountId) -> Result<Option<Stored>> {
    let sql = "select content, generated_at from iam_credential_report where account_id = $1";
    tx.opt(sql, params![account], |row| Ok(Stored { content: row.get(0)?, generated_at: row.get(1)? }))
}

pub(super) fn generate(cx: &mut WriteCx<'_>, _input: &Unit) -> Result<GenerateCredentialReportResponse> {
    let (account, now) = (cx.account()?, cx.now);
    if stored(cx.tx, &account)?.is_some_and(|report| report.is_fresh(now)) {
        return Ok(GenerateCredentialReportResponse { state: Some(ReportStateType::Complete), description: None });
    }
    let content = report(cx, &account)?;
    cx.write().exec_one(
        "insert into iam_credential_report (account_id, content, generated_at) values ($1, $2, $3) \
         on conflict (account_id) do update set content = excluded.content, generated_at = excluded.generated_at",
        params![account, content, now],
    )?;
    Ok(GenerateCredentialReportResponse {
        state: Some(ReportStateType::Started),
        description: Some("No report exists. Starting a new report generation task".to_owned()),
    })
}

pub(super) fn read(cx: &mut Cx<'_>, _input: &Unit) -> Result<GetCredentialReportResponse> {
    let account = cx.account()?;
    let Some(report) = stored(cx.tx, &account)? else {
        return Err(CredentialReportNotPresentException::new("No credential report exists.").into());
    };
    if !report.is_fresh(cx.now) {
        return Err(CredentialReportExpiredException::new("The credential report has expired.").into());
    }
    Ok(GetCredentialReportResponse {
        content: Some(Blob(report.content.into_bytes())),
        generated_time: Some(report.generated_at),
        report_format: Some(ReportFormatType::TextCsv),
    })
}

fn report(cx: &mut Cx<'_>, account: &AccountId) -> Result<String> {
    let owner = super::existing(cx.tx, account)?;
    let policy = password_policy::find(cx.tx, account)?;
    let mut lines = vec![HEADER.to_owned(), root_line(cx.tx, &owner)?];
    for user in user::list(cx.tx, account, "", user::USERS_MAX)? {
        lines.push(user_line(cx.tx, &user, policy.as_ref())?);
    }
    Ok(lines.join("\n"))
}

fn root_line(tx: &mut Tx, account: &Account) -> Result<String> {
    let used_at = root_password::used_at(tx, &account.id)?;
    let keys = access_key::of_owner(tx, &account.id, None)?;
    let has_mfa = !mfa::of_holder(tx, &Holder::Root(account.id.clone()))?.is_empty();
    let mut fields = vec![
        "<root_account>".to_owned(),
        format!("arn:aws:iam::{}:root", account.id),
        time(account.created_at),
        NOT_SUPPORTED.to_owned(),
        used_at.map_or_else(|| NO_INFORMATION.to_owned(), time),
        NOT_SUPPORTED.to_owned(),
        NOT_SUPPORTED.to_owned(),
        has_mfa.to_string(),
    ];
    fields.extend(key_fields(&keys));
    Ok(fields.join(","))
}

fn user_line(tx: &mut Tx, user: &User, policy: Option<&PasswordPolicy>) -> Result<String> {
    let password = login_profile::find(tx, &user.id)?;
    let keys = access_key::of_owner(tx, &user.account, Some(&user.id))?;
    let has_mfa = !mfa::of_holder(tx, &Holder::User(user.id.clone()))?.is_empty();
    let or_not_applicable = |at: Option<Timestamp>| at.map_or_else(|| NOT_APPLICABLE.to_owned(), time);
    let last_used = match (&password, user.password_used_at) {
        (None, _) => NOT_APPLICABLE.to_owned(),
        (Some(_), Some(at)) => time(at),
        (Some(_), None) => NO_INFORMATION.to_owned(),
    };
    let changed_at = password.as_ref().map(|password| password.changed_at);
    let next_rotation = changed_at.and_then(|at| policy.and_then(|policy| policy.expires_at(at)));
    let mut fields = vec![
        user.name.clone(),
        user.arn().to_string(),
        time(user.created_at),
        password.is_some().to_string(),
        last_used,
        or_not_applicable(changed_at),
        or_not_applicable(next_rotation),
        has_mfa.to_string(),
    ];
    fields.extend(key_fields(&keys));
    Ok(fields.join(","))
}

/// The columns of both access keys and of the certificates, which nobody has.
fn key_fields(keys: &[AccessKey]) -> Vec<String> {
    let mut fields = Vec::new();
    for index in 0..KEYS_SHOWN {
        let key = keys.get(index);
        let last = key.and_then(|key| key.last_used.as_ref());
        let shown = |text: Option<String>| text.unwrap_or_else(|| NOT_APPLICABLE.to_owned());
        fields.push(key.is_some_and(|key| key.is_active).to_string());
        fields.push(shown(key.map(|key| time(key.created_at))));
        fields.push(shown(last.map(|last| time(last.at))));
        fields.push(shown(last.map(|last| last.region.clone())));
        fields.push(shown(last.map(|last| last.service.clone())));
    }
    fields.extend(["false", NOT_APPLICABLE, "false", NOT_APPLICABLE].map(str::to_owned));
    fields
}

/// An instant as the report writes it.
fn time(at: Timestamp) -> String {
    at.iso8601().replace('Z', "+00:00")
}

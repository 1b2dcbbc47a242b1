//! `GetAccessKeyInfo`: whose account an access key belongs to, whoever asks.

use super::session;
use base::{AccessKeyId, AccountId};
use kernel::{Access, Cx, Error, Permission, Result, params};
use model::sts::{GetAccessKeyInfoRequest, GetAccessKeyInfoResponse};

pub(super) fn rule(cx: &mut Cx<'_>, _input: &GetAccessKeyInfoRequest) -> Result<Access> {
    session::check_caller(cx, "GetAccessKeyInfo")?;
    Ok(Permission::new("sts:GetAccessKeyInfo", "*").into())
}

pub(super) fn get_access_key_info(
    cx: &mut Cx<'_>,
    input: &GetAccessKeyInfoRequest,
) -> Result<GetAccessKeyInfoResponse> {
    // A key that was brought along from elsewhere need not name its account.
    let sql = "select account_id from iam_access_key where id = $1";
    let stored: Option<AccountId> = cx.tx.opt(sql, params![input.access_key_id], |row| row.get(0))?;
    let account = stored.or_else(|| AccessKeyId::parse(&input.access_key_id).and_then(|key| key.account()));
    let account = account.ok_or_else(|| Error::Validation("The access key ID is not valid.".to_owned()))?;
    Ok(GetAccessKeyInfoResponse { account: Some(account.to_string()) })
}

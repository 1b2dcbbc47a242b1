//! From an access key to the caller behind it.

use crate::account::AccountState;
use base::{AccessKeyId, Secret};
use kernel::caller::{Principal, PrincipalCaller};
use kernel::seal::{Purpose, Seal};
use kernel::{Error, Result, Tx, params};

/// A long-term access key and whom it speaks for.
#[derive(Debug, Clone)]
pub struct LongTermCredential {
    /// The caller.
    pub caller: PrincipalCaller,
    /// The key's secret.
    pub secret: Secret,
}

/// The active long-term key with that id; `None` when there is none, it is inactive, or its account is not in use.
///
/// # Errors
/// When the database fails or the secret cannot be opened with any master key.
pub fn load(tx: &mut Tx, seal: &Seal, id: &AccessKeyId) -> Result<Option<LongTermCredential>> {
    let found = tx.opt(
        "select k.account_id, k.sealed_secret, u.id, u.name, u.path, a.state \
         from iam_access_key k join iam_account a on a.id = k.account_id left join iam_user u on u.id = k.user_id \
         where k.id = $1 and k.is_active = 1",
        params![id],
        |row| {
            let user: Option<base::UserId> = row.get(2)?;
            let principal = match user {
                None => Principal::Root,
                Some(id) => Principal::User(kernel::caller::UserIdentity { id, name: row.get(3)?, path: row.get(4)? }),
            };
            Ok((row.get(0)?, row.get::<Vec<u8>>(1)?, principal, row.get::<String>(5)?))
        },
    )?;
    let Some((account, sealed, principal, state)) = found else { return Ok(None) };
    if state != AccountState::Active.as_str() {
        return Ok(None);
    }
    let plain = seal
        .open(Purpose::AccessKeySecret, id.as_str(), &sealed)
        .ok_or_else(|| Error::internal(format!("the secret of {id} does not open with any master key")))?;
    let secret = Secret::new(String::from_utf8_lossy(&plain));
    let access_key_id = Some(id.clone());
    let caller = PrincipalCaller { account, principal, access_key_id, session: None, invoked_by: None };
    Ok(Some(LongTermCredential { caller, secret }))
}

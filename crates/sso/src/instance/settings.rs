//! What the owner of an instance chose.

use super::{Instance, touch};
use crate::messages;
use kernel::{Error, Result, Tx, WriteCx, params};
use serde_json::{Map, Value};

/// Shortest life of a portal session, in seconds.
const SESSION_SECONDS_MIN: i64 = 15 * 60;
/// Longest life of a portal session, in seconds.
const SESSION_SECONDS_MAX: i64 = 90 * 86_400;
/// Longest alias, as a label of a host name.
const ALIAS_LENGTH_MAX: usize = 63;

/// Sets the life of portal sessions that begin from now on.
///
/// # Errors
/// `ValidationException` for less than 15 minutes or more than 90 days.
pub fn set_session_seconds(cx: &mut WriteCx<'_>, instance: &Instance, seconds: i64) -> Result<()> {
    if !(SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX).contains(&seconds) {
        return Err(messages::validation("A session must last at least 15 minutes and at most 90 days"));
    }
    cx.write().exec_one("update sso_instance set session_seconds = $2 where id = $1", params![instance.id, seconds])?;
    touch(cx, instance);
    Ok(())
}

/// Sets how long a browser may rest before one must sign in anew; counts at once.
///
/// # Errors
/// `ValidationException` for less than 15 minutes or more than 90 days.
pub fn set_session_idle_seconds(cx: &mut WriteCx<'_>, instance: &Instance, seconds: i64) -> Result<()> {
    if !(SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX).contains(&seconds) {
        return Err(messages::validation("A session may rest for at least 15 minutes and at most 90 days"));
    }
    let sql = "update sso_instance set session_idle_seconds = $2 where id = $1";
    cx.write().exec_one(sql, params![instance.id, seconds])?;
    touch(cx, instance);
    Ok(())
}

/// Gives the start URL a name. It stays for good.
///
/// # Errors
/// `ValidationException` for what cannot be a host name or looks like an id, `ConflictException` when the instance has
/// a name already or another one has this.
pub fn set_alias(cx: &mut WriteCx<'_>, instance: &Instance, alias: &str) -> Result<()> {
    let is_label = (1..=ALIAS_LENGTH_MAX).contains(&alias.len())
        && alias.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !alias.starts_with('-')
        && !alias.ends_with('-');
    if !is_label || alias.starts_with("d-") || alias.starts_with("ssoins-") {
        let message = "The name must consist of lower-case letters, digits and hyphens, must neither begin nor end \
                       with a hyphen, and must not look like the id of an identity store or an instance";
        return Err(messages::validation(message));
    }
    if instance.alias.is_some() {
        return Err(messages::conflict("The start URL of the instance has been customized already"));
    }
    if cx.tx.exists("select 1 from sso_instance where alias = $1", params![alias])? {
        return Err(messages::conflict(format!("The name {alias} is taken")));
    }
    cx.write().exec_one("update sso_instance set alias = $2 where id = $1", params![instance.id, alias])?;
    touch(cx, instance);
    Ok(())
}

/// Lets the members of the organization have instances of their own, or not. Instances that are there stay.
///
/// # Errors
/// `ValidationException` for an account's instance.
pub fn set_allows_account_instances(cx: &mut WriteCx<'_>, instance: &Instance, is_allowed: bool) -> Result<()> {
    crate::access::require_organization(instance)?;
    let sql = "update sso_instance set allows_account_instances = $2 where id = $1";
    cx.write().exec_one(sql, params![instance.id, is_allowed])?;
    touch(cx, instance);
    Ok(())
}

fn settings(tx: &mut Tx, instance: &Instance) -> Result<Map<String, Value>> {
    let sql = "select settings from sso_instance where id = $1";
    let text: String = tx.one(sql, params![instance.id], |row| row.get(0))?;
    serde_json::from_str(&text).map_err(|_| Error::internal("the settings of an instance do not parse"))
}

/// The setting of that name; `None` when the owner never chose.
///
/// # Errors
/// When the database fails.
pub fn setting(tx: &mut Tx, instance: &Instance, name: &str) -> Result<Option<Value>> {
    Ok(settings(tx, instance)?.remove(name))
}

/// Keeps a setting. Whoever calls has checked the value.
///
/// # Errors
/// When the database fails.
pub fn set_setting(cx: &mut WriteCx<'_>, instance: &Instance, name: &str, value: Value) -> Result<()> {
    let mut settings = settings(cx.tx, instance)?;
    settings.insert(name.to_owned(), value);
    let text = Value::Object(settings).to_string();
    cx.write().exec_one("update sso_instance set settings = $2 where id = $1", params![instance.id, text])?;
    touch(cx, instance);
    Ok(())
}

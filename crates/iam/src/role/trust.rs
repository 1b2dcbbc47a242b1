//! Trust policies: what they may say, whom they name, and what becomes of names whose bearers are gone.
//!
//! A user or role that a trust policy names is pinned to its unique id when the policy is saved, as AWS does: the policy
//! shows the id once the principal is deleted, and a new principal under the old name is not meant.

use super::Role;
use crate::document::{self, DocumentKind};
use crate::messages;
use base::{AccountId, Arn, RoleId, UserId};
use kernel::{Result, Tx, WriteTx, params};
use policy::json::{self, Node, Span};
use std::collections::HashMap;

/// Most characters of a trust policy, white space not counted (IAM quota `AssumeRolePolicySizeQuota`).
pub const TRUST_POLICY_CHARACTERS_MAX: usize = 2_048;

/// A pinned principal: the text in the policy, and what stands for it now.
pub(crate) struct Pin {
    text: String,
    current: String,
}

/// Refuses a trust policy that AWS refuses.
///
/// # Errors
/// `MalformedPolicyDocument`, also for a principal that does not exist; `LimitExceeded` when the policy is too long.
pub fn check(tx: &mut Tx, text: &str) -> Result<()> {
    document::check(DocumentKind::Trust, text)?;
    if document::counted_characters(text) > TRUST_POLICY_CHARACTERS_MAX {
        return Err(messages::over_quota("ACLSizePerRole", TRUST_POLICY_CHARACTERS_MAX as i64).into());
    }
    let Some(document) = parse(text) else { return Err(messages::invalid_json().into()) };
    if statements(&document).iter().any(|statement| principal_element(statement).is_none()) {
        return Err(messages::no_principals().into());
    }
    for (principal, _) in aws_principals(&document) {
        if principal != "*" && resolve(tx, principal)?.is_none() {
            return Err(messages::invalid_principal(principal).into());
        }
    }
    Ok(())
}

/// Pins the users and roles that the role's trust policy names, in place of what was pinned before.
///
/// # Errors
/// When the database fails.
pub(super) fn pin(tx: &mut WriteTx<'_>, role: &RoleId, text: &str) -> Result<()> {
    unpin(tx, role)?;
    let Some(document) = parse(text) else { return Ok(()) };
    for (principal, _) in aws_principals(&document) {
        let Some(Resolved::Entity(id)) = resolve(tx, principal)? else { continue };
        tx.exec(
            "insert into iam_trust_pin (role_id, principal_text, principal_id) values ($1, $2, $3) \
             on conflict (role_id, principal_text) do nothing",
            params![role, principal, id],
        )?;
    }
    Ok(())
}

/// Forgets what the role's trust policy names.
///
/// # Errors
/// When the database fails.
pub(super) fn unpin(tx: &mut WriteTx<'_>, role: &RoleId) -> Result<()> {
    tx.exec("delete from iam_trust_pin where role_id = $1", params![role])?;
    Ok(())
}

/// The trust policy as it reads now: a pinned principal that moved has its new ARN, one that is gone has its unique id.
/// `GetRole` shows this text and `AssumeRole` decides by it, so a namesake of a deleted principal never matches.
///
/// # Errors
/// When the database fails.
pub fn trust_policy_for_evaluation(tx: &mut Tx, role: &Role) -> Result<String> {
    let key = role.name.to_lowercase();
    let pins = pins_between(tx, &role.account, &key, &key)?;
    Ok(current_text(&role.trust_policy, pins.get(&role.id).map_or(&[], Vec::as_slice)))
}

/// Pins of the account's roles from the name `first` to the name `last`, both folded to lower case, by role.
pub(super) fn pins_between(
    tx: &mut Tx,
    account: &AccountId,
    first: &str,
    last: &str,
) -> Result<HashMap<RoleId, Vec<Pin>>> {
    let rows = tx.all(
        "select p.role_id, p.principal_text, p.principal_id, u.account_id, u.path, u.name, r.account_id, r.path, r.name \
         from iam_role o join iam_trust_pin p on p.role_id = o.id \
         left join iam_user u on u.id = p.principal_id left join iam_role r on r.id = p.principal_id \
         where o.account_id = $1 and o.name_key >= $2 and o.name_key <= $3",
        params![account, first, last],
        |row| {
            let at = |index: usize| row.get::<Option<String>>(index);
            let arn = match (at(3)?, at(4)?, at(5)?, at(6)?, at(7)?, at(8)?) {
                (Some(account), Some(path), Some(name), ..) => format!("arn:aws:iam::{account}:user{path}{name}"),
                (.., Some(account), Some(path), Some(name)) => format!("arn:aws:iam::{account}:role{path}{name}"),
                _ => row.get(2)?,
            };
            Ok((row.get::<RoleId>(0)?, Pin { text: row.get(1)?, current: arn }))
        },
    )?;
    let mut pins: HashMap<RoleId, Vec<Pin>> = HashMap::new();
    for (role, pin) in rows {
        pins.entry(role).or_default().push(pin);
    }
    Ok(pins)
}

/// `text` with the present names of its pinned principals.
pub(super) fn current_text(text: &str, pins: &[Pin]) -> String {
    if pins.iter().all(|pin| pin.text == pin.current) {
        return text.to_owned();
    }
    let Some(document) = parse(text) else { return text.to_owned() };
    let mut principals = aws_principals(&document);
    principals.sort_by_key(|(_, span)| span.start);
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (principal, span) in principals {
        let Some(pin) = pins.iter().find(|pin| pin.text == principal) else { continue };
        let (Some(before), true) = (text.get(copied..span.start), span.end <= text.len()) else { continue };
        out.push_str(before);
        json::write_string(&mut out, &pin.current);
        copied = span.end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

/// Marks the cached views of every account with a role that trusts this user or role: call it when the principal is
/// deleted, renamed or moved.
///
/// # Errors
/// When the database fails.
pub fn touch_trusting_accounts(tx: &mut WriteTx<'_>, principal_id: &str) -> Result<()> {
    let accounts: Vec<AccountId> = tx.all(
        "select distinct r.account_id from iam_trust_pin p join iam_role r on r.id = p.role_id \
         where p.principal_id = $1",
        params![principal_id],
        |row| row.get(0),
    )?;
    for account in &accounts {
        tx.touch(kernel::scope::Scope::account(account));
    }
    Ok(())
}

/// What a principal of type `AWS` stands for.
enum Resolved {
    /// An account, or a session of some name: nothing to pin.
    Unpinned,
    /// A user or role with this unique id.
    Entity(String),
}

/// What `principal` names; `None` when there is no such thing.
fn resolve(tx: &mut Tx, principal: &str) -> Result<Option<Resolved>> {
    if let Some(account) = AccountId::parse(principal) {
        return Ok(crate::account::get(tx, &account)?.map(|_| Resolved::Unpinned));
    }
    if let Some(id) = UserId::parse(principal) {
        return Ok(crate::user::get(tx, &id)?.map(|user| Resolved::Entity(user.id.to_string())));
    }
    if let Some(id) = RoleId::parse(principal) {
        return Ok(super::get(tx, &id)?.map(|role| Resolved::Entity(role.id.to_string())));
    }
    let Some(arn) = Arn::parse(principal).filter(|arn| arn.partition() == "aws" && arn.region().is_empty()) else {
        return Ok(None);
    };
    let Some(account) = AccountId::parse(arn.account()) else { return Ok(None) };
    let mut parts = arn.resource().splitn(2, '/');
    let (kind, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match (arn.service(), kind) {
        ("iam", "root") if rest.is_empty() => Ok(crate::account::get(tx, &account)?.map(|_| Resolved::Unpinned)),
        ("iam", "role") => {
            let role = super::find_by_arn(tx, &arn)?;
            Ok(role.map(|role| Resolved::Entity(role.id.to_string())))
        }
        ("iam", "user") => {
            let name = rest.rsplit('/').next().unwrap_or_default();
            let user = crate::user::find(tx, &account, name)?.filter(|user| user.arn() == arn);
            Ok(user.map(|user| Resolved::Entity(user.id.to_string())))
        }
        ("sts", "assumed-role") => {
            let Some((name, session)) = rest.split_once('/') else { return Ok(None) };
            let role = super::find(tx, &account, name)?.filter(|role| role.name == name && !session.is_empty());
            Ok(role.map(|_| Resolved::Unpinned))
        }
        ("sts", "federated-user") if !rest.is_empty() => {
            Ok(crate::account::get(tx, &account)?.map(|_| Resolved::Unpinned))
        }
        _ => Ok(None),
    }
}

fn parse(text: &str) -> Option<Node> {
    json::parse(text.as_bytes(), json::DOCUMENT_LIMITS).ok()
}

/// The document's statements, given as a list or as a single object.
fn statements(document: &Node) -> Vec<&Node> {
    match document.get("Statement") {
        Some(node) => node.as_array().map_or_else(|| vec![node], |list| list.iter().collect()),
        None => Vec::new(),
    }
}

fn principal_element(statement: &Node) -> Option<&Node> {
    statement.get("Principal").or_else(|| statement.get("NotPrincipal"))
}

/// The principals of type `AWS` and where their texts stand. A bare `"*"` is not listed: it names nobody in particular.
fn aws_principals(document: &Node) -> Vec<(&str, Span)> {
    let elements = statements(document).into_iter().filter_map(principal_element).filter_map(|node| node.get("AWS"));
    elements
        .flat_map(|node| node.as_array().map_or_else(|| vec![node], |list| list.iter().collect()))
        .filter_map(|node| node.as_str().map(|text| (text, node.span)))
        .collect()
}

//! The management policies that accounts inherit, as services and administrators ask for them.

use crate::effective_policy::{self, Document, Violation};
use crate::organization::{self, Organization};
use crate::tree::{self, Target};
use crate::{account, messages, page, policy_type};
use base::{AccountId, Timestamp};
use kernel::{Cx, Error, Permission, Result, Route, Tx, params, route};
use model::organizations::{
    DescribeEffectivePolicyRequest, DescribeEffectivePolicyResponse, EffectivePolicy, EffectivePolicyNotFoundException,
    EffectivePolicyType, EffectivePolicyValidationError, InvalidInputExceptionReason as Invalid,
    ListAccountsWithInvalidEffectivePolicyRequest, ListAccountsWithInvalidEffectivePolicyResponse,
    ListEffectivePolicyValidationErrorsRequest, ListEffectivePolicyValidationErrorsResponse, PolicyType,
    PolicyTypeStatus, ops,
};
use serde_json::Value;
use std::collections::HashMap;

/// A policy that is attached somewhere.
struct Attached {
    id: String,
    document: Document,
    /// When it was attached here, or when its document was last changed after that.
    at: Timestamp,
}

/// Everything of one type that is attached in an organization.
struct Attachments {
    policy_type: EffectivePolicyType,
    by_target: HashMap<String, Vec<Attached>>,
}

impl Attachments {
    fn load(tx: &mut Tx, org: &Organization, policy_type: EffectivePolicyType) -> Result<Self> {
        let rows: Vec<(String, String, String, Timestamp)> = tx.all(
            "select a.target_id, p.id, p.content, \
                case when p.updated_at > a.attached_at then p.updated_at else a.attached_at end from org_attachment a \
             join org_policy p on p.id = a.policy_id \
             where a.org_id = $1 and a.type = $2 order by a.attached_at, a.policy_id",
            params![org.id, policy_type.as_str()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        let mut by_target: HashMap<String, Vec<Attached>> = HashMap::new();
        for (target, id, content, at) in rows {
            let document = Document::parse(policy_type, &content)
                .ok_or_else(|| Error::internal(format!("the stored policy {id} does not parse")))?;
            by_target.entry(target).or_default().push(Attached { id, document, at });
        }
        Ok(Self { policy_type, by_target })
    }

    /// The policies at each level of `way`.
    fn levels<'a>(&'a self, way: &[Target]) -> Vec<&'a [Attached]> {
        way.iter().map(|target| self.by_target.get(target.as_str()).map_or(&[][..], Vec::as_slice)).collect()
    }

    /// What the account at the end of `way` inherits; `None` when nothing of the type is attached above it.
    fn effective(&self, way: &[Target]) -> Option<Effective> {
        let levels = self.levels(way);
        let policies = levels.iter().flat_map(|level| level.iter());
        let updated_at = policies.clone().map(|attached| attached.at).max()?;
        let policy_ids = policies.map(|attached| attached.id.clone()).collect();
        let documents: Vec<Vec<&Document>> =
            levels.iter().map(|level| level.iter().map(|attached| &attached.document).collect()).collect();
        Some(Effective { content: effective_policy::merge(self.policy_type, &documents), updated_at, policy_ids })
    }
}

/// What an account inherits.
struct Effective {
    content: Value,
    /// When the newest of the policies was attached or changed.
    updated_at: Timestamp,
    /// Every policy that contributed.
    policy_ids: Vec<String>,
}

/// The effective policy of an account of `org`; `None` when the type is off or nothing of it is attached above.
///
/// # Errors
/// When the database fails.
pub fn effective(
    tx: &mut Tx,
    org: &Organization,
    account: &AccountId,
    policy_type: EffectivePolicyType,
) -> Result<Option<Value>> {
    if !is_enabled(tx, org, policy_type)? {
        return Ok(None);
    }
    let way = tree::path(tx, org, &Target::Account(account.clone()))?;
    Ok(Attachments::load(tx, org, policy_type)?.effective(&way).map(|effective| effective.content))
}

fn not_found() -> Error {
    let message = "If you ran this action on the management account, this policy type is not enabled. If you ran the \
                   action on a member account, the account doesn't have an effective policy of this type. Contact the \
                   administrator of your organization about attaching a policy of this type to the account.";
    EffectivePolicyNotFoundException::new(message).into()
}

fn is_enabled(tx: &mut Tx, org: &Organization, policy_type: EffectivePolicyType) -> Result<bool> {
    let policy_type = PolicyType::parse(policy_type.as_str())
        .ok_or_else(|| Error::internal("a type of effective policies is no policy type"))?;
    Ok(policy_type::status(tx, org, policy_type)? == Some(PolicyTypeStatus::Enabled))
}

fn require_enabled(tx: &mut Tx, org: &Organization, policy_type: EffectivePolicyType) -> Result<()> {
    if is_enabled(tx, org, policy_type)? { Ok(()) } else { Err(not_found()) }
}

fn with_type(permission: Permission, policy_type: EffectivePolicyType) -> Permission {
    permission.with("organizations:PolicyType", policy_type.as_str())
}

/// The account that is asked about: the caller's own unless said otherwise.
fn target_id(cx: &Cx<'_>, input: &DescribeEffectivePolicyRequest) -> Result<String> {
    match &input.target_id {
        Some(id) => Ok(id.clone()),
        None => Ok(cx.account()?.to_string()),
    }
}

fn describe_permission(cx: &mut Cx<'_>, input: &DescribeEffectivePolicyRequest) -> Result<Permission> {
    let id = target_id(cx, input)?;
    Ok(with_type(tree::permission(cx, "DescribeEffectivePolicy", &id)?, input.policy_type))
}

fn require_account(tx: &mut Tx, org: &Organization, id: &str) -> Result<AccountId> {
    let account = match Target::parse(id) {
        Some(Target::Account(account)) => account,
        Some(Target::Root(_) | Target::Unit(_)) => {
            let message = "You can't perform the specified operation on that target entity.";
            return Err(messages::invalid_input(Invalid::TargetNotSupported, message));
        }
        None => {
            let message = "You specified a policy target ID that does not match the required pattern.";
            return Err(messages::invalid_input(Invalid::InvalidPatternTargetId, message));
        }
    };
    match tree::parent_of_account(tx, org, &account)? {
        Some(_) => Ok(account),
        None => Err(messages::no_target()),
    }
}

fn describe(cx: &mut Cx<'_>, input: &DescribeEffectivePolicyRequest) -> Result<DescribeEffectivePolicyResponse> {
    let id = target_id(cx, input)?;
    // Every member may ask for what it inherits itself.
    let org = if cx.account()?.as_str() == id {
        organization::require(cx)?
    } else {
        organization::require_management_or_delegate(cx)?
    };
    let account = require_account(cx.tx, &org, &id)?;
    require_enabled(cx.tx, &org, input.policy_type)?;
    let way = tree::path(cx.tx, &org, &Target::Account(account))?;
    let effective = Attachments::load(cx.tx, &org, input.policy_type)?.effective(&way).ok_or_else(not_found)?;
    let description = EffectivePolicy {
        last_updated_timestamp: Some(effective.updated_at),
        policy_content: Some(effective.content.to_string()),
        policy_type: Some(input.policy_type),
        target_id: Some(id),
    };
    Ok(DescribeEffectivePolicyResponse { effective_policy: Some(description) })
}

fn list_accounts_permission(input: &ListAccountsWithInvalidEffectivePolicyRequest) -> Permission {
    let permission = Permission::new("organizations:ListAccountsWithInvalidEffectivePolicy", "*");
    with_type(permission, input.policy_type)
}

/// The members of `org` after a position, each with its parent.
fn members_after(tx: &mut Tx, org: &Organization, after: (i64, &str)) -> Result<Vec<(AccountId, Target)>> {
    tx.all(
        "select account_id, parent_id from org_account where org_id = $1 and (joined_at, account_id) > ($2, $3) \
         order by joined_at, account_id",
        params![org.id, after.0, after.1],
        |row| Ok((row.get(0)?, row.parse(1, Target::parse)?)),
    )
}

/// The first `count` accounts after a position whose effective policy is invalid.
fn invalid_accounts(
    tx: &mut Tx,
    org: &Organization,
    policy_type: EffectivePolicyType,
    after: (i64, &str),
    count: usize,
) -> Result<Vec<AccountId>> {
    let attachments = Attachments::load(tx, org, policy_type)?;
    let mut ways: HashMap<Target, Vec<Target>> = HashMap::new();
    let mut found = Vec::new();
    for (account, parent) in members_after(tx, org, after)? {
        if found.len() == count {
            break;
        }
        if !ways.contains_key(&parent) {
            ways.insert(parent.clone(), tree::path(tx, org, &parent)?);
        }
        let mut way = ways.get(&parent).cloned().unwrap_or_default();
        way.push(Target::Account(account.clone()));
        let effective = attachments.effective(&way);
        if effective.is_some_and(|it| !effective_policy::violations(policy_type, &it.content).is_empty()) {
            found.push(account);
        }
    }
    Ok(found)
}

fn list_accounts(
    cx: &mut Cx<'_>,
    input: &ListAccountsWithInvalidEffectivePolicyRequest,
) -> Result<ListAccountsWithInvalidEffectivePolicyResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    require_enabled(cx.tx, &org, input.policy_type)?;
    let list = ["ListAccountsWithInvalidEffectivePolicy", input.policy_type.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let count = usize::try_from(cursor.fetch).unwrap_or_default();
    let ids = invalid_accounts(cx.tx, &org, input.policy_type, cursor.position(), count)?;
    let mut members = Vec::with_capacity(ids.len());
    for id in &ids {
        members.extend(account::find(cx.tx, &org, id)?);
    }
    let (members, next_token) = cursor.close(cx, members, |last| page::key(last.joined_at, last.id.as_str()))?;
    let accounts = account::descriptions(cx.tx, &org, members)?;
    let policy_type = Some(input.policy_type);
    Ok(ListAccountsWithInvalidEffectivePolicyResponse { accounts: Some(accounts), next_token, policy_type })
}

fn list_errors_permission(cx: &mut Cx<'_>, input: &ListEffectivePolicyValidationErrorsRequest) -> Result<Permission> {
    let permission = tree::permission(cx, "ListEffectivePolicyValidationErrors", &input.account_id)?;
    Ok(with_type(permission, input.policy_type))
}

fn validation_error(violation: &Violation, policy_ids: &[String]) -> EffectivePolicyValidationError {
    EffectivePolicyValidationError {
        contributing_policies: Some(policy_ids.to_vec()),
        error_code: Some(violation.code.to_owned()),
        error_message: Some(violation.message.clone()),
        path_to_error: Some(violation.path.clone()),
    }
}

fn list_errors(
    cx: &mut Cx<'_>,
    input: &ListEffectivePolicyValidationErrorsRequest,
) -> Result<ListEffectivePolicyValidationErrorsResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let account = AccountId::parse(&input.account_id).ok_or_else(messages::invalid_pattern)?;
    if tree::parent_of_account(cx.tx, &org, &account)?.is_none() {
        return Err(messages::no_account());
    }
    require_enabled(cx.tx, &org, input.policy_type)?;
    let way = tree::path(cx.tx, &org, &Target::Account(account))?;
    let effective = Attachments::load(cx.tx, &org, input.policy_type)?.effective(&way).ok_or_else(not_found)?;
    let list = ["ListEffectivePolicyValidationErrors", &input.account_id, input.policy_type.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let violations = effective_policy::violations(input.policy_type, &effective.content).into_iter();
    let rows = violations.filter(|violation| violation.path > cursor.after).collect();
    let (violations, next_token) = cursor.close(cx, rows, |last: &Violation| last.path.clone())?;
    let errors = violations.iter().map(|violation| validation_error(violation, &effective.policy_ids)).collect();
    Ok(ListEffectivePolicyValidationErrorsResponse {
        account_id: Some(input.account_id.clone()),
        effective_policy_validation_errors: Some(errors),
        evaluation_timestamp: Some(cx.now),
        next_token,
        path: Some(tree::path_text(&org, &way)),
        policy_type: Some(input.policy_type),
    })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::read::<ops::DescribeEffectivePolicy>(|cx, input| Ok(describe_permission(cx, input)?.into()), describe),
        route::read::<ops::ListAccountsWithInvalidEffectivePolicy>(
            |_, input| Ok(list_accounts_permission(input).into()),
            list_accounts,
        ),
        route::read::<ops::ListEffectivePolicyValidationErrors>(
            |cx, input| Ok(list_errors_permission(cx, input)?.into()),
            list_errors,
        ),
    ]
}

//! Who uses a managed policy, as permissions or as a boundary.

use crate::entity::EntityKind;
use crate::paging::{self, page_request};
use base::AccountId;
use kernel::store::{Param, Row};
use kernel::{Cx, Result, Tx, params};
use model::iam::{
    EntityType, ListEntitiesForPolicyRequest, ListEntitiesForPolicyResponse, PolicyGroup, PolicyRole, PolicyUsageType,
    PolicyUser,
};
use std::collections::HashMap;

/// How often an account uses a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Users, groups and roles that it is attached to.
    pub(crate) attachments: i32,
    /// Users and roles whose boundary it is.
    pub(crate) boundaries: i32,
}

/// The use of one policy.
pub(crate) fn of(tx: &mut Tx, account: &AccountId, arn: &str) -> Result<Usage> {
    let own = params![account, arn];
    let mut count = |sql| tx.count(sql, own).map(|count| i32::try_from(count).unwrap_or(i32::MAX));
    let attachments = count("select count(*) from iam_attachment where account_id = $1 and policy_arn = $2")?;
    let users = count("select count(*) from iam_user where account_id = $1 and boundary_arn = $2")?;
    let roles = count("select count(*) from iam_role where account_id = $1 and boundary_arn = $2")?;
    Ok(Usage { attachments, boundaries: users.saturating_add(roles) })
}

/// The use of every policy that the account uses, by ARN.
pub(crate) fn of_all(tx: &mut Tx, account: &AccountId) -> Result<HashMap<String, Usage>> {
    let counted = |row: &Row<'_>| Ok((row.get::<String>(0)?, row.get::<i32>(1)?));
    let mut usages: HashMap<String, Usage> = HashMap::new();
    let attachments = "select policy_arn, count(*) from iam_attachment where account_id = $1 group by policy_arn";
    for (arn, count) in tx.all(attachments, params![account], counted)? {
        usages.entry(arn).or_default().attachments += count;
    }
    for sql in [
        "select boundary_arn, count(*) from iam_user where account_id = $1 and boundary_arn is not null \
         group by boundary_arn",
        "select boundary_arn, count(*) from iam_role where account_id = $1 and boundary_arn is not null \
         group by boundary_arn",
    ] {
        for (arn, count) in tx.all(sql, params![account], counted)? {
            usages.entry(arn).or_default().boundaries += count;
        }
    }
    Ok(usages)
}

/// One user of a policy.
struct Holder {
    kind: EntityKind,
    id: String,
    name: String,
    path: String,
}

impl Holder {
    fn position(&self) -> String {
        format!("{} {}", self.kind as u8, self.name.to_lowercase())
    }
}

/// Who a policy of that ARN is attached to; statements for [`EntityKind::ALL`] in its order.
const ATTACHED: [&str; 3] = [
    "select e.id, e.name, e.path from iam_user e join iam_attachment a on a.entity_id = e.id \
     where a.account_id = $1 and a.policy_arn = $2",
    "select e.id, e.name, e.path from iam_group e join iam_attachment a on a.entity_id = e.id \
     where a.account_id = $1 and a.policy_arn = $2",
    "select e.id, e.name, e.path from iam_role e join iam_attachment a on a.entity_id = e.id \
     where a.account_id = $1 and a.policy_arn = $2",
];

/// Whose boundary the policy of that ARN is.
const BOUNDED: [(EntityKind, &str); 2] = [
    (EntityKind::User, "select id, name, path from iam_user where account_id = $1 and boundary_arn = $2"),
    (EntityKind::Role, "select id, name, path from iam_role where account_id = $1 and boundary_arn = $2"),
];

fn is_of_type(kind: EntityKind, filter: Option<EntityType>) -> bool {
    match filter {
        None => true,
        Some(EntityType::User) => kind == EntityKind::User,
        Some(EntityType::Group) => kind == EntityKind::Group,
        Some(EntityType::Role) => kind == EntityKind::Role,
        Some(EntityType::LocalManagedPolicy | EntityType::AWSManagedPolicy) => false,
    }
}

fn holders(tx: &mut Tx, account: &AccountId, input: &ListEntitiesForPolicyRequest) -> Result<Vec<Holder>> {
    let own: &[Param<'_>] = params![account, input.policy_arn];
    let usage = input.policy_usage_filter;
    let mut statements: Vec<(EntityKind, &'static str)> = Vec::new();
    if usage != Some(PolicyUsageType::PermissionsBoundary) {
        statements.extend(EntityKind::ALL.into_iter().zip(ATTACHED));
    }
    if usage != Some(PolicyUsageType::PermissionsPolicy) {
        statements.extend(BOUNDED);
    }
    let mut holders = Vec::new();
    for (kind, sql) in statements {
        if is_of_type(kind, input.entity_filter) {
            holders.extend(
                tx.all(sql, own, |row| Ok(Holder { kind, id: row.get(0)?, name: row.get(1)?, path: row.get(2)? }))?,
            );
        }
    }
    // A policy can be attached to a user and be its boundary as well.
    holders.sort_by_cached_key(Holder::position);
    holders.dedup_by(|a, b| a.id == b.id);
    Ok(holders)
}

pub(super) fn list_entities(
    cx: &mut Cx<'_>,
    input: &ListEntitiesForPolicyRequest,
) -> Result<ListEntitiesForPolicyResponse> {
    let account = cx.account()?;
    super::existing(cx, &input.policy_arn)?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let mut rows = holders(cx.tx, &account, input)?;
    rows.retain(|holder| holder.path.starts_with(prefix));
    let list = [
        "ListEntitiesForPolicy",
        &input.policy_arn,
        input.entity_filter.map_or("", EntityType::as_str),
        prefix,
        input.policy_usage_filter.map_or("", PolicyUsageType::as_str),
    ];
    let page = paging::cut(cx, &list, page_request!(input), rows, Holder::position)?;
    let mut output = ListEntitiesForPolicyResponse {
        is_truncated: page.is_truncated(),
        marker: page.marker,
        policy_groups: Some(Vec::new()),
        policy_roles: Some(Vec::new()),
        policy_users: Some(Vec::new()),
    };
    for Holder { kind, id, name, .. } in page.rows {
        let (id, name) = (Some(id), Some(name));
        match kind {
            EntityKind::User => {
                output.policy_users.get_or_insert_default().push(PolicyUser { user_id: id, user_name: name });
            }
            EntityKind::Group => {
                output.policy_groups.get_or_insert_default().push(PolicyGroup { group_id: id, group_name: name });
            }
            EntityKind::Role => {
                output.policy_roles.get_or_insert_default().push(PolicyRole { role_id: id, role_name: name });
            }
        }
    }
    Ok(output)
}

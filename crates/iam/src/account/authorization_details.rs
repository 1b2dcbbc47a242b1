//! `GetAccountAuthorizationDetails`: everything that decides what an account's principals may do.

use crate::managed_policy::{self, ManagedPolicy, usage, usage::Usage};
use crate::paging::{self, page_request};
use crate::{attachment, boundary, document, group, inline_policy, role, tag, user};
use base::{AccountId, RoleId};
use kernel::{Cx, Result, Tx, params};
use model::iam::{
    EntityType, GetAccountAuthorizationDetailsRequest, GetAccountAuthorizationDetailsResponse, GroupDetail,
    InstanceProfile, ManagedPolicyDetail, RoleDetail, RoleLastUsed, UserDetail,
};
use std::collections::HashMap;

/// An entry before it is filled in.
enum Entry {
    User(user::User),
    Group(group::Group),
    Role(RoleId, String),
    Policy(ManagedPolicy),
}

impl Entry {
    /// Where the entry stands: users, groups, roles, own policies, AWS's policies; each by name.
    fn position(&self) -> String {
        match self {
            Self::User(user) => format!("0{}", user.name.to_lowercase()),
            Self::Group(group) => format!("1{}", group.name.to_lowercase()),
            Self::Role(_, name_key) => format!("2{name_key}"),
            Self::Policy(ManagedPolicy::Customer(policy)) => format!("3{}", policy.name.to_lowercase()),
            Self::Policy(ManagedPolicy::Aws(policy)) => format!("4{}", policy.name.to_lowercase()),
        }
    }
}

pub(super) fn details(
    cx: &mut Cx<'_>,
    input: &GetAccountAuthorizationDetailsRequest,
) -> Result<GetAccountAuthorizationDetailsResponse> {
    let account = cx.account()?;
    let filter = input.filter.as_deref().filter(|filter| !filter.is_empty()).unwrap_or(EntityType::ALL);
    let mut names: Vec<&str> = filter.iter().map(|kind| kind.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let usages = usage::of_all(cx.tx, &account)?;
    let entries = entries(cx.tx, &account, filter, &usages)?;
    let list = ["GetAccountAuthorizationDetails", &names.join(",")];
    let page = paging::cut(cx, &list, page_request!(input), entries, Entry::position)?;
    let mut output = GetAccountAuthorizationDetailsResponse {
        is_truncated: page.is_truncated(),
        marker: page.marker,
        user_detail_list: Some(Vec::new()),
        group_detail_list: Some(Vec::new()),
        role_detail_list: Some(Vec::new()),
        policies: Some(Vec::new()),
    };
    for entry in page.rows {
        match entry {
            Entry::User(user) => output.user_detail_list.get_or_insert_default().push(user_detail(cx.tx, &user)?),
            Entry::Group(group) => output.group_detail_list.get_or_insert_default().push(group_detail(cx.tx, &group)?),
            Entry::Role(id, _) => output.role_detail_list.get_or_insert_default().extend(role_detail(cx.tx, &id)?),
            Entry::Policy(policy) => {
                let usage = usages.get(policy.arn()).copied().unwrap_or_default();
                output.policies.get_or_insert_default().push(policy_detail(cx.tx, &policy, usage)?);
            }
        }
    }
    Ok(output)
}

/// Every entry of the wanted types; of AWS's policies those that the account uses.
fn entries(
    tx: &mut Tx,
    account: &AccountId,
    filter: &[EntityType],
    usages: &HashMap<String, Usage>,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    if filter.contains(&EntityType::User) {
        entries.extend(user::list(tx, account, "", user::USERS_MAX)?.into_iter().map(Entry::User));
    }
    if filter.contains(&EntityType::Group) {
        entries.extend(group::list(tx, account, "", group::GROUPS_MAX)?.into_iter().map(Entry::Group));
    }
    if filter.contains(&EntityType::Role) {
        let sql = "select id, name_key from iam_role where account_id = $1";
        entries.extend(tx.all(sql, params![account], |row| Ok(Entry::Role(row.get(0)?, row.get(1)?)))?);
    }
    if filter.contains(&EntityType::LocalManagedPolicy) {
        let own = managed_policy::of_account(tx, account)?;
        entries.extend(own.into_iter().map(|policy| Entry::Policy(ManagedPolicy::Customer(policy))));
    }
    if filter.contains(&EntityType::AWSManagedPolicy) {
        let used = usages.keys().filter_map(|arn| catalog::managed_policy(arn));
        entries.extend(used.map(|policy| Entry::Policy(ManagedPolicy::Aws(policy))));
    }
    Ok(entries)
}

fn user_detail(tx: &mut Tx, user: &user::User) -> Result<UserDetail> {
    Ok(UserDetail {
        arn: Some(user.arn().to_string()),
        attached_managed_policies: Some(attachment::shown(tx, user.id.as_str())?),
        create_date: Some(user.created_at),
        group_list: Some(group::of_user(tx, &user.id)?.into_iter().map(|group| group.name).collect()),
        path: Some(user.path.clone()),
        permissions_boundary: boundary::shown(user.boundary_arn.as_deref()),
        tags: tag::shown(tx, user.id.as_str())?,
        user_id: Some(user.id.to_string()),
        user_name: Some(user.name.clone()),
        user_policy_list: Some(inline_policy::shown(tx, user.id.as_str())?),
    })
}

fn group_detail(tx: &mut Tx, group: &group::Group) -> Result<GroupDetail> {
    Ok(GroupDetail {
        arn: Some(group.arn().to_string()),
        attached_managed_policies: Some(attachment::shown(tx, group.id.as_str())?),
        create_date: Some(group.created_at),
        group_id: Some(group.id.to_string()),
        group_name: Some(group.name.clone()),
        group_policy_list: Some(inline_policy::shown(tx, group.id.as_str())?),
        path: Some(group.path.clone()),
    })
}

fn role_detail(tx: &mut Tx, id: &RoleId) -> Result<Option<RoleDetail>> {
    let Some(role) = role::get(tx, id)? else { return Ok(None) };
    let last_used = role.last_used.as_ref();
    let trust_policy = document::encoded(&role::trust_policy_for_evaluation(tx, &role)?);
    Ok(Some(RoleDetail {
        arn: Some(role.arn().to_string()),
        assume_role_policy_document: Some(trust_policy.clone()),
        attached_managed_policies: Some(attachment::shown(tx, role.id.as_str())?),
        create_date: Some(role.created_at),
        instance_profile_list: Some(instance_profiles(tx, &role, &trust_policy)?),
        path: Some(role.path.clone()),
        permissions_boundary: boundary::shown(role.boundary_arn.as_deref()),
        role_id: Some(role.id.to_string()),
        role_last_used: Some(RoleLastUsed {
            last_used_date: last_used.map(|(at, _)| *at),
            region: last_used.map(|(_, region)| region.clone()),
        }),
        role_name: Some(role.name.clone()),
        role_policy_list: Some(inline_policy::shown(tx, role.id.as_str())?),
        tags: tag::shown(tx, role.id.as_str())?,
    }))
}

fn instance_profiles(tx: &mut Tx, role: &role::Role, trust_policy: &str) -> Result<Vec<InstanceProfile>> {
    let shown_role = model::iam::Role {
        arn: role.arn().to_string(),
        assume_role_policy_document: Some(trust_policy.to_owned()),
        create_date: role.created_at,
        path: role.path.clone(),
        role_id: role.id.to_string(),
        role_name: role.name.clone(),
        ..Default::default()
    };
    tx.all(
        "select id, name, path, created_at from iam_instance_profile where role_id = $1 order by name_key",
        params![role.id],
        |row| {
            let (name, path): (String, String) = (row.get(1)?, row.get(2)?);
            Ok(InstanceProfile {
                arn: format!("arn:aws:iam::{}:instance-profile{path}{name}", role.account),
                create_date: row.get(3)?,
                instance_profile_id: row.get(0)?,
                instance_profile_name: name,
                path,
                roles: vec![shown_role.clone()],
                tags: None,
            })
        },
    )
}

fn policy_detail(tx: &mut Tx, policy: &ManagedPolicy, usage: Usage) -> Result<ManagedPolicyDetail> {
    let (description, versions) = match policy {
        ManagedPolicy::Customer(own) => {
            let versions = managed_policy::versions(tx, &own.id)?;
            let shown = versions.iter().map(|version| managed_policy::shown_version(own, version, true)).collect();
            (own.description.clone(), shown)
        }
        ManagedPolicy::Aws(aws) => (None, vec![managed_policy::shown_aws_version(aws, true)]),
    };
    let listed = policy.listed(usage);
    Ok(ManagedPolicyDetail {
        arn: listed.arn,
        attachment_count: listed.attachment_count,
        create_date: listed.create_date,
        default_version_id: listed.default_version_id,
        description,
        is_attachable: listed.is_attachable,
        path: listed.path,
        permissions_boundary_usage_count: listed.permissions_boundary_usage_count,
        policy_id: listed.policy_id,
        policy_name: listed.policy_name,
        policy_version_list: Some(versions),
        update_date: listed.update_date,
    })
}

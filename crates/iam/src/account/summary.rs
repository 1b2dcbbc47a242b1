//! `GetAccountSummary`: what the account has and may have.

use super::{root_password, token_version};
use crate::entity::EntityKind;
use crate::{access_key, group, managed_policy, user};
use base::AccountId;
use kernel::{Cx, Result, Tx, params};
use model::iam::GetAccountSummaryResponse;
use smithy::schema::Unit;
use std::collections::BTreeMap;

/// Quotas that no rule of this crate's other modules names; those of credentials that do not exist here too.
const QUOTAS: [(&str, i64); 9] = [
    ("ServerCertificates", 0),
    ("ServerCertificatesQuota", 20),
    ("SigningCertificatesPerUserQuota", 2),
    ("AccountSigningCertificatesPresent", 0),
    ("AssumeRolePolicySizeQuota", 2_048),
    ("PolicyVersionsInUseQuota", 10_000),
    ("InstanceProfilesQuota", 1_000),
    ("RolesQuota", 1_000),
    ("PoliciesQuota", managed_policy::POLICIES_MAX),
];

/// What is counted, by statements over the account.
const COUNTS: [(&str, &str); 10] = [
    ("Users", "select count(*) from iam_user where account_id = $1"),
    ("Groups", "select count(*) from iam_group where account_id = $1"),
    ("Roles", "select count(*) from iam_role where account_id = $1"),
    ("Policies", "select count(*) from iam_policy where account_id = $1"),
    (
        "PolicyVersionsInUse",
        "select count(*) from iam_policy_version v join iam_policy p on p.id = v.policy_id where p.account_id = $1",
    ),
    ("InstanceProfiles", "select count(*) from iam_instance_profile where account_id = $1"),
    ("MFADevices", "select count(*) from iam_mfa_device where account_id = $1"),
    ("MFADevicesInUse", "select count(*) from iam_mfa_device where account_id = $1 and assigned_to is not null"),
    ("SAMLProviders", "select count(*) from iam_saml_provider where account_id = $1"),
    ("OIDCProviders", "select count(*) from iam_oidc_provider where account_id = $1"),
];

pub(super) fn summary(cx: &mut Cx<'_>, _input: &Unit) -> Result<GetAccountSummaryResponse> {
    let account = cx.account()?;
    let mut values: BTreeMap<&'static str, i64> = QUOTAS.into_iter().collect();
    values.extend(rule_quotas());
    for (name, sql) in COUNTS {
        values.insert(name, cx.tx.count(sql, params![account])?);
    }
    let providers = ["SAMLProviders", "OIDCProviders"].into_iter().filter_map(|name| values.remove(name)).sum();
    values.insert("Providers", providers);
    values.extend(root_user(cx.tx, &account)?);
    values.insert("GlobalEndpointTokenVersion", token_version(cx.tx, &account)?.into());
    let clamp = |(name, value): (&str, i64)| (name.to_owned(), i32::try_from(value).unwrap_or(i32::MAX));
    Ok(GetAccountSummaryResponse { summary_map: Some(values.into_iter().map(clamp).collect()) })
}

fn rule_quotas() -> [(&'static str, i64); 12] {
    let inline = |kind: EntityKind| kind.inline_characters_max() as i64;
    let attached = |kind: EntityKind| kind.attachments_quota().1;
    [
        ("UsersQuota", user::USERS_MAX),
        ("GroupsQuota", group::GROUPS_MAX),
        ("GroupsPerUserQuota", group::GROUPS_PER_USER_MAX),
        ("AccessKeysPerUserQuota", access_key::ACCESS_KEYS_MAX),
        ("PolicySizeQuota", managed_policy::POLICY_CHARACTERS_MAX as i64),
        ("VersionsPerPolicyQuota", managed_policy::VERSIONS_MAX),
        ("UserPolicySizeQuota", inline(EntityKind::User)),
        ("GroupPolicySizeQuota", inline(EntityKind::Group)),
        ("RolePolicySizeQuota", inline(EntityKind::Role)),
        ("AttachedPoliciesPerUserQuota", attached(EntityKind::User)),
        ("AttachedPoliciesPerGroupQuota", attached(EntityKind::Group)),
        ("AttachedPoliciesPerRoleQuota", attached(EntityKind::Role)),
    ]
}

/// Which credentials the root user has: 0 or 1 each.
fn root_user(tx: &mut Tx, account: &AccountId) -> Result<[(&'static str, i64); 3]> {
    let has_mfa = tx.exists("select 1 from iam_mfa_device where assigned_to = $1", params![account])?;
    let has_keys = !access_key::of_owner(tx, account, None)?.is_empty();
    let has_password = root_password::find(tx, account)?.is_some();
    Ok([
        ("AccountMFAEnabled", has_mfa.into()),
        ("AccountAccessKeysPresent", has_keys.into()),
        ("AccountPasswordPresent", has_password.into()),
    ])
}

//! Instance profiles: the wrappers in which roles are handed to EC2 instances.

use crate::access::permission;
use crate::entity::{EntityKind, permission_on};
use crate::paging::{self, Page, PageRequest, page_request};
use crate::{messages, role, tag};
use base::{AccountId, Arn, InstanceProfileId, RoleId, Timestamp};
use kernel::store::Row;
use kernel::{Access, Cx, Permission, Result, Route, Tx, WriteCx, params, route};
use model::iam::{
    self, AddRoleToInstanceProfileRequest, CreateInstanceProfileRequest, CreateInstanceProfileResponse,
    DeleteInstanceProfileRequest, GetInstanceProfileRequest, GetInstanceProfileResponse,
    ListInstanceProfileTagsRequest, ListInstanceProfileTagsResponse, ListInstanceProfilesForRoleRequest,
    ListInstanceProfilesForRoleResponse, ListInstanceProfilesRequest, ListInstanceProfilesResponse,
    RemoveRoleFromInstanceProfileRequest, TagInstanceProfileRequest, UntagInstanceProfileRequest, ops,
};
use smithy::schema::{Operation, Unit};

/// Instance profiles that an account may have.
pub const INSTANCE_PROFILES_QUOTA: i64 = 1_000;

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceProfile {
    /// Unique id.
    pub id: InstanceProfileId,
    /// Account.
    pub account: AccountId,
    /// Name; unique in the account whatever its case.
    pub name: String,
    /// Path, with both slashes.
    pub path: String,
    /// The one role in it.
    pub role: Option<RoleId>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl InstanceProfile {
    /// The profile's ARN.
    pub fn arn(&self) -> Arn {
        Arn::new("iam", "", self.account.as_str(), &format!("instance-profile{}{}", self.path, self.name))
    }

    fn key(&self) -> String {
        self.name.to_lowercase()
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!("select id, account_id, name, path, role_id, created_at from iam_instance_profile ", $rest)
    };
}

fn profile(row: &Row<'_>) -> Result<InstanceProfile> {
    Ok(InstanceProfile {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        path: row.get(3)?,
        role: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// The instance profile of that name, whatever its case.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, account: &AccountId, name: &str) -> Result<Option<InstanceProfile>> {
    tx.opt(select!("where account_id = $1 and name_key = $2"), params![account, name.to_lowercase()], profile)
}

fn required(cx: &mut Cx<'_>, name: &str) -> Result<InstanceProfile> {
    let account = cx.account()?;
    find(cx.tx, &account, name)?.ok_or_else(|| messages::no_instance_profile(name).into())
}

/// The profile with its role, as lists show it: without tags.
fn shape(tx: &mut Tx, profile: &InstanceProfile) -> Result<iam::InstanceProfile> {
    let role = match &profile.role {
        Some(id) => role::get(tx, id)?,
        None => None,
    };
    let roles = match role {
        Some(role) => vec![role::shape(&role, &role::trust_policy_for_evaluation(tx, &role)?)],
        None => Vec::new(),
    };
    Ok(iam::InstanceProfile {
        arn: profile.arn().to_string(),
        create_date: profile.created_at,
        instance_profile_id: profile.id.to_string(),
        instance_profile_name: profile.name.clone(),
        path: profile.path.clone(),
        roles,
        tags: None,
    })
}

fn shapes(cx: &mut Cx<'_>, page: Page<InstanceProfile>) -> Result<Page<iam::InstanceProfile>> {
    let rows = page.rows.iter().map(|profile| shape(cx.tx, profile)).collect::<Result<_>>()?;
    Ok(Page { rows, marker: page.marker })
}

fn full_shape(tx: &mut Tx, profile: &InstanceProfile) -> Result<iam::InstanceProfile> {
    Ok(iam::InstanceProfile { tags: tag::shown(tx, profile.id.as_str())?, ..shape(tx, profile)? })
}

fn on_profile<O: Operation>(cx: &mut Cx<'_>, name: &str) -> Result<Permission> {
    let account = cx.account()?;
    match find(cx.tx, &account, name)? {
        Some(profile) => tag::with_resource_tags(permission::<O>(profile.arn().as_str()), cx.tx, profile.id.as_str()),
        None => Ok(permission::<O>(format!("arn:aws:iam::{account}:instance-profile/{name}"))),
    }
}

fn may_create(cx: &mut Cx<'_>, input: &CreateInstanceProfileRequest) -> Result<Access> {
    let account = cx.account()?;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = format!("arn:aws:iam::{account}:instance-profile{path}{}", input.instance_profile_name);
    let create = tag::with_request_tags(permission::<ops::CreateInstanceProfile>(&arn), input.tags.as_deref());
    let mut permissions = vec![create];
    if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        permissions.push(tag::with_request_tags(permission::<ops::TagInstanceProfile>(arn), input.tags.as_deref()));
    }
    Ok(Access::Permissions(permissions))
}

fn create(cx: &mut WriteCx<'_>, input: &CreateInstanceProfileRequest) -> Result<CreateInstanceProfileResponse> {
    let account = cx.account()?;
    if find(cx.tx, &account, &input.instance_profile_name)?.is_some() {
        return Err(messages::instance_profile_exists(&input.instance_profile_name).into());
    }
    let count = cx.tx.count("select count(*) from iam_instance_profile where account_id = $1", params![account])?;
    if count >= INSTANCE_PROFILES_QUOTA {
        return Err(messages::over_quota("InstanceProfilesPerAccount", INSTANCE_PROFILES_QUOTA).into());
    }
    let profile = InstanceProfile {
        id: InstanceProfileId::random(&account, &mut cx.random),
        account,
        name: input.instance_profile_name.clone(),
        path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
        role: None,
        created_at: cx.now,
    };
    cx.write().exec_one(
        "insert into iam_instance_profile (id, account_id, name, name_key, path, created_at) \
         values ($1, $2, $3, $4, $5, $6)",
        params![profile.id, profile.account, profile.name, profile.key(), profile.path, profile.created_at],
    )?;
    tag::add(&mut cx.write(), profile.id.as_str(), input.tags.as_deref().unwrap_or_default())?;
    Ok(CreateInstanceProfileResponse { instance_profile: full_shape(cx.tx, &profile)? })
}

fn get(cx: &mut Cx<'_>, input: &GetInstanceProfileRequest) -> Result<GetInstanceProfileResponse> {
    let profile = required(cx, &input.instance_profile_name)?;
    Ok(GetInstanceProfileResponse { instance_profile: full_shape(cx.tx, &profile)? })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteInstanceProfileRequest) -> Result<Unit> {
    let profile = required(cx, &input.instance_profile_name)?;
    if profile.role.is_some() {
        return Err(messages::must_first("remove roles from instance profile").into());
    }
    tag::clear(&mut cx.write(), profile.id.as_str())?;
    cx.write().exec_one("delete from iam_instance_profile where id = $1", params![profile.id])?;
    Ok(Unit)
}

/// Handing a role to EC2 takes `iam:PassRole` as well.
fn may_add(cx: &mut Cx<'_>, input: &AddRoleToInstanceProfileRequest) -> Result<Access> {
    let add = on_profile::<ops::AddRoleToInstanceProfile>(cx, &input.instance_profile_name)?;
    let (on_role, _) = permission_on::<ops::AddRoleToInstanceProfile>(cx, EntityKind::Role, &input.role_name)?;
    let pass = Permission { action: "iam:PassRole".to_owned(), ..on_role };
    Ok(Access::Permissions(vec![add, pass.with("iam:PassedToService", "ec2.amazonaws.com")]))
}

fn add_role(cx: &mut WriteCx<'_>, input: &AddRoleToInstanceProfileRequest) -> Result<Unit> {
    let profile = required(cx, &input.instance_profile_name)?;
    let role = role::required(cx, &input.role_name)?;
    role::guard_modifiable(cx, &role)?;
    if profile.role.is_some() {
        return Err(messages::over_quota("InstanceSessionsPerInstanceProfile", 1).into());
    }
    set_role(cx, &profile, Some(&role.id))
}

fn remove_role(cx: &mut WriteCx<'_>, input: &RemoveRoleFromInstanceProfileRequest) -> Result<Unit> {
    let profile = required(cx, &input.instance_profile_name)?;
    let role = role::required(cx, &input.role_name)?;
    if profile.role.as_ref() != Some(&role.id) {
        return Err(messages::no_role(&input.role_name).into());
    }
    role::guard_modifiable(cx, &role)?;
    set_role(cx, &profile, None)
}

fn set_role(cx: &mut WriteCx<'_>, profile: &InstanceProfile, role: Option<&RoleId>) -> Result<Unit> {
    let sql = "update iam_instance_profile set role_id = $2 where id = $1";
    cx.write().exec_one(sql, params![profile.id, role.map(RoleId::as_str)])?;
    Ok(Unit)
}

fn may_list(cx: &mut Cx<'_>, input: &ListInstanceProfilesRequest) -> Result<Access> {
    let account = cx.account()?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    Ok(permission::<ops::ListInstanceProfiles>(format!("arn:aws:iam::{account}:instance-profile{prefix}")).into())
}

fn list(cx: &mut Cx<'_>, input: &ListInstanceProfilesRequest) -> Result<ListInstanceProfilesResponse> {
    let account = cx.account()?;
    let prefix = input.path_prefix.as_deref();
    let cursor = paging::open(cx, &["ListInstanceProfiles", prefix.unwrap_or("/")], page_request!(input))?;
    let rows = cx.tx.all(
        select!("where account_id = $1 and name_key > $2 order by name_key limit $3"),
        params![account, cursor.after, paging::rows_to_fetch(&cursor, prefix)],
        profile,
    )?;
    let page = paging::close_by_path(cx, &cursor, rows, prefix, |profile| &profile.path, InstanceProfile::key)?;
    let page = shapes(cx, page)?;
    Ok(ListInstanceProfilesResponse {
        is_truncated: page.is_truncated(),
        marker: page.marker,
        instance_profiles: page.rows,
    })
}

fn list_for_role(
    cx: &mut Cx<'_>,
    input: &ListInstanceProfilesForRoleRequest,
) -> Result<ListInstanceProfilesForRoleResponse> {
    let role = role::required(cx, &input.role_name)?;
    let request: PageRequest<'_> = page_request!(input);
    let cursor = paging::open(cx, &["ListInstanceProfilesForRole", role.id.as_str()], request)?;
    let rows = cx.tx.all(
        select!("where account_id = $1 and role_id = $2 and name_key > $3 order by name_key limit $4"),
        params![role.account, role.id, cursor.after, cursor.fetch],
        profile,
    )?;
    let page = paging::close(cx, &cursor, rows, InstanceProfile::key)?;
    let page = shapes(cx, page)?;
    Ok(ListInstanceProfilesForRoleResponse {
        is_truncated: page.is_truncated(),
        marker: page.marker,
        instance_profiles: page.rows,
    })
}

fn may_tag(cx: &mut Cx<'_>, input: &TagInstanceProfileRequest) -> Result<Access> {
    let permission = on_profile::<ops::TagInstanceProfile>(cx, &input.instance_profile_name)?;
    Ok(tag::with_request_tags(permission, Some(&input.tags)).into())
}

fn tag_profile(cx: &mut WriteCx<'_>, input: &TagInstanceProfileRequest) -> Result<Unit> {
    let profile = required(cx, &input.instance_profile_name)?;
    tag::add(&mut cx.write(), profile.id.as_str(), &input.tags)?;
    Ok(Unit)
}

fn may_untag(cx: &mut Cx<'_>, input: &UntagInstanceProfileRequest) -> Result<Access> {
    let permission = on_profile::<ops::UntagInstanceProfile>(cx, &input.instance_profile_name)?;
    Ok(tag::with_tag_keys(permission, &input.tag_keys).into())
}

fn untag_profile(cx: &mut WriteCx<'_>, input: &UntagInstanceProfileRequest) -> Result<Unit> {
    let profile = required(cx, &input.instance_profile_name)?;
    tag::remove(&mut cx.write(), profile.id.as_str(), &input.tag_keys)?;
    Ok(Unit)
}

fn list_tags(cx: &mut Cx<'_>, input: &ListInstanceProfileTagsRequest) -> Result<ListInstanceProfileTagsResponse> {
    let profile = required(cx, &input.instance_profile_name)?;
    let page = tag::page(cx, "ListInstanceProfileTags", profile.id.as_str(), page_request!(input))?;
    Ok(ListInstanceProfileTagsResponse { is_truncated: page.is_truncated(), marker: page.marker, tags: page.rows })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateInstanceProfile>(may_create, create),
        route::read::<ops::GetInstanceProfile>(
            |cx, i| on_profile::<ops::GetInstanceProfile>(cx, &i.instance_profile_name).map(Access::from),
            get,
        ),
        route::write::<ops::DeleteInstanceProfile>(
            |cx, i| on_profile::<ops::DeleteInstanceProfile>(cx, &i.instance_profile_name).map(Access::from),
            delete,
        ),
        route::write::<ops::AddRoleToInstanceProfile>(may_add, add_role),
        route::write::<ops::RemoveRoleFromInstanceProfile>(
            |cx, i| on_profile::<ops::RemoveRoleFromInstanceProfile>(cx, &i.instance_profile_name).map(Access::from),
            remove_role,
        ),
        route::read::<ops::ListInstanceProfiles>(may_list, list),
        route::read::<ops::ListInstanceProfilesForRole>(
            |cx, i| {
                let (permission, _) =
                    permission_on::<ops::ListInstanceProfilesForRole>(cx, EntityKind::Role, &i.role_name)?;
                Ok(permission.into())
            },
            list_for_role,
        ),
        route::write::<ops::TagInstanceProfile>(may_tag, tag_profile),
        route::write::<ops::UntagInstanceProfile>(may_untag, untag_profile),
        route::read::<ops::ListInstanceProfileTags>(
            |cx, i| on_profile::<ops::ListInstanceProfileTags>(cx, &i.instance_profile_name).map(Access::from),
            list_tags,
        ),
    ]
}

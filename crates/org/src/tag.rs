//! Tags of accounts, roots, units and policies.

use crate::organization::{self, Organization};
use crate::tree::{self, Target};
use crate::{effective_policy, inherited_policy, messages, new_tags, policy, resource_policy};
use base::OrgPolicyId;
use kernel::page::Cursor;
use kernel::scope::Scope;
use kernel::{Cx, Permission, Result, Route, Tx, WriteCx, params, route};
use model::organizations::{
    ConstraintViolationExceptionReason, EffectivePolicyType, InvalidInputExceptionReason, ListTagsForResourceRequest,
    ListTagsForResourceResponse, Tag, TagResourceRequest, UntagResourceRequest, ops,
};
use smithy::schema::Unit;

/// Tags of one page; the operation does not let callers choose.
const PAGE_TAGS_MAX: i64 = 50;

/// Something that can have tags.
enum Taggable {
    Target,
    Policy,
    ResourcePolicy,
}

impl Taggable {
    fn parse(id: &str) -> Option<Self> {
        match Target::parse(id) {
            Some(_) => Some(Self::Target),
            None if OrgPolicyId::parse(id).is_some() => Some(Self::Policy),
            None => id.starts_with("rp-").then_some(Self::ResourcePolicy),
        }
    }
}

fn require(tx: &mut Tx, org: &Organization, id: &str) -> Result<()> {
    let exists = match Taggable::parse(id).ok_or_else(messages::invalid_pattern)? {
        Taggable::Target => tree::find_target(tx, org, id)?.is_some(),
        Taggable::Policy => policy::find(tx, org, id)?.is_some(),
        Taggable::ResourcePolicy => resource_policy::find(tx, org)?.is_some_and(|stored| stored.id == id),
    };
    if exists { Ok(()) } else { Err(messages::no_target()) }
}

/// As [`require`], and refuses to change what is AWS's.
fn require_own(tx: &mut Tx, org: &Organization, id: &str) -> Result<()> {
    require(tx, org, id)?;
    if policy::find(tx, org, id)?.is_some_and(|policy| policy.is_aws_managed) {
        let message = "You cannot tag a policy that is managed by AWS.";
        return Err(messages::invalid_input(InvalidInputExceptionReason::ImmutablePolicy, message));
    }
    Ok(())
}

fn permission(cx: &mut Cx<'_>, operation: &str, id: &str) -> Result<Permission> {
    match Taggable::parse(id) {
        Some(Taggable::Policy) => policy::permission(cx, operation, id),
        Some(Taggable::ResourcePolicy) => {
            let permission = organization::permission(cx, operation, |org| resource_policy::arn(org, id))?;
            new_tags::with_resource_tags(permission, cx.tx, id)
        }
        Some(Taggable::Target) | None => tree::permission(cx, operation, id),
    }
}

fn tag_permission(cx: &mut Cx<'_>, input: &TagResourceRequest) -> Result<Permission> {
    let permission = permission(cx, "TagResource", &input.resource_id)?;
    Ok(new_tags::with_request_tags(permission, Some(&input.tags)))
}

fn untag_permission(cx: &mut Cx<'_>, input: &UntagResourceRequest) -> Result<Permission> {
    let permission = permission(cx, "UntagResource", &input.resource_id)?;
    Ok(permission.with_all("aws:TagKeys", input.tag_keys.clone()))
}

/// Refuses tags that the tag policies enforce otherwise: those that the management account inherits, since what is
/// tagged here is the organization's own. `resource_type` is such as `organizations:account`.
///
/// # Errors
/// `ConstraintViolationException` with reason `TAG_POLICY_VIOLATION`.
pub fn require_compliant(tx: &mut Tx, org: &Organization, resource_type: &str, tags: &[Tag]) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let effective = inherited_policy::effective(tx, org, &org.management, EffectivePolicyType::TagPolicy)?;
    let Some(effective) = effective else { return Ok(()) };
    let pairs: Vec<(&str, &str)> = tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
    match effective_policy::forbidden_tag(&effective, resource_type, &pairs) {
        None => Ok(()),
        Some(key) => {
            let message =
                format!("The tag policy does not allow the specified value for the following tag key: '{key}'.");
            Err(messages::constraint(ConstraintViolationExceptionReason::TagPolicyViolation, &message))
        }
    }
}

/// The resource type of a taggable id, as tag policies name it.
fn resource_type(id: &str) -> &'static str {
    match Target::parse(id) {
        Some(Target::Root(_)) => "organizations:root",
        Some(Target::Unit(_)) => "organizations:ou",
        Some(Target::Account(_)) => "organizations:account",
        None if id.starts_with("rp-") => "organizations:resourcepolicy",
        None => "organizations:policy",
    }
}

fn tag(cx: &mut WriteCx<'_>, input: &TagResourceRequest) -> Result<Unit> {
    let org = resource_policy::require_writer(cx)?;
    require_own(cx.tx, &org, &input.resource_id)?;
    new_tags::check(&input.tags)?;
    require_compliant(cx.tx, &org, resource_type(&input.resource_id), &input.tags)?;
    let mut tx = cx.write();
    for tag in &input.tags {
        tx.exec_one(
            "insert into org_tag (resource_id, key, value) values ($1, $2, $3) \
             on conflict (resource_id, key) do update set value = excluded.value",
            params![input.resource_id, tag.key, tag.value],
        )?;
    }
    let count = tx.count("select count(*) from org_tag where resource_id = $1", params![input.resource_id])?;
    if usize::try_from(count).is_ok_and(|count| count > new_tags::TAGS_MAX) {
        let message = "You have exceeded the number of tags allowed on this resource.";
        return Err(messages::constraint(ConstraintViolationExceptionReason::MaxTagLimitExceeded, message));
    }
    tx.touch(Scope::organization(&org.id));
    Ok(Unit {})
}

fn untag(cx: &mut WriteCx<'_>, input: &UntagResourceRequest) -> Result<Unit> {
    let org = resource_policy::require_writer(cx)?;
    require_own(cx.tx, &org, &input.resource_id)?;
    for key in &input.tag_keys {
        let sql = "delete from org_tag where resource_id = $1 and key = $2";
        cx.write().exec(sql, params![input.resource_id, key])?;
    }
    cx.touch(Scope::organization(&org.id));
    Ok(Unit {})
}

fn list(cx: &mut Cx<'_>, input: &ListTagsForResourceRequest) -> Result<ListTagsForResourceResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    require(cx.tx, &org, &input.resource_id)?;
    let list = ["ListTagsForResource", &input.resource_id];
    let cursor =
        Cursor::open(cx, &list, input.next_token.as_deref(), PAGE_TAGS_MAX).ok_or_else(messages::invalid_next_token)?;
    let rows = cx.tx.all(
        "select key, value from org_tag where resource_id = $1 and key > $2 order by key limit $3",
        params![input.resource_id, cursor.after, cursor.fetch],
        |row| Ok(Tag { key: row.get(0)?, value: row.get(1)? }),
    )?;
    let (tags, next_token) = cursor.close(cx, rows, |last| last.key.clone())?;
    Ok(ListTagsForResourceResponse { next_token, tags: Some(tags) })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::TagResource>(|cx, input| Ok(tag_permission(cx, input)?.into()), tag),
        route::write::<ops::UntagResource>(|cx, input| Ok(untag_permission(cx, input)?.into()), untag),
        route::read::<ops::ListTagsForResource>(
            |cx, input| Ok(permission(cx, "ListTagsForResource", &input.resource_id)?.into()),
            list,
        ),
    ]
}

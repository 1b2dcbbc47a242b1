//! Tags of instances, permission sets, applications and trusted token issuers.

use crate::instance::Instance;
use crate::{access, application, instance, messages, page, permission_set, trusted_token_issuer};
use kernel::{Access, Cx, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::sso_admin::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, ServiceQuotaExceededException, Tag, TagResourceRequest,
    TagResourceResponse, UntagResourceRequest, UntagResourceResponse, ops,
};
use std::collections::BTreeSet;

/// Tags that a resource may have.
pub const TAGS_MAX: usize = 50;

/// Refuses tags that no resource can have: a key twice, a key of AWS.
///
/// # Errors
/// `ValidationException`.
pub fn check(tags: &[Tag]) -> Result<()> {
    let mut keys = BTreeSet::new();
    for tag in tags {
        if tag.key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(messages::validation("Tag keys with the prefix aws: are reserved for AWS"));
        }
        if !keys.insert(&tag.key) {
            return Err(messages::validation(format!("The tag key {} is specified more than once", tag.key)));
        }
    }
    Ok(())
}

/// Gives the resource of that ARN [`check`]ed tags, over those that it has.
///
/// # Errors
/// `ValidationException`; `ServiceQuotaExceededException` for more than [`TAGS_MAX`].
pub fn add(tx: &mut WriteTx<'_>, arn: &str, tags: &[Tag]) -> Result<()> {
    check(tags)?;
    for tag in tags {
        tx.exec_one(
            "insert into sso_tag (resource_arn, key, value) values ($1, $2, $3) \
             on conflict (resource_arn, key) do update set value = excluded.value",
            params![arn, tag.key, tag.value],
        )?;
    }
    let count = tx.count("select count(*) from sso_tag where resource_arn = $1", params![arn])?;
    if usize::try_from(count).is_ok_and(|count| count > TAGS_MAX) {
        let message = format!("You have exceeded AWS SSO limits. A resource can have at most {TAGS_MAX} tags");
        return Err(ServiceQuotaExceededException::new(message).into());
    }
    Ok(())
}

/// Removes every tag of a resource that is being deleted.
///
/// # Errors
/// When the database fails.
pub fn clear(tx: &mut WriteTx<'_>, arn: &str) -> Result<()> {
    tx.exec("delete from sso_tag where resource_arn = $1", params![arn])?;
    Ok(())
}

/// `permission` with the condition keys of the tags in the request.
pub fn with_request_tags(permission: Permission, tags: Option<&[Tag]>) -> Permission {
    permission.with_request_tags(tags.unwrap_or_default().iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))
}

/// `permission` with the condition keys of the tags that the resource of that ARN has.
///
/// # Errors
/// When the database fails.
pub fn with_resource_tags(permission: Permission, tx: &mut Tx, arn: &str) -> Result<Permission> {
    let sql = "select key, value from sso_tag where resource_arn = $1 order by key";
    let tags: Vec<(String, String)> = tx.all(sql, params![arn], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(permission.with_resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// The id of the instance to which the resource of a taggable ARN belongs.
fn instance_part(arn: &str) -> Option<&str> {
    arn.splitn(6, ':').nth(5)?.split('/').nth(1)
}

/// Whether there is a resource of that ARN in `instance`.
fn resource_exists(tx: &mut Tx, instance: &Instance, arn: &str) -> Result<bool> {
    let kind = arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next()).unwrap_or_default();
    match kind {
        "instance" => Ok(arn == instance.arn()),
        "permissionSet" => match access::permission_set_id(arn) {
            Some((of, id)) if of == instance.id => Ok(permission_set::get(tx, &of, &id)?.is_some()),
            _ => Ok(false),
        },
        "trustedTokenIssuer" => {
            let found = trusted_token_issuer::get(tx, arn)?;
            Ok(found.is_some_and(|issuer| issuer.instance == instance.id))
        }
        _ => Ok(false),
    }
}

/// The instance that the request names, or else the one that the ARN of the resource names.
fn instance_arn(given: Option<&str>, arn: &str) -> String {
    given.map_or_else(|| format!("arn:aws:sso:::instance/{}", instance_part(arn).unwrap_or_default()), str::to_owned)
}

fn require(cx: &mut Cx<'_>, given: Option<&str>, arn: &str) -> Result<Instance> {
    // Members look after their own applications.
    if application::parts(arn).is_some() {
        let (instance, application) = application::required(cx, arn)?;
        let is_named = given.is_none_or(|given| given == instance.arn());
        return if is_named { Ok(instance) } else { Err(messages::not_found("Application", &application.id)) };
    }
    let instance = access::required_instance(cx, &instance_arn(given, arn))?;
    if resource_exists(cx.tx, &instance, arn)? {
        Ok(instance)
    } else {
        let (kind, id) = resource_name(arn);
        Err(messages::not_found(kind, id))
    }
}

/// What messages call the resource of that ARN.
fn resource_name(arn: &str) -> (&'static str, &str) {
    let id = arn.rsplit('/').next().unwrap_or_default();
    let kind = match id.split('-').next() {
        Some("ps") => "PermissionSet",
        Some("apl") => "Application",
        Some("tti") => "TrustedTokenIssuer",
        _ => "Instance",
    };
    (kind, id)
}

fn permission(cx: &mut Cx<'_>, operation: &str, given: Option<&str>, arn: &str) -> Result<Permission> {
    access::permission(cx, operation, arn, &instance_arn(given, arn))
}

fn tag(cx: &mut WriteCx<'_>, input: &TagResourceRequest) -> Result<TagResourceResponse> {
    let instance = require(cx, input.instance_arn.as_deref(), &input.resource_arn)?;
    access::require_service(cx, &instance)?;
    add(&mut cx.write(), &input.resource_arn, &input.tags)?;
    instance::touch(cx, &instance);
    Ok(TagResourceResponse {})
}

fn untag(cx: &mut WriteCx<'_>, input: &UntagResourceRequest) -> Result<UntagResourceResponse> {
    let instance = require(cx, input.instance_arn.as_deref(), &input.resource_arn)?;
    access::require_service(cx, &instance)?;
    for key in &input.tag_keys {
        let sql = "delete from sso_tag where resource_arn = $1 and key = $2";
        cx.write().exec(sql, params![input.resource_arn, key])?;
    }
    instance::touch(cx, &instance);
    Ok(UntagResourceResponse {})
}

fn list(cx: &mut Cx<'_>, input: &ListTagsForResourceRequest) -> Result<ListTagsForResourceResponse> {
    require(cx, input.instance_arn.as_deref(), &input.resource_arn)?;
    let cursor = page::open(cx, &["ListTagsForResource", &input.resource_arn], input.next_token.as_deref(), None)?;
    let rows = cx.tx.all(
        "select key, value from sso_tag where resource_arn = $1 and key > $2 order by key limit $3",
        params![input.resource_arn, cursor.after, cursor.fetch],
        |row| Ok(Tag { key: row.get(0)?, value: row.get(1)? }),
    )?;
    let (tags, next_token) = cursor.close(cx, rows, |last| last.key.clone())?;
    Ok(ListTagsForResourceResponse { next_token, tags: Some(tags) })
}

fn tag_access(cx: &mut Cx<'_>, input: &TagResourceRequest) -> Result<Access> {
    let permission = permission(cx, "TagResource", input.instance_arn.as_deref(), &input.resource_arn)?;
    Ok(with_request_tags(permission, Some(&input.tags)).into())
}

fn untag_access(cx: &mut Cx<'_>, input: &UntagResourceRequest) -> Result<Access> {
    let permission = permission(cx, "UntagResource", input.instance_arn.as_deref(), &input.resource_arn)?;
    Ok(permission.with_all("aws:TagKeys", input.tag_keys.clone()).into())
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::TagResource>(tag_access, tag),
        route::write::<ops::UntagResource>(untag_access, untag),
        route::read::<ops::ListTagsForResource>(
            |cx, input| {
                let given = input.instance_arn.as_deref();
                Ok(permission(cx, "ListTagsForResource", given, &input.resource_arn)?.into())
            },
            list,
        ),
    ]
}

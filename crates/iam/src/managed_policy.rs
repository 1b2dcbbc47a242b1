//! Managed policies: the customers' own, with their versions, and those that AWS maintains.

use crate::access::{anywhere, permission};
use crate::document::{self, DocumentKind};
use crate::paging::{self, page_request};
use crate::{messages, tag};
use base::{AccountId, Arn, ManagedPolicyId, Timestamp};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, Cx, Error, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    CreatePolicyRequest, CreatePolicyResponse, CreatePolicyVersionRequest, CreatePolicyVersionResponse,
    DeleteConflictException, DeletePolicyRequest, DeletePolicyVersionRequest, EntityAlreadyExistsException,
    GetPolicyRequest, GetPolicyResponse, GetPolicyVersionRequest, GetPolicyVersionResponse, InvalidInputException,
    LimitExceededException, ListPolicyTagsRequest, ListPolicyTagsResponse, ListPolicyVersionsRequest,
    ListPolicyVersionsResponse, Policy, PolicyVersion, SetDefaultPolicyVersionRequest, TagPolicyRequest,
    UntagPolicyRequest, ops,
};
use smithy::schema::{Operation, Unit};

mod list;
pub(crate) mod usage;

/// Most customer managed policies of an account.
pub const POLICIES_MAX: i64 = 1_500;
/// Most characters of a managed policy, white space not counted.
pub const POLICY_CHARACTERS_MAX: usize = 6_144;
/// Most versions of a managed policy.
pub const VERSIONS_MAX: i64 = 5;

/// A managed policy that an account can name.
#[derive(Debug, Clone, PartialEq)]
pub enum ManagedPolicy {
    /// One of the account's own.
    Customer(CustomerPolicy),
    /// One that AWS maintains.
    Aws(catalog::ManagedPolicy),
}

/// A customer managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerPolicy {
    /// Unique id.
    pub id: ManagedPolicyId,
    /// Account.
    pub account: AccountId,
    /// ARN.
    pub arn: String,
    /// Name; unique in the account whatever its case.
    pub name: String,
    /// Path, with both slashes.
    pub path: String,
    /// Description.
    pub description: Option<String>,
    /// Number of the version in force.
    pub default_version: i64,
    /// Number of the newest version that ever was; numbers are never given twice.
    pub newest_version: i64,
    /// When the policy was created.
    pub created_at: Timestamp,
    /// When the version in force was set.
    pub updated_at: Timestamp,
}

/// A version of a customer managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub number: i64,
    /// Its document.
    pub document: String,
    /// When it was created.
    pub created_at: Timestamp,
}

impl ManagedPolicy {
    /// ARN.
    pub fn arn(&self) -> &str {
        match self {
            Self::Customer(policy) => &policy.arn,
            Self::Aws(policy) => policy.arn,
        }
    }

    /// Name.
    pub fn name(&self) -> &str {
        match self {
            Self::Customer(policy) => &policy.name,
            Self::Aws(policy) => policy.name,
        }
    }

    /// Path, with both slashes.
    pub fn path(&self) -> &str {
        match self {
            Self::Customer(policy) => &policy.path,
            Self::Aws(policy) => policy.path,
        }
    }

    /// Whether customers may attach it.
    pub fn is_attachable(&self) -> bool {
        match self {
            Self::Customer(_) => true,
            Self::Aws(policy) => policy.attachable,
        }
    }

    /// The policy as lists show it: without description and tags.
    pub(crate) fn listed(&self, usage: usage::Usage) -> Policy {
        let (id, version, created_at, updated_at) = match self {
            Self::Customer(own) => {
                (own.id.to_string(), format!("v{}", own.default_version), own.created_at, own.updated_at)
            }
            Self::Aws(aws) => {
                (aws.policy_id.to_owned(), aws.default_version.to_owned(), aws.create_date, aws.update_date)
            }
        };
        Policy {
            arn: Some(self.arn().to_owned()),
            attachment_count: Some(usage.attachments),
            create_date: Some(created_at),
            default_version_id: Some(version),
            description: None,
            is_attachable: Some(self.is_attachable()),
            path: Some(self.path().to_owned()),
            permissions_boundary_usage_count: Some(usage.boundaries),
            policy_id: Some(id),
            policy_name: Some(self.name().to_owned()),
            tags: None,
            update_date: Some(updated_at),
        }
    }

    fn shown(&self, tx: &mut Tx, account: &AccountId) -> Result<Policy> {
        let usage = usage::of(tx, account, self.arn())?;
        let (description, tags) = match self {
            Self::Customer(policy) => (policy.description.clone(), tag::shown(tx, policy.id.as_str())?),
            Self::Aws(policy) => (Some(policy.description.to_owned()).filter(|text| !text.is_empty()), None),
        };
        Ok(Policy { description, tags, ..self.listed(usage) })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, account_id, arn, name, path, description, default_version, newest_version, created_at, \
             updated_at from iam_policy ",
            $rest
        )
    };
}

fn customer_policy(row: &Row<'_>) -> Result<CustomerPolicy> {
    Ok(CustomerPolicy {
        id: row.get(0)?,
        account: row.get(1)?,
        arn: row.get(2)?,
        name: row.get(3)?,
        path: row.get(4)?,
        description: row.get(5)?,
        default_version: row.get(6)?,
        newest_version: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
    })
}

fn version(row: &Row<'_>) -> Result<Version> {
    Ok(Version { number: row.get(0)?, document: row.get(1)?, created_at: row.get(2)? })
}

/// The policy with that ARN, as far as `account` can name it: its own and AWS's.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, account: &AccountId, arn: &str) -> Result<Option<ManagedPolicy>> {
    if let Some(policy) = catalog::managed_policy(arn) {
        return Ok(Some(ManagedPolicy::Aws(policy)));
    }
    let own = tx.opt(select!("where arn = $1 and account_id = $2"), params![arn, account], customer_policy)?;
    Ok(own.map(ManagedPolicy::Customer))
}

/// The document in force of the policy with that ARN, as far as `account` can name it.
///
/// # Errors
/// When the database fails.
pub fn document(tx: &mut Tx, account: &AccountId, arn: &str) -> Result<Option<String>> {
    Ok(match find(tx, account, arn)? {
        None => None,
        Some(ManagedPolicy::Aws(policy)) => Some(policy.document().to_owned()),
        Some(ManagedPolicy::Customer(policy)) => {
            find_version(tx, &policy.id, policy.default_version)?.map(|version| version.document)
        }
    })
}

/// The customer managed policies of an account, by name.
///
/// # Errors
/// When the database fails.
pub fn of_account(tx: &mut Tx, account: &AccountId) -> Result<Vec<CustomerPolicy>> {
    tx.all(select!("where account_id = $1 order by name_key"), params![account], customer_policy)
}

/// The versions of a customer managed policy, the newest first.
///
/// # Errors
/// When the database fails.
pub fn versions(tx: &mut Tx, policy: &ManagedPolicyId) -> Result<Vec<Version>> {
    let sql = "select version, document, created_at from iam_policy_version where policy_id = $1 order by version desc";
    tx.all(sql, params![policy], version)
}

fn find_version(tx: &mut Tx, policy: &ManagedPolicyId, number: i64) -> Result<Option<Version>> {
    tx.opt(
        "select version, document, created_at from iam_policy_version where policy_id = $1 and version = $2",
        params![policy, number],
        version,
    )
}

/// Adds a policy with its first version.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, policy: &CustomerPolicy, document: &str) -> Result<()> {
    tx.touch(Scope::account(&policy.account));
    tx.exec_one(
        "insert into iam_policy (id, account_id, arn, name, name_key, path, description, default_version, \
         newest_version, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            policy.id,
            policy.account,
            policy.arn,
            policy.name,
            policy.name.to_lowercase(),
            policy.path,
            policy.description,
            policy.default_version,
            policy.newest_version,
            policy.created_at,
            policy.updated_at
        ],
    )?;
    insert_version(tx, &policy.id, policy.newest_version, document, policy.created_at)
}

fn insert_version(
    tx: &mut WriteTx<'_>,
    policy: &ManagedPolicyId,
    number: i64,
    document: &str,
    at: Timestamp,
) -> Result<()> {
    tx.exec_one(
        "insert into iam_policy_version (policy_id, version, document, created_at) values ($1, $2, $3, $4)",
        params![policy, number, document, at],
    )
}

fn set_default(tx: &mut WriteTx<'_>, policy: &CustomerPolicy, number: i64, at: Timestamp) -> Result<()> {
    tx.touch(Scope::account(&policy.account));
    tx.exec_one(
        "update iam_policy set default_version = $2, updated_at = $3 where id = $1",
        params![policy.id, number, at],
    )
}

/// Refuses what is no ARN of a managed policy.
///
/// # Errors
/// `InvalidInput`.
pub(crate) fn check_arn(text: &str) -> Result<()> {
    let is_policy = Arn::parse(text).is_some_and(|arn| arn.service() == "iam" && arn.resource().starts_with("policy/"));
    if is_policy { Ok(()) } else { Err(InvalidInputException::new(format!("ARN {text} is not valid.")).into()) }
}

/// The policy with that ARN.
///
/// # Errors
/// `InvalidInput`, `NoSuchEntity`.
pub(crate) fn existing(cx: &mut Cx<'_>, arn: &str) -> Result<ManagedPolicy> {
    check_arn(arn)?;
    let account = cx.account()?;
    Ok(find(cx.tx, &account, arn)?.ok_or_else(|| messages::no_policy(arn))?)
}

/// The customer managed policy with that ARN, about to be changed.
fn to_be_changed(cx: &mut WriteCx<'_>, arn: &str) -> Result<CustomerPolicy> {
    match existing(cx, arn)? {
        ManagedPolicy::Customer(policy) => {
            cx.touch(Scope::account(&policy.account));
            Ok(policy)
        }
        ManagedPolicy::Aws(_) => {
            Err(Error::denied(format!("Policy {arn} is managed by AWS and cannot be changed by its users.")))
        }
    }
}

fn version_number(arn: &str, id: &str) -> Result<i64> {
    let number = id.strip_prefix('v').and_then(|rest| rest.split('.').next()).and_then(|digits| digits.parse().ok());
    Ok(number.ok_or_else(|| messages::no_policy_version(arn, id))?)
}

fn permission_on<O: Operation>(cx: &mut Cx<'_>, arn: &str) -> Result<Permission> {
    let account = cx.account()?;
    let permission = permission::<O>(arn);
    match find(cx.tx, &account, arn)? {
        Some(ManagedPolicy::Customer(policy)) => tag::with_resource_tags(permission, cx.tx, policy.id.as_str()),
        Some(ManagedPolicy::Aws(_)) | None => Ok(permission),
    }
}

fn check_document(text: &str) -> Result<()> {
    document::check(DocumentKind::Identity, text)?;
    if document::counted_characters(text) > POLICY_CHARACTERS_MAX {
        return Err(messages::over_quota("PolicySize", POLICY_CHARACTERS_MAX as i64).into());
    }
    Ok(())
}

fn arn_of(account: &AccountId, input: &CreatePolicyRequest) -> Arn {
    let path = input.path.as_deref().unwrap_or("/");
    Arn::new("iam", "", account.as_str(), &format!("policy{path}{}", input.policy_name))
}

fn may_create(cx: &mut Cx<'_>, input: &CreatePolicyRequest) -> Result<Access> {
    let account = cx.account()?;
    let permission = permission::<ops::CreatePolicy>(arn_of(&account, input).as_str());
    Ok(tag::with_request_tags(permission, input.tags.as_deref()).into())
}

fn create(cx: &mut WriteCx<'_>, input: &CreatePolicyRequest) -> Result<CreatePolicyResponse> {
    let (account, now) = (cx.account()?, cx.now);
    let same_name = "select 1 from iam_policy where account_id = $1 and name_key = $2";
    if cx.tx.exists(same_name, params![account, input.policy_name.to_lowercase()])? {
        let text = format!("A policy called {} already exists. Duplicate names are not allowed.", input.policy_name);
        return Err(EntityAlreadyExistsException::new(text).into());
    }
    if cx.tx.count("select count(*) from iam_policy where account_id = $1", params![account])? >= POLICIES_MAX {
        return Err(messages::over_quota("PoliciesPerAccount", POLICIES_MAX).into());
    }
    check_document(&input.policy_document)?;
    let policy = CustomerPolicy {
        id: ManagedPolicyId::random(&account, &mut cx.random),
        arn: arn_of(&account, input).to_string(),
        account: account.clone(),
        name: input.policy_name.clone(),
        path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
        description: input.description.clone(),
        default_version: 1,
        newest_version: 1,
        created_at: now,
        updated_at: now,
    };
    insert(&mut cx.write(), &policy, &input.policy_document)?;
    tag::add(&mut cx.write(), policy.id.as_str(), input.tags.as_deref().unwrap_or_default())?;
    Ok(CreatePolicyResponse { policy: Some(ManagedPolicy::Customer(policy).shown(cx.tx, &account)?) })
}

fn read(cx: &mut Cx<'_>, input: &GetPolicyRequest) -> Result<GetPolicyResponse> {
    let account = cx.account()?;
    let policy = existing(cx, &input.policy_arn)?.shown(cx.tx, &account)?;
    Ok(GetPolicyResponse { policy: Some(policy) })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeletePolicyRequest) -> Result<Unit> {
    let policy = to_be_changed(cx, &input.policy_arn)?;
    let usage = usage::of(cx.tx, &policy.account, &policy.arn)?;
    if usage.attachments + usage.boundaries > 0 {
        return Err(DeleteConflictException::new("Cannot delete a policy attached to entities.").into());
    }
    if versions(cx.tx, &policy.id)?.len() > 1 {
        let text = "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                    versions. The default version is deleted with the policy.";
        return Err(DeleteConflictException::new(text).into());
    }
    let mut tx = cx.write();
    tag::clear(&mut tx, policy.id.as_str())?;
    tx.exec("delete from iam_policy_version where policy_id = $1", params![policy.id])?;
    tx.exec_one("delete from iam_policy where id = $1", params![policy.id])?;
    Ok(Unit)
}

/// A version as answers carry it; lists leave the document out.
pub(crate) fn shown_version(policy: &CustomerPolicy, version: &Version, with_document: bool) -> PolicyVersion {
    PolicyVersion {
        create_date: Some(version.created_at),
        document: with_document.then(|| document::encoded(&version.document)),
        is_default_version: Some(version.number == policy.default_version),
        version_id: Some(format!("v{}", version.number)),
    }
}

/// The version in force of a policy of AWS: no other is kept.
pub(crate) fn shown_aws_version(policy: &catalog::ManagedPolicy, with_document: bool) -> PolicyVersion {
    PolicyVersion {
        create_date: Some(policy.update_date),
        document: with_document.then(|| document::encoded(policy.document())),
        is_default_version: Some(true),
        version_id: Some(policy.default_version.to_owned()),
    }
}

fn create_version(cx: &mut WriteCx<'_>, input: &CreatePolicyVersionRequest) -> Result<CreatePolicyVersionResponse> {
    let now = cx.now;
    let mut policy = to_be_changed(cx, &input.policy_arn)?;
    check_document(&input.policy_document)?;
    if versions(cx.tx, &policy.id)?.len() as i64 >= VERSIONS_MAX {
        let text = format!(
            "A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you must \
             delete an existing version."
        );
        return Err(LimitExceededException::new(text).into());
    }
    policy.newest_version += 1;
    let version = Version { number: policy.newest_version, document: input.policy_document.clone(), created_at: now };
    let mut tx = cx.write();
    insert_version(&mut tx, &policy.id, version.number, &version.document, now)?;
    tx.exec_one("update iam_policy set newest_version = $2 where id = $1", params![policy.id, policy.newest_version])?;
    if input.set_as_default == Some(true) {
        set_default(&mut tx, &policy, version.number, now)?;
        policy.default_version = version.number;
    }
    Ok(CreatePolicyVersionResponse { policy_version: Some(shown_version(&policy, &version, false)) })
}

fn get_version(cx: &mut Cx<'_>, input: &GetPolicyVersionRequest) -> Result<GetPolicyVersionResponse> {
    let (arn, id) = (&input.policy_arn, &input.version_id);
    let policy_version = match existing(cx, arn)? {
        ManagedPolicy::Customer(policy) => {
            let found = find_version(cx.tx, &policy.id, version_number(arn, id)?)?;
            shown_version(&policy, &found.ok_or_else(|| messages::no_policy_version(arn, id))?, true)
        }
        ManagedPolicy::Aws(policy) if policy.default_version == id => shown_aws_version(&policy, true),
        ManagedPolicy::Aws(_) => return Err(messages::no_policy_version(arn, id).into()),
    };
    Ok(GetPolicyVersionResponse { policy_version: Some(policy_version) })
}

fn list_versions(cx: &mut Cx<'_>, input: &ListPolicyVersionsRequest) -> Result<ListPolicyVersionsResponse> {
    let versions = match existing(cx, &input.policy_arn)? {
        ManagedPolicy::Aws(policy) => vec![(0, shown_aws_version(&policy, false))],
        ManagedPolicy::Customer(policy) => versions(cx.tx, &policy.id)?
            .iter()
            .map(|version| (version.number, shown_version(&policy, version, false)))
            .collect(),
    };
    let list = ["ListPolicyVersions", &input.policy_arn];
    // The newest first, as AWS lists them.
    let page =
        paging::cut(cx, &list, page_request!(input), versions, |(number, _)| format!("{:020}", i64::MAX - number))?;
    let page = page.map(|(_, version)| version);
    let is_truncated = page.is_truncated();
    Ok(ListPolicyVersionsResponse { is_truncated, marker: page.marker, versions: Some(page.rows) })
}

fn delete_version(cx: &mut WriteCx<'_>, input: &DeletePolicyVersionRequest) -> Result<Unit> {
    let policy = to_be_changed(cx, &input.policy_arn)?;
    let number = version_number(&policy.arn, &input.version_id)?;
    if number == policy.default_version {
        return Err(DeleteConflictException::new("Cannot delete the default version of a policy.").into());
    }
    let deleted = cx
        .write()
        .exec("delete from iam_policy_version where policy_id = $1 and version = $2", params![policy.id, number])?;
    if deleted == 0 {
        return Err(messages::no_policy_version(&policy.arn, &input.version_id).into());
    }
    Ok(Unit)
}

fn set_default_version(cx: &mut WriteCx<'_>, input: &SetDefaultPolicyVersionRequest) -> Result<Unit> {
    let now = cx.now;
    let policy = to_be_changed(cx, &input.policy_arn)?;
    let number = version_number(&policy.arn, &input.version_id)?;
    if find_version(cx.tx, &policy.id, number)?.is_none() {
        return Err(messages::no_policy_version(&policy.arn, &input.version_id).into());
    }
    if number != policy.default_version {
        set_default(&mut cx.write(), &policy, number, now)?;
    }
    Ok(Unit)
}

fn add_tags(cx: &mut WriteCx<'_>, input: &TagPolicyRequest) -> Result<Unit> {
    let policy = to_be_changed(cx, &input.policy_arn)?;
    tag::add(&mut cx.write(), policy.id.as_str(), &input.tags)?;
    Ok(Unit)
}

fn remove_tags(cx: &mut WriteCx<'_>, input: &UntagPolicyRequest) -> Result<Unit> {
    let policy = to_be_changed(cx, &input.policy_arn)?;
    tag::remove(&mut cx.write(), policy.id.as_str(), &input.tag_keys)?;
    Ok(Unit)
}

fn list_tags(cx: &mut Cx<'_>, input: &ListPolicyTagsRequest) -> Result<ListPolicyTagsResponse> {
    let resource = match existing(cx, &input.policy_arn)? {
        ManagedPolicy::Customer(policy) => policy.id.to_string(),
        ManagedPolicy::Aws(policy) => policy.policy_id.to_owned(),
    };
    let page = tag::page(cx, "ListPolicyTags", &resource, page_request!(input))?;
    Ok(ListPolicyTagsResponse { is_truncated: page.is_truncated(), marker: page.marker, tags: page.rows })
}

pub(crate) fn routes() -> Vec<Route> {
    /// A route whose permission is about the policy that the request names.
    macro_rules! on_policy {
        ($kind:ident $operation:ident $handler:expr) => {
            route::$kind::<ops::$operation>(
                |cx, input| Ok(permission_on::<ops::$operation>(cx, &input.policy_arn)?.into()),
                $handler,
            )
        };
    }
    vec![
        route::write::<ops::CreatePolicy>(may_create, create),
        on_policy!(read GetPolicy read),
        on_policy!(write DeletePolicy delete),
        on_policy!(write CreatePolicyVersion create_version),
        on_policy!(read GetPolicyVersion get_version),
        on_policy!(read ListPolicyVersions list_versions),
        on_policy!(write DeletePolicyVersion delete_version),
        on_policy!(write SetDefaultPolicyVersion set_default_version),
        on_policy!(read ListPolicyTags list_tags),
        on_policy!(read ListEntitiesForPolicy usage::list_entities),
        route::read::<ops::ListPolicies>(anywhere::<ops::ListPolicies>, list::list_policies),
        route::write::<ops::TagPolicy>(
            |cx, input| {
                let permission = permission_on::<ops::TagPolicy>(cx, &input.policy_arn)?;
                Ok(tag::with_request_tags(permission, Some(&input.tags)).into())
            },
            add_tags,
        ),
        route::write::<ops::UntagPolicy>(
            |cx, input| {
                let permission = permission_on::<ops::UntagPolicy>(cx, &input.policy_arn)?;
                Ok(tag::with_tag_keys(permission, &input.tag_keys).into())
            },
            remove_tags,
        ),
    ]
}

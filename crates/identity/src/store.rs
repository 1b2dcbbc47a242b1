//! Identity stores themselves.

use crate::{access, page};
use base::{AccountId, DirectoryId, IdentityStoreId, OrgId, Timestamp};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, Cx, Error, Permission, Result, Route, Tx, WriteCx, params, route};
use model::identitystore::{
    DescribeIdentityStoreRequest, DescribeIdentityStoreResponse, IdentityStore, ListIdentityStoresRequest,
    ListIdentityStoresResponse, NetworkConfiguration, NetworkConfigurationDetails, UpdateIdentityStoreRequest,
    UpdateIdentityStoreResponse, ops,
};
use org::organization;

/// Where the people of a store are known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The store itself, with passwords of its own.
    IdentityCenter,
    /// The domain behind a directory of Directory Service.
    ActiveDirectory(DirectoryId),
}

/// An identity store.
#[derive(Clone)]
pub struct Store {
    /// Its id.
    pub id: IdentityStoreId,
    /// The account whose instance of Identity Center it belongs to.
    pub owner: AccountId,
    /// The organization whose members may read it.
    pub org: Option<OrgId>,
    /// Where its people are known from.
    pub source: Source,
    /// From where its API may be called; `None`: from everywhere.
    pub network: Option<NetworkConfiguration>,
    /// When it came to be.
    pub created_at: Timestamp,
}

impl Store {
    /// The store's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:identitystore::{}:identitystore/{}", self.owner, self.id)
    }
}

/// The columns of [`store`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, owner_account_id, org_id, source, directory_id, network_configuration, created_at \
             from ids_store ",
            $rest
        )
    };
}

fn store(row: &Row<'_>) -> Result<Store> {
    let (source, directory): (String, Option<DirectoryId>) = (row.get(3)?, row.get(4)?);
    let source = match (source.as_str(), directory) {
        ("IDENTITY_CENTER", None) => Source::IdentityCenter,
        ("ACTIVE_DIRECTORY", Some(directory)) => Source::ActiveDirectory(directory),
        _ => return Err(Error::internal("an identity store has no source")),
    };
    let network = row.get::<Option<String>>(5)?.map(|text| {
        let mut configuration = NetworkConfiguration::default();
        smithy::json::read(text.as_bytes(), &mut configuration)
            .map_err(|_| Error::internal("the network configuration of an identity store does not parse"))?;
        Ok::<_, Error>(configuration)
    });
    Ok(Store {
        id: row.get(0)?,
        owner: row.get(1)?,
        org: row.get(2)?,
        source,
        network: network.transpose()?,
        created_at: row.get(6)?,
    })
}

/// The store of that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &IdentityStoreId) -> Result<Option<Store>> {
    tx.opt(select!("where id = $1"), params![id], store)
}

/// Creates an empty store of `owner` that knows its people itself. When `owner` manages an organization, the members
/// may read the store.
///
/// # Errors
/// When the database fails.
pub fn create(cx: &mut WriteCx<'_>, owner: &AccountId) -> Result<Store> {
    let id = IdentityStoreId::random(&mut cx.random);
    let org = organization::of_account(cx.tx, owner)?.filter(|org| org.management == *owner).map(|org| org.id);
    let (source, network) = (Source::IdentityCenter, None);
    let store = Store { id, owner: owner.clone(), org, source, network, created_at: cx.now };
    cx.write().exec_one(
        "insert into ids_store (id, owner_account_id, org_id, source, created_at) \
         values ($1, $2, $3, 'IDENTITY_CENTER', $4)",
        params![store.id, store.owner, store.org, store.created_at],
    )?;
    Ok(store)
}

/// Says where the people of the store are known from. Who is in it stays: see [`clear`].
///
/// # Errors
/// When the database fails.
pub fn set_source(cx: &mut WriteCx<'_>, id: &IdentityStoreId, source: &Source) -> Result<()> {
    let (name, directory) = match source {
        Source::IdentityCenter => ("IDENTITY_CENTER", None),
        Source::ActiveDirectory(directory) => ("ACTIVE_DIRECTORY", Some(directory)),
    };
    cx.touch(Scope::identity_store(id));
    cx.write()
        .exec_one("update ids_store set source = $2, directory_id = $3 where id = $1", params![id, name, directory])
}

/// Removes everybody from the store, at one stroke: no event tells of each of them, so whoever calls this also removes
/// what hangs on the store's people.
///
/// # Errors
/// When the database fails.
pub fn clear(cx: &mut WriteCx<'_>, id: &IdentityStoreId) -> Result<()> {
    cx.touch(Scope::identity_store(id));
    let mut tx = cx.write();
    tx.exec("delete from ids_membership where store_id = $1", params![id])?;
    tx.exec("delete from ids_external_id where store_id = $1", params![id])?;
    tx.exec("delete from ids_password where user_id in (select id from ids_user where store_id = $1)", params![id])?;
    let verified = "delete from ids_verified_email where user_id in (select id from ids_user where store_id = $1)";
    tx.exec(verified, params![id])?;
    tx.exec("delete from ids_group where store_id = $1", params![id])?;
    tx.exec("delete from ids_user where store_id = $1", params![id])?;
    Ok(())
}

/// Removes the store with everybody in it; see [`clear`].
///
/// # Errors
/// When the database fails.
pub fn delete(cx: &mut WriteCx<'_>, id: &IdentityStoreId) -> Result<()> {
    clear(cx, id)?;
    cx.write().exec("delete from ids_store where id = $1", params![id])?;
    Ok(())
}

fn describe(cx: &mut Cx<'_>, input: &DescribeIdentityStoreRequest) -> Result<DescribeIdentityStoreResponse> {
    let store = access::described(cx, &input.identity_store_id)?;
    Ok(DescribeIdentityStoreResponse {
        identity_store_arn: store.arn(),
        identity_store_id: store.id.to_string(),
        network_configuration: store.network.map(|network| NetworkConfigurationDetails {
            api_allow_source_ips: network.api_allow_source_ips,
            api_restrict_source_vpcs: network.api_restrict_source_vpcs,
            scim_allow_source_ips: network.scim_allow_source_ips,
            vpce_access_required: network.vpce_access_required,
        }),
    })
}

fn list(cx: &mut Cx<'_>, input: &ListIdentityStoresRequest) -> Result<ListIdentityStoresResponse> {
    let account = cx.account()?;
    let org = organization::of_account(cx.tx, &account)?.map(|org| org.id);
    let cursor = page::open(cx, &["ListIdentityStores"], input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = page::position(&cursor);
    let rows = cx.tx.all(
        select!(
            "where (owner_account_id = $1 or org_id = $2) and (created_at, id) > ($3, $4) \
             order by created_at, id limit $5"
        ),
        params![account, org, after, after_id, cursor.fetch],
        store,
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |store| page::key(store.created_at, store.id.as_str()))?;
    let identity_stores = rows
        .iter()
        .map(|store| IdentityStore { identity_store_arn: store.arn(), identity_store_id: store.id.to_string() })
        .collect();
    Ok(ListIdentityStoresResponse { identity_stores, next_token })
}

/// Requests cannot come through endpoints of a VPC, so rules about those would shut everybody out.
fn require_no_vpc(configuration: &NetworkConfiguration) -> Result<()> {
    if configuration.vpce_access_required || configuration.api_restrict_source_vpcs.is_some() {
        return Err(Error::Validation(
            "Access through VPC endpoints is not supported: VpceAccessRequired must be false and \
             ApiRestrictSourceVpcs absent."
                .to_owned(),
        ));
    }
    Ok(())
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateIdentityStoreRequest) -> Result<UpdateIdentityStoreResponse> {
    let store = access::administered(cx, &input.identity_store_id)?;
    if let Some(configuration) = &input.network_configuration {
        require_no_vpc(configuration)?;
        let is_open = configuration.api_allow_source_ips.is_none() && configuration.scim_allow_source_ips.is_none();
        let text = if is_open { None } else { Some(crate::json_text(configuration)?) };
        cx.write()
            .exec_one("update ids_store set network_configuration = $2 where id = $1", params![store.id, text])?;
        cx.touch(Scope::identity_store(&store.id));
    }
    Ok(UpdateIdentityStoreResponse { identity_store_arn: store.arn(), identity_store_id: store.id.to_string() })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::read::<ops::DescribeIdentityStore>(
            |cx, input| access::permissions::<ops::DescribeIdentityStore>(cx, &input.identity_store_id, &[]),
            describe,
        ),
        route::read::<ops::ListIdentityStores>(
            |_, _| Ok(Access::from(Permission::new("identitystore:ListIdentityStores", "*"))),
            list,
        ),
        route::write::<ops::UpdateIdentityStore>(
            |cx, input| access::permissions::<ops::UpdateIdentityStore>(cx, &input.identity_store_id, &[]),
            update,
        ),
    ]
}

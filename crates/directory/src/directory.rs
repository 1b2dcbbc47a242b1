//! Connecting directories, and describing and deleting those of every kind.

use crate::connector::Directories;
use crate::record::{self, CONNECTED_MAX, Kind, MANAGED_MAX, Requested};
use crate::{access, messages, share, stage, sync, tag};
use base::{DirectoryId, Secret};
use kernel::seal::Purpose;
use kernel::{Access, Cx, Permission, Result, Route, WriteCx, route};
use model::ds::{
    ConnectDirectoryRequest, ConnectDirectoryResult, CreateAliasRequest, CreateAliasResult, DeleteDirectoryRequest,
    DeleteDirectoryResult, DescribeDirectoriesRequest, DescribeDirectoriesResult, DirectoryConnectSettings,
    DirectoryConnectSettingsDescription, DirectoryDescription, DirectoryLimits, DirectoryStage, DisableSsoRequest,
    DisableSsoResult, EnableSsoRequest, EnableSsoResult, EntityAlreadyExistsException, GetDirectoryLimitsRequest,
    GetDirectoryLimitsResult, NetworkType, ops,
};
use std::sync::Arc;

/// Longest name of a domain, in characters (RFC 1035).
const DOMAIN_CHARACTERS_MAX: usize = 253;
/// Longest NetBIOS name, in characters.
const SHORT_NAME_CHARACTERS_MAX: usize = 15;
/// Most name servers of a directory.
const NAME_SERVERS_MAX: usize = 2;

fn may_connect(cx: &mut Cx<'_>, input: &ConnectDirectoryRequest) -> Result<Access> {
    cx.account()?;
    let tags = input.tags.as_deref().unwrap_or_default();
    let tags = tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    Ok(Permission::new("ds:ConnectDirectory", "*").with_request_tags(tags).into())
}

/// What the model cannot say about the input.
fn check(input: &ConnectDirectoryRequest) -> Result<()> {
    let settings = &input.connect_settings;
    if input.name.len() > DOMAIN_CHARACTERS_MAX || !input.name.contains('.') || input.name.contains('\\') {
        return Err(messages::invalid(
            "Name must be the fully qualified name of the domain, such as corp.example.com.",
        ));
    }
    if input.short_name.as_ref().is_some_and(|name| name.chars().count() > SHORT_NAME_CHARACTERS_MAX) {
        return Err(messages::invalid("ShortName must have at most 15 characters."));
    }
    let servers = [&settings.customer_dns_ips, &settings.customer_dns_ips_v6];
    let count = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
    if servers.iter().map(|list| count(list)).sum::<usize>() == 0 {
        return Err(messages::invalid("At least one of CustomerDnsIps and CustomerDnsIpsV6 must be given."));
    }
    if servers.iter().any(|list| count(list) > NAME_SERVERS_MAX) {
        return Err(messages::invalid("At most two DNS servers of a kind can be given."));
    }
    if settings.subnet_ids.len() != 2 || settings.subnet_ids[0] == settings.subnet_ids[1] {
        return Err(messages::invalid("SubnetIds must name two different subnets."));
    }
    Ok(())
}

fn details(input: &ConnectDirectoryRequest) -> DirectoryDescription {
    let DirectoryConnectSettings { customer_dns_ips, customer_dns_ips_v6, customer_user_name, subnet_ids, vpc_id } =
        input.connect_settings.clone();
    DirectoryDescription {
        name: Some(input.name.trim_end_matches('.').to_lowercase()),
        short_name: input.short_name.clone(),
        size: Some(input.size),
        description: input.description.clone(),
        network_type: Some(input.network_type.unwrap_or(NetworkType::IPv4)),
        dns_ip_addrs: customer_dns_ips,
        dns_ipv6_addrs: customer_dns_ips_v6,
        connect_settings: Some(DirectoryConnectSettingsDescription {
            vpc_id: Some(vpc_id),
            subnet_ids: Some(subnet_ids),
            customer_user_name: Some(customer_user_name),
            availability_zones: Some(Vec::new()),
            connect_ips: Some(Vec::new()),
            ..DirectoryConnectSettingsDescription::default()
        }),
        ..DirectoryDescription::default()
    }
}

fn connect(cx: &mut WriteCx<'_>, input: &ConnectDirectoryRequest) -> Result<ConnectDirectoryResult> {
    check(input)?;
    let (account, now) = (cx.account()?, cx.now);
    let id = DirectoryId::random(&mut cx.random);
    let app = Arc::clone(cx.app);
    let password = input.password.as_bytes();
    let sealed = app.seal.seal(Purpose::DirectoryPassword, id.as_str(), password, &mut cx.random)?;
    let requested = Requested {
        id: &id,
        account: &account,
        kind: Kind::Connector,
        details: &details(input),
        sealed_password: &sealed,
        sealed_first_password: None,
    };
    record::insert(&mut cx.write(), &requested, now)?;
    tag::add(&mut cx.write(), &id, input.tags.as_deref().unwrap_or_default())?;
    stage::begin(cx, &id)?;
    Ok(ConnectDirectoryResult { directory_id: Some(id.to_string()) })
}

/// Gives a directory another account by which it is read, or the account's new password, and connects it anew. AWS has
/// this in its console only. False when there is no such directory, or its domain is run here.
///
/// # Errors
/// When the database fails.
pub fn set_service_account(cx: &mut WriteCx<'_>, id: &DirectoryId, user: &str, password: &Secret) -> Result<bool> {
    let connected = record::get(cx.tx, id)?.filter(|directory| !directory.is_managed());
    let Some(directory) = connected else { return Ok(false) };
    let app = Arc::clone(cx.app);
    let password = password.expose().as_bytes();
    let sealed = app.seal.seal(Purpose::DirectoryPassword, id.as_str(), password, &mut cx.random)?;
    record::set_service_account(&mut cx.write(), &directory, user, &sealed)?;
    stage::begin(cx, id)?;
    Ok(true)
}

/// Tries to connect a directory that has Failed once more. AWS has no such thing: there it is deleted and made anew.
///
/// # Errors
/// When the database fails.
pub fn reconnect(cx: &mut WriteCx<'_>, id: &DirectoryId) -> Result<()> {
    stage::begin(cx, id)
}

fn describe(cx: &mut Cx<'_>, input: &DescribeDirectoriesRequest) -> Result<DescribeDirectoriesResult> {
    let account = cx.account()?;
    let chosen = input.directory_ids.as_deref().unwrap_or_default();
    if !chosen.is_empty() {
        let found = chosen.iter().map(|id| described(cx, id)).collect::<Result<_>>()?;
        return Ok(DescribeDirectoriesResult { directory_descriptions: Some(found), next_token: None });
    }
    let cursor = access::page(cx, &["DescribeDirectories"], input.next_token.as_deref(), input.limit)?;
    let rows = record::list(cx.tx, &account, &cursor.after, cursor.fetch)?;
    let mut rows: Vec<_> = rows.iter().map(record::Directory::described).collect();
    rows.extend(share::described(cx.tx, &account, &cursor.after, cursor.fetch)?);
    rows.sort_by(|a, b| a.directory_id.cmp(&b.directory_id));
    let (described, next_token) = cursor.close(cx, rows, |row| row.directory_id.clone().unwrap_or_default())?;
    Ok(DescribeDirectoriesResult { directory_descriptions: Some(described), next_token })
}

/// A directory of the caller's, or one that is shared with the caller.
fn described(cx: &mut Cx<'_>, id: &str) -> Result<DirectoryDescription> {
    match access::find(cx, id)? {
        Some(directory) => Ok(directory.described()),
        None => share::find(cx, id)?.ok_or_else(|| messages::no_entity(id)),
    }
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteDirectoryRequest) -> Result<DeleteDirectoryResult> {
    if share::give_up(cx, &input.directory_id)? {
        return Ok(DeleteDirectoryResult { directory_id: Some(input.directory_id.clone()) });
    }
    let directory = access::existing(cx, &input.directory_id)?;
    if sync::is_in_use(cx.tx, &directory.id)? {
        let message = format!(
            "Cannot delete the directory {} because it still has authorized applications: IAM Identity Center takes \
             its users from it.",
            directory.id
        );
        return Err(messages::client(message));
    }
    share::end_all(&mut cx.write(), &directory.id)?;
    if directory.is_managed() {
        // Its domain is to end first.
        let now = cx.now;
        record::set_stage(&mut cx.write(), &directory.id, DirectoryStage::Deleting, None, now)?;
        stage::begin(cx, &directory.id)?;
    } else {
        erase(cx, &directory.id)?;
    }
    Ok(DeleteDirectoryResult { directory_id: Some(directory.id.to_string()) })
}

/// Removes a directory from the database, and what is kept of it.
///
/// # Errors
/// When the database fails.
pub(crate) fn erase(cx: &mut WriteCx<'_>, id: &DirectoryId) -> Result<()> {
    sync::forget_stale(&mut cx.write(), id)?;
    record::delete(&mut cx.write(), id)?;
    if let Ok(directories) = Directories::of(cx.app) {
        directories.forget(id);
    }
    Ok(())
}

fn create_alias(cx: &mut WriteCx<'_>, input: &CreateAliasRequest) -> Result<CreateAliasResult> {
    let directory = access::existing(cx, &input.directory_id)?;
    let alias = input.alias.to_lowercase();
    if let Some(alias) = directory.alias {
        let message = format!("The directory {} already has the alias {alias}.", directory.id);
        return Err(messages::invalid(message));
    }
    if record::is_alias_taken(cx.tx, &alias)? {
        return Err(EntityAlreadyExistsException::new(format!("Alias {alias} already exists.")).into());
    }
    record::set_alias(&mut cx.write(), &directory.id, &alias)?;
    Ok(CreateAliasResult { alias: Some(alias), directory_id: Some(directory.id.to_string()) })
}

/// Switches the sign-in of browsers of domain members; names and passwords are for a service principal name that the
/// operator registers.
fn switch_sso(cx: &mut WriteCx<'_>, id: &str, is_enabled: bool) -> Result<()> {
    let directory = access::existing(cx, id)?;
    if is_enabled && directory.alias.is_none() {
        let message = format!("The directory {id} must have an alias before single sign-on can be enabled.");
        return Err(messages::client(message));
    }
    if is_enabled && directory.stage != DirectoryStage::Active {
        return Err(messages::client(format!("The directory {id} is not Active.")));
    }
    record::set_sso(&mut cx.write(), &directory.id, is_enabled)
}

fn enable_sso(cx: &mut WriteCx<'_>, input: &EnableSsoRequest) -> Result<EnableSsoResult> {
    switch_sso(cx, &input.directory_id, true).map(|()| EnableSsoResult {})
}

fn disable_sso(cx: &mut WriteCx<'_>, input: &DisableSsoRequest) -> Result<DisableSsoResult> {
    switch_sso(cx, &input.directory_id, false).map(|()| DisableSsoResult {})
}

fn limits(cx: &mut Cx<'_>, _input: &GetDirectoryLimitsRequest) -> Result<GetDirectoryLimitsResult> {
    let account = cx.account()?;
    let count = record::count(cx.tx, &account, Kind::Connector)?;
    let managed = record::count(cx.tx, &account, Kind::Managed)?;
    let limits = DirectoryLimits {
        cloud_only_directories_limit: Some(10),
        cloud_only_directories_current_count: Some(0),
        cloud_only_directories_limit_reached: Some(false),
        cloud_only_microsoft_ad_limit: i32::try_from(MANAGED_MAX).ok(),
        cloud_only_microsoft_ad_current_count: i32::try_from(managed).ok(),
        cloud_only_microsoft_ad_limit_reached: Some(managed >= MANAGED_MAX),
        connected_directories_limit: i32::try_from(CONNECTED_MAX).ok(),
        connected_directories_current_count: i32::try_from(count).ok(),
        connected_directories_limit_reached: Some(count >= CONNECTED_MAX),
    };
    Ok(GetDirectoryLimitsResult { directory_limits: Some(limits) })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::ConnectDirectory>(may_connect, connect),
        route::read::<ops::DescribeDirectories>(access::anywhere::<ops::DescribeDirectories>, describe),
        route::write::<ops::DeleteDirectory>(
            |cx, input| Ok(access::on::<ops::DeleteDirectory>(cx, &input.directory_id)?.into()),
            delete,
        ),
        route::write::<ops::CreateAlias>(
            |cx, input| Ok(access::on::<ops::CreateAlias>(cx, &input.directory_id)?.into()),
            create_alias,
        ),
        route::write::<ops::EnableSso>(
            |cx, input| Ok(access::on::<ops::EnableSso>(cx, &input.directory_id)?.into()),
            enable_sso,
        ),
        route::write::<ops::DisableSso>(
            |cx, input| Ok(access::on::<ops::DisableSso>(cx, &input.directory_id)?.into()),
            disable_sso,
        ),
        route::read::<ops::GetDirectoryLimits>(access::anywhere::<ops::GetDirectoryLimits>, limits),
    ]
}

//! Conditional forwarders: the name servers that know other domains.
//!
//! The domain's DNS asks them for the names of those domains, and so does the server itself, to find the controllers of
//! domains that are trusted.

use super::trust::{existing, remote_key};
use crate::connector::Directories;
use crate::record::Directory;
use crate::{access, messages};
use base::DirectoryId;
use kernel::store::Row;
use kernel::{App, Cx, Error, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::ds::{
    ConditionalForwarder, CreateConditionalForwarderRequest, CreateConditionalForwarderResult,
    DeleteConditionalForwarderRequest, DeleteConditionalForwarderResult, DescribeConditionalForwardersRequest,
    DescribeConditionalForwardersResult, EntityAlreadyExistsException, EntityDoesNotExistException, ReplicationScope,
    UpdateConditionalForwarderRequest, UpdateConditionalForwarderResult, ops,
};
use std::net::{IpAddr, SocketAddr};

/// Most name servers of a domain.
const SERVERS_MAX: usize = 4;
/// Most domains of a directory that have name servers. DescribeConditionalForwarders has no pages.
const FORWARDERS_MAX: i64 = 100;

/// The name servers of another domain.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Forwarder {
    remote_name: String,
    servers: Vec<IpAddr>,
}

fn forwarder(row: &Row<'_>) -> Result<Forwarder> {
    let servers: String = row.get(1)?;
    let servers =
        servers.split(' ').map(str::parse).collect::<Result<_, _>>().map_err(|_| Error::internal("no addresses"))?;
    Ok(Forwarder { remote_name: row.get(0)?, servers })
}

fn get(tx: &mut Tx, directory: &DirectoryId, remote: &str) -> Result<Option<Forwarder>> {
    let sql = "select remote_domain_name, servers from dir_forwarder where directory_id = $1 and remote_key = $2";
    tx.opt(sql, params![directory, remote], forwarder)
}

/// The name servers that know a domain; none when the directory was given none.
pub(super) fn servers(tx: &mut Tx, directory: &DirectoryId, remote: &str) -> Result<Vec<IpAddr>> {
    Ok(get(tx, directory, remote)?.map(|found| found.servers).unwrap_or_default())
}

/// The name servers to ask for a name that a domain of ours does not know itself: those of the longest name of a domain that
/// it is in. None when there is no such domain.
///
/// # Errors
/// When the database fails, or the program was put together without directories.
pub fn name_servers(app: &App, directory: &DirectoryId, name: &str) -> Result<Vec<SocketAddr>> {
    let sql = "select remote_domain_name, servers, remote_key from dir_forwarder where directory_id = $1";
    let row = |row: &Row<'_>| Ok((row.get::<String>(2)?, forwarder(row)?));
    let mut known = app.store.read(|tx| tx.all(sql, params![directory], row))?;
    known.retain(|(domain, _)| {
        name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    let nearest = known.into_iter().max_by_key(|(domain, _)| domain.len());
    let servers = nearest.map(|(_, found)| found.servers).unwrap_or_default();
    Directories::of(app).map(|directories| directories.at_dns_port(&servers))
}

/// Forgets the name servers of a domain; nothing happens when there are none.
pub(super) fn remove(tx: &mut WriteTx<'_>, directory: &DirectoryId, remote: &str) -> Result<bool> {
    let sql = "delete from dir_forwarder where directory_id = $1 and remote_key = $2";
    Ok(tx.exec(sql, params![directory, remote])? > 0)
}

/// Keeps the name servers of a domain, instead of those that there may be.
pub(super) fn put(
    cx: &mut WriteCx<'_>,
    directory: &DirectoryId,
    remote_name: &str,
    remote: &str,
    servers: &[IpAddr],
) -> Result<()> {
    let count = "select count(*) from dir_forwarder where directory_id = $1 and remote_key <> $2";
    if cx.tx.count(count, params![directory, remote])? >= FORWARDERS_MAX {
        let message =
            format!("The directory {directory} has {FORWARDERS_MAX} conditional forwarders, which is the limit.");
        return Err(messages::invalid(message));
    }
    let servers = servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    remove(&mut cx.write(), directory, remote)?;
    cx.write().exec_one(
        "insert into dir_forwarder (directory_id, remote_key, remote_domain_name, servers) values ($1, $2, $3, $4)",
        params![directory, remote, remote_name, servers],
    )
}

/// The name servers of an input.
pub(super) fn checked(first: Option<&[String]>, second: Option<&[String]>) -> Result<Vec<IpAddr>> {
    let given = first.unwrap_or_default().iter().chain(second.unwrap_or_default());
    let mut servers = Vec::new();
    for text in given {
        let Ok(server) = text.parse::<IpAddr>() else {
            return Err(messages::invalid(format!("{text} is not the address of a name server.")));
        };
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    if servers.len() > SERVERS_MAX {
        return Err(messages::invalid(format!("At most {SERVERS_MAX} name servers of a domain can be given.")));
    }
    Ok(servers)
}

/// As [`checked`], where there must be one.
fn required(first: Option<&[String]>, second: Option<&[String]>) -> Result<Vec<IpAddr>> {
    let servers = checked(first, second)?;
    if servers.is_empty() {
        return Err(messages::invalid("At least one of DnsIpAddrs and DnsIpv6Addrs must be given."));
    }
    Ok(servers)
}

fn absent(remote: &str) -> Error {
    EntityDoesNotExistException::new(format!("A conditional forwarder for {remote} does not exist.")).into()
}

/// The directory of a change, and the name of the other domain as it is compared.
fn changeable<O: smithy::schema::Operation>(cx: &mut Cx<'_>, id: &str, name: &str) -> Result<(Directory, String)> {
    let directory = existing::<O>(cx, id)?;
    let remote = remote_key(&directory, name)?;
    if !directory.is_usable() {
        return Err(messages::unavailable(directory.id.as_str()));
    }
    Ok((directory, remote))
}

fn create(cx: &mut WriteCx<'_>, input: &CreateConditionalForwarderRequest) -> Result<CreateConditionalForwarderResult> {
    let name = &input.remote_domain_name;
    let (directory, remote) = changeable::<ops::CreateConditionalForwarder>(cx, &input.directory_id, name)?;
    let servers = required(input.dns_ip_addrs.as_deref(), input.dns_ipv6_addrs.as_deref())?;
    if get(cx.tx, &directory.id, &remote)?.is_some() {
        let message = format!("A conditional forwarder for {remote} already exists.");
        return Err(EntityAlreadyExistsException::new(message).into());
    }
    put(cx, &directory.id, name, &remote, &servers)?;
    Ok(CreateConditionalForwarderResult {})
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateConditionalForwarderRequest) -> Result<UpdateConditionalForwarderResult> {
    let name = &input.remote_domain_name;
    let (directory, remote) = changeable::<ops::UpdateConditionalForwarder>(cx, &input.directory_id, name)?;
    let servers = required(input.dns_ip_addrs.as_deref(), input.dns_ipv6_addrs.as_deref())?;
    let known = get(cx.tx, &directory.id, &remote)?.ok_or_else(|| absent(&remote))?;
    put(cx, &directory.id, &known.remote_name, &remote, &servers)?;
    Ok(UpdateConditionalForwarderResult {})
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteConditionalForwarderRequest) -> Result<DeleteConditionalForwarderResult> {
    let name = &input.remote_domain_name;
    let (directory, remote) = changeable::<ops::DeleteConditionalForwarder>(cx, &input.directory_id, name)?;
    if !remove(&mut cx.write(), &directory.id, &remote)? {
        return Err(absent(&remote));
    }
    Ok(DeleteConditionalForwarderResult {})
}

fn described(forwarder: Forwarder) -> ConditionalForwarder {
    let of_kind = |is_wanted: fn(&IpAddr) -> bool| {
        forwarder.servers.iter().filter(|server| is_wanted(server)).map(ToString::to_string).collect()
    };
    ConditionalForwarder {
        dns_ip_addrs: Some(of_kind(IpAddr::is_ipv4)),
        dns_ipv6_addrs: Some(of_kind(IpAddr::is_ipv6)),
        replication_scope: Some(ReplicationScope::Domain),
        remote_domain_name: Some(forwarder.remote_name),
    }
}

fn describe(
    cx: &mut Cx<'_>,
    input: &DescribeConditionalForwardersRequest,
) -> Result<DescribeConditionalForwardersResult> {
    let directory = existing::<ops::DescribeConditionalForwarders>(cx, &input.directory_id)?;
    let chosen = input.remote_domain_names.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    for name in chosen {
        let remote = name.trim_end_matches('.').to_lowercase();
        found.push(get(cx.tx, &directory.id, &remote)?.ok_or_else(|| absent(&remote))?);
    }
    if chosen.is_empty() {
        let sql = "select remote_domain_name, servers from dir_forwarder where directory_id = $1 order by remote_key";
        found = cx.tx.all(sql, params![directory.id], forwarder)?;
    }
    let forwarders = found.into_iter().map(described).collect();
    Ok(DescribeConditionalForwardersResult { conditional_forwarders: Some(forwarders) })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateConditionalForwarder>(
            |cx, input| Ok(access::on::<ops::CreateConditionalForwarder>(cx, &input.directory_id)?.into()),
            create,
        ),
        route::write::<ops::UpdateConditionalForwarder>(
            |cx, input| Ok(access::on::<ops::UpdateConditionalForwarder>(cx, &input.directory_id)?.into()),
            update,
        ),
        route::write::<ops::DeleteConditionalForwarder>(
            |cx, input| Ok(access::on::<ops::DeleteConditionalForwarder>(cx, &input.directory_id)?.into()),
            delete,
        ),
        route::read::<ops::DescribeConditionalForwarders>(
            |cx, input| Ok(access::on::<ops::DescribeConditionalForwarders>(cx, &input.directory_id)?.into()),
            describe,
        ),
    ]
}

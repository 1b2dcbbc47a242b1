//! Trusts of domains that are run here with other domains.
//!
//! Creating → Created → Verifying → Verified or VerifyFailed, or Failed; Updating → Updated → Verifying; Deleting, and then
//! it is gone. Each of the states that end in "ing" has a job ([`work`]) at it, also after a restart. As with AWS, a trust
//! by which only our users go elsewhere stays Created until somebody asks for its verification.

mod record;
mod under_way;
mod work;

use super::{create, forwarder, not_for};
use crate::record::Directory;
use crate::{access, messages, share};
use kernel::job::JobHandler;
use kernel::{Access, Cx, Error, Result, Route, WriteCx, route};
use model::ds::{
    CreateTrustRequest, CreateTrustResult, DeleteTrustRequest, DeleteTrustResult, DescribeTrustsRequest,
    DescribeTrustsResult, DirectoryStage, EntityAlreadyExistsException, EntityDoesNotExistException, SelectiveAuth,
    TrustState, TrustType, UpdateTrustRequest, UpdateTrustResult, VerifyTrustRequest, VerifyTrustResult, ops,
};
use record::{Trust, Wanted};
use smithy::schema::Operation;
use std::sync::Arc;
pub(crate) use under_way::UnderWay;

/// Most trusts of a directory.
const TRUSTS_MAX: i64 = 100;

/// The caller's directory of that id, when its domain is run here and is the caller's: neither connectors nor directories
/// that somebody shares have trusts.
pub(super) fn existing<O: Operation>(cx: &mut Cx<'_>, id: &str) -> Result<Directory> {
    match access::find(cx, id)? {
        Some(directory) if directory.is_managed() => Ok(directory),
        Some(directory) => Err(not_for::<O>(&directory)),
        None if share::find(cx, id)?.is_some() => {
            Err(messages::unsupported(format!("{} is not supported for shared directories.", O::OP.name)))
        }
        None => Err(messages::no_entity(id)),
    }
}

/// The name of another domain as it is compared: in lower case, without a dot at the end.
pub(super) fn remote_key(directory: &Directory, name: &str) -> Result<String> {
    let Some(remote) = create::domain_name(name) else {
        return Err(messages::invalid(
            "RemoteDomainName must be the fully qualified name of a domain, of at most 64 characters.",
        ));
    };
    if remote == directory.name {
        return Err(messages::invalid(format!(
            "RemoteDomainName must be another domain than that of {}.",
            directory.id
        )));
    }
    Ok(remote)
}

fn no_trust(id: &str) -> Error {
    EntityDoesNotExistException::new(format!("Trust {id} does not exist.")).into()
}

/// The caller's trust of that id, and its directory.
fn find(cx: &mut Cx<'_>, id: &str) -> Result<Option<(Trust, Directory)>> {
    let Some(trust) = record::get(cx.tx, id)? else { return Ok(None) };
    let directory = access::find(cx, trust.directory.as_str())?;
    Ok(directory.map(|directory| (trust, directory)))
}

/// The permission of an operation on a trust: it is that on its directory.
fn on<O: Operation>(cx: &mut Cx<'_>, id: &str) -> Result<Access> {
    let directory = find(cx, id)?.map(|(trust, _)| trust.directory.to_string());
    Ok(access::on::<O>(cx, directory.as_deref().unwrap_or("*"))?.into())
}

fn create(cx: &mut WriteCx<'_>, input: &CreateTrustRequest) -> Result<CreateTrustResult> {
    let directory = existing::<ops::CreateTrust>(cx, &input.directory_id)?;
    let remote = remote_key(&directory, &input.remote_domain_name)?;
    let servers = forwarder::checked(
        input.conditional_forwarder_ip_addrs.as_deref(),
        input.conditional_forwarder_ipv6_addrs.as_deref(),
    )?;
    if directory.stage != DirectoryStage::Active {
        return Err(messages::client(format!("The directory {} is not Active.", directory.id)));
    }
    if record::with_domain(cx.tx, &directory.id, &remote)?.is_some() {
        let message = format!("The directory {} already has a trust with {remote}.", directory.id);
        return Err(EntityAlreadyExistsException::new(message).into());
    }
    if record::count(cx.tx, &directory.id)? >= TRUSTS_MAX {
        let message = format!("The directory {} has {TRUSTS_MAX} trusts, which is the limit.", directory.id);
        return Err(messages::client(message));
    }
    if !servers.is_empty() {
        forwarder::put(cx, &directory.id, &input.remote_domain_name, &remote, &servers)?;
    }
    let (app, now, id) = (Arc::clone(cx.app), cx.now, format!("t-{}", cx.random.text(b"0123456789abcdef", 10)));
    let sealed_password = record::seal(&app, &id, &input.trust_password, &mut cx.random)?;
    let wanted = Wanted {
        directory: &directory.id,
        remote_name: &input.remote_domain_name,
        remote: &remote,
        direction: input.trust_direction,
        kind: input.trust_type.unwrap_or(TrustType::Forest),
        selective: input.selective_auth.unwrap_or(SelectiveAuth::Disabled),
        sealed_password: &sealed_password,
    };
    record::insert(&mut cx.write(), &id, &wanted, now)?;
    work::begin(cx, &id)?;
    Ok(CreateTrustResult { trust_id: Some(id) })
}

fn describe(cx: &mut Cx<'_>, input: &DescribeTrustsRequest) -> Result<DescribeTrustsResult> {
    let (account, directory) = (cx.account()?, input.directory_id.as_deref());
    if let Some(id) = directory {
        existing::<ops::DescribeTrusts>(cx, id)?;
    }
    let chosen = input.trust_ids.as_deref().unwrap_or_default();
    if !chosen.is_empty() {
        let mut found = Vec::new();
        for id in chosen {
            let (trust, _) = find(cx, id)?.ok_or_else(|| no_trust(id))?;
            if directory.is_some_and(|directory| directory != trust.directory.as_str()) {
                return Err(no_trust(id));
            }
            found.push(trust.described());
        }
        return Ok(DescribeTrustsResult { trusts: Some(found), next_token: None });
    }
    let list_of = ["DescribeTrusts", directory.unwrap_or_default()];
    let cursor = access::page(cx, &list_of, input.next_token.as_deref(), input.limit)?;
    let rows = record::page(cx.tx, &account, directory, &cursor.after, cursor.fetch)?;
    let (rows, next_token) = cursor.close(cx, rows, |trust| trust.id.clone())?;
    Ok(DescribeTrustsResult { trusts: Some(rows.into_iter().map(Trust::described).collect()), next_token })
}

/// The trust of an operation that has something done with it, when nothing else is being done with it.
fn at_rest(cx: &mut Cx<'_>, id: &str) -> Result<Trust> {
    let (trust, _) = find(cx, id)?.ok_or_else(|| no_trust(id))?;
    match trust.state {
        TrustState::Created
        | TrustState::Verifying
        | TrustState::Verified
        | TrustState::VerifyFailed
        | TrustState::Updated
        | TrustState::UpdateFailed => Ok(trust),
        TrustState::Failed => {
            Err(messages::client(format!("The trust {id} could not be created: delete it and create it again.")))
        }
        TrustState::Creating | TrustState::Updating | TrustState::Deleting | TrustState::Deleted => {
            Err(messages::client(format!("The trust {id} is being changed: it is {}.", trust.state.as_str())))
        }
    }
}

fn move_to(cx: &mut WriteCx<'_>, trust: &Trust, state: TrustState) -> Result<()> {
    let now = cx.now;
    record::set_state(&mut cx.write(), trust, state, None, now)?;
    work::begin(cx, &trust.id)
}

fn verify(cx: &mut WriteCx<'_>, input: &VerifyTrustRequest) -> Result<VerifyTrustResult> {
    let trust = at_rest(cx, &input.trust_id)?;
    move_to(cx, &trust, TrustState::Verifying)?;
    Ok(VerifyTrustResult { trust_id: Some(trust.id) })
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateTrustRequest) -> Result<UpdateTrustResult> {
    let trust = at_rest(cx, &input.trust_id)?;
    let Some(selective) = input.selective_auth else {
        return Err(messages::invalid("SelectiveAuth must be given: nothing else of a trust can be updated."));
    };
    let (now, request) = (cx.now, cx.request.request_id.clone());
    record::set_selective(&mut cx.write(), &trust.id, selective, now)?;
    move_to(cx, &trust, TrustState::Updating)?;
    Ok(UpdateTrustResult { request_id: Some(request), trust_id: Some(trust.id) })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteTrustRequest) -> Result<DeleteTrustResult> {
    let (trust, _) = find(cx, &input.trust_id)?.ok_or_else(|| no_trust(&input.trust_id))?;
    if input.delete_associated_conditional_forwarder == Some(true) {
        record::drop_forwarder(&mut cx.write(), &trust.id)?;
    }
    record::forget_password(&mut cx.write(), &trust.id)?;
    move_to(cx, &trust, TrustState::Deleting)?;
    Ok(DeleteTrustResult { trust_id: Some(trust.id) })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateTrust>(
            |cx, input| Ok(access::on::<ops::CreateTrust>(cx, &input.directory_id)?.into()),
            create,
        ),
        route::read::<ops::DescribeTrusts>(access::anywhere::<ops::DescribeTrusts>, describe),
        route::write::<ops::VerifyTrust>(|cx, input| on::<ops::VerifyTrust>(cx, &input.trust_id), verify),
        route::write::<ops::UpdateTrust>(|cx, input| on::<ops::UpdateTrust>(cx, &input.trust_id), update),
        route::write::<ops::DeleteTrust>(|cx, input| on::<ops::DeleteTrust>(cx, &input.trust_id), delete),
    ]
}

pub(super) fn jobs() -> Vec<JobHandler> {
    work::jobs()
}

//! What AWS offers for connected directories in its console only, or not at all: another service account, or another
//! try.

use crate::record::{self, Directory};
use crate::{access, directory};
use base::{DirectoryId, Secret};
use kernel::{Cx, Result, Route, WriteCx, route};
use model::ds::DirectoryType;
use model::vestibule::{
    ConflictException, ReconnectDirectoryRequest, ReconnectDirectoryResponse, ResourceNotFoundException,
    SetDirectoryServiceAccountRequest, SetDirectoryServiceAccountResponse, ops,
};

/// The action that AWS has for changes of a directory.
const UPDATE: &str = "ds:UpdateDirectory";

fn existing(cx: &mut Cx<'_>, id: &str) -> Result<Directory> {
    let account = cx.account()?;
    let found = match DirectoryId::parse(id) {
        Some(id) => record::get(cx.tx, &id)?,
        None => None,
    };
    let own = found.filter(|directory| directory.account == account);
    own.ok_or_else(|| ResourceNotFoundException::new(format!("Directory {id} does not exist.")).into())
}

fn set_service_account(
    cx: &mut WriteCx<'_>,
    input: &SetDirectoryServiceAccountRequest,
) -> Result<SetDirectoryServiceAccountResponse> {
    let found = existing(cx, &input.directory_id)?;
    if found.described().r#type != Some(DirectoryType::ADConnector) {
        let message = "The domain of this directory is run by the server, and so is its service account.";
        return Err(ConflictException::new(message).into());
    }
    directory::set_service_account(cx, &found.id, &input.user_name, &Secret::new(&input.password))?;
    Ok(SetDirectoryServiceAccountResponse {})
}

fn reconnect(cx: &mut WriteCx<'_>, input: &ReconnectDirectoryRequest) -> Result<ReconnectDirectoryResponse> {
    let found = existing(cx, &input.directory_id)?;
    directory::reconnect(cx, &found.id)?;
    Ok(ReconnectDirectoryResponse {})
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::SetDirectoryServiceAccount>(
            |cx, input| Ok(access::to(cx, UPDATE, &input.directory_id)?.into()),
            set_service_account,
        ),
        route::write::<ops::ReconnectDirectory>(
            |cx, input| Ok(access::to(cx, UPDATE, &input.directory_id)?.into()),
            reconnect,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permission_is_one_that_aws_knows() {
        let (service, action) = UPDATE.split_once(':').expect("an action");
        assert!(catalog::action(service, action).is_some());
    }
}

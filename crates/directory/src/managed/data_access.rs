//! Whether users and groups of a directory may be managed with Directory Service Data. The data themselves are not
//! this module's.

use super::existing_directory;
use crate::record::{self, Directory};
use crate::{access, messages};
use kernel::{Cx, Result, Route, WriteCx, route};
use model::ds::{
    DataAccessStatus, DescribeDirectoryDataAccessRequest, DescribeDirectoryDataAccessResult,
    DirectoryInDesiredStateException, DisableDirectoryDataAccessRequest, DisableDirectoryDataAccessResult,
    EnableDirectoryDataAccessRequest, EnableDirectoryDataAccessResult, ops,
};

fn switch(cx: &mut WriteCx<'_>, directory: &Directory, status: DataAccessStatus) -> Result<()> {
    if !directory.is_usable() {
        return Err(messages::unavailable(directory.id.as_str()));
    }
    if directory.data_access == status {
        let message = format!("Data access of the directory {} is {} already.", directory.id, status.as_str());
        return Err(DirectoryInDesiredStateException::new(message).into());
    }
    record::set_data_access(&mut cx.write(), &directory.id, status)
}

fn enable(cx: &mut WriteCx<'_>, input: &EnableDirectoryDataAccessRequest) -> Result<EnableDirectoryDataAccessResult> {
    let directory = existing_directory::<ops::EnableDirectoryDataAccess>(cx, &input.directory_id)?;
    switch(cx, &directory, DataAccessStatus::Enabled)?;
    Ok(EnableDirectoryDataAccessResult {})
}

fn disable(
    cx: &mut WriteCx<'_>,
    input: &DisableDirectoryDataAccessRequest,
) -> Result<DisableDirectoryDataAccessResult> {
    let directory = existing_directory::<ops::DisableDirectoryDataAccess>(cx, &input.directory_id)?;
    switch(cx, &directory, DataAccessStatus::Disabled)?;
    Ok(DisableDirectoryDataAccessResult {})
}

fn describe(cx: &mut Cx<'_>, input: &DescribeDirectoryDataAccessRequest) -> Result<DescribeDirectoryDataAccessResult> {
    let directory = existing_directory::<ops::DescribeDirectoryDataAccess>(cx, &input.directory_id)?;
    Ok(DescribeDirectoryDataAccessResult { data_access_status: Some(directory.data_access) })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::EnableDirectoryDataAccess>(
            |cx, input| Ok(access::on::<ops::EnableDirectoryDataAccess>(cx, &input.directory_id)?.into()),
            enable,
        ),
        route::write::<ops::DisableDirectoryDataAccess>(
            |cx, input| Ok(access::on::<ops::DisableDirectoryDataAccess>(cx, &input.directory_id)?.into()),
            disable,
        ),
        route::read::<ops::DescribeDirectoryDataAccess>(
            |cx, input| Ok(access::on::<ops::DescribeDirectoryDataAccess>(cx, &input.directory_id)?.into()),
            describe,
        ),
    ]
}

//! Domain controllers of directories whose domains are run here.

use super::existing;
use crate::access;
use crate::record::Directory;
use base::{DirectoryId, Timestamp};
use kernel::store::Row;
use kernel::{Cx, Result, Route, Tx, WriteTx, params, route};
use model::ds::{
    DescribeDomainControllersRequest, DescribeDomainControllersResult, DirectoryStage, DomainController,
    DomainControllerStatus, ops,
};

/// A domain controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Controller {
    /// Id.
    pub(super) id: String,
    /// Where it listens.
    pub(super) address: String,
    /// When it was made.
    pub(super) launched_at: Timestamp,
}

fn controller(row: &Row<'_>) -> Result<Controller> {
    Ok(Controller { id: row.get(0)?, address: row.get(1)?, launched_at: row.get(2)? })
}

/// The controllers of a directory, by id, strictly after `after`.
pub(super) fn list(tx: &mut Tx, directory: &DirectoryId, after: &str, limit: i64) -> Result<Vec<Controller>> {
    let sql = "select id, address, launched_at from dir_controller where directory_id = $1 and id > $2 \
               order by id limit $3";
    tx.all(sql, params![directory, after, limit], controller)
}

/// The addresses of all controllers.
pub(super) fn addresses(tx: &mut Tx) -> Result<Vec<String>> {
    tx.all("select address from dir_controller order by address", params![], |row| row.get(0))
}

/// Adds a controller of a directory.
pub(super) fn insert(tx: &mut WriteTx<'_>, directory: &DirectoryId, controller: &Controller) -> Result<()> {
    tx.exec_one(
        "insert into dir_controller (id, directory_id, address, launched_at) values ($1, $2, $3, $4)",
        params![controller.id, directory, controller.address, controller.launched_at],
    )
}

/// How a controller is, where the directory is in a stage: it is the only one.
fn status(stage: DirectoryStage) -> DomainControllerStatus {
    match stage {
        DirectoryStage::Active => DomainControllerStatus::Active,
        DirectoryStage::Impaired | DirectoryStage::Inoperable | DirectoryStage::RestoreFailed => {
            DomainControllerStatus::Impaired
        }
        DirectoryStage::Restoring => DomainControllerStatus::Restoring,
        DirectoryStage::Deleting => DomainControllerStatus::Deleting,
        DirectoryStage::Deleted => DomainControllerStatus::Deleted,
        DirectoryStage::Failed => DomainControllerStatus::Failed,
        DirectoryStage::Updating => DomainControllerStatus::Updating,
        _ => DomainControllerStatus::Creating,
    }
}

fn described(directory: &Directory, controller: Controller) -> DomainController {
    let settings = directory.details.vpc_settings.clone().unwrap_or_default();
    DomainController {
        directory_id: Some(directory.id.to_string()),
        domain_controller_id: Some(controller.id),
        dns_ip_addr: Some(controller.address),
        vpc_id: settings.vpc_id,
        subnet_id: settings.subnet_ids.and_then(|subnets| subnets.into_iter().next()),
        status: Some(status(directory.stage)),
        status_reason: directory.stage_reason.clone(),
        status_last_updated_date_time: Some(directory.stage_changed_at),
        launch_time: Some(controller.launched_at),
        ..DomainController::default()
    }
}

fn describe(cx: &mut Cx<'_>, input: &DescribeDomainControllersRequest) -> Result<DescribeDomainControllersResult> {
    let directory = existing::<ops::DescribeDomainControllers>(cx, &input.directory_id)?;
    let list_of = ["DescribeDomainControllers", directory.id.as_str()];
    let cursor = access::page(cx, &list_of, input.next_token.as_deref(), input.limit)?;
    let rows = list(cx.tx, &directory.id, &cursor.after, cursor.fetch)?;
    let (rows, next_token) = cursor.close(cx, rows, |controller| controller.id.clone())?;
    let chosen = input.domain_controller_ids.as_deref().unwrap_or_default();
    let is_chosen = |controller: &Controller| chosen.is_empty() || chosen.contains(&controller.id);
    let shown = rows.into_iter().filter(is_chosen).map(|controller| described(&directory, controller)).collect();
    Ok(DescribeDomainControllersResult { domain_controllers: Some(shown), next_token })
}

pub(super) fn routes() -> Vec<Route> {
    vec![route::read::<ops::DescribeDomainControllers>(
        |cx, input| Ok(access::on::<ops::DescribeDomainControllers>(cx, &input.directory_id)?.into()),
        describe,
    )]
}

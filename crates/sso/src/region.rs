//! The regions for which an instance stands. One installation serves them all, so a region is there as soon as it is
//! added.

use crate::{access, instance, messages, page};
use base::{InstanceId, Timestamp};
use kernel::store::Row;
use kernel::{Cx, Error, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::sso_admin::{
    AddRegionRequest, AddRegionResponse, DescribeRegionRequest, DescribeRegionResponse, ListRegionsRequest,
    ListRegionsResponse, RegionMetadata, RegionStatus, RemoveRegionRequest, RemoveRegionResponse, ops,
};

/// Regions that an instance may have.
const REGIONS_MAX: i64 = 50;

fn region(row: &Row<'_>) -> Result<RegionMetadata> {
    Ok(RegionMetadata {
        region_name: Some(row.get(0)?),
        status: Some(row.parse(1, RegionStatus::parse)?),
        is_primary_region: Some(row.get(2)?),
        added_date: Some(row.get(3)?),
    })
}

/// Gives the instance a region.
pub(crate) fn insert(
    tx: &mut WriteTx<'_>,
    instance: &InstanceId,
    name: &str,
    is_primary: bool,
    now: Timestamp,
) -> Result<()> {
    let sql = "insert into sso_region (instance_id, name, status, is_primary, added_at) \
               values ($1, $2, 'ACTIVE', $3, $4)";
    tx.exec_one(sql, params![instance, name, is_primary, now])
}

/// Every region of the instance, in the order in which they came.
///
/// # Errors
/// When the database fails.
pub fn of(tx: &mut Tx, instance: &InstanceId) -> Result<Vec<RegionMetadata>> {
    let sql =
        "select name, status, is_primary, added_at from sso_region where instance_id = $1 order by added_at, name";
    tx.all(sql, params![instance], region)
}

fn find(tx: &mut Tx, instance: &InstanceId, name: &str) -> Result<Option<RegionMetadata>> {
    let sql = "select name, status, is_primary, added_at from sso_region where instance_id = $1 and name = $2";
    tx.opt(sql, params![instance, name], region)
}

fn missing(name: &str) -> Error {
    messages::not_found("Region", name)
}

fn add(cx: &mut WriteCx<'_>, input: &AddRegionRequest) -> Result<AddRegionResponse> {
    let instance = access::writable_organization_instance(cx, &input.instance_arn)?;
    if find(cx.tx, &instance.id, &input.region_name)?.is_some() {
        return Err(messages::conflict(format!("The Region {} has been added already", input.region_name)));
    }
    let count = cx.tx.count("select count(*) from sso_region where instance_id = $1", params![instance.id])?;
    if count >= REGIONS_MAX {
        return Err(messages::quota_exceeded("Region", REGIONS_MAX, &instance.id));
    }
    let now = cx.now;
    insert(&mut cx.write(), &instance.id, &input.region_name, false, now)?;
    instance::touch(cx, &instance);
    Ok(AddRegionResponse { status: Some(RegionStatus::Adding) })
}

fn remove(cx: &mut WriteCx<'_>, input: &RemoveRegionRequest) -> Result<RemoveRegionResponse> {
    let instance = access::writable_organization_instance(cx, &input.instance_arn)?;
    let found = find(cx.tx, &instance.id, &input.region_name)?.ok_or_else(|| missing(&input.region_name))?;
    if found.is_primary_region == Some(true) {
        return Err(messages::validation("The primary Region cannot be removed"));
    }
    let sql = "delete from sso_region where instance_id = $1 and name = $2";
    cx.write().exec_one(sql, params![instance.id, input.region_name])?;
    instance::touch(cx, &instance);
    Ok(RemoveRegionResponse { status: Some(RegionStatus::Removing) })
}

fn describe(cx: &mut Cx<'_>, input: &DescribeRegionRequest) -> Result<DescribeRegionResponse> {
    let instance = access::required_instance(cx, &input.instance_arn)?;
    let found = find(cx.tx, &instance.id, &input.region_name)?.ok_or_else(|| missing(&input.region_name))?;
    Ok(DescribeRegionResponse {
        added_date: found.added_date,
        is_primary_region: found.is_primary_region,
        region_name: found.region_name,
        status: found.status,
    })
}

fn list(cx: &mut Cx<'_>, input: &ListRegionsRequest) -> Result<ListRegionsResponse> {
    let instance = access::required_instance(cx, &input.instance_arn)?;
    let list = ["ListRegions", instance.id.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let rows = cx.tx.all(
        "select name, status, is_primary, added_at from sso_region where instance_id = $1 and name > $2 \
         order by name limit $3",
        params![instance.id, cursor.after, cursor.fetch],
        region,
    )?;
    let (regions, next_token) = cursor.close(cx, rows, |last| last.region_name.clone().unwrap_or_default())?;
    Ok(ListRegionsResponse { next_token, regions: Some(regions) })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::AddRegion>(|cx, input| access::on_instance(cx, "AddRegion", &input.instance_arn), add),
        route::write::<ops::RemoveRegion>(
            |cx, input| access::on_instance(cx, "RemoveRegion", &input.instance_arn),
            remove,
        ),
        route::read::<ops::DescribeRegion>(
            |cx, input| access::on_instance(cx, "DescribeRegion", &input.instance_arn),
            describe,
        ),
        route::read::<ops::ListRegions>(|cx, input| access::on_instance(cx, "ListRegions", &input.instance_arn), list),
    ]
}

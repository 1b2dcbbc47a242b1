//! The policies that AWS maintains, `arn:aws:iam::aws:policy/…`.

use base::Timestamp;

use crate::chunks::Chunks;
use crate::table::Table;

const TABLE: Table = Table(include_str!("../data/managed_policies.tsv"));
static DOCUMENTS: Chunks = Chunks::new(include_bytes!("../data/managed_policies.bin"));

const ARN_PREFIX: &str = "arn:aws:iam::aws:policy";
const SERVICE_LINKED_ROLE_PATH: &str = "/aws-service-role/";

/// An AWS-managed policy in its default version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// `PolicyName`.
    pub name: &'static str,
    /// `Arn`, in partition `aws`.
    pub arn: &'static str,
    /// `Path`: `/`, `/job-function/`, `/service-role/`, `/aws-service-role/`, `/root-task/` and the like.
    pub path: &'static str,
    /// `PolicyId`, `ANPA` and 17 more characters: AWS's own where a package tells it, else derived from the ARN.
    pub policy_id: &'static str,
    /// `DefaultVersionId`, such as `v4`. Earlier versions are not kept.
    pub default_version: &'static str,
    /// `CreateDate` of the policy.
    pub create_date: Timestamp,
    /// `UpdateDate`: when the default version was made.
    pub update_date: Timestamp,
    /// `Description`; empty for the few policies for which none is known.
    pub description: &'static str,
    /// Whether customers may attach it: all but the policies of service-linked roles, for which `AttachRolePolicy`
    /// answers `PolicyNotAttachable`.
    pub attachable: bool,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    chunk: usize,
    offset: usize,
    length: usize,
}

impl ManagedPolicy {
    /// The policy document: compact JSON, `Version` before `Statement`, ASCII only.
    ///
    /// The first document of a chunk costs inflating some 50 kB; it is kept from then on.
    pub fn document(&self) -> &'static str {
        let Place { chunk, offset, length } = self.place;
        DOCUMENTS.text(chunk, offset, length).expect("the tests read every document of the table")
    }

    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        let arn = columns.next()?;
        let (path, name) = path_and_name(arn)?;
        let (policy_id, default_version) = (columns.next()?, columns.next()?);
        let mut number = || columns.next()?.parse::<i64>().ok();
        let (create_date, update_date) = (Timestamp::from_seconds(number()?), Timestamp::from_seconds(number()?));
        let mut size = || usize::try_from(number()?).ok();
        let place = Place { chunk: size()?, offset: size()?, length: size()? };
        let description = columns.next()?;
        let attachable = path != SERVICE_LINKED_ROLE_PATH;
        Some(Self {
            name,
            arn,
            path,
            policy_id,
            default_version,
            create_date,
            update_date,
            description,
            attachable,
            place,
        })
    }
}

/// The policy with this ARN; case-sensitive, partition `aws` only.
pub fn managed_policy(arn: &str) -> Option<ManagedPolicy> {
    let (_, name) = path_and_name(arn)?;
    managed_policy_by_name(name).filter(|policy| policy.arn == arn)
}

/// The policy with this name: names are unique across paths.
pub fn managed_policy_by_name(name: &str) -> Option<ManagedPolicy> {
    TABLE.find(|line| name_in(line).cmp(name)).and_then(ManagedPolicy::parse)
}

/// All policies, sorted by name; no document is inflated.
pub fn managed_policies() -> impl Iterator<Item = ManagedPolicy> {
    TABLE.lines().filter_map(ManagedPolicy::parse)
}

fn name_in(line: &str) -> &str {
    path_and_name(crate::table::first_column(line)).map_or("", |(_, name)| name)
}

/// `/job-function/` and `Billing` of `arn:aws:iam::aws:policy/job-function/Billing`.
fn path_and_name(arn: &str) -> Option<(&str, &str)> {
    let path_and_name = arn.strip_prefix(ARN_PREFIX)?;
    let slash = path_and_name.rfind('/')?;
    Some(path_and_name.split_at(slash + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_the_table_is_skipped() {
        assert_eq!(managed_policies().count(), TABLE.lines().count());
    }

    #[test]
    fn no_document_costs_inflating_much_more_than_itself() {
        const FEW: usize = 64 * 1024;
        let largest = managed_policies().map(|policy| policy.place.length).max().unwrap();
        assert!(DOCUMENTS.plain_sizes().count() > 50);
        assert!(DOCUMENTS.plain_sizes().all(|size| size <= FEW.max(largest)));
    }

    #[test]
    fn an_arn_splits_into_path_and_name() {
        assert_eq!(path_and_name("arn:aws:iam::aws:policy/A"), Some(("/", "A")));
        assert_eq!(path_and_name("arn:aws:iam::aws:policy/a/b/C"), Some(("/a/b/", "C")));
        assert_eq!(path_and_name("arn:aws:iam::123456789012:policy/A"), None);
        assert_eq!(path_and_name("arn:aws:iam::aws:policy"), None);
    }
}

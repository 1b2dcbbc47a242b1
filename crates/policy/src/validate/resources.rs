//! Step 6 and 8: resources.

use super::{Checker, Item, Statement};
use crate::document::PolicyKind;

const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

/// A resource that is refused.
pub(super) struct MalformedResource<'n> {
    /// Index of the statement.
    pub(super) statement: usize,
    pub(super) item: Item<'n>,
    pub(super) message: String,
}

impl Checker<'_> {
    /// Finds malformed resources. IAM looks through each list in reverse order of the texts.
    pub(super) fn malformed_resources<'n>(&self, statements: &[Statement<'n>]) -> Vec<MalformedResource<'n>> {
        let mut found = Vec::new();
        for (index, statement) in statements.iter().enumerate() {
            for key in ["Resource", "NotResource"] {
                let mut items = statement.items(key);
                items.sort_by(|a, b| b.text.cmp(a.text));
                found.extend(items.into_iter().filter_map(|item| {
                    let message = self.refuse_resource(item.text)?;
                    Some(MalformedResource { statement: index, item, message })
                }));
            }
        }
        found
    }

    fn refuse_resource(&self, text: &str) -> Option<String> {
        if text == "*" {
            return None;
        }
        match self.kind {
            PolicyKind::Identity | PolicyKind::Boundary | PolicyKind::Session => refuse_iam_resource(text),
            PolicyKind::ServiceControl if text.matches(':').count() < 5 => {
                let valid = text.starts_with("arn:") && text.ends_with('*');
                (!valid).then(|| format!("Resource {text} is neither an ARN nor the beginning of one with a *"))
            }
            PolicyKind::ServiceControl | PolicyKind::ResourceControl => {
                let valid = text.starts_with("arn:") && text.matches(':').count() >= 5;
                (!valid).then(|| format!("Resource {text} is not an ARN"))
            }
            PolicyKind::Trust => None,
            PolicyKind::Resource | PolicyKind::Endpoint | PolicyKind::OrganizationsResourcePolicy => {
                (!text.starts_with("arn:")).then(|| format!("Resource {text} must be in ARN format or \"*\"."))
            }
        }
    }

    /// Step 8.
    pub(super) fn check_resources_exist(&mut self, statements: &[Statement<'_>]) {
        let required = self.is_own_policy() || self.is_organizations();
        for statement in statements.iter().filter(|_| required) {
            if !statement.has_either(["Resource", "NotResource"]) {
                self.report_statement(statement, "Policy statement must contain resources.", "no resources");
            }
        }
    }
}

/// The checks that IAM makes on the parts of an ARN, in its order.
fn refuse_iam_resource(text: &str) -> Option<String> {
    // Whatever stands before the first colon is not looked at.
    let Some((_, rest)) = text.split_once(':') else {
        return Some(format!("Resource {text} must be in ARN format or \"*\"."));
    };
    let (partition, rest) = match rest.split_once(':') {
        Some((partition, rest)) => (partition, Some(rest)),
        None => (rest, None),
    };
    if !PARTITIONS.contains(&partition) && !partition.contains(['*', '?']) {
        return Some(format!(
            "Partition \"{partition}\" is not valid for resource \"arn:{partition}:{}\".",
            padded(rest.unwrap_or_default())
        ));
    }
    let (vendor, rest) = match rest.map(|rest| rest.split_once(':').map_or((rest, None), |(a, b)| (a, Some(b)))) {
        Some((vendor, rest)) if !vendor.contains(['*', '?']) => (vendor, rest),
        _ => return Some("Resource vendor must be fully qualified and cannot contain regexes.".to_owned()),
    };
    // An ARN that ends here is completed with `*`.
    let rest = rest?;
    let has_region = !rest.starts_with(':');
    if vendor == "iam" && has_region {
        return Some(format!("IAM resource {text} cannot contain region information."));
    }
    if vendor == "s3" && has_region && !rest.splitn(3, ':').nth(2).is_some_and(|it| it.starts_with("accesspoint/")) {
        return Some(format!("Resource {text} can not contain region information."));
    }
    let path = rest.splitn(3, ':').nth(2).unwrap_or_default();
    // sts:AssumeRoot is granted on the root user, for which the message has no form of its own.
    if vendor == "iam" && path != "*" && path != "root" && !IAM_PATHS.iter().any(|start| path.starts_with(start)) {
        return Some(format!("IAM resource path must either be \"*\" or start with {}.", IAM_PATHS.join(", ")));
    }
    None
}

/// The four parts after the partition, as the message shows them: missing ones are `*`.
fn padded(rest: &str) -> String {
    let mut parts: Vec<&str> = rest.splitn(4, ':').collect();
    if parts == [""] {
        parts.clear();
    }
    parts.resize(4, "*");
    parts.join(":")
}

//! The words of a denial.

use crate::evaluate::{Decision, PolicyType};

/// The message of an access-denied error:
/// `User: <ARN> is not authorized to perform: <action> on resource: <ARN> because …` or `… with an explicit deny …`.
///
/// `principal` is the caller's ARN ([`crate::Caller::name`]); `resource` is left out where the service leaves it out.
pub fn denial_message(principal: &str, action: &str, resource: Option<&str>, decision: &Decision) -> String {
    let mut message = denial_message_without_reason(principal, action, resource);
    if let Some(reason) = denial_reason(action, decision) {
        message.push(' ');
        message.push_str(&reason);
    }
    message
}

/// The same without the reason: AssumeRole says no more.
pub fn denial_message_without_reason(principal: &str, action: &str, resource: Option<&str>) -> String {
    let mut message = format!("User: {principal} is not authorized to perform: {action}");
    if let Some(resource) = resource {
        message.push_str(" on resource: ");
        message.push_str(resource);
    }
    message
}

/// The reason alone; `None` when the decision is no denial.
pub fn denial_reason(action: &str, decision: &Decision) -> Option<String> {
    match decision {
        Decision::Allowed => None,
        Decision::ExplicitlyDenied(kind) => Some(format!("with an explicit deny in {}", with_article(*kind))),
        Decision::ImplicitlyDenied(kind) => Some(format!("because no {} allows the {action} action", name(*kind))),
    }
}

fn name(kind: PolicyType) -> &'static str {
    match kind {
        PolicyType::Identity => "identity-based policy",
        PolicyType::Resource => "resource-based policy",
        PolicyType::Trust => "role trust policy",
        PolicyType::Boundary => "permissions boundary",
        PolicyType::Session => "session policy",
        PolicyType::ServiceControl => "service control policy",
        PolicyType::ResourceControl => "resource control policy",
        PolicyType::Endpoint => "VPC endpoint policy",
    }
}

fn with_article(kind: PolicyType) -> String {
    let article = match kind {
        PolicyType::Identity => "an",
        PolicyType::Trust => "the",
        _ => "a",
    };
    format!("{article} {}", name(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_denial_has_awss_words() {
        let implicit = |kind| denial_reason("s3:GetObject", &Decision::ImplicitlyDenied(kind)).expect("a denial");
        let explicit = |kind| denial_reason("s3:GetObject", &Decision::ExplicitlyDenied(kind)).expect("a denial");
        use PolicyType::{Boundary, Endpoint, Identity, Resource, ResourceControl, ServiceControl, Session, Trust};
        assert_eq!(implicit(Identity), "because no identity-based policy allows the s3:GetObject action");
        assert_eq!(implicit(Boundary), "because no permissions boundary allows the s3:GetObject action");
        assert_eq!(implicit(ServiceControl), "because no service control policy allows the s3:GetObject action");
        assert_eq!(implicit(Session), "because no session policy allows the s3:GetObject action");
        assert_eq!(implicit(Resource), "because no resource-based policy allows the s3:GetObject action");
        assert_eq!(implicit(Endpoint), "because no VPC endpoint policy allows the s3:GetObject action");
        assert_eq!(explicit(Identity), "with an explicit deny in an identity-based policy");
        assert_eq!(explicit(Trust), "with an explicit deny in the role trust policy");
        assert_eq!(explicit(ServiceControl), "with an explicit deny in a service control policy");
        assert_eq!(explicit(ResourceControl), "with an explicit deny in a resource control policy");
        let message = denial_message(
            "arn:aws:iam::111122223333:user/bob",
            "iam:GetUser",
            Some("arn:aws:iam::111122223333:user/eve"),
            &Decision::ImplicitlyDenied(Identity),
        );
        assert_eq!(
            message,
            "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: iam:GetUser on resource: \
             arn:aws:iam::111122223333:user/eve because no identity-based policy allows the iam:GetUser action"
        );
    }
}

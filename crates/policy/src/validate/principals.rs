//! Principals, and the elements that a kind of policy forbids.

use super::{Checker, PrincipalExists, Statement, elements};
use crate::document::{PolicyKind, PrincipalType};
use crate::json::Node;
use crate::pattern::Resource;

const NO_PRINCIPALS: &str = "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: The passed in \
                             policy has a statement with no principals!";
const SHOULD_NOT: &str = "Policy document should not specify a principal.";

impl Checker<'_> {
    /// Elements that have no place in this kind of policy, whatever they hold.
    pub(super) fn check_forbidden_elements(&mut self, statements: &[Statement<'_>]) {
        let forbidden: &[&str] = match self.kind {
            PolicyKind::Trust => &["Resource", "NotResource", "NotPrincipal"],
            PolicyKind::ServiceControl => &["Principal", "NotPrincipal"],
            PolicyKind::ResourceControl => &["NotPrincipal", "NotAction"],
            PolicyKind::OrganizationsResourcePolicy => &["NotPrincipal", "NotAction", "NotResource"],
            _ => &[],
        };
        for statement in statements {
            for key in forbidden {
                if let Some(node) = statement.node.get(key) {
                    let (path, message) = (format!("{}.{key}", statement.path), format!("Has prohibited field {key}."));
                    let detail = format!("{key} has no place in this kind of policy");
                    self.report(self.at(node), &path, statement.sid, &message, &detail);
                }
            }
            let effect = statement.node.get("Effect").and_then(Node::as_str);
            if self.kind == PolicyKind::ResourceControl && effect != Some("Deny") {
                self.report_statement(statement, "", "a resource control policy can only deny");
            }
        }
    }

    /// Step 9, and the principals of resource-side policies.
    pub(super) fn check_principals(&mut self, statements: &[Statement<'_>], exists: &PrincipalExists<'_>) {
        for statement in statements {
            let principal = statement.node.get("Principal");
            let negated = statement.node.get("NotPrincipal");
            match self.kind {
                PolicyKind::Identity | PolicyKind::Boundary | PolicyKind::Session => {
                    if let Some(node) = principal.or(negated) {
                        self.report(
                            self.at(node),
                            &statement.path,
                            statement.sid,
                            SHOULD_NOT,
                            "Principal is for resources",
                        );
                    }
                }
                PolicyKind::ServiceControl => {}
                PolicyKind::ResourceControl => {
                    if principal.and_then(Node::as_str) != Some("*") {
                        self.report_statement(statement, "", "Principal must be \"*\"");
                    }
                }
                _ => self.check_named(statement, principal, negated, exists),
            }
        }
    }

    fn check_named(
        &mut self,
        statement: &Statement<'_>,
        principal: Option<&Node>,
        negated: Option<&Node>,
        exists: &PrincipalExists<'_>,
    ) {
        let effect = statement.node.get("Effect").and_then(Node::as_str);
        if let Some(node) = negated.filter(|_| effect == Some("Allow")) {
            let path = format!("{}.NotPrincipal", statement.path);
            let message = "Allow with NotPrincipal is not allowed.";
            self.report(self.at(node), &path, statement.sid, message, "NotPrincipal is for Deny");
        }
        let (name, Some(node)) =
            (if principal.is_some() { "Principal" } else { "NotPrincipal" }, principal.or(negated))
        else {
            return self.report_statement(statement, NO_PRINCIPALS, "Principal is missing");
        };
        let path = format!("{}.{name}", statement.path);
        if let Some(text) = node.as_str() {
            if text != "*" || self.kind == PolicyKind::OrganizationsResourcePolicy {
                self.invalid_principal(statement, node, &path, "AWS", text);
            }
            return;
        }
        let mut count = 0;
        for member in node.as_object().unwrap_or_default() {
            for (item, path) in elements(&member.value, &format!("{path}.{}", member.key)) {
                let Some(text) = item.as_str() else { continue };
                count += 1;
                if !self.principal_is_valid(&member.key, text, exists) {
                    self.invalid_principal(statement, item, &path, &member.key, text);
                }
            }
        }
        if count == 0 {
            self.report(self.at(node), &path, statement.sid, NO_PRINCIPALS, "Principal is empty");
        }
    }

    fn invalid_principal(&mut self, statement: &Statement<'_>, node: &Node, path: &str, kind: &str, text: &str) {
        let message = format!("Invalid principal in policy: \"{kind}\":\"{text}\"");
        let detail = "not a principal, or one that does not exist";
        self.report_reason(self.at(node), path, statement.sid, "INVALID_PRINCIPAL", &message, detail);
    }

    fn principal_is_valid(&self, kind: &str, text: &str, exists: &PrincipalExists<'_>) -> bool {
        let of_organization = self.kind == PolicyKind::OrganizationsResourcePolicy;
        match PrincipalType::parse(kind) {
            Some(PrincipalType::Aws) if text == "*" => !of_organization,
            Some(PrincipalType::Aws) => is_aws_principal(text) && exists(text),
            Some(_) if of_organization => false,
            Some(PrincipalType::Service) => text.contains('.') && !text.contains(['*', '?', ':', '/']),
            Some(PrincipalType::Federated) => !text.is_empty() && !text.contains(['*', '?']),
            Some(PrincipalType::CanonicalUser) => {
                self.kind != PolicyKind::Trust && text.len() == 64 && text.bytes().all(|it| it.is_ascii_hexdigit())
            }
            None => false,
        }
    }
}

/// Whether a text has the form of an account, user, role, session or unique id; wildcards have no place in it.
fn is_aws_principal(text: &str) -> bool {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_account(text) {
        return true;
    }
    let is_id = (text.starts_with("AIDA") || text.starts_with("AROA"))
        && (16..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if is_id {
        return true;
    }
    let Some((service, account, name)) = Resource::new(text).service_account_resource() else { return false };
    let (kind, rest) = name.split_once('/').unwrap_or((name, ""));
    let named = match (service, kind) {
        ("iam", "root") => rest.is_empty(),
        ("iam", "user" | "role") => !rest.is_empty() && !rest.ends_with('/'),
        ("sts", "assumed-role") => rest.split_once('/').is_some_and(|(role, it)| !role.is_empty() && !it.is_empty()),
        ("sts", "federated-user") => !rest.is_empty(),
        _ => false,
    };
    text.starts_with("arn:") && is_account(account) && named && !text.contains(['*', '?'])
}

//! What is wrong with a document, in AWS's words, in AWS's order and with places.
//!
//! AWS reports the first error only: [`validate`] lists all, and the first of them is the one AWS reports. The steps
//! and texts of IAM are those that its API answers; Organizations has one text for everything.

mod lint;
mod principals;
mod resources;
mod statements;
mod syntax;

use crate::document::{Malformed, PolicyKind};
use crate::json::{self, Lines, Node, Position};

pub(crate) const SYNTAX_ERRORS: &str = "Syntax errors in policy.";
const INVALID_TRUST_JSON: &str = "This policy contains invalid Json";
const ORGANIZATIONS_TEXT: &str =
    "The provided policy document does not meet the requirements of the specified policy type.";

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// AWS refuses the document.
    Error,
    /// AWS takes it, but it does not do what it seems to.
    Warning,
}

impl Severity {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// AWS's error code, such as `MalformedPolicyDocument`.
    pub code: &'static str,
    /// The `Reason` of Organizations' exceptions.
    pub reason: Option<&'static str>,
    /// AWS's text.
    pub message: String,
    /// What is wrong, in more words.
    pub detail: String,
    /// Where.
    pub position: Position,
    /// The JSON path, such as `$.Statement[0].Action[1]`.
    pub path: String,
    /// The `Sid` of the statement.
    pub sid: Option<String>,
}

impl Finding {
    /// Whether AWS refuses the document for it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl From<Finding> for Malformed {
    fn from(finding: Finding) -> Self {
        let Finding { code, message, detail, position, path, .. } = finding;
        Self { code, message, detail, position, path }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Position { line, column, .. } = self.position;
        write!(f, "{line}:{column}: {}: {} ({}, at {}", self.severity.as_str(), self.message, self.detail, self.path)?;
        if let Some(sid) = &self.sid {
            write!(f, ", Sid {sid}")?;
        }
        f.write_str(")")
    }
}

/// Tells whether an `AWS` principal exists: an ARN, an account id or a unique id.
pub type PrincipalExists<'a> = dyn Fn(&str) -> bool + 'a;

/// Lists what is wrong with a document that is to be saved as `kind`.
pub fn validate(kind: PolicyKind, text: impl AsRef<[u8]>) -> Vec<Finding> {
    validate_with_principals(kind, text, &|_| true)
}

/// The same, with a look at whether the principals it names exist, as IAM takes when a trust policy is saved.
pub fn validate_with_principals(
    kind: PolicyKind,
    text: impl AsRef<[u8]>,
    exists: &PrincipalExists<'_>,
) -> Vec<Finding> {
    let text = text.as_ref();
    let lines = Lines::new(text);
    let mut checker = Checker { kind, lines: &lines, findings: Vec::new() };
    let node = match json::parse(text, json::DOCUMENT_LIMITS) {
        Ok(node) => node,
        Err(error) => {
            let message = if kind == PolicyKind::Trust { INVALID_TRUST_JSON } else { SYNTAX_ERRORS };
            checker.report(lines.position(error.offset), "$", None, message, error.fault.describe());
            return checker.findings;
        }
    };
    checker.check_syntax(&node);
    if checker.findings.is_empty() {
        checker.check_meaning(&node, exists);
        checker.check_size(text);
        checker.lint(&node);
    }
    checker.findings
}

/// The size of a document as its quota counts it, in characters: IAM leaves white space out, Organizations does not.
pub fn size(kind: PolicyKind, text: &str) -> usize {
    match kind {
        PolicyKind::ServiceControl | PolicyKind::ResourceControl | PolicyKind::OrganizationsResourcePolicy => {
            text.chars().count()
        }
        _ => text.chars().filter(|character| !character.is_whitespace()).count(),
    }
}

/// The default quota of a kind, in characters: for identity-based policies that of one managed policy. Inline
/// policies are limited by their total per user (2,048), group (5,120) and role (10,240).
pub fn size_max(kind: PolicyKind) -> usize {
    match kind {
        PolicyKind::Identity | PolicyKind::Boundary => 6_144,
        PolicyKind::Trust | PolicyKind::Session => 2_048,
        PolicyKind::ServiceControl => 10_240,
        PolicyKind::ResourceControl => 5_120,
        PolicyKind::OrganizationsResourcePolicy => 40_000,
        PolicyKind::Resource | PolicyKind::Endpoint => 20_480,
    }
}

struct Checker<'a> {
    kind: PolicyKind,
    lines: &'a Lines<'a>,
    findings: Vec<Finding>,
}

/// A statement with what findings need to say where it is.
struct Statement<'n> {
    node: &'n Node,
    path: String,
    sid: Option<&'n str>,
}

/// One text of a list, or the only one.
struct Item<'n> {
    node: &'n Node,
    text: &'n str,
    path: String,
}

impl<'n> Statement<'n> {
    /// All statements of a document whose syntax is right.
    fn all(document: &'n Node) -> Vec<Self> {
        let Some(node) = document.get("Statement") else { return Vec::new() };
        elements(node, "$.Statement")
            .map(|(node, path)| Statement { node, path, sid: node.get("Sid").and_then(Node::as_str) })
            .collect()
    }

    /// The texts of `Action`, `NotAction`, `Resource` or `NotResource`.
    fn items(&self, key: &str) -> Vec<Item<'n>> {
        let Some(node) = self.node.get(key) else { return Vec::new() };
        elements(node, &format!("{}.{key}", self.path))
            .filter_map(|(node, path)| Some(Item { node, text: node.as_str()?, path }))
            .collect()
    }

    /// Whether one of two elements is there with at least one value.
    fn has_either(&self, keys: [&str; 2]) -> bool {
        keys.iter().any(|key| self.node.get(key).is_some_and(|node| node.as_array().is_none_or(|it| !it.is_empty())))
    }
}

/// The elements of a list, or the value itself, with their paths.
fn elements<'n>(node: &'n Node, path: &str) -> impl Iterator<Item = (&'n Node, String)> {
    let is_list = node.as_array().is_some();
    let items = node.as_array().unwrap_or(std::slice::from_ref(node));
    items.iter().enumerate().map(move |(index, item)| {
        let path = if is_list { format!("{path}[{index}]") } else { path.to_owned() };
        (item, path)
    })
}

impl Checker<'_> {
    fn is_organizations(&self) -> bool {
        matches!(self.kind, PolicyKind::ServiceControl | PolicyKind::ResourceControl)
    }

    /// IAM's grammar for policies of a principal.
    fn is_own_policy(&self) -> bool {
        matches!(self.kind, PolicyKind::Identity | PolicyKind::Boundary | PolicyKind::Session)
    }

    fn report(&mut self, position: Position, path: &str, sid: Option<&str>, message: &str, detail: &str) {
        self.report_reason(position, path, sid, "INVALID_RESOURCE_POLICY_JSON", message, detail);
    }

    /// Adds an error. Organizations has a text of its own, so IAM's is what the detail says there.
    fn report_reason(
        &mut self,
        position: Position,
        path: &str,
        sid: Option<&str>,
        reason: &'static str,
        message: &str,
        detail: &str,
    ) {
        let (code, reason, message, detail) = match self.kind {
            PolicyKind::ServiceControl | PolicyKind::ResourceControl => {
                ("MalformedPolicyDocumentException", None, ORGANIZATIONS_TEXT, detail)
            }
            PolicyKind::OrganizationsResourcePolicy => ("InvalidInputException", Some(reason), message, detail),
            _ => ("MalformedPolicyDocument", None, message, detail),
        };
        self.findings.push(Finding {
            severity: Severity::Error,
            code,
            reason,
            message: message.to_owned(),
            detail: detail.to_owned(),
            position,
            path: path.to_owned(),
            sid: sid.map(str::to_owned),
        });
    }

    fn at(&self, node: &Node) -> Position {
        self.lines.position(node.span.start)
    }

    /// Reports something about a statement as a whole.
    fn report_statement(&mut self, statement: &Statement<'_>, message: &str, detail: &str) {
        self.report(self.at(statement.node), &statement.path, statement.sid, message, detail);
    }

    /// Reports something about one text of a statement.
    fn report_item(&mut self, statement: &Statement<'_>, item: &Item<'_>, message: &str, detail: &str) {
        self.report(self.at(item.node), &item.path, statement.sid, message, detail);
    }

    fn warn(&mut self, statement: &Statement<'_>, node: &Node, path: &str, message: String) {
        self.findings.push(Finding {
            severity: Severity::Warning,
            code: "Warning",
            reason: None,
            detail: message.clone(),
            message,
            position: self.at(node),
            path: path.to_owned(),
            sid: statement.sid.map(str::to_owned),
        });
    }

    /// Everything after syntax, step by step.
    fn check_meaning(&mut self, document: &Node, exists: &PrincipalExists<'_>) {
        let statements = Statement::all(document);
        self.check_version(document);
        let malformed_resources = self.malformed_resources(&statements);
        self.check_legacy(&statements, malformed_resources.is_empty());
        self.check_sids(&statements);
        self.check_forbidden_elements(&statements);
        self.check_actions_exist(&statements);
        for finding in malformed_resources {
            let (statement, item, message) = (&statements[finding.statement], &finding.item, &finding.message);
            self.report_item(statement, item, message, message);
        }
        self.check_actions(&statements);
        self.check_resources_exist(&statements);
        self.check_principals(&statements, exists);
    }

    fn check_size(&mut self, text: &[u8]) {
        let Ok(text) = std::str::from_utf8(text) else { return };
        let (size, max) = (size(self.kind, text), size_max(self.kind));
        if size <= max {
            return;
        }
        let (code, reason, message) = match self.kind {
            PolicyKind::Identity | PolicyKind::Boundary => {
                ("LimitExceeded", None, format!("Cannot exceed quota for PolicySize: {max}"))
            }
            PolicyKind::Trust => ("LimitExceeded", None, format!("Cannot exceed quota for ACLSizePerRole: {max}")),
            PolicyKind::Session => {
                ("PackedPolicyTooLarge", None, "The session policy is larger than the maximum size.".to_owned())
            }
            PolicyKind::ServiceControl | PolicyKind::ResourceControl | PolicyKind::OrganizationsResourcePolicy => (
                "ConstraintViolationException",
                Some("POLICY_CONTENT_LIMIT_EXCEEDED"),
                "You have exceeded the maximum size of a policy.".to_owned(),
            ),
            PolicyKind::Resource | PolicyKind::Endpoint => {
                ("MalformedPolicyDocument", None, "The policy is larger than the maximum size.".to_owned())
            }
        };
        self.findings.push(Finding {
            severity: Severity::Error,
            code,
            reason,
            message,
            detail: format!("{size} characters, {max} are allowed"),
            position: self.lines.position(0),
            path: "$".to_owned(),
            sid: None,
        });
    }
}

#[cfg(test)]
mod tests;

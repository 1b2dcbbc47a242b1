//! Policy documents as written.
//!
//! [`Document::parse`] takes what AWS would take when a policy of the kind is saved. [`Document::parse_stored`] asks
//! only for what evaluation needs: documents that were saved under older rules must go on working.

use crate::json::{self, Lines, Node, Position, Value};
use crate::operator::Operator;
use crate::validate;

/// What a document is for: grammar, size limit and part in the decision depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// Managed or inline, of a user, group or role.
    Identity,
    /// A role's trust policy.
    Trust,
    /// A policy on another resource.
    Resource,
    /// A permissions boundary.
    Boundary,
    /// Passed with AssumeRole or GetFederationToken.
    Session,
    /// A service control policy (SCP).
    ServiceControl,
    /// A resource control policy (RCP).
    ResourceControl,
    /// The organization's own resource policy (delegation).
    OrganizationsResourcePolicy,
    /// A policy of a VPC endpoint.
    Endpoint,
}

impl PolicyKind {
    /// Whether statements name principals.
    pub fn has_principals(self) -> bool {
        matches!(
            self,
            Self::Trust | Self::Resource | Self::ResourceControl | Self::OrganizationsResourcePolicy | Self::Endpoint
        )
    }
}

/// The language version of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`: no policy variables.
    V2008,
    /// `2012-10-17`.
    V2012,
}

impl Version {
    /// The text in a document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2008 => "2008-10-17",
            Self::V2012 => "2012-10-17",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::V2008, Self::V2012].into_iter().find(|version| version.as_str() == text)
    }
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`.
    Allow,
    /// `Deny`.
    Deny,
}

impl Effect {
    /// The text in a document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// `Action`, `Resource` or `Principal`, or its `Not…` form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element<T> {
    /// `NotAction`, `NotResource`, `NotPrincipal`.
    pub negated: bool,
    /// The values, in the order of the document.
    pub values: Vec<T>,
}

/// The type of a principal: its key in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalType {
    /// Accounts, users, roles, sessions.
    Aws,
    /// Service principals.
    Service,
    /// SAML and OIDC providers.
    Federated,
    /// S3 canonical user ids.
    CanonicalUser,
}

impl PrincipalType {
    /// The key in a document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Service => "Service",
            Self::Federated => "Federated",
            Self::CanonicalUser => "CanonicalUser",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Aws, Self::Service, Self::Federated, Self::CanonicalUser].into_iter().find(|it| it.as_str() == text)
    }
}

/// One principal of a statement. `"Principal": "*"` is `{"AWS": "*"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its type.
    pub principal_type: PrincipalType,
    /// Its name as written.
    pub value: String,
}

/// One key of a condition block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// The operator as written.
    pub operator_text: String,
    /// The context key as written.
    pub key: String,
    /// The values; booleans and numbers as their text.
    pub values: Vec<String>,
}

/// Where a statement stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Its `{`.
    pub start: Position,
    /// Its `}`.
    pub end: Position,
}

impl Extent {
    /// Line and column as `SimulateCustomPolicy` reports the start: the column is that of the character after `{`.
    pub fn simulated_start(&self) -> (usize, usize) {
        (self.start.line, self.start.column + 1)
    }

    /// Line and column as `SimulateCustomPolicy` reports the end: the column is that of the character after `}`.
    pub fn simulated_end(&self) -> (usize, usize) {
        (self.end.line, self.end.column + 1)
    }
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its name.
    pub sid: Option<String>,
    /// Allow or Deny.
    pub effect: Effect,
    /// Who; absent where the kind of policy has no principals.
    pub principal: Option<Element<Principal>>,
    /// What.
    pub action: Element<String>,
    /// On what; absent in trust policies.
    pub resource: Option<Element<String>>,
    /// When: all must hold.
    pub conditions: Vec<Condition>,
    /// Where it stands in the text that was read.
    pub extent: Extent,
}

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The `Version`, if given; without one the rules of 2008 apply.
    pub version: Option<Version>,
    /// The `Id`, if given.
    pub id: Option<String>,
    /// The statements.
    pub statements: Vec<Statement>,
}

/// A document that was refused: AWS's code and text, and where the reason stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// AWS's error code, such as `MalformedPolicyDocument`.
    pub code: &'static str,
    /// AWS's text.
    pub message: String,
    /// What is wrong, in more words than AWS spends.
    pub detail: String,
    /// Where.
    pub position: Position,
    /// The JSON path, such as `$.Statement[0].Action`.
    pub path: String,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Malformed {}

impl Document {
    /// Reads a document that is to be saved as `kind`; refuses what AWS refuses. Warnings are left to
    /// [`validate::validate`].
    pub fn parse(text: impl AsRef<[u8]>, kind: PolicyKind) -> Result<Self, Malformed> {
        let text = text.as_ref();
        match validate::validate(kind, text).into_iter().find(validate::Finding::is_error) {
            Some(finding) => Err(finding.into()),
            None => Self::parse_stored(text),
        }
    }

    /// Reads a document as far as evaluation needs it.
    pub fn parse_stored(text: impl AsRef<[u8]>) -> Result<Self, Malformed> {
        let text = text.as_ref();
        let lines = Lines::new(text);
        let node = json::parse(text, json::DOCUMENT_LIMITS)
            .map_err(|error| malformed(error.fault.describe(), &lines, error.offset))?;
        Self::from_node(&node, &lines)
    }

    /// Reads a document that is part of a larger JSON text; positions are those of the whole text.
    pub fn from_node(node: &Node, lines: &Lines<'_>) -> Result<Self, Malformed> {
        let reader = Reader { lines };
        reader.document(node)
    }

    /// Whether variables are replaced.
    pub fn has_variables(&self) -> bool {
        self.version == Some(Version::V2012)
    }

    /// The document with all positions forgotten, for comparison.
    pub fn without_positions(mut self) -> Self {
        for statement in &mut self.statements {
            statement.extent = Extent::default();
        }
        self
    }
}

fn malformed(detail: &str, lines: &Lines<'_>, offset: usize) -> Malformed {
    Malformed {
        code: "MalformedPolicyDocument",
        message: validate::SYNTAX_ERRORS.to_owned(),
        detail: detail.to_owned(),
        position: lines.position(offset),
        path: "$".to_owned(),
    }
}

struct Reader<'a> {
    lines: &'a Lines<'a>,
}

type Read<T> = Result<T, Malformed>;

impl Reader<'_> {
    fn refuse<T>(&self, node: &Node, detail: &str) -> Read<T> {
        Err(malformed(detail, self.lines, node.span.start))
    }

    fn text(&self, node: &Node) -> Read<String> {
        match node.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => self.refuse(node, "a string is due here"),
        }
    }

    fn document(&self, node: &Node) -> Read<Document> {
        let Some(members) = node.as_object() else { return self.refuse(node, "the document is not an object") };
        let mut document = Document { version: None, id: None, statements: Vec::new() };
        for member in members {
            let value = &member.value;
            match member.key.as_str() {
                "Version" => match value.as_str().and_then(Version::parse) {
                    Some(version) => document.version = Some(version),
                    None => return self.refuse(value, "unknown Version"),
                },
                "Id" => document.id = Some(self.text(value)?),
                "Statement" => {
                    let items = value.as_array().unwrap_or(std::slice::from_ref(value));
                    document.statements = items.iter().map(|item| self.statement(item)).collect::<Read<_>>()?;
                }
                _ => return self.refuse(value, "unknown element"),
            }
        }
        Ok(document)
    }

    fn statement(&self, node: &Node) -> Read<Statement> {
        let Some(members) = node.as_object() else { return self.refuse(node, "a statement is not an object") };
        let (mut sid, mut effect, mut principal, mut action, mut resource) = (None, None, None, None, None);
        let mut conditions = Vec::new();
        for member in members {
            let value = &member.value;
            let negated = member.key.starts_with("Not");
            let twice = match member.key.as_str() {
                "Sid" => sid.replace(self.text(value)?).is_some(),
                "Effect" => effect.replace(self.effect(value)?).is_some(),
                "Principal" | "NotPrincipal" => {
                    principal.replace(Element { negated, values: self.principals(value)? }).is_some()
                }
                "Action" | "NotAction" => action.replace(Element { negated, values: self.texts(value)? }).is_some(),
                "Resource" | "NotResource" => {
                    resource.replace(Element { negated, values: self.texts(value)? }).is_some()
                }
                "Condition" => {
                    conditions = self.conditions(value)?;
                    false
                }
                _ => return self.refuse(value, "unknown element"),
            };
            if twice {
                return self.refuse(value, "an element together with its Not form");
            }
        }
        let Some(effect) = effect else { return self.refuse(node, "Effect is missing") };
        let Some(action) = action else { return self.refuse(node, "Action is missing") };
        let extent = Extent {
            start: self.lines.position(node.span.start),
            end: self.lines.position(node.span.end.saturating_sub(1)),
        };
        Ok(Statement { sid, effect, principal, action, resource, conditions, extent })
    }

    fn effect(&self, node: &Node) -> Read<Effect> {
        match node.as_str() {
            Some("Allow") => Ok(Effect::Allow),
            Some("Deny") => Ok(Effect::Deny),
            _ => self.refuse(node, "Effect is neither Allow nor Deny"),
        }
    }

    /// One string or a list of strings; `null` in a list is passed over, as IAM does.
    fn texts(&self, node: &Node) -> Read<Vec<String>> {
        match node.as_array() {
            None => Ok(vec![self.text(node)?]),
            Some(items) => items.iter().filter(|item| !item.is_null()).map(|item| self.text(item)).collect(),
        }
    }

    fn principals(&self, node: &Node) -> Read<Vec<Principal>> {
        if let Some(text) = node.as_str() {
            if text != "*" {
                return self.refuse(node, "a principal without a type");
            }
            return Ok(vec![Principal { principal_type: PrincipalType::Aws, value: text.to_owned() }]);
        }
        let Some(members) = node.as_object() else { return self.refuse(node, "Principal is not an object") };
        let mut principals = Vec::new();
        for member in members {
            let Some(principal_type) = PrincipalType::parse(&member.key) else {
                return self.refuse(&member.value, "unknown type of principal");
            };
            principals.extend(self.texts(&member.value)?.into_iter().map(|value| Principal { principal_type, value }));
        }
        Ok(principals)
    }

    fn conditions(&self, node: &Node) -> Read<Vec<Condition>> {
        let Some(operators) = node.as_object() else { return self.refuse(node, "Condition is not an object") };
        let mut conditions = Vec::new();
        for member in operators {
            let Some(keys) = member.value.as_object() else {
                return self.refuse(&member.value, "an operator takes an object");
            };
            for key in keys {
                let Some(operator) = Operator::parse(&member.key) else {
                    return self.refuse(&member.value, "unknown operator");
                };
                conditions.push(Condition {
                    operator,
                    operator_text: member.key.clone(),
                    key: key.key.clone(),
                    values: self.condition_values(&key.value)?,
                });
            }
        }
        Ok(conditions)
    }

    fn condition_values(&self, node: &Node) -> Read<Vec<String>> {
        let items = node.as_array().unwrap_or(std::slice::from_ref(node));
        let in_list = node.as_array().is_some();
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::String(text) | Value::Number(text) => values.push(text.clone()),
                Value::Bool(value) => values.push(value.to_string()),
                Value::Null if in_list => {}
                _ => return self.refuse(item, "a condition value is a string, a number or a boolean"),
            }
        }
        Ok(values)
    }
}

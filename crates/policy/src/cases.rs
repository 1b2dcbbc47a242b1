//! Decision cases: one JSON object per line with a request, the policies and the decision that is expected.
//!
//! Fields: `id`, `request` {`principal` (an ARN, a service name, a provider, or `{"type":"Anonymous"}`), `action`,
//! `resource` (`*`: the action has none), `resourceAccount`, `context` (key to text or list of texts)},
//! `identityPolicies` [], `boundary` (a document, a list of documents, or null), `sessionPolicy`, `resourcePolicy`,
//! `scps` and `rcps` ([{`level`, `policies`}], root first; `[]`: none applies), optionally `endpointPolicies`, and
//! `expected` (`Allowed`, `ExplicitlyDenied`, `ImplicitlyDenied`). Other fields are passed over.

use crate::compile::{CompiledPolicy, PolicySource};
use crate::context::{Context, ContextValue};
use crate::document::{Document, PolicyKind};
use crate::evaluate::{Decision, evaluate};
use crate::explain::explain;
use crate::json::{self, Limits, Lines, Node, Value, write_string};
use crate::request::{Action, Caller, Level, PolicySet, Request, Resource};
use std::io::{self, BufRead, Write};
use std::sync::Arc;

/// Limits of one line.
const CASE_LIMITS: Limits = Limits { bytes_max: 4_194_304, depth_max: 32 };

/// A case, read and compiled.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// The decision that is expected, as text.
    pub expected: String,
    caller: Caller,
    action: Action,
    resource: String,
    resource_account: Option<String>,
    context: Context,
    identity: Vec<Arc<CompiledPolicy>>,
    boundary: Option<Vec<Arc<CompiledPolicy>>>,
    session: Option<Vec<Arc<CompiledPolicy>>>,
    resource_policy: Option<Arc<CompiledPolicy>>,
    endpoint: Option<Vec<Arc<CompiledPolicy>>>,
    service_control: Option<Vec<Level>>,
    resource_control: Option<Vec<Level>>,
}

/// What came of a file of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Cases read.
    pub cases: usize,
    /// Cases whose decision is not the expected one, and lines that could not be read.
    pub differing: usize,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} cases, {} differ", self.cases, self.differing)
    }
}

/// Decides every case of `reader` and writes one JSON object per case to `out`: `id`, `decision`, `expected`, and with
/// `with_explanation` the explanation. A line that cannot be read gives an object with `error` and counts as differing. The
/// summary is returned, not written.
pub fn run(reader: impl BufRead, with_explanation: bool, mut out: impl Write) -> io::Result<Summary> {
    let mut summary = Summary::default();
    for (index, line) in reader.split(b'\n').enumerate() {
        let line = line?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        summary.cases += 1;
        let answer = match Case::parse(&line) {
            Ok(case) => {
                let decision = case.decide();
                summary.differing += usize::from(decision.as_str() != case.expected);
                case.answer(decision, with_explanation)
            }
            Err(error) => {
                summary.differing += 1;
                let mut answer = format!("{{\"line\":{},\"error\":", index + 1);
                write_string(&mut answer, &error);
                answer.push('}');
                answer
            }
        };
        writeln!(out, "{answer}")?;
    }
    Ok(summary)
}

impl Case {
    /// Reads one line.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let node = json::parse(line, CASE_LIMITS)
            .map_err(|error| format!("column {}: {}", error.offset + 1, error.fault.describe()))?;
        let reader = Reader { case: &node, lines: Lines::new(line) };
        reader.read()
    }

    /// Hands the request and the policies to `use_it`.
    pub fn with<T>(&self, use_it: impl FnOnce(&Request<'_>, &PolicySet<'_>) -> T) -> T {
        let resource = Resource::new(&self.resource);
        let mut request = Request::new(&self.caller, &self.action, resource, &self.context);
        request.resource_account = self.resource_account.as_deref();
        request.resource_demands_its_policy = demands_policy(&self.action, &resource);
        // A session ARN has no path; the reserved name is what tells a service-linked role.
        request.caller_is_service_linked_role = self.caller.name().contains(":assumed-role/AWSServiceRoleFor")
            || self.caller.name().contains(":role/aws-service-role/");
        let policies = PolicySet {
            identity: &self.identity,
            boundary: self.boundary.as_deref(),
            session: self.session.as_deref(),
            resource: self.resource_policy.as_deref(),
            endpoint: self.endpoint.as_deref(),
            service_control: self.service_control.as_deref(),
            resource_control: self.resource_control.as_deref(),
        };
        use_it(&request, &policies)
    }

    /// The decision.
    pub fn decide(&self) -> Decision {
        self.with(evaluate)
    }

    fn answer(&self, decision: Decision, with_explanation: bool) -> String {
        let mut answer = String::from("{\"id\":");
        write_string(&mut answer, &self.id);
        answer.push_str(",\"decision\":");
        write_string(&mut answer, decision.as_str());
        answer.push_str(",\"expected\":");
        write_string(&mut answer, &self.expected);
        if with_explanation {
            answer.push_str(",\"explanation\":");
            answer.push_str(&self.with(explain).to_json());
        }
        answer.push('}');
        answer
    }
}

/// Role trust policies and key policies must allow even within the account.
fn demands_policy(action: &Action, resource: &Resource<'_>) -> bool {
    let Some((service, _, name)) = resource.service_account_resource() else { return false };
    match action.service() {
        "sts" => service == "iam" && name.starts_with("role/"),
        "kms" => service == "kms" && name.starts_with("key/"),
        _ => false,
    }
}

struct Reader<'a> {
    case: &'a Node,
    lines: Lines<'a>,
}

impl Reader<'_> {
    fn read(&self) -> Result<Case, String> {
        let request = self.case.get("request").ok_or("request is missing")?;
        let text = |node: &Node, name: &str| {
            node.get(name).and_then(Node::as_str).map(str::to_owned).ok_or_else(|| format!("{name} is missing"))
        };
        let action = Action::new(&text(request, "action")?);
        let caller = caller(request.get("principal").ok_or("principal is missing")?, &action)?;
        let resource = text(request, "resource")?;
        let is_role = Resource::new(&resource)
            .service_account_resource()
            .is_some_and(|(service, _, name)| service == "iam" && name.starts_with("role/"));
        let resource_kind = if is_role { PolicyKind::Trust } else { PolicyKind::Resource };
        Ok(Case {
            id: text(self.case, "id")?,
            expected: text(self.case, "expected")?,
            caller,
            action,
            resource,
            resource_account: request.get("resourceAccount").and_then(Node::as_str).map(str::to_owned),
            context: context(request.get("context"))?,
            identity: self.policies("identityPolicies", PolicyKind::Identity)?.unwrap_or_default(),
            boundary: self.policies("boundary", PolicyKind::Boundary)?,
            session: self.policies("sessionPolicy", PolicyKind::Session)?,
            resource_policy: self.policies("resourcePolicy", resource_kind)?.and_then(|mut list| list.pop()),
            endpoint: self.policies("endpointPolicies", PolicyKind::Endpoint)?.filter(|list| !list.is_empty()),
            service_control: self.levels("scps", PolicyKind::ServiceControl)?,
            resource_control: self.levels("rcps", PolicyKind::ResourceControl)?,
        })
    }

    fn policies(&self, field: &str, kind: PolicyKind) -> Result<Option<Vec<Arc<CompiledPolicy>>>, String> {
        self.list(self.case.get(field), field, kind)
    }

    /// A document or a list of documents; nothing for an absent field or `null`.
    fn list(
        &self,
        node: Option<&Node>,
        name: &str,
        kind: PolicyKind,
    ) -> Result<Option<Vec<Arc<CompiledPolicy>>>, String> {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Ok(None) };
        let items = node.as_array().unwrap_or(std::slice::from_ref(node));
        let compile = |(index, item): (usize, &Node)| {
            let document = match item.as_str() {
                Some(text) => Document::parse_stored(text),
                None => Document::from_node(item, &self.lines),
            };
            let document = document.map_err(|it| format!("{name}[{index}]: {}: {}", it.message, it.detail))?;
            let source = PolicySource::named(format!("{name}[{index}]"));
            Ok(Arc::new(CompiledPolicy::compile(document, kind, source)))
        };
        items.iter().enumerate().map(compile).collect::<Result<_, String>>().map(Some)
    }

    fn levels(&self, field: &str, kind: PolicyKind) -> Result<Option<Vec<Level>>, String> {
        let items = self.case.get(field).and_then(Node::as_array).unwrap_or_default();
        let mut levels = Vec::with_capacity(items.len());
        for item in items {
            let name = item.get("level").and_then(Node::as_str).unwrap_or(field).to_owned();
            let policies = self.list(item.get("policies"), &format!("{field}.{name}"), kind)?.unwrap_or_default();
            levels.push(Level { name, policies });
        }
        Ok(Some(levels).filter(|levels| !levels.is_empty()))
    }
}

fn caller(node: &Node, action: &Action) -> Result<Caller, String> {
    if let Some(name) = node.as_str() {
        let by_provider = action.as_str().to_lowercase().starts_with("sts:assumerolewith");
        return Ok(Caller::from_arn(name)
            .unwrap_or_else(|| if by_provider { Caller::provider(name) } else { Caller::service(name) }));
    }
    match node.get("type").and_then(Node::as_str) {
        Some("Anonymous") => Ok(Caller::anonymous()),
        _ => Err("principal is neither a text nor of type Anonymous".to_owned()),
    }
}

fn context(node: Option<&Node>) -> Result<Context, String> {
    let members = node.and_then(Node::as_object).unwrap_or_default();
    let scalar = |node: &Node| match &node.value {
        Value::String(text) | Value::Number(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    let mut context = Context::with_capacity(members.len());
    for member in members {
        let value = match member.value.as_array() {
            None => scalar(&member.value).map(ContextValue::One),
            Some(items) => items.iter().map(scalar).collect::<Option<_>>().map(ContextValue::Many),
        };
        context.insert(member.key.clone(), value.ok_or_else(|| format!("context: {} is no value", member.key))?);
    }
    Ok(context)
}

//! Management policies (tags, backup, opt-out, declarative …): their documents, and what comes of those that an
//! account inherits.
//!
//! Pure. A document is a tree of objects whose leaves hold value operators; [`merge`] lays the documents of each level
//! over those of the levels above it, in the way of "Understanding management policy inheritance" of the Organizations
//! user guide.

use model::organizations::EffectivePolicyType;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Deepest nesting of a document.
const DEPTH_MAX: usize = 32;
/// Rules that a backup plan may have once everything is merged.
const BACKUP_RULES_MAX: usize = 10;
/// The element that restricts what lower levels may do.
const CHILD_CONTROL: &str = "@@operators_allowed_for_child_policies";

/// A set of value operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operators(u8);

impl Operators {
    const NONE: Self = Self(0);
    const ASSIGN: Self = Self(1);
    const APPEND: Self = Self(2);
    const REMOVE: Self = Self(4);
    const ALL: Self = Self(7);

    fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What `@@operators_allowed_for_child_policies` lists.
    fn parse(list: &Value) -> Option<Self> {
        let names = list.as_array()?;
        let mut operators = Self::NONE;
        for name in names {
            let named = match name.as_str()? {
                "@@all" => Self::ALL,
                // Only alone: it contradicts every other operator.
                "@@none" if names.len() == 1 => Self::NONE,
                "@@assign" => Self::ASSIGN,
                "@@append" => Self::APPEND,
                "@@remove" => Self::REMOVE,
                _ => return None,
            };
            operators = Self(operators.0 | named.0);
        }
        Some(operators)
    }
}

/// A management policy, read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// Control over lower levels, of this node and everything below it.
    control: Option<Operators>,
    body: Body,
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    Container(BTreeMap<String, Document>),
    Leaf { assign: Option<Value>, append: Vec<Value>, remove: Vec<Value> },
}

impl Default for Body {
    fn default() -> Self {
        Self::Container(BTreeMap::new())
    }
}

/// The one element at the top of documents of a type; `None` where AWS documents none.
fn top_element(policy_type: EffectivePolicyType) -> Option<&'static str> {
    match policy_type {
        EffectivePolicyType::TagPolicy => Some("tags"),
        EffectivePolicyType::BackupPolicy => Some("plans"),
        EffectivePolicyType::AiservicesOptOutPolicy => Some("services"),
        EffectivePolicyType::ChatbotPolicy => Some("chatbot"),
        EffectivePolicyType::DeclarativePolicyEc2 => Some("ec2_attributes"),
        EffectivePolicyType::SecurityhubPolicy => Some("securityhub"),
        _ => None,
    }
}

impl Document {
    /// Reads a document of `policy_type`; `None` when it does not meet the requirements of the type.
    pub fn parse(policy_type: EffectivePolicyType, text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let document = Self::read(&value, DEPTH_MAX)?;
        let Body::Container(elements) = &document.body else { return None };
        if let Some(top) = top_element(policy_type)
            && elements.keys().any(|name| name != top)
        {
            return None;
        }
        let is_valid = match policy_type {
            EffectivePolicyType::TagPolicy => elements.values().all(|tags| tags.each_child(is_tag)),
            EffectivePolicyType::BackupPolicy => elements.values().all(|plans| plans.each_child(is_backup_plan)),
            EffectivePolicyType::AiservicesOptOutPolicy => elements.values().all(|it| it.each_child(is_opt_out)),
            _ => true,
        };
        is_valid.then_some(document)
    }

    fn read(value: &Value, depth: usize) -> Option<Self> {
        let members = value.as_object().filter(|_| depth > 0)?;
        let control = match members.get(CHILD_CONTROL) {
            Some(list) => Some(Operators::parse(list)?),
            None => None,
        };
        let (mut assign, mut append, mut remove) = (None, None, None);
        let mut children = BTreeMap::new();
        for (name, member) in members {
            match name.as_str() {
                CHILD_CONTROL => {}
                "@@assign" => assign = Some(assignable(member)?),
                "@@append" => append = Some(list(member)?),
                "@@remove" => remove = Some(list(member)?),
                operator if operator.starts_with("@@") => return None,
                _ => {
                    children.insert(name.clone(), Self::read(member, depth - 1)?);
                }
            }
        }
        let is_leaf = assign.is_some() || append.is_some() || remove.is_some();
        let body = match (is_leaf, children.is_empty()) {
            (true, true) => {
                Body::Leaf { assign, append: append.unwrap_or_default(), remove: remove.unwrap_or_default() }
            }
            (true, false) => return None,
            (false, _) => Body::Container(children),
        };
        Some(Self { control, body })
    }

    /// The members of a container; nothing for a leaf.
    fn children(&self) -> impl Iterator<Item = (&String, &Self)> {
        match &self.body {
            Body::Container(children) => Some(children.iter()),
            Body::Leaf { .. } => None,
        }
        .into_iter()
        .flatten()
    }

    /// Whether this is a container all of whose members satisfy `is_valid`.
    fn each_child(&self, is_valid: fn(&Self) -> bool) -> bool {
        matches!(self.body, Body::Container(_)) && self.children().all(|(_, child)| is_valid(child))
    }

    /// Whether this is a container that only has these members, each as `is_valid` says.
    fn has_only(&self, is_valid: fn(&str, &Self) -> bool) -> bool {
        matches!(self.body, Body::Container(_)) && self.children().all(|(name, child)| is_valid(name, child))
    }

    /// Whether this is a leaf with these kinds of values, or a place that only controls lower levels.
    fn holds(&self, is_valid: fn(&Value) -> bool) -> bool {
        match &self.body {
            Body::Leaf { assign, append, remove } => {
                assign.iter().all(is_valid) && append.iter().chain(remove).all(Value::is_string)
            }
            Body::Container(children) => children.is_empty(),
        }
    }
}

/// A value for `@@assign`: one scalar, or a list of them.
fn assignable(value: &Value) -> Option<Value> {
    let is_valid = match value {
        Value::Array(items) => items.iter().all(is_scalar),
        other => is_scalar(other),
    };
    is_valid.then(|| value.clone())
}

/// The values of `@@append` and `@@remove`, which may be written without brackets when there is one.
fn list(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(items) => items.iter().all(is_scalar).then(|| items.clone()),
        other => is_scalar(other).then(|| vec![other.clone()]),
    }
}

fn is_scalar(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

fn is_text_list(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

/// A tag key of a tag policy.
fn is_tag(tag: &Document) -> bool {
    tag.has_only(|name, element| match name {
        "tag_key" => element.holds(Value::is_string),
        "tag_value" => element.holds(|value| {
            let has_one_wildcard = |item: &Value| item.as_str().is_some_and(|text| text.matches('*').count() <= 1);
            value.as_array().is_some_and(|items| items.iter().all(has_one_wildcard))
        }),
        "enforced_for" | "report_required_tag_for" => element.holds(|value| {
            let is_type = |item: &Value| {
                item.as_str().and_then(|text| text.split_once(':')).is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
            };
            value.as_array().is_some_and(|items| items.iter().all(is_type))
        }),
        _ => false,
    })
}

/// A plan of a backup policy.
fn is_backup_plan(plan: &Document) -> bool {
    plan.has_only(|name, element| match name {
        "regions" => element.holds(is_text_list),
        "rules" => element.each_child(is_backup_rule),
        "selections" | "advanced_backup_settings" | "backup_plan_tags" | "scan_settings" => {
            matches!(element.body, Body::Container(_))
        }
        _ => false,
    })
}

fn is_backup_rule(rule: &Document) -> bool {
    rule.has_only(|name, element| match name {
        "recovery_point_tags" | "lifecycle" | "copy_actions" | "index_actions" | "scan_actions" => {
            matches!(element.body, Body::Container(_))
        }
        // Numbers and booleans are written as text.
        _ => element.holds(Value::is_string),
    })
}

/// A service of an AI services opt-out policy; the values are compared with case.
fn is_opt_out(service: &Document) -> bool {
    service.has_only(|name, element| {
        name == "opt_out_policy" && element.holds(|value| matches!(value.as_str(), Some("optIn" | "optOut")))
    })
}

/// A node of what has been merged so far.
struct State {
    /// As first written.
    name: String,
    /// What lower levels may do here.
    allowed: Operators,
    value: Option<Value>,
    children: BTreeMap<String, State>,
}

impl State {
    fn new(name: &str, allowed: Operators) -> Self {
        Self { name: name.to_owned(), allowed, value: None, children: BTreeMap::new() }
    }

    /// The child for an element. Tag keys are compared without regard to case.
    fn child(&mut self, name: &str, ignores_case: bool) -> &mut Self {
        let key = if ignores_case { name.to_lowercase() } else { name.to_owned() };
        let allowed = self.allowed;
        self.children.entry(key).or_insert_with(|| Self::new(name, allowed))
    }

    /// Restricts what lower levels may do here and below.
    fn restrict(&mut self, operators: Operators) {
        self.allowed = Operators(self.allowed.0 & operators.0);
        self.children.values_mut().for_each(|child| child.restrict(operators));
    }

    /// The plain value; `None` where nothing was set.
    fn into_value(self) -> Option<Value> {
        if let Some(value) = self.value {
            return Some(value);
        }
        let members: Map<String, Value> =
            self.children.into_values().filter_map(|child| Some((child.name.clone(), child.into_value()?))).collect();
        (!members.is_empty()).then_some(Value::Object(members))
    }
}

/// Merging one level.
struct Level {
    policy_type: EffectivePolicyType,
    /// Paths of leaves that a policy of this level has assigned: of several policies the first attached wins.
    assigned: BTreeSet<String>,
}

impl Level {
    fn ignores_case(&self, path: &str) -> bool {
        self.policy_type == EffectivePolicyType::TagPolicy && path == "/tags"
    }

    /// Calls `visit` for every node of `document` with its place in `state`, parents first.
    fn walk(
        &mut self,
        state: &mut State,
        document: &Document,
        path: &str,
        visit: fn(&mut Self, &mut State, &Document, &str),
    ) {
        visit(self, state, document, path);
        for (name, child) in document.children() {
            let ignores_case = self.ignores_case(path);
            let place = state.child(name, ignores_case);
            let path = format!("{path}/{}", if ignores_case { name.to_lowercase() } else { name.clone() });
            self.walk(place, child, &path, visit);
        }
    }

    fn assign(&mut self, state: &mut State, document: &Document, path: &str) {
        if let Body::Leaf { assign: Some(value), .. } = &document.body
            && state.allowed.has(Operators::ASSIGN)
            && self.assigned.insert(path.to_owned())
        {
            state.value = Some(value.clone());
            state.children.clear();
        }
    }

    fn edit(&mut self, state: &mut State, document: &Document, _: &str) {
        let Body::Leaf { append, remove, .. } = &document.body else { return };
        if !append.is_empty() && state.allowed.has(Operators::APPEND) {
            let values = as_list(state.value.take());
            let added = append.iter().filter(|value| !values.contains(value)).cloned().collect::<Vec<_>>();
            state.value = Some(Value::Array(values.into_iter().chain(added).collect()));
        }
        if !remove.is_empty() && state.allowed.has(Operators::REMOVE) && state.value.is_some() {
            let values = as_list(state.value.take());
            state.value = Some(Value::Array(values.into_iter().filter(|value| !remove.contains(value)).collect()));
        }
    }

    fn control(&mut self, state: &mut State, document: &Document, _: &str) {
        if let Some(operators) = document.control {
            state.restrict(operators);
        }
    }
}

fn as_list(value: Option<Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(scalar) => vec![scalar],
    }
}

/// What an account inherits: `levels` from the root down to the account, the policies of a level in the order in which
/// they were attached.
pub fn merge(policy_type: EffectivePolicyType, levels: &[Vec<&Document>]) -> Value {
    let mut state = State::new("", Operators::ALL);
    for documents in levels {
        let mut level = Level { policy_type, assigned: BTreeSet::new() };
        for visit in [Level::assign, Level::edit, Level::control] {
            for document in documents {
                level.walk(&mut state, document, "", visit);
            }
        }
    }
    state.into_value().unwrap_or_else(|| Value::Object(Map::new()))
}

/// What makes an effective policy useless to its service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// AWS's code.
    pub code: &'static str,
    /// A sentence on it.
    pub message: String,
    /// The way to the element, its names joined by slashes.
    pub path: String,
}

/// What is wrong with an effective policy, sorted by path.
pub fn violations(policy_type: EffectivePolicyType, effective: &Value) -> Vec<Violation> {
    if policy_type != EffectivePolicyType::BackupPolicy {
        return Vec::new();
    }
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let plans = members(&effective["plans"]);
    let mut found = Vec::new();
    for (name, plan) in &plans {
        let rules = members(&plan["rules"]);
        if rules.len() > BACKUP_RULES_MAX {
            found.push(Violation {
                code: "ELEMENTS_TOO_MANY",
                message: format!("'rules' exceeds the allowed maximum limit {BACKUP_RULES_MAX}"),
                path: format!("plans/{name}/rules"),
            });
        }
    }
    found.sort_by(|a: &Violation, b| a.path.cmp(&b.path));
    found
}

/// The first of `tags` (keys and values) that an effective tag policy forbids on resources of a type, such as
/// `organizations:account`: its key is spelled otherwise, or its value is none of those allowed.
pub fn forbidden_tag<'t>(effective: &Value, resource_type: &str, tags: &[(&'t str, &'t str)]) -> Option<&'t str> {
    let rules = effective["tags"].as_object()?;
    let service = resource_type.split(':').next().unwrap_or_default();
    let texts = |rule: &Value, name: &str| -> Vec<String> {
        rule[name].as_array().into_iter().flatten().filter_map(|item| Some(item.as_str()?.to_owned())).collect()
    };
    for (name, rule) in rules {
        let enforced = texts(rule, "enforced_for");
        if !enforced.iter().any(|it| it == resource_type || *it == format!("{service}:*")) {
            continue;
        }
        let key = rule["tag_key"].as_str().unwrap_or(name);
        let values = texts(rule, "tag_value");
        let allows = |value: &str| values.is_empty() || values.iter().any(|pattern| matches_value(pattern, value));
        let same = |tag: &&(&str, &str)| tag.0.to_lowercase() == key.to_lowercase();
        if let Some((tag, _)) = tags.iter().filter(same).find(|(tag, value)| *tag != key || !allows(value)) {
            return Some(tag);
        }
    }
    None
}

/// Whether a value is the pattern, whose one `*` stands for any text.
fn matches_value(pattern: &str, value: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == value,
        Some((start, end)) => {
            value.len() >= start.len() + end.len() && value.starts_with(start) && value.ends_with(end)
        }
    }
}

#[cfg(test)]
#[path = "effective_policy_tests.rs"]
mod tests;

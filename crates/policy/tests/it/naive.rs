//! A second evaluator: straight from the rules, over the JSON of a case, without compilation or sharing of code with
//! the engine. Slow, and meant to be read.

use policy::json::{Node, Value};

/// One character of a pattern after variables were replaced.
#[derive(Clone, Copy, PartialEq)]
enum Symbol {
    Exactly(char),
    One,
    Run,
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key)?.as_str()
}

/// The texts of a value that is a scalar or a list.
fn texts(node: &Node) -> Vec<String> {
    let items = node.as_array().unwrap_or(std::slice::from_ref(node));
    let scalar = |node: &Node| match &node.value {
        Value::String(text) | Value::Number(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    items.iter().filter_map(scalar).collect()
}

fn list(node: Option<&Node>) -> Vec<&Node> {
    match node {
        None => Vec::new(),
        Some(node) if node.is_null() => Vec::new(),
        Some(node) => node.as_array().unwrap_or(std::slice::from_ref(node)).iter().collect(),
    }
}

/// The whole of `value` against the pattern, by a table of which ends of the pattern can be reached.
fn glob(pattern: &[Symbol], value: &str) -> bool {
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    let close = |reached: &mut Vec<bool>| {
        for at in 0..pattern.len() {
            if reached[at] && pattern[at] == Symbol::Run {
                reached[at + 1] = true;
            }
        }
    };
    close(&mut reached);
    for character in value.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for at in 0..pattern.len() {
            match pattern[at] {
                _ if !reached[at] => {}
                Symbol::Run => next[at] = true,
                Symbol::One => next[at + 1] = true,
                Symbol::Exactly(wanted) => next[at + 1] |= wanted == character,
            }
        }
        close(&mut next);
        reached = next;
    }
    reached[pattern.len()]
}

fn symbols(text: &str, wildcards: bool) -> Vec<Symbol> {
    text.chars()
        .map(|character| match character {
            '*' if wildcards => Symbol::Run,
            '?' if wildcards => Symbol::One,
            other => Symbol::Exactly(other),
        })
        .collect()
}

/// The request of a case.
struct Asked<'a> {
    case: &'a Node,
    request: &'a Node,
    /// ARN or name; empty for anonymous.
    principal: &'a str,
}

impl<'a> Asked<'a> {
    fn action(&self) -> String {
        text(self.request, "action").expect("action").to_lowercase()
    }

    fn resource(&self) -> &'a str {
        text(self.request, "resource").expect("resource")
    }

    fn context(&self, key: &str) -> Option<&'a Node> {
        let members = self.request.get("context")?.as_object()?;
        let exact = members.iter().find(|member| member.key == key);
        let found = exact.or_else(|| members.iter().find(|it| it.key.to_lowercase() == key.to_lowercase()))?;
        Some(&found.value)
    }

    fn part(&self, index: usize) -> &'a str {
        self.principal.split(':').nth(index).unwrap_or_default()
    }

    /// `user`, `role`, `session`, `federated`, `root`, `provider`, `service` or `anonymous`.
    fn caller(&self) -> &'static str {
        let kind = self.part(5).split('/').next().unwrap_or_default();
        match (self.part(2), kind) {
            ("iam", "user") => "user",
            ("iam", "role") => "role",
            ("iam", "root") => "root",
            ("sts", "assumed-role") => "session",
            ("sts", "federated-user") => "federated",
            ("iam", "saml-provider") => "provider",
            _ if self.principal.is_empty() => "anonymous",
            _ if self.action().starts_with("sts:assumerolewith") => "provider",
            _ => "service",
        }
    }

    fn is_principal_of_account(&self) -> bool {
        !matches!(self.caller(), "provider" | "service" | "anonymous")
    }

    fn role_name(&self) -> &'a str {
        match self.caller() {
            "session" => self.principal.split('/').nth(1).unwrap_or_default(),
            "role" => self.principal.rsplit('/').next().unwrap_or_default(),
            _ => "",
        }
    }

    /// Replaces variables; `None` when one has no value.
    fn substitute(&self, pattern: &str, variables: bool, wildcards: bool) -> Option<Vec<Symbol>> {
        let mut out = Vec::new();
        let mut rest = pattern;
        while let Some(start) = rest.find("${").filter(|_| variables) {
            let Some(end) = rest[start..].find('}').map(|at| at + start) else { break };
            let inside = &rest[start + 2..end];
            out.extend(symbols(&rest[..start], wildcards));
            match inside {
                "" => out.extend(symbols("${}", false)),
                "*" | "?" | "$" => out.extend(symbols(inside, false)),
                _ => {
                    let mut key = inside;
                    let mut default = None;
                    if let Some((before, after)) = inside.split_once(", '")
                        && let Some(inner) = after.strip_suffix('\'')
                    {
                        (key, default) = (before, Some(inner));
                    }
                    let value = self.context(key).and_then(Node::as_str).or(default)?;
                    out.extend(symbols(value, false));
                }
            }
            rest = &rest[end + 1..];
        }
        out.extend(symbols(rest, wildcards));
        Some(out)
    }

    fn action_matches(&self, pattern: &str) -> bool {
        let (pattern, action) = (pattern.to_lowercase(), self.action());
        if pattern.chars().all(|character| character == '*') && !pattern.is_empty() {
            return true;
        }
        let Some((vendor, name)) = pattern.split_once(':') else { return false };
        let (own_vendor, own_name) = action.split_once(':').expect("service:Name");
        vendor == own_vendor && glob(&symbols(name, true), own_name)
    }

    /// `kind`: `own`, `resource`, `scp` or `rcp`.
    fn resource_matches(&self, pattern: &str, kind: &str, variables: bool) -> bool {
        if !pattern.is_empty() && pattern.chars().all(|character| character == '*') {
            return true;
        }
        let mut parts = arn_parts(pattern, variables);
        if parts.len() < 6 {
            let completed = match kind {
                "own" => true,
                "resource" => pattern.contains('*'),
                "scp" => pattern.ends_with('*'),
                _ => false,
            };
            if !completed {
                return false;
            }
            parts.resize(6, "*".to_owned());
        }
        let own = arn_parts(self.resource(), false);
        own.len() == 6
            && (0..5).all(|index| glob(&symbols(&parts[index], true), &own[index]))
            && self.substitute(&parts[5], variables, true).is_some_and(|tail| glob(&tail, &own[5]))
    }

    /// How one principal names the caller: `wildcard`, `account`, `entity`, `direct`.
    fn named(&self, kind: &str, value: &str) -> Option<&'static str> {
        let part = |index: usize| value.split(':').nth(index).unwrap_or_default();
        let twelve = value.len() == 12 && value.chars().all(|character| character.is_ascii_digit());
        let caller = self.caller();
        match kind {
            "AWS" if value == "*" => Some("wildcard"),
            "AWS" if !self.is_principal_of_account() => None,
            "AWS" if twelve => (value == self.part(4)).then_some("account"),
            "AWS" if part(2) == "iam" && part(5) == "root" => {
                (part(4) == self.part(4) && part(1) == self.part(1)).then_some("account")
            }
            "AWS" if part(2) == "iam" && part(5).starts_with("role/") => {
                let same = part(5).rsplit('/').next() == Some(self.role_name());
                (same && part(4) == self.part(4) && part(1) == self.part(1)).then_some("entity")
            }
            "AWS" => (caller != "root" && value == self.principal).then_some("direct"),
            "Service" => (caller == "service" && value == self.principal).then_some("direct"),
            "Federated" => (caller == "provider" && value == self.principal).then_some("direct"),
            _ => None,
        }
    }

    fn all_named(&self, principal: &Node) -> Vec<&'static str> {
        if principal.as_str() == Some("*") {
            return vec!["wildcard"];
        }
        let members = principal.as_object().expect("principals");
        members
            .iter()
            .flat_map(|member| texts(&member.value).into_iter().map(|value| (member.key.clone(), value)))
            .filter_map(|(kind, value)| self.named(&kind, &value))
            .collect()
    }

    /// How a statement of a resource-side policy reaches the caller.
    fn levels(&self, statement: &Node, kind: &str) -> Vec<&'static str> {
        if let Some(principal) = statement.get("Principal") {
            return self.all_named(principal);
        }
        let Some(principal) = statement.get("NotPrincipal") else {
            return if kind == "rcp" { vec!["wildcard"] } else { Vec::new() };
        };
        let named = self.all_named(principal);
        if text(statement, "Effect") == Some("Allow") {
            return if named.is_empty() { vec!["wildcard"] } else { Vec::new() };
        }
        let has = |level| named.contains(&level);
        let bounded = self.is_principal_of_account() && self.caller() != "root" && self.has_boundary();
        let listed = has("wildcard")
            || match self.caller() {
                "root" => has("account"),
                "user" | "federated" => has("direct") && has("account"),
                "session" => has("direct") && has("entity") && has("account"),
                "role" => has("entity") && has("account"),
                "service" | "provider" => has("direct"),
                _ => false,
            };
        if listed && !bounded { Vec::new() } else { vec!["wildcard"] }
    }

    fn has_boundary(&self) -> bool {
        !list(self.case.get("boundary")).is_empty()
    }

    fn applies(&self, statement: &Node, kind: &str, variables: bool) -> bool {
        let either = |plain: &str, negated: &str, matches: &dyn Fn(&str) -> bool| match statement.get(plain) {
            Some(node) => texts(node).iter().any(|text| matches(text)),
            None => statement.get(negated).is_none_or(|node| !texts(node).iter().any(|text| matches(text))),
        };
        let conditions = statement.get("Condition").and_then(Node::as_object).unwrap_or_default();
        either("Action", "NotAction", &|text| self.action_matches(text))
            && either("Resource", "NotResource", &|text| self.resource_matches(text, kind, variables))
            && conditions.iter().all(|operator| {
                let keys = operator.value.as_object().expect("keys");
                keys.iter().all(|key| self.condition(&operator.key, &key.key, &texts(&key.value), variables))
            })
    }

    fn condition(&self, operator: &str, key: &str, wanted: &[String], variables: bool) -> bool {
        let (quantifier, rest) = operator.split_once(':').unwrap_or(("", operator));
        let base = rest.strip_suffix("IfExists").unwrap_or(rest);
        let found = self.context(key);
        if base == "Null" {
            let absent = if found.is_none() { "true" } else { "false" };
            return wanted.iter().any(|text| text.to_lowercase() == absent);
        }
        let negated = base.contains("Not");
        let Some(found) = found else {
            let plain = quantifier.is_empty() && negated;
            return rest != base || quantifier == "ForAllValues" || plain;
        };
        let holds = |value: &str| {
            let each = |text: &String| self.compare(base, value, text, variables);
            if malformed(base, value) {
                return false;
            }
            if negated { wanted.iter().all(each) } else { wanted.iter().any(each) }
        };
        let values = texts(found);
        match quantifier {
            "" => found.as_str().is_some_and(holds),
            "ForAllValues" => values.iter().all(String::is_empty) || values.iter().all(|value| holds(value)),
            _ => values.iter().any(|value| holds(value)),
        }
    }

    /// One value of the request against one of the policy, negation included.
    fn compare(&self, operator: &str, value: &str, wanted: &str, variables: bool) -> bool {
        let negated = operator.contains("Not");
        let resolved = |wildcards| self.substitute(wanted, variables, wildcards);
        let lower = |symbols: Vec<Symbol>| -> String {
            let characters = symbols.into_iter().filter_map(|symbol| match symbol {
                Symbol::Exactly(character) => Some(character),
                _ => None,
            });
            characters.collect::<String>().to_lowercase()
        };
        if operator.starts_with("String") {
            let matched = match operator {
                "StringLike" | "StringNotLike" => resolved(true).is_some_and(|pattern| glob(&pattern, value)),
                _ if operator.ends_with("IgnoreCase") => {
                    resolved(false).is_some_and(|text| lower(text) == value.to_lowercase())
                }
                _ => resolved(false).is_some_and(|text| text == symbols(value, false)),
            };
            return matched != negated;
        }
        if let Some(comparison) = operator.strip_prefix("Numeric") {
            return matches!((number(value), number(wanted)), (Some(a), Some(b)) if ordered(comparison, a, b));
        }
        if let Some(comparison) = operator.strip_prefix("Date") {
            return matches!((date(value), date(wanted)), (Some(a), Some(b)) if ordered(comparison, a, b));
        }
        match operator {
            "Bool" => {
                let value = value.to_lowercase();
                (value == "true" || value == "false") && resolved(false).is_some_and(|text| lower(text) == value)
            }
            "BinaryEquals" => matches!((base64(value), base64(wanted)), (Some(a), Some(b)) if a == b),
            "IpAddress" | "NotIpAddress" => {
                matches!((bits(value, false), bits(wanted, true)), (Some(a), Some(b)) if a.starts_with(&b) != negated)
            }
            _ => self.arn_compare(value, wanted, variables, negated),
        }
    }

    fn arn_compare(&self, value: &str, wanted: &str, variables: bool, negated: bool) -> bool {
        let (own, parts) = (arn_parts(value, false), arn_parts(wanted, variables));
        if own.len() < 6 || own[0] != "arn" || parts.len() < 6 {
            return false;
        }
        let matched = (0..6).all(|index| {
            self.substitute(&parts[index], variables, true).is_some_and(|pattern| glob(&pattern, &own[index]))
        });
        matched != negated
    }

    /// The statements of a document that apply, with effect and levels.
    fn applying(&self, document: &'a Node, kind: &str) -> Vec<(&'a str, Vec<&'static str>)> {
        let variables = text(document, "Version") == Some("2012-10-17");
        list(document.get("Statement"))
            .into_iter()
            .filter(|statement| self.applies(statement, kind, variables))
            .map(|statement| {
                let own = kind == "own" || kind == "scp";
                let levels = if own { vec!["direct"] } else { self.levels(statement, kind) };
                (text(statement, "Effect").expect("effect"), levels)
            })
            .filter(|(_, levels)| !levels.is_empty())
            .collect()
    }

    fn some(&self, documents: &[&'a Node], kind: &str, effect: &str) -> bool {
        documents.iter().any(|document| self.applying(document, kind).iter().any(|(it, _)| *it == effect))
    }

    fn decide(&self) -> &'static str {
        let service_linked = self.role_name().starts_with("AWSServiceRoleFor");
        let of_account = self.is_principal_of_account();
        let caller = self.caller();
        if self.action() == "sts:getcalleridentity" && caller != "anonymous" {
            return "Allowed";
        }
        let when = |applies: bool, field: &str| if applies { list(self.case.get(field)) } else { Vec::new() };
        let with_own = of_account && caller != "root";
        let (identity, boundary) = (when(with_own, "identityPolicies"), when(with_own, "boundary"));
        let (session, resource) = (when(of_account, "sessionPolicy"), when(true, "resourcePolicy"));
        let scps = when(of_account && !service_linked, "scps");
        let rcps = when(!service_linked, "rcps");
        let of_level = |level: &&'a Node| list(level.get("policies"));
        let denied = scps.iter().any(|level| self.some(&of_level(level), "scp", "Deny"))
            || rcps.iter().any(|level| self.some(&of_level(level), "rcp", "Deny"))
            || self.some(&resource, "resource", "Deny")
            || [&identity, &boundary, &session].into_iter().any(|list| self.some(list, "own", "Deny"));
        if denied {
            return "ExplicitlyDenied";
        }
        let levels_allow = scps.iter().all(|level| self.some(&of_level(level), "scp", "Allow"))
            && rcps.iter().all(|level| self.some(&of_level(level), "rcp", "Allow"));
        let granted: Vec<&str> = resource
            .iter()
            .flat_map(|document| self.applying(document, "resource"))
            .filter(|(effect, _)| *effect == "Allow")
            .flat_map(|(_, levels)| levels)
            .collect();
        let strong = granted.contains(&"direct") || granted.contains(&"wildcard");
        let boundary_ok = boundary.is_empty() || self.some(&boundary, "own", "Allow");
        let session_ok = if session.is_empty() { caller != "federated" } else { self.some(&session, "own", "Allow") };
        let own_side = (caller == "root" || self.some(&identity, "own", "Allow")) && boundary_ok && session_ok;
        let same = text(self.request, "resourceAccount") == Some(self.part(4));
        let allowed = if !of_account {
            strong
        } else if !same {
            own_side && !granted.is_empty()
        } else if strong || (granted.contains(&"entity") && boundary_ok && session_ok) {
            true
        } else if self.demands_policy() {
            own_side && granted.contains(&"account")
        } else {
            own_side
        };
        if levels_allow && allowed { "Allowed" } else { "ImplicitlyDenied" }
    }

    fn demands_policy(&self) -> bool {
        let resource = self.resource();
        let role = resource.starts_with("arn:aws:iam:") && resource.contains(":role/");
        (self.action().starts_with("sts:") && role) || (self.action().starts_with("kms:") && resource.contains(":key/"))
    }
}

/// Splits at the first five colons, not counting those inside `${…}`.
fn arn_parts(text: &str, variables: bool) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let mut taken = character.len_utf8();
        if variables && rest.starts_with("${") {
            taken = rest.find('}').map_or(2, |end| end + 1);
        }
        if character == ':' && parts.len() < 6 {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("one").push_str(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    parts
}

/// Whether a value of the request is none that the operator can compare.
fn malformed(operator: &str, value: &str) -> bool {
    (operator.starts_with("Numeric") && number(value).is_none())
        || (operator.starts_with("Date") && date(value).is_none())
        || (operator.ends_with("IpAddress") && bits(value, false).is_none())
        || (operator.starts_with("Arn") && (!value.starts_with("arn:") || arn_parts(value, false).len() < 6))
}

fn ordered(comparison: &str, a: i128, b: i128) -> bool {
    match comparison {
        "Equals" => a == b,
        "NotEquals" => a != b,
        "LessThan" => a < b,
        "LessThanEquals" => a <= b,
        "GreaterThan" => a > b,
        _ => a >= b,
    }
}

/// A decimal in units of 10⁻⁹.
fn number(text: &str) -> Option<i128> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.chars().all(|character| character.is_ascii_digit()) {
        return None;
    }
    let scaled: i128 = format!("{all}{}", "0".repeat(9 - fraction.len())).parse().ok()?;
    Some(if text.starts_with('-') { -scaled } else { scaled })
}

/// An instant in nanoseconds; only the forms that the generator writes.
fn date(text: &str) -> Option<i128> {
    if !text.contains(['-', 'T', 't']) {
        let digits = !text.is_empty() && text.chars().all(|character| character.is_ascii_digit());
        return digits.then(|| text.parse::<i128>().ok().map(|seconds| seconds * 1_000_000_000)).flatten();
    }
    let (day, time) = text.split_once(['T', 't']).unwrap_or((text, ""));
    let unsigned = day.strip_prefix('-').unwrap_or(day);
    let digits = |part: &str| part.chars().all(|character| character.is_ascii_digit());
    let mut parts = unsigned.split('-').map(|part| part.parse::<i128>().ok().filter(|_| digits(part)));
    let year = parts.next()?? * if day.starts_with('-') { -1 } else { 1 };
    let month = parts.next().unwrap_or(Some(1))?;
    let day = parts.next().unwrap_or(Some(1))?;
    if !(-3000..3000).contains(&year) || !(1..13).contains(&month) || !(1..32).contains(&day) {
        return None;
    }
    let leap = |year: i128| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = |year: i128| if leap(year) { 366 } else { 365 };
    let mut days: i128 = (1970..year).map(length).sum::<i128>() - (year..1970).map(length).sum::<i128>();
    days += lengths.iter().take(usize::try_from(month).ok()? - 1).sum::<i128>() + day - 1;
    let (clock, zone) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let mut offset = 0;
    if !matches!(zone, "" | "Z" | "z") {
        let (hours, minutes) = zone[1..].split_once(':')?;
        if hours.len() != 2 || minutes.len() != 2 {
            return None;
        }
        offset = hours.parse::<i128>().ok()? * 3600 + minutes.parse::<i128>().ok()? * 60;
        offset = if zone.starts_with('-') { -offset } else { offset };
    }
    let mut nanoseconds = 0;
    for (field, unit) in clock.split(':').filter(|field| !field.is_empty()).zip([3600, 60, 1]) {
        nanoseconds += number(field)? * unit;
    }
    Some((days * 86_400 - offset) * 1_000_000_000 + nanoseconds)
}

/// An address as family and bits in text, so that containment is a common beginning.
fn bits(text: &str, with_prefix: bool) -> Option<String> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) if with_prefix => (address, Some(prefix.parse::<usize>().ok()?)),
        Some(_) => return None,
        None => (text, None),
    };
    let bits = match address.parse().ok()? {
        std::net::IpAddr::V4(address) => format!("4{:032b}", u32::from(address)),
        std::net::IpAddr::V6(address) => format!("6{:0128b}", u128::from(address)),
    };
    let length = prefix.map_or(bits.len(), |prefix| prefix + 1);
    bits.get(..length).map(str::to_owned)
}

fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let plain = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let mut bits = String::new();
    for character in plain.chars() {
        bits.push_str(&format!("{:06b}", ALPHABET.find(character)?));
    }
    let whole = bits.len() / 8;
    (0..whole).map(|index| u8::from_str_radix(&bits[index * 8..index * 8 + 8], 2).ok()).collect()
}

/// The decision on a case.
pub fn decide(case: &Node) -> &'static str {
    let request = case.get("request").expect("request");
    let principal = text(request, "principal").unwrap_or_default();
    Asked { case, request, principal }.decide()
}

//! Documents back to text: the form AWS's own examples have, without white space.

use crate::document::{Condition, Document, Element, Principal, PrincipalType, Statement};
use crate::json::write_string;

impl Document {
    /// The document as JSON without white space. Reading it back gives the same document (apart from positions).
    pub fn print(&self) -> String {
        let mut out = String::from("{");
        if let Some(version) = self.version {
            field(&mut out, "Version");
            write_string(&mut out, version.as_str());
        }
        if let Some(id) = &self.id {
            field(&mut out, "Id");
            write_string(&mut out, id);
        }
        field(&mut out, "Statement");
        out.push('[');
        for (index, statement) in self.statements.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            print_statement(&mut out, statement);
        }
        out.push_str("]}");
        out
    }
}

/// Begins a field of the innermost object.
fn field(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    write_string(out, name);
    out.push(':');
}

fn print_statement(out: &mut String, statement: &Statement) {
    out.push('{');
    if let Some(sid) = &statement.sid {
        field(out, "Sid");
        write_string(out, sid);
    }
    field(out, "Effect");
    write_string(out, statement.effect.as_str());
    if let Some(principal) = &statement.principal {
        field(out, if principal.negated { "NotPrincipal" } else { "Principal" });
        print_principals(out, &principal.values);
    }
    print_element(out, &statement.action, ["Action", "NotAction"]);
    if let Some(resource) = &statement.resource {
        print_element(out, resource, ["Resource", "NotResource"]);
    }
    if !statement.conditions.is_empty() {
        field(out, "Condition");
        print_conditions(out, &statement.conditions);
    }
    out.push('}');
}

fn print_element(out: &mut String, element: &Element<String>, names: [&str; 2]) {
    field(out, names[usize::from(element.negated)]);
    print_texts(out, element.values.iter().map(String::as_str));
}

/// One text stands alone, others in a list.
fn print_texts<'a>(out: &mut String, texts: impl Iterator<Item = &'a str> + Clone) {
    let mut rest = texts.clone();
    if let (Some(only), None) = (rest.next(), rest.next()) {
        write_string(out, only);
        return;
    }
    out.push('[');
    for (index, text) in texts.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, text);
    }
    out.push(']');
}

fn print_principals(out: &mut String, principals: &[Principal]) {
    if let [Principal { principal_type: PrincipalType::Aws, value }] = principals
        && value == "*"
    {
        write_string(out, "*");
        return;
    }
    out.push('{');
    for run in principals.chunk_by(|a, b| a.principal_type == b.principal_type) {
        field(out, run[0].principal_type.as_str());
        print_texts(out, run.iter().map(|principal| principal.value.as_str()));
    }
    out.push('}');
}

fn print_conditions(out: &mut String, conditions: &[Condition]) {
    out.push('{');
    for run in conditions.chunk_by(|a, b| a.operator_text == b.operator_text) {
        field(out, &run[0].operator_text);
        out.push('{');
        for condition in run {
            field(out, &condition.key);
            print_texts(out, condition.values.iter().map(String::as_str));
        }
        out.push('}');
    }
    out.push('}');
}

//! Step 1: is it a policy at all? Everything here is "Syntax errors in policy.".

use super::{Checker, SYNTAX_ERRORS, elements};
use crate::document::Version;
use crate::json::{Node, Value};
use crate::operator::Operator;

impl Checker<'_> {
    fn syntax(&mut self, node: &Node, path: &str, sid: Option<&str>, detail: &str) {
        self.report(self.at(node), path, sid, SYNTAX_ERRORS, detail);
    }

    pub(super) fn check_syntax(&mut self, document: &Node) {
        let Some(members) = document.as_object() else {
            return self.syntax(document, "$", None, "the document is not an object");
        };
        for member in members {
            let (path, value) = (format!("$.{}", member.key), &member.value);
            match member.key.as_str() {
                "Version" if value.as_str().and_then(Version::parse).is_some() => {}
                "Version" => self.syntax(value, &path, None, "Version is neither 2012-10-17 nor 2008-10-17"),
                "Id" if value.as_str().is_some() => {}
                "Id" => self.syntax(value, &path, None, "Id is not a string"),
                "Statement" => self.check_statements_syntax(value, &path),
                key => self.syntax(value, &path, None, &format!("unknown element {key}")),
            }
        }
        if document.get("Statement").is_none() {
            self.syntax(document, "$", None, "Statement is missing");
        }
    }

    fn check_statements_syntax(&mut self, node: &Node, path: &str) {
        if node.as_array().is_some_and(<[Node]>::is_empty) {
            return self.syntax(node, path, None, "Statement is empty");
        }
        for (statement, path) in elements(node, path) {
            self.check_statement_syntax(statement, &path);
        }
    }

    fn check_statement_syntax(&mut self, node: &Node, path: &str) {
        let Some(members) = node.as_object() else {
            return self.syntax(node, path, None, "a statement is not an object");
        };
        let sid = node.get("Sid").and_then(Node::as_str);
        for member in members {
            let (path, value) = (format!("{path}.{}", member.key), &member.value);
            match member.key.as_str() {
                "Sid" if value.as_str().is_some() => {}
                "Sid" => self.syntax(value, &path, None, "Sid is not a string"),
                "Effect" => {
                    let effect = value.as_str().map(str::to_ascii_lowercase);
                    if !matches!(effect.as_deref(), Some("allow" | "deny")) {
                        self.syntax(value, &path, sid, "Effect is neither Allow nor Deny");
                    }
                }
                "Action" | "NotAction" | "Resource" | "NotResource" => self.check_texts_syntax(value, &path, sid),
                "Principal" | "NotPrincipal" => self.check_principal_syntax(value, &path, sid),
                "Condition" => self.check_condition_syntax(value, &path, sid),
                key => self.syntax(value, &path, sid, &format!("unknown element {key}")),
            }
        }
        if node.get("Effect").is_none() {
            self.syntax(node, path, sid, "Effect is missing");
        }
        for (plain, negated) in [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")] {
            if let (Some(_), Some(second)) = (node.get(plain), node.get(negated)) {
                self.syntax(second, &format!("{path}.{negated}"), sid, &format!("{plain} together with {negated}"));
            }
        }
    }

    /// A string, or a list of strings in which IAM tolerates `null`.
    fn check_texts_syntax(&mut self, node: &Node, path: &str, sid: Option<&str>) {
        let in_list = node.as_array().is_some();
        for (item, path) in elements(node, path) {
            if item.as_str().is_none() && !(in_list && item.is_null()) {
                self.syntax(item, &path, sid, "a string is due here");
            }
        }
    }

    fn check_principal_syntax(&mut self, node: &Node, path: &str, sid: Option<&str>) {
        match &node.value {
            Value::String(_) => {}
            Value::Object(members) => {
                for member in members {
                    self.check_texts_syntax(&member.value, &format!("{path}.{}", member.key), sid);
                }
            }
            _ => self.syntax(node, path, sid, "Principal is neither a string nor an object"),
        }
    }

    fn check_condition_syntax(&mut self, node: &Node, path: &str, sid: Option<&str>) {
        let Some(operators) = node.as_object() else {
            return self.syntax(node, path, sid, "Condition is not an object");
        };
        for member in operators {
            let path = format!("{path}.{}", member.key);
            let Some(keys) = member.value.as_object() else {
                self.syntax(&member.value, &path, sid, "an operator takes an object");
                continue;
            };
            if !keys.is_empty() && Operator::parse(&member.key).is_none() {
                self.syntax(&member.value, &path, sid, &format!("unknown operator {}", member.key));
            }
            for key in keys {
                let in_list = key.value.as_array().is_some();
                for (item, path) in elements(&key.value, &format!("{path}.{}", key.key)) {
                    let scalar = matches!(item.value, Value::String(_) | Value::Number(_) | Value::Bool(_));
                    let tolerated = in_list && item.is_null();
                    if !(scalar || tolerated) {
                        self.syntax(item, &path, sid, "a condition value is a string, a number or a boolean");
                    }
                }
            }
        }
    }
}

//! Warnings: accepted by AWS, but without the effect it seems to have.

use super::{Checker, Statement, elements};
use crate::document::PolicyKind;
use crate::json::{Node, Value};
use crate::operator::{Operator, Quantifier, Test};
use crate::pattern::ArnPattern;
use crate::value::{Decimal, decode_base64};
use base::network::Network;

impl Checker<'_> {
    pub(super) fn lint(&mut self, document: &Node) {
        let resource_expected = matches!(self.kind, PolicyKind::Resource | PolicyKind::Endpoint);
        for statement in &Statement::all(document) {
            if resource_expected && !statement.has_either(["Resource", "NotResource"]) {
                let message = "The statement has no Resource and applies to every resource.".to_owned();
                self.warn(statement, statement.node, &statement.path, message);
            }
            self.lint_conditions(statement);
            for item in ["Resource", "NotResource"].into_iter().flat_map(|key| statement.items(key)) {
                self.lint_variables(statement, item.node, &item.path, item.text);
            }
        }
    }

    fn lint_conditions(&mut self, statement: &Statement<'_>) {
        for member in statement.node.get("Condition").and_then(Node::as_object).unwrap_or_default() {
            let Some(operator) = Operator::parse(&member.key) else { continue };
            for key in member.value.as_object().unwrap_or_default() {
                let path = format!("{}.Condition.{}.{}", statement.path, member.key, key.key);
                if key.value.as_array().is_some_and(<[Node]>::is_empty) {
                    let message = "The condition lists no values.".to_owned();
                    self.warn(statement, &key.value, &path, message);
                }
                let allows = statement.node.get("Effect").and_then(Node::as_str) == Some("Allow");
                if operator.quantifier == Quantifier::ForAllValues && allows {
                    let message = "ForAllValues is also true when the key is absent; add a Null condition.".to_owned();
                    self.warn(statement, &key.value, &path, message);
                }
                for (item, path) in elements(&key.value, &path) {
                    let (Value::String(text) | Value::Number(text)) = &item.value else { continue };
                    self.lint_value(statement, item, &path, operator.test, text);
                }
            }
        }
    }

    fn lint_value(&mut self, statement: &Statement<'_>, node: &Node, path: &str, test: Test, text: &str) {
        let variable = text.contains("${");
        let matchable = match test {
            Test::Numeric(_) => Decimal::parse(text).is_some(),
            Test::IpAddress { .. } => Network::parse(text).is_some(),
            Test::BinaryEquals => decode_base64(text).is_some(),
            Test::Bool | Test::Null => {
                variable || text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
            }
            Test::Arn { .. } => ArnPattern::for_condition(text, true).is_some(),
            Test::StringEquals { .. } | Test::StringLike { .. } | Test::Date(_) => true,
        };
        if !matchable {
            self.warn(statement, node, path, format!("The value {text} can never match under this operator."));
        }
        if test.takes_variables() {
            self.lint_variables(statement, node, path, text);
        }
    }

    fn lint_variables(&mut self, statement: &Statement<'_>, node: &Node, path: &str, text: &str) {
        let open = text.rfind("${").is_some_and(|at| !text[at..].contains('}'));
        if open || text.contains("${}") {
            self.warn(statement, node, path, format!("The variable in {text} is incomplete and is plain text."));
        }
    }
}

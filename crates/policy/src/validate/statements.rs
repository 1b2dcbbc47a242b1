//! Version, effects, dates, Sids, actions.

use super::{Checker, Item, Statement, elements};
use crate::document::{PolicyKind, Version};
use crate::glob::Glob;
use crate::json::{Node, Value};
use crate::operator::{Operator, Test};
use crate::value::Instant;

const LEGACY: &str = "The policy failed legacy parsing";
const ONLY_STS: &str = "AssumeRole policy may only specify STS AssumeRole actions.";

/// What a trust policy can be about, in lower case.
const TRUST_ACTIONS: [&str; 7] = [
    "assumerole",
    "assumerolewithsaml",
    "assumerolewithwebidentity",
    "assumeroot",
    "tagsession",
    "setsourceidentity",
    "setcontext",
];

/// What the organization's resource policy can delegate, in lower case.
const DELEGABLE_ACTIONS: [&str; 33] = [
    "attachpolicy",
    "createpolicy",
    "deletepolicy",
    "detachpolicy",
    "updatepolicy",
    "enablepolicytype",
    "disablepolicytype",
    "tagresource",
    "untagresource",
    "describeaccount",
    "describecreateaccountstatus",
    "describeeffectivepolicy",
    "describehandshake",
    "describeorganization",
    "describeorganizationalunit",
    "describepolicy",
    "describeresourcepolicy",
    "listaccounts",
    "listaccountsforparent",
    "listawsserviceaccessfororganization",
    "listchildren",
    "listcreateaccountstatus",
    "listdelegatedadministrators",
    "listdelegatedservicesforaccount",
    "listhandshakesforaccount",
    "listhandshakesfororganization",
    "listorganizationalunitsforparent",
    "listparents",
    "listpolicies",
    "listpoliciesfortarget",
    "listroots",
    "listtagsforresource",
    "listtargetsforpolicy",
];

impl Checker<'_> {
    pub(super) fn check_version(&mut self, document: &Node) {
        let needs_2012 = self.is_own_policy() || self.is_organizations();
        let version = document.get("Version");
        if needs_2012 && version.and_then(Node::as_str).and_then(Version::parse) != Some(Version::V2012) {
            let at = version.unwrap_or(document);
            let path = if version.is_some() { "$.Version" } else { "$" };
            let message = "Policy document must be version 2012-10-17 or greater.";
            self.report(self.at(at), path, None, message, "Version must be 2012-10-17");
        }
    }

    /// Step 3: what an older parser of IAM refuses.
    pub(super) fn check_legacy(&mut self, statements: &[Statement<'_>], with_resources: bool) {
        for statement in statements {
            let effect = statement.node.get("Effect");
            if let Some(node) = effect.filter(|node| !matches!(node.as_str(), Some("Allow" | "Deny"))) {
                let path = format!("{}.Effect", statement.path);
                self.report(self.at(node), &path, statement.sid, LEGACY, "Effect is exactly Allow or Deny");
            }
            self.check_dates(statement);
            if with_resources && self.is_own_policy() {
                for item in ["Resource", "NotResource"].into_iter().flat_map(|key| statement.items(key)) {
                    let text = item.text;
                    let short = text.contains("::") && text.matches(':').count() < 5;
                    let no_service = text.split(':').nth(2).is_none_or(str::is_empty);
                    if text != "*" && (short || no_service) {
                        self.report_item(statement, &item, LEGACY, "the ARN is incomplete or has no service");
                    }
                }
            }
        }
    }

    fn check_dates(&mut self, statement: &Statement<'_>) {
        let operators = statement.node.get("Condition").and_then(Node::as_object).unwrap_or_default();
        for member in operators {
            let is_date = matches!(Operator::parse(&member.key), Some(Operator { test: Test::Date(_), .. }));
            for key in member.value.as_object().unwrap_or_default().iter().filter(|_| is_date) {
                let path = format!("{}.Condition.{}.{}", statement.path, member.key, key.key);
                for (item, path) in elements(&key.value, &path) {
                    let valid = match &item.value {
                        Value::String(text) | Value::Number(text) => Instant::parse(text).is_some(),
                        other => *other == Value::Null,
                    };
                    if !valid {
                        self.report(self.at(item), &path, statement.sid, LEGACY, "not a date");
                    }
                }
            }
        }
    }

    /// Step 4.
    pub(super) fn check_sids(&mut self, statements: &[Statement<'_>]) {
        let mut sids: Vec<(&str, usize)> =
            statements.iter().enumerate().filter_map(|(index, it)| Some((it.sid?, index))).collect();
        sids.retain(|(sid, _)| !sid.is_empty());
        sids.sort_unstable();
        for pair in sids.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let message = "Statement IDs (SID) in a single policy must be unique.";
            self.report_statement(&statements[pair[1].1], message, "the Sid occurs twice");
        }
        for statement in statements {
            let odd = |text: &str| !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if statement.sid.is_some_and(odd) && self.is_own_policy() {
                let message = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
                               expression [0-9A-Za-z]*";
                self.report_statement(statement, message, "the Sid has other characters");
            }
        }
    }

    /// Step 5.
    pub(super) fn check_actions_exist(&mut self, statements: &[Statement<'_>]) {
        for statement in statements {
            if !statement.has_either(["Action", "NotAction"]) {
                self.report_statement(statement, "Policy statement must contain actions.", "no actions");
            }
        }
    }

    /// Step 7.
    pub(super) fn check_actions(&mut self, statements: &[Statement<'_>]) {
        for statement in statements {
            for key in ["Action", "NotAction"] {
                for item in statement.items(key) {
                    self.check_action(statement, &item, key == "NotAction");
                }
            }
        }
    }

    fn check_action(&mut self, statement: &Statement<'_>, item: &Item<'_>, negated: bool) {
        let vendor = item.text.split(':').next().unwrap_or_default();
        let vendor_is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        let message = match item.text.matches(':').count() {
            0 if item.text == "*" => None,
            0 => Some("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned()),
            1 if vendor.is_empty() || !vendor.bytes().all(vendor_is_valid) => {
                Some(format!("Vendor {vendor} is not valid"))
            }
            1 => None,
            _ => Some("Actions/Condition can contain only one colon.".to_owned()),
        };
        if let Some(message) = message {
            return self.report_item(statement, item, &message, "an action is service:Name");
        }
        match self.kind {
            PolicyKind::Trust if negated || !names_one_of(item.text, "sts", &TRUST_ACTIONS) => {
                self.report_item(statement, item, ONLY_STS, "not an action of assuming a role");
            }
            PolicyKind::ResourceControl if item.text == "*" => {
                self.report_item(statement, item, "", "an action of a resource control policy names its service");
            }
            PolicyKind::OrganizationsResourcePolicy
                if negated || !names_one_of(item.text, "organizations", &DELEGABLE_ACTIONS) =>
            {
                let message = "The resource policy contains an action that cannot be delegated.";
                self.report_reason(
                    self.at(item.node),
                    &item.path,
                    statement.sid,
                    "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
                    message,
                    "not a delegable action of Organizations",
                );
            }
            _ => {}
        }
    }
}

/// Whether `service:pattern` covers at least one of the actions.
fn names_one_of(text: &str, service: &str, actions: &[&str]) -> bool {
    let folded = text.to_ascii_lowercase();
    folded.split_once(':').is_some_and(|(vendor, name)| {
        let glob = Glob::new(name);
        vendor == service && actions.iter().any(|action| glob.matches(action))
    })
}

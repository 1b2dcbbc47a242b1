//! The context keys that documents ask for.

use crate::context::{equal_ignoring_case, folded_hash};
use crate::document::Document;
use crate::pattern::variable_keys;
use std::collections::BTreeMap;

/// Every context key that conditions test or variables name, once each, as first spelled: what
/// `GetContextKeysForCustomPolicy` answers.
pub fn context_keys<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Vec<String> {
    let mut found = Keys::default();
    for document in documents {
        let variables = document.has_variables();
        for statement in &document.statements {
            let resources = statement.resource.iter().flat_map(|element| &element.values);
            resources.filter(|_| variables).flat_map(|text| variable_keys(text)).for_each(|key| found.add(key));
            for condition in &statement.conditions {
                found.add(condition.key.clone());
                if variables && condition.operator.test.takes_variables() {
                    condition.values.iter().flat_map(|text| variable_keys(text)).for_each(|key| found.add(key));
                }
            }
        }
    }
    found.list
}

#[derive(Default)]
struct Keys {
    list: Vec<String>,
    /// Positions in `list` by hash of the name without case.
    by_hash: BTreeMap<u64, Vec<usize>>,
}

impl Keys {
    fn add(&mut self, key: String) {
        let same_hash = self.by_hash.entry(folded_hash(&key)).or_default();
        if !same_hash.iter().any(|index| equal_ignoring_case(&self.list[*index], &key)) {
            same_hash.push(self.list.len());
            self.list.push(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_conditions_and_variables_are_found_once() {
        let document = Document::parse_stored(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",
                "Resource":"arn:aws:s3:::b/${aws:username}/${*}/${aws:PrincipalTag/team, 'x'}",
                "Condition":{"StringLike":{"s3:prefix":["${AWS:UserName}","${saml:sub}"]},
                "NumericEquals":{"s3:max-keys":"${not:this}"}}}]}"#,
        )
        .expect("valid");
        assert_eq!(
            context_keys([&document]),
            ["aws:username", "aws:PrincipalTag/team", "s3:prefix", "saml:sub", "s3:max-keys"]
        );
    }
}

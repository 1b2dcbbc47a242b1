//! Conditions.

use crate::context::{Context, ContextValue, Key};
use crate::document::Condition;
use crate::operator::{Comparison, Operator, Quantifier, Test};
use crate::pattern::{ArnPattern, Pattern, Resource, Text};
use crate::value::{Bytes, Decimal, Instant, decode_base64};
use base::network::Network;
use std::net::IpAddr;

/// What came out of testing one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionOutcome {
    /// The values met the condition.
    Met,
    /// The key is absent, and the operator is true for absent keys.
    MetByAbsence,
    /// The values did not meet it.
    NotMet,
    /// The key is absent.
    Absent,
    /// The key has several values, but the operator is neither `ForAllValues` nor `ForAnyValue`.
    Multivalued,
}

impl ConditionOutcome {
    /// Whether the condition holds.
    pub fn is_met(self) -> bool {
        matches!(self, Self::Met | Self::MetByAbsence)
    }

    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::MetByAbsence => "met by absence",
            Self::NotMet => "not met",
            Self::Absent => "key absent",
            Self::Multivalued => "multivalued key under a single-valued operator",
        }
    }
}

#[derive(Debug)]
enum Values {
    Equal {
        values: Box<[Text]>,
        ignore_case: bool,
    },
    Like(Box<[Pattern]>),
    Numeric {
        comparison: Comparison,
        values: Box<[Box<str>]>,
    },
    /// `None` where the text is no date.
    Date {
        comparison: Comparison,
        values: Box<[Option<Instant>]>,
    },
    Bool(Box<[Text]>),
    Binary(Box<[Option<Bytes>]>),
    Network(Box<[Option<Network>]>),
    Arn(Box<[Option<ArnPattern>]>),
    /// Which states of the key are asked for.
    Null {
        absent: bool,
        present: bool,
    },
}

/// One key of a condition block, compiled.
#[derive(Debug)]
pub(crate) struct CompiledCondition {
    key: Key,
    quantifier: Quantifier,
    if_exists: bool,
    negated: bool,
    values: Values,
}

impl CompiledCondition {
    pub(crate) fn new(condition: &Condition, variables: bool) -> Self {
        let Operator { quantifier, test, if_exists } = condition.operator;
        let variables = variables && test.takes_variables();
        let texts = condition.values.as_slice();
        let values = match test {
            Test::StringEquals { ignore_case, .. } => {
                Values::Equal { values: texts.iter().map(|text| Text::new(text, variables)).collect(), ignore_case }
            }
            Test::StringLike { .. } => Values::Like(texts.iter().map(|text| Pattern::new(text, variables)).collect()),
            Test::Numeric(comparison) => {
                Values::Numeric { comparison, values: texts.iter().map(|text| text.as_str().into()).collect() }
            }
            Test::Date(comparison) => {
                Values::Date { comparison, values: texts.iter().map(|text| Instant::parse(text)).collect() }
            }
            Test::Bool => Values::Bool(texts.iter().map(|text| Text::new(text, variables)).collect()),
            Test::BinaryEquals => Values::Binary(texts.iter().map(|text| decode_base64(text)).collect()),
            Test::IpAddress { .. } => Values::Network(texts.iter().map(|text| Network::parse(text)).collect()),
            Test::Arn { .. } => {
                Values::Arn(texts.iter().map(|text| ArnPattern::for_condition(text, variables)).collect())
            }
            Test::Null => Values::Null {
                absent: texts.iter().any(|text| text.eq_ignore_ascii_case("true")),
                present: texts.iter().any(|text| text.eq_ignore_ascii_case("false")),
            },
        };
        Self { key: Key::new(&condition.key), quantifier, if_exists, negated: test.is_negated(), values }
    }

    /// Tests the key in one request.
    pub(crate) fn outcome(&self, context: &Context) -> ConditionOutcome {
        let met = |met| if met { ConditionOutcome::Met } else { ConditionOutcome::NotMet };
        let found = context.look_up(&self.key);
        if let Values::Null { absent, present } = self.values {
            return met(if found.is_some() { present } else { absent });
        }
        let Some(value) = found else { return self.outcome_of_absence() };
        match (self.quantifier, value) {
            (Quantifier::None, ContextValue::One(value)) => met(self.test(value, context)),
            (Quantifier::None, ContextValue::Many(_)) => ConditionOutcome::Multivalued,
            (Quantifier::ForAllValues, value) => {
                // An empty string is AWS's empty data set, for which ForAllValues is true.
                let mut values = value.values().iter();
                met(value.values().iter().all(String::is_empty) || values.all(|value| self.test(value, context)))
            }
            (Quantifier::ForAnyValue, value) => met(value.values().iter().any(|value| self.test(value, context))),
        }
    }

    fn outcome_of_absence(&self) -> ConditionOutcome {
        let met = self.if_exists
            || match self.quantifier {
                Quantifier::ForAllValues => true,
                Quantifier::ForAnyValue => false,
                Quantifier::None => self.negated,
            };
        if met { ConditionOutcome::MetByAbsence } else { ConditionOutcome::Absent }
    }

    /// Whether one value satisfies the operator against the list: one listed value suffices, under a negated
    /// operator every listed value must differ. Values that are malformed for the operator satisfy neither.
    fn test(&self, value: &str, context: &Context) -> bool {
        match &self.values {
            Values::Equal { values, ignore_case } => {
                self.listed(values, |text| Some(text.equals(value, *ignore_case, context)))
            }
            Values::Like(patterns) => self.listed(patterns, |pattern| Some(pattern.matches(value, context))),
            Values::Numeric { comparison, values } => {
                let Some(value) = Decimal::parse(value) else { return false };
                self.compared(values, |text| Decimal::parse(text).map(|text| comparison.holds(value.cmp(&text))))
            }
            Values::Date { comparison, values } => {
                let Some(value) = Instant::parse(value) else { return false };
                self.compared(values, |instant| instant.map(|instant| comparison.holds(value.cmp(&instant))))
            }
            Values::Bool(values) => {
                let boolean = value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false");
                boolean && values.iter().any(|text| text.equals(value, true, context))
            }
            Values::Binary(values) => {
                let Some(value) = decode_base64(value) else { return false };
                values.iter().flatten().any(|bytes| *bytes == value)
            }
            Values::Network(networks) => {
                let Ok(value) = value.parse::<IpAddr>() else { return false };
                self.listed(networks, |network| network.map(|network| network.contains(value)))
            }
            Values::Arn(patterns) => {
                let value = Resource::new(value);
                value.is_arn()
                    && self.listed(patterns, |pattern| pattern.as_ref().map(|it| it.matches(&value, context)))
            }
            Values::Null { .. } => false,
        }
    }

    /// `matches` gives `None` for a malformed value. A value whose variable has no value equals nothing.
    fn listed<T>(&self, values: &[T], matches: impl Fn(&T) -> Option<bool>) -> bool {
        if self.negated {
            values.iter().all(|value| matches(value) == Some(false))
        } else {
            values.iter().any(|value| matches(value) == Some(true))
        }
    }

    /// `holds` gives `None` for a malformed value.
    fn compared<T>(&self, values: &[T], holds: impl Fn(&T) -> Option<bool>) -> bool {
        if self.negated {
            values.iter().all(|value| holds(value) == Some(true))
        } else {
            values.iter().any(|value| holds(value) == Some(true))
        }
    }
}

//! Condition operators.

/// How a multivalued key is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// The key has one value.
    None,
    /// Every value of the request.
    ForAllValues,
    /// At least one value of the request.
    ForAnyValue,
}

/// How two ordered values are compared: request value first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equals,
    /// `≠`
    NotEquals,
    /// `<`
    LessThan,
    /// `≤`
    LessThanEquals,
    /// `>`
    GreaterThan,
    /// `≥`
    GreaterThanEquals,
}

impl Comparison {
    pub(crate) fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equals => ordering.is_eq(),
            Self::NotEquals => ordering.is_ne(),
            Self::LessThan => ordering.is_lt(),
            Self::LessThanEquals => ordering.is_le(),
            Self::GreaterThan => ordering.is_gt(),
            Self::GreaterThanEquals => ordering.is_ge(),
        }
    }
}

/// What is compared, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// `StringEquals`, `StringEqualsIgnoreCase` and their negations.
    StringEquals {
        /// `…IgnoreCase`.
        ignore_case: bool,
        /// `…Not…`.
        negated: bool,
    },
    /// `StringLike`, `StringNotLike`.
    StringLike {
        /// `…Not…`.
        negated: bool,
    },
    /// `Numeric…`.
    Numeric(Comparison),
    /// `Date…`.
    Date(Comparison),
    /// `Bool`.
    Bool,
    /// `BinaryEquals`.
    BinaryEquals,
    /// `IpAddress`, `NotIpAddress`.
    IpAddress {
        /// `Not…`.
        negated: bool,
    },
    /// `ArnEquals`, `ArnLike` (which are the same) and their negations.
    Arn {
        /// `…Not…`.
        negated: bool,
    },
    /// `Null`.
    Null,
}

impl Test {
    /// Whether the operator asks that *none* of the listed values match.
    pub fn is_negated(self) -> bool {
        match self {
            Self::StringEquals { negated, .. }
            | Self::StringLike { negated }
            | Self::IpAddress { negated }
            | Self::Arn { negated } => negated,
            Self::Numeric(comparison) | Self::Date(comparison) => comparison == Comparison::NotEquals,
            Self::Bool | Self::BinaryEquals | Self::Null => false,
        }
    }

    /// Whether policy variables are replaced in the values: string and ARN operators, and `Bool`.
    pub(crate) fn takes_variables(self) -> bool {
        matches!(self, Self::StringEquals { .. } | Self::StringLike { .. } | Self::Arn { .. } | Self::Bool)
    }
}

/// An operator with its prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// `ForAllValues:`, `ForAnyValue:` or nothing.
    pub quantifier: Quantifier,
    /// The operator proper.
    pub test: Test,
    /// `…IfExists`.
    pub if_exists: bool,
}

const TESTS: [(&str, Test); 27] = {
    use Comparison::{Equals, GreaterThan, GreaterThanEquals, LessThan, LessThanEquals, NotEquals};
    [
        ("StringEquals", Test::StringEquals { ignore_case: false, negated: false }),
        ("StringNotEquals", Test::StringEquals { ignore_case: false, negated: true }),
        ("StringEqualsIgnoreCase", Test::StringEquals { ignore_case: true, negated: false }),
        ("StringNotEqualsIgnoreCase", Test::StringEquals { ignore_case: true, negated: true }),
        ("StringLike", Test::StringLike { negated: false }),
        ("StringNotLike", Test::StringLike { negated: true }),
        ("NumericEquals", Test::Numeric(Equals)),
        ("NumericNotEquals", Test::Numeric(NotEquals)),
        ("NumericLessThan", Test::Numeric(LessThan)),
        ("NumericLessThanEquals", Test::Numeric(LessThanEquals)),
        ("NumericGreaterThan", Test::Numeric(GreaterThan)),
        ("NumericGreaterThanEquals", Test::Numeric(GreaterThanEquals)),
        ("DateEquals", Test::Date(Equals)),
        ("DateNotEquals", Test::Date(NotEquals)),
        ("DateLessThan", Test::Date(LessThan)),
        ("DateLessThanEquals", Test::Date(LessThanEquals)),
        ("DateGreaterThan", Test::Date(GreaterThan)),
        ("DateGreaterThanEquals", Test::Date(GreaterThanEquals)),
        ("Bool", Test::Bool),
        ("BinaryEquals", Test::BinaryEquals),
        ("IpAddress", Test::IpAddress { negated: false }),
        ("NotIpAddress", Test::IpAddress { negated: true }),
        ("ArnEquals", Test::Arn { negated: false }),
        ("ArnLike", Test::Arn { negated: false }),
        ("ArnNotEquals", Test::Arn { negated: true }),
        ("ArnNotLike", Test::Arn { negated: true }),
        ("Null", Test::Null),
    ]
};

impl Operator {
    /// Reads an operator as it stands in a policy; names are case-sensitive, and `Null` takes no `IfExists`.
    pub fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = match text.split_once(':') {
            None => (Quantifier::None, text),
            Some(("ForAllValues", rest)) => (Quantifier::ForAllValues, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::ForAnyValue, rest),
            Some(_) => return None,
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let test = TESTS.iter().find(|(known, _)| *known == name)?.1;
        (test != Test::Null || !if_exists).then_some(Self { quantifier, test, if_exists })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_suffixes_are_read() {
        let operator = Operator::parse("ForAnyValue:StringNotLikeIfExists").expect("known");
        assert_eq!(operator.quantifier, Quantifier::ForAnyValue);
        assert!(operator.test.is_negated() && operator.if_exists);
        for text in ["stringequals", "StringFoo", "ForAnyValue::Bool", "NullIfExists", "ForEach:Bool", "", "IfExists"] {
            assert_eq!(Operator::parse(text), None, "{text}");
        }
    }
}

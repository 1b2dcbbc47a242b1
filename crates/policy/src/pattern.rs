//! Patterns with policy variables, and patterns over ARNs.

use crate::context::{Context, ContextValue, Key, Keys, equal_ignoring_case};
use crate::document::PolicyKind;
use crate::glob::{Glob, Token, tokens};
use memchr::memmem;
use smallvec::SmallVec;

/// `${key}` or `${key, 'default'}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) key: Key,
    default: Option<Box<str>>,
}

impl Variable {
    fn new(inside: &str) -> Self {
        let parts = inside.strip_suffix('\'').and_then(|rest| rest.split_once(", '"));
        match parts {
            Some((key, default)) => Self { key: Key::new(key), default: Some(default.into()) },
            None => Self { key: Key::new(inside), default: None },
        }
    }

    /// The value in one request; a multivalued key has none.
    fn value<'a>(&'a self, context: &'a Context) -> Option<&'a str> {
        match context.look_up(&self.key) {
            Some(ContextValue::One(value)) => Some(value),
            Some(ContextValue::Many(_)) | None => self.default.as_deref(),
        }
    }
}

/// A part of a pattern that is put together at the time of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(Box<str>),
    AnyCharacter,
    AnyRun,
    Variable(Box<Variable>),
}

enum Lexeme<'a> {
    Text(&'a str),
    Special(char),
    Variable(&'a str),
}

/// Cuts text at its variables. `${*}`, `${?}` and `${$}` stand for the character; `${}` and a `${` without end are
/// plain text.
fn lexemes(text: &str, variables: bool) -> Vec<Lexeme<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut plain = 0;
    if !variables {
        return vec![Lexeme::Text(text)];
    }
    while let Some(start) = rest[plain..].find("${").map(|at| at + plain) {
        let Some(length) = rest[start + 2..].find('}') else { break };
        let inside = &rest[start + 2..start + 2 + length];
        if inside.is_empty() {
            plain = start + 3;
            continue;
        }
        found.push(Lexeme::Text(&rest[..start]));
        found.push(match inside {
            "*" | "?" | "$" => Lexeme::Special(char::from(inside.as_bytes()[0])),
            _ => Lexeme::Variable(inside),
        });
        rest = &rest[start + length + 3..];
        plain = 0;
    }
    found.push(Lexeme::Text(rest));
    found
}

/// The keys of all variables of a text, as written.
pub(crate) fn variable_keys(text: &str) -> impl Iterator<Item = String> + '_ {
    lexemes(text, true).into_iter().filter_map(|lexeme| match lexeme {
        Lexeme::Variable(inside) => Some(Variable::new(inside).key.text.into()),
        _ => None,
    })
}

/// Cuts text into parts; wildcards are parts of their own if `wildcards`, else plain characters.
fn parts(text: &str, variables: bool, wildcards: bool) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    let mut literal = String::new();
    let flush = |literal: &mut String, out: &mut Vec<Part>| {
        if !literal.is_empty() {
            out.push(Part::Literal(std::mem::take(literal).into()));
        }
    };
    for lexeme in lexemes(text, variables) {
        match lexeme {
            Lexeme::Special(character) => literal.push(character),
            Lexeme::Variable(inside) => {
                flush(&mut literal, &mut out);
                out.push(Part::Variable(Box::new(Variable::new(inside))));
            }
            Lexeme::Text(text) if !wildcards => literal.push_str(text),
            Lexeme::Text(text) => {
                for token in tokens(text) {
                    match token {
                        Token::Literal(character) => literal.push(character),
                        Token::AnyCharacter => {
                            flush(&mut literal, &mut out);
                            out.push(Part::AnyCharacter);
                        }
                        Token::AnyRun => {
                            flush(&mut literal, &mut out);
                            out.push(Part::AnyRun);
                        }
                    }
                }
            }
        }
    }
    flush(&mut literal, &mut out);
    out
}

fn has_variable(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Variable(_)))
}

/// A text to be equal to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Fixed(Box<str>),
    Template(Box<[Part]>),
}

impl Text {
    pub(crate) fn new(text: &str, variables: bool) -> Self {
        let mut parts = parts(text, variables, false);
        match parts.as_mut_slice() {
            [] => Self::Fixed("".into()),
            [Part::Literal(only)] => Self::Fixed(std::mem::take(only)),
            _ => Self::Template(parts.into()),
        }
    }

    /// Whether `value` is this text; never when a variable has no value.
    #[inline]
    pub(crate) fn equals(&self, value: &str, ignore_case: bool, context: &Context) -> bool {
        match self {
            Self::Fixed(text) if ignore_case => equal_ignoring_case(text, value),
            Self::Fixed(text) => **text == *value,
            Self::Template(parts) if ignore_case => {
                let folded = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Folded>();
                let mut wanted = Folded::new();
                for part in parts {
                    let Some(text) = text_of(part, context) else { return false };
                    wanted.extend(text.chars().flat_map(char::to_lowercase));
                }
                wanted == folded(value)
            }
            Self::Template(parts) => strip_front(parts, value, context).is_some_and(str::is_empty),
        }
    }

    /// The text of one request, for people; `None` when a variable has no value.
    pub(crate) fn resolve(&self, context: &Context) -> Option<String> {
        match self {
            Self::Fixed(text) => Some(text.to_string()),
            Self::Template(parts) => parts.iter().map(|part| text_of(part, context)).collect(),
        }
    }
}

/// Characters in lower case; on the stack unless many.
type Folded = SmallVec<[char; 128]>;

/// A pattern to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Fixed(Glob),
    Template(Box<[Part]>),
}

impl Pattern {
    pub(crate) fn new(text: &str, variables: bool) -> Self {
        let parts = parts(text, variables, true);
        if has_variable(&parts) {
            return Self::Template(parts.into());
        }
        Self::Fixed(Glob::from_tokens(parts_as_tokens(&parts, &Context::default()).unwrap_or_default()))
    }

    /// Whether the whole of `value` matches; never when a variable has no value. What a variable stands for is
    /// literal text: a star inside it is a star.
    #[inline]
    pub(crate) fn matches(&self, value: &str, context: &dyn Keys) -> bool {
        match self {
            Self::Fixed(glob) => glob.matches(value),
            Self::Template(parts) => match_parts(parts, value, context.keys()).is_some(),
        }
    }
}

/// `Some` when the whole of `value` matches.
fn match_parts(parts: &[Part], value: &str, context: &Context) -> Option<()> {
    if parts.contains(&Part::AnyCharacter) {
        let glob = Glob::from_tokens(parts_as_tokens(parts, context)?);
        return glob.matches(value).then_some(());
    }
    let mut pieces = parts.split(|part| *part == Part::AnyRun);
    let mut rest = strip_front(pieces.next()?, value, context)?;
    let Some(last) = pieces.next_back() else { return rest.is_empty().then_some(()) };
    rest = strip_back(last, rest, context)?;
    for piece in pieces {
        rest = &rest[end_of(piece, rest.as_bytes(), context)?..];
    }
    Some(())
}

/// The text of a part without wildcards; `None` for a variable without value.
fn text_of<'a>(part: &'a Part, context: &'a Context) -> Option<&'a str> {
    match part {
        Part::Literal(text) => Some(text),
        Part::Variable(variable) => variable.value(context),
        Part::AnyCharacter | Part::AnyRun => None,
    }
}

fn strip_front<'a>(piece: &[Part], value: &'a str, context: &Context) -> Option<&'a str> {
    piece.iter().try_fold(value, |rest, part| rest.strip_prefix(text_of(part, context)?))
}

fn strip_back<'a>(piece: &[Part], value: &'a str, context: &Context) -> Option<&'a str> {
    piece.iter().rev().try_fold(value, |rest, part| rest.strip_suffix(text_of(part, context)?))
}

/// Where the leftmost occurrence of a piece ends.
fn end_of(piece: &[Part], value: &[u8], context: &Context) -> Option<usize> {
    let find = |needle: &[u8]| memmem::find(value, needle).map(|start| start + needle.len());
    match piece {
        [] => Some(0),
        [only] => find(text_of(only, context)?.as_bytes()),
        several => {
            let mut joined: SmallVec<[u8; 256]> = SmallVec::new();
            for part in several {
                joined.extend_from_slice(text_of(part, context)?.as_bytes());
            }
            find(&joined)
        }
    }
}

fn parts_as_tokens(parts: &[Part], context: &Context) -> Option<Vec<Token>> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Part::Literal(text) => out.extend(text.chars().map(Token::Literal)),
            Part::AnyCharacter => out.push(Token::AnyCharacter),
            Part::AnyRun => out.push(Token::AnyRun),
            Part::Variable(variable) => out.extend(variable.value(context)?.chars().map(Token::Literal)),
        }
    }
    Some(out)
}

/// A request's resource, or any text that is to be matched as an ARN.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    text: &'a str,
    /// Positions of the first five colons; `None` when there are fewer.
    colons: Option<[usize; 5]>,
}

impl<'a> Resource<'a> {
    /// A resource by its ARN; `*` for actions that name none.
    pub fn new(text: &'a str) -> Self {
        let mut colons = [0; 5];
        let mut found = memchr::memchr_iter(b':', text.as_bytes());
        for slot in &mut colons {
            match found.next() {
                Some(at) => *slot = at,
                None => return Self { text, colons: None },
            }
        }
        Self { text, colons: Some(colons) }
    }

    /// The text.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Whether this has the six parts of an ARN.
    pub(crate) fn is_arn(&self) -> bool {
        self.colons.is_some() && self.text.starts_with("arn:")
    }

    /// The service, account and resource parts, if this is an ARN.
    pub(crate) fn service_account_resource(&self) -> Option<(&'a str, &'a str, &'a str)> {
        let [_, b, c, d, e] = self.colons?;
        Some((&self.text[b + 1..c], &self.text[d + 1..e], &self.text[e + 1..]))
    }
}

/// A pattern over the six parts of an ARN: a wildcard never crosses from one part into the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArnPattern {
    head: Head,
    tail: Pattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Head {
    /// Five parts without wildcards, up to and including the fifth colon.
    Literal(Box<str>),
    /// The parts before the first wildcard with their colons, how many they are, and all five.
    Parts { lead: Box<str>, lead_parts: usize, parts: Box<[Pattern; 5]> },
}

impl ArnPattern {
    /// `parts` are the texts of the six parts. Variables before the fifth colon exist in conditions but not in
    /// `Resource`.
    fn new(parts: [&str; 6], head_variables: bool, tail_variables: bool) -> Self {
        let open = |part: &&str| part.contains(['*', '?']) || (head_variables && part.contains("${"));
        let lead_parts = parts[..5].iter().position(open).unwrap_or(5);
        let lead: Box<str> = parts[..lead_parts].iter().flat_map(|part| [part, ":"]).collect::<String>().into();
        let head = if lead_parts == 5 {
            Head::Literal(lead)
        } else {
            let parts = Box::new(std::array::from_fn(|index| Pattern::new(parts[index], head_variables)));
            Head::Parts { lead, lead_parts, parts }
        };
        Self { head, tail: Pattern::new(parts[5], tail_variables) }
    }

    /// A value of an ARN condition operator; `None` when it has not six parts.
    pub(crate) fn for_condition(text: &str, variables: bool) -> Option<Self> {
        let parts = split(text, variables);
        let parts: [&str; 6] = parts.as_slice().try_into().ok()?;
        Some(Self::new(parts, variables, variables))
    }

    /// Whether `value` matches; never when a variable has no value.
    #[inline]
    pub(crate) fn matches(&self, value: &Resource<'_>, context: &dyn Keys) -> bool {
        let Some(colons) = value.colons else { return false };
        match &self.head {
            Head::Literal(literal) => {
                value.text.strip_prefix(&**literal).is_some_and(|rest| self.tail.matches(rest, context))
            }
            Head::Parts { lead, lead_parts, parts } => {
                if !value.text.starts_with(&**lead) {
                    return false;
                }
                let mut start = lead.len();
                for (part, end) in parts.iter().zip(colons).skip(*lead_parts) {
                    if !part.matches(&value.text[start..end], context) {
                        return false;
                    }
                    start = end + 1;
                }
                self.tail.matches(&value.text[start..], context)
            }
        }
    }
}

/// Splits at the first five colons that stand outside `${…}`.
fn split(text: &str, variables: bool) -> Vec<&str> {
    let mut parts = Vec::with_capacity(6);
    let (mut start, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() && parts.len() < 5 {
        if variables && bytes[at..].starts_with(b"${") {
            match text[at..].find('}') {
                Some(length) => at += length + 1,
                None => at += 2,
            }
            continue;
        }
        if bytes[at] == b':' {
            parts.push(&text[start..at]);
            start = at + 1;
        }
        at += 1;
    }
    parts.push(&text[start..]);
    parts
}

/// A value of `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResourcePattern {
    /// `*`.
    All,
    /// A text that cannot match.
    Never,
    /// An ARN.
    Arn(ArnPattern),
}

impl ResourcePattern {
    /// Compiles a value. ARNs with fewer than six parts are completed with `*` in the policies of a principal, in
    /// resource policies only where they contain a `*`, in SCPs only where they end in one, and never in RCPs.
    pub(crate) fn new(text: &str, kind: PolicyKind, variables: bool) -> Self {
        if !text.is_empty() && text.bytes().all(|byte| byte == b'*') {
            return Self::All;
        }
        let mut parts = split(text, variables);
        if parts.len() < 6 {
            let completed = match kind {
                PolicyKind::Identity | PolicyKind::Boundary | PolicyKind::Session => true,
                PolicyKind::ServiceControl => text.ends_with('*'),
                PolicyKind::ResourceControl => false,
                PolicyKind::Trust
                | PolicyKind::Resource
                | PolicyKind::OrganizationsResourcePolicy
                | PolicyKind::Endpoint => text.contains('*'),
            };
            if !completed {
                return Self::Never;
            }
            parts.resize(6, "*");
        }
        match parts.as_slice().try_into() {
            Ok(parts) => Self::Arn(ArnPattern::new(parts, false, variables)),
            Err(_) => Self::Never,
        }
    }

    /// Whether `resource` matches. A pattern whose variable has no value matches nothing, so that `NotResource`
    /// then covers the resource.
    #[inline]
    pub(crate) fn matches(&self, resource: &Resource<'_>, context: &dyn Keys) -> bool {
        match self {
            Self::All => true,
            Self::Never => false,
            Self::Arn(pattern) => pattern.matches(resource, context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(pairs: &[(&'static str, &str)]) -> Context {
        let mut context = Context::new();
        for (key, value) in pairs {
            context.insert(*key, *value);
        }
        context
    }

    #[test]
    fn variables_are_literal_text_of_single_valued_keys() {
        let like = |pattern: &str, value: &str, pairs: &[(&'static str, &str)]| {
            Pattern::new(pattern, true).matches(value, &context(pairs))
        };
        assert!(like("home/${aws:username}/*", "home/bob/x", &[("aws:UserName", "bob")]));
        assert!(!like("home/${aws:username}/*", "home/bob/x", &[("aws:username", "b*")]));
        assert!(like("home/${aws:username}/?", "home/é/é", &[("aws:username", "é")]));
        assert!(!like("${a:b}", "x", &[]));
        assert!(like("${a:b, 'de fault'}*", "de fault!", &[]));
        assert!(!like("${a:b,'x'}", "x", &[]));
        assert!(like("a${*}${?}${$}b", "a*?$b", &[]));
        assert!(!like("a${*}b", "axb", &[]));
        assert!(like("${}${x", "${}${x", &[]));
        assert!(Pattern::new("${a:b}", false).matches("${a:b}", &Context::new()));
    }

    #[test]
    fn several_values_are_no_value() {
        let mut several = Context::new();
        several.insert("a:b", vec!["x".to_owned()]);
        assert!(!Pattern::new("${a:b}", true).matches("x", &several));
    }

    #[test]
    fn wildcards_stay_inside_their_part_of_the_arn() {
        let matches = |pattern: &str, resource: &str, kind| {
            ResourcePattern::new(pattern, kind, true).matches(&Resource::new(resource), &Context::new())
        };
        let identity = PolicyKind::Identity;
        assert!(matches(
            "arn:aws:lambda:us-east-1:1:function:fn*",
            "arn:aws:lambda:us-east-1:1:function:fn:P",
            identity
        ));
        assert!(!matches("arn:aws:logs:us-*1:4:g:b", "arn:aws:logs:us-east-1:1:g:a1:4:g:b", identity));
        assert!(matches("arn:aws:ec2:*:*:*/*", "arn:aws:ec2:r:1:instance/i", identity));
        assert!(!matches("arn:aws:s3:::*", "*", identity) && matches("*", "*", identity));
        assert!(matches("arn:aws:s3", "arn:aws:s3:::b", identity));
        assert!(!matches("arn:aws:s3", "arn:aws:s3:::b", PolicyKind::Resource));
        assert!(matches("arn:aws:s3*", "arn:aws:s3:::b", PolicyKind::Resource));
        assert!(matches("arn:aws:*", "arn:aws:s3:::b", PolicyKind::ServiceControl));
        assert!(!matches("arn:aws:*:", "arn:aws:s3:::b", PolicyKind::ServiceControl));
        assert!(!matches("arn:aws:*", "arn:aws:s3:::b", PolicyKind::ResourceControl));
        assert!(!matches("arn:aws:S3:::b", "arn:aws:s3:::b", identity));
    }

    #[test]
    fn arn_conditions_take_variables_in_every_part() {
        let pattern = ArnPattern::for_condition("arn:aws:s3::${aws:PrincipalAccount}:*", true).expect("six parts");
        let one = context(&[("aws:PrincipalAccount", "1")]);
        assert!(pattern.matches(&Resource::new("arn:aws:s3::1:b"), &one));
        assert!(!pattern.matches(&Resource::new("arn:aws:s3::2:b"), &one));
        assert!(!pattern.matches(&Resource::new("arn:aws:s3::1:b"), &Context::new()));
        assert_eq!(ArnPattern::for_condition("arn:aws:s3", true), None);
    }
}

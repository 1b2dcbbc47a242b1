//! Random cases from a seed: small pools, so that things match often.

use std::fmt::Write;

/// A reproducible stream of numbers (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

/// A policy as text, statement by statement.
#[derive(Clone, Debug)]
pub struct Policy {
    pub version: Option<&'static str>,
    pub statements: Vec<String>,
}

impl Policy {
    pub fn of(statement: &str) -> Self {
        Self { version: Some("2012-10-17"), statements: vec![statement.to_owned()] }
    }

    pub fn text(&self) -> String {
        let statements = self.statements.join(",");
        match self.version {
            Some(version) => format!("{{\"Version\":\"{version}\",\"Statement\":[{statements}]}}"),
            None => format!("{{\"Statement\":[{statements}]}}"),
        }
    }
}

/// A case in parts, so that tests can change it.
#[derive(Clone, Debug)]
pub struct Parts {
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub account: String,
    pub context: Vec<(String, String)>,
    pub identity: Vec<Policy>,
    pub boundary: Vec<Policy>,
    pub session: Option<Policy>,
    pub resource_policy: Option<Policy>,
    pub scps: Vec<Vec<Policy>>,
    pub rcps: Vec<Vec<Policy>>,
}

impl Parts {
    /// The case as a line.
    pub fn line(&self) -> String {
        let policies = |list: &[Policy]| list.iter().map(Policy::text).collect::<Vec<_>>().join(",");
        let levels = |levels: &[Vec<Policy>]| {
            let level = |(index, list): (usize, &Vec<Policy>)| {
                format!("{{\"level\":\"{index}\",\"policies\":[{}]}}", policies(list))
            };
            levels.iter().enumerate().map(level).collect::<Vec<_>>().join(",")
        };
        let optional = |policy: &Option<Policy>| policy.as_ref().map_or("null".to_owned(), Policy::text);
        let context: Vec<String> = self.context.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let boundary =
            if self.boundary.is_empty() { "null".to_owned() } else { format!("[{}]", policies(&self.boundary)) };
        let mut line = String::from("{\"id\":\"x\",\"expected\":\"\",\"request\":{");
        write!(
            line,
            "\"principal\":{},\"action\":\"{}\",\"resource\":\"{}\",\"resourceAccount\":\"{}\",\"context\":{{{}}}}},",
            self.principal,
            self.action,
            self.resource,
            self.account,
            context.join(",")
        )
        .expect("memory");
        write!(
            line,
            "\"identityPolicies\":[{}],\"boundary\":{boundary},\"sessionPolicy\":{},\"resourcePolicy\":{},\
             \"scps\":[{}],\"rcps\":[{}]}}",
            policies(&self.identity),
            optional(&self.session),
            optional(&self.resource_policy),
            levels(&self.scps),
            levels(&self.rcps)
        )
        .expect("memory");
        line
    }
}

const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";

const PRINCIPALS: [&str; 16] = [
    "\"arn:aws:iam::111122223333:user/alice\"",
    "\"arn:aws:iam::111122223333:user/div/eng/dan\"",
    "\"arn:aws:iam::111122223333:user/alice\"",
    "\"arn:aws:iam::111122223333:root\"",
    "\"arn:aws:sts::111122223333:assumed-role/AppRole/s1\"",
    "\"arn:aws:sts::111122223333:assumed-role/Ops/me@x\"",
    "\"arn:aws:sts::111122223333:assumed-role/AppRole/s1\"",
    "\"arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForX/s\"",
    "\"arn:aws:iam::111122223333:role/team/AppRole\"",
    "\"arn:aws:sts::111122223333:federated-user/carol\"",
    "\"sns.amazonaws.com\"",
    "\"ec2.amazonaws.com\"",
    "{\"type\":\"Anonymous\"}",
    "\"arn:aws:iam::111122223333:saml-provider/corp\"",
    "\"arn:aws-cn:iam::111122223333:user/alice\"",
    "\"arn:aws:iam::444455556666:user/alice\"",
];

const TARGETS: [(&str, &str); 10] = [
    ("s3:GetObject", "arn:aws:s3:::data/home/alice/x"),
    ("s3:PutObject", "arn:aws:s3:::data/r*port"),
    ("s3:ListAllMyBuckets", "*"),
    ("iam:GetUser", "arn:aws:iam::111122223333:user/alice"),
    ("ec2:StopInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-alpha"),
    ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:111122223333:function:fn:PROD"),
    ("sts:AssumeRole", "arn:aws:iam::111122223333:role/Target"),
    ("sts:AssumeRoleWithSAML", "arn:aws:iam::111122223333:role/Target"),
    ("kms:Decrypt", "arn:aws:kms:us-east-1:111122223333:key/k-1"),
    ("sts:GetCallerIdentity", "*"),
];

const NAMED: [&str; 18] = [
    "\"Principal\":\"*\"",
    "\"Principal\":{\"AWS\":\"*\"}",
    "\"Principal\":{\"AWS\":\"111122223333\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"}",
    "\"Principal\":{\"AWS\":[\"444455556666\",\"arn:aws:iam::111122223333:user/alice\"]}",
    "\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:user/*\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/AppRole\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/team/AppRole\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:sts::111122223333:assumed-role/AppRole/s1\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:sts::111122223333:federated-user/carol\"}",
    "\"Principal\":{\"Service\":[\"sns.amazonaws.com\",\"x.amazonaws.com\"]}",
    "\"Principal\":{\"Federated\":\"arn:aws:iam::111122223333:saml-provider/corp\",\"AWS\":\"444455556666\"}",
    "\"NotPrincipal\":{\"AWS\":[\"arn:aws:iam::111122223333:user/alice\",\"111122223333\"]}",
    "\"NotPrincipal\":{\"AWS\":\"111122223333\"}",
    "\"NotPrincipal\":{\"AWS\":[\"arn:aws:sts::111122223333:assumed-role/AppRole/s1\",\
     \"arn:aws:iam::111122223333:role/AppRole\",\"arn:aws:iam::111122223333:root\"]}",
    "\"NotPrincipal\":{\"Service\":\"sns.amazonaws.com\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/Ops\"}",
    "\"NotPrincipal\":{\"AWS\":\"*\"}",
];

/// Keys by the family of their values.
const KEYS: [(&str, &str, bool); 16] = [
    ("s", "aws:username", false),
    ("s", "aws:PrincipalTag/team", false),
    ("s", "aws:TagKeys", true),
    ("s", "sts:ExternalId", false),
    ("n", "s3:max-keys", false),
    ("n", "custom:Sizes", true),
    ("d", "aws:CurrentTime", false),
    ("d", "aws:TokenIssueTime", false),
    ("b", "aws:SecureTransport", false),
    ("b", "custom:Flags", true),
    ("i", "aws:SourceIp", false),
    ("i", "custom:Addrs", true),
    ("a", "aws:PrincipalArn", false),
    ("a", "custom:Arns", true),
    ("y", "custom:Blob", false),
    ("s", "aws:userid", false),
];

fn values(family: &str) -> &'static [&'static str] {
    match family {
        "s" => &["alice", "Alice", "team-a", "a*b", "", "été", "ÉTÉ", "home/alice/", "a${*}b", "null"],
        "n" => &["0", "-0", "10", "10.0", "007", ".5", "5.", "-3.25", "1e2", "abc", "+7", "10.0001"],
        "d" => &[
            "2024-01-01",
            "2024-01-01T00:00:00Z",
            "2024-01-01T02:00:00+02:00",
            "1704067200",
            "2024-01-01T00:00:00.5Z",
            "2024-02",
            "x",
            "2023-12-31T23:59:59Z",
        ],
        "b" => &["true", "false", "True", "FALSE", "yes"],
        "i" => &["10.0.0.1", "10.0.0.0/8", "192.0.2.7", "0.0.0.0/0", "2001:db8::1", "2001:DB8::/32", "::/0", "10.0.0"],
        "a" => &[
            "arn:aws:iam::111122223333:user/alice",
            "arn:aws:iam::*:user/*",
            "arn:aws:iam::111122223333:role/AppRole",
            "arn:*:iam:?*:1111*:role/*",
            "arn:aws:sns:us-east-1:111122223333:t:x",
            "arn:aws:sns:*:t",
            "alice",
        ],
        _ => &["YWJj", "YWJjZA==", "YWJj ", "!", ""],
    }
}

fn operators(family: &str) -> &'static [&'static str] {
    match family {
        "s" => &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
            "Null",
        ],
        "n" => &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        "d" => &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        "b" => &["Bool", "Null", "StringLike"],
        "i" => &["IpAddress", "NotIpAddress"],
        "a" => &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringLike"],
        _ => &["BinaryEquals", "StringEquals"],
    }
}

/// Changes text into a pattern that often still matches it.
fn mutate(random: &mut Random, text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = random.below(characters.len() + 1);
    let join = |range: &[char]| range.iter().collect::<String>();
    match random.below(9) {
        0 | 1 => text.to_owned(),
        2 => "*".to_owned(),
        3 => format!("{}*", join(&characters[..at])),
        4 => {
            format!("{}*{}", join(&characters[..at]), join(&characters[(at + random.below(4)).min(characters.len())..]))
        }
        5 if at < characters.len() => format!("{}?{}", join(&characters[..at]), join(&characters[at + 1..])),
        6 => text.replace("alice", random.pick(&["${aws:username}", "${AWS:UserName, 'alice'}", "${no:key}", "${}"])),
        7 => text.replace("*", "${*}").replace("team", "${aws:PrincipalTag/team, 'team'}"),
        _ => text.to_owned(),
    }
}

fn condition(random: &mut Random) -> String {
    let (family, key, _) = KEYS[random.below(KEYS.len())];
    let used = if random.chance(10) { *random.pick(&[&"s", &"n", &"d", &"i", &"a", &"y"]) } else { family };
    let quantifier = random.pick(&["", "", "", "ForAllValues:", "ForAnyValue:"]);
    let operator = random.pick(operators(used));
    let if_exists = if operator != "Null" && random.chance(20) { "IfExists" } else { "" };
    let key = if random.chance(20) { key.to_uppercase() } else { key.to_owned() };
    let count = random.pick(&[&1, &1, &1, &2, &3, &0]);
    let list: Vec<String> = (0..*count)
        .map(|_| {
            let value = if operator == "Null" { random.pick(values("b")) } else { random.pick(values(family)) };
            format!("\"{}\"", if random.chance(40) { mutate(random, value) } else { value.to_owned() })
        })
        .collect();
    let values = if list.len() == 1 && random.chance(50) { list[0].clone() } else { format!("[{}]", list.join(",")) };
    format!("\"{quantifier}{operator}{if_exists}\":{{\"{key}\":{values}}}")
}

fn statement(random: &mut Random, target: (&str, &str), deny_percent: usize, principal: bool) -> String {
    let effect = if random.chance(deny_percent) { "Deny" } else { "Allow" };
    let mut text = format!("{{\"Effect\":\"{effect}\"");
    if principal && random.chance(95) {
        write!(text, ",{}", random.pick(&NAMED)).expect("memory");
    }
    let action = |random: &mut Random| {
        let pattern = mutate(random, target.0);
        let pattern = if random.chance(20) { pattern.to_uppercase() } else { pattern };
        if random.chance(10) { "s3:*".to_owned() } else { pattern }
    };
    let name = if random.chance(15) { "NotAction" } else { "Action" };
    write!(text, ",\"{name}\":[\"{}\",\"{}\"]", action(random), action(random)).expect("memory");
    if !(principal && random.chance(30)) {
        let name = if random.chance(15) { "NotResource" } else { "Resource" };
        let other = random.pick(&["arn:aws:s3", "arn:aws:iam*", "arn:aws:ec2:*:*:*/*", "**", "arn:aws:s3:::data"]);
        let first = mutate(random, target.1);
        if random.chance(60) {
            write!(text, ",\"{name}\":\"{first}\"").expect("memory");
        } else {
            write!(text, ",\"{name}\":[\"{first}\",\"{other}\"]").expect("memory");
        }
    }
    if random.chance(35) {
        let (first, second) = (condition(random), condition(random));
        let operator = |text: &str| text.split('{').next().unwrap_or_default().to_owned();
        if random.chance(30) && operator(&first) != operator(&second) {
            write!(text, ",\"Condition\":{{{first},{second}}}").expect("memory");
        } else {
            write!(text, ",\"Condition\":{{{first}}}").expect("memory");
        }
    }
    text.push('}');
    text
}

fn policy(random: &mut Random, target: (&str, &str), deny_percent: usize, principal: bool) -> Policy {
    let version = match random.below(20) {
        0 => None,
        1 => Some("2008-10-17"),
        _ => Some("2012-10-17"),
    };
    let count = 1 + random.below(3);
    Policy { version, statements: (0..count).map(|_| statement(random, target, deny_percent, principal)).collect() }
}

pub const ALLOW_ALL: &str = "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}";
pub const ALLOW_ALL_BY_ANYBODY: &str = "{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}";

fn own_policies(random: &mut Random, target: (&str, &str), limit: usize) -> Vec<Policy> {
    let mut list: Vec<Policy> = (0..random.below(limit + 1)).map(|_| policy(random, target, 15, false)).collect();
    if random.chance(40) {
        list.push(Policy::of(ALLOW_ALL));
    }
    list
}

fn levels(random: &mut Random, target: (&str, &str), allow_all: &str) -> Vec<Vec<Policy>> {
    let principal = allow_all == ALLOW_ALL_BY_ANYBODY;
    (0..random.below(4))
        .map(|_| {
            let mut list = Vec::new();
            if random.chance(85) {
                list.push(Policy::of(allow_all));
            }
            if random.chance(30) {
                list.push(policy(random, target, 60, principal));
            }
            list
        })
        .collect()
}

fn context(random: &mut Random) -> Vec<(String, String)> {
    let mut context: Vec<(String, String)> = Vec::new();
    for _ in 0..random.below(9) {
        let (family, key, many) = KEYS[random.below(KEYS.len())];
        if context.iter().any(|(known, _)| known.eq_ignore_ascii_case(key)) {
            continue;
        }
        let value = |random: &mut Random| format!("\"{}\"", random.pick(values(family)));
        let value = if many {
            let list: Vec<String> = (0..random.below(4)).map(|_| value(random)).collect();
            format!("[{}]", list.join(","))
        } else {
            value(random)
        };
        let key = if random.chance(20) { key.to_lowercase() } else { key.to_owned() };
        context.push((key, value));
    }
    context
}

/// A case.
pub fn case(random: &mut Random) -> Parts {
    let target = TARGETS[random.below(TARGETS.len())];
    let boundary = if random.chance(25) { own_policies(random, target, 2) } else { Vec::new() };
    Parts {
        principal: random.pick(&PRINCIPALS).to_owned(),
        action: target.0.to_owned(),
        resource: target.1.to_owned(),
        account: if random.chance(75) { OWN } else { OTHER }.to_owned(),
        context: context(random),
        identity: own_policies(random, target, 3),
        boundary,
        session: random.chance(25).then(|| policy(random, target, 20, false)),
        resource_policy: random.chance(55).then(|| policy(random, target, 20, true)),
        scps: if random.chance(30) { levels(random, target, ALLOW_ALL) } else { Vec::new() },
        rcps: if random.chance(20) { levels(random, target, ALLOW_ALL_BY_ANYBODY) } else { Vec::new() },
    }
}

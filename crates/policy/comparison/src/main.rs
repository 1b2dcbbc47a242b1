//! How long the engine takes to decide, against a published evaluator (crate `awsim-iam-policy`), in one run: the same
//! documents, requests and context keys, both parsed beforehand. Prints medians and their ratio, and where the two
//! disagree.

use awsim_iam_policy::{
    document::{self, PolicyDocument},
    eval::{self, AuthzRequest, ContextValue, EvalContext},
};
use policy::{
    Action, Caller, CompiledPolicy, Context, Level, PolicyKind, PolicySet, PolicySource, Request, Resource, evaluate,
};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SERVICES: [&str; 10] = ["s3", "ec2", "iam", "sqs", "sns", "kms", "dynamodb", "lambda", "logs", "rds"];
const VERBS: [&str; 6] = ["Get", "List", "Describe", "Put", "Create", "Delete"];
const ACCOUNT: &str = "111122223333";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/Deploy/alice";
/// Decisions of each kind that are timed one by one.
const SAMPLES: usize = 20_000;

fn document(statements: &[String]) -> String {
    format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}", statements.join(","))
}

const ALLOW_ALL: &str = "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}";

/// A managed policy of 20 statements over ten services.
fn managed(number: usize) -> String {
    let statement = |index: usize| {
        let (service, verb) = (SERVICES[(number + index) % 10], VERBS[index % VERBS.len()]);
        let condition = match index % 5 {
            0 => ",\"Condition\":{\"StringEquals\":{\"aws:PrincipalTag/team\":[\"blue\",\"green\"]}}",
            1 => ",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"192.0.2.0/24\"]}}",
            _ => "",
        };
        let effect = if index == 19 { "Deny" } else { "Allow" };
        format!(
            "{{\"Sid\":\"S{index}\",\"Effect\":\"{effect}\",\"Action\":[\"{service}:{verb}Thing{number}*\",\
             \"{service}:{verb}Other*\"],\"Resource\":\"arn:aws:{service}:*:{ACCOUNT}:team-{number}/\
             ${{aws:PrincipalTag/team}}/*\"{condition}}}"
        )
    };
    document(&(0..20).map(statement).collect::<Vec<_>>())
}

/// The service control policies of one level, as one document: the other evaluator knows no levels.
fn level(number: usize) -> String {
    let mut statements = vec![
        ALLOW_ALL.to_owned(),
        "{\"Effect\":\"Deny\",\"NotAction\":[\"iam:*\",\"sts:*\",\"support:*\",\"organizations:*\"],\"Resource\":\"*\",\
         \"Condition\":{\"StringNotEquals\":{\"aws:RequestedRegion\":[\"eu-west-1\",\"eu-central-1\"]}}}"
            .to_owned(),
        "{\"Effect\":\"Deny\",\"Action\":[\"organizations:LeaveOrganization\",\"account:*\"],\"Resource\":\"*\"}".to_owned(),
    ];
    for service in ["s3", "ec2", "cloudtrail"] {
        statements.push(format!(
            "{{\"Effect\":\"Deny\",\"Action\":\"{service}:Delete*\",\"Resource\":\"*\",\"Condition\":\
             {{\"ArnNotLike\":{{\"aws:PrincipalArn\":\"arn:aws:iam::*:role/Admin{number}\"}}}}}}"
        ));
    }
    document(&statements)
}

const KEYS: [(&str, &str); 12] = [
    ("aws:CurrentTime", "2026-11-21T10:00:00Z"),
    ("aws:EpochTime", "1795255200"),
    ("aws:SecureTransport", "true"),
    ("aws:RequestedRegion", "eu-west-1"),
    ("aws:PrincipalAccount", ACCOUNT),
    ("aws:PrincipalArn", "arn:aws:iam::111122223333:role/team/Deploy"),
    ("aws:PrincipalType", "AssumedRole"),
    ("aws:PrincipalTag/team", "blue"),
    ("aws:PrincipalOrgID", "o-a1b2c3d4e5"),
    ("aws:SourceIp", "192.0.2.77"),
    ("aws:TokenIssueTime", "2026-11-21T09:00:00Z"),
    ("aws:ResourceAccount", ACCOUNT),
];

fn compile(kind: PolicyKind, text: &str) -> Arc<CompiledPolicy> {
    CompiledPolicy::from_stored(text, kind, PolicySource::named("comparison")).expect("valid")
}

fn parse(text: &str) -> PolicyDocument {
    document::parse(text).expect("valid")
}

struct Ours {
    identity: Vec<Arc<CompiledPolicy>>,
    boundary: [Arc<CompiledPolicy>; 1],
    levels: Vec<Level>,
    caller: Caller,
    context: Context,
}

impl Ours {
    fn new(identity: &[String], levels: &[String]) -> Self {
        let mut context = Context::new();
        for (key, value) in KEYS {
            context.insert(key, value);
        }
        let level = |(number, text): (usize, &String)| Level {
            name: format!("level-{number}"),
            policies: vec![compile(PolicyKind::ServiceControl, text)],
        };
        Self {
            identity: identity.iter().map(|text| compile(PolicyKind::Identity, text)).collect(),
            boundary: [compile(PolicyKind::Boundary, &document(&[ALLOW_ALL.to_owned()]))],
            levels: levels.iter().enumerate().map(level).collect(),
            caller: Caller::role_session(SESSION, None),
            context,
        }
    }

    fn is_allowed(&self, action: &Action, resource: &str) -> bool {
        let request = Request::new(&self.caller, action, Resource::new(resource), &self.context);
        let set = PolicySet {
            identity: &self.identity,
            boundary: Some(&self.boundary),
            service_control: Some(&self.levels),
            ..PolicySet::default()
        };
        evaluate(&request, &set).is_allowed()
    }
}

struct Theirs {
    identity: Vec<PolicyDocument>,
    boundary: PolicyDocument,
    levels: Vec<PolicyDocument>,
    context: HashMap<String, ContextValue>,
}

impl Theirs {
    fn new(identity: &[String], levels: &[String]) -> Self {
        Self {
            identity: identity.iter().map(|text| parse(text)).collect(),
            boundary: parse(&document(&[ALLOW_ALL.to_owned()])),
            levels: levels.iter().map(|text| parse(text)).collect(),
            context: KEYS.iter().map(|(key, value)| ((*key).to_owned(), ContextValue::String((*value).to_owned()))).collect(),
        }
    }

    fn is_allowed(&self, action: &str, resource: &str) -> bool {
        let request = AuthzRequest {
            principal_arn: SESSION,
            principal_account: ACCOUNT,
            action,
            resource_arn: resource,
            context: &self.context,
        };
        let context = EvalContext {
            identity_policies: &self.identity,
            permissions_boundary: Some(&self.boundary),
            scps: &self.levels,
            ..EvalContext::default()
        };
        eval::evaluate(&request, &context) == eval::Decision::Allow
    }
}

/// The 50th and the 99th of a hundred.
fn percentiles(mut decide: impl FnMut(usize) -> bool) -> (Duration, Duration) {
    for index in 0..SAMPLES / 10 {
        black_box(decide(index));
    }
    let mut times: Vec<Duration> = (0..SAMPLES)
        .map(|index| {
            let start = Instant::now();
            black_box(decide(index));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[SAMPLES / 2], times[SAMPLES * 99 / 100])
}

fn main() {
    let identity: Vec<String> = (0..10).map(managed).collect();
    let levels: Vec<String> = (0..5).map(level).collect();
    let (ours, theirs) = (Ours::new(&identity, &levels), Theirs::new(&identity, &levels));
    let requests: Vec<(String, Action, String)> = (0..8)
        .map(|index| {
            let (service, verb) = (SERVICES[index % 10], VERBS[index % VERBS.len()]);
            let action = format!("{service}:{verb}Thing{index}X");
            let resource = format!("arn:aws:{service}:eu-west-1:{ACCOUNT}:team-{index}/blue/x");
            (action.clone(), Action::new(&action), resource)
        })
        .collect();
    let mut allowed = 0;
    for (name, action, resource) in &requests {
        let answer = ours.is_allowed(action, resource);
        allowed += usize::from(answer);
        if answer != theirs.is_allowed(name, resource) {
            println!("  the two disagree about {name}: vestibule says {}", if answer { "allowed" } else { "denied" });
        }
    }
    let (p50, p99) = percentiles(|index| {
        let (_, action, resource) = &requests[index % requests.len()];
        ours.is_allowed(black_box(action), black_box(resource))
    });
    let (their_p50, their_p99) = percentiles(|index| {
        let (name, _, resource) = &requests[index % requests.len()];
        theirs.is_allowed(black_box(name), black_box(resource))
    });
    println!("  typical decision: 10 policies of 20 statements, a boundary, 5 levels of service control policies;");
    println!("  eight requests in turn, {allowed} allowed; clock included");
    println!("    vestibule                 p50 {p50:>10.2?}   p99 {p99:>10.2?}");
    println!("    awsim-iam-policy 0.8.0    p50 {their_p50:>10.2?}   p99 {their_p99:>10.2?}");
    println!("    ratio of the medians      {:.0}", their_p50.as_secs_f64() / p50.as_secs_f64());
}

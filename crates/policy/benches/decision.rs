//! How long a decision takes: the typical one, the worst realistic one and the worst document within the size limits.

use criterion::{Criterion, criterion_group, criterion_main};
use policy::{
    Action, Caller, CompiledPolicy, Context, Level, PolicyKind, PolicySet, PolicySource, Request, Resource, evaluate,
    explain,
};
use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;

const SERVICES: [&str; 12] =
    ["s3", "ec2", "iam", "sqs", "sns", "kms", "dynamodb", "lambda", "logs", "rds", "ecs", "organizations"];
const VERBS: [&str; 6] = ["Get", "List", "Describe", "Put", "Create", "Delete"];

fn compile(kind: PolicyKind, statements: &[String]) -> Arc<CompiledPolicy> {
    let text = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}", statements.join(","));
    CompiledPolicy::from_stored(&text, kind, PolicySource::named("bench")).expect("valid")
}

fn allow_all() -> String {
    "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}".to_owned()
}

/// A managed policy of 20 statements over ten services.
fn managed(number: usize) -> Arc<CompiledPolicy> {
    let statements: Vec<String> = (0..20)
        .map(|index| {
            let service = SERVICES[(number + index) % 10];
            let verb = VERBS[index % VERBS.len()];
            let condition = match index % 5 {
                0 => ",\"Condition\":{\"StringEquals\":{\"aws:PrincipalTag/team\":[\"blue\",\"green\"]}}",
                1 => ",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"192.0.2.0/24\"]}}",
                _ => "",
            };
            let effect = if index == 19 { "Deny" } else { "Allow" };
            format!(
                "{{\"Sid\":\"S{index}\",\"Effect\":\"{effect}\",\"Action\":[\"{service}:{verb}Thing{number}*\",\
                 \"{service}:{verb}Other*\"],\"Resource\":\"arn:aws:{service}:*:111122223333:team-{number}/\
                 ${{aws:PrincipalTag/team}}/*\"{condition}}}"
            )
        })
        .collect();
    compile(PolicyKind::Identity, &statements)
}

/// FullAWSAccess and five conditional denies.
fn level(number: usize) -> Level {
    let mut guards = vec![
        "{\"Effect\":\"Deny\",\"NotAction\":[\"iam:*\",\"sts:*\",\"route53:*\",\"support:*\",\"organizations:*\"],\
         \"Resource\":\"*\",\"Condition\":{\"StringNotEquals\":{\"aws:RequestedRegion\":[\"eu-west-1\",\
         \"eu-central-1\"]}}}"
            .to_owned(),
        "{\"Effect\":\"Deny\",\"Action\":[\"organizations:LeaveOrganization\",\"account:*\"],\"Resource\":\"*\"}"
            .to_owned(),
    ];
    for service in ["s3", "ec2", "cloudtrail"] {
        guards.push(format!(
            "{{\"Effect\":\"Deny\",\"Action\":\"{service}:Delete*\",\"Resource\":\"*\",\"Condition\":\
             {{\"ArnNotLike\":{{\"aws:PrincipalArn\":\"arn:aws:iam::*:role/Admin{number}\"}}}}}}"
        ));
    }
    let policies =
        vec![compile(PolicyKind::ServiceControl, &[allow_all()]), compile(PolicyKind::ServiceControl, &guards)];
    Level { name: format!("level-{number}"), policies }
}

/// The fifteen or so keys that every request has.
fn context() -> Context {
    let mut context = Context::with_capacity(16);
    for (key, value) in [
        ("aws:CurrentTime", "2026-11-21T10:00:00Z"),
        ("aws:EpochTime", "1795255200"),
        ("aws:SecureTransport", "true"),
        ("aws:UserAgent", "aws-cli/2.31 md/Botocore#1.44.5 ua/2.1 os/linux"),
        ("aws:RequestedRegion", "eu-west-1"),
        ("aws:PrincipalAccount", "111122223333"),
        ("aws:PrincipalArn", "arn:aws:iam::111122223333:role/team/Deploy"),
        ("aws:PrincipalType", "AssumedRole"),
        ("aws:userid", "AROAEXAMPLEEXAMPLE123:alice"),
        ("aws:PrincipalTag/team", "blue"),
        ("aws:PrincipalOrgID", "o-a1b2c3d4e5"),
        ("aws:SourceIp", "192.0.2.77"),
        ("aws:TokenIssueTime", "2026-11-21T09:00:00Z"),
        ("aws:ViaAWSService", "false"),
        ("aws:ResourceAccount", "111122223333"),
    ] {
        context.insert(key, value);
    }
    context.insert("aws:PrincipalOrgPaths", vec!["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/".to_owned()]);
    context
}

struct Workload {
    identity: Vec<Arc<CompiledPolicy>>,
    boundary: Arc<CompiledPolicy>,
    levels: Vec<Level>,
    caller: Caller,
    context: Context,
}

impl Workload {
    fn typical() -> Self {
        Self {
            identity: (0..10).map(managed).collect(),
            boundary: compile(PolicyKind::Boundary, &[allow_all()]),
            levels: (0..5).map(level).collect(),
            caller: Caller::role_session("arn:aws:sts::111122223333:assumed-role/Deploy/alice", None),
            context: context(),
        }
    }

    fn decide(&self, action: &Action, resource: &str) -> policy::Decision {
        let request = Request::new(&self.caller, action, Resource::new(resource), &self.context);
        evaluate(&request, &self.policies())
    }

    fn policies(&self) -> PolicySet<'_> {
        PolicySet {
            identity: &self.identity,
            boundary: Some(std::slice::from_ref(&self.boundary)),
            service_control: Some(&self.levels),
            ..PolicySet::default()
        }
    }
}

fn typical(bencher: &mut Criterion) {
    let workload = Workload::typical();
    let requests: Vec<(Action, String)> = (0..8)
        .map(|index| {
            let (service, verb) = (SERVICES[index % 10], VERBS[index % VERBS.len()]);
            let resource = format!("arn:aws:{service}:eu-west-1:111122223333:team-{index}/blue/x");
            (Action::new(&format!("{service}:{verb}Thing{index}X")), resource)
        })
        .collect();
    let allowed = requests.iter().filter(|(action, resource)| workload.decide(action, resource).is_allowed()).count();
    assert!(allowed > 2, "{allowed} of the requests are allowed");
    for (index, (action, resource)) in requests.iter().enumerate() {
        let outcome = workload.decide(action, resource).as_str();
        bencher.bench_function(&format!("typical/{index} {outcome}"), |bencher| {
            bencher.iter(|| black_box(workload.decide(black_box(action), black_box(resource))));
        });
    }
    let (action, resource) = &requests[0];
    bencher.bench_function("typical/explain", |bencher| {
        let request = Request::new(&workload.caller, action, Resource::new(resource), &workload.context);
        bencher.iter(|| black_box(explain(&request, &workload.policies())));
    });
    bencher.bench_function("typical/context and action built", |bencher| {
        bencher.iter(|| black_box((context(), Action::new("s3:GetThing0X"))));
    });
}

/// Everything at AWS's quotas: twenty managed policies of twenty statements, a boundary and session policies of
/// twenty, a resource policy, five levels of ten SCPs; allowed, so that every Deny is looked at.
fn worst_realistic(bencher: &mut Criterion) {
    let mut workload = Workload::typical();
    workload.identity = (0..20).map(managed).collect();
    for (number, level) in workload.levels.iter_mut().enumerate() {
        let more = (0..8).map(|index| {
            let service = SERVICES[(number + index) % SERVICES.len()];
            let guard = format!(
                "{{\"Effect\":\"Deny\",\"Action\":[\"{service}:Delete*\",\"{service}:Put{index}*\"],\"Resource\":\"*\",\
                 \"Condition\":{{\"StringNotEquals\":{{\"aws:PrincipalTag/team\":\"admins\"}}}}}}"
            );
            compile(PolicyKind::ServiceControl, &[guard])
        });
        level.policies.extend(more);
    }
    let session = [managed(3), compile(PolicyKind::Session, &[allow_all()])];
    let bucket = (0..20)
        .map(|index| {
            format!(
                "{{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"arn:aws:iam::44445555666{}:role/R{index}\"}},\
                 \"Action\":\"s3:Get*\",\"Resource\":\"arn:aws:s3:::team-0/*\"}}",
                index % 10
            )
        })
        .collect::<Vec<_>>();
    let bucket = compile(PolicyKind::Resource, &bucket);
    let action = Action::new("s3:GetThing0X");
    let resource = "arn:aws:s3:eu-west-1:111122223333:team-0/blue/x";
    let request = Request::new(&workload.caller, &action, Resource::new(resource), &workload.context);
    let policies = PolicySet { session: Some(&session), resource: Some(&bucket), ..workload.policies() };
    assert!(evaluate(&request, &policies).is_allowed());
    bencher.bench_function("worst realistic", |bencher| {
        bencher.iter(|| black_box(evaluate(black_box(&request), black_box(&policies))));
    });
}

/// Four hundred statements that are all about the service of the request, each with two patterns and a variable, of
/// which none applies.
fn one_service(bencher: &mut Criterion) {
    let mut workload = Workload::typical();
    let statement = |number: usize, index: usize| {
        format!(
            "{{\"Effect\":\"{}\",\"Action\":[\"s3:Get*\",\"s3:Put*\"],\"Resource\":[\"arn:aws:s3:::team-{number}-{index}/*\",\
             \"arn:aws:s3:::*-{index}/${{aws:PrincipalTag/team}}/*\"],\"Condition\":{{\"StringLike\":\
             {{\"aws:PrincipalArn\":\"arn:aws:iam::*:role/{number}*\"}}}}}}",
            if index % 10 == 9 { "Deny" } else { "Allow" }
        )
    };
    workload.identity = (0..20)
        .map(|number| {
            let statements: Vec<String> = (0..20).map(|index| statement(number, index)).collect();
            compile(PolicyKind::Identity, &statements)
        })
        .collect();
    let action = Action::new("s3:GetObject");
    bencher.bench_function("400 statements of one service", |bencher| {
        bencher.iter(|| black_box(workload.decide(black_box(&action), "arn:aws:s3:::data/reports/2026/11/a.csv")));
    });
}

/// Documents of one managed policy's size, made to be slow for a resource with a key of 1,024 characters (the longest
/// that S3 takes).
fn worst_document(bencher: &mut Criterion) {
    let key = "a".repeat(1_024);
    let resource = format!("arn:aws:s3:::b/{key}");
    let fill = |pattern: &str, separator: &str, size: usize| {
        let mut text = String::new();
        while text.len() + pattern.len() < size {
            write!(text, "{}{pattern}", if text.is_empty() { "" } else { separator }).expect("memory");
        }
        text
    };
    let many = |pattern: &str| fill(&format!("\"arn:aws:s3:::b/{pattern}\""), ",", 6_000);
    for (name, resources) in [
        ("one long pattern", format!("\"arn:aws:s3:::b/{}b\"", fill("*a", "", 5_900))),
        ("one long pattern with ?", format!("\"arn:aws:s3:::b/*{}b*\"", fill("?a", "", 1_000))),
        ("many searches", many("*aab*")),
        ("many searches with ?", many("*a?b*")),
        ("many stars", many("*a*a*a*a*b*")),
        ("many suffixes", many("*aaaaaaab")),
    ] {
        let statement = format!("{{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":[{resources}]}}");
        let workload = Workload {
            identity: vec![compile(PolicyKind::Identity, &[statement])],
            boundary: compile(PolicyKind::Boundary, &[allow_all()]),
            levels: Vec::new(),
            caller: Caller::user("arn:aws:iam::111122223333:user/alice", None),
            context: context(),
        };
        let action = Action::new("s3:GetObject");
        assert!(!workload.decide(&action, &resource).is_allowed());
        bencher.bench_function(&format!("worst document/{name}"), |bencher| {
            bencher.iter(|| black_box(workload.decide(black_box(&action), black_box(&resource))));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(std::time::Duration::from_secs(2));
    targets = typical, worst_realistic, one_service, worst_document
}
criterion_main!(benches);

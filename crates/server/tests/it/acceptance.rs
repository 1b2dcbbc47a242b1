//! Trusted access as the documents have it, told through the real AWS CLI in the order of an administrator's day.

use crate::aws_cli::Aws;
use crate::harness::{Scratch, Server, Start, eventually};
use crate::wire::Credentials;
use serde_json::{Value, json};

const ROLE: &str = "AWSServiceRoleForSSO";
const PRINCIPAL: &str = "--service-principal sso.amazonaws.com";
const POLICY: &str = "arn:aws:iam::aws:policy/aws-service-role/AWSSSOServiceRolePolicy";

/// A server, the administrator's CLI, and accounts with their administrators' CLIs.
struct Day {
    server: Server,
    aws: Aws,
    _scratch: Scratch,
}

impl Day {
    fn new() -> Self {
        let scratch = Scratch::new();
        Self::on(Start::durable(&scratch.join("data")), scratch)
    }

    fn on(start: Start, scratch: Scratch) -> Self {
        let server = start.server();
        let aws = Aws::of_profile(&server);
        Self { server, aws, _scratch: scratch }
    }

    /// Creates an account through the CLI.
    fn account(&self, name: &str) -> String {
        let made =
            self.aws.json(&format!("organizations create-account --email {name}@example.com --account-name {name}"));
        let status = &made["CreateAccountStatus"];
        assert_eq!(status["State"], "IN_PROGRESS", "{made}");
        let id = status["Id"].as_str().expect("an id").to_owned();
        eventually("the account is created", || {
            let status = self
                .aws
                .json(&format!("organizations describe-create-account-status --create-account-request-id {id}"));
            let status = &status["CreateAccountStatus"];
            assert_ne!(status["State"], "FAILED", "{status}");
            (status["State"] == "SUCCEEDED").then(|| status["AccountId"].as_str().expect("an id").to_owned())
        })
    }

    /// The administrator's CLI inside a member account, by `sts assume-role`.
    fn inside(&self, account: &str) -> Aws {
        Aws::of_credentials(&self.server, &assume(&self.aws, &member_role(account)))
    }

    fn enable(&self) {
        let printed = self.aws.text(&format!("organizations enable-aws-service-access {PRINCIPAL}"));
        assert_eq!(printed, "");
    }

    fn disable(&self) {
        let printed = self.aws.text(&format!("organizations disable-aws-service-access {PRINCIPAL}"));
        assert_eq!(printed, "");
    }

    fn services(&self) -> Vec<Value> {
        let listed = self.aws.json("organizations list-aws-service-access-for-organization");
        listed["EnabledServicePrincipals"].as_array().expect("a list").clone()
    }
}

fn member_role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole")
}

fn assume(aws: &Aws, role: &str) -> Credentials {
    let session = aws.json(&format!("sts assume-role --role-session-name me --role-arn {role}"));
    let text = |name: &str| session["Credentials"][name].as_str().expect("text").to_owned();
    Credentials { id: text("AccessKeyId"), secret: text("SecretAccessKey"), token: Some(text("SessionToken")) }
}

fn get_role(aws: &Aws) -> Value {
    aws.json(&format!("iam get-role --role-name {ROLE}"))["Role"].clone()
}

fn has_role(aws: &Aws) -> bool {
    let output = aws.run(&format!("iam get-role --role-name {ROLE}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || error.contains("(NoSuchEntity)"), "{error}");
    output.status.success()
}

/// Deletes the service-linked role and waits; `SUCCEEDED` or `FAILED`, and the answer.
fn delete_role(aws: &Aws) -> (String, Value) {
    let task = aws.json(&format!("iam delete-service-linked-role --role-name {ROLE}"));
    let task = task["DeletionTaskId"].as_str().expect("an id").to_owned();
    eventually("the deletion ends", || {
        let status = aws.json(&format!("iam get-service-linked-role-deletion-status --deletion-task-id {task}"));
        let word = status["Status"].as_str().expect("text").to_owned();
        (word == "SUCCEEDED" || word == "FAILED").then_some((word, status))
    })
}

/// What must be refused for the service-linked role while the service uses it, and the code.
fn mutations() -> Vec<(Vec<String>, &'static str)> {
    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let role = ["--role-name", ROLE];
    let line = |command: &str, more: &[&str]| -> Vec<String> {
        ["iam", command].iter().chain(&role).chain(more).map(|word| (*word).to_owned()).collect()
    };
    let read_only = ["--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"];
    let boundary = ["--permissions-boundary", "arn:aws:iam::aws:policy/ReadOnlyAccess"];
    let inline = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    [
        line("delete-role", &[]),
        line("attach-role-policy", &read_only),
        line("detach-role-policy", &["--policy-arn", POLICY]),
        line("put-role-policy", &["--policy-name", "more", "--policy-document", inline]),
        line("delete-role-policy", &["--policy-name", "more"]),
        line("update-assume-role-policy", &["--policy-document", trust.as_str()]),
        line("put-role-permissions-boundary", &boundary),
        line("delete-role-permissions-boundary", &[]),
        line("update-role", &["--max-session-duration", "7200"]),
        line("tag-role", &["--tags", "Key=a,Value=b"]),
    ]
    .into_iter()
    .map(|words| (words, "UnmodifiableEntity"))
    .collect()
}

fn is_unmodifiable(aws: &Aws) {
    for (words, code) in mutations() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(aws.code_of(&words), code, "{words:?}");
    }
}

fn is_canonical(role: &Value, account: &str) {
    assert_eq!(role["Path"], "/aws-service-role/sso.amazonaws.com/");
    let arn = format!("arn:aws:iam::{account}:role/aws-service-role/sso.amazonaws.com/{ROLE}");
    assert_eq!(role["Arn"], arn);
    assert_eq!(role["MaxSessionDuration"], 3600);
    let trust = &role["AssumeRolePolicyDocument"];
    assert_eq!(trust["Statement"].as_array().map(Vec::len), Some(1), "{trust}");
    let statement = &trust["Statement"][0];
    assert_eq!(statement["Effect"], "Allow");
    assert_eq!(statement["Principal"], json!({"Service": "sso.amazonaws.com"}));
    assert_eq!(statement["Action"], "sts:AssumeRole");
}

#[test]
fn trusted_access_from_the_first_enable_to_the_last_clean_up() {
    let day = Day::new();
    let management = day.server.management();

    // An organization with two accounts; nowhere is there a role of the service.
    assert_eq!(
        day.aws.code(&format!("organizations enable-aws-service-access {PRINCIPAL}")),
        "AWSOrganizationsNotInUseException"
    );
    let organization = day.aws.json("organizations create-organization --feature-set ALL");
    assert_eq!(organization["Organization"]["MasterAccountId"], management.as_str());
    let one = day.account("one");
    let two = day.account("two");
    let (inside_one, inside_two) = (day.inside(&one), day.inside(&two));
    for aws in [&day.aws, &inside_one, &inside_two] {
        assert!(!has_role(aws));
    }

    // Enabling prints nothing, twice, and keeps the date.
    day.enable();
    let first = day.services();
    assert!(
        first.len() == 1 && (first[0]["DateEnabled"].is_number() || first[0]["DateEnabled"].is_string()),
        "{first:?}"
    );
    assert_eq!(first[0]["ServicePrincipal"], "sso.amazonaws.com");
    let role = get_role(&day.aws);
    is_canonical(&role, &management);
    day.enable();
    assert_eq!(day.services(), first);
    assert_eq!(get_role(&day.aws)["RoleId"], role["RoleId"]);

    // The role comes to every member, with exactly the service's policy.
    for (aws, account) in [(&inside_one, &one), (&inside_two, &two)] {
        eventually("the member has the role", || has_role(aws).then_some(()));
        is_canonical(&get_role(aws), account);
    }
    let attached = inside_one.json(&format!("iam list-attached-role-policies --role-name {ROLE}"));
    assert_eq!(attached["AttachedPolicies"], json!([{"PolicyName": "AWSSSOServiceRolePolicy", "PolicyArn": POLICY}]));
    assert_eq!(inside_one.json(&format!("iam list-role-policies --role-name {ROLE}"))["PolicyNames"], json!([]));
    let listed = inside_one.json("iam list-roles --path-prefix /aws-service-role/sso.amazonaws.com/");
    assert_eq!(listed["Roles"].as_array().map(Vec::len), Some(1));

    // Nobody but the service assumes it, nobody changes it.
    for (aws, account) in [(&day.aws, &management), (&inside_one, &one)] {
        let arn = format!("arn:aws:iam::{account}:role/aws-service-role/sso.amazonaws.com/{ROLE}");
        assert_eq!(aws.code(&format!("sts assume-role --role-session-name me --role-arn {arn}")), "AccessDenied");
    }
    is_unmodifiable(&day.aws);
    is_unmodifiable(&inside_one);
    for aws in [&day.aws, &inside_one] {
        let (status, answer) = delete_role(aws);
        assert_eq!(status, "FAILED", "{answer}");
        assert!(
            answer["Reason"]["Reason"].as_str().is_some_and(|reason| reason.contains("trusted access")),
            "{answer}"
        );
        assert!(has_role(aws));
    }
    assert_eq!(day.aws.code("iam create-service-linked-role --aws-service-name sso.amazonaws.com"), "InvalidInput");
    let customer = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": management}, "Action": "sts:AssumeRole"}]})
    .to_string();
    day.aws.json_of(&["iam", "create-role", "--role-name", "mine", "--assume-role-policy-document", &customer]);
    assert_eq!(
        day.aws.code(&format!("iam attach-role-policy --role-name mine --policy-arn {POLICY}")),
        "PolicyNotAttachable"
    );

    // Disabling leaves every role where it is; accounts that join now get none.
    let before = [get_role(&day.aws), get_role(&inside_one), get_role(&inside_two)];
    day.disable();
    day.disable();
    assert_eq!(day.services(), Vec::<Value>::new());
    assert_eq!([get_role(&day.aws), get_role(&inside_one), get_role(&inside_two)], before);
    let three = day.account("three");
    let inside_three = day.inside(&three);
    assert!(!has_role(&inside_three));

    // Enabling again goes on as before, and the new account is served too.
    day.enable();
    assert_eq!([get_role(&day.aws), get_role(&inside_one), get_role(&inside_two)], before);
    eventually("the third member has the role", || has_role(&inside_three).then_some(()));

    // An account that is removed is cleaned up.
    let removed = day.aws.text(&format!("organizations remove-account-from-organization --account-id {two}"));
    assert_eq!(removed, "");
    eventually("the removed account is cleaned up", || (!has_role(&inside_two)).then_some(()));
    let accounts = day.aws.json("organizations list-accounts");
    assert!(!accounts.to_string().contains(&two), "{accounts}");

    // With trusted access off an administrator may delete the role, here and in a member.
    day.disable();
    for aws in [&inside_one, &day.aws] {
        let (status, answer) = delete_role(aws);
        assert_eq!(status, "SUCCEEDED", "{answer}");
        assert!(!has_role(aws));
    }
    // And enabling brings it back in both.
    day.enable();
    is_canonical(&get_role(&day.aws), &management);
    eventually("the member has the role again", || has_role(&inside_one).then_some(()));
}

#[test]
fn an_account_that_leaves_by_itself_is_cleaned_up_too() {
    let day = Day::new();
    day.aws.json("organizations create-organization");
    let account = day.account("leaver");
    day.enable();
    let inside = day.inside(&account);
    eventually("the member has the role", || has_role(&inside).then_some(()));
    assert_eq!(inside.text("organizations leave-organization"), "");
    eventually("the account is cleaned up", || (!has_role(&inside)).then_some(()));
    assert_eq!(inside.code("organizations describe-organization"), "AWSOrganizationsNotInUseException");
    // Outside, the role is the administrator's to make and to delete.
    inside.json("iam create-service-linked-role --aws-service-name sso.amazonaws.com");
    assert_eq!(delete_role(&inside).0, "SUCCEEDED");
}

#[test]
fn enabling_and_disabling_take_their_permission_in_the_management_account() {
    let day = Day::new();
    day.aws.json("organizations create-organization");
    let enable = format!("organizations enable-aws-service-access {PRINCIPAL}");
    let disable = format!("organizations disable-aws-service-access {PRINCIPAL}");
    let person = |name: &str, actions: Value, condition: Value| {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition}]});
        Aws::of_credentials(&day.server, &day.server.user(name, Some(&policy)))
    };
    let nobody = person("nobody", json!("iam:ListUsers"), json!({}));
    assert_eq!(nobody.code(&enable), "AccessDeniedException");
    let here = json!({"StringEquals": {"organizations:ServicePrincipal": "sso.amazonaws.com"}});
    let elsewhere = json!({"StringEquals": {"organizations:ServicePrincipal": "ram.amazonaws.com"}});
    let other = person("other", json!("organizations:*AWSServiceAccess"), elsewhere);
    assert_eq!(other.code(&enable), "AccessDeniedException");
    let opener = person("opener", json!("organizations:EnableAWSServiceAccess"), here.clone());
    assert_eq!(opener.text(&enable), "");
    assert_eq!(opener.code(&disable), "AccessDeniedException");
    assert_eq!(opener.code("organizations list-aws-service-access-for-organization"), "AccessDeniedException");
    assert!(has_role(&day.aws));
    let closer = person("closer", json!("organizations:DisableAWSServiceAccess"), here);
    assert_eq!(closer.text(&disable), "");
    assert_eq!(day.services(), Vec::<Value>::new());

    // A member's administrator may do neither, a role of the management account both.
    let account = day.account("member");
    let inside = day.inside(&account);
    for line in [&enable, &disable] {
        assert_eq!(inside.code(line), "AccessDeniedException");
    }
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": day.server.management()}, "Action": "sts:AssumeRole"}]})
    .to_string();
    let role =
        day.aws.json_of(&["iam", "create-role", "--role-name", "operator", "--assume-role-policy-document", &trust]);
    day.aws
        .text("iam attach-role-policy --role-name operator --policy-arn arn:aws:iam::aws:policy/AdministratorAccess");
    let operator = Aws::of_credentials(&day.server, &assume(&day.aws, role["Role"]["Arn"].as_str().expect("text")));
    assert_eq!(operator.text(&enable), "");
    assert_eq!(operator.text(&disable), "");
}

#[test]
fn services_that_nobody_knows_are_refused_and_delegation_is_for_one_member() {
    let day = Day::new();
    day.aws.json("organizations create-organization");
    assert_eq!(
        day.aws.code("organizations enable-aws-service-access --service-principal nobody.amazonaws.com"),
        "InvalidInputException"
    );
    day.enable();
    let (one, two) = (day.account("one"), day.account("two"));
    let register =
        |account: &str| format!("organizations register-delegated-administrator --account-id {account} {PRINCIPAL}");
    assert_eq!(day.inside(&one).code(&register(&one)), "AccessDeniedException");
    assert_eq!(day.aws.text(&register(&one)), "");
    assert_eq!(day.aws.code(&register(&two)), "ConstraintViolationException");
    let listed = day.aws.json(&format!("organizations list-delegated-administrators {PRINCIPAL}"));
    assert_eq!(listed["DelegatedAdministrators"][0]["Id"], one.as_str());
    // The delegate neither enables nor disables.
    let inside = day.inside(&one);
    for verb in ["enable", "disable"] {
        let line = format!("organizations {verb}-aws-service-access {PRINCIPAL}");
        assert_eq!(inside.code(&line), "AccessDeniedException");
    }
}

#[test]
fn the_second_version_of_the_cli_works_too() {
    let second = crate::aws_cli::aws_program_of_the_distribution();
    let server = Server::ephemeral();
    let endpoint = format!("http://{}", server.address);
    let aws = Aws::of_credentials(&server, &server.admin()).with_program(&second, &["--endpoint-url", &endpoint]);
    let identity = aws.json("sts get-caller-identity");
    assert_eq!(identity["Account"], server.management().as_str());
    aws.json("organizations create-organization --feature-set ALL");
    assert_eq!(aws.text(&format!("organizations enable-aws-service-access {PRINCIPAL}")), "");
    is_canonical(&get_role(&aws), &server.management());
    assert_eq!(aws.code(&format!("iam delete-role --role-name {ROLE}")), "UnmodifiableEntity");
    let made = aws.json("organizations create-account --email v2@example.com --account-name v2");
    assert_eq!(made["CreateAccountStatus"]["State"], "IN_PROGRESS");
}

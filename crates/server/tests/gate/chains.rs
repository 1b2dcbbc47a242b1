//! Trust policies, sessions that open sessions, and what goes along with them.

use crate::support::{MANAGEMENT, World, account, assumption, policy, refusal, trust};
use kernel::caller::Caller;
use model::sts::{AssumeRoleRequest, Tag};

const ASSUME: &str = r#""sts:AssumeRole""#;
const ASSUME_TAGGED: &str = r#"["sts:AssumeRole","sts:TagSession"]"#;

fn refused_assumption(caller: &Caller, arn: &str) -> String {
    format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}", caller.arn())
}

fn message(result: kernel::Result<Caller>) -> Result<(), String> {
    result.map(drop).map_err(|error| error.message().to_owned())
}

#[test]
fn trusting_the_account_delegates_and_trusting_the_user_grants() {
    let world = World::new();
    let own = account(MANAGEMENT);
    let (alice, carol) = (world.user(&own, "alice", None), world.user(&own, "carol", Some(&policy("Allow", "sts:*"))));
    let delegating = world.role(&own, "delegating", &trust(MANAGEMENT, ASSUME, "{}"), None);
    let granting = world.role(&own, "granting", &trust(&alice.arn(), ASSUME, "{}"), None);
    assert_eq!(message(world.assume(&alice, assumption(&delegating))), Err(refused_assumption(&alice, &delegating)));
    assert_eq!(message(world.assume(&carol, assumption(&delegating))), Ok(()));
    assert_eq!(message(world.assume(&alice, assumption(&granting))), Ok(()));
    assert_eq!(message(world.assume(&carol, assumption(&granting))), Err(refused_assumption(&carol, &granting)));
    // Across accounts both sides must allow.
    let foreign = world.role(&world.member, "foreign", &trust(&alice.arn(), ASSUME, "{}"), None);
    assert_eq!(message(world.assume(&alice, assumption(&foreign))), Err(refused_assumption(&alice, &foreign)));
    world.put_user_policy(&own, "alice", &policy("Allow", "sts:AssumeRole"));
    assert_eq!(message(world.assume(&alice, assumption(&foreign))), Ok(()));
}

#[test]
fn a_trust_policy_can_ask_for_the_organization() {
    let world = World::new();
    let own = account(MANAGEMENT);
    let caller = world.user(&own, "alice", Some(&policy("Allow", "sts:AssumeRole")));
    let organization = world
        .call::<model::organizations::ops::DescribeOrganization>(&world.management(), smithy::schema::Unit)
        .organization
        .and_then(|organization| organization.id)
        .expect("an id");
    let asking = |name: &str, condition: String| world.role(&world.member, name, &trust("*", ASSUME, &condition), None);
    let inside = asking("inside", format!(r#"{{"StringEquals":{{"aws:PrincipalOrgID":"{organization}"}}}}"#));
    let outside = asking("outside", r#"{"StringEquals":{"aws:PrincipalOrgID":"o-aaaaaaaaaa"}}"#.to_owned());
    let path = format!("{organization}/{}/*", world.root_id);
    let below = asking("below", format!(r#"{{"ForAnyValue:StringLike":{{"aws:PrincipalOrgPaths":"{path}"}}}}"#));
    assert_eq!(message(world.assume(&caller, assumption(&inside))), Ok(()));
    assert_eq!(message(world.assume(&caller, assumption(&below))), Ok(()));
    assert_eq!(message(world.assume(&caller, assumption(&outside))), Err(refused_assumption(&caller, &outside)));
    // An account outside the organization has no such key.
    let stranger = account("999988887777");
    let request = world.app.request();
    world
        .app
        .app
        .write_as(&Caller::Anonymous, &request, |cx| {
            let (tx, state) = (&mut cx.write(), iam::account::AccountState::Active);
            iam::account::create(tx, &stranger, "stranger@example.org", "stranger", state, kernel::testing::START)
        })
        .expect("a new account");
    let stranger = world.user(&stranger, "mallory", Some(&policy("Allow", "sts:AssumeRole")));
    assert_eq!(message(world.assume(&stranger, assumption(&inside))), Err(refused_assumption(&stranger, &inside)));
    assert_eq!(message(world.assume(&stranger, assumption(&below))), Err(refused_assumption(&stranger, &below)));
}

#[test]
fn session_tags_decide_and_go_down_the_chain_when_they_are_transitive() {
    let world = World::new();
    let own = account(MANAGEMENT);
    let alice = world.user(&own, "alice", Some(&policy("Allow", "sts:*")));
    let first = world.role(&own, "first", &trust(MANAGEMENT, ASSUME_TAGGED, "{}"), Some(&policy("Allow", "sts:*")));
    let blue = r#"{"StringEquals":{"aws:PrincipalTag/team":"blue"}}"#;
    let reading = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{blue}}}]}}"#
    );
    let second = world.role(&own, "second", &trust(MANAGEMENT, ASSUME_TAGGED, blue), Some(&reading));
    let tagged = |team: &str, transitive: bool| AssumeRoleRequest {
        tags: Some(vec![Tag { key: "Team".to_owned(), value: team.to_owned() }]),
        transitive_tag_keys: transitive.then(|| vec!["Team".to_owned()]),
        ..assumption(&first)
    };
    assert_eq!(message(world.assume(&alice, assumption(&second))), Err(refused_assumption(&alice, &second)));
    let red = world.assume(&alice, tagged("red", true)).expect("assumed");
    assert_eq!(message(world.assume(&red, assumption(&second))), Err(refused_assumption(&red, &second)));
    let passing = world.assume(&alice, tagged("blue", true)).expect("assumed");
    let last = world.assume(&passing, assumption(&second)).expect("assumed");
    assert_eq!(world.ask(&last), Ok(()), "the tag came down the chain");
    let keeping = world.assume(&alice, tagged("blue", false)).expect("assumed");
    let last = world.assume(&keeping, assumption(&second)).expect("the tag is the caller's");
    let reason = "because no identity-based policy allows the iam:GetUser action";
    assert_eq!(world.ask(&last), refusal(&last, reason), "the tag stayed behind");
}

#[test]
fn tags_need_the_permission_to_tag_the_session() {
    let world = World::new();
    let own = account(MANAGEMENT);
    let alice = world.user(&own, "alice", Some(&policy("Allow", "sts:*")));
    let plain = world.role(&own, "plain", &trust(MANAGEMENT, ASSUME, "{}"), None);
    let tags = Some(vec![Tag { key: "team".to_owned(), value: "blue".to_owned() }]);
    let refused = message(world.assume(&alice, AssumeRoleRequest { tags, ..assumption(&plain) }));
    let sentence = format!("User: {} is not authorized to perform: sts:TagSession on resource: {plain}", alice.arn());
    assert_eq!(refused, Err(sentence));
}

//! Authentication methods.

use crate::application_support::{World, failure, management, of};
use kernel::Result;
use kernel::testing::code;
use model::sso_admin::{
    AuthenticationMethod, AuthenticationMethodType, DeleteApplicationAuthenticationMethodRequest,
    GetApplicationAuthenticationMethodRequest, IamAuthenticationMethod, ListApplicationAuthenticationMethodsRequest,
    PutApplicationAuthenticationMethodRequest, ops,
};
use smithy::Document;
use sso::application;

/// Spaces and order of keys are somebody's own.
pub(super) const POLICY: &str = r#"{ "Version": "2012-10-17",
  "Statement": [{"Effect":"Allow", "Principal": {"AWS":"arn:aws:iam::111122223333:root"},
     "Action": "sso-oauth:CreateTokenWithIAM", "Resource": "*"}] }"#;

pub(super) fn put(world: &World, arn: &str, policy: &str) -> Result<()> {
    put_method(world, arn, Some(Document::parse(policy).expect("JSON")))
}

fn put_method(world: &World, arn: &str, policy: Option<Document>) -> Result<()> {
    let input = PutApplicationAuthenticationMethodRequest {
        application_arn: arn.to_owned(),
        authentication_method: AuthenticationMethod {
            iam: policy.map(|actor_policy| IamAuthenticationMethod { actor_policy }),
        },
        authentication_method_type: AuthenticationMethodType::Iam,
    };
    world.call::<ops::PutApplicationAuthenticationMethod>(&management(), input).map(|_| ())
}

fn get(world: &World, arn: &str) -> Result<String> {
    let input = GetApplicationAuthenticationMethodRequest {
        application_arn: arn.to_owned(),
        authentication_method_type: AuthenticationMethodType::Iam,
    };
    let got = world.call::<ops::GetApplicationAuthenticationMethod>(&management(), input)?;
    let method = got.authentication_method.and_then(|method| method.iam).expect("there is a method");
    Ok(method.actor_policy.as_json().to_owned())
}

#[test]
fn an_actor_policy_is_given_back_as_it_was_put() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    assert_eq!(code(get(&world, &arn)), "ResourceNotFoundException");
    put(&world, &arn, POLICY).expect("put");
    assert_eq!(get(&world, &arn).expect("got"), POLICY);
    let other = POLICY.replace("root", "role/Backend");
    put(&world, &arn, &other).expect("replaced");
    assert_eq!(get(&world, &arn).expect("got"), other);
    let found = world.read(|tx| {
        let application = application::find(tx, &arn)?.expect("there is one");
        application::actor_policy(tx, &application)
    });
    assert_eq!(found, Some(other));
}

#[test]
fn what_is_no_policy_is_refused() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let text = Document::string(POLICY);
    let long = POLICY.replace("2012-10-17\",", &format!("2012-10-17\",{}", " ".repeat(20_480)));
    for bad in [
        "null",
        "[]",
        text.as_json(),
        "{}",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        &POLICY.replace("Allow", "Maybe"),
        &POLICY.replace("\"Action\"", "\"Actions\""),
        &long,
    ] {
        let failed = failure(put(&world, &arn, bad));
        assert!(failed.starts_with("ValidationException: ActorPolicy "), "{bad}: {failed}");
    }
    assert_eq!(code(put_method(&world, &arn, None)), "ValidationException");
    assert_eq!(code(get(&world, &arn)), "ResourceNotFoundException");
}

#[test]
fn methods_are_listed_and_deleted() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let list = |token: Option<String>| {
        let input = ListApplicationAuthenticationMethodsRequest { application_arn: arn.clone(), next_token: token };
        world.call::<ops::ListApplicationAuthenticationMethods>(&management(), input)
    };
    assert_eq!(list(None).expect("listed").authentication_methods.map(|list| list.len()), Some(0));
    put(&world, &arn, POLICY).expect("put");
    let listed = list(None).expect("listed");
    assert!(listed.next_token.is_none());
    let methods = listed.authentication_methods.unwrap_or_default();
    let [method] = methods.as_slice() else { panic!("one method") };
    assert_eq!(method.authentication_method_type, Some(AuthenticationMethodType::Iam));
    let policy =
        method.authentication_method.as_ref().and_then(|method| method.iam.as_ref()).map(|iam| &iam.actor_policy);
    assert_eq!(policy.map(Document::as_json), Some(POLICY));
    assert_eq!(code(list(Some("x".to_owned()))), "ValidationException");
    let delete = || {
        let input = DeleteApplicationAuthenticationMethodRequest {
            application_arn: arn.clone(),
            authentication_method_type: AuthenticationMethodType::Iam,
        };
        world.call::<ops::DeleteApplicationAuthenticationMethod>(&management(), input)
    };
    delete().expect("deleted");
    assert_eq!(code(delete()), "ResourceNotFoundException");
    assert_eq!(code(get(&world, &arn)), "ResourceNotFoundException");
}

#[test]
fn methods_of_another_accounts_application_are_out_of_reach() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    put(&world, &arn, POLICY).expect("put");
    let input = GetApplicationAuthenticationMethodRequest {
        application_arn: arn,
        authentication_method_type: AuthenticationMethodType::Iam,
    };
    let got = world.call::<ops::GetApplicationAuthenticationMethod>(&of(&world.member), input);
    assert_eq!(code(got), "AccessDeniedException");
}

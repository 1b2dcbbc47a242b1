//! Attributes for access control and the session tags that they become.

use crate::support::{admin, app, permissions};
use base::IdentityUserId;
use identity::user::{Status, User};
use kernel::Result;
use kernel::testing::{START, TestApp, code};
use model::identitystore::{self, Email, Name};
use model::sso_admin::{
    AccessControlAttribute, AccessControlAttributeValue, CreateInstanceAccessControlAttributeConfigurationRequest,
    DeleteInstanceAccessControlAttributeConfigurationRequest,
    DescribeInstanceAccessControlAttributeConfigurationRequest, InstanceAccessControlAttributeConfiguration,
    UpdateInstanceAccessControlAttributeConfigurationRequest, ops,
};
use smithy::Document;
use sso::instance::Instance;
use std::collections::BTreeMap;

fn configuration(attributes: &[(&str, &str)]) -> InstanceAccessControlAttributeConfiguration {
    let attribute = |(key, source): &(&str, &str)| AccessControlAttribute {
        key: (*key).to_owned(),
        value: AccessControlAttributeValue { source: vec![(*source).to_owned()] },
    };
    InstanceAccessControlAttributeConfiguration {
        access_control_attributes: attributes.iter().map(attribute).collect(),
    }
}

fn create(app: &TestApp, instance: &Instance, attributes: &[(&str, &str)]) -> Result<()> {
    let input = CreateInstanceAccessControlAttributeConfigurationRequest {
        instance_arn: instance.arn(),
        instance_access_control_attribute_configuration: configuration(attributes),
    };
    app.call::<ops::CreateInstanceAccessControlAttributeConfiguration>(&admin(), input).map(|_| ())
}

fn update(app: &TestApp, instance: &Instance, attributes: &[(&str, &str)]) -> Result<()> {
    let input = UpdateInstanceAccessControlAttributeConfigurationRequest {
        instance_arn: instance.arn(),
        instance_access_control_attribute_configuration: configuration(attributes),
    };
    app.call::<ops::UpdateInstanceAccessControlAttributeConfiguration>(&admin(), input).map(|_| ())
}

fn describe(app: &TestApp, instance: &Instance) -> Result<Vec<(String, String)>> {
    let input = DescribeInstanceAccessControlAttributeConfigurationRequest { instance_arn: instance.arn() };
    let described = app.call::<ops::DescribeInstanceAccessControlAttributeConfiguration>(&admin(), input)?;
    assert_eq!(described.status.map(|status| status.as_str()), Some("ENABLED"));
    let configuration = described.instance_access_control_attribute_configuration.expect("described");
    let attributes = configuration.access_control_attributes.into_iter();
    Ok(attributes.map(|attribute| (attribute.key, attribute.value.source.concat())).collect())
}

fn delete(app: &TestApp, instance: &Instance) -> Result<()> {
    let input = DeleteInstanceAccessControlAttributeConfigurationRequest { instance_arn: instance.arn() };
    app.call::<ops::DeleteInstanceAccessControlAttributeConfiguration>(&admin(), input).map(|_| ())
}

fn user(instance: &Instance) -> User {
    let enterprise = Document::parse(r#"{"department":"Engines","costCenter":"C&D"}"#).expect("JSON");
    let attributes = identitystore::User {
        name: Some(Name { given_name: Some("Ada".to_owned()), ..Name::default() }),
        emails: Some(vec![Email { value: Some("ada@example.com".to_owned()), primary: Some(true), r#type: None }]),
        extensions: Some(BTreeMap::from([("aws:identitystore:enterprise".to_owned(), enterprise)])),
        ..identitystore::User::default()
    };
    User {
        id: IdentityUserId::parse("01234567-89ab-4cde-8f01-23456789abcd").expect("valid"),
        store: instance.store.clone(),
        user_name: "ada".to_owned(),
        display_name: Some("Ada Lovelace".to_owned()),
        status: Status::Enabled,
        attributes,
        source_id: None,
        revision: 0,
        created_at: START,
        created_by: String::new(),
        updated_at: START,
        updated_by: String::new(),
    }
}

#[test]
fn a_configuration_is_made_once_replaced_as_a_whole_and_deleted() {
    let (app, instance) = app();
    assert_eq!(code(describe(&app, &instance)), "ResourceNotFoundException");
    assert_eq!(code(update(&app, &instance, &[])), "ResourceNotFoundException");
    assert_eq!(code(delete(&app, &instance)), "ResourceNotFoundException");
    create(&app, &instance, &[("b", "${path:userName}"), ("a", "${path:title}")]).expect("created");
    assert_eq!(code(create(&app, &instance, &[])), "ConflictException");
    let described = describe(&app, &instance).expect("described");
    assert_eq!(described[0], ("b".to_owned(), "${path:userName}".to_owned()));
    assert_eq!(described.len(), 2);
    update(&app, &instance, &[("c", "${path:displayName}")]).expect("updated");
    assert_eq!(describe(&app, &instance).expect("described"), [("c".to_owned(), "${path:displayName}".to_owned())]);
    delete(&app, &instance).expect("deleted");
    assert_eq!(code(describe(&app, &instance)), "ResourceNotFoundException");
}

#[test]
fn keys_are_unique_whatever_their_case_and_sources_must_be_understood() {
    let (app, instance) = app();
    let twice = [("Team", "${path:title}"), ("team", "${path:userType}")];
    assert_eq!(code(create(&app, &instance, &twice)), "ValidationException");
    assert_eq!(code(create(&app, &instance, &[("Team", "${path:title")])), "ValidationException");
    assert_eq!(code(describe(&app, &instance)), "ResourceNotFoundException");
}

#[test]
fn session_tags_are_what_the_user_has_and_a_tag_can_hold() {
    let (app, instance) = app();
    let tags = || {
        let user = user(&instance);
        app.app.store.read(|tx| sso::attribute::session_tags(tx, &instance, &user)).expect("evaluated")
    };
    assert!(tags().is_empty());
    let attributes = [
        ("Name", "${path:userName}"),
        ("Shown", "${path:displayName}"),
        ("Mail", "${path:emails[primary eq true].value}"),
        ("Department", "${path:enterprise.department}"),
        ("CostCenter", "${path:enterprise.costCenter}"),
        ("Title", "${path:title}"),
    ];
    create(&app, &instance, &attributes).expect("created");
    let expected = [("Name", "ada"), ("Shown", "Ada Lovelace"), ("Mail", "ada@example.com"), ("Department", "Engines")];
    assert_eq!(tags(), expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
}

#[test]
fn the_permission_is_for_the_instance() {
    let (app, instance) = app();
    let input = DeleteInstanceAccessControlAttributeConfigurationRequest { instance_arn: instance.arn() };
    let taken = permissions::<ops::DeleteInstanceAccessControlAttributeConfiguration>(&app, &admin(), &input);
    assert_eq!(taken[0].resource, instance.arn());
    assert_eq!(taken[0].action, "sso:DeleteInstanceAccessControlAttributeConfiguration");
}

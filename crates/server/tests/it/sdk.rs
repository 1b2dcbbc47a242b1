//! The Rust SDK as a client: configured as anybody configures it, by the files of the first start.

use crate::harness::{PATIENCE, Scratch, Server, Start};
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_organizations::operation::describe_organization::DescribeOrganizationError;
use aws_sdk_organizations::types::{CreateAccountState, OrganizationFeatureSet};
use std::time::{Duration, Instant};

/// The configuration of the profile that the first start wrote.
async fn of_profile(server: &Server) -> SdkConfig {
    let file = |name: &str| server.data.join("aws").join(name);
    let files = EnvConfigFiles::builder()
        .with_file(EnvConfigFileKind::Config, file("config"))
        .with_file(EnvConfigFileKind::Credentials, file("credentials"))
        .build();
    loader().profile_files(files).profile_name("vestibule").load().await
}

fn loader() -> ConfigLoader {
    let http = aws_smithy_http_client::Builder::new().build_http();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http)
}

/// A session of the role, as the configuration of a client.
async fn assumed(config: &SdkConfig, role: &str) -> SdkConfig {
    let sts = aws_sdk_sts::Client::new(config);
    let answer = sts.assume_role().role_arn(role).role_session_name("me").send().await.expect("assumed");
    let session = answer.credentials().expect("credentials");
    let credentials = aws_credential_types::Credentials::new(
        session.access_key_id(),
        session.secret_access_key(),
        Some(session.session_token().to_owned()),
        None,
        "test",
    );
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(credentials);
    config.to_builder().credentials_provider(provider).build()
}

async fn create_account(client: &aws_sdk_organizations::Client, name: &str) -> String {
    let email = format!("{name}@example.com");
    let made = client.create_account().email(email).account_name(name).send().await.expect("accepted");
    let id = made.create_account_status().and_then(|status| status.id()).expect("an id").to_owned();
    let started = Instant::now();
    loop {
        let status = client.describe_create_account_status().create_account_request_id(&id).send().await.expect("told");
        let status = status.create_account_status().expect("a status");
        if let Some(account) = status.account_id().filter(|_| status.state() == Some(&CreateAccountState::Succeeded)) {
            return account.to_owned();
        }
        assert!(started.elapsed() < PATIENCE, "{status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn an_administrators_day_through_the_rust_sdk() {
    let scratch = Scratch::new();
    let server = Start::durable(&scratch.join("data")).server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(day(&server));
}

async fn day(server: &Server) {
    let config = of_profile(server).await;
    let organizations = aws_sdk_organizations::Client::new(&config);
    let iam = aws_sdk_iam::Client::new(&config);
    let sts = aws_sdk_sts::Client::new(&config);

    let identity = sts.get_caller_identity().send().await.expect("known");
    assert_eq!(identity.account(), Some(server.management().as_str()));
    let absent = organizations.describe_organization().send().await.expect_err("no organization yet");
    assert!(matches!(absent.into_service_error(), DescribeOrganizationError::AwsOrganizationsNotInUseException(_)));

    let made = organizations.create_organization().feature_set(OrganizationFeatureSet::All).send().await.expect("made");
    let organization = made.organization().expect("an organization");
    assert_eq!(organization.master_account_id(), Some(server.management().as_str()));
    let account = create_account(&organizations, "one").await;
    let mut pages = organizations.list_accounts().max_results(1).into_paginator().send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("a page");
        assert!(page.accounts().len() <= 1);
        listed.extend(page.accounts().iter().filter_map(|account| account.id()).map(str::to_owned));
    }
    assert_eq!(listed.len(), 2);
    assert!(listed.contains(&account));

    let role = iam.get_role().role_name("AWSServiceRoleForSSO").send().await.expect_err("not yet");
    assert!(role.into_service_error().is_no_such_entity_exception());
    for _ in 0..2 {
        let enable = organizations.enable_aws_service_access().service_principal("sso.amazonaws.com");
        enable.send().await.expect("enabled");
    }
    let services = organizations.list_aws_service_access_for_organization().send().await.expect("listed");
    assert!(services.enabled_service_principals()[0].date_enabled().is_some());
    let role = iam.get_role().role_name("AWSServiceRoleForSSO").send().await.expect("there at once");
    let arn = role.role().expect("a role").arn().to_owned();
    assert!(arn.ends_with(":role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO"), "{arn}");
    let refused = sts.assume_role().role_arn(&arn).role_session_name("me").send().await.expect_err("nobody may");
    assert_eq!(aws_sdk_sts::error::ProvideErrorMetadata::code(&refused), Some("AccessDenied"));
    let refused = iam.delete_role().role_name("AWSServiceRoleForSSO").send().await.expect_err("never");
    assert!(refused.into_service_error().is_unmodifiable_entity_exception());

    let inside = assumed(&config, &format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole")).await;
    let member = aws_sdk_sts::Client::new(&inside).get_caller_identity().send().await.expect("known");
    assert_eq!(member.account(), Some(account.as_str()));
    let started = Instant::now();
    let member_iam = aws_sdk_iam::Client::new(&inside);
    while member_iam.get_role().role_name("AWSServiceRoleForSSO").send().await.is_err() {
        assert!(started.elapsed() < PATIENCE, "the member never gets the role");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = aws_sdk_organizations::Client::new(&inside).list_roots().send().await.expect_err("a member may not");
    assert!(refused.into_service_error().is_access_denied_exception());
    audited(&config).await;
}

/// What was done is in the audit trail, as CloudTrail tells it.
async fn audited(config: &SdkConfig) {
    use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
    let attribute = LookupAttribute::builder()
        .attribute_key(LookupAttributeKey::EventName)
        .attribute_value("EnableAWSServiceAccess")
        .build()
        .expect("complete");
    let cloudtrail = aws_sdk_cloudtrail::Client::new(config);
    let found = cloudtrail.lookup_events().lookup_attributes(attribute).send().await.expect("found");
    assert_eq!(found.events().len(), 2);
    let record = found.events()[0].cloud_trail_event().expect("a record");
    let record: serde_json::Value = serde_json::from_str(record).expect("JSON");
    assert_eq!(record["eventSource"], "organizations.amazonaws.com");
    assert_eq!(record["requestParameters"]["servicePrincipal"], "sso.amazonaws.com");
}

//! Identity providers that send browsers to the console.

use super::site::{MANAGEMENT, Page, Site};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation::certificate::Certificate;
use federation::keys::SigningKey;
use federation::saml::sign::{self, IdentityProviderDescription, Signed, StatedAttribute, Statement};
use federation::saml::{AWS_AUDIENCE, BINDING_POST, FORMAT_PERSISTENT};
use model::iam::{self as shapes, ops};
use serde_json::json;

const ISSUER: &str = "https://idp.example.com/saml";
const RECIPIENT: &str = "https://signin.aws.amazon.com/saml";

struct IdentityProvider {
    key: SigningKey,
    certificate: Certificate,
    arn: String,
}

impl IdentityProvider {
    /// Registers a provider in the management account.
    fn new(site: &Site) -> Self {
        let key = SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("a key")).expect("a key");
        let now = site.test.app.now();
        let until = now.plus_seconds(90 * 86_400);
        let certificate = Certificate::self_signed(&key, "idp", [1; 16], now, until).expect("a certificate");
        let metadata = sign::identity_provider_metadata(&IdentityProviderDescription {
            entity_id: ISSUER,
            certificates: &[&certificate],
            single_sign_on: &[(BINDING_POST, "https://idp.example.com/sso")],
            single_logout: &[],
            name_id_formats: &[],
            valid_until: None,
        });
        let input = shapes::CreateSAMLProviderRequest {
            name: "idp".to_owned(),
            saml_metadata_document: metadata.expect("metadata"),
            ..Default::default()
        };
        let made = site.test.call::<ops::CreateSAMLProvider>(&site.admin(), input).expect("registered");
        Self { key, certificate, arn: made.saml_provider_arn.expect("an ARN") }
    }

    /// A role that trusts the provider.
    fn role(&self, site: &Site, name: &str) -> String {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Federated": self.arn}, "Action": "sts:AssumeRoleWithSAML",
            "Condition": {"StringEquals": {"SAML:aud": RECIPIENT}},
        }]});
        let input = shapes::CreateRoleRequest {
            role_name: name.to_owned(),
            assume_role_policy_document: trust.to_string(),
            ..Default::default()
        };
        site.test.call::<ops::CreateRole>(&site.admin(), input).expect("a role").role.arn
    }

    fn response(&self, key: &SigningKey, issued_at: Timestamp, roles: &[String]) -> String {
        let offers: Vec<String> = roles.iter().map(|role| format!("{role},{}", self.arn)).collect();
        let offers: Vec<&str> = offers.iter().map(String::as_str).collect();
        let attributes = [
            StatedAttribute { name: "https://aws.amazon.com/SAML/Attributes/Role", values: &offers },
            StatedAttribute { name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", values: &["ann"] },
        ];
        let statement = Statement {
            response_id: "_r1",
            assertion_id: "_a1",
            in_response_to: None,
            issuer: ISSUER,
            recipient: RECIPIENT,
            audience: AWS_AUDIENCE,
            name_id: "ann",
            name_id_format: FORMAT_PERSISTENT,
            session_index: "_s1",
            authenticated_at: issued_at,
            issued_at,
            not_before: issued_at,
            not_on_or_after: issued_at.plus_seconds(300),
            attributes: &attributes,
        };
        STANDARD.encode(sign::response(&statement, Signed::Assertion, key, &self.certificate).expect("signed"))
    }
}

/// As the page of an identity provider has a browser send it.
fn post(site: &Site, fields: &[(&str, &str)]) -> (Page, Page) {
    let mut browser = site.browser();
    let headers = [("sec-fetch-site", "cross-site"), ("origin", "https://idp.example.com")];
    let page = browser.post_with("/saml", fields, &headers);
    (page, browser.get("/console"))
}

#[test]
fn one_role_is_entered_at_once() {
    let site = Site::new();
    let provider = IdentityProvider::new(&site);
    let role = provider.role(&site, "Reader");
    let response = provider.response(&provider.key, site.test.app.now(), &[role]);
    let relay = "https://console.aws.amazon.com/s3/";
    let (page, console) = post(&site, &[("SAMLResponse", &response), ("RelayState", relay)]);
    assert_eq!((page.status, page.header("location").is_some()), (303, true), "{}", page.body);
    assert!(
        page.header("location").is_some_and(|place| place.starts_with("/console?destination=https%3A%2F%2Fconsole"))
    );
    assert!(console.body.contains("assumed-role/Reader/ann"), "{}", console.body);
    assert!(console.body.contains("a SAML identity provider"), "{}", console.body);
}

#[test]
fn among_several_roles_one_is_chosen() {
    let site = Site::new();
    let provider = IdentityProvider::new(&site);
    let (reader, writer) = (provider.role(&site, "Reader"), provider.role(&site, "Writer"));
    let missing = format!("arn:aws:iam::{MANAGEMENT}:role/Missing");
    let response = provider.response(&provider.key, site.test.app.now(), &[reader, writer.clone(), missing.clone()]);
    let mut browser = site.browser();
    let page = browser.post_with("/saml", &[("SAMLResponse", &response)], &[("sec-fetch-site", "cross-site")]);
    assert_eq!((page.status, page.heading()), (200, "Select a role"), "{}", page.body);
    assert!(
        page.body.contains("<div class=\"saml-account-name\">Account: Management (111122223333)</div>"),
        "{}",
        page.body
    );
    assert!(page.body.contains(&format!("<label for=\"{writer}\">Writer</label>")), "{}", page.body);
    let refused = browser.submit(&page, "/saml", &[("roleIndex", &missing)]);
    assert_eq!((refused.status, refused.heading()), (403, "Select a role"), "{}", refused.body);
    assert!(refused.body.contains("Not authorized to perform sts:AssumeRoleWithSAML"), "{}", refused.body);
    let entered = browser.submit(&refused, "/saml", &[("roleIndex", &writer)]);
    assert_eq!((entered.status, entered.header("location")), (303, Some("/console")), "{}", entered.body);
    assert!(browser.get("/console").body.contains("assumed-role/Writer/ann"));
}

#[test]
fn only_a_registered_provider_lets_in_and_only_at_once() {
    let site = Site::new();
    let provider = IdentityProvider::new(&site);
    let role = provider.role(&site, "Reader");
    let other = SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("a key")).expect("a key");
    let now = site.test.app.now();
    let forged = provider.response(&other, now, std::slice::from_ref(&role));
    let late = provider.response(&provider.key, now.plus_seconds(-600), &[role]);
    for (response, text) in [(forged, "Response signature invalid"), (late, "expired")] {
        let (page, console) = post(&site, &[("SAMLResponse", &response)]);
        assert_eq!((page.status, page.heading()), (400, "Your request included an invalid SAML response"));
        assert!(page.body.contains(text), "{}", page.body);
        assert_eq!(console.status, 303, "nobody is let in");
    }
}

//! People of an account's own instance, which the server's own address does not mean.

use super::recovery::last_link;
use super::site::{PASSWORD, Site, user};
use super::tools::call;
use base::{AccountId, IdentityUserId, InstanceId, Secret};
use iam::account::AccountState;
use kernel::Caller;
use kernel::testing::{START, root};
use model::sso_admin::{CreateInstanceRequest, ops as admin_ops};
use model::sso_oidc::{RegisterClientRequest, StartDeviceAuthorizationRequest, ops as oidc};
use model::vestibule::{DescribeIdentityCenterRequest, PasswordLinkPurpose, SendPasswordLinkRequest, ops};
use sso::instance::Instance;

const OWNER: &str = "222233334444";

fn owner() -> Caller {
    root(&AccountId::parse(OWNER).expect("valid"))
}

/// An instance of an account that is in no organization, with a user who is called bob.
fn instance(site: &Site) -> (Instance, IdentityUserId) {
    let owned = AccountId::parse(OWNER).expect("valid");
    let add = |tx: &mut kernel::WriteTx<'_>| {
        iam::account::create(tx, &owned, "owner@example.com", "Owner", AccountState::Active, START)
    };
    site.test.app.store.write(add, |_| {}).expect("an account");
    let made = site.test.call::<admin_ops::CreateInstance>(&owner(), CreateInstanceRequest::default());
    let arn = made.expect("made").instance_arn.expect("an ARN");
    site.test.run_jobs();
    let id = arn.rsplit('/').next().and_then(InstanceId::parse).expect("an id");
    let instance = site.test.app.store.read(|tx| sso::instance::get(tx, &id)).expect("readable").expect("made");
    let bob = user(&site.test, &owner(), &instance, "bob");
    (instance, bob)
}

fn with_password(site: &Site) -> Instance {
    let (instance, bob) = instance(site);
    let password = Secret::new(PASSWORD);
    let given = site.test.app.write_as(&owner(), &site.test.request(), |cx| {
        identity::password::give(cx, &instance.store, &bob, &password, false)
    });
    given.expect("writable").expect("a good password");
    instance
}

#[test]
fn its_people_reach_their_portal_by_the_address_that_is_told() {
    let site = Site::new();
    let instance = with_password(&site);
    let described = site.test.call::<ops::DescribeIdentityCenter>(&owner(), DescribeIdentityCenterRequest::default());
    let portal = described.expect("described").identity_center.and_then(|center| center.portal_url).expect("a portal");
    assert_eq!(portal, format!("http://127.0.0.1:4600/start?instance={}", instance.id));
    let place = portal.strip_prefix("http://127.0.0.1:4600").expect("here");

    let mut browser = site.browser();
    assert_eq!(browser.sign_in("bob", PASSWORD, "/start").status, 200, "that portal is the organization's");
    let sent = browser.get(place);
    let next = format!("/signin?next=%2Fstart%3Finstance%3D{}", instance.id);
    assert_eq!((sent.status, sent.header("location")), (303, Some(next.as_str())));
    let page = browser.sign_in("bob", PASSWORD, place);
    assert_eq!((page.status, page.header("location")), (303, Some(place)), "{}", page.body);
    assert_eq!(browser.get(place).status, 200);
    assert_eq!(browser.get("/start/sessions").status, 200, "wherever the browser goes then");
    let asked = browser.get("/signout");
    let left = browser.submit(&asked, "/signout", &[]);
    assert!(left.body.contains(&format!("href=\"{place}\"")), "{}", left.body);
}

#[test]
fn whoever_is_signed_in_elsewhere_signs_in_there_too() {
    let site = Site::new();
    let instance = with_password(&site);
    let place = format!("/start?instance={}", instance.id);
    assert_eq!(site.signed_in().get(&place).status, 303);
    assert_eq!(site.signed_in().sign_in("bob", PASSWORD, &place).status, 303);
    for unknown in ["ssoins-0123456789abcdef", "x", ""] {
        let page = site.browser().get(&format!("/signin?next=%2Fstart%3Finstance%3D{unknown}"));
        assert_eq!((page.status, page.heading()), (404, "There is no such portal"), "{unknown}");
    }
}

#[test]
fn its_tools_are_let_in_there() {
    let site = Site::new();
    let instance = with_password(&site);
    let located = site.browser().send("HEAD", &format!("/start?instance={}", instance.id), &[], "");
    let host = format!("https://{}.portal.us-east-1.app.aws", instance.id);
    assert_eq!((located.status, located.header("location")), (302, Some(host.as_str())));

    let input = RegisterClientRequest {
        client_name: "tool".to_owned(),
        client_type: "public".to_owned(),
        ..RegisterClientRequest::default()
    };
    let client = call::<oidc::RegisterClient>(&site, "127.0.0.1", input).expect("registered");
    let told = format!("http://127.0.0.1:4600/start?instance={}", instance.id);
    for start_url in [instance.start_url(), told] {
        let input = StartDeviceAuthorizationRequest {
            client_id: client.client_id.clone().expect("an id"),
            client_secret: client.client_secret.clone().expect("a secret"),
            start_url,
        };
        let started = call::<oidc::StartDeviceAuthorization>(&site, "127.0.0.1", input).expect("started");
        let link = started.verification_uri_complete.expect("a link");
        let place = link.strip_prefix("http://127.0.0.1:4600").expect("here");
        let beginning = format!("{}&user_code=", started.verification_uri.expect("an address"));
        assert!(link.starts_with(&beginning), "{link}");
        let mut browser = site.browser();
        assert_eq!(browser.sign_in("bob", PASSWORD, place).header("location"), Some(place));
        let page = browser.get(place);
        assert_eq!((page.status, page.heading()), (200, "Let this device in?"), "{}", page.body);
    }
}

#[test]
fn mails_lead_there() {
    let site = Site::new();
    let (instance, _) = instance(&site);
    let input = SendPasswordLinkRequest {
        instance_arn: None,
        purpose: Some(PasswordLinkPurpose::Invitation),
        user: "bob".to_owned(),
    };
    site.test.call::<ops::SendPasswordLink>(&owner(), input).expect("sent");
    let (link, mail) = last_link(&site, OWNER);
    let place = format!("/start?instance={}", instance.id);
    assert!(mail.contains(&format!("Portal: http://127.0.0.1:4600{place}\n")), "{mail}");
    let mut browser = site.browser();
    let form = browser.get(&link);
    assert!(form.body.contains(&place), "{}", form.body);
    let done = browser.submit(&form, "/signin/invitation", &[("new", PASSWORD), ("again", PASSWORD)]);
    let done = browser.get(done.header("location").expect("a location"));
    let sign_in = format!("href=\"/signin?next=%2Fstart%3Finstance%3D{}\"", instance.id);
    assert!(done.body.contains(&sign_in), "{}", done.body);
}

//! Trusts of domains that are run here, and conditional forwarders.

use crate::managed::{Managed, managed};
use crate::support::{REMOTE, input as connected};
use base::{AccountId, DirectoryId};
use directory::managed::TrustWork;
use kernel::testing::{START, code, root};
use kernel::{Result, params};
use model::ds::{
    AcceptSharedDirectoryRequest, CreateConditionalForwarderRequest, CreateTrustRequest,
    DeleteConditionalForwarderRequest, DeleteDirectoryRequest, DeleteTrustRequest,
    DescribeConditionalForwardersRequest, DescribeTrustsRequest, DirectoryStage, SelectiveAuth, ShareDirectoryRequest,
    ShareMethod, ShareTarget, TargetType, Trust, TrustDirection, TrustState, TrustType,
    UpdateConditionalForwarderRequest, UpdateTrustRequest, VerifyTrustRequest, ops,
};

const REFUSAL: &str = "dc9.other.example.net refuses the password of the trust.";

fn wanted(directory: &DirectoryId, remote: &str) -> CreateTrustRequest {
    CreateTrustRequest {
        directory_id: directory.to_string(),
        remote_domain_name: remote.to_owned(),
        trust_direction: TrustDirection::TwoWay,
        trust_password: "Trust-Passw0rd".to_owned(),
        ..CreateTrustRequest::default()
    }
}

impl Managed {
    fn trust(&self, input: CreateTrustRequest) -> Result<String> {
        Ok(self.world.call::<ops::CreateTrust>(input)?.trust_id.expect("an id"))
    }

    fn trusts(&self, input: DescribeTrustsRequest) -> Result<(Vec<Trust>, Option<String>)> {
        let found = self.world.call::<ops::DescribeTrusts>(input)?;
        Ok((found.trusts.expect("a list"), found.next_token))
    }

    fn described_trust(&self, id: &str) -> Trust {
        let input = DescribeTrustsRequest { trust_ids: Some(vec![id.to_owned()]), ..Default::default() };
        self.trusts(input).expect("described").0.pop().expect("one")
    }

    fn state(&self, id: &str) -> (TrustState, String) {
        let found = self.described_trust(id);
        (found.trust_state.expect("a state"), found.trust_state_reason.unwrap_or_default())
    }

    fn verify(&self, id: &str) -> Result<()> {
        self.world.call::<ops::VerifyTrust>(VerifyTrustRequest { trust_id: id.to_owned() }).map(drop)
    }

    fn update(&self, id: &str, selective: Option<SelectiveAuth>) -> Result<()> {
        let input = UpdateTrustRequest { trust_id: id.to_owned(), selective_auth: selective };
        self.world.call::<ops::UpdateTrust>(input).map(drop)
    }

    fn delete(&self, id: &str, with_forwarder: bool) -> Result<()> {
        let input = DeleteTrustRequest {
            trust_id: id.to_owned(),
            delete_associated_conditional_forwarder: Some(with_forwarder),
        };
        self.world.call::<ops::DeleteTrust>(input).map(drop)
    }

    /// What was ordered about trusts since this was last asked: one word each.
    fn ordered(&self) -> Vec<&'static str> {
        let orders = self.domains.with(|told| std::mem::take(&mut told.orders));
        let word = |work: &TrustWork| match work {
            TrustWork::Make { .. } => "make",
            TrustWork::Verify { .. } => "verify",
            TrustWork::Change => "change",
            TrustWork::Remove => "remove",
        };
        orders.iter().map(|order| word(&order.work)).collect()
    }

    fn refuse(&self, why: Option<&str>) {
        self.domains.with(|told| told.refusal = why.map(str::to_owned));
    }

    fn has_password(&self, id: &str) -> bool {
        let sql = "select 1 from dir_trust where id = $1 and sealed_password is not null";
        self.world.app.app.store.read(|tx| tx.exists(sql, params![id])).expect("read")
    }

    fn forwarders(&self, directory: &DirectoryId, names: &[&str]) -> Result<Vec<(String, Vec<String>)>> {
        let input = DescribeConditionalForwardersRequest {
            directory_id: directory.to_string(),
            remote_domain_names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        };
        let found = self.world.call::<ops::DescribeConditionalForwarders>(input)?.conditional_forwarders;
        let both = |each: model::ds::ConditionalForwarder| {
            let (v4, v6) = (each.dns_ip_addrs.unwrap_or_default(), each.dns_ipv6_addrs.unwrap_or_default());
            (each.remote_domain_name.expect("a name"), v4.into_iter().chain(v6).collect())
        };
        Ok(found.expect("a list").into_iter().map(both).collect())
    }
}

#[test]
fn a_trust_is_made_and_verified_and_its_password_is_forgotten() {
    let managed = managed();
    let directory = managed.active();
    let id = managed.trust(wanted(&directory, "Other.Example.Net.")).expect("accepted");
    assert!(id.strip_prefix("t-").is_some_and(|rest| rest.len() == 10), "{id}");
    assert_eq!(managed.state(&id), (TrustState::Creating, String::new()));
    assert!(managed.has_password(&id));
    managed.world.app.run_jobs();
    let order = managed.domains.with(|told| told.orders[0].clone());
    assert_eq!((order.name.as_str(), order.short_name.as_str()), ("corp.example.com", "CORP"));
    assert_eq!((order.remote.as_str(), order.kind), (REMOTE, TrustType::Forest));
    assert!(!order.is_selective && order.direction == TrustDirection::TwoWay);
    let TrustWork::Make { password, controllers } = &order.work else { panic!("{:?}", order.work) };
    assert_eq!(password.expose(), "Trust-Passw0rd");
    assert_eq!(controllers[0].0, "dc9.other.example.net");
    assert_eq!(managed.ordered(), ["make", "verify"]);
    assert!(!managed.has_password(&id));
    let found = managed.described_trust(&id);
    assert_eq!(found.remote_domain_name.as_deref(), Some("Other.Example.Net."));
    assert_eq!((found.trust_state, found.trust_state_reason), (Some(TrustState::Verified), None));
    assert_eq!((found.trust_type, found.selective_auth), (Some(TrustType::Forest), Some(SelectiveAuth::Disabled)));
    assert_eq!((found.created_date_time, found.last_updated_date_time), (Some(START), Some(START)));
}

#[test]
fn as_with_aws_an_incoming_trust_stays_created_until_it_is_to_be_verified() {
    let managed = managed();
    let directory = managed.active();
    let input = CreateTrustRequest { trust_direction: TrustDirection::OneWayIncoming, ..wanted(&directory, REMOTE) };
    let id = managed.trust(input).expect("accepted");
    managed.world.app.run_jobs();
    assert_eq!(managed.state(&id).0, TrustState::Created);
    assert_eq!(managed.ordered(), ["make"]);
    managed.verify(&id).expect("begun");
    assert_eq!(managed.state(&id).0, TrustState::Verifying);
    managed.world.app.run_jobs();
    assert_eq!(managed.state(&id).0, TrustState::Verified);
    assert_eq!(managed.ordered(), ["verify"]);
}

#[test]
fn a_trust_that_cannot_be_made_has_failed_and_one_that_cannot_be_used_is_not_verified() {
    let managed = managed();
    let directory = managed.active();
    managed.refuse(Some(REFUSAL));
    let id = managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    managed.world.app.run_jobs();
    assert_eq!(managed.state(&id), (TrustState::Failed, REFUSAL.to_owned()));
    assert!(!managed.has_password(&id));
    assert_eq!(code(managed.verify(&id)), "ClientException");
    assert_eq!(code(managed.update(&id, Some(SelectiveAuth::Enabled))), "ClientException");
    // One that has failed can be deleted, and then there may be another.
    managed.refuse(None);
    managed.delete(&id, false).expect("begun");
    managed.world.app.run_jobs();
    let id = managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    managed.world.app.run_jobs();
    managed.refuse(Some(REFUSAL));
    managed.verify(&id).expect("begun");
    managed.run_jobs_later(5);
    assert_eq!(managed.state(&id), (TrustState::VerifyFailed, REFUSAL.to_owned()));
    assert_eq!(managed.described_trust(&id).state_last_updated_date_time, Some(START.plus_seconds(5)));
    assert_eq!(managed.described_trust(&id).last_updated_date_time, Some(START));
}

#[test]
fn other_jobs_do_not_wait_for_a_trust_that_takes_long() {
    let managed = managed();
    let directory = managed.active();
    let slow = managed.domains.with(|told| std::sync::Arc::clone(&told.slow));
    let hand = slow.lock().expect("held once");
    let id = managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    managed.world.app.run_jobs();
    assert_eq!((managed.state(&id).0, managed.ordered()), (TrustState::Creating, vec!["make"]));
    // What is to be done meanwhile comes afterwards.
    managed.delete(&id, false).expect("begun");
    managed.world.app.run_jobs();
    assert_eq!((managed.state(&id).0, managed.ordered()), (TrustState::Deleting, Vec::new()));
    drop(hand);
    managed.run_jobs_later(1);
    assert_eq!(managed.ordered(), ["remove"]);
    assert_eq!(managed.trusts(DescribeTrustsRequest::default()).expect("a list").0.len(), 0);
}

#[test]
fn the_other_domain_is_looked_for_with_its_conditional_forwarder() {
    let managed = managed();
    let directory = managed.active();
    let id = managed.trust(wanted(&directory, "far.example.org")).expect("accepted");
    managed.world.app.run_jobs();
    let (state, reason) = managed.state(&id);
    assert_eq!(state, TrustState::Failed);
    assert!(reason.contains("no conditional forwarder for far.example.org"), "{reason}");
    managed.delete(&id, false).expect("begun");
    managed.world.app.run_jobs();
    let servers = vec!["127.0.0.1".to_owned()];
    let input = CreateTrustRequest {
        conditional_forwarder_ip_addrs: Some(servers.clone()),
        ..wanted(&directory, "far.example.org.")
    };
    let id = managed.trust(input).expect("accepted");
    managed.world.app.run_jobs();
    // Nobody answers there.
    let (state, reason) = managed.state(&id);
    assert_eq!(state, TrustState::Failed);
    assert!(reason.starts_with("DNS: the name server 127.0.0.1:"), "{reason}");
    let found = managed.forwarders(&directory, &["far.example.org"]).expect("found");
    assert_eq!(found, [("far.example.org.".to_owned(), servers)]);
    managed.delete(&id, true).expect("begun");
    managed.world.app.run_jobs();
    assert_eq!(code(managed.forwarders(&directory, &["far.example.org"])), "EntityDoesNotExistException");
}

#[test]
fn a_trust_is_updated_and_verified_again() {
    let managed = managed();
    let directory = managed.active();
    let id = managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    assert_eq!(code(managed.update(&id, Some(SelectiveAuth::Enabled))), "ClientException");
    managed.world.app.run_jobs();
    managed.ordered();
    assert_eq!(code(managed.update(&id, None)), "InvalidParameterException");
    managed.world.app.clock.advance_seconds(5);
    managed.update(&id, Some(SelectiveAuth::Enabled)).expect("begun");
    assert_eq!(managed.state(&id).0, TrustState::Updating);
    managed.world.app.run_jobs();
    assert!(managed.domains.with(|told| told.orders.iter().all(|order| order.is_selective)));
    assert_eq!(managed.ordered(), ["change", "verify"]);
    let found = managed.described_trust(&id);
    assert_eq!((found.trust_state, found.selective_auth), (Some(TrustState::Verified), Some(SelectiveAuth::Enabled)));
    assert_eq!(found.last_updated_date_time, Some(START.plus_seconds(5)));
    managed.refuse(Some(REFUSAL));
    managed.update(&id, Some(SelectiveAuth::Disabled)).expect("begun");
    managed.world.app.run_jobs();
    assert_eq!(managed.state(&id), (TrustState::UpdateFailed, REFUSAL.to_owned()));
}

#[test]
fn a_deleted_trust_is_gone_when_its_domain_has_it_no_more() {
    let managed = managed();
    let directory = managed.active();
    let id = managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    managed.world.app.run_jobs();
    managed.ordered();
    managed.refuse(Some("The disk is full."));
    managed.delete(&id, false).expect("begun");
    managed.world.app.run_jobs();
    assert_eq!(managed.state(&id), (TrustState::Deleting, "The disk is full.".to_owned()));
    assert_eq!(code(managed.verify(&id)), "ClientException");
    managed.refuse(None);
    managed.run_jobs_later(10);
    assert_eq!(managed.ordered(), ["remove", "remove"]);
    assert_eq!(managed.trusts(DescribeTrustsRequest::default()).expect("a list").0.len(), 0);
    assert_eq!(code(managed.delete(&id, false)), "EntityDoesNotExistException");
    assert_eq!(code(managed.verify(&id)), "EntityDoesNotExistException");
    assert_eq!(code(managed.update(&id, Some(SelectiveAuth::Enabled))), "EntityDoesNotExistException");
}

#[test]
fn a_trust_that_was_begun_waits_for_a_restored_domain_and_goes_with_a_deleted_one() {
    let managed = managed();
    let directory = managed.active();
    let id = managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    managed.move_to(&directory, DirectoryStage::Restoring);
    managed.world.app.run_jobs();
    assert_eq!((managed.state(&id).0, managed.ordered()), (TrustState::Creating, Vec::new()));
    managed.move_to(&directory, DirectoryStage::Active);
    managed.run_jobs_later(10);
    assert_eq!(managed.state(&id).0, TrustState::Verified);
    let input = DeleteDirectoryRequest { directory_id: directory.to_string() };
    managed.world.call::<ops::DeleteDirectory>(input).expect("begun");
    managed.world.app.run_jobs();
    assert_eq!(managed.trusts(DescribeTrustsRequest::default()).expect("a list").0.len(), 0);
}

#[test]
fn a_trust_is_left_to_the_server_that_has_the_domain() {
    let managed = managed();
    let directory = managed.active();
    managed.domains.with(|told| told.home = "elsewhere");
    let id = managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    managed.world.app.run_jobs();
    assert_eq!((managed.state(&id).0, managed.ordered()), (TrustState::Creating, Vec::new()));
    managed.domains.with(|told| told.home = "here");
    managed.run_jobs_later(2);
    assert_eq!(managed.state(&id).0, TrustState::Verified);
}

#[test]
fn the_first_half_is_verified_again_when_the_second_is_made_here() {
    let managed = managed();
    let (first, second) = (managed.active(), managed.active());
    let rename = |tx: &mut kernel::WriteTx<'_>| {
        tx.exec_one("update dir_directory set name = $2 where id = $1", params![second, REMOTE])
    };
    managed
        .world
        .app
        .app
        .write_as(&managed.world.root, &managed.world.app.request(), |cx| rename(&mut cx.write()))
        .expect("renamed");
    managed.refuse(Some("dc9.other.example.net knows no trust."));
    let half = managed.trust(wanted(&first, REMOTE)).expect("accepted");
    managed.refuse(None);
    managed.world.app.run_jobs();
    managed.refuse(Some("dc9.other.example.net knows no trust."));
    managed.verify(&half).expect("begun");
    managed.world.app.run_jobs();
    assert_eq!(managed.state(&half).0, TrustState::VerifyFailed);
    managed.refuse(None);
    let other = managed.trust(wanted(&second, "corp.example.com")).expect("accepted");
    managed.world.app.run_jobs();
    assert_eq!((managed.state(&half).0, managed.state(&other).0), (TrustState::Verified, TrustState::Verified));
}

#[test]
fn what_no_trust_can_be_is_refused() {
    let managed = managed();
    let directory = managed.active();
    let refused = |input: CreateTrustRequest| code(managed.trust(input));
    for name in ["corp.example.com", "Corp.Example.Com.", "-a.example", "a\\b.example"] {
        assert_eq!(refused(wanted(&directory, name)), "InvalidParameterException", "{name}");
    }
    let many = (1..6).map(|last| format!("10.0.0.{last}")).collect();
    let input = CreateTrustRequest { conditional_forwarder_ip_addrs: Some(many), ..wanted(&directory, REMOTE) };
    assert_eq!(refused(input), "InvalidParameterException");
    managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    assert_eq!(refused(wanted(&directory, "OTHER.example.net.")), "EntityAlreadyExistsException");
    managed.move_to(&directory, DirectoryStage::Impaired);
    assert_eq!(refused(wanted(&directory, "third.example.net")), "ClientException");
    let absent = DirectoryId::parse("d-0000000000").expect("valid");
    assert_eq!(refused(wanted(&absent, REMOTE)), "EntityDoesNotExistException");
}

#[test]
fn neither_connectors_nor_shared_directories_have_trusts() {
    let managed = managed();
    let made = managed.world.call::<ops::ConnectDirectory>(connected()).expect("accepted");
    let connector = DirectoryId::parse(&made.directory_id.expect("an id")).expect("valid");
    let directory = managed.active();
    let guest = AccountId::parse("444455556666").expect("valid");
    let app = &managed.world.app;
    app.app
        .write_as(&managed.world.root, &app.request(), |cx| {
            let active = iam::account::AccountState::Active;
            iam::account::create(&mut cx.write(), &guest, "guest@example.com", "Guest", active, START)
        })
        .expect("a new account");
    let share = ShareDirectoryRequest {
        directory_id: directory.to_string(),
        share_method: ShareMethod::Handshake,
        share_target: ShareTarget { id: guest.to_string(), r#type: TargetType::Account },
        share_notes: None,
    };
    let shared = managed.world.call::<ops::ShareDirectory>(share).expect("shared").shared_directory_id.expect("an id");
    let guest = root(&guest);
    let accept = AcceptSharedDirectoryRequest { shared_directory_id: shared.clone() };
    app.call::<ops::AcceptSharedDirectory>(&guest, accept).expect("accepted");
    let of = |directory: &str| DescribeTrustsRequest { directory_id: Some(directory.to_owned()), ..Default::default() };
    let shared_id = DirectoryId::parse(&shared).expect("valid");
    assert_eq!(code(app.call::<ops::CreateTrust>(&guest, wanted(&shared_id, REMOTE))), "UnsupportedOperationException");
    assert_eq!(code(app.call::<ops::DescribeTrusts>(&guest, of(&shared))), "UnsupportedOperationException");
    assert_eq!(code(managed.trust(wanted(&connector, REMOTE))), "UnsupportedOperationException");
    assert_eq!(code(managed.trusts(of(connector.as_str()))), "UnsupportedOperationException");
    assert_eq!(code(managed.trusts(of("d-0000000000"))), "EntityDoesNotExistException");
    assert_eq!(code(managed.forwarders(&connector, &[])), "UnsupportedOperationException");
    // Somebody else's trusts are none of the guest's.
    let id = managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    assert_eq!(
        code(app.call::<ops::VerifyTrust>(&guest, VerifyTrustRequest { trust_id: id })),
        "EntityDoesNotExistException"
    );
    assert_eq!(
        app.call::<ops::DescribeTrusts>(&guest, DescribeTrustsRequest::default())
            .expect("a list")
            .trusts
            .map(|all| all.len()),
        Some(0)
    );
}

#[test]
fn trusts_are_listed_in_pages() {
    let managed = managed();
    let (first, second) = (managed.active(), managed.active());
    let mut ids: Vec<_> =
        (0..5).map(|index| managed.trust(wanted(&first, &format!("r{index}.example"))).expect("accepted")).collect();
    let other = managed.trust(wanted(&second, REMOTE)).expect("accepted");
    ids.sort();
    let page = |next_token| {
        let directory_id = Some(first.to_string());
        let input = DescribeTrustsRequest { directory_id, limit: Some(2), next_token, trust_ids: None };
        let (trusts, token) = managed.trusts(input).expect("a page");
        (trusts.into_iter().filter_map(|trust| trust.trust_id).collect::<Vec<_>>(), token)
    };
    let (one, token) = page(None);
    let (two, token) = page(token);
    let (three, token) = page(token);
    assert_eq!((one.len(), two.len(), three.len(), token), (2, 2, 1, None));
    assert_eq!([one, two, three].concat(), ids);
    assert_eq!(managed.trusts(DescribeTrustsRequest::default()).expect("all").0.len(), 6);
    let wrong = DescribeTrustsRequest { next_token: Some("x".to_owned()), ..Default::default() };
    assert_eq!(code(managed.trusts(wrong)), "InvalidNextTokenException");
    let chosen = |directory: &DirectoryId, id: &str| {
        let (directory_id, trust_ids) = (Some(directory.to_string()), Some(vec![id.to_owned()]));
        managed.trusts(DescribeTrustsRequest { directory_id, trust_ids, ..Default::default() })
    };
    assert_eq!(chosen(&second, &other).expect("found").0.len(), 1);
    assert_eq!(code(chosen(&first, &other)), "EntityDoesNotExistException");
    assert_eq!(code(chosen(&first, "t-0000000000")), "EntityDoesNotExistException");
}

#[test]
fn a_trust_is_guarded_as_its_directory_is() {
    let managed = managed();
    let directory = managed.active();
    let id = managed.trust(wanted(&directory, REMOTE)).expect("accepted");
    let arn = format!("arn:aws:ds:us-east-1:111122223333:directory/{directory}");
    let create = managed.world.permission::<ops::CreateTrust>(&wanted(&directory, REMOTE));
    assert_eq!((create.action.as_str(), create.resource.as_str()), ("ds:CreateTrust", arn.as_str()));
    let input = |trust_id: &str| DeleteTrustRequest { trust_id: trust_id.to_owned(), ..Default::default() };
    let delete = managed.world.permission::<ops::DeleteTrust>(&input(&id));
    assert_eq!((delete.action.as_str(), delete.resource.as_str()), ("ds:DeleteTrust", arn.as_str()));
    let absent = managed.world.permission::<ops::DeleteTrust>(&input("t-0000000000"));
    assert!(absent.resource.ends_with(":directory/*"), "{}", absent.resource);
}

#[test]
fn conditional_forwarders_are_kept() {
    let managed = managed();
    let directory = managed.active();
    let servers = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let create = |name: &str, v4: &[&str], v6: &[&str]| {
        let input = CreateConditionalForwarderRequest {
            directory_id: directory.to_string(),
            remote_domain_name: name.to_owned(),
            dns_ip_addrs: servers(v4),
            dns_ipv6_addrs: servers(v6),
        };
        managed.world.call::<ops::CreateConditionalForwarder>(input)
    };
    let update = |name: &str, v4: &[&str]| {
        let input = UpdateConditionalForwarderRequest {
            directory_id: directory.to_string(),
            remote_domain_name: name.to_owned(),
            dns_ip_addrs: servers(v4),
            dns_ipv6_addrs: None,
        };
        managed.world.call::<ops::UpdateConditionalForwarder>(input)
    };
    let delete = |name: &str| {
        let (directory_id, remote_domain_name) = (directory.to_string(), name.to_owned());
        let input = DeleteConditionalForwarderRequest { directory_id, remote_domain_name };
        managed.world.call::<ops::DeleteConditionalForwarder>(input)
    };
    create(REMOTE, &["10.0.0.1"], &["fd00::1"]).expect("created");
    assert_eq!(code(create("Other.Example.Net.", &["10.0.0.1"], &[])), "EntityAlreadyExistsException");
    assert_eq!(code(create("a.example", &[], &[])), "InvalidParameterException");
    assert_eq!(code(create("corp.example.com", &["10.0.0.1"], &[])), "InvalidParameterException");
    let all = managed.forwarders(&directory, &[]).expect("a list");
    assert_eq!(all, [(REMOTE.to_owned(), vec!["10.0.0.1".to_owned(), "fd00::1".to_owned()])]);
    update("OTHER.example.net", &["10.0.0.2"]).expect("updated");
    let all = managed.forwarders(&directory, &[REMOTE]).expect("a list");
    assert_eq!(all, [(REMOTE.to_owned(), vec!["10.0.0.2".to_owned()])]);
    assert_eq!(code(update("a.example", &["10.0.0.2"])), "EntityDoesNotExistException");
    create("in.other.example.net", &["10.0.0.3"], &[]).expect("created");
    let asked = |name: &str| {
        let servers = directory::managed::name_servers(&managed.world.app.app, &directory, name).expect("read");
        servers.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for name in ["other.example.net", "dc9.other.example.net"] {
        assert_eq!(asked(name), ["10.0.0.2:53"], "{name}");
    }
    assert_eq!(asked("dc1.in.other.example.net"), ["10.0.0.3:53"]);
    for name in ["another.example.net", "example.net", "corp.example.com", ""] {
        assert_eq!(asked(name), Vec::<String>::new(), "{name}");
    }
    managed.move_to(&directory, DirectoryStage::Inoperable);
    assert_eq!(code(delete(REMOTE)), "DirectoryUnavailableException");
    managed.move_to(&directory, DirectoryStage::Active);
    delete(REMOTE).expect("deleted");
    assert_eq!(code(delete(REMOTE)), "EntityDoesNotExistException");
}

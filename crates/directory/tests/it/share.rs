use crate::support::{World, world};
use base::{AccountId, DirectoryId};
use iam::account::AccountState;
use kernel::testing::{START, code, root};
use kernel::{Caller, Result, params};
use model::ds::{
    AcceptSharedDirectoryRequest, DeleteDirectoryRequest, DescribeDirectoriesRequest, DescribeSharedDirectoriesRequest,
    DirectoryDescription, DirectoryType, RejectSharedDirectoryRequest, ShareDirectoryRequest, ShareMethod, ShareStatus,
    ShareTarget, SharedDirectory, UnshareDirectoryRequest, UnshareTarget, ops,
};
use model::organizations::{self, CreateOrganizationRequest, RemoveAccountFromOrganizationRequest};

const OWNER: &str = "111122223333";
const STRANGER: &str = "444455556666";
const MEMBER: &str = "777788889999";

fn account(id: &str) -> AccountId {
    AccountId::parse(id).expect("valid")
}

fn of(id: &str) -> Caller {
    root(&account(id))
}

/// A world with two more accounts.
fn start() -> World {
    let world = world();
    for id in [STRANGER, MEMBER] {
        let (email, name) = (format!("root@{id}.example.com"), format!("Account {id}"));
        let add = |tx: &mut kernel::WriteTx<'_>| {
            iam::account::create(tx, &account(id), &email, &name, AccountState::Active, START)
        };
        world.app.app.store.write(add, |_| {}).expect("the account is new");
    }
    world
}

impl World {
    /// A directory whose domain is run here, as far as sharing it is concerned.
    fn managed(&self) -> DirectoryId {
        let id = self.connect();
        let sql = "update dir_directory set type = 'MicrosoftAD', stage = 'Active' where id = $1";
        self.app.app.store.write(|tx| tx.exec_one(sql, params![id]), |_| {}).expect("there");
        id
    }

    /// The owner's organization, which trusts Directory Service, with [`MEMBER`] in it.
    fn organize(&self) {
        let create = CreateOrganizationRequest::default();
        self.call::<organizations::ops::CreateOrganization>(create).expect("created");
        let member = "insert into org_account (account_id, org_id, parent_id, joined_method, joined_at) \
                      select $1, id, root_id, 'INVITED', 0 from org_organization";
        let trusted = "insert into org_trusted_service (org_id, service, enabled_at) \
                       select id, 'ds.amazonaws.com', 0 from org_organization";
        let work = |tx: &mut kernel::WriteTx<'_>| {
            tx.exec_one(member, params![MEMBER])?;
            tx.exec_one(trusted, params![])
        };
        self.app.app.store.write(work, |_| {}).expect("a member of an organization with trust");
    }

    fn share(&self, id: &DirectoryId, target: &str, method: ShareMethod) -> Result<String> {
        let input = ShareDirectoryRequest {
            directory_id: id.to_string(),
            share_method: method,
            share_notes: Some("for payroll".to_owned()),
            share_target: ShareTarget { id: target.to_owned(), ..ShareTarget::default() },
        };
        Ok(self.call::<ops::ShareDirectory>(input)?.shared_directory_id.expect("an id"))
    }

    fn unshare(&self, id: &DirectoryId, target: &str) -> Result<Option<String>> {
        let input = UnshareDirectoryRequest {
            directory_id: id.to_string(),
            unshare_target: UnshareTarget { id: target.to_owned(), ..UnshareTarget::default() },
        };
        Ok(self.call::<ops::UnshareDirectory>(input)?.shared_directory_id)
    }

    /// What an account sees.
    fn seen(&self, by: &str) -> Vec<DirectoryDescription> {
        let input = DescribeDirectoriesRequest::default();
        let found = self.app.call::<ops::DescribeDirectories>(&of(by), input).expect("described");
        found.directory_descriptions.expect("a list")
    }

    fn accept(&self, by: &str, id: &str) -> Result<SharedDirectory> {
        let input = AcceptSharedDirectoryRequest { shared_directory_id: id.to_owned() };
        Ok(self.app.call::<ops::AcceptSharedDirectory>(&of(by), input)?.shared_directory.expect("one"))
    }

    fn reject(&self, by: &str, id: &str) -> Result<()> {
        let input = RejectSharedDirectoryRequest { shared_directory_id: id.to_owned() };
        self.app.call::<ops::RejectSharedDirectory>(&of(by), input).map(drop)
    }

    fn shares(&self, id: &DirectoryId) -> Vec<SharedDirectory> {
        let input = DescribeSharedDirectoriesRequest { owner_directory_id: id.to_string(), ..Default::default() };
        self.call::<ops::DescribeSharedDirectories>(input).expect("described").shared_directories.expect("a list")
    }
}

#[test]
fn a_stranger_is_asked_and_sees_the_directory_as_a_shared_one() {
    let world = start();
    let id = world.managed();
    let shared = world.share(&id, STRANGER, ShareMethod::Handshake).expect("offered");
    assert_ne!(shared, id.to_string());
    let offered = &world.shares(&id)[0];
    assert_eq!(
        (offered.share_status, offered.share_notes.as_deref()),
        (Some(ShareStatus::PendingAcceptance), Some("for payroll"))
    );
    assert_eq!(code(world.accept(MEMBER, &shared)), "EntityDoesNotExistException");
    assert_eq!(code(world.share(&id, STRANGER, ShareMethod::Handshake)), "DirectoryAlreadySharedException");

    let accepted = world.accept(STRANGER, &shared).expect("accepted");
    assert_eq!(
        (accepted.share_status, accepted.shared_account_id.as_deref()),
        (Some(ShareStatus::Shared), Some(STRANGER))
    );
    assert_eq!(code(world.accept(STRANGER, &shared)), "DirectoryAlreadySharedException");
    assert_eq!(code(world.reject(STRANGER, &shared)), "DirectoryAlreadySharedException");
    let seen = &world.seen(STRANGER)[..];
    let [seen] = seen else { panic!("{seen:?}") };
    assert_eq!(seen.directory_id.as_deref(), Some(shared.as_str()));
    assert_eq!(seen.r#type, Some(DirectoryType::SharedMicrosoftAD));
    assert_eq!((seen.share_status, seen.share_method), (Some(ShareStatus::Shared), Some(ShareMethod::Handshake)));
    assert_eq!(seen.name.as_deref(), Some("corp.example.com"));
    let owner = seen.owner_directory_description.as_ref().expect("an owner");
    assert_eq!((owner.account_id.as_deref(), owner.directory_id.as_deref()), (Some(OWNER), Some(id.as_str())));
    let chosen = DescribeDirectoriesRequest { directory_ids: Some(vec![shared.clone()]), ..Default::default() };
    assert!(world.app.call::<ops::DescribeDirectories>(&of(STRANGER), chosen).is_ok());
    assert!(world.seen(MEMBER).is_empty());

    assert_eq!(world.unshare(&id, STRANGER).expect("ended").as_deref(), Some(shared.as_str()));
    assert_eq!(code(world.unshare(&id, STRANGER)), "DirectoryNotSharedException");
    assert!(world.seen(STRANGER).is_empty() && world.shares(&id).is_empty());
}

#[test]
fn whoever_is_asked_may_refuse_or_give_up() {
    let world = start();
    let id = world.managed();
    let shared = world.share(&id, STRANGER, ShareMethod::Handshake).expect("offered");
    world.reject(STRANGER, &shared).expect("rejected");
    assert!(world.seen(STRANGER).is_empty());
    assert_eq!(world.shares(&id)[0].share_status, Some(ShareStatus::Rejected));
    assert_eq!(code(world.accept(STRANGER, &shared)), "InvalidParameterException");
    let again = world.share(&id, STRANGER, ShareMethod::Handshake).expect("offered once more");
    world.accept(STRANGER, &again).expect("accepted");
    let delete = |by: &str, id: &str| {
        let input = DeleteDirectoryRequest { directory_id: id.to_owned() };
        world.app.call::<ops::DeleteDirectory>(&of(by), input)
    };
    assert_eq!(code(delete(MEMBER, &again)), "EntityDoesNotExistException");
    delete(STRANGER, &again).expect("given up");
    assert!(world.seen(STRANGER).is_empty() && world.shares(&id).is_empty());
    assert_eq!(world.seen(OWNER).len(), 1);
}

#[test]
fn an_organization_shares_at_once_until_the_account_leaves() {
    let world = start();
    let id = world.managed();
    let share = |target: &str| world.share(&id, target, ShareMethod::Organizations);
    assert_eq!(code(share(MEMBER)), "OrganizationsException");
    world.organize();
    assert_eq!(code(share(STRANGER)), "InvalidTargetException");
    share(MEMBER).expect("shared");
    world.share(&id, STRANGER, ShareMethod::Handshake).expect("offered");
    assert_eq!(world.seen(MEMBER)[0].share_status, Some(ShareStatus::Shared));

    let input = RemoveAccountFromOrganizationRequest { account_id: MEMBER.to_owned() };
    world.call::<organizations::ops::RemoveAccountFromOrganization>(input).expect("removed");
    assert!(world.seen(MEMBER).is_empty());
    assert_eq!(world.shares(&id).len(), 1, "what was offered by handshake stays");
    let distrust = "delete from org_trusted_service";
    world.app.app.store.write(|tx| tx.exec(distrust, params![]), |_| {}).expect("done");
    assert_eq!(code(share(MEMBER)), "OrganizationsException");
}

#[test]
fn only_what_can_be_shared_is_shared_and_only_with_others() {
    let world = start();
    let connector = world.connect();
    let handshake = ShareMethod::Handshake;
    assert_eq!(code(world.share(&connector, STRANGER, handshake)), "UnsupportedOperationException");
    let id = world.managed();
    for target in [OWNER, "000000000000", "nobody"] {
        assert_eq!(code(world.share(&id, target, handshake)), "InvalidTargetException", "{target}");
    }
    assert_eq!(code(world.unshare(&id, "nobody")), "InvalidTargetException");
    let unknown = DirectoryId::parse("d-0000000000").expect("valid");
    assert_eq!(code(world.share(&unknown, STRANGER, handshake)), "EntityDoesNotExistException");
    let standard = "update dir_directory set details = '{\"Edition\":\"Standard\"}' where id = $1";
    let fill = "insert into dir_share (id, directory_id, account_id, method, status, created_at, changed_at) \
                values ($1, $2, $3, 'HANDSHAKE', 'Shared', 0, 0)";
    let work = |tx: &mut kernel::WriteTx<'_>| {
        tx.exec_one(standard, params![id])?;
        (0..25).try_for_each(|index| tx.exec_one(fill, params![format!("d-{index:010}"), id, format!("{index:012}")]))
    };
    world.app.app.store.write(work, |_| {}).expect("filled");
    assert_eq!(code(world.share(&id, STRANGER, handshake)), "ShareLimitExceededException");
    let first =
        DescribeSharedDirectoriesRequest { owner_directory_id: id.to_string(), limit: Some(20), ..Default::default() };
    let first = world.call::<ops::DescribeSharedDirectories>(first).expect("a page");
    assert_eq!(first.shared_directories.map(|list| list.len()), Some(20));
    let second = DescribeSharedDirectoriesRequest {
        owner_directory_id: id.to_string(),
        next_token: first.next_token,
        ..Default::default()
    };
    let second = world.call::<ops::DescribeSharedDirectories>(second).expect("a page");
    assert_eq!((second.shared_directories.map(|list| list.len()), second.next_token), (Some(5), None));
}

#[test]
fn the_end_of_a_directory_ends_its_shares() {
    let world = start();
    let id = world.managed();
    let shared = world.share(&id, STRANGER, ShareMethod::Handshake).expect("offered");
    world.accept(STRANGER, &shared).expect("accepted");
    let connector = "update dir_directory set type = 'ADConnector' where id = $1";
    world.app.app.store.write(|tx| tx.exec_one(connector, params![id]), |_| {}).expect("there");
    world.call::<ops::DeleteDirectory>(DeleteDirectoryRequest { directory_id: id.to_string() }).expect("deleted");
    world.app.run_jobs();
    assert!(world.seen(STRANGER).is_empty());
}

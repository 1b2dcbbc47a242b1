//! Directory Service Data against a real controller.

use crate::support::{Controller, World, account, world};
use base::DirectoryId;
use kernel::testing::code;
use kernel::{Error, Result, params};
use model::ds_data::{
    AddGroupMemberRequest, AttributeValue, CreateGroupRequest, CreateUserRequest, DeleteGroupRequest,
    DeleteUserRequest, DescribeGroupRequest, DescribeUserRequest, DisableUserRequest, GroupScope, GroupType,
    ListGroupMembersRequest, ListGroupsForMemberRequest, ListGroupsRequest, ListUsersRequest, MemberType,
    RemoveGroupMemberRequest, SearchGroupsRequest, SearchUsersRequest, UpdateGroupRequest, UpdateType,
    UpdateUserRequest, ValidationException, ops,
};
use smithy::schema::Operation;
use std::collections::BTreeMap;
use std::sync::Once;

const UNIT: &str = "OWN";
const SERVICE_PASSWORD: &str = "Managing-Passw0rd1";

/// A directory of the kind that is run here, over the test's controller.
struct Managed {
    world: World,
    id: String,
}

impl Managed {
    /// `prefix` begins the names of everything that the test makes.
    fn new(prefix: &str) -> Self {
        let world = world();
        let ad = &world.controller;
        ad.prepare_service();
        let mut input = ad.input();
        // A unit of its own, which is not there at first.
        input.short_name = Some(UNIT.to_owned());
        input.connect_settings.customer_user_name = directory::managed::SERVICE_USER.to_owned();
        input.password = SERVICE_PASSWORD.to_owned();
        let id = world.connect(input);
        world.register(&id, ad.authority()).expect("registered");
        world.app.run_jobs();
        let managed = Self { world, id: id.to_string() };
        managed.set("MicrosoftAD", "Enabled");
        managed.clear(prefix);
        managed
    }

    fn set(&self, kind: &str, data_access: &str) {
        self.world.write(|cx| {
            let sql = "update dir_directory set type = $2, data_access_status = $3 where id = $1";
            cx.write().exec_one(sql, params![self.id, kind, data_access])
        });
    }

    fn clear(&self, prefix: &str) {
        let ad = &self.world.controller;
        for name in ad.names_with(prefix) {
            ad.delete(&name);
        }
    }

    fn call<O: Operation>(&self, input: O::In) -> Result<O::Out> {
        self.world.app.call::<O>(&self.world.root, input)
    }

    fn create_user(&self, name: &str) -> Result<model::ds_data::CreateUserResult> {
        self.call::<ops::CreateUser>(CreateUserRequest {
            directory_id: self.id.clone(),
            sam_account_name: name.to_owned(),
            ..CreateUserRequest::default()
        })
    }

    fn create_group(&self, name: &str) -> Result<model::ds_data::CreateGroupResult> {
        self.call::<ops::CreateGroup>(CreateGroupRequest {
            directory_id: self.id.clone(),
            sam_account_name: name.to_owned(),
            ..CreateGroupRequest::default()
        })
    }

    fn user(&self, name: &str, others: &[&str]) -> Result<model::ds_data::DescribeUserResult> {
        let others: Vec<_> = others.iter().map(|name| (*name).to_owned()).collect();
        self.call::<ops::DescribeUser>(DescribeUserRequest {
            directory_id: self.id.clone(),
            sam_account_name: name.to_owned(),
            other_attributes: (!others.is_empty()).then_some(others),
            ..DescribeUserRequest::default()
        })
    }

    fn add(&self, group: &str, member: &str) -> Result<()> {
        let input = AddGroupMemberRequest {
            directory_id: self.id.clone(),
            group_name: group.to_owned(),
            member_name: member.to_owned(),
            ..AddGroupMemberRequest::default()
        };
        self.call::<ops::AddGroupMember>(input).map(drop)
    }

    fn remove(&self, group: &str, member: &str) -> Result<()> {
        let input = RemoveGroupMemberRequest {
            directory_id: self.id.clone(),
            group_name: group.to_owned(),
            member_name: member.to_owned(),
            ..RemoveGroupMemberRequest::default()
        };
        self.call::<ops::RemoveGroupMember>(input).map(drop)
    }

    fn members(&self, group: &str) -> Vec<(String, MemberType)> {
        let input = ListGroupMembersRequest {
            directory_id: self.id.clone(),
            sam_account_name: group.to_owned(),
            ..ListGroupMembersRequest::default()
        };
        let found = self.call::<ops::ListGroupMembers>(input).expect("listed").members.expect("members");
        found.into_iter().map(|member| (member.sam_account_name, member.member_type)).collect()
    }

    fn groups_of(&self, member: &str) -> Vec<String> {
        let input = ListGroupsForMemberRequest {
            directory_id: self.id.clone(),
            sam_account_name: member.to_owned(),
            ..ListGroupsForMemberRequest::default()
        };
        let found = self.call::<ops::ListGroupsForMember>(input).expect("listed").groups.expect("groups");
        found.into_iter().map(|group| group.sam_account_name).collect()
    }

    fn search(&self, attributes: &[&str], text: &str) -> Result<Vec<String>> {
        let input = SearchUsersRequest {
            directory_id: self.id.clone(),
            search_attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
            search_string: text.to_owned(),
            ..SearchUsersRequest::default()
        };
        let found = self.call::<ops::SearchUsers>(input)?.users.expect("users");
        Ok(found.into_iter().map(|user| user.sam_account_name).collect())
    }

    /// How many changes of that name the audit trail has.
    fn recorded(&self, name: &str) -> i64 {
        let sql = "select count(*) from audit where event_name = $1 and is_read_only = 0 and event_source = $2";
        let count = self.world.app.app.store.read(|tx| tx.count(sql, params![name, "ds-data.amazonaws.com"]));
        count.expect("counted")
    }
}

impl Controller {
    /// The account by which the product reads and writes a domain of its own.
    fn prepare_service(&self) {
        static DONE: Once = Once::new();
        DONE.call_once(|| {
            let name = directory::managed::SERVICE_USER;
            let unit = format!("CN=Users,{}", self.get("AD_BASE"));
            let dn = format!("CN={name},{unit}");
            if self.output("ldapsearch", &["-LLL", "-s", "base", "-b", &dn, "dn"]).contains(name) {
                return;
            }
            self.modify(&self.user(&unit, name));
            self.modify(&format!("dn: CN=Domain Admins,{unit}\nchangetype: modify\nadd: member\nmember: {dn}\n"));
            self.modify(&self.password(&dn, SERVICE_PASSWORD));
        });
    }

    /// The names of what earlier runs made.
    fn names_with(&self, prefix: &str) -> Vec<String> {
        let unit = format!("OU=Users,OU={UNIT},{}", self.get("AD_BASE"));
        let found =
            self.output("ldapsearch", &["-LLL", "-o", "ldif-wrap=no", "-b", &unit, &format!("(cn={prefix}*)"), "dn"]);
        found.lines().filter_map(|line| line.strip_prefix("dn: ")).map(str::to_owned).collect()
    }
}

fn s(text: &str) -> AttributeValue {
    AttributeValue { s: Some(text.to_owned()), ..AttributeValue::default() }
}

fn reason<T>(outcome: Result<T>) -> String {
    match outcome {
        Err(Error::Modeled(error)) => {
            let error = error.as_any().downcast_ref::<ValidationException>().expect("a validation error");
            error.reason.expect("a reason").to_string()
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the call was expected to fail"),
    }
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_user_lives_from_its_creation_to_its_end() {
    let managed = Managed::new("ann");
    let made = managed
        .call::<ops::CreateUser>(CreateUserRequest {
            directory_id: managed.id.clone(),
            sam_account_name: "ann.zoe".to_owned(),
            given_name: Some("Zoë".to_owned()),
            surname: Some("O'Hara, (ext) *".to_owned()),
            email_address: Some("zoe@example.com".to_owned()),
            other_attributes: Some([("Department".to_owned(), s("R&D \\ (a|b)"))].into()),
            client_token: None,
        })
        .expect("created");
    let sid = made.sid.expect("a SID");
    assert!(sid.starts_with("S-1-5-21-"), "{sid}");
    let user = managed.user("ANN.zoe", &["department", "objectGUID", "objectClass"]).expect("described");
    assert_eq!(user.enabled, Some(false));
    assert_eq!(user.user_principal_name.as_deref(), Some("ann.zoe@corp.example.com"));
    assert_eq!(user.distinguished_name.as_deref(), Some("CN=ann.zoe,OU=Users,OU=OWN,DC=corp,DC=example,DC=com"));
    assert_eq!((user.given_name.as_deref(), user.surname.as_deref()), (Some("Zoë"), Some("O'Hara, (ext) *")));
    assert_eq!((user.sid.as_deref(), user.realm.as_deref()), (Some(sid.as_str()), Some("corp.example.com")));
    let others = user.other_attributes.expect("others");
    assert_eq!(others["department"], s("R&D \\ (a|b)"));
    assert_eq!(others["objectGUID"].s.as_ref().map(String::len), Some(36));
    assert!(others["objectClass"].ss.as_ref().is_some_and(|classes| classes.contains(&"user".to_owned())));
    assert_eq!(code(managed.create_user("ann.zoe")), "ConflictException");

    let update = |update_type, given_name: Option<&str>, others: BTreeMap<String, AttributeValue>| {
        managed.call::<ops::UpdateUser>(UpdateUserRequest {
            directory_id: managed.id.clone(),
            sam_account_name: "ann.zoe".to_owned(),
            given_name: given_name.map(str::to_owned),
            other_attributes: (!others.is_empty()).then_some(others),
            update_type,
            ..UpdateUserRequest::default()
        })
    };
    update(None, Some("Zoe"), BTreeMap::new()).expect("replaced");
    assert_eq!(reason(update(Some(UpdateType::Add), Some("Zoe"), BTreeMap::new())), "ATTRIBUTE_EXISTS");
    assert_eq!(reason(update(None, None, BTreeMap::new())), "MISSING_ATTRIBUTE");
    let numbers = |numbers: &[&str]| AttributeValue {
        ss: Some(numbers.iter().map(|number| (*number).to_owned()).collect()),
        ..AttributeValue::default()
    };
    let phones = |list: &[&str]| BTreeMap::from([("otherTelephone".to_owned(), numbers(list))]);
    update(Some(UpdateType::Add), None, phones(&["1", "2"])).expect("added");
    update(Some(UpdateType::Add), None, phones(&["3"])).expect("added");
    update(Some(UpdateType::Remove), None, phones(&["2"])).expect("removed");
    update(Some(UpdateType::Remove), None, [("department".to_owned(), s("-"))].into()).expect("cleared");
    let user = managed.user("ann.zoe", &["otherTelephone", "department"]).expect("described");
    let mut left = user.other_attributes.expect("others").remove("otherTelephone").and_then(|it| it.ss).expect("two");
    left.sort();
    assert_eq!((user.given_name.as_deref(), left), (Some("Zoe"), vec!["1".to_owned(), "3".to_owned()]));
    assert_eq!(reason(update(Some(UpdateType::Remove), None, phones(&["9"]))), "MISSING_ATTRIBUTE");

    let disable = || {
        let input = DisableUserRequest {
            directory_id: managed.id.clone(),
            sam_account_name: "ann.zoe".to_owned(),
            ..DisableUserRequest::default()
        };
        managed.call::<ops::DisableUser>(input)
    };
    let ad = &managed.world.controller;
    let dn = user.distinguished_name.expect("a name");
    ad.modify(&ad.password(&dn, "Some-Passw0rd-1"));
    ad.modify(&format!("dn: {dn}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 512\n"));
    assert_eq!(managed.user("ann.zoe", &[]).expect("described").enabled, Some(true));
    disable().expect("disabled");
    disable().expect("is disabled");
    assert_eq!(managed.user("ann.zoe", &[]).expect("described").enabled, Some(false));

    let delete = || {
        let input = DeleteUserRequest {
            directory_id: managed.id.clone(),
            sam_account_name: "ann.zoe".to_owned(),
            ..DeleteUserRequest::default()
        };
        managed.call::<ops::DeleteUser>(input)
    };
    delete().expect("deleted");
    for outcome in [delete().map(drop), managed.user("ann.zoe", &[]).map(drop), disable().map(drop)] {
        assert_eq!(code(outcome), "ResourceNotFoundException");
    }
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn groups_have_members_of_every_kind() {
    let managed = Managed::new("bea");
    managed.create_user("bea1").expect("a user");
    let made = managed
        .call::<ops::CreateGroup>(CreateGroupRequest {
            directory_id: managed.id.clone(),
            sam_account_name: "bea #1 (ext) & Zoë".to_owned(),
            group_scope: Some(GroupScope::Universal),
            group_type: Some(GroupType::Distribution),
            other_attributes: Some([("description".to_owned(), s("beas"))].into()),
            client_token: None,
        })
        .expect("a group");
    managed.create_group("bea2").expect("another");
    let group = "bea #1 (ext) & Zoë";
    managed.add(group, "bea1").expect("added");
    managed.add(group, "bea2").expect("added");
    managed.add("bea2", "bea1").expect("added");
    assert_eq!(code(managed.add(group, "bea1")), "ConflictException");
    assert_eq!(code(managed.add(group, "nobody")), "ResourceNotFoundException");
    assert_eq!(code(managed.add("nothing", "bea1")), "ResourceNotFoundException");
    assert_eq!(managed.members(group), [("bea1".to_owned(), MemberType::User), ("bea2".to_owned(), MemberType::Group)]);
    assert_eq!(managed.groups_of("bea1"), [group, "bea2", "Domain Users"]);
    let computer = managed.members("Domain Controllers");
    assert_eq!(computer, [("DC1$".to_owned(), MemberType::Computer)]);
    managed.remove(group, "bea1").expect("removed");
    assert_eq!(code(managed.remove(group, "bea1")), "ResourceNotFoundException");

    let describe = || {
        let input = DescribeGroupRequest {
            directory_id: managed.id.clone(),
            sam_account_name: group.to_owned(),
            other_attributes: Some(vec!["*".to_owned()]),
            ..DescribeGroupRequest::default()
        };
        managed.call::<ops::DescribeGroup>(input)
    };
    let described = describe().expect("described");
    assert_eq!(described.sid, made.sid);
    assert_eq!(described.group_scope, Some(GroupScope::Universal));
    assert_eq!(described.group_type, Some(GroupType::Distribution));
    assert_eq!(described.other_attributes.expect("others")["description"], s("beas"));
    let update = |scope, kind| {
        managed.call::<ops::UpdateGroup>(UpdateGroupRequest {
            directory_id: managed.id.clone(),
            sam_account_name: group.to_owned(),
            group_scope: scope,
            group_type: kind,
            update_type: Some(UpdateType::Replace),
            ..UpdateGroupRequest::default()
        })
    };
    update(None, Some(GroupType::Security)).expect("a security group");
    update(Some(GroupScope::DomainLocal), None).expect("domain local");
    assert_eq!(reason(update(Some(GroupScope::BuiltinLocal), None)), "INVALID_ATTRIBUTE_VALUE");
    let described = describe().expect("described");
    assert_eq!(described.group_scope, Some(GroupScope::DomainLocal));
    assert_eq!(described.group_type, Some(GroupType::Security));
    let search = SearchGroupsRequest {
        directory_id: managed.id.clone(),
        search_attributes: vec!["description".to_owned()],
        search_string: "BEAS".to_owned(),
        ..SearchGroupsRequest::default()
    };
    let found = managed.call::<ops::SearchGroups>(search).expect("found").groups.expect("groups");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].sam_account_name.as_str(), found[0].sid.as_ref()), (group, made.sid.as_ref()));
    assert_eq!(found[0].other_attributes.as_ref().expect("others")["description"], s("beas"));
    let delete = DeleteGroupRequest {
        directory_id: managed.id.clone(),
        sam_account_name: group.to_owned(),
        ..DeleteGroupRequest::default()
    };
    managed.call::<ops::DeleteGroup>(delete).expect("deleted");
    assert_eq!(code(describe()), "ResourceNotFoundException");
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn pages_have_everything_once_while_users_come_and_go() {
    let managed = Managed::new("cal");
    for index in 0..7 {
        managed.create_user(&format!("cal{index}")).expect("a user");
    }
    let page = |token: Option<String>| {
        let input = ListUsersRequest {
            directory_id: managed.id.clone(),
            max_results: Some(3),
            next_token: token,
            ..ListUsersRequest::default()
        };
        managed.call::<ops::ListUsers>(input)
    };
    let (mut token, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let found = page(token).expect("a page");
        let users = found.users.expect("users");
        assert!(users.len() <= 3 && users.iter().all(|user| user.sid.starts_with("S-1-")));
        seen.extend(users.into_iter().map(|user| user.sam_account_name));
        pages += 1;
        if pages == 1 {
            // Before and after where the next page begins.
            managed.create_user("cal-").expect("a user");
            managed.create_user("cal9").expect("a user");
        }
        token = found.next_token;
        if token.is_none() {
            break;
        }
    }
    let mine: Vec<_> =
        seen.iter().filter(|name| name.starts_with("cal") && *name != "cal-" && *name != "carol").collect();
    assert_eq!(mine, ["cal0", "cal1", "cal2", "cal3", "cal4", "cal5", "cal6", "cal9"]);
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(once, seen);
    assert!(
        seen.contains(&"alice".to_owned()) && seen.contains(&"Guest".to_owned()) && seen.contains(&"zoe".to_owned())
    );
    assert_eq!(reason(page(Some("nonsense".to_owned()))), "INVALID_NEXT_TOKEN");
    let other = ListGroupsRequest {
        directory_id: managed.id.clone(),
        next_token: page(None).expect("a page").next_token,
        ..ListGroupsRequest::default()
    };
    assert_eq!(reason(managed.call::<ops::ListGroups>(other)), "INVALID_NEXT_TOKEN");
    let groups = ListGroupsRequest { directory_id: managed.id.clone(), ..ListGroupsRequest::default() };
    let groups = managed.call::<ops::ListGroups>(groups).expect("listed").groups.expect("groups");
    let builtin = groups.iter().find(|group| group.sam_account_name == "Administrators").expect("there");
    assert_eq!((builtin.group_scope, builtin.sid.as_str()), (GroupScope::BuiltinLocal, "S-1-5-32-544"));
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn searches_find_values_and_nothing_breaks_out_of_them() {
    let managed = Managed::new("dea");
    managed.create_user("dea1").expect("a user");
    assert_eq!(managed.search(&["SAMAccountName"], "DEA1").expect("found"), ["dea1"]);
    assert_eq!(managed.search(&["Surname", "givenname", "samaccountname"], "dea1").expect("found"), ["dea1"]);
    for hostile in ["dea1)(objectClass=person", "x)(|(cn=a", "\\2a", "(", "\\"] {
        assert_eq!(managed.search(&["SAMAccountName"], hostile).expect("nothing"), [""; 0], "{hostile:?}");
    }
    for never in ["de*", "dea1\0", "dea1\n"] {
        assert_eq!(reason(managed.search(&["SAMAccountName"], never)), "INVALID_ATTRIBUTE_VALUE");
    }
    assert_eq!(reason(managed.search(&["nonsense"], "a")), "INVALID_ATTRIBUTE_NAME");
    assert_eq!(reason(managed.search(&["whenCreated"], "a")), "INVALID_ATTRIBUTE_FOR_SEARCH");
    // The directory takes some of these for the name, where a policy that names it does not.
    for hostile in ["*", "dea1)(cn=*", "\u{e4}\u{f6}", "dea1 ", " dea1"] {
        assert_eq!(code(managed.user(hostile, &[])), "ResourceNotFoundException", "{hostile}");
    }
    assert_eq!(reason(managed.user("dea1\0", &[])), "INVALID_ATTRIBUTE_VALUE");
    assert_eq!(reason(managed.create_group("dea2\0x")), "INVALID_ATTRIBUTE_VALUE");
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn what_the_domain_is_made_of_is_out_of_reach() {
    let managed = Managed::new("eli");
    managed.create_user("eli1").expect("a user");
    let delete = |name: &str| {
        let input = DeleteUserRequest {
            directory_id: managed.id.clone(),
            sam_account_name: name.to_owned(),
            ..DeleteUserRequest::default()
        };
        managed.call::<ops::DeleteUser>(input)
    };
    for name in ["Administrator", "krbtgt", "alice", directory::managed::SERVICE_USER] {
        assert_eq!(code(delete(name)), "AccessDeniedException", "{name}");
    }
    for group in ["Domain Admins", "Administrators", "Enterprise Admins", "engineering"] {
        assert_eq!(code(managed.add(group, "eli1")), "AccessDeniedException", "{group}");
    }
    // A group that stands for rights is open, as at AWS; it cannot be deleted.
    let ad = &managed.world.controller;
    let unit = ad.unit("AWS Delegated Groups");
    ad.modify(&ad.group(&unit, "eli rights", &[]));
    managed.add("eli rights", "eli1").expect("added");
    assert_eq!(managed.members("eli rights"), [("eli1".to_owned(), MemberType::User)]);
    let input = DeleteGroupRequest {
        directory_id: managed.id.clone(),
        sam_account_name: "eli rights".to_owned(),
        ..DeleteGroupRequest::default()
    };
    assert_eq!(code(managed.call::<ops::DeleteGroup>(input)), "AccessDeniedException");
    ad.delete(&unit);
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_change_with_a_known_token_is_made_once_and_recorded_each_time() {
    let managed = Managed::new("fay");
    let create = |name: &str| {
        managed.call::<ops::CreateUser>(CreateUserRequest {
            directory_id: managed.id.clone(),
            sam_account_name: name.to_owned(),
            client_token: Some("token-1\0".to_owned()),
            ..CreateUserRequest::default()
        })
    };
    let first = create("fay1").expect("created");
    assert_eq!(create("fay1").expect("the same"), first);
    assert_eq!(code(create("fay2")), "ConflictException");
    assert_eq!(managed.recorded("CreateUser"), 2);
    managed.world.app.clock.advance_seconds(8 * 3_600);
    create("fay2").expect("the token was forgotten");
    assert_eq!(code(managed.create_user("fay1")), "ConflictException");
    // What was refused is recorded too, but as no change that was made.
    assert_eq!(managed.recorded("CreateUser"), 3);
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn only_directories_that_are_run_here_with_access_enabled_are_served() {
    let managed = Managed::new("gus");
    let list = |realm: Option<&str>| {
        managed.call::<ops::ListUsers>(ListUsersRequest {
            directory_id: managed.id.clone(),
            realm: realm.map(str::to_owned),
            ..ListUsersRequest::default()
        })
    };
    assert!(list(Some("CORP.example.com.")).is_ok());
    assert_eq!(reason(list(Some("other.example.com"))), "INVALID_REALM");
    managed.set("MicrosoftAD", "Disabled");
    assert_eq!(code(list(None)), "AccessDeniedException");
    managed.set("ADConnector", "Enabled");
    assert_eq!(reason(list(None)), "INVALID_DIRECTORY_TYPE");
    let unknown = ListUsersRequest { directory_id: "d-0000000000".to_owned(), ..ListUsersRequest::default() };
    assert_eq!(code(managed.call::<ops::ListUsers>(unknown)), "AccessDeniedException");
    managed.set("MicrosoftAD", "Enabled");
    let id = DirectoryId::parse(&managed.id).expect("valid");
    managed.world.write(|cx| {
        let now = cx.now;
        directory::record::set_stage(&mut cx.write(), &id, model::ds::DirectoryStage::Failed, None, now)
    });
    assert_eq!(code(list(None)), "DirectoryUnavailableException");
    assert_eq!(managed.world.root.account(), Some(&account()));
}

//! Who is in which group.

use super::attribute::Object;
use super::failure::{self, Failure};
use super::group;
use super::object;
use super::served::{Named, Served, Session};
use crate::ldap::{Edit, Entry, Filter, LdapError, Modification, code};
use kernel::Result;
use model::ds_data::{
    AddGroupMemberRequest, AddGroupMemberResult, ListGroupMembersRequest, ListGroupMembersResult,
    ListGroupsForMemberRequest, ListGroupsForMemberResult, Member, MemberType, RemoveGroupMemberRequest,
    RemoveGroupMemberResult, ops,
};

/// Adds a member to a group, or removes one.
fn change(session: &Session<'_>, edit: Edit, group_name: &str, member_name: &str) -> Result<()> {
    session.change(|service| {
        let group = object::one(service, Object::Group, group_name, &[])?;
        object::require_open(service, session.directory, &group)?;
        let member = object::member(service, member_name, &[])?;
        let change = Modification::text(edit, "member", &member.dn);
        let refused = match service.connection.modify(&group.dn, &[change]) {
            Err(LdapError::Refused(outcome)) => outcome,
            other => return Ok(other?),
        };
        let failure = match (edit, refused.code) {
            (Edit::Add, code::ENTRY_EXISTS | code::VALUE_EXISTS) => {
                failure::conflict(format!("{member_name} is a member of {group_name} already."))
            }
            (Edit::Remove, code::UNWILLING | code::NO_SUCH_ATTRIBUTE | code::NO_SUCH_OBJECT) => {
                failure::not_found(format!("{member_name} is not a member of {group_name}."))
            }
            _ => return Err(Failure::Ldap(LdapError::Refused(refused))),
        };
        Err(failure.into())
    })
}

impl Served for ops::AddGroupMember {
    fn named(input: &AddGroupMemberRequest) -> Named<'_> {
        let named = Named::of_change(&input.directory_id, &input.group_name, input.client_token.as_ref());
        Named { member: Some(&input.member_name), ..named.with_members(input.member_realm.as_ref()) }
    }

    fn serve(session: &Session<'_>, input: &AddGroupMemberRequest) -> Result<AddGroupMemberResult> {
        change(session, Edit::Add, &input.group_name, &input.member_name)?;
        Ok(AddGroupMemberResult {})
    }
}

impl Served for ops::RemoveGroupMember {
    fn named(input: &RemoveGroupMemberRequest) -> Named<'_> {
        let named = Named::of_change(&input.directory_id, &input.group_name, input.client_token.as_ref());
        Named { member: Some(&input.member_name), ..named.with_members(input.member_realm.as_ref()) }
    }

    fn serve(session: &Session<'_>, input: &RemoveGroupMemberRequest) -> Result<RemoveGroupMemberResult> {
        change(session, Edit::Remove, &input.group_name, &input.member_name)?;
        Ok(RemoveGroupMemberResult {})
    }
}

fn member(entry: &Entry) -> Member {
    let is = |class: &str| entry.values("objectClass").iter().any(|value| value.eq_ignore_ascii_case(class.as_bytes()));
    let member_type = match () {
        () if is("group") => MemberType::Group,
        // A computer's class is made from that of users.
        () if is("computer") => MemberType::Computer,
        () => MemberType::User,
    };
    Member {
        member_type,
        sam_account_name: entry.text("sAMAccountName").unwrap_or_default().to_owned(),
        sid: object::sid(entry).unwrap_or_default(),
    }
}

impl Served for ops::ListGroupMembers {
    fn named(input: &ListGroupMembersRequest) -> Named<'_> {
        Named::of_look(&input.directory_id, input.realm.as_ref(), Some(&input.sam_account_name))
            .with_members(input.member_realm.as_ref())
            .with_page(input.next_token.as_ref(), input.max_results)
    }

    /// Direct members; also those who have the group as their primary group, which is no value of `member`.
    fn serve(session: &Session<'_>, input: &ListGroupMembersRequest) -> Result<ListGroupMembersResult> {
        let names = ["objectSid"];
        let group = session.read(|service| object::one(service, Object::Group, &input.sam_account_name, &names))?;
        let mut filters = vec![Filter::equal("memberOf", &group.dn)];
        if let Some((_, relative)) = object::sid(&group).as_deref().and_then(|sid| sid.rsplit_once('-')) {
            filters.push(Filter::equal("primaryGroupID", relative));
        }
        let filter = Filter::And(vec![object::any_member(), Filter::Or(filters)]);
        let (entries, next_token) = session.page(&filter, &["sAMAccountName", "objectSid", "objectClass"])?;
        Ok(ListGroupMembersResult {
            directory_id: Some(input.directory_id.clone()),
            member_realm: Some(session.directory.name.clone()),
            members: Some(entries.iter().map(member).collect()),
            next_token,
            realm: Some(session.directory.name.clone()),
        })
    }
}

impl Served for ops::ListGroupsForMember {
    fn named(input: &ListGroupsForMemberRequest) -> Named<'_> {
        Named::of_look(&input.directory_id, input.realm.as_ref(), Some(&input.sam_account_name))
            .with_members(input.member_realm.as_ref())
            .with_page(input.next_token.as_ref(), input.max_results)
    }

    /// Groups of which it is directly a member, and its primary group.
    fn serve(session: &Session<'_>, input: &ListGroupsForMemberRequest) -> Result<ListGroupsForMemberResult> {
        let names = ["objectSid", "primaryGroupID"];
        let member = session.read(|service| object::member(service, &input.sam_account_name, &names))?;
        let mut filters = vec![Filter::equal("member", &member.dn)];
        let domain = object::sid(&member);
        let domain = domain.as_deref().and_then(|sid| sid.rsplit_once('-'));
        if let Some(((domain, _), relative)) = domain.zip(member.text("primaryGroupID")) {
            filters.push(Filter::equal("objectSid", &format!("{domain}-{relative}")));
        }
        let filter = Filter::And(vec![Filter::is_group(), Filter::Or(filters)]);
        let (entries, next_token) = session.page(&filter, &group::ATTRIBUTES)?;
        Ok(ListGroupsForMemberResult {
            directory_id: Some(input.directory_id.clone()),
            groups: Some(entries.iter().map(group::summary).collect()),
            member_realm: Some(session.directory.name.clone()),
            next_token,
            realm: Some(session.directory.name.clone()),
        })
    }
}

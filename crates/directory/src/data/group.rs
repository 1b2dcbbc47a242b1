//! Groups.

use super::attribute::{self, Attribute, Object};
use super::failure;
use super::object;
use super::served::{Named, Served, Session};
use crate::ldap::{Edit, Entry, Filter, Modification};
use kernel::Result;
use model::ds_data::{
    CreateGroupRequest, CreateGroupResult, DeleteGroupRequest, DeleteGroupResult, DescribeGroupRequest,
    DescribeGroupResult, Group, GroupScope, GroupSummary, GroupType, ListGroupsRequest, ListGroupsResult,
    SearchGroupsRequest, SearchGroupsResult, UpdateGroupRequest, UpdateGroupResult, UpdateType,
    ValidationExceptionReason as Reason, ops,
};

/// Bits of `groupType` (MS-ADTS §2.2.12), a number of 32 bits with a sign.
const BUILTIN: i32 = 0x1;
const GLOBAL: i32 = 0x2;
const DOMAIN_LOCAL: i32 = 0x4;
const UNIVERSAL: i32 = 0x8;
const SECURITY: i32 = i32::MIN;

/// What is read of a group whatever is asked for.
pub(super) const ATTRIBUTES: [&str; 3] = ["sAMAccountName", "objectSid", "groupType"];

fn bits(entry: &Entry) -> i32 {
    entry.number("groupType").and_then(|number| i32::try_from(number).ok()).unwrap_or(GLOBAL | SECURITY)
}

fn scope(bits: i32) -> GroupScope {
    match bits {
        _ if bits & BUILTIN != 0 => GroupScope::BuiltinLocal,
        _ if bits & DOMAIN_LOCAL != 0 => GroupScope::DomainLocal,
        _ if bits & UNIVERSAL != 0 => GroupScope::Universal,
        _ => GroupScope::Global,
    }
}

fn kind(bits: i32) -> GroupType {
    if bits & SECURITY == 0 { GroupType::Distribution } else { GroupType::Security }
}

/// # Errors
/// `ValidationException` for the scope of groups that come with the domain.
fn bits_of(scope: GroupScope, kind: GroupType) -> Result<i32> {
    let scope = match scope {
        GroupScope::DomainLocal => DOMAIN_LOCAL,
        GroupScope::Global => GLOBAL,
        GroupScope::Universal => UNIVERSAL,
        GroupScope::BuiltinLocal => {
            let message = "Groups with the scope BuiltinLocal come with the domain.";
            return Err(failure::invalid(Reason::InvalidAttributeValue, message));
        }
    };
    Ok(if kind == GroupType::Security { scope | SECURITY } else { scope })
}

fn group(entry: &Entry, others: &[&Attribute]) -> Group {
    Group {
        distinguished_name: Some(entry.dn.clone()),
        group_scope: Some(scope(bits(entry))),
        group_type: Some(kind(bits(entry))),
        other_attributes: attribute::values(others, entry),
        sam_account_name: entry.text("sAMAccountName").unwrap_or_default().to_owned(),
        sid: object::sid(entry),
    }
}

/// A group as lists have it.
pub(super) fn summary(entry: &Entry) -> GroupSummary {
    GroupSummary {
        group_scope: scope(bits(entry)),
        group_type: kind(bits(entry)),
        sam_account_name: entry.text("sAMAccountName").unwrap_or_default().to_owned(),
        sid: object::sid(entry).unwrap_or_default(),
    }
}

impl Served for ops::CreateGroup {
    fn named(input: &CreateGroupRequest) -> Named<'_> {
        Named::of_change(&input.directory_id, &input.sam_account_name, input.client_token.as_ref())
    }

    fn serve(session: &Session<'_>, input: &CreateGroupRequest) -> Result<CreateGroupResult> {
        let name = &input.sam_account_name;
        let scope = input.group_scope.unwrap_or(GroupScope::Global);
        let bits = bits_of(scope, input.group_type.unwrap_or(GroupType::Security))?;
        let wishes = attribute::wishes(&[], input.other_attributes.as_ref(), Object::Group)?;
        let mut attributes = vec![
            ("objectClass", vec![b"top".to_vec(), b"group".to_vec()]),
            ("sAMAccountName", vec![name.as_bytes().to_vec()]),
            ("groupType", vec![bits.to_string().into_bytes()]),
        ];
        attributes.extend(wishes.into_iter().map(attribute::Wish::added).filter(|(_, values)| !values.is_empty()));
        let made = session.change(|service| object::make(service, session.directory, name, &attributes))?;
        Ok(CreateGroupResult {
            directory_id: Some(input.directory_id.clone()),
            sam_account_name: Some(name.clone()),
            sid: object::sid(&made),
        })
    }
}

impl Served for ops::DescribeGroup {
    fn named(input: &DescribeGroupRequest) -> Named<'_> {
        Named::of_look(&input.directory_id, input.realm.as_ref(), Some(&input.sam_account_name))
    }

    fn serve(session: &Session<'_>, input: &DescribeGroupRequest) -> Result<DescribeGroupResult> {
        let others = attribute::wanted(input.other_attributes.as_deref().unwrap_or_default(), Object::Group)?;
        let names: Vec<_> = ATTRIBUTES.into_iter().chain(others.iter().map(|other| other.name)).collect();
        let entry = session.read(|service| object::one(service, Object::Group, &input.sam_account_name, &names))?;
        let group = group(&entry, &others);
        Ok(DescribeGroupResult {
            directory_id: Some(input.directory_id.clone()),
            distinguished_name: group.distinguished_name,
            group_scope: group.group_scope,
            group_type: group.group_type,
            other_attributes: group.other_attributes,
            realm: Some(session.directory.name.clone()),
            sam_account_name: Some(group.sam_account_name),
            sid: group.sid,
        })
    }
}

impl Served for ops::UpdateGroup {
    fn named(input: &UpdateGroupRequest) -> Named<'_> {
        Named::of_change(&input.directory_id, &input.sam_account_name, input.client_token.as_ref())
    }

    fn serve(session: &Session<'_>, input: &UpdateGroupRequest) -> Result<UpdateGroupResult> {
        let update = input.update_type.unwrap_or(UpdateType::Replace);
        let changes_kind = input.group_scope.is_some() || input.group_type.is_some();
        let wishes = attribute::wishes(&[], input.other_attributes.as_ref(), Object::Group)?;
        if wishes.is_empty() && !changes_kind {
            return Err(failure::invalid(Reason::MissingAttribute, "At least one attribute must be given."));
        }
        if changes_kind && update != UpdateType::Replace {
            let message = "Every group has a scope and a type: they can only be replaced.";
            return Err(failure::invalid(Reason::InvalidAttributeForModify, message));
        }
        let mut names = attribute::names(&wishes);
        names.push("groupType");
        session.change(|service| {
            let entry = object::own(service, session.directory, Object::Group, &input.sam_account_name, &names)?;
            let mut modifications = attribute::modifications(wishes, update, &entry)?;
            if changes_kind {
                let before = bits(&entry);
                let scope = input.group_scope.unwrap_or_else(|| scope(before));
                let after = bits_of(scope, input.group_type.unwrap_or_else(|| kind(before)))?;
                modifications.push(Modification::text(Edit::Replace, "groupType", &after.to_string()));
            }
            Ok(service.connection.modify(&entry.dn, &modifications)?)
        })?;
        Ok(UpdateGroupResult {})
    }
}

impl Served for ops::DeleteGroup {
    fn named(input: &DeleteGroupRequest) -> Named<'_> {
        Named::of_change(&input.directory_id, &input.sam_account_name, input.client_token.as_ref())
    }

    fn serve(session: &Session<'_>, input: &DeleteGroupRequest) -> Result<DeleteGroupResult> {
        session.change(|service| {
            let entry = object::own(service, session.directory, Object::Group, &input.sam_account_name, &[])?;
            Ok(service.connection.delete(&entry.dn)?)
        })?;
        Ok(DeleteGroupResult {})
    }
}

impl Served for ops::ListGroups {
    fn named(input: &ListGroupsRequest) -> Named<'_> {
        Named::of_look(&input.directory_id, input.realm.as_ref(), None)
            .with_page(input.next_token.as_ref(), input.max_results)
    }

    fn serve(session: &Session<'_>, input: &ListGroupsRequest) -> Result<ListGroupsResult> {
        let (entries, next_token) = session.page(&Filter::is_group(), &ATTRIBUTES)?;
        Ok(ListGroupsResult {
            directory_id: Some(input.directory_id.clone()),
            groups: Some(entries.iter().map(summary).collect()),
            next_token,
            realm: Some(session.directory.name.clone()),
        })
    }
}

impl Served for ops::SearchGroups {
    fn named(input: &SearchGroupsRequest) -> Named<'_> {
        Named::of_look(&input.directory_id, input.realm.as_ref(), None)
            .with_page(input.next_token.as_ref(), input.max_results)
            .with_search(&input.search_attributes, &input.search_string)
    }

    fn serve(session: &Session<'_>, input: &SearchGroupsRequest) -> Result<SearchGroupsResult> {
        let sought = object::Sought::new(&input.search_attributes, &input.search_string, Object::Group)?;
        let (entries, next_token) = session.page(&sought.filter, &sought.names(&ATTRIBUTES))?;
        Ok(SearchGroupsResult {
            directory_id: Some(input.directory_id.clone()),
            groups: Some(entries.iter().map(|entry| group(entry, &sought.others)).collect()),
            next_token,
            realm: Some(session.directory.name.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_and_types_go_there_and_come_back() {
        for wanted in [GroupScope::DomainLocal, GroupScope::Global, GroupScope::Universal] {
            for of in [GroupType::Distribution, GroupType::Security] {
                let bits = bits_of(wanted, of).expect("can be made");
                assert_eq!((scope(bits), kind(bits)), (wanted, of));
            }
        }
        // `Builtin\Administrators` and Domain Admins, as Active Directory has them.
        assert_eq!((scope(-2_147_483_643), kind(-2_147_483_643)), (GroupScope::BuiltinLocal, GroupType::Security));
        assert_eq!((scope(-2_147_483_646), kind(-2_147_483_646)), (GroupScope::Global, GroupType::Security));
        assert!(bits_of(GroupScope::BuiltinLocal, GroupType::Security).is_err());
    }
}

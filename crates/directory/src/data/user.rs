//! Users.

use super::attribute::{self, Attribute, Object};
use super::failure;
use super::object;
use super::served::{Named, Served, Session};
use crate::ldap::{Edit, Entry, Filter, Modification};
use kernel::Result;
use model::ds_data::{
    CreateUserRequest, CreateUserResult, DeleteUserRequest, DeleteUserResult, DescribeUserRequest, DescribeUserResult,
    DisableUserRequest, DisableUserResult, ListUsersRequest, ListUsersResult, SearchUsersRequest, SearchUsersResult,
    UpdateType, UpdateUserRequest, UpdateUserResult, User, UserSummary, ValidationExceptionReason as Reason, ops,
};

/// Bit of `userAccountControl` of accounts that are disabled (MS-ADTS §2.2.16).
const ACCOUNT_DISABLED: i64 = 0x2;
/// Bit of `userAccountControl` of people's accounts.
const NORMAL_ACCOUNT: i64 = 0x200;

/// What is read of a user whatever is asked for.
const ATTRIBUTES: [&str; 7] =
    ["sAMAccountName", "objectSid", "userAccountControl", "userPrincipalName", "mail", "givenName", "sn"];

fn is_enabled(entry: &Entry) -> bool {
    entry.number("userAccountControl").unwrap_or(ACCOUNT_DISABLED) & ACCOUNT_DISABLED == 0
}

fn text(entry: &Entry, name: &str) -> Option<String> {
    entry.text(name).map(str::to_owned)
}

fn user(entry: &Entry, others: &[&Attribute]) -> User {
    User {
        distinguished_name: Some(entry.dn.clone()),
        email_address: text(entry, "mail"),
        enabled: Some(is_enabled(entry)),
        given_name: text(entry, "givenName"),
        other_attributes: attribute::values(others, entry),
        sam_account_name: text(entry, "sAMAccountName").unwrap_or_default(),
        sid: object::sid(entry),
        surname: text(entry, "sn"),
        user_principal_name: text(entry, "userPrincipalName"),
    }
}

fn summary(entry: &Entry) -> UserSummary {
    let User { enabled, given_name, sam_account_name, sid, surname, .. } = user(entry, &[]);
    UserSummary {
        enabled: enabled.unwrap_or_default(),
        given_name,
        sam_account_name,
        sid: sid.unwrap_or_default(),
        surname,
    }
}

impl Served for ops::CreateUser {
    fn named(input: &CreateUserRequest) -> Named<'_> {
        Named::of_change(&input.directory_id, &input.sam_account_name, input.client_token.as_ref())
    }

    /// The user has no password and is disabled: `ds:ResetUserPassword` gives one and enables it.
    fn serve(session: &Session<'_>, input: &CreateUserRequest) -> Result<CreateUserResult> {
        let name = &input.sam_account_name;
        let members = [
            ("givenName", input.given_name.as_ref()),
            ("sn", input.surname.as_ref()),
            ("mail", input.email_address.as_ref()),
        ];
        let wishes = attribute::wishes(&members, input.other_attributes.as_ref(), Object::User)?;
        let one = |text: String| vec![text.into_bytes()];
        let classes = ["top", "person", "organizationalPerson", "user"];
        let mut attributes = vec![
            ("objectClass", classes.map(|class| class.as_bytes().to_vec()).to_vec()),
            ("sAMAccountName", one(name.clone())),
            ("userPrincipalName", one(format!("{name}@{}", session.directory.name))),
            ("userAccountControl", one((NORMAL_ACCOUNT | ACCOUNT_DISABLED).to_string())),
        ];
        attributes.extend(wishes.into_iter().map(attribute::Wish::added).filter(|(_, values)| !values.is_empty()));
        let made = session.change(|service| object::make(service, session.directory, name, &attributes))?;
        Ok(CreateUserResult {
            directory_id: Some(input.directory_id.clone()),
            sam_account_name: Some(name.clone()),
            sid: object::sid(&made),
        })
    }
}

impl Served for ops::DescribeUser {
    fn named(input: &DescribeUserRequest) -> Named<'_> {
        Named::of_look(&input.directory_id, input.realm.as_ref(), Some(&input.sam_account_name))
    }

    fn serve(session: &Session<'_>, input: &DescribeUserRequest) -> Result<DescribeUserResult> {
        let others = attribute::wanted(input.other_attributes.as_deref().unwrap_or_default(), Object::User)?;
        let names: Vec<_> = ATTRIBUTES.into_iter().chain(others.iter().map(|other| other.name)).collect();
        let entry = session.read(|service| object::one(service, Object::User, &input.sam_account_name, &names))?;
        let user = user(&entry, &others);
        Ok(DescribeUserResult {
            directory_id: Some(input.directory_id.clone()),
            distinguished_name: user.distinguished_name,
            email_address: user.email_address,
            enabled: user.enabled,
            given_name: user.given_name,
            other_attributes: user.other_attributes,
            realm: Some(session.directory.name.clone()),
            sam_account_name: Some(user.sam_account_name),
            sid: user.sid,
            surname: user.surname,
            user_principal_name: user.user_principal_name,
        })
    }
}

impl Served for ops::UpdateUser {
    fn named(input: &UpdateUserRequest) -> Named<'_> {
        Named::of_change(&input.directory_id, &input.sam_account_name, input.client_token.as_ref())
    }

    fn serve(session: &Session<'_>, input: &UpdateUserRequest) -> Result<UpdateUserResult> {
        let members = [
            ("givenName", input.given_name.as_ref()),
            ("sn", input.surname.as_ref()),
            ("mail", input.email_address.as_ref()),
        ];
        let wishes = attribute::wishes(&members, input.other_attributes.as_ref(), Object::User)?;
        if wishes.is_empty() {
            return Err(failure::invalid(Reason::MissingAttribute, "At least one attribute must be given."));
        }
        let names = attribute::names(&wishes);
        session.change(|service| {
            let entry = object::own(service, session.directory, Object::User, &input.sam_account_name, &names)?;
            let update = input.update_type.unwrap_or(UpdateType::Replace);
            let modifications = attribute::modifications(wishes, update, &entry)?;
            Ok(service.connection.modify(&entry.dn, &modifications)?)
        })?;
        Ok(UpdateUserResult {})
    }
}

impl Served for ops::DeleteUser {
    fn named(input: &DeleteUserRequest) -> Named<'_> {
        Named::of_change(&input.directory_id, &input.sam_account_name, input.client_token.as_ref())
    }

    fn serve(session: &Session<'_>, input: &DeleteUserRequest) -> Result<DeleteUserResult> {
        session.change(|service| {
            let entry = object::own(service, session.directory, Object::User, &input.sam_account_name, &[])?;
            Ok(service.connection.delete(&entry.dn)?)
        })?;
        Ok(DeleteUserResult {})
    }
}

impl Served for ops::DisableUser {
    fn named(input: &DisableUserRequest) -> Named<'_> {
        Named::of_change(&input.directory_id, &input.sam_account_name, input.client_token.as_ref())
    }

    fn serve(session: &Session<'_>, input: &DisableUserRequest) -> Result<DisableUserResult> {
        session.change(|service| {
            let names = ["userAccountControl"];
            let entry = object::own(service, session.directory, Object::User, &input.sam_account_name, &names)?;
            if !is_enabled(&entry) {
                return Ok(());
            }
            let control = entry.number("userAccountControl").unwrap_or(NORMAL_ACCOUNT) | ACCOUNT_DISABLED;
            let change = Modification::text(Edit::Replace, "userAccountControl", &control.to_string());
            Ok(service.connection.modify(&entry.dn, &[change])?)
        })?;
        Ok(DisableUserResult {})
    }
}

impl Served for ops::ListUsers {
    fn named(input: &ListUsersRequest) -> Named<'_> {
        Named::of_look(&input.directory_id, input.realm.as_ref(), None)
            .with_page(input.next_token.as_ref(), input.max_results)
    }

    fn serve(session: &Session<'_>, input: &ListUsersRequest) -> Result<ListUsersResult> {
        let (entries, next_token) = session.page(&Filter::is_user(), &ATTRIBUTES)?;
        Ok(ListUsersResult {
            directory_id: Some(input.directory_id.clone()),
            next_token,
            realm: Some(session.directory.name.clone()),
            users: Some(entries.iter().map(summary).collect()),
        })
    }
}

impl Served for ops::SearchUsers {
    fn named(input: &SearchUsersRequest) -> Named<'_> {
        Named::of_look(&input.directory_id, input.realm.as_ref(), None)
            .with_page(input.next_token.as_ref(), input.max_results)
            .with_search(&input.search_attributes, &input.search_string)
    }

    fn serve(session: &Session<'_>, input: &SearchUsersRequest) -> Result<SearchUsersResult> {
        let sought = object::Sought::new(&input.search_attributes, &input.search_string, Object::User)?;
        let (entries, next_token) = session.page(&sought.filter, &sought.names(&ATTRIBUTES))?;
        Ok(SearchUsersResult {
            directory_id: Some(input.directory_id.clone()),
            next_token,
            realm: Some(session.directory.name.clone()),
            users: Some(entries.iter().map(|entry| user(entry, &sought.others)).collect()),
        })
    }
}

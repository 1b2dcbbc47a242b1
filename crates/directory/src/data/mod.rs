//! Directory Service Data: users, groups and memberships of domains that are run here, over the same LDAP client by
//! which people sign in.
//!
//! Every operation is prepared in a transaction that reads (permission, directory, client token), then talks to a
//! controller in no transaction, and a change is recorded in a transaction of its own ([`kernel::route::write_outside`]).
//! Reads see the whole domain. Changes stay below the organizational unit that belongs to the customer, as at AWS:
//! what the domain itself is made of cannot be reached, though the account by which it is done could.

mod attribute;
mod client_token;
mod failure;
mod group;
mod member;
mod object;
mod served;
mod user;

use kernel::Route;
use model::ds_data::ops;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        served::change::<ops::AddGroupMember>(),
        served::change::<ops::CreateGroup>(),
        served::change::<ops::CreateUser>(),
        served::change::<ops::DeleteGroup>(),
        served::change::<ops::DeleteUser>(),
        served::look::<ops::DescribeGroup>(),
        served::look::<ops::DescribeUser>(),
        served::change::<ops::DisableUser>(),
        served::look::<ops::ListGroupMembers>(),
        served::look::<ops::ListGroups>(),
        served::look::<ops::ListGroupsForMember>(),
        served::look::<ops::ListUsers>(),
        served::change::<ops::RemoveGroupMember>(),
        served::look::<ops::SearchGroups>(),
        served::look::<ops::SearchUsers>(),
        served::change::<ops::UpdateGroup>(),
        served::change::<ops::UpdateUser>(),
    ]
}

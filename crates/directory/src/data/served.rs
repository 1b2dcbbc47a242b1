//! What all operations have in common: the permission, the directory, the conversation with a controller.

use super::client_token;
use super::failure::{self, Failure};
use super::object::{self, ACCOUNT_NAME};
use crate::connector::{self, Directories, Domain, Service};
use crate::ldap::{Entry, Filter, LdapError};
use crate::record::Directory;
use crate::{access, tag};
use base::DirectoryId;
use kernel::page::Cursor;
use kernel::{Access, App, Cx, Permission, Result, Route, WriteCx, route};
use model::ds::DataAccessStatus;
use model::ds_data::{AccessDeniedReason, DirectoryUnavailableReason, ValidationExceptionReason as Reason};
use smithy::schema::Operation;
use std::sync::Arc;

/// Rows of a page whose length was not chosen.
const PAGE_ROWS: i32 = 100;

/// What a request names.
#[derive(Default)]
pub(super) struct Named<'a> {
    /// The directory's id.
    pub directory: &'a str,
    /// The domain in which to look.
    pub realm: Option<&'a str>,
    /// `SAMAccountName`, or the name of the group whose members are changed.
    pub account: Option<&'a str>,
    /// The member.
    pub member: Option<&'a str>,
    /// The domain of members.
    pub member_realm: Option<&'a str>,
    /// Whether the operation is about members.
    pub has_members: bool,
    /// The client's token.
    pub token: Option<&'a str>,
    /// The page of a list.
    pub page: Option<Page<'a>>,
}

impl<'a> Named<'a> {
    /// What is named by a change of the user or the group `account`, or of its members.
    pub fn of_change(directory: &'a str, account: &'a str, token: Option<&'a String>) -> Self {
        Named { directory, account: Some(account), token: token.map(String::as_str), ..Self::default() }
    }

    /// What is named by a look at `account`, or at all of a kind.
    pub fn of_look(directory: &'a str, realm: Option<&'a String>, account: Option<&'a String>) -> Self {
        let text = |given: Option<&'a String>| given.map(String::as_str);
        Named { directory, realm: text(realm), account: text(account), ..Self::default() }
    }

    /// The same, with that page of it.
    pub fn with_page(self, next_token: Option<&'a String>, max_results: Option<i32>) -> Self {
        let page = Page { next_token: next_token.map(String::as_str), max_results, selection: Vec::new() };
        Self { page: Some(page), ..self }
    }

    /// The same, where rows are selected by a search.
    pub fn with_search(mut self, attributes: &'a [String], text: &'a str) -> Self {
        let selection = attributes.iter().map(String::as_str).chain([text]);
        self.page.get_or_insert_default().selection = selection.collect();
        self
    }

    /// The same, about members of that domain.
    pub fn with_members(self, realm: Option<&'a String>) -> Self {
        Self { member_realm: realm.map(String::as_str), has_members: true, ..self }
    }
}

/// Which page of which list.
#[derive(Default)]
pub(super) struct Page<'a> {
    next_token: Option<&'a str>,
    max_results: Option<i32>,
    /// What selects rows, beside the operation, the directory, realms and the account.
    selection: Vec<&'a str>,
}

/// An operation of Directory Service Data.
pub(super) trait Served: Operation {
    /// What `input` names.
    fn named(input: &Self::In) -> Named<'_>;

    /// Does it. In no transaction.
    ///
    /// # Errors
    /// Those of the model.
    fn serve(session: &Session<'_>, input: &Self::In) -> Result<Self::Out>;
}

/// The route of an operation that reads.
pub(super) fn look<O: Served>() -> Route {
    route::read_outside::<O, Prepared<O::Out>>(rule::<O>, prepare::<O>, work::<O>)
}

/// The route of an operation that changes the directory.
pub(super) fn change<O: Served>() -> Route {
    route::write_outside::<O, Prepared<O::Out>>(rule::<O>, prepare::<O>, work::<O>, settle::<O>)
}

/// The operation's own permission, and that to use Directory Service Data with the directory at all.
fn rule<O: Served>(cx: &mut Cx<'_>, input: &O::In) -> Result<Access> {
    let named = O::named(input);
    let account = cx.account()?;
    let arn = access::arn(cx, &account, named.directory);
    let directory = access::find(cx, named.directory)?;
    let tags = match &directory {
        Some(directory) => tag::list(cx.tx, &directory.id)?,
        None => Vec::new(),
    };
    let domain = directory.map(|directory| directory.name).unwrap_or_default();
    let mut permission = Permission::new(format!("ds-data:{}", O::OP.name), arn.as_str());
    permission = permission.with("ds-data:Realm", realm(named.realm, &domain));
    if let Some(account) = named.account {
        permission = permission.with("ds-data:SAMAccountName", account).with("ds-data:Identifier", "SAMAccountName");
    }
    if let Some(member) = named.member {
        permission = permission.with("ds-data:MemberName", member);
    }
    if named.has_members {
        permission = permission.with("ds-data:MemberRealm", realm(named.member_realm, &domain));
    }
    let permissions = [permission, Permission::new("ds:AccessDSData", arn)];
    let tags = || tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    Ok(Access::Permissions(permissions.into_iter().map(|each| each.with_resource_tags(tags())).collect()))
}

/// The realm that policies see: that of the directory in whichever spelling, when none is given.
fn realm<'a>(given: Option<&'a str>, domain: &'a str) -> &'a str {
    given.filter(|given| !is_same_realm(given, domain)).unwrap_or(domain)
}

fn is_same_realm(given: &str, domain: &str) -> bool {
    given.strip_suffix('.').unwrap_or(given).eq_ignore_ascii_case(domain)
}

/// What the transaction before the work found.
pub(super) enum Prepared<T> {
    /// The same request was answered before.
    Answered(T),
    /// It is to be done.
    Due(DirectoryId, Option<Cursor>),
}

fn prepare<O: Served>(cx: &mut Cx<'_>, input: &O::In) -> Result<Prepared<O::Out>> {
    let named = O::named(input);
    let directory = usable(cx, named.directory)?;
    if [named.account, named.member].into_iter().flatten().any(|name| name.chars().any(char::is_control)) {
        let message = "A name has a character that cannot be in it.";
        return Err(failure::invalid(Reason::InvalidAttributeValue, message));
    }
    for realm in [named.realm, named.member_realm].into_iter().flatten() {
        if !is_same_realm(realm, &directory.name) {
            let message = format!("The directory {} does not trust a domain {realm}.", directory.id);
            return Err(failure::invalid(Reason::InvalidRealm, message));
        }
    }
    if let Some(token) = named.token
        && let Some(answer) = client_token::answer::<O>(cx, &directory.id, token, input)?
    {
        return Ok(Prepared::Answered(answer));
    }
    let cursor = named.page.as_ref().map(|page| cursor::<O>(cx, &named, page)).transpose()?;
    Ok(Prepared::Due(directory.id, cursor))
}

/// The caller's directory, when Directory Service Data can be used with it.
fn usable(cx: &mut Cx<'_>, id: &str) -> Result<Directory> {
    let Some(directory) = access::find(cx, id)? else {
        let message = format!("Directory {id} does not exist in this account.");
        return Err(failure::denied(AccessDeniedReason::IamAuth, message));
    };
    if !directory.is_managed() {
        let message = format!("The directory {id} is not an AWS Managed Microsoft AD.");
        return Err(failure::invalid(Reason::InvalidDirectoryType, message));
    }
    if directory.data_access != DataAccessStatus::Enabled {
        let message = format!("Access to the data of the directory {id} is not enabled.");
        return Err(failure::denied(AccessDeniedReason::DataDisabled, message));
    }
    if !directory.is_usable() {
        return Err(failure::unavailable(DirectoryUnavailableReason::InvalidDirectoryState, &directory.id));
    }
    Ok(directory)
}

fn cursor<O: Served>(cx: &Cx<'_>, named: &Named<'_>, page: &Page<'_>) -> Result<Cursor> {
    let mut list = vec![O::OP.name, named.directory];
    list.extend([named.realm, named.account, named.member_realm].map(Option::unwrap_or_default));
    list.extend(&page.selection);
    let limit = i64::from(page.max_results.unwrap_or(PAGE_ROWS));
    Cursor::open(cx, &list, page.next_token, limit)
        .ok_or_else(|| failure::invalid(Reason::InvalidNextToken, "The NextToken value is not valid."))
}

fn work<O: Served>(app: &Arc<App>, prepared: Prepared<O::Out>, input: &O::In) -> Result<O::Out> {
    let (id, cursor) = match prepared {
        Prepared::Answered(answer) => return Ok(answer),
        Prepared::Due(id, cursor) => (id, cursor),
    };
    let _leave = Directories::of(app)?.leave().ok_or_else(failure::throttled)?;
    let Some((directory, certificates)) = connector::load(app, &id)? else {
        return Err(failure::unavailable(DirectoryUnavailableReason::InvalidDirectoryState, &id));
    };
    let domain = connector::domain(app, &directory, certificates)?;
    let domain = domain.map_err(|problem| failure::of_problem(&id, &problem))?;
    O::serve(&Session { app, directory: &directory, domain: &domain, cursor }, input)
}

fn settle<O: Served>(cx: &mut WriteCx<'_>, input: &O::In, output: &O::Out) -> Result<()> {
    let named = O::named(input);
    let Some((token, id)) = named.token.zip(DirectoryId::parse(named.directory)) else { return Ok(()) };
    client_token::keep::<O>(cx, &id, token, input, output)
}

/// A directory that can be talked to.
pub(super) struct Session<'a> {
    app: &'a Arc<App>,
    /// The directory.
    pub directory: &'a Directory,
    domain: &'a Domain,
    cursor: Option<Cursor>,
}

impl Session<'_> {
    /// Reads from the directory; `work` may be done twice.
    ///
    /// # Errors
    /// Those of `work`, in terms of the API.
    pub fn read<T>(&self, mut work: impl FnMut(&mut Service) -> Result<T, Failure>) -> Result<T> {
        self.told(self.domain.with_service(|service| self.heard(work(service))))
    }

    /// Changes the directory; `work` is done once.
    ///
    /// # Errors
    /// As [`Session::read`].
    pub fn change<T>(&self, work: impl FnOnce(&mut Service) -> Result<T, Failure>) -> Result<T> {
        self.told(self.domain.with_service_once(|service| self.heard(work(service))))
    }

    /// Keeps a connection on which all that happened was a refusal.
    fn heard<T>(&self, outcome: Result<T, Failure>) -> Result<Result<T>, LdapError> {
        match outcome {
            Ok(value) => Ok(Ok(value)),
            Err(Failure::Told(error)) => Ok(Err(error)),
            Err(Failure::Ldap(LdapError::Refused(outcome))) => {
                Ok(Err(failure::of_refusal(&self.directory.id, &outcome)))
            }
            Err(Failure::Ldap(error)) => Err(error),
        }
    }

    fn told<T>(&self, outcome: Result<Result<T>, connector::Problem>) -> Result<T> {
        outcome.map_err(|problem| failure::of_problem(&self.directory.id, &problem))?
    }

    /// The page of the list of what `filter` finds, and the token of the next one. Pages follow the account names,
    /// after the last one that was given, so nothing is lost or repeated while objects come and go.
    ///
    /// # Errors
    /// As [`Session::read`].
    pub fn page(&self, filter: &Filter, attributes: &[&str]) -> Result<(Vec<Entry>, Option<String>)> {
        let cursor = self.cursor.as_ref().ok_or_else(|| kernel::Error::internal("the operation has no pages"))?;
        let fetch = u32::try_from(cursor.fetch).unwrap_or(u32::MAX);
        let mut filters = vec![filter.clone(), Filter::Present(ACCOUNT_NAME)];
        if !cursor.after.is_empty() {
            filters.push(Filter::AtLeast(ACCOUNT_NAME, cursor.after.clone()));
            filters.push(Filter::Not(Box::new(Filter::equal(ACCOUNT_NAME, &cursor.after))));
        }
        let filter = Filter::And(filters);
        let mut rows = self.read(|service| {
            let base = service.root.base.clone();
            let search = object::search(&base, filter.clone(), attributes);
            Ok(service.connection.first_sorted(&search, ACCOUNT_NAME, fetch)?)
        })?;
        if rows.len() < fetch as usize {
            return Ok((rows, None));
        }
        rows.pop();
        let last = rows.last().and_then(|entry| entry.text(ACCOUNT_NAME)).unwrap_or_default();
        let token = cursor.token_of(self.app, &mut self.app.random(), last)?;
        Ok((rows, Some(token)))
    }
}

//! Reads what an identity store has of a directory, and changes it.

use super::plan::{Actual, ActualGroup, ActualUser, Difference, Profile};
use super::settings;
use crate::object_id::ObjectId;
use base::{IdentityGroupId, IdentityStoreId, IdentityUserId, Timestamp};
use identity::user::{Status, User};
use identity::{group, membership, user};
use kernel::{App, Caller, RequestInfo, Result, Tx, WriteCx};
use model::identitystore as shapes;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The service principal of the synchronization.
const SERVICE: &str = "identity-sync.amazonaws.com";
/// Changes of one transaction.
const BATCH: usize = 250;
/// Rows that are read at once.
const PAGE: i64 = 1_000;

/// Everything that `store` has of its directory.
pub(super) fn actual(tx: &mut Tx, store: &IdentityStoreId) -> Result<Actual> {
    let mut actual = Actual { departed: settings::departed(tx, store)?, ..Actual::default() };
    let mut names: HashMap<IdentityUserId, ObjectId> = HashMap::new();
    let mut after = (Timestamp::from_micros(i64::MIN), String::new());
    loop {
        let users = user::list(tx, store, (after.0, &after.1), PAGE)?;
        let Some(last) = users.last() else { break };
        after = (last.created_at, last.id.to_string());
        for user in users {
            let Some(source) = user.source_id.as_deref().and_then(ObjectId::parse) else { continue };
            names.insert(user.id.clone(), source);
            let is_enabled = user.status == Status::Enabled;
            actual.users.insert(source, ActualUser { profile: profile(&user), is_enabled, id: user.id });
        }
    }
    let mut after = (Timestamp::from_micros(i64::MIN), String::new());
    loop {
        let groups = group::list(tx, store, (after.0, &after.1), PAGE)?;
        let Some(last) = groups.last() else { break };
        after = (last.created_at, last.id.to_string());
        for group in groups {
            let Some(source) = group.source_id.as_deref().and_then(ObjectId::parse) else { continue };
            let members = membership::members_of(tx, &group.id, None, i64::MAX)?;
            let members = members.iter().filter_map(|user| names.get(user)).copied().collect::<BTreeSet<_>>();
            let (id, name, description) = (group.id, group.display_name, group.description);
            actual.groups.insert(source, ActualGroup { id, name, description, members });
        }
    }
    Ok(actual)
}

fn profile(user: &User) -> Profile {
    let name = user.attributes.name.clone().unwrap_or_default();
    Profile {
        user_name: user.user_name.clone(),
        display_name: user.display_name.clone(),
        given_name: name.given_name,
        family_name: name.family_name,
        middle_name: name.middle_name,
        email: user.email().map(str::to_owned),
    }
}

fn describe(user: &mut User, profile: &Profile) {
    user.user_name.clone_from(&profile.user_name);
    user.display_name.clone_from(&profile.display_name);
    let name = user.attributes.name.get_or_insert_default();
    name.given_name.clone_from(&profile.given_name);
    name.family_name.clone_from(&profile.family_name);
    name.middle_name.clone_from(&profile.middle_name);
    user.attributes.emails = profile
        .email
        .clone()
        .map(|value| vec![shapes::Email { primary: Some(true), r#type: Some("work".to_owned()), value: Some(value) }]);
}

/// Carries a difference out, step by step, so that nothing else has to wait for long. What was begun and not finished
/// is found again by the next run.
pub(super) struct Work<'a> {
    app: &'a Arc<App>,
    store: &'a IdentityStoreId,
    users: BTreeMap<ObjectId, IdentityUserId>,
    groups: BTreeMap<ObjectId, IdentityGroupId>,
}

pub(super) fn write<T>(app: &Arc<App>, work: impl FnMut(&mut WriteCx<'_>) -> Result<T>) -> Result<T> {
    app.write_as(&Caller::Service(SERVICE.to_owned()), &RequestInfo::of_service(app, SERVICE), work)
}

impl<'a> Work<'a> {
    pub(super) fn new(app: &'a Arc<App>, store: &'a IdentityStoreId, actual: &Actual) -> Self {
        let users = actual.users.iter().map(|(source, user)| (*source, user.id.clone())).collect();
        let groups = actual.groups.iter().map(|(source, group)| (*source, group.id.clone())).collect();
        Self { app, store, users, groups }
    }

    fn each<T>(&self, items: &[T], step: impl Fn(&Self, &mut WriteCx<'_>, &T) -> Result<()>) -> Result<()> {
        for batch in items.chunks(BATCH) {
            write(self.app, |cx| batch.iter().try_for_each(|item| step(self, cx, item)))?;
        }
        Ok(())
    }

    pub(super) fn carry_out(mut self, difference: &Difference) -> Result<()> {
        self.each(&difference.disable_users, |work, cx, id| work.set_status(cx, id, Status::Disabled))?;
        self.each(&difference.remove_members, |work, cx, (group, user)| {
            let Some((group, user)) = work.pair(group, user) else { return Ok(()) };
            membership::remove(cx, work.store, group, user).map(drop)
        })?;
        self.each(&difference.delete_groups, Self::delete_group)?;
        self.each(&difference.delete_users, Self::delete_user)?;
        self.each(&difference.set_aside_users, |work, cx, id| {
            work.change_user(cx, id, |user| user.user_name = id.to_string())
        })?;
        self.each(&difference.set_aside_groups, |work, cx, id| work.describe_group(cx, id, &id.to_string(), None))?;
        self.each(&difference.update_users, |work, cx, (id, profile)| {
            work.change_user(cx, id, |user| describe(user, profile))
        })?;
        let created: Vec<_> = difference.create_users.iter().map(|(id, _)| (*id, self.new_user())).collect();
        self.users.extend(created);
        self.each(&difference.create_users, |work, cx, (source, wanted)| {
            let status = if wanted.is_enabled { Status::Enabled } else { Status::Disabled };
            work.create_user(cx, source, &wanted.profile, status)
        })?;
        self.each(&difference.update_groups, |work, cx, (id, name, description)| {
            work.describe_group(cx, id, name, description.as_deref())
        })?;
        let created: Vec<_> = difference.create_groups.iter().map(|(id, ..)| (*id, self.new_group())).collect();
        self.groups.extend(created);
        self.each(&difference.create_groups, |work, cx, (source, name, description)| {
            work.create_group(cx, source, name, description.as_deref())
        })?;
        self.each(&difference.add_members, |work, cx, (group, user)| {
            let Some((group, user)) = work.pair(group, user) else { return Ok(()) };
            membership::add(cx, work.store, group, user).map(drop)
        })?;
        self.each(&difference.enable_users, |work, cx, id| work.set_status(cx, id, Status::Enabled))?;
        self.each(&difference.depart, |work, cx, id| {
            let now = cx.now;
            settings::depart(&mut cx.write(), work.store, id, now)
        })?;
        self.each(&difference.forget_departures, |work, cx, id| {
            settings::forget_departure(&mut cx.write(), work.store, id)
        })
    }

    fn new_user(&self) -> IdentityUserId {
        self.app.with_random(IdentityUserId::random)
    }

    fn new_group(&self) -> IdentityGroupId {
        self.app.with_random(IdentityGroupId::random)
    }

    fn pair(&self, group: &ObjectId, user: &ObjectId) -> Option<(&IdentityGroupId, &IdentityUserId)> {
        self.groups.get(group).zip(self.users.get(user))
    }

    fn set_status(&self, cx: &mut WriteCx<'_>, id: &ObjectId, status: Status) -> Result<()> {
        let Some(user) = self.users.get(id) else { return Ok(()) };
        user::set_status(cx, self.store, user, status).map(drop)
    }

    fn change_user(&self, cx: &mut WriteCx<'_>, id: &ObjectId, change: impl Fn(&mut User)) -> Result<()> {
        let Some(mut user) = user::find_by_source(cx.tx, self.store, &id.to_string())? else { return Ok(()) };
        change(&mut user);
        if user::find_by_name(cx.tx, self.store, &user.user_name)?.is_some_and(|other| other.id != user.id) {
            return Ok(());
        }
        (user.updated_at, user.updated_by) = (cx.now, cx.caller.arn());
        user::update(&mut cx.write(), &user)
    }

    fn create_user(&self, cx: &mut WriteCx<'_>, source: &ObjectId, profile: &Profile, status: Status) -> Result<()> {
        let Some(id) = self.users.get(source) else { return Ok(()) };
        let source_id = Some(source.to_string());
        if user::find_by_name(cx.tx, self.store, &profile.user_name)?.is_some() {
            // Another run, or somebody whose name is taken: the next run decides.
            return Ok(());
        }
        let (now, by) = (cx.now, cx.caller.arn());
        let mut user = User {
            id: id.clone(),
            store: self.store.clone(),
            user_name: String::new(),
            display_name: None,
            status,
            attributes: shapes::User::default(),
            source_id,
            revision: 1,
            created_at: now,
            created_by: by.clone(),
            updated_at: now,
            updated_by: by,
        };
        describe(&mut user, profile);
        user::insert(&mut cx.write(), &user)
    }

    fn delete_user(&self, cx: &mut WriteCx<'_>, id: &ObjectId) -> Result<()> {
        match user::find_by_source(cx.tx, self.store, &id.to_string())? {
            Some(user) => user::delete(cx, &user),
            None => Ok(()),
        }
    }

    fn delete_group(&self, cx: &mut WriteCx<'_>, id: &ObjectId) -> Result<()> {
        match group::find_by_source(cx.tx, self.store, &id.to_string())? {
            Some(group) => group::delete(cx, &group),
            None => Ok(()),
        }
    }

    fn describe_group(&self, cx: &mut WriteCx<'_>, id: &ObjectId, name: &str, description: Option<&str>) -> Result<()> {
        let Some(mut group) = group::find_by_source(cx.tx, self.store, &id.to_string())? else { return Ok(()) };
        if group::find_by_name(cx.tx, self.store, name)?.is_some_and(|other| other.id != group.id) {
            return Ok(());
        }
        (group.display_name, group.description) = (name.to_owned(), description.map(str::to_owned));
        (group.updated_at, group.updated_by) = (cx.now, cx.caller.arn());
        group::update(&mut cx.write(), &group)
    }

    fn create_group(
        &self,
        cx: &mut WriteCx<'_>,
        source: &ObjectId,
        name: &str,
        description: Option<&str>,
    ) -> Result<()> {
        let Some(id) = self.groups.get(source) else { return Ok(()) };
        if group::find_by_name(cx.tx, self.store, name)?.is_some() {
            return Ok(());
        }
        let (now, by) = (cx.now, cx.caller.arn());
        let group = group::Group {
            id: id.clone(),
            store: self.store.clone(),
            display_name: name.to_owned(),
            description: description.map(str::to_owned),
            source_id: Some(source.to_string()),
            revision: 1,
            created_at: now,
            created_by: by.clone(),
            updated_at: now,
            updated_by: by,
        };
        group::insert(&mut cx.write(), &group)
    }
}

//! What has to change in an identity store so that it says what the directory says. Pure.

use crate::object_id::ObjectId;
use base::{IdentityGroupId, IdentityUserId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long users who are in the directory but not in the scope any more keep their access, in seconds.
pub const DEPARTURE_SECONDS: i64 = 28 * 86_400;

/// What is synchronized of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// `sAMAccountName@domain`.
    pub user_name: String,
    /// The name that others see.
    pub display_name: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Middle name.
    pub middle_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
}

/// A person as the directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredUser {
    /// What is synchronized.
    pub profile: Profile,
    /// Whether the account is enabled.
    pub is_enabled: bool,
}

/// A group as the directory has it, nested groups resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DesiredGroup {
    /// `sAMAccountName@domain`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// All the users in it and in the groups in it.
    pub members: BTreeSet<ObjectId>,
}

/// What the directory has of what was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Desired {
    /// Users.
    pub users: BTreeMap<ObjectId, DesiredUser>,
    /// Groups.
    pub groups: BTreeMap<ObjectId, DesiredGroup>,
    /// Users of the identity store who are not chosen, but still in the directory.
    pub others: BTreeSet<ObjectId>,
}

/// A person as the identity store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActualUser {
    /// Id in the store.
    pub id: IdentityUserId,
    /// What is synchronized.
    pub profile: Profile,
    /// Whether the person may sign in.
    pub is_enabled: bool,
}

/// A group as the identity store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActualGroup {
    /// Id in the store.
    pub id: IdentityGroupId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Who is in it.
    pub members: BTreeSet<ObjectId>,
}

/// What the identity store has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actual {
    /// Users.
    pub users: BTreeMap<ObjectId, ActualUser>,
    /// Groups.
    pub groups: BTreeMap<ObjectId, ActualGroup>,
    /// Since when users are out of the scope.
    pub departed: BTreeMap<ObjectId, Timestamp>,
}

impl Actual {
    /// What the directory would have to say for nothing to change.
    pub fn as_desired(&self) -> Desired {
        let is_chosen = |(id, _): &(&ObjectId, &ActualUser)| !self.departed.contains_key(*id);
        let user = |user: &ActualUser| DesiredUser { profile: user.profile.clone(), is_enabled: user.is_enabled };
        let group = |group: &ActualGroup| DesiredGroup {
            name: group.name.clone(),
            description: group.description.clone(),
            members: group.members.clone(),
        };
        Desired {
            users: self.users.iter().filter(is_chosen).map(|(id, found)| (*id, user(found))).collect(),
            groups: self.groups.iter().map(|(id, found)| (*id, group(found))).collect(),
            others: self.departed.keys().copied().collect(),
        }
    }
}

/// What has to change, in the order in which it is done: first what takes access away, then what makes names free,
/// then what is new.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Users who may not sign in any more.
    pub disable_users: Vec<ObjectId>,
    /// Members who are no longer, by group.
    pub remove_members: Vec<(ObjectId, ObjectId)>,
    /// Groups that are gone.
    pub delete_groups: Vec<ObjectId>,
    /// Users who are gone.
    pub delete_users: Vec<ObjectId>,
    /// Users whose name somebody else needs before they have their own new one.
    pub set_aside_users: Vec<ObjectId>,
    /// Groups whose name another one needs before they have their own new one.
    pub set_aside_groups: Vec<ObjectId>,
    /// Users who are described otherwise.
    pub update_users: Vec<(ObjectId, Profile)>,
    /// New users.
    pub create_users: Vec<(ObjectId, DesiredUser)>,
    /// Groups that are described otherwise: name and description.
    pub update_groups: Vec<(ObjectId, String, Option<String>)>,
    /// New groups: name and description.
    pub create_groups: Vec<(ObjectId, String, Option<String>)>,
    /// New members, by group.
    pub add_members: Vec<(ObjectId, ObjectId)>,
    /// Users who may sign in again.
    pub enable_users: Vec<ObjectId>,
    /// Users who have left the scope since the last time.
    pub depart: Vec<ObjectId>,
    /// Users who are in the scope again, or gone from the directory.
    pub forget_departures: Vec<ObjectId>,
}

impl Difference {
    /// Whether nothing has to change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What has to change in `actual` to become `desired`, as of `now`.
pub fn plan(desired: &Desired, actual: &Actual, now: Timestamp) -> Difference {
    let mut difference = Difference::default();
    users(desired, actual, now, &mut difference);
    groups(desired, actual, &mut difference);
    members(desired, actual, &mut difference);
    set_aside(desired, actual, &mut difference);
    difference
}

fn users(desired: &Desired, actual: &Actual, now: Timestamp, difference: &mut Difference) {
    for (id, wanted) in &desired.users {
        let Some(found) = actual.users.get(id) else {
            difference.create_users.push((*id, wanted.clone()));
            continue;
        };
        if found.profile != wanted.profile {
            difference.update_users.push((*id, wanted.profile.clone()));
        }
        match (found.is_enabled, wanted.is_enabled) {
            (true, false) => difference.disable_users.push(*id),
            (false, true) => difference.enable_users.push(*id),
            _ => {}
        }
    }
    for (id, found) in &actual.users {
        if desired.users.contains_key(id) {
            continue;
        }
        if !desired.others.contains(id) {
            difference.delete_users.push(*id);
            continue;
        }
        match actual.departed.get(id) {
            None => difference.depart.push(*id),
            Some(since) if found.is_enabled && since.plus_seconds(DEPARTURE_SECONDS) <= now => {
                difference.disable_users.push(*id);
            }
            Some(_) => {}
        }
    }
    let is_back = |id: &&ObjectId| !desired.others.contains(*id) || desired.users.contains_key(*id);
    difference.forget_departures = actual.departed.keys().filter(is_back).copied().collect();
}

fn groups(desired: &Desired, actual: &Actual, difference: &mut Difference) {
    for (id, wanted) in &desired.groups {
        match actual.groups.get(id) {
            None => difference.create_groups.push((*id, wanted.name.clone(), wanted.description.clone())),
            Some(found) if (&found.name, &found.description) != (&wanted.name, &wanted.description) => {
                difference.update_groups.push((*id, wanted.name.clone(), wanted.description.clone()));
            }
            Some(_) => {}
        }
    }
    difference.delete_groups = actual.groups.keys().filter(|id| !desired.groups.contains_key(id)).copied().collect();
}

fn members(desired: &Desired, actual: &Actual, difference: &mut Difference) {
    let nobody = BTreeSet::new();
    for (group, wanted) in &desired.groups {
        let found = actual.groups.get(group).map_or(&nobody, |found| &found.members);
        let known = |user: &&ObjectId| desired.users.contains_key(*user);
        difference.add_members.extend(wanted.members.difference(found).filter(known).map(|user| (*group, *user)));
        // With those who are deleted their memberships go by themselves.
        let stays = |user: &&ObjectId| desired.users.contains_key(*user) || desired.others.contains(*user);
        difference.remove_members.extend(found.difference(&wanted.members).filter(stays).map(|user| (*group, *user)));
    }
}

/// Finds those who have a name that somebody else is to have.
fn set_aside(desired: &Desired, actual: &Actual, difference: &mut Difference) {
    let wanted: BTreeMap<_, _> =
        desired.users.iter().map(|(id, user)| (user.profile.user_name.to_lowercase(), *id)).collect();
    let stays = |id: &ObjectId| desired.users.contains_key(id) || desired.others.contains(id);
    for (id, found) in actual.users.iter().filter(|(id, _)| stays(id)) {
        if wanted.get(&found.profile.user_name.to_lowercase()).is_some_and(|other| other != id) {
            difference.set_aside_users.push(*id);
        }
    }
    let wanted: BTreeMap<_, _> = desired.groups.iter().map(|(id, group)| (group.name.to_lowercase(), *id)).collect();
    for (id, found) in actual.groups.iter().filter(|(id, _)| desired.groups.contains_key(id)) {
        if wanted.get(&found.name.to_lowercase()).is_some_and(|other| other != id) {
            difference.set_aside_groups.push(*id);
        }
    }
}

/// The users in each of `groups` and in the groups in them, however deep and in whatever circles. `nested` and `direct`
/// give the groups and the users directly in a group.
pub fn flatten(
    groups: &BTreeSet<ObjectId>,
    nested: &BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    direct: &BTreeMap<ObjectId, BTreeSet<ObjectId>>,
) -> BTreeMap<ObjectId, BTreeSet<ObjectId>> {
    let below = |start: &ObjectId| {
        let (mut seen, mut waiting) = (BTreeSet::from([*start]), vec![*start]);
        while let Some(group) = waiting.pop() {
            let inner = nested.get(&group).into_iter().flatten();
            waiting.extend(inner.filter(|inner| seen.insert(**inner)).copied().collect::<Vec<_>>());
        }
        seen.iter().filter_map(|group| direct.get(group)).flatten().copied().collect()
    };
    groups.iter().map(|group| (*group, below(group))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Random;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_219_200);

    fn id(number: u8) -> ObjectId {
        ObjectId::from_bytes(&[number; 16]).expect("16 bytes")
    }

    fn profile(name: &str) -> Profile {
        Profile { user_name: format!("{name}@corp.example.com"), ..Profile::default() }
    }

    fn wanted(name: &str) -> DesiredUser {
        DesiredUser { profile: profile(name), is_enabled: true }
    }

    fn found(name: &str) -> ActualUser {
        let id = IdentityUserId::random(&mut Random::from_seed(name.len() as u64));
        ActualUser { id, profile: profile(name), is_enabled: true }
    }

    fn group(name: &str, members: &[u8]) -> DesiredGroup {
        DesiredGroup { name: name.to_owned(), description: None, members: members.iter().map(|n| id(*n)).collect() }
    }

    fn actual_group(name: &str, members: &[u8]) -> ActualGroup {
        let group = group(name, members);
        let id = IdentityGroupId::random(&mut Random::from_seed(1));
        ActualGroup { id, name: group.name, description: None, members: group.members }
    }

    #[test]
    fn what_is_the_same_needs_nothing() {
        let desired = Desired {
            users: [(id(1), wanted("alice"))].into(),
            groups: [(id(9), group("g", &[1]))].into(),
            others: BTreeSet::new(),
        };
        let actual = Actual {
            users: [(id(1), found("alice"))].into(),
            groups: [(id(9), actual_group("g", &[1]))].into(),
            departed: BTreeMap::new(),
        };
        assert!(plan(&desired, &actual, NOW).is_empty());
        assert_eq!(actual.as_desired(), desired);
    }

    #[test]
    fn renamed_users_are_updated_and_stay_who_they_are() {
        let desired = Desired { users: [(id(1), wanted("alice.b"))].into(), ..Desired::default() };
        let actual = Actual { users: [(id(1), found("alice"))].into(), ..Actual::default() };
        let expected = Difference { update_users: vec![(id(1), profile("alice.b"))], ..Difference::default() };
        assert_eq!(plan(&desired, &actual, NOW), expected);
    }

    #[test]
    fn names_that_are_exchanged_are_set_aside_first() {
        let desired = Desired { users: [(id(1), wanted("b")), (id(2), wanted("A"))].into(), ..Desired::default() };
        let actual = Actual { users: [(id(1), found("a")), (id(2), found("b"))].into(), ..Actual::default() };
        let difference = plan(&desired, &actual, NOW);
        assert_eq!(difference.set_aside_users, [id(1), id(2)]);
        assert_eq!(difference.update_users.len(), 2);
    }

    #[test]
    fn the_deleted_go_and_those_out_of_scope_stay_for_28_days() {
        let actual = |departed: &[(u8, Timestamp)]| Actual {
            users: [(id(1), found("gone")), (id(2), found("out"))].into(),
            groups: [(id(9), actual_group("g", &[1, 2]))].into(),
            departed: departed.iter().map(|(n, at)| (id(*n), *at)).collect(),
        };
        let desired =
            Desired { groups: [(id(9), group("g", &[]))].into(), others: [id(2)].into(), ..Desired::default() };
        let first = Difference {
            delete_users: vec![id(1)],
            depart: vec![id(2)],
            remove_members: vec![(id(9), id(2))],
            ..Difference::default()
        };
        assert_eq!(plan(&desired, &actual(&[]), NOW), first);
        let early = NOW.plus_seconds(DEPARTURE_SECONDS - 1);
        assert!(plan(&desired, &actual(&[(2, NOW)]), early).disable_users.is_empty());
        let late = NOW.plus_seconds(DEPARTURE_SECONDS);
        assert_eq!(plan(&desired, &actual(&[(2, NOW)]), late).disable_users, [id(2)]);
        let back = Desired { users: [(id(2), wanted("out"))].into(), ..Desired::default() };
        assert_eq!(plan(&back, &actual(&[(2, NOW)]), NOW).forget_departures, [id(2)]);
    }

    #[test]
    fn the_disabled_are_disabled_and_come_back() {
        let disabled = DesiredUser { is_enabled: false, ..wanted("alice") };
        let desired = |user| Desired { users: [(id(1), user)].into(), ..Desired::default() };
        let actual = |is_enabled| Actual {
            users: [(id(1), ActualUser { is_enabled, ..found("alice") })].into(),
            ..Actual::default()
        };
        assert_eq!(plan(&desired(disabled), &actual(true), NOW).disable_users, [id(1)]);
        assert_eq!(plan(&desired(wanted("alice")), &actual(false), NOW).enable_users, [id(1)]);
    }

    #[test]
    fn groups_in_circles_are_flattened() {
        let set = |numbers: &[u8]| numbers.iter().map(|n| id(*n)).collect::<BTreeSet<_>>();
        let nested = [(id(1), set(&[2])), (id(2), set(&[3, 1])), (id(3), set(&[1]))].into();
        let direct = [(id(1), set(&[11])), (id(2), set(&[12])), (id(3), set(&[13, 11]))].into();
        let flat = flatten(&set(&[1, 3, 4]), &nested, &direct);
        assert_eq!(flat[&id(1)], set(&[11, 12, 13]));
        assert_eq!(flat[&id(3)], set(&[11, 12, 13]));
        assert_eq!(flat[&id(4)], set(&[]));
    }
}

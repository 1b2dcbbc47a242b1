//! Reads what was chosen from the directory: only names and ids of all groups, members of those that matter, and the
//! people in them.

use super::mapping::Mapping;
use super::plan::{Desired, DesiredGroup, DesiredUser, flatten};
use super::settings::{Chosen, Kind};
use crate::connector::Service;
use crate::ldap::{Connection, Depth, Entry, Filter, LdapError, Search, dn};
use crate::object_id::ObjectId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Objects that are asked for in one search.
const BATCH: usize = 25;
/// People who are read one by one; for more, all people are paged through.
const ONE_BY_ONE_MAX: usize = 100;
/// Bit of `userAccountControl` of accounts that are disabled (MS-ADTS §2.2.16).
const ACCOUNT_DISABLED: i64 = 2;
/// Longest user or group name, in characters: what the identity store takes.
const NAME_CHARACTERS_MAX: usize = 128;

/// Attributes of people.
const USER_ATTRIBUTES: [&str; 10] = [
    "objectGUID",
    "sAMAccountName",
    "userAccountControl",
    "givenName",
    "sn",
    "displayName",
    "initials",
    "mail",
    "userPrincipalName",
    "proxyAddresses",
];

/// What is to be read.
pub(super) struct Wish<'a> {
    pub domain: &'a str,
    pub chosen: &'a [Chosen],
    pub mapping: &'a Mapping,
    /// Users of the identity store: of those who are not chosen is asked whether they are still there.
    pub known: &'a BTreeSet<ObjectId>,
}

struct GroupName {
    id: ObjectId,
    name: String,
    description: Option<String>,
}

/// Groups of the domain by the keys of their distinguished names.
type Groups = HashMap<String, GroupName>;

/// Reads everything that `wish` is about.
pub(super) fn read(service: &mut Service, wish: &Wish<'_>) -> Result<Desired, LdapError> {
    let base = service.root.base.clone();
    let connection = &mut service.connection;
    let chosen = |kind| wish.chosen.iter().filter(move |chosen| chosen.kind == kind).filter_map(|chosen| chosen.id);
    let groups = if chosen(Kind::Group).next().is_some() { groups(connection, &base, wish)? } else { Groups::new() };
    let members = members(connection, &base, &groups, chosen(Kind::Group).collect())?;
    let mut people = People::new(wish);
    people.wanted = members.users.values().flatten().cloned().collect();
    people.chosen = chosen(Kind::User).collect();
    people.read(connection, &base)?;
    let direct = members.users.iter().map(|(group, keys)| {
        (*group, keys.iter().filter_map(|key| people.by_key.get(key)).copied().collect::<BTreeSet<_>>())
    });
    let reached = members.users.keys().copied().collect();
    let flat = flatten(&reached, &members.groups, &direct.collect());
    let mut desired = Desired { users: people.found, ..Desired::default() };
    for group in groups.into_values().filter(|group| reached.contains(&group.id)) {
        let members = flat.get(&group.id).cloned().unwrap_or_default();
        desired.groups.insert(group.id, DesiredGroup { name: group.name, description: group.description, members });
    }
    let missing: Vec<_> = wish.known.iter().filter(|id| !desired.users.contains_key(id)).copied().collect();
    desired.others = still_there(connection, &base, &missing)?;
    Ok(desired)
}

fn search<'a>(base: &'a str, filter: Filter, attributes: &'a [&'a str]) -> Search<'a> {
    Search { base, depth: Depth::Subtree, filter, attributes, shows_deleted: false, limit: 0 }
}

fn id_of(entry: &Entry) -> Option<ObjectId> {
    ObjectId::from_bytes(entry.bytes("objectGUID")?)
}

/// `sAMAccountName@domain`, when it is a name that the identity store can have.
fn qualified_name(entry: &Entry, domain: &str) -> Option<String> {
    let name = format!("{}@{domain}", entry.text("sAMAccountName")?);
    (name.chars().count() <= NAME_CHARACTERS_MAX && !name.chars().any(char::is_control)).then_some(name)
}

fn groups(connection: &mut Connection, base: &str, wish: &Wish<'_>) -> Result<Groups, LdapError> {
    let mut groups = Groups::new();
    let attributes = ["objectGUID", "sAMAccountName", "description"];
    connection.search(&search(base, Filter::is_group(), &attributes), &mut |entry| {
        if let (Some(id), Some(name)) = (id_of(&entry), qualified_name(&entry, wish.domain)) {
            let description = entry.text("description").map(|text| text.chars().take(1_024).collect());
            groups.insert(dn::key(&entry.dn), GroupName { id, name, description });
        }
        Ok(())
    })?;
    Ok(groups)
}

/// Who is directly in the groups that matter: groups, and the keys of everything else.
#[derive(Default)]
struct Members {
    groups: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    users: BTreeMap<ObjectId, BTreeSet<String>>,
}

fn by_ids(ids: &[ObjectId]) -> Filter {
    Filter::Or(ids.iter().map(|id| Filter::Equal("objectGUID", id.bytes().to_vec())).collect())
}

/// Reads the members of the chosen groups, of the groups in them, and so on.
fn members(
    connection: &mut Connection,
    base: &str,
    groups: &Groups,
    chosen: Vec<ObjectId>,
) -> Result<Members, LdapError> {
    let mut members = Members::default();
    let mut seen: BTreeSet<ObjectId> = chosen.iter().copied().collect();
    let mut waiting = chosen;
    while !waiting.is_empty() {
        let batch: Vec<_> = waiting.drain(..waiting.len().min(BATCH)).collect();
        let filter = Filter::And(vec![Filter::is_group(), by_ids(&batch)]);
        let entries = connection.find(&search(base, filter, &["objectGUID", "member"]), BATCH)?;
        for entry in entries {
            let Some(id) = id_of(&entry) else { continue };
            let (inner, users) = (members.groups.entry(id).or_default(), members.users.entry(id).or_default());
            for value in connection.all_values(&entry, "member")? {
                let key = dn::key(&String::from_utf8_lossy(&value));
                match groups.get(&key) {
                    Some(group) => {
                        inner.insert(group.id);
                        if seen.insert(group.id) {
                            waiting.push(group.id);
                        }
                    }
                    None => {
                        users.insert(key);
                    }
                }
            }
        }
    }
    Ok(members)
}

struct People<'a> {
    wish: &'a Wish<'a>,
    /// Keys of the distinguished names of people in groups.
    wanted: BTreeSet<String>,
    /// People who were chosen themselves.
    chosen: BTreeSet<ObjectId>,
    found: BTreeMap<ObjectId, DesiredUser>,
    by_key: HashMap<String, ObjectId>,
}

impl<'a> People<'a> {
    fn new(wish: &'a Wish<'a>) -> Self {
        Self { wish, wanted: BTreeSet::new(), chosen: BTreeSet::new(), found: BTreeMap::new(), by_key: HashMap::new() }
    }

    fn read(&mut self, connection: &mut Connection, base: &str) -> Result<(), LdapError> {
        if self.wanted.is_empty() && self.chosen.len() <= ONE_BY_ONE_MAX {
            let chosen: Vec<_> = self.chosen.iter().copied().collect();
            return self.read_ids(connection, base, &chosen);
        }
        connection.search(&search(base, Filter::is_user(), &USER_ATTRIBUTES), &mut |entry| {
            self.add(&entry);
            Ok(())
        })
    }

    fn read_ids(&mut self, connection: &mut Connection, base: &str, ids: &[ObjectId]) -> Result<(), LdapError> {
        for batch in ids.chunks(BATCH) {
            let filter = Filter::And(vec![Filter::is_user(), by_ids(batch)]);
            connection.search(&search(base, filter, &USER_ATTRIBUTES), &mut |entry| {
                self.add(&entry);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn add(&mut self, entry: &Entry) {
        let Some(id) = id_of(entry) else { return };
        let key = dn::key(&entry.dn);
        let is_wanted = self.wanted.contains(&key);
        if !is_wanted && !self.chosen.contains(&id) {
            return;
        }
        let Some(user_name) = qualified_name(entry, self.wish.domain).filter(|name| !name.contains(' ')) else {
            tracing::warn!(dn = entry.dn, "a user has no name that the identity store can have");
            return;
        };
        let control = entry.number("userAccountControl").unwrap_or(ACCOUNT_DISABLED);
        let profile = self.wish.mapping.profile(entry, user_name);
        self.found.insert(id, DesiredUser { profile, is_enabled: control & ACCOUNT_DISABLED == 0 });
        self.by_key.insert(key, id);
    }
}

/// Which of `ids` the directory still has.
fn still_there(connection: &mut Connection, base: &str, ids: &[ObjectId]) -> Result<BTreeSet<ObjectId>, LdapError> {
    let mut found = BTreeSet::new();
    for batch in ids.chunks(BATCH) {
        let entries = connection.find(&search(base, by_ids(batch), &["objectGUID"]), BATCH)?;
        found.extend(entries.iter().filter_map(id_of));
    }
    Ok(found)
}

/// The id of the object of that kind and exact name.
pub(super) fn find(service: &mut Service, kind: Kind, name: &str) -> Result<Option<ObjectId>, LdapError> {
    let is_kind = if kind == Kind::User { Filter::is_user() } else { Filter::is_group() };
    let filter = Filter::And(vec![is_kind, Filter::equal("sAMAccountName", name)]);
    let base = service.root.base.clone();
    let found = service.connection.find(&search(&base, filter, &["objectGUID"]), 2)?;
    Ok(if let [entry] = found.as_slice() { id_of(entry) } else { None })
}

/// What has changed in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Changes {
    /// These users, and neither groups nor who there is. Empty: nothing.
    Users(BTreeSet<ObjectId>),
    /// More, or it cannot be known.
    More,
}

/// Most users who are read by themselves; when more have changed, everything is read.
const CHANGED_MAX: usize = 1_000;

/// What has changed after the change `since`. It can be known only by a service account to which deleted objects are
/// shown.
pub(super) fn changes(service: &mut Service, since: i64) -> Result<Changes, LdapError> {
    let base = service.root.base.clone();
    let kinds = || Filter::Or(vec![Filter::is_user(), Filter::equal("objectClass", "user"), Filter::is_group()]);
    let deleted = Filter::And(vec![Filter::equal("isDeleted", "TRUE"), kinds()]);
    let deleted = Search { shows_deleted: true, limit: 1, ..search(&base, deleted, &["objectGUID"]) };
    // Whoever sees one deleted user or group sees them all; not every server knows of deleted ones.
    match service.connection.find(&deleted, 1) {
        Ok(found) if !found.is_empty() => {}
        Ok(_) | Err(LdapError::Refused(_)) => return Ok(Changes::More),
        Err(error) => return Err(error),
    }
    let after = Filter::AtLeast("uSNChanged", since.saturating_add(1).to_string());
    let attributes = ["objectGUID", "objectClass", "isDeleted"];
    let changed = search(&base, Filter::And(vec![after, kinds()]), &attributes);
    let (mut users, mut is_more) = (BTreeSet::new(), false);
    service.connection.search(&Search { shows_deleted: true, ..changed }, &mut |entry| {
        let is =
            |class: &str| entry.values("objectClass").iter().any(|value| value.eq_ignore_ascii_case(class.as_bytes()));
        is_more |= is("group") || entry.text("isDeleted").is_some() || users.len() >= CHANGED_MAX;
        if let (Some(id), false, false) = (id_of(&entry), is("computer"), is_more) {
            users.insert(id);
        }
        Ok(())
    })?;
    Ok(if is_more { Changes::More } else { Changes::Users(users) })
}

/// Reads these users by themselves.
pub(super) fn users(
    service: &mut Service,
    wish: &Wish<'_>,
    ids: BTreeSet<ObjectId>,
) -> Result<BTreeMap<ObjectId, DesiredUser>, LdapError> {
    let base = service.root.base.clone();
    let mut people = People::new(wish);
    let list: Vec<_> = ids.iter().copied().collect();
    people.chosen = ids;
    people.read_ids(&mut service.connection, &base, &list)?;
    Ok(people.found)
}

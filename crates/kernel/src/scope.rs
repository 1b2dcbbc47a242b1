//! Which cached views a change makes out of date.
//!
//! A cached view remembers the counters of its scopes as they stood *before* it was loaded and is good while they
//! stand. A commit moves the counters before its answer goes out, so nobody reads his own change's past.

use crate::cx::Cx;
use crate::error::Result;
use crate::store::Tx;
use base::{AccountId, IdentityStoreId, InstanceId, OrgId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A part of the data that changes together from a cache's point of view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope(String);

impl Scope {
    /// Principals, policies, credentials and status of an account, and which organization it is in.
    pub fn account(account: &AccountId) -> Self {
        Self(format!("iam/{account}"))
    }

    /// Tree, policies, delegations and trusted services of an organization.
    pub fn organization(org: &OrgId) -> Self {
        Self(format!("org/{org}"))
    }

    /// Users, groups and memberships of an identity store.
    pub fn identity_store(store: &IdentityStoreId) -> Self {
        Self(format!("ids/{store}"))
    }

    /// Permission sets, assignments, sessions and settings of an instance of IAM Identity Center.
    pub fn instance(instance: &InstanceId) -> Self {
        Self(format!("sso/{instance}"))
    }

    /// The scope's name in the change table.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_name(name: String) -> Self {
        Self(name)
    }
}

/// The counters of this process.
#[derive(Default)]
pub struct Scopes {
    counters: RwLock<HashMap<Scope, Arc<AtomicU64>>>,
    /// Set while changes of other processes cannot be followed: caches must not answer then.
    is_blind: AtomicBool,
    /// Moves when every cached view is to be dropped.
    generation: AtomicU64,
    /// Moves with every counter.
    moves: AtomicU64,
}

/// What a cached view depends on, as it stood before the view was loaded.
pub struct Dependencies {
    counters: Vec<(Arc<AtomicU64>, u64)>,
    generation: u64,
}

impl Scopes {
    /// The present state of `scopes`; take it before loading what depends on them.
    pub fn depend(&self, scopes: &[Scope]) -> Dependencies {
        let generation = self.generation.load(Ordering::Acquire);
        let counters = scopes
            .iter()
            .map(|scope| {
                let counter = self.counter(scope);
                let value = counter.load(Ordering::Acquire);
                (counter, value)
            })
            .collect();
        Dependencies { counters, generation }
    }

    /// Marks everything that depends on `scope` as out of date.
    pub fn bump(&self, scope: &Scope) {
        self.counter(scope).fetch_add(1, Ordering::AcqRel);
        self.moves.fetch_add(1, Ordering::AcqRel);
    }

    /// Marks every cached view as out of date.
    pub fn bump_all(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.moves.fetch_add(1, Ordering::AcqRel);
    }

    /// How often any counter has moved. A snapshot that was opened at another number may be older than the counters,
    /// so nothing that was loaded from it may be kept.
    pub fn moves(&self) -> u64 {
        self.moves.load(Ordering::Acquire)
    }

    /// Says whether the changes of other processes can be followed at present.
    pub fn set_blind(&self, is_blind: bool) {
        if !is_blind && self.is_blind.swap(false, Ordering::AcqRel) {
            self.bump_all();
        } else if is_blind {
            self.is_blind.store(true, Ordering::Release);
        }
    }

    fn holds(&self, dependencies: &Dependencies) -> bool {
        !self.is_blind.load(Ordering::Acquire)
            && self.generation.load(Ordering::Acquire) == dependencies.generation
            && dependencies.counters.iter().all(|(counter, value)| counter.load(Ordering::Acquire) == *value)
    }

    fn counter(&self, scope: &Scope) -> Arc<AtomicU64> {
        if let Some(counter) = self.counters.read().unwrap_or_else(PoisonError::into_inner).get(scope) {
            return Arc::clone(counter);
        }
        let mut counters = self.counters.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(counters.entry(scope.clone()).or_default())
    }
}

/// A view and what it depends on.
type Entry<V> = (Arc<V>, Arc<Dependencies>);

/// A bounded map of views that scopes invalidate.
pub struct ScopedCache<K, V> {
    entries: RwLock<HashMap<K, Entry<V>>>,
    /// Keeps two threads from clearing at once.
    clearing: Mutex<()>,
    entries_max: usize,
}

impl<K: Hash + Eq + Clone, V> ScopedCache<K, V> {
    /// A cache of at most `entries_max` views.
    pub fn new(entries_max: usize) -> Self {
        Self { entries: RwLock::default(), clearing: Mutex::default(), entries_max }
    }

    /// The view under `key`, when it is still true.
    pub fn get<Q>(&self, scopes: &Scopes, key: &Q) -> Option<Arc<V>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let (value, dependencies) = entries.get(key)?;
        scopes.holds(dependencies).then(|| Arc::clone(value))
    }

    /// Keeps `value`, loaded after `dependencies` were taken.
    pub fn put(&self, key: K, value: Arc<V>, dependencies: Dependencies) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.entries_max && !entries.contains_key(&key) {
            let _clearing = self.clearing.lock().unwrap_or_else(PoisonError::into_inner);
            // Dropping everything is rare, cheap to write and cannot be wrong; entries come back on demand.
            entries.clear();
        }
        entries.insert(key, (value, Arc::new(dependencies)));
    }

    /// The view under `key`, loaded when it is not there, or when the transaction of `cx` may have changed it. Kept unless
    /// something has moved since the transaction's snapshot was taken.
    ///
    /// # Errors
    /// Those of `load`.
    pub fn view(
        &self,
        cx: &mut Cx<'_>,
        key: K,
        scopes: &[Scope],
        load: impl FnOnce(&mut Tx) -> Result<V>,
    ) -> Result<Arc<V>> {
        if cx.tx.has_touched_scopes() {
            return load(cx.tx).map(Arc::new);
        }
        if let Some(found) = self.get(&cx.app.scopes, &key) {
            return Ok(found);
        }
        let dependencies = cx.app.scopes.depend(scopes);
        let value = Arc::new(load(cx.tx)?);
        if cx.is_cacheable() {
            self.put(key, Arc::clone(&value), dependencies);
        }
        Ok(value)
    }

    /// Number of views held, true or not.
    pub fn len(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::account(&AccountId::parse("111122223333").expect("valid"))
    }

    #[test]
    fn a_view_is_dropped_when_its_scope_moves() {
        let (scopes, cache) = (Scopes::default(), ScopedCache::new(4));
        cache.put("a", Arc::new(1), scopes.depend(&[scope()]));
        assert_eq!(cache.get(&scopes, "a").as_deref(), Some(&1));
        scopes.bump(&scope());
        assert!(cache.get(&scopes, "a").is_none());
    }

    #[test]
    fn a_view_that_was_loaded_across_a_change_is_not_trusted() {
        let (scopes, cache) = (Scopes::default(), ScopedCache::new(4));
        let dependencies = scopes.depend(&[scope()]);
        scopes.bump(&scope());
        cache.put("a", Arc::new(1), dependencies);
        assert!(cache.get(&scopes, "a").is_none());
    }

    #[test]
    fn a_node_that_is_blind_trusts_nothing_and_forgets_what_it_had() {
        let (scopes, cache) = (Scopes::default(), ScopedCache::new(4));
        cache.put("a", Arc::new(1), scopes.depend(&[scope()]));
        scopes.set_blind(true);
        assert!(cache.get(&scopes, "a").is_none());
        scopes.set_blind(false);
        assert!(cache.get(&scopes, "a").is_none());
    }

    #[test]
    fn the_number_of_views_is_bounded() {
        let (scopes, cache) = (Scopes::default(), ScopedCache::new(4));
        for key in 0..100 {
            cache.put(key, Arc::new(key), scopes.depend(&[]));
            assert!(cache.len() <= 4);
        }
    }
}

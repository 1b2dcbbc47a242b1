//! When keys and roles were last used: kept in memory and written once a minute, so that reads never write.

use base::{AccessKeyId, RoleId, Timestamp};
use iam::access_key::LastUse;
use kernel::caller::{Principal, PrincipalCaller};
use kernel::{App, Result};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Keys and roles that wait to be written, at most; what comes on top is forgotten until the next minute.
const WAITING_MAX: usize = 50_000;

/// What was used since it was last written.
#[derive(Default)]
pub struct LastUsed {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    keys: HashMap<AccessKeyId, Use>,
    roles: HashMap<RoleId, Use>,
}

struct Use {
    at: Timestamp,
    service: &'static str,
    region: String,
}

impl LastUsed {
    /// Notes that `caller` has made a call to `service`.
    pub fn note(&self, caller: &PrincipalCaller, service: &'static str, region: &str, at: Timestamp) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match (&caller.principal, &caller.access_key_id) {
            (Principal::Role(role), _) => note(&mut waiting.roles, &role.id, service, region, at),
            (_, Some(key)) if !key.is_session() => note(&mut waiting.keys, key, service, region, at),
            _ => {}
        }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When the database fails; what was not written is forgotten.
    pub fn flush(&self, app: &App) -> Result<()> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.keys.is_empty() && waiting.roles.is_empty() {
            return Ok(());
        }
        app.store.write(
            |tx| {
                for (key, last) in &waiting.keys {
                    let (service, region) = (last.service.to_owned(), last.region.clone());
                    iam::access_key::set_last_use(tx, key, &LastUse { at: last.at, service, region })?;
                }
                for (role, last) in &waiting.roles {
                    iam::role::record_use(tx, role, last.at, &last.region)?;
                }
                Ok(())
            },
            |_| {},
        )
    }
}

fn note<K: std::hash::Hash + Eq + Clone>(
    waiting: &mut HashMap<K, Use>,
    key: &K,
    service: &'static str,
    region: &str,
    at: Timestamp,
) {
    if let Some(last) = waiting.get_mut(key) {
        last.at = at;
        last.service = service;
        if last.region != region {
            region.clone_into(&mut last.region);
        }
    } else if waiting.len() < WAITING_MAX {
        waiting.insert(key.clone(), Use { at, service, region: region.to_owned() });
    }
}

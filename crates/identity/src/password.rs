//! Passwords of the users that the store itself knows.

mod rules;
pub mod throttle;

pub use rules::{Problem, generate_one_time};
pub use throttle::AddressFailures;

use crate::store::{self, Source};
use crate::user::Status;
use base::{IdentityStoreId, IdentityUserId, Secret, Timestamp};
use kernel::store::Row;
use kernel::{App, Error, Result, Tx, WriteCx, WriteTx, params};
use std::sync::Arc;
use throttle::Counted;

/// Passwords that may not come back, the present one among them.
const HISTORY_MAX: usize = 3;
/// Times that a change is tried while others change the same password.
const ATTEMPTS_MAX: usize = 3;

/// What came of a name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// They fit.
    Verified(IdentityUserId),
    /// They fit, but the password was given by an administrator and must be replaced before anything else.
    MustChange(IdentityUserId),
    /// They do not fit, or the user may not sign in, or there is no such user.
    Refused {
        /// For the audit trail; whoever tried to sign in never learns it.
        reason: RefusedBecause,
    },
    /// Too many failures of that name or from that address.
    Throttled {
        /// Seconds until it makes sense to try again.
        retry_after_seconds: i64,
    },
}

/// Why somebody was not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedBecause {
    /// Nobody in the store has that name.
    UnknownUser,
    /// The password is another one.
    WrongPassword(IdentityUserId),
    /// The user has no password.
    NoPassword(IdentityUserId),
    /// The user may not sign in, whatever the password.
    Disabled(IdentityUserId),
}

/// What is known of whoever wants to sign in.
#[derive(Clone, PartialEq, Eq)]
struct Candidate {
    user: IdentityUserId,
    status: Status,
    password: Option<Stored>,
}

/// A password as it is kept.
#[derive(Clone, PartialEq, Eq)]
struct Stored {
    hash: String,
    is_one_time: bool,
}

fn candidate(tx: &mut Tx, store: &IdentityStoreId, user_name: &str) -> Result<Option<Candidate>> {
    // The database cannot hold the character, so nobody has such a name.
    if user_name.contains('\0') {
        return Ok(None);
    }
    let key = user_name.to_lowercase();
    // What was kept before the people came to be kept elsewhere does not count any more.
    let sql = "select u.id, u.status, p.hash, p.is_one_time from ids_user u join ids_store s on s.id = u.store_id \
               left join ids_password p on p.user_id = u.id and s.source = 'IDENTITY_CENTER' \
               where u.store_id = $1 and u.user_name_key = $2";
    tx.opt(sql, params![store, key], |row: &Row<'_>| {
        let hash: Option<String> = row.get(2)?;
        let is_one_time: Option<bool> = row.get(3)?;
        Ok(Candidate {
            user: row.get(0)?,
            status: row.parse(1, Status::parse)?,
            password: hash.map(|hash| Stored { hash, is_one_time: is_one_time.unwrap_or_default() }),
        })
    })
}

fn judge(candidate: Option<&Candidate>, fits: bool) -> Checked {
    let reason = match candidate {
        None => RefusedBecause::UnknownUser,
        Some(Candidate { user, status: Status::Disabled, .. }) => RefusedBecause::Disabled(user.clone()),
        Some(Candidate { user, password: None, .. }) => RefusedBecause::NoPassword(user.clone()),
        Some(Candidate { user, .. }) if !fits => RefusedBecause::WrongPassword(user.clone()),
        Some(Candidate { user, password: Some(stored), .. }) if stored.is_one_time => {
            return Checked::MustChange(user.clone());
        }
        Some(Candidate { user, .. }) => return Checked::Verified(user.clone()),
    };
    Checked::Refused { reason }
}

/// Checks the name and the password of somebody at `source_ip`. Takes the same time whether or not there is such a
/// user. Opens its own transactions; the hash is computed outside of them.
///
/// Failures of a name and from an address are counted. From the tenth of a name, and the fiftieth from an address, on,
/// each is followed by a time in which nothing is checked at all: a minute first, doubling up to a quarter of an hour.
///
/// # Errors
/// When the database fails.
pub fn check(
    app: &Arc<App>,
    store: &IdentityStoreId,
    user_name: &str,
    password: &Secret,
    source_ip: &str,
) -> Result<Checked> {
    let keys = throttle::Keys::new(Counted::Failures, store, user_name, source_ip);
    let now = app.now();
    let (wait, before) =
        app.store.read(|tx| Ok((throttle::wait(tx, &keys, now)?, candidate(tx, store, user_name)?)))?;
    if let Some(retry_after_seconds) = wait {
        return Ok(Checked::Throttled { retry_after_seconds });
    }
    let stored = before.as_ref().and_then(|candidate| candidate.password.as_ref());
    let hash = stored.map_or(kernel::password::NOBODY, |stored| stored.hash.as_str());
    // Always computed, so that the time says nothing about whether there is a user, or a password.
    let fits = kernel::password::verify(password.expose(), hash);
    let outcome = judge(before.as_ref(), fits);
    if matches!(outcome, Checked::Refused { .. }) {
        return settle_failure(app, &keys, outcome);
    }
    let now = |tx: &mut Tx| candidate(tx, store, user_name);
    settle_success(app, &keys, before.as_ref(), outcome, now)
}

/// Counts a failure. Attempts that ran beside each other do not get past the limit together: those that end after the
/// name was blocked learn nothing, right or wrong.
fn settle_failure(app: &App, keys: &throttle::Keys, outcome: Checked) -> Result<Checked> {
    let now = app.now();
    let write = |tx: &mut WriteTx<'_>| {
        let wait = throttle::wait(tx, keys, now)?;
        if wait.is_none() {
            throttle::count(tx, keys, now)?;
        }
        Ok(wait)
    };
    let wait = app.store.write(write, |_| {})?;
    Ok(wait.map_or(outcome, |retry_after_seconds| Checked::Throttled { retry_after_seconds }))
}

/// Confirms that nothing has changed while the hash was computed, and forgets the failures of the name.
fn settle_success(
    app: &App,
    keys: &throttle::Keys,
    before: Option<&Candidate>,
    outcome: Checked,
    candidate: impl FnOnce(&mut Tx) -> Result<Option<Candidate>>,
) -> Result<Checked> {
    let now = app.now();
    let (mut wait, after, has_failures) =
        app.store.read(|tx| Ok((throttle::wait(tx, keys, now)?, candidate(tx)?, throttle::has_failures(tx, keys)?)))?;
    if after.as_ref() != before {
        return Ok(judge(after.as_ref(), false));
    }
    if has_failures && wait.is_none() {
        let write = |tx: &mut WriteTx<'_>| {
            let wait = throttle::wait(tx, keys, now)?;
            if wait.is_none() {
                throttle::forget_name(tx, keys)?;
            }
            Ok(wait)
        };
        wait = app.store.write(write, |_| {})?;
    }
    Ok(wait.map_or(outcome, |retry_after_seconds| Checked::Throttled { retry_after_seconds }))
}

/// Whether the user has a password.
///
/// # Errors
/// When the database fails.
pub fn has_password(tx: &mut Tx, user: &IdentityUserId) -> Result<bool> {
    tx.exists("select 1 from ids_password where user_id = $1", params![user])
}

/// The hashes that may not come back, the present one first.
fn history(tx: &mut Tx, user: &IdentityUserId) -> Result<Vec<String>> {
    let sql = "select history from ids_password where user_id = $1";
    let text: Option<String> = tx.opt(sql, params![user], |row| row.get(0))?;
    let text = text.unwrap_or_else(|| "[]".to_owned());
    serde_json::from_str(&text).map_err(|_| Error::internal("the former passwords of a user do not parse"))
}

/// Puts `hash` in the place of the present password, and before the former ones.
fn set(
    tx: &mut WriteTx<'_>,
    user: &IdentityUserId,
    hash: &str,
    former: &[String],
    is_one_time: bool,
    now: Timestamp,
) -> Result<()> {
    let hashes: Vec<&str> = std::iter::once(hash).chain(former.iter().map(String::as_str)).take(HISTORY_MAX).collect();
    let history = serde_json::to_string(&hashes).map_err(|_| Error::internal("hashes are not JSON"))?;
    tx.exec_one(
        "insert into ids_password (user_id, hash, is_one_time, history, changed_at) values ($1, $2, $3, $4, $5) \
         on conflict (user_id) do update set hash = excluded.hash, is_one_time = excluded.is_one_time, \
         history = excluded.history, changed_at = excluded.changed_at",
        params![user, hash, is_one_time, history, now],
    )
}

/// The user's name, when the store is one that keeps passwords.
fn name_of(tx: &mut Tx, store: &IdentityStoreId, user: &IdentityUserId) -> Result<String> {
    let has_passwords = store::get(tx, store)?.is_some_and(|store| store.source == Source::IdentityCenter);
    if !has_passwords {
        return Err(Error::Validation("Passwords of this identity store's users are kept elsewhere.".to_owned()));
    }
    let found = crate::user::get(tx, store, user)?;
    found.map(|user| user.user_name).ok_or_else(|| Error::Validation("There is no such user.".to_owned()))
}

/// Holds the new password of a person whose passwords are kept elsewhere against the rules that need no former ones.
///
/// # Errors
/// The rule that it does not meet.
pub fn check_rules(new: &Secret, user_name: &str) -> Result<(), Problem> {
    rules::check(new.expose(), user_name)
}

/// A password that keeps the rules, hashed and not yet set.
pub struct Prepared {
    store: IdentityStoreId,
    user: IdentityUserId,
    hash: String,
    former: Vec<String>,
}

/// Checks and hashes a new password of the user's own choice. Opens transactions of its own and takes long: to be called
/// outside of any.
///
/// # Errors
/// [`Error::Validation`] when there is no such user or the store keeps no passwords, and when the database fails.
pub fn prepare(
    app: &Arc<App>,
    store: &IdentityStoreId,
    user: &IdentityUserId,
    new: &Secret,
) -> Result<Result<Prepared, Problem>> {
    let (name, former) = app.store.read(|tx| Ok((name_of(tx, store, user)?, history(tx, user)?)))?;
    if let Err(problem) = rules::check(new.expose(), &name) {
        return Ok(Err(problem));
    }
    if former.iter().any(|hash| kernel::password::verify(new.expose(), hash)) {
        return Ok(Err(Problem::Reused));
    }
    let hash = kernel::password::hash(new.expose(), app.with_random(base::Random::bytes))?;
    Ok(Ok(Prepared { store: store.clone(), user: user.clone(), hash, former }))
}

impl Prepared {
    /// Sets the password, which then need not be changed any more; false when another was set meanwhile, so that this
    /// one must be prepared again.
    ///
    /// # Errors
    /// As [`prepare`].
    pub fn set(&self, tx: &mut WriteTx<'_>, now: Timestamp) -> Result<bool> {
        name_of(tx, &self.store, &self.user)?;
        let is_unchanged = history(tx, &self.user)? == self.former;
        if is_unchanged {
            set(tx, &self.user, &self.hash, &self.former, false, now)?;
        }
        Ok(is_unchanged)
    }
}

/// Gives the user a new password of the user's own choice, which then need not be changed any more. Opens its own
/// transactions; hashes are computed outside of them.
///
/// # Errors
/// [`Error::Validation`] when there is no such user or the store keeps no passwords, [`Error::Busy`] when others keep
/// changing the same password, and when the database fails.
pub fn change(
    app: &Arc<App>,
    store: &IdentityStoreId,
    user: &IdentityUserId,
    new: &Secret,
) -> Result<Result<(), Problem>> {
    for _ in 0..ATTEMPTS_MAX {
        let prepared = match prepare(app, store, user, new)? {
            Ok(prepared) => prepared,
            Err(problem) => return Ok(Err(problem)),
        };
        let now = app.now();
        if app.store.write(|tx| prepared.set(tx, now), |_| {})? {
            return Ok(Ok(()));
        }
    }
    Err(Error::Busy)
}

/// Counts somebody's wish that the person of that name be written to, whether or not there is such a user. `Some` when
/// there were too many, of that name or from that address, and nothing must be sent: the seconds until it makes sense to
/// try again. From the third of a name, and the twentieth from an address, on, each is followed by a time in which there
/// is none: a minute first, doubling up to an hour.
///
/// # Errors
/// When the database fails.
pub fn count_mail(
    tx: &mut WriteTx<'_>,
    store: &IdentityStoreId,
    user_name: &str,
    source_ip: &str,
    now: Timestamp,
) -> Result<Option<i64>> {
    let keys = throttle::Keys::new(Counted::Mails, store, user_name, source_ip);
    let wait = throttle::wait(tx, &keys, now)?;
    if wait.is_none() {
        throttle::count(tx, &keys, now)?;
    }
    Ok(wait)
}

/// Forgets what was counted under the name, so that whoever has just got a password can use it at once.
///
/// # Errors
/// When the database fails.
pub fn forget_attempts(tx: &mut WriteTx<'_>, store: &IdentityStoreId, user_name: &str) -> Result<()> {
    for counted in [Counted::Failures, Counted::Mails] {
        throttle::forget_name(tx, &throttle::Keys::new(counted, store, user_name, ""))?;
    }
    Ok(())
}

/// Gives the user a password that an administrator chose or had made ([`generate_one_time`]); a one-time password must
/// be changed at the next sign-in. The failures of the name are forgotten, so that the user can use it at once.
///
/// # Errors
/// [`Error::Validation`] when there is no such user or the store keeps no passwords, and when the database fails.
pub fn give(
    cx: &mut WriteCx<'_>,
    store: &IdentityStoreId,
    user: &IdentityUserId,
    password: &Secret,
    is_one_time: bool,
) -> Result<Result<(), Problem>> {
    let name = name_of(cx.tx, store, user)?;
    if let Err(problem) = rules::check(password.expose(), &name) {
        return Ok(Err(problem));
    }
    let hash = kernel::password::hash(password.expose(), cx.random.bytes())?;
    let (former, now) = (history(cx.tx, user)?, cx.now);
    let mut tx = cx.write();
    set(&mut tx, user, &hash, &former, is_one_time, now)?;
    forget_attempts(&mut tx, store, &name)?;
    Ok(Ok(()))
}

/// Takes the user's password away: the user cannot sign in until there is another one.
///
/// # Errors
/// When the database fails.
pub fn remove(tx: &mut WriteTx<'_>, user: &IdentityUserId) -> Result<()> {
    tx.exec("delete from ids_password where user_id = $1", params![user])?;
    Ok(())
}

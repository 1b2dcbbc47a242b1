//! Signing in to the console as an IAM user or as the root user: password, second factor, forced change of the password.
//!
//! Somebody who has given the password and must give more holds a ticket for ten minutes: sealed, and bound to that very
//! password. Nobody learns whether an account or a user exists: every failure has one text and takes the same time.

use crate::event;
use crate::session::{ConsoleSession, fingerprint, is_fingerprint};
use base::{AccountId, Secret, Timestamp, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iam::account::{self, Account, AccountState, root_password};
use iam::mfa::{self, Holder};
use iam::user::User;
use iam::{login_profile, password_policy, user};
use identity::password::throttle::{self, Counted, Keys};
use kernel::audit::ConsoleIdentity;
use kernel::seal::Purpose;
use kernel::{App, Caller, Error, Principal, RequestInfo, Result, Tx, WriteCx};
use serde_json::{Value, json};
use std::sync::Arc;

/// How long a ticket is good, in seconds.
const TICKET_SECONDS: i64 = 600;
/// What tickets are sealed for.
const TICKET: &str = "console ticket";
/// Longest name, address or alias that is looked at, in characters.
const NAME_CHARACTERS_MAX: usize = 320;
/// Longest password that is looked at, in bytes.
const PASSWORD_BYTES_MAX: usize = 1_024;
/// Longest ticket that is looked at, in characters.
const TICKET_CHARACTERS_MAX: usize = 4_096;

/// As whom somebody wants to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who<'a> {
    /// An IAM user.
    User {
        /// Id or alias of the account.
        account: &'a str,
        /// Name of the user.
        user_name: &'a str,
    },
    /// The root user of the account with that e-mail address.
    Root {
        /// The address.
        email: &'a str,
    },
}

/// What came of a step.
#[derive(Debug)]
pub enum Outcome {
    /// Signed in.
    SignedIn(Box<ConsoleSession>),
    /// A code of a registered device is needed, with this ticket.
    NeedsCode(Secret),
    /// The password must be replaced first, with this ticket.
    MustChange(Secret),
    /// The new password cannot be had: why, in IAM's words. The ticket stays good.
    PasswordRefused(String),
    /// Refused; nobody learns why.
    Refused,
    /// The password has expired, and the account's rules leave it to an administrator to set another one.
    PasswordExpired,
    /// The ticket is unknown or too old, or the password is another one by now.
    TicketExpired,
    /// Too many failures of that name or from that address.
    Throttled {
        /// Seconds until it makes sense to try again.
        retry_after_seconds: i64,
    },
}

/// Somebody with a password.
struct Subject {
    account: Account,
    /// `None`: the root user.
    user: Option<User>,
    hash: String,
    must_change: bool,
    has_expired_for_good: bool,
}

impl Subject {
    fn principal(&self) -> Principal {
        self.user.as_ref().map_or(Principal::Root, |user| Principal::User(user.identity()))
    }

    fn holder(&self) -> Holder {
        self.user.as_ref().map_or_else(|| Holder::Root(self.account.id.clone()), |user| Holder::User(user.id.clone()))
    }
}

/// The account of that id or alias.
///
/// # Errors
/// When the database fails.
pub fn account_named(tx: &mut Tx, name: &str) -> Result<Option<Account>> {
    let name = name.trim();
    match AccountId::parse(&name.replace('-', "")) {
        Some(id) => account::get(tx, &id),
        None => account::find_by_alias(tx, &name.to_lowercase()),
    }
}

fn keys(who: &Who<'_>, source_ip: &str) -> Keys {
    match who {
        Who::User { account, user_name } => {
            Keys::within(Counted::Failures, &format!("console/{}", account.to_lowercase()), user_name, source_ip)
        }
        Who::Root { email } => Keys::within(Counted::Failures, "console/root", email, source_ip),
    }
}

/// The account that is meant, and whoever has a password in it.
fn look_up(tx: &mut Tx, who: &Who<'_>, now: Timestamp) -> Result<(Option<Account>, Option<Subject>)> {
    match who {
        Who::User { account, user_name } => {
            let Some(account) = account_named(tx, account)? else { return Ok((None, None)) };
            let user = user::find(tx, &account.id, user_name)?;
            let subject = user.map(|user| of_user(tx, &account, user, now)).transpose()?.flatten();
            Ok((Some(account), subject))
        }
        Who::Root { email } => {
            let Some(account) = account::find_by_email(tx, email)? else { return Ok((None, None)) };
            let subject = of_root(tx, &account)?;
            Ok((Some(account), subject))
        }
    }
}

fn of_root(tx: &mut Tx, account: &Account) -> Result<Option<Subject>> {
    let hash = root_password::find(tx, &account.id)?;
    Ok(hash.map(|hash| Subject {
        account: account.clone(),
        user: None,
        hash,
        must_change: false,
        has_expired_for_good: false,
    }))
}

fn of_user(tx: &mut Tx, account: &Account, user: User, now: Timestamp) -> Result<Option<Subject>> {
    let Some(stored) = login_profile::find(tx, &user.id)? else { return Ok(None) };
    let policy = password_policy::find(tx, &account.id)?;
    let has_expired = policy
        .as_ref()
        .and_then(|policy| policy.expires_at(stored.changed_at))
        .is_some_and(|expires_at| expires_at <= now);
    Ok(Some(Subject {
        account: account.clone(),
        user: Some(user),
        hash: stored.hash,
        must_change: stored.is_reset_required || has_expired,
        has_expired_for_good: has_expired && policy.is_some_and(|policy| policy.hard_expiry),
    }))
}

/// Checks a password. Takes the same time whether or not there is such a user; the hash is computed outside of
/// transactions.
///
/// # Errors
/// When the database fails.
pub fn sign_in(app: &Arc<App>, request: &Arc<RequestInfo>, who: &Who<'_>, password: &Secret) -> Result<Outcome> {
    let (account, name) = match who {
        Who::User { account, user_name } => (*account, *user_name),
        Who::Root { email } => ("", *email),
    };
    let is_bounded = |text: &str| text.chars().nth(NAME_CHARACTERS_MAX).is_none() && !text.contains('\0');
    if !is_bounded(account) || !is_bounded(name) || password.expose().len() > PASSWORD_BYTES_MAX {
        return Ok(Outcome::Refused);
    }
    let (keys, now) = (keys(who, &request.source_ip), app.now());
    let (wait, (account, subject)) =
        app.store.read(|tx| Ok((throttle::wait(tx, &keys, now)?, look_up(tx, who, now)?)))?;
    if let Some(retry_after_seconds) = wait {
        return Ok(Outcome::Throttled { retry_after_seconds });
    }
    let hash = subject.as_ref().map_or(kernel::password::NOBODY, |subject| subject.hash.as_str());
    let fits = kernel::password::verify(password.expose(), hash);
    let subject = subject.filter(|subject| fits && subject.account.state == AccountState::Active);
    let Some(subject) = subject else { return refused(app, request, &keys, who, account.as_ref()) };
    app.write_as(&Caller::Anonymous, request, |cx| {
        let now = cx.now;
        // Attempts that ran beside each other do not get past the limit together.
        if let Some(retry_after_seconds) = throttle::wait(cx.tx, &keys, now)? {
            return Ok(Outcome::Throttled { retry_after_seconds });
        }
        advance(cx, &subject, &Ticket::new(&subject, who, None, now), &keys)
    })
}

/// Counts a failure, and records it when it concerns an account.
fn refused(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    keys: &Keys,
    who: &Who<'_>,
    account: Option<&Account>,
) -> Result<Outcome> {
    app.write_as(&Caller::Anonymous, request, |cx| {
        let now = cx.now;
        if let Some(retry_after_seconds) = throttle::wait(cx.tx, keys, now)? {
            return Ok(Outcome::Throttled { retry_after_seconds });
        }
        throttle::count(&mut cx.write(), keys, now)?;
        let Some(account) = account else { return Ok(Outcome::Refused) };
        let name = match who {
            Who::User { user_name, .. } => user::find(cx.tx, &account.id, user_name)?.map(|user| user.name),
            Who::Root { .. } => None,
        };
        let identity = match who {
            Who::User { .. } => ConsoleIdentity::User { user_name: name.as_deref() },
            Who::Root { .. } => ConsoleIdentity::Root,
        };
        let additional = [("MobileVersion", "No"), ("MFAUsed", "No")];
        event::record(cx, &account.id, "ConsoleLogin", identity, &additional, Some(event::FAILED))?;
        Ok(Outcome::Refused)
    })
}

/// The next step of somebody who has given the password: a code, another password, or the console.
fn advance(cx: &mut WriteCx<'_>, subject: &Subject, ticket: &Ticket, keys: &Keys) -> Result<Outcome> {
    if ticket.mfa_at.is_none() && !mfa::of_holder(cx.tx, &subject.holder())?.is_empty() {
        return Ok(Outcome::NeedsCode(ticket.seal(cx.app)?));
    }
    if subject.has_expired_for_good {
        return Ok(Outcome::PasswordExpired);
    }
    if subject.must_change {
        return Ok(Outcome::MustChange(ticket.seal(cx.app)?));
    }
    establish(cx, subject, ticket.mfa_at, keys)
}

fn establish(cx: &mut WriteCx<'_>, subject: &Subject, mfa_at: Option<Timestamp>, keys: &Keys) -> Result<Outcome> {
    let (app, now) = (Arc::clone(cx.app), cx.now);
    let (account, principal) = (&subject.account.id, subject.principal());
    let random = &mut cx.random.fork();
    let session = ConsoleSession::of_password(&app.seal, account, &principal, &subject.hash, (now, mfa_at), random)?;
    throttle::forget_name(&mut cx.write(), keys)?;
    match &subject.user {
        Some(user) => user::set_password_used(&mut cx.write(), &user.id, now)?,
        None => root_password::set_used(&mut cx.write(), account, now)?,
    }
    let login_to = format!("{}/console", app.settings.base_url.trim_end_matches('/'));
    event::signed_in(cx, &session.caller, &login_to)?;
    Ok(Outcome::SignedIn(Box::new(session)))
}

/// What somebody has proved so far.
struct Ticket {
    account: AccountId,
    user: Option<UserId>,
    /// Of the password that was given.
    fingerprint: String,
    mfa_at: Option<Timestamp>,
    expires_at: Timestamp,
    /// As typed, for the counters of failures.
    realm: String,
    name: String,
}

impl Ticket {
    fn new(subject: &Subject, who: &Who<'_>, mfa_at: Option<Timestamp>, now: Timestamp) -> Self {
        let (realm, name) = match who {
            Who::User { account, user_name } => (*account, *user_name),
            Who::Root { email } => ("", *email),
        };
        Self {
            account: subject.account.id.clone(),
            user: subject.user.as_ref().map(|user| user.id.clone()),
            fingerprint: fingerprint(&subject.hash),
            mfa_at,
            expires_at: now.plus_seconds(TICKET_SECONDS),
            realm: realm.to_owned(),
            name: name.to_owned(),
        }
    }

    fn who(&self) -> Who<'_> {
        match self.user {
            Some(_) => Who::User { account: &self.realm, user_name: &self.name },
            None => Who::Root { email: &self.name },
        }
    }

    fn seal(&self, app: &App) -> Result<Secret> {
        let plain = json!([
            self.account.as_str(),
            self.user.as_ref().map(UserId::as_str),
            self.fingerprint,
            self.mfa_at.map(Timestamp::micros),
            self.expires_at.micros(),
            self.realm,
            self.name,
        ]);
        let plain = plain.to_string();
        let sealed = app.with_random(|random| app.seal.seal(Purpose::SignIn, TICKET, plain.as_bytes(), random))?;
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(sealed)))
    }

    fn open(app: &App, text: &str) -> Option<Self> {
        if text.len() > TICKET_CHARACTERS_MAX {
            return None;
        }
        let plain = app.seal.open(Purpose::SignIn, TICKET, &URL_SAFE_NO_PAD.decode(text).ok()?)?;
        let value: Value = serde_json::from_slice(&plain).ok()?;
        let text = |index: usize| value.get(index).and_then(Value::as_str);
        let instant = |index: usize| value.get(index).and_then(Value::as_i64).map(Timestamp::from_micros);
        let ticket = Self {
            account: AccountId::parse(text(0)?)?,
            user: text(1).map(UserId::parse).map(|user| user.ok_or(())).transpose().ok()?,
            fingerprint: text(2)?.to_owned(),
            mfa_at: instant(3),
            expires_at: instant(4)?,
            realm: text(5)?.to_owned(),
            name: text(6)?.to_owned(),
        };
        (app.now() < ticket.expires_at).then_some(ticket)
    }

    /// Whose it is, while the password is the same.
    fn subject(&self, tx: &mut Tx, now: Timestamp) -> Result<Option<Subject>> {
        let Some(account) = account::get(tx, &self.account)?.filter(|each| each.state == AccountState::Active) else {
            return Ok(None);
        };
        let subject = match &self.user {
            None => of_root(tx, &account)?,
            Some(id) => {
                let Some(user) = user::get(tx, id)? else { return Ok(None) };
                of_user(tx, &account, user, now)?
            }
        };
        Ok(subject.filter(|subject| is_fingerprint(&self.fingerprint, &subject.hash)))
    }
}

/// Goes on with a code of a registered device. A wrong one counts as a wrong password.
///
/// # Errors
/// When the database fails.
pub fn give_code(app: &Arc<App>, request: &Arc<RequestInfo>, ticket: &str, code: &str) -> Result<Outcome> {
    let Some(mut ticket) = Ticket::open(app, ticket) else { return Ok(Outcome::TicketExpired) };
    let keys = keys(&ticket.who(), &request.source_ip);
    let mut has_failed = false;
    let outcome = app.write_as(&Caller::Anonymous, request, |cx| {
        has_failed = false;
        let now = cx.now;
        if let Some(retry_after_seconds) = throttle::wait(cx.tx, &keys, now)? {
            return Ok(Outcome::Throttled { retry_after_seconds });
        }
        let Some(subject) = ticket.subject(cx.tx, now)? else { return Ok(Outcome::TicketExpired) };
        let holder = subject.holder();
        for device in mfa::of_holder(cx.tx, &holder)? {
            if mfa::verify_code(&mut cx.write(), &app.seal, &holder, &device.serial, code.trim(), now)? {
                ticket.mfa_at = Some(now);
                return advance(cx, &subject, &ticket, &keys);
            }
        }
        has_failed = true;
        Ok(Outcome::Refused)
    })?;
    if !has_failed {
        return Ok(outcome);
    }
    let account = app.store.read(|tx| account::get(tx, &ticket.account))?;
    refused(app, request, &keys, &ticket.who(), account.as_ref())
}

/// Goes on with a new password in the place of one that must be replaced.
///
/// # Errors
/// When the database fails.
pub fn replace(app: &Arc<App>, request: &Arc<RequestInfo>, ticket: &str, new: &Secret) -> Result<Outcome> {
    let Some(ticket) = Ticket::open(app, ticket) else { return Ok(Outcome::TicketExpired) };
    let keys = keys(&ticket.who(), &request.source_ip);
    let replaced = app.write_as(&Caller::Anonymous, request, |cx| {
        let now = cx.now;
        let Some(subject) = ticket.subject(cx.tx, now)? else { return Ok(Outcome::TicketExpired) };
        let has_device = !mfa::of_holder(cx.tx, &subject.holder())?.is_empty();
        let Some(user) = subject.user.clone().filter(|_| subject.must_change && !subject.has_expired_for_good) else {
            return Ok(Outcome::TicketExpired);
        };
        if has_device && ticket.mfa_at.is_none() {
            return Ok(Outcome::TicketExpired);
        }
        if kernel::password::verify(new.expose(), &subject.hash) {
            return Ok(Outcome::PasswordRefused("The new password must be another one than the present.".to_owned()));
        }
        login_profile::replace_password(cx, &user, new.expose())?;
        let stored = login_profile::find(cx.tx, &user.id)?.ok_or_else(|| Error::internal("a password just set"))?;
        let subject = Subject { hash: stored.hash, ..subject };
        let identity = ConsoleIdentity::User { user_name: Some(&user.name) };
        event::record(cx, &subject.account.id, "PasswordUpdated", identity, &[], None)?;
        establish(cx, &subject, ticket.mfa_at, &keys)
    });
    match replaced {
        Err(Error::Modeled(error)) => Ok(Outcome::PasswordRefused(error.message().to_owned())),
        Err(Error::Validation(message)) => Ok(Outcome::PasswordRefused(message)),
        other => other,
    }
}

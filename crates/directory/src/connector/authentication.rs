//! Checks names and passwords against the directory, at the moment at which they are given.

use super::attempts::{Counted, Policy};
use super::domain::{Domain, Problem, Service, instant};
use super::{Directories, load};
use crate::ldap::{Depth, Entry, Filter, LdapError, Outcome, Search, code};
use crate::object_id::ObjectId;
use base::{DirectoryId, Secret, Timestamp};
use kernel::{App, Result};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Longest name that is looked up, in characters: a user principal name has at most 1,024.
const NAME_CHARACTERS_MAX: usize = 1_024;
/// Longest password, in characters: Active Directory takes 256.
const PASSWORD_CHARACTERS_MAX: usize = 256;

/// Somebody of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Id in the directory, for as long as the account exists.
    pub object_id: ObjectId,
    /// `sAMAccountName@domain`: the user name in the identity store.
    pub user_name: String,
    /// Name by which the account signs in at computers.
    pub account_name: String,
    /// User principal name.
    pub principal_name: Option<String>,
    /// Distinguished name.
    pub dn: String,
}

/// What came of a name and a password. Whoever asked for the check decides what the person may learn of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// They fit.
    Verified(Identified),
    /// They do not fit.
    WrongPassword(Identified),
    /// They fit, but the password must be changed first, in the directory.
    MustChange(Identified),
    /// They fit, but the password has expired.
    PasswordExpired(Identified),
    /// The account is disabled.
    Disabled(Identified),
    /// The account is locked after too many failures.
    Locked(Identified),
    /// The account has expired.
    Expired(Identified),
    /// The account may not sign in at this time.
    WrongHours(Identified),
    /// The account may not sign in from here.
    WrongWorkstation(Identified),
    /// There is no such account, or the name could be several.
    Unknown,
    /// The password was not tried: another failure would lock the account.
    Throttled {
        /// Seconds until it makes sense to try again.
        retry_after_seconds: i64,
    },
    /// The directory cannot be asked.
    Unreachable {
        /// Why, for operators.
        reason: String,
    },
}

/// The attributes of accounts that decide here.
const ATTRIBUTES: [&str; 7] =
    ["objectGUID", "sAMAccountName", "userPrincipalName", "badPwdCount", "badPasswordTime", COMPUTED, OWN_POLICY];
/// The states that the controller computes.
const COMPUTED: &str = "msDS-User-Account-Control-Computed";
/// `UF_LOCKOUT` of [`COMPUTED`] (MS-ADTS §3.1.1.4.5.17).
const IS_LOCKED: i64 = 16;
/// The fine-grained policy that applies to an account.
const OWN_POLICY: &str = "msDS-ResultantPSO";

struct Account {
    who: Identified,
    counted: Counted,
    is_locked: bool,
    policy: Policy,
}

/// Checks the name and the password of somebody in the directory: `CORP\alice`, `alice@corp.example.com` and `alice`
/// are the same account. The password is sent to a controller over TLS and is neither kept nor logged.
///
/// # Errors
/// When the database fails.
pub fn authenticate(app: &Arc<App>, id: &DirectoryId, name: &str, password: &Secret) -> Result<Authentication> {
    authenticate_as(app, id, |domain| Name::parse(name, domain), password)
}

/// As [`authenticate`], for somebody who is known already, whatever the account is called by now.
///
/// # Errors
/// When the database fails.
pub fn authenticate_again(
    app: &Arc<App>,
    id: &DirectoryId,
    account: ObjectId,
    password: &Secret,
) -> Result<Authentication> {
    authenticate_as(app, id, |_| Some(Name::Known(account)), password)
}

fn authenticate_as<'a>(
    app: &Arc<App>,
    id: &DirectoryId,
    name: impl FnOnce(&Domain) -> Option<Name<'a>>,
    password: &Secret,
) -> Result<Authentication> {
    let Some((directory, certificates)) = load(app, id)? else {
        return Ok(Authentication::Unreachable { reason: format!("there is no directory {id}") });
    };
    if !directory.is_usable() {
        let reason = format!("the directory {id} is in the stage {}", directory.stage.as_str());
        return Ok(Authentication::Unreachable { reason });
    }
    let directories = Directories::of(app)?;
    let outcome = directories.domain(app, &directory, certificates).and_then(|domain| match name(&domain) {
        Some(name) => check(app, directories, id, &domain, &name, password),
        None => Ok(Authentication::Unknown),
    });
    Ok(outcome.unwrap_or_else(|problem| {
        tracing::warn!(directory = %id, %problem, "a directory cannot be asked");
        Authentication::Unreachable { reason: problem.to_string() }
    }))
}

fn check(
    app: &App,
    directories: &Directories,
    id: &DirectoryId,
    domain: &Domain,
    name: &Name<'_>,
    password: &Secret,
) -> Result<Authentication, Problem> {
    let total = directories.attempts.total();
    let (account, policy) = domain.with_service(|service| Ok((look_up(service, name, domain)?, service.policy())))?;
    let Some(account) = account else { return nobody(app, directories, id, domain, &policy, name, password) };
    let length = password.expose().chars().count();
    // A bind without a password succeeds for every name (RFC 4513 §5.1.2).
    if length == 0 || length > PASSWORD_CHARACTERS_MAX || password.expose().contains('\0') {
        return Ok(Authentication::WrongPassword(account.who));
    }
    let (key, now) = (account.who.object_id.bytes(), app.now());
    let attempt = match directories.attempts.begin(id, key, &account.policy, now) {
        Ok(attempt) => attempt,
        Err(retry_after_seconds) => return Ok(Authentication::Throttled { retry_after_seconds }),
    };
    // Others have failed since the counter was read, or may do so before this attempt does: it is read again, now that
    // whoever comes later knows of this attempt.
    let account = match attempt.others > 0 || attempt.total != total {
        true => match domain.with_service(|service| look_up(service, name, domain))? {
            Some(again) if again.who.object_id == account.who.object_id => again,
            _ => return Ok(Authentication::Throttled { retry_after_seconds: 1 }),
        },
        false => account,
    };
    // Nobody can lock what is locked.
    let allowed = account.policy.may_try(account.counted, attempt.others, now);
    if let (Err(retry_after_seconds), false) = (allowed, account.is_locked) {
        return Ok(Authentication::Throttled { retry_after_seconds });
    }
    // A connection of its own: a failed bind leaves the identity that a connection had before on some controllers.
    let bound = domain.connected(|mut connection| connection.bind(&account.who.dn, password).and_then(answered))?;
    let outcome = interpret(&bound, account.who);
    match &outcome {
        Authentication::Verified(_) => attempt.succeeded(),
        // Of locked accounts too: whoever guesses sees no difference.
        Authentication::WrongPassword(_) | Authentication::Locked(_) => attempt.failed(),
        _ => {}
    }
    Ok(outcome)
}

/// Treats a name that nobody has as that of somebody who always fails, so that neither the time nor the count of
/// failures tells it from a name that somebody has.
fn nobody(
    app: &App,
    directories: &Directories,
    id: &DirectoryId,
    domain: &Domain,
    policy: &Policy,
    name: &Name<'_>,
    password: &Secret,
) -> Result<Authentication, Problem> {
    let (key, now) = (name.key(), app.now());
    let attempt = match directories.attempts.begin(id, key, policy, now) {
        Ok(attempt) => attempt,
        Err(retry_after_seconds) => return Ok(Authentication::Throttled { retry_after_seconds }),
    };
    let dn = format!("<GUID={}>", ObjectId::from(key));
    domain.connected(|mut connection| connection.bind(&dn, password))?;
    attempt.failed();
    Ok(Authentication::Unknown)
}

/// Takes what is no answer about a name and a password for a failure of the controller.
fn answered(bound: Outcome) -> Result<Outcome, LdapError> {
    if matches!(bound.code, code::SUCCESS | code::INVALID_CREDENTIALS) {
        Ok(bound)
    } else {
        Err(LdapError::Refused(bound))
    }
}

/// What the controller's answer to the bind of `who` means.
fn interpret(bound: &Outcome, who: Identified) -> Authentication {
    if bound.code == code::SUCCESS {
        return Authentication::Verified(who);
    }
    match sub_code(&bound.message) {
        Some("525") => Authentication::Unknown,
        Some("530") => Authentication::WrongHours(who),
        Some("531") => Authentication::WrongWorkstation(who),
        Some("532") => Authentication::PasswordExpired(who),
        Some("533") => Authentication::Disabled(who),
        Some("701") => Authentication::Expired(who),
        Some("773") => Authentication::MustChange(who),
        Some("775") => Authentication::Locked(who),
        _ => Authentication::WrongPassword(who),
    }
}

/// The Windows error code in a refusal (`… AcceptSecurityContext error, data 52e, v1db1`).
pub(super) fn sub_code(message: &str) -> Option<&str> {
    let (_, after) = message.split_once(", data ")?;
    after.split([',', ' ']).next()
}

/// A name as somebody typed it, or somebody whose name was typed before.
#[derive(Debug, PartialEq, Eq)]
enum Name<'a> {
    /// `alice`, or `CORP\alice` of this domain.
    Account(&'a str),
    /// `alice@suffix`; the first part is an account name too when the suffix is this domain.
    Principal(&'a str, Option<&'a str>),
    /// The account of this id.
    Known(ObjectId),
}

impl<'a> Name<'a> {
    /// `None` for what cannot be a name of somebody in the domain.
    fn parse(text: &'a str, domain: &Domain) -> Option<Self> {
        Self::read(text, domain.name(), domain.short_name())
    }

    fn read(text: &'a str, domain: &str, short_name: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > NAME_CHARACTERS_MAX || text.chars().any(char::is_control) {
            return None;
        }
        let is_ours =
            |name: &str| name.eq_ignore_ascii_case(domain) || name.to_lowercase() == short_name.to_lowercase();
        if let Some((prefix, account)) = text.split_once('\\') {
            return (is_ours(prefix) && !account.is_empty()).then_some(Self::Account(account));
        }
        match text.rsplit_once('@') {
            Some((account, suffix)) if !account.is_empty() => {
                Some(Self::Principal(text, is_ours(suffix).then_some(account)))
            }
            Some(_) => None,
            None => Some(Self::Account(text)),
        }
    }

    /// Stands for the name where there is no account.
    fn key(&self) -> [u8; 16] {
        let text = match self {
            Self::Account(text) | Self::Principal(text, _) => text,
            Self::Known(id) => return id.bytes(),
        };
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, text.to_lowercase()).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        (half(0) << 64 | half(1)).to_be_bytes()
    }

    fn filter(&self) -> Filter {
        let account = |name: &str| Filter::equal("sAMAccountName", name);
        let named = match self {
            Self::Account(name) => account(name),
            Self::Known(id) => Filter::Equal("objectGUID", id.bytes().to_vec()),
            Self::Principal(name, None) => Filter::equal("userPrincipalName", name),
            Self::Principal(name, Some(first)) => {
                Filter::Or(vec![Filter::equal("userPrincipalName", name), account(first)])
            }
        };
        Filter::And(vec![Filter::is_user(), named])
    }
}

fn look_up(service: &mut Service, name: &Name<'_>, domain: &Domain) -> Result<Option<Account>, LdapError> {
    let base = service.root.base.clone();
    let search = Search {
        base: &base,
        depth: Depth::Subtree,
        filter: name.filter(),
        attributes: &ATTRIBUTES,
        shows_deleted: false,
        limit: 0,
    };
    let is_account = |entry: &Entry| entry.text("sAMAccountName").is_some() && entry.bytes("objectGUID").is_some();
    let mut found = service.connection.find(&search, 4)?;
    found.retain(is_account);
    if let (Name::Principal(text, _), true) = (name, found.len() > 1) {
        // Somebody's explicit principal name goes before somebody else's implicit one, as at a bind.
        let is_explicit = |entry: &Entry| {
            entry.text("userPrincipalName").is_some_and(|name| name.to_lowercase() == text.to_lowercase())
        };
        found.retain(is_explicit);
    }
    let [entry] = found.as_slice() else { return Ok(None) };
    let policy = policy_of(service, entry)?;
    Ok(account(entry, domain.name(), policy))
}

/// When the directory locks the account of `entry`: by the domain's policy, or by one of its own. Such a policy is for
/// administrators to read, unless they let the service account.
fn policy_of(service: &mut Service, entry: &Entry) -> Result<Policy, LdapError> {
    let of_domain = service.policy();
    let Some(own) = entry.text(OWN_POLICY) else { return Ok(of_domain) };
    let attributes = ["msDS-LockoutThreshold", "msDS-LockoutObservationWindow"];
    let readable = match service.connection.entry(own, &attributes) {
        Ok(entry) => entry.unwrap_or_default(),
        Err(LdapError::Refused(_)) => Entry::default(),
        Err(error) => return Err(error),
    };
    let (threshold, window) = (readable.number(attributes[0]), readable.number(attributes[1]));
    let is_known = threshold.is_some() && window.is_some();
    Ok(if is_known { of_domain.with(threshold, window) } else { of_domain.cautious() })
}

fn account(entry: &Entry, domain: &str, policy: Policy) -> Option<Account> {
    let account_name = entry.text("sAMAccountName")?.to_owned();
    let last_failure_at = entry.number("badPasswordTime").map_or(Timestamp::from_micros(0), instant);
    let who = Identified {
        object_id: ObjectId::from_bytes(entry.bytes("objectGUID")?)?,
        user_name: format!("{account_name}@{domain}"),
        account_name,
        principal_name: entry.text("userPrincipalName").map(str::to_owned),
        dn: entry.dn.clone(),
    };
    let counted = Counted { failures: entry.number("badPwdCount").unwrap_or(0), last_failure_at };
    let is_locked = entry.number(COMPUTED).unwrap_or(0) & IS_LOCKED != 0;
    Some(Account { who, counted, is_locked, policy })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Name<'_>> {
        Name::read(text, "corp.example.com", "CORP")
    }

    #[test]
    fn the_three_spellings_of_a_name_mean_the_same_account() {
        assert_eq!(read("alice"), Some(Name::Account("alice")));
        assert_eq!(read(" corp\\alice "), Some(Name::Account("alice")));
        assert_eq!(read("corp.example.com\\alice"), Some(Name::Account("alice")));
        assert_eq!(read("alice@CORP.example.com"), Some(Name::Principal("alice@CORP.example.com", Some("alice"))));
        assert_eq!(read("carol@example.org"), Some(Name::Principal("carol@example.org", None)));
        for other in ["", " ", "OTHER\\alice", "CORP\\", "@corp.example.com", "a\nb", &"a".repeat(1_025)] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn each_refusal_of_the_directory_has_its_own_outcome() {
        let who = || Identified {
            object_id: ObjectId::from_bytes(&[7; 16]).expect("16 bytes"),
            user_name: "a@b".to_owned(),
            account_name: "a".to_owned(),
            principal_name: None,
            dn: "CN=a".to_owned(),
        };
        let refused = |data: &str| {
            let message =
                format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1");
            interpret(&Outcome { code: 49, message }, who())
        };
        assert_eq!(refused("52e"), Authentication::WrongPassword(who()));
        assert_eq!(refused("525"), Authentication::Unknown);
        assert_eq!(refused("530"), Authentication::WrongHours(who()));
        assert_eq!(refused("531"), Authentication::WrongWorkstation(who()));
        assert_eq!(refused("532"), Authentication::PasswordExpired(who()));
        assert_eq!(refused("533"), Authentication::Disabled(who()));
        assert_eq!(refused("701"), Authentication::Expired(who()));
        assert_eq!(refused("773"), Authentication::MustChange(who()));
        assert_eq!(refused("775"), Authentication::Locked(who()));
        let other = Outcome { code: 49, message: "Invalid credentials".to_owned() };
        assert_eq!(interpret(&other, who()), Authentication::WrongPassword(who()));
        assert!(answered(Outcome { code: 52, message: String::new() }).is_err());
    }
}

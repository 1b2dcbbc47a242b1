//! Links in mails: the invitation to choose a first password, the way back for whoever has forgotten theirs, the proof
//! that mail to an address arrives.
//!
//! Here: what links are, how they are sent and found. `request` takes the wish for one from whoever has forgotten a
//! password, `redeem` does what a link is for, `text` writes the mails. A link is a secret of 256 bits, stored as its
//! SHA-256, good for one user, one purpose, one time, and only while the user has the address to which it went.

mod redeem;
mod request;
mod text;

pub use redeem::{Outcome, set_password, verify_email};
pub use request::{Requested, request_reset};

use crate::instance::{self, Instance};
use crate::{clean_up, opaque};
use base::{IdentityUserId, InstanceId, Timestamp};
use identity::password;
use identity::store::Source;
use identity::user::{self, Status, User};
use kernel::job::JobHandler;
use kernel::store::Row;
use kernel::{App, Result, Tx, WriteCx, mail, params};

/// Random bytes of a link's token.
const TOKEN_BYTES: usize = 32;
/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 128;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To choose the first password.
    Invitation,
    /// To choose another password.
    PasswordReset,
    /// To show that mail to the address arrives.
    EmailVerification,
}

impl Purpose {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "INVITATION",
            Self::PasswordReset => "PASSWORD_RESET",
            Self::EmailVerification => "EMAIL_VERIFICATION",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Invitation, Self::PasswordReset, Self::EmailVerification]
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
    }

    /// How long such a link is good. AWS documents seven days for invitations.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Invitation => 7 * 86_400,
            Self::PasswordReset => 3_600,
            Self::EmailVerification => 86_400,
        }
    }

    /// The page that it opens.
    pub fn path(self) -> &'static str {
        match self {
            Self::Invitation => "/signin/invitation",
            Self::PasswordReset => "/signin/reset",
            Self::EmailVerification => "/signin/verify-email",
        }
    }
}

/// A mail with a link, on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The address to which it goes.
    pub recipient: String,
    /// Until when the link is good.
    pub expires_at: Timestamp,
}

/// Why no link can be sent to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsendable {
    /// The user may not sign in.
    Disabled,
    /// The user has no address.
    NoAddress,
    /// The user has a password, so there is nothing to be invited to.
    HasPassword,
}

/// A link that is still good.
#[derive(Clone)]
pub struct Link {
    /// The instance whose user it is for.
    pub instance: Instance,
    /// The user.
    pub user: User,
    /// The address to which it went, in lower case.
    pub address: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

struct Stored {
    instance: InstanceId,
    user: IdentityUserId,
    purpose: Purpose,
    address: String,
    expires_at: Timestamp,
}

fn stored(row: &Row<'_>) -> Result<Stored> {
    Ok(Stored {
        instance: row.get(0)?,
        user: row.get(1)?,
        purpose: row.parse(2, Purpose::parse)?,
        address: row.get(3)?,
        expires_at: row.get(4)?,
    })
}

/// The jobs of this module.
pub(crate) fn jobs() -> Vec<JobHandler> {
    request::jobs()
}

/// Whether `instance` is in use and knows the passwords of its people itself.
///
/// # Errors
/// When the database fails.
pub fn has_passwords(tx: &mut Tx, instance: &Instance) -> Result<bool> {
    let store = identity::store::get(tx, &instance.store)?;
    Ok(instance.is_active() && store.is_some_and(|store| store.source == Source::IdentityCenter))
}

/// Writes a mail with a new link to a user of the instance, which must know its people itself. Earlier links stay good.
///
/// # Errors
/// When the database fails.
pub(crate) fn send(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    user: &User,
    purpose: Purpose,
) -> Result<Result<Sent, Unsendable>> {
    if user.status == Status::Disabled {
        return Ok(Err(Unsendable::Disabled));
    }
    let Some(recipient) = user.email() else { return Ok(Err(Unsendable::NoAddress)) };
    if purpose == Purpose::Invitation && password::has_password(cx.tx, &user.id)? {
        return Ok(Err(Unsendable::HasPassword));
    }
    let token = opaque::new("", TOKEN_BYTES, &mut cx.random);
    let expires_at = cx.now.plus_seconds(purpose.seconds());
    cx.write().exec_one(
        "insert into sso_mail_link (token_hash, instance_id, user_id, purpose, email_key, expires_at) \
         values ($1, $2, $3, $4, $5, $6)",
        params![
            opaque::hash(token.expose()),
            instance.id,
            user.id,
            purpose.as_str(),
            recipient.to_lowercase(),
            expires_at
        ],
    )?;
    clean_up::schedule(cx)?;
    let base_url = text::base_url(cx.app);
    let link = format!("{base_url}{}?token={}", purpose.path(), token.expose());
    let portal = instance::address(cx, instance, "/start")?;
    let letter = text::with_link(purpose, user, &link, &portal);
    mail::enqueue(cx, &instance.owner, recipient, letter.subject, &letter.body)?;
    Ok(Ok(Sent { recipient: recipient.to_owned(), expires_at }))
}

/// The link with that token, if it is good for `purpose`. Looking does not use it up: programs that look for harm in mail
/// open every link.
///
/// # Errors
/// When the database fails.
pub fn find(app: &App, token: &str, purpose: Purpose) -> Result<Option<Link>> {
    if token.len() > TOKEN_BYTES_MAX {
        return Ok(None);
    }
    let (hash, now) = (opaque::hash(token), app.now());
    app.store.read(|tx| live(tx, &hash, purpose, now))
}

fn live(tx: &mut Tx, hash: &[u8], purpose: Purpose, now: Timestamp) -> Result<Option<Link>> {
    let sql = "select instance_id, user_id, purpose, email_key, expires_at from sso_mail_link where token_hash = $1";
    let found = tx.opt(sql, params![hash], stored)?;
    let Some(found) = found.filter(|link| link.purpose == purpose && now < link.expires_at) else { return Ok(None) };
    let Some(instance) = instance::get(tx, &found.instance)? else { return Ok(None) };
    if !has_passwords(tx, &instance)? {
        return Ok(None);
    }
    let user = user::get(tx, &instance.store, &found.user)?.filter(|user| {
        let address = user.email().map(str::to_lowercase);
        user.status == Status::Enabled && address.as_ref() == Some(&found.address)
    });
    Ok(user.map(|user| Link { instance, user, address: found.address, expires_at: found.expires_at }))
}

/// Makes every link that was sent to the user good for nothing.
///
/// # Errors
/// When the database fails.
pub(crate) fn forget_all_of_user(cx: &mut WriteCx<'_>, user: &IdentityUserId) -> Result<()> {
    cx.write().exec("delete from sso_mail_link where user_id = $1", params![user])?;
    Ok(())
}

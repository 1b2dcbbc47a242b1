//! Sessions of the console: temporary credentials of a principal, sealed together with how they were come by.
//!
//! Nothing is stored when a session begins: what the browser keeps is all there is, as with the credentials of STS. Whoever
//! opens a session must still find out whether the principal is alive, as for every signed call.

use aws_lc_rs::constant_time;
use base::{AccessKeyId, AccountId, Random, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use iam::account::root_password;
use iam::login_profile;
use iam::principal::PolicyHolder;
use iam::sts::session_token::{self, IssuedCredentials};
use kernel::caller::Session;
use kernel::seal::{Purpose, Seal};
use kernel::{Error, Principal, PrincipalCaller, Result, Tx};
use serde_json::{Value, json};

/// Longest session of the console, in seconds.
pub const SECONDS_MAX: i64 = 43_200;
/// Longest sealed session, in characters: with its name it must fit into a cookie (RFC 6265 §6.1).
pub const CHARACTERS_MAX: usize = 4_000;
/// Longest name that somebody gives a switched role, in characters.
const SHOWN_NAME_CHARACTERS_MAX: usize = 64;

/// How somebody came into the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// From the portal of IAM Identity Center.
    IdentityCenter,
    /// With an assertion of a SAML provider.
    Saml,
    /// With temporary credentials, through the federation endpoint.
    Federation,
    /// With the password of an IAM user.
    User,
    /// With the password of a root user.
    Root,
    /// By switching to a role.
    SwitchedRole,
}

const WAYS: [(Via, &str); 6] = [
    (Via::IdentityCenter, "identity-center"),
    (Via::Saml, "saml"),
    (Via::Federation, "federation"),
    (Via::User, "user"),
    (Via::Root, "root"),
    (Via::SwitchedRole, "switched-role"),
];

/// Where a sealed session is good; one that was sealed for one place opens in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// What the browser is now.
    Current,
    /// What it goes back to from a switched role.
    Base,
    /// A sign-in token of the federation endpoint.
    SigninToken,
    /// A tool that was let in.
    Login,
}

impl Place {
    fn about(self) -> &'static str {
        match self {
            Self::Current => "console",
            Self::Base => "console base",
            Self::SigninToken => "sign-in token",
            Self::Login => "login",
        }
    }
}

/// The name and colour under which somebody wants to see a switched role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Name; empty: none was given.
    pub name: String,
    /// Colour, six hexadecimal digits; empty: none was given.
    pub color: String,
}

impl Shown {
    /// Takes of name and colour what can be shown.
    pub fn of(name: &str, color: &str) -> Self {
        let color = color.trim_start_matches('#');
        let is_color = color.len() == 6 && color.bytes().all(|byte| byte.is_ascii_hexdigit());
        Self {
            name: name.trim().chars().filter(|c| !c.is_control()).take(SHOWN_NAME_CHARACTERS_MAX).collect(),
            color: if is_color { color.to_ascii_lowercase() } else { String::new() },
        }
    }
}

/// A session of the console.
#[derive(Debug, Clone)]
pub struct ConsoleSession {
    /// Whose it is.
    pub caller: PrincipalCaller,
    /// How it began.
    pub via: Via,
    /// How a switched role is shown.
    pub shown: Shown,
    /// What the password was with which it began; it ends when there is another one.
    password: Option<String>,
    access_key_id: AccessKeyId,
    /// The session token of STS.
    token: String,
}

impl ConsoleSession {
    /// A session with credentials that STS gave out; `None` when it did not.
    pub fn of_credentials(seal: &Seal, credentials: &model::sts::Credentials, via: Via) -> Option<Self> {
        let id = AccessKeyId::parse(&credentials.access_key_id)?;
        Self::of_token(seal, id, credentials.session_token.clone(), via)
    }

    /// A session of the principal behind a session token, without a look at its end.
    pub(crate) fn of_token(seal: &Seal, id: AccessKeyId, token: String, via: Via) -> Option<Self> {
        let (caller, _) = session_token::open(seal, &id, &token)?;
        caller.session.as_ref()?;
        Some(Self { caller, via, shown: Shown::default(), password: None, access_key_id: id, token })
    }

    /// A new session of somebody who gave a password that is stored as `hash`.
    ///
    /// # Errors
    /// None in practice.
    pub(crate) fn of_password(
        seal: &Seal,
        account: &AccountId,
        principal: &Principal,
        hash: &str,
        (now, mfa_at): (Timestamp, Option<Timestamp>),
        random: &mut Random,
    ) -> Result<Self> {
        let session = Session {
            issued_at: now,
            expires_at: now.truncated_to_seconds().plus_seconds(SECONDS_MAX),
            mfa_at,
            ..Session::default()
        };
        let issued = session_token::issue(seal, account, principal, &session, random)?;
        let via = if *principal == Principal::Root { Via::Root } else { Via::User };
        let made = Self::of_token(seal, issued.access_key_id, issued.token, via);
        let made = made.ok_or_else(|| Error::internal("a token that was just made"))?;
        Ok(Self { password: Some(fingerprint(hash)), ..made })
    }

    /// The same session with another end. It remains as old as it is: whoever revokes older sessions revokes it, too.
    ///
    /// # Errors
    /// None in practice.
    pub fn until(self, expires_at: Timestamp, seal: &Seal, random: &mut Random) -> Result<Self> {
        let issued = self.credentials_until(expires_at, seal, random)?;
        let made = Self::of_token(seal, issued.access_key_id, issued.token, self.via);
        let made = made.ok_or_else(|| Error::internal("a token that was just made"))?;
        Ok(Self { shown: self.shown, password: self.password, ..made })
    }

    /// Further credentials of the session's principal, which carry all that its own do.
    ///
    /// # Errors
    /// None in practice.
    pub fn credentials_until(
        &self,
        expires_at: Timestamp,
        seal: &Seal,
        random: &mut Random,
    ) -> Result<IssuedCredentials> {
        let own = self.caller.session.as_deref().cloned().unwrap_or_default();
        let session = Session { expires_at: expires_at.truncated_to_seconds(), ..own };
        session_token::issue(seal, &self.caller.account, &self.caller.principal, &session, random)
    }

    /// When it ends at the latest.
    pub fn expires_at(&self) -> Timestamp {
        self.caller.session.as_ref().map_or(Timestamp::from_seconds(0), |session| session.expires_at)
    }

    /// Whether it has run out.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }

    /// Whether the password with which it began, if it was one, is still the present one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_password_unchanged(&self, tx: &mut Tx) -> Result<bool> {
        let Some(known) = &self.password else { return Ok(true) };
        let hash = match &self.caller.principal {
            Principal::User(user) => login_profile::find(tx, &user.id)?.map(|stored| stored.hash),
            Principal::Root => root_password::find(tx, &self.caller.account)?,
            Principal::Role(_) | Principal::FederatedUser { .. } => None,
        };
        Ok(hash.is_some_and(|hash| is_fingerprint(known, &hash)))
    }

    /// Whether everything that it rests on is still there: the principal in an account that is in use, the password,
    /// the sign-in at IAM Identity Center.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_alive(&self, tx: &mut Tx) -> Result<bool> {
        if iam::principal::load(tx, &PolicyHolder::of(&self.caller))?.is_none() || !self.is_password_unchanged(tx)? {
            return Ok(false);
        }
        match self.caller.session.as_ref().and_then(|session| session.sign_in.as_ref()) {
            Some(sign_in) => sso::portal::is_good(tx, sign_in),
            None => Ok(true),
        }
    }

    /// The session as a browser keeps it.
    ///
    /// # Errors
    /// [`Error::Validation`] when it carries more than a cookie holds: session policies and tags.
    pub fn seal(&self, place: Place, seal: &Seal, random: &mut Random) -> Result<String> {
        let text = URL_SAFE_NO_PAD.encode(self.seal_bytes(place, seal, random)?);
        if text.len() > CHARACTERS_MAX {
            let text =
                "The session policies and session tags of these credentials are too large for a session in a browser.";
            return Err(Error::Validation(text.to_owned()));
        }
        Ok(text)
    }

    /// The session in `text`; `None` when it was not sealed here for that place, or has ended.
    pub fn open(place: Place, seal: &Seal, text: &str, now: Timestamp) -> Option<Self> {
        if text.len() > CHARACTERS_MAX {
            return None;
        }
        Self::open_bytes(place, seal, &URL_SAFE_NO_PAD.decode(text).ok()?).filter(|session| !session.has_ended(now))
    }

    /// As [`ConsoleSession::seal`], for rows.
    pub(crate) fn seal_bytes(&self, place: Place, seal: &Seal, random: &mut Random) -> Result<Vec<u8>> {
        let via = WAYS.iter().find(|(via, _)| *via == self.via).map_or("", |(_, name)| name);
        let head = json!([self.access_key_id.as_str(), via, self.password, self.shown.name, self.shown.color]);
        // JSON has no line break of its own: one ends it.
        let mut plain = format!("{head}\n").into_bytes();
        plain.extend(STANDARD.decode(&self.token).map_err(|_| Error::internal("a session token is base64"))?);
        seal.seal(Purpose::SignIn, place.about(), &plain, random)
    }

    /// As [`ConsoleSession::open`], for rows; an end is not looked at.
    pub(crate) fn open_bytes(place: Place, seal: &Seal, sealed: &[u8]) -> Option<Self> {
        let plain = seal.open(Purpose::SignIn, place.about(), sealed)?;
        let end = plain.iter().position(|byte| *byte == b'\n')?;
        let (head, token) = (&plain[..end], &plain[end + 1..]);
        let head: Value = serde_json::from_slice(head).ok()?;
        let text = |index: usize| head.get(index).and_then(Value::as_str);
        let via = WAYS.iter().find(|(_, name)| Some(*name) == text(1)).map(|(via, _)| *via)?;
        let opened = Self::of_token(seal, AccessKeyId::parse(text(0)?)?, STANDARD.encode(token), via)?;
        let shown = Shown { name: text(3)?.to_owned(), color: text(4)?.to_owned() };
        Some(Self { password: text(2).map(str::to_owned), shown, ..opened })
    }
}

/// What tells a stored password apart from the next one, and nothing else about it.
pub(crate) fn fingerprint(hash: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("sign-in\n{hash}").as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
}

/// Whether `known` is the fingerprint of `hash`.
pub(crate) fn is_fingerprint(known: &str, hash: &str) -> bool {
    constant_time::verify_slices_are_equal(known.as_bytes(), fingerprint(hash).as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::UserId;
    use kernel::caller::UserIdentity;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_219_200);

    fn account() -> AccountId {
        AccountId::parse("111122223333").expect("valid")
    }

    fn seal(seed: u64) -> Seal {
        Seal::from_text(&Seal::generate(&mut Random::from_seed(seed))).expect("a key")
    }

    fn session(seal: &Seal, random: &mut Random) -> ConsoleSession {
        let id = UserId::random(&account(), random);
        let user = UserIdentity { id, name: "ann".to_owned(), path: "/".to_owned() };
        ConsoleSession::of_password(seal, &account(), &Principal::User(user), "$hash", (NOW, Some(NOW)), random)
            .expect("a session")
    }

    #[test]
    fn a_sealed_session_opens_where_and_while_it_is_good() {
        let (seal, random) = (seal(1), &mut Random::from_seed(2));
        let made = ConsoleSession { shown: Shown::of("Prod \n", "#AAbb00"), ..session(&seal, random) };
        let text = made.seal(Place::Current, &seal, random).expect("fits");
        assert!(text.len() < 1_000, "{}", text.len());
        let opened = ConsoleSession::open(Place::Current, &seal, &text, NOW).expect("opens");
        assert_eq!(opened.caller.arn(), "arn:aws:iam::111122223333:user/ann");
        assert_eq!((opened.via, &opened.password), (Via::User, &made.password));
        assert_eq!(opened.shown, Shown { name: "Prod".to_owned(), color: "aabb00".to_owned() });
        assert_eq!(opened.expires_at(), NOW.plus_seconds(SECONDS_MAX));
        for place in [Place::Base, Place::SigninToken, Place::Login] {
            assert!(ConsoleSession::open(place, &seal, &text, NOW).is_none());
        }
        assert!(ConsoleSession::open(Place::Current, &seal, &text, NOW.plus_seconds(SECONDS_MAX)).is_none());
        assert!(ConsoleSession::open(Place::Current, &super::tests::seal(9), &text, NOW).is_none());
        for altered in ["", "x", &text[1..], &format!("{text}A"), &"A".repeat(CHARACTERS_MAX + 1)] {
            assert!(ConsoleSession::open(Place::Current, &seal, altered, NOW).is_none());
        }
    }

    #[test]
    fn another_end_leaves_a_session_as_old_as_it_is() {
        let (seal, random) = (seal(1), &mut Random::from_seed(3));
        let made = session(&seal, random);
        let issued_at = |session: &ConsoleSession| session.caller.session.as_ref().expect("one").issued_at;
        let shorter = made.clone().until(NOW.plus_seconds(900), &seal, random).expect("made");
        assert_eq!((issued_at(&shorter), shorter.expires_at()), (issued_at(&made), NOW.plus_seconds(900)));
        assert_eq!(shorter.password, made.password);
        assert_ne!(shorter.caller.access_key_id, made.caller.access_key_id);
    }

    #[test]
    fn colours_are_colours_and_names_are_short() {
        assert_eq!(Shown::of("", "red;background:url(x)"), Shown::default());
        assert_eq!(Shown::of(&"x".repeat(100), "").name.len(), SHOWN_NAME_CHARACTERS_MAX);
        assert!(is_fingerprint(&fingerprint("a"), "a") && !is_fingerprint(&fingerprint("a"), "b"));
    }
}

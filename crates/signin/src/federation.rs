//! The federation endpoint: temporary credentials, exchanged for a token with which a browser opens the console.

use crate::session::{ConsoleSession, Place, Via};
use aws_lc_rs::constant_time;
use base::{AccessKeyId, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iam::sts::session_token;
use kernel::{App, Principal, Result};
use serde_json::Value;

/// How long a sign-in token is good, in seconds.
pub const TOKEN_SECONDS: i64 = 900;
/// `SessionDuration`, in seconds.
pub const DURATION_SECONDS: std::ops::RangeInclusive<i64> = 900..=43_200;
/// The longest `SessionDuration` of credentials that come from other temporary credentials.
const CHAINED_SECONDS_MAX: i64 = 3_600;
/// Longest `Session`, in bytes.
const SESSION_BYTES_MAX: usize = 32 << 10;
/// Bytes of the instant before a sealed session.
const INSTANT_BYTES: usize = 8;

/// Why no token is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// `Session` is no JSON object with the three members.
    Malformed,
    /// Not temporary credentials, or none that were given out here, or with another secret.
    NotValid,
    /// They have run out, or whatever they rest on has ended.
    Expired,
    /// Sessions of GetSessionToken are for their user's own use.
    NotForConsoles,
    /// `SessionDuration` is no number of seconds that is allowed.
    Duration,
    /// `SessionDuration` with credentials of GetFederationToken.
    DurationOfFederatedUser,
    /// `SessionDuration` over an hour with credentials that come from other temporary credentials.
    DurationOfChain,
    /// The session carries more than a cookie holds.
    TooLarge,
}

impl Problem {
    /// What it says to whoever asked.
    pub fn message(self) -> &'static str {
        match self {
            Self::Malformed => "Session must be a JSON object with sessionId, sessionKey and sessionToken.",
            Self::NotValid => {
                "The credentials are not valid. Only temporary credentials can be used: from AssumeRole, \
                 AssumeRoleWithSAML, AssumeRoleWithWebIdentity or GetFederationToken."
            }
            Self::Expired => "The credentials have expired.",
            Self::NotForConsoles => "Credentials from GetSessionToken cannot be used to sign in to the console.",
            Self::Duration => "SessionDuration must be a number of seconds from 900 to 43200.",
            Self::DurationOfFederatedUser => {
                "SessionDuration cannot be used with credentials from GetFederationToken: their own duration counts."
            }
            Self::DurationOfChain => {
                "SessionDuration exceeds the 1 hour session limit for roles assumed by role chaining."
            }
            Self::TooLarge => "The session policies and session tags of the credentials are too large.",
        }
    }
}

/// The session that the credentials in `session` (JSON with `sessionId`, `sessionKey`, `sessionToken`) open. Whether its
/// principal is alive is still to be found out.
///
/// # Errors
/// A [`Problem`].
pub fn check(app: &App, session: &str, duration: Option<&str>) -> std::result::Result<ConsoleSession, Problem> {
    let duration = duration.map(|text| text.parse().ok().filter(|seconds| DURATION_SECONDS.contains(seconds)));
    if duration == Some(None) {
        return Err(Problem::Duration);
    }
    let duration: Option<i64> = duration.flatten();
    let opened = of_json(app, session)?;
    let now = app.now();
    let Some(own) = opened.caller.session.as_ref().filter(|own| own.expires_at > now) else {
        return Err(Problem::Expired);
    };
    match (&opened.caller.principal, duration) {
        (Principal::Root | Principal::User(_), _) => Err(Problem::NotForConsoles),
        (Principal::FederatedUser { .. }, Some(_)) => Err(Problem::DurationOfFederatedUser),
        (Principal::Role(_), Some(seconds)) if own.is_chained && seconds > CHAINED_SECONDS_MAX => {
            Err(Problem::DurationOfChain)
        }
        (_, Some(seconds)) => {
            let until = now.plus_seconds(seconds);
            app.with_random(|random| opened.until(until, &app.seal, random)).map_err(|_| Problem::TooLarge)
        }
        (_, None) => Ok(opened),
    }
}

fn of_json(app: &App, session: &str) -> std::result::Result<ConsoleSession, Problem> {
    if session.len() > SESSION_BYTES_MAX {
        return Err(Problem::Malformed);
    }
    let json: Value = serde_json::from_str(session).map_err(|_| Problem::Malformed)?;
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let Some(((id, key), token)) = text("sessionId").zip(text("sessionKey")).zip(text("sessionToken")) else {
        return Err(Problem::Malformed);
    };
    let id = AccessKeyId::parse(id).filter(AccessKeyId::is_session).ok_or(Problem::NotValid)?;
    let (_, secret) = session_token::open(&app.seal, &id, token).ok_or(Problem::NotValid)?;
    constant_time::verify_slices_are_equal(key.as_bytes(), secret.expose().as_bytes())
        .map_err(|_| Problem::NotValid)?;
    ConsoleSession::of_token(&app.seal, id, token.to_owned(), Via::Federation).ok_or(Problem::NotValid)
}

/// A sign-in token for `session`, good for a quarter of an hour.
///
/// # Errors
/// None in practice.
pub fn token(app: &App, session: &ConsoleSession) -> Result<String> {
    let until = app.now().plus_seconds(TOKEN_SECONDS);
    app.with_random(|random| {
        let sealed = session.seal_bytes(Place::SigninToken, &app.seal, random)?;
        let plain = [until.micros().to_be_bytes().as_slice(), &sealed].concat();
        let token = app.seal.seal(kernel::seal::Purpose::SignIn, "sign-in token until", &plain, random)?;
        Ok(URL_SAFE_NO_PAD.encode(token))
    })
}

/// The session for which `token` was given out; `None` when it was not given out here or is too old.
pub fn redeem(app: &App, token: &str) -> Option<ConsoleSession> {
    if token.len() > 2 * SESSION_BYTES_MAX {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
    let plain = app.seal.open(kernel::seal::Purpose::SignIn, "sign-in token until", &sealed)?;
    let (until, sealed) = plain.split_at_checked(INSTANT_BYTES)?;
    let until = Timestamp::from_micros(i64::from_be_bytes(until.try_into().ok()?));
    let now = app.now();
    let session = ConsoleSession::open_bytes(Place::SigninToken, &app.seal, sealed)?;
    (now < until && !session.has_ended(now)).then_some(session)
}

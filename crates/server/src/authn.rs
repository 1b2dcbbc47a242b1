//! Who signed a request.

use crate::gate::Gate;
use crate::last_used::LastUsed;
use base::{AccessKeyId, Secret, Timestamp};
use iam::credential::LongTermCredential;
use kernel::caller::PrincipalCaller;
use kernel::scope::{Scope, ScopedCache};
use kernel::{App, Caller, Error, RequestInfo};
use smithy::common::CommonError;
use smithy::schema::Service;
use smithy::sigv4::{self, ParsedSignature, SigningKeys};
use smithy::wire::WireRequest;
use std::sync::Arc;

/// Long-term credentials that are kept.
const CREDENTIALS_MAX: usize = 20_000;
/// Opened session tokens that are kept.
const SESSIONS_MAX: usize = 20_000;
/// Derived signing keys that are kept.
const SIGNING_KEYS_MAX: usize = 20_000;

/// Verifies signatures.
pub struct Authenticator {
    credentials: ScopedCache<AccessKeyId, LongTermCredential>,
    sessions: ScopedCache<String, (PrincipalCaller, Secret)>,
    keys: SigningKeys,
}

/// Why a request was not let in.
pub enum Refusal {
    /// The caller's fault.
    Unauthenticated(CommonError),
    /// Ours.
    Failed(Error),
}

impl From<CommonError> for Refusal {
    fn from(error: CommonError) -> Self {
        Self::Unauthenticated(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Default for Authenticator {
    fn default() -> Self {
        Self {
            credentials: ScopedCache::new(CREDENTIALS_MAX),
            sessions: ScopedCache::new(SESSIONS_MAX),
            keys: SigningKeys::new(SIGNING_KEYS_MAX),
        }
    }
}

impl Authenticator {
    /// Verifies the signature of `request` and says who made it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn authenticate(
        &self,
        app: &Arc<App>,
        gate: &Gate,
        parsed: &ParsedSignature<'_>,
        request: &WireRequest<'_>,
        info: &Arc<RequestInfo>,
        service: &'static Service,
    ) -> Result<Caller, Refusal> {
        let now = app.now();
        let id = AccessKeyId::parse(parsed.access_key_id()).ok_or(CommonError::InvalidClientTokenId)?;
        let verify =
            |secret: &Secret| sigv4::verify(parsed, request, secret.expose(), &self.keys, now, &[service.signing_name]);
        let caller = match (parsed.session_token.as_deref(), id.is_session()) {
            (Some(token), true) => {
                let session = self.session(app, &id, token).ok_or(CommonError::InvalidClientTokenId)?;
                verify(&session.1)?;
                refuse_expired(&session.0, now)?;
                session.0.clone()
            }
            (None, false) => {
                let credential = self.credential(app, info, &id)?.ok_or(CommonError::InvalidClientTokenId)?;
                verify(&credential.secret)?;
                credential.caller.clone()
            }
            _ => return Err(CommonError::InvalidClientTokenId.into()),
        };
        if !is_alive(app, gate, &caller, info)? {
            return Err(CommonError::InvalidClientTokenId.into());
        }
        if let Some(last_used) = app.extension::<LastUsed>() {
            last_used.note(&caller, service.id, parsed.region(), now);
        }
        Ok(Caller::Principal(caller))
    }

    /// Opening a token costs a decryption, so what it held is kept. A token never changes what it holds; who it speaks
    /// for is checked at each call.
    fn session(&self, app: &App, id: &AccessKeyId, token: &str) -> Option<Arc<(PrincipalCaller, Secret)>> {
        if let Some(found) = self.sessions.get(&app.scopes, token) {
            return (found.0.access_key_id.as_ref() == Some(id)).then_some(found);
        }
        let opened = Arc::new(iam::sts::session_token::open(&app.seal, id, token)?);
        self.sessions.put(token.to_owned(), Arc::clone(&opened), app.scopes.depend(&[]));
        Some(opened)
    }

    fn credential(
        &self,
        app: &Arc<App>,
        info: &Arc<RequestInfo>,
        id: &AccessKeyId,
    ) -> Result<Option<Arc<LongTermCredential>>, Error> {
        if let Some(found) = self.credentials.get(&app.scopes, id) {
            return Ok(Some(found));
        }
        app.read_as(&Caller::Anonymous, info, |cx| {
            let Some(found) = iam::credential::load(cx.tx, &app.seal, id)? else { return Ok(None) };
            let found = Arc::new(found);
            let dependencies = app.scopes.depend(&[Scope::account(&found.caller.account)]);
            if cx.is_cacheable() {
                self.credentials.put(id.clone(), Arc::clone(&found), dependencies);
            }
            Ok(Some(found))
        })
    }
}

/// Whether the principal behind `caller` still exists in an account that is in use, and whether what its session rests
/// on is still so: credentials are void otherwise, whoever brings them.
///
/// # Errors
/// When the database fails.
pub fn is_alive(app: &Arc<App>, gate: &Gate, caller: &PrincipalCaller, info: &Arc<RequestInfo>) -> Result<bool, Error> {
    match gate.is_known_alive(&app.scopes, caller) {
        Some(is_alive) => Ok(is_alive),
        None => app.read_as(&Caller::Principal(caller.clone()), info, |cx| gate.is_alive(cx, caller)),
    }
}

fn refuse_expired(caller: &PrincipalCaller, now: Timestamp) -> Result<(), CommonError> {
    match &caller.session {
        Some(session) if session.expires_at <= now => Err(CommonError::ExpiredToken),
        _ => Ok(()),
    }
}

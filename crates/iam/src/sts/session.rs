//! What every session obeys: its tags, its policies, its length and what it may call. And `GetSessionToken`.

use super::session_token::{self, IssuedCredentials, TOKEN_CHARACTERS_MAX};
use crate::document::{self, DocumentKind};
use crate::managed_policy;
use crate::mfa::{self, Holder};
use base::{AccountId, Timestamp};
use kernel::caller::Session;
use kernel::{Access, Caller, Cx, Error, Permission, Principal, PrincipalCaller, Result, Tx, WriteCx};
use model::sts::{
    GetSessionTokenRequest, GetSessionTokenResponse, PackedPolicyTooLargeException, PolicyDescriptorType, Tag,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Session tags that one call may pass.
const TAGS_MAX: usize = 50;
/// Managed session policies that one call may pass.
const POLICY_ARNS_MAX: usize = 10;
/// Characters that session policies may have: the inline one and the ARNs of the others together.
const POLICY_CHARACTERS_MAX: usize = 2_048;
/// Space of session policies and session tags together, of which `PackedPolicySize` is the percentage.
const PACKED_BYTES_MAX: usize = 8_192;
/// Seconds of a session whose caller did not say (GetSessionToken, GetFederationToken).
const DEFAULT_SECONDS: i64 = 43_200;
/// Longest session of a root user, in seconds.
const ROOT_SECONDS_MAX: i64 = 3_600;

/// Tags of a session that is being opened.
#[derive(Debug, Default)]
pub(super) struct SessionTags {
    /// What the call passes.
    pub own: BTreeMap<String, String>,
    /// Which of those the next roles of the chain inherit.
    pub own_transitive: Vec<String>,
    /// What comes from the session that calls, and is passed on.
    pub inherited: BTreeMap<String, String>,
}

impl SessionTags {
    /// Puts the tags of a call and those of the session that calls together.
    ///
    /// # Errors
    /// [`Error::Validation`] for keys that differ only by case, are reserved, clash with inherited ones, or are said to
    /// be transitive and are no tags.
    pub fn new(tags: &[Tag], transitive: &[String], caller: Option<&Session>) -> Result<Self> {
        let is_same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
        if tags.len() > TAGS_MAX || transitive.len() > TAGS_MAX {
            return Err(Error::Validation(format!("A session can have at most {TAGS_MAX} session tags.")));
        }
        let mut own = BTreeMap::new();
        for tag in tags {
            if tag.key.to_lowercase().starts_with("aws:") {
                return Err(Error::Validation("Tag keys that begin with aws: are reserved.".to_owned()));
            }
            if own.keys().any(|key: &String| is_same(key, &tag.key)) {
                let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
                return Err(Error::Validation(text.to_owned()));
            }
            own.insert(tag.key.clone(), tag.value.clone());
        }
        let mut own_transitive = Vec::new();
        for key in transitive {
            let Some(key) = own.keys().find(|own| is_same(own, key)) else {
                let text = "The specified transitive tag key must be included in the requested tags.";
                return Err(Error::Validation(text.to_owned()));
            };
            if !own_transitive.contains(key) {
                own_transitive.push(key.clone());
            }
        }
        let inherited: BTreeMap<String, String> = caller
            .into_iter()
            .flat_map(|session| session.transitive_tag_keys.iter().map(move |key| (key, session.tags.get(key))))
            .filter_map(|(key, value)| value.map(|value| (key.clone(), value.clone())))
            .collect();
        if own.keys().any(|key| inherited.keys().any(|inherited| is_same(key, inherited))) {
            let text = "One of the specified transitive tag keys can't be set because it conflicts with a transitive \
                        tag key from the calling session.";
            return Err(Error::Validation(text.to_owned()));
        }
        Ok(Self { own, own_transitive, inherited })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.inherited.is_empty()
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<String, String> {
        self.own.iter().chain(&self.inherited).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Keys of all that the next role inherits.
    pub fn transitive(&self) -> Vec<String> {
        self.own_transitive.iter().chain(self.inherited.keys()).cloned().collect()
    }

    fn bytes(&self) -> usize {
        self.own.iter().chain(&self.inherited).map(|(key, value)| key.len() + value.len()).sum()
    }
}

/// Policies that limit a session.
#[derive(Debug, Default)]
pub(super) struct SessionPolicies {
    /// The inline one.
    pub policy: Option<String>,
    /// ARNs of the managed ones.
    pub arns: Vec<String>,
}

impl SessionPolicies {
    /// The policies that a call passes for a session of `account`.
    ///
    /// # Errors
    /// `MalformedPolicyDocument`; [`Error::Validation`] for policies that do not exist there or are too many.
    pub fn load(
        tx: &mut Tx,
        account: &AccountId,
        policy: Option<&str>,
        arns: Option<&[PolicyDescriptorType]>,
    ) -> Result<Self> {
        let descriptors = arns.unwrap_or_default();
        if descriptors.len() > POLICY_ARNS_MAX {
            return Err(Error::Validation(
                "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: \
                 Member must have length less than or equal to 10"
                    .to_owned(),
            ));
        }
        let mut arns: Vec<String> = Vec::with_capacity(descriptors.len());
        for descriptor in descriptors {
            // A limit that cannot be read must not be passed over.
            let arn = descriptor.arn.as_ref().ok_or_else(|| {
                Error::Validation(
                    "1 validation error detected: Value null at 'policyArns.member.arn' failed to satisfy constraint: \
                     Member must not be null"
                        .to_owned(),
                )
            })?;
            if !managed_policy::find(tx, account, arn)?.is_some_and(|policy| policy.is_attachable()) {
                return Err(Error::Validation(format!("Policy {arn} does not exist or is not attachable.")));
            }
            if !arns.contains(arn) {
                arns.push(arn.clone());
            }
        }
        let policies = Self { policy: policy.map(str::to_owned), arns };
        let characters = policies.characters();
        if characters > POLICY_CHARACTERS_MAX {
            let percent = percent(characters, POLICY_CHARACTERS_MAX);
            let text = format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
            return Err(PackedPolicyTooLargeException::new(text).into());
        }
        if let Some(policy) = &policies.policy {
            document::check(DocumentKind::Session, policy)?;
        }
        Ok(policies)
    }

    fn characters(&self) -> usize {
        self.policy.iter().chain(&self.arns).map(|text| text.chars().count()).sum()
    }

    fn is_empty(&self) -> bool {
        self.policy.is_none() && self.arns.is_empty()
    }

    fn bytes(&self) -> usize {
        self.policy.iter().chain(&self.arns).map(String::len).sum()
    }
}

/// `PackedPolicySize`: how much of their space policies and tags take, in percent; `None` when there are none.
///
/// # Errors
/// `PackedPolicyTooLarge` when they take more.
pub(super) fn packed_size(policies: &SessionPolicies, tags: &SessionTags) -> Result<Option<i32>> {
    let percent = percent(policies.bytes() + tags.bytes(), PACKED_BYTES_MAX);
    if percent > 100 {
        let text = format!("Packed size of session tags consumes {percent}% of allotted space.");
        return Err(PackedPolicyTooLargeException::new(text).into());
    }
    let is_empty = policies.is_empty() && tags.is_empty();
    Ok((!is_empty).then(|| i32::try_from(percent).unwrap_or(100)))
}

fn percent(part: usize, whole: usize) -> usize {
    (part * 100).div_ceil(whole)
}

/// Credentials on their way into an answer, with `SessionTokenSize` and `SessionTokenUtilization`.
pub(super) struct Answer {
    pub credentials: model::sts::Credentials,
    pub token_size: i32,
    pub token_utilization: i32,
}

/// Issues the credentials of `session`.
///
/// # Errors
/// `PackedPolicyTooLarge` when a token cannot hold it.
pub(super) fn issue(
    cx: &mut Cx<'_>,
    account: &AccountId,
    principal: &Principal,
    session: &Session,
    minimum_token_size: Option<i32>,
) -> Result<Answer> {
    let minimum = minimum_token_size.and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
    let issued: IssuedCredentials =
        session_token::issue_padded(&cx.app.seal, account, principal, session, minimum, &mut cx.random)?;
    let size = issued.token.len();
    Ok(Answer {
        token_size: i32::try_from(size).unwrap_or(i32::MAX),
        token_utilization: i32::try_from(percent(size, TOKEN_CHARACTERS_MAX)).unwrap_or(100),
        credentials: issued.into(),
    })
}

/// Seconds of a session of GetSessionToken or GetFederationToken. A root user's is cut to an hour, not refused.
pub(super) fn user_session_seconds(principal: &Principal, wanted: Option<i32>) -> i64 {
    let wanted = wanted.map_or(DEFAULT_SECONDS, i64::from);
    if *principal == Principal::Root { wanted.min(ROOT_SECONDS_MAX) } else { wanted }
}

/// When a one-time code of a second factor was accepted for this call: now, or not at all when none was given.
///
/// # Errors
/// [`Error::Denied`] when the code or the device is not the caller's.
pub(super) fn second_factor(
    cx: &mut WriteCx<'_>,
    serial: Option<&str>,
    code: Option<&str>,
) -> Result<Option<Timestamp>> {
    match (serial, code) {
        (None, None) => Ok(None),
        (Some(serial), Some(code)) => {
            if is_code_of_caller(cx, serial, code)? {
                return Ok(Some(cx.now));
            }
            Err(Error::denied("MultiFactorAuthentication failed with invalid MFA one time pass code."))
        }
        _ => Err(Error::denied(
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
        )),
    }
}

/// Whether the code is the present one of a device of the caller; it is used up then. Sessions of roles and federated
/// users have no devices.
fn is_code_of_caller(cx: &mut WriteCx<'_>, serial: &str, code: &str) -> Result<bool> {
    let holder = match &cx.caller {
        Caller::Principal(caller) => match &caller.principal {
            Principal::User(user) => Holder::User(user.id.clone()),
            Principal::Root => Holder::Root(caller.account.clone()),
            Principal::Role(_) | Principal::FederatedUser { .. } => return Ok(false),
        },
        _ => return Ok(false),
    };
    let (app, now) = (Arc::clone(cx.app), cx.now);
    mfa::verify_code(&mut cx.write(), &app.seal, &holder, serial, code, now)
}

/// Refuses what `caller`'s kind of temporary credentials may not call, whatever policies say; for sessions of roles that
/// is only the making of sessions of users. `operation` may be any action of the service's policies.
///
/// # Errors
/// [`Error::Denied`].
pub fn may_call(caller: &PrincipalCaller, service: &str, operation: &str) -> Result<()> {
    let Some(session) = &caller.session else { return Ok(()) };
    if service == "sts" && matches!(operation, "GetSessionToken" | "GetFederationToken") {
        return Err(Error::denied(format!("Cannot call {operation} with session credentials")));
    }
    let is_allowed = match (&caller.principal, service) {
        (Principal::FederatedUser { .. }, "sts") => operation == "GetCallerIdentity",
        // No operation, but a permission that operations of other services ask for.
        (_, "iam") if operation == "PassRole" => true,
        (Principal::FederatedUser { .. }, "iam") => false,
        (Principal::User(_) | Principal::Root, "sts") if session.is_session_token => {
            matches!(operation, "AssumeRole" | "TagSession" | "SetSourceIdentity" | "GetCallerIdentity")
        }
        (Principal::User(_) | Principal::Root, "iam") if session.is_session_token => session.mfa_at.is_some(),
        _ => true,
    };
    if is_allowed {
        return Ok(());
    }
    Err(Error::denied(format!("User: {} is not authorized to perform: {service}:{operation}", caller.arn())))
}

/// [`may_call`] for the caller of an operation of STS; services and strangers have no session to be limited.
///
/// # Errors
/// As [`may_call`].
pub(super) fn check_caller(cx: &Cx<'_>, operation: &str) -> Result<()> {
    match &cx.caller {
        Caller::Principal(caller) => may_call(caller, "sts", operation),
        _ => Ok(()),
    }
}

/// GetSessionToken needs no permission.
pub(super) fn get_session_token_rule(cx: &mut Cx<'_>, _input: &GetSessionTokenRequest) -> Result<Access> {
    check_caller(cx, "GetSessionToken")?;
    Ok(Access::UnlessDenied(Permission::new("sts:GetSessionToken", "*")))
}

/// Whether the call uses up a one-time code.
pub(super) fn has_second_factor(input: &GetSessionTokenRequest) -> bool {
    input.serial_number.is_some() || input.token_code.is_some()
}

pub(super) fn get_session_token(cx: &mut Cx<'_>, input: &GetSessionTokenRequest) -> Result<GetSessionTokenResponse> {
    open(cx, input, None)
}

pub(super) fn get_session_token_with_code(
    cx: &mut WriteCx<'_>,
    input: &GetSessionTokenRequest,
) -> Result<GetSessionTokenResponse> {
    let mfa_at = second_factor(cx, input.serial_number.as_deref(), input.token_code.as_deref())?;
    open(cx, input, mfa_at)
}

fn open(cx: &mut Cx<'_>, input: &GetSessionTokenRequest, mfa_at: Option<Timestamp>) -> Result<GetSessionTokenResponse> {
    let caller = cx.principal()?.clone();
    if !matches!(caller.principal, Principal::User(_) | Principal::Root) {
        return Err(Error::denied("Cannot call GetSessionToken with session credentials"));
    }
    let seconds = user_session_seconds(&caller.principal, input.duration_seconds);
    let session = Session {
        issued_at: cx.now,
        expires_at: cx.now.truncated_to_seconds().plus_seconds(seconds),
        mfa_at,
        is_session_token: true,
        ..Session::default()
    };
    let answer = issue(cx, &caller.account, &caller.principal, &session, input.minimum_session_token_size)?;
    Ok(GetSessionTokenResponse {
        credentials: Some(answer.credentials),
        session_token_size: Some(answer.token_size),
        session_token_utilization: Some(answer.token_utilization),
    })
}

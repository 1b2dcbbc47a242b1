//! Session tokens: everything that temporary credentials are, sealed into the token itself.
//!
//! Nothing is stored when credentials are issued. The token is bound to its access key id, so the two cannot be mixed.
//! Whether the principal still exists is looked up with every call, which is why deleting it ends its sessions at once.
//!
//! The sealed bytes are a version, then the fields in the order of [`encode`]: texts and lists with their length in
//! front (LEB128), numbers as eight bytes, options behind a byte that says whether they are there. Zeros may follow, for
//! callers that ask for a token of some length.

use base::random::ALPHABET_SECRET;
use base::{
    AccessKeyId, AccountId, IdentityUserId, InstanceId, PermissionSetId, Random, RoleId, Secret, Timestamp, UserId,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::caller::{RoleIdentity, Session, SignIn, UserIdentity};
use kernel::seal::{Purpose, Seal};
use kernel::{Principal, PrincipalCaller, Result};
use model::sts::{Credentials, PackedPolicyTooLargeException};
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Longest token, in characters: with the rest of a request it must fit into the head that servers accept.
pub const TOKEN_CHARACTERS_MAX: usize = 24_576;
/// Most bytes that are sealed into a token: its share of [`TOKEN_CHARACTERS_MAX`] without seal and base64.
const CONTENT_BYTES_MAX: usize = 18_000;
/// Characters of a secret access key.
const SECRET_CHARACTERS: usize = 40;
/// Bytes that sealing adds: key id, nonce and tag.
const SEAL_BYTES: usize = 32;
const VERSION: u8 = 2;

/// Temporary credentials that were just made.
#[derive(Debug)]
pub struct IssuedCredentials {
    /// Id of the access key (`ASIA…`).
    pub access_key_id: AccessKeyId,
    /// The secret access key.
    pub secret: Secret,
    /// The session token, in base64.
    pub token: String,
    /// When they end.
    pub expiration: Timestamp,
}

impl From<IssuedCredentials> for Credentials {
    fn from(issued: IssuedCredentials) -> Self {
        Self {
            access_key_id: issued.access_key_id.to_string(),
            expiration: issued.expiration.truncated_to_seconds(),
            secret_access_key: issued.secret.expose().to_owned(),
            session_token: issued.token,
        }
    }
}

/// Makes credentials for a session of `principal`.
///
/// # Errors
/// `PackedPolicyTooLarge` when the session carries more than a token holds.
pub fn issue(
    seal: &Seal,
    account: &AccountId,
    principal: &Principal,
    session: &Session,
    random: &mut Random,
) -> Result<IssuedCredentials> {
    issue_padded(seal, account, principal, session, 0, random)
}

/// As [`issue`], with a token of at least `characters_min` characters (`MinimumSessionTokenSize`).
///
/// # Errors
/// As [`issue`].
pub fn issue_padded(
    seal: &Seal,
    account: &AccountId,
    principal: &Principal,
    session: &Session,
    characters_min: usize,
    random: &mut Random,
) -> Result<IssuedCredentials> {
    let access_key_id = AccessKeyId::session(account, random);
    let secret = Secret::new(random.text(ALPHABET_SECRET, SECRET_CHARACTERS));
    let mut content = encode(account, principal, session, &secret);
    let padded =
        (characters_min.min(TOKEN_CHARACTERS_MAX).div_ceil(4) * 3).saturating_sub(SEAL_BYTES).min(CONTENT_BYTES_MAX);
    let length = content.len().max(padded);
    content.resize(length, 0);
    if content.len() > CONTENT_BYTES_MAX {
        let percent = content.len() * 100 / CONTENT_BYTES_MAX;
        let message = format!("Packed size of the session consumes {percent}% of allotted space.");
        return Err(PackedPolicyTooLargeException::new(message).into());
    }
    let sealed = seal.seal(Purpose::SessionToken, access_key_id.as_str(), &content, random)?;
    Ok(IssuedCredentials { access_key_id, secret, token: STANDARD.encode(sealed), expiration: session.expires_at })
}

/// The caller behind `token` and the secret that signs its requests; `None` when the token was not issued here for
/// that access key. Says nothing about expiry.
pub fn open(seal: &Seal, access_key_id: &AccessKeyId, token: &str) -> Option<(PrincipalCaller, Secret)> {
    if token.len() > TOKEN_CHARACTERS_MAX {
        return None;
    }
    let sealed = STANDARD.decode(token).ok()?;
    let content = seal.open(Purpose::SessionToken, access_key_id.as_str(), &sealed)?;
    let (account, principal, session, secret) = decode(&content)?;
    let caller = PrincipalCaller {
        account,
        principal,
        access_key_id: Some(access_key_id.clone()),
        session: Some(Arc::new(session)),
        invoked_by: None,
    };
    Some((caller, secret))
}

fn encode(account: &AccountId, principal: &Principal, session: &Session, secret: &Secret) -> Zeroizing<Vec<u8>> {
    let mut out = Writer(Zeroizing::new(Vec::with_capacity(CONTENT_BYTES_MAX)));
    out.byte(VERSION);
    out.text(secret.expose());
    out.text(account.as_str());
    write_principal(&mut out, principal);
    let Session {
        issued_at,
        expires_at,
        mfa_at,
        source_identity,
        tags,
        transitive_tag_keys,
        policy,
        policy_arns,
        federated_provider,
        is_chained,
        is_session_token,
        context,
        sign_in,
    } = session;
    out.instant(*issued_at);
    out.instant(*expires_at);
    out.option(mfa_at.as_ref(), |out, at| out.instant(*at));
    out.option_text(source_identity.as_deref());
    out.map(tags);
    out.texts(transitive_tag_keys);
    out.option_text(policy.as_deref());
    out.texts(policy_arns);
    out.option_text(federated_provider.as_deref());
    out.byte(u8::from(*is_chained));
    out.byte(u8::from(*is_session_token));
    out.map(context);
    out.option(sign_in.as_deref(), write_sign_in);
    out.0
}

fn write_sign_in(out: &mut Writer, sign_in: &SignIn) {
    let SignIn { session_id, at, instance, user, account, permission_set } = sign_in;
    out.instant(*at);
    for text in [session_id.as_str(), instance.as_str(), user.as_str(), account.as_str(), permission_set.as_str()] {
        out.text(text);
    }
}

fn write_principal(out: &mut Writer, principal: &Principal) {
    match principal {
        Principal::Root => out.byte(0),
        Principal::User(user) => {
            out.byte(1);
            write_user(out, user);
        }
        Principal::Role(role) => {
            out.byte(2);
            for text in [role.id.as_str(), &role.name, &role.path, &role.session_name] {
                out.text(text);
            }
        }
        Principal::FederatedUser { name, issuer } => {
            out.byte(3);
            out.text(name);
            out.option(issuer.as_ref(), write_user);
        }
    }
}

fn write_user(out: &mut Writer, user: &UserIdentity) {
    for text in [user.id.as_str(), &user.name, &user.path] {
        out.text(text);
    }
}

fn decode(content: &[u8]) -> Option<(AccountId, Principal, Session, Secret)> {
    let mut input = Reader(content);
    if input.byte()? != VERSION {
        return None;
    }
    let secret = Secret::new(input.text()?);
    let account = AccountId::parse(&input.text()?)?;
    let principal = read_principal(&mut input)?;
    let session = Session {
        issued_at: input.instant()?,
        expires_at: input.instant()?,
        mfa_at: input.option(Reader::instant)?,
        source_identity: input.option(Reader::text)?,
        tags: input.map()?,
        transitive_tag_keys: input.texts()?,
        policy: input.option(Reader::text)?,
        policy_arns: input.texts()?,
        federated_provider: input.option(Reader::text)?,
        is_chained: input.flag()?,
        is_session_token: input.flag()?,
        context: input.map()?,
        sign_in: input.option(read_sign_in)?.map(Arc::new),
    };
    input.0.iter().all(|padding| *padding == 0).then_some((account, principal, session, secret))
}

fn read_principal(input: &mut Reader<'_>) -> Option<Principal> {
    Some(match input.byte()? {
        0 => Principal::Root,
        1 => Principal::User(read_user(input)?),
        2 => Principal::Role(RoleIdentity {
            id: RoleId::parse(&input.text()?)?,
            name: input.text()?,
            path: input.text()?,
            session_name: input.text()?,
        }),
        3 => Principal::FederatedUser { name: input.text()?, issuer: input.option(read_user)? },
        _ => return None,
    })
}

fn read_sign_in(input: &mut Reader<'_>) -> Option<SignIn> {
    Some(SignIn {
        at: input.instant()?,
        session_id: input.text()?,
        instance: InstanceId::parse(&input.text()?)?,
        user: IdentityUserId::parse(&input.text()?)?,
        account: AccountId::parse(&input.text()?)?,
        permission_set: PermissionSetId::parse(&input.text()?)?,
    })
}

fn read_user(input: &mut Reader<'_>) -> Option<UserIdentity> {
    Some(UserIdentity { id: UserId::parse(&input.text()?)?, name: input.text()?, path: input.text()? })
}

struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.byte((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        self.byte(length as u8);
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn texts(&mut self, texts: &[String]) {
        self.length(texts.len());
        texts.iter().for_each(|text| self.text(text));
    }

    fn map(&mut self, map: &BTreeMap<String, String>) {
        self.length(map.len());
        for (key, value) in map {
            self.text(key);
            self.text(value);
        }
    }

    fn instant(&mut self, at: Timestamp) {
        self.0.extend_from_slice(&at.micros().to_be_bytes());
    }

    fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn option_text(&mut self, text: Option<&str>) {
        self.option(text.as_ref(), |out, text| out.text(text));
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        // Three groups of seven bits exceed every token.
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(length);
            }
        }
        None
    }

    fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).ok().map(str::to_owned)
    }

    fn texts(&mut self) -> Option<Vec<String>> {
        let count = self.length()?;
        (0..count).map(|_| self.text()).collect()
    }

    fn map(&mut self) -> Option<BTreeMap<String, String>> {
        let count = self.length()?;
        (0..count).map(|_| Some((self.text()?, self.text()?))).collect()
    }

    fn instant(&mut self) -> Option<Timestamp> {
        self.take(8)?.try_into().ok().map(|bytes| Timestamp::from_micros(i64::from_be_bytes(bytes)))
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(seed: u64) -> Seal {
        Seal::from_text(&Seal::generate(&mut Random::from_seed(seed))).expect("a generated key is valid")
    }

    fn account() -> AccountId {
        AccountId::parse("111122223333").expect("valid")
    }

    fn user(random: &mut Random) -> UserIdentity {
        UserIdentity { id: UserId::random(&account(), random), name: "ann".to_owned(), path: "/dev/".to_owned() }
    }

    fn principals(random: &mut Random) -> Vec<Principal> {
        vec![
            Principal::Root,
            Principal::User(user(random)),
            Principal::Role(RoleIdentity {
                id: RoleId::random(&account(), random),
                name: "Reader".to_owned(),
                path: "/a/b/".to_owned(),
                session_name: "ann@example.com".to_owned(),
            }),
            Principal::FederatedUser { name: "bob".to_owned(), issuer: Some(user(random)) },
            Principal::FederatedUser { name: "bob".to_owned(), issuer: None },
        ]
    }

    fn full_session() -> Session {
        let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        Session {
            issued_at: Timestamp::from_micros(1_795_219_200_000_001),
            expires_at: Timestamp::from_seconds(1_795_222_800),
            mfa_at: Some(Timestamp::from_seconds(-1)),
            source_identity: Some("ann".to_owned()),
            tags: map("Projekt", "Türme"),
            transitive_tag_keys: vec!["Projekt".to_owned()],
            policy: Some("x".repeat(2_048)),
            policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
            federated_provider: Some("arn:aws:iam::111122223333:saml-provider/idp".to_owned()),
            is_chained: true,
            is_session_token: true,
            context: map("saml:sub", "ann"),
            sign_in: Some(Arc::new(SignIn {
                session_id: "session".to_owned(),
                at: Timestamp::from_seconds(1_795_219_100),
                instance: InstanceId::random(&mut Random::from_seed(7)),
                user: IdentityUserId::random(&mut Random::from_seed(8)),
                account: account(),
                permission_set: PermissionSetId::random(&mut Random::from_seed(9)),
            })),
        }
    }

    #[test]
    fn a_token_brings_back_principal_session_and_secret() {
        let (seal, random) = (seal(1), &mut Random::from_seed(2));
        for principal in principals(random) {
            for session in [Session::default(), full_session()] {
                let issued = issue(&seal, &account(), &principal, &session, random).expect("fits");
                assert!(issued.access_key_id.is_session());
                assert_eq!(issued.access_key_id.account(), Some(account()));
                assert_eq!((issued.secret.expose().len(), issued.expiration), (40, session.expires_at));
                let (caller, secret) = open(&seal, &issued.access_key_id, &issued.token).expect("opens");
                assert_eq!((&caller.principal, &caller.account), (&principal, &account()));
                assert_eq!(caller.session.as_deref(), Some(&session));
                assert_eq!(caller.access_key_id, Some(issued.access_key_id));
                assert_eq!(secret.expose(), issued.secret.expose());
            }
        }
    }

    #[test]
    fn an_altered_token_opens_nothing() {
        let (seal, random) = (seal(1), &mut Random::from_seed(3));
        let issued = issue(&seal, &account(), &Principal::Root, &Session::default(), random).expect("fits");
        let sealed = STANDARD.decode(&issued.token).expect("base64");
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            for altered in [STANDARD.encode(altered), STANDARD.encode(&sealed[..index])] {
                assert!(open(&seal, &issued.access_key_id, &altered).is_none());
            }
        }
        for text in ["", "not base64!", &format!("{}=", issued.token), &"A".repeat(TOKEN_CHARACTERS_MAX + 4)] {
            assert!(open(&seal, &issued.access_key_id, text).is_none());
        }
    }

    #[test]
    fn a_token_belongs_to_its_access_key_and_to_its_installation() {
        let random = &mut Random::from_seed(4);
        let issued = issue(&seal(1), &account(), &Principal::Root, &Session::default(), random).expect("fits");
        assert!(open(&seal(1), &issued.access_key_id, &issued.token).is_some());
        assert!(open(&seal(1), &AccessKeyId::session(&account(), random), &issued.token).is_none());
        assert!(open(&seal(9), &issued.access_key_id, &issued.token).is_none());
    }

    #[test]
    fn the_size_of_a_token_is_bounded() {
        let (seal, random) = (seal(1), &mut Random::from_seed(5));
        let with_tags = |count: usize| Session {
            tags: (0..count).map(|n| (format!("{n:0>128}"), "v".repeat(256))).collect(),
            ..full_session()
        };
        let issued = issue(&seal, &account(), &Principal::Root, &with_tags(40), random).expect("fits");
        assert!(issued.token.len() <= TOKEN_CHARACTERS_MAX);
        let refused = issue(&seal, &account(), &Principal::Root, &with_tags(50), random).expect_err("too large");
        assert_eq!(refused.code(), "PackedPolicyTooLarge");
    }

    #[test]
    fn a_token_can_be_asked_to_be_long() {
        let (seal, random) = (seal(1), &mut Random::from_seed(6));
        for wanted in [0, 1, 1_000, 1_001, 1_002, 1_003, 4_096] {
            let issued = issue_padded(&seal, &account(), &Principal::Root, &Session::default(), wanted, random);
            let issued = issued.expect("fits");
            assert!(issued.token.len() >= wanted && issued.token.len() <= wanted.max(300) + 4, "{wanted}");
            assert!(open(&seal, &issued.access_key_id, &issued.token).is_some());
        }
    }

    #[test]
    fn content_that_ends_early_or_late_is_not_read() {
        let content = encode(&account(), &Principal::Root, &full_session(), &Secret::new("s"));
        assert!(decode(&content).is_some());
        for length in 0..content.len() {
            assert!(decode(&content[..length]).is_none());
        }
        assert!(decode(&[content.as_slice(), &[1]].concat()).is_none());
        assert!(decode(&[&[VERSION + 1], &content[1..]].concat()).is_none());
    }
}

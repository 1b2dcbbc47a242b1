//! The audit trail: every API call as a record in CloudTrail's shape.
//!
//! The record of a change is written in the change's own transaction. Records of reads and of refused calls wait in
//! memory for at most a second; identical ones are folded into one row with many occurrences, so that a busy reader
//! costs one row a second.

mod console_event;
mod fingerprint;
mod service_event;
#[cfg(test)]
mod tests;

pub use console_event::{ConsoleEvent, ConsoleIdentity};
pub use service_event::{EventIdentity, ServiceEvent};

use crate::caller::{Caller, Person, Principal, PrincipalCaller};
use crate::cx::RequestInfo;
use crate::error::{Error, Result};
use crate::params;
use crate::store::{Store, WriteTx};
use base::{Random, Timestamp};
use smithy::schema::{Body, Op, Schema, Shape, Val, View};
use std::collections::hash_map::{DefaultHasher, RandomState};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Placeholder that CloudTrail writes for sensitive values.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
/// Bytes of one occurrence: microseconds, request id (UUID), event id (UUID).
pub const OCCURRENCE_BYTES: usize = 40;
/// Occurrences that one row holds at most.
const OCCURRENCES_MAX: usize = 1_024;
/// Memory that waiting records may take; what comes when it is full is lost and counted.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// What follows the time in a record.
const TIME_GOES_BEFORE: &str = ",\"eventSource\":";
/// What follows the ids in a record.
const IDS_GO_BEFORE: &str = ",\"readOnly\":";
/// Members that hold a secret whatever the model says, in either case of the first letter.
const SECRET_MEMBERS: &[&str] = &[
    "SecretAccessKey",
    "SessionToken",
    "Password",
    "NewPassword",
    "OldPassword",
    "TokenCode",
    "SAMLAssertion",
    "WebIdentityToken",
    "AuthenticationCode1",
    "AuthenticationCode2",
    "AddPrivateKey",
    "Base32StringSeed",
    "QRCodePNG",
    "accessToken",
    "refreshToken",
    "clientSecret",
    "code",
    "codeVerifier",
    "deviceCode",
    "userCode",
    "subjectToken",
    "ContextAssertion",
    "ServiceCredentialSecret",
    "SharedSecret",
    "assertion",
    "idToken",
    "ServicePassword",
    "PrivateKey",
    "Secret",
    "CertificateBody",
    "TradeInToken",
    "EncodedMessage",
    "identityContext",
];
/// Members that name a resource, with the resource's type.
const RESOURCE_MEMBERS: &[(&str, &str)] = &[
    ("UserName", "AWS::IAM::User"),
    ("RoleName", "AWS::IAM::Role"),
    ("RoleArn", "AWS::IAM::Role"),
    ("GroupName", "AWS::IAM::Group"),
    ("PolicyArn", "AWS::IAM::Policy"),
    ("AccessKeyId", "AWS::IAM::AccessKey"),
    ("InstanceProfileName", "AWS::IAM::InstanceProfile"),
    ("SAMLProviderArn", "AWS::IAM::SAMLProvider"),
    ("OpenIDConnectProviderArn", "AWS::IAM::OIDCProvider"),
    ("AccountId", "AWS::Organizations::Account"),
    ("PolicyId", "AWS::Organizations::Policy"),
    ("OrganizationalUnitId", "AWS::Organizations::OrganizationalUnit"),
    ("TargetId", "AWS::Organizations::Target"),
    ("InstanceArn", "AWS::SSO::Instance"),
    ("PermissionSetArn", "AWS::SSO::PermissionSet"),
];

/// One finished call, ready to be recorded.
pub struct Record {
    account: String,
    event_source: String,
    event_name: &'static str,
    is_read_only: bool,
    user_name: Option<String>,
    access_key_id: Option<String>,
    /// `type name` pairs, one a line.
    resources: String,
    /// JSON without time and ids.
    template: String,
    request_id: String,
    at: Timestamp,
}

/// A call and how it ended.
pub struct Call<'a> {
    /// Who called.
    pub caller: &'a Caller,
    /// The request.
    pub request: &'a RequestInfo,
    /// What was called.
    pub op: &'static Op,
    /// With what.
    pub input: &'a dyn Shape,
    /// The answer, when there is one worth recording (calls that write).
    pub output: Option<&'a dyn Shape>,
    /// Why it failed, when it did.
    pub error: Option<&'a Error>,
    /// Whether the operation changes nothing.
    pub is_read_only: bool,
    /// When.
    pub at: Timestamp,
}

impl Record {
    /// The record of `call`; `None` when no account is concerned.
    pub fn of(call: &Call<'_>) -> Option<Self> {
        let account = match call.caller.account() {
            Some(account) => account.to_string(),
            None => account_of_target(call.input)?,
        };
        let event_source = format!("{}.amazonaws.com", event_source(call.op.service.id));
        let principal = match call.caller {
            Caller::Principal(principal) => Some(principal),
            _ => None,
        };
        let person = match call.caller {
            Caller::Person(person) => Some(person.user_name.clone()),
            _ => None,
        };
        Some(Self {
            template: template(call, &account, &event_source),
            event_source,
            event_name: call.op.name,
            is_read_only: call.is_read_only,
            user_name: principal.and_then(user_name).or(person),
            access_key_id: principal.and_then(|p| p.access_key_id.as_ref()).map(ToString::to_string),
            resources: resources(call.input),
            request_id: call.request.request_id.clone(),
            at: call.at,
            account,
        })
    }

    /// The record in CloudTrail's shape, as JSON without time and ids.
    pub fn json(&self) -> &str {
        &self.template
    }

    /// Writes the record with the change that it describes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn write(&self, tx: &mut WriteTx<'_>, random: &mut Random) -> Result<()> {
        let occurrence = occurrence(self.at, &self.request_id, random.bytes());
        self.insert(tx, &occurrence, random)
    }

    /// Writes a row of `occurrences`, which are in the order of time.
    fn insert(&self, tx: &mut WriteTx<'_>, occurrences: &[u8], random: &mut Random) -> Result<()> {
        let mut instants = self::occurrences(occurrences).map(|occurrence| occurrence.at);
        let first_at = instants.next().unwrap_or(self.at);
        let last_at = instants.last().unwrap_or(first_at);
        tx.exec_one(
            "insert into audit (id, account_id, first_at, last_at, event_source, event_name, is_read_only, user_name, \
             access_key_id, resources, record, occurrences) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            params![
                random.uuid(),
                self.account,
                first_at,
                last_at,
                self.event_source,
                self.event_name,
                self.is_read_only,
                self.user_name,
                self.access_key_id,
                self.resources,
                self.template,
                occurrences
            ],
        )
    }
}

fn occurrence(at: Timestamp, request_id: &str, event_id: [u8; 16]) -> [u8; OCCURRENCE_BYTES] {
    let mut bytes = [0; OCCURRENCE_BYTES];
    bytes[..8].copy_from_slice(&at.micros().to_be_bytes());
    bytes[8..24].copy_from_slice(&uuid_bytes(request_id));
    bytes[24..].copy_from_slice(&event_id);
    // The id is a UUID of version 4 (RFC 9562).
    bytes[30] = (bytes[30] & 0x0f) | 0x40;
    bytes[32] = (bytes[32] & 0x3f) | 0x80;
    bytes
}

/// 128 bits that nobody outside can steer: two hashes under random keys.
type Key = (u64, u64);

/// Two hashers that are fed alike.
struct Both(DefaultHasher, DefaultHasher);

impl Hasher for Both {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// Records that wait to be written.
pub struct Buffer {
    waiting: Mutex<Waiting>,
    hashers: [RandomState; 2],
}

#[derive(Default)]
struct Waiting {
    records: HashMap<Key, (Record, Vec<u8>)>,
    bytes: usize,
    lost: u64,
}

impl Waiting {
    /// Adds an occurrence to a record that waits; false when none waits under `key` or there is no room.
    fn repeat(&mut self, key: Key, occurrence: &[u8]) -> bool {
        let has_room = self.bytes + occurrence.len() <= WAITING_BYTES_MAX;
        match self.records.get_mut(&key).filter(|_| has_room) {
            Some((_, occurrences)) => {
                occurrences.extend_from_slice(occurrence);
                self.bytes += occurrence.len();
                true
            }
            None => false,
        }
    }

    fn add(&mut self, key: Key, record: Record, occurrences: &[u8]) {
        let is_known = self.records.contains_key(&key);
        let size = occurrences.len() + if is_known { 0 } else { record.template.len() + size_of::<Record>() };
        if self.bytes + size > WAITING_BYTES_MAX {
            self.lost += (occurrences.len() / OCCURRENCE_BYTES) as u64;
            return;
        }
        self.bytes += size;
        self.records.entry(key).or_insert_with(|| (record, Vec::new())).1.extend_from_slice(occurrences);
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self { waiting: Mutex::default(), hashers: [RandomState::new(), RandomState::new()] }
    }
}

impl Buffer {
    /// Records a call that changed nothing, under an event id made of `event_id`. Only the first of many equal ones is
    /// rendered.
    pub fn push(&self, call: &Call<'_>, event_id: [u8; 16]) {
        let key = self.key(call);
        let occurrence = occurrence(call.at, &call.request.request_id, event_id);
        if self.waiting().repeat(key, &occurrence) {
            return;
        }
        if let Some(record) = Record::of(call) {
            self.waiting().add(key, record, &occurrence);
        }
    }

    /// What two calls have in common exactly when their records differ in nothing but time and ids.
    fn key(&self, call: &Call<'_>) -> Key {
        let [first, second] = &self.hashers;
        let mut hasher = Both(first.build_hasher(), second.build_hasher());
        fingerprint::call(call, &mut hasher);
        (hasher.0.finish(), hasher.1.finish())
    }

    /// Writes what waits; what cannot be written waits on, as far as memory allows.
    ///
    /// # Errors
    /// When the database fails.
    pub fn flush(&self, store: &Store, random: &mut Random) -> Result<()> {
        let mut taken = std::mem::take(&mut *self.waiting());
        if taken.lost > 0 {
            tracing::error!(count = taken.lost, "audit records were lost: too many waited for the database");
        }
        if taken.records.is_empty() {
            return Ok(());
        }
        for (_, occurrences) in taken.records.values_mut() {
            sort(occurrences);
        }
        let written = store.write(
            |tx| {
                for (record, occurrences) in taken.records.values() {
                    for row in rows(occurrences) {
                        record.insert(tx, row, random)?;
                    }
                }
                Ok(())
            },
            |_| {},
        );
        if written.is_err() {
            let mut waiting = self.waiting();
            for (key, (record, occurrences)) in taken.records {
                waiting.add(key, record, &occurrences);
            }
        }
        written
    }

    /// Forgets what waits.
    pub fn clear(&self) {
        *self.waiting() = Waiting::default();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call of those that share a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// When.
    pub at: Timestamp,
    /// Id of the event.
    pub event_id: Uuid,
    /// Id of the request.
    pub request_id: Uuid,
}

/// A UUID's bytes; displayed in its usual text form (RFC 9562 §4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// Reads the usual text form, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let is_shaped = text.len() == 36
            && text.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        is_shaped.then(|| Self(uuid_bytes(text)))
    }
}

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The occurrences that a row's `occurrences` column holds, oldest first.
pub fn occurrences(packed: &[u8]) -> impl Iterator<Item = Occurrence> + '_ {
    let (each, _) = packed.as_chunks::<OCCURRENCE_BYTES>();
    each.iter().map(|bytes| {
        let (mut at, mut request_id, mut event_id) = ([0; 8], [0; 16], [0; 16]);
        at.copy_from_slice(&bytes[..8]);
        request_id.copy_from_slice(&bytes[8..24]);
        event_id.copy_from_slice(&bytes[24..]);
        let at = Timestamp::from_micros(i64::from_be_bytes(at));
        Occurrence { at, event_id: Uuid(event_id), request_id: Uuid(request_id) }
    })
}

/// The record of one occurrence: a row's `record` column with the time and the ids in their places.
pub fn complete(record: &str, occurrence: &Occurrence) -> String {
    let Occurrence { at, event_id, request_id } = occurrence;
    let time = format!(",\"eventTime\":\"{}\"", at.iso8601());
    let ids = format!(",\"requestID\":\"{request_id}\",\"eventID\":\"{event_id}\"");
    // Quotes inside JSON texts are escaped, so both marks are the record's own: the first of its kind follows the
    // identity, the last one follows the response.
    let time_at = record.find(TIME_GOES_BEFORE).unwrap_or(0);
    let ids_at = record.rfind(IDS_GO_BEFORE).unwrap_or(time_at).max(time_at);
    [&record[..time_at], &time, &record[time_at..ids_at], &ids, &record[ids_at..]].concat()
}

/// Rows of `occurrences`, which are in the order of time. A row never reaches into another second, so a reader that
/// goes back in time knows where rows of the same time begin and end.
fn rows(occurrences: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (each, _) = occurrences.as_chunks::<OCCURRENCE_BYTES>();
    each.chunk_by(|a, b| second(a) == second(b))
        .flat_map(|second| second.chunks(OCCURRENCES_MAX))
        .map(<[[u8; OCCURRENCE_BYTES]]>::as_flattened)
}

fn second(occurrence: &[u8; OCCURRENCE_BYTES]) -> i64 {
    occurrences(occurrence).next().map_or(0, |occurrence| occurrence.at.seconds())
}

fn sort(occurrences: &mut [u8]) {
    let (each, _) = occurrences.as_chunks_mut::<OCCURRENCE_BYTES>();
    each.sort_unstable();
}

fn uuid_bytes(text: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut nibbles = text.chars().filter_map(|c| c.to_digit(16));
    for byte in &mut bytes {
        let (Some(high), Some(low)) = (nibbles.next(), nibbles.next()) else { break };
        *byte = (high * 16 + low) as u8;
    }
    bytes
}

/// First label of the event source; differs from the service's id where AWS's does.
fn event_source(service: &str) -> &str {
    match service {
        "sso-admin" | "sso-oidc" | "vestibule" => "sso",
        other => other,
    }
}

/// An unsigned call concerns the account of the role that it asks for.
fn account_of_target(input: &dyn Shape) -> Option<String> {
    let (index, _) = input.schema().members().iter().enumerate().find(|(_, member)| member.name == "RoleArn")?;
    match input.member(index).view()? {
        View::Text(arn) => base::Arn::parse(arn).map(|arn| arn.account().to_owned()),
        _ => None,
    }
}

fn resources(input: &dyn Shape) -> String {
    let mut text = String::new();
    for (index, member) in input.schema().members().iter().enumerate() {
        let kind = RESOURCE_MEMBERS.iter().find(|(name, _)| *name == member.name);
        if let (Some((_, kind)), Some(View::Text(name))) = (kind, input.member(index).view()) {
            // A line ends a resource: a name must not make up another one.
            let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let _ = writeln!(text, "{kind} {name}");
        }
    }
    text
}

fn user_name(caller: &PrincipalCaller) -> Option<String> {
    match &caller.principal {
        Principal::Root => Some("root".to_owned()),
        Principal::User(user) => Some(user.name.clone()),
        Principal::Role(role) => Some(role.session_name.clone()),
        Principal::FederatedUser { name, .. } => Some(name.clone()),
    }
}

fn template(call: &Call<'_>, account: &str, event_source: &str) -> String {
    let mut out = String::with_capacity(512);
    out.push_str("{\"eventVersion\":\"1.11\",\"userIdentity\":");
    user_identity(&mut out, call.caller);
    for (name, value) in [
        ("eventSource", event_source),
        ("eventName", call.op.name),
        ("awsRegion", &call.request.region),
        ("sourceIPAddress", &call.request.source_ip),
        ("userAgent", &call.request.user_agent),
    ] {
        member(&mut out, name, value);
    }
    if let Some(error) = call.error {
        member(&mut out, "errorCode", error.code());
        member(&mut out, "errorMessage", error.message());
    }
    out.push_str(",\"requestParameters\":");
    value(&mut out, call.input);
    out.push_str(",\"responseElements\":");
    match call.output {
        Some(output) if !output.schema().members().is_empty() => value(&mut out, output),
        _ => out.push_str("null"),
    }
    let _ = write!(out, ",\"readOnly\":{}", call.is_read_only);
    out.push_str(",\"eventType\":\"AwsApiCall\",\"managementEvent\":true");
    member(&mut out, "recipientAccountId", account);
    out.push_str(",\"eventCategory\":\"Management\"}");
    out
}

fn user_identity(out: &mut String, caller: &Caller) {
    let principal = match caller {
        Caller::Principal(principal) => principal,
        Caller::Service(name) => {
            out.push_str("{\"type\":\"AWSService\"");
            member(out, "invokedBy", name);
            out.push('}');
            return;
        }
        Caller::Federated { provider, context } => return federated_identity(out, provider, context),
        Caller::Person(person) => return person_identity(out, person, None),
        Caller::Anonymous => return out.push_str("{\"type\":\"Unknown\"}"),
    };
    let kind = match &principal.principal {
        Principal::Root => "Root",
        Principal::User(_) => "IAMUser",
        Principal::Role(_) => "AssumedRole",
        Principal::FederatedUser { .. } => "FederatedUser",
    };
    let _ = write!(out, "{{\"type\":\"{kind}\"");
    member(out, "principalId", &principal.user_id());
    member(out, "arn", &principal.arn());
    member(out, "accountId", principal.account.as_str());
    if let Some(key) = &principal.access_key_id {
        member(out, "accessKeyId", key.as_str());
    }
    if let Principal::User(user) = &principal.principal {
        member(out, "userName", &user.name);
    }
    if let Some(session) = &principal.session {
        session_context(out, principal, session);
    }
    if let Some(service) = &principal.invoked_by {
        member(out, "invokedBy", service);
    }
    out.push('}');
}

/// `IdentityCenterUser` (CloudTrail's userIdentity element).
fn person_identity(out: &mut String, person: &Person, session: Option<&str>) {
    let Person { owner, store, user, user_name } = person;
    out.push_str("{\"type\":\"IdentityCenterUser\"");
    member(out, "accountId", owner.as_str());
    member(out, "userName", user_name);
    out.push_str(",\"onBehalfOf\":{\"userId\":");
    string(out, user.as_str());
    member(out, "identityStoreArn", &format!("arn:aws:identitystore::{owner}:identitystore/{store}"));
    out.push('}');
    if let Some(session) = session {
        member(out, "credentialId", session);
    }
    out.push('}');
}

/// `SAMLUser` and `WebIdentityUser` (CloudTrail's userIdentity element). A SAML provider is named by its name
/// qualifier, so that equal subjects of two providers stay apart.
fn federated_identity(out: &mut String, provider: &str, context: &BTreeMap<String, String>) {
    let claim = |name: &str| {
        let suffix = format!(":{name}");
        context.iter().find(|(key, _)| key.ends_with(&suffix)).map_or("", |(_, value)| value.as_str())
    };
    if provider.contains(":saml-provider/") {
        let qualifier = claim("namequalifier");
        out.push_str("{\"type\":\"SAMLUser\"");
        member(out, "principalId", &format!("{qualifier}:{}", claim("sub")));
        member(out, "userName", claim("sub"));
        member(out, "identityProvider", qualifier);
    } else {
        out.push_str("{\"type\":\"WebIdentityUser\"");
        member(out, "principalId", &format!("{provider}:{}:{}", claim("aud"), claim("sub")));
        member(out, "userName", claim("sub"));
        member(out, "identityProvider", provider);
    }
    out.push('}');
}

fn session_context(out: &mut String, caller: &PrincipalCaller, session: &crate::caller::Session) {
    out.push_str(",\"sessionContext\":{");
    if let Principal::Role(role) = &caller.principal {
        out.push_str("\"sessionIssuer\":{\"type\":\"Role\"");
        member(out, "principalId", role.id.as_str());
        let arn = caller.principal.role_arn(&caller.account).map(|arn| arn.to_string()).unwrap_or_default();
        member(out, "arn", &arn);
        member(out, "accountId", caller.account.as_str());
        member(out, "userName", &role.name);
        out.push_str("},");
    }
    let _ = write!(
        out,
        "\"attributes\":{{\"creationDate\":\"{}\",\"mfaAuthenticated\":\"{}\"}}",
        session.issued_at.iso8601(),
        session.mfa_at.is_some()
    );
    if let Some(identity) = &session.source_identity {
        member(out, "sourceIdentity", identity);
    }
    out.push('}');
}

fn member(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, ",\"{name}\":");
    string(out, text);
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + 1;
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// A structure with lower-camel member names and without its secrets.
fn value(out: &mut String, shape: &dyn Shape) {
    out.push('{');
    let mut is_first = true;
    for (index, each) in shape.schema().members().iter().enumerate() {
        let Some(view) = shape.member(index).view() else { continue };
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        let mut letters = each.name.chars();
        out.push('"');
        out.extend(letters.next().map(|first| first.to_ascii_lowercase()));
        out.push_str(letters.as_str());
        out.push_str("\":");
        if each.schema.sensitive || SECRET_MEMBERS.iter().any(|name| name.eq_ignore_ascii_case(each.name)) {
            string(out, HIDDEN);
        } else {
            view_value(out, view, each.schema);
        }
    }
    out.push('}');
}

fn view_value(out: &mut String, view: View<'_>, schema: &Schema) {
    match view {
        View::Boolean(flag) => out.push_str(if flag { "true" } else { "false" }),
        View::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        View::Double(number) => {
            let _ = write!(out, "{number}");
        }
        View::Timestamp(at) => string(out, &at.iso8601()),
        View::Blob(_) => string(out, HIDDEN),
        View::Text(text) => string(out, text),
        View::List(list) => {
            out.push('[');
            for index in 0..list.count() {
                if index > 0 {
                    out.push(',');
                }
                item(out, list.item(index), schema);
            }
            out.push(']');
        }
        View::Map(map) => {
            out.push('{');
            let mut is_first = true;
            map.each(&mut |key, value| {
                if !std::mem::take(&mut is_first) {
                    out.push(',');
                }
                string(out, key);
                out.push(':');
                item(out, value, schema);
            });
            out.push('}');
        }
        View::Structure(shape) => value(out, shape),
        View::Document(_) => string(out, HIDDEN),
    }
}

/// An element of the list, or a value of the map, that `container` describes.
fn item(out: &mut String, each: &dyn Val, container: &Schema) {
    let schema = match container.body {
        Body::List { member, .. } => member,
        Body::Map { value, .. } => value,
        _ => container,
    };
    match each.view() {
        Some(_) if schema.sensitive => string(out, HIDDEN),
        Some(view) => view_value(out, view, schema),
        None => out.push_str("null"),
    }
}

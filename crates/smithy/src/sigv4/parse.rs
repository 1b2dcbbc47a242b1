//! Where a request carries its signature, and the signature's parts.

use super::ALGORITHM;
use crate::common::CommonError;
use crate::encoding::percent_decode;
use crate::wire::WireRequest;
use base::Timestamp;
use base::limits::PRESIGNED_SECONDS_MAX;
use std::borrow::Cow;

/// Most characters of an access key id.
const ACCESS_KEY_ID_CHARS_MAX: usize = 128;

/// Where the signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query string.
    Presigned {
        /// Seconds for which it is valid after its date.
        expires_seconds: i64,
    },
}

/// A signature's parts; nothing of it is verified yet.
#[derive(Debug, Clone)]
pub struct ParsedSignature<'a> {
    /// Where it stands.
    pub form: Form,
    /// When the request was signed.
    pub date: Timestamp,
    /// The same as it is signed: `YYYYMMDDTHHMMSSZ`.
    pub amz_date: String,
    /// The session token, where one travels along.
    pub session_token: Option<Cow<'a, str>>,
    /// `AKID/date/region/service/terminator`.
    credential: Cow<'a, str>,
    /// Where each of the credential's slashes stands.
    slashes: [usize; 4],
    signed_headers: Cow<'a, str>,
    signature: [u8; 32],
}

impl ParsedSignature<'_> {
    /// The access key id.
    pub fn access_key_id(&self) -> &str {
        &self.credential[..self.slashes[0]]
    }

    /// The date of the scope, `YYYYMMDD`.
    pub fn date_stamp(&self) -> &str {
        &self.credential[self.slashes[0] + 1..self.slashes[1]]
    }

    /// The region of the scope.
    pub fn region(&self) -> &str {
        &self.credential[self.slashes[1] + 1..self.slashes[2]]
    }

    /// The service of the scope.
    pub fn service(&self) -> &str {
        &self.credential[self.slashes[2] + 1..self.slashes[3]]
    }

    /// Names of the signed headers, in lower case and sorted.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        self.signed_headers.split(';')
    }

    pub(super) fn terminator(&self) -> &str {
        &self.credential[self.slashes[3] + 1..]
    }

    /// Everything behind the access key id.
    pub(super) fn scope(&self) -> &str {
        &self.credential[self.slashes[0] + 1..]
    }

    /// What a derived key depends on besides the secret.
    pub(super) fn signing_scope(&self) -> &str {
        &self.credential[..self.slashes[3]]
    }

    pub(super) fn signed_headers_text(&self) -> &str {
        &self.signed_headers
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

fn incomplete(text: impl Into<String>) -> CommonError {
    CommonError::IncompleteSignature(text.into())
}

/// Finds the signature of a request and takes it apart.
///
/// # Errors
/// [`CommonError::MissingAuthenticationToken`] without any, [`CommonError::IncompleteSignature`] for a malformed one
/// or for a request that carries both forms.
pub fn parse<'a>(request: &WireRequest<'a>) -> Result<ParsedSignature<'a>, CommonError> {
    let mut authorizations = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let authorization = authorizations.next().map(|(_, value)| *value);
    let in_query = request.query.contains("X-Amz-Signature=") || request.query.contains("X-Amz-Algorithm=");
    match authorization {
        _ if authorizations.next().is_some() => Err(incomplete("The request has several Authorization headers.")),
        Some(_) if in_query => Err(incomplete("The request is signed in its header and in its query string.")),
        Some(value) => {
            let value = std::str::from_utf8(value).map_err(|_| incomplete("The Authorization header is not text."))?;
            from_header(value.trim(), request)
        }
        None if in_query => from_query(request),
        None => Err(CommonError::MissingAuthenticationToken),
    }
}

fn from_header<'a>(value: &'a str, request: &WireRequest<'a>) -> Result<ParsedSignature<'a>, CommonError> {
    let (algorithm, parameters) = value.split_once(' ').unwrap_or((value, ""));
    if algorithm != ALGORITHM {
        return Err(incomplete("Unsupported AWS 'algorithm' in the Authorization header."));
    }
    let mut found: [Option<&'a str>; 3] = [None; 3];
    for parameter in parameters.split(',').map(str::trim).filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter
            .split_once('=')
            .ok_or_else(|| incomplete("A key=value pair in the Authorization header has no equal-sign."))?;
        let slot = match name.trim() {
            "Credential" => &mut found[0],
            "SignedHeaders" => &mut found[1],
            "Signature" => &mut found[2],
            _ => return Err(incomplete("The Authorization header has an unknown parameter.")),
        };
        if slot.replace(value.trim()).is_some() {
            return Err(incomplete("The Authorization header has a parameter twice."));
        }
    }
    let date = date_header(request);
    let (Some(credential), Some(signed_headers), Some(signature), Some(date)) = (found[0], found[1], found[2], date)
    else {
        let names = ["Credential", "SignedHeaders", "Signature"];
        let missing = names.iter().zip(found).filter(|(_, value)| value.is_none()).map(|(name, _)| *name);
        let mut text: String =
            missing.map(|name| format!("Authorization header requires '{name}' parameter. ")).collect();
        if date.is_none() {
            text += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
        }
        return Err(incomplete(text));
    };
    let parts = Parts { credential: credential.into(), signed_headers: signed_headers.into(), signature };
    parts.assemble(Form::Header, date, request.header("x-amz-security-token").map(Cow::Borrowed))
}

/// `X-Amz-Date`, else `Date` in the same form, in RFC 3339's or in HTTP's own.
fn date_header(request: &WireRequest<'_>) -> Option<Timestamp> {
    if let Some(text) = request.header("x-amz-date") {
        return Timestamp::parse_amz_date(text.trim());
    }
    let text = request.header("date")?.trim();
    Timestamp::parse_amz_date(text).or_else(|| Timestamp::parse_iso8601(text)).or_else(|| http_date(text))
}

/// RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let zoned = words.next() == Some("GMT") && words.next().is_none();
    zoned.then(|| Timestamp::parse_iso8601(&format!("{year}-{month:02}-{day}T{time}Z")))?
}

fn from_query<'a>(request: &WireRequest<'a>) -> Result<ParsedSignature<'a>, CommonError> {
    const NAMES: [&str; 7] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
    ];
    let mut found: [Option<Cow<'a, str>>; 7] = Default::default();
    for pair in request.query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(index) = NAMES.iter().position(|known| *known == name) else { continue };
        let plain = !value.bytes().any(|byte| matches!(byte, b'%' | b'+'));
        let value = if plain {
            Cow::Borrowed(value)
        } else {
            Cow::Owned(percent_decode(value, false).ok_or_else(|| incomplete(format!("'{name}' is malformed.")))?)
        };
        if found[index].replace(value).is_some() {
            return Err(incomplete(format!("'{name}' is given twice.")));
        }
    }
    let missing: String = NAMES[..5]
        .iter()
        .zip(&found)
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| format!("AWS query-string parameters must include '{name}'. "))
        .collect();
    let [Some(algorithm), Some(credential), Some(date), Some(signed_headers), Some(signature), expires, token] = found
    else {
        return Err(incomplete(missing));
    };
    if algorithm != ALGORITHM {
        return Err(incomplete("Unsupported AWS 'algorithm' in 'X-Amz-Algorithm'."));
    }
    let date = Timestamp::parse_amz_date(&date).ok_or_else(|| incomplete("'X-Amz-Date' must be YYYYMMDDTHHMMSSZ."))?;
    let parts = Parts { credential, signed_headers, signature: &signature };
    let token = token.or_else(|| request.header("x-amz-security-token").map(Cow::Borrowed));
    let parsed = parts.assemble(Form::Presigned { expires_seconds: 0 }, date, token)?;
    let expires = match expires.as_deref() {
        // STS takes its own lifetime in any case.
        None if parsed.service() == "sts" => Some(1),
        None => None,
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Some(_) => None,
    };
    match expires {
        Some(expires_seconds @ 1..=PRESIGNED_SECONDS_MAX) => {
            Ok(ParsedSignature { form: Form::Presigned { expires_seconds }, ..parsed })
        }
        _ => Err(incomplete(format!("'X-Amz-Expires' must be a number between 1 and {PRESIGNED_SECONDS_MAX}."))),
    }
}

/// The three texts of a signature, wherever they stood.
struct Parts<'a, 's> {
    credential: Cow<'a, str>,
    signed_headers: Cow<'a, str>,
    signature: &'s str,
}

impl<'a> Parts<'a, '_> {
    fn assemble(
        self,
        form: Form,
        date: Timestamp,
        session_token: Option<Cow<'a, str>>,
    ) -> Result<ParsedSignature<'a>, CommonError> {
        let shape = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.";
        let mut slashes = [0; 4];
        let mut places = self.credential.match_indices('/').map(|(at, _)| at);
        for slash in &mut slashes {
            *slash = places.next().ok_or_else(|| incomplete(shape))?;
        }
        let key_id = &self.credential[..slashes[0]];
        let plausible = (1..=ACCESS_KEY_ID_CHARS_MAX).contains(&key_id.len()) && key_id.bytes().all(is_word);
        if places.next().is_some() || !plausible {
            return Err(incomplete(shape));
        }
        drop(places);
        let names = self.signed_headers.split(';');
        let sorted = names.clone().zip(names.clone().skip(1)).all(|(a, b)| a < b);
        if !sorted || !names.clone().all(|name| !name.is_empty() && name.bytes().all(is_header_name)) {
            return Err(incomplete("SignedHeaders must be sorted names in lower case, separated by semicolons."));
        }
        let signature = parse_hex(self.signature).ok_or(CommonError::SignatureDoesNotMatch(None))?;
        Ok(ParsedSignature {
            form,
            date,
            amz_date: date.amz_date(),
            session_token,
            credential: self.credential,
            slashes,
            signed_headers: self.signed_headers,
            signature,
        })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// RFC 9110 §5.6.2 `tchar`, in lower case.
fn is_header_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let bytes = text.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut out = [0; 32];
    for (slot, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *slot = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

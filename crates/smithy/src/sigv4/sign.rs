//! Signing of requests that the product itself sends.

use super::{ALGORITHM, TERMINATOR, canonical, keys, parse};
use crate::common::CommonError;
use crate::encoding::hex;
use crate::wire::WireRequest;
use aws_lc_rs::hmac;
use base::{Secret, Timestamp};

/// Stands where the signature will.
const NO_SIGNATURE: [u8; 64] = [b'0'; 64];

/// With what a request is signed.
#[derive(Debug)]
pub struct Signer<'a> {
    /// Access key id.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret: &'a Secret,
    /// Region of the credential scope.
    pub region: &'a str,
    /// Service of the credential scope.
    pub service: &'a str,
}

impl Signer<'_> {
    /// The `Authorization` header of `request`, which has none yet. Every header that it has is signed: `host` and
    /// `x-amz-date` (of `now`) must be among them, and `x-amz-security-token` where there is a session token.
    ///
    /// # Errors
    /// When the request lacks such a header, or the access key id, region or service cannot stand in a header.
    pub fn authorization(&self, request: &WireRequest<'_>, now: Timestamp) -> Result<String, CommonError> {
        let mut names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.dedup();
        let amz_date = now.amz_date();
        let day = amz_date.get(..8).unwrap_or_default();
        let (id, region, service) = (self.access_key_id, self.region, self.service);
        let unsigned = format!(
            "{ALGORITHM} Credential={id}/{day}/{region}/{service}/{TERMINATOR}, SignedHeaders={}, Signature=",
            names.join(";")
        );
        // What is signed is read from the header itself, as whoever verifies it does.
        let draft = [unsigned.as_bytes(), &NO_SIGNATURE].concat();
        let mut headers = request.headers.to_vec();
        headers.push(("authorization", &draft));
        let drafted = WireRequest { headers: &headers, ..*request };
        let parsed = parse(&drafted)?;
        let canonical = canonical::request(&parsed, request, &canonical::payload_hash(request)?);
        let key = keys::derive(self.secret.expose(), day, region, service);
        let signature = hmac::sign(&key, &canonical::string_to_sign(&parsed, &canonical));
        let mut text = unsigned.into_bytes();
        hex(signature.as_ref(), &mut text);
        String::from_utf8(text).map_err(|_| CommonError::IncompleteSignature("The signature is not text.".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_request_gets_the_documented_signature() {
        // The request of AWS's signing documentation.
        let headers: [(&str, &[u8]); 3] = [
            ("host", b"iam.amazonaws.com"),
            ("content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
            ("x-amz-date", b"20150830T123600Z"),
        ];
        let query = "Action=ListUsers&Version=2010-05-08";
        let request = WireRequest { method: "GET", path: "/", query, headers: &headers, body: b"" };
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let signer = Signer { access_key_id: "AKIDEXAMPLE", secret: &secret, region: "us-east-1", service: "iam" };
        let now = Timestamp::parse_amz_date("20150830T123600Z").expect("valid");
        assert_eq!(
            signer.authorization(&request, now).expect("signed"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
        let undated = WireRequest { headers: &headers[..2], ..request };
        assert!(signer.authorization(&undated, now).is_err());
    }
}

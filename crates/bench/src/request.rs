//! Requests as an SDK sends them, signed before the clock runs.

use anyhow::Result;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base::{Clock as _, SystemClock};
use std::time::{Duration, UNIX_EPOCH};

const USER_AGENT: &str = "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7 \
                          md/pyimpl#CPython m/E,b,Z cfg/retry-mode#standard md/installer#exe sid/0a1b2c3d4e5f";

/// Who signs, and for which server.
pub struct Signer {
    /// The server's `host:port`.
    pub host: String,
    /// The account of the key.
    pub account: String,
    /// The access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret: String,
}

/// A request to be signed.
pub struct Unsigned<'a> {
    /// Signing name.
    pub service: &'a str,
    /// `x-amz-target`, for the JSON protocol.
    pub target: Option<&'a str>,
    /// Body.
    pub body: &'a str,
}

/// `sts:GetCallerIdentity`.
pub const IDENTITY: Unsigned<'static> =
    Unsigned { service: "sts", target: None, body: "Action=GetCallerIdentity&Version=2011-06-15" };

/// An operation of Organizations.
pub fn organizations<'a>(target: &'a str, body: &'a str) -> Unsigned<'a> {
    Unsigned { service: "organizations", target: Some(target), body }
}

impl Signer {
    /// The bytes of `request`, signed for the present instant: good for five minutes.
    pub fn signed(&self, request: &Unsigned<'_>) -> Result<Vec<u8>> {
        let content_type = match request.target {
            Some(_) => "application/x-amz-json-1.1",
            None => "application/x-www-form-urlencoded; charset=utf-8",
        };
        let mut headers = vec![("host", self.host.as_str()), ("content-type", content_type)];
        headers.extend(request.target.map(|target| ("x-amz-target", target)));
        let identity = Credentials::new(&self.access_key_id, &self.secret, None, None, "bench").into();
        let now = u64::try_from(SystemClock.now().micros()).unwrap_or_default();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(request.service)
            .time(UNIX_EPOCH + Duration::from_micros(now))
            .settings(SigningSettings::default())
            .build()?
            .into();
        let url = format!("http://{}/", self.host);
        let body = SignableBody::Bytes(request.body.as_bytes());
        let signable = SignableRequest::new("POST", &url, headers.iter().copied(), body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        let mut text = String::from("POST / HTTP/1.1\r\n");
        let length = request.body.len().to_string();
        let plain = [("user-agent", USER_AGENT), ("accept-encoding", "identity"), ("content-length", &length)];
        for (name, value) in headers.into_iter().chain(instructions.headers()).chain(plain) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        Ok(format!("{text}\r\n{}", request.body).into_bytes())
    }
}

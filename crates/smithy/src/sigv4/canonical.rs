//! The canonical request and the string to sign.

use super::{ALGORITHM, Form, ParsedSignature};
use crate::common::CommonError;
use crate::encoding::{hex, percent_encode};
use crate::wire::WireRequest;
use aws_lc_rs::digest;
use std::borrow::Cow;

/// Digits of a SHA-256 hash in hexadecimal.
type HexHash = [u8; 64];

fn hash(bytes: &[u8]) -> HexHash {
    let mut text = Vec::with_capacity(64);
    hex(digest::digest(&digest::SHA256, bytes).as_ref(), &mut text);
    let mut out = [0; 64];
    out.copy_from_slice(&text);
    out
}

/// The hash of the body; the request's own statement of it must agree.
pub(super) fn payload_hash(request: &WireRequest<'_>) -> Result<HexHash, CommonError> {
    let computed = hash(request.body);
    let mut stated = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-content-sha256"));
    if stated.all(|(_, value)| value.trim_ascii() == computed) {
        return Ok(computed);
    }
    let text = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    Err(CommonError::SignatureRefused(text.to_owned()))
}

pub(super) fn request(parsed: &ParsedSignature<'_>, request: &WireRequest<'_>, payload_hash: &HexHash) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    path(request.path, &mut out);
    out.push(b'\n');
    query(request.query, matches!(parsed.form, Form::Presigned { .. }), &mut out);
    out.push(b'\n');
    for name in parsed.signed_headers() {
        header(name, request, &mut out);
    }
    out.push(b'\n');
    out.extend_from_slice(parsed.signed_headers_text().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload_hash);
    out
}

pub(super) fn string_to_sign(parsed: &ParsedSignature<'_>, canonical: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    for part in [ALGORITHM, &parsed.amz_date, parsed.scope()] {
        out.extend_from_slice(part.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(&hash(canonical));
    out
}

/// Dot segments and empty segments removed, then encoded once more: every service but S3 signs the path as sent,
/// encoded a second time.
fn path(path: &str, out: &mut Vec<u8>) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    out.push(b'/');
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        percent_encode(segment.as_bytes(), false, out);
    }
    // RFC 3986 §5.2.4: a dot segment at the end leaves its slash.
    if matches!(path.rsplit('/').next(), Some("" | "." | "..")) && !segments.is_empty() {
        out.push(b'/');
    }
}

/// Parameters in one spelling, sorted by name and value; without the signature where it is one of them.
fn query(query: &str, presigned: bool, out: &mut Vec<u8>) {
    let mut pairs: Vec<(Respelt<'_>, Respelt<'_>)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = respell(name);
        if !(presigned && *name == *b"X-Amz-Signature") {
            pairs.push((name, respell(value)));
        }
    }
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// Bytes in SigV4's percent-encoding.
type Respelt<'a> = Cow<'a, [u8]>;

/// The same text in SigV4's percent-encoding, whatever encoding it came in. A broken escape stands for itself.
fn respell(text: &str) -> Respelt<'_> {
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if text.as_bytes().iter().all(unreserved) {
        return Cow::Borrowed(text.as_bytes());
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8);
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                plain.push(high << 4 | low);
                at += 3;
            }
            (byte, ..) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    let mut out = Vec::with_capacity(plain.len() + 16);
    percent_encode(&plain, false, &mut out);
    Cow::Owned(out)
}

/// `name:value\n` with the values of all headers of that name, trimmed, inner white space collapsed.
fn header(name: &str, request: &WireRequest<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut first = true;
    for (_, value) in request.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name)) {
        if !first {
            out.push(b',');
        }
        first = false;
        let mut after_space = false;
        for &byte in value.trim_ascii() {
            let space = matches!(byte, b' ' | b'\t');
            if !(space && after_space) {
                out.push(if space { b' ' } else { byte });
            }
            after_space = space;
        }
    }
    out.push(b'\n');
}

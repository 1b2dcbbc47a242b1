//! HTTP by hand and Signature Version 4 by hand: what the server is told is exactly what a test says.

use aws_lc_rs::{digest, hmac};
use base::{Clock as _, SystemClock, Timestamp};
use serde_json::Value;
use smithy::schema::{Body, Location, Op, Protocol, Schema};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An access key, with the token of its session.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl Credentials {
    /// The credentials in an answer of STS.
    pub fn of_session(answer: &Answer) -> Self {
        Self {
            id: answer.xml("AccessKeyId"),
            secret: answer.xml("SecretAccessKey"),
            token: Some(answer.xml("SessionToken")),
        }
    }
}

/// One request.
#[derive(Clone)]
pub struct Call {
    pub method: &'static str,
    pub path: String,
    pub query: String,
    /// Without `host` and `content-length`, which are added when it is sent (`host` only where absent).
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// The model's description of an operation.
pub fn operation(service: &str, name: &str) -> &'static Op {
    let service = model::SERVICES.iter().find(|each| each.id == service).expect("a service of the model");
    service.operation(name).unwrap_or_else(|| panic!("{} has no operation {name}", service.id))
}

impl Call {
    /// A plain GET.
    pub fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), query: String::new(), headers: Vec::new(), body: Vec::new() }
    }

    /// A plain POST.
    pub fn post(path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { method: "POST", path: path.to_owned(), query: String::new(), headers, body: body.into() }
    }

    /// An operation in its protocol.
    pub fn of(service: &str, name: &str, input: &Value) -> Self {
        Self::of_op(operation(service, name), input)
    }

    /// An operation in its protocol.
    pub fn of_op(op: &'static Op, input: &Value) -> Self {
        match op.service.protocol {
            Protocol::Json => {
                let target = format!("{}.{}", op.service.target_prefix, op.name);
                Self::post("/", "application/x-amz-json-1.1", input.to_string()).header("x-amz-target", &target)
            }
            Protocol::Query => {
                let mut form = format!("Action={}&Version={}", op.name, op.service.api_version);
                flatten(&mut form, "", op.input, input);
                Self::post("/", "application/x-www-form-urlencoded; charset=utf-8", form)
            }
            Protocol::RestJson => {
                let (path, fixed) = op.path.split_once('?').unwrap_or((op.path, ""));
                let label = |part: &str| {
                    let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                        return part.to_owned();
                    };
                    let mut labels = op.input.members().iter().filter(|member| member.location == Location::Label);
                    let given = labels.find(|member| member.wire == name).and_then(|member| input.get(member.name));
                    encode(given.and_then(Value::as_str).unwrap_or("x"))
                };
                let path: Vec<String> = path.split('/').map(label).collect();
                let mut call = Self::post(&path.join("/"), "application/json", input.to_string());
                call.method = op.method;
                let in_query = op.input.members().iter().filter(|member| member.location == Location::Query);
                let given = in_query.filter_map(|member| Some((member.wire, input.get(member.name)?.as_str()?)));
                let given = given.map(|(name, text)| format!("{name}={}", encode(text)));
                let fixed = Some(fixed.to_owned()).filter(|fixed| !fixed.is_empty());
                call.query = fixed.into_iter().chain(given).collect::<Vec<_>>().join("&");
                if op.method == "GET" {
                    call.body.clear();
                }
                call
            }
        }
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces a header.
    pub fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(each, _)| each != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// The value of a header.
    pub fn value(&self, name: &str) -> &str {
        self.headers.iter().find(|(each, _)| each == name).map_or("", |(_, value)| value)
    }

    /// The bytes on the wire.
    pub fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let question = if self.query.is_empty() { "" } else { "?" };
        let mut head = format!("{} {}{question}{} HTTP/1.1\r\n", self.method, self.path, self.query);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            let _ = write!(head, "host: {address}\r\n");
        }
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "content-length: {}\r\nconnection: close\r\n\r\n", self.body.len());
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it and reads the whole answer; `None` when the connection ends before one came.
    pub fn send(&self, address: SocketAddr) -> Option<Answer> {
        exchange(TcpStream::connect(address).ok()?, &self.bytes(address))
    }
}

/// Sends bytes and reads the answer until the connection ends.
pub fn exchange(mut stream: TcpStream, bytes: &[u8]) -> Option<Answer> {
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    // The server may answer and close before it has read everything: the answer counts.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut buffer = [0; 16_384];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..count]);
    }
    Answer::parse(&answer)
}

impl Answer {
    /// Reads an answer.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let body = String::from_utf8(bytes[end + 4..].to_vec()).ok()?;
        let is_whole = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .is_none_or(|(_, length)| length.parse() == Ok(body.len()));
        is_whole.then_some(Self { status, headers, body })
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The text of the first element called `name`.
    pub fn xml(&self, name: &str) -> String {
        self.xml_opt(name).unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }

    /// The text of the first element called `name`, if there is one.
    pub fn xml_opt(&self, name: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        let text = text.replace("&quot;", "\"").replace("&apos;", "'").replace("&#xA;", "\n").replace("&#xD;", "\r");
        Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    /// The code of an error, in whichever protocol.
    pub fn code(&self) -> String {
        if self.body.trim_start().starts_with('{') {
            let json = self.json();
            let code = json["__type"].as_str().or_else(|| self.header("x-amzn-errortype")).unwrap_or_default();
            return code.rsplit('#').next().unwrap_or_default().to_owned();
        }
        self.xml_opt("Code").unwrap_or_default()
    }

    /// The message of an error, in whichever protocol.
    pub fn message(&self) -> String {
        if self.body.trim_start().starts_with('{') {
            let json = self.json();
            return json["Message"].as_str().or_else(|| json["message"].as_str()).unwrap_or_default().to_owned();
        }
        self.xml_opt("Message").unwrap_or_default()
    }

    /// Status and code together.
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

/// Appends `value` as the query protocol writes it.
fn flatten(form: &mut String, prefix: &str, schema: &Schema, value: &Value) {
    let dotted = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match value {
        Value::Object(map) => {
            if let Body::Map { value: schema, .. } = &schema.body {
                for (at, (key, value)) in (1..).zip(map) {
                    let _ = write!(form, "&{}={}", dotted(&format!("entry.{at}.key")), encode(key));
                    flatten(form, &dotted(&format!("entry.{at}.value")), schema, value);
                }
                return;
            }
            for (name, value) in map {
                let member = schema.members().iter().find(|member| member.name == name);
                let member = member.unwrap_or_else(|| panic!("{} has no member {name}", schema.name));
                flatten(form, &dotted(member.wire), member.schema, value);
            }
        }
        Value::Array(items) => {
            let Body::List { member, .. } = &schema.body else { panic!("{} is no list", schema.name) };
            for (at, item) in (1..).zip(items) {
                flatten(form, &dotted(&format!("member.{at}")), member, item);
            }
        }
        Value::String(text) => {
            let _ = write!(form, "&{prefix}={}", encode(text));
        }
        other => {
            let _ = write!(form, "&{prefix}={other}");
        }
    }
}

/// Percent-encoding as Signature Version 4 wants it.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// How to sign.
pub struct Signing {
    pub credentials: Credentials,
    pub service: String,
    pub region: String,
    pub at: Timestamp,
    /// Headers that are signed if present.
    pub signed: Vec<&'static str>,
}

impl Signing {
    /// As an SDK signs now.
    pub fn new(credentials: &Credentials, service: &str) -> Self {
        let service = model::SERVICES.iter().find(|each| each.id == service).expect("a service of the model");
        Self {
            credentials: credentials.clone(),
            service: service.signing_name.to_owned(),
            region: "us-east-1".to_owned(),
            at: SystemClock.now(),
            signed: vec!["content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"],
        }
    }

    fn date(&self) -> String {
        self.at.amz_date()[..8].to_owned()
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date(), self.region, self.service)
    }

    fn signature(&self, canonical_request: &str) -> String {
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{}\n{}",
            self.at.amz_date(),
            self.scope(),
            sha256(canonical_request.as_bytes())
        );
        let key = format!("AWS4{}", self.credentials.secret);
        let key = hmac(key.as_bytes(), &self.date());
        let key = [self.region.as_str(), &self.service, "aws4_request"].iter().fold(key, |key, part| hmac(&key, part));
        hex(&hmac(&key, &text))
    }

    /// Adds `Authorization` and what belongs to it.
    pub fn sign(&self, call: &mut Call, address: SocketAddr) {
        if call.value("host").is_empty() {
            call.set("host", &address.to_string());
        }
        call.set("x-amz-date", &self.at.amz_date());
        if let Some(token) = &self.credentials.token {
            call.set("x-amz-security-token", token);
        }
        let (headers, names) = self.canonical_headers(call);
        let body = sha256(&call.body);
        let canonical = format!("{}\n{}\n{}\n{headers}\n{names}\n{body}", call.method, call.path, sorted(&call.query));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={names}, Signature={}",
            self.credentials.id,
            self.scope(),
            self.signature(&canonical)
        );
        call.set("authorization", &authorization);
    }

    /// Puts the signature into the query string, good for `seconds`.
    pub fn presign(&self, call: &mut Call, address: SocketAddr, seconds: u32) {
        call.set("host", &address.to_string());
        let mut query = call.query.clone();
        let (_, names) = self.canonical_headers(call);
        let credential = format!("{}/{}", self.credentials.id, self.scope());
        let _ = write!(
            query,
            "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={seconds}\
             &X-Amz-SignedHeaders={}",
            encode(&credential),
            self.at.amz_date(),
            encode(&names)
        );
        if let Some(token) = &self.credentials.token {
            let _ = write!(query, "&X-Amz-Security-Token={}", encode(token));
        }
        call.query = query.trim_start_matches('&').to_owned();
        let (headers, names) = self.canonical_headers(call);
        let body = sha256(&call.body);
        let canonical = format!("{}\n{}\n{}\n{headers}\n{names}\n{body}", call.method, call.path, sorted(&call.query));
        let signature = self.signature(&canonical);
        let _ = write!(call.query, "&X-Amz-Signature={signature}");
    }

    fn canonical_headers(&self, call: &Call) -> (String, String) {
        let mut headers: Vec<(&str, &str)> =
            call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.retain(|(name, _)| self.signed.contains(name));
        headers.sort_unstable();
        let lines = headers.iter().fold(String::new(), |mut out, (name, value)| {
            let _ = writeln!(out, "{name}:{}", value.trim());
            out
        });
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        (lines, names.join(";"))
    }
}

fn sorted(query: &str) -> String {
    let mut parts: Vec<&str> = query.split('&').filter(|part| !part.is_empty()).collect();
    parts.sort_unstable();
    parts.join("&")
}

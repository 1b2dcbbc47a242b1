//! A generated domain of any size over LDAPS. It has the limits of Windows (1,000 entries a page, 1,500 values) and keeps
//! nothing in memory.

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

/// Name of the domain.
pub const NAME: &str = "corp.example.com";
/// Name of its controller.
pub const HOST: &str = "dc1.corp.example.com";
/// The group that everybody is in, through other groups.
pub const EVERYBODY: &str = "everybody";
/// A group that everybody is in directly; it is in [`EVERYBODY`].
const ALL: &str = "all-people";
const BASE: &str = "DC=corp,DC=example,DC=com";
const PAGE_ENTRIES: usize = 1_000;
const VALUES_MAX: usize = 1_500;
/// The last bytes of every id.
const MARK: [u8; 12] = *b"generated-id";
/// Ids of groups follow those of people.
const GROUPS_BEGIN: usize = 1 << 24;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BOUND: u8 = 0x61;
const FOUND: u8 = 0x64;
const DONE: u8 = 0x65;
const CONTROLS: u8 = 0xa0;
const PAGED_RESULTS: &[u8] = b"1.2.840.113556.1.4.319";

/// How many there are.
#[derive(Clone, Copy)]
pub struct Size {
    /// People.
    pub people: usize,
    /// Groups with a part of the people each.
    pub groups: usize,
}

/// Serves a domain until the process ends: the port, and the certificate of the authority in PEM.
pub fn serve(size: Size) -> Result<(u16, String)> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec![HOST.to_owned()])?.signed_by(&key, &authority)?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
    let config = Arc::new(config);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            // A client that goes away ends its connection.
            std::thread::spawn(move || answer_all(stream, config, size).ok());
        }
    });
    Ok((port, authority.pem()))
}

fn answer_all(stream: TcpStream, config: Arc<ServerConfig>, size: Size) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = StreamOwned::new(ServerConnection::new(config)?, stream);
    while let Some((id, request)) = next(&mut wire)? {
        let answer = size.answer(&id, &request);
        wire.write_all(&answer)?;
        wire.flush()?;
    }
    Ok(())
}

/// Id (as it is written) and content of the next request.
fn next(wire: &mut impl Read) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut head = [0; 2];
    if wire.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    wire.read_exact(&mut head[1..])?;
    let mut length = usize::from(head[1]);
    if length >= 0x80 {
        let mut digits = vec![0; length & 0x7f];
        wire.read_exact(&mut digits)?;
        length = digits.iter().fold(0, |number, digit| (number << 8) | usize::from(*digit));
    }
    let mut content = vec![0; length];
    wire.read_exact(&mut content)?;
    let id_length = 2 + usize::from(*content.get(1).context("no id")?);
    Ok(Some((content.get(..id_length).context("no id")?.to_vec(), content)))
}

fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, 0x84];
    out.extend_from_slice(&(content.len() as u32).to_be_bytes());
    out.extend_from_slice(content);
    out
}

fn group(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    value(tag, &parts.concat())
}

fn entry(dn: &str, attributes: &[(&str, Vec<Vec<u8>>)]) -> Vec<u8> {
    let attribute = |(name, values): &(&str, Vec<Vec<u8>>)| {
        let values: Vec<_> = values.iter().map(|each| value(OCTETS, each)).collect();
        group(SEQUENCE, &[value(OCTETS, name.as_bytes()), group(SET, &values)])
    };
    let attributes: Vec<_> = attributes.iter().map(attribute).collect();
    group(FOUND, &[value(OCTETS, dn.as_bytes()), group(SEQUENCE, &attributes)])
}

fn text(text: impl Into<String>) -> Vec<Vec<u8>> {
    vec![text.into().into_bytes()]
}

fn id(number: usize) -> Vec<Vec<u8>> {
    vec![[&(number as u32).to_be_bytes()[..], &MARK].concat()]
}

fn person_dn(number: usize) -> String {
    format!("CN=Person {number:06},OU=People,{BASE}")
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// The digits after `mark`.
fn number_after(bytes: &[u8], mark: &str) -> Option<usize> {
    let at = bytes.windows(mark.len()).position(|window| window == mark.as_bytes())? + mark.len();
    let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

/// The numbers of the ids in a request.
fn ids(bytes: &[u8]) -> Vec<usize> {
    let at = |start: usize| {
        let number = bytes.get(start.checked_sub(4)?..start)?;
        Some(number.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte)))
    };
    let is_mark = |(_, window): &(usize, &[u8])| *window == MARK;
    bytes.windows(MARK.len()).enumerate().filter(is_mark).filter_map(|(start, _)| at(start)).collect()
}

impl Size {
    /// Name of a group: first those with a part of the people, then [`ALL`], then [`EVERYBODY`].
    fn group_name(self, number: usize) -> String {
        match number.checked_sub(self.groups) {
            None => format!("group-{number:05}"),
            Some(0) => ALL.to_owned(),
            Some(_) => EVERYBODY.to_owned(),
        }
    }

    fn group_dn(self, number: usize) -> String {
        format!("CN={},OU=Groups,{BASE}", self.group_name(number))
    }

    /// A member of a group; `None` after the last.
    fn member(self, number: usize, index: usize) -> Option<String> {
        let (person, is_group) = match number.checked_sub(self.groups) {
            None => (index * self.groups + number, false),
            Some(0) => (index, false),
            Some(_) => (index, true),
        };
        if is_group {
            return (index <= self.groups).then(|| self.group_dn(index));
        }
        (person < self.people).then(|| person_dn(person))
    }

    fn members(self, number: usize, start: usize) -> Vec<u8> {
        let values: Vec<_> =
            (start..start + VALUES_MAX).map_while(|index| self.member(number, index)).map(String::into_bytes).collect();
        let end = start + values.len();
        let name = match (start, self.member(number, end)) {
            (0, None) => "member".to_owned(),
            (_, None) => format!("member;range={start}-*"),
            (_, Some(_)) => format!("member;range={start}-{}", end - 1),
        };
        entry(&self.group_dn(number), &[("objectGUID", id(GROUPS_BEGIN + number)), (&name, values)])
    }

    fn person(self, number: usize) -> Vec<u8> {
        let attributes = [
            ("objectGUID", id(number)),
            ("sAMAccountName", text(format!("p{number:06}"))),
            ("userAccountControl", text("512")),
            ("givenName", text("Person")),
            ("sn", text(format!("Number {number}"))),
            ("displayName", text(format!("Person Number {number}"))),
            ("mail", text(format!("p{number:06}@{NAME}"))),
            ("userPrincipalName", text(format!("p{number:06}@{NAME}"))),
        ];
        entry(&person_dn(number), &attributes)
    }

    /// Everything that answers a request.
    fn answer(self, id_of_message: &[u8], request: &[u8]) -> Vec<u8> {
        let message = |parts: &[Vec<u8>]| group(SEQUENCE, &[&[id_of_message.to_vec()], parts].concat());
        let outcome = [value(ENUMERATED, &[0]), value(OCTETS, b""), value(OCTETS, b"")];
        if request.get(id_of_message.len()) == Some(&0x60) {
            return message(&[group(BOUND, &outcome)]);
        }
        let mut cookie = String::new();
        let mut page = |count: usize, each: &dyn Fn(usize) -> Vec<u8>| {
            let start = number_after(request, "from:").unwrap_or(0);
            let end = (start + PAGE_ENTRIES).min(count);
            if end < count {
                cookie = format!("from:{end}");
            }
            (start..end).map(each).collect::<Vec<_>>()
        };
        let all_groups = self.groups + 2;
        let found = if contains(request, "defaultNamingContext") {
            let root = [
                ("defaultNamingContext", text(BASE)),
                ("dsServiceName", text("CN=NTDS Settings")),
                ("highestCommittedUSN", text("1")),
            ];
            vec![entry("", &root)]
        } else if contains(request, "isDeleted") || contains(request, "lockoutThreshold") {
            Vec::new()
        } else if let Some(start) = number_after(request, "member;range=") {
            let number = (0..all_groups).find(|number| contains(request, &self.group_dn(*number)));
            number.map(|number| self.members(number, start)).into_iter().collect()
        } else if contains(request, "member") {
            let numbers = ids(request).into_iter().filter_map(|id| id.checked_sub(GROUPS_BEGIN));
            numbers.map(|number| self.members(number, 0)).collect()
        } else if contains(request, "person") {
            page(self.people, &|number| self.person(number))
        } else if contains(request, EVERYBODY) {
            let number = all_groups - 1;
            vec![entry(&self.group_dn(number), &[("objectGUID", id(GROUPS_BEGIN + number))])]
        } else {
            let group_entry = |number| {
                let name = text(self.group_name(number));
                entry(&self.group_dn(number), &[("objectGUID", id(GROUPS_BEGIN + number)), ("sAMAccountName", name)])
            };
            page(all_groups, &group_entry)
        };
        let mut out: Vec<u8> = found.into_iter().flat_map(|entry| message(&[entry])).collect();
        let paging = group(SEQUENCE, &[value(INTEGER, &[0]), value(OCTETS, cookie.as_bytes())]);
        let control = group(SEQUENCE, &[value(OCTETS, PAGED_RESULTS), value(OCTETS, &paging)]);
        out.extend(message(&[group(DONE, &outcome), group(CONTROLS, &[control])]));
        out
    }
}

//! Finds the controllers of a domain through given name servers: SRV and address records (RFC 1035, RFC 2782), over
//! UDP and, where an answer does not fit, over TCP.

use base::Random;
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// How long a name server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a name server is asked.
const TRIES: usize = 2;
/// Controllers of a domain that are used.
pub const CONTROLLERS_MAX: usize = 16;

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const TYPE_SRV: u16 = 33;
const CLASS_IN: u16 = 1;
/// Before the question, and after its name.
const HEADER_BYTES: usize = 12;
const QUESTION_TYPE_BYTES: usize = 4;
/// Jumps within a message that a compressed name may take.
const JUMPS_MAX: usize = 16;
/// Records of an answer that are looked at.
const RECORDS_MAX: u16 = 200;

/// A record that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Record {
    Address(IpAddr),
    Service { priority: u16, weight: u16, target: String },
}

/// An answer: whether the name exists, whether it was cut off, and its records with their owners.
#[derive(Debug, PartialEq, Eq)]
struct Reply {
    exists: bool,
    is_cut_off: bool,
    records: Vec<(String, Record)>,
}

/// The controllers of `domain` with their addresses, the preferred ones first.
///
/// # Errors
/// A sentence about what is wrong.
pub fn controllers(domain: &str, servers: &[SocketAddr], random: &mut Random) -> Result<Vec<(String, IpAddr)>, String> {
    let name = format!("_ldap._tcp.dc._msdcs.{domain}");
    let reply = ask(&name, TYPE_SRV, servers, random)?;
    // Lower priorities first; among equals the heavier ones more often (RFC 2782).
    let mut targets = BTreeMap::new();
    let mut addresses: Vec<(String, IpAddr)> = Vec::new();
    for (owner, record) in reply.records {
        match record {
            Record::Service { priority, weight, target } => {
                let luck = u64::from(random.below(1 << 16)) * (u64::from(weight) + 1);
                targets.insert((priority, u64::MAX - luck, target.clone()), target);
            }
            Record::Address(address) => addresses.push((owner, address)),
        }
    }
    let mut found = Vec::new();
    for target in targets.into_values().take(CONTROLLERS_MAX) {
        let known: Vec<_> = addresses.iter().filter(|(owner, _)| *owner == target).map(|(_, a)| *a).collect();
        let known = if known.is_empty() { addresses_of(&target, servers, random) } else { known };
        found.extend(known.into_iter().take(2).map(|address| (target.clone(), address)));
    }
    if found.is_empty() {
        let asked = servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(format!("the name servers {asked} know no domain controllers of {domain} (SRV record {name})"));
    }
    Ok(found)
}

fn addresses_of(host: &str, servers: &[SocketAddr], random: &mut Random) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for kind in [TYPE_A, TYPE_AAAA] {
        let Ok(reply) = ask(host, kind, servers, random) else { continue };
        addresses.extend(reply.records.into_iter().filter_map(|(_, record)| match record {
            Record::Address(address) => Some(address),
            Record::Service { .. } => None,
        }));
    }
    addresses
}

/// Asks one server after the other until one answers.
fn ask(name: &str, kind: u16, servers: &[SocketAddr], random: &mut Random) -> Result<Reply, String> {
    let mut problem = "no name server is given".to_owned();
    for _ in 0..TRIES {
        for server in servers {
            let id = u16::from_be_bytes(random.bytes());
            let query = query(id, name, kind).ok_or_else(|| format!("{name} is no domain name"))?;
            match over_udp(*server, &query, id)
                .and_then(|reply| if reply.is_cut_off { over_tcp(*server, &query, id) } else { Ok(reply) })
            {
                Ok(reply) if reply.exists => return Ok(reply),
                Ok(_) => problem = format!("the name server {server} does not know {name}"),
                Err(error) => problem = format!("the name server {server} does not answer for {name}: {error}"),
            }
        }
    }
    Err(problem)
}

fn over_udp(server: SocketAddr, query: &[u8], id: u16) -> io::Result<Reply> {
    let local: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.send(query)?;
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let count = socket.recv(&mut buffer)?;
        // Whatever is not the answer to this question may be somebody's attempt to give another one.
        if let Some(reply) = parse(&buffer[..count], id, query) {
            return Ok(reply);
        }
    }
}

fn over_tcp(server: SocketAddr, query: &[u8], id: u16) -> io::Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = u16::try_from(query.len()).unwrap_or_default().to_be_bytes();
    stream.write_all(&[&length, query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply)?;
    parse(&reply, id, query).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The name in the one question of a message, in lower case; `None` when it is something else.
pub fn asked(message: &[u8]) -> Option<String> {
    let is_question = message.get(2)? & 0x80 == 0 && message.get(4..6)? == [0, 1];
    let (name, _) = name(message, HEADER_BYTES)?;
    is_question.then_some(name)
}

/// Whether a message is a response to `query`, which asks one question.
pub fn answers(message: &[u8], query: &[u8]) -> bool {
    let end = name(query, HEADER_BYTES).map(|(_, end)| end + QUESTION_TYPE_BYTES);
    let question = end.and_then(|end| query.get(HEADER_BYTES..end));
    let same = |question: &[u8]| {
        let echoed = message.get(HEADER_BYTES..HEADER_BYTES + question.len());
        echoed.is_some_and(|echoed| echoed.eq_ignore_ascii_case(question)) && message[..2] == query[..2]
    };
    question.is_some_and(same) && message.get(2).is_some_and(|flags| flags & 0x80 != 0)
}

fn query(id: u16, name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut bytes = id.to_be_bytes().to_vec();
    // Recursion desired, one question.
    bytes.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    if bytes.len() > 12 + 255 {
        return None;
    }
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&CLASS_IN.to_be_bytes());
    Some(bytes)
}

/// The answer to `query`; `None` when it is not.
fn parse(message: &[u8], id: u16, query: &[u8]) -> Option<Reply> {
    let word = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    let flags = word(2)?;
    let is_response = flags & 0x8000 != 0;
    let question = &query[12..];
    let echoed = message.get(12..12 + question.len())?;
    if word(0)? != id || !is_response || word(4)? != 1 || !echoed.eq_ignore_ascii_case(question) {
        return None;
    }
    let is_cut_off = flags & 0x0200 != 0;
    let exists = flags & 0x000f == 0;
    let count = word(6)?.saturating_add(word(8)?).saturating_add(word(10)?).min(RECORDS_MAX);
    let mut records = Vec::new();
    let mut at = 12 + question.len();
    for _ in 0..count {
        let Some((record, next)) = record(message, at) else { break };
        records.extend(record);
        at = next;
    }
    Some(Reply { exists, is_cut_off, records })
}

/// The record at a position, when it is of a kind that matters, and where the next one begins.
fn record(message: &[u8], at: usize) -> Option<(Option<(String, Record)>, usize)> {
    let (owner, at) = name(message, at)?;
    let fixed = message.get(at..at + 10)?;
    let (kind, class) = (u16::from_be_bytes([fixed[0], fixed[1]]), u16::from_be_bytes([fixed[2], fixed[3]]));
    let start = at + 10;
    let end = start + usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    let data = message.get(start..end)?;
    let record = match (class, kind) {
        (CLASS_IN, TYPE_A) => <[u8; 4]>::try_from(data).ok().map(|bytes| Record::Address(bytes.into())),
        (CLASS_IN, TYPE_AAAA) => <[u8; 16]>::try_from(data).ok().map(|bytes| Record::Address(bytes.into())),
        (CLASS_IN, TYPE_SRV) if data.len() > 6 => name(message, start + 6).map(|(target, _)| Record::Service {
            priority: u16::from_be_bytes([data[0], data[1]]),
            weight: u16::from_be_bytes([data[2], data[3]]),
            target,
        }),
        _ => None,
    };
    Some((record.map(|record| (owner, record)), end))
}

/// The name at a position in lower case, and where what follows it begins.
fn name(message: &[u8], start: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut length_in_all = 0;
    let (mut at, mut after, mut jumps) = (start, None, 0);
    loop {
        let length = usize::from(*message.get(at)?);
        match length {
            0 => break,
            1..=63 => {
                let label = message.get(at + 1..at + 1 + length)?;
                length_in_all += length + 1;
                if length_in_all > 255 {
                    return None;
                }
                labels.push(String::from_utf8_lossy(label).to_lowercase());
                at += 1 + length;
            }
            0xc0.. => {
                let low = usize::from(*message.get(at + 1)?);
                after.get_or_insert(at + 2);
                jumps += 1;
                if jumps > JUMPS_MAX {
                    return None;
                }
                at = (length & 0x3f) << 8 | low;
            }
            _ => return None,
        }
    }
    Some((labels.join("."), after.unwrap_or(at + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(query: &[u8], flags: u16, records: &[&[u8]]) -> Vec<u8> {
        let mut message = query.to_vec();
        message[2..4].copy_from_slice(&flags.to_be_bytes());
        message[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
        message.extend(records.concat());
        message
    }

    fn service() -> Vec<u8> {
        let target = b"\x03dc1\x04corp\x07example\x00";
        let mut record = b"\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x3c".to_vec();
        record.extend((6 + target.len() as u16).to_be_bytes());
        record.extend([0, 0, 0, 100, 1, 133]);
        record.extend(target);
        record
    }

    #[test]
    fn service_records_and_their_addresses_are_read() {
        let query = query(7, "_ldap._tcp.dc._msdcs.corp.example", TYPE_SRV).expect("a name");
        let address = b"\x03dc1\x04CORP\x07example\x00\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x01\x00\x01";
        let reply = parse(&answered(&query, 0x8180, &[&service(), address]), 7, &query).expect("an answer");
        let target = "dc1.corp.example".to_owned();
        assert!(reply.exists && !reply.is_cut_off);
        assert_eq!(
            reply.records,
            [
                (
                    "_ldap._tcp.dc._msdcs.corp.example".to_owned(),
                    Record::Service { priority: 0, weight: 100, target: target.clone() }
                ),
                (target, Record::Address(Ipv4Addr::new(127, 1, 0, 1).into())),
            ]
        );
    }

    #[test]
    fn what_answers_another_question_is_not_taken() {
        let ours = query(7, "corp.example", TYPE_SRV).expect("a name");
        let other = query(7, "evil.example", TYPE_SRV).expect("a name");
        assert!(parse(&answered(&other, 0x8180, &[]), 7, &ours).is_none());
        assert!(parse(&answered(&ours, 0x8180, &[]), 8, &ours).is_none());
        assert!(parse(&answered(&ours, 0x0100, &[]), 7, &ours).is_none());
        assert!(!parse(&answered(&ours, 0x8183, &[]), 7, &ours).expect("an answer").exists);
    }

    #[test]
    fn a_question_is_told_from_its_answer() {
        let question = query(7, "DC1.corp.example", TYPE_A).expect("a name");
        assert_eq!(asked(&question), Some("dc1.corp.example".to_owned()));
        let answer = answered(&question, 0x8180, &[]);
        assert!(answers(&answer, &question) && !answers(&question, &question));
        assert!(!answers(&answer, &query(8, "dc1.corp.example", TYPE_A).expect("a name")));
        assert!(!answers(&answer, &query(7, "dc1.corp.example", TYPE_SRV).expect("a name")));
        assert_eq!(asked(&answer), None);
        for end in 0..question.len() - 4 {
            assert_eq!(asked(&question[..end]), None);
            assert!(!answers(&answer, &question[..end]) && !answers(&answer[..end], &question));
        }
    }

    #[test]
    fn names_that_refer_to_themselves_end() {
        let ours = query(7, "corp.example", TYPE_SRV).expect("a name");
        let at = ours.len();
        let own = [0xc0 | (at >> 8) as u8, at as u8];
        assert_eq!(name(&answered(&ours, 0x8180, &[&own]), at), None);
        let whole = answered(&ours, 0x8180, &[&service()]);
        for end in 12..whole.len() {
            parse(&whole[..end], 7, &ours);
        }
    }

    #[test]
    fn a_name_that_cannot_be_asked_for_is_refused() {
        assert_eq!(query(1, "a..b", TYPE_A), None);
        assert_eq!(query(1, &"a".repeat(64), TYPE_A), None);
        assert_eq!(query(1, &"a.".repeat(200), TYPE_A), None);
    }
}

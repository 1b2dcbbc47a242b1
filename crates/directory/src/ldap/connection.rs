//! A connection to a controller: TCP, TLS, and one operation after the other. Everything is bounded: time, sizes,
//! numbers.

use super::ber;
use super::error::LdapError;
use super::message::{self, Answer, Depth, Entry, Outcome, Part, Search, code};
use super::tls::{self, Trust};
use base::Secret;
use rustls::{ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest message, in bytes: an entry with 1,500 members is about 200 KiB.
const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// Most entries that one search finds.
const ENTRIES_MAX: usize = 2_000_000;
/// Most pages of one search.
const PAGES_MAX: usize = 100_000;
/// Most values of an attribute that is read in ranges.
const VALUES_MAX: usize = 1_000_000;
/// Entries of a page: what a controller of Windows gives at most.
const PAGE_ENTRIES: u32 = 1_000;
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 16_384;

/// Where a controller listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The name that its certificate has.
    pub host: String,
    /// Its address.
    pub address: IpAddr,
    /// Port of LDAPS.
    pub ldaps_port: u16,
    /// Port of LDAP, for StartTLS.
    pub ldap_port: u16,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until a connection stands, each attempt.
    pub connect: Duration,
    /// A handshake, a bind, a page of a search.
    pub operation: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), operation: Duration::from_secs(15) }
    }
}

/// A TCP connection on which nothing lasts beyond a deadline.
pub(super) struct Timed {
    stream: TcpStream,
    deadline: Instant,
}

impl Timed {
    fn remaining(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.remaining()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.remaining()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Stream {
    fn set_deadline(&mut self, deadline: Instant) {
        match self {
            Self::Plain(timed) => timed.deadline = deadline,
            Self::Tls(tls) => tls.sock.deadline = deadline,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(timed) => timed.write_all(bytes),
            Self::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }
}

/// An open connection.
pub struct Connection {
    stream: Stream,
    patience: Patience,
    received: Vec<u8>,
    next_id: u32,
}

impl Connection {
    /// Connects over LDAPS, or with StartTLS where LDAPS is not served. Plain LDAP only where `trust` says so.
    ///
    /// # Errors
    /// When no protected connection can be made.
    pub fn open(endpoint: &Endpoint, trust: &Trust, patience: Patience) -> Result<Self, LdapError> {
        let refused = match connect(endpoint.address, endpoint.ldaps_port, patience) {
            Ok(timed) => return Self::secured(timed, endpoint, trust, patience),
            Err(error) => error,
        };
        let Ok(timed) = connect(endpoint.address, endpoint.ldap_port, patience) else {
            return Err(LdapError::Connect(refused));
        };
        let mut plain = Self::over(Stream::Plain(timed), patience);
        if plain.start_tls()?.code == code::SUCCESS {
            let Stream::Plain(timed) = plain.stream else { return Err(LdapError::Protocol("TLS was begun twice")) };
            // What came before the handshake was not protected: nothing of it is kept.
            return Self::secured(timed, endpoint, trust, patience);
        }
        if !trust.allows_plain {
            return Err(LdapError::OnlyPlain);
        }
        tracing::warn!(host = endpoint.host, "passwords are sent over plain LDAP, as this installation allows");
        Ok(plain)
    }

    fn over(stream: Stream, patience: Patience) -> Self {
        Self { stream, patience, received: Vec::new(), next_id: 1 }
    }

    fn secured(timed: Timed, endpoint: &Endpoint, trust: &Trust, patience: Patience) -> Result<Self, LdapError> {
        let mut timed = timed;
        timed.deadline = Instant::now() + patience.operation;
        let tls = tls::handshake(timed, &endpoint.host, trust)?;
        Ok(Self::over(Stream::Tls(Box::new(tls)), patience))
    }

    fn start_tls(&mut self) -> Result<Outcome, LdapError> {
        let id = self.begin();
        self.send(&message::start_tls(id))?;
        match self.answer(id)? {
            Answer::Extended(outcome) => Ok(outcome),
            _ => Err(LdapError::Protocol("another answer than that to StartTLS")),
        }
    }

    /// Proves to be `name`. Never without a password: that would be an anonymous bind, which succeeds for any name
    /// (RFC 4513 §5.1.2).
    ///
    /// # Errors
    /// When the server cannot be talked to; a refusal is an outcome.
    pub fn bind(&mut self, name: &str, password: &Secret) -> Result<Outcome, LdapError> {
        if name.is_empty() || password.expose().is_empty() {
            let message = "a bind without a name or a password proves nothing".to_owned();
            return Ok(Outcome { code: code::INVALID_CREDENTIALS, message });
        }
        let id = self.begin();
        let request = zeroize::Zeroizing::new(message::bind(id, name, password.expose()));
        self.send(&request)?;
        match self.answer(id)? {
            Answer::Bound(outcome) => Ok(outcome),
            _ => Err(LdapError::Protocol("another answer than that to a bind")),
        }
    }

    /// Gives every entry that `search` finds to `each`, page after page. Referrals are passed over.
    ///
    /// # Errors
    /// When the server refuses or cannot be talked to, and those of `each`.
    pub fn search(
        &mut self,
        search: &Search<'_>,
        each: &mut dyn FnMut(Entry) -> Result<(), LdapError>,
    ) -> Result<(), LdapError> {
        let mut cookie = Vec::new();
        let mut count = 0;
        for _ in 0..PAGES_MAX {
            let is_paged = search.depth == Depth::Subtree && search.limit == 0;
            let page = is_paged.then_some((PAGE_ENTRIES, cookie.as_slice()));
            let id = self.ask(search, Part { page, sorted_by: None })?;
            cookie = loop {
                match self.answer(id)? {
                    Answer::Found(entry) => {
                        count += 1;
                        if count > ENTRIES_MAX {
                            return Err(LdapError::TooMuch("more entries than can be"));
                        }
                        // Not every server keeps to the limit.
                        if search.limit == 0 || count <= search.limit as usize {
                            each(entry)?;
                        }
                    }
                    Answer::Elsewhere => {}
                    Answer::Done(outcome, cookie) if outcome.code == code::SUCCESS => break cookie,
                    // A referral as the end of a search: what is here has been given.
                    Answer::Done(outcome, _) if outcome.code == code::REFERRAL => break Vec::new(),
                    Answer::Done(outcome, _) if outcome.code == code::SIZE_LIMIT && search.limit > 0 => {
                        break Vec::new();
                    }
                    Answer::Done(outcome, _) => return Err(LdapError::Refused(outcome)),
                    _ => return Err(LdapError::Protocol("another answer than that to a search")),
                }
            };
            if cookie.is_empty() || !is_paged {
                return Ok(());
            }
        }
        Err(LdapError::TooMuch("more pages than can be"))
    }

    fn ask(&mut self, search: &Search<'_>, part: Part<'_>) -> Result<u32, LdapError> {
        let id = self.begin();
        let seconds = u32::try_from(self.patience.operation.as_secs()).unwrap_or(u32::MAX).max(1);
        self.send(&message::search(id, search, part, seconds))?;
        Ok(id)
    }

    /// The first `count` entries that `search` finds, in the order of `attribute`, of which each has one value. The
    /// server sorts: it alone knows its order, which is also that of [`super::Filter::AtLeast`].
    ///
    /// # Errors
    /// As [`Connection::search`].
    pub fn first_sorted(
        &mut self,
        search: &Search<'_>,
        attribute: &'static str,
        count: u32,
    ) -> Result<Vec<Entry>, LdapError> {
        let id = self.ask(search, Part { page: Some((count, &[])), sorted_by: Some(attribute) })?;
        let mut found = Vec::new();
        loop {
            match self.answer(id)? {
                Answer::Found(entry) if found.len() < count as usize => found.push(entry),
                Answer::Found(_) | Answer::Elsewhere => {}
                Answer::Done(outcome, _) if matches!(outcome.code, code::SUCCESS | code::REFERRAL) => {
                    return Ok(found);
                }
                Answer::Done(outcome, _) => return Err(LdapError::Refused(outcome)),
                _ => return Err(LdapError::Protocol("another answer than that to a search")),
            }
        }
    }

    /// What `search` finds, at most `max` entries.
    ///
    /// # Errors
    /// As [`Connection::search`], and when there is more.
    pub fn find(&mut self, search: &Search<'_>, max: usize) -> Result<Vec<Entry>, LdapError> {
        let mut found = Vec::new();
        self.search(search, &mut |entry| {
            if found.len() == max {
                return Err(LdapError::TooMuch("more entries than were expected"));
            }
            found.push(entry);
            Ok(())
        })?;
        Ok(found)
    }

    /// The entry at `dn` itself; `None` when there is none.
    ///
    /// # Errors
    /// As [`Connection::search`].
    pub fn entry(&mut self, dn: &str, attributes: &[&str]) -> Result<Option<Entry>, LdapError> {
        let filter = super::Filter::Present("objectClass");
        let search = Search { base: dn, depth: Depth::Base, filter, attributes, shows_deleted: false, limit: 0 };
        match self.find(&search, 1) {
            Ok(mut found) => Ok(found.pop()),
            Err(LdapError::Refused(outcome)) if outcome.code == code::NO_SUCH_OBJECT => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every value of an attribute of `entry`: those that came with it and, where the server gave only a part, the
    /// rest (MS-ADTS §3.1.1.3.1.3.3).
    ///
    /// # Errors
    /// As [`Connection::search`], and when the server never ends.
    pub fn all_values(&mut self, entry: &Entry, name: &str) -> Result<Vec<Vec<u8>>, LdapError> {
        let mut values = entry.values(name).to_vec();
        let Some((mut end, first)) = entry.range(name) else { return Ok(values) };
        values.extend_from_slice(first);
        while let Some(last) = end {
            if values.len() > VALUES_MAX {
                return Err(LdapError::TooMuch("more values than can be"));
            }
            let attribute = format!("{name};range={}-*", last.saturating_add(1));
            let Some(next) = self.entry(&entry.dn, &[&attribute])? else { break };
            let Some((next_end, more)) = next.range(name).filter(|(_, more)| !more.is_empty()) else { break };
            if next_end.is_some_and(|next_end| next_end <= last) {
                return Err(LdapError::Protocol("a range of values goes backwards"));
            }
            values.extend_from_slice(more);
            end = next_end;
        }
        Ok(values)
    }

    pub(super) fn begin(&mut self) -> u32 {
        self.stream.set_deadline(Instant::now() + self.patience.operation);
        let id = self.next_id;
        self.next_id = if id == i32::MAX as u32 { 1 } else { id + 1 };
        id
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), LdapError> {
        self.stream.send(bytes).map_err(|error| LdapError::of_stream(&error))
    }

    /// The next message, which must be about `id`.
    pub(super) fn answer(&mut self, id: u32) -> Result<Answer, LdapError> {
        let length = loop {
            if let Some(length) = self.message_length()? {
                break length;
            }
            self.receive()?;
        };
        let bytes: Vec<u8> = self.received.drain(..length).collect();
        let content = ber::Reader::new(&bytes).expect(ber::SEQUENCE).ok_or(LdapError::Protocol("no message"))?;
        match message::answer(content)? {
            (about, answer) if about == i64::from(id) => Ok(answer),
            // RFC 4511 §4.4: the server is about to close the connection, and says why.
            (0, Answer::Extended(outcome)) => Err(LdapError::Closed(outcome.message)),
            _ => Err(LdapError::Protocol("an answer to something that was not asked")),
        }
    }

    /// The length of the first message in what was received; `None` when it is not there as a whole.
    fn message_length(&self) -> Result<Option<usize>, LdapError> {
        let Some((&tag, after)) = self.received.split_first() else { return Ok(None) };
        if tag != ber::SEQUENCE {
            return Err(LdapError::Protocol("what came is no message"));
        }
        let Some((length, content)) = ber::length(after) else {
            let is_cut_off = after.first().is_none_or(|first| (0x81..=0x88).contains(first)) && after.len() < 9;
            return if is_cut_off { Ok(None) } else { Err(LdapError::Protocol("a length cannot be read")) };
        };
        if length > MESSAGE_BYTES_MAX {
            return Err(LdapError::TooMuch("a message of more than 8 MiB"));
        }
        let whole = self.received.len() - content.len() + length;
        Ok((self.received.len() >= whole).then_some(whole))
    }

    fn receive(&mut self) -> Result<(), LdapError> {
        let mut chunk = [0; CHUNK_BYTES];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(LdapError::closed_by_server()),
            Ok(count) => {
                self.received.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) => Err(LdapError::of_stream(&error)),
        }
    }
}

fn connect(address: IpAddr, port: u16, patience: Patience) -> io::Result<Timed> {
    let stream = TcpStream::connect_timeout(&SocketAddr::new(address, port), patience.connect)?;
    stream.set_nodelay(true)?;
    Ok(Timed { stream, deadline: Instant::now() + patience.operation })
}

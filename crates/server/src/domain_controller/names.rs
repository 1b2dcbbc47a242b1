//! Conditional forwarders of a domain. Its DNS knows one place for the names of all other domains, which is this one;
//! from here they go to the name servers that the directory has for them, and to nobody else.

use base::DirectoryId;
use directory::ldap::dns;
use kernel::App;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Questions that are answered at once.
const THREADS: usize = 4;
/// How often is looked whether the domain has ended.
const LOOK: Duration = Duration::from_secs(1);
/// How long the name servers of a domain may take, together. The domain's DNS waits a little longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest message.
const MESSAGE_BYTES_MAX: usize = 4_096;
/// Outcomes (RFC 1035 §4.1.1).
const SERVER_FAILURE: u8 = 2;
const NAME_ERROR: u8 = 3;

/// Where the DNS of a domain asks for the names of other domains, as long as this lives.
pub(super) struct Names {
    address: SocketAddr,
    has_ended: Arc<AtomicBool>,
}

impl Names {
    /// Listens at the address of the domain's controller.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) fn listen(app: &Weak<App>, directory: &DirectoryId, address: Ipv4Addr) -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind((address, 0))?);
        socket.set_read_timeout(Some(LOOK))?;
        let names = Self { address: socket.local_addr()?, has_ended: Arc::default() };
        for _ in 0..THREADS {
            let (app, directory) = (Weak::clone(app), directory.clone());
            let (socket, has_ended) = (Arc::clone(&socket), Arc::clone(&names.has_ended));
            let serve = move || serve(&app, &directory, &socket, &has_ended);
            std::thread::Builder::new().name("names".to_owned()).spawn(serve)?;
        }
        Ok(names)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }
}

fn serve(app: &Weak<App>, directory: &DirectoryId, socket: &UdpSocket, has_ended: &AtomicBool) {
    let mut buffer = [0; MESSAGE_BYTES_MAX];
    while !has_ended.load(Ordering::Relaxed) {
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            // An answer that nobody waited for any more comes back as an error of the next call.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::Interrupted) => continue,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(error) => {
                tracing::error!(%directory, %error, "names of other domains cannot be forwarded any more");
                return;
            }
        };
        let Some(app) = app.upgrade() else { return };
        let Some(reply) = reply(&app, directory, &buffer[..length]) else { continue };
        socket.send_to(&reply, from).ok();
    }
}

/// The answer to a question; `None` to what is none.
fn reply(app: &App, directory: &DirectoryId, query: &[u8]) -> Option<Vec<u8>> {
    let name = dns::asked(query)?;
    let servers = match directory::managed::name_servers(app, directory, &name) {
        Ok(servers) => servers,
        Err(error) => {
            tracing::error!(%directory, %error, "conditional forwarders cannot be read");
            return Some(refusal(query, SERVER_FAILURE));
        }
    };
    if servers.is_empty() {
        return Some(refusal(query, NAME_ERROR));
    }
    let share = PATIENCE / u32::try_from(servers.len()).unwrap_or(u32::MAX);
    let answer = servers.into_iter().find_map(|server| ask(server, query, share).ok());
    Some(answer.unwrap_or_else(|| refusal(query, SERVER_FAILURE)))
}

/// Asks a name server as the domain's DNS would.
fn ask(server: SocketAddr, query: &[u8], patience: Duration) -> io::Result<Vec<u8>> {
    let local: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.send(query)?;
    let until = Instant::now() + patience;
    let mut buffer = [0; MESSAGE_BYTES_MAX];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut buffer)?;
        // Whatever is not the answer to this question may be somebody's attempt to give another one.
        if dns::answers(&buffer[..length], query) {
            return Ok(buffer[..length].to_vec());
        }
    }
}

/// An answer without records to a question.
fn refusal(query: &[u8], outcome: u8) -> Vec<u8> {
    let mut message = query.to_vec();
    // It is a response, and recursion is available; the other flags of the question stay.
    if let Some(flags) = message.get_mut(2..4) {
        flags[0] |= 0x80;
        flags[1] = 0x80 | outcome;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03dc1\x05other\x07example\x00\x00\x01\x00\x01";

    #[test]
    fn a_refusal_is_an_answer_to_the_question() {
        let refused = refusal(QUERY, NAME_ERROR);
        assert!(dns::answers(&refused, QUERY));
        assert_eq!((refused[2], refused[3]), (0x81, 0x83));
        assert_eq!(refusal(&[1, 2], NAME_ERROR), [1, 2]);
    }

    #[test]
    fn a_name_server_is_asked_and_others_are_not_listened_to() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let address = server.local_addr().expect("an address");
        let served = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            let (length, from) = server.recv_from(&mut buffer).expect("a question");
            let mut wrong = buffer[..length].to_vec();
            wrong[0] ^= 1;
            server.send_to(&refusal(&wrong, 0), from).expect("sent");
            server.send_to(&refusal(&buffer[..length], 0), from).expect("sent");
        });
        assert_eq!(ask(address, QUERY, Duration::from_secs(10)).expect("an answer"), refusal(QUERY, 0));
        served.join().expect("served");
        assert!(ask(address, QUERY, Duration::from_millis(50)).is_err());
    }
}

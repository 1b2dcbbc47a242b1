//! A client that costs next to nothing: blocking sockets, prepared bytes, answers that are only measured.

use anyhow::{Context as _, Result, bail};
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that is kept open.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, in the connection's buffer.
pub struct Answer<'a> {
    /// Status line and headers.
    pub head: &'a [u8],
    /// Body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// Whether the status is 200.
    pub fn is_ok(&self) -> bool {
        self.head.starts_with(b"HTTP/1.1 200 ")
    }

    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.head).ok()?.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The body, when the status is 200.
    pub fn accepted(&self) -> Result<&[u8]> {
        if !self.is_ok() {
            bail!("refused: {} {}", String::from_utf8_lossy(self.head), String::from_utf8_lossy(self.body));
        }
        Ok(self.body)
    }
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; READ_BYTES] })
    }

    /// Sends a request.
    pub fn send(&mut self, request: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(request)?)
    }

    /// Receives the whole answer to the request that was sent.
    pub fn receive(&mut self) -> Result<Answer<'_>> {
        let mut filled = 0;
        loop {
            if filled == self.buffer.len() {
                self.buffer.resize(filled * 2, 0);
            }
            let count = self.stream.read(&mut self.buffer[filled..]).context("no answer")?;
            if count == 0 {
                bail!("the server closed the connection");
            }
            filled += count;
            if let Some((head, total)) = extent(&self.buffer[..filled])
                && filled >= total
            {
                return Ok(Answer { head: &self.buffer[..head], body: &self.buffer[head..total] });
            }
        }
    }

    /// Sends a request and receives its answer.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.send(request)?;
        self.receive()
    }
}

/// Length of the head and of the whole answer, once the head is there.
fn extent(bytes: &[u8]) -> Option<(usize, usize)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let name = b"content-length: ";
    let Some(at) = bytes[..head].windows(name.len()).position(|each| each == name) else { return Some((head, head)) };
    let digits = bytes[at + name.len()..head].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length: usize, digit| length.saturating_mul(10) + usize::from(digit - b'0'));
    Some((head, head.saturating_add(length)))
}

/// What a round of load came to.
pub struct Round {
    /// Answers received.
    pub answers: u32,
    /// Time that it took, in seconds.
    pub seconds: f64,
}

/// Sends the requests of `next` over `connections`, one at a time on each, until it has no more or the time is over.
pub fn drive<'r>(
    connections: &mut [Connection],
    limit: Duration,
    mut next: impl FnMut() -> Option<&'r [u8]>,
) -> Result<Round> {
    let started = Instant::now();
    let mut in_flight = VecDeque::with_capacity(connections.len());
    for connection in connections {
        if let Some(request) = next() {
            connection.send(request)?;
            in_flight.push_back(connection);
        }
    }
    let mut answers = 0;
    while let Some(connection) = in_flight.pop_front() {
        connection.receive()?.accepted()?;
        answers += 1;
        if started.elapsed() < limit
            && let Some(request) = next()
        {
            connection.send(request)?;
            in_flight.push_back(connection);
        }
    }
    Ok(Round { answers, seconds: started.elapsed().as_secs_f64() })
}

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

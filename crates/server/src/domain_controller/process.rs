//! A program that runs beside the server and ends with it.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Longest line of a program that is read as one, in bytes.
const LINE_BYTES_MAX: u64 = 2_000;
/// Lines that are kept for whoever asks why it ended.
const LINES_KEPT: usize = 20;
/// Longest line in a reason, in characters.
const REASON_CHARACTERS_MAX: usize = 300;

type Tail = Arc<Mutex<VecDeque<String>>>;

/// A running program. Its standard input is open as long as the server holds it, and the server's end closes it,
/// however the server ends.
pub(super) struct Process {
    child: Child,
    tail: Tail,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts a program, in a process group of its own, so that a key pressed at the server's terminal does not reach it.
    /// `ended` is called when it has closed its output, which is when it has ended.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(mut command: Command, about: &str, ended: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let mut child =
            command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let tail = Tail::default();
        let errors = child.stderr.take().map(|stream| listen(stream, about, &tail, || {}));
        let output = child.stdout.take().map(|stream| listen(stream, about, &tail, ended));
        let readers = [errors, output].into_iter().flatten().collect::<io::Result<_>>();
        let mut process = Self { child, tail, readers: Vec::new() };
        match readers {
            Ok(readers) => process.readers = readers,
            Err(error) => {
                process.kill();
                return Err(error);
            }
        }
        Ok(process)
    }

    /// Gives it a line of input.
    ///
    /// # Errors
    /// When it does not read.
    pub(super) fn tell(&mut self, line: &[u8]) -> io::Result<()> {
        let Some(stdin) = &mut self.child.stdin else { return Ok(()) };
        stdin.write_all(line)?;
        stdin.write_all(b"\n")?;
        stdin.flush()
    }

    /// Asks it to end: it has no more input.
    pub(super) fn ask_to_end(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Ends it.
    pub(super) fn kill(&mut self) {
        if let Err(error) = self.child.kill() {
            tracing::error!(%error, "a program cannot be ended");
        }
    }

    /// How it ended, with the last that it said.
    pub(super) fn wait(mut self) -> (Option<ExitStatus>, String) {
        let status = self.child.wait().ok();
        for reader in self.readers.drain(..) {
            reader.join().ok();
        }
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let last = tail.iter().rev().find(|line| !line.trim().is_empty());
        let last = last.map(|line| line.trim().chars().take(REASON_CHARACTERS_MAX).collect());
        (status, last.unwrap_or_default())
    }
}

/// Reads what a program says, line by line, until it says no more.
fn listen(
    stream: impl Read + Send + 'static,
    about: &str,
    tail: &Tail,
    ended: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let (about, tail) = (about.to_owned(), Arc::clone(tail));
    let read = move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            tracing::debug!(directory = about, text, "samba");
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            if tail.len() == LINES_KEPT {
                tail.pop_front();
            }
            tail.push_back(text);
            line.clear();
        }
        ended();
    };
    std::thread::Builder::new().name("samba".to_owned()).spawn(read)
}

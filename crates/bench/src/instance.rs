//! A server process: started on a free port of the loopback interface, watched, ended.

use crate::request::Signer;
use crate::wire::Connection;
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Kernel clock ticks of `/proc/<pid>/stat` a second (`USER_HZ`).
const TICKS_A_SECOND: f64 = 100.0;

/// A running server.
pub struct Instance {
    child: Child,
    started: Instant,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to its first answer of `/readyz`.
    pub ready_after: Duration,
}

impl Instance {
    /// Starts `vestibule serve` with `data` as its data directory.
    pub fn start(program: &Path, data: &Path, extra: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(extra);
        let mut instance = Self::launch(command)?;
        let mut connection = Connection::open(instance.address)?;
        let answer = connection.exchange(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
        if !answer.is_ok() {
            bail!("the server does not become ready");
        }
        instance.ready_after = instance.started.elapsed();
        Ok(instance)
    }

    /// Starts the bare handler.
    pub fn bare(body: &Path, content_type: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare").arg(body).arg(content_type);
        Self::launch(command)
    }

    fn launch(mut command: Command) -> Result<Self> {
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("{command:?}"))?;
        let output = child.stdout.take().context("the child has no output")?;
        let endpoint = BufReader::new(output).lines().map_while(Result::ok).find_map(|line| {
            let (_, endpoint) = line.split_once("API endpoint")?;
            endpoint.trim().strip_prefix("http://")?.parse().ok()
        });
        let Some(address) = endpoint else {
            child.kill()?;
            bail!("the server ended before it was ready: {}", child.wait()?);
        };
        Ok(Self { child, address, started, ready_after: started.elapsed() })
    }

    /// Credentials of the bootstrap administrator.
    pub fn signer(&self, data: &Path) -> Result<Signer> {
        let path = data.join("bootstrap.json");
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let facts: serde_json::Value = serde_json::from_slice(&text)?;
        let member = |name: &str| facts["admin"][name].as_str().unwrap_or_default().to_owned();
        let account = facts["management_account_id"].as_str().unwrap_or_default().to_owned();
        Ok(Signer {
            host: self.address.to_string(),
            account,
            access_key_id: member("access_key_id"),
            secret: member("secret_access_key"),
        })
    }

    /// Processor time that the process has used, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(self.child.id())
    }

    /// Resident memory in megabytes (10^6 bytes).
    pub fn resident_megabytes(&self) -> Result<f64> {
        self.megabytes("VmRSS:")
    }

    /// The most that it has had so far.
    pub fn peak_megabytes(&self) -> Result<f64> {
        self.megabytes("VmHWM:")
    }

    fn megabytes(&self, name: &str) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such figure")?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }
}

/// Processor time that a process has used, in seconds.
pub fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is a name in parentheses that may hold anything.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).context("no such process")?;
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_A_SECOND)
}

impl Drop for Instance {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
            eprintln!("a server could not be ended: {error}");
        }
    }
}

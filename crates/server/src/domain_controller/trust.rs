//! Trusts of a domain: Samba's Python works on the domain's database beside its controller, and calls the other
//! domain's controllers.

use super::files::Files;
use super::programs::Programs;
use anyhow::{Context as _, Result, bail};
use base::Secret;
use directory::managed::{SERVICE_USER, TrustOrder, TrustWork};
use model::ds::TrustDirection;
use serde::Deserialize;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// What Samba's Python is told to do.
const TRUST: &str = include_str!("trust.py");
/// How long that may take: less than a job may.
const TIME_MAX: Duration = Duration::from_secs(40);
/// Longest output that is read, in bytes.
const OUTPUT_BYTES_MAX: u64 = 100_000;
/// Longest reason that is shown, in characters.
const REASON_CHARACTERS_MAX: usize = 500;

/// What it answers.
#[derive(Deserialize)]
struct Answer {
    /// Why it cannot be done.
    reason: Option<String>,
}

/// Does what is ordered. The domain must have been made.
///
/// # Errors
/// A sentence that says why it cannot be done.
pub(super) fn carry_out(order: &TrustOrder, files: &Files, programs: &Programs) -> Result<(), String> {
    match answer(order, files, programs) {
        Ok(Answer { reason: None }) => Ok(()),
        Ok(Answer { reason: Some(reason) }) => Err(reason.chars().take(REASON_CHARACTERS_MAX).collect()),
        Err(error) => Err(format!("{error:#}.")),
    }
}

fn answer(order: &TrustOrder, files: &Files, programs: &Programs) -> Result<Answer> {
    if !files.is_made().context("the data of the domain cannot be read")? {
        bail!("The data of the domain are not there");
    }
    let mut command = programs.python();
    command.args(["-c", TRUST]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("Samba's tools cannot be started")?;
    let said = talk(&mut child, &input(order, files), order.directory.as_str());
    // Its input ends when this does, and so does it; what hangs in spite of that is ended.
    if said.is_err() {
        child.kill().ok();
    }
    let status = child.wait().context("Samba's tools cannot be waited for")?;
    let (output, errors) = said?;
    let last = |text: &str| text.trim().lines().last().unwrap_or_default().to_owned();
    if !status.success() {
        let why = last(&errors);
        bail!("Samba's tools failed: {why}{}", programs.hint(&why));
    }
    serde_json::from_str(&last(&output)).context("Samba's tools gave no answer")
}

fn input(order: &TrustOrder, files: &Files) -> Secret {
    let TrustOrder { name, short_name, remote, direction, kind, is_selective, work, .. } = order;
    let none = Vec::new();
    let (work, password, service_password, controllers) = match work {
        TrustWork::Make { password, controllers } => ("make", password.expose(), "", controllers),
        TrustWork::Verify { service_password, controllers } => ("verify", "", service_password.expose(), controllers),
        TrustWork::Change => ("change", "", "", &none),
        TrustWork::Remove => ("remove", "", "", &none),
    };
    let place = files.samba().join("etc");
    let input = serde_json::json!({
        "configuration": place.join("smb.conf"),
        "kerberos": kerberos(order, controllers),
        "name": name,
        "short_name": short_name,
        "remote": remote,
        "is_incoming": *direction != TrustDirection::OneWayOutgoing,
        "is_outgoing": *direction != TrustDirection::OneWayIncoming,
        "type": kind.as_str(),
        "is_selective": is_selective,
        "work": work,
        "password": password,
        "controllers": controllers,
        "service_user": SERVICE_USER,
        "service_password": service_password,
    });
    Secret::new(format!("{input}\n"))
}

/// Where the tickets of both domains come from: nothing is looked up.
fn kerberos(order: &TrustOrder, controllers: &[(String, IpAddr)]) -> String {
    let (ours, theirs) = (order.name.to_uppercase(), order.remote.to_uppercase());
    let mut text = format!(
        "[libdefaults]\n    default_realm = {ours}\n    dns_lookup_realm = false\n    dns_lookup_kdc = false\n    \
         dns_canonicalize_hostname = false\n    rdns = false\n[realms]\n    {ours} = {{\n        kdc = {}:88\n    }}\n\
         \x20   {theirs} = {{\n",
        order.address
    );
    for (_, address) in controllers {
        let line = match address {
            IpAddr::V4(address) => writeln!(text, "        kdc = {address}:88"),
            IpAddr::V6(address) => writeln!(text, "        kdc = [{address}]:88"),
        };
        line.expect("a text takes everything");
    }
    let (name, remote) = (&order.name, &order.remote);
    let domains = format!(
        "    }}\n[domain_realm]\n    .{name} = {ours}\n    {name} = {ours}\n    .{remote} = {theirs}\n    \
         {remote} = {theirs}\n"
    );
    text + &domains
}

/// Gives a program its input, which stays open, and reads what it says until it has ended: its output and its errors.
fn talk(child: &mut Child, input: &Secret, about: &str) -> Result<(String, String)> {
    let mut stdin = child.stdin.take().context("it has no input")?;
    let (errors_sender, errors) = mpsc::channel();
    read(child.stderr.take().context("it has no errors")?, errors_sender)?;
    let (sender, output) = mpsc::channel();
    read(child.stdout.take().context("it has no output")?, sender)?;
    stdin.write_all(input.expose().as_bytes()).context("Samba's tools do not read")?;
    let output = match output.recv_timeout(TIME_MAX) {
        Ok(output) => output,
        Err(RecvTimeoutError::Timeout) => bail!("It took longer than {} seconds", TIME_MAX.as_secs()),
        Err(RecvTimeoutError::Disconnected) => bail!("Samba's tools cannot be listened to"),
    };
    let errors = errors.recv_timeout(TIME_MAX).unwrap_or_default();
    if !errors.is_empty() {
        tracing::debug!(directory = about, errors, "samba");
    }
    Ok((output, errors))
}

/// Reads a stream to its end, in a thread.
fn read(stream: impl Read + Send + 'static, sender: mpsc::Sender<String>) -> Result<()> {
    let work = move || {
        let mut bytes = Vec::new();
        stream.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes).ok();
        sender.send(String::from_utf8_lossy(&bytes).into_owned()).ok();
    };
    std::thread::Builder::new().name("samba".to_owned()).spawn(work).context("No thread can be had")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::DirectoryId;
    use model::ds::TrustType;
    use std::net::Ipv4Addr;

    #[test]
    fn tickets_come_from_the_controllers_that_were_found() {
        let order = TrustOrder {
            directory: DirectoryId::parse("d-1234567890").expect("valid"),
            name: "corp.example.com".to_owned(),
            short_name: "CORP".to_owned(),
            address: Ipv4Addr::new(127, 90, 0, 1),
            remote: "other.example.net".to_owned(),
            direction: TrustDirection::TwoWay,
            kind: TrustType::Forest,
            is_selective: false,
            work: TrustWork::Remove,
        };
        let controllers =
            [("dc1".to_owned(), IpAddr::from([10, 0, 0, 1])), ("dc2".to_owned(), "fd00::1".parse().expect("valid"))];
        let text = kerberos(&order, &controllers);
        for line in ["kdc = 127.90.0.1:88", "kdc = 10.0.0.1:88", "kdc = [fd00::1]:88", ".other.example.net = OTHER"] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}

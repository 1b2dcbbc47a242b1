//! How controllers of directories are reached, as far as operators decide.

use crate::config::Options;
use anyhow::{Context as _, Result, bail};
use directory::ldap::Patience;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// Longest wait that can be configured, in seconds: somebody who signs in waits for it.
const SECONDS_MAX: u64 = 300;

/// What `options` say, with the certificates of the file that they name.
///
/// # Errors
/// The first thing that is wrong, in a sentence that says what to do.
pub(crate) fn checked(options: &Options) -> Result<directory::Options> {
    let plain = directory::Options::default();
    let connect = seconds("connect", options.directory_connect_seconds, plain.patience.connect)?;
    let operation = seconds("answer", options.directory_answer_seconds, plain.patience.operation)?;
    Ok(directory::Options {
        ldaps_port: port("ldaps", options.directory_ldaps_port, plain.ldaps_port)?,
        ldap_port: port("ldap", options.directory_ldap_port, plain.ldap_port)?,
        dns_port: port("dns", options.directory_dns_port, plain.dns_port)?,
        authorities: options.directory_ca_file.as_deref().map(authorities).transpose()?.into_iter().collect(),
        controllers: controllers(options.directory_controllers.as_deref().unwrap_or_default())?,
        allows_plain_ldap: options.directory_allow_plain_ldap.unwrap_or(false),
        patience: Patience { connect, operation },
    })
}

fn port(which: &str, given: Option<u16>, default: u16) -> Result<u16> {
    match given {
        Some(0) => bail!("--directory-{which}-port 0: give a port from 1 to 65535"),
        given => Ok(given.unwrap_or(default)),
    }
}

fn seconds(which: &str, given: Option<u64>, default: Duration) -> Result<Duration> {
    match given {
        Some(seconds) if !(1..=SECONDS_MAX).contains(&seconds) => {
            bail!("--directory-{which}-seconds {seconds}: give 1 to {SECONDS_MAX}")
        }
        given => Ok(given.map_or(default, Duration::from_secs)),
    }
}

fn authorities(path: &Path) -> Result<String> {
    let about = || format!("--directory-ca-file {}", path.display());
    let text = std::fs::read_to_string(path).with_context(about)?;
    let certificates = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(text),
        _ => bail!("{}: it holds no certificates in PEM", about()),
    }
}

/// Reads `corp.example.com=dc1.corp.example.com@10.0.0.10`, once for each controller.
fn controllers(given: &[String]) -> Result<HashMap<String, Vec<(String, IpAddr)>>> {
    let mut controllers: HashMap<_, Vec<_>> = HashMap::new();
    for text in given {
        let parts = text.split_once('=').and_then(|(domain, rest)| Some((domain, rest.rsplit_once('@')?)));
        let controller = parts.and_then(|(domain, (host, address))| {
            let is_named = !domain.trim().is_empty() && !host.trim().is_empty();
            is_named.then_some((domain.trim().to_lowercase(), host.trim(), address.trim().parse::<IpAddr>().ok()?))
        });
        let Some((domain, host, address)) = controller else {
            bail!(
                "--directory-controllers {text}: give DOMAIN=HOST@ADDRESS, like corp.example.com=dc1.corp.example.com@10.0.0.10"
            );
        };
        controllers.entry(domain).or_default().push((host.to_owned(), address));
    }
    Ok(controllers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_are_named_with_their_domain_and_address() {
        let given =
            ["Corp.example.com=dc1.corp.example.com@10.0.0.10", "corp.example.com=dc2.corp.example.com@2001:db8::2"];
        let options = Options { directory_controllers: Some(given.map(str::to_owned).to_vec()), ..Options::default() };
        let checked = checked(&options).expect("valid");
        let hosts: Vec<_> = checked.controllers["corp.example.com"].iter().map(|(host, _)| host.as_str()).collect();
        assert_eq!(hosts, ["dc1.corp.example.com", "dc2.corp.example.com"]);
        assert_eq!((checked.ldaps_port, checked.ldap_port, checked.allows_plain_ldap), (636, 389, false));
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |options: Options| checked(&options).expect_err("refused").to_string();
        for text in ["dc1@10.0.0.10", "corp.example.com=dc1", "corp.example.com=dc1@nowhere", "=dc1@10.0.0.1"] {
            let options = Options { directory_controllers: Some(vec![text.to_owned()]), ..Options::default() };
            assert!(wrong(options).contains("DOMAIN=HOST@ADDRESS"), "{text}");
        }
        let zero = Options { directory_ldaps_port: Some(0), ..Options::default() };
        assert!(wrong(zero).contains("--directory-ldaps-port"));
        let slow = Options { directory_answer_seconds: Some(301), ..Options::default() };
        assert!(wrong(slow).contains("--directory-answer-seconds 301"));
        let path = std::env::temp_dir().join(format!("vestibule-no-authority-{}.pem", std::process::id()));
        std::fs::write(&path, "nothing").expect("written");
        let empty = Options { directory_ca_file: Some(path.clone()), ..Options::default() };
        assert!(wrong(empty).contains("no certificates"));
        std::fs::remove_file(&path).expect("removed");
        let missing = Options { directory_ca_file: Some(path), ..Options::default() };
        assert!(wrong(missing).contains("--directory-ca-file"));
    }
}

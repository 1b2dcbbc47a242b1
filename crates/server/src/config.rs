//! Configuration: flags over environment over a TOML file over defaults.

use crate::domain_controller::{NETWORK, Network};
use crate::proxy::TrustedProxies;
use anyhow::{Context as _, Result, bail};
use base::AccountId;
use kernel::settings::{MemberCreation, Settings};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where the server listens when nothing else is said.
pub const LISTEN: &str = "127.0.0.1:4600";
/// Where the data lies when nothing else is said.
pub const DATA: &str = "./data";

/// What can be configured; every field is a flag, an environment variable `VESTIBULE_…` and a key of the file.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// Directory of the database, the master key and the bootstrap file [default: ./data]
    #[arg(long, env = "VESTIBULE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:4600]
    #[arg(long, env = "VESTIBULE_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Address and port of a second listener, which answers under AWS's own host names [default: none]
    #[arg(long, env = "VESTIBULE_AWS_HOSTS", value_name = "ADDR:PORT")]
    pub aws_hosts: Option<String>,
    /// Network of whose addresses each domain controller of a MicrosoftAD directory gets one [default: 127.90.0.0/16]
    #[arg(long, env = "VESTIBULE_DIRECTORY_ADDRESSES", value_name = "CIDR")]
    pub directory_addresses: Option<String>,
    /// Mail server: `smtp://HOST`, `smtps://HOST`, with user and password where it wants them [default: none]
    #[arg(long, env = "VESTIBULE_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Sender of mail: an address, or `Name <address>` [default: Vestibule <no-reply@localhost>]
    #[arg(long, env = "VESTIBULE_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// `postgres://…` instead of SQLite inside the data directory
    #[arg(long, env = "VESTIBULE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Keep everything in memory and offer POST /admin/v1/reset: for tests [default: false]
    #[arg(long, env = "VESTIBULE_EPHEMERAL", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub ephemeral: Option<bool>,
    /// On an empty data directory, create a small organization [default: false]
    #[arg(long, env = "VESTIBULE_DEMO", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub demo: Option<bool>,
    /// Connections to PostgreSQL [default: 16]
    #[arg(long, env = "VESTIBULE_DATABASE_CONNECTIONS", value_name = "N")]
    pub database_connections: Option<usize>,
    /// URL under which clients reach the server [default: http(s)://<listen>]
    #[arg(long, env = "VESTIBULE_BASE_URL", value_name = "URL")]
    pub base_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, separated by commas [default: none]
    #[arg(long, env = "VESTIBULE_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxies: Option<Vec<String>>,
    /// Region that the installation stands for [default: us-east-1]
    #[arg(long, env = "VESTIBULE_REGION", value_name = "REGION")]
    pub region: Option<String>,
    /// Certificate chain (PEM); reloaded when it changes
    #[arg(long, env = "VESTIBULE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) of the certificate
    #[arg(long, env = "VESTIBULE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Authorities (PEM) trusted for OpenID Connect providers besides those of the system
    #[arg(long, env = "VESTIBULE_OIDC_CA_FILE", value_name = "FILE")]
    pub oidc_ca_file: Option<PathBuf>,
    /// Authorities (PEM) trusted for the controllers of every directory besides those registered for it
    #[arg(long, env = "VESTIBULE_DIRECTORY_CA_FILE", value_name = "FILE")]
    pub directory_ca_file: Option<PathBuf>,
    /// Controllers of domains that are then not looked up in DNS, separated by commas, in the order of preference
    #[arg(long, env = "VESTIBULE_DIRECTORY_CONTROLLERS", value_name = "DOMAIN=HOST@ADDRESS", value_delimiter = ',')]
    pub directory_controllers: Option<Vec<String>>,
    /// Port of LDAPS at the controllers of directories [default: 636]
    #[arg(long, env = "VESTIBULE_DIRECTORY_LDAPS_PORT", value_name = "PORT")]
    pub directory_ldaps_port: Option<u16>,
    /// Port of LDAP at the controllers of directories, for StartTLS [default: 389]
    #[arg(long, env = "VESTIBULE_DIRECTORY_LDAP_PORT", value_name = "PORT")]
    pub directory_ldap_port: Option<u16>,
    /// Port of the DNS servers of directories [default: 53]
    #[arg(long, env = "VESTIBULE_DIRECTORY_DNS_PORT", value_name = "PORT")]
    pub directory_dns_port: Option<u16>,
    /// Seconds to wait for a connection to a controller [default: 3]
    #[arg(long, env = "VESTIBULE_DIRECTORY_CONNECT_SECONDS", value_name = "SECONDS")]
    pub directory_connect_seconds: Option<u64>,
    /// Seconds to wait for an answer of a controller [default: 15]
    #[arg(long, env = "VESTIBULE_DIRECTORY_ANSWER_SECONDS", value_name = "SECONDS")]
    pub directory_answer_seconds: Option<u64>,
    /// Send passwords over plain LDAP to controllers that offer neither LDAPS nor StartTLS: whoever sees the network sees them [default: false]
    #[arg(long, env = "VESTIBULE_DIRECTORY_ALLOW_PLAIN_LDAP", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub directory_allow_plain_ldap: Option<bool>,
    /// `text` or `json` [default: text]
    #[arg(long, env = "VESTIBULE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged, as `tracing` directives [default: info]
    #[arg(long, env = "VESTIBULE_LOG", value_name = "DIRECTIVES")]
    pub log: Option<String>,
    /// Master key (base64, one a line, the current one first) instead of DIR/master.key
    #[arg(long, env = "VESTIBULE_MASTER_KEY", value_name = "KEY", hide_env_values = true)]
    pub master_key: Option<String>,
    /// Id of the management account, at the first start [default: random]
    #[arg(long, env = "VESTIBULE_MANAGEMENT_ACCOUNT_ID", value_name = "ID")]
    pub management_account_id: Option<String>,
    /// Access key id of the bootstrap administrator, at the first start [default: random]
    #[arg(long, env = "VESTIBULE_ADMIN_ACCESS_KEY_ID", value_name = "ID")]
    pub admin_access_key_id: Option<String>,
    /// Secret of that access key [default: random]
    #[arg(long, env = "VESTIBULE_ADMIN_SECRET_ACCESS_KEY", value_name = "SECRET", hide_env_values = true)]
    pub admin_secret_access_key: Option<String>,
    /// Days before a created account may leave the organization; AWS waits 4 [default: 0]
    #[arg(long, env = "VESTIBULE_ACCOUNT_MIN_AGE_DAYS", value_name = "DAYS")]
    pub account_min_age_days: Option<i64>,
    /// Seconds that closing an account takes [default: 60]
    #[arg(long, env = "VESTIBULE_ACCOUNT_CLOSING_SECONDS", value_name = "SECONDS")]
    pub account_closing_seconds: Option<i64>,
    /// Accounts that an organization may have [default: 5000]
    #[arg(long, env = "VESTIBULE_ACCOUNTS_MAX", value_name = "N")]
    pub accounts_max: Option<i64>,
    /// Enable service control policies in the root of new organizations [default: false]
    #[arg(long, env = "VESTIBULE_SCP_ENABLED_BY_DEFAULT", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub scp_enabled_by_default: Option<bool>,
    /// When members get the service-linked role of a trusted service: `eager` or `on-provision` [default: eager]
    #[arg(long, env = "VESTIBULE_SLR_MEMBER_CREATION", value_name = "WHEN")]
    pub slr_member_creation: Option<SlrMemberCreation>,
    /// Never allow structural changes of service-linked roles, as IAM does [default: false]
    #[arg(long, env = "VESTIBULE_SLR_IAM_STRICT", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub slr_iam_strict: Option<bool>,
    /// Lock even the description of a service-linked role while trusted access is on [default: false]
    #[arg(long, env = "VESTIBULE_SLR_DESCRIPTION_LOCKED", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub slr_description_locked: Option<bool>,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// When members get service-linked roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SlrMemberCreation {
    /// As soon as trusted access is on.
    Eager,
    /// With the first thing provisioned.
    OnProvision,
}

macro_rules! over {
    ($first:expr, $second:expr; $($field:ident),* $(,)?) => {
        Options { $($field: $first.$field.or($second.$field)),* }
    };
}

impl Options {
    /// Fills what flags and environment leave open from `file`.
    ///
    /// # Errors
    /// When the file cannot be read or has a key that does not exist.
    pub fn with_file(self, file: Option<&Path>) -> Result<Self> {
        let Some(path) = file else { return Ok(self) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        let from_file: Self = toml::from_str(&text).map_err(|error| {
            anyhow::anyhow!("the configuration file {}: {}", path.display(), one_line(&error.to_string()))
        })?;
        Ok(over!(self, from_file;
            data, listen, trusted_proxies, aws_hosts, directory_addresses, smtp_url, mail_from, ephemeral, demo, database_url, database_connections, base_url, region, tls_cert, tls_key,
            oidc_ca_file, log_format, log, master_key, management_account_id, admin_access_key_id,
            admin_secret_access_key, account_min_age_days,
            account_closing_seconds, accounts_max, scp_enabled_by_default, slr_member_creation, slr_iam_strict,
            slr_description_locked, directory_ca_file, directory_controllers, directory_ldaps_port, directory_ldap_port,
            directory_dns_port, directory_connect_seconds, directory_answer_seconds, directory_allow_plain_ldap,
        ))
    }

    /// Checks everything that can be checked without touching the data.
    ///
    /// # Errors
    /// The first thing that is wrong, in a sentence that says what to do.
    pub fn checked(self) -> Result<Config> {
        let listen_text = self.listen.clone().unwrap_or_else(|| LISTEN.to_owned());
        let listen: SocketAddr = listen_text
            .parse()
            .map_err(|_| anyhow::anyhow!("--listen {listen_text}: give an address and a port, like {LISTEN}"))?;
        let trusted_proxies = TrustedProxies::parse(self.trusted_proxies.as_deref().unwrap_or_default())?;
        let aws_hosts = self.aws_hosts.as_deref().map(checked_aws_hosts).transpose()?;
        let addresses = self.directory_addresses.as_deref().unwrap_or(NETWORK);
        let directory_addresses =
            Network::parse(addresses).with_context(|| format!("--directory-addresses {addresses}"))?;
        let directories = crate::directories::checked(&self)?;
        let tls = checked_tls(self.tls_cert, self.tls_key)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base_url = match self.base_url {
            Some(url) => checked_base_url(url)?,
            None => format!("{scheme}://{}", reachable(listen)),
        };
        if let Some(url) = &self.database_url
            && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
        {
            bail!("--database-url: only postgres:// URLs are understood; leave it out for SQLite");
        }
        let is_ephemeral = self.ephemeral.unwrap_or(false);
        if is_ephemeral && self.database_url.is_some() {
            bail!("--ephemeral keeps everything in memory: leave out --database-url");
        }
        if is_ephemeral && aws_hosts.is_some() && self.data.is_none() {
            bail!("--aws-hosts needs a directory for its certificate authority: give --data");
        }
        let management_account_id = match self.management_account_id {
            None => None,
            Some(text) => Some(
                AccountId::parse(&text)
                    .with_context(|| format!("--management-account-id {text}: an account id has exactly 12 digits"))?,
            ),
        };
        let admin_key = checked_admin_key(self.admin_access_key_id, self.admin_secret_access_key)?;
        let mut settings = Settings { base_url: base_url.trim_end_matches('/').to_owned(), ..Settings::default() };
        if let Some(region) = self.region {
            settings.region = region;
        }
        let organizations = &mut settings.organizations;
        organizations.account_age_days_min = self.account_min_age_days.unwrap_or(organizations.account_age_days_min);
        organizations.account_closing_seconds =
            self.account_closing_seconds.unwrap_or(organizations.account_closing_seconds);
        organizations.accounts_max = self.accounts_max.unwrap_or(organizations.accounts_max);
        organizations.is_scp_enabled_at_start = self.scp_enabled_by_default.unwrap_or(false);
        let roles = &mut settings.service_linked_roles;
        if self.slr_member_creation == Some(SlrMemberCreation::OnProvision) {
            roles.member_creation = MemberCreation::OnProvision;
        }
        roles.is_structure_always_locked = self.slr_iam_strict.unwrap_or(false);
        roles.is_description_locked = self.slr_description_locked.unwrap_or(false);
        Ok(Config {
            is_ephemeral,
            is_demo: self.demo.unwrap_or(false),
            has_data: self.data.is_some(),
            data: self.data.unwrap_or_else(|| PathBuf::from(DATA)),
            listen,
            trusted_proxies,
            aws_hosts,
            directory_addresses,
            smtp_url: self.smtp_url,
            mail_from: self.mail_from,
            database_url: self.database_url,
            database_connections: self.database_connections.unwrap_or(16).clamp(2, 256),
            tls,
            oidc_ca_file: self.oidc_ca_file,
            directories,
            log_format: self.log_format.unwrap_or(LogFormat::Text),
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            master_key: self.master_key,
            management_account_id,
            admin_key,
            settings,
        })
    }
}

/// Everything is served at the root, so a URL with a path would lead nowhere.
fn checked_base_url(url: String) -> Result<String> {
    let parsed = url.parse::<http::Uri>().ok();
    let is_web =
        parsed.as_ref().and_then(http::Uri::scheme_str).is_some_and(|scheme| matches!(scheme, "http" | "https"));
    let is_root = parsed.as_ref().is_some_and(|url| url.path() == "/" && url.query().is_none());
    if !is_web || !is_root || url.contains(['#', '@']) {
        bail!("--base-url {url}: give http:// or https://, a host and a port, and nothing behind them");
    }
    Ok(url)
}

/// Whether a URL leads nowhere but to the machine itself.
pub fn is_local(base_url: &str) -> bool {
    let host = base_url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned)).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An address under which clients on this machine reach a server that listens on `listen`.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let loopback = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(loopback, listen.port())
}

fn checked_aws_hosts(text: &str) -> Result<SocketAddr> {
    text.parse().with_context(|| format!("--aws-hosts {text}: give an address and a port, like 127.0.0.1:4643"))
}

fn checked_tls(cert: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>> {
    match (cert, key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        _ => bail!("give both --tls-cert and --tls-key, or neither"),
    }
}

fn checked_admin_key(id: Option<String>, secret: Option<String>) -> Result<Option<(base::AccessKeyId, base::Secret)>> {
    match (id, secret) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some((checked_key_id(&id)?, checked_secret(secret)?))),
        _ => bail!("give both --admin-access-key-id and --admin-secret-access-key, or neither"),
    }
}

fn checked_key_id(id: &str) -> Result<base::AccessKeyId> {
    base::AccessKeyId::parse(id)
        .filter(|id| !id.is_session())
        .context("--admin-access-key-id: 16 to 128 letters, digits or underscores, not beginning with ASIA")
}

fn checked_secret(secret: String) -> Result<base::Secret> {
    if secret.len() < 8 || secret.len() > 128 || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        bail!("--admin-secret-access-key: 8 to 128 printable characters without spaces");
    }
    Ok(base::Secret::new(secret))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Files of the TLS certificate.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain.
    pub cert: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// A configuration that holds together.
#[derive(Debug, Clone)]
pub struct Config {
    /// Everything in memory.
    pub is_ephemeral: bool,
    /// Create a small organization at the first start.
    pub is_demo: bool,
    /// Whether a data directory was named.
    pub has_data: bool,
    /// The data directory.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whose word about clients counts.
    pub trusted_proxies: TrustedProxies,
    /// Where to answer under AWS's own host names.
    pub aws_hosts: Option<SocketAddr>,
    /// Where domain controllers listen.
    pub directory_addresses: Network,
    /// The mail server.
    pub smtp_url: Option<String>,
    /// Sender of mail.
    pub mail_from: Option<String>,
    /// PostgreSQL instead of SQLite.
    pub database_url: Option<String>,
    /// Connections to PostgreSQL.
    pub database_connections: usize,
    /// TLS.
    pub tls: Option<TlsFiles>,
    /// Authorities trusted for OpenID Connect providers besides those of the system.
    pub oidc_ca_file: Option<PathBuf>,
    /// How the controllers of directories are reached.
    pub directories: directory::Options,
    /// Form of the log.
    pub log_format: LogFormat,
    /// What is logged.
    pub log: String,
    /// Master key from the environment.
    pub master_key: Option<String>,
    /// Id of the management account.
    pub management_account_id: Option<AccountId>,
    /// Key of the bootstrap administrator.
    pub admin_key: Option<(base::AccessKeyId, base::Secret)>,
    /// Behaviour.
    pub settings: Settings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file() {
        let path = std::env::temp_dir().join(format!("vestibule-config-{}.toml", std::process::id()));
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\nregion = \"eu-central-1\"\n").expect("written");
        let options = Options { listen: Some("127.0.0.1:2".to_owned()), ..Options::default() };
        let config = options.with_file(Some(&path)).and_then(Options::checked);
        std::fs::remove_file(&path).expect("removed");
        let config = config.expect("valid");
        assert_eq!((config.listen.port(), config.settings.region.as_str()), (2, "eu-central-1"));
    }

    #[test]
    fn the_url_for_clients_is_one_that_leads_to_the_server() {
        let url = |listen: &str, base_url: Option<&str>| {
            let base_url = base_url.map(str::to_owned);
            let options = Options { listen: Some(listen.to_owned()), base_url, ..Options::default() };
            options.checked().map(|config| config.settings.base_url)
        };
        assert_eq!(url("0.0.0.0:4600", None).expect("valid"), "http://127.0.0.1:4600");
        assert_eq!(url("[::]:4600", None).expect("valid"), "http://[::1]:4600");
        assert!(
            is_local("http://[::1]:4600") && is_local("http://localhost:1") && !is_local("https://sso.example.com")
        );
        assert_eq!(url("192.0.2.1:4600", None).expect("valid"), "http://192.0.2.1:4600");
        assert_eq!(url("0.0.0.0:1", Some("https://sso.example.com/")).expect("valid"), "https://sso.example.com");
        for wrong in ["https://h/path", "http://h?x", "http://h#x", "http://u:p@h", "ftp://h", "h:4600", "http://"] {
            assert!(url("127.0.0.1:1", Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |options: Options| options.checked().expect_err("refused").to_string();
        assert!(wrong(Options { listen: Some("nowhere".into()), ..Options::default() }).contains("--listen nowhere"));
        assert!(wrong(Options { tls_cert: Some("a".into()), ..Options::default() }).contains("--tls-key"));
        let id = Options { management_account_id: Some("12".into()), ..Options::default() };
        assert!(wrong(id).contains("12 digits"));
        let url = Options { database_url: Some("mysql://x".into()), ..Options::default() };
        assert!(wrong(url).contains("postgres://"));
        let key = Options { admin_access_key_id: Some("AKIAIOSFODNN7EXAMPLE".into()), ..Options::default() };
        assert!(wrong(key).contains("--admin-secret-access-key"));
    }

    #[test]
    fn an_unknown_key_of_the_file_is_refused() {
        let path = std::env::temp_dir().join(format!("vestibule-unknown-{}.toml", std::process::id()));
        std::fs::write(&path, "lisen = \"127.0.0.1:1\"\n").expect("written");
        let error = Options::default().with_file(Some(&path)).expect_err("refused").to_string();
        std::fs::remove_file(&path).expect("removed");
        assert!(error.contains("lisen"), "{error}");
    }
}

//! The environment of AWS clients: which server, which region, whose keys. Read as the AWS CLI reads it, as far as keys
//! stand in the environment or in a file; where a profile names another source, the AWS CLI is asked for them.

use anyhow::{Context as _, Result, bail};
use base::Secret;
use std::collections::HashMap;
use std::path::PathBuf;

/// The server that is called when nothing names one: where `vestibule serve` listens when nothing else is said.
const ENDPOINT: &str = "http://127.0.0.1:4600";
/// The region that requests are signed for when nothing names one.
const REGION: &str = "us-east-1";
/// Name of the profile that counts when nothing names one.
const PROFILE: &str = "default";
/// Longest configuration file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Settings by which a profile names another source of credentials than keys, and what stands behind each.
const OTHER_SOURCES: [(&str, &str); 8] = [
    ("sso_session", "single sign-on"),
    ("sso_start_url", "single sign-on"),
    ("sso_account_id", "single sign-on"),
    ("login_session", "aws login"),
    ("web_identity_token_file", "a web identity"),
    ("role_arn", "a role"),
    ("credential_process", "a program"),
    ("credential_source", "a role"),
];
/// Services of a `services` section whose endpoint is the server's: what people write there are AWS's.
const SERVICES: [&str; 5] = ["vestibule", "sso_admin", "identitystore", "sso", "sts"];

/// What the command line says about the server and the caller.
#[derive(clap::Args, Debug, Default, Clone)]
pub struct Chosen {
    /// URL of the server [default: AWS_ENDPOINT_URL, the profile's endpoint_url, http://127.0.0.1:4600]
    #[arg(long, value_name = "URL", global = true)]
    pub endpoint_url: Option<String>,
    /// Profile of the AWS configuration files [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME", global = true)]
    pub profile: Option<String>,
    /// Region to sign for [default: AWS_REGION, the profile's region, us-east-1]
    #[arg(long, value_name = "REGION", global = true)]
    pub region: Option<String>,
}

/// An access key.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Id.
    pub access_key_id: String,
    /// Secret.
    pub secret: Secret,
    /// Session token of temporary credentials.
    pub session_token: Option<Secret>,
}

/// Everything that a call needs to know.
#[derive(Debug, Clone)]
pub struct Environment {
    /// URL of the server, without a slash at its end.
    pub endpoint: String,
    /// Region to sign for.
    pub region: String,
    /// Who calls.
    pub credentials: Credentials,
    /// PEM file of authorities that are trusted besides those of the system.
    pub authorities: Option<PathBuf>,
}

/// The sections of a configuration file, and the settings of each; those of a nested block under `block.name`.
type Sections = HashMap<String, HashMap<String, String>>;

impl Environment {
    /// What `chosen`, the environment variables and the configuration files come to.
    ///
    /// # Errors
    /// When a file cannot be read, when the profile does not exist, or when there are no keys.
    pub fn read(chosen: &Chosen) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Self::resolve(chosen, &variable, &file, &exported)
    }

    fn resolve(
        chosen: &Chosen,
        variable: &dyn Fn(&str) -> Option<String>,
        file: &dyn Fn(&str) -> Result<Option<String>>,
        exported: &dyn Fn(&str) -> Result<Credentials>,
    ) -> Result<Self> {
        let home = variable("HOME").unwrap_or_default();
        let path = |name: &str, default: &str| variable(name).unwrap_or_else(|| format!("{home}/.aws/{default}"));
        let read = |path: String| file(&path).map(|text| sections(&text.unwrap_or_default()));
        let config = read(path("AWS_CONFIG_FILE", "config"))?;
        let shared = read(path("AWS_SHARED_CREDENTIALS_FILE", "credentials"))?;
        let named = chosen.profile.clone().or_else(|| variable("AWS_PROFILE"));
        let named = named.or_else(|| variable("AWS_DEFAULT_PROFILE"));
        let name = named.as_deref().unwrap_or(PROFILE);
        let heading = if name == PROFILE { name.to_owned() } else { format!("profile {name}") };
        let (profile, keys) = (config.get(&heading), shared.get(name));
        if named.is_some() && profile.is_none() && keys.is_none() {
            bail!("the profile {name} is in neither of the AWS configuration files");
        }
        let setting = |key: &str| profile.and_then(|settings| settings.get(key)).cloned();
        let from_services = || {
            let services = config.get(&format!("services {}", setting("services")?))?;
            SERVICES.iter().find_map(|service| services.get(&format!("{service}.endpoint_url"))).cloned()
        };
        let endpoint = chosen.endpoint_url.clone().or_else(|| variable("AWS_ENDPOINT_URL_VESTIBULE"));
        let endpoint = endpoint.or_else(|| variable("AWS_ENDPOINT_URL")).or_else(from_services);
        let endpoint = endpoint.or_else(|| setting("endpoint_url")).unwrap_or_else(|| ENDPOINT.to_owned());
        let region = chosen.region.clone().or_else(|| variable("AWS_REGION"));
        let region = region.or_else(|| variable("AWS_DEFAULT_REGION")).or_else(|| setting("region"));
        let of_environment = || of_variables(variable);
        // A profile that the command line names wins over keys in the environment; one of AWS_PROFILE does not.
        let credentials = match chosen.profile.is_none().then(of_environment).flatten() {
            Some(credentials) => credentials,
            None => of_profile(name, keys, profile, exported)?,
        };
        let authorities = variable("AWS_CA_BUNDLE").or_else(|| setting("ca_bundle")).map(PathBuf::from);
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region: region.unwrap_or_else(|| REGION.to_owned()),
            credentials,
            authorities,
        })
    }
}

fn of_variables(variable: &dyn Fn(&str) -> Option<String>) -> Option<Credentials> {
    Some(Credentials {
        access_key_id: variable("AWS_ACCESS_KEY_ID")?,
        secret: Secret::new(variable("AWS_SECRET_ACCESS_KEY")?),
        session_token: variable("AWS_SESSION_TOKEN").map(Secret::new),
    })
}

fn of_profile(
    name: &str,
    shared: Option<&HashMap<String, String>>,
    config: Option<&HashMap<String, String>>,
    exported: &dyn Fn(&str) -> Result<Credentials>,
) -> Result<Credentials> {
    for settings in [shared, config].into_iter().flatten() {
        let setting = |key: &str| settings.get(key).filter(|value| !value.is_empty()).cloned();
        if let (Some(access_key_id), Some(secret)) = (setting("aws_access_key_id"), setting("aws_secret_access_key")) {
            let session_token = setting("aws_session_token").map(Secret::new);
            return Ok(Credentials { access_key_id, secret: Secret::new(secret), session_token });
        }
    }
    let is_set = |key: &str| [shared, config].into_iter().flatten().any(|settings| settings.contains_key(key));
    if let Some((key, source)) = OTHER_SOURCES.iter().find(|(key, _)| is_set(key)) {
        return exported(name).with_context(|| {
            format!(
                "the profile {name} gets its credentials from {source} ({key}), and the AWS CLI (version 2), which was \
                 asked for them, does not give them"
            )
        });
    }
    bail!("there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
}

/// What a program that provides credentials prints.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Provided {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// The credentials of a profile, from the AWS CLI.
fn exported(profile: &str) -> Result<Credentials> {
    let output = std::process::Command::new("aws")
        .args(["configure", "export-credentials", "--format", "process", "--profile", profile])
        .stdin(std::process::Stdio::null())
        .output()
        .context("aws cannot be run")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}", said.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    provided(&output.stdout)
}

fn provided(text: &[u8]) -> Result<Credentials> {
    // What does not parse may hold a secret: it is not shown.
    let Ok(provided) = serde_json::from_slice::<Provided>(text) else { bail!("what aws prints are no credentials") };
    Ok(Credentials {
        access_key_id: provided.access_key_id,
        secret: Secret::new(provided.secret_access_key),
        session_token: provided.session_token.map(Secret::new),
    })
}

/// The text of a file; `None` when there is none.
fn file(path: &str) -> Result<Option<String>> {
    use std::io::Read as _;
    let opened = match std::fs::File::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
    };
    let mut text = String::new();
    opened.take(FILE_BYTES_MAX).read_to_string(&mut text).with_context(|| format!("cannot read {path}"))?;
    Ok(Some(text))
}

/// The settings of a file in the form of AWS's configuration files.
fn sections(text: &str) -> Sections {
    let mut sections = Sections::new();
    let (mut section, mut block) = (String::new(), None::<String>);
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.split_whitespace().collect::<Vec<_>>().join(" ").replace(['"', '\''], "");
            block = None;
            sections.entry(section.clone()).or_default();
            continue;
        }
        let Some((key, value)) = trimmed.split_once('=') else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim().to_owned());
        let is_nested = line.starts_with([' ', '\t']);
        let name = match &block {
            Some(block) if is_nested => format!("{block}.{key}"),
            _ => key.clone(),
        };
        if !is_nested {
            block = value.is_empty().then(|| key.clone());
        }
        sections.entry(section.clone()).or_default().insert(name, value);
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = eu-west-1\n\n[profile ops]\nregion=eu-north-1\n\
                          endpoint_url = https://sso.example.com/\n\n[profile role]\nrole_arn = arn:aws:iam::1:role/x\n\
                          source_profile = ops\n[profile local]\nservices = here\n\
                          [profile person]\nsso_session = s\nservices = portal\n[services portal]\nsso_admin =\n  endpoint_url = http://h:3\n\
                          [services here]\nsts =\n  endpoint_url = http://other:1\nvestibule =\n  endpoint_url = http://h:2\n";
    const SHARED: &str = "# keys\n[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s=1\n\
                          [ops]\naws_access_key_id=AKIAOPS\naws_secret_access_key=two\naws_session_token=three\n\
                          [local]\naws_access_key_id=AKIALOCAL\naws_secret_access_key=four\n";

    fn resolved(profile: Option<&str>, variables: &[(&str, &str)]) -> Result<Environment> {
        let chosen = Chosen { profile: profile.map(str::to_owned), ..Chosen::default() };
        let variable = |name: &str| variables.iter().find(|(each, _)| *each == name).map(|(_, v)| (*v).to_owned());
        let file =
            |path: &str| Ok(Some(if path.ends_with("credentials") { SHARED.to_owned() } else { CONFIG.to_owned() }));
        let exported = |profile: &str| match profile {
            "role" => provided(br#"{"Version":1,"AccessKeyId":"ASIAROLE","SecretAccessKey":"x","SessionToken":"y"}"#),
            _ => provided(b"usage: aws"),
        };
        Environment::resolve(&chosen, &variable, &file, &exported)
    }

    #[test]
    fn a_profile_gives_keys_region_and_endpoint() {
        let ops = resolved(None, &[("AWS_PROFILE", "ops")]).expect("complete");
        assert_eq!((ops.endpoint.as_str(), ops.region.as_str()), ("https://sso.example.com", "eu-north-1"));
        assert_eq!(ops.credentials.access_key_id, "AKIAOPS");
        assert_eq!(ops.credentials.session_token.expect("a token").expose(), "three");
        let default = resolved(None, &[]).expect("complete");
        assert_eq!((default.endpoint.as_str(), default.credentials.secret.expose()), (ENDPOINT, "s=1"));
        assert_eq!(resolved(Some("local"), &[]).expect("complete").endpoint, "http://h:2");
    }

    #[test]
    fn the_environment_wins_over_files_but_not_over_a_profile_that_was_asked_for() {
        let variables = [
            ("AWS_PROFILE", "ops"),
            ("AWS_ACCESS_KEY_ID", "AKIAENV"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9/"),
            ("AWS_REGION", "us-west-2"),
        ];
        let of_environment = resolved(None, &variables).expect("complete");
        assert_eq!(of_environment.credentials.access_key_id, "AKIAENV");
        assert_eq!(
            (of_environment.endpoint.as_str(), of_environment.region.as_str()),
            ("http://127.0.0.1:9", "us-west-2")
        );
        assert_eq!(resolved(Some("ops"), &variables).expect("complete").credentials.access_key_id, "AKIAOPS");
    }

    #[test]
    fn credentials_of_other_sources_come_from_the_aws_cli() {
        let role = resolved(Some("role"), &[]).expect("complete").credentials;
        assert_eq!((role.access_key_id.as_str(), role.secret.expose()), ("ASIAROLE", "x"));
        assert_eq!(role.session_token.expect("a token").expose(), "y");
        let text = format!("{:#}", resolved(Some("person"), &[]).expect_err("not signed in"));
        assert!(text.contains("single sign-on (sso_session)") && text.contains("no credentials"), "{text}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let text = resolved(Some("nobody"), &[]).expect_err("no such profile").to_string();
        assert!(text.contains("nobody"), "{text}");
    }
}

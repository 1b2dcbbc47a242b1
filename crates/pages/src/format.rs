//! Credentials in the forms that shells and tools read.

use base::{Secret, Timestamp};

/// Temporary credentials of a role, with where to use them.
#[derive(Debug, Clone)]
pub struct RoleCredentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: Secret,
    /// Session token.
    pub session_token: Secret,
    /// When they end.
    pub expires_at: Timestamp,
    /// The region to use.
    pub region: String,
    /// Where this server's APIs are: without it a tool would send its calls to AWS.
    pub endpoint_url: String,
}

/// A shell with its own way to set variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// bash, zsh and other shells of the POSIX kind.
    Posix,
    /// fish.
    Fish,
    /// PowerShell.
    PowerShell,
    /// The command prompt of Windows.
    Cmd,
}

impl Shell {
    /// Every shell.
    pub const ALL: [Self; 4] = [Self::Posix, Self::Fish, Self::PowerShell, Self::Cmd];

    /// The name that people know.
    pub fn name(self) -> &'static str {
        match self {
            Self::Posix => "bash, zsh",
            Self::Fish => "fish",
            Self::PowerShell => "PowerShell",
            Self::Cmd => "Windows command prompt",
        }
    }

    /// The command that sets `name` to `value`.
    fn set(self, name: &str, value: &str) -> String {
        // What no shell could keep apart from commands is not in any value that the server makes.
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        match self {
            Self::Posix => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Self::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
            Self::PowerShell => format!("$Env:{name} = '{}'", doubled_quotes(&value)),
            Self::Cmd => {
                let value: String = value.chars().filter(|c| !r#""%!^&|<>"#.contains(*c)).collect();
                format!("set \"{name}={value}\"")
            }
        }
    }
}

/// PowerShell takes the typographic quotes for quotes, too.
fn doubled_quotes(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        out.push(c);
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            out.push(c);
        }
    }
    out
}

impl RoleCredentials {
    /// Commands that set the environment of `shell`.
    pub fn environment(&self, shell: Shell) -> String {
        let lines = [
            ("AWS_ACCESS_KEY_ID", self.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.expose()),
            ("AWS_SESSION_TOKEN", self.session_token.expose()),
            ("AWS_REGION", self.region.as_str()),
            ("AWS_ENDPOINT_URL", self.endpoint_url.as_str()),
        ];
        let lines = lines.map(|(name, value)| shell.set(name, value));
        format!("{}\n", lines.join("\n"))
    }

    /// A section for the AWS credentials file.
    pub fn credentials_file(&self, profile: &str) -> String {
        format!(
            "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\nregion = {}\n\
             endpoint_url = {}\n",
            section_name(profile),
            self.access_key_id,
            self.secret_access_key.expose(),
            self.session_token.expose(),
            self.region,
            self.endpoint_url,
        )
    }

    /// What a `credential_process` prints.
    pub fn json(&self) -> String {
        let fields = [
            ("AccessKeyId", self.access_key_id.clone()),
            ("SecretAccessKey", self.secret_access_key.expose().to_owned()),
            ("SessionToken", self.session_token.expose().to_owned()),
            ("Expiration", self.expires_at.iso8601()),
        ];
        let fields = fields.map(|(name, value)| format!("  \"{name}\": \"{}\"", json_escaped(&value)));
        format!("{{\n  \"Version\": 1,\n{}\n}}\n", fields.join(",\n"))
    }
}

fn json_escaped(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).fold(String::with_capacity(value.len()), |mut out, c| {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

/// `name` as it may stand in the head of a section: letters, digits and `_.@+-`; anything else becomes `-`.
pub fn section_name(name: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || "_.@+-".contains(c);
    let mut out = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match kept(c) {
            true => out.push(c),
            false if out.ends_with('-') => {}
            false => out.push('-'),
        }
    }
    let out = out.trim_matches('-');
    if out.is_empty() { "profile".to_owned() } else { out.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> RoleCredentials {
        RoleCredentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::new("se/cr+et"),
            session_token: Secret::new("IQoJ=="),
            expires_at: Timestamp::from_seconds(1_795_302_801),
            region: "us-east-1".to_owned(),
            endpoint_url: "http://127.0.0.1:4600".to_owned(),
        }
    }

    #[test]
    fn each_shell_gets_its_own_commands() {
        let first = |shell| credentials().environment(shell).lines().next().expect("a line").to_owned();
        assert_eq!(first(Shell::Posix), "export AWS_ACCESS_KEY_ID='ASIAEXAMPLE'");
        assert_eq!(first(Shell::Fish), "set -gx AWS_ACCESS_KEY_ID 'ASIAEXAMPLE'");
        assert_eq!(first(Shell::PowerShell), "$Env:AWS_ACCESS_KEY_ID = 'ASIAEXAMPLE'");
        assert_eq!(first(Shell::Cmd), "set \"AWS_ACCESS_KEY_ID=ASIAEXAMPLE\"");
        for shell in Shell::ALL {
            assert!(credentials().environment(shell).contains("http://127.0.0.1:4600"), "{shell:?}");
        }
    }

    #[test]
    fn no_value_ends_its_quotes() {
        let hostile = "a'b\"c\\d\n%X%&e\u{2019}f";
        assert_eq!(Shell::Posix.set("X", hostile), r#"export X='a'\''b"c\d%X%&e’f'"#);
        assert_eq!(Shell::Fish.set("X", hostile), r#"set -gx X 'a\'b"c\\d%X%&e’f'"#);
        assert_eq!(Shell::PowerShell.set("X", hostile), "$Env:X = 'a''b\"c\\d%X%&e\u{2019}\u{2019}f'");
        assert_eq!(Shell::Cmd.set("X", hostile), "set \"X=a'bc\\dXe’f\"");
    }

    #[test]
    fn the_file_and_the_process_have_the_members_that_tools_read() {
        let file = credentials().credentials_file("1111_Admin] x");
        assert!(file.starts_with("[1111_Admin-x]\naws_access_key_id = ASIAEXAMPLE\n"), "{file}");
        assert_eq!(
            credentials().json(),
            "{\n  \"Version\": 1,\n  \"AccessKeyId\": \"ASIAEXAMPLE\",\n  \"SecretAccessKey\": \"se/cr+et\",\n  \
             \"SessionToken\": \"IQoJ==\",\n  \"Expiration\": \"2026-11-21T23:13:21Z\"\n}\n"
        );
    }
}

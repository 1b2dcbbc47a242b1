//! The real AWS CLI against a server.

use crate::harness::{Scratch, Server, forget_settings, run};
use crate::wire::Credentials;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The AWS CLI that the tests use.
pub fn aws_program() -> PathBuf {
    let by_default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/venv/bin/aws");
    let path = std::env::var_os("VESTIBULE_TEST_AWS").map_or_else(by_default, PathBuf::from);
    assert!(path.exists(), "{} is missing: `make test` installs it and runs these tests", path.display());
    path
}

/// The second version of the AWS CLI, as distributions ship it.
pub fn aws_program_of_the_distribution() -> PathBuf {
    let by_default = || PathBuf::from("/usr/bin/aws");
    let path = std::env::var_os("VESTIBULE_TEST_AWS_V2").map_or_else(by_default, PathBuf::from);
    assert!(path.exists(), "{} is missing: `make test` installs it and runs these tests", path.display());
    path
}

/// An AWS CLI that was told where the server is, and who calls.
pub struct Aws {
    program: PathBuf,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    _home: Option<Scratch>,
}

impl Aws {
    /// As the `export` lines of `make run` have it: nothing but the files that the first start wrote.
    pub fn of_profile(server: &Server) -> Self {
        let file = |name: &str| server.data.join("aws").join(name).display().to_string();
        let environment = vec![
            ("AWS_CONFIG_FILE".to_owned(), file("config")),
            ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), file("credentials")),
            ("AWS_PROFILE".to_owned(), "vestibule".to_owned()),
        ];
        Self { program: aws_program(), environment, arguments: Vec::new(), _home: None }
    }

    /// With credentials in the environment.
    pub fn of_credentials(server: &Server, credentials: &Credentials) -> Self {
        let home = Scratch::new();
        let mut environment = vec![
            ("AWS_ENDPOINT_URL".to_owned(), format!("http://{}", server.address)),
            ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION".to_owned(), "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID".to_owned(), credentials.id.clone()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), credentials.secret.clone()),
            ("AWS_CONFIG_FILE".to_owned(), home.join("none").display().to_string()),
            ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), home.join("none").display().to_string()),
        ];
        environment.extend(credentials.token.iter().map(|token| ("AWS_SESSION_TOKEN".to_owned(), token.clone())));
        Self { program: aws_program(), environment, arguments: Vec::new(), _home: Some(home) }
    }

    /// Another program with more arguments before every command.
    pub fn with_program(mut self, program: &Path, arguments: &[&str]) -> Self {
        self.program = program.to_owned();
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self
    }

    /// Runs `aws <command line>`; words are separated by blanks.
    pub fn run(&self, line: &str) -> Output {
        self.run_words(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs `aws` with these words.
    pub fn run_words(&self, words: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        forget_settings(&mut command);
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_PAGER", "").env("AWS_DEFAULT_OUTPUT", "json");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        run(command.args(&self.arguments).args(words))
    }

    /// A command that must succeed; what it prints.
    pub fn text(&self, line: &str) -> String {
        self.text_of(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// A command that must succeed; what it prints.
    pub fn text_of(&self, words: &[&str]) -> String {
        let output = self.run_words(words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {}: {error}", words.join(" "));
        String::from_utf8(output.stdout).expect("text")
    }

    /// A command that must succeed; the document that it prints.
    pub fn json(&self, line: &str) -> Value {
        self.json_of(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// A command that must succeed; the document that it prints.
    pub fn json_of(&self, words: &[&str]) -> Value {
        let text = self.text_of(words);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("aws {}: {error}: {text}", words.join(" ")))
    }

    /// A command that must fail; the code of the error.
    pub fn code(&self, line: &str) -> String {
        self.code_of(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// A command that must fail; the code of the error.
    pub fn code_of(&self, words: &[&str]) -> String {
        let output = self.run_words(words);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "aws {} succeeded", words.join(" "));
        let code = error.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
        code.unwrap_or_else(|| panic!("aws {}: {error}", words.join(" "))).0.to_owned()
    }
}

//! The real program on a free port, with a data directory of its own.

use crate::wire::{Answer, Call, Credentials, Signing};
use serde_json::Value;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long the slowest machine may take to start the program or to finish a background job.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(10);

/// Lines of a server's log that a failing test shows.
const LOG_LINES_SHOWN: usize = 20;

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_vestibule");

/// Waits until `condition` gives something, a bounded time; `what` is told when it never does.
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// A directory that is removed when the test ends.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty directory.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vestibule-it-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    /// A path inside.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port of the loopback that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// The program without any of the environment's own settings for it or for AWS clients.
pub fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    forget_settings(&mut command);
    command.stdin(Stdio::null());
    command
}

/// Takes settings of the person who runs the tests out of `command`'s environment.
pub fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars() {
        if name.starts_with("VESTIBULE_") || name.starts_with("AWS_") || name.starts_with("BOTO") {
            command.env_remove(name);
        }
    }
}

/// Runs the program to its end, a bounded time.
pub fn run(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut stdout = child.stdout.take().expect("piped");
    let mut stderr = child.stderr.take().expect("piped");
    let read = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stderr.read_to_end(&mut bytes);
        bytes
    });
    let read_stdout = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.read_to_end(&mut bytes);
        bytes
    });
    let status = ended(&mut child);
    Output { status, stdout: read_stdout.join().expect("read"), stderr: read.join().expect("read") }
}

fn ended(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the program did not end within {PATIENCE:?}");
        }
        std::thread::park_timeout(LOOK);
    }
}

/// How to start a server.
pub struct Start {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    data: Option<PathBuf>,
    is_ephemeral: bool,
    is_tls: bool,
}

impl Start {
    /// On SQLite in `data`.
    pub fn durable(data: &Path) -> Self {
        Self { data: Some(data.to_owned()), is_ephemeral: false, ..Self::ephemeral() }
    }

    /// In memory.
    pub fn ephemeral() -> Self {
        Self { arguments: Vec::new(), environment: Vec::new(), data: None, is_ephemeral: true, is_tls: false }
    }

    /// With `bootstrap.json` in `data`.
    pub fn data(mut self, data: &Path) -> Self {
        self.data = Some(data.to_owned());
        self
    }

    /// With more flags.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// With a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With TLS; readiness is then up to the test.
    pub fn tls(mut self, cert: &Path, key: &Path) -> Self {
        self.is_tls = true;
        let (cert, key) = (cert.display().to_string(), key.display().to_string());
        self.with(&["--tls-cert", &cert, "--tls-key", &key])
    }

    /// Starts it and waits until it is ready.
    pub fn server(self) -> Server {
        let started = Instant::now();
        let address: SocketAddr = ([127, 0, 0, 1], free_port()).into();
        let mut command = program();
        command.arg("serve").args(["--listen", &address.to_string()]).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let scratch = self.data.is_none().then(Scratch::new);
        let data = self.data.unwrap_or_else(|| scratch.as_ref().expect("made").join("data"));
        command.arg("--data").arg(&data);
        if self.is_ephemeral {
            command.arg("--ephemeral");
        }
        // A file, not a pipe: nobody has to read it for the server to go on.
        let log_path = std::env::temp_dir().join(format!("vestibule-log-{}-{}", std::process::id(), address.port()));
        let log = std::fs::File::create(&log_path).expect("a log file");
        command.stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("the program starts");
        let mut server = Server {
            child,
            address,
            data,
            log_path,
            bootstrap: Value::Null,
            ready_after: Duration::ZERO,
            _scratch: scratch,
        };
        eventually("the server is ready", || {
            if let Some(status) = server.child.try_wait().expect("a child can be waited for") {
                panic!("the server ended with {status}: {}", server.log());
            }
            let is_ready = if self.is_tls {
                server.data.join("bootstrap.json").exists() && std::net::TcpStream::connect(address).is_ok()
            } else {
                Call::get("/readyz").send(address).is_some_and(|answer| answer.status == 200)
            };
            is_ready.then_some(())
        });
        server.ready_after = started.elapsed();
        let text = std::fs::read_to_string(server.data.join("bootstrap.json")).expect("bootstrap.json");
        server.bootstrap = serde_json::from_str(&text).expect("JSON");
        server
    }
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its data directory.
    pub data: PathBuf,
    log_path: PathBuf,
    /// What `bootstrap.json` holds.
    pub bootstrap: Value,
    /// From the start of the process to the first answer that it is ready.
    pub ready_after: Duration,
    _scratch: Option<Scratch>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!(
                "--- end of the server's log\n{}",
                lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
            );
        }
        let _ = std::fs::remove_file(&self.log_path);
    }
}

impl Server {
    /// In memory, without further flags.
    pub fn ephemeral() -> Self {
        Start::ephemeral().server()
    }

    /// What it has logged until now.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log_path).unwrap_or_default()
    }

    /// The administrator's key.
    pub fn admin(&self) -> Credentials {
        let text = |name: &str| self.bootstrap["admin"][name].as_str().expect("text").to_owned();
        Credentials { id: text("access_key_id"), secret: text("secret_access_key"), token: None }
    }

    /// The management account.
    pub fn management(&self) -> String {
        self.bootstrap["management_account_id"].as_str().expect("text").to_owned()
    }

    /// Calls an operation.
    pub fn call(&self, credentials: &Credentials, service: &str, operation: &str, input: Value) -> Answer {
        let mut call = Call::of(service, operation, &input);
        Signing::new(credentials, service).sign(&mut call, self.address);
        call.send(self.address).expect("an answer")
    }

    /// Calls an operation that must succeed.
    pub fn ok(&self, credentials: &Credentials, service: &str, operation: &str, input: Value) -> Answer {
        let answer = self.call(credentials, service, operation, input);
        assert_eq!(answer.status, 200, "{service}:{operation}: {}", answer.body);
        answer
    }

    /// Calls an operation without a signature.
    pub fn unsigned(&self, service: &str, operation: &str, input: &Value) -> Answer {
        Call::of(service, operation, input).send(self.address).expect("an answer")
    }

    /// Sends the process a signal by name and waits for its end.
    pub fn stop(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        ended(&mut self.child)
    }

    /// Sends the process a signal by name.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        ended(&mut self.child)
    }

    /// Kills the process at once, as a power failure would.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Creates the organization.
    pub fn organization(&self) -> Value {
        self.ok(&self.admin(), "organizations", "CreateOrganization", serde_json::json!({"FeatureSet": "ALL"})).json()
            ["Organization"]
            .clone()
    }

    /// Creates a member account and waits for it; its id.
    pub fn account(&self, name: &str) -> String {
        let admin = self.admin();
        let input = serde_json::json!({"Email": format!("{name}@example.com"), "AccountName": name});
        let status = self.ok(&admin, "organizations", "CreateAccount", input).json()["CreateAccountStatus"].clone();
        eventually("the account is created", || {
            let input = serde_json::json!({"CreateAccountRequestId": status["Id"]});
            let status = self.ok(&admin, "organizations", "DescribeCreateAccountStatus", input).json();
            let status = &status["CreateAccountStatus"];
            assert_ne!(status["State"], "FAILED", "{status}");
            (status["State"] == "SUCCEEDED").then(|| status["AccountId"].as_str().expect("an id").to_owned())
        })
    }

    /// A session of the administrator's role in a member account.
    pub fn member_session(&self, account: &str) -> Credentials {
        self.session(&self.admin(), &format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole"))
    }

    /// A session of `role`.
    pub fn session(&self, credentials: &Credentials, role: &str) -> Credentials {
        let input = serde_json::json!({"RoleArn": role, "RoleSessionName": "test"});
        Credentials::of_session(&self.ok(credentials, "sts", "AssumeRole", input))
    }

    /// A new user of the management account with a key; `policy` is its only policy.
    pub fn user(&self, name: &str, policy: Option<&Value>) -> Credentials {
        let admin = self.admin();
        self.ok(&admin, "iam", "CreateUser", serde_json::json!({"UserName": name}));
        if let Some(policy) = policy {
            let input =
                serde_json::json!({"UserName": name, "PolicyName": "only", "PolicyDocument": policy.to_string()});
            self.ok(&admin, "iam", "PutUserPolicy", input);
        }
        let key = self.ok(&admin, "iam", "CreateAccessKey", serde_json::json!({"UserName": name}));
        Credentials { id: key.xml("AccessKeyId"), secret: key.xml("SecretAccessKey"), token: None }
    }
}

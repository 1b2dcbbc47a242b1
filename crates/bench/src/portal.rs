//! Signing in against the pure rate of its hash, and what a tool asks the portal for against the bare handler.

use crate::instance::{Instance, cpu_seconds};
use crate::provision::Scene;
use crate::request::{Signer, Unsigned};
use crate::throughput;
use crate::wire::{Connection, median};
use anyhow::{Context as _, Result};
use argon2::Block;
use base::Secret;
use kernel::RequestInfo;
use serde_json::{Value, json};
use server::config::Options;
use server::run::{Mode, assemble};
use sso::sign_in::Outcome;
use std::cell::RefCell;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const PASSWORD: &str = "Correct-Horse-42-Battery";
const SALT: [u8; kernel::password::SALT_BYTES] = [7; kernel::password::SALT_BYTES];
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What the person of the large portal has: accounts, and roles in each.
const PORTAL: (u64, usize) = (500, 2);
/// Times that its first page is asked for.
const PAGES: usize = 30;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// An administrator's clients of a running server.
pub struct Administrator<'a> {
    /// The program.
    pub program: &'a Path,
    /// The server's data directory.
    pub data: &'a Path,
    /// Whose calls it makes.
    pub signer: Signer,
    /// For the APIs.
    pub connection: Connection,
}

impl Administrator<'_> {
    /// Runs a command of the program; its answer.
    pub fn vestibule(&self, words: &[&str], input: &str) -> Result<Value> {
        let aws = self.data.join("aws");
        let mut child = Command::new(self.program)
            .args(words)
            .arg("--json")
            .env("AWS_CONFIG_FILE", aws.join("config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", aws.join("credentials"))
            .env("AWS_PROFILE", "vestibule")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        anyhow::ensure!(output.status.success(), "vestibule {} failed", words.join(" "));
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    /// Calls an operation of a JSON protocol; its answer.
    pub fn aws(&mut self, service: &str, target: &str, input: Value) -> Result<Value> {
        let body = input.to_string();
        let signed = self.signer.signed(&Unsigned { service, target: Some(target), body: &body })?;
        let answer = self.connection.exchange(&signed)?;
        Ok(serde_json::from_slice(answer.accepted()?).unwrap_or(Value::Null))
    }

    fn oidc(&mut self, path: &str, input: Value) -> Result<Value> {
        let (host, body) = (&self.signer.host, input.to_string());
        let head = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n");
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let answer = self.connection.exchange(request.as_bytes())?;
        Ok(serde_json::from_slice(answer.accepted()?)?)
    }

    /// A user with a role in the management account, and the access token of a tool of hers.
    fn prepare(&mut self) -> Result<String> {
        self.aws("organizations", "AWSOrganizationsV20161128.CreateOrganization", json!({"FeatureSet": "ALL"}))?;
        self.vestibule(&["identity-center", "enable"], "")?;
        self.vestibule(&["identity-center", "settings", "--device-approval", "allow"], "")?;
        let instance = self.aws("sso", "SWBExternalService.ListInstances", json!({}))?["Instances"][0].take();
        let (arn, store) = (instance["InstanceArn"].clone(), instance["IdentityStoreId"].clone());
        let name = json!({"GivenName": "Alice", "FamilyName": "Example"});
        let user = json!({"IdentityStoreId": store, "UserName": "alice", "DisplayName": "Alice", "Name": name});
        let user = self.aws("identitystore", "AWSIdentityStore.CreateUser", user)?["UserId"].take();
        self.vestibule(&["user", "set-password", "alice", "--password-stdin"], PASSWORD)?;
        let set = json!({"InstanceArn": arn, "Name": "Reader"});
        let mut set = self.aws("sso", "SWBExternalService.CreatePermissionSet", set)?;
        let assignment = json!({
            "InstanceArn": arn, "PermissionSetArn": set["PermissionSet"]["PermissionSetArn"].take(),
            "TargetType": "AWS_ACCOUNT", "TargetId": self.signer.account,
            "PrincipalType": "USER", "PrincipalId": user,
        });
        self.aws("sso", "SWBExternalService.CreateAccountAssignment", assignment)?;
        let client = json!({"clientName": "bench", "clientType": "public", "scopes": ["sso:account:access"]});
        let mut client = self.oidc("/client/register", client)?;
        let (id, secret) = (client["clientId"].take(), client["clientSecret"].take());
        let url = format!("https://{}.awsapps.com/start", store.as_str().unwrap_or_default());
        let device = json!({"clientId": id, "clientSecret": secret, "startUrl": url});
        let device = self.oidc("/device_authorization", device)?;
        let code = device["userCode"].as_str().context("a code")?.to_owned();
        self.vestibule(&["device", "approve", &code, "--user", "alice"], "")?;
        let grant = json!({
            "clientId": id, "clientSecret": secret, "grantType": DEVICE_CODE, "deviceCode": device["deviceCode"],
        });
        Ok(self.oidc("/token", grant)?["accessToken"].as_str().context("a token")?.to_owned())
    }
}

/// Measures what tools ask for, and the first page.
pub fn run(program: &Path, data: &Path) -> Result<()> {
    let instance = Instance::start(program, data, &[])?;
    let signer = instance.signer(data)?;
    let (host, account) = (signer.host.clone(), signer.account.clone());
    let connection = Connection::open(instance.address)?;
    let token = Administrator { program, data, signer, connection }.prepare()?;
    println!("The portal of people's tools against a bare handler of the same framework");
    throughput::head();
    for (name, path) in [
        ("ListAccountRoles", format!("/assignment/roles?account_id={account}")),
        ("GetRoleCredentials", format!("/federation/credentials?role_name=Reader&account_id={account}")),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nx-amz-sso_bearer_token: {token}\r\n\r\n");
        throughput::compare(name, &instance, data, || Ok(request.clone().into_bytes()))?;
    }
    println!("  resident after the load: {:.1} MB\n", instance.resident_megabytes()?);
    drop(instance);
    first_page(program, data)
}

/// How often a second something was done, and the processor time that each took.
struct Rate {
    a_second: f64,
    cpu_milliseconds: f64,
}

/// Runs `work` on so many threads for each processor for a while.
fn rate(threads_of_processor: usize, work: impl Fn() -> Result<()> + Sync) -> Result<Rate> {
    let own = std::process::id();
    let (count, start, cpu) = (AtomicU32::new(0), Instant::now(), cpu_seconds(own)?);
    let threads = threads_of_processor * std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let worker = || -> Result<()> {
            while start.elapsed() < ROUND {
                work()?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked")))
    })?;
    let count = f64::from(count.into_inner());
    let cpu_milliseconds = (cpu_seconds(own)? - cpu) * 1e3 / count;
    Ok(Rate { a_second: count / start.elapsed().as_secs_f64(), cpu_milliseconds })
}

/// The first page of a portal of many accounts, over the wire, compressed.
fn first_page(program: &Path, data: &Path) -> Result<()> {
    let options = Options { data: Some(data.to_owned()), ..Options::default() };
    let cookie = {
        let app = assemble(&options.checked()?, Mode::Durable)?.app;
        let instance = app.store.read(sso::instance::all)?.pop().context("an instance")?;
        let (request, password) = (RequestInfo::of_service(&app, "bench"), Secret::new(PASSWORD));
        let outcome = sso::sign_in::sign_in(&app, &request, &instance, "alice", &password)?;
        let Outcome::SignedIn(signed_in) = outcome else { anyhow::bail!("alice is refused") };
        Scene::furnish(&app, &instance, signed_in.session.user.as_str(), PORTAL)?;
        signed_in.cookie
    };
    let server = Instance::start(program, data, &[])?;
    let request = format!(
        "GET /start HTTP/1.1\r\nhost: {}\r\naccept-encoding: gzip\r\ncookie: vestibule-session={}\r\n\r\n",
        server.address,
        cookie.expose()
    );
    let mut connection = Connection::open(server.address)?;
    let (mut times, mut bytes) = (Vec::new(), 0);
    for _ in 0..PAGES {
        let started = Instant::now();
        bytes = connection.exchange(request.as_bytes())?.accepted()?.len();
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let (accounts, roles) = PORTAL;
    println!("The portal's first page for {accounts} accounts with {roles} roles each");
    println!("  {:.1} KiB compressed, {:.1} ms\n", bytes as f64 / 1024.0, median(times));
    Ok(())
}

thread_local! {
    /// What a thread hashes in, which costs a tenth of the hash to have anew each time.
    static MEMORY: RefCell<Vec<Block>> = RefCell::new(vec![Block::new(); kernel::password::MEMORY_KIB as usize]);
}

/// Sign-ins with their throttling, session and audit records, committed to the disk, against the hash alone. As at the
/// portal, some wait for the disk while others hash.
pub fn sign_ins(program: &Path, data: &Path) -> Result<()> {
    let instance = Instance::start(program, data, &[])?;
    let (signer, connection) = (instance.signer(data)?, Connection::open(instance.address)?);
    Administrator { program, data, signer, connection }.prepare()?;
    drop(instance);
    let options = Options { data: Some(data.to_owned()), ..Options::default() };
    let app = assemble(&options.checked()?, Mode::Durable)?.app;
    let instance = app.store.read(sso::instance::all)?.pop().context("an instance")?;
    let (request, password) = (RequestInfo::of_service(&app, "bench"), Secret::new(PASSWORD));
    let argon2 = kernel::password::argon2()?;
    let (mut pure, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pure.push(rate(1, || {
            MEMORY
                .with_borrow_mut(|memory| {
                    argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), &SALT, &mut [0; 32], memory)
                })
                .map_err(|error| anyhow::anyhow!("a password cannot be hashed: {error}"))
        })?);
        whole.push(rate(8, || {
            let outcome = sso::sign_in::sign_in(&app, &request, &instance, "alice", &password)?;
            anyhow::ensure!(matches!(outcome, Outcome::SignedIn(_)), "nobody is refused");
            Ok(())
        })?);
    }
    println!("Signing in, on all processors");
    compare("a second", &pure, &whole, |rate| rate.a_second);
    compare("ms of processor time each", &pure, &whole, |rate| rate.cpu_milliseconds);
    println!();
    Ok(())
}

fn compare(what: &str, pure: &[Rate], whole: &[Rate], of: fn(&Rate) -> f64) {
    let ratio = median(whole.iter().zip(pure).map(|(whole, pure)| of(whole) / of(pure)).collect());
    let middle = |rates: &[Rate]| median(rates.iter().map(of).collect());
    let (pure, whole) = (middle(pure), middle(whole));
    println!("  argon2id alone {pure:>6.1}   sign-ins {whole:>6.1}   ratio {ratio:.2}   {what}");
}

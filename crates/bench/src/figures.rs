//! Start, memory, reset, long lists and changes.

use crate::instance::Instance;
use crate::request::{IDENTITY, Signer, Unsigned, organizations};
use crate::wire::{Connection, drive, median};
use anyhow::{Context as _, Result};
use base::{AccountId, Clock as _, SystemClock};
use iam::account::AccountState;
use kernel::store::Store;
use model::organizations::AccountJoinedMethod;
use org::tree::Target;
use std::path::Path;
use std::time::{Duration, Instant};

const STARTS: usize = 9;
const RESETS: usize = 9;
const LIST_CALLS: usize = 300;
const ACCOUNTS_FEW: u64 = 100;
const ACCOUNTS_MANY: u64 = 10_000;
const USERS: usize = 600;
const LIMIT: Duration = Duration::from_secs(20);

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Start to ready in the three ways, memory when idle, and the reset of an ephemeral server.
pub fn starts(program: &Path, data: &Path) -> Result<()> {
    println!("Start, memory, reset");
    let measure = |fresh: bool, extra: &[&str]| -> Result<f64> {
        let times = (0..STARTS).map(|_| {
            if fresh && data.exists() {
                std::fs::remove_dir_all(data)?;
            }
            Ok(millis(Instance::start(program, data, extra)?.ready_after))
        });
        Ok(median(times.collect::<Result<_>>()?))
    };
    println!("  first start to ready      {:>8.1} ms", measure(true, &[])?);
    println!("  later start to ready      {:>8.1} ms", measure(false, &[])?);
    let idle = Instance::start(program, data, &[])?;
    println!("  resident when idle        {:>8.1} MB", idle.resident_megabytes()?);
    let signer = idle.signer(data)?;
    let mut connection = Connection::open(idle.address)?;
    let signed = signer.signed(&IDENTITY)?;
    for _ in 0..200 {
        connection.exchange(&signed)?.accepted()?;
    }
    println!("  resident after 200 calls  {:>8.1} MB", idle.resident_megabytes()?);
    drop(idle);
    println!("  ephemeral start to ready  {:>8.1} ms", measure(true, &["--ephemeral"])?);
    let ephemeral = Instance::start(program, data, &["--ephemeral"])?;
    println!("  ephemeral resident        {:>8.1} MB", ephemeral.resident_megabytes()?);
    println!("  reset                     {:>8.1} ms\n", reset(&ephemeral, &ephemeral.signer(data)?)?);
    Ok(())
}

fn reset(ephemeral: &Instance, signer: &Signer) -> Result<f64> {
    let mut connection = Connection::open(ephemeral.address)?;
    let create = organizations("AWSOrganizationsV20161128.CreateOrganization", "{\"FeatureSet\":\"ALL\"}");
    let mut times = Vec::new();
    for _ in 0..RESETS {
        // Succeeds each time only because the reset before it took the organization away.
        connection.exchange(&signer.signed(&create)?)?.accepted()?;
        let started = Instant::now();
        let answer =
            connection.exchange(b"POST /admin/v1/reset HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")?;
        times.push(millis(started.elapsed()));
        anyhow::ensure!(answer.head.starts_with(b"HTTP/1.1 204 "), "the server was not reset");
    }
    Ok(median(times))
}

/// A page of an organization of 10,000 accounts against one of 100.
pub fn lists(program: &Path, data: &Path) -> Result<()> {
    println!("Lists: a page of 20 of {ACCOUNTS_MANY} accounts against one of {ACCOUNTS_FEW}");
    let (few, many) = (data.with_extension("few"), data.with_extension("many"));
    populate(program, &few, ACCOUNTS_FEW)?;
    populate(program, &many, ACCOUNTS_MANY)?;
    let mut few = Listing::new(program, &few)?;
    let mut many = Listing::new(program, &many)?;
    let row = |name: &str, few: f64, many: f64| {
        println!("  {name:<24} {few:>8.3} ms {many:>8.3} ms   ratio {:.2}", many / few);
    };
    let (first, other) = alternate(&mut few, &mut many, None, None)?;
    row("first page", first, other);
    let (few_pages, few_time, few_token) = few.walk()?;
    let (many_pages, many_time, many_token) = many.walk()?;
    let (first, other) = alternate(&mut few, &mut many, Some(&few_token), Some(&many_token))?;
    row("page in the middle", first, other);
    row("mean page of a walk", few_time / few_pages as f64, many_time / many_pages as f64);
    println!();
    Ok(())
}

fn alternate(
    few: &mut Listing,
    many: &mut Listing,
    few_token: Option<&str>,
    many_token: Option<&str>,
) -> Result<(f64, f64)> {
    let (mut first, mut other) = (Vec::new(), Vec::new());
    for _ in 0..LIST_CALLS {
        first.push(few.page(few_token)?.0);
        other.push(many.page(many_token)?.0);
    }
    Ok((median(first), median(other)))
}

/// An organization with `count` accounts, written below the API: creating as many through it takes minutes.
fn populate(program: &Path, data: &Path, count: u64) -> Result<()> {
    let instance = Instance::start(program, data, &[])?;
    let signer = instance.signer(data)?;
    let create = organizations("AWSOrganizationsV20161128.CreateOrganization", "{\"FeatureSet\":\"ALL\"}");
    Connection::open(instance.address)?.exchange(&signer.signed(&create)?)?.accepted()?;
    drop(instance);
    let management = AccountId::parse(&signer.account).context("the management account")?;
    let store = Store::open_sqlite(&data.join("vestibule.db"))?;
    let now = SystemClock.now();
    store.write(
        |tx| {
            let org = org::organization::of_account(tx, &management)?
                .ok_or_else(|| kernel::Error::internal("the organization is missing"))?;
            let root = Target::Root(org.root.clone());
            for number in 1..count {
                let id = AccountId::parse(&format!("2{number:011}"))
                    .ok_or_else(|| kernel::Error::internal("an account id"))?;
                let email = format!("account-{number}@example.com");
                iam::account::create(tx, &id, &email, &format!("account-{number}"), AccountState::Active, now)?;
                let joined_at = now.plus_seconds(i64::try_from(number).unwrap_or_default());
                org::tree::add_account(tx, &org, &id, &root, AccountJoinedMethod::Created, joined_at)?;
            }
            Ok(())
        },
        |_| {},
    )?;
    Ok(())
}

/// A server whose accounts are listed.
struct Listing {
    _instance: Instance,
    signer: Signer,
    connection: Connection,
}

impl Listing {
    fn new(program: &Path, data: &Path) -> Result<Self> {
        let instance = Instance::start(program, data, &[])?;
        let signer = instance.signer(data)?;
        let connection = Connection::open(instance.address)?;
        Ok(Self { _instance: instance, signer, connection })
    }

    /// Time of a page in milliseconds, and the token of the next one.
    fn page(&mut self, token: Option<&str>) -> Result<(f64, Option<String>)> {
        let body = token.map_or("{}".to_owned(), |token| format!("{{\"NextToken\":\"{token}\"}}"));
        let signed = self.signer.signed(&organizations("AWSOrganizationsV20161128.ListAccounts", &body))?;
        let started = Instant::now();
        let answer = self.connection.exchange(&signed)?;
        let took = millis(started.elapsed());
        let page: serde_json::Value = serde_json::from_slice(answer.accepted()?)?;
        Ok((took, page["NextToken"].as_str().map(str::to_owned)))
    }

    /// Walks the whole list: pages, milliseconds, and the token of the page in the middle.
    fn walk(&mut self) -> Result<(usize, f64, String)> {
        let mut tokens = Vec::new();
        let (mut total, mut token) = (0.0, None);
        loop {
            let (took, next) = self.page(token.as_deref())?;
            total += took;
            match next {
                Some(next) => tokens.push(next.clone()),
                None => break,
            }
            token = tokens.last().cloned();
        }
        let pages = tokens.len() + 1;
        let middle = tokens.get(tokens.len() / 2).cloned().context("the list has one page only")?;
        Ok((pages, total, middle))
    }
}

/// CreateUser, each in its own durable transaction.
pub fn changes(program: &Path, data: &Path) -> Result<()> {
    println!("Changes: CreateUser on SQLite, synchronous=FULL");
    let instance = Instance::start(program, data, &[])?;
    let signer = instance.signer(data)?;
    for count in [1, 16] {
        let requests = (0..USERS).map(|number| {
            let body = format!("Action=CreateUser&UserName=user-{count}-{number}&Version=2010-05-08");
            signer.signed(&Unsigned { service: "iam", target: None, body: &body })
        });
        let requests: Vec<Vec<u8>> = requests.collect::<Result<_>>()?;
        let mut connections: Vec<_> = (0..count).map(|_| Connection::open(instance.address)).collect::<Result<_>>()?;
        let mut waiting = requests.iter();
        let round = drive(&mut connections, LIMIT, || waiting.next().map(Vec::as_slice))?;
        println!("  {count:>2} connections  {:>7.0} changes/s", f64::from(round.answers) / round.seconds);
    }
    println!();
    Ok(())
}

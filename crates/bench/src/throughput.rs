//! Signed reads through the whole stack against the bare handler, in alternating rounds.

use crate::instance::Instance;
use crate::request::{IDENTITY, organizations};
use crate::wire::{Connection, drive, median};
use anyhow::Result;
use std::path::Path;
use std::time::Duration;

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(1_200);
const WARM_UP: Duration = Duration::from_millis(300);
const CONNECTIONS: [usize; 2] = [16, 64];

/// One side of a comparison.
struct Side<'a> {
    instance: &'a Instance,
    connections: Vec<Connection>,
    rates: Vec<f64>,
    cpu_micros: Vec<f64>,
}

impl<'a> Side<'a> {
    fn new(instance: &'a Instance, count: usize) -> Result<Self> {
        let connections = (0..count).map(|_| Connection::open(instance.address)).collect::<Result<_>>()?;
        Ok(Self { instance, connections, rates: Vec::new(), cpu_micros: Vec::new() })
    }

    fn round(&mut self, request: &[u8]) -> Result<()> {
        drive(&mut self.connections, WARM_UP, || Some(request))?;
        let before = self.instance.cpu_seconds()?;
        let round = drive(&mut self.connections, ROUND, || Some(request))?;
        let spent = self.instance.cpu_seconds()? - before;
        self.rates.push(f64::from(round.answers) / round.seconds);
        self.cpu_micros.push(spent * 1e6 / f64::from(round.answers.max(1)));
        Ok(())
    }
}

/// Compares GetCallerIdentity and DescribeAccount.
pub fn run(program: &Path, data: &Path) -> Result<()> {
    let instance = Instance::start(program, data, &[])?;
    let signer = instance.signer(data)?;
    let create = organizations("AWSOrganizationsV20161128.CreateOrganization", "{\"FeatureSet\":\"ALL\"}");
    Connection::open(instance.address)?.exchange(&signer.signed(&create)?)?.accepted()?;
    println!("Throughput: signed calls through the whole stack against a bare handler of the same framework");
    head();
    let account = format!("{{\"AccountId\":\"{}\"}}", signer.account);
    let describe = organizations("AWSOrganizationsV20161128.DescribeAccount", &account);
    // Signed anew for each round, since a signature is good for five minutes.
    compare("GetCallerIdentity", &instance, data, || signer.signed(&IDENTITY))?;
    compare("DescribeAccount", &instance, data, || signer.signed(&describe))?;
    println!("  resident after the load: {:.1} MB\n", instance.resident_megabytes()?);
    Ok(())
}

/// The head of the table.
pub fn head() {
    println!(
        "  {:<18} {:>5}  {:>10} {:>10} {:>6}   {:>9} {:>9} {:>6}",
        "operation", "conns", "bare req/s", "req/s", "ratio", "bare cpu", "cpu us", "ratio"
    );
}

/// The row of a request, whose bytes `request` gives, against a bare handler that answers the same.
pub fn compare(name: &str, instance: &Instance, data: &Path, request: impl Fn() -> Result<Vec<u8>>) -> Result<()> {
    let mut connection = Connection::open(instance.address)?;
    let answer = connection.exchange(&request()?)?;
    let path = data.with_extension("answer");
    std::fs::write(&path, answer.accepted()?)?;
    let bare = Instance::bare(&path, answer.header("content-type").unwrap_or("text/plain"))?;
    for count in CONNECTIONS {
        let (mut bare, mut whole) = (Side::new(&bare, count)?, Side::new(instance, count)?);
        for _ in 0..ROUNDS {
            let bytes = request()?;
            bare.round(&bytes)?;
            whole.round(&bytes)?;
        }
        let ratios = |above: &[f64], below: &[f64]| median(above.iter().zip(below).map(|(a, b)| a / b).collect());
        println!(
            "  {name:<18} {count:>5}  {:>10.0} {:>10.0} {:>6.2}   {:>9.1} {:>9.1} {:>6.2}",
            median(bare.rates.clone()),
            median(whole.rates.clone()),
            ratios(&whole.rates, &bare.rates),
            median(bare.cpu_micros.clone()),
            median(whole.cpu_micros.clone()),
            ratios(&bare.cpu_micros, &whole.cpu_micros),
        );
    }
    Ok(())
}

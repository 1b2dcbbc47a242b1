//! The synchronization with a directory: how long the first run takes, how long one that finds nothing new, and how much
//! memory the server has had.

use crate::domain::{self, EVERYBODY, HOST, NAME, Size};
use crate::instance::Instance;
use crate::portal::Administrator;
use crate::wire::Connection;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const SIZES: [Size; 2] = [Size { people: 2_000, groups: 200 }, Size { people: 100_000, groups: 200 }];
const LIMIT: Duration = Duration::from_secs(1_800);
const PAUSE: Duration = Duration::from_millis(100);

/// Measures both sizes.
pub fn run(program: &Path, data: &Path) -> Result<()> {
    println!("Synchronization with a generated directory");
    println!(
        "  {:>7}  {:>6}  {:>10}  {:>9}  {:>10}  {:>9}",
        "people", "groups", "first run", "people/s", "next run", "peak"
    );
    for size in SIZES {
        measure(program, &data.join(size.people.to_string()), size)?;
    }
    println!();
    Ok(())
}

fn measure(program: &Path, data: &Path, size: Size) -> Result<()> {
    std::fs::create_dir_all(data)?;
    let (port, authority) = domain::serve(size)?;
    let file = data.join("authority.pem");
    std::fs::write(&file, authority)?;
    let (file, port) = (file.display().to_string(), port.to_string());
    let controller = format!("{NAME}={HOST}@127.0.0.1");
    let flags = [
        "--directory-ca-file",
        &file,
        "--directory-ldaps-port",
        &port,
        "--directory-controllers",
        &controller,
        "--log",
        "error",
    ];
    let data = data.join("data");
    let instance = Instance::start(program, &data, &flags)?;
    let signer = instance.signer(&data)?;
    let connection = Connection::open(instance.address)?;
    let mut administrator = Administrator { program, data: &data, signer, connection };
    prepare(&mut administrator)?;
    let start = Instant::now();
    administrator.vestibule(&["identity-center", "sync", "add", "--group", EVERYBODY], "")?;
    let created = |result: &Value| result["usersCreated"].as_u64() == Some(size.people as u64);
    finished(&administrator, created)?;
    let first = start.elapsed().as_secs_f64();
    let start = Instant::now();
    administrator.vestibule(&["identity-center", "sync", "run"], "")?;
    finished(&administrator, |result| result["usersCreated"].as_u64() == Some(0))?;
    let next = start.elapsed().as_secs_f64();
    let (rate, peak) = (size.people as f64 / first, instance.peak_megabytes()?);
    println!(
        "  {:>7}  {:>6}  {first:>8.1} s  {rate:>9.0}  {next:>8.1} s  {peak:>6.0} MB",
        size.people,
        size.groups + 2
    );
    Ok(())
}

/// Identity Center whose people come from the domain.
fn prepare(administrator: &mut Administrator<'_>) -> Result<()> {
    administrator.aws("organizations", "AWSOrganizationsV20161128.CreateOrganization", json!({"FeatureSet": "ALL"}))?;
    administrator.vestibule(&["identity-center", "enable"], "")?;
    let settings = json!({
        "VpcId": "vpc-11111111", "SubnetIds": ["subnet-11111111", "subnet-22222222"],
        "CustomerDnsIps": ["127.0.0.1"], "CustomerUserName": "reader",
    });
    let input = json!({"Name": NAME, "Password": "generated", "Size": "Small", "ConnectSettings": settings});
    let made = administrator.aws("ds", "DirectoryService_20150416.ConnectDirectory", input)?;
    let id = made["DirectoryId"].as_str().context("a directory")?;
    wait(|| {
        let input = json!({"DirectoryIds": [id]});
        let shown = administrator.aws("ds", "DirectoryService_20150416.DescribeDirectories", input)?;
        let directory = &shown["DirectoryDescriptions"][0];
        ensure!(directory["Stage"] != "Failed", "{}", directory["StageReason"]);
        Ok(directory["Stage"] == "Active")
    })?;
    let words = ["identity-center", "set-identity-source", "--active-directory", id, "--accept"];
    administrator.vestibule(&words, "").map(drop)
}

/// Waits for a run of which `is_meant` holds.
fn finished(administrator: &Administrator<'_>, is_meant: impl Fn(&Value) -> bool) -> Result<()> {
    wait(|| {
        let shown = administrator.vestibule(&["identity-center", "sync", "describe"], "")?;
        let result = shown["Synchronization"]["LastResult"].as_str().unwrap_or("null");
        let result: Value = serde_json::from_str(result)?;
        ensure!(result["status"] != "FAILED", "{}", result["reason"]);
        Ok(is_meant(&result))
    })
}

fn wait(mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !condition()? {
        if start.elapsed() > LIMIT {
            bail!("not in time");
        }
        std::thread::park_timeout(PAUSE);
    }
    Ok(())
}

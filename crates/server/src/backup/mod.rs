//! `vestibule backup` and `vestibule restore`: one file with everything that a server needs to come back.
//!
//! # How it is made
//!
//! Beside the server, by the program that was called, without a call to the server: the file is for whoever may read the
//! data directory, and nobody needs a key to have it made. The database is copied in one transaction that reads. A domain
//! can only be copied while it stands still, and whoever runs it has to see to that: a server is asked through the
//! database ([`directory::managed::backup`]), because that is where a job is taken up once, tried again after a crash, and
//! says why it failed; where no server runs, the domains are copied under its lock. Everything that moves is first put
//! together below `DIR/backup` ([`gather`]), which takes as much room as the database and the domains do, so that a domain
//! stands still for no longer than its copy takes, however slow the place of the file is.
//!
//! # What is restored
//!
//! A directory that is absent or empty gets everything, or stays as it was ([`restore`]). The hashes tell damage, not
//! forgery: whoever can change a backup can change everything in it.

mod archive;
mod gather;
mod restore;
#[cfg(test)]
mod tests;

pub(crate) use restore::settle;

use crate::config::Config;
use anyhow::{Context as _, Result, bail, ensure};
use archive::{About, Database, MasterKey, PARTS, Size, Writer};
use base::{Clock as _, SystemClock, Timestamp};
use gather::Gathered;
use kernel::store::Store;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Files of the data directory.
const DATABASE_FILE: &str = "vestibule.db";
const MASTER_KEY_FILE: &str = "master.key";

/// How a backup is made.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Choices {
    /// The file to make; one of that name is replaced when the new one is whole
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave the master key out, to keep it in another place
    #[arg(long)]
    without_master_key: bool,
    /// Seconds to wait for the server to copy the domains that it runs
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    wait: i64,
}

/// Makes a backup of the server of `config`; what whoever asked for it should know.
///
/// # Errors
/// A sentence that says what to do. No file is left then, and one that was there before is what it was.
pub(crate) fn back_up(config: &Config, choices: &Choices) -> Result<String> {
    ensure!(!config.is_ephemeral, "a server that is --ephemeral has nothing to back up");
    let data = &config.data;
    if config.database_url.is_none() {
        let database = data.join(DATABASE_FILE);
        ensure!(database.exists(), "there is no database in {}: give the server's --data", data.display());
    }
    ensure!(data.is_dir(), "there is no directory {}: give the server's --data", data.display());
    let master_key = master_key(config, choices.without_master_key)?;
    let now = SystemClock.now();
    let output = Output::new(&choices.file)?;
    let gathered = gather::gather(config, now.plus_seconds(choices.wait))?;
    let domains = gathered.domains.iter().map(ToString::to_string).collect();
    let about = About::new(gathered.database, master_key, domains, now);
    let size = output.write(|file| pack(file, data, &gathered, &about, now))?;
    Ok(told(config, choices, &about, size, &gathered.notes))
}

fn master_key(config: &Config, is_apart: bool) -> Result<MasterKey> {
    if config.master_key.is_some() {
        return Ok(MasterKey::Environment);
    }
    if is_apart {
        return Ok(MasterKey::Apart);
    }
    let file = config.data.join(MASTER_KEY_FILE);
    ensure!(
        file.exists(),
        "there is no master key in {}: give VESTIBULE_MASTER_KEY as the server has it, or --without-master-key",
        config.data.display()
    );
    Ok(MasterKey::Included)
}

/// The database of a server, as it is, beside the server.
fn open_live(config: &Config) -> Result<Store> {
    let opened = match &config.database_url {
        Some(url) => Store::join_postgres(url, 2),
        None => Store::join_sqlite(&config.data.join(DATABASE_FILE)),
    };
    let store = opened.map_err(|error| anyhow::anyhow!("the database cannot be opened: {error}"))?;
    let version = store.version().map_err(|error| anyhow::anyhow!("the database cannot be read: {error}"))?;
    Store::check_version(version)
        .map_err(|error| anyhow::anyhow!("{error}: make the backup with a newer vestibule"))?;
    Ok(store)
}

fn pack(file: &mut File, data: &Path, gathered: &Gathered, about: &About, now: Timestamp) -> Result<Size> {
    let mut writer = Writer::new(BufWriter::new(file), about, now)?;
    for part in PARTS {
        let name = part.trim_end_matches('/');
        let source = match name {
            DATABASE_FILE => gathered.place.database(),
            "directories" => gathered.place.domains(),
            MASTER_KEY_FILE if about.master_key != MasterKey::Included => continue,
            other => data.join(other),
        };
        if source.exists() {
            writer.add(name, &source)?;
        }
    }
    let (mut output, size) = writer.finish()?;
    output.flush().context("cannot write the backup")?;
    Ok(size)
}

fn told(config: &Config, choices: &Choices, about: &About, size: Size, notes: &[String]) -> String {
    let domains = about.domains.len();
    let mut lines = vec![format!(
        "{}: {} files, {}, {domains} domain{}.",
        choices.file.display(),
        size.files,
        readable(size.bytes),
        if domains == 1 { "" } else { "s" }
    )];
    if about.database == Database::Postgresql {
        lines.push(
            "The database is not in it: dump it now with PostgreSQL's own tools, for example \
             pg_dump --format=custom --file=vestibule.dump DATABASE_URL"
                .to_owned(),
        );
    }
    match about.master_key {
        MasterKey::Included => {}
        MasterKey::Apart => lines.push(format!(
            "The master key is not in it: keep {} as well. Without it nothing that the backup has can be opened.",
            config.data.join(MASTER_KEY_FILE).display()
        )),
        MasterKey::Environment => lines.push(
            "The master key is not in it: keep VESTIBULE_MASTER_KEY as well. Without it nothing that the backup has can be \
             opened."
                .to_owned(),
        ),
    }
    lines.extend_from_slice(notes);
    lines.join("\n")
}

fn readable(bytes: u64) -> String {
    if bytes < 10_000_000 { format!("{} KB", bytes.div_ceil(1_000)) } else { format!("{} MB", bytes / 1_000_000) }
}

/// A file that takes its place when it is whole; removed when dropped before.
struct Output {
    place: PathBuf,
    partial: PathBuf,
    file: File,
}

impl Output {
    fn new(place: &Path) -> Result<Self> {
        let name = place.file_name().with_context(|| format!("{} is no name of a file", place.display()))?;
        ensure!(!place.is_dir(), "{} is a directory: give the name of a file", place.display());
        let mut partial = name.to_owned();
        partial.push(".partial");
        let partial = place.with_file_name(partial);
        let cannot_write = || format!("cannot write {}", partial.display());
        match std::fs::remove_file(&partial) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => bail!("{}: {error}", cannot_write()),
            _ => {}
        }
        // Not through a link that somebody else put there.
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&partial);
        Ok(Self { place: place.to_owned(), file: file.with_context(cannot_write)?, partial })
    }

    fn write<T>(mut self, write: impl FnOnce(&mut File) -> Result<T>) -> Result<T> {
        let written = write(&mut self.file)?;
        let cannot_write = || format!("cannot write {}", self.place.display());
        self.file.sync_all().with_context(cannot_write)?;
        std::fs::rename(&self.partial, &self.place).with_context(cannot_write)?;
        let directory = self.place.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new("."))).and_then(|it| it.sync_all()).with_context(cannot_write)?;
        Ok(written)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // It is there only when it did not take its place.
        let _ = std::fs::remove_file(&self.partial);
    }
}

/// Puts a backup into the data directory of `config`; what whoever asked for it should know.
///
/// # Errors
/// A sentence that says what to do. The directory is what it was then.
pub(crate) fn put_back(config: &Config, file: &Path) -> Result<String> {
    let (about, size) = restore::restore(file, &config.data)?;
    let data = config.data.display();
    let mut lines = vec![format!(
        "{data} has the {} files of the backup of {} ({}).",
        size.files,
        about.made_at,
        readable(size.bytes)
    )];
    if about.database == Database::Postgresql {
        lines.push(
            "The database was not in it: restore its dump, then start the server with --database-url.".to_owned(),
        );
    }
    match about.master_key {
        MasterKey::Included => {}
        MasterKey::Apart => lines.push(format!(
            "The master key was not in it: put it into {} (mode 0600) before the server starts.",
            config.data.join(MASTER_KEY_FILE).display()
        )),
        MasterKey::Environment => {
            lines
                .push("The master key was not in it: start the server with VESTIBULE_MASTER_KEY as before.".to_owned());
        }
    }
    Ok(lines.join("\n"))
}

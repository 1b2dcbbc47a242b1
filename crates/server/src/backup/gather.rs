//! Puts together what does not stand still: the database and the domains.
//!
//! Domains are copied first, then the database, which tells what it must have of them: a domain that it speaks of and a
//! snapshot that it calls complete were copied before it was, or all is done again. Snapshots never change, and their
//! files are removed only after their rows: one that was linked before the database was copied, and is in the copy, is
//! whole.

use super::archive::Database;
use super::{DATABASE_FILE, open_live};
use crate::bootstrap::{DataDirectory, create_private_directory, try_lock};
use crate::config::Config;
use crate::domain_controller::{BACKUP_PLACE, DomainFiles, backup_place};
use anyhow::{Context as _, Result, bail, ensure};
use base::{Clock as _, DirectoryId, Random, SystemClock, Timestamp};
use directory::managed::backup::{self, Known, Order};
use kernel::store::Store;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Times that everything is copied before what the database misses is taken for lost.
const ROUNDS_MAX: usize = 3;
/// How often is looked whether a server has copied a domain.
const LOOK: Duration = Duration::from_millis(100);
/// Held while a backup is put together.
const LOCK_FILE: &str = "backup.lock";

/// The place where a backup is put together; removed when dropped.
pub(super) struct Place {
    name: String,
    path: PathBuf,
    _lock: File,
}

impl Place {
    /// A new place below a data directory. What a backup that was broken off left there is removed.
    ///
    /// # Errors
    /// When another backup is being made, or nothing can be written.
    pub(super) fn new(data: &Path) -> Result<Self> {
        let lock = try_lock(data, LOCK_FILE)?.context("another backup of this data directory is being made")?;
        clear(data)?;
        let name = Random::from_system().text(b"0123456789abcdefghijklmnopqrstuvwxyz", 12);
        let path = backup_place(data, &name);
        create_private_directory(&path)?;
        Ok(Self { name, path, _lock: lock })
    }

    /// Where the copy of the database is.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// Where the copies of the domains are.
    pub(super) fn domains(&self) -> PathBuf {
        self.path.join("directories")
    }

    fn domain_files(&self) -> DomainFiles {
        DomainFiles::of(&self.path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(all) = self.path.parent()
            && let Err(error) = std::fs::remove_dir_all(all)
        {
            eprintln!("vestibule: {} cannot be removed: {error}", all.display());
        }
    }
}

fn clear(data: &Path) -> Result<()> {
    match std::fs::remove_dir_all(data.join(BACKUP_PLACE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", data.join(BACKUP_PLACE).display()))
        }
        _ => Ok(()),
    }
}

/// Removes what a backup that was broken off left below a data directory, unless one is being made.
///
/// # Errors
/// When it cannot be removed.
pub(super) fn clear_left_overs(data: &Path) -> Result<()> {
    if !data.join(BACKUP_PLACE).exists() {
        return Ok(());
    }
    let Some(_lock) = try_lock(data, LOCK_FILE)? else { return Ok(()) };
    clear(data)
}

/// What was put together.
pub(super) struct Gathered {
    /// Where it is.
    pub(super) place: Place,
    /// Which database there is.
    pub(super) database: Database,
    /// The domains whose files there are.
    pub(super) domains: Vec<DirectoryId>,
    /// What whoever makes the backup should know.
    pub(super) notes: Vec<String>,
}

/// Puts together what a backup of the server of `config` has to have, waiting for a server that runs until `until`.
///
/// # Errors
/// A sentence that says what to do. Nothing is left then.
pub(super) fn gather(config: &Config, until: Timestamp) -> Result<Gathered> {
    let place = Place::new(&config.data)?;
    let live = DomainFiles::of(&config.data);
    live.copy_home(&place.domain_files()).context("the id of the data directory cannot be copied")?;
    let is_embedded = config.database_url.is_none();
    if !is_embedded && live.made()?.is_empty() {
        return Ok(Gathered { place, database: Database::Postgresql, domains: Vec::new(), notes: Vec::new() });
    }
    let store = open_live(config)?;
    let mut work =
        Gathering { config, store: &store, live, until, copied: BTreeSet::new(), shared: BTreeSet::new(), place };
    let mut database = Database::Postgresql;
    for _ in 0..ROUNDS_MAX {
        let known = store.read(backup::known)?;
        work.copy_domains(&known)?;
        work.share_snapshots(&known)?;
        let mut known = store.read(backup::known)?;
        if is_embedded {
            let copy = work.copy_database()?;
            database = Database::Sqlite { version: copy.version()? };
            known = copy.read(backup::known)?;
        }
        if work.lacks(&known)?.is_empty() {
            return work.done(database, &known);
        }
    }
    let known = store.read(backup::known)?;
    work.done(database, &known)
}

struct Gathering<'a> {
    config: &'a Config,
    store: &'a Store,
    live: DomainFiles,
    until: Timestamp,
    copied: BTreeSet<DirectoryId>,
    shared: BTreeSet<(DirectoryId, String)>,
    place: Place,
}

impl Gathering<'_> {
    /// Whether every domain is run with this data directory.
    fn is_embedded(&self) -> bool {
        self.config.database_url.is_none()
    }

    /// Copies the domains that are known and were not copied.
    fn copy_domains(&mut self, known: &[Known]) -> Result<()> {
        let is_known = |id: &DirectoryId| known.iter().any(|domain| domain.directory == *id);
        let made = self.live.made().context("the domains cannot be read")?;
        let waiting: Vec<_> = made.into_iter().filter(|id| is_known(id) && !self.copied.contains(id)).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        match DataDirectory::try_open(&self.config.data)? {
            // No server: nothing moves as long as none can start.
            Some(_held) => {
                let files = self.place.domain_files();
                for id in &waiting {
                    self.live.copy(id, &files).with_context(|| format!("cannot copy the domain of {id}"))?;
                }
            }
            None => self.ask(&waiting)?,
        }
        self.copied = self.place.domain_files().made()?.into_iter().collect();
        Ok(())
    }

    /// Has the server that runs copy domains.
    fn ask(&self, domains: &[DirectoryId]) -> Result<()> {
        let found = self.store.version()?;
        ensure!(
            found == Store::newest_version(),
            "the server that runs is of another version than this program: make the backup with the server's own"
        );
        let mut asked = Asked { store: self.store, orders: Vec::new() };
        for directory in domains {
            let order = Order { directory: directory.clone(), backup: self.place.name.clone(), until: self.until };
            asked.add(order)?;
        }
        asked.wait()
    }

    fn share_snapshots(&mut self, known: &[Known]) -> Result<()> {
        let files = self.place.domain_files();
        for domain in known {
            for snapshot in &domain.snapshots {
                let of = (domain.directory.clone(), snapshot.clone());
                if !self.shared.contains(&of)
                    && self
                        .live
                        .share_snapshot(&of.0, snapshot, &files)
                        .with_context(|| format!("cannot copy the snapshot {snapshot}"))?
                {
                    self.shared.insert(of);
                }
            }
        }
        Ok(())
    }

    fn copy_database(&self) -> Result<Store> {
        let copy = self.place.database();
        if copy.exists() {
            std::fs::remove_file(&copy)?;
        }
        Store::copy_sqlite(&self.config.data.join(DATABASE_FILE), &copy)
            .map_err(|error| anyhow::anyhow!("the database cannot be copied: {error}"))?;
        Ok(Store::inspect_sqlite(&copy)?)
    }

    /// What the database speaks of and was not copied.
    fn lacks(&self, known: &[Known]) -> Result<Vec<String>> {
        let made = self.live.made().context("the domains cannot be read")?;
        let mut lacks = Vec::new();
        for domain in known {
            let id = &domain.directory;
            if domain.is_made && !self.copied.contains(id) && made.contains(id) {
                lacks.push(format!("the domain of {id}"));
            }
            let is_lacking = |snapshot: &&String| !self.shared.contains(&(id.clone(), (*snapshot).clone()));
            if self.is_embedded() || made.contains(id) {
                let lacking = domain.snapshots.iter().filter(is_lacking);
                lacks.extend(lacking.map(|snapshot| format!("the snapshot {snapshot} of {id}")));
            }
        }
        Ok(lacks)
    }

    fn done(self, database: Database, known: &[Known]) -> Result<Gathered> {
        let mut notes: Vec<String> = self
            .lacks(known)?
            .into_iter()
            .map(|lacking| format!("The files of {lacking} are gone: the backup does not have them."))
            .collect();
        let is_known = |id: &DirectoryId| known.iter().any(|domain| domain.directory == *id);
        // They were deleted meanwhile.
        let files = self.place.domain_files();
        for unknown in self.copied.iter().filter(|id| !is_known(id)) {
            files.remove(unknown)?;
        }
        let has = |(id, snapshot): &&(DirectoryId, String)| {
            known.iter().any(|domain| domain.directory == *id && domain.snapshots.contains(snapshot))
        };
        for (id, snapshot) in self.shared.iter().filter(|shared| !has(shared)) {
            files.remove_snapshot(id, snapshot)?;
        }
        let advice = if self.is_embedded() { "" } else { " Back up the server that runs it, too." };
        let data = self.config.data.display();
        for absent in known.iter().filter(|domain| domain.is_made && !self.copied.contains(&domain.directory)) {
            let id = &absent.directory;
            notes.push(format!("The domain of {id} is not in {data}: the backup does not have it.{advice}"));
        }
        let domains = self.copied.iter().filter(|id| is_known(id)).cloned().collect();
        Ok(Gathered { place: self.place, database, domains, notes })
    }
}

/// What a server was asked for; taken back when dropped.
struct Asked<'a> {
    store: &'a Store,
    orders: Vec<Order>,
}

impl Asked<'_> {
    fn add(&mut self, order: Order) -> Result<()> {
        let (id, now) = (Random::from_system().uuid(), SystemClock.now());
        self.store.write(|tx| backup::ask(tx, &id, &order, now), |_| {})?;
        self.orders.push(order);
        Ok(())
    }

    /// Waits until everything is done.
    fn wait(&mut self) -> Result<()> {
        while let Some(order) = self.orders.last() {
            let Some(job) = self.store.read(|tx| backup::asked(tx, order))? else {
                self.orders.pop();
                continue;
            };
            let id = &order.directory;
            if let Some(error) = job.last_error {
                bail!("the server cannot copy the domain of {id}: {error}");
            }
            if SystemClock.now() >= order.until {
                bail!(
                    "the server has not copied the domain of {id} in time: see `vestibule jobs list`, and give it longer \
                     with --wait"
                );
            }
            std::thread::park_timeout(LOOK);
        }
        Ok(())
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        for order in &self.orders {
            if let Err(error) = self.store.write(|tx| backup::withdraw(tx, order), |_| {}) {
                eprintln!("vestibule: the copy of {} cannot be taken back: {error}", order.directory);
            }
        }
    }
}

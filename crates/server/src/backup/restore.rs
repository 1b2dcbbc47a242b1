//! Puts a backup into an empty data directory.

use super::DATABASE_FILE;
use super::archive::{self, About, Size};
use super::gather::clear_left_overs;
use crate::bootstrap::{DataDirectory, create_private_directory, write_private};
use anyhow::{Context as _, Result, bail};
use kernel::App;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Below the data directory, where a backup is unpacked before anything takes its place.
const PLACE: &str = "restoring";
/// What an empty data directory may have in it: nothing of a server.
const NOTHING: [&str; 4] = [PLACE, "lock", "backup.lock", "lost+found"];
/// Tells the next start that domains were restored.
const MARK: &str = "restored";

/// Unpacks `file` into `data`.
///
/// # Errors
/// A sentence that says what to do. `data` is what it was then.
pub(super) fn restore(file: &Path, data: &Path) -> Result<(About, Size)> {
    let archive = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    refuse_unless_empty(data)?;
    let target = Target::new(data)?;
    let unpacked = archive::unpack(BufReader::new(archive), &target.place);
    let (about, size) = unpacked.with_context(|| format!("{} cannot be restored", file.display()))?;
    if !about.domains.is_empty() {
        write_private(&target.place.join(MARK), about.made_at.as_bytes())?;
    }
    target.finish()?;
    Ok((about, size))
}

fn refuse_unless_empty(data: &Path) -> Result<()> {
    let entries = match fs::read_dir(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.with_context(|| format!("cannot read the data directory {}", data.display()))?,
    };
    for entry in entries {
        let name = entry?.file_name();
        if !NOTHING.iter().any(|nothing| name == *nothing) {
            bail!(
                "{} is not empty: it has {}. A backup is restored into a directory that is absent or empty",
                data.display(),
                name.to_string_lossy()
            );
        }
    }
    Ok(())
}

/// A data directory that gets a backup; what it was before when this is dropped unfinished.
struct Target {
    data: PathBuf,
    place: PathBuf,
    was_there: bool,
    /// No server starts meanwhile.
    lock: Option<DataDirectory>,
}

impl Target {
    fn new(data: &Path) -> Result<Self> {
        let was_there = data.exists();
        let lock = Some(DataDirectory::open(data)?);
        let target = Self { data: data.to_owned(), place: data.join(PLACE), was_there, lock };
        target.clear()?;
        create_private_directory(&target.place)?;
        Ok(target)
    }

    fn clear(&self) -> Result<()> {
        match fs::remove_dir_all(&self.place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.place.display()))
            }
            _ => Ok(()),
        }
    }

    /// Puts everything into its place: the database last, without which there is nothing to start.
    fn finish(mut self) -> Result<()> {
        let entries = fs::read_dir(&self.place).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut names: Vec<_> = entries?.iter().map(fs::DirEntry::file_name).collect();
        names.sort_by_key(|name| (name == DATABASE_FILE, name.clone()));
        for name in names {
            let target = self.data.join(&name);
            fs::rename(self.place.join(&name), &target)
                .with_context(|| format!("cannot write {}", target.display()))?;
        }
        fs::remove_dir(&self.place)?;
        File::open(&self.data)?.sync_all()?;
        self.was_there = true;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            eprintln!("vestibule: {error:#}");
        }
        drop(self.lock.take());
        if !self.was_there {
            let _ = fs::remove_file(self.data.join("lock"));
            let _ = fs::remove_dir(&self.data);
        }
    }
}

/// Clears away what backups left below `data`, and where domains were restored has everything forgotten that they may
/// have forgotten: to be called once, when the server starts.
///
/// # Errors
/// When the database or a file fails.
pub(crate) fn settle(app: &Arc<App>, data: &Path) -> Result<()> {
    if let Err(error) = clear_left_overs(data) {
        tracing::warn!(error = format!("{error:#}"), "what a backup left behind cannot be removed");
    }
    let mark = data.join(MARK);
    if !mark.exists() {
        return Ok(());
    }
    directory::managed::backup::restored(app)?;
    fs::remove_file(&mark).with_context(|| format!("cannot remove {}", mark.display()))
}

//! The files of domains in a backup: `DIR/backup/<name>/directories/<directory>/` is laid out as the domain itself is,
//! without what is made anew at each start.

use super::files::{Files, HOME};
use super::{DIRECTORY, DomainControllers};
use crate::bootstrap::create_private_directory;
use base::DirectoryId;
use std::io;
use std::path::{Path, PathBuf};

/// Below the data directory, where backups are put together.
pub(crate) const PLACE: &str = "backup";

/// Where the backup of a name is put together.
pub(crate) fn place(data: &Path, backup: &str) -> PathBuf {
    data.join(PLACE).join(backup)
}

/// The files of domains below a data directory, or below the place of a backup of one.
pub(crate) struct DomainFiles {
    root: PathBuf,
}

impl DomainFiles {
    /// Those below `data`.
    pub(crate) fn of(data: &Path) -> Self {
        Self { root: data.join(DIRECTORY) }
    }

    fn files(&self, id: &DirectoryId) -> Files {
        Files::new(&self.root, id)
    }

    /// The domains that were made.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(crate) fn made(&self) -> io::Result<Vec<DirectoryId>> {
        let entries = match std::fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut made = Vec::new();
        for entry in entries {
            let id = entry?.file_name().to_str().and_then(DirectoryId::parse);
            made.extend(id.filter(|id| self.files(id).has_data()));
        }
        made.sort();
        Ok(made)
    }

    /// Copies a domain, which must stand still, to where a backup of `other` has it.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(crate) fn copy(&self, id: &DirectoryId, other: &Self) -> io::Result<()> {
        self.files(id).copy_to_backup(&other.files(id))
    }

    /// Gives another place the id of this one: it is to take its place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn copy_home(&self, other: &Self) -> io::Result<()> {
        if !self.root.join(HOME).exists() {
            return Ok(());
        }
        create_private_directory(&other.root).map_err(io::Error::other)?;
        std::fs::copy(self.root.join(HOME), other.root.join(HOME)).map(drop)
    }

    /// Has a snapshot, which never changes, in another place too. False: its files are gone.
    ///
    /// # Errors
    /// When it cannot be had there.
    pub(crate) fn share_snapshot(&self, id: &DirectoryId, snapshot: &str, other: &Self) -> io::Result<bool> {
        self.files(id).share_snapshot(snapshot, &other.files(id))
    }

    /// Removes a snapshot; nothing happens when there is none.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn remove_snapshot(&self, id: &DirectoryId, snapshot: &str) -> io::Result<()> {
        self.files(id).remove_snapshot(snapshot)
    }

    /// Removes what is there of a domain.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn remove(&self, id: &DirectoryId) -> io::Result<()> {
        self.files(id).remove()
    }
}

impl DomainControllers {
    pub(super) fn copy_to_backup(&self, id: &DirectoryId, backup: &str) -> io::Result<bool> {
        let root = self.root().map_err(io::Error::other)?;
        let place = place(root.parent().unwrap_or(root), backup);
        if !place.is_dir() {
            return Ok(false);
        }
        let (files, target) = (self.files(id)?, DomainFiles::of(&place).files(id));
        if files.has_data() {
            self.while_still(id, move || files.copy_to_backup(&target))?;
        }
        Ok(true)
    }
}

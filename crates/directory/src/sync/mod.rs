//! Users and groups of a directory in an identity store.

use base::DirectoryId;
use kernel::{Result, Tx, params};

/// Whether an identity store takes its people from the directory.
///
/// # Errors
/// When the database fails.
pub fn is_in_use(tx: &mut Tx, directory: &DirectoryId) -> Result<bool> {
    tx.exists("select 1 from dir_sync where directory_id = $1", params![directory])
}

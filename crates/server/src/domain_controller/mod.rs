//! Domain controllers of directories of type MicrosoftAD, beside the server on its machine.
//!
//! Each domain is one process of Samba's, an Active Directory domain controller on an address of its own
//! ([`network`]), whose data lie below the data directory ([`files`]). It is made, started and watched by a thread
//! ([`supervisor`]), and ends with the server. Nothing of the machine's own configuration is read or changed.

mod backup;
mod certificate;
mod files;
mod names;
mod network;
mod process;
mod programs;
mod supervisor;
mod trust;

pub(crate) use backup::{DomainFiles, PLACE as BACKUP_PLACE, place as backup_place};
pub use network::{NETWORK, Network};

use base::{DirectoryId, Random};
use directory::managed::{Domains, Plan, State, TrustOrder, TrustWork};
use files::Files;
use kernel::App;
use programs::Programs;
use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use supervisor::Supervisor;

/// Below the data directory, where the domains lie.
const DIRECTORY: &str = "directories";

/// The domain controllers of this server.
pub struct DomainControllers {
    /// `None`: there is no data directory.
    root: Option<PathBuf>,
    network: Network,
    /// The id of the place, once it was asked for.
    home: Mutex<Option<String>>,
    running: Mutex<HashMap<DirectoryId, Arc<Supervisor>>>,
    /// Held while the database of a domain is copied, replaced, or changed by somebody else than its controller.
    databases: Mutex<()>,
}

impl DomainControllers {
    /// Controllers whose data lie below `data`, on addresses of `network`. Without `data` there are none.
    pub fn new(data: Option<&Path>, network: Network) -> Self {
        let root = data.map(|data| std::fs::canonicalize(data).unwrap_or_else(|_| data.to_owned()).join(DIRECTORY));
        Self { root, network, home: Mutex::default(), running: Mutex::default(), databases: Mutex::default() }
    }

    fn root(&self) -> Result<&Path, String> {
        let without = "This server keeps everything in memory, and a domain needs a data directory: start it with --data \
                       and without --ephemeral.";
        let root = self.root.as_deref().ok_or_else(|| without.to_owned())?;
        files::obstacle(root).map_or(Ok(root), Err)
    }

    fn files(&self, id: &DirectoryId) -> io::Result<Files> {
        self.root().map(|root| Files::new(root, id)).map_err(io::Error::other)
    }

    fn supervisor(&self, id: &DirectoryId) -> Option<Arc<Supervisor>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Does `work` with the files of a domain while it stands still.
    fn while_still(&self, id: &DirectoryId, work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
        let _databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        match self.supervisor(id) {
            Some(supervisor) => supervisor.while_still(Box::new(work)),
            None => work(),
        }
    }

    fn prepare(&self, id: &DirectoryId) -> Result<(Files, Programs), String> {
        Ok((Files::new(self.root()?, id), Programs::find()?))
    }
}

impl Domains for DomainControllers {
    fn obstacle(&self) -> Option<String> {
        if let Err(obstacle) = self.root().map(drop).and_then(|()| Programs::find().map(drop)) {
            return Some(obstacle);
        }
        // Ports below 1024 cannot be had, or the network is not this machine's.
        self.network.free_address(&[]).err()
    }

    fn home(&self) -> Result<String, String> {
        let root = self.root()?;
        let mut home = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(home) = &*home {
            return Ok(home.clone());
        }
        let id =
            files::home(root).map_err(|error| format!("The id of the data directory cannot be had: {error:#}."))?;
        Ok(home.insert(id).clone())
    }

    fn free_address(&self, taken: &[String]) -> Result<Ipv4Addr, String> {
        self.network.free_address(taken)
    }

    fn run(&self, app: &Arc<App>, plan: Plan) -> State {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(supervisor) = running.get(&plan.id) {
            let state = supervisor.state();
            if matches!(state, State::Failed { .. }) {
                // It has given up: the next request begins anew.
                running.remove(&plan.id);
            }
            return state;
        }
        let (files, programs) = match self.prepare(&plan.id) {
            Ok(prepared) => prepared,
            Err(reason) => return State::Failed { reason },
        };
        let id = plan.id.clone();
        match Supervisor::start(app, plan, files, programs) {
            Ok(supervisor) => {
                running.insert(id, Arc::new(supervisor));
                State::Starting
            }
            Err(error) => State::Failed { reason: format!("No thread can be had: {error}.") },
        }
    }

    fn remove(&self, id: &DirectoryId) -> io::Result<()> {
        let supervisor = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(supervisor) = supervisor {
            supervisor.stop();
        }
        self.files(id).and_then(|files| files.remove())
    }

    fn take_snapshot(&self, id: &DirectoryId, snapshot: &str) -> io::Result<()> {
        let (files, snapshot) = (self.files(id)?, snapshot.to_owned());
        self.while_still(id, move || files.copy_to_snapshot(&snapshot))
    }

    fn copy_for_backup(&self, id: &DirectoryId, backup: &str) -> io::Result<bool> {
        self.copy_to_backup(id, backup)
    }

    fn restore(&self, id: &DirectoryId, snapshot: &str) -> io::Result<()> {
        let files = self.files(id)?;
        files.clear_attempts()?;
        let copy = files.copy_from_snapshot(snapshot, &Random::from_system().text(b"0123456789abcdef", 8))?;
        self.while_still(id, move || files.replace(&copy))
    }

    fn remove_snapshot(&self, id: &DirectoryId, snapshot: &str) -> io::Result<()> {
        self.files(id)?.remove_snapshot(snapshot)
    }

    fn trust(&self, order: &TrustOrder) -> Result<(), String> {
        let (files, programs) = self.prepare(&order.directory)?;
        let is_change = !matches!(order.work, TrustWork::Verify { .. });
        let _databases = is_change.then(|| self.databases.lock().unwrap_or_else(PoisonError::into_inner));
        trust::carry_out(order, &files, &programs)
    }

    fn stop(&self) {
        let running: Vec<_> = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.drain().map(|(_, supervisor)| supervisor).collect()
        };
        running.iter().for_each(|supervisor| supervisor.ask_to_stop());
        running.iter().for_each(|supervisor| supervisor.stop());
    }
}

impl Drop for DomainControllers {
    fn drop(&mut self) {
        self.stop();
    }
}

//! Samba's programs on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where programs are looked for besides `PATH`.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/samba/sbin", "/usr/local/samba/bin"];
/// What to install.
const PACKAGES: &str = "install Samba's domain controller (Debian and Ubuntu: apt-get install --no-install-recommends \
    samba samba-ad-dc samba-ad-provision samba-dsdb-modules winbind; the system's own Samba services are not needed and \
    may stay off)";

/// The programs.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    samba: PathBuf,
    python: PathBuf,
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(PLACES.map(PathBuf::from));
    places.map(|place| place.join(name)).find(|file| file.is_file())
}

/// The interpreter in the first line of a script: of several on a machine it is the one that has Samba's modules.
fn interpreter(script: &Path) -> Option<PathBuf> {
    let text = std::fs::read(script).ok()?;
    let line = text.split(|byte| *byte == b'\n').next()?;
    let path = std::str::from_utf8(line).ok()?.strip_prefix("#!")?.split_whitespace().next()?;
    Some(PathBuf::from(path)).filter(|path| path.is_absolute() && !path.ends_with("env"))
}

impl Programs {
    /// Those of this machine.
    ///
    /// # Errors
    /// A sentence that says what to install.
    pub(super) fn find() -> Result<Self, String> {
        let (Some(samba), Some(tool)) = (find("samba"), find("samba-tool")) else {
            return Err(format!("Samba is not installed on this machine: {PACKAGES}, and try again."));
        };
        let python = interpreter(&tool).unwrap_or_else(|| PathBuf::from("/usr/bin/python3"));
        Ok(Self { samba, python })
    }

    /// What may help after `error`.
    pub(super) fn hint(&self, error: &str) -> String {
        let is_missing = ["ModuleNotFoundError", "ImportError", "No such file"].iter().any(|sign| error.contains(sign));
        if is_missing { format!(". A part of Samba may be missing: {PACKAGES}.") } else { String::new() }
    }

    /// The controller's program.
    pub(super) fn samba(&self) -> Command {
        command(&self.samba)
    }

    /// The interpreter of Samba's tools.
    pub(super) fn python(&self) -> Command {
        command(&self.python)
    }
}

/// A program that sees nothing of the server's environment, in which there may be keys.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("LC_ALL", "C.UTF-8").current_dir("/");
    command
}

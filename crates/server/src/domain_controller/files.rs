//! Where a domain lies on the disk, and the configuration of its controller.
//!
//! `DIR/directories/<directory>/` has `samba` (the database, below `private` and `state`, and what Samba needs to run),
//! `tls` (the authority and the controller's certificate) and `snapshots`.

use crate::bootstrap::{create_private_directory, write_private};
use anyhow::{Context as _, Result};
use base::{DirectoryId, Random};
use directory::managed::Plan;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Longest path of the data directory, in bytes: below it are sockets, whose paths have at most 107.
const ROOT_BYTES_MAX: usize = 107 - "/d-1234567890/new-12345678/run/ncalrpc/np/protected_storage".len();
/// The file with the id of the place of all domains, below which they lie.
pub(super) const HOME: &str = "home";
/// The parts of the database; everything else is made anew at each start.
const DATABASE: [&str; 2] = ["private", "state"];
/// Below the database, what is no part of it.
const PASSING: [&str; 2] = ["msg.sock", "ldap_priv"];

/// Why domains cannot lie below `root`; `None` when they can. Samba's configuration file gives some characters a meaning.
pub(super) fn obstacle(root: &Path) -> Option<String> {
    let text = root.to_string_lossy();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte));
    if !is_plain {
        return Some(format!(
            "The path of the data directory has characters that Samba cannot have in it ({text}): letters, digits and \
             / . _ - + @ are possible."
        ));
    }
    (text.len() > ROOT_BYTES_MAX).then(|| {
        format!("The path {text} is too long for Samba's sockets: choose a data directory with a shorter one.")
    })
}

/// The id of the place of domains, which it gets when it has none.
///
/// # Errors
/// When it cannot be read or written.
pub(super) fn home(root: &Path) -> Result<String> {
    let file = root.join(HOME);
    match fs::read_to_string(&file) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot read {}", file.display()))
        }
        _ => {
            create_private_directory(root)?;
            let id = Random::from_system().text(b"0123456789abcdef", 32);
            write_private(&file, id.as_bytes())?;
            Ok(id)
        }
    }
}

/// The places of one domain.
#[derive(Debug, Clone)]
pub(super) struct Files {
    base: PathBuf,
}

impl Files {
    pub(super) fn new(root: &Path, id: &DirectoryId) -> Self {
        Self { base: root.join(id.as_str()) }
    }

    /// Certificates and keys.
    pub(super) fn tls(&self) -> PathBuf {
        self.base.join("tls")
    }

    /// The domain.
    pub(super) fn samba(&self) -> PathBuf {
        self.base.join("samba")
    }

    /// A place for a domain that is being made.
    pub(super) fn new_samba(&self, suffix: &str) -> PathBuf {
        self.base.join(format!("new-{suffix}"))
    }

    fn replaced(&self) -> PathBuf {
        self.base.join("replaced")
    }

    fn snapshot(&self, id: &str) -> PathBuf {
        self.base.join("snapshots").join(id)
    }

    /// Whether there is something of a domain that was made.
    pub(super) fn has_data(&self) -> bool {
        self.samba().exists() || self.replaced().exists()
    }

    /// Whether the domain was made; one that was being replaced when the server ended is put back.
    pub(super) fn is_made(&self) -> io::Result<bool> {
        if !self.samba().exists() && self.replaced().exists() {
            fs::rename(self.replaced(), self.samba())?;
        }
        Ok(self.samba().exists())
    }

    /// Puts a domain that was made into its place.
    pub(super) fn finish(&self, made: &Path) -> io::Result<()> {
        fs::rename(made, self.samba())?;
        fs::File::open(&self.base)?.sync_all()
    }

    /// Removes what attempts to make the domain left behind.
    pub(super) fn clear_attempts(&self) -> io::Result<()> {
        let Ok(entries) = fs::read_dir(&self.base) else { return Ok(()) };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("new-") {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes everything.
    pub(super) fn remove(&self) -> io::Result<()> {
        absent(fs::remove_dir_all(&self.base))
    }

    /// Copies the database, which must stand still.
    pub(super) fn copy_to_snapshot(&self, id: &str) -> io::Result<()> {
        let place = self.snapshot(id);
        absent(fs::remove_dir_all(&place))?;
        let copied = self.copy_database(&self.samba(), &place);
        if copied.is_err() {
            absent(fs::remove_dir_all(&place))?;
        }
        copied
    }

    /// Makes a domain of a copy, beside the one that there is. Returns its place.
    pub(super) fn copy_from_snapshot(&self, id: &str, suffix: &str) -> io::Result<PathBuf> {
        let place = self.new_samba(suffix);
        self.copy_database(&self.snapshot(id), &place)?;
        Ok(place)
    }

    /// Puts `other` in the place of the domain, which must stand still.
    pub(super) fn replace(&self, other: &Path) -> io::Result<()> {
        absent(fs::remove_dir_all(self.replaced()))?;
        fs::rename(self.samba(), self.replaced())?;
        if let Err(error) = fs::rename(other, self.samba()) {
            fs::rename(self.replaced(), self.samba())?;
            return Err(error);
        }
        fs::File::open(&self.base)?.sync_all()?;
        fs::remove_dir_all(self.replaced())
    }

    /// Removes a copy; nothing happens when there is none.
    pub(super) fn remove_snapshot(&self, id: &str) -> io::Result<()> {
        absent(fs::remove_dir_all(self.snapshot(id)))
    }

    /// Copies the domain with its certificates, which must stand still, to another place.
    pub(super) fn copy_to_backup(&self, other: &Self) -> io::Result<()> {
        if !self.is_made()? {
            return Ok(());
        }
        other.remove()?;
        self.copy_database(&self.samba(), &other.samba())?;
        // There are none before the first start.
        if self.tls().exists() { copy(&self.tls(), &other.tls()) } else { Ok(()) }
    }

    /// Has a snapshot in another place too, where it takes no more room as long as it is here. False: its files are gone.
    pub(super) fn share_snapshot(&self, id: &str, other: &Self) -> io::Result<bool> {
        match share(&self.snapshot(id), &other.snapshot(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // It was deleted meanwhile, or a part of it.
                other.remove_snapshot(id)?;
                Ok(false)
            }
            other => other.map(|()| true),
        }
    }

    fn copy_database(&self, from: &Path, to: &Path) -> io::Result<()> {
        create_private_directory(to).map_err(io::Error::other)?;
        DATABASE.iter().try_for_each(|part| copy(&from.join(part), &to.join(part)))
    }

    /// Writes the configuration of a controller whose domain lies at `place`, and makes the directories that it takes.
    /// The names of other domains are asked for at `forwarder`. Returns the file.
    ///
    /// # Errors
    /// When something cannot be written.
    pub(super) fn configure(
        &self,
        place: &Path,
        plan: &Plan,
        controller: &str,
        forwarder: Option<SocketAddr>,
    ) -> Result<PathBuf> {
        for part in ["etc", "private", "state", "state/sysvol", "cache", "lock", "run"] {
            create_private_directory(&place.join(part))?;
        }
        write_private(&place.join("etc/krb5.conf"), kerberos(plan).as_bytes())?;
        let file = place.join("etc/smb.conf");
        let text = configuration(place, &self.tls(), plan, controller, forwarder);
        let text = text.context("the configuration cannot be made")?;
        write_private(&file, text.as_bytes())?;
        Ok(file)
    }
}

fn absent(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Copies a directory with everything in it, on the disk when this returns; sockets are left out.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    create_private_directory(to).map_err(io::Error::other)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if PASSING.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
            fs::File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}

/// Has the files of a directory in another place too: linked, or copied where the file system has no links.
fn share(from: &Path, to: &Path) -> io::Result<()> {
    let entries = fs::read_dir(from)?;
    create_private_directory(to).map_err(io::Error::other)?;
    for entry in entries {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            share(&entry.path(), &target)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            absent(fs::remove_file(&target))?;
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Nothing is looked up in a DNS that is not the domain's.
fn kerberos(plan: &Plan) -> String {
    let (realm, name, address) = (plan.name.to_uppercase(), &plan.name, plan.address);
    format!(
        "[libdefaults]\n    default_realm = {realm}\n    dns_lookup_realm = false\n    dns_lookup_kdc = false\n    \
         dns_canonicalize_hostname = false\n    rdns = false\n[realms]\n    {realm} = {{\n        kdc = {address}:88\n        \
         kpasswd_server = {address}:464\n        admin_server = {address}:464\n    }}\n[domain_realm]\n    \
         .{name} = {realm}\n    {name} = {realm}\n"
    )
}

/// What the controller serves: LDAP, Kerberos, DNS and the calls by which computers join. Files are not shared, and
/// nobody else is asked anything.
fn configuration(
    place: &Path,
    tls: &Path,
    plan: &Plan,
    controller: &str,
    forwarder: Option<SocketAddr>,
) -> Result<String, std::fmt::Error> {
    let mut text = String::from("[global]\n");
    let mut set = |key: &str, value: &str| writeln!(text, "    {key} = {value}");
    let at = |part: &str| place.join(part).display().to_string();
    set("netbios name", &controller.to_uppercase())?;
    set("workgroup", &plan.short_name)?;
    set("realm", &plan.name.to_uppercase())?;
    set("server role", "active directory domain controller")?;
    set("server services", "rpc, ldap, cldap, kdc, dns")?;
    set("dcerpc endpoint servers", "epmapper, samr, lsarpc, netlogon, drsuapi")?;
    // A prefix of 32 would be taken for a broadcast address.
    set("interfaces", &format!("{}/8", plan.address))?;
    set("bind interfaces only", "yes")?;
    set("dns forwarder", &forwarder.map(|address| address.to_string()).unwrap_or_default())?;
    set("allow dns updates", "disabled")?;
    set("private dir", &at("private"))?;
    set("state directory", &at("state"))?;
    set("cache directory", &at("cache"))?;
    set("lock directory", &at("lock"))?;
    set("pid directory", &at("run"))?;
    set("ncalrpc dir", &at("run/ncalrpc"))?;
    set("winbindd socket directory", &at("run/winbindd"))?;
    set("ntp signd socket directory", &at("run/ntp_signd"))?;
    set("binddns dir", &at("state/bind-dns"))?;
    set("log level", "1")?;
    set("load printers", "no")?;
    set("disable spoolss", "yes")?;
    set("tls enabled", "yes")?;
    set("tls cafile", &tls.join("ca.pem").display().to_string())?;
    set("tls certfile", &tls.join("cert.pem").display().to_string())?;
    set("tls keyfile", &tls.join("key.pem").display().to_string())?;
    // A password never goes over a connection without TLS.
    set("ldap server require strong auth", "yes")?;
    // Samba would let the password before the last change in for an hour.
    set("old password allowed period", "0")?;
    let sysvol = at("state/sysvol");
    write!(text, "[sysvol]\n    path = {sysvol}\n    read only = no\n")?;
    write!(text, "[netlogon]\n    path = {sysvol}/{}/scripts\n    read only = no\n", plan.name)?;
    Ok(text)
}

//! The file: a tar archive whose first entry says what it is, and whose last one lists every other with its SHA-256.
//!
//! It can be looked at and unpacked with the ordinary `tar`. What is read may come from anybody: an archive is unpacked
//! only by [`unpack`], which knows files and directories and no other kind of entry, at paths that a backup has.

use anyhow::{Context as _, Result, bail, ensure};
use aws_lc_rs::digest::{self, SHA256};
use base::Timestamp;
use kernel::store::Store;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use tar::{Entries, Entry, EntryType, Header};

/// What [`About::product`] is.
const PRODUCT: &str = "vestibule";
/// The form that is written and read.
const FORMAT: u32 = 1;
/// The first entry: [`About`].
const ABOUT: &str = "vestibule-backup.json";
/// The last entry: [`Manifest`].
const MANIFEST: &str = "manifest.json";
/// Of the two, in bytes.
const ABOUT_BYTES_MAX: u64 = 64 * 1024;
const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most entries of a backup: a domain has some hundreds.
const ENTRIES_MAX: usize = 200_000;
/// Longest path of an entry, in bytes.
const PATH_BYTES_MAX: usize = 1_024;
/// What is read or written at once, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// What a backup may have directly in it; a name that ends with `/` is a directory.
pub(super) const PARTS: [&str; 8] = [
    super::DATABASE_FILE,
    super::MASTER_KEY_FILE,
    "bootstrap.json",
    "bootstrap.json.new",
    "aws/",
    crate::aws_hosts::CERTIFICATE_FILE,
    crate::aws_hosts::KEY_FILE,
    "directories/",
];

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    product: String,
    format: u32,
    /// The program that made it.
    program: String,
    /// When it was begun.
    pub(super) made_at: String,
    pub(super) database: Database,
    pub(super) master_key: MasterKey,
    /// The directories whose domains it has.
    pub(super) domains: Vec<String>,
}

/// Where the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "lowercase")]
pub(super) enum Database {
    /// In the backup.
    Sqlite {
        /// That of the migrations.
        version: i64,
    },
    /// On a server of its own.
    Postgresql,
}

/// Where the master key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum MasterKey {
    /// In the backup.
    Included,
    /// Kept by whoever made it.
    Apart,
    /// Where the server has it from.
    Environment,
}

impl About {
    pub(super) fn new(database: Database, master_key: MasterKey, domains: Vec<String>, now: Timestamp) -> Self {
        let (product, program) = (PRODUCT.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Self { product, format: FORMAT, program, made_at: now.iso8601(), database, master_key, domains }
    }

    /// Reads what an archive begins with.
    ///
    /// # Errors
    /// When it is no backup, or one that this program does not know.
    fn parse(text: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Form {
            product: String,
            format: u32,
        }
        let form: Form = serde_json::from_slice(text).context(NO_BACKUP)?;
        ensure!(form.product == PRODUCT, NO_BACKUP);
        ensure!(
            form.format == FORMAT,
            "the backup has the form {}, but this program knows only {FORMAT}: take a newer vestibule",
            form.format
        );
        let about: Self = serde_json::from_slice(text).context(NO_BACKUP)?;
        if let Database::Sqlite { version } = about.database {
            Store::check_version(version).map_err(|_| {
                let newest = Store::newest_version();
                anyhow::anyhow!(
                    "the database of the backup has version {version}, but this program knows versions up to {newest}: \
                     take a newer vestibule"
                )
            })?;
        }
        Ok(about)
    }
}

const NO_BACKUP: &str = "this is no backup that `vestibule backup` made";
const CUT_OFF: &str = "the backup is cut off or damaged";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// In the order of the archive.
    files: Vec<Listed>,
}

/// An entry; a path that ends with `/` is a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    path: String,
    size: u64,
    sha256: String,
}

/// What was written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) files: usize,
    pub(super) bytes: u64,
}

fn size(files: &[Listed]) -> Size {
    let count = files.iter().filter(|file| !file.path.ends_with('/')).count();
    Size { files: count, bytes: files.iter().map(|file| file.size).sum() }
}

/// Counts and hashes what goes through it.
struct Hashing<T> {
    inner: T,
    hash: digest::Context,
    count: u64,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: digest::Context::new(&SHA256), count: 0 }
    }

    fn listed(self, path: String) -> Listed {
        let sha256 = self.hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Listed { path, size: self.count, sha256 }
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.count += count as u64;
        Ok(count)
    }
}

/// Writes a backup.
pub(super) struct Writer<W: Write> {
    archive: tar::Builder<W>,
    written: Vec<Listed>,
    /// Seconds since 1970 that every entry has.
    at: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a backup.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn new(output: W, about: &About, now: Timestamp) -> Result<Self> {
        let at = u64::try_from(now.micros() / 1_000_000).unwrap_or(0);
        let mut writer = Self { archive: tar::Builder::new(output), written: Vec::new(), at };
        let text = serde_json::to_vec_pretty(about)?;
        writer.append(ABOUT.to_owned(), text.len() as u64, text.as_slice())?;
        Ok(writer)
    }

    fn header(&self, kind: EntryType, mode: u32, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(self.at);
        header
    }

    fn append(&mut self, path: String, size: u64, content: impl Read) -> Result<()> {
        ensure!(self.written.len() < ENTRIES_MAX, "there are more than {ENTRIES_MAX} files");
        let mut header = self.header(EntryType::Regular, 0o600, size);
        let mut content = Hashing::new(content.take(size));
        self.archive
            .append_data(&mut header, &path, &mut content)
            .with_context(|| format!("cannot write {path} into the backup"))?;
        ensure!(content.count == size, "{path} was cut off while it was read");
        self.written.push(content.listed(path));
        Ok(())
    }

    /// Adds a file, or a directory with everything in it, under a path that a backup may have.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) fn add(&mut self, path: &str, source: &Path) -> Result<()> {
        let cannot_read = || format!("cannot read {}", source.display());
        let kind = std::fs::symlink_metadata(source).with_context(cannot_read)?.file_type();
        if kind.is_dir() {
            let mut header = self.header(EntryType::Directory, 0o700, 0);
            let directory = format!("{path}/");
            self.archive.append_data(&mut header, &directory, io::empty())?;
            self.written.push(Hashing::new(()).listed(directory));
            let entries = std::fs::read_dir(source).and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let mut entries = entries.with_context(cannot_read)?;
            entries.sort_by_key(std::fs::DirEntry::file_name);
            return entries.iter().try_for_each(|entry| {
                let name = entry.file_name();
                let name = name.to_str().with_context(|| format!("{} is no text", entry.path().display()))?;
                self.add(&format!("{path}/{name}"), &entry.path())
            });
        }
        ensure!(kind.is_file(), "{} is neither a file nor a directory", source.display());
        place_of(path)?;
        let file = File::open(source).with_context(cannot_read)?;
        let size = file.metadata().with_context(cannot_read)?.len();
        self.append(path.to_owned(), size, file)
    }

    /// Adds the list of everything, and ends the backup.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(mut self) -> Result<(W, Size)> {
        let text = serde_json::to_vec(&Manifest { files: self.written.clone() })?;
        let mut header = self.header(EntryType::Regular, 0o600, text.len() as u64);
        self.archive.append_data(&mut header, MANIFEST, text.as_slice()).context("cannot write the backup")?;
        let size = size(&self.written);
        Ok((self.archive.into_inner().context("cannot write the backup")?, size))
    }
}

/// Where an entry belongs, below the data directory.
///
/// # Errors
/// When a backup has no such path: one that is absolute, leaves the directory, or begins with another name.
fn place_of(path: &str) -> Result<PathBuf> {
    let (path, is_directory) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\0', '\\']);
    let first = path.split('/').next().unwrap_or_default();
    let is_part = PARTS.iter().any(|part| match part.strip_suffix('/') {
        Some(directory) => directory == first && (is_directory || path != first),
        None => *part == path && !is_directory,
    });
    if !is_part || path.len() > PATH_BYTES_MAX || !path.split('/').all(is_plain) {
        bail!("a backup has no file {path:?}");
    }
    Ok(PathBuf::from(path))
}

/// The next entry with its path, of which the archive may have an entry of its own when it is long.
fn next<'a, R: Read>(entries: &mut Entries<'a, R>) -> Result<Option<(String, Entry<'a, R>)>> {
    let Some(entry) = entries.next() else { return Ok(None) };
    let mut entry = entry.context(CUT_OFF)?;
    let mut path = entry.path_bytes().into_owned();
    if entry.header().entry_type() == EntryType::GNULongName {
        path = read(&mut entry, PATH_BYTES_MAX as u64 + 1)?;
        path.pop_if(|last| *last == 0);
        entry = entries.next().context(CUT_OFF)?.context(CUT_OFF)?;
    }
    let path = String::from_utf8(path).ok().context("a path of the backup is no text")?;
    Ok(Some((path, entry)))
}

/// A small entry.
fn read<R: Read>(entry: &mut Entry<'_, R>, bytes_max: u64) -> Result<Vec<u8>> {
    let size = entry.header().entry_size().context(CUT_OFF)?;
    ensure!(size <= bytes_max, "an entry of the backup is too large");
    let mut bytes = Vec::new();
    entry.take(bytes_max).read_to_end(&mut bytes).context(CUT_OFF)?;
    ensure!(bytes.len() as u64 == size, CUT_OFF);
    Ok(bytes)
}

/// What an archive says of itself, and its further entries.
fn open<R: Read>(archive: &mut tar::Archive<R>) -> Result<(About, Listed, Entries<'_, R>)> {
    let mut entries = archive.entries().context(NO_BACKUP)?.raw(true);
    let (path, mut first) = next(&mut entries).ok().flatten().context(NO_BACKUP)?;
    ensure!(path == ABOUT && first.header().entry_type() == EntryType::Regular, NO_BACKUP);
    let text = read(&mut first, ABOUT_BYTES_MAX)?;
    let mut hashing = Hashing::new(text.as_slice());
    io::copy(&mut hashing, &mut io::sink())?;
    let listed = hashing.listed(path);
    Ok((About::parse(&text)?, listed, entries))
}

/// Unpacks a backup into the empty directory `into`: files with mode 0600, directories with mode 0700, all on the disk
/// when this returns. Only then is it known that everything is there as it was backed up.
///
/// # Errors
/// When it is no backup, not one that this program knows, or not as it was made; part of it may be in `into` then.
pub(super) fn unpack(archive: impl Read, into: &Path) -> Result<(About, Size)> {
    let mut archive = tar::Archive::new(archive);
    let (about, first, mut entries) = open(&mut archive)?;
    let mut found = vec![first];
    let mut directories = BTreeSet::from([into.to_owned()]);
    loop {
        let (path, mut entry) = next(&mut entries)?.context(CUT_OFF)?;
        let kind = entry.header().entry_type();
        if path == MANIFEST && kind == EntryType::Regular {
            check(&read(&mut entry, MANIFEST_BYTES_MAX)?, &found)?;
            break;
        }
        ensure!(found.len() < ENTRIES_MAX, "the backup has more than {ENTRIES_MAX} entries");
        let target = into.join(place_of(&path)?);
        if path.ends_with('/') && kind == EntryType::Directory {
            make_directory(&target, into, &mut directories)?;
            found.push(Hashing::new(()).listed(path));
        } else if kind == EntryType::Regular && !path.ends_with('/') {
            make_directory(target.parent().unwrap_or(into), into, &mut directories)?;
            found.push(extract(&mut entry, path, &target)?);
        } else {
            bail!("{path:?} of the backup is neither a file nor a directory");
        }
    }
    ensure!(next(&mut entries)?.is_none(), "the backup goes on after its end");
    for directory in directories {
        File::open(&directory).and_then(|directory| directory.sync_all())?;
    }
    Ok((about, size(&found)))
}

fn make_directory(target: &Path, into: &Path, known: &mut BTreeSet<PathBuf>) -> Result<()> {
    if known.contains(target) {
        return Ok(());
    }
    crate::bootstrap::create_private_directory(target)?;
    known.extend(target.ancestors().take_while(|path| *path != into).map(Path::to_owned));
    Ok(())
}

fn extract<R: Read>(entry: &mut Entry<'_, R>, path: String, target: &Path) -> Result<Listed> {
    let size = entry.header().entry_size().context(CUT_OFF)?;
    let cannot_write = || format!("cannot write {}", target.display());
    // A path that comes twice is refused: there is a file then.
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(target);
    let mut file = file.with_context(cannot_write)?;
    let mut content = Hashing::new(entry);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = content.read(&mut buffer).context(CUT_OFF)?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).with_context(cannot_write)?;
    }
    ensure!(content.count == size, CUT_OFF);
    file.sync_all().with_context(cannot_write)?;
    Ok(content.listed(path))
}

fn check(manifest: &[u8], found: &[Listed]) -> Result<()> {
    let manifest: Manifest = serde_json::from_slice(manifest).context(CUT_OFF)?;
    let other = manifest.files.iter().zip(found).find(|(listed, found)| listed != found);
    if let Some((listed, _)) = other {
        bail!("{} is not what was backed up: the backup is damaged", listed.path);
    }
    ensure!(manifest.files.len() == found.len(), "the backup has not the files that it lists: it is damaged");
    Ok(())
}

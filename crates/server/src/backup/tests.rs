use super::archive::{self, About, Database, MasterKey, Writer};
use super::*;
use crate::bootstrap::DataDirectory;
use crate::config::Options;
use crate::domain_controller::{BACKUP_PLACE, DomainFiles, backup_place};
use base::{AccountId, DirectoryId};
use directory::record::{self, Kind, Requested};
use iam::account::{Account, AccountState};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicU32, Ordering};
use tar::{EntryType, Header};

const NOW: Timestamp = Timestamp::from_micros(1_795_344_660_000_000);

/// A directory that is removed when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vestibule-backup-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        fs::write(&path, content).expect("written");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn about() -> About {
    About::new(Database::Postgresql, MasterKey::Included, Vec::new(), NOW)
}

/// Every file below `root` with what is in it; directories end with `/`.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, at: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(at).expect("read") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below").to_str().expect("text").to_owned();
            let mode = fs::metadata(&path).expect("there").permissions().mode() & 0o777;
            if path.is_dir() {
                assert_eq!(mode, 0o700, "{name}");
                found.insert(format!("{name}/"), Vec::new());
                walk(root, &path, found);
            } else {
                assert!(mode == 0o600 || name == "lock", "{name}: {mode:o}");
                found.insert(name, fs::read(&path).expect("read"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

/// A backup with a few files, one of them at a path that is long for tar.
fn sample(scratch: &Scratch) -> Vec<u8> {
    let long = format!("directories/d-1234567890/samba/private/{}.ldb", "DC%3DEXAMPLE,".repeat(15));
    scratch.write("source/master.key", "key\n");
    scratch.write(&format!("source/{long}"), [7; 100_000]);
    fs::create_dir_all(scratch.join("source/directories/d-1234567890/samba/state/sysvol")).expect("made");
    let mut writer = Writer::new(Vec::new(), &about(), NOW).expect("begun");
    for part in ["master.key", "directories"] {
        writer.add(part, &scratch.join("source").join(part)).expect("added");
    }
    writer.finish().expect("finished").0
}

fn unpacked(scratch: &Scratch, bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let into = scratch.join(&format!("into-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&into)?;
    archive::unpack(bytes, &into)?;
    Ok(tree(&into))
}

#[test]
fn what_was_packed_is_unpacked() {
    let scratch = Scratch::new();
    let bytes = sample(&scratch);
    let found = unpacked(&scratch, &bytes).expect("unpacked");
    assert_eq!(found["master.key"], b"key\n");
    assert!(found.contains_key("directories/d-1234567890/samba/state/sysvol/"), "empty directories too");
    let large = found.iter().find(|(path, _)| path.ends_with(".ldb")).expect("the long path");
    assert!(large.0.len() > 200 && *large.1 == [7; 100_000]);
    assert_eq!(found.values().filter(|content| !content.is_empty()).count(), 2);
}

#[test]
fn whatever_is_cut_off_or_changed_is_refused() {
    let scratch = Scratch::new();
    let bytes = sample(&scratch);
    for length in (0..bytes.len() - 1024).step_by(1_111) {
        unpacked(&scratch, &bytes[..length]).expect_err(&format!("cut off at {length}"));
    }
    let at = bytes.windows(4).position(|window| window == [7; 4]).expect("the content") + 50_000;
    let mut damaged = bytes.clone();
    damaged[at] = 8;
    let error = unpacked(&scratch, &damaged).expect_err("damaged").to_string();
    assert!(error.contains(".ldb is not what was backed up"), "{error}");
    let mut further = bytes[..bytes.len() - 1024].to_vec();
    further.extend(raw(&[("aws/config", EntryType::Regular, "", b"x")]));
    let error = unpacked(&scratch, &further).expect_err("it goes on").to_string();
    assert!(error.contains("goes on"), "{error}");
    for other in [&b""[..], b"no archive at all", &[0; 10_240], &raw(&[("a", EntryType::Regular, "", b"x")])] {
        let error = unpacked(&scratch, other).expect_err("no backup").to_string();
        assert!(error.contains("no backup"), "{error}");
    }
}

/// An archive of entries as they are given: path, kind, where a link leads, content.
fn raw(entries: &[(&str, EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, kind, link, content) in entries {
        let mut header = Header::new_gnu();
        let fields = header.as_gnu_mut().expect("of GNU");
        fields.name[..path.len()].copy_from_slice(path.as_bytes());
        fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o7777);
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, *content).expect("appended");
    }
    archive.into_inner().expect("finished")
}

#[test]
fn nothing_is_written_outside_of_the_directory_or_that_a_backup_does_not_have() {
    let scratch = Scratch::new();
    let text = serde_json::to_vec(&about()).expect("JSON");
    let first = ("vestibule-backup.json", EntryType::Regular, "", text.as_slice());
    let long = "a".repeat(1_100);
    let hostile: &[(&str, EntryType, &str)] = &[
        ("../outside", EntryType::Regular, ""),
        ("aws/../../outside", EntryType::Regular, ""),
        ("/aws/config", EntryType::Regular, ""),
        ("aws//config", EntryType::Regular, ""),
        ("aws/./config", EntryType::Regular, ""),
        ("./aws/config", EntryType::Regular, ""),
        ("aws", EntryType::Regular, ""),
        ("aws/config/", EntryType::Regular, ""),
        ("aws/config", EntryType::Directory, ""),
        ("master.key/x", EntryType::Regular, ""),
        ("master.key/", EntryType::Directory, ""),
        ("", EntryType::Regular, ""),
        ("lock", EntryType::Regular, ""),
        ("restored", EntryType::Regular, ""),
        ("vestibule.db-wal", EntryType::Regular, ""),
        ("backup/x", EntryType::Regular, ""),
        ("aws/config", EntryType::Symlink, "/etc/passwd"),
        ("aws/config", EntryType::Link, "../../outside"),
        ("aws/config", EntryType::Fifo, ""),
        ("aws/config", EntryType::Char, ""),
        ("aws/config", EntryType::XHeader, ""),
        ("aws/config", EntryType::GNUSparse, ""),
    ];
    for (path, kind, link) in hostile {
        let error = unpacked(&scratch, &raw(&[first, (path, *kind, link, b"")])).expect_err(path).to_string();
        assert!(error.contains("a backup has no file") || error.contains("neither a file nor"), "{path}: {error}");
    }
    let twice = ("master.key", EntryType::Regular, "", &b"x"[..]);
    assert!(unpacked(&scratch, &raw(&[first, twice, twice])).is_err());
    let name = ("././@LongLink", EntryType::GNULongName, "", long.as_bytes());
    let error = unpacked(&scratch, &raw(&[first, name, twice])).expect_err("a long path").to_string();
    assert!(error.contains("too large"), "{error}");
    let name = ("././@LongLink", EntryType::GNULongName, "", &b"aws/../../outside\0"[..]);
    assert!(unpacked(&scratch, &raw(&[first, name, twice])).is_err());
    assert!(!scratch.join("outside").exists());
    assert!(fs::read_dir(std::env::temp_dir()).expect("read").flatten().all(|entry| entry.file_name() != "outside"));
}

#[test]
fn backups_of_other_programs_and_of_newer_ones_are_told_apart() {
    let scratch = Scratch::new();
    let with = |name: &str, value: serde_json::Value| {
        let mut text = serde_json::to_value(about()).expect("JSON");
        text[name] = value;
        let text = text.to_string();
        let bytes = raw(&[("vestibule-backup.json", EntryType::Regular, "", text.as_bytes())]);
        unpacked(&scratch, &bytes).expect_err("refused").to_string()
    };
    assert!(with("product", "other".into()).contains("no backup"));
    assert!(with("format", 2.into()).contains("has the form 2"));
    assert!(with("colour", "red".into()).contains("no backup"));
    let newer = with("database", serde_json::json!({"engine": "sqlite", "version": 10_000}));
    assert!(newer.contains("version 10000") && newer.contains("newer vestibule"), "{newer}");
}

/// A data directory as a server leaves it that has stopped.
struct Day {
    scratch: Scratch,
    data: PathBuf,
}

impl Day {
    fn new() -> Self {
        let scratch = Scratch::new();
        let data = scratch.join("data");
        scratch.write("data/master.key", "key\n");
        scratch.write("data/bootstrap.json", "{}");
        scratch.write("data/aws/config", "[profile vestibule]\n");
        scratch.write("data/aws-hosts-ca.pem", "pem");
        scratch.write("data/lock", "");
        let store = Store::open_sqlite(&data.join(DATABASE_FILE)).expect("opened");
        let account = Account {
            id: account(),
            email: "root@example.com".to_owned(),
            name: "one".to_owned(),
            alias: None,
            state: AccountState::Active,
            created_at: NOW,
        };
        store.write(|tx| iam::account::insert(tx, &account), |_| {}).expect("written");
        Self { scratch, data }
    }

    fn config(&self, data: &str) -> Config {
        let options = Options { data: Some(self.scratch.join(data)), ..Options::default() };
        options.checked().expect("valid")
    }

    fn back_up(&self, without_master_key: bool) -> Result<String> {
        let choices = Choices { file: self.scratch.join("backup.tar"), without_master_key, wait: 1 };
        back_up(&self.config("data"), &choices)
    }

    fn put_back(&self, data: &str) -> Result<String> {
        put_back(&self.config(data), &self.scratch.join("backup.tar"))
    }

    /// A domain, or the row of one whose files are gone.
    fn domain(&self, id: &str, has_files: bool) -> DirectoryId {
        let id = DirectoryId::parse(id).expect("an id");
        let store = Store::open_sqlite(&self.data.join(DATABASE_FILE)).expect("opened");
        let requested = Requested {
            id: &id,
            account: &account(),
            kind: Kind::Managed,
            details: &model::ds::DirectoryDescription {
                name: Some("corp.example.com".to_owned()),
                ..Default::default()
            },
            sealed_password: b"sealed",
            sealed_first_password: None,
        };
        store.write(|tx| record::insert(tx, &requested, NOW), |_| {}).expect("written");
        if has_files {
            let file = |name: &str| format!("data/directories/{id}/{name}");
            self.scratch.write(&file("samba/private/sam.ldb"), "people");
            self.scratch.write(&file("samba/state/sysvol/x"), "policies");
            self.scratch.write(&file("samba/run/pid"), "1");
            self.scratch.write(&file("tls/ca.pem"), "authority");
        }
        id
    }
}

fn account() -> AccountId {
    AccountId::parse("123456789012").expect("an id")
}

#[test]
fn a_server_that_stands_still_is_backed_up_and_restored() {
    let day = Day::new();
    day.domain("d-1111111111", true);
    let told = day.back_up(false).expect("backed up");
    assert!(told.contains("1 domain."), "{told}");
    let file = day.scratch.join("backup.tar");
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(!day.data.join(BACKUP_PLACE).exists() && !day.scratch.join("backup.tar.partial").exists());
    let network = crate::domain_controller::Network::parse("127.90.0.0/16").expect("a network");
    let domains = crate::domain_controller::DomainControllers::new(Some(&day.data), network);
    let home = directory::managed::Domains::home(&domains).expect("an id");
    assert_eq!(directory::managed::Domains::home(&domains).expect("an id"), home);
    day.back_up(false).expect("backed up");
    day.put_back("other").expect("restored");
    let domains = crate::domain_controller::DomainControllers::new(Some(&day.scratch.join("other")), network);
    assert_eq!(directory::managed::Domains::home(&domains).expect("an id"), home, "it takes the other's place");
    let other = tree(&day.scratch.join("other"));
    assert_eq!(other["master.key"], b"key\n");
    assert_eq!(other["aws-hosts-ca.pem"], b"pem");
    assert_eq!(other["directories/d-1111111111/samba/private/sam.ldb"], b"people");
    assert_eq!(other["directories/d-1111111111/tls/ca.pem"], b"authority");
    assert!(!other.contains_key("directories/d-1111111111/samba/run/pid"), "what is made anew");
    assert!(other.contains_key("restored") && !other.contains_key("restoring/"), "{:?}", other.keys());
    let store = Store::open_sqlite(&day.scratch.join("other/vestibule.db")).expect("opened");
    assert!(store.read(|tx| iam::account::get(tx, &account())).expect("read").is_some());
}

#[test]
fn a_backup_without_the_master_key_says_where_it_belongs() {
    let day = Day::new();
    assert!(day.back_up(true).expect("backed up").contains("master.key as well"));
    let told = day.put_back("other").expect("restored");
    assert!(told.contains("other/master.key"), "{told}");
    assert!(!day.scratch.join("other/master.key").exists() && !day.scratch.join("other/restored").exists());
    fs::remove_file(day.data.join("master.key")).expect("removed");
    let error = day.back_up(false).expect_err("no key").to_string();
    assert!(error.contains("VESTIBULE_MASTER_KEY"), "{error}");
    let config = Config { master_key: Some("key".to_owned()), ..day.config("data") };
    let choices = Choices { file: day.scratch.join("second.tar"), without_master_key: false, wait: 1 };
    assert!(back_up(&config, &choices).expect("backed up").contains("VESTIBULE_MASTER_KEY"));
}

#[test]
fn a_backup_that_fails_leaves_nothing_and_the_one_before() {
    let day = Day::new();
    day.scratch.write("backup.tar", "the one before");
    day.scratch.write("backup.tar.partial", "left over");
    // A server that does not do what it is asked.
    let id = day.domain("d-1111111111", true);
    let held = DataDirectory::open(&day.data).expect("held");
    let error = day.back_up(false).expect_err("nobody answers").to_string();
    assert!(error.contains(id.as_str()) && error.contains("--wait"), "{error}");
    let store = Store::open_sqlite(&day.data.join(DATABASE_FILE)).expect("opened");
    assert_eq!(store.read(kernel::job::list).expect("listed").len(), 0, "nobody waits for it any more");
    drop(held);
    assert_eq!(fs::read(day.scratch.join("backup.tar")).expect("there"), b"the one before");
    assert!(!day.data.join(BACKUP_PLACE).exists() && !day.scratch.join("backup.tar.partial").exists());
    let place = gather::Place::new(&day.data).expect("the first");
    assert!(day.back_up(false).expect_err("the second").to_string().contains("another backup"));
    drop(place);
    assert!(
        back_up(&day.config("none"), &Choices { file: day.scratch.join("x"), without_master_key: true, wait: 1 })
            .expect_err("no server")
            .to_string()
            .contains("no database")
    );
}

#[test]
fn a_domain_whose_files_are_gone_is_named_and_one_that_was_deleted_is_left_out() {
    let day = Day::new();
    let gone = day.domain("d-2222222222", false);
    // Files of which the database says nothing.
    day.scratch.write("data/directories/d-3333333333/samba/private/sam.ldb", "nobody's");
    let told = day.back_up(false).expect("backed up");
    assert!(told.contains("0 domains.") && told.contains(gone.as_str()), "{told}");
    day.put_back("other").expect("restored");
    assert!(!day.scratch.join("other/directories").exists());
}

#[test]
fn a_server_copies_a_domain_only_to_a_place_that_it_has() {
    use directory::managed::Domains as _;
    let day = Day::new();
    let id = day.domain("d-1111111111", true);
    let network = crate::domain_controller::Network::parse("127.90.0.0/16").expect("a network");
    let domains = crate::domain_controller::DomainControllers::new(Some(&day.data), network);
    assert!(!domains.copy_for_backup(&id, "abc").expect("not here"));
    let place = backup_place(&day.data, "abc");
    fs::create_dir_all(&place).expect("made");
    assert!(domains.copy_for_backup(&id, "abc").expect("copied"));
    assert_eq!(DomainFiles::of(&place).made().expect("read"), [id]);
    let absent = DirectoryId::parse("d-4444444444").expect("an id");
    assert!(domains.copy_for_backup(&absent, "abc").expect("nothing to copy"));
    assert!(!place.join("directories").join(absent.as_str()).exists());
    gather::clear_left_overs(&day.data).expect("cleared");
    assert!(!day.data.join(BACKUP_PLACE).exists());
}

#[test]
fn snapshots_are_linked_and_those_that_are_gone_are_told() {
    let scratch = Scratch::new();
    let id = DirectoryId::parse("d-1111111111").expect("an id");
    scratch.write("data/directories/d-1111111111/snapshots/s-1/private/sam.ldb", "then");
    let (live, other) = (DomainFiles::of(&scratch.join("data")), DomainFiles::of(&scratch.join("other")));
    assert!(live.share_snapshot(&id, "s-1", &other).expect("linked"));
    assert!(!live.share_snapshot(&id, "s-2", &other).expect("not there"));
    fs::remove_dir_all(scratch.join("data")).expect("removed");
    let linked = scratch.join("other/directories/d-1111111111/snapshots/s-1/private/sam.ldb");
    assert_eq!(fs::read(linked).expect("there"), b"then");
}

#[test]
fn a_directory_that_has_something_is_not_restored_into() {
    let day = Day::new();
    day.back_up(false).expect("backed up");
    let before = fs::read(day.data.join("master.key")).expect("there");
    let error = day.put_back("data").expect_err("not empty").to_string();
    assert!(error.contains("is not empty"), "{error}");
    assert_eq!(fs::read(day.data.join("master.key")).expect("there"), before);
    day.scratch.write("used/notes.txt", "mine");
    assert!(day.put_back("used").is_err());
    // What a restore leaves that was broken off, and the root of a file system, are nothing.
    day.scratch.write("empty/restoring/master.key", "half");
    day.scratch.write("empty/lock", "");
    fs::create_dir_all(day.scratch.join("empty/lost+found")).expect("made");
    day.put_back("empty").expect("restored");
    assert_eq!(fs::read(day.scratch.join("empty/master.key")).expect("there"), b"key\n");
}

#[test]
fn a_restore_that_fails_leaves_the_directory_as_it_was() {
    let day = Day::new();
    day.back_up(false).expect("backed up");
    let file = day.scratch.join("backup.tar");
    let bytes = fs::read(&file).expect("there");
    fs::write(&file, &bytes[..bytes.len() / 2]).expect("written");
    day.put_back("absent").expect_err("cut off");
    assert!(!day.scratch.join("absent").exists());
    fs::create_dir(day.scratch.join("empty")).expect("made");
    day.put_back("empty").expect_err("cut off");
    assert!(!day.scratch.join("empty/restoring").exists() && !day.scratch.join("empty/vestibule.db").exists());
    fs::write(&file, &bytes).expect("written");
    day.put_back("empty").expect("restored");
}

//! The first start: management account, root user, administrator, keys, and the files that tell about them.

use crate::config::Config;
use anyhow::{Context as _, Result};
use base::random::ALPHABET_SECRET;
use base::{AccessKeyId, AccountId, Random, Secret, Timestamp, UserId};
use iam::account::{Account, AccountState};
use iam::entity::EntityKind;
use kernel::caller::Caller;
use kernel::seal::Seal;
use kernel::store::Store;
use kernel::{App, RequestInfo, WriteCx, params};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Characters of generated passwords; none is easily taken for another.
const PASSWORD_ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Length of generated passwords.
const PASSWORD_CHARACTERS: usize = 24;
/// Name of the bootstrap administrator.
const ADMIN: &str = "admin";
/// What the administrator may do: everything.
const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// Name of the CLI profile in `DIR/aws`.
pub const PROFILE: &str = "vestibule";

/// What `bootstrap.json` holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bootstrap {
    /// URL of every API.
    pub endpoint: String,
    /// Region to sign for.
    pub region: String,
    /// The management account.
    pub management_account_id: String,
    /// Its root user.
    pub root: Root,
    /// The administrator.
    pub admin: Admin,
}

/// The root user's sign-in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Root {
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: String,
}

/// The administrator's sign-in and key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Admin {
    /// User name.
    pub user_name: String,
    /// Console password.
    pub password: String,
    /// Access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// The data directory, held by this process alone.
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Creates the directory where it is absent and takes its lock.
    ///
    /// # Errors
    /// When it cannot be created or another process holds it.
    pub fn open(path: &Path) -> Result<Self> {
        let opened = Self::try_open(path)?;
        opened.with_context(|| format!("the data directory {} is in use by another process", path.display()))
    }

    /// As [`Self::open`]; `None` when another process holds it.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn try_open(path: &Path) -> Result<Option<Self>> {
        create_private_directory(path)?;
        Ok(try_lock(path, "lock")?.map(|lock| Self { path: path.to_owned(), _lock: lock }))
    }

    /// The SQLite database.
    pub fn database(&self) -> PathBuf {
        self.path.join("vestibule.db")
    }

    fn bootstrap(&self) -> PathBuf {
        self.path.join("bootstrap.json")
    }

    /// The master key: of `config`, of `master.key`, or, before the first start, a new one.
    ///
    /// # Errors
    /// When the key cannot be read, written or understood, or is gone although there is data that it sealed.
    pub fn seal(&self, config: &Config, is_first_start: bool, random: &mut Random) -> Result<Seal> {
        if let Some(key) = &config.master_key {
            return Seal::from_text(key).context("VESTIBULE_MASTER_KEY");
        }
        let path = self.path.join("master.key");
        match std::fs::read_to_string(&path) {
            Ok(text) => Seal::from_text(&text).with_context(|| format!("the master key {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_first_start => {
                let text = Seal::generate(random);
                write_private(&path, text.as_bytes())?;
                Ok(Seal::from_text(&text)?)
            }
            Err(error) => Err(error).with_context(|| {
                format!(
                    "cannot read the master key {}: put it back, the data cannot be opened without it",
                    path.display()
                )
            }),
        }
    }
}

/// Bootstraps an application that has never been started; returns what the files tell, now or from the first start.
///
/// # Errors
/// When the database or a file cannot be written.
pub fn bootstrap(app: &Arc<App>, config: &Config, directory: Option<&DataDirectory>) -> Result<Option<Bootstrap>> {
    let is_done = is_bootstrapped(&app.store)?;
    let waiting = directory.map(|directory| directory.path.join("bootstrap.json.new"));
    if is_done {
        // A crash after the commit may have left the file under its temporary name.
        if let (Some(directory), Some(waiting)) = (directory, &waiting)
            && waiting.exists()
        {
            finish_files(directory, waiting)?;
        }
        // An administrator who has noted the passwords may remove the file.
        let kept = directory.filter(|directory| directory.bootstrap().exists());
        return kept.map(|directory| at_present_address(directory, &app.settings.base_url)).transpose();
    }
    let facts = Facts::new(app, config)?;
    if let Some(waiting) = &waiting {
        write_private(waiting, &serde_json::to_vec_pretty(&facts.bootstrap)?)?;
    }
    let info = RequestInfo::of_service(app, "bootstrap");
    app.write_as(&Caller::Anonymous, &info, |cx| facts.insert(cx))?;
    if let (Some(directory), Some(waiting)) = (directory, &waiting) {
        finish_files(directory, waiting)?;
    }
    Ok(Some(facts.bootstrap))
}

/// Whether the first start has been.
///
/// # Errors
/// When the database fails.
pub fn is_bootstrapped(store: &Store) -> kernel::Result<bool> {
    store.read(|tx| tx.exists("select 1 from fact where name = 'bootstrap'", params![]))
}

/// Writes `bootstrap.json` of an ephemeral server, the only file that it leaves.
///
/// # Errors
/// When the file cannot be written.
pub fn write_ephemeral(path: &Path, bootstrap: &Bootstrap) -> Result<()> {
    create_private_directory(path)?;
    write_private(&path.join("bootstrap.json"), &serde_json::to_vec_pretty(bootstrap)?)
}

fn read(path: &Path) -> Result<Bootstrap> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what the first start wrote", path.display()))
}

/// What the first start wrote, at the address of this start: the files lead to the server, not to where it once was.
fn at_present_address(directory: &DataDirectory, endpoint: &str) -> Result<Bootstrap> {
    let path = directory.bootstrap();
    let mut bootstrap = read(&path)?;
    if bootstrap.endpoint == endpoint {
        return Ok(bootstrap);
    }
    let config = directory.path.join("aws/config");
    if let Ok(text) = std::fs::read_to_string(&config) {
        let former = format!("endpoint_url = {}", bootstrap.endpoint);
        let present = format!("endpoint_url = {endpoint}");
        let lines = text.lines().map(|line| if line == former { present.as_str() } else { line });
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        write_private(&config, text.as_bytes())?;
    }
    endpoint.clone_into(&mut bootstrap.endpoint);
    write_private(&path, &serde_json::to_vec_pretty(&bootstrap)?)?;
    Ok(bootstrap)
}

fn finish_files(directory: &DataDirectory, waiting: &Path) -> Result<()> {
    let bootstrap = read(waiting)?;
    let aws = directory.path.join("aws");
    create_private_directory(&aws)?;
    let config = format!(
        "[profile {PROFILE}]\nregion = {}\noutput = json\nendpoint_url = {}\n",
        bootstrap.region, bootstrap.endpoint
    );
    let credentials = format!(
        "[{PROFILE}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        bootstrap.admin.access_key_id, bootstrap.admin.secret_access_key
    );
    write_private(&aws.join("config"), config.as_bytes())?;
    write_private(&aws.join("credentials"), credentials.as_bytes())?;
    std::fs::rename(waiting, directory.bootstrap()).context("cannot write bootstrap.json")
}

/// What the first start draws.
struct Facts {
    account: AccountId,
    user: UserId,
    key: AccessKeyId,
    secret: Secret,
    root_hash: String,
    admin_hash: String,
    bootstrap: Bootstrap,
}

impl Facts {
    fn new(app: &Arc<App>, config: &Config) -> Result<Self> {
        let random = &mut app.random();
        let account = config.management_account_id.clone().unwrap_or_else(|| AccountId::random(random));
        let (key, secret) = config.admin_key.clone().unwrap_or_else(|| {
            let key = AccessKeyId::long_term(&account, random);
            (key, Secret::new(random.text(ALPHABET_SECRET, 40)))
        });
        let passwords = [0; 2].map(|_| Secret::new(random.text(PASSWORD_ALPHABET, PASSWORD_CHARACTERS)));
        let salts: [[u8; kernel::password::SALT_BYTES]; 2] = [random.bytes(), random.bytes()];
        // Hashing is slow on purpose; the two run beside each other.
        let [root, administrator] = &passwords;
        let (root_hash, admin_hash) = std::thread::scope(|scope| {
            let beside = scope.spawn(|| kernel::password::hash(root.expose(), salts[0]));
            let admin = kernel::password::hash(administrator.expose(), salts[1]);
            (beside.join().unwrap_or_else(|_| Err(kernel::Error::internal("hashing failed"))), admin)
        });
        let bootstrap = Bootstrap {
            endpoint: app.settings.base_url.clone(),
            region: app.settings.region.clone(),
            management_account_id: account.to_string(),
            root: Root { email: "root@vestibule.internal".to_owned(), password: root.expose().to_owned() },
            admin: Admin {
                user_name: ADMIN.to_owned(),
                password: administrator.expose().to_owned(),
                access_key_id: key.to_string(),
                secret_access_key: secret.expose().to_owned(),
            },
        };
        let user = UserId::random(&account, random);
        Ok(Self { user, account, key, secret, root_hash: root_hash?, admin_hash: admin_hash?, bootstrap })
    }

    fn insert(&self, cx: &mut WriteCx<'_>) -> kernel::Result<()> {
        let (now, app) = (cx.now.truncated_to_seconds(), Arc::clone(cx.app));
        cx.enqueue(trail::RETENTION, "", now)?;
        let mut random = cx.random.fork();
        let tx = &mut cx.write();
        let account = Account {
            id: self.account.clone(),
            email: self.bootstrap.root.email.clone(),
            name: "management".to_owned(),
            alias: None,
            state: AccountState::Active,
            created_at: now,
        };
        iam::account::insert(tx, &account)?;
        iam::account::root_password::set(tx, &self.account, Some(&self.root_hash))?;
        iam::user::insert(tx, &self.admin(now))?;
        iam::login_profile::set_hash(tx, &self.user, &self.admin_hash, false, now)?;
        let key = iam::access_key::NewAccessKey {
            id: &self.key,
            secret: &self.secret,
            account: &self.account,
            user: Some(&self.user),
            created_at: now,
        };
        iam::access_key::insert(tx, &app.seal, &mut random, &key)?;
        iam::attachment::attach(tx, &self.account, EntityKind::User, self.user.as_str(), ADMINISTRATOR_ACCESS, now)?;
        tx.exec_one("insert into fact (name, value) values ('bootstrap', $1)", params![self.account])
    }

    fn admin(&self, created_at: Timestamp) -> iam::user::User {
        iam::user::User {
            id: self.user.clone(),
            account: self.account.clone(),
            name: ADMIN.to_owned(),
            path: "/".to_owned(),
            boundary_arn: None,
            password_used_at: None,
            created_at,
        }
    }
}

/// Locks a file of a data directory for as long as the result lives; `None` when another process has it.
pub(crate) fn try_lock(data: &Path, name: &str) -> Result<Option<std::fs::File>> {
    let path = data.join(name);
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = opened.with_context(|| format!("cannot write in the data directory {}", data.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

pub(crate) fn create_private_directory(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot create the directory {}", path.display()))
}

/// Writes a file that only its owner can read, all of it or nothing.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let partial = path.with_extension("partial");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// A store in memory when the server is ephemeral, of the configured engine otherwise.
///
/// # Errors
/// When the database cannot be opened.
pub fn open_store(config: &Config, directory: Option<&DataDirectory>) -> kernel::Result<Store> {
    match (&config.database_url, directory) {
        (_, None) => Store::open_memory(),
        (Some(url), _) => Store::open_postgres(url, config.database_connections),
        (None, Some(directory)) => Store::open_sqlite(&directory.database()),
    }
}

/// The store of a server that was started before; it may be running.
///
/// # Errors
/// When there is none.
pub fn open_existing_store(config: &Config) -> Result<Store> {
    if let Some(url) = &config.database_url {
        return Ok(Store::open_postgres(url, 2)?);
    }
    let path = config.data.join("vestibule.db");
    anyhow::ensure!(path.exists(), "there is no database in {}: give the server's --data", config.data.display());
    Ok(Store::open_sqlite(&path)?)
}

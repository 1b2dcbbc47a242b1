//! Trusts as they are stored.

use base::{DirectoryId, Secret, Timestamp};
use kernel::seal::Purpose;
use kernel::store::Row;
use kernel::{App, Error, Result, Tx, WriteTx, params};
use model::ds::{SelectiveAuth, Trust as Described, TrustDirection, TrustState, TrustType};

/// A trust.
#[derive(Clone)]
pub(super) struct Trust {
    /// Id.
    pub(super) id: String,
    /// The directory whose domain has it.
    pub(super) directory: DirectoryId,
    /// The other domain, as it was named.
    pub(super) remote_name: String,
    /// The other domain, in lower case without a dot at the end.
    pub(super) remote: String,
    /// Whose users may go where.
    pub(super) direction: TrustDirection,
    /// Whether it takes in the other forest.
    pub(super) kind: TrustType,
    /// Whether users of the other domain are let in one by one only.
    pub(super) selective: SelectiveAuth,
    /// How far it has come.
    pub(super) state: TrustState,
    /// Why it is where it is.
    pub(super) reason: Option<String>,
    /// Since when.
    pub(super) state_changed_at: Timestamp,
    /// Whether the conditional forwarder of the other domain goes with it.
    pub(super) is_forwarder_unwanted: bool,
    /// When it was asked for.
    pub(super) created_at: Timestamp,
    /// When it was last changed.
    pub(super) changed_at: Timestamp,
    sealed_password: Option<Vec<u8>>,
}

/// What the seal of a trust's password is about.
fn about_password(id: &str) -> String {
    format!("{id}/trust")
}

impl Trust {
    /// What both halves are made with, as long as this one is not.
    pub(super) fn password(&self, app: &App) -> Result<Option<Secret>> {
        let Some(sealed) = &self.sealed_password else { return Ok(None) };
        let plain = app
            .seal
            .open(Purpose::DirectoryPassword, &about_password(&self.id), sealed)
            .ok_or_else(|| Error::internal("the password of a trust cannot be opened"))?;
        let text = std::str::from_utf8(&plain).map_err(|_| Error::internal("a sealed password is not text"))?;
        Ok(Some(Secret::new(text)))
    }

    /// As the API shows it.
    pub(super) fn described(self) -> Described {
        Described {
            created_date_time: Some(self.created_at),
            directory_id: Some(self.directory.to_string()),
            last_updated_date_time: Some(self.changed_at),
            remote_domain_name: Some(self.remote_name),
            selective_auth: Some(self.selective),
            state_last_updated_date_time: Some(self.state_changed_at),
            trust_direction: Some(self.direction),
            trust_id: Some(self.id),
            trust_state: Some(self.state),
            trust_state_reason: self.reason,
            trust_type: Some(self.kind),
        }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select t.id, t.directory_id, t.remote_domain_name, t.remote_key, t.direction, t.type, t.selective_auth, \
             t.state, t.state_reason, t.state_changed_at, t.sealed_password, t.is_forwarder_unwanted, t.created_at, \
             t.changed_at from dir_trust t ",
            $rest
        )
    };
}

fn trust(row: &Row<'_>) -> Result<Trust> {
    Ok(Trust {
        id: row.get(0)?,
        directory: row.get(1)?,
        remote_name: row.get(2)?,
        remote: row.get(3)?,
        direction: row.parse(4, TrustDirection::parse)?,
        kind: row.parse(5, TrustType::parse)?,
        selective: row.parse(6, SelectiveAuth::parse)?,
        state: row.parse(7, TrustState::parse)?,
        reason: row.get(8)?,
        state_changed_at: row.get(9)?,
        sealed_password: row.get(10)?,
        is_forwarder_unwanted: row.get(11)?,
        created_at: row.get(12)?,
        changed_at: row.get(13)?,
    })
}

/// The trust of that id.
pub(super) fn get(tx: &mut Tx, id: &str) -> Result<Option<Trust>> {
    tx.opt(select!("where t.id = $1"), params![id], trust)
}

/// The trust of a directory with a domain.
pub(super) fn with_domain(tx: &mut Tx, directory: &DirectoryId, remote: &str) -> Result<Option<Trust>> {
    tx.opt(select!("where t.directory_id = $1 and t.remote_key = $2"), params![directory, remote], trust)
}

/// The trusts of an account's directory, or of all, by id, strictly after `after`.
pub(super) fn page(
    tx: &mut Tx,
    account: &base::AccountId,
    directory: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<Trust>> {
    let sql = select!(
        "join dir_directory d on d.id = t.directory_id \
         where d.account_id = $1 and ($2 = '' or t.directory_id = $2) and t.id > $3 order by t.id limit $4"
    );
    tx.all(sql, params![account, directory.unwrap_or_default(), after, limit], trust)
}

/// The halves that were made here of trusts with the domain `name`, whose other half in `remote` was looked for in vain.
pub(super) fn waiting_halves(tx: &mut Tx, name: &str, remote: &str) -> Result<Vec<Trust>> {
    let sql = select!(
        "join dir_directory d on d.id = t.directory_id \
         where t.remote_key = $1 and t.state = 'VerifyFailed' and d.name = $2 order by t.id"
    );
    tx.all(sql, params![name, remote], trust)
}

/// How many trusts a directory has.
pub(super) fn count(tx: &mut Tx, directory: &DirectoryId) -> Result<i64> {
    tx.count("select count(*) from dir_trust where directory_id = $1", params![directory])
}

/// Adds a trust that was asked for.
pub(super) fn insert(tx: &mut WriteTx<'_>, id: &str, wanted: &Wanted<'_>, now: Timestamp) -> Result<()> {
    let Wanted { directory, remote_name, remote, direction, kind, selective, sealed_password } = wanted;
    tx.exec_one(
        "insert into dir_trust (id, directory_id, remote_domain_name, remote_key, direction, type, selective_auth, \
           state, state_changed_at, sealed_password, is_forwarder_unwanted, created_at, changed_at) \
         values ($1, $2, $3, $4, $5, $6, $7, 'Creating', $8, $9, 0, $8, $8)",
        params![
            id,
            directory,
            remote_name,
            remote,
            direction.as_str(),
            kind.as_str(),
            selective.as_str(),
            now,
            sealed_password
        ],
    )
}

/// A trust that is asked for.
pub(super) struct Wanted<'a> {
    pub(super) directory: &'a DirectoryId,
    pub(super) remote_name: &'a str,
    pub(super) remote: &'a str,
    pub(super) direction: TrustDirection,
    pub(super) kind: TrustType,
    pub(super) selective: SelectiveAuth,
    pub(super) sealed_password: &'a [u8],
}

/// Seals the password of a trust.
pub(super) fn seal(app: &App, id: &str, password: &str, random: &mut base::Random) -> Result<Vec<u8>> {
    app.seal.seal(Purpose::DirectoryPassword, &about_password(id), password.as_bytes(), random)
}

/// Moves a trust that is in a state to another one, for a reason; false when it is in another state by now.
pub(super) fn set_state(
    tx: &mut WriteTx<'_>,
    trust: &Trust,
    state: TrustState,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool> {
    let sql = "update dir_trust set state = $3, state_reason = $4, state_changed_at = $5 where id = $1 and state = $2";
    Ok(tx.exec(sql, params![trust.id, trust.state.as_str(), state.as_str(), reason, now])? > 0)
}

/// The password of a trust is needed no more.
pub(super) fn forget_password(tx: &mut WriteTx<'_>, id: &str) -> Result<()> {
    tx.exec("update dir_trust set sealed_password = null where id = $1", params![id]).map(drop)
}

/// Notes whether users of the other domain are let in one by one only.
pub(super) fn set_selective(tx: &mut WriteTx<'_>, id: &str, selective: SelectiveAuth, now: Timestamp) -> Result<()> {
    let sql = "update dir_trust set selective_auth = $2, changed_at = $3 where id = $1";
    tx.exec_one(sql, params![id, selective.as_str(), now])
}

/// Notes that the conditional forwarder goes with the trust.
pub(super) fn drop_forwarder(tx: &mut WriteTx<'_>, id: &str) -> Result<()> {
    tx.exec_one("update dir_trust set is_forwarder_unwanted = 1 where id = $1", params![id])
}

/// Removes a trust.
pub(super) fn delete(tx: &mut WriteTx<'_>, id: &str) -> Result<()> {
    tx.exec("delete from dir_trust where id = $1", params![id]).map(drop)
}

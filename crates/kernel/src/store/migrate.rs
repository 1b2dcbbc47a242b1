//! Forward-only migrations, one text for both engines.

use super::{Engine, Store};
use crate::error::{Error, Result};
use crate::params;

/// The migrations, oldest first. The tokens `{int}`, `{bytes}` and `{strict}` stand for what the engines spell
/// differently. A migration that somebody may have run never changes, and keeps its place (`released.sha256` has their
/// hashes); the next change is a new file at the end.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_kernel", include_str!("../../migrations/0001_kernel.sql")),
    ("0002_iam", include_str!("../../migrations/0002_iam.sql")),
    ("0003_org", include_str!("../../migrations/0003_org.sql")),
    ("0004_identity", include_str!("../../migrations/0004_identity.sql")),
    ("0005_sso", include_str!("../../migrations/0005_sso.sql")),
    ("0006_sso_applications", include_str!("../../migrations/0006_sso_applications.sql")),
    ("0007_sso_sessions", include_str!("../../migrations/0007_sso_sessions.sql")),
    ("0008_directory", include_str!("../../migrations/0008_directory.sql")),
    ("0009_mail", include_str!("../../migrations/0009_mail.sql")),
    ("0010_signin", include_str!("../../migrations/0010_signin.sql")),
    ("0011_mail_links", include_str!("../../migrations/0011_mail_links.sql")),
    ("0012_data", include_str!("../../migrations/0012_data.sql")),
    ("0013_sessions", include_str!("../../migrations/0013_sessions.sql")),
    ("0014_directory_home", include_str!("../../migrations/0014_directory_home.sql")),
    ("0015_trusts", include_str!("../../migrations/0015_trusts.sql")),
];

/// Brings the database to the newest version, each migration in its own transaction.
pub(super) fn migrate(store: &Store) -> Result<()> {
    let is_postgres = matches!(store.engine, Engine::Postgres(_));
    let newest = MIGRATIONS.len() as i64;
    store.write(
        |tx| {
            let create = "create table if not exists migration (version {int} primary key, name text not null){strict}";
            tx.batch(&for_engine(create, is_postgres))
        },
        |_| {},
    )?;
    loop {
        let done = store.write(
            |tx| {
                if is_postgres {
                    // Nodes that start together take turns; locked before the transaction's snapshot is taken.
                    tx.batch("lock table migration in access exclusive mode")?;
                }
                let applied = tx.count("select coalesce(max(version), 0) from migration", params![])?;
                if applied > newest {
                    return Err(Error::DatabaseTooNew { found: applied, known: newest });
                }
                let Some((name, text)) = usize::try_from(applied).ok().and_then(|next| MIGRATIONS.get(next)) else {
                    return Ok(true);
                };
                tx.batch(&for_engine(text, is_postgres))?;
                tx.exec_one("insert into migration (version, name) values ($1, $2)", params![applied + 1, *name])?;
                Ok(false)
            },
            |_| {},
        )?;
        if done {
            return Ok(());
        }
    }
}

fn for_engine(text: &str, is_postgres: bool) -> String {
    let (int, bytes, strict) = if is_postgres { ("bigint", "bytea", "") } else { ("integer", "blob", " strict") };
    let text = text.replace("{int}", int).replace("{bytes}", bytes).replace("{strict}", strict);
    // Text sorts by its bytes on both engines, whatever the locale of the server.
    if is_postgres { text.replace(" text", " text collate \"C\"") } else { text }
}

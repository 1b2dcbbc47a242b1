//! Failed sign-ins, counted for each name and each address, so that nobody guesses for long. The counters are rows:
//! they survive a restart and hold for every node.

use aws_lc_rs::digest::{SHA256, digest};
use base::{IdentityStoreId, Timestamp};
use kernel::{Result, Tx, WriteTx, params};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

/// The failure of a name that is the first to be followed by a delay.
const NAME_FAILURES_MAX: i64 = 10;
/// The same for an address, behind which many people may be.
const ADDRESS_FAILURES_MAX: i64 = 50;
/// The first delay.
const DELAY_SECONDS_MIN: i64 = 60;
/// The longest delay.
const DELAY_SECONDS_MAX: i64 = 15 * 60;
/// Failures count until there was none for so long.
const MEMORY_SECONDS: i64 = 24 * 60 * 60;
/// Counters that are out of date and go when a failure is counted: more than one failure adds.
const SWEEP_MAX: i64 = 20;
/// Bits of an IPv6 address that name a network, within which anybody has all addresses.
const NETWORK_BITS: u32 = 64;

/// The counters that an attempt falls under.
pub struct Keys {
    name: String,
    address: String,
}

impl Keys {
    /// Names are hashed: what people type there by mistake may be a password.
    pub fn new(store: &IdentityStoreId, user_name: &str, source_ip: &str) -> Self {
        Self::within(store.as_str(), user_name, source_ip)
    }

    /// The counters of a name outside of identity stores: `realm` (an account and what it is about) keeps equal names apart.
    pub fn within(realm: &str, name: &str, source_ip: &str) -> Self {
        let hash = digest(&SHA256, format!("{realm}\n{}", name.to_lowercase()).as_bytes());
        let mut name = "name/".to_owned();
        for byte in hash.as_ref() {
            let _ = write!(name, "{byte:02x}");
        }
        Self { name, address: format!("address/{}", network(source_ip)) }
    }
}

/// The address, or the network of an IPv6 address.
fn network(source_ip: &str) -> String {
    match source_ip.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> NETWORK_BITS << NETWORK_BITS);
            format!("{network}/{NETWORK_BITS}")
        }
        Ok(address) => address.to_string(),
        Err(_) => source_ip.to_owned(),
    }
}

/// Seconds for which an attempt is not even looked at; `None`: it may be made now.
///
/// # Errors
/// When the database fails.
pub fn wait(tx: &mut Tx, keys: &Keys, now: Timestamp) -> Result<Option<i64>> {
    let sql = "select blocked_until from ids_throttle where key = $1 or key = $2";
    let until: Vec<Timestamp> = tx.all(sql, params![keys.name, keys.address], |row| row.get(0))?;
    let micros = until.into_iter().map(|until| until.micros() - now.micros()).max().unwrap_or_default();
    Ok((micros > 0).then(|| (micros + 999_999) / 1_000_000))
}

/// Whether failures of the name are counted.
///
/// # Errors
/// When the database fails.
pub fn has_failures(tx: &mut Tx, keys: &Keys) -> Result<bool> {
    tx.exists("select 1 from ids_throttle where key = $1", params![keys.name])
}

/// Counts a failure of the name and from the address.
///
/// # Errors
/// When the database fails.
pub fn count_failure(tx: &mut WriteTx<'_>, keys: &Keys, now: Timestamp) -> Result<()> {
    count(tx, &keys.name, NAME_FAILURES_MAX, now)?;
    count(tx, &keys.address, ADDRESS_FAILURES_MAX, now)?;
    sweep(tx, now)
}

fn count(tx: &mut WriteTx<'_>, key: &str, failures_max: i64, now: Timestamp) -> Result<()> {
    let since = forgotten_before(now);
    let sql = "select failures from ids_throttle where key = $1 and last_failure_at > $2";
    let former: Option<i64> = tx.opt(sql, params![key, since], |row| row.get(0))?;
    let failures = former.unwrap_or_default() + 1;
    let blocked_until = Timestamp::from_micros(now.micros() + delay_seconds(failures, failures_max) * 1_000_000);
    tx.exec_one(
        "insert into ids_throttle (key, failures, last_failure_at, blocked_until) values ($1, $2, $3, $4) \
         on conflict (key) do update set failures = excluded.failures, last_failure_at = excluded.last_failure_at, \
         blocked_until = excluded.blocked_until",
        params![key, failures, now, blocked_until],
    )
}

/// The delay after so many failures.
fn delay_seconds(failures: i64, failures_max: i64) -> i64 {
    if failures < failures_max {
        return 0;
    }
    // Four doublings pass the longest delay.
    let doublings = (failures - failures_max).min(4);
    (DELAY_SECONDS_MIN << doublings).min(DELAY_SECONDS_MAX)
}

fn forgotten_before(now: Timestamp) -> Timestamp {
    Timestamp::from_micros(now.micros() - MEMORY_SECONDS * 1_000_000)
}

/// Forgets the failures of the name. Those from the address stay: whoever knows one password must not thereby be free
/// to guess others.
///
/// # Errors
/// When the database fails.
pub fn forget_name(tx: &mut WriteTx<'_>, keys: &Keys) -> Result<()> {
    tx.exec("delete from ids_throttle where key = $1", params![keys.name])?;
    Ok(())
}

/// Removes some counters that say nothing any more.
fn sweep(tx: &mut WriteTx<'_>, now: Timestamp) -> Result<()> {
    let before = forgotten_before(now);
    tx.exec(
        "delete from ids_throttle where key in \
         (select key from ids_throttle where last_failure_at <= $1 order by last_failure_at limit $2)",
        params![before, SWEEP_MAX],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_start_at_a_minute_and_double_up_to_a_quarter_of_an_hour() {
        let delays: Vec<i64> = (8..=16).map(|failures| delay_seconds(failures, NAME_FAILURES_MAX)).collect();
        assert_eq!(delays, [0, 0, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(delay_seconds(i64::MAX, ADDRESS_FAILURES_MAX), DELAY_SECONDS_MAX);
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }

    #[test]
    fn a_name_is_counted_whatever_its_case_in_its_own_store_only() {
        let (one, other) = ("d-0123456789", "d-0123456780");
        let key = |store, name| Keys::new(&IdentityStoreId::parse(store).expect("valid"), name, "192.0.2.1").name;
        assert_eq!(key(one, "Alice"), key(one, "alice"));
        assert_ne!(key(one, "alice"), key(other, "alice"));
        assert!(!key(one, "alice").contains("alice"));
    }
}

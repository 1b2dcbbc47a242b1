//! Failed sign-ins and requests for mail, counted for each name and each address, so that nobody guesses or pesters for
//! long. The counters are rows: they survive a restart and hold for every node.

use aws_lc_rs::digest::{SHA256, digest};
use base::{IdentityStoreId, Timestamp};
use kernel::{Result, Tx, WriteTx, params};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

/// The first delay.
const DELAY_SECONDS_MIN: i64 = 60;
/// Failures of a name count until there was none for so long.
const MEMORY_SECONDS: i64 = 24 * 60 * 60;
/// Counters that are out of date and go when a failure is counted: more than one failure adds.
const SWEEP_MAX: i64 = 20;
/// Bits of an IPv6 address that name a network, within which anybody has all addresses.
const NETWORK_BITS: u32 = 64;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Sign-ins that failed.
    Failures,
    /// Mails that somebody asked for who has not proved anything.
    Mails,
}

impl Counted {
    /// What keys begin with, before `name/` or `address/`.
    fn prefix(self) -> &'static str {
        match self {
            Self::Failures => "",
            Self::Mails => "mail-",
        }
    }

    /// The attempt of a name that is the first to be followed by a delay.
    fn name_max(self) -> i64 {
        match self {
            Self::Failures => 10,
            Self::Mails => 3,
        }
    }

    /// The same for an address, behind which many people may be.
    fn address_max(self) -> i64 {
        match self {
            Self::Failures => 50,
            Self::Mails => 20,
        }
    }

    /// After so many seconds one attempt of an address is forgotten: where many people are, somebody always mistypes, and
    /// counting all of that for a day would keep everybody out.
    fn address_seconds(self) -> i64 {
        match self {
            Self::Failures => 60,
            Self::Mails => 180,
        }
    }

    /// The longest delay.
    fn delay_seconds_max(self) -> i64 {
        match self {
            Self::Failures => 15 * 60,
            Self::Mails => 60 * 60,
        }
    }
}

/// The counters that an attempt falls under.
pub struct Keys {
    counted: Counted,
    name: String,
    address: String,
}

impl Keys {
    /// Names are hashed: what people type there by mistake may be a password.
    pub fn new(counted: Counted, store: &IdentityStoreId, user_name: &str, source_ip: &str) -> Self {
        Self::within(counted, store.as_str(), user_name, source_ip)
    }

    /// The counters of a name outside of identity stores: `realm` (an account and what it is about) keeps equal names apart.
    pub fn within(counted: Counted, realm: &str, name: &str, source_ip: &str) -> Self {
        let hash = digest(&SHA256, format!("{realm}\n{}", name.to_lowercase()).as_bytes());
        let prefix = counted.prefix();
        let mut name = format!("{prefix}name/");
        for byte in hash.as_ref() {
            let _ = write!(name, "{byte:02x}");
        }
        Self { counted, name, address: format!("{prefix}address/{}", network(source_ip)) }
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

/// Counts an attempt with the name and from the address.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut WriteTx<'_>, keys: &Keys, now: Timestamp) -> Result<()> {
    let counted = keys.counted;
    let of_name = former(tx, &keys.name, now)?.map_or(0, |(failures, _)| failures);
    count_one(tx, &keys.name, of_name + 1, delay_seconds(of_name + 1, counted.name_max(), counted), now)?;
    count_address(tx, keys, now)
}

fn count_address(tx: &mut WriteTx<'_>, keys: &Keys, now: Timestamp) -> Result<()> {
    let (counted, former) = (keys.counted, former(tx, &keys.address, now)?);
    let left = former
        .map_or(0, |(failures, last)| remaining(failures, now.seconds() - last.seconds(), counted.address_seconds()));
    count_one(tx, &keys.address, left + 1, delay_seconds(left + 1, counted.address_max(), counted), now)?;
    sweep(tx, now)
}

/// What is left of an address's failures so many seconds after the last one.
fn remaining(failures: i64, seconds: i64, seconds_of_one: i64) -> i64 {
    (failures - (seconds + seconds_of_one / 2) / seconds_of_one).max(0)
}

/// The failures that count, and when the last one was.
fn former(tx: &mut Tx, key: &str, now: Timestamp) -> Result<Option<(i64, Timestamp)>> {
    let sql = "select failures, last_failure_at from ids_throttle where key = $1 and last_failure_at > $2";
    tx.opt(sql, params![key, forgotten_before(now)], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn count_one(tx: &mut WriteTx<'_>, key: &str, failures: i64, delay_seconds: i64, now: Timestamp) -> Result<()> {
    let blocked_until = Timestamp::from_micros(now.micros() + delay_seconds * 1_000_000);
    tx.exec_one(
        "insert into ids_throttle (key, failures, last_failure_at, blocked_until) values ($1, $2, $3, $4) \
         on conflict (key) do update set failures = excluded.failures, last_failure_at = excluded.last_failure_at, \
         blocked_until = excluded.blocked_until",
        params![key, failures, now, blocked_until],
    )
}

/// The delay after so many attempts, of which `free` - 1 are followed by none.
fn delay_seconds(attempts: i64, free: i64, counted: Counted) -> i64 {
    if attempts < free {
        return 0;
    }
    // So many doublings pass every longest delay.
    let doublings = (attempts - free).min(6);
    (DELAY_SECONDS_MIN << doublings).min(counted.delay_seconds_max())
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

/// The failures from an address, also of people whose passwords are kept elsewhere.
pub struct AddressFailures(Keys);

impl AddressFailures {
    /// Those from `source_ip`.
    pub fn of(source_ip: &str) -> Self {
        let address = format!("address/{}", network(source_ip));
        Self(Keys { counted: Counted::Failures, name: address.clone(), address })
    }

    /// Seconds for which an attempt is not even looked at; `None`: it may be made now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn wait(&self, tx: &mut Tx, now: Timestamp) -> Result<Option<i64>> {
        wait(tx, &self.0, now)
    }

    /// Counts a failure, unless the address is blocked already: then the seconds for which it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count(&self, tx: &mut WriteTx<'_>, now: Timestamp) -> Result<Option<i64>> {
        let wait = self.wait(tx, now)?;
        if wait.is_none() {
            count_address(tx, &self.0, now)?;
        }
        Ok(wait)
    }
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
    fn delays_start_at_a_minute_and_double_up_to_the_longest() {
        let of = |counted: Counted, attempts| delay_seconds(attempts, counted.name_max(), counted);
        let delays: Vec<i64> = (8..=16).map(|failures| of(Counted::Failures, failures)).collect();
        assert_eq!(delays, [0, 0, 60, 120, 240, 480, 900, 900, 900]);
        let delays: Vec<i64> = (1..=10).map(|mails| of(Counted::Mails, mails)).collect();
        assert_eq!(delays, [0, 0, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600], "up to an hour for mail");
        assert_eq!(of(Counted::Failures, i64::MAX), 900);
    }

    #[test]
    fn failures_of_an_address_are_forgotten_one_by_one() {
        let of = |failures, seconds| remaining(failures, seconds, Counted::Failures.address_seconds());
        assert_eq!(
            (of(49, 0), of(49, 29), of(49, 30), of(49, 60), of(49, 600), of(49, 86_400)),
            (49, 49, 48, 48, 39, 0)
        );
        // An office in which somebody mistypes every half a minute is never kept out.
        assert_eq!((0..1_000).fold(0, |failures, _| of(failures, 30) + 1), 1);
    }

    #[test]
    fn mails_and_failures_are_counted_apart() {
        let store = IdentityStoreId::parse("d-0123456789").expect("valid");
        let keys = |counted| Keys::new(counted, &store, "alice", "192.0.2.1");
        let (failures, mails) = (keys(Counted::Failures), keys(Counted::Mails));
        assert_ne!(failures.name, mails.name);
        assert_ne!(failures.address, mails.address);
    }

    #[test]
    fn failures_from_an_address_are_those_of_everybody_there() {
        let store = IdentityStoreId::parse("d-0123456789").expect("valid");
        assert_eq!(
            AddressFailures::of("192.0.2.1").0.address,
            Keys::new(Counted::Failures, &store, "alice", "192.0.2.1").address
        );
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
        let store = |id| IdentityStoreId::parse(id).expect("valid");
        let key = |id, name| Keys::new(Counted::Failures, &store(id), name, "192.0.2.1").name;
        assert_eq!(key(one, "Alice"), key(one, "alice"));
        assert_ne!(key(one, "alice"), key(other, "alice"));
        assert!(!key(one, "alice").contains("alice"));
    }
}

//! How often somebody has failed to prove to be an account, so that a guesser of passwords cannot lock it.
//!
//! The directory counts for itself ([`Policy::may_try`] asks it); this is what the process remembers beside it: for
//! directories that do not let their counters be read, and for attempts that run beside each other, of which the
//! directory's counter knows nothing yet.

use base::{DirectoryId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures of an account that are let through until the window is over.
const FAILURES_MAX: i64 = 4;
/// How long failures are remembered, in seconds, when the directory does not say.
const WINDOW_SECONDS: i64 = 30 * 60;
/// The longest time for which a directory is taken to count failures together: its tools take 99,999 minutes.
const WINDOW_SECONDS_MAX: i64 = 99_999 * 60;
/// Failures after which an account is taken to be locked whose own policy exists and may not be read: nobody locks
/// people out sooner.
const UNKNOWN_THRESHOLD: i64 = 3;
/// Accounts whose failures are remembered.
const ACCOUNTS_MAX: usize = 100_000;
/// When an attempt makes sense that had to stand back for others of the same account.
const OTHERS_SECONDS: i64 = 1;

/// When the directory locks an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// Failures after which it does; 0: never.
    pub threshold: i64,
    /// How long it counts them together, in seconds.
    pub window_seconds: i64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { threshold: 0, window_seconds: WINDOW_SECONDS }
    }
}

/// What the directory has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub failures: i64,
    pub last_failure_at: Timestamp,
}

impl Policy {
    /// From the attributes of a domain or of a fine-grained policy; what is not there is as in `self`. A duration is
    /// negative and in tenths of microseconds.
    pub(super) fn with(self, threshold: Option<i64>, window: Option<i64>) -> Self {
        let seconds = |window: i64| (window.saturating_neg() / 10_000_000).clamp(1, WINDOW_SECONDS_MAX);
        Self {
            threshold: threshold.map_or(self.threshold, |threshold| threshold.max(0)),
            window_seconds: window.map_or(self.window_seconds, seconds),
        }
    }

    /// That of an account which has a policy of its own that may not be read.
    pub(super) fn cautious(self) -> Self {
        let threshold = if self.threshold == 0 { UNKNOWN_THRESHOLD } else { self.threshold.min(UNKNOWN_THRESHOLD) };
        Self { threshold, window_seconds: self.window_seconds.max(WINDOW_SECONDS) }
    }

    /// Failures that we may cause: one less than locks the account, so that one is left to its owner.
    fn allowance(&self) -> i64 {
        if self.threshold == 0 { FAILURES_MAX } else { (self.threshold - 1).clamp(1, FAILURES_MAX) }
    }

    /// Whether another failure would not lock the account, from what the directory has counted and how many attempts
    /// run beside this one.
    pub(super) fn may_try(&self, counted: Counted, others: i64, now: Timestamp) -> Result<(), i64> {
        if self.threshold == 0 {
            return Ok(());
        }
        let free_at = counted.last_failure_at.plus_seconds(self.window_seconds);
        let failures = if free_at <= now { 0 } else { counted.failures };
        let allowed = (self.threshold - 1).max(1);
        match failures {
            _ if failures + others < allowed => Ok(()),
            _ if failures < allowed => Err(OTHERS_SECONDS),
            _ => Err(free_at.seconds() - now.seconds() + 1),
        }
    }
}

type Key = (DirectoryId, [u8; 16]);

#[derive(Default)]
pub(super) struct Attempts(Mutex<Known>);

#[derive(Default)]
struct Known {
    accounts: HashMap<Key, Failures>,
    /// Failures of anybody, ever.
    total: u64,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: i64,
    last_at: Timestamp,
    /// Attempts that have begun and not ended.
    running: i64,
}

impl Attempts {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many failures there have been: while it does not move, what a directory has counted stays true.
    pub(super) fn total(&self) -> u64 {
        self.known().total
    }

    /// Begins an attempt, or says after how many seconds there may be one. Until it has ended it counts as a failure.
    pub(super) fn begin(
        &self,
        directory: &DirectoryId,
        account: [u8; 16],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Attempt<'_>, i64> {
        let mut known = self.known();
        if known.accounts.len() >= ACCOUNTS_MAX {
            let is_needed =
                |failures: &Failures| failures.running > 0 || failures.last_at.plus_seconds(WINDOW_SECONDS) > now;
            known.accounts.retain(|_, failures| is_needed(failures));
        }
        let total = known.total;
        let key = (directory.clone(), account);
        let failures = known.accounts.entry(key.clone()).or_insert(Failures { count: 0, last_at: now, running: 0 });
        let free_at = failures.last_at.plus_seconds(policy.window_seconds);
        if free_at <= now {
            failures.count = 0;
        }
        if failures.count >= policy.allowance() {
            return Err(free_at.seconds() - now.seconds() + 1);
        }
        if failures.count + failures.running >= policy.allowance() {
            return Err(OTHERS_SECONDS);
        }
        let others = failures.running;
        failures.running += 1;
        Ok(Attempt { attempts: self, key, others, total, now, has_ended: false })
    }
}

/// An attempt that has begun. Dropped without an end it counts as if it had not been.
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    key: Key,
    /// Attempts of the same account that ran when this one began.
    pub(super) others: i64,
    /// [`Attempts::total`] when this one began.
    pub(super) total: u64,
    now: Timestamp,
    has_ended: bool,
}

impl Attempt<'_> {
    /// It was a failure.
    pub(super) fn failed(mut self) {
        self.has_ended = true;
        let mut known = self.attempts.known();
        known.total += 1;
        if let Some(failures) = known.accounts.get_mut(&self.key) {
            let running = (failures.running - 1).max(0);
            *failures = Failures { count: failures.count + 1, last_at: self.now, running };
        }
    }

    /// It was right: the failures of the account are forgotten.
    pub(super) fn succeeded(mut self) {
        self.end(true);
    }

    fn end(&mut self, forgets: bool) {
        self.has_ended = true;
        let mut known = self.attempts.known();
        let Some(failures) = known.accounts.get_mut(&self.key) else { return };
        failures.running = (failures.running - 1).max(0);
        if forgets {
            failures.count = 0;
        }
        if failures.count == 0 && failures.running == 0 {
            known.accounts.remove(&self.key);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.end(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const POLICY: Policy = Policy { threshold: 3, window_seconds: 600 };

    fn directory() -> DirectoryId {
        DirectoryId::parse("d-0123456789").expect("valid")
    }

    fn wait(begun: Result<Attempt<'_>, i64>) -> Option<i64> {
        begun.map(drop).err()
    }

    #[test]
    fn the_failure_that_would_lock_the_account_is_left_to_its_owner() {
        let attempts = Attempts::default();
        let begin = |account, now| attempts.begin(&directory(), [account; 16], &POLICY, now);
        for _ in 0..2 {
            begin(1, NOW).map(Attempt::failed).expect("it may be tried");
        }
        assert_eq!(wait(begin(1, NOW)), Some(601));
        assert_eq!(wait(begin(2, NOW)), None);
        assert_eq!(wait(begin(1, NOW.plus_seconds(600))), None);
        begin(1, NOW.plus_seconds(600)).map(Attempt::failed).expect("it may be tried");
        begin(1, NOW.plus_seconds(600)).map(Attempt::succeeded).expect("it may be tried");
        for _ in 0..2 {
            begin(1, NOW.plus_seconds(600)).map(Attempt::failed).expect("it may be tried");
        }
    }

    #[test]
    fn attempts_beside_each_other_count_as_failures_until_they_have_ended() {
        let attempts = Attempts::default();
        let begin = || attempts.begin(&directory(), [1; 16], &POLICY, NOW);
        let (first, second) = (begin().expect("the first"), begin().expect("the second"));
        assert_eq!((first.others, second.others), (0, 1));
        assert_eq!(wait(begin()), Some(OTHERS_SECONDS));
        drop(second);
        assert_eq!(begin().map(|attempt| attempt.others), Ok(1), "an attempt that came to nothing is none");
        let before = attempts.total();
        first.failed();
        assert_eq!(attempts.total(), before + 1);
        begin().map(Attempt::failed).expect("one is left");
        assert_eq!(wait(begin()), Some(601));
    }

    #[test]
    fn what_the_directory_counted_elsewhere_counts_too() {
        let counted = |failures| Counted { failures, last_failure_at: NOW };
        assert_eq!(POLICY.may_try(counted(1), 0, NOW), Ok(()));
        assert_eq!(POLICY.may_try(counted(1), 1, NOW), Err(OTHERS_SECONDS));
        assert_eq!(POLICY.may_try(counted(2), 0, NOW), Err(601));
        assert_eq!(POLICY.may_try(counted(2), 0, NOW.plus_seconds(600)), Ok(()));
        assert_eq!(Policy { threshold: 0, ..POLICY }.may_try(counted(50), 9, NOW), Ok(()));
    }

    #[test]
    fn a_policy_that_may_not_be_read_is_taken_to_be_strict() {
        let domain = Policy::default().with(Some(5), Some(-18_000_000_000));
        assert_eq!(domain, Policy { threshold: 5, window_seconds: 1_800 });
        assert_eq!(domain.cautious().threshold, UNKNOWN_THRESHOLD);
        assert_eq!(Policy::default().cautious().threshold, UNKNOWN_THRESHOLD);
        assert_eq!(domain.with(Some(2), None).cautious().threshold, 2);
        assert_eq!(domain.with(None, Some(i64::MIN)).window_seconds, WINDOW_SECONDS_MAX);
    }
}

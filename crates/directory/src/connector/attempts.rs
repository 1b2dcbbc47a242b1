//! How often somebody has failed to prove to be an account, so that a guesser of passwords cannot lock it.
//!
//! The directory counts for itself ([`Policy::may_try`] asks it); this is what the process remembers beside it, for
//! directories that do not let their counters be read.

use base::{DirectoryId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Failures of an account that are let through until the window is over.
const FAILURES_MAX: i64 = 4;
/// How long failures are remembered, in seconds, when the directory does not say.
const WINDOW_SECONDS: i64 = 30 * 60;
/// Accounts whose failures are remembered.
const ACCOUNTS_MAX: usize = 100_000;

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
    /// Failures that we may cause: one less than locks the account, so that one is left to its owner.
    fn allowance(&self) -> i64 {
        if self.threshold == 0 { FAILURES_MAX } else { (self.threshold - 1).clamp(1, FAILURES_MAX) }
    }

    /// Whether another failure would not lock the account, from what the directory has counted.
    pub(super) fn may_try(&self, counted: Counted, now: Timestamp) -> Result<(), i64> {
        let free_at = counted.last_failure_at.plus_seconds(self.window_seconds);
        if self.threshold == 0 || counted.failures < (self.threshold - 1).max(1) || free_at <= now {
            return Ok(());
        }
        Err(free_at.seconds() - now.seconds() + 1)
    }
}

#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<(DirectoryId, [u8; 16]), Failures>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: i64,
    last_at: Timestamp,
}

impl Attempts {
    /// Whether the account may be tried, or the seconds until it may.
    pub(super) fn may_try(
        &self,
        directory: &DirectoryId,
        account: [u8; 16],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(failures) = known.get(&(directory.clone(), account)) else { return Ok(()) };
        let free_at = failures.last_at.plus_seconds(policy.window_seconds);
        if failures.count < policy.allowance() || free_at <= now {
            return Ok(());
        }
        Err(free_at.seconds() - now.seconds() + 1)
    }

    pub(super) fn failed(&self, directory: &DirectoryId, account: [u8; 16], policy: &Policy, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ACCOUNTS_MAX {
            known.retain(|_, failures| failures.last_at.plus_seconds(WINDOW_SECONDS) > now);
        }
        let failures = known.entry((directory.clone(), account)).or_insert(Failures { count: 0, last_at: now });
        if failures.last_at.plus_seconds(policy.window_seconds) <= now {
            failures.count = 0;
        }
        *failures = Failures { count: failures.count + 1, last_at: now };
    }

    pub(super) fn succeeded(&self, directory: &DirectoryId, account: [u8; 16]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(directory.clone(), account));
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

    #[test]
    fn the_failure_that_would_lock_the_account_is_left_to_its_owner() {
        let attempts = Attempts::default();
        for _ in 0..2 {
            assert_eq!(attempts.may_try(&directory(), [1; 16], &POLICY, NOW), Ok(()));
            attempts.failed(&directory(), [1; 16], &POLICY, NOW);
        }
        assert_eq!(attempts.may_try(&directory(), [1; 16], &POLICY, NOW), Err(601));
        assert_eq!(attempts.may_try(&directory(), [2; 16], &POLICY, NOW), Ok(()));
        assert_eq!(attempts.may_try(&directory(), [1; 16], &POLICY, NOW.plus_seconds(600)), Ok(()));
        attempts.succeeded(&directory(), [1; 16]);
        assert_eq!(attempts.may_try(&directory(), [1; 16], &POLICY, NOW), Ok(()));
    }

    #[test]
    fn what_the_directory_counted_elsewhere_counts_too() {
        let counted = |failures| Counted { failures, last_failure_at: NOW };
        assert_eq!(POLICY.may_try(counted(1), NOW), Ok(()));
        assert_eq!(POLICY.may_try(counted(2), NOW), Err(601));
        assert_eq!(POLICY.may_try(counted(2), NOW.plus_seconds(600)), Ok(()));
        assert_eq!(Policy { threshold: 0, ..POLICY }.may_try(counted(50), NOW), Ok(()));
    }
}

//! When the signing keys of a provider are fetched: the job, and what requests that only read ask of it.
//!
//! The fetch itself needs the network and is the server's.

use super::OidcProvider;
use base::{Random, Timestamp};
use kernel::job::{self, JobKind};
use kernel::{App, Cx, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Fetches the signing keys of the provider whose ARN is the key.
pub const FETCH: JobKind = JobKind("iam.fetch_provider_keys");
/// Age from which keys are fetched anew when they are next used.
pub const AGE_SECONDS_MAX: i64 = 86_400;
/// Requests ask for the keys of a provider once in this time at most, whoever sends them.
pub const PAUSE_SECONDS: i64 = 60;
/// Providers that requests may have asked for within [`PAUSE_SECONDS`]; those on top have to ask again.
const ASKED_MAX: usize = 10_000;

/// The providers whose keys requests have asked for. Requests of `AssumeRoleWithWebIdentity` only read; the worker
/// makes jobs of what they ask.
#[derive(Default)]
pub struct WantedKeys {
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    at: HashMap<String, Timestamp>,
    waiting: Vec<String>,
}

impl WantedKeys {
    /// Asks for the keys of `arn`, unless that was done within [`PAUSE_SECONDS`]. Returns when it was last done.
    fn ask(&self, arn: &str, now: Timestamp) -> Option<Timestamp> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: Timestamp| now < at.plus_seconds(PAUSE_SECONDS);
        if let Some(at) = asked.at.get(arn).copied().filter(|at| is_recent(*at)) {
            return Some(at);
        }
        if asked.at.len() >= ASKED_MAX {
            asked.at.retain(|_, at| is_recent(*at));
        }
        if asked.at.len() >= ASKED_MAX {
            return None;
        }
        asked.at.insert(arn.to_owned(), now);
        asked.waiting.push(arn.to_owned());
        Some(now)
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner).waiting)
    }
}

/// Whether the keys should be fetched anew although they can still be used.
pub(crate) fn are_old(provider: &OidcProvider, now: Timestamp) -> bool {
    provider.jwks_fetched_at.is_none_or(|at| at.plus_seconds(AGE_SECONDS_MAX) <= now)
}

/// Has the keys of `provider` fetched. True while what was asked for, now or within [`PAUSE_SECONDS`], has not come.
pub(crate) fn want(cx: &Cx<'_>, provider: &OidcProvider) -> bool {
    let Some(wanted) = cx.app.extension::<WantedKeys>() else { return false };
    let Some(asked_at) = wanted.ask(&provider.arn, cx.now) else { return false };
    if asked_at == cx.now {
        cx.app.wake_worker();
    }
    provider.jwks_fetched_at.is_none_or(|fetched_at| fetched_at < asked_at)
}

/// Makes jobs of what requests asked for. A fetch that failed and waits to be tried again keeps its pause, so that a
/// provider that cannot be reached is not called more often because it is used.
///
/// # Errors
/// When the database fails; what was asked for is then forgotten and asked for again by later requests.
pub fn enqueue_wanted(app: &Arc<App>) -> Result<()> {
    let Some(wanted) = app.extension::<WantedKeys>() else { return Ok(()) };
    let arns = wanted.take();
    if arns.is_empty() {
        return Ok(());
    }
    let now = app.now();
    app.store.write(
        |tx| {
            for arn in &arns {
                if !job::is_queued(tx, FETCH, arn)? {
                    let id = app.with_random(Random::uuid);
                    job::enqueue(tx, &id, FETCH, arn, now, now)?;
                }
            }
            Ok(())
        },
        |_| {},
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    #[test]
    fn a_provider_is_asked_for_once_a_minute() {
        let wanted = WantedKeys::default();
        let soon = NOW.plus_seconds(PAUSE_SECONDS - 1);
        assert_eq!(wanted.ask("a", NOW), Some(NOW));
        assert_eq!(wanted.ask("a", soon), Some(NOW));
        assert_eq!(wanted.ask("b", soon), Some(soon));
        assert_eq!(wanted.take(), ["a", "b"]);
        assert_eq!(wanted.ask("a", soon), Some(NOW));
        assert!(wanted.take().is_empty());
        let later = NOW.plus_seconds(PAUSE_SECONDS);
        assert_eq!(wanted.ask("a", later), Some(later));
        assert_eq!(wanted.take(), ["a"]);
    }

    #[test]
    fn what_is_asked_for_is_bounded() {
        let wanted = WantedKeys::default();
        for number in 0..ASKED_MAX {
            assert_eq!(wanted.ask(&number.to_string(), NOW), Some(NOW));
        }
        assert_eq!(wanted.ask("more", NOW), None);
        let later = NOW.plus_seconds(PAUSE_SECONDS);
        assert_eq!(wanted.ask("more", later), Some(later));
    }
}

//! Who may write when transactions lose against each other.
//!
//! PostgreSQL ends the loser at once, while the winner is still busy with its commit; whoever began again right away
//! would lose to the same winner until his tries were used up. So a transaction that lost waits for those that run,
//! and those that come after it wait for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest wait for one that runs again: it may wait for a lock of the one that waits here.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause before the second try; the next ones are twice as long each. Winners in other processes end unseen.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Transactions on their first try.
    first: usize,
    /// Whether a transaction is run again.
    has_again: bool,
}

/// A transaction's turn; ends when dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    /// Number of times it was run again.
    again: u32,
}

impl Turns {
    /// A turn for a first try.
    pub(super) fn begin(&self) -> Turn<'_> {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| state.has_again);
        waited.unwrap_or_else(PoisonError::into_inner).0.first += 1;
        Turn { turns: self, again: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Waits until another try is likely to succeed.
    pub(super) fn again(&mut self) {
        let turns = self.turns;
        let mut state = turns.lock();
        if self.again == 0 {
            state.first -= 1;
            turns.changed.notify_all();
            state = turns.changed.wait_while(state, |state| state.has_again).unwrap_or_else(PoisonError::into_inner);
            state.has_again = true;
        }
        let pause = PAUSE * (1 << self.again.min(8));
        // The first time, rivals in this process are waited for and none means none; later there must be others.
        let is_late = self.again > 0;
        self.again += 1;
        drop(turns.changed.wait_timeout_while(state, pause, |state| is_late || state.first > 0));
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        if self.again == 0 {
            state.first -= 1;
        } else {
            state.has_again = false;
        }
        drop(state);
        self.turns.changed.notify_all();
    }
}

//! What is being done about trusts: controllers of other domains may take long to answer, or never do, and jobs of all
//! kinds wait for each other.

use super::record::Trust;
use base::Timestamp;
use kernel::{Error, Result};
use model::ds::TrustState;
use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a job waits for what was begun: most of it is done by then, or soon after.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of it. The inner error is a sentence.
pub(super) type Answer = Result<Result<(), String>>;

/// What is being done, by the ids of the trusts. It does not outlive the program: the job that began it begins it again.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<HashMap<String, Begun>>);

struct Begun {
    /// The state of the trust that says what is to be done, and since when it does.
    state: (TrustState, Timestamp),
    answer: Receiver<Answer>,
}

impl UnderWay {
    /// Begins `work` for a trust, unless that is under way. `None`: it is to be asked for again later.
    ///
    /// # Errors
    /// Those of `work`, and when the operating system gives no thread.
    pub(super) fn answer(
        &self,
        trust: &Trust,
        work: impl FnOnce() -> Answer + Send + 'static,
    ) -> Result<Option<Result<(), String>>> {
        let state = (trust.state, trust.state_changed_at);
        if let Some(earlier) = self.take(&trust.id) {
            let is_wanted = earlier.state == state;
            match earlier.answer.recv_timeout(PATIENCE) {
                Err(RecvTimeoutError::Timeout) => {
                    self.put(&trust.id, earlier);
                    return Ok(None);
                }
                Ok(answer) if is_wanted => return answer.map(Some),
                // Somebody wants something else by now, or nothing came of it.
                _ => {}
            }
        }
        let (sender, answer) = mpsc::channel();
        let thread = std::thread::Builder::new().name("trust".to_owned());
        thread.spawn(move || drop(sender.send(work()))).map_err(Error::internal)?;
        match answer.recv_timeout(PATIENCE) {
            Ok(answer) => answer.map(Some),
            Err(RecvTimeoutError::Timeout) => {
                self.put(&trust.id, Begun { state, answer });
                Ok(None)
            }
            Err(RecvTimeoutError::Disconnected) => Err(Error::internal("nothing came of an order about a trust")),
        }
    }

    fn take(&self, id: &str) -> Option<Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    fn put(&self, id: &str, begun: Begun) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), begun);
    }
}

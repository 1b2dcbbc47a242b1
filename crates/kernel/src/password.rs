//! How passwords are kept: Argon2id, with one set of parameters for everybody who has a password.

use crate::error::{Error, Result};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};

/// Memory of one hash, in KiB (OWASP's second recommendation for Argon2id).
pub const MEMORY_KIB: u32 = 19 * 1_024;
/// Passes of one hash.
const PASSES: u32 = 2;
/// Length of a salt in bytes.
pub const SALT_BYTES: usize = 16;

/// The hash of a password that nobody has: verifying against it takes as long as against a real one.
pub const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// As many hashes are computed at once as there are processors: more would only hold memory. Whoever waits for a turn
/// may have a transaction; whoever has a turn waits for nothing.
static TURNS: LazyLock<Turns> =
    LazyLock::new(|| Turns::new(std::thread::available_parallelism().map_or(1, usize::from)));

struct Turns {
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    free: usize,
    waiting: usize,
    /// Of turns that ended while others waited: never more than wait.
    memory: Vec<Memory>,
}

/// What a hash is computed in. It passes from one turn to the next, since making it anew costs a tenth of a hash, and is
/// given back when nobody waits for it.
type Memory = Vec<Block>;

impl Turns {
    fn new(at_once: usize) -> Self {
        let state = State { free: at_once, waiting: 0, memory: Vec::new() };
        Self { state: Mutex::new(state), freed: Condvar::new() }
    }

    fn take(&self) -> Turn<'_> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        let mut state = self.freed.wait_while(state, |state| state.free == 0).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.free -= 1;
        let memory = state.memory.pop();
        drop(state);
        Turn { turns: self, memory: memory.unwrap_or_default() }
    }
}

struct Turn<'t> {
    turns: &'t Turns,
    memory: Memory,
}

impl Turn<'_> {
    /// The hash of `password`, so many bytes of it as `output` has.
    fn hash(&mut self, argon2: &Argon2<'_>, password: &str, salt: &[u8], output: &mut [u8]) -> argon2::Result<()> {
        self.memory.resize(MEMORY_KIB as usize, Block::new());
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut self.memory)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        let mut state = self.turns.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.free += 1;
        let unwanted = if state.memory.len() < state.waiting {
            state.memory.push(memory);
            None
        } else {
            Some(memory)
        };
        drop(state);
        self.turns.freed.notify_one();
        drop(unwanted);
    }
}

/// Hashes a password into a PHC string. Takes some 20 ms: keep it off threads that hold a transaction where possible.
///
/// # Errors
/// Never in practice: the parameters are constants.
pub fn hash(password: &str, salt: [u8; SALT_BYTES]) -> Result<String> {
    let failed = |cause: &dyn std::fmt::Display| Error::internal(format!("a password cannot be hashed: {cause}"));
    let (argon2, mut output) = (argon2()?, [0; Params::DEFAULT_OUTPUT_LEN]);
    TURNS.take().hash(&argon2, password, &salt, &mut output).map_err(|cause| failed(&cause))?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).map_err(|cause| failed(&cause))?,
        salt: Some(Salt::new(&salt).map_err(|cause| failed(&cause))?),
        hash: Some(Output::new(&output).map_err(|cause| failed(&cause))?),
    };
    Ok(hash.to_string())
}

/// The function with the parameters of every new hash.
///
/// # Errors
/// Never in practice: the parameters are constants.
pub fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None)
        .map_err(|cause| Error::internal(format!("parameters of the password hash: {cause}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Whether `password` is the one that was hashed; false too for a hash that cannot be read. As slow as hashing.
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| fits(password, &hash).unwrap_or(false))
}

/// `None` for a hash that is none of ours.
fn fits(password: &str, hash: &PasswordHash) -> Option<bool> {
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = Version::try_from(hash.version?).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(hash).ok()?);
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..expected.len())?;
    TURNS.take().hash(&argon2, password, salt, output).ok()?;
    // Compares in constant time.
    Some(Output::new(output).ok()? == *expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_password_only() {
        let hash = hash("Correct-Horse-1", [7; SALT_BYTES]).expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("Correct-Horse-1", &hash));
        assert!(!verify("correct-horse-1", &hash));
        assert!(!verify("Correct-Horse-1", "not a hash"));
    }

    #[test]
    fn no_more_have_a_turn_than_there_are_and_each_gives_it_back() {
        let turns = Turns::new(2);
        let (at_once, most) = (Mutex::new(0), Mutex::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _turn = turns.take();
                    let now = {
                        let mut at_once = at_once.lock().expect("unpoisoned");
                        *at_once += 1;
                        *at_once
                    };
                    let mut most = most.lock().expect("unpoisoned");
                    *most = now.max(*most);
                    drop(most);
                    std::thread::yield_now();
                    *at_once.lock().expect("unpoisoned") -= 1;
                });
            }
        });
        assert!(*most.lock().expect("unpoisoned") <= 2);
        let state = turns.state.lock().expect("unpoisoned");
        assert_eq!((state.free, state.waiting, state.memory.len()), (2, 0, 0));
    }

    #[test]
    fn nobody_s_hash_costs_as_much_as_a_real_one() {
        let real = hash("Correct-Horse-1", [0; SALT_BYTES]).expect("hashed");
        let parameters = |hash: &str| hash.rsplit_once('$').map(|(head, _)| head.to_owned());
        assert_eq!(parameters(NOBODY), parameters(&real));
        assert_eq!(NOBODY.len(), real.len());
        assert!(PasswordHash::new(NOBODY).is_ok(), "a hash that cannot be read would be refused at once");
        assert!(!verify("Correct-Horse-1", NOBODY));
    }
}

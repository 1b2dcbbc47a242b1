//! How passwords are kept: Argon2id, with one set of parameters for everybody who has a password.

use crate::error::{Error, Result};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};

/// Memory of one hash, in KiB (OWASP's second recommendation for Argon2id).
const MEMORY_KIB: u32 = 19 * 1_024;
/// Passes of one hash.
const PASSES: u32 = 2;
/// Length of a salt in bytes.
pub const SALT_BYTES: usize = 16;

/// The hash of a password that nobody has: verifying against it takes as long as against a real one.
pub const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// As many hashes are computed at once as there are processors: more would only hold memory. Whoever waits for a turn
/// may have a transaction; whoever has a turn waits for nothing.
static TURNS: LazyLock<Turns> = LazyLock::new(|| Turns {
    free: Mutex::new(std::thread::available_parallelism().map_or(1, usize::from)),
    freed: Condvar::new(),
});

struct Turns {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Turns {
    fn take(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

struct Turn<'t>(&'t Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

/// Hashes a password into a PHC string. Takes some 20 ms: keep it off threads that hold a transaction where possible.
///
/// # Errors
/// Never in practice: the parameters are constants.
pub fn hash(password: &str, salt: [u8; SALT_BYTES]) -> Result<String> {
    let _turn = TURNS.take();
    let hash: PasswordHash = argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|cause| Error::internal(format!("a password cannot be hashed: {cause}")))?;
    Ok(hash.to_string())
}

/// Whether `password` is the one that was hashed; false too for a hash that cannot be read. As slow as hashing.
pub fn verify(password: &str, hash: &str) -> bool {
    let _turn = TURNS.take();
    argon2().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), hash).is_ok())
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None)
        .map_err(|cause| Error::internal(format!("parameters of the password hash: {cause}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
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
        let turns = Turns { free: Mutex::new(2), freed: Condvar::new() };
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
        assert_eq!(*turns.free.lock().expect("unpoisoned"), 2);
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

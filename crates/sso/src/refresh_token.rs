//! When a refresh token has been copied.

use base::Timestamp;

/// How long after its first use a refresh token is still good, in seconds. Clients of AWS's share tokens in a file and
/// renew them in each process by itself, so processes that run beside each other send the same one; and an answer may
/// get lost.
const REPEAT_SECONDS: i64 = 60;

/// Whether a refresh token that was used at `used_at` first and comes again at `now` has been copied (RFC 9700
/// §4.14.2).
pub fn is_copied(used_at: Option<Timestamp>, now: Timestamp) -> bool {
    used_at.is_some_and(|used_at| now >= used_at.plus_seconds(REPEAT_SECONDS))
}

//! Foundations that every crate shares: ids, ARNs, time, randomness, limits.
//!
//! Deliberately absent: I/O, HTTP, SQL and anything that asks the world for the time or for randomness
//! outside [`clock`] and [`random`].

pub mod arn;
pub mod clock;
pub mod id;
pub mod limits;
pub mod network;
pub mod random;
pub mod secret;
pub mod time;

pub use arn::Arn;
pub use clock::{Clock, ManualClock, SystemClock};
pub use id::*;
pub use random::Random;
pub use secret::Secret;
pub use time::Timestamp;

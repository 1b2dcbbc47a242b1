//! The shipped data, read through the public interface.

mod authorization;
mod managed_policies;
mod organizations;

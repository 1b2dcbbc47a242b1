//! Identity stores, through their operations.

//! Pages of Organizations' lists: at most twenty rows, in the order in which they came to be.

use crate::messages;
use kernel::page::Cursor;
use kernel::{Cx, Result};

pub use kernel::page::key;

/// Rows of a page when the caller does not say, and at most.
const ROWS_MAX: i64 = 20;

/// Opens a page of `list`: the operation and every parameter that selects its rows.
///
/// # Errors
/// `InvalidInputException` with reason `INVALID_NEXT_TOKEN`.
pub fn open(cx: &Cx<'_>, list: &[&str], token: Option<&str>, max_results: Option<i32>) -> Result<Cursor> {
    let limit = max_results.map_or(ROWS_MAX, i64::from).clamp(1, ROWS_MAX);
    Cursor::open(cx, list, token, limit).ok_or_else(messages::invalid_next_token)
}

//! Pages of the service's lists: 1 to 100 rows, `NextToken`.

use crate::messages;
use kernel::page::Cursor;
use kernel::{Cx, Result};

pub use kernel::page::key;

/// Rows of a page when the caller does not say.
const ROWS_DEFAULT: i64 = 50;
/// Most rows of a page.
const ROWS_MAX: i64 = 100;

/// Opens a page of `list`: the operation and every parameter that selects its rows.
///
/// # Errors
/// `ValidationException` for a token that was not given out for this list to this account.
pub fn open(cx: &Cx<'_>, list: &[&str], token: Option<&str>, max_results: Option<i32>) -> Result<Cursor> {
    let limit = max_results.map_or(ROWS_DEFAULT, i64::from).clamp(1, ROWS_MAX);
    Cursor::open(cx, list, token, limit).ok_or_else(messages::invalid_next_token)
}

//! Pages of the identity store's lists: at most a hundred rows, in the order in which they came to be.

use base::Timestamp;
use kernel::page::Cursor;
use kernel::{Cx, Error, Result};

pub(crate) use kernel::page::key;

/// Rows of a page when the caller does not say, and at most.
const ROWS_MAX: i64 = 100;

/// Opens a page of `list`: the operation and every parameter that selects its rows.
///
/// # Errors
/// `ValidationException` when the token was not given out for that list.
pub(crate) fn open(cx: &Cx<'_>, list: &[&str], token: Option<&str>, max_results: Option<i32>) -> Result<Cursor> {
    let limit = max_results.map_or(ROWS_MAX, i64::from).clamp(1, ROWS_MAX);
    Cursor::open(cx, list, token, limit).ok_or_else(|| Error::Validation("The NextToken is not valid.".to_owned()))
}

/// The position after which `cursor` continues, as [`Cursor::position`].
pub(crate) fn position(cursor: &Cursor) -> (Timestamp, &str) {
    let (at, id) = cursor.position();
    (Timestamp::from_micros(at), id)
}

//! Pages of Organizations' lists: at most twenty rows, in the order in which they came to be.

use crate::messages;
use base::Timestamp;
use kernel::page::Cursor;
use kernel::{Cx, Result};

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

/// The sort key of a row of a list that is ordered by an instant and then by id.
pub fn key(at: Timestamp, id: &str) -> String {
    format!("{} {id}", at.micros())
}

/// The position after which `cursor` continues in a list with keys of [`key`]: before everything for the first page.
pub fn position(cursor: &Cursor) -> (i64, &str) {
    let (at, id) = cursor.after.split_once(' ').unwrap_or_default();
    (at.parse().unwrap_or(i64::MIN), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_the_instant_and_the_id() {
        assert_eq!(key(Timestamp::from_micros(-5), "x"), "-5 x");
    }
}

//! Pages of IAM's lists: `MaxItems`, `Marker`, `IsTruncated`.

use kernel::page::Cursor;
use kernel::{Cx, Error, Result};

/// `MaxItems` when the caller does not say.
const ITEMS_DEFAULT: i32 = 100;
/// More rows than any list that is filtered in memory can have: every such list has a quota below it.
const ROWS_MAX: i64 = 20_000;

/// The part of a list request that selects the page.
#[derive(Clone, Copy)]
pub(crate) struct PageRequest<'a> {
    pub(crate) marker: Option<&'a str>,
    pub(crate) max_items: Option<i32>,
}

/// The page request of an input structure that has the two members.
macro_rules! page_request {
    ($input:expr) => {
        $crate::paging::PageRequest { marker: $input.marker.as_deref(), max_items: $input.max_items }
    };
}
pub(crate) use page_request;

/// A page and the way to the next one.
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) marker: Option<String>,
}

impl<T> Page<T> {
    pub(crate) fn is_truncated(&self) -> Option<bool> {
        Some(self.marker.is_some())
    }

    pub(crate) fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(convert).collect(), marker: self.marker }
    }
}

/// Opens a page of `list`: the operation and every parameter that selects its rows.
///
/// # Errors
/// `ValidationError` when the marker was not given out for that list.
pub(crate) fn open(cx: &Cx<'_>, list: &[&str], request: PageRequest<'_>) -> Result<Cursor> {
    let limit = i64::from(request.max_items.unwrap_or(ITEMS_DEFAULT));
    Cursor::open(cx, list, request.marker, limit).ok_or_else(|| Error::Validation("Invalid Marker.".to_owned()))
}

/// Rows to fetch for a page when the database cannot apply `path_prefix`, because its comparison of text depends on
/// the engine.
pub(crate) fn rows_to_fetch(cursor: &Cursor, path_prefix: Option<&str>) -> i64 {
    if path_prefix.is_none_or(|prefix| prefix == "/") { cursor.fetch } else { ROWS_MAX }
}

/// Ends a page of rows in the list's order, after dropping those outside `path_prefix`.
pub(crate) fn close_by_path<T>(
    cx: &mut Cx<'_>,
    cursor: &Cursor,
    mut rows: Vec<T>,
    path_prefix: Option<&str>,
    path: impl Fn(&T) -> &str,
    key: impl FnOnce(&T) -> String,
) -> Result<Page<T>> {
    rows.retain(|row| path_prefix.is_none_or(|prefix| path(row).starts_with(prefix)));
    close(cx, cursor, rows, key)
}

/// Ends a page of rows that start after the cursor, in the list's order.
pub(crate) fn close<T>(
    cx: &mut Cx<'_>,
    cursor: &Cursor,
    mut rows: Vec<T>,
    key: impl FnOnce(&T) -> String,
) -> Result<Page<T>> {
    rows.truncate(usize::try_from(cursor.fetch).unwrap_or(usize::MAX));
    let (rows, marker) = cursor.close(cx, rows, key)?;
    Ok(Page { rows, marker })
}

/// Cuts the page out of the whole list, which a quota bounds, and orders it by `key`.
pub(crate) fn cut<T>(
    cx: &mut Cx<'_>,
    list: &[&str],
    request: PageRequest<'_>,
    rows: Vec<T>,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>> {
    let cursor = open(cx, list, request)?;
    let mut rows: Vec<T> = rows.into_iter().filter(|row| key(row) > cursor.after).collect();
    rows.sort_by_cached_key(&key);
    close(cx, &cursor, rows, key)
}

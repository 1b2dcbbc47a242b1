//! The walk back in time over the audit table.
//!
//! A row holds calls of one second at most, and rows are read by their last call, newest first. What was found is in
//! its final order as soon as no unread row reaches as far up.

use base::Timestamp;
use kernel::audit::{Occurrence, Uuid, occurrences};
use kernel::{Error, Result, Tx, params};
use std::sync::Arc;

/// Rows read by one statement.
const BATCH: i64 = 128;
/// Rows that a page looks at before it ends early, with a token to go on.
const ROWS_MAX: usize = 4_000;

/// A place in the list: just before (later than) the events that come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    at: Timestamp,
    event_id: Uuid,
}

impl Position {
    /// The place from which everything until `at`, inclusive, is to come.
    pub(crate) fn from(at: Timestamp) -> Self {
        Self { at: Timestamp::from_micros(at.micros().saturating_add(1)), event_id: Uuid([0; 16]) }
    }

    /// The place right after an event.
    pub(crate) fn after(occurrence: &Occurrence) -> Self {
        Self { at: occurrence.at, event_id: occurrence.event_id }
    }

    /// As [`Position::parse`] reads it.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.at.micros(), self.event_id)
    }

    /// The place that [`Position::text`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (micros, id) = text.split_once(' ')?;
        Some(Self { at: Timestamp::from_micros(micros.parse().ok()?), event_id: Uuid::parse(id)? })
    }

    fn is_before(&self, occurrence: &Occurrence) -> bool {
        (occurrence.at, occurrence.event_id) < (self.at, self.event_id)
    }
}

/// What the calls of a row have in common.
pub(crate) struct Record {
    pub(crate) event_source: String,
    pub(crate) event_name: String,
    pub(crate) is_read_only: bool,
    pub(crate) user_name: Option<String>,
    pub(crate) access_key_id: Option<String>,
    /// `type name`, one a line.
    pub(crate) resources: String,
    /// JSON without time and ids.
    pub(crate) record: String,
}

/// Which events are wanted.
pub(crate) struct Range {
    pub(crate) account: String,
    /// The oldest instant, inclusive.
    pub(crate) start: Timestamp,
    pub(crate) position: Position,
    pub(crate) limit: usize,
}

/// A page of events, newest first.
pub(crate) struct Page {
    pub(crate) events: Vec<(Occurrence, Arc<Record>)>,
    /// Where the next page starts; `None`: there is nothing more.
    pub(crate) next: Option<Position>,
}

/// Row of the table, as far as the walk goes on from it.
struct Read {
    id: String,
    last_at: Timestamp,
    found: Option<(Arc<Record>, Vec<u8>)>,
}

/// The newest events of `range` whose record is one that `matches` and whose id is `event_id`, if given.
pub(crate) fn page(
    tx: &mut Tx,
    range: &Range,
    event_id: Option<Uuid>,
    matches: &dyn Fn(&Record) -> bool,
) -> Result<Page> {
    let mut found = Found { range, events: Vec::new() };
    let mut examined = 0;
    let mut place = first_place(range.position);
    loop {
        let rows = batch(tx, range, &place, matches)?;
        let is_end = rows.len() < BATCH as usize;
        for row in rows {
            if found.is_full_above(row.last_at) {
                return Ok(found.into_page(None));
            }
            if let Some((record, packed)) = row.found {
                let wanted = |each: &Occurrence| event_id.is_none_or(|id| each.event_id == id);
                found.add(&record, occurrences(&packed).filter(wanted));
            }
            examined += 1;
            place = (row.last_at, row.id);
        }
        if is_end {
            return Ok(found.into_page(None));
        }
        let reached = Position::from(place.0);
        // Rows of the position's own second do not bring the walk forward, so they do not count against it.
        if examined >= ROWS_MAX && reached < range.position {
            return Ok(found.into_page(Some(reached)));
        }
    }
}

/// The end of the position's second: a row that holds calls on both sides of the position ends before it.
fn first_place(position: Position) -> (Timestamp, String) {
    (position.at.truncated_to_seconds().plus_seconds(1), String::new())
}

fn batch(
    tx: &mut Tx,
    range: &Range,
    place: &(Timestamp, String),
    matches: &dyn Fn(&Record) -> bool,
) -> Result<Vec<Read>> {
    tx.all(
        "select id, last_at, event_source, event_name, is_read_only, user_name, access_key_id, resources, record, \
         occurrences from audit \
         where account_id = $1 and last_at >= $2 and last_at <= $3 and (last_at < $3 or id < $4) and first_at <= $5 \
         order by last_at desc, id desc limit $6",
        params![range.account, range.start, place.0, place.1, range.position.at, BATCH],
        |row| {
            let mut record = Record {
                event_source: row.get(2)?,
                event_name: row.get(3)?,
                is_read_only: row.get(4)?,
                user_name: row.get(5)?,
                access_key_id: row.get(6)?,
                resources: row.get(7)?,
                record: String::new(),
            };
            let found = if matches(&record) {
                record.record = row.get(8)?;
                Some((Arc::new(record), row.get::<Vec<u8>>(9)?))
            } else {
                None
            };
            Ok::<_, Error>(Read { id: row.get(0)?, last_at: row.get(1)?, found })
        },
    )
}

/// The newest events so far: those of the page and one more, which says that there is another page.
struct Found<'a> {
    range: &'a Range,
    events: Vec<(Occurrence, Arc<Record>)>,
}

impl Found<'_> {
    fn add(&mut self, record: &Arc<Record>, occurrences: impl Iterator<Item = Occurrence>) {
        let Range { start, position, limit, .. } = self.range;
        let wanted = occurrences.filter(|each| each.at >= *start && position.is_before(each));
        self.events.extend(wanted.map(|each| (each, Arc::clone(record))));
        self.events.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        self.events.truncate(limit + 1);
    }

    /// Whether nothing at or before `instant` can be among the events of the page.
    fn is_full_above(&self, instant: Timestamp) -> bool {
        self.events.get(self.range.limit).is_some_and(|(occurrence, _)| occurrence.at > instant)
    }

    /// The page, when the walk has ended or, at `reached`, was broken off.
    fn into_page(mut self, reached: Option<Position>) -> Page {
        if let Some(reached) = reached {
            self.events.retain(|(occurrence, _)| !reached.is_before(occurrence));
        }
        let is_more = self.events.len() > self.range.limit;
        self.events.truncate(self.range.limit);
        let last = self.events.last().map(|(occurrence, _)| Position::after(occurrence));
        Page { events: self.events, next: if is_more { last } else { reached } }
    }
}

//! `LookupEvents`.

use crate::retention::horizon;
use crate::scan::{self, Page, Position, Range, Record};
use base::Timestamp;
use kernel::audit::{Occurrence, Uuid, complete};
use kernel::page::Cursor;
use kernel::route::{self, Access, Permission};
use kernel::{Cx, Result, Route};
use model::cloudtrail::{
    Event, InvalidLookupAttributesException, InvalidMaxResultsException, InvalidNextTokenException,
    InvalidTimeRangeException, LookupAttribute, LookupAttributeKey, LookupEventsRequest, LookupEventsResponse,
    Resource, ops,
};

/// Events of a page, at most and by default.
const RESULTS_MAX: i32 = 50;

pub(crate) fn routes() -> Vec<Route> {
    vec![route::read::<ops::LookupEvents>(may_lookup_events, lookup_events)]
}

fn may_lookup_events(_cx: &mut Cx<'_>, _input: &LookupEventsRequest) -> Result<Access> {
    Ok(Permission::new("cloudtrail:LookupEvents", "*").into())
}

fn lookup_events(cx: &mut Cx<'_>, input: &LookupEventsRequest) -> Result<LookupEventsResponse> {
    let account = cx.account()?.to_string();
    let limit = limit(input)?;
    let filter = Filter::of(input.lookup_attributes.as_deref().unwrap_or_default())?;
    let (start, end) = time_range(input)?;
    let cursor = open(cx, input, limit)?;
    let position = match cursor.after.as_str() {
        "" => Position::from(end),
        after => Position::parse(after).ok_or_else(invalid_token)?,
    };
    if input.event_category.is_some() {
        // The one category is that of Insights, which does not exist here.
        return Ok(LookupEventsResponse { events: Some(Vec::new()), next_token: None });
    }
    let start = start.max(horizon(cx.now));
    let limit = usize::try_from(limit).unwrap_or_default();
    let range = Range { account, start, position, limit };
    let Page { events, next } = scan::page(cx.tx, &range, filter.event_id(), &|record| filter.matches(record))?;
    let next_token = next.map(|next| cursor.token(cx, &next.text())).transpose()?;
    let events = events.iter().map(|(occurrence, record)| event(occurrence, record)).collect();
    Ok(LookupEventsResponse { events: Some(events), next_token })
}

fn limit(input: &LookupEventsRequest) -> Result<i32> {
    match input.max_results.unwrap_or(RESULTS_MAX) {
        limit @ 1..=RESULTS_MAX => Ok(limit),
        _ => Err(InvalidMaxResultsException::new("The maximum number of results must be between 1 and 50.").into()),
    }
}

/// The first and the last instant. Events are shown with whole seconds, so the second of the end counts as a whole.
fn time_range(input: &LookupEventsRequest) -> Result<(Timestamp, Timestamp)> {
    let start = input.start_time.unwrap_or(Timestamp::from_micros(i64::MIN));
    let Some(end) = input.end_time else { return Ok((start, Timestamp::from_seconds(LAST_SECOND))) };
    if start > end || end.seconds() > LAST_SECOND {
        return Err(InvalidTimeRangeException::new("The start time must not be after the end time.").into());
    }
    Ok((start, Timestamp::from_micros(end.truncated_to_seconds().plus_seconds(1).micros() - 1)))
}

/// The end of the year 9999, beyond which no time is written.
const LAST_SECOND: i64 = 253_402_300_799;

fn open(cx: &Cx<'_>, input: &LookupEventsRequest, limit: i32) -> Result<Cursor> {
    let instant = |at: Option<Timestamp>| at.map(|at| at.micros().to_string()).unwrap_or_default();
    let (start, end) = (instant(input.start_time), instant(input.end_time));
    let attribute = input.lookup_attributes.as_deref().unwrap_or_default().first();
    let (key, value) = attribute.map_or(("", ""), |each| (each.attribute_key.as_str(), &each.attribute_value));
    let category = input.event_category.as_ref().map_or("", |category| category.as_str());
    let list = ["cloudtrail:LookupEvents", &start, &end, key, value, category];
    Cursor::open(cx, &list, input.next_token.as_deref(), i64::from(limit)).ok_or_else(invalid_token)
}

fn invalid_token() -> kernel::Error {
    InvalidNextTokenException::new("The token is not valid, or it was given out for other parameters.").into()
}

/// Which events are asked for.
struct Filter<'a>(Option<&'a LookupAttribute>);

impl<'a> Filter<'a> {
    fn of(attributes: &'a [LookupAttribute]) -> Result<Self> {
        let attribute = match attributes {
            [] => return Ok(Self(None)),
            [attribute] => attribute,
            _ => return Err(invalid_attributes("You can specify only one lookup attribute.")),
        };
        let value = attribute.attribute_value.as_str();
        let is_valid = match attribute.attribute_key {
            LookupAttributeKey::ReadOnly => matches!(value, "true" | "false"),
            _ => !value.is_empty(),
        };
        if !is_valid {
            return Err(invalid_attributes("The value of the lookup attribute is not valid."));
        }
        Ok(Self(Some(attribute)))
    }

    /// The only event that is wanted, if only one is.
    fn event_id(&self) -> Option<Uuid> {
        let attribute = self.0.filter(|each| each.attribute_key == LookupAttributeKey::EventId)?;
        // An id that is no UUID is that of no event: the nil UUID is never given out.
        Some(Uuid::parse(&attribute.attribute_value).unwrap_or(Uuid([0; 16])))
    }

    fn matches(&self, record: &Record) -> bool {
        let Some(LookupAttribute { attribute_key, attribute_value }) = self.0 else { return true };
        let value = attribute_value.as_str();
        match attribute_key {
            LookupAttributeKey::EventId => true,
            LookupAttributeKey::EventName => record.event_name == value,
            LookupAttributeKey::ReadOnly => read_only(record) == value,
            LookupAttributeKey::Username => record.user_name.as_deref() == Some(value),
            LookupAttributeKey::ResourceType => resources(record).any(|(kind, _)| kind == value),
            LookupAttributeKey::ResourceName => resources(record).any(|(_, name)| name == value),
            LookupAttributeKey::EventSource => record.event_source == value,
            LookupAttributeKey::AccessKeyId => record.access_key_id.as_deref() == Some(value),
        }
    }
}

fn invalid_attributes(message: &str) -> kernel::Error {
    InvalidLookupAttributesException::new(message).into()
}

fn read_only(record: &Record) -> &'static str {
    if record.is_read_only { "true" } else { "false" }
}

fn resources(record: &Record) -> impl Iterator<Item = (&str, &str)> {
    record.resources.lines().filter_map(|line| line.split_once(' '))
}

fn event(occurrence: &Occurrence, record: &Record) -> Event {
    let resource = |(kind, name): (&str, &str)| Resource {
        resource_type: Some(kind.to_owned()),
        resource_name: Some(name.to_owned()),
    };
    Event {
        access_key_id: record.access_key_id.clone(),
        cloud_trail_event: Some(complete(&record.record, occurrence)),
        event_id: Some(occurrence.event_id.to_string()),
        event_name: Some(record.event_name.clone()),
        event_source: Some(record.event_source.clone()),
        event_time: Some(occurrence.at.truncated_to_seconds()),
        read_only: Some(read_only(record).to_owned()),
        resources: Some(resources(record).map(resource).collect()),
        username: record.user_name.clone(),
    }
}

//! restJson1: which operation a method and path mean, and the members outside the JSON body.

use crate::encoding::percent_decode;
use crate::json;
use crate::schema::{Body, Location, Member, Op, Schema, Shape, Slot, Val, View};
use crate::violation::{Constraint, Path, Violation, Violations};
use crate::wire::{DecodeError, JSON, WireRequest, WireResponse};
use base::Timestamp;

/// The operation that `method`, path and query string mean: among those whose pattern fits, the one that fixes most
/// query parameters (`/token?aws_iam=t` before `/token`).
pub fn route(operations: &[&'static Op], method: &str, path: &str, query: &str) -> Option<&'static Op> {
    let fixed = |op: &Op| pattern(op).1.split('&').filter(|pair| !pair.is_empty()).count();
    operations.iter().copied().filter(|op| fits(op, method, path, query)).max_by_key(|op| fixed(op))
}

pub(crate) fn pattern(op: &Op) -> (&'static str, &'static str) {
    op.path.split_once('?').unwrap_or((op.path, ""))
}

fn fits(op: &Op, method: &str, path: &str, query: &str) -> bool {
    let (pattern, fixed) = pattern(op);
    op.method == method
        && labels(pattern, path).is_some()
        && fixed.split('&').filter(|pair| !pair.is_empty()).all(|pair| query.split('&').any(|given| given == pair))
}

/// The labels of a pattern with their still encoded values; `None` when the path does not fit.
fn labels<'a>(pattern: &'static str, path: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(part), Some(value)) => match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(label) if !value.is_empty() => found.push((label, value)),
                None if part == value => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// Reads a request into `into`; the violations are those that only the reader can see.
pub fn read(op: &Op, request: &WireRequest<'_>, into: &mut dyn Shape) -> Result<Vec<Violation>, DecodeError> {
    let mut violations = Violations::default();
    let members = into.schema().members();
    let labels = labels(pattern(op).0, request.path).unwrap_or_default();
    let has_body = members.iter().any(|m| m.location == Location::Body);
    if has_body {
        json::read_at(request.body, into, &Path::Root, &mut violations)?;
    }
    for (index, member) in members.iter().enumerate() {
        let path = Path::Member(&Path::Root, member.name);
        let present = match member.location {
            Location::Body => continue,
            Location::Payload => read_payload(request.body, into.member_mut(index), &path, &mut violations)?,
            Location::Label => {
                let value = labels.iter().find(|(label, _)| *label == member.wire).map(|(_, value)| *value);
                bind(value.map(|v| decode(v, false)).transpose()?, member, into, index, &mut violations)?
            }
            Location::Query => read_query(request.query, member, into, index, &mut violations)?,
            Location::Header => {
                let value = request.header(member.wire).map(|value| value.trim().to_owned());
                bind(value, member, into, index, &mut violations)?
            }
            Location::Status => true,
        };
        if !present && member.required {
            violations.add(&path, member.schema, None, Constraint::Required);
        }
    }
    Ok(violations.0)
}

fn read_payload(
    body: &[u8],
    into: &mut dyn Val,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Result<bool, DecodeError> {
    if body.is_empty() {
        return Ok(false);
    }
    match into.slot() {
        Slot::Structure(shape) => json::read_at(body, shape, path, violations)?,
        Slot::Blob(bytes) => body.clone_into(bytes),
        _ => return Err(DecodeError::mismatch("The body can not be converted to the member that it carries")),
    }
    Ok(true)
}

fn decode(text: &str, form: bool) -> Result<String, DecodeError> {
    percent_decode(text, form).ok_or_else(|| DecodeError::syntax("The URI contains a malformed escape sequence"))
}

fn read_query(
    query: &str,
    member: &Member,
    into: &mut dyn Shape,
    index: usize,
    violations: &mut Violations,
) -> Result<bool, DecodeError> {
    let mut present = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decode(name, true)? != member.wire {
            continue;
        }
        if present && !matches!(member.schema.body, Body::List { .. }) {
            return Err(DecodeError::syntax(format!("Duplicate parameter '{}'", member.wire)));
        }
        present |= bind(Some(decode(value, true)?), member, into, index, violations)?;
    }
    Ok(present)
}

/// Puts one text into a member; false when there is none.
fn bind(
    text: Option<String>,
    member: &Member,
    into: &mut dyn Shape,
    index: usize,
    violations: &mut Violations,
) -> Result<bool, DecodeError> {
    let Some(text) = text else { return Ok(false) };
    let path = Path::Member(&Path::Root, member.name);
    match (into.member_mut(index).slot(), &member.schema.body) {
        (Slot::List(list), Body::List { member: schema, .. }) => {
            let path = Path::Item(&path, list.count());
            scalar(text, schema, list.push().slot(), &path, violations)?;
        }
        (slot, _) => scalar(text, member.schema, slot, &path, violations)?,
    }
    Ok(true)
}

fn scalar(
    text: String,
    schema: &'static Schema,
    slot: Slot<'_>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Result<(), DecodeError> {
    let wrong = |what: &str| DecodeError::mismatch(format!("STRING_VALUE can not be converted to {what}"));
    match slot {
        Slot::Boolean(v) => *v = text.parse().map_err(|_| wrong("a Boolean"))?,
        Slot::Integer(v) => *v = text.parse().map_err(|_| wrong("an Integer"))?,
        Slot::Long(v) => *v = text.parse().map_err(|_| wrong("a Long"))?,
        Slot::Timestamp(v) => *v = Timestamp::parse_iso8601(&text).ok_or_else(|| wrong("a Timestamp"))?,
        Slot::Text(v) => *v = text,
        Slot::Enumeration(v) => {
            if !v.set(&text) {
                violations.add(path, schema, Some(&text), json::unknown_value(schema));
            }
        }
        _ => return Err(wrong("the type of its member")),
    }
    Ok(())
}

/// Writes an answer: members bound to headers and the status go there, the rest is the JSON body.
pub fn write(op: &Op, output: Option<&dyn Shape>) -> WireResponse {
    let mut response = WireResponse { status: op.status, content_type: JSON, headers: Vec::new(), body: Vec::new() };
    let Some(output) = output else { return response };
    let members = output.schema().members();
    let payload = members.iter().position(|member| member.location == Location::Payload);
    match payload.map(|index| output.member(index).view()) {
        None => json::write(output, &mut response.body),
        Some(Some(View::Blob(bytes))) => response.body.extend_from_slice(bytes),
        Some(Some(View::Structure(shape))) => json::write(shape, &mut response.body),
        Some(_) => {}
    }
    bind_headers(output, &mut response);
    response
}

/// Puts the members that travel outside the body where they belong.
pub(crate) fn bind_headers(shape: &dyn Shape, response: &mut WireResponse) {
    for (index, member) in shape.schema().members().iter().enumerate() {
        match (member.location, shape.member(index).view()) {
            (Location::Header, Some(view)) => {
                if let Some(text) = header_value(&view) {
                    response.headers.push((member.wire, text));
                }
            }
            (Location::Status, Some(View::Integer(status))) => {
                response.status = u16::try_from(status).unwrap_or(response.status);
            }
            _ => {}
        }
    }
}

/// A scalar as a header's value; `None` for what a header cannot carry (RFC 9110 §5.5).
pub(crate) fn header_value(view: &View<'_>) -> Option<String> {
    let text = match view {
        View::Boolean(v) => v.to_string(),
        View::Integer(v) => v.to_string(),
        View::Timestamp(v) => v.http_date(),
        View::Text(v) => (*v).to_owned(),
        _ => return None,
    };
    text.bytes().all(|byte| byte == b'\t' || (0x20..0x7f).contains(&byte)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{REST, REST_GET, REST_PUT, RestThing};
    use proptest::prelude::*;

    fn request<'a>(
        path: &'a str,
        query: &'a str,
        headers: &'a [(&'a str, &'a [u8])],
        body: &'a [u8],
    ) -> WireRequest<'a> {
        WireRequest { method: "GET", path, query, headers, body }
    }

    #[test]
    fn a_fixed_query_parameter_chooses_the_operation() {
        let name = |method, path, query| route(REST.operations, method, path, query).map(|op| op.name);
        assert_eq!(name("POST", "/token", ""), Some("PutThing"));
        assert_eq!(name("POST", "/token", "x=1&aws_iam=t"), Some("IamThing"));
        assert_eq!(name("GET", "/things/a%2Fb/detail", ""), Some("GetThing"));
        assert_eq!(name("GET", "/things//detail", ""), None);
        assert_eq!(name("POST", "/things/a/detail", ""), None);
        assert_eq!(name("GET", "/things/a/detail/", ""), None);
    }

    #[test]
    fn members_come_from_path_query_header_and_body() {
        let mut thing = RestThing::default();
        let headers: [(&str, &[u8]); 1] = [("X-Token", b"abc")];
        let request =
            request("/things/a%2Fb/detail", "max_result=5&other=", &headers, br#"{"note":"n","id":"ignored"}"#);
        assert_eq!(read(&REST_GET, &request, &mut thing).unwrap(), []);
        assert_eq!(
            thing,
            RestThing { id: "a/b".into(), limit: Some(5), note: Some("n".into()), token: Some("abc".into()) }
        );
    }

    #[test]
    fn wrong_values_are_errors_and_missing_ones_violations() {
        let read = |path, query| read(&REST_GET, &request(path, query, &[], b""), &mut RestThing::default());
        assert!(read("/things/a/detail", "max_result=x").is_err());
        assert!(read("/things/a/detail", "max_result=1&max_result=2").is_err());
        assert!(read("/things/%ff/detail", "").is_err());
        assert_eq!(read("/token", "").unwrap()[0].path, "id");
    }

    #[test]
    fn headers_of_the_answer_carry_their_members() {
        let thing =
            RestThing { id: "i".into(), note: Some("n".into()), token: Some("t\r\nx".into()), ..RestThing::default() };
        let response = write(&REST_PUT, Some(&thing));
        assert_eq!(response.body, br#"{"note":"n"}"#);
        assert_eq!(response.headers, []);
        let thing = RestThing { token: Some("t".into()), ..thing };
        assert_eq!(write(&REST_PUT, Some(&thing)).headers, [("x-token", "t".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_request_panics(path in any::<String>(), query in any::<String>(), body in any::<Vec<u8>>()) {
            let mut thing = RestThing::default();
            let _ = read(&REST_GET, &request(&path, &query, &[], &body), &mut thing);
            let _ = route(REST.operations, "GET", &path, &query);
        }
    }
}

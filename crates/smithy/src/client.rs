//! The other side of restJson1: an operation's input as a request, as the product's own commands send it.

use crate::encoding::percent_encode;
use crate::json;
use crate::rest::{header_value, pattern};
use crate::schema::{Location, Op, Shape, View};
use crate::wire::JSON;

/// A request before it has a host and a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, percent-encoded.
    pub path: String,
    /// The query string, percent-encoded, without the question mark.
    pub query: String,
    /// Value of `content-type`; `None` without a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

fn encoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    percent_encode(text.as_bytes(), false, &mut out);
    out.into_iter().map(char::from).collect()
}

/// The request that means `input`, an input of `op`. Members in headers and lists in the query string are not written:
/// no operation of the product's own API has any.
pub fn request(op: &Op, input: &dyn Shape) -> Request {
    let (path, fixed) = pattern(op);
    let mut query: Vec<String> = fixed.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    let members = input.schema().members();
    for (index, member) in members.iter().enumerate() {
        let Some(text) = input.member(index).view().as_ref().and_then(scalar) else { continue };
        match member.location {
            Location::Label => {
                let label = format!("{{{}}}", member.wire);
                segments.iter_mut().filter(|segment| **segment == label).for_each(|segment| *segment = encoded(&text));
            }
            Location::Query => query.push(format!("{}={}", encoded(member.wire), encoded(&text))),
            _ => {}
        }
    }
    let mut body = Vec::new();
    let has_body = members.iter().any(|member| member.location == Location::Body);
    if has_body {
        json::write(input, &mut body);
    }
    let content_type = has_body.then_some(JSON);
    Request { method: op.method, path: segments.join("/"), query: query.join("&"), content_type, body }
}

fn scalar(view: &View<'_>) -> Option<String> {
    match view {
        View::Text(text) => Some((*text).to_owned()),
        other => header_value(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::read_input;
    use crate::fixture::{REST_GET, RestThing};
    use crate::wire::WireRequest;

    #[test]
    fn what_is_written_is_read_again() {
        let (id, note) = ("a+b&c d@".to_owned(), Some("n".to_owned()));
        let input = RestThing { id, limit: Some(7), note, token: None };
        let written = request(&REST_GET, &input);
        assert_eq!(written.path, "/things/a%2Bb%26c%20d%40/detail");
        assert_eq!(written.query, "max_result=7");
        let Request { method, path, query, body, .. } = &written;
        let wire = WireRequest { method, path, query, headers: &[], body };
        assert!(crate::rest::route(&[&REST_GET], method, path, query).is_some());
        let mut read = RestThing::default();
        assert!(read_input(&REST_GET, &wire, &mut read).expect("readable").is_empty());
        assert_eq!((read.id, read.limit, read.note), (input.id, input.limit, input.note));
    }
}

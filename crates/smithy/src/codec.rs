//! One door for all three protocols: bytes to an operation, to its input, and from its output back to bytes.

use crate::json;
use crate::query::{self, Parameters};
use crate::rest;
use crate::schema::{Op, Operation, Protocol, Service, Shape};
use crate::validate::validate;
use crate::violation::Violation;
use crate::wire::{DecodeError, JSON_1_1, WireRequest, WireResponse, XML};
use crate::xml;

/// Header that carries the request id in every answer.
pub const REQUEST_ID_HEADER: &str = "x-amzn-requestid";

/// Reads a request into `into` and checks it against the model. The violations are all that the request breaks;
/// `into` may be used only when there is none.
pub fn read_input(op: &Op, request: &WireRequest<'_>, into: &mut dyn Shape) -> Result<Vec<Violation>, DecodeError> {
    let seen = match op.service.protocol {
        Protocol::Json => json::read(request.body, into)?,
        Protocol::Query => query::read(&Parameters::of(request)?, into)?,
        Protocol::RestJson => rest::read(op, request, into)?,
    };
    Ok(validate(into, seen))
}

/// [`read_input`] into a fresh value of the operation's own type.
pub fn read_typed<O: Operation>(request: &WireRequest<'_>) -> Result<Result<O::In, Vec<Violation>>, DecodeError> {
    let mut input = O::In::default();
    let violations = read_input(O::OP, request, &mut input)?;
    Ok(if violations.is_empty() { Ok(input) } else { Err(violations) })
}

/// Writes a successful answer.
pub fn write_output(op: &Op, output: &dyn Shape, request_id: &str) -> WireResponse {
    let output = op.output.map(|_| output);
    let mut response = match op.service.protocol {
        Protocol::Json => {
            let mut body = Vec::new();
            if let Some(output) = output {
                json::write(output, &mut body);
            }
            WireResponse { status: op.status, content_type: JSON_1_1, headers: Vec::new(), body }
        }
        Protocol::Query => {
            let body = xml::write(op, output, request_id);
            WireResponse { status: op.status, content_type: XML, headers: Vec::new(), body }
        }
        Protocol::RestJson => rest::write(op, output),
    };
    response.headers.push((REQUEST_ID_HEADER, request_id.to_owned()));
    response
}

/// What names an operation in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// `X-Amz-Target: Prefix.Operation`.
    Target {
        /// The part before the last dot.
        prefix: &'a str,
        /// The part behind it.
        operation: &'a str,
    },
    /// Nothing in the head: a form with an `Action`, or a REST path.
    Elsewhere,
}

/// How the request names its operation.
pub fn named<'a>(request: &WireRequest<'a>) -> Named<'a> {
    match request.header("x-amz-target").and_then(|target| target.rsplit_once('.')) {
        Some((prefix, operation)) => Named::Target { prefix, operation },
        None => Named::Elsewhere,
    }
}

/// The service whose `X-Amz-Target` prefix this is.
pub fn service_of_target<'s>(services: &[&'s Service], prefix: &str) -> Option<&'s Service> {
    services.iter().copied().filter(|service| service.protocol == Protocol::Json).find(|service| {
        // Some SDKs send only the shape's name of a prefix that the model writes with its namespace.
        let shape_name = service.target_prefix.rsplit('.').next().unwrap_or_default();
        prefix == service.target_prefix || prefix == shape_name
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{JSON, JSON_GET, JSON_PUT, QUERY_GET, REST_GET, RestThing, Thing};

    #[test]
    fn an_operation_without_output_answers_nothing() {
        let response = write_output(&JSON_PUT, &crate::schema::Unit, "id");
        assert_eq!((response.status, response.content_type, response.body.len()), (200, JSON_1_1, 0));
        assert_eq!(response.headers, [(REQUEST_ID_HEADER, "id".to_owned())]);
    }

    #[test]
    fn each_protocol_answers_in_its_own_form() {
        let thing = Thing { name: "n".into(), ..Thing::default() };
        assert_eq!(write_output(&JSON_GET, &thing, "id").body, br#"{"Name":"n"}"#);
        assert!(write_output(&QUERY_GET, &thing, "id").body.starts_with(b"<GetThingResponse "));
        assert_eq!(write_output(&REST_GET, &RestThing::default(), "id").body, b"{}");
    }

    #[test]
    fn targets_lead_to_their_service() {
        let headers: [(&str, &[u8]); 1] = [("X-Amz-Target", b"Things_1.GetThing")];
        let request = WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: b"{}" };
        let Named::Target { prefix, operation } = named(&request) else { panic!("has a target") };
        let service = service_of_target(&[&JSON], prefix).unwrap();
        assert_eq!(service.operation(operation).map(|op| op.name), Some("GetThing"));
        assert!(service.operation("Nothing").is_none());
    }
}

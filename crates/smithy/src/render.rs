//! Errors on the wire.

use crate::codec::REQUEST_ID_HEADER;
use crate::common::CommonError;
use crate::json;
use crate::rest;
use crate::schema::{ErrorShape, Location, Protocol, Service, Shape};
use crate::violation::{self, Constraint, Violation};
use crate::wire::{JSON, JSON_1_1, WireResponse, XML};
use crate::xml::{element, escape};

/// Header that carries an error's code in the JSON protocols.
const ERROR_TYPE_HEADER: &str = "x-amzn-errortype";

/// An error, ready to be put into a service's protocol.
struct Failure<'a> {
    code: &'a str,
    status: u16,
    sender_fault: bool,
    message: &'a str,
    /// The modeled error whose other members travel along.
    shape: Option<&'a dyn Shape>,
    /// Another member, for errors that are no shape.
    reason: Option<&'static str>,
}

/// Writes an error of the model.
pub fn error(service: &Service, error: &dyn ErrorShape, request_id: &str) -> WireResponse {
    let meta = error.meta();
    let code = if service.protocol == Protocol::Query { meta.code } else { meta.name };
    let failure = Failure {
        code,
        status: meta.status,
        sender_fault: meta.sender_fault,
        message: error.message(),
        shape: Some(error),
        reason: None,
    };
    write(service, &failure, request_id)
}

/// Writes an error that no model lists.
pub fn common(service: &Service, error: &CommonError, request_id: &str) -> WireResponse {
    let spoken = error.spoken(service);
    let failure = Failure {
        code: spoken.code,
        status: spoken.status,
        sender_fault: spoken.sender_fault,
        message: &spoken.message,
        shape: None,
        reason: None,
    };
    write(service, &failure, request_id)
}

/// Writes what a request breaks of its model.
pub fn violations(service: &Service, violations: &[Violation], request_id: &str) -> WireResponse {
    let code = match (service.protocol, service.id) {
        (Protocol::Query, _) => "ValidationError",
        (_, "organizations") => "InvalidInputException",
        (_, "sso" | "sso-oidc") => "InvalidRequestException",
        _ => "ValidationException",
    };
    let first = violations.first().filter(|_| service.id == "organizations");
    let message = match first.map(|violation| violation.constraint) {
        Some(Constraint::Pattern(_)) => "You provided a value that does not match the required pattern.".to_owned(),
        _ => violation::message(violations),
    };
    let reason = first.map(organizations_reason);
    let failure = Failure { code, status: 400, sender_fault: true, message: &message, shape: None, reason };
    write(service, &failure, request_id)
}

/// `InvalidInputException.Reason` of AWS Organizations.
fn organizations_reason(violation: &Violation) -> &'static str {
    match violation.constraint {
        Constraint::Required => "INPUT_REQUIRED",
        Constraint::LengthMax(_) => "MAX_LENGTH_EXCEEDED",
        Constraint::LengthMin(_) => "MIN_LENGTH_EXCEEDED",
        Constraint::ValueMax(_) => "MAX_VALUE_EXCEEDED",
        Constraint::ValueMin(_) => "MIN_VALUE_EXCEEDED",
        Constraint::Pattern(_) => "INVALID_PATTERN",
        Constraint::Enumeration(_) if violation.shape == "PolicyType" => "INVALID_ENUM_POLICY_TYPE",
        Constraint::Enumeration(_) => "INVALID_ENUM",
    }
}

fn write(service: &Service, failure: &Failure<'_>, request_id: &str) -> WireResponse {
    let (content_type, body) = match service.protocol {
        Protocol::Query => (XML, xml_body(service, failure, request_id)),
        Protocol::Json => (JSON_1_1, json_body(service, failure)),
        Protocol::RestJson => (JSON, json_body(service, failure)),
    };
    let mut response = WireResponse { status: failure.status, content_type, headers: Vec::new(), body };
    if let Some(shape) = failure.shape {
        let status = response.status;
        rest::bind_headers(shape, &mut response);
        // The code's header is ours to set, whatever member of the shape is bound to it.
        response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(ERROR_TYPE_HEADER));
        response.status = status;
    }
    response.headers.push((REQUEST_ID_HEADER, request_id.to_owned()));
    if service.protocol != Protocol::Query {
        response.headers.push((ERROR_TYPE_HEADER, failure.code.to_owned()));
    }
    response
}

fn is_message(wire: &str) -> bool {
    wire.eq_ignore_ascii_case("message")
}

/// `Message` and `message` both: SDKs differ in which they look for.
fn json_body(service: &Service, failure: &Failure<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let field = |name: &str, value: &str, out: &mut Vec<u8>| {
        out.push(if out.is_empty() { b'{' } else { b',' });
        json::write_string(name, out);
        out.push(b':');
        json::write_string(value, out);
    };
    let oauth = service.id == "sso-oidc";
    if oauth && failure.shape.is_none() {
        field("error", if failure.status >= 500 { "server_error" } else { "invalid_request" }, &mut out);
        field("error_description", failure.message, &mut out);
    } else if !oauth {
        field("__type", failure.code, &mut out);
        field("Message", failure.message, &mut out);
        field("message", failure.message, &mut out);
    }
    if let Some(reason) = failure.reason {
        field("Reason", reason, &mut out);
    }
    for (index, member) in failure.shape.iter().flat_map(|shape| shape.schema().members().iter().enumerate()) {
        let view = failure.shape.and_then(|shape| shape.member(index).view());
        if let (Some(view), Location::Body, false) = (view, member.location, is_message(member.wire)) {
            out.push(if out.is_empty() { b'{' } else { b',' });
            json::write_string(member.wire, &mut out);
            out.push(b':');
            json::write_value(view, member.schema, &mut out);
        }
    }
    if out.is_empty() {
        out.push(b'{');
    }
    out.push(b'}');
    out
}

fn xml_body(service: &Service, failure: &Failure<'_>, request_id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"<ErrorResponse xmlns=\"");
    escape(service.xml_namespace, &mut out);
    out.extend_from_slice(b"\">");
    element("Error", &mut out, |out| {
        let fault: &[u8] = if failure.sender_fault { b"Sender" } else { b"Receiver" };
        element("Type", out, |out| out.extend_from_slice(fault));
        element("Code", out, |out| escape(failure.code, out));
        element("Message", out, |out| escape(failure.message, out));
        if let Some(shape) = failure.shape {
            crate::xml::members_except(shape, &is_message, out);
        }
    });
    element("RequestId", &mut out, |out| escape(request_id, out));
    out.extend_from_slice(b"</ErrorResponse>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::SignedText;
    use crate::fixture::{self, BrokenException, JSON as JSON_SERVICE, Kind, QUERY, REST};
    use crate::wire::DecodeError;

    fn text(response: &WireResponse) -> &str {
        std::str::from_utf8(&response.body).unwrap()
    }

    fn header<'a>(response: &'a WireResponse, name: &str) -> Option<&'a str> {
        response.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    fn organizations() -> Service {
        Service { id: "organizations", ..fixture::service("organizations", Protocol::Json, &[]) }
    }

    #[test]
    fn a_modeled_error_carries_its_members_in_every_protocol() {
        let broken = BrokenException { reason: Some(Kind::B), ..BrokenException::new("no <good>") };
        let json = error(&JSON_SERVICE, &broken, "id");
        assert_eq!(
            text(&json),
            r#"{"__type":"BrokenException","Message":"no <good>","message":"no <good>","Reason":"B"}"#
        );
        assert_eq!((json.status, header(&json, "x-amzn-errortype")), (409, Some("BrokenException")));
        assert_eq!(header(&json, "x-amzn-requestid"), Some("id"));
        let query = error(&QUERY, &broken, "id");
        assert_eq!(
            text(&query),
            "<ErrorResponse xmlns=\"https://things.example/\"><Error><Type>Sender</Type><Code>Broken</Code>\
             <Message>no &lt;good&gt;</Message><Reason>B</Reason></Error><RequestId>id</RequestId></ErrorResponse>"
        );
        assert_eq!(error(&REST, &broken, "id").content_type, "application/json");
    }

    #[test]
    fn authentication_failures_speak_each_protocol() {
        let of = |error: CommonError, service: &Service| {
            let spoken = error.spoken(service);
            (spoken.code, spoken.status)
        };
        use CommonError::*;
        for (error, query, json, rest) in [
            (
                MissingAuthenticationToken,
                ("MissingAuthenticationToken", 403),
                ("MissingAuthenticationTokenException", 400),
                403,
            ),
            (InvalidClientTokenId, ("InvalidClientTokenId", 403), ("UnrecognizedClientException", 400), 403),
            (SignatureDoesNotMatch(None), ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400), 403),
            (ExpiredToken, ("ExpiredToken", 403), ("ExpiredTokenException", 400), 403),
            (AccessDenied("x".into()), ("AccessDenied", 403), ("AccessDeniedException", 400), 403),
            (UnknownOperation("X".into()), ("InvalidAction", 400), ("UnknownOperationException", 400), 404),
            (Malformed(DecodeError::syntax("x")), ("MalformedQueryString", 400), ("SerializationException", 400), 400),
        ] {
            assert_eq!(of(error.clone(), &QUERY), query);
            assert_eq!(of(error.clone(), &JSON_SERVICE), json);
            assert_eq!(of(error, &REST).1, rest);
        }
        assert_eq!(of(Throttled, &organizations()), ("TooManyRequestsException", 400));
        assert_eq!(
            UnknownOperation("Nope".into()).spoken(&QUERY).message,
            "Could not find operation Nope for version 2010-05-08"
        );
    }

    #[test]
    fn only_query_services_show_what_should_have_been_signed() {
        let signed = SignedText { canonical_request: "CANONICAL".into(), string_to_sign: "STRING".into() };
        let mismatch = CommonError::SignatureDoesNotMatch(Some(Box::new(signed)));
        assert!(mismatch.spoken(&QUERY).message.contains("should have been\n'CANONICAL'"));
        assert!(!mismatch.spoken(&JSON_SERVICE).message.contains("CANONICAL"));
    }

    #[test]
    fn organizations_gives_a_reason_for_invalid_input() {
        let violation = |constraint, shape| Violation { path: "x".into(), value: Some("v".into()), constraint, shape };
        let response = violations(&organizations(), &[violation(Constraint::Pattern("p"), "RoleName")], "id");
        assert_eq!(
            text(&response),
            r#"{"__type":"InvalidInputException","Message":"You provided a value that does not match the required pattern.","message":"You provided a value that does not match the required pattern.","Reason":"INVALID_PATTERN"}"#
        );
        for (constraint, shape, reason) in [
            (Constraint::Required, "X", "INPUT_REQUIRED"),
            (Constraint::Enumeration(&["A"]), "PolicyType", "INVALID_ENUM_POLICY_TYPE"),
            (Constraint::Enumeration(&["A"]), "ChildType", "INVALID_ENUM"),
            (Constraint::ValueMax(20), "MaxResults", "MAX_VALUE_EXCEEDED"),
        ] {
            let response = violations(&organizations(), &[violation(constraint, shape)], "id");
            assert!(text(&response).ends_with(&format!(r#""Reason":"{reason}"}}"#)), "{}", text(&response));
        }
    }

    #[test]
    fn sign_in_errors_are_those_of_oauth() {
        let oidc = fixture::service("sso-oidc", Protocol::RestJson, &[]);
        let response = common(&oidc, &CommonError::InternalFailure, "id");
        assert_eq!(header(&response, "x-amzn-errortype"), Some("InternalServerException"));
        assert!(text(&response).starts_with(r#"{"error":"server_error","error_description":""#));
        let response = violations(&oidc, &[], "id");
        assert_eq!(header(&response, "x-amzn-errortype"), Some("InvalidRequestException"));
    }
}

//! The query protocol's answers: shapes as XML.

use crate::encoding;
use crate::schema::{Body, Op, Schema, Shape, View};

/// The whole document of a successful answer.
pub fn write(op: &Op, output: Option<&dyn Shape>, request_id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let response = format!("{}Response", op.name);
    out.extend_from_slice(format!("<{response} xmlns=\"").as_bytes());
    escape(op.service.xml_namespace, &mut out);
    out.extend_from_slice(b"\">");
    if let Some(output) = output {
        element(op.result_wrapper, &mut out, |out| members(output, out));
    }
    element("ResponseMetadata", &mut out, |out| element("RequestId", out, |out| escape(request_id, out)));
    out.extend_from_slice(format!("</{response}>").as_bytes());
    out
}

/// An element around what `content` writes.
pub(crate) fn element(name: &str, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    content(out);
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// The members of a structure as elements; absent ones are left out.
fn members(shape: &dyn Shape, out: &mut Vec<u8>) {
    members_except(shape, &|_| false, out);
}

/// The same without the members whose names on the wire are `left_out`.
pub(crate) fn members_except(shape: &dyn Shape, left_out: &dyn Fn(&str) -> bool, out: &mut Vec<u8>) {
    let members = shape.schema().members().iter().enumerate();
    for (index, member) in members.filter(|(_, member)| !left_out(member.wire)) {
        if let Some(view) = shape.member(index).view() {
            element(member.wire, out, |out| value(&view, member.schema, out));
        }
    }
}

fn value(view: &View<'_>, schema: &Schema, out: &mut Vec<u8>) {
    match (view, &schema.body) {
        (View::Boolean(v), _) => out.extend_from_slice(if *v { b"true" } else { b"false" }),
        (View::Integer(v), _) => out.extend_from_slice(v.to_string().as_bytes()),
        (View::Double(v), _) => out.extend_from_slice(v.to_string().as_bytes()),
        (View::Timestamp(v), _) => out.extend_from_slice(v.iso8601().as_bytes()),
        (View::Blob(v), _) => out.extend_from_slice(encoding::base64(v).as_bytes()),
        (View::Document(v), _) => escape(v.as_json(), out),
        (View::Text(v), _) => escape(v, out),
        (View::Structure(v), _) => members(*v, out),
        (View::List(v), body) => {
            let member = if let Body::List { member, .. } = body { member } else { schema };
            for view in (0..v.count()).filter_map(|index| v.item(index).view()) {
                element("member", out, |out| value(&view, member, out));
            }
        }
        (View::Map(v), body) => {
            let value_schema = if let Body::Map { value, .. } = body { value } else { schema };
            v.each(&mut |key, entry| {
                let Some(view) = entry.view() else { return };
                element("entry", out, |out| {
                    element("key", out, |out| escape(key, out));
                    element("value", out, |out| value(&view, value_schema, out));
                });
            });
        }
    }
}

/// Writes text. Characters that XML 1.0 §2.2 forbids become U+FFFD; a carriage return is written as a reference,
/// since a parser would otherwise turn it into a line feed (§2.11).
pub(crate) fn escape(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        match c {
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '&' => out.extend_from_slice(b"&amp;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\r' => out.extend_from_slice(b"&#xD;"),
            '\t' | '\n' => out.push(c as u8),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.extend_from_slice("\u{fffd}".as_bytes()),
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{QUERY_GET, QUERY_PUT, Thing};
    use base::Timestamp;

    #[test]
    fn an_answer_has_result_and_metadata() {
        let thing = Thing {
            name: "a<&>\"\u{1}\r".into(),
            names: Some(vec!["x".into(), "y".into()]),
            children: Some(vec![]),
            labels: Some([("k".into(), "v".into())].into()),
            at: Some(Timestamp::from_micros(1_500_000)),
            on: Some(false),
            ..Thing::default()
        };
        let text = String::from_utf8(write(&QUERY_GET, Some(&thing), "id")).unwrap();
        assert_eq!(
            text,
            "<GetThingResponse xmlns=\"https://things.example/\"><GetThingResult><At>1970-01-01T00:00:01Z</At>\
             <Children></Children><Labels><entry><key>k</key><value>v</value></entry></Labels>\
             <Name>a&lt;&amp;&gt;&quot;\u{fffd}&#xD;</Name><Names><member>x</member><member>y</member></Names>\
             <On>false</On></GetThingResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetThingResponse>"
        );
    }

    #[test]
    fn an_operation_without_output_has_no_result() {
        let text = String::from_utf8(write(&QUERY_PUT, None, "id")).unwrap();
        assert_eq!(
            text,
            "<PutThingResponse xmlns=\"https://things.example/\"><ResponseMetadata><RequestId>id</RequestId>\
             </ResponseMetadata></PutThingResponse>"
        );
    }
}

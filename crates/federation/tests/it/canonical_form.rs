//! Our canonical form is libxml2's.

use crate::fixtures::read;
use federation::xml::{Document, Limits, normalize};
use serde_json::Value;

pub const LIMITS: Limits = Limits {
    bytes: 100_000,
    elements: 1_000,
    attributes_of_an_element: 64,
    namespace_declarations: 1_000,
    namespaces_in_scope: 64,
    depth: 40,
};

#[test]
fn canonical_form_equals_that_of_lxml() {
    let cases: Value = serde_json::from_str(&read("canonical.json")).expect("JSON");
    let cases = cases.as_array().expect("a list");
    assert!(cases.len() > 350);
    for case in cases {
        let xml = normalize(case["xml"].as_str().expect("text"));
        let document = Document::parse(&xml, &LIMITS).unwrap_or_else(|error| panic!("{xml}: {error}"));
        let prefixes = case["prefixes"].as_array().expect("a list");
        let prefixes: Vec<&str> = prefixes.iter().map(|prefix| prefix.as_str().expect("text")).collect();
        assert_eq!(document.canonical(document.root(), None, &prefixes), case["canonical"], "{prefixes:?} of {xml}");
    }
}

#[test]
fn an_omitted_element_leaves_only_the_text_around_it() {
    let text = "<a> <b xmlns=\"urn:b\"><c/></b>\n<d/></a>";
    let document = Document::parse(text, &LIMITS).expect("valid");
    let b = document.children(document.root()).next();
    assert_eq!(document.canonical(document.root(), b, &[]), "<a> \n<d></d></a>");
}

#[test]
fn an_inner_element_takes_along_the_namespaces_it_uses() {
    let text = "<p:a xmlns:p=\"urn:p\" xmlns:q=\"urn:q\" xmlns=\"urn:d\"><b q:x=\"1\"><p:c/></b></p:a>";
    let document = Document::parse(text, &LIMITS).expect("valid");
    let b = document.children(document.root()).next().expect("present");
    let plain = "<b xmlns=\"urn:d\" xmlns:q=\"urn:q\" q:x=\"1\"><p:c xmlns:p=\"urn:p\"></p:c></b>";
    assert_eq!(document.canonical(b, None, &[]), plain);
    let listed = "<b xmlns=\"urn:d\" xmlns:p=\"urn:p\" xmlns:q=\"urn:q\" q:x=\"1\"><p:c></p:c></b>";
    assert_eq!(document.canonical(b, None, &["p", "absent"]), listed);
}

#[test]
fn documents_that_are_not_well_formed_are_refused() {
    let refused = [
        "",
        " ",
        "text",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<a b=1/>",
        "<a b=\"1\"c=\"2\"/>",
        "<a b=\"<\"/>",
        "<a b/>",
        "<a b=\"1\" b=\"2\"/>",
        "<a>&nbsp;</a>",
        "<a>&</a>",
        "<a>&#0;</a>",
        "<a>]]></a>",
        "<a:b/>",
        "<a xmlns:b=\"\"/>",
        "<a xmlns:xml=\"urn:x\"/>",
        "<a xmlns:xmlns=\"urn:x\"/>",
        "<1a/>",
        "<a:b:c/>",
        "<a xmlns:p=\"u\" xmlns:q=\"u\" p:x=\"1\" q:x=\"2\"/>",
        "<a><!-- -- --></a>",
        "<a><!-- ---></a>",
        "< a/>",
        "<a>\u{1}</a>",
        "<a>\u{fffe}</a>",
        "<a/>&amp;",
        "<a/><![CDATA[ ]]>",
        " <?xml version=\"1.0\"?><a/>",
        "<?xml version=\"1.1\"?><a/>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>",
        "<?xml encoding=\"utf-8\"?><a/>",
        "<?xml version=\"1.0\" version=\"1.0\"?><a/>",
        "<a><?php x?></a>",
        "<?x y?><a/>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        "<a><b></a></b>",
        "<a b=\"1' c='2\" d='\"/>",
        "<a / >",
        "<a></ a>",
        "<a><![CDATA[x]]</a>",
        "<a xmlns=\"http://www.w3.org/2000/xmlns/\"/>",
        "<a \u{a0}b=\"1\"/>",
        "<a><!ELEMENT b></a>",
    ];
    for text in refused {
        assert!(Document::parse(text, &LIMITS).is_err(), "{text}");
    }
}

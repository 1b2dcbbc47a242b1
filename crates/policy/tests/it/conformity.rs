//! The cases of `tests/data`.

use policy::json::{self, Limits, Node};
use policy::validate::{Finding, validate};
use policy::{PolicyKind, cases};

const LINE_LIMITS: Limits = Limits { bytes_max: 1_000_000, depth_max: 32 };

fn decide(text: &str) -> cases::Summary {
    let mut out = Vec::new();
    let summary = cases::run(text.as_bytes(), true, &mut out).expect("memory");
    let out = String::from_utf8(out).expect("UTF-8");
    for line in out.lines() {
        let answer = json::parse(line.as_bytes(), LINE_LIMITS).expect("JSON");
        let field = |name| answer.get(name).and_then(Node::as_str).expect("a text");
        assert_eq!(field("decision"), field("expected"), "{line}");
        assert!(answer.get("explanation").is_some());
    }
    summary
}

#[test]
fn the_worked_examples_of_the_documentation_agree() {
    let summary = decide(include_str!("../data/cases.jsonl"));
    assert_eq!(summary.to_string(), "194 cases, 0 differ");
}

#[test]
fn the_generated_cases_agree() {
    let summary = decide(include_str!("../data/generated.jsonl"));
    assert_eq!((summary.cases > 200, summary.differing), (true, 0));
}

#[test]
fn documents_are_taken_and_refused_as_aws_does() {
    let mut count = 0;
    for line in include_str!("../data/validation.jsonl").lines() {
        let row = json::parse(line.as_bytes(), LINE_LIMITS).expect("JSON");
        let text = |node: &Node, name: &str| node.get(name).and_then(Node::as_str).map(str::to_owned);
        let kind = match text(&row, "policyType").expect("a type").as_str() {
            "identity" => PolicyKind::Identity,
            "trust" => PolicyKind::Trust,
            "resource" => PolicyKind::Resource,
            "scp" => PolicyKind::ServiceControl,
            "rcp" => PolicyKind::ResourceControl,
            other => panic!("{other}"),
        };
        let document = row.get("document").expect("a document");
        let written = document.as_str().unwrap_or(&line[document.span.start..document.span.end]);
        let first = validate(kind, written).into_iter().find(Finding::is_error);
        let valid = row.get("valid").map(|node| node.value == json::Value::Bool(true));
        assert_eq!(Some(first.is_none()), valid, "{line}\n{first:?}");
        if let Some(error) = row.get("error") {
            let first = first.expect("refused");
            assert_eq!(text(error, "code").as_deref(), Some(first.code), "{line}");
            assert_eq!(text(error, "message"), Some(first.message), "{line}");
        }
        count += 1;
    }
    assert_eq!(count, 117);
}

#[test]
fn a_line_that_is_no_case_counts_as_differing() {
    let mut out = Vec::new();
    let summary = cases::run(&b"{\n\n{\"id\":\"x\"}\n"[..], false, &mut out).expect("memory");
    assert_eq!(summary, cases::Summary { cases: 2, differing: 2 });
    assert!(String::from_utf8(out).expect("UTF-8").starts_with("{\"line\":1,\"error\":"));
}

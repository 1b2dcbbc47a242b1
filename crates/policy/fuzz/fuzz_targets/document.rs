//! Any bytes as a document: an answer, and printing is the inverse of reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::validate::{Finding, validate};
use policy::{CompiledPolicy, Document, PolicyKind, PolicySource};

const KINDS: [PolicyKind; 9] = [
    PolicyKind::Identity,
    PolicyKind::Trust,
    PolicyKind::Resource,
    PolicyKind::Boundary,
    PolicyKind::Session,
    PolicyKind::ServiceControl,
    PolicyKind::ResourceControl,
    PolicyKind::OrganizationsResourcePolicy,
    PolicyKind::Endpoint,
];

fuzz_target!(|bytes: &[u8]| {
    let stored = Document::parse_stored(bytes);
    for kind in KINDS {
        let refused = validate(kind, bytes).iter().any(Finding::is_error);
        assert!(refused || stored.is_ok(), "{kind:?} is accepted on writing and unreadable in store");
        if let Ok(document) = &stored {
            CompiledPolicy::compile(document.clone(), kind, PolicySource::default());
        }
    }
    if let Ok(document) = stored {
        let again = Document::parse_stored(document.print()).expect("what is printed can be read");
        assert_eq!(again.without_positions(), document.without_positions());
    }
});

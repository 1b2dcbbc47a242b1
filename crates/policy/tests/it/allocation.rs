//! The hot path asks the allocator for nothing.

use crate::generate::{Random, case};
use policy::cases::Case;

#[test]
fn typical_decisions_do_not_allocate() {
    for seed in 0..2_000 {
        let line = case(&mut Random::new(seed)).line();
        // A pattern with both a variable and a `?` is put together anew for each request.
        if line.contains("${") && line.contains('?') {
            continue;
        }
        let case = Case::parse(line.as_bytes()).expect("valid");
        let used = allocation_counter::measure(|| {
            std::hint::black_box(case.decide());
        });
        assert_eq!(used.count_total, 0, "seed {seed}: {line}");
    }
}

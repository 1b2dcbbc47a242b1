//! How much of each service is served, from the route table itself.

use kernel::route::Registry;
use std::fmt::Write as _;

/// The report: a line per service; with `names_missing` also every operation that is not served.
pub fn report(names_missing: bool) -> String {
    let registry = Registry::new(crate::routes());
    let mut out = String::new();
    let _ = writeln!(out, "{:<16} {:>6} {:>6}", "service", "served", "total");
    let (mut served_all, mut total_all) = (0, 0);
    for service in model::SERVICES {
        let served = service.operations.iter().filter(|op| registry.find(op).is_some()).count();
        served_all += served;
        total_all += service.operations.len();
        let _ = writeln!(out, "{:<16} {served:>6} {:>6}", service.id, service.operations.len());
        if names_missing {
            for op in service.operations.iter().filter(|op| registry.find(op).is_none()) {
                let _ = writeln!(out, "  {}", op.name);
            }
        }
    }
    let _ = writeln!(out, "{:<16} {served_all:>6} {total_all:>6}", "all");
    out
}

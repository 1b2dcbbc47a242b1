//! How much of each service is served, from the route table itself; and docs/compatibility.md, made of that and of
//! the differences that were written down beside it.

use kernel::route::Registry;
use smithy::schema::{Op, Protocol, Service};
use std::fmt::Write as _;

/// How docs/compatibility.md begins.
const INTRODUCTION: &str = include_str!("coverage/introduction.md");
/// Service, operation (`*`: all of the service) and how it differs from AWS, separated by tabs; `#` begins a comment.
const DIFFERENCES: &str = include_str!("coverage/differences.tsv");
/// The operation that stands for all of a service.
const EVERY: &str = "*";
/// Length of a line of running text.
const COLUMNS_MAX: usize = 120;

/// The report: a line per service; with `names_missing` also every operation that is not served.
pub fn report(names_missing: bool) -> String {
    let registry = Registry::new(crate::routes());
    let mut out = String::new();
    let _ = writeln!(out, "{:<16} {:>6} {:>6}", "service", "served", "total");
    let (mut served_all, mut total_all) = (0, 0);
    for service in model::SERVICES {
        let served = served(&registry, service);
        served_all += served;
        total_all += service.operations.len();
        let _ = writeln!(out, "{:<16} {served:>6} {:>6}", service.id, service.operations.len());
        if names_missing {
            for op in service.operations.iter().filter(|op| !registry.serves(op)) {
                let _ = writeln!(out, "  {}", op.name);
            }
        }
    }
    let _ = writeln!(out, "{:<16} {served_all:>6} {total_all:>6}", "all");
    out
}

/// docs/compatibility.md: per service and operation, whether it is served and how it differs from AWS.
pub fn markdown() -> String {
    let registry = Registry::new(crate::routes());
    let mut out = String::from(INTRODUCTION);
    out.push_str("\n| Service | Protocol | Served | In the model |\n|---|---|---:|---:|\n");
    for service in model::SERVICES {
        let (served, total) = (served(&registry, service), service.operations.len());
        let _ = writeln!(out, "| {} | {} | {served} | {total} |", service.id, protocol(service));
    }
    for service in model::SERVICES {
        let _ = write!(out, "\n## {}\n\n", service.id);
        let of_service: Vec<&str> = differences().filter(|it| it.is_of(service, EVERY)).map(|it| it.text).collect();
        for text in &of_service {
            let _ = writeln!(out, "- {text}");
        }
        if !of_service.is_empty() {
            out.push('\n');
        }
        let (of_route, missing): (Vec<&Op>, Vec<&Op>) =
            service.operations.iter().copied().partition(|op| registry.serves(op));
        if !of_route.is_empty() {
            out.push_str("| Served | Differences |\n|---|---|\n");
        }
        for op in &of_route {
            let texts: Vec<&str> = differences().filter(|it| it.is_of(service, op.name)).map(|it| it.text).collect();
            let _ = writeln!(out, "| {} | {} |", op.name, texts.join(" "));
        }
        if !of_route.is_empty() && !missing.is_empty() {
            out.push('\n');
        }
        write_missing(&mut out, &missing);
    }
    out
}

/// The operations that are not served, in lines of at most [`COLUMNS_MAX`] where names allow.
fn write_missing(out: &mut String, missing: &[&Op]) {
    let mut line = String::from("Not served:");
    for (index, op) in missing.iter().enumerate() {
        let end = if index + 1 == missing.len() { "." } else { "," };
        if line.len() + op.name.len() + 2 > COLUMNS_MAX {
            let _ = writeln!(out, "{line}");
            line.clear();
        }
        let space = if line.is_empty() { "" } else { " " };
        let _ = write!(line, "{space}{}{end}", op.name);
    }
    if !missing.is_empty() {
        let _ = writeln!(out, "{line}");
    }
}

fn served(registry: &Registry, service: &Service) -> usize {
    service.operations.iter().filter(|op| registry.serves(op)).count()
}

fn protocol(service: &Service) -> &'static str {
    match service.protocol {
        Protocol::Json => "JSON 1.1",
        Protocol::Query => "Query",
        Protocol::RestJson => "REST-JSON",
    }
}

/// One way in which an operation, or a whole service, differs from AWS's.
struct Difference {
    service: &'static str,
    operation: &'static str,
    text: &'static str,
}

impl Difference {
    fn is_of(&self, service: &Service, operation: &str) -> bool {
        self.service == service.id && self.operation == operation
    }
}

fn differences() -> impl Iterator<Item = Difference> {
    rows().filter_map(|row| {
        let (service, rest) = row.split_once('\t')?;
        let (operation, text) = rest.split_once('\t')?;
        Some(Difference { service, operation, text })
    })
}

fn rows() -> impl Iterator<Item = &'static str> {
    DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_coverage_is_that_of_the_route_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md");
        let documented = std::fs::read_to_string(path).expect("docs/compatibility.md");
        assert!(
            documented == markdown(),
            "docs/compatibility.md is out of date: vestibule api-coverage --markdown > docs/compatibility.md"
        );
    }

    #[test]
    fn every_difference_is_one_of_something_that_is_served() {
        let registry = Registry::new(crate::routes());
        assert_eq!(rows().count(), differences().count(), "every row has three columns");
        for it in differences() {
            let service = model::SERVICES.iter().find(|service| service.id == it.service).expect(it.service);
            let is_known =
                it.operation == EVERY || service.operation(it.operation).is_some_and(|op| registry.serves(op));
            assert!(is_known, "{} {}", it.service, it.operation);
            assert!(it.text.ends_with('.') && !it.text.contains(['|', '\t']), "{}", it.text);
        }
    }
}

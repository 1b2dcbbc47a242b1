//! Sorted lines of tab-separated text, searched where they lie.

use std::cmp::Ordering;

/// Lines ending in `\n`, sorted by a key that the callers extract.
#[derive(Clone, Copy)]
pub(crate) struct Table(pub(crate) &'static str);

impl Table {
    /// The lines in order.
    pub(crate) fn lines(self) -> impl Iterator<Item = &'static str> + Clone {
        self.0.lines()
    }

    /// The line for which `order` (of the line's key relative to the wanted key) answers `Equal`.
    pub(crate) fn find(self, order: impl Fn(&str) -> Ordering) -> Option<&'static str> {
        let text = self.0;
        let (mut low, mut high) = (0, text.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let bytes = text.as_bytes();
            let start = bytes[low..middle].iter().rposition(|&b| b == b'\n').map_or(low, |at| low + at + 1);
            let end = bytes[middle..high].iter().position(|&b| b == b'\n').map_or(high, |at| middle + at);
            let line = text.get(start..end)?;
            match order(line) {
                Ordering::Equal => return Some(line),
                Ordering::Less => low = end + 1,
                Ordering::Greater => high = start,
            }
        }
        None
    }

    /// The line whose first column is exactly `key`.
    pub(crate) fn find_exact(self, key: &str) -> Option<&'static str> {
        self.find(|line| first_column(line).cmp(key))
    }

    /// The line whose first column is `key` up to the case of ASCII letters; the table is sorted by the lower case.
    pub(crate) fn find_ignoring_case(self, key: &str) -> Option<&'static str> {
        self.find(|line| lower(first_column(line)).cmp(lower(key)))
    }
}

/// The text before the first tab.
pub(crate) fn first_column(line: &str) -> &str {
    line.split_once('\t').map_or(line, |(first, _)| first)
}

/// The parts of a list column; an empty column is an empty list.
pub(crate) fn list(column: &'static str, separator: char) -> impl Iterator<Item = &'static str> {
    column.split(separator).filter(|part| !part.is_empty())
}

fn lower(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRUIT: Table = Table("apple\t1\nbanana\t2\nCherry\t3\ndate\t4\n");

    #[test]
    fn every_line_of_a_table_is_found_by_its_key_in_any_case() {
        for line in FRUIT.lines() {
            let key = first_column(line);
            assert_eq!(FRUIT.find_ignoring_case(key), Some(line));
            assert_eq!(FRUIT.find_ignoring_case(&key.to_ascii_uppercase()), Some(line));
        }
    }

    #[test]
    fn keys_before_between_and_after_the_lines_are_not_found() {
        for key in ["", "a", "apples", "bz", "dates", "zebra"] {
            assert_eq!(FRUIT.find_ignoring_case(key), None, "{key}");
        }
        assert_eq!(Table("").find_exact("a"), None);
    }

    #[test]
    fn an_exact_search_distinguishes_case() {
        let table = Table("a\t1\nb\t2\n");
        assert_eq!(table.find_exact("b"), Some("b\t2"));
        assert_eq!(table.find_exact("B"), None);
    }
}

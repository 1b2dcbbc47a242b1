//! Session durations: ISO 8601, from one hour to twelve.

/// Shortest session of a permission set, in seconds.
const SECONDS_MIN: i64 = 3_600;
/// Longest session of a permission set, in seconds.
const SECONDS_MAX: i64 = 12 * 3_600;

/// Seconds of a designator in the date part and in the time part. A month and a year have no fixed length, but are too
/// long in any case.
const DATE: [(char, i64); 4] = [('Y', 365 * 86_400), ('M', 30 * 86_400), ('W', 7 * 86_400), ('D', 86_400)];
const TIME: [(char, i64); 3] = [('H', 3_600), ('M', 60), ('S', 1)];

/// The length of an ISO 8601 duration that a permission set may have, in seconds; `None` for every other.
pub fn parse(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
    if time.is_some_and(str::is_empty) || rest.is_empty() {
        return None;
    }
    let seconds = sum(date, &DATE)?.checked_add(sum(time.unwrap_or_default(), &TIME)?)?;
    (SECONDS_MIN..=SECONDS_MAX).contains(&seconds).then_some(seconds)
}

/// The parts of a duration, each a number and one of `designators`, which come in their order and at most once.
fn sum(mut text: &str, designators: &[(char, i64)]) -> Option<i64> {
    let mut left = designators.iter();
    let mut total: i64 = 0;
    while !text.is_empty() {
        let end = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, rest) = text.split_at(end);
        let designator = rest.chars().next()?;
        let (_, seconds) = left.find(|(each, _)| *each == designator)?;
        // Fractions are for seconds only, and shorter than what is told apart here.
        let (whole, fraction) = number.split_once('.').map_or((number, None), |(a, b)| (a, Some(b)));
        if fraction.is_some_and(|f| designator != 'S' || f.is_empty() || !f.bytes().all(|b| b.is_ascii_digit())) {
            return None;
        }
        if !whole.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        total = total.checked_add(whole.parse::<i64>().ok()?.checked_mul(*seconds)?)?;
        text = &rest[designator.len_utf8()..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations_from_one_hour_to_twelve_are_understood() {
        for (text, seconds) in [("PT1H", 3_600), ("PT12H", 43_200), ("PT90M", 5_400), ("PT3600S", 3_600)] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
        assert_eq!(parse("PT1H30M"), Some(5_400));
        assert_eq!(parse("P0DT2H0M0.5S"), Some(7_200));
    }

    #[test]
    fn everything_else_is_refused() {
        let texts = ["", "P", "PT", "1H", "-PT2H", "PT59M", "PT12H1S", "P1D", "PT1M1H", "PT1H1H", "PT1.5H", "P1H"];
        for text in texts.into_iter().chain(["PT", "PTH", "PT1", "PT99999999999999999999H", "PT+2H"]) {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

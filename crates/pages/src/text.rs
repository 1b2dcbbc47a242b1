//! Words for numbers and instants.

use base::Timestamp;
use maud::{Markup, html};

/// `1 account`, `2 accounts`.
pub(crate) fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// An instant for people, with the exact one for machines.
pub(crate) fn instant(at: Timestamp) -> Markup {
    let exact = at.iso8601();
    let (date, time) = exact.split_once('T').unwrap_or((&exact, ""));
    let minutes = time.get(..5).unwrap_or(time);
    html! { time datetime=(exact) { (date) " " (minutes) " UTC" } }
}

/// A length of time in words, in its largest unit: `45 seconds`, `3 minutes`.
pub(crate) fn duration(seconds: i64) -> String {
    let seconds = usize::try_from(seconds).unwrap_or(0);
    match seconds {
        0..120 => count(seconds, "second"),
        120..7_200 => count(seconds / 60, "minute"),
        7_200..172_800 => count(seconds / 3_600, "hour"),
        _ => count(seconds / 86_400, "day"),
    }
}

/// How long `then` was before `now`, in words.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    match now.seconds().saturating_sub(then.seconds()) {
        ..=1 => "just now".to_owned(),
        seconds => format!("{} ago", duration(seconds)),
    }
}

/// How long until `then`, in words.
pub(crate) fn until(then: Timestamp, now: Timestamp) -> String {
    match then.seconds().saturating_sub(now.seconds()) {
        ..=0 => "now".to_owned(),
        seconds => format!("in {}", duration(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        let now = Timestamp::from_seconds(1_000_000);
        for (seconds, text) in [
            (0, "just now"),
            (45, "45 seconds ago"),
            (119, "119 seconds ago"),
            (120, "2 minutes ago"),
            (7_200, "2 hours ago"),
            (200_000, "2 days ago"),
            (-5, "just now"),
        ] {
            assert_eq!(age(now.plus_seconds(-seconds), now), text);
        }
        assert_eq!(until(now.plus_seconds(3_600), now), "in 60 minutes");
        assert_eq!(
            instant(Timestamp::from_seconds(0)).into_string(),
            "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01 00:00 UTC</time>"
        );
    }
}

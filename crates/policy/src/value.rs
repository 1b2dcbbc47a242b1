//! Values as condition operators see them: decimals, instants, bytes.

use smallvec::SmallVec;
use std::cmp::Ordering;

/// A decimal number of any length: comparing as `f64` would call different numbers equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    /// Reads `[+-]digits[.digits]`, where one side of the point may be empty. Exponents are no numbers here.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let negative = negative && !(whole.is_empty() && fraction.is_empty());
        Some(Self { negative, whole, fraction })
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        // Digits compare as text once the lengths of the whole parts are equal; a shorter fraction is a prefix.
        (self.whole.len(), self.whole, self.fraction).cmp(&(other.whole.len(), other.whole, other.fraction))
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An instant, in the range that IAM accepts (years ±292 million).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    seconds: i64,
    nanoseconds: u32,
}

const YEAR_MIN: i64 = -292_275_054;
const YEAR_MAX: i64 = 292_278_993;

impl Instant {
    /// Reads what IAM takes for a date: text with a `T` or `-` is `[-]Y[-M[-D]][T[h[:m[:s[.f]]]][Z|±hh:mm]]`
    /// (missing zone: UTC), everything else an unsigned number of seconds since 1970.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !text.bytes().any(|byte| matches!(byte, b't' | b'T' | b'-')) {
            return Some(Self { seconds: number(text, 0, i64::MAX)?, nanoseconds: 0 });
        }
        let (date, time) = match text.find(['t', 'T']) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, ""),
        };
        let (clock, offset_seconds) = split_zone(time)?;
        let (of_day, nanoseconds) = seconds_of_day(clock)?;
        let seconds = days_of(date)? * 86_400 + of_day - offset_seconds;
        Some(Self { seconds, nanoseconds })
    }
}

fn number(text: &str, min: i64, max: i64) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value| (min..=max).contains(value))
}

/// Days since 1970-01-01. A day past the end of its month runs into the next, as IAM's acceptance of `02-31` implies.
fn days_of(date: &str) -> Option<i64> {
    let (negative, unsigned) = match date.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, date),
    };
    let mut parts = unsigned.split('-');
    let magnitude = number(parts.next()?, 0, YEAR_MAX)?;
    let year = if negative { -magnitude } else { magnitude };
    let month = parts.next().map_or(Some(1), |part| number(part, 1, 12))?;
    let day = parts.next().map_or(Some(1), |part| number(part, 1, 31))?;
    if year < YEAR_MIN || parts.next().is_some() {
        return None;
    }
    // Era arithmetic on a year that starts in March.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Cuts the zone off a time of day: the clock and the offset in seconds.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    let Some(at) = time.find(['z', 'Z', '+', '-']) else { return Some((time, 0)) };
    let (clock, zone) = time.split_at(at);
    match zone.as_bytes() {
        [b'z' | b'Z'] => Some((clock, 0)),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] if zone.is_ascii() => {
            let seconds = number(&zone[1..3], 0, 23)? * 3_600 + number(&zone[4..6], 0, 59)? * 60;
            Some((clock, if *sign == b'-' { -seconds } else { seconds }))
        }
        _ => None,
    }
}

fn seconds_of_day(clock: &str) -> Option<(i64, u32)> {
    if clock.is_empty() {
        return Some((0, 0));
    }
    let mut parts = clock.split(':');
    let hours = number(parts.next()?, 0, 23)?;
    let minutes = parts.next().map_or(Some(0), |part| number(part, 0, 59))?;
    let (seconds, nanoseconds) = match parts.next() {
        None => (0, 0),
        Some(part) => {
            let (whole, fraction) = part.split_once('.').unwrap_or((part, "0"));
            if fraction.len() > 9 {
                return None;
            }
            let scale = 10_i64.pow(9 - u32::try_from(fraction.len()).ok()?);
            (number(whole, 0, 59)?, number(fraction, 0, 999_999_999)? * scale)
        }
    };
    if parts.next().is_some() {
        return None;
    }
    Some((hours * 3_600 + minutes * 60 + seconds, u32::try_from(nanoseconds).ok()?))
}

/// Decoded bytes; short values stay on the stack.
pub(crate) type Bytes = SmallVec<[u8; 128]>;

/// Decodes base64 (RFC 4648 §4, padding required).
pub(crate) fn decode_base64(text: &str) -> Option<Bytes> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    if padding > 2 {
        return None;
    }
    let mut out = Bytes::new();
    for group in bytes.chunks_exact(4) {
        let mut value = 0_u32;
        for byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' => 0,
                _ => return None,
            };
            value = value << 6 | u32::from(digit);
        }
        out.extend_from_slice(&value.to_be_bytes()[1..]);
    }
    if bytes[..bytes.len() - padding].contains(&b'=') {
        return None;
    }
    out.truncate(out.len() - padding);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_as_numbers_of_any_length() {
        let sorted = ["-10.5", "-10", "-0.5", "0", ".25", "0.5", "1", "9", "9.0000000000000000000001", "10", "1000"];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(Decimal::parse(a).cmp(&Decimal::parse(b)), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(Decimal::parse("-0"), Decimal::parse("+000."));
        for text in ["", ".", "-", "1e2", "12abc", " 1", "1 ", "0x1", "1.2.3", "--1", "Infinity"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_instants() {
        let same = ["2024-01-01", "2024-01", "2024-01-01T00:00", "2024-01-01t02:00:00+02:00", "1704067200"];
        for text in same {
            assert_eq!(Instant::parse(text), Instant::parse("2023-12-31T19:00:00.000-05:00"), "{text}");
        }
        assert!(Instant::parse("2024") < Instant::parse("2024-01"));
        assert!(Instant::parse("2024-01-01T00:00:00.1Z") < Instant::parse("2024-01-01T00:00:00.15Z"));
        assert!(Instant::parse("-292275054") < Instant::parse("01T"));
        for text in ["", "x", "234-13", "2016-12-13t2:00:00.593194+1", "2016-12-13t2:00:00.1999999999+10:59"] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
        for text in ["9223372036854775808", "2024-01-01T25:00Z", "2024-01-01-01", "-292275055", "12 "] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }

    #[test]
    fn base64_is_decoded_strictly() {
        assert_eq!(decode_base64("QmlOYXJ5").as_deref(), Some(&b"BiNary"[..]));
        assert_eq!(decode_base64("YQ==").as_deref(), Some(&b"a"[..]));
        assert_eq!(decode_base64("").as_deref(), Some(&b""[..]));
        for text in ["YQ", "YQ=", "Y=Q=", "====", "Y Q=", "YQ==YQ=="] {
            assert_eq!(decode_base64(text), None, "{text}");
        }
    }
}

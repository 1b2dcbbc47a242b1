//! Instants, as every table, token and protocol of the product uses them.

use std::fmt;

/// An instant in microseconds since the Unix epoch (UTC).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A broken-down UTC instant.
struct Civil {
    year: i64,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
}

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The instant `seconds` later (earlier when negative); saturates.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)))
    }

    /// This instant with the fraction of the second dropped: what most AWS answers carry.
    pub const fn truncated_to_seconds(self) -> Self {
        Self(self.0.div_euclid(MICROS_PER_SECOND) * MICROS_PER_SECOND)
    }

    /// Seconds with fraction, as the JSON protocols write timestamps.
    pub fn as_seconds_f64(self) -> f64 {
        self.0 as f64 / MICROS_PER_SECOND as f64
    }

    /// From seconds with fraction; `None` when not finite or out of range.
    pub fn from_seconds_f64(seconds: f64) -> Option<Self> {
        let micros = seconds * MICROS_PER_SECOND as f64;
        (micros.is_finite() && micros.abs() < 9.0e18).then(|| Self(micros.round() as i64))
    }

    /// `2026-11-21T10:00:00Z`: ISO 8601 to the second, as the query protocol writes timestamps.
    pub fn iso8601(self) -> String {
        let c = self.civil();
        format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }

    /// `2026-11-21T10:00:00.123Z`: ISO 8601 with milliseconds.
    pub fn iso8601_millis(self) -> String {
        let c = self.civil();
        let millis = c.micros / 1_000;
        format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millis:03}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }

    /// `20261121T100000Z`: the form of `X-Amz-Date`.
    pub fn amz_date(self) -> String {
        let c = self.civil();
        format!("{:04}{:02}{:02}T{:02}{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }

    /// `Sat, 21 Nov 2026 10:00:00 GMT`: the form of HTTP's `Date` (RFC 9110 §5.6.7).
    pub fn http_date(self) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let c = self.civil();
        let weekday = DAYS[self.seconds().div_euclid(SECONDS_PER_DAY).rem_euclid(7) as usize];
        let month = MONTHS[(c.month - 1) as usize];
        format!("{weekday}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT", c.day, c.year, c.hour, c.minute, c.second)
    }

    /// Parses `YYYYMMDDTHHMMSSZ`.
    pub fn parse_amz_date(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        if b.len() != 16 || b[8] != b'T' || b[15] != b'Z' {
            return None;
        }
        let number = |range: std::ops::Range<usize>| digits(&b[range]);
        Self::from_civil(number(0..4)?, number(4..6)?, number(6..8)?, number(9..11)?, number(11..13)?, number(13..15)?)
    }

    /// Parses `YYYY-MM-DD[Thh:mm[:ss[.fraction]][Z|±hh:mm]]`; a missing zone means UTC.
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        if b.len() < 10 || b[4] != b'-' || b[7] != b'-' {
            return None;
        }
        let (year, month, day) = (digits(&b[0..4])?, digits(&b[5..7])?, digits(&b[8..10])?);
        if b.len() == 10 {
            return Self::from_civil(year, month, day, 0, 0, 0);
        }
        if b.len() < 16 || !matches!(b[10], b'T' | b't' | b' ') || b[13] != b':' {
            return None;
        }
        let (hour, minute) = (digits(&b[11..13])?, digits(&b[14..16])?);
        let mut rest = &b[16..];
        let mut second = 0;
        let mut micros = 0;
        if rest.first() == Some(&b':') {
            second = digits(rest.get(1..3)?)?;
            rest = &rest[3..];
            if rest.first() == Some(&b'.') {
                let length = rest[1..].iter().take_while(|c| c.is_ascii_digit()).count();
                if length == 0 || length > 9 {
                    return None;
                }
                let mut padded = *b"000000";
                for (slot, digit) in padded.iter_mut().zip(&rest[1..1 + length]) {
                    *slot = *digit;
                }
                micros = digits(&padded)?;
                rest = &rest[1 + length..];
            }
        }
        let offset_seconds = match rest {
            [] | [b'Z' | b'z'] => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let seconds = digits(&[*h1, *h2])? * 3_600 + digits(&[*m1, *m2])? * 60;
                if *sign == b'+' { seconds } else { -seconds }
            }
            _ => return None,
        };
        let whole = Self::from_civil(year, month, day, hour, minute, second)?;
        Some(Self(whole.0 + micros - offset_seconds * MICROS_PER_SECOND))
    }

    fn from_civil(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<Self> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days_in_month = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + i64::from(leap),
            _ => return None,
        };
        if day < 1 || day > days_in_month || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Days from civil: the well-known era arithmetic on a year that starts in March.
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let year_of_era = y - era * 400;
        let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Some(Self::from_seconds(days * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second))
    }

    fn civil(self) -> Civil {
        let seconds = self.seconds();
        let z = seconds.div_euclid(SECONDS_PER_DAY) + 719_468;
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let era = z.div_euclid(146_097);
        let day_of_era = z - era * 146_097;
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u32,
            day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32,
            hour: (of_day / 3_600) as u32,
            minute: (of_day / 60 % 60) as u32,
            second: (of_day % 60) as u32,
            micros: self.0.rem_euclid(MICROS_PER_SECOND) as u32,
        }
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_reads_back() {
        for seconds in [0, 951_782_400, 1_709_164_800, 1_795_219_200, -86_400, 253_402_300_799] {
            let t = Timestamp::from_seconds(seconds);
            assert_eq!(Timestamp::parse_iso8601(&t.iso8601()), Some(t));
            assert_eq!(Timestamp::parse_amz_date(&t.amz_date()), Some(t));
        }
        assert_eq!(Timestamp::from_seconds(951_827_696).iso8601(), "2000-02-29T12:34:56Z");
        assert_eq!(Timestamp::from_seconds(784_111_777).http_date(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn zones_and_fractions_are_understood() {
        let t = Timestamp::parse_iso8601("2026-11-21T12:00:00.25+02:00").expect("valid");
        assert_eq!(t.iso8601_millis(), "2026-11-21T10:00:00.250Z");
        assert_eq!(Timestamp::parse_iso8601("2026-11-21"), Timestamp::parse_iso8601("2026-11-21T00:00Z"));
    }

    #[test]
    fn impossible_dates_are_refused() {
        for text in ["2026-02-29", "2026-13-01", "2026-11-21T24:00Z", "2026-11-21T10:00:00.", "x", "2026-11-21T10:00+2"]
        {
            assert_eq!(Timestamp::parse_iso8601(text), None, "{text}");
        }
        assert_eq!(Timestamp::parse_amz_date("20261121T1000000"), None);
    }
}

//! Times as forwarders write them.

const MICROS: i64 = 1_000_000;

/// µs since 1970 UTC, or `None` when the text is no time.
///
/// Reads `2013-03-31T16:21:17.528002Z` with any number of decimals and any offset, and
/// `2014-01-12 08:59:28 GMT` (or `UTC`), which is what `stat` has in the reference forwarder. A text
/// without zone is taken as UTC.
pub fn parse(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.trim().as_bytes());
    let year = cursor.digits(4)?;
    cursor.one_of(b"-")?;
    let month = cursor.digits(2)?;
    cursor.one_of(b"-")?;
    let day = cursor.digits(2)?;
    cursor.one_of(b"Tt ")?;
    let hour = cursor.digits(2)?;
    cursor.one_of(b":")?;
    let minute = cursor.digits(2)?;
    cursor.one_of(b":")?;
    let second = cursor.digits(2)?;
    let micros = if cursor.one_of(b".,").is_some() { cursor.fraction()? } else { 0 };
    let offset = cursor.zone()?;
    let plausible = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !plausible {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(seconds * MICROS + micros)
}

/// As `rxpk` has it: `2013-03-31T16:21:17.528002Z`.
pub fn to_iso(at: i64) -> String {
    let (seconds, micros) = (at.div_euclid(MICROS), at.rem_euclid(MICROS));
    let ((year, month, day), (h, m, s)) = civil(seconds);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{micros:06}Z")
}

/// As `stat` has it: `2014-01-12 08:59:28 GMT`, the fraction cut off.
pub fn to_gmt(at: i64) -> String {
    let ((year, month, day), (h, m, s)) = civil(at.div_euclid(MICROS));
    format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02} GMT")
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn digit(&mut self) -> Option<i64> {
        let (&first, rest) = self.0.split_first()?;
        let digit = first.is_ascii_digit().then(|| i64::from(first - b'0'))?;
        self.0 = rest;
        Some(digit)
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        (0..count).try_fold(0, |sum, _| Some(sum * 10 + self.digit()?))
    }

    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        let found = wanted.contains(&first).then_some(first)?;
        self.0 = rest;
        Some(found)
    }

    /// Decimals after the point, as µs; what is finer is cut off.
    fn fraction(&mut self) -> Option<i64> {
        let mut micros = self.digit()? * 100_000;
        let mut weight = 10_000;
        while let Some(digit) = self.digit() {
            micros += digit * weight;
            weight /= 10;
        }
        Some(micros)
    }

    /// Seconds east of UTC.
    fn zone(&mut self) -> Option<i64> {
        if matches!(self.0, b"" | b"Z" | b"z" | b" GMT" | b" UTC") {
            return Some(0);
        }
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        self.one_of(b":");
        let minutes = self.digits(2)?;
        self.0.is_empty().then_some(sign * (hours * 3600 + minutes * 60))
    }
}

// Days since 1970-01-01 in the proleptic Gregorian calendar. Years begin in March, so that the leap
// day is the last of its year; 719 468 days lie between 0000-03-01 and 1970-01-01.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

type Triple = (i64, i64, i64);

fn civil(seconds: i64) -> (Triple, Triple) {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    ((year, month, day), (second / 3600, second / 60 % 60, second % 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_notations_of_the_field_are_read() {
        let table = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2013-03-31T16:21:17.528002Z", Some(1_364_746_877_528_002)),
            ("2021-11-20T11:38:16.000000000Z", Some(1_637_408_296_000_000)),
            ("2020-01-17T09:30:47.0Z", Some(1_579_253_447_000_000)),
            ("2019-05-22T15:09:59.625+02:00", Some(1_558_530_599_625_000)),
            ("2014-01-12 08:59:28 GMT", Some(1_389_517_168_000_000)),
            ("2020-06-23 03:19:40 UTC", Some(1_592_882_380_000_000)),
            ("2020-06-23T03:19:40", Some(1_592_882_380_000_000)),
            ("", None),
            ("yesterday", None),
            ("2020-13-01T00:00:00Z", None),
            ("2020-01-01T00:00:00.Z", None),
            ("2020-01-01T00:00:00 CET", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(at in -2_000_000_000_000_000_i64..250_000_000_000_000_000) {
            prop_assert_eq!(parse(&to_iso(at)), Some(at));
            prop_assert_eq!(parse(&to_gmt(at)), Some(at.div_euclid(MICROS) * MICROS));
        }

        #[test]
        fn any_text_gives_an_answer(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}

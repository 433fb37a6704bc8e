//! Four clocks that must not be mixed up: ours, a concentrator's, the satellites', and spans.
//!
//! Nothing here asks a clock. Times are arguments.

use core::fmt;
use core::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// 1980-01-06T00:00:00Z, the GPS epoch, in Unix seconds.
const GPS_EPOCH: i64 = 315_964_800;

/// The Unix second at which each leap second since the GPS epoch had taken effect (IERS Bulletin C):
/// July 1981, 82, 83, 85, January 1988, 90, 91, July 1992, 93, 94, January 1996, July 1997,
/// January 1999, 2006, 2009, July 2012, 2015, January 2017.
const LEAP_SECONDS: [i64; 18] = [
    362_793_600,
    394_329_600,
    425_865_600,
    489_024_000,
    567_993_600,
    631_152_000,
    662_688_000,
    709_948_800,
    741_484_800,
    773_020_800,
    820_454_400,
    867_715_200,
    915_148_800,
    1_136_073_600,
    1_230_768_000,
    1_341_100_800,
    1_435_708_800,
    1_483_228_800,
];

/// A moment on our clock: microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// From milliseconds since 1970; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Whole milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// From seconds since 1970; saturates.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Whole seconds since 1970.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// Later by `span`; saturates.
    pub const fn plus(self, span: TimeDelta) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// Earlier by `span`; saturates.
    pub const fn minus(self, span: TimeDelta) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How long after `earlier` this is; negative if it is before.
    pub const fn since(self, earlier: Self) -> TimeDelta {
        TimeDelta(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC: milliseconds where they say it all, else microseconds.
    pub fn to_rfc3339(self) -> String {
        self.to_string()
    }

    /// Reads RFC 3339 with `Z` or an offset, and up to nine decimals (cut to microseconds).
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once(['T', 't', ' '])?;
        let mut date = date.splitn(3, '-').map(number);
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let zone = rest.find(['Z', 'z', '+', '-'])?;
        let (time, zone) = rest.split_at_checked(zone)?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let mut time = time.splitn(3, ':').map(number);
        let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
        let in_range = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60
            && year <= 9999;
        if !in_range {
            return None;
        }
        let days = days_from_civil(year, month, day);
        let seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset(zone)?;
        Some(Self(seconds * MICROS_PER_SECOND + micros_of(fraction)?))
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn micros_of(fraction: &str) -> Option<i64> {
    let length = u32::try_from(fraction.len()).ok()?;
    let value = number(fraction)?;
    Some(if length <= 6 { value * 10i64.pow(6 - length) } else { value / 10i64.pow(length - 6) })
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = number(hours)? * 3600 + number(minutes)? * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years start in March, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.secs().div_euclid(SECONDS_PER_DAY));
        let second = self.secs().rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let micros = self.0.rem_euclid(MICROS_PER_SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.")?;
        if micros % 1000 == 0 {
            write!(f, "{:03}Z", micros / 1000)
        } else {
            write!(f, "{micros:06}Z")
        }
    }
}

/// A span of time in microseconds, possibly negative.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TimeDelta(i64);

impl TimeDelta {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// From microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// From seconds; saturates.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// In microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// In whole milliseconds, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// In seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Without its sign.
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// As many times as long; saturates.
    pub const fn times(self, factor: i64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// As a standard duration; `None` if negative.
    pub fn to_std(self) -> Option<core::time::Duration> {
        u64::try_from(self.0).ok().map(core::time::Duration::from_micros)
    }

    /// From a standard duration; saturates.
    pub fn from_std(duration: core::time::Duration) -> Self {
        Self(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Seconds with three or six decimals: `1.000s`, `-0.000250s`.
impl fmt::Display for TimeDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (seconds, micros) =
            (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        if micros % 1000 == 0 {
            write!(f, "{sign}{seconds}.{:03}s", micros / 1000)
        } else {
            write!(f, "{sign}{seconds}.{micros:06}s")
        }
    }
}

impl Add<TimeDelta> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: TimeDelta) -> Timestamp {
        self.plus(span)
    }
}

impl Sub<TimeDelta> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: TimeDelta) -> Timestamp {
        self.minus(span)
    }
}

impl Sub for Timestamp {
    type Output = TimeDelta;
    fn sub(self, earlier: Timestamp) -> TimeDelta {
        self.since(earlier)
    }
}

impl AddAssign<TimeDelta> for Timestamp {
    fn add_assign(&mut self, span: TimeDelta) {
        *self = self.plus(span);
    }
}

impl Add for TimeDelta {
    type Output = TimeDelta;
    fn add(self, other: TimeDelta) -> TimeDelta {
        TimeDelta(self.0.saturating_add(other.0))
    }
}

impl AddAssign for TimeDelta {
    fn add_assign(&mut self, other: TimeDelta) {
        *self = *self + other;
    }
}

impl Sub for TimeDelta {
    type Output = TimeDelta;
    fn sub(self, other: TimeDelta) -> TimeDelta {
        TimeDelta(self.0.saturating_sub(other.0))
    }
}

impl Neg for TimeDelta {
    type Output = TimeDelta;
    fn neg(self) -> TimeDelta {
        TimeDelta(self.0.saturating_neg())
    }
}

/// A concentrator's free-running counter: microseconds since power-on, wrapping every 71 min 35 s.
///
/// It has no order: only the distance between two near values means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tmst(pub u32);

impl Tmst {
    /// Microseconds from `earlier` to `self` the short way round: −2³¹ to 2³¹ − 1.
    pub const fn diff(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0).cast_signed() as i64
    }

    /// Later by so many microseconds, wrapping.
    pub const fn plus(self, micros: u32) -> Self {
        Self(self.0.wrapping_add(micros))
    }
}

/// A moment in GPS time: microseconds since 1980-01-06T00:00:00Z without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GpsTime(u64);

impl GpsTime {
    /// From microseconds since the GPS epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the GPS epoch.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whole seconds, modulo 2³² as DeviceTimeAns and beacons carry them.
    pub const fn seconds(self) -> u32 {
        (self.0 / 1_000_000 % (1 << 32)) as u32
    }

    /// What is beyond the whole second, in 1/256 s, as DeviceTimeAns carries it.
    pub const fn fraction_256(self) -> u8 {
        (self.0 % 1_000_000 * 256 / 1_000_000) as u8
    }

    /// `None` before 1980. A leap second that was announced after this table was written is
    /// unknown to it.
    pub fn from_timestamp(utc: Timestamp) -> Option<Self> {
        let leap = LEAP_SECONDS.iter().filter(|start| utc.secs() >= **start).count();
        let leap = i64::try_from(leap).ok()?;
        let since = utc.0.checked_sub(GPS_EPOCH * MICROS_PER_SECOND)?;
        u64::try_from(since.checked_add(leap * MICROS_PER_SECOND)?).ok().map(Self)
    }

    /// Back to our clock. The leap second itself becomes the second after it; saturates.
    pub fn to_timestamp(self) -> Timestamp {
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        let seconds = micros / MICROS_PER_SECOND + GPS_EPOCH;
        let passed = (0i64..).zip(LEAP_SECONDS).filter(|(n, start)| seconds > start + n).count();
        let leap = i64::try_from(passed).unwrap_or(0);
        let utc = micros.saturating_add((GPS_EPOCH - leap) * MICROS_PER_SECOND);
        Timestamp(utc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn timestamps_print_as_rfc_3339() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (1_735_689_599_999_999, "2024-12-31T23:59:59.999999Z"),
            (1_700_000_000_120_000, "2023-11-14T22:13:20.120Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ];
        for (micros, text) in cases {
            assert_eq!(Timestamp::from_micros(micros).to_rfc3339(), text);
            assert_eq!(Timestamp::parse_rfc3339(text), Some(Timestamp(micros)));
        }
    }

    #[test]
    fn offsets_and_long_fractions_are_read() {
        let moment = Timestamp::from_micros(1_700_000_000_123_456);
        for text in [
            "2023-11-14T22:13:20.123456789Z",
            "2023-11-15T00:13:20.123456+02:00",
            "2023-11-14 17:13:20.1234567-05:00",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), Some(moment), "{text}");
        }
        for text in
            ["", "2023-11-14", "2023-13-14T00:00:00Z", "2023-11-14T24:00:00Z", "é-1-1T1:1:1Z"]
        {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn rfc_3339_round_trips(micros in -62_135_596_800_000_000i64..253_402_300_800_000_000) {
            let moment = Timestamp::from_micros(micros);
            prop_assert_eq!(Timestamp::parse_rfc3339(&moment.to_rfc3339()), Some(moment));
        }

        #[test]
        fn reading_a_time_never_panics(text in "\\PC*") {
            let _ = Timestamp::parse_rfc3339(&text);
        }

        #[test]
        fn tmst_is_as_far_as_it_was_moved(start: u32, step in 0u32..0x8000_0000) {
            prop_assert_eq!(Tmst(start).plus(step).diff(Tmst(start)), i64::from(step));
            prop_assert_eq!(Tmst(start).diff(Tmst(start).plus(step)), -i64::from(step));
        }

        #[test]
        fn gps_time_round_trips(micros in 315_964_800_000_000i64..4_102_444_800_000_000) {
            let utc = Timestamp::from_micros(micros);
            prop_assert_eq!(GpsTime::from_timestamp(utc).unwrap().to_timestamp(), utc);
        }
    }

    #[test]
    fn gps_is_eighteen_seconds_ahead_since_2017() {
        let gps = |seconds| GpsTime::from_timestamp(Timestamp::from_secs(seconds)).unwrap();
        assert_eq!(gps(315_964_800).seconds(), 0);
        assert_eq!(gps(1_483_228_799).seconds(), 1_483_228_799 - 315_964_800 + 17);
        assert_eq!(gps(1_483_228_800).seconds(), 1_483_228_800 - 315_964_800 + 18);
        // TS003's example moment: 2018-04-04T12:00:00Z is GPS 1 206 878 418.
        assert_eq!(gps(1_522_843_200).seconds(), 1_206_878_418);
        assert_eq!(GpsTime::from_timestamp(Timestamp::from_secs(0)), None);
    }

    #[test]
    fn the_fraction_is_in_256ths() {
        assert_eq!(GpsTime::from_micros(1_500_000).fraction_256(), 128);
        assert_eq!(GpsTime::from_micros(1_999_999).fraction_256(), 255);
        assert_eq!(GpsTime::from_micros(1_999_999).seconds(), 1);
    }

    #[test]
    fn spans_print_in_seconds() {
        assert_eq!(TimeDelta::from_millis(1500).to_string(), "1.500s");
        assert_eq!(TimeDelta::from_micros(-250).to_string(), "-0.000250s");
    }
}

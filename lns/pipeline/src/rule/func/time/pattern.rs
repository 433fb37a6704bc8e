//! Patterns of dates and times: Joda-Time's for writing, Java's for reading. Most letters mean the
//! same in both. Names of months and days are English.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, Zoned};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Zones that people write by a name which the tables do not have, or have without its summer time.
const ABBREVIATIONS: [(&str, &str); 13] = [
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("BST", "Europe/London"),
    ("CEST", "Europe/Paris"),
    ("EEST", "Europe/Athens"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
];

/// A part of a pattern: text as it is, or a letter and how often it stands there.
#[derive(Debug)]
enum Part {
    Text(String),
    Letter(char, usize),
}

/// A pattern that is known to be one.
#[derive(Debug)]
pub struct Pattern(Vec<Part>);

impl Pattern {
    /// Reads a pattern; `None` if a letter means nothing or a quote is not closed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(first) = chars.next() {
            match first {
                '\'' => parts.push(Part::Text(quoted(&mut chars)?)),
                'A'..='Z' | 'a'..='z' => {
                    let mut count = 1;
                    while chars.next_if_eq(&first).is_some() {
                        count += 1;
                    }
                    let known = "GCYyuxwWeEDMLdaKkhHmsSnzZVXO".contains(first);
                    parts.push(known.then_some(Part::Letter(first, count))?);
                }
                other => parts.push(Part::Text(other.to_string())),
            }
        }
        Some(Self(parts))
    }

    /// A moment as this pattern has it.
    pub fn format(&self, moment: &Zoned) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Letter(letter, count) => out.push_str(&written(moment, *letter, *count)),
            }
        }
        out
    }

    /// The moment that a text is, in UTC unless it names a zone. All of the text must be read.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        let mut reading = Reading::new(text);
        for part in &self.0 {
            match part {
                Part::Text(text) => reading.rest = reading.rest.strip_prefix(text.as_str())?,
                Part::Letter(letter, count) => reading.letter(*letter, *count)?,
            }
        }
        reading.moment()
    }
}

/// Text up to the closing quote; two quotes are one.
fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    if chars.next_if_eq(&'\'').is_some() {
        return Some("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match chars.next()? {
            '\'' if chars.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => return Some(text),
            other => text.push(other),
        }
    }
}

fn written(moment: &Zoned, letter: char, count: usize) -> String {
    let padded = |number: i64| format!("{number:0count$}");
    let name = |name: &str| if count > 3 { name.to_owned() } else { name[..3].to_owned() };
    let year = i64::from(moment.year());
    let month = usize::try_from(moment.month()).unwrap_or(1);
    let weekday = usize::try_from(moment.weekday().to_monday_zero_offset()).unwrap_or(0);
    let hour = i64::from(moment.hour());
    match letter {
        'G' => if year > 0 { "AD" } else { "BC" }.to_owned(),
        'C' => padded(year.div_euclid(100)),
        'Y' | 'y' | 'u' if count == 2 => format!("{:02}", year.rem_euclid(100)),
        'Y' | 'y' | 'u' => padded(year),
        'x' => padded(moment.date().iso_week_date().year().into()),
        'w' | 'W' => padded(moment.date().iso_week_date().week().into()),
        'e' => padded(moment.weekday().to_monday_one_offset().into()),
        'E' => name(DAYS[weekday]),
        'D' => padded(moment.day_of_year().into()),
        'M' | 'L' if count > 2 => name(MONTHS[month - 1]),
        'M' | 'L' => padded(moment.month().into()),
        'd' => padded(moment.day().into()),
        'a' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'K' => padded(hour % 12),
        'h' => padded((hour + 11) % 12 + 1),
        'H' => padded(hour),
        'k' => padded((hour + 23) % 24 + 1),
        'm' => padded(moment.minute().into()),
        's' => padded(moment.second().into()),
        'S' | 'n' => {
            let digits = format!("{:09}", moment.subsec_nanosecond());
            let kept = count.min(9);
            format!("{}{}", &digits[..kept], "0".repeat(count - kept))
        }
        'z' if count < 4 => {
            moment.time_zone().to_offset_info(moment.timestamp()).abbreviation().to_owned()
        }
        'z' | 'V' => zone_name(moment),
        'Z' if count > 2 => zone_name(moment),
        'Z' => signed(moment.offset(), count == 2),
        'X' | 'O' if moment.offset().is_zero() => "Z".to_owned(),
        'X' | 'O' => signed(moment.offset(), count > 2),
        _ => String::new(),
    }
}

fn zone_name(moment: &Zoned) -> String {
    match moment.time_zone().iana_name() {
        Some(name) => name.to_owned(),
        None => signed(moment.offset(), true),
    }
}

fn signed(offset: Offset, colon: bool) -> String {
    let minutes = offset.seconds().abs() / 60;
    let sign = if offset.seconds() < 0 { '-' } else { '+' };
    let colon = if colon { ":" } else { "" };
    format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
}

/// A distance from UTC: `+1`, `-05`, `+0530`, `+05:30`.
pub fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let number = |text: &str| -> Option<i32> {
        let digits =
            !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|minutes| *minutes < 60)?);
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// A text that is being read, and what was read of it.
struct Reading<'a> {
    rest: &'a str,
    year: Option<i16>,
    before_christ: bool,
    month: i8,
    day: i8,
    day_of_year: Option<i16>,
    /// 0 to 23, unless the afternoon is to be added.
    hour: i8,
    afternoon: Option<bool>,
    minute: i8,
    second: i8,
    nanosecond: i32,
    zone: Option<jiff::tz::TimeZone>,
}

impl<'a> Reading<'a> {
    fn new(rest: &'a str) -> Self {
        Self {
            rest,
            year: None,
            before_christ: false,
            month: 1,
            day: 1,
            day_of_year: None,
            hour: 0,
            afternoon: None,
            minute: 0,
            second: 0,
            nanosecond: 0,
            zone: None,
        }
    }

    /// Digits: exactly as many as the letter stands there, or all, if it stands there once.
    fn number(&mut self, count: usize) -> Option<i32> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count().min(9);
        let width = if count == 1 { digits } else { count };
        if width == 0 || width > digits {
            return None;
        }
        let (number, rest) = self.rest.split_at(width);
        self.rest = rest;
        number.parse().ok()
    }

    fn small(&mut self, count: usize) -> Option<i8> {
        self.number(count).and_then(|number| i8::try_from(number).ok())
    }

    /// One of some names, whole or its first three letters; gives its place.
    fn name(&mut self, names: &[&str], count: usize) -> Option<usize> {
        let short = |name: &&str| if count > 3 { name.len() } else { name.len().min(3) };
        let begins = |name: &&str| {
            let head = self.rest.get(..short(name));
            head.is_some_and(|head| head.eq_ignore_ascii_case(&name[..short(name)]))
        };
        let at = names.iter().position(begins)?;
        self.rest = &self.rest[short(&names[at])..];
        Some(at)
    }

    fn letter(&mut self, letter: char, count: usize) -> Option<()> {
        match letter {
            'G' => self.before_christ = self.name(&["AD", "BC"], count)? == 1,
            'Y' | 'y' | 'u' => {
                let negative =
                    self.rest.strip_prefix('-').inspect(|rest| self.rest = rest).is_some();
                let year = i16::try_from(self.number(count)?).ok()?;
                let year = if count == 2 { 2000 + year } else { year };
                self.year = Some(if negative { -year } else { year });
            }
            'M' | 'L' if count > 2 => {
                self.month = i8::try_from(self.name(&MONTHS, count)?).ok()? + 1
            }
            'M' | 'L' => self.month = self.small(count)?,
            'd' => self.day = self.small(count)?,
            'D' => self.day_of_year = Some(i16::try_from(self.number(count)?).ok()?),
            // A day of the week is read over: the date says it.
            'E' => _ = self.name(&DAYS, count)?,
            'e' => _ = self.number(count)?,
            'a' => self.afternoon = Some(self.name(&["AM", "PM"], count)? == 1),
            'H' | 'K' => self.hour = self.small(count)?,
            'h' => self.hour = self.small(count).filter(|hour| (1..=12).contains(hour))? % 12,
            'k' => self.hour = self.small(count).filter(|hour| (1..=24).contains(hour))? % 24,
            'm' => self.minute = self.small(count)?,
            's' => self.second = self.small(count)?,
            'S' if count <= 9 => {
                // A fraction has as many digits as letters, also if it is one.
                let digits = self.rest.get(..count)?;
                if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                self.rest = &self.rest[count..];
                self.nanosecond = format!("{digits:0<9}").parse().ok()?;
            }
            'n' => self.nanosecond = self.number(count)?,
            'z' | 'V' | 'Z' | 'X' | 'x' | 'O' => self.zone = Some(self.zone()?),
            _ => return None,
        }
        Some(())
    }

    fn zone(&mut self) -> Option<jiff::tz::TimeZone> {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '-' | ':');
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if name.is_empty() {
            return None;
        }
        let known = ABBREVIATIONS.iter().find(|(short, _)| *short == name);
        super::zone(known.map_or(name, |(_, zone)| zone))
    }

    fn moment(self) -> Option<Timestamp> {
        if !self.rest.is_empty() {
            return None;
        }
        let year = if self.before_christ { 1 - self.year? } else { self.year? };
        let date = match self.day_of_year {
            Some(day) => {
                let first = Date::new(year, 1, 1).ok()?;
                let days = i64::from(day.checked_sub(1)?);
                let date = first.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
                (date.year() == year).then_some(date)?
            }
            None => Date::new(year, self.month, self.day).ok()?,
        };
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(_) | None => self.hour,
        };
        let time = Time::new(hour, self.minute, self.second, self.nanosecond).ok()?;
        let zone = self.zone.unwrap_or(jiff::tz::TimeZone::UTC);
        zone.to_timestamp(DateTime::from_parts(date, time)).ok()
    }
}

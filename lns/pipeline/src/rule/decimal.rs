//! Decimal numbers as the rules engine has them: 34 digits, and magnitudes of 1E-999 to 9.99…E999.
//!
//! The coefficient is an `i128`, which holds 34 digits and four more, so that most arithmetic is a
//! few machine instructions and allocates nothing. What does not fit goes through `bigdecimal` and
//! is rounded back, half to even. Trailing zeros are kept, as `2.50` is written by who means it.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU64;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, Context, RoundingMode, ToPrimitive, Zero};

/// How many digits a number has.
pub const DIGITS: u32 = 34;

/// The largest and, negated, the smallest power of ten that a number may start with.
pub const MAX_EXPONENT: i32 = 999;

/// The first whole number that has too many digits.
const LIMIT: i128 = 10i128.pow(DIGITS);

/// A decimal number: `coefficient × 10^-scale`.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    coefficient: i128,
    scale: i32,
}

/// Whether a whole number has no more digits than an `Int` may have.
pub fn fits_int(number: i128) -> bool {
    -LIMIT < number && number < LIMIT
}

impl Decimal {
    /// Zero, without a point.
    pub const ZERO: Self = Self { coefficient: 0, scale: 0 };

    /// A number rounded to 34 digits. `None` beyond the largest; what is below the smallest is zero.
    fn rounded(coefficient: i128, scale: i32) -> Option<Self> {
        let (mut coefficient, mut scale) = (coefficient, scale);
        if !fits_int(coefficient) {
            let drop = digits(coefficient) - DIGITS;
            coefficient = divide_half_even(coefficient, 10i128.pow(drop));
            scale = scale.checked_sub(i32::try_from(drop).ok()?)?;
            if !fits_int(coefficient) {
                (coefficient, scale) = (coefficient / 10, scale.checked_sub(1)?);
            }
        }
        if coefficient == 0 {
            return Some(Self { coefficient, scale: scale.clamp(0, MAX_EXPONENT) });
        }
        let exponent =
            i32::try_from(digits(coefficient)).ok()?.checked_sub(1)?.checked_sub(scale)?;
        match exponent {
            _ if exponent > MAX_EXPONENT => None,
            _ if exponent < -MAX_EXPONENT => Some(Self::ZERO),
            _ => Some(Self { coefficient, scale }),
        }
    }

    /// A number as it is written: `-12`, `0.50`, `5E-12`. An exponent's plus sign is JSON's and
    /// SQL's; a string that is converted may not have one, nor a point without digits behind it.
    pub fn parse(text: &str, plus: bool) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..], plus)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let (coefficient, dropped) = significant(whole.bytes().chain(fraction.bytes()));
        let places = i64::try_from(fraction.len()).ok()?;
        let scale = i32::try_from(places - dropped - exponent).ok()?;
        Self::rounded(if negative { -coefficient } else { coefficient }, scale)
    }

    /// The shortest number that is this double; `None` for those that are no number.
    pub fn from_f64(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let decimal = Self::parse(&format!("{number:e}"), true)?;
        // A double that is whole is written 2.0, to be seen as what it is.
        let whole = decimal.scale <= 0 && decimal.scale > -7;
        Some(if whole { decimal.at_scale(1).unwrap_or(decimal) } else { decimal })
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        const EXACT: i128 = 1 << 53;
        if (-EXACT..=EXACT).contains(&self.coefficient) && (0..=22).contains(&self.scale) {
            // Both are exact, and so is the rounding of their quotient.
            return self.coefficient as f64 / 10f64.powi(self.scale);
        }
        format!("{}E{}", self.coefficient, -self.scale).parse().unwrap_or(f64::NAN)
    }

    /// This number as a whole one, if it is one and has at most 34 digits.
    pub fn to_int(self) -> Option<i128> {
        if self.scale <= 0 {
            let factor = 10i128.checked_pow(self.scale.unsigned_abs())?;
            return self.coefficient.checked_mul(factor).filter(|number| fits_int(*number));
        }
        let Some(factor) = 10i128.checked_pow(self.scale.unsigned_abs()) else {
            return (self.coefficient == 0).then_some(0);
        };
        (self.coefficient % factor == 0).then(|| self.coefficient / factor)
    }

    /// The largest whole number not above.
    pub fn floor(self) -> Self {
        self.whole(|quotient, remainder, _| quotient - i128::from(remainder < 0))
    }

    /// The smallest whole number not below.
    pub fn ceil(self) -> Self {
        self.whole(|quotient, remainder, _| quotient + i128::from(remainder > 0))
    }

    /// The nearest whole number; of two as near, the one further from zero.
    pub fn round(self) -> Self {
        self.whole(|quotient, remainder, factor| {
            let away = remainder.unsigned_abs() >= factor.unsigned_abs().div_ceil(2);
            quotient + if away { remainder.signum() } else { 0 }
        })
    }

    /// Cut off after so many decimal places, without trailing zeros.
    pub fn trunc(self, places: u32) -> Self {
        let extra = self.scale - i32::try_from(places).unwrap_or(i32::MAX);
        let cut = if extra > 0 {
            let factor = 10i128.checked_pow(extra.unsigned_abs());
            let coefficient = factor.map_or(0, |factor| self.coefficient / factor);
            Self { coefficient, scale: self.scale - extra }
        } else {
            self
        };
        cut.stripped()
    }

    fn stripped(mut self) -> Self {
        while self.scale > 0 && self.coefficient % 10 == 0 {
            self = Self { coefficient: self.coefficient / 10, scale: self.scale - 1 };
        }
        self
    }

    fn whole(self, choose: impl Fn(i128, i128, i128) -> i128) -> Self {
        if self.scale <= 0 {
            return self;
        }
        match 10i128.checked_pow(self.scale.unsigned_abs()) {
            Some(factor) => {
                let (quotient, rest) = (self.coefficient / factor, self.coefficient % factor);
                Self { coefficient: choose(quotient, rest, factor), scale: 0 }
            }
            // So far behind the point that only the sign counts.
            None => Self { coefficient: choose(0, self.coefficient.signum(), i128::MAX), scale: 0 },
        }
    }

    /// −1, 0 or 1.
    pub fn signum(self) -> i128 {
        self.coefficient.signum()
    }

    /// Without its sign.
    pub fn abs(self) -> Self {
        Self { coefficient: self.coefficient.abs(), ..self }
    }

    /// With the other sign.
    pub fn negated(self) -> Self {
        Self { coefficient: -self.coefficient, ..self }
    }

    /// Both added. `None` beyond the largest number.
    pub fn plus(self, other: Self) -> Option<Self> {
        let sum = aligned(self, other).and_then(|(a, b, scale)| Some((a.checked_add(b)?, scale)));
        match sum {
            Some((coefficient, scale)) => Self::rounded(coefficient, scale),
            None => Self::from_big(self.big() + other.big()),
        }
    }

    /// The other taken from this.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negated())
    }

    /// Both multiplied. `None` beyond the largest number.
    pub fn times(self, other: Self) -> Option<Self> {
        match self.coefficient.checked_mul(other.coefficient) {
            Some(coefficient) => Self::rounded(coefficient, self.scale + other.scale),
            None => Self::from_big(self.big() * other.big()),
        }
    }

    /// This divided by the other. `None` for a division by zero and beyond the largest number.
    pub fn divided_by(self, other: Self) -> Option<Self> {
        if other.coefficient == 0 {
            return None;
        }
        if self.coefficient % other.coefficient == 0 {
            return Self::rounded(self.coefficient / other.coefficient, self.scale - other.scale);
        }
        // A hundred digits, of which ours are the first: bigdecimal's own precision of a division.
        Self::from_big((self.big() / other.big()).normalized())
    }

    /// What a division leaves, with the sign of this. `None` for a division by zero.
    pub fn remainder(self, other: Self) -> Option<Self> {
        if other.coefficient == 0 {
            return None;
        }
        match aligned(self, other) {
            Some((a, b, scale)) => Self::rounded(a % b, scale),
            None => Self::from_big(self.big() % other.big()),
        }
    }

    fn big(self) -> BigDecimal {
        BigDecimal::new(BigInt::from(self.coefficient), i64::from(self.scale))
    }

    fn from_big(number: BigDecimal) -> Option<Self> {
        if number.is_zero() {
            return Some(Self::ZERO);
        }
        let precision = NonZeroU64::new(u64::from(DIGITS)).expect("34 is not zero");
        // Rounding a shorter number would fill it up with zeros.
        let rounded = match number.digits() > u64::from(DIGITS) {
            true => Context::new(precision, RoundingMode::HalfEven).round_decimal(number),
            false => number,
        };
        let (coefficient, scale) = rounded.into_bigint_and_scale();
        Self::rounded(coefficient.to_i128()?, i32::try_from(scale).ok()?)
    }

    /// The same number with so many decimal places, if it can be written so.
    fn at_scale(self, scale: i32) -> Option<Self> {
        let more = u32::try_from(scale - self.scale).ok()?;
        let coefficient = self.coefficient.checked_mul(10i128.checked_pow(more)?)?;
        fits_int(coefficient).then_some(Self { coefficient, scale })
    }
}

impl From<i128> for Decimal {
    /// Rounded to 34 digits, if it has more.
    fn from(number: i128) -> Self {
        Self::rounded(number, 0).expect("an i128 has at most 39 digits")
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match aligned(*self, *other) {
            Some((a, b, _)) => a.cmp(&b),
            None => self.big().cmp(&other.big()),
        }
    }
}

impl fmt::Display for Decimal {
    /// As Java's `BigDecimal` is written: plainly, unless it is below 1E-6 or has digits missing
    /// before the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.coefficient < 0 { "-" } else { "" };
        let digits = self.coefficient.unsigned_abs().to_string();
        let scale = i64::from(self.scale);
        let exponent = i64::try_from(digits.len()).unwrap_or(0) - 1 - scale;
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        if scale > 0 && exponent >= -6 {
            let places = usize::try_from(scale).unwrap_or(0);
            let padded = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = padded.split_at(padded.len() - places);
            return write!(f, "{sign}{whole}.{fraction}");
        }
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        write!(f, "{sign}{first}{point}{rest}E{exponent:+}")
    }
}

/// Both coefficients at the larger scale, if they fit.
fn aligned(a: Decimal, b: Decimal) -> Option<(i128, i128, i32)> {
    match a.scale.cmp(&b.scale) {
        Ordering::Equal => Some((a.coefficient, b.coefficient, a.scale)),
        Ordering::Greater => {
            let factor = 10i128.checked_pow(u32::try_from(a.scale - b.scale).ok()?)?;
            Some((a.coefficient, b.coefficient.checked_mul(factor)?, a.scale))
        }
        Ordering::Less => {
            let factor = 10i128.checked_pow(u32::try_from(b.scale - a.scale).ok()?)?;
            Some((a.coefficient.checked_mul(factor)?, b.coefficient, b.scale))
        }
    }
}

fn digits(number: i128) -> u32 {
    number.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)
}

fn divide_half_even(number: i128, by: i128) -> i128 {
    let (quotient, rest) = (number / by, (number % by).unsigned_abs());
    let up = match (rest * 2).cmp(&by.unsigned_abs()) {
        Ordering::Greater => true,
        Ordering::Equal => quotient % 2 != 0,
        Ordering::Less => false,
    };
    quotient + if up { number.signum() } else { 0 }
}

/// The first 34 digits as a number, rounded half to even, and how many more there were.
fn significant(digits: impl Iterator<Item = u8>) -> (i128, i64) {
    let (mut coefficient, mut dropped) = (0i128, 0i64);
    let (mut next, mut more) = (0u8, false);
    for digit in digits {
        let digit = digit - b'0';
        if coefficient * 10 + i128::from(digit) < LIMIT && dropped == 0 {
            coefficient = coefficient * 10 + i128::from(digit);
        } else {
            more |= dropped > 0 && digit > 0;
            next = if dropped == 0 { digit } else { next };
            dropped += 1;
        }
    }
    let up = next > 5 || (next == 5 && (more || coefficient % 2 != 0));
    (coefficient + i128::from(up), dropped)
}

/// An exponent's digits, one at least. More than nine say no more than nine do.
fn parse_exponent(text: &str, plus: bool) -> Option<i64> {
    let unsigned = match text.strip_prefix('-') {
        Some(rest) => rest,
        None if plus => text.strip_prefix('+').unwrap_or(text),
        None => text,
    };
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = unsigned.trim_start_matches('0');
    let size: i64 =
        if significant.len() > 9 { 999_999_999 } else { significant.parse().unwrap_or(0) };
    Some(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
#[path = "decimal_tests.rs"]
mod tests;

//! A number in its own digits.

/// A JSON number as it was spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(Box<str>);

/// A value as digits without zeros at either end, times a power of ten.
#[derive(PartialEq, Eq)]
struct Value {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Number {
    /// The caller has seen that this is how JSON spells a number.
    pub(super) fn spelled(digits: &str) -> Self {
        Number(digits.into())
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both have the same value, exactly: 1, 1.0 and 10e-1 are one number. Those whose
    /// exponents are beyond all measure are compared by their spelling.
    pub fn same(&self, other: &Number) -> bool {
        self.0 == other.0 || self.value().is_some_and(|value| Some(value) == other.value())
    }

    fn value(&self) -> Option<Value> {
        let (negative, unsigned) = match self.0.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, &*self.0),
        };
        let (mantissa, power) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let Some(first) = digits.iter().position(|digit| *digit != b'0') else {
            // Zero has no sign and no power of ten.
            return Some(Value { negative: false, digits: Vec::new(), exponent: 0 });
        };
        let end = digits.iter().rposition(|digit| *digit != b'0').map_or(first, |last| last + 1);
        let dropped = i64::try_from(digits.len() - end).ok()?;
        let shift = dropped - i64::try_from(fraction.len()).ok()?;
        let exponent = power.parse::<i64>().ok()?.checked_add(shift)?;
        Some(Value { negative, digits: digits[first..end].to_vec(), exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value_to_the_last_digit() {
        for (a, b, same) in [
            ("1", "1.0", true),
            ("1", "10e-1", true),
            ("0.1", "1E-1", true),
            ("100", "1e+2", true),
            ("0", "-0.0e7", true),
            ("12.50", "12.5", true),
            ("9007199254740993", "9007199254740992", false),
            ("9007199254740993", "9007199254740993.0", true),
            ("1", "-1", false),
            ("1", "10", false),
            ("0.1", "0.10000000000000001", false),
            ("1e99999999999999999999", "1e99999999999999999999", true),
            ("1e99999999999999999999", "10e99999999999999999998", false),
        ] {
            assert_eq!(Number::spelled(a).same(&Number::spelled(b)), same, "{a} and {b}");
            assert_eq!(Number::spelled(b).same(&Number::spelled(a)), same, "{b} and {a}");
        }
    }
}

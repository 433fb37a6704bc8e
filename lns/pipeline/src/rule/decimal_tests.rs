use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text, true).unwrap_or_else(|| panic!("{text} is a number"))
}

#[test]
fn numbers_are_written_as_they_are_read() {
    for text in ["0", "10.0", "2.50", "-1.2", "5E-12", "1E+20", "1.23E+7", "0.000001", "1.5E-7"] {
        assert_eq!(decimal(text).to_string(), text);
    }
    let longest = format!("0.{}", "9".repeat(34));
    assert_eq!(decimal(&longest).to_string(), longest);
}

#[test]
fn what_is_no_number_is_none() {
    for text in ["", "-", ".5", "5.", "1e", "1e+", "0x10", " 1", "1 ", "١", "1_0", "--1", "NaN"] {
        assert!(Decimal::parse(text, true).is_none(), "{text}");
    }
    assert!(Decimal::parse("1E+5", false).is_none(), "a string's exponent has no plus");
    assert!(Decimal::parse("1E1000", true).is_none());
    assert!(Decimal::parse("1E999999999999", true).is_none());
    assert_eq!(decimal("1E-1000"), Decimal::ZERO);
}

#[test]
fn more_than_34_digits_are_rounded_half_to_even() {
    let nines = "9".repeat(34);
    assert_eq!(
        decimal(&format!("{nines}5")).to_string(),
        "1.000000000000000000000000000000000E+35"
    );
    assert_eq!(
        decimal(&format!("{nines}4")).to_string(),
        "9.999999999999999999999999999999999E+34"
    );
    let even = format!("{}2", "1".repeat(33));
    assert_eq!(decimal(&format!("{even}5")), decimal(&format!("{even}0")));
    let above = decimal(&format!("{even}50000001"));
    assert_eq!(above, decimal(&format!("{}300000000", "1".repeat(33))));
}

#[test]
fn division_keeps_34_digits() {
    let third = decimal("1").divided_by(decimal("3")).expect("no zero");
    assert_eq!(third.to_string(), format!("0.{}", "3".repeat(34)));
    let two_thirds = decimal("2").divided_by(decimal("3")).expect("no zero");
    assert_eq!(two_thirds.to_string(), format!("0.{}7", "6".repeat(33)));
    assert_eq!(decimal("2.5").divided_by(decimal("2")).expect("no zero").to_string(), "1.25");
    assert_eq!(decimal("1").divided_by(Decimal::ZERO), None);
    assert_eq!(decimal("9E999").times(decimal("2")), None);
    assert_eq!(decimal("1E-999").times(decimal("0.1")), Some(Decimal::ZERO));
}

#[test]
fn doubles_are_written_shortest() {
    for (number, text) in [
        (std::f64::consts::FRAC_PI_2, "1.5707963267948966"),
        (0.0, "0.0"),
        (32.0, "32.0"),
        (1e300, "1E+300"),
        (1e-10, "1E-10"),
    ] {
        assert_eq!(Decimal::from_f64(number).expect("a number").to_string(), text);
    }
    assert_eq!(Decimal::from_f64(f64::NAN), None);
    assert_eq!(decimal("0.1").to_f64(), 0.1);
    assert_eq!(decimal("1.5E300").to_f64(), 1.5e300);
}

#[test]
fn rounding_goes_where_its_name_says() {
    let whole = |text: &str| {
        let number = decimal(text);
        [number.floor(), number.ceil(), number.round()].map(|number| number.to_int())
    };
    let expected = |floor, ceil, round| [Some(floor), Some(ceil), Some(round)];
    assert_eq!(whole("1.2"), expected(1, 2, 1));
    assert_eq!(whole("-1.2"), expected(-2, -1, -1));
    assert_eq!(whole("1.5"), expected(1, 2, 2));
    assert_eq!(whole("-1.5"), expected(-2, -1, -2));
    assert_eq!(whole("1E-100"), expected(0, 1, 0));
    assert_eq!(whole("-9E-500"), expected(-1, 0, 0));
    assert_eq!(decimal("2.888").trunc(2).to_string(), "2.88");
    assert_eq!(decimal("2.00").trunc(5).to_string(), "2");
    assert_eq!(decimal("1E+40").to_int(), None);
}

fn any_decimal() -> impl Strategy<Value = Decimal> {
    let coefficient = prop_oneof![-999i128..999, -(LIMIT - 1)..LIMIT];
    let scale = prop_oneof![3 => -5i32..30, 1 => -600i32..600];
    (coefficient, scale).prop_map(|(coefficient, scale)| Decimal { coefficient, scale })
}

/// The same operation by bigdecimal alone, rounded once.
fn exact(number: BigDecimal) -> Option<Decimal> {
    Decimal::from_big(number)
}

proptest! {
    #[test]
    fn arithmetic_agrees_with_the_big_numbers(a in any_decimal(), b in any_decimal()) {
        prop_assert_eq!(a.plus(b), exact(a.big() + b.big()));
        prop_assert_eq!(a.minus(b), exact(a.big() - b.big()));
        prop_assert_eq!(a.times(b), exact(a.big() * b.big()));
        prop_assert_eq!(a.cmp(&b), a.big().cmp(&b.big()));
        if b.signum() != 0 {
            prop_assert_eq!(a.divided_by(b), exact(a.big() / b.big()));
            prop_assert_eq!(a.remainder(b), exact(a.big() % b.big()));
        }
    }

    #[test]
    fn reading_what_was_written_gives_the_number(a in any_decimal()) {
        prop_assert_eq!(decimal(&a.to_string()), a);
    }

    #[test]
    fn doubles_survive(number in any::<f64>()) {
        if let Some(decimal) = Decimal::from_f64(number) {
            prop_assert_eq!(decimal.to_f64(), number);
        }
    }
}

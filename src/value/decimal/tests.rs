use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn hash(value: &Decimal) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

#[test]
fn text_is_brought_to_the_canonical_form() {
    for (text, canonical) in [
        ("0", "0"),
        ("-0", "0"),
        ("+0", "0"),
        ("-0.00", "0.00"),
        ("00012", "12"),
        ("-00012.50", "-12.50"),
        ("+5", "5"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("1.50", "1.50"),
        ("0.10", "0.10"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("1.50e1", "15.0"),
        ("1.50e2", "150"),
        ("1.50e3", "1500"),
        ("150e-2", "1.50"),
        ("15e-3", "0.015"),
        ("-15e-1", "-1.5"),
        ("0.001e2", "0.1"),
        ("000.100e1", "1.00"),
        ("0e5", "0"),
        ("0e-3", "0.000"),
        ("0e999999999999999999999", "0"),
        ("nan", "NaN"),
        ("INFINITY", "Infinity"),
        ("-inf", "-Infinity"),
        ("+Infinity", "Infinity"),
    ] {
        assert_eq!(decimal(text).as_str(), canonical, "{text}");
        assert!(matches!(Decimal::canonical(canonical), Ok(Cow::Borrowed(same)) if same == canonical), "{canonical}");
    }
}

#[test]
fn what_is_no_number_is_refused() {
    for text in [
        "", "-", "+", ".", "-.", "e", "e5", "1e", "1e+", "1e1.5", "1.2.3", "1,5", "1 000", " 1", "1 ", "--1", "+-1",
        "0x10", "1_000", "-NaN", "+NaN", "NaN1", "Infinit", "١", "1é", "é", "$1",
    ] {
        assert_eq!(text.parse::<Decimal>(), Err(NO_NUMBER), "{text}");
    }
}

#[test]
fn numbers_are_as_long_as_the_longest_database_has_them() {
    let longest = "9".repeat(Decimal::MAX_DIGITS);
    assert_eq!(decimal(&longest).as_str(), longest);
    assert_eq!(decimal(&format!("-{longest}")).as_str().len(), Decimal::MAX_DIGITS + 1);
    assert_eq!(format!("{longest}9").parse::<Decimal>(), Err(TOO_LONG));
    assert_eq!(format!("{longest}.0").parse::<Decimal>(), Err(TOO_LONG));
    assert_eq!(decimal(&format!("1e{}", Decimal::MAX_DIGITS - 1)).as_str().len(), Decimal::MAX_DIGITS);
    assert_eq!(decimal(&format!("1e-{}", Decimal::MAX_DIGITS - 1)).scale(), Decimal::MAX_DIGITS - 1);
    // The zeros in front do not count.
    assert_eq!(decimal(&format!("{}1", "0".repeat(Decimal::MAX_DIGITS))).as_str(), "1");
    // Refused at once, without the memory that the zeros would take.
    for text in ["1e147455", "1e-147455", "1e1000000000000", "1e-9223372036854775808", "0e-99999999"] {
        assert_eq!(text.parse::<Decimal>(), Err(TOO_LONG), "{text}");
    }
}

#[test]
fn equality_is_that_of_the_number() {
    for (left, right) in [("1.5", "1.50"), ("0", "-0.000"), ("100", "1e2"), ("-2.0", "-2"), ("NaN", "nan")] {
        let (left, right) = (decimal(left), decimal(right));
        assert_eq!(left, right);
        assert_eq!(hash(&left), hash(&right), "{left} {right}");
    }
    assert_ne!(decimal("1.5"), decimal("1.05"));
    assert_ne!(decimal("1"), decimal("-1"));
}

#[test]
fn order_is_that_of_the_number_and_total() {
    let ordered = [
        "-Infinity",
        "-1000",
        "-999.9",
        "-10",
        "-9",
        "-1.01",
        "-1.001",
        "-1",
        "-0.1",
        "-0.01",
        "0",
        "0.01",
        "0.1",
        "0.11",
        "1",
        "1.001",
        "1.01",
        "9",
        "10",
        "999.9",
        "1000",
        "Infinity",
        "NaN",
    ]
    .map(decimal);
    for (i, left) in ordered.iter().enumerate() {
        for (j, right) in ordered.iter().enumerate() {
            assert_eq!(left.cmp(right), i.cmp(&j), "{left} {right}");
        }
    }
}

#[test]
fn the_properties_are_those_of_the_number() {
    for (text, scale, finite, zero, negative, integer) in [
        ("0", 0, true, true, false, true),
        ("0.00", 2, true, true, false, true),
        ("-1.0", 1, true, false, true, true),
        ("0.5", 1, true, false, false, false),
        ("100", 0, true, false, false, true),
        ("NaN", 0, false, false, false, false),
        ("-Infinity", 0, false, false, true, false),
    ] {
        let number = decimal(text);
        assert_eq!(
            (number.scale(), number.is_finite(), number.is_zero(), number.is_negative(), number.is_integer()),
            (scale, finite, zero, negative, integer),
            "{text}"
        );
    }
    assert!(decimal("NaN").is_nan() && !decimal("Infinity").is_nan());
}

#[test]
fn integers_are_exact_to_their_last() {
    macro_rules! edges {
        ($($integer:ty)+) => {$(
            for edge in [<$integer>::MIN, <$integer>::MAX, 0, 1] {
                assert_eq!(<$integer>::try_from(&Decimal::from(edge)), Ok(edge));
                assert_eq!(<$integer>::try_from(decimal(&format!("{edge}.000"))), Ok(edge));
            }
            let above = decimal(&increment(&<$integer>::MAX.to_string()));
            assert_eq!(<$integer>::try_from(above), Err(OUT_OF_RANGE));
            let below = match <$integer>::MIN {
                0 => decimal("-1"),
                min => decimal(&format!("-{}", increment(min.to_string().trim_start_matches('-')))),
            };
            assert_eq!(<$integer>::try_from(below), Err(OUT_OF_RANGE));
            assert_eq!(<$integer>::try_from(decimal("1.5")), Err(HAS_FRACTION));
            assert_eq!(<$integer>::try_from(decimal("NaN")), Err(NOT_FINITE));
        )+};
    }
    edges!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
}

/// The next number, on paper. None of those it is used for ends in a nine.
fn increment(digits: &str) -> String {
    let (head, last) = digits.split_at(digits.len() - 1);
    format!("{head}{}", last.parse::<u8>().unwrap() + 1)
}

#[test]
fn only_equal_floats_are_exact() {
    for (text, float) in [
        ("0", 0.0),
        ("0.00", 0.0),
        ("0.5", 0.5),
        ("-0.5000", -0.5),
        ("1e22", 1e22),
        ("9007199254740992", 9007199254740992.0),
        ("9007199254740994", 9007199254740994.0),
        ("0.1000000000000000055511151231257827021181583404541015625", 0.1),
        ("Infinity", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
    ] {
        assert_eq!(exact_f64(decimal(text).as_str()), Some(float), "{text}");
    }
    assert!(exact_f64("NaN").is_some_and(f64::is_nan));
    for text in
        ["0.1", "0.3", "1.1", "1e23", "9007199254740993", "1e400", "-1e400", "1e-400", "0.50000000000000000000001"]
    {
        assert_eq!(exact_f64(decimal(text).as_str()), None, "{text}");
    }
    // The least float there is has 1074 places; with more places than that no number is one.
    let least = format!("{:.1074}", f64::from_bits(1));
    assert_eq!(exact_f64(&least), Some(f64::from_bits(1)));
    assert_eq!(exact_f64(&format!("{least}0")), Some(f64::from_bits(1)));
    assert_eq!(exact_f64(&format!("{least}1")), None);
    assert_eq!(exact_f64(&format!("0.{}1", "0".repeat(100_000))), None);
    let largest = format!("{:.0}", f64::MAX);
    assert_eq!(exact_f64(&largest), Some(f64::MAX));
}

#[test]
fn the_nearest_float_is_given_when_it_is_asked_for() {
    assert_eq!(decimal("0.1").to_f64(), 0.1);
    assert_eq!(decimal("1e400").to_f64(), f64::INFINITY);
    assert_eq!(decimal("-1e400").to_f64(), f64::NEG_INFINITY);
    assert!(decimal("NaN").to_f64().is_nan());
}

#[test]
fn errors_do_not_repeat_the_text() {
    let error = "hunter2".parse::<Decimal>().unwrap_err();
    assert_eq!(error.to_string(), "not a decimal number");
}

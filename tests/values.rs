//! Values into and out of the types of Rust: exact, or an error that does not repeat the content.

use pontoon::value::{
    ConversionError, Date, Decimal, FromValue, FromValueOwned, Interval, Json, Kind, Offset, Time, Timestamp,
    TimestampTz, ToValue, Value, ValueRef,
};
use pontoon::{Effect, ErrorKind};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Debug;
use std::num::NonZero;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn other(type_name: &str, text: &str) -> Value {
    Value::Other { type_name: type_name.into(), text: text.into() }
}

/// Sends, reads back, and checks that NULL of the type is typed as it.
#[track_caller]
fn round_trip<T: ToValue + FromValueOwned + PartialEq + Debug + Clone>(rust: T, value: &Value) {
    assert_eq!(rust.to_value().as_ref(), Ok(value));
    assert_eq!(rust.with_ref(|value| value.to_value()).as_ref(), Ok(value));
    assert_eq!(rust.clone().into_value().as_ref(), Ok(value));
    assert_eq!(value.get::<T>().as_ref(), Ok(&rust));
    assert_eq!(value.get::<Option<T>>(), Ok(Some(rust)));
    assert_eq!(None::<T>.to_value(), Ok(Value::Null(T::kind())));
    assert_eq!(Value::Null(T::kind()).get::<Option<T>>(), Ok(None));
    let null = Value::NULL.get::<T>().map(|_| ()).unwrap_err().to_string();
    assert!(null.starts_with("cannot read NULL as ") && null.contains(": use Option<"), "{null}");
}

#[track_caller]
fn refused<'v, T: FromValue<'v> + Debug>(value: &'v Value, message: &str) {
    assert_eq!(value.get::<T>().unwrap_err().to_string(), message);
}

#[test]
fn every_integer_round_trips_to_its_edges_and_not_beyond() {
    macro_rules! edges {
        ($($integer:ident)+) => {$(
            for edge in [<$integer>::MIN, <$integer>::MAX, 0, 1, 100] {
                let value = edge.to_value().unwrap();
                round_trip(edge, &value);
                // The same number is read from every kind that holds it.
                assert_eq!(decimal(&edge.to_string()).get(), Ok(edge));
                assert_eq!(decimal(&format!("{edge}.00")).get(), Ok(edge));
                let wide = Decimal::from(edge);
                if let Ok(signed) = i64::try_from(&wide) {
                    assert_eq!(Value::I64(signed).get(), Ok(edge));
                }
                if let Ok(unsigned) = u64::try_from(&wide) {
                    assert_eq!(Value::U64(unsigned).get(), Ok(edge));
                }
                assert_eq!(NonZero::new(edge).map(|edge| edge.to_value()), (edge != 0).then_some(Ok(value)));
            }
            let name = stringify!($integer);
            for signed in [i64::MIN, i64::MAX, -1, 127, 128, 255, 256, -128, -129, 32_767, 32_768, 65_535, 65_536,
                           -32_769, 2_147_483_647, 2_147_483_648, 4_294_967_295, 4_294_967_296, -2_147_483_649] {
                let expected = <$integer>::try_from(signed).ok();
                assert_eq!(Value::I64(signed).get::<$integer>().ok(), expected, "{signed} as {name}");
                assert_eq!(decimal(&signed.to_string()).get::<$integer>().ok(), expected, "{signed} as {name}");
            }
            for unsigned in [u64::MAX, 1 << 63, (1 << 63) - 1] {
                assert_eq!(Value::U64(unsigned).get::<$integer>().ok(), <$integer>::try_from(unsigned).ok());
            }
            refused::<$integer>(&decimal("1e40"), &format!("cannot read DECIMAL as {name}: it is out of range"));
            refused::<$integer>(&decimal("-1e40"), &format!("cannot read DECIMAL as {name}: it is out of range"));
            refused::<$integer>(&decimal("1.5"), &format!("cannot read DECIMAL as {name}: it has a fraction"));
            refused::<$integer>(&decimal("NaN"), &format!("cannot read DECIMAL as {name}: it is not finite"));
            refused::<$integer>(&Value::NULL, &format!("cannot read NULL as {name}: use Option<{name}>"));
            refused::<NonZero<$integer>>(&Value::I64(0), &format!("cannot read INTEGER as NonZero<{name}>: it is zero"));
        )+};
    }
    edges!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
}

#[test]
fn integers_of_128_bits_become_decimals_where_64_are_too_few() {
    assert_eq!(i128::from(i64::MIN).to_value(), Ok(Value::I64(i64::MIN)));
    assert_eq!((i128::from(i64::MIN) - 1).to_value(), Ok(decimal("-9223372036854775809")));
    assert_eq!(u128::MAX.to_value(), Ok(decimal("340282366920938463463374607431768211455")));
    assert_eq!(u64::MAX.to_value(), Ok(Value::U64(u64::MAX)));
}

#[test]
fn floats_are_read_as_integers_only_where_they_are_one_for_certain() {
    const LAST: f64 = 9_007_199_254_740_992.0;
    assert_eq!(Value::F64(-3.0).get(), Ok(-3));
    assert_eq!(Value::F64(-0.0).get(), Ok(0u8));
    assert_eq!(Value::F64(LAST).get(), Ok(1i64 << 53));
    assert_eq!(Value::F32(16_777_216.0).get(), Ok(1i64 << 24));
    refused::<i64>(
        &Value::F64(LAST + 2.0),
        "cannot read DOUBLE as i64: it is beyond the integers that floats hold exactly",
    );
    refused::<i64>(
        &Value::F32(16_777_218.0),
        "cannot read REAL as i64: it is beyond the integers that floats hold exactly",
    );
    refused::<i64>(&Value::F64(0.5), "cannot read DOUBLE as i64: it has a fraction");
    refused::<i64>(&Value::F64(f64::NAN), "cannot read DOUBLE as i64: it is not finite");
    refused::<i64>(&Value::F64(f64::NEG_INFINITY), "cannot read DOUBLE as i64: it is not finite");
    refused::<u8>(&Value::F64(256.0), "cannot read DOUBLE as u8: it is out of range");
    refused::<u8>(&Value::F64(-1.0), "cannot read DOUBLE as u8: it is out of range");
}

#[test]
fn text_is_never_taken_for_a_number() {
    let text = Value::from("42");
    refused::<i64>(
        &text,
        "cannot read TEXT as i64: only integers, and decimals and floats without a fraction, are read as one",
    );
    refused::<f64>(
        &text,
        "cannot read TEXT as f64: only floats, and integers and decimals equal to one, are read as one",
    );
    refused::<bool>(
        &Value::from("true"),
        "cannot read TEXT as bool: only booleans and the integers 0 and 1 are read as one",
    );
    refused::<i64>(&Value::Bool(true), "cannot read BOOLEAN as i64: it is a boolean; read it as bool");
    for value in [Value::I64(1), Value::F64(1.0), Value::Bool(true), Value::Bytes(b"x".to_vec()), Value::Uuid([0; 16])]
    {
        assert!(value.get::<String>().is_err() && value.get::<&str>().is_err(), "{value:?}");
    }
}

#[test]
fn floats_are_exact_or_an_error() {
    for float in [0.0, -0.0, 1.5, f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1), f64::INFINITY, f64::NEG_INFINITY] {
        round_trip(float, &Value::F64(float));
        assert_eq!(Value::F64(float).get::<f64>().map(f64::to_bits), Ok(float.to_bits()));
    }
    assert!(Value::F64(f64::NAN).get::<f64>().is_ok_and(f64::is_nan));
    assert!(Value::F64(f64::NAN).get::<f32>().is_ok_and(f32::is_nan));
    assert!(Value::F32(f32::NAN).get::<f64>().is_ok_and(f64::is_nan));
    round_trip(0.1f32, &Value::F32(0.1));
    assert_eq!(Value::F32(0.1).get(), Ok(f64::from(0.1f32)));
    assert_eq!(Value::F64(0.5).get(), Ok(0.5f32));
    assert_eq!(Value::F64(f64::INFINITY).get(), Ok(f32::INFINITY));
    refused::<f32>(&Value::F64(0.1), "cannot read DOUBLE as f32: it does not fit 32 bits exactly; read it as f64");
    refused::<f32>(&Value::F64(1e300), "cannot read DOUBLE as f32: it does not fit 32 bits exactly; read it as f64");

    const BEYOND: &str = "it is beyond the integers that floats hold exactly";
    for edge in [1i64 << 53, -(1 << 53)] {
        assert_eq!(Value::I64(edge).get(), Ok(edge as f64));
        refused::<f64>(&Value::I64(edge + edge.signum()), &format!("cannot read INTEGER as f64: {BEYOND}"));
    }
    refused::<f64>(&Value::I64(i64::MIN), &format!("cannot read INTEGER as f64: {BEYOND}"));
    refused::<f64>(&Value::U64(u64::MAX), &format!("cannot read UNSIGNED INTEGER as f64: {BEYOND}"));
    assert_eq!(Value::I64(1 << 24).get(), Ok(16_777_216f32));
    refused::<f32>(&Value::I64((1 << 24) + 1), &format!("cannot read INTEGER as f32: {BEYOND}"));

    const UNEQUAL: &str = "no float is equal to it; read it as Decimal, whose to_f64 gives the nearest";
    assert_eq!(decimal("0.50").get(), Ok(0.5));
    assert_eq!(decimal("0.50").get(), Ok(0.5f32));
    assert_eq!(decimal("-Infinity").get(), Ok(f32::NEG_INFINITY));
    refused::<f64>(&decimal("0.1"), &format!("cannot read DECIMAL as f64: {UNEQUAL}"));
    refused::<f32>(&decimal("0.1"), &format!("cannot read DECIMAL as f32: {UNEQUAL}"));
    refused::<f32>(&decimal("16777217"), &format!("cannot read DECIMAL as f32: {UNEQUAL}"));
}

#[test]
fn booleans_are_also_the_integers_zero_and_one() {
    round_trip(true, &Value::Bool(true));
    assert_eq!((Value::I64(0).get(), Value::I64(1).get()), (Ok(false), Ok(true)));
    assert_eq!((Value::U64(0).get(), Value::U64(1).get()), (Ok(false), Ok(true)));
    for value in [Value::I64(2), Value::I64(-1), Value::U64(2)] {
        assert!(value.get::<bool>().is_err(), "{value:?}");
    }
    refused::<bool>(&Value::I64(2), "cannot read INTEGER as bool: it is neither 0 nor 1");
}

#[test]
fn decimals_of_a_thousand_digits_are_kept() {
    let long = format!("-{}.{}", "1234567890".repeat(50), "0987654321".repeat(50));
    let number: Decimal = long.parse().unwrap();
    round_trip(number.clone(), &decimal(&long));
    assert_eq!(Value::from(long.as_str()).get(), Ok(number), "from text, as SQLite keeps it");
    assert_eq!(decimal(&long).get::<String>(), Ok(long));
    assert_eq!(Value::I64(i64::MIN).get(), Ok(Decimal::from(i64::MIN)));
    assert_eq!(Value::U64(u64::MAX).get(), Ok(Decimal::from(u64::MAX)));
    assert_eq!(decimal("1.50").get::<&str>(), Ok("1.50"));
    refused::<Decimal>(&Value::from("12 EUR"), "cannot read TEXT as Decimal: it is no decimal number");
    assert!(Value::F64(0.5).get::<Decimal>().is_err(), "a float is no exact number");
}

#[test]
fn text_is_text_of_every_kind_that_has_one() {
    round_trip(String::from("na\0ïve"), &Value::from("na\0ïve"));
    round_trip(Box::<str>::from("x"), &Value::from("x"));
    round_trip(Rc::<str>::from("x"), &Value::from("x"));
    round_trip(Arc::<str>::from("x"), &Value::from("x"));
    round_trip('ß', &Value::from("ß"));
    assert_eq!("x".to_value(), Ok(Value::from("x")));
    assert_eq!(Cow::Borrowed("x").to_value(), Ok(Value::from("x")));
    for value in [Value::from("x"), Value::Json("x".into()), other("inet", "x")] {
        assert_eq!(value.get::<&str>(), Ok("x"));
        assert_eq!(value.get::<String>(), Ok("x".into()));
        assert!(matches!(value.get::<Cow<'_, str>>(), Ok(Cow::Borrowed("x"))));
    }
    for wrong in ["", "ab"] {
        refused::<char>(&Value::from(wrong), "cannot read TEXT as char: it is not one character");
    }
}

#[test]
fn text_and_bytes_are_borrowed_not_copied() {
    let (text, bytes) = (Value::from("borrowed"), Value::from(b"borrowed"));
    let Value::Text(owned) = &text else { panic!("{text:?}") };
    assert!(std::ptr::eq(text.get::<&str>().unwrap(), owned.as_str()));
    let Value::Bytes(owned) = &bytes else { panic!("{bytes:?}") };
    assert!(std::ptr::eq(bytes.get::<&[u8]>().unwrap(), owned.as_slice()));
    let sent = String::from("moved");
    let pointer = sent.as_ptr();
    let Ok(Value::Text(moved)) = Some(sent).into_value() else { panic!("no text") };
    assert_eq!(moved.as_ptr(), pointer);
    let sent = vec![1u8, 2, 3];
    let pointer = sent.as_ptr();
    let Ok(Value::Bytes(moved)) = sent.into_value() else { panic!("no bytes") };
    assert_eq!(moved.as_ptr(), pointer);
}

#[test]
fn lists_of_u8_are_bytes_and_other_lists_are_arrays() {
    round_trip(vec![0u8, 255], &Value::Bytes(vec![0, 255]));
    round_trip([0u8, 255], &Value::Bytes(vec![0, 255]));
    round_trip(vec![1i32, 2], &Value::Array(vec![Value::I64(1), Value::I64(2)]));
    round_trip([1u64, 2], &Value::Array(vec![Value::U64(1), Value::U64(2)]));
    round_trip(vec![Some(1i32), None], &Value::Array(vec![Value::I64(1), Value::Null(Kind::I64)]));
    round_trip(vec![vec![1u8], vec![]], &Value::Array(vec![Value::Bytes(vec![1]), Value::Bytes(vec![])]));
    round_trip(vec![vec![1i64]], &Value::Array(vec![Value::Array(vec![Value::I64(1)])]));
    round_trip(Vec::<String>::new(), &Value::Array(vec![]));
    assert_eq!([1u8].as_slice().to_value(), Ok(Value::Bytes(vec![1])));
    assert_eq!(["a", "b"].as_slice().to_value(), Ok(Value::Array(vec![Value::from("a"), Value::from("b")])));
    assert_eq!((<[u8]>::kind(), <Vec<i64>>::kind(), <&[u8; 4]>::kind()), (Kind::Bytes, Kind::Array, Kind::Bytes));
    assert_eq!(Value::Uuid([7; 16]).get(), Ok([7u8; 16]));
    assert_eq!(Value::Bytes(vec![1]).get::<Box<[u8]>>(), Ok([1].into()));

    let array = Value::Array(vec![Value::I64(1), Value::from("two")]);
    refused::<Vec<i32>>(
        &array,
        "cannot read ARRAY as Vec<i32>: element 1: cannot read TEXT as i32: \
         only integers, and decimals and floats without a fraction, are read as one",
    );
    refused::<[&str; 2]>(
        &array,
        "cannot read ARRAY as [&str; 2]: element 0: cannot read INTEGER as &str: \
         only text, JSON, decimals and the text of unknown types are read as text",
    );
    refused::<[Value; 3]>(&array, "cannot read ARRAY as [Value; 3]: it has 2 elements");
    refused::<Vec<u8>>(
        &Value::Array(vec![Value::I64(1)]),
        "cannot read ARRAY as Vec<u8>: only bytes are read as bytes",
    );
    refused::<Vec<i32>>(&Value::Bytes(vec![1]), "cannot read BYTES as Vec<i32>: only arrays are read as a list");
    refused::<[u8; 15]>(&Value::Uuid([7; 16]), "cannot read UUID as [u8; 15]: it has 16 elements");
    refused::<[i8; 16]>(&Value::Uuid([7; 16]), "cannot read UUID as [i8; 16]: only arrays are read as a list");
    refused::<[u8; 2]>(&Value::NULL, "cannot read NULL as [u8; 2]: use Option<[u8; 2]>");
}

#[test]
fn pointers_and_references_are_their_content() {
    round_trip(Box::new(7i64), &Value::I64(7));
    round_trip(Rc::new(7i64), &Value::I64(7));
    round_trip(Arc::new(7i64), &Value::I64(7));
    assert_eq!((&&7i64).to_value(), Ok(Value::I64(7)));
    assert_eq!(Some(&"x").to_value(), Ok(Value::from("x")));
    let (boxed, shared): (Box<[i64]>, Arc<[u8]>) = ([7].into(), [7].into());
    assert_eq!(boxed.to_value(), Ok(Value::Array(vec![Value::I64(7)])));
    assert_eq!(shared.to_value(), Ok(Value::Bytes(vec![7])));
    assert_eq!(None::<Option<i64>>.to_value(), Ok(Value::Null(Kind::I64)));
}

#[test]
fn everything_is_read_as_a_value() {
    let point = other("point", "(1,2)");
    for value in [Value::NULL, Value::Null(Kind::Uuid), Value::I64(1), decimal("1.50"), point.clone()] {
        assert_eq!(value.get(), Ok(value.clone()));
        assert_eq!(value.get::<ValueRef<'_>>(), Ok(value.as_ref()));
        assert_eq!(Value::from(value.as_ref()), value);
        assert_eq!(ToValue::to_value(&value.as_ref()), Ok(value.clone()));
    }
    refused::<i64>(
        &point,
        "cannot read point as i64: only integers, and decimals and floats without a fraction, are read as one",
    );
    assert_eq!(ValueRef::Decimal("garbage").to_value(), other("DECIMAL", "garbage"));
    assert!(ValueRef::Decimal("garbage").get::<f64>().is_err());
    assert!(ValueRef::Decimal("garbage").get::<i64>().is_err());
    assert!(ValueRef::Decimal("garbage").get::<Decimal>().is_err());
    assert_eq!(ValueRef::Decimal("1.50"), ValueRef::Decimal("1.5"));
    assert_eq!(ValueRef::Decimal("1.50").to_value(), decimal("1.5"));
}

#[test]
fn values_are_made_from_literals() {
    assert_eq!(Value::from(7), Value::I64(7));
    assert_eq!(Value::from(7u8), Value::I64(7));
    assert_eq!(Value::from(7usize), Value::U64(7));
    assert_eq!(Value::from(1.5), Value::F64(1.5));
    assert_eq!(Value::from('x'), Value::from(String::from("x")));
    assert_eq!(Value::from(Some("x")), Value::from(Cow::Borrowed("x")));
    assert_eq!(Value::from(None::<&str>), Value::Null(Kind::Text));
    assert_eq!(Value::from(vec![1u8]), Value::from([1u8].as_slice()));
    assert_eq!(Value::from(NonZero::<u8>::MIN), Value::I64(1));
}

#[test]
fn dates_and_times_are_read_from_themselves_and_from_their_text() {
    macro_rules! civil {
        ($($type:ty: $text:expr;)+) => {$(
            let civil: $type = $text.parse().unwrap();
            round_trip(civil, &Value::from(civil));
            assert_eq!(Value::from($text).get(), Ok(civil));
        )+};
    }
    civil! {
        Date: "2024-02-29";
        Date: "infinity";
        Date: "0000-00-00";
        Time: "24:00:00";
        Time: "12:34:56.789";
        Timestamp: "2024-02-29 12:34:56.789";
        Timestamp: "-infinity";
        TimestampTz: "2024-02-29 12:34:56.789+05:30";
        TimestampTz: "infinity";
        Interval: "P1Y2M3DT4H5M6.789S";
    }
    refused::<Date>(&Value::from("2023-02-29"), "cannot read TEXT as Date: there is no such day");
    refused::<Date>(
        &Value::I64(0),
        "cannot read INTEGER as Date: only dates, and text like 2024-02-29, are read as one",
    );
    let timestamp: Timestamp = "2024-02-29 12:00:00".parse().unwrap();
    let moment = TimestampTz::new(timestamp, Offset::UTC).unwrap();
    refused::<TimestampTz>(
        &timestamp.into(),
        "cannot read TIMESTAMP as TimestampTz: it has no offset from UTC; read it as Timestamp",
    );
    refused::<Timestamp>(
        &moment.into(),
        "cannot read TIMESTAMP WITH TIME ZONE as Timestamp: it has an offset from UTC; read it as TimestampTz",
    );
    refused::<Date>(&timestamp.into(), "cannot read TIMESTAMP as Date: it has a time of day; read it as Timestamp");
}

#[test]
fn system_times_are_moments_in_utc() {
    for (time, text) in [
        (SystemTime::UNIX_EPOCH, "1970-01-01 00:00:00+00:00"),
        (SystemTime::UNIX_EPOCH - Duration::from_nanos(1), "1969-12-31 23:59:59.999999999+00:00"),
        (SystemTime::UNIX_EPOCH + Duration::new(1_709_210_096, 789_000_000), "2024-02-29 12:34:56.789+00:00"),
    ] {
        round_trip(time, &Value::TimestampTz(text.parse().unwrap()));
    }
    let late = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 62);
    assert_eq!(late.to_value().unwrap_err().to_string(), "cannot send SystemTime: its year is out of range");
    let infinite = Value::from(TimestampTz::INFINITY);
    refused::<SystemTime>(&infinite, "cannot read TIMESTAMP WITH TIME ZONE as SystemTime: it is infinite");
    refused::<SystemTime>(
        &Value::I64(0),
        "cannot read INTEGER as SystemTime: \
         only timestamps with an offset, and text like 2024-02-29 12:34:56+00:00, are read as one",
    );
    for moment in ["-9999999-01-01 00:00:00Z", "9999999-12-31 23:59:59.999999999Z"] {
        let value = Value::TimestampTz(moment.parse().unwrap());
        assert_eq!(value.get::<SystemTime>().and_then(|time| time.to_value()), Ok(value));
    }
}

#[test]
fn durations_are_intervals_of_time_alone() {
    round_trip(Duration::new(90, 1), &Value::Interval(Interval::new(0, 0, 90_000_000_001)));
    let longest = Duration::from_nanos(i64::MAX as u64);
    round_trip(longest, &Value::Interval(Interval::new(0, 0, i64::MAX)));
    assert!((longest + Duration::from_nanos(1)).to_value().is_err());
    refused::<Duration>(
        &Interval::new(0, 1, 0).into(),
        "cannot read INTERVAL as Duration: it has months or days, which have no fixed length",
    );
    refused::<Duration>(&Interval::new(0, 0, -1).into(), "cannot read INTERVAL as Duration: it is negative");
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Account {
    name: String,
    balance: i64,
}

#[test]
fn json_is_serialized_and_deserialized() {
    let account = Account { name: "Zoë \"x\"".into(), balance: -5 };
    let text = r#"{"name":"Zoë \"x\"","balance":-5}"#;
    round_trip(Json(account.clone()), &Value::Json(text.into()));
    assert_eq!(Value::from(text).get(), Ok(Json(account)), "from text, as SQLite keeps it");
    let borrowed = Value::Json(r#"["a","b"]"#.into());
    assert_eq!(borrowed.get(), Ok(Json(vec!["a", "b"])));
    refused::<Json<Account>>(
        &Value::Json(r#"{"name": "hunter2", "balance": "hunter2"}"#.into()),
        "cannot read JSON as Json<Account>: it does not have the shape of the type at line 1, column 40",
    );
    refused::<Json<Account>>(
        &Value::from("hunter2"),
        "cannot read TEXT as Json<Account>: it is no JSON at line 1, column 1",
    );
    refused::<Json<Account>>(
        &Value::I64(1),
        "cannot read INTEGER as Json<Account>: only JSON and text are read as JSON",
    );
    refused::<Json<Account>>(&Value::NULL, "cannot read NULL as Json<Account>: use Option<Json<Account>>");
    let unsendable = Json(std::collections::BTreeMap::from([(vec!["hunter2"], 1)]));
    let error = pontoon::Error::from(unsendable.to_value().unwrap_err());
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Conversion, Effect::NotSent));
    assert!(error.to_string().ends_with("it cannot be serialized as JSON"), "{error}");
}

#[test]
fn numbers_in_json_are_exact_or_refused() {
    let exact =
        r#"{"a\"1e999":[0.1,-1.5e-7,1e22,18446744073709551615,-9223372036854775808,0,-0,1.50,123456789012345678]}"#;
    let value = Value::Json(exact.into());
    let json: serde_json::Value = value.get().unwrap();
    assert_eq!(json["a\"1e999"][3], u64::MAX);
    assert_eq!(json.to_value().unwrap().get(), Ok(json));
    for number in
        ["0.1000000000000000055", "18446744073709551616", "-9223372036854775809", "1.00000000000000000001", "1e-400"]
    {
        for text in [number.to_owned(), format!("[{number}]"), format!(r#"{{"\\":{number} }}"#)] {
            let value = Value::Json(text.clone());
            refused::<serde_json::Value>(
                &value,
                "cannot read JSON as Value: a number in it would be rounded; read it as Json<Box<RawValue>>",
            );
            assert_eq!(value.get::<Json<Box<RawValue>>>().unwrap().get(), text);
            assert_eq!(value.get::<&RawValue>().unwrap().get(), text);
            assert_eq!(value.get::<Box<RawValue>>().unwrap().to_value(), Ok(value.clone()));
        }
    }
    // What looks like a number inside a string is none.
    let text = Value::from(r#"["18446744073709551616", "\"", "\\", "-1.00000000000000000001"]"#);
    assert!(text.get::<serde_json::Value>().is_ok());
    assert_eq!(serde_json::Value::Null.to_value(), Ok(Value::Json("null".into())));
}

#[test]
fn errors_never_repeat_the_content() {
    const SECRET: &str = "hunter2";
    let values = [
        Value::from(SECRET),
        Value::Json(format!("\"{SECRET}\"")),
        Value::Bytes(SECRET.into()),
        other("point", SECRET),
        Value::Array(vec![Value::from(SECRET)]),
    ];
    fn check<'v, T: FromValue<'v>>(value: &'v Value) {
        if let Err(error) = value.get::<T>() {
            let shown = format!("{error} {error:?} {:?}", pontoon::Error::from(error.clone()));
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }
    for value in &values {
        check::<i64>(value);
        check::<u8>(value);
        check::<f64>(value);
        check::<bool>(value);
        check::<char>(value);
        check::<Decimal>(value);
        check::<Date>(value);
        check::<Time>(value);
        check::<Timestamp>(value);
        check::<TimestampTz>(value);
        check::<Interval>(value);
        check::<SystemTime>(value);
        check::<Duration>(value);
        check::<Vec<i64>>(value);
        check::<Vec<Json<Account>>>(value);
        check::<[u8; 3]>(value);
        check::<Json<Account>>(value);
        check::<Json<Vec<bool>>>(value);
        check::<serde_json::Value>(value);
    }
}

#[test]
fn an_error_says_what_it_is_about() {
    let error: ConversionError = decimal("1.5").get::<i32>().unwrap_err();
    assert_eq!((error.kind(), error.rust_type(), error.reason()), (Some(Kind::Decimal), "i32", "it has a fraction"));
    let error = pontoon::Error::from(error);
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Conversion, Effect::NotApplied));
    assert_eq!(
        error.context("column \"price\" (2)").to_string(),
        "column \"price\" (2): cannot read DECIMAL as i32: it has a fraction"
    );
}

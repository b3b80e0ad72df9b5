//! Values: what goes in comes out, exactly or not at all.

use std::fmt::Debug;

use crate::face::prelude::*;
use pontoon::Result;
use pontoon::value::{
    ConversionError, Date, Decimal, FromValue, FromValueOwned, Json, Kind, Time, Timestamp, TimestampTz, ToValue,
    ValueRef,
};

use crate::harness::{Outcome, Target, error_of, fails};

tests! {
    values:
    booleans,
    integers,
    floats,
    text,
    bytes,
    decimals,
    dates,
    times,
    timestamps,
    timestamps_with_an_offset,
    uuids,
    json,
    enumerations,
    types_of_one_s_own,
    null_beside_every_type,
    compared_in_the_database,
    what_is_out_of_range,
    read_as_what_it_is_not,
}

/// Puts values into a column of a type, and reads them back as they were.
fn round_trip<T>(t: &Target, column: &str, values: &[T]) -> Result<Database>
where
    T: ToValue + FromValueOwned + PartialEq + Debug + Clone + 'static,
{
    let db = t.fresh()?;
    db.execute(format!("CREATE TABLE held (id {}, v {column})", t.profile().types.key), ())?;
    for (id, value) in (1_i64..).zip(values) {
        db.execute("INSERT INTO held (v) VALUES (:v)", params! { v: value.clone() })?;
        let back: Option<T> = db.fetch_val("SELECT v FROM held WHERE id = ?", (id,))?;
        assert_eq!(back.as_ref(), Some(value), "{column}");
        // The same row is found by the value.
        let found: Option<i64> = db.fetch_val("SELECT max(id) FROM held WHERE v = ?", (value.clone(),))?;
        assert_eq!(found, Some(id), "{value:?}");
    }
    let sets: Vec<(T,)> = values.iter().cloned().map(|value| (value,)).collect();
    assert_eq!(db.execute_many("INSERT INTO held (v) VALUES (?)", sets)?, values.len() as u64);
    let all: Vec<T> = db.fetch_all("SELECT v FROM held ORDER BY id", ())?.column("v")?;
    assert_eq!(all, [values, values].concat(), "{column}");
    db.execute("INSERT INTO held (v) VALUES (?)", (None::<T>,))?;
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held WHERE v IS NULL", ())?, Some(1));
    Ok(db)
}

fn parsed<T: std::str::FromStr<Err: Debug>>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| text.parse().expect("it is one")).collect()
}

pub(crate) fn booleans(t: &Target) -> Outcome {
    let db = round_trip(t, t.profile().types.bool, &[true, false])?;
    let (yes, no): (bool, bool) = db.fetch_one_as("SELECT 1 = 1, 1 = 0", ())?.expect("a row");
    assert!(yes && !no);
    Ok(())
}

pub(crate) fn integers(t: &Target) -> Outcome {
    round_trip(t, t.profile().types.integer, &[0_i64, 1, -1, i64::MAX, i64::MIN, 1 << 53, -(1 << 53) - 1])?;
    round_trip(t, t.profile().types.integer, &[0_i8, i8::MAX, i8::MIN])?;
    round_trip(t, t.profile().types.integer, &[0_u32, u32::MAX])?;
    round_trip(t, t.profile().types.integer, &[0_u64, u64::MAX >> 1])?;
    Ok(())
}

pub(crate) fn floats(t: &Target) -> Outcome {
    let db = round_trip(t, t.profile().types.float, &[0.0, 1.5, -1e-300, f64::MAX, f64::MIN_POSITIVE, 0.1 + 0.2])?;
    round_trip(t, t.profile().types.float, &[0.5_f32, f32::MAX])?;
    let whole: Option<f64> =
        db.fetch_val("SELECT v FROM held WHERE v = 1.5 UNION ALL SELECT 2.0 FROM held ORDER BY 1 DESC", ())?;
    assert_eq!(whole, Some(2.0), "a float without a fraction");
    Ok(())
}

pub(crate) fn text(t: &Target) -> Outcome {
    let long = "lång ".repeat(100_000);
    let texts = [
        "",
        "plain",
        "it's \"quoted\" \\ :a ? -- /* */ ;",
        "naïve Ω 日本 \u{1F600}\u{200D}\u{10FFFF}",
        "a\nb\tc\r\n",
        long.as_str(),
    ];
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    round_trip(t, t.profile().types.text, &texts)?;
    let db = t.fresh()?;
    let length = format!("SELECT {}(?)", t.profile().char_length);
    assert_eq!(db.fetch_val(length, ("\u{1F600}é",))?, Some(2));
    Ok(())
}

pub(crate) fn bytes(t: &Target) -> Outcome {
    let all: Vec<u8> = (0..=255).collect();
    round_trip(t, t.profile().types.bytes, &[vec![], vec![0], all, vec![0xff; 1 << 20]])?;
    Ok(())
}

pub(crate) fn decimals(t: &Target) -> Outcome {
    let texts = [
        "0",
        "0.700000000000001",
        "-12345678901234567890.123456789012345678901234567890",
        "99999999999999999999999999999999",
        "0.1",
        "1.10",
        "-0.000000000000000000000000000001",
    ];
    let db = round_trip(t, t.profile().types.decimal, &parsed::<Decimal>(&texts))?;
    let back: Vec<Decimal> = db.fetch_all("SELECT v FROM held WHERE id <= 7 ORDER BY id", ())?.column(0)?;
    assert_eq!(back.iter().map(|decimal| decimal.as_str()).collect::<Vec<_>>(), texts, "digit by digit");
    Ok(())
}

pub(crate) fn dates(t: &Target) -> Outcome {
    round_trip(t, t.profile().types.date, &parsed::<Date>(&["2024-02-29", "1970-01-01", "0001-01-01", "9999-12-31"]))?;
    Ok(())
}

pub(crate) fn times(t: &Target) -> Outcome {
    round_trip(t, t.profile().types.time, &parsed::<Time>(&["00:00:00", "12:34:56", "23:59:59.999999"]))?;
    Ok(())
}

pub(crate) fn timestamps(t: &Target) -> Outcome {
    let texts =
        ["2024-02-29 12:34:56", "1970-01-01 00:00:00", "2024-02-29 12:34:56.789012", "9999-12-31 23:59:59.999999"];
    round_trip(t, t.profile().types.timestamp, &parsed::<Timestamp>(&texts))?;
    Ok(())
}

pub(crate) fn timestamps_with_an_offset(t: &Target) -> Outcome {
    let texts = ["2024-02-29 12:34:56+00:00", "2024-02-29 12:34:56.789012+02:00", "1969-07-20 20:17:40-05:30"];
    round_trip(t, t.profile().types.timestamptz, &parsed::<TimestampTz>(&texts))?;
    let now = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_micros(1_709_210_096_789_012);
    round_trip(t, t.profile().types.timestamptz, &[now])?;
    Ok(())
}

#[derive(Clone, Debug, PartialEq)]
struct Id(Value);

impl ToValue for Id {
    fn to_value(&self) -> std::result::Result<Value, ConversionError> {
        Ok(self.0.clone())
    }

    fn kind() -> Kind {
        Kind::Uuid
    }
}

impl<'v> FromValue<'v> for Id {
    fn from_value(value: ValueRef<'v>) -> std::result::Result<Id, ConversionError> {
        Ok(Id(value.to_value()))
    }
}

pub(crate) fn uuids(t: &Target) -> Outcome {
    let ids =
        [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef].map(|id: u128| Id(Value::Uuid(id.to_be_bytes())));
    round_trip(t, t.profile().types.uuid, &ids)?;
    Ok(())
}

pub(crate) fn json(t: &Target) -> Outcome {
    let documents: Vec<Json<serde_json::Value>> = [
        r#"{"text": "hello", "boolean": true, "int": 1, "deep": {"list": [1, 2.5, null, "ü"]}}"#,
        r#"["this", "is", "a", "list", {"of": 1}]"#,
        "{}",
        "[]",
        "\"text\"",
        "17",
    ]
    .iter()
    .map(|text| Json(serde_json::from_str(text).expect("it is JSON")))
    .collect();
    let db = t.fresh()?;
    let types = &t.profile().types;
    db.execute(format!("CREATE TABLE held (id {}, v {})", types.key, types.json), ())?;
    db.execute_many("INSERT INTO held (v) VALUES (?)", documents.iter().map(|document| (document,)))?;
    let back: Vec<Json<serde_json::Value>> = db.fetch_all("SELECT v FROM held ORDER BY id", ())?.column(0)?;
    assert_eq!(
        back.into_iter().map(Json::into_inner).collect::<Vec<_>>(),
        documents.into_iter().map(Json::into_inner).collect::<Vec<_>>()
    );
    let typed: Option<Json<Vec<String>>> = db.fetch_val("SELECT v FROM held WHERE id = 4", ())?;
    assert_eq!(typed.map(Json::into_inner), Some(vec![]));
    fails(ErrorKind::Conversion, db.fetch_val::<Json<Vec<String>>>("SELECT v FROM held WHERE id = 1", ()));
    Ok(())
}

/// Kept by its name.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Status {
    Draft,
    Released,
}

impl ToValue for Status {
    fn to_value(&self) -> std::result::Result<Value, ConversionError> {
        match self {
            Status::Draft => "draft",
            Status::Released => "released",
        }
        .to_value()
    }

    fn kind() -> Kind {
        Kind::Text
    }
}

impl<'v> FromValue<'v> for Status {
    fn from_value(value: ValueRef<'v>) -> std::result::Result<Status, ConversionError> {
        match <&str>::from_value(value)? {
            "draft" => Ok(Status::Draft),
            "released" => Ok(Status::Released),
            _ => Err(ConversionError::reading::<Status>(value, "no such status")),
        }
    }
}

/// Kept by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stars {
    One = 1,
    Five = 5,
}

impl ToValue for Stars {
    fn to_value(&self) -> std::result::Result<Value, ConversionError> {
        (*self as i64).to_value()
    }

    fn kind() -> Kind {
        Kind::I64
    }
}

impl<'v> FromValue<'v> for Stars {
    fn from_value(value: ValueRef<'v>) -> std::result::Result<Stars, ConversionError> {
        match i64::from_value(value)? {
            1 => Ok(Stars::One),
            5 => Ok(Stars::Five),
            _ => Err(ConversionError::reading::<Stars>(value, "no such number of stars")),
        }
    }
}

pub(crate) fn enumerations(t: &Target) -> Outcome {
    round_trip(t, t.profile().types.text, &[Status::Draft, Status::Released])?;
    let db = round_trip(t, t.profile().types.integer, &[Stars::One, Stars::Five])?;
    let error = fails(ErrorKind::Conversion, db.fetch_val::<Stars>("SELECT 3 AS stars", ()));
    assert!(error.message().contains("no such number of stars") && error.message().contains("stars"), "{error}");
    Ok(())
}

/// A date that is kept as the number of days since 1970.
#[derive(Clone, Debug, PartialEq)]
struct EpochDay(Date);

impl ToValue for EpochDay {
    fn to_value(&self) -> std::result::Result<Value, ConversionError> {
        self.0.epoch_days().to_value()
    }

    fn kind() -> Kind {
        Kind::I64
    }
}

impl<'v> FromValue<'v> for EpochDay {
    fn from_value(value: ValueRef<'v>) -> std::result::Result<EpochDay, ConversionError> {
        let day = Date::from_epoch_days(i64::from_value(value)?);
        day.map(EpochDay).ok_or_else(|| ConversionError::reading::<EpochDay>(value, "no such day"))
    }
}

pub(crate) fn types_of_one_s_own(t: &Target) -> Outcome {
    let days: Vec<EpochDay> =
        parsed::<Date>(&["1970-01-01", "2024-02-29", "1969-12-31"]).into_iter().map(EpochDay).collect();
    let db = round_trip(t, t.profile().types.integer, &days)?;
    assert_eq!(db.fetch_val("SELECT v FROM held WHERE id = 3", ())?, Some(-1));
    Ok(())
}

pub(crate) fn null_beside_every_type(t: &Target) -> Outcome {
    fn both<T: ToValue + FromValueOwned + PartialEq + Debug + Clone + 'static>(
        db: &Database,
        column: &str,
        value: T,
    ) -> Result<()> {
        db.execute_script(&format!("DROP TABLE IF EXISTS held; CREATE TABLE held (v {column})"))?;
        db.execute_many("INSERT INTO held (v) VALUES (?)", [(Some(value.clone()),), (None,)])?;
        let back: Vec<Option<T>> = db.fetch_all("SELECT v FROM held ORDER BY v IS NULL", ())?.column(0)?;
        assert_eq!(back, [Some(value), None], "{column}");
        fails(ErrorKind::Conversion, db.fetch_val::<T>("SELECT v FROM held WHERE v IS NULL", ()));
        Ok(())
    }
    let (db, types) = (t.fresh()?, &t.profile().types);
    both(&db, types.bool, true)?;
    both(&db, types.integer, 7_i64)?;
    both(&db, types.float, 7.5)?;
    both(&db, types.text, "text".to_owned())?;
    both(&db, types.bytes, vec![1_u8, 2])?;
    both::<Decimal>(&db, types.decimal, "7.50".parse()?)?;
    both::<Date>(&db, types.date, "2024-02-29".parse()?)?;
    both::<Timestamp>(&db, types.timestamp, "2024-02-29 12:00:00".parse()?)?;
    Ok(())
}

pub(crate) fn compared_in_the_database(t: &Target) -> Outcome {
    let dates = parsed::<Timestamp>(&["2024-02-29 12:34:56", "2023-12-31 23:59:59", "2024-03-01 00:00:00"]);
    let db = round_trip(t, t.profile().types.timestamp, &dates)?;
    let after: Timestamp = "2024-01-01 00:00:00".parse()?;
    let found: Vec<i64> =
        db.fetch_all("SELECT id FROM held WHERE v > :after AND id <= 3 ORDER BY v", params! { :after })?.column(0)?;
    assert_eq!(found, [1, 3]);
    Ok(())
}

pub(crate) fn what_is_out_of_range(t: &Target) -> Outcome {
    let db = t.fresh()?;
    db.execute(format!("CREATE TABLE held (v {})", t.profile().types.integer), ())?;
    // Exactly or not at all.
    let error = error_of(db.execute("INSERT INTO held VALUES (:big)", params! { big: u64::MAX }));
    assert!(error.message().contains("big") || error.message().contains('1'), "names the parameter: {error}");
    let error = error_of(db.execute("INSERT INTO held VALUES (?)", (f64::NAN,)));
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Parameter | ErrorKind::Conversion | ErrorKind::InvalidValue | ErrorKind::Unsupported
        ),
        "{error:?}"
    );
    assert_eq!(db.fetch_val("SELECT count(*) FROM held", ())?, Some(0));
    db.execute("INSERT INTO held VALUES (?)", (300,))?;
    let error = fails(ErrorKind::Conversion, db.fetch_val::<u8>("SELECT v FROM held", ()));
    assert!(error.message().contains("out of range") && error.message().contains('v'), "{error}");
    fails(ErrorKind::Conversion, db.fetch_val::<u64>("SELECT -v FROM held", ()));
    Ok(())
}

pub(crate) fn read_as_what_it_is_not(t: &Target) -> Outcome {
    let db = t.fresh()?;
    fails(ErrorKind::Conversion, db.fetch_val::<i64>("SELECT 'text'", ()));
    fails(ErrorKind::Conversion, db.fetch_val::<i64>("SELECT 1.5", ()));
    fails(ErrorKind::Conversion, db.fetch_val::<Date>("SELECT 'no date'", ()));
    fails(ErrorKind::Conversion, db.fetch_val::<bool>("SELECT 2", ()));
    fails(ErrorKind::Conversion, db.fetch_one_as::<(i64, i64)>("SELECT 1, 2, 3", ()));
    fails(ErrorKind::Conversion, db.fetch_one_as::<(i64, i64)>("SELECT 1", ()));
    // As text stands for it, it is read.
    assert_eq!(db.fetch_val("SELECT '2024-02-29'", ())?, Some("2024-02-29".parse::<Date>()?));
    Ok(())
}

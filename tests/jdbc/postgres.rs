//! PostgreSQL by its driver: what a COMMIT says and what it did, and types that only PostgreSQL has.

use pontoon::config::Config;
use pontoon::driver::hosted::jdbc::Jdbc;
use pontoon::driver::{Call, CommitOutcome, Driver as _, LinkState};
use pontoon::prelude::*;
use pontoon::value::{Date, Decimal, Kind, TimestampTz, Value};
use pontoon::{Database, Effect, ErrorKind, TxOptions};

use crate::kit::java::{POSTGRES, quick};
use crate::kit::servers::{Postgres, Scratch, shared};

/// A database of its own, where there is a server and the driver.
fn scratch() -> Option<Scratch<'static>> {
    POSTGRES.are_here().then(|| shared(&Postgres)).flatten().map(|server| server.database())
}

/// Its URL for the driver: user and password are properties there.
fn url(scratch: &Scratch<'_>) -> String {
    let url = scratch.url();
    let (login, address) = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).expect("a login");
    let (user, password) = login.split_once(':').expect("a password");
    let address = address.split('?').next().unwrap_or(address);
    format!("jdbc+postgresql://{address}?user={user}&password={password}&sslmode=disable")
}

fn open(scratch: &Scratch<'_>) -> Database {
    quick(Database::builder().url(url(scratch)), POSTGRES).open().expect("it connects")
}

#[test]
fn a_commit_that_the_server_answers_by_rolling_back_is_an_error() -> Result<(), Box<dyn std::error::Error>> {
    let Some(scratch) = scratch() else { return Ok(()) };
    // The library's own stack knows of the failed statement and does not ask for a COMMIT: so without it.
    let config = Config::from_url(url(&scratch), Jdbc.schemes())?;
    let call = Call::until(None);
    let source = Jdbc.open(&config)?;
    let mut link = source.connect(&call)?;
    link.batch(&call, "CREATE TABLE notes (id int PRIMARY KEY)")?;
    link.begin(&call, &TxOptions::new())?;
    link.batch(&call, "INSERT INTO notes VALUES (1)")?;
    assert_eq!(link.state(), LinkState::Open);
    link.batch(&call, "SELECT 1/0").expect_err("a division by zero");
    assert_eq!(link.state(), LinkState::Failed);
    let CommitOutcome::RolledBack(error) = link.commit(&call) else { panic!("it is not committed") };
    assert_eq!((error.kind(), error.effect()), (ErrorKind::TransactionAborted, Effect::NotApplied), "{error:?}");
    assert_eq!(link.state(), LinkState::Idle);
    link.begin(&call, &TxOptions::new())?;
    link.batch(&call, "INSERT INTO notes VALUES (1)")?;
    assert!(matches!(link.commit(&call), CommitOutcome::Committed));
    link.close()?;
    assert_eq!(open(&scratch).fetch_val("SELECT count(*) FROM notes", ())?, Some(1_i64));
    Ok(())
}

#[test]
fn types_that_no_other_has() -> Result<(), Box<dyn std::error::Error>> {
    let Some(scratch) = scratch() else { return Ok(()) };
    let db = open(&scratch);
    db.execute_script(
        "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (a int, b text); CREATE DOMAIN age AS int;",
    )?;
    let other = |type_name: &str, text: &str| Value::Other { type_name: type_name.into(), text: text.into() };
    let moment = |text: &str| text.parse::<TimestampTz>().map(Value::TimestampTz);
    for (sql, value) in [
        ("true", Value::Bool(true)),
        ("B'1'::bit(1)", other("bit", "1")),
        ("B'101'::varbit", other("varbit", "101")),
        ("'12.50'::money", other("money", "$12.50")),
        ("7::age", Value::I64(7)),
        ("'glad'::mood", Value::Text("glad".into())),
        ("(1, 'x y')::pair", other("pair", "(1,\"x y\")")),
        ("'<a/>'::xml", other("xml", "<a/>")),
        ("'10.0.0.1'::inet", other("inet", "10.0.0.1")),
        ("int4range(1, 5)", other("int4range", "[1,5)")),
        ("'12:34:56+02'::timetz", other("timetz", "12:34:56+02")),
        ("'{\"a\": 1}'::jsonb", Value::Json("{\"a\": 1}".into())),
        ("'NaN'::numeric", Value::Decimal("NaN".parse::<Decimal>()?)),
        ("'infinity'::date", Value::Date("infinity".parse::<Date>()?)),
        ("ARRAY[1, NULL, 3]", Value::Array(vec![Value::I64(1), Value::Null(Kind::Unknown), Value::I64(3)])),
        (
            "ARRAY[['a', 'b'], ['c', 'd']]",
            Value::Array(vec![
                Value::Array(vec![Value::Text("a".into()), Value::Text("b".into())]),
                Value::Array(vec![Value::Text("c".into()), Value::Text("d".into())]),
            ]),
        ),
        ("ARRAY['2024-02-29 12:00+02'::timestamptz]", Value::Array(vec![moment("2024-02-29 10:00:00+00:00")?])),
        ("ARRAY[12.50::numeric]", Value::Array(vec![Value::Decimal("12.50".parse::<Decimal>()?)])),
        ("NULL", Value::Null(Kind::Text)),
    ] {
        assert_eq!(db.fetch_val::<Value>(format!("SELECT {sql}").as_str(), ())?, Some(value), "{sql}");
    }
    Ok(())
}

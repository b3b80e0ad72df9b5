//! MariaDB, by TCP.

use mysql::prelude::Queryable;
use pontoon::{Error, ErrorKind, Result};

use super::{Exception, Feature, Place, Profile, TellsKey, exceptions, lacking, words};
use crate::face::Database;
use crate::kit::servers::{MariaDb, shared};

fn begin(db: &Database) -> Result<()> {
    db.raw(|connection: &mut mysql::Conn| {
        connection
            .query_drop("START TRANSACTION")
            .and_then(|()| connection.query_drop("INSERT INTO notes (text) VALUES ('undone')"))
            .map_err(|error| Error::new(ErrorKind::Other, error.to_string()))
    })
}

fn count(db: &Database) -> Result<i64> {
    db.raw(|connection: &mut mysql::Conn| {
        let row: Option<mysql::Row> = connection
            .query_first("SELECT count(*) FROM notes")
            .map_err(|error| Error::new(ErrorKind::Other, error.to_string()))?;
        Ok(row.and_then(|row| row.get_opt(0)).and_then(std::result::Result::ok).unwrap_or(-1))
    })
}

const NO_CONFLICT: &str =
    "transactions that read and then insert do not conflict here; the driver's own tests have those that do";

pub(crate) const MARIADB: Profile = Profile {
    name: "mariadb",
    place: Place::On(|| shared(&MariaDb), ""),
    options: |builder| builder,
    tables: words::tables!("BOOLEAN"),
    types: words::TYPES,
    endless: words::ENDLESS,
    endless_write: words::ENDLESS_WRITE,
    slow_write: words::SLOW_WRITE,
    dump: words::DUMP,
    setting: words::SETTING,
    char_length: "char_length",
    tells_key: TellsKey::OfTheFirst,
    levels: words::LEVELS,
    count_by_driver: count,
    begin_by_driver: begin,
    lacking: &[
        lacking::MARIADB,
        &[(Feature::NestedStatements, "the rows of a statement are read before the next begins")],
    ],
    exceptions: &[&[
        exceptions::UUID_AS_BYTES,
        Exception { test: "isolation::a_conflict_is_run_again", reason: NO_CONFLICT },
        Exception { test: "isolation::a_conflict_is_not_run_again_unasked", reason: NO_CONFLICT },
        Exception { test: "isolation::attempts_are_counted", reason: NO_CONFLICT },
        Exception {
            test: "transactions::a_transaction_that_the_database_ended",
            reason: "no single statement ends one with an error; the driver's own tests do it by a deadlock, and by DDL",
        },
    ]],
};

//! SQLite: in a file by way of the connection's thread, in a file on the caller's own thread, in memory.

use pontoon::{Error, ErrorKind, IsolationLevel, Result};

use super::{Feature, Place, Profile, Setting, TellsKey, Types, lacking};
use crate::face::Database;

const TABLES: &str = "
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, completed BOOLEAN NOT NULL DEFAULT 0);
    CREATE TABLE writers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE books (
        id INTEGER PRIMARY KEY,
        writer INTEGER NOT NULL REFERENCES writers (id) DEFERRABLE INITIALLY DEFERRED,
        title TEXT CHECK (title <> '')
    );";

const TYPES: Types = Types {
    key: "INTEGER PRIMARY KEY",
    bool: "BOOLEAN",
    integer: "BIGINT",
    float: "DOUBLE PRECISION",
    text: "TEXT",
    bytes: "BLOB",
    // A column declared DECIMAL has numeric affinity and keeps 15 digits.
    decimal: "DECIMAL_TEXT",
    date: "DATE",
    time: "TIME",
    timestamp: "TIMESTAMP",
    timestamptz: "TIMESTAMPTZ",
    uuid: "UUID",
    json: "JSON",
};

const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

const ENDLESS_WRITE: &str = "
    INSERT INTO notes (text)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT 'n' FROM n WHERE i < 0";

const SLOW_WRITE: &str = "
    INSERT INTO notes (text)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
    SELECT 'late' FROM n WHERE i > 299000";

const DUMP: &str = "
    -- A dump; as tools write them.
    BEGIN TRANSACTION;
    INSERT INTO notes (text) VALUES ('a; b'), ('it''s');
    INSERT INTO notes (text) VALUES (':not_a_parameter ?');
    COMMIT;
    BEGIN; DELETE FROM notes WHERE id = 1; ROLLBACK;
    CREATE TABLE log (text TEXT);
    CREATE TRIGGER logged AFTER INSERT ON notes BEGIN
        INSERT INTO log VALUES (new.text);
        INSERT INTO log VALUES ('; twice');
    END;
    INSERT INTO notes (text) VALUES ('last')";

const SETTING: Setting = Setting {
    read: "PRAGMA recursive_triggers",
    switch_on: "PRAGMA recursive_triggers = on",
    switch_off: "PRAGMA recursive_triggers = off",
};

fn begin(db: &Database) -> Result<()> {
    db.raw(|connection: &mut rusqlite::Connection| {
        connection
            .execute_batch("BEGIN; INSERT INTO notes (text) VALUES ('undone')")
            .map_err(|error| Error::new(ErrorKind::Other, error.to_string()))
    })
}

fn count(db: &Database) -> Result<i64> {
    db.raw(|connection: &mut rusqlite::Connection| {
        connection
            .query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
            .map_err(|error| Error::new(ErrorKind::Other, error.to_string()))
    })
}

pub(crate) const FILE: Profile = Profile {
    name: "sqlite-file",
    place: Place::Here(|directory, number| format!("sqlite:///{}/{number}.db", directory.display())),
    options: |builder| builder.lend(false),
    tables: TABLES,
    types: TYPES,
    endless: ENDLESS,
    endless_write: ENDLESS_WRITE,
    slow_write: SLOW_WRITE,
    dump: DUMP,
    setting: SETTING,
    char_length: "length",
    tells_key: TellsKey::OfTheLast,
    levels: &[IsolationLevel::Serializable],
    count_by_driver: count,
    begin_by_driver: begin,
    lacking: &[lacking::SQLITE, &[(Feature::CommitCanBeBusy, "with a write-ahead log a commit waits for no reader")]],
    exceptions: &[],
};

pub(crate) const FILE_LENT: Profile =
    Profile { name: "sqlite-file-lent", options: |builder| builder.lend(true), ..FILE };

pub(crate) const MEMORY: Profile = Profile {
    name: "sqlite-memory",
    place: Place::Here(|_, _| "sqlite::memory:".to_owned()),
    options: |builder| builder,
    lacking: &[
        lacking::SQLITE,
        &[
            (Feature::SameUrlSameData, "every Database has a memory of its own"),
            (
                Feature::ReadersBesideWriter,
                "a database in memory has a rollback journal, under which readers and writer wait",
            ),
            (Feature::File, "it is in memory"),
            (Feature::NamedMemory, "this one is nobody else's"),
        ],
    ],
    ..FILE
};

//! MariaDB, by TCP.

use mysql::prelude::Queryable;
use pontoon::{Error, ErrorKind, IsolationLevel, Result};

use super::{Exception, Feature, Place, Profile, Setting, TellsKey, Types};
use crate::face::Database;
use crate::kit::servers::{MariaDb, shared};

const TABLES: &str = "
    CREATE TABLE notes (
        id BIGINT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(400) NOT NULL, completed BOOLEAN NOT NULL DEFAULT 0
    );
    CREATE TABLE writers (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(100) NOT NULL UNIQUE);
    CREATE TABLE books (
        id BIGINT PRIMARY KEY AUTO_INCREMENT,
        writer BIGINT NOT NULL,
        title VARCHAR(100) CHECK (title <> ''),
        FOREIGN KEY (writer) REFERENCES writers (id)
    );";

const TYPES: Types = Types {
    key: "BIGINT PRIMARY KEY AUTO_INCREMENT",
    bool: "BOOLEAN",
    integer: "BIGINT",
    float: "DOUBLE PRECISION",
    text: "LONGTEXT COLLATE utf8mb4_bin",
    bytes: "LONGBLOB",
    // A column declared DECIMAL has one scale for all of its values.
    decimal: "VARCHAR(100)",
    date: "DATE",
    time: "TIME(6)",
    timestamp: "DATETIME(6)",
    // There is no type that keeps an offset.
    timestamptz: "VARCHAR(40)",
    uuid: "BINARY(16)",
    json: "JSON",
};

const ENDLESS: &str = "SELECT max(a.seq * b.seq) FROM seq_1_to_100000000 AS a, seq_1_to_100000000 AS b";

const ENDLESS_WRITE: &str =
    "INSERT INTO notes (text) SELECT 'n' FROM seq_1_to_100000000 AS a, seq_1_to_100000000 AS b WHERE a.seq + b.seq < 0";

const SLOW_WRITE: &str = "INSERT INTO notes (text) SELECT 'late' FROM seq_1_to_10000000 WHERE seq % 10000 = 0";

const DUMP: &str = "
    -- A dump; as tools write them.
    /*!40101 SET @@session.lc_time_names = 'en_US' */;
    START TRANSACTION;
    INSERT INTO notes (text) VALUES ('a; b'), ('it''s');
    INSERT INTO notes (text) VALUES (':not_a_parameter ?');
    COMMIT;
    BEGIN; DELETE FROM notes WHERE id = 1; ROLLBACK;
    CREATE TABLE log (text TEXT);
    DELIMITER ;;
    CREATE TRIGGER logged AFTER INSERT ON notes FOR EACH ROW BEGIN
        INSERT INTO log VALUES (new.text);
        INSERT INTO log VALUES ('; twice');
    END;;
    DELIMITER ;
    INSERT INTO notes (text) VALUES ('last')";

const SETTING: Setting = Setting {
    read: "SELECT @@session.low_priority_updates",
    switch_on: "SET SESSION low_priority_updates = 1",
    switch_off: "SET SESSION low_priority_updates = 0",
};

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
    tables: TABLES,
    types: TYPES,
    endless: ENDLESS,
    endless_write: ENDLESS_WRITE,
    slow_write: SLOW_WRITE,
    dump: DUMP,
    setting: SETTING,
    char_length: "char_length",
    tells_key: TellsKey::OfTheFirst,
    levels: &[
        IsolationLevel::ReadUncommitted,
        IsolationLevel::ReadCommitted,
        IsolationLevel::RepeatableRead,
        IsolationLevel::Serializable,
    ],
    count_by_driver: count,
    begin_by_driver: begin,
    lacking: &[
        (Feature::TransactionalDdl, "DDL commits"),
        (Feature::CommitCanBeBusy, "a commit waits for no lock"),
        (Feature::File, "it is on a server"),
        (Feature::NamedMemory, "it is on a server"),
        (Feature::NestedStatements, "the rows of a statement are read before the next begins"),
        (Feature::SingleWriter, "rows are locked, and not the whole"),
        (Feature::NamesLockWaits, "a statement that was ended says no more than that"),
        (Feature::DeferredConstraints, "foreign keys are checked by each statement"),
    ],
    exceptions: &[
        Exception { test: "values::uuids", reason: "16 bytes are not told from a UUID" },
        Exception { test: "isolation::a_conflict_is_run_again", reason: NO_CONFLICT },
        Exception { test: "isolation::a_conflict_is_not_run_again_unasked", reason: NO_CONFLICT },
        Exception { test: "isolation::attempts_are_counted", reason: NO_CONFLICT },
        Exception {
            test: "transactions::a_transaction_that_the_database_ended",
            reason: "no single statement ends one with an error; the driver's own tests do it by a deadlock, and by DDL",
        },
    ],
};

//! The words of MariaDB, whichever driver they go by.

use pontoon::IsolationLevel;

use super::{Setting, Types};

pub(crate) const ENDLESS: &str = "SELECT max(a.seq * b.seq) FROM seq_1_to_100000000 AS a, seq_1_to_100000000 AS b";

pub(crate) const ENDLESS_WRITE: &str =
    "INSERT INTO notes (text) SELECT 'n' FROM seq_1_to_100000000 AS a, seq_1_to_100000000 AS b WHERE a.seq + b.seq < 0";

pub(crate) const SLOW_WRITE: &str =
    "INSERT INTO notes (text) SELECT 'late' FROM seq_1_to_10000000 WHERE seq % 10000 = 0";

pub(crate) const DUMP: &str = "
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

pub(crate) const SETTING: Setting = Setting {
    read: "SELECT @@session.low_priority_updates",
    switch_on: "SET SESSION low_priority_updates = 1",
    switch_off: "SET SESSION low_priority_updates = 0",
};

/// The tables, where a bool is of this type.
macro_rules! tables {
    ($bool:literal) => {
        concat!(
            "
    CREATE TABLE notes (
        id BIGINT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(400) NOT NULL, completed ",
            $bool,
            " NOT NULL DEFAULT 0
    );
    CREATE TABLE writers (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(100) NOT NULL UNIQUE);
    CREATE TABLE books (
        id BIGINT PRIMARY KEY AUTO_INCREMENT,
        writer BIGINT NOT NULL,
        title VARCHAR(100) CHECK (title <> ''),
        FOREIGN KEY (writer) REFERENCES writers (id)
    );"
        )
    };
}
pub(crate) use tables;

pub(crate) const TYPES: Types = Types {
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

pub(crate) const LEVELS: &[IsolationLevel] = &[
    IsolationLevel::ReadUncommitted,
    IsolationLevel::ReadCommitted,
    IsolationLevel::RepeatableRead,
    IsolationLevel::Serializable,
];

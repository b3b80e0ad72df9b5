//! The dialects of the databases there are drivers for.

use super::dialect::{
    Blocks, Dialect, Family, Folding, Lexis, NameUnit, Placeholder, SetAccess, SetLevel, Transactions,
};
use super::transaction::IsolationLevel::{ReadCommitted, ReadUncommitted, RepeatableRead, Serializable, Snapshot};

const STANDARD: Lexis = Lexis {
    backslash_escapes: false,
    double_quote_strings: false,
    backtick_names: false,
    bracket_names: false,
    bracket_doubling: false,
    dollar_quotes: false,
    escape_strings: false,
    q_strings: false,
    nested_comments: false,
    hash_comments: false,
    spaced_dashes: false,
    return_ends_line: false,
    live_comments: false,
    question_operators: false,
    colon_anywhere: false,
    colon_numbers: false,
    dollar_numbers: false,
    question_numbers: false,
    at_numbers: false,
    sigil_names: false,
    session_variables: false,
    semicolons_in_parentheses: false,
};

const STANDARD_TRANSACTIONS: Transactions = Transactions {
    begin: "START TRANSACTION",
    lock_modes: None,
    levels: &[
        (ReadUncommitted, "READ UNCOMMITTED"),
        (ReadCommitted, "READ COMMITTED"),
        (RepeatableRead, "REPEATABLE READ"),
        (Serializable, "SERIALIZABLE"),
    ],
    set_level: SetLevel::Before("SET TRANSACTION ISOLATION LEVEL "),
    access: SetAccess::InBegin([" READ ONLY", " READ WRITE"]),
    deferrable: None,
    end_commits: false,
    begin_is_block: false,
    commit: "COMMIT",
    rollback: "ROLLBACK",
    savepoint: "SAVEPOINT ",
    release: Some("RELEASE SAVEPOINT "),
    rollback_to: "ROLLBACK TO SAVEPOINT ",
};

/// Standard SQL, for a database nothing is known of.
pub static GENERIC: Dialect = Dialect {
    name: "this database",
    family: None,
    lexis: STANDARD,
    placeholder: Placeholder::QUESTION,
    max_parameters: 32_767,
    empty_list: None,
    quotes: ('"', '"'),
    max_name: None,
    folding: Folding::Upper,
    transactions: STANDARD_TRANSACTIONS,
    blocks: Blocks::Compound,
    commits: &[],
    session_functions: &[],
};

/// SQLite.
pub static SQLITE: Dialect = Dialect {
    name: "SQLite",
    family: Some(Family::Sqlite),
    lexis: Lexis {
        backtick_names: true,
        bracket_names: true,
        colon_anywhere: true,
        colon_numbers: true,
        question_numbers: true,
        sigil_names: true,
        ..STANDARD
    },
    placeholder: Placeholder::QUESTION_NUMBER,
    max_parameters: 32_766,
    empty_list: Some(""),
    folding: Folding::Kept,
    transactions: Transactions {
        begin: "BEGIN",
        lock_modes: Some(["BEGIN DEFERRED", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"]),
        levels: &[(Serializable, "SERIALIZABLE")],
        set_level: SetLevel::Always,
        access: SetAccess::AfterAndUndo("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        end_commits: true,
        ..STANDARD_TRANSACTIONS
    },
    blocks: Blocks::Trigger,
    session_functions: &["load_extension"],
    ..GENERIC
};

/// PostgreSQL.
pub static POSTGRES: Dialect = Dialect {
    name: "PostgreSQL",
    family: Some(Family::Postgres),
    lexis: Lexis {
        dollar_quotes: true,
        escape_strings: true,
        nested_comments: true,
        return_ends_line: true,
        question_operators: true,
        dollar_numbers: true,
        semicolons_in_parentheses: true,
        ..STANDARD
    },
    placeholder: Placeholder::DOLLAR,
    max_parameters: 65_535,
    max_name: Some((63, NameUnit::Bytes)),
    folding: Folding::Lower,
    transactions: Transactions {
        begin: "BEGIN",
        set_level: SetLevel::InBegin(" ISOLATION LEVEL "),
        deferrable: Some([" DEFERRABLE", " NOT DEFERRABLE"]),
        end_commits: true,
        ..STANDARD_TRANSACTIONS
    },
    blocks: Blocks::Atomic,
    session_functions: &["set_config", "pg_advisory", "pg_try_advisory", "setseed", "dblink", "lo_"],
    ..GENERIC
};

/// MySQL, in its default SQL mode.
///
/// Under `ANSI_QUOTES` a `"…"` is a name, which changes nothing here unless there is a backslash in it. Under
/// `NO_BACKSLASH_ESCAPES` a backslash before a quote is read differently, so the drivers do not let that mode be set.
pub static MYSQL: Dialect = Dialect {
    name: "MySQL",
    family: Some(Family::MySql),
    lexis: Lexis {
        backslash_escapes: true,
        double_quote_strings: true,
        backtick_names: true,
        hash_comments: true,
        spaced_dashes: true,
        live_comments: true,
        session_variables: true,
        ..STANDARD
    },
    max_parameters: 65_535,
    empty_list: Some("SELECT NULL FROM DUAL WHERE FALSE"),
    quotes: ('`', '`'),
    max_name: Some((64, NameUnit::Chars)),
    folding: Folding::Kept,
    commits: &[
        "ALTER",
        "ANALYZE",
        "CACHE",
        "CHANGE",
        "CHECK",
        "CREATE",
        "DROP",
        "FLUSH",
        "GRANT",
        "INSTALL",
        "LOCK",
        "OPTIMIZE",
        "RENAME",
        "REPAIR",
        "RESET",
        "REVOKE",
        "STOP",
        "TRUNCATE",
        "UNINSTALL",
        "UNLOCK",
    ],
    session_functions: &["get_lock", "release_lock", "release_all_locks", "last_insert_id"],
    ..GENERIC
};

/// MariaDB.
pub static MARIADB: Dialect = Dialect { name: "MariaDB", ..MYSQL };

/// Microsoft SQL Server.
pub static TSQL: Dialect = Dialect {
    name: "SQL Server",
    lexis: Lexis { bracket_names: true, bracket_doubling: true, nested_comments: true, at_numbers: true, ..STANDARD },
    max_parameters: 2_098,
    quotes: ('[', ']'),
    max_name: Some((128, NameUnit::Chars)),
    folding: Folding::Kept,
    transactions: Transactions {
        begin: "BEGIN TRANSACTION",
        levels: &[
            (ReadUncommitted, "READ UNCOMMITTED"),
            (ReadCommitted, "READ COMMITTED"),
            (RepeatableRead, "REPEATABLE READ"),
            (Snapshot, "SNAPSHOT"),
            (Serializable, "SERIALIZABLE"),
        ],
        set_level: SetLevel::BeforeAndUndo(
            "SET TRANSACTION ISOLATION LEVEL ",
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        ),
        access: SetAccess::Unsupported,
        begin_is_block: true,
        commit: "COMMIT TRANSACTION",
        rollback: "ROLLBACK TRANSACTION",
        savepoint: "SAVE TRANSACTION ",
        release: None,
        rollback_to: "ROLLBACK TRANSACTION ",
        ..STANDARD_TRANSACTIONS
    },
    blocks: Blocks::Batch,
    session_functions: &["sp_getapplock", "sp_set_session_context", "sp_setapprole"],
    ..GENERIC
};

/// Oracle.
pub static ORACLE: Dialect = Dialect {
    name: "Oracle",
    lexis: Lexis { q_strings: true, colon_anywhere: true, colon_numbers: true, ..STANDARD },
    placeholder: Placeholder::COLON,
    max_parameters: 65_535,
    max_name: Some((128, NameUnit::Bytes)),
    transactions: Transactions {
        begin: "",
        levels: &[(ReadCommitted, "READ COMMITTED"), (Serializable, "SERIALIZABLE")],
        set_level: SetLevel::After("SET TRANSACTION ISOLATION LEVEL "),
        access: SetAccess::After(["SET TRANSACTION READ ONLY", "SET TRANSACTION READ WRITE"]),
        begin_is_block: true,
        release: None,
        ..STANDARD_TRANSACTIONS
    },
    blocks: Blocks::Slash,
    commits: &[
        "ALTER", "ANALYZE", "AUDIT", "COMMENT", "CREATE", "DROP", "GRANT", "NOAUDIT", "RENAME", "REVOKE", "TRUNCATE",
    ],
    session_functions: &["dbms_session", "dbms_lock", "dbms_application_info", "dbms_random"],
    ..GENERIC
};

/// IBM Db2.
pub static DB2: Dialect = Dialect {
    name: "Db2",
    lexis: Lexis { nested_comments: true, ..STANDARD },
    max_name: Some((128, NameUnit::Bytes)),
    transactions: Transactions {
        begin: "",
        levels: &[(ReadUncommitted, "UR"), (ReadCommitted, "CS"), (RepeatableRead, "RS"), (Serializable, "RR")],
        set_level: SetLevel::BeforeAndUndo("SET CURRENT ISOLATION = ", "SET CURRENT ISOLATION = RESET"),
        access: SetAccess::Unsupported,
        begin_is_block: true,
        savepoint: "SAVEPOINT ",
        ..STANDARD_TRANSACTIONS
    },
    ..GENERIC
};

/// H2.
pub static H2: Dialect = Dialect {
    name: "H2",
    lexis: Lexis { dollar_quotes: true, nested_comments: true, question_numbers: true, ..STANDARD },
    max_parameters: 100_000,
    empty_list: Some(""),
    max_name: Some((256, NameUnit::Chars)),
    transactions: Transactions {
        begin: "BEGIN TRANSACTION",
        levels: &[
            (ReadUncommitted, "READ UNCOMMITTED"),
            (ReadCommitted, "READ COMMITTED"),
            (RepeatableRead, "REPEATABLE READ"),
            (Snapshot, "SNAPSHOT"),
            (Serializable, "SERIALIZABLE"),
        ],
        set_level: SetLevel::BeforeAndUndo(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL ",
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
        ),
        access: SetAccess::Unsupported,
        ..STANDARD_TRANSACTIONS
    },
    commits: &["ALTER", "ANALYZE", "COMMENT", "CREATE", "DROP", "GRANT", "REVOKE", "TRUNCATE"],
    ..GENERIC
};

/// HSQLDB.
pub static HSQLDB: Dialect = Dialect {
    name: "HSQLDB",
    max_name: Some((128, NameUnit::Chars)),
    commits: &["ALTER", "COMMENT", "CREATE", "DROP", "GRANT", "REVOKE", "TRUNCATE"],
    blocks: Blocks::Atomic,
    ..GENERIC
};

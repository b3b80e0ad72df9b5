use super::*;
use std::collections::BTreeSet;
use std::fmt::Debug;

fn sorted_without_duplicates<K: Ord + Debug>(table: &[Row<K>]) {
    assert!(!table.is_empty());
    for pair in table.windows(2) {
        assert!(pair[0].code < pair[1].code, "{:?} stands before {:?}", pair[0].code, pair[1].code);
    }
}

#[test]
fn the_tables_are_sorted_and_say_nothing_twice() {
    sorted_without_duplicates(sqlstate::CLASSES);
    sorted_without_duplicates(sqlstate::POSTGRES);
    sorted_without_duplicates(sqlstate::ODBC);
    sorted_without_duplicates(sqlstate::ENGINES);
    sorted_without_duplicates(mysql::NUMBERS);
    sorted_without_duplicates(sqlite::CODES);
    sorted_without_duplicates(mssql::NUMBERS);
    sorted_without_duplicates(freetds::NUMBERS);
    sorted_without_duplicates(oracle::NUMBERS);
    sorted_without_duplicates(jdbc::CLASSES);
    sorted_without_duplicates(jdbc::NUMBERS);
}

/// The names come from the sources, where each stands for one code; the SQLSTATE tables of ODBC and PostgreSQL have a
/// few that the standard gives twice.
#[test]
fn a_symbol_names_one_number() {
    fn once<K>(table: &[Row<K>]) {
        let mut seen = BTreeSet::new();
        for row in table {
            assert!(seen.insert(row.meaning.name), "{} twice", row.meaning.name);
        }
    }
    once(mysql::NUMBERS);
    once(sqlite::CODES);
    once(mssql::NUMBERS);
    once(freetds::NUMBERS);
    once(oracle::NUMBERS);
    once(jdbc::CLASSES);
    once(sqlstate::CLASSES);
}

#[test]
fn sqlstates_are_five_characters_of_a_known_class() {
    for row in sqlstate::POSTGRES.iter().chain(sqlstate::ODBC).chain(sqlstate::ENGINES) {
        assert!(row.code.len() == 5 && row.code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()));
    }
    for row in sqlstate::POSTGRES.iter().chain(sqlstate::ODBC) {
        assert!(sqlstate::class(row.code).is_some(), "no class for {}", row.code);
    }
}

use ErrorKind::*;

/// What every engine with SQL, keys and transactions can cause.
const COMMON: &[ErrorKind] = &[
    Busy,
    Cancelled,
    CheckViolation,
    ConstraintViolation,
    Corrupt,
    DiskFull,
    DuplicateObject,
    ForeignKeyViolation,
    InvalidValue,
    Internal,
    Io,
    Limit,
    Misuse,
    NotNullViolation,
    Parameter,
    PermissionDenied,
    ReadOnly,
    ResourceExhausted,
    Serialization,
    Syntax,
    TransactionLost,
    UndefinedColumn,
    UndefinedObject,
    UndefinedTable,
    UniqueViolation,
    UnknownDatabase,
    Unsupported,
];

/// What comes on top with a network and a server process.
const SERVER: &[ErrorKind] =
    &[Authentication, CommitUnknown, ConnectFailed, ConnectionLost, Deadlock, DivisionByZero, ServerBusy];

fn reached<'a, K: 'a>(rows: impl IntoIterator<Item = &'a Row<K>>) -> BTreeSet<ErrorKind> {
    rows.into_iter().flat_map(|row| [row.meaning.kind(), row.meaning.kind_at_connect()]).collect()
}

fn assert_reached(family: &str, reached: &BTreeSet<ErrorKind>, expected: &[&[ErrorKind]], except: &[ErrorKind]) {
    for kind in expected.iter().copied().flatten() {
        assert_eq!(!reached.contains(kind), except.contains(kind), "{family}: {kind}");
    }
}

#[test]
fn every_kind_that_a_database_can_cause_is_reached_by_each_family_that_has_it() {
    let postgres = reached(sqlstate::POSTGRES);
    assert_reached("PostgreSQL", &postgres, &[COMMON, SERVER, &[TransactionAborted, Config, Other]], &[]);

    let mysql = reached(mysql::NUMBERS);
    // MySQL answers a violated constraint of any other sort with a number of its own for that sort.
    assert_reached(
        "MySQL",
        &mysql,
        &[COMMON, SERVER, &[Timeout, Tls, Conversion, ConnectionBusy, RolledBack]],
        &[ConstraintViolation],
    );

    let mut sqlite = reached(sqlite::CODES);
    for message in ["no such table: t", "no such column: c", "near \"x\": syntax error", "table t already exists"] {
        sqlite.extend(sqlite::meaning(1, message).map(Meaning::kind));
    }
    assert_reached("SQLite", &sqlite, &[COMMON, &[NotADatabase, Authentication]], &[]);

    let mut mssql = reached(mssql::NUMBERS);
    for message in
        ["The INSERT statement conflicted with the FOREIGN KEY constraint \"f\".", "... CHECK constraint \"c\"."]
    {
        mssql.extend(mssql::meaning(547, message).map(Meaning::kind));
    }
    // The outcome of a COMMIT whose answer is lost is known by the loss of the connection only.
    assert_reached(
        "SQL Server",
        &mssql,
        &[COMMON, SERVER, &[Tls, RolledBack, TransactionAborted, ConnectionBusy]],
        &[CommitUnknown],
    );

    let odbc = reached(sqlstate::ODBC.iter().chain(sqlstate::ENGINES).chain(sqlstate::POSTGRES));
    assert_reached("ODBC and JDBC", &odbc, &[COMMON, SERVER, &[Timeout, Conversion, RolledBack, NotADatabase]], &[]);

    let jdbc = reached(jdbc::CLASSES);
    let exceptions: &[ErrorKind] = &[
        Authentication,
        Config,
        ConnectFailed,
        ConnectionLost,
        ConstraintViolation,
        InvalidValue,
        Io,
        ResourceExhausted,
        Serialization,
        Syntax,
        Timeout,
        Tls,
        Unsupported,
    ];
    assert_reached("exceptions", &jdbc, &[exceptions], &[]);

    let oracle = reached(oracle::NUMBERS);
    assert_reached(
        "Oracle",
        &oracle,
        &[COMMON, SERVER, &[RolledBack]],
        &[ConstraintViolation, Io, Misuse, TransactionLost, Unsupported],
    );
}

/// A kind of the library itself is never blamed on a database.
#[test]
fn no_table_claims_what_only_the_library_can_know() {
    let own = [
        Url,
        UnknownScheme,
        ForbiddenOption,
        NoSuchColumn,
        TransactionVerb,
        NotConnected,
        PoolTimeout,
        QueueFull,
        PoolDegraded,
        WouldDeadlock,
        ForkedProcess,
        OwnerGone,
        DriverPanic,
        ForceRollbackLost,
    ];
    let mut all =
        reached(sqlstate::POSTGRES.iter().chain(sqlstate::ODBC).chain(sqlstate::ENGINES).chain(sqlstate::CLASSES));
    all.extend(reached(mysql::NUMBERS.iter().chain(sqlite::CODES).chain(mssql::NUMBERS).chain(oracle::NUMBERS)));
    all.extend(reached(jdbc::CLASSES));
    all.extend(reached(jdbc::NUMBERS));
    for kind in own {
        assert!(!all.contains(&kind), "{kind}");
    }
}

#[test]
fn the_same_event_means_the_same_everywhere() {
    let table: &[(ErrorKind, &str, &str, i64, i64, i64, i64)] = &[
        // kind, PostgreSQL, ODBC or JDBC, MySQL, SQLite, SQL Server, Oracle
        (UniqueViolation, "23505", "23505", 1062, 2067, 2627, 1),
        (NotNullViolation, "23502", "23502", 1048, 1299, 515, 1400),
        (CheckViolation, "23514", "23513", 3819, 275, 550, 2290),
        (ForeignKeyViolation, "23503", "23504", 1452, 787, 3726, 2291),
        (Busy, "55P03", "40XL1", 1205, 5, 1222, 54),
        (Cancelled, "57014", "HY008", 1317, 9, 3980, 1013),
        (DiskFull, "53100", "57011", 1021, 13, 1105, 1653),
        (ReadOnly, "25006", "25502", 1792, 8, 3906, 1456),
        (PermissionDenied, "42501", "42502", 1142, 23, 229, 1031),
        (Corrupt, "XX001", "90030", 1194, 11, 824, 1578),
        (UnknownDatabase, "3D000", "XJ004", 1049, 14, 4060, 12514),
    ];
    for &(kind, postgres, portable, mysql_number, sqlite_code, mssql_number, oracle_number) in table {
        let said = [
            sqlstate::postgres(postgres),
            sqlstate::odbc(portable),
            sqlstate::jdbc(portable),
            mysql::meaning(mysql_number),
            sqlite::meaning(sqlite_code, ""),
            mssql::meaning(mssql_number, ""),
            oracle::meaning(oracle_number),
        ];
        for meaning in said {
            assert_eq!(meaning.map(Meaning::kind), Some(kind), "{meaning:?}");
        }
    }
    let deadlocks = [sqlstate::postgres("40P01"), mysql::meaning(1213), mssql::meaning(1205, ""), oracle::meaning(60)];
    assert!(deadlocks.iter().all(|meaning| meaning.is_some_and(|meaning| meaning.kind() == Deadlock)));
}

#[test]
fn fatal_classes_and_numbers_end_the_connection() {
    for state in ["08000", "08S01", "08ZZZ", "57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04", "XX000"] {
        assert!(sqlstate::is_connection_dead(state), "{state}");
    }
    for state in ["XX002", "XXZZZ", "28000", "28P01", "57ZZZ", "ZZ000", "", "0800", "ünïco"] {
        assert!(sqlstate::is_connection_dead(state), "{state}");
    }
    for state in ["23505", "40001", "40P01", "42601", "57014", "25P02", "25006", "53100", "HY000", "22012", "P0001"] {
        assert!(!sqlstate::is_connection_dead(state), "{state}");
    }
    for number in [1053, 1152, 1153, 1154, 1155, 1156, 1157, 1158, 1159, 2006, 2013, 4031, 1927] {
        assert!(mysql::is_connection_dead(number), "{number}");
    }
    for number in [1062, 1205, 1213, 1317, 3024, 1064, 1290, 1836] {
        assert!(!mysql::is_connection_dead(number), "{number}");
    }
    // The last of each is an extended code that does not exist yet.
    for code in [7, 10, 266, 3082, 11, 267, 26, 10 | 200 << 8, 11 | 200 << 8] {
        assert!(sqlite::is_connection_dead(code), "{code}");
    }
    for code in [1, 5, 517, 9, 13, 19, 2067, 19 | 200 << 8] {
        assert!(!sqlite::is_connection_dead(code), "{code}");
    }
    for class in ["java.sql.SQLNonTransientConnectionException", "java.sql.SQLRecoverableException"] {
        assert!(jdbc::class(class).is_some_and(Meaning::is_connection_dead), "{class}");
    }
    assert!(mssql::is_connection_dead(596) && !mssql::is_connection_dead(1205));
    assert!(oracle::is_connection_dead(3113) && !oracle::is_connection_dead(60));
}

#[test]
fn a_shutdown_or_a_change_of_role_concerns_the_whole_pool() {
    for state in ["57P01", "57P02", "57P03", "25006"] {
        assert!(sqlstate::postgres(state).is_some_and(Meaning::hints_failover), "{state}");
    }
    for state in ["57P04", "57P05", "08006", "25P02"] {
        assert!(!sqlstate::postgres(state).is_some_and(Meaning::hints_failover), "{state}");
    }
    assert!([1053, 1290, 1836].into_iter().all(|number| mysql::meaning(number).is_some_and(Meaning::hints_failover)));
    assert!(!mysql::meaning(1792).is_some_and(Meaning::hints_failover));
}

#[test]
fn what_passes_at_connect_is_told_from_what_does_not() {
    let transient = [
        sqlstate::postgres("57P03"),
        sqlstate::postgres("53300"),
        sqlstate::odbc("08001"),
        sqlstate::odbc("HYT00"),
        mysql::meaning(1040),
        mysql::meaning(2002),
        mysql::meaning(2003),
        mysql::meaning(2005),
        mysql::meaning(2013),
        sqlite::meaning(5, ""),
        mssql::meaning(40613, ""),
        oracle::meaning(12541),
        jdbc::class("java.net.ConnectException"),
    ];
    for meaning in transient {
        assert!(meaning.is_some_and(Meaning::is_transient_at_connect), "{meaning:?}");
    }
    let last = [
        sqlstate::postgres("28P01"),
        sqlstate::postgres("3D000"),
        sqlstate::odbc("IM002"),
        sqlstate::odbc("08004"),
        mysql::meaning(1045),
        mysql::meaning(1049),
        mysql::meaning(1129),
        mysql::meaning(2026),
        sqlite::meaning(14, ""),
        sqlite::meaning(26, ""),
        mssql::meaning(18456, ""),
        oracle::meaning(1017),
        jdbc::class("javax.net.ssl.SSLHandshakeException"),
    ];
    for meaning in last {
        assert!(meaning.is_some_and(|meaning| !meaning.is_transient_at_connect()), "{meaning:?}");
    }
}

#[test]
fn a_link_that_breaks_while_connecting_has_lost_nothing() {
    let gone = mysql::meaning(2013).expect("is in the table");
    let in_use = gone.error("Lost connection to server during query");
    assert_eq!((in_use.kind(), in_use.effect()), (ConnectionLost, Effect::Unknown));
    let connecting = gone.connect_error("Lost connection to server at 'handshake'");
    assert_eq!((connecting.kind(), connecting.effect()), (ConnectFailed, Effect::NotSent));
    assert!(connecting.is_retryable());
}

#[test]
fn what_the_server_refused_was_sent() {
    for row in sqlstate::POSTGRES {
        assert_ne!(row.meaning.error("refused").effect(), Effect::NotSent, "{}", row.code);
    }
    assert_eq!(sqlstate::postgres("0A000").map(Meaning::effect), Some(Effect::NotApplied));
}

#[test]
fn unknown_subclasses_mean_what_their_class_means() {
    assert_eq!(sqlstate::postgres("23ZZZ").map(Meaning::kind), Some(ConstraintViolation));
    assert_eq!(sqlstate::postgres("22ZZZ").map(Meaning::name), Some("data_exception"));
    assert_eq!(sqlstate::postgres("ZZZZZ"), None);
    assert_eq!(sqlstate::class("42"), None);
    assert_eq!(sqlstate::class("é0000"), None);
}

#[test]
fn the_most_telling_code_counts_and_any_can_end_the_connection() {
    // A general SQLSTATE beside a number that is known.
    let told = most_telling([mysql::meaning(1062), sqlstate::odbc("HY000")]);
    assert_eq!(told.map(Meaning::name), Some("ER_DUP_ENTRY"));
    // The other way round, the general one first.
    let told = most_telling([sqlstate::odbc("HY000"), mysql::meaning(1062)]);
    assert_eq!(told.map(Meaning::kind), Some(UniqueViolation));
    // A number that nobody knows leaves the SQLSTATE to speak.
    let told = most_telling([mysql::meaning(65_000), sqlstate::odbc("42S02")]);
    assert_eq!(told.map(Meaning::kind), Some(UndefinedTable));
    // The state says what happened, the class that the connection is gone.
    let told = jdbc::meaning(Some("40001"), 0, ["java.sql.SQLRecoverableException"]).expect("both are known");
    assert!(told.kind() == Serialization && told.is_connection_dead());
    // A code that was not believed does not speak for the pool.
    let told = most_telling([mysql::meaning(1062), sqlstate::postgres("57P01")]).expect("both are known");
    assert!(told.is_connection_dead() && !told.hints_failover());
    assert_eq!(most_telling([None, None]), None);
    assert_eq!(most_telling([sqlstate::odbc("HY000")]).map(Meaning::kind), Some(Other));
}

#[test]
fn an_exception_is_known_by_the_nearest_class_of_java_sql() {
    let classes = [
        "com.mysql.cj.jdbc.exceptions.CommunicationsException",
        "java.sql.SQLRecoverableException",
        "java.sql.SQLException",
    ];
    assert_eq!(jdbc::meaning(None, 0, classes).map(Meaning::kind), Some(ConnectionLost));
    // sqlite-jdbc and others throw the base class and no state: what its cause was is what is left.
    let classes = ["org.sqlite.SQLiteException", "java.net.SocketTimeoutException"];
    assert_eq!(jdbc::meaning(None, 0, classes).map(Meaning::kind), Some(Timeout));
    assert_eq!(jdbc::meaning(None, 0, ["org.example.Odd"]), None);
}

#[test]
fn states_that_engines_use_for_two_things_are_told_apart_by_number() {
    let kind = |state, number| jdbc::meaning(Some(state), number, []).map(Meaning::kind);
    assert_eq!(kind("42501", -5501), Some(UndefinedObject));
    assert_eq!(kind("42501", 0), Some(PermissionDenied));
    assert_eq!(kind("42504", -5504), Some(DuplicateObject));
    assert_eq!(kind("42504", 20_000), Some(PermissionDenied));
    assert_eq!(kind("23506", 23_506), Some(ForeignKeyViolation));
    assert_eq!(kind("23506", 30_000), Some(UniqueViolation));
    assert_eq!(kind("23507", 23_507), Some(NotNullViolation));
    assert_eq!(kind("S1000", -451), Some(Busy));
    assert_eq!(kind("S1000", 0), Some(Other));
}

#[test]
fn sqlite_messages_tell_what_its_code_does_not() {
    let table = [
        ("no such table: notes", UndefinedTable),
        ("no such column: titel", UndefinedColumn),
        ("table notes has no column named titel", UndefinedColumn),
        ("no such function: now", UndefinedObject),
        ("no such savepoint: pontoon_sp_1", UndefinedObject),
        ("near \"SELEC\": syntax error", Syntax),
        ("incomplete input", Syntax),
        ("unrecognized token: \"'abc\"", Syntax),
        ("table notes already exists", DuplicateObject),
        ("index i already exists", DuplicateObject),
        ("too many SQL variables", Limit),
        ("cannot start a transaction within a transaction", Misuse),
        ("cannot commit - no transaction is active", TransactionLost),
        ("integer overflow", InvalidValue),
        ("something nobody has seen", Other),
        // Names that look like messages do not lead astray.
        ("no such table: x already exists", UndefinedTable),
        ("no such column: near \"x\": syntax error", UndefinedColumn),
    ];
    for (message, kind) in table {
        assert_eq!(sqlite::meaning(1, message).map(Meaning::kind), Some(kind), "{message}");
    }
    // A code that says it all is not overruled by its message.
    assert_eq!(sqlite::meaning(2067, "no such table: t").map(Meaning::kind), Some(UniqueViolation));
    assert_eq!(sqlite::meaning(19 | 99 << 8, "").map(Meaning::name), Some("SQLITE_CONSTRAINT"));
    assert_eq!(sqlite::meaning(99, ""), None);
}

#[test]
fn sql_server_tells_foreign_keys_from_checks_by_words_outside_of_names() {
    let kind = |message| mssql::meaning(547, message).map(Meaning::kind);
    let insert = "The INSERT statement conflicted with the FOREIGN KEY constraint \"FK_CHECK\". The conflict occurred";
    let delete = "The DELETE statement conflicted with the REFERENCE constraint \"FK_a\".";
    let check = "The INSERT statement conflicted with the CHECK constraint \"CK_FOREIGN KEY\".";
    let german = "Die INSERT-Anweisung steht in Konflikt mit der CHECK-Einschränkung 'CK_a'.";
    assert_eq!(kind(insert), Some(ForeignKeyViolation));
    assert_eq!(kind(delete), Some(ForeignKeyViolation));
    assert_eq!(kind(check), Some(CheckViolation));
    assert_eq!(kind(german), Some(CheckViolation));
    assert_eq!(kind(""), Some(ConstraintViolation));
}

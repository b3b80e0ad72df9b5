//! The test server itself: what it makes of T-SQL.

use crate::kit::tds::tsql::{Session, declared, statements, translate};

#[test]
fn what_differs_is_translated_and_nothing_else() {
    let session = Session { open: 2, state: -1 };
    for (tsql, sqlite) in [
        ("SELECT '@@TRANCOUNT', N'ä''s', [max]", "SELECT '@@TRANCOUNT', 'ä''s', [max]"),
        (
            "SELECT CASE WHEN XACT_STATE() = -1 THEN 2 ELSE @@TRANCOUNT END",
            "SELECT CASE WHEN -1 = -1 THEN 2 ELSE 2 END",
        ),
        (
            "CREATE TABLE dbo.t (id INT IDENTITY(1, 1) PRIMARY KEY, n DECIMAL(38, 10), t NVARCHAR(MAX))",
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, n DECIMAL_TEXT(38, 10), t NVARCHAR(2147483647))",
        ),
        ("INSERT INTO t (n) OUTPUT INSERTED.id VALUES (@P1)", "INSERT INTO t (n) VALUES (@P1) RETURNING  id "),
        ("SELECT max(n), SCOPE_IDENTITY() FROM t", "SELECT max(n), last_insert_rowid() FROM t"),
    ] {
        assert_eq!(translate(tsql, session), sqlite);
    }
    assert_eq!(statements("SELECT ';'; ; SELECT 2"), ["SELECT ';'", "SELECT 2"]);
    let declared = declared("@P1 int, @P2 decimal(38, 10),@P3 nvarchar(max)");
    assert_eq!(declared[1], ("@P2".to_owned(), "decimal(38, 10)".to_owned()));
    assert_eq!(declared.len(), 3);
}

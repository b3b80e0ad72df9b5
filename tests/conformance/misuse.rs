//! Every misuse, with the kind and the text of its error: what is wrong, whose fault it is, and the way out.

use crate::face::prelude::*;
use pontoon::{Error, IsolationLevel, LockMode, Result, Retry};

use crate::harness::{BRIEF, HASTE, Outcome, PATIENCE, Target, error_of, note, on_another_thread};

tests! {
    misuse:
    says_what_is_wrong_and_what_to_do,
}

/// One misuse.
struct Case {
    what: &'static str,
    kind: ErrorKind,
    /// The whole message, with `<file:line>` and `<thread>` for what changes from run to run.
    says: &'static str,
    commit: fn(&Target) -> Result<Error>,
}

macro_rules! misuses {
    ($(#[$doc:meta])* $list:ident; $($what:literal: $kind:ident, $says:literal, |$t:ident| $commit:expr;)+) => {
        $(#[$doc])*
        const $list: &[Case] = &[$(
            Case {
                what: $what,
                kind: ErrorKind::$kind,
                says: $says,
                commit: {
                    fn commit($t: &Target) -> Result<Error> {
                        Ok(error_of($commit))
                    }
                    commit
                },
            },
        )+];
    };
}

misuses! {
    /// What every database answers alike.
    CASES;

    // ---- what it is made from
    "nothing to connect to": Config, "there is no database; give a URL, or parts with a scheme like postgresql or sqlite", |_t| Database::builder().build();
    "no URL": Url, "the database URL is empty; write one like sqlite:///app.db or postgresql://user@host/db", |_t| Database::new("");
    "a URL without a scheme": Url, "the database URL has no scheme; write one like sqlite:///app.db or postgresql://user@host/db", |_t| Database::new("app.db");
    "an unknown scheme": UnknownScheme, "no driver serves the scheme `nosuchthing`; known are …", |_t| Database::new("nosuchthing://localhost/db");
    "an unknown option": UnknownOption, "unknown option `pool_sise`; did you mean pool_size?", |t| t.builder().option("pool_sise", "3").build();
    "an option that is no number": Config, "the option `max_waiters`: `many` is not what it takes; give a whole number from 0 to 1000000000", |t| t.builder().option("max_waiters", "many").build();
    "an option given twice": Config, "the option `pool_size` is given twice, both times in the builder; give it once", |t| t.builder().option("pool_size", "3").build();
    "a pool without connections": Config, "the option `pool_size`: `0` is not what it takes; give a whole number from 1 to 10000", |t| t.builder().pool_size(0).build();
    "a finished configuration that is changed": Config, "a finished Config cannot be changed any more: give the builder a URL, or a ConfigBuilder", |t| {
        let config = t.builder().build()?.config().clone();
        Database::builder().config(config).pool_size(2).build()
    };

    // ---- a database that is not connected
    "a query": NotConnected, "the database is not connected: call connect() first", |t| t.builder().build()?.ping();
    "a query after close": NotConnected, "the database is not connected: call connect() first", |t| {
        let db = t.fresh()?;
        db.close(PATIENCE);
        db.ping()
    };
    "a connection that is kept past close": ConnectionLost, "this connection is closed: ask the database for another one", |t| {
        let db = t.fresh()?;
        let connection = db.connection()?;
        db.close(PATIENCE);
        db.connect()?;
        connection.ping()
    };

    // ---- statements and parameters
    "no statement": Misuse, "there is no statement to run: the text is empty, or all comments and semicolons", |t| t.fresh()?.execute("-- nothing", ());
    "two statements": Misuse, "a second statement starts at line 1, column 11: send one at a time, or all of them with execute_script", |t| t.fresh()?.execute("SELECT 1; SELECT 2", ());
    "rows of a statement that has none": Misuse, "the statement returns no rows: run it with execute, or add a RETURNING clause", |t| t.notes()?.fetch_all("DELETE FROM notes", ());
    "a name that is missing": Parameter, "no value for :b (a colon that starts no parameter is written \\:)", |t| t.fresh()?.fetch_all("SELECT :a, :b", params! { a: 1 });
    "a name that is not there": Parameter, "statement has no :b; it has :a", |t| t.fresh()?.fetch_all("SELECT :a", params! { a: 1, b: 2 });
    "a name given twice": Parameter, "value given twice for :a", |t| t.fresh()?.fetch_all("SELECT :a", params! { a: 1, "a" => 2 });
    "no parameters for names": Parameter, "no value for :a, :b (a colon that starts no parameter is written \\:)", |t| t.fresh()?.fetch_all("SELECT :a, :b", ());
    "positions for names": Parameter, "statement has names, values were given by position: give them as params! { a: .., b: .. }", |t| t.fresh()?.fetch_all("SELECT :a, :b", (1, 2));
    "names for positions": Parameter, "statement has 2 placeholders without names, values were given by name: give them by position, in a tuple or params![..]", |t| t.fresh()?.fetch_all("SELECT ?, ?", params! { a: 1 });
    "too few positions": Parameter, "statement has 2 placeholders, 1 value was given", |t| t.fresh()?.fetch_all("SELECT ?, ?", (1,));
    "too many positions": Parameter, "statement has 1 placeholder, 2 values were given", |t| t.fresh()?.fetch_all("SELECT ?", (1, 2));
    "both styles in one statement": Parameter, "statement has names (`:a` at line 1, column 8) and positions (`?` at line 1, column 12): use one of the two", |t| t.fresh()?.fetch_all("SELECT :a, ?", (1, 2));
    "parameters with the query and the call": Parameter, "parameters were given twice: with the query and with the call", |t| {
        t.fresh()?.fetch_all(Query::new("SELECT :a").bind(params! { a: 1 }), params! { a: 2 })
    };
    "parameters with the query and its sets": Parameter, "parameters were given twice: with the query and as the sets of parameters", |t| {
        t.fresh()?.execute_many(Query::new("SELECT :a").bind(params! { a: 1 }), [params! { a: 2 }])
    };
    "a row with a value too few": Parameter, "row 0 has 1 values for the 2 columns [\"id\", \"text\"]", |t| t.notes()?.bulk_insert("notes", &["id", "text"], [params![1]]);
    "a row without one of the columns": Parameter, "row 0 has no value for column `text`", |t| t.notes()?.bulk_insert("notes", &["text"], [params! { txt: "a" }]);
    "rows of no columns": Parameter, "no columns were given to insert into `notes`: name those that the rows have values for", |t| t.notes()?.bulk_insert("notes", &[], [()]);
    "parameters of a script": Parameter, "a script has no parameters: run the statements that have some one by one", |t| t.fresh()?.execute_script("SELECT :a");
    "a statement that writes, marked as one that reads": ReadOnly, "the statement writes, and the query was marked read-only", |t| {
        t.notes()?.execute(Query::new("DELETE FROM notes").read_only(), ())
    };
    "more rows than allowed": ResultTooLarge, "the result is larger than the 2 rows that its max_rows allows: narrow it, raise the limit, or stream it with iterate()", |t| {
        t.fresh()?.fetch_all(Query::new("VALUES (1), (2), (3)").max_rows(2), ())
    };

    // ---- rows
    "a column that is not there": NoSuchColumn, "no column \"txet\"; the columns are \"id\", \"text\"", |t| {
        let row = t.fresh()?.fetch_one("SELECT 1 AS id, 2 AS text", ())?.expect("a row");
        row.get::<i64>("txet")
    };
    "a position that is not there": NoSuchColumn, "no column at position 2; the result has 2 columns, at positions 0 to 1", |t| {
        let row = t.fresh()?.fetch_one("SELECT 1 AS id, 2 AS text", ())?.expect("a row");
        row.get::<i64>(2)
    };
    "a name that two columns have": NoSuchColumn, "2 columns are named \"id\", at positions 0, 1; read them by position, or name them apart with AS", |t| {
        let row = t.fresh()?.fetch_one("SELECT 1 AS id, 2 AS id", ())?.expect("a row");
        row.get::<i64>("id")
    };
    "NULL read as what is never NULL": Conversion, "column \"id\" (0): cannot read NULL as i64: use Option<i64>", |t| t.fresh()?.fetch_val::<i64>("SELECT NULL AS id", ());
    "text read as a number": Conversion, "column \"id\" (0): cannot read TEXT as i64: only integers, and decimals and floats without a fraction, are read as one", |t| t.fresh()?.fetch_val::<i64>("SELECT 'one' AS id", ());
    "three columns read as two": Conversion, "a tuple of 2 is read from 2 columns; the result has 3 columns (\"a\", \"b\", \"c\")", |t| t.fresh()?.fetch_one_as::<(i64, i64)>("SELECT 1 AS a, 2 AS b, 3 AS c", ());

    // ---- transactions
    "BEGIN as a statement": TransactionVerb, "BEGIN cannot be sent as a statement: call begin() or transaction()", |t| t.fresh()?.execute("BEGIN", ());
    "COMMIT as a statement": TransactionVerb, "COMMIT cannot be sent as a statement: call commit() on the transaction", |t| t.fresh()?.execute("COMMIT", ());
    "a script that does not end its transaction": TransactionVerb, "script begins a transaction on line 2 and does not end it", |t| t.fresh()?.execute_script("SELECT 1;\nBEGIN;\nSELECT 2");
    "a script that ends a transaction it did not begin": TransactionVerb, "script has COMMIT on line 1 and no transaction begun before it", |t| t.fresh()?.execute_script("COMMIT");
    "a script with a transaction inside one": TransactionVerb, "the script has BEGIN on line 1, and a transaction is open: run it outside of one", |t| {
        t.fresh()?.transaction(|tx| tx.execute_script("BEGIN; COMMIT"))
    };
    "the driver's own connection, of another driver": Misuse, "the driver's own connection is no `i32`", |t| t.fresh()?.raw(|_: &mut i32| Ok(()));
    "the outer one committed before the inner one": Misuse, "this transaction is not the innermost one: finish the transactions inside it first", |t| {
        let db = t.fresh()?;
        let (outer, _inner) = (db.begin()?, db.begin()?);
        outer.commit().map_err(Error::from)
    };
    "the inner one committed after the outer one ended": Misuse, "this transaction is finished already", |t| {
        let db = t.fresh()?;
        let (outer, inner) = (db.begin()?, db.begin()?);
        outer.rollback().err();
        inner.commit().map_err(Error::from)
    };
    "one that is to be rolled back, committed": Misuse, "this transaction was begun to be rolled back, whatever happens: it cannot be committed", |t| {
        t.fresh()?.begin_with(&TxOptions::new().rollback_only())?.commit().map_err(Error::from)
    };
    "options of the outermost, given to an inner one": Misuse, "a transaction inside another one cannot be given read_only, lock_mode, retry: give that to the outermost, and begin this one without it", |t| {
        let db = t.fresh()?;
        let mut tx = db.begin()?;
        let options = TxOptions::new().read_only().lock_mode(LockMode::Immediate).retry(Retry::attempts(2));
        tx.begin_with(&options).map(drop)
    };

    // ---- waiting for oneself, and for others
    "a call of the connection from inside its own job": WouldDeadlock, "this call comes from inside a job of the same connection and would wait for itself: use the session that the closure was given", |t| {
        let connection = t.fresh()?.connection()?;
        let clone = connection.clone();
        connection.run(move |_| clone.ping())
    };
    "a statement inside each": WouldDeadlock, "the session is inside each(): fetch the rows first, then run the other statement", |t| {
        t.fresh()?.run(|session| session.each("SELECT 1", (), |_| session.ping().map(|()| std::ops::ControlFlow::Continue(()))))
    };
    "a panic on the connection's thread": DriverPanic, "a panic on the connection's thread, `by the program`; the connection is discarded", |t| t.fresh()?.run(|_| -> Result<()> { panic!("by the program") });
    "a begin while another caller's is open": Busy, "the deadline passed while waiting for the transaction begun at <file:line> by <thread> to end on the connection that both use: to take part in it, pass its handle and begin on that", |t| {
        let db = t.watch(t.builder().timeout(HASTE).open()?);
        let connection = db.connection()?;
        let _tx = connection.begin()?;
        let clone = connection.clone();
        on_another_thread(move || clone.begin().map(drop))
    };
}

misuses! {
    /// What SQLite has words of its own for.
    OF_SQLITE;

    "a list that is no list of values": InvalidValue, "parameter :a: SQLite has no arrays; a list is expanded as `IN (:name)`, anywhere else bind it as JSON", |t| t.fresh()?.fetch_all("SELECT :a", params! { a: vec![1, 2] });
    "an integer that does not fit": InvalidValue, "parameter :big: an unsigned integer past 9223372036854775807 does not fit SQLite's INTEGER; bind a Decimal or text", |t| t.fresh()?.fetch_all("SELECT :big", params! { big: u64::MAX });
    "a name that stands twice": InvalidValue, "parameter :b: SQLite has no NaN and would store NULL; bind NULL if that is what is meant", |t| {
        t.fresh()?.fetch_all("SELECT :a, :a, :b, :a", params! { a: 1, b: f64::NAN })
    };
    "a name behind a list": InvalidValue, "parameter :big: an unsigned integer past 9223372036854775807 does not fit SQLite's INTEGER; bind a Decimal or text", |t| {
        t.fresh()?.fetch_all("SELECT 1 WHERE 1 IN (:list) AND :big", params! { list: vec![1, 2, 3], big: u64::MAX })
    };
    "an element of a list": InvalidValue, "parameter :list: an unsigned integer past 9223372036854775807 does not fit SQLite's INTEGER; bind a Decimal or text", |t| {
        t.fresh()?.fetch_all("SELECT 1 WHERE 1 IN (:list)", params! { list: vec![1, u64::MAX] })
    };
    "one set of many": InvalidValue, "set 1: parameter :n: an unsigned integer past 9223372036854775807 does not fit SQLite's INTEGER; bind a Decimal or text", |t| {
        t.fresh()?.execute_many("SELECT :n", [params! { n: 1 }, params! { n: u64::MAX }])
    };
    "not a number": InvalidValue, "parameter 1: SQLite has no NaN and would store NULL; bind NULL if that is what is meant", |t| t.fresh()?.fetch_all("SELECT ?", (f64::NAN,));
    "a transaction left open by the driver's own connection": TransactionVerb, "a transaction was left open behind the library's back; it was rolled back: use transaction(), begin(), commit() and rollback()", |t| {
        t.fresh()?.raw(|connection: &mut rusqlite::Connection| {
            connection.execute_batch("BEGIN").map_err(|error| Error::new(ErrorKind::Other, error.to_string()))
        })
    };
    "an isolation level that there is not": Unsupported, "SQLite has no such thing as isolation level REPEATABLE READ; it has SERIALIZABLE", |t| {
        t.fresh()?.begin_with(&TxOptions::new().isolation(IsolationLevel::RepeatableRead)).map(drop)
    };
    "a write in a read-only transaction": ReadOnly, "attempt to write a readonly database", |t| {
        t.notes()?.transaction_with(&TxOptions::new().read_only(), |tx| note(tx, "one"))
    };
    "a statement after a timeout in a transaction": TransactionAborted, "the transaction accepts only its end, because of an earlier error: the deadline passed while the statement was running; it was interrupted and is undone (Timeout)", |t| {
        let endless = Query::new(t.profile().endless).timeout(BRIEF);
        t.notes()?.transaction(|tx| {
            error_of(tx.fetch_all(endless, ()));
            note(tx, "one")
        })
    };
    "a lock that another connection holds for longer than allowed": Busy, "another connection held a lock on the database for longer than busy_timeout allows (50 ms)", |t| {
        let db = t.notes_with(|builder| builder.option("busy_timeout", "50ms"))?;
        let _tx = db.begin()?;
        on_another_thread(|| db.execute("DELETE FROM notes", ()))
    };
}

pub(crate) fn says_what_is_wrong_and_what_to_do(t: &Target) -> Outcome {
    let mut wrong = Vec::new();
    let own = if t.profile().name.starts_with("sqlite") { OF_SQLITE } else { &[] };
    for case in CASES.iter().chain(own) {
        let error = (case.commit)(t)?;
        let says = t.mask(&error);
        // An ellipsis stands for the rest.
        let is_said = match case.says.strip_suffix('…') {
            Some(begin) => says.starts_with(begin),
            None => says == case.says,
        };
        if error.kind() != case.kind || !is_said {
            wrong.push(format!(
                "{}\n     is {:?}: {says}\n  wants {:?}: {}",
                case.what,
                error.kind(),
                case.kind,
                case.says
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

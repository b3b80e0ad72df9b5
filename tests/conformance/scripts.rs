//! Scripts: many statements in one text, with transactions of their own if they are balanced.

use crate::face::prelude::*;
use pontoon::Effect;

use crate::harness::{Outcome, Target, count, error_of, fails, note, texts};

tests! {
    scripts:
    a_dump_loads,
    nothing_to_do,
    an_unbalanced_script_is_not_begun,
    a_failing_script_leaves_no_transaction_open,
    inside_a_transaction,
    transaction_verbs_are_refused_elsewhere,
}

pub(crate) fn a_dump_loads(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_script(t.profile().dump)?;
    assert_eq!(texts(&db)?, ["a; b", "it's", ":not_a_parameter ?", "last"]);
    assert_eq!(db.fetch_val("SELECT count(*) FROM log", ())?, Some(2));
    Ok(())
}

pub(crate) fn nothing_to_do(t: &Target) -> Outcome {
    let db = t.fresh()?;
    for script in ["", " \n ", ";;;", "-- nothing", "/* nothing; */ ;"] {
        db.execute_script(script)?;
    }
    Ok(())
}

pub(crate) fn an_unbalanced_script_is_not_begun(t: &Target) -> Outcome {
    let db = t.notes()?;
    for (script, line) in [
        ("INSERT INTO notes (text) VALUES ('a');\nBEGIN;\nINSERT INTO notes (text) VALUES ('b');", 2),
        ("INSERT INTO notes (text) VALUES ('a');\n\nCOMMIT;", 3),
        ("INSERT INTO notes (text) VALUES ('a'); ROLLBACK;", 1),
        ("BEGIN;\nBEGIN;\nCOMMIT; INSERT INTO notes (text) VALUES ('a');", 2),
        ("INSERT INTO notes (text) VALUES ('a');\nSAVEPOINT s;", 2),
    ] {
        let error = fails(ErrorKind::TransactionVerb, db.execute_script(script));
        assert_eq!(error.effect(), Effect::NotSent);
        assert!(error.message().contains(&format!("line {line}")), "{error}");
    }
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn a_failing_script_leaves_no_transaction_open(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    fails(
        t.missing(ErrorKind::UndefinedTable),
        db.execute_script("INSERT INTO notes (text) VALUES ('kept'); BEGIN; INSERT INTO notes (text) VALUES ('undone'); DELETE FROM nowhere; COMMIT"),
    );
    assert_eq!(texts(&db)?, ["kept"]);
    note(&db, "next")?;
    db.transaction(|tx| note(tx, "last"))?;
    assert_eq!(texts(&db)?, ["kept", "next", "last"]);
    Ok(())
}

pub(crate) fn inside_a_transaction(t: &Target) -> Outcome {
    let db = t.notes()?;
    let tx = db.begin()?;
    tx.execute_script("INSERT INTO notes (text) VALUES ('a'); INSERT INTO notes (text) VALUES ('b')")?;
    let balanced = "BEGIN; INSERT INTO notes (text) VALUES ('c'); COMMIT;";
    let error = fails(ErrorKind::TransactionVerb, tx.execute_script(balanced));
    assert!(error.message().contains("BEGIN"), "{error}");
    assert_eq!(texts(&tx)?, ["a", "b"]);
    tx.rollback()?;
    assert_eq!(count(&db)?, 0);
    db.execute_script(balanced)?;
    assert_eq!(texts(&db)?, ["c"]);
    Ok(())
}

pub(crate) fn transaction_verbs_are_refused_elsewhere(t: &Target) -> Outcome {
    let db = t.notes()?;
    let connection = db.connection()?;
    let end = if db.dialect().transactions.end_commits { "END" } else { "COMMIT" };
    for verb in [
        "BEGIN",
        "begin immediate",
        "/* so */ BEGIN",
        "COMMIT",
        end,
        "ROLLBACK",
        "SAVEPOINT a",
        "RELEASE a",
        "ROLLBACK TO a",
    ] {
        let error = fails(ErrorKind::TransactionVerb, connection.execute(verb, ()));
        assert_eq!(error.effect(), Effect::NotSent, "{error}");
        fails(ErrorKind::TransactionVerb, connection.fetch_all(verb, ()));
        fails(ErrorKind::TransactionVerb, connection.execute_many(verb, [()]));
        fails(ErrorKind::TransactionVerb, connection.run(move |session| session.execute(verb, ()).map(drop)));
        assert!(
            error_of(connection.iterate(verb, ()).and_then(|mut rows| rows.next().transpose()))
                .message()
                .contains("transaction")
        );
    }
    connection.transaction(|tx| {
        note(tx, "one")?;
        fails(ErrorKind::TransactionVerb, tx.execute("COMMIT", ()));
        note(tx, "two")
    })?;
    assert_eq!(count(&db)?, 2);
    Ok(())
}

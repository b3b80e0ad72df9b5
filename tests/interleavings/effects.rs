//! What errors say of data.

use pontoon::Effect;
use pontoon::prelude::*;

use crate::ends;

#[test]
fn what_was_done_before_its_result_was_refused_is_not_called_undone() {
    ends(|| {
        let db = Database::open("sqlite::memory:").unwrap();
        db.execute("CREATE TABLE t (n TEXT)", ()).unwrap();
        let insert = "INSERT INTO t VALUES ('a'), ('b') RETURNING n";
        let refusals: [&dyn Fn() -> pontoon::Error; 4] = [
            &|| db.fetch_val::<i64>(insert, ()).unwrap_err(),
            &|| db.fetch_one_as::<(i64,)>(insert, ()).unwrap_err(),
            &|| db.fetch_all_as::<(i64,)>(insert, ()).unwrap_err(),
            &|| db.fetch_all(Query::new(insert).max_rows(1), ()).unwrap_err(),
        ];
        for refused in refusals {
            let error = refused();
            let rows = db.fetch_val::<i64>("SELECT count(*) FROM t", ()).unwrap().unwrap();
            assert!(rows == 0 || error.effect() == Effect::Unknown, "{rows} rows and {:?}: {error}", error.effect());
            db.execute("DELETE FROM t", ()).unwrap();
        }
        // A query that only reads has done nothing, however its rows were taken.
        db.execute("INSERT INTO t VALUES ('c')", ()).unwrap();
        assert_eq!(db.fetch_val::<i64>("SELECT n FROM t", ()).unwrap_err().effect(), Effect::NotApplied);
        // The first statements of a script stand though a later one fails.
        let error = db.execute_script("INSERT INTO t VALUES ('d'); FROBNICATE").unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown, "{error}");
    });
}

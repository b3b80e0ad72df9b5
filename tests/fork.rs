//! A forked child can do nothing with its parent's database, and does it no harm.

mod kit;

use std::time::Duration;

use kit::{ForkEnd, case, in_fork};
use pontoon::prelude::*;

const SEVEN: &str = "SELECT n FROM t";

#[test]
fn a_forked_child_is_told_so_and_its_parent_goes_on() {
    case!(|_| {
        let file = std::env::temp_dir().join(format!("pontoon-fork-{}.db", std::process::id()));
        let url = format!("sqlite:{}", file.display());
        let db = Database::open(&url).expect("a new file");
        db.execute_script("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (7)").expect("nobody else");
        let kept = db.connection().expect("a connection");
        assert_eq!(kept.fetch_val(SEVEN, ()).expect("a row"), Some(7));

        let child = in_fork(Duration::from_secs(10), || {
            let is_told = |result: pontoon::Result<Option<i64>>| {
                result.is_err_and(|error| error.kind() == ErrorKind::ForkedProcess)
            };
            let told = is_told(db.fetch_val(SEVEN, ())) && is_told(kept.fetch_val(SEVEN, ()));
            drop(kept.clone());
            drop(db.clone());
            i32::from(!told)
        });
        assert_eq!(child, ForkEnd::Exited(0));

        assert_eq!(kept.fetch_val(SEVEN, ()).expect("a row"), Some(7));
        drop(kept);
        assert_eq!(db.fetch_val(SEVEN, ()).expect("a row"), Some(7));
        assert!(db.close(Duration::from_secs(5)).is_clean());
        std::fs::remove_file(&file).expect("nobody has it open");
    })
    .pass();
}

//! A primary and its standby: which of them is taken, and what each says of itself.

use pontoon::ErrorKind;
use pontoon::prelude::*;

use crate::kit::servers::{PRIMARY, Postgres, Private, private_with};

/// A primary with a database, and its standby, which has what was committed.
fn pair() -> Option<(Private, Private)> {
    let mut primary = private_with(&Postgres, PRIMARY)?;
    primary.console().run("CREATE DATABASE kept");
    let standby = primary.standby();
    primary.commit_with_a_standby();
    Some((primary, standby))
}

/// The URL of both, in this order.
fn url(first: &Private, second: &Private, options: &str) -> String {
    let here = format!("127.0.0.1:{}", first.port());
    first.url("kept").replace(&here, &format!("{here},127.0.0.1:{}", second.port())) + "?acquire_timeout=10s&" + options
}

/// The port of the server that a new connection goes to.
fn taken(url: &str) -> Result<i64, Error> {
    let db = Database::builder().url(url).pool_size(1).open()?;
    Ok(db.fetch_val("SELECT CAST(current_setting('port') AS BIGINT)", ())?.expect("a row"))
}

#[test]
fn the_server_that_is_asked_for_is_taken_wherever_it_stands_in_the_url() {
    let Some((primary, standby)) = pair() else { return };
    let (first, second) = (i64::from(primary.port()), i64::from(standby.port()));
    let wanted = [
        ("any", None),
        ("read-write", Some(first)),
        ("primary", Some(first)),
        ("read-only", Some(second)),
        ("standby", Some(second)),
        ("prefer-standby", Some(second)),
    ];
    for (attrs, port) in wanted {
        let options = format!("target_session_attrs={attrs}");
        assert_eq!(taken(&url(&primary, &standby, &options)).unwrap(), port.unwrap_or(first), "{attrs}");
        assert_eq!(taken(&url(&standby, &primary, &options)).unwrap(), port.unwrap_or(second), "{attrs}");
    }
    // A primary that is not to be written to is none for read-write, and still the primary.
    primary.console().run("ALTER DATABASE kept SET default_transaction_read_only = on");
    let both = |attrs: &str| taken(&url(&primary, &standby, &format!("target_session_attrs={attrs}")));
    assert_eq!(both("primary").unwrap(), first);
    assert_eq!(both("read-only").unwrap(), first);
    let only = |server: &Private, attrs: &str| {
        taken(&format!("{}?acquire_timeout=500ms&target_session_attrs={attrs}", server.url("kept")))
    };
    let told = format!("{:?}", only(&primary, "read-write").unwrap_err());
    assert!(told.contains("a server that can be written to") && told.contains("a primary, read-only"), "{told}");
    let told = format!("{:?}", only(&standby, "primary").unwrap_err());
    assert!(told.contains("wants a primary") && told.contains("a standby, read-only"), "{told}");
    // With the standby gone the primary is better than none, and only where it was said to be.
    drop(standby);
    assert_eq!(only(&primary, "prefer-standby").unwrap(), first);
    assert_eq!(only(&primary, "standby").unwrap_err().kind(), ErrorKind::PoolTimeout);
}

#[test]
fn a_standby_refuses_writes_and_is_the_primary_once_promoted() {
    let Some((primary, standby)) = pair() else { return };
    let db = Database::open(standby.url("kept")).unwrap();
    assert_eq!(db.execute("CREATE TABLE t (n INT)", ()).unwrap_err().kind(), ErrorKind::ReadOnly);
    let undone = db.transaction(|tx| tx.execute("CREATE TABLE t (n INT)", ()));
    assert_eq!(undone.unwrap_err().kind(), ErrorKind::ReadOnly);
    let writable = Database::builder()
        .url(url(&standby, &primary, "target_session_attrs=read-write"))
        .pool_size(1)
        .open()
        .unwrap();
    writable.execute("CREATE TABLE t (n INT)", ()).unwrap();
    drop(primary);
    standby.promote();
    // The one connection is one to the old primary; whoever uses it now learns that.
    crate::kit::await_that("the new primary is found", || writable.execute("INSERT INTO t VALUES (1)", ()).is_ok());
    db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
    assert_eq!(writable.fetch_val::<i64>("SELECT count(*) FROM t", ()).unwrap(), Some(2));
}

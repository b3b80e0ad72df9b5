//! `echo` and `echo_pool`: lines on standard error. Each test looks at the standard error of a process of its own.

use std::time::Duration;

use pontoon::Secret;
use pontoon::prelude::*;

use crate::kit::script::{Method, Rule, Script};
use crate::kit::{Canary, Output, case, tell};

/// The lines that the library has written.
fn lines(output: &Output) -> Vec<String> {
    assert_eq!(output.code, Some(0), "{}", output.text());
    output.stderr.lines().filter(|line| line.starts_with("pontoon ")).map(str::to_owned).collect()
}

#[test]
fn statements_are_printed_as_written_with_the_kinds_of_their_values() {
    let output = case!(|_| {
        let script = Script::new().table("t");
        let db = script.builder().echo(true).open().unwrap();
        db.transaction(|tx| {
            tx.execute("INSERT INTO t\n  VALUES (:v)", params! { v: 7 })?;
            tx.fetch_all("SELECT v FROM t", ())
        })
        .unwrap();
        db.execute_script("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)").unwrap();
        db.execute("INSERT INTO nowhere VALUES (1)", ()).unwrap_err();
    })
    .run();
    let lines = lines(&output);
    let wanted = [
        "pontoon script: BEGIN",
        "pontoon script: INSERT INTO t VALUES (:v) [INTEGER] -- 1 affected in ",
        "pontoon script: SELECT v FROM t -- 1 rows in ",
        "pontoon script: COMMIT",
        "pontoon script: INSERT INTO t VALUES (1); INSERT INTO t VALUES (2) -- 0 rows in ",
        "pontoon script: INSERT INTO nowhere VALUES (1) -- ",
    ];
    assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
    for (line, wanted) in lines.iter().zip(wanted) {
        assert!(line.starts_with(wanted), "{line} is not {wanted}");
    }
}

#[test]
fn nothing_is_printed_unless_asked_for() {
    let output = case!(|_| {
        let script = Script::new().table("t");
        let db = script.builder().open().unwrap();
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        db.close(Duration::from_secs(5));
    })
    .run();
    assert_eq!(lines(&output), Vec::<String>::new());
}

#[test]
fn values_are_printed_when_that_is_asked_for_and_cannot_break_the_line() {
    let output = case!(|_| {
        let script = Script::new().table("t");
        let db = script.builder().echo(true).log_values(true).open().unwrap();
        db.execute("INSERT INTO t VALUES (:v)", params! { v: 4711 }).unwrap();
        let forged = "x\npontoon script: COMMIT\u{1b}[31m";
        let _ = db.execute("INSERT INTO t VALUES (:v)", params! { v: forged });
        let _ = db.execute("INSERT INTO \"a\u{1b}[2J\" VALUES (1)", ());
    })
    .run();
    let lines = lines(&output);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].contains("4711"), "{lines:#?}");
    assert!(!output.stderr.contains('\u{1b}'), "{lines:#?}");
}

#[test]
fn the_events_of_the_pool_are_printed() {
    let output = case!(|_| {
        let script = Script::new().table("t");
        let db = script.builder().echo_pool(true).pool_size(1).open().unwrap();
        script.add(Rule::on(Method::Execute).text("INSERT").once().panic("on purpose"));
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
        script.add(Rule::on(Method::Connect).once().fail(ErrorKind::Authentication));
        db.ping().unwrap_err();
        db.ping().unwrap();
        db.refresh();
        db.ping().unwrap();
        db.close(Duration::from_secs(5));
    })
    .run();
    let lines = lines(&output);
    let wanted = [
        "connection #1 opened in",
        "connection #1 discarded: its driver, or a closure shipped to it, panicked",
        "a connection could not be opened: ",
        "connection #3 opened in",
        "connection #3 closed: all connections were declared outdated",
        "connection #4 opened in",
        "connection #4 closed: the database was closed",
    ];
    assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
    for (line, wanted) in lines.iter().zip(wanted) {
        assert!(line.contains(wanted), "{line} is not {wanted}");
    }
}

#[test]
fn no_secret_is_printed_whatever_option_it_is_in() {
    let output = case!(|_| {
        let script = Script::new().table("t");
        let url =
            format!("script://{}:{}@host/database?echo=true&echo_pool=true&log_values=1", "app", Canary::in_url());
        for db in [
            Database::builder().url(url.as_str()).driver(script.driver()).build(),
            script.builder().password_provider(|| Ok(Secret::new(Canary::SECRET))).echo(true).echo_pool(true).build(),
            script.builder().option("password", Canary::SECRET).echo(true).echo_pool(true).log_values(true).build(),
            script.builder().option("sslpassword", Canary::SECRET).echo(true).echo_pool(true).log_values(true).build(),
        ] {
            // An option that this driver does not have is refused, and that message is looked at too.
            let db = match db {
                Ok(db) => db,
                Err(error) => {
                    tell("refused", format!("{error} {error:?}"));
                    continue;
                }
            };
            let said = format!("the server says: password {} is wrong", Canary::SECRET);
            script.add(
                Rule::on(Method::Connect).once().fail_with(move || Error::new(ErrorKind::Authentication, said.clone())),
            );
            // A driver asks for it when it opens a connection; the scripted one does not.
            let _ = db.config().password();
            db.connect().unwrap_err();
            db.connect().unwrap();
            let _ = db.execute(format!("INSERT INTO t VALUES ('{}')", Canary::SECRET), ());
            let _ = db.execute("INSERT INTO t VALUES (:v)", params! { v: Canary::SECRET });
            let _ = db.execute_script(&format!("-- {}\nINSERT INTO t VALUES (1)", Canary::SECRET));
            tell("shown", format!("{db:?} {} {}", db.snapshot(), db.metrics()));
            db.close(Duration::from_secs(5));
        }
    })
    .run();
    assert_eq!(output.code, Some(0));
    Canary::assert_absent("standard error", &output.stderr);
    Canary::assert_absent("standard output", &output.stdout);
    assert!(output.stderr.contains("INSERT INTO t"), "nothing was printed at all");
}

//! Connecting, closing, connecting again, hooks, copies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::face::prelude::*;
use pontoon::Error;

use crate::harness::{
    BRIEF, Outcome, PATIENCE, Target, await_busy, count, fails, join, message_of, note, on_another_thread, signal,
    texts,
};
use crate::profile::Feature;

tests! {
    lifecycle:
    not_connected,
    connect_and_close,
    connecting_is_not_counted,
    lazily,
    what_is_wrong_shows_at_connect,
    a_failed_connect_can_be_tried_again,
    hooks_run_once,
    a_hook_that_fails_to_connect,
    a_hook_that_panics,
    a_hook_that_fails_to_disconnect,
    a_hook_for_every_connection,
    closed_under_a_holder,
    closed_under_a_running_statement,
    closed_under_a_stream,
    closed_under_those_who_wait,
    closed_after_an_error,
    a_dropped_database,
    copies,
    a_copy_of_what_is_not_connected,
    data_between_sessions,
    memory_with_a_name,
    from_parts,
    refreshed,
    the_url_and_the_configuration,
    connecting_at_the_same_time,
}

pub(crate) fn not_connected(t: &Target) -> Outcome {
    let db = t.builder().build()?;
    assert!(!db.is_connected());
    fails(ErrorKind::NotConnected, db.fetch_val::<i64>("SELECT 1", ()));
    fails(ErrorKind::NotConnected, db.connection());
    fails(ErrorKind::NotConnected, db.begin());
    fails(ErrorKind::NotConnected, db.transaction(|tx| note(tx, "one")));
    fails(ErrorKind::NotConnected, db.run(|session| session.ping()));
    fails(ErrorKind::NotConnected, db.iterate("SELECT 1", ()));
    assert!(db.close(PATIENCE).is_clean(), "closing it is nothing");
    assert_eq!(db.snapshot().connections.len(), 0);
    Ok(())
}

pub(crate) fn connect_and_close(t: &Target) -> Outcome {
    let db = t.builder().build()?;
    for round in 0..3 {
        assert!(db.connect()?, "round {round}");
        assert!(db.is_connected() && db.clone().is_connected());
        assert_eq!(db.snapshot().connections.len(), 1, "eagerly: one connection is there");
        assert_eq!(db.fetch_val("SELECT 1", ())?, Some(1));
        let report = db.close(PATIENCE);
        assert!(report.is_clean() && report.finished >= 1, "{report:?}");
        assert!(!db.is_connected());
        fails(ErrorKind::NotConnected, db.fetch_val::<i64>("SELECT 1", ()));
        assert!(db.close(PATIENCE).is_clean());
    }
    Ok(())
}

pub(crate) fn connecting_is_not_counted(t: &Target) -> Outcome {
    let db = t.builder().build()?;
    assert!(db.connect()?);
    assert!(!db.connect()?);
    assert!(!db.connect_lazy()?);
    assert!(db.close(PATIENCE).is_clean());
    assert!(!db.is_connected());
    Ok(())
}

pub(crate) fn lazily(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = t.watch(t.builder().build()?);
    assert!(db.connect_lazy()?);
    assert!(db.is_connected());
    assert_eq!(db.snapshot().connections.len(), 0, "nothing was opened");
    assert_eq!(db.fetch_val("SELECT 1", ())?, Some(1));
    assert_eq!(db.snapshot().connections.len(), 1);
    let db = t.open(|builder| builder.min_idle(3))?;
    assert_eq!(db.snapshot().connections.len(), 3);
    Ok(())
}

pub(crate) fn what_is_wrong_shows_at_connect(t: &Target) -> Outcome {
    t.needs(Feature::File)?;
    let nowhere = t.path("no/such/directory.db");
    let db = Database::new(format!("sqlite:///{}", nowhere.display()))?;
    let error = fails(ErrorKind::UnknownDatabase, db.connect());
    assert!(error.message().contains("no/such/directory.db"), "{error}");
    assert!(!db.is_connected());
    fails(ErrorKind::UnknownDatabase, Database::open(format!("sqlite:///{}?mode=rw", t.path("missing.db").display())));
    // Lazily, it is the first call that says it, with the same error.
    let db = t.watch(db);
    db.connect_lazy()?;
    fails(ErrorKind::UnknownDatabase, db.fetch_val::<i64>("SELECT 1", ()));
    Ok(())
}

pub(crate) fn a_failed_connect_can_be_tried_again(t: &Target) -> Outcome {
    t.needs(Feature::File)?;
    let path = t.path("later/app.db");
    let db = t.watch(Database::new(format!("sqlite:///{}", path.display()))?);
    for _ in 0..3 {
        fails(ErrorKind::UnknownDatabase, db.connect());
    }
    std::fs::create_dir(path.parent().expect("it has one"))?;
    assert!(db.connect()?);
    assert_eq!(db.fetch_val("SELECT 1", ())?, Some(1));
    Ok(())
}

pub(crate) fn hooks_run_once(t: &Target) -> Outcome {
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (connects, disconnects) = (Arc::clone(&counts), Arc::clone(&counts));
    let db = t
        .builder()
        .on_connect(move |db| {
            connects.0.fetch_add(1, Ordering::Relaxed);
            // It is connected, and can be used.
            db.execute("CREATE TABLE IF NOT EXISTS hooked (id INTEGER)", ()).map(drop)
        })
        .on_disconnect(move |db| {
            assert!(!db.is_connected());
            disconnects.1.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .build()?;
    let seen = || (counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed));
    assert_eq!(seen(), (0, 0));
    for round in 1..=2 {
        db.connect()?;
        db.connect()?;
        assert_eq!(db.fetch_val("SELECT count(*) FROM hooked", ())?, Some(0));
        assert_eq!(seen(), (round, round - 1));
        assert!(db.close(PATIENCE).is_clean());
        assert!(db.close(PATIENCE).is_clean());
        assert_eq!(seen(), (round, round));
    }
    Ok(())
}

pub(crate) fn a_hook_that_fails_to_connect(t: &Target) -> Outcome {
    let times = Arc::new(AtomicUsize::new(0));
    let hook = Arc::clone(&times);
    let db = t.watch(
        t.builder()
            .on_connect(move |_| match hook.fetch_add(1, Ordering::Relaxed) {
                0 => Err(Error::new(ErrorKind::Other, "not today")),
                _ => Ok(()),
            })
            .build()?,
    );
    let error = fails(ErrorKind::Other, db.connect());
    assert!(error.message().contains("not today") && error.message().contains("hook"), "{error}");
    assert!(!db.is_connected());
    assert!(db.connect()?);
    assert_eq!(db.fetch_val("SELECT 1", ())?, Some(1));
    Ok(())
}

pub(crate) fn a_hook_that_panics(t: &Target) -> Outcome {
    let times = Arc::new(AtomicUsize::new(0));
    let hook = Arc::clone(&times);
    let db = t.watch(
        t.builder()
            .on_connect(move |_| {
                assert!(hook.fetch_add(1, Ordering::Relaxed) > 0, "not today");
                Ok(())
            })
            .build()?,
    );
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| db.connect()));
    assert!(message_of(result.expect_err("it panics")).contains("not today"));
    assert!(!db.is_connected());
    assert!(db.connect()?);
    assert_eq!(db.fetch_val("SELECT 1", ())?, Some(1));
    Ok(())
}

pub(crate) fn a_hook_that_fails_to_disconnect(t: &Target) -> Outcome {
    let db = t.builder().on_disconnect(|_| Err(Error::new(ErrorKind::Other, "not today"))).build()?;
    for _ in 0..2 {
        assert!(db.connect()?);
        let report = db.close(PATIENCE);
        assert!(report.hook_error.is_some_and(|error| error.message().contains("not today")));
        assert!(!db.is_connected(), "closed all the same");
    }
    Ok(())
}

pub(crate) fn a_hook_for_every_connection(t: &Target) -> Outcome {
    let opened = Arc::new(AtomicUsize::new(0));
    let hook = Arc::clone(&opened);
    let switch_on = t.profile().setting.switch_on;
    let db = t.open(|builder| {
        builder.on_open(move |session| {
            hook.fetch_add(1, Ordering::Relaxed);
            session.execute(switch_on, ()).map(drop)
        })
    })?;
    let held = db.connection()?;
    let is_set = |on: &Database| on.fetch_val::<i64>(t.profile().setting.read, ());
    assert_eq!(is_set(&db)?, Some(1));
    assert_eq!(on_another_thread(|| is_set(&db))?, Some(1));
    drop(held);
    // What it set is there for every borrower, whatever the one before did to the session.
    for _ in 0..5 {
        assert_eq!(is_set(&db)?, Some(1));
        db.connection()?.execute(t.profile().setting.switch_off, ())?;
    }
    assert!(opened.load(Ordering::Relaxed) >= 2);
    let db = t.builder().on_open(|session| session.execute("SELEC", ()).map(drop)).build()?;
    fails(ErrorKind::Syntax, db.connect());
    assert!(!db.is_connected());
    Ok(())
}

pub(crate) fn closed_under_a_holder(t: &Target) -> Outcome {
    let db = t.notes()?;
    let connection = db.connection()?;
    let tx = connection.begin()?;
    note(&tx, "undone")?;
    let report = db.close(PATIENCE);
    assert_eq!((report.cancelled, report.stuck), (0, 0), "{report:?}");
    // Whoever held it is told, in so many words.
    for error in [
        fails(ErrorKind::NotConnected, note(&tx, "one")),
        fails(ErrorKind::NotConnected, count(&connection)),
        fails(ErrorKind::NotConnected, connection.begin()),
    ] {
        assert!(error.message().contains("connect()"), "{error}");
    }
    crate::harness::error_of(tx.commit());
    assert!(db.connect()?);
    // Connected again, that connection is not the new ones' business.
    fails(ErrorKind::ConnectionLost, connection.ping());
    drop(connection);
    if t.profile().lacks(Feature::SameUrlSameData).is_none() {
        assert_eq!(count(&db)?, 0);
    }
    assert_eq!(db.fetch_val("SELECT 1", ())?, Some(1));
    Ok(())
}

pub(crate) fn closed_under_a_running_statement(t: &Target) -> Outcome {
    let db = t.notes()?;
    let endless = t.profile().endless;
    std::thread::scope(|scope| {
        let (runs, is_running) = signal();
        let db = &db;
        let running = scope.spawn(move || {
            db.run(move |session| {
                runs.send(()).expect("the test waits");
                session.fetch_all(endless, ())
            })
        });
        is_running.pass();
        let report = db.close(BRIEF);
        assert_eq!(report.stuck, 0, "{report:?}");
        assert_eq!(report.cancelled, 1, "{report:?}");
        let error = crate::harness::error_of(join(running));
        assert!(matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::ConnectionLost), "{error:?}");
    });
    assert!(db.connect()?);
    assert_eq!(db.fetch_val("SELECT 1", ())?, Some(1));
    Ok(())
}

pub(crate) fn closed_under_a_stream(t: &Target) -> Outcome {
    t.needs(Feature::EndlessStreams)?;
    let db = t.notes()?;
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let mut rows = db.iterate(endless, ())?;
    assert!(rows.next().transpose()?.is_some());
    let report = db.close(BRIEF);
    assert_eq!(report.stuck, 0, "{report:?}");
    let error = rows.find_map(Result::err).expect("it does not just end");
    assert!(matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::ConnectionLost), "{error:?}");
    assert!(rows.next().is_none());
    Ok(())
}

pub(crate) fn closed_under_those_who_wait(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let held = db.connection()?;
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| count(&db))).collect();
        crate::kit::await_that_or(|| db.snapshot().waiting == 3, || db.snapshot().to_string());
        let report = db.close(PATIENCE);
        assert_eq!((report.turned_away, report.stuck), (3, 0), "{report:?}");
        for thread in waiting {
            fails(ErrorKind::NotConnected, join(thread));
        }
    });
    drop(held);
    Ok(())
}

pub(crate) fn closed_after_an_error(t: &Target) -> Outcome {
    for force_rollback in [true, false] {
        let db = t.open(|builder| builder.force_rollback(force_rollback))?;
        fails(
            t.missing(ErrorKind::UndefinedTable),
            db.session(|session| session.execute("INSERT INTO nowhere VALUES (1)", ())),
        );
        fails(t.missing(ErrorKind::UndefinedTable), db.execute("INSERT INTO nowhere VALUES (1)", ()));
        assert!(db.close(PATIENCE).is_clean());
    }
    Ok(())
}

pub(crate) fn a_dropped_database(t: &Target) -> Outcome {
    let db = t.builder().open()?;
    db.execute_script(t.profile().tables)?;
    let connection = db.connection()?;
    drop(db);
    // The handles of connections are enough.
    note(&connection, "one")?;
    assert_eq!(connection.transaction(|tx| count(tx))?, 1);
    drop(connection);
    // Dropped in the middle of everything.
    let db = t.builder().open()?;
    db.execute_script(t.profile().tables)?;
    let tx = db.begin()?;
    note(&tx, "undone")?;
    drop(db);
    drop(tx);
    Ok(())
}

pub(crate) fn copies(t: &Target) -> Outcome {
    let db = t.notes()?;
    note(&db, "one")?;
    let copy = t.watch(db.copy()?);
    assert!(copy.is_connected());
    assert_eq!(copy.url(), db.url());
    assert_eq!(texts(&copy)?, ["one"]);
    note(&copy, "two")?;
    // A file is the same file; a private memory is a memory of its own from then on.
    let same = t.profile().lacks(Feature::SameUrlSameData).is_none();
    assert_eq!(count(&db)?, if same { 2 } else { 1 });
    // Each has a pool of its own.
    let held = db.connection()?;
    await_busy(&db, 1);
    await_busy(&copy, 0);
    drop(held);
    assert!(db.close(PATIENCE).is_clean());
    assert!(copy.is_connected());
    assert_eq!(count(&copy)?, 2);
    Ok(())
}

pub(crate) fn a_copy_of_what_is_not_connected(t: &Target) -> Outcome {
    let db = t.builder().force_rollback(true).build()?;
    let copy = db.copy()?;
    assert!(!copy.is_connected() && copy.force_rollback());
    db.set_force_rollback(Some(false));
    let copy = t.watch(db.copy()?);
    assert!(!copy.force_rollback(), "as this one is now");
    copy.connect()?;
    assert_eq!(copy.fetch_val("SELECT 1", ())?, Some(1));
    assert!(!db.is_connected());
    Ok(())
}

pub(crate) fn data_between_sessions(t: &Target) -> Outcome {
    let db = t.notes()?;
    note(&db, "one")?;
    assert!(db.close(PATIENCE).is_clean());
    db.connect()?;
    if t.profile().lacks(Feature::SameUrlSameData).is_none() {
        assert_eq!(texts(&db)?, ["one"]);
        let other = t.watch(t.builder_again().open()?);
        assert_eq!(texts(&other)?, ["one"]);
        note(&other, "two")?;
        assert_eq!(count(&db)?, 2);
    } else {
        assert!(!db.has_table("notes")?, "closed, the memory is gone");
    }
    Ok(())
}

pub(crate) fn memory_with_a_name(t: &Target) -> Outcome {
    t.needs(Feature::NamedMemory)?;
    let url = format!("sqlite:{}?mode=memory", t.path("name").display());
    let (one, two) = (t.watch(Database::open(url.as_str())?), t.watch(Database::open(url.as_str())?));
    one.execute("CREATE TABLE here (id INTEGER)", ())?;
    assert!(two.has_table("here")?, "whoever says the name means the same one");
    assert!(one.close(PATIENCE).is_clean());
    assert!(two.has_table("here")?, "while anybody has it open");
    one.connect()?;
    assert!(one.has_table("here")?);
    assert!(one.close(PATIENCE).is_clean());
    assert!(two.close(PATIENCE).is_clean());
    one.connect()?;
    assert!(!one.has_table("here")?, "with the last one it is gone");
    Ok(())
}

pub(crate) fn from_parts(t: &Target) -> Outcome {
    t.needs(Feature::File)?;
    let path = t.path("a name with spaces & ünïcode?.db");
    let path = path.to_str().expect("it is text");
    let db = t.watch(Database::builder().scheme("sqlite").database(path).pool_size(2).open()?);
    db.execute("CREATE TABLE here (id INTEGER)", ())?;
    assert!(std::path::Path::new(path).exists());
    let url = db.url().to_string();
    let again = t.watch(Database::open(url.as_str())?);
    assert!(again.has_table("here")?, "{url}");
    Ok(())
}

pub(crate) fn refreshed(t: &Target) -> Outcome {
    let db = t.notes()?;
    note(&db, "one")?;
    let held = db.connection()?;
    let generation = db.snapshot().generation;
    db.refresh();
    assert_eq!(db.snapshot().generation, generation + 1);
    note(&held, "two")?;
    drop(held);
    assert_eq!(count(&db)?, 2);
    assert!(db.snapshot().counters.opened >= 2, "{:?}", db.snapshot().counters);
    Ok(())
}

pub(crate) fn the_url_and_the_configuration(t: &Target) -> Outcome {
    let db = t.open(|builder| builder.pool_size(3).timeout(Duration::from_secs(7)))?;
    assert_eq!(db.config().pool().size, 3);
    assert_eq!(db.config().timeout(), Some(Duration::from_secs(7)));
    assert_eq!(db.snapshot().size, 3);
    assert_eq!(db.url().dialect(), db.dialect().name.to_lowercase());
    let again: pontoon::DatabaseUrl = db.url().expose().parse()?;
    assert_eq!(&again, db.url());
    Ok(())
}

pub(crate) fn connecting_at_the_same_time(t: &Target) -> Outcome {
    let db = t.watch(t.builder().build()?);
    let (gates, opens): (Vec<_>, Vec<_>) = (0..4)
        .map(|_| {
            let (tell, told) = signal();
            (told, tell)
        })
        .unzip();
    let who = std::thread::scope(|scope| {
        let threads: Vec<_> = gates
            .into_iter()
            .map(|gate| {
                let db = &db;
                scope.spawn(move || {
                    gate.pass();
                    let did = db.connect()?;
                    db.ping()?;
                    Ok::<_, Error>(did)
                })
            })
            .collect();
        for open in &opens {
            open.send(()).expect("they wait");
        }
        threads.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    assert_eq!(who.iter().filter(|did| **did).count(), 1, "exactly one did it");
    Ok(())
}

//! Databases for tests, made and removed by whoever awaits it.

use std::path::{Path, PathBuf};
use std::pin::pin;

use pontoon::ErrorKind;
use pontoon::future::AsyncTestDatabase;
use pontoon::prelude::*;
use pontoon::testing::TestDatabase;

use crate::kit::{await_that, await_that_or};
use crate::support::{Folder, awaited, ends, poll_once};

/// The files beside the original.
fn others(scratch: &Folder) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(scratch.path("app.db").parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with("app.db"))).collect()
}

fn file_of(db: &AsyncDatabase) -> PathBuf {
    Path::new(db.url().database_path().unwrap()).to_owned()
}

#[test]
fn it_is_made_used_and_removed() {
    awaited(async {
        let scratch = Folder::new();
        let url = scratch.url("app.db");
        let original = AsyncDatabase::open(&url).await.unwrap();
        original.execute_script("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)").await.unwrap();
        let (empty, filled) = (AsyncTestDatabase::new(&url), AsyncTestDatabase::from_template(&url));
        let (empty, filled) = (empty.await.unwrap(), filled.await.unwrap());
        assert!(!empty.has_table("t").await.unwrap());
        filled.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
        assert_eq!(filled.fetch_val("SELECT count(*) FROM t", ()).await.unwrap(), Some(2));
        assert_eq!(original.fetch_val("SELECT count(*) FROM t", ()).await.unwrap(), Some(1));
        let files = [file_of(&empty), file_of(&filled)];
        assert!(files.iter().all(|file| file.exists()));
        empty.finish().await.unwrap();
        filled.finish().await.unwrap();
        assert_eq!(others(&scratch), Vec::<PathBuf>::new());
    });
}

#[test]
fn with_force_rollback_on() {
    awaited(async {
        let scratch = Folder::new();
        let kept = TestDatabase::builder(scratch.url("app.db")).fixed_name().keep(true).create_async().await.unwrap();
        kept.execute("CREATE TABLE t (n INTEGER)", ()).await.unwrap();
        kept.finish().await.unwrap();
        let again = TestDatabase::builder(scratch.url("app.db")).fixed_name().reuse(true).force_rollback(true);
        let again = again.create_async().await.unwrap();
        assert!(again.force_rollback());
        again.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (1)", ()).await }).await.unwrap();
        assert_eq!(again.fetch_val("SELECT count(*) FROM t", ()).await.unwrap(), Some(1));
        again.set_force_rollback(Some(false));
        assert_eq!(again.fetch_val("SELECT count(*) FROM t", ()).await.unwrap(), Some(0));
        again.finish().await.unwrap();
        assert_eq!(others(&scratch), Vec::<PathBuf>::new());
    });
}

/// Before the first poll, while it is being made, when it is there and nobody took it, while it is being removed: nothing
/// of it stays.
#[test]
fn dropped_at_any_point_nothing_of_it_stays() {
    awaited(async {
        let scratch = Folder::new();
        let url = scratch.url("app.db");
        drop(AsyncTestDatabase::new(&url));
        assert_eq!(others(&scratch), Vec::<PathBuf>::new());
        let is_empty = || others(&scratch).is_empty();
        let left = || format!("left behind: {:?}", others(&scratch));
        for _ in 0..20 {
            let mut making = pin!(AsyncTestDatabase::new(&url));
            assert!(poll_once(making.as_mut()).is_pending());
        }
        await_that_or(is_empty, left);
        {
            let mut made = pin!(AsyncTestDatabase::new(&url));
            assert!(poll_once(made.as_mut()).is_pending());
            await_that("it is made", || !others(&scratch).is_empty());
        }
        await_that_or(is_empty, left);
        let db = AsyncTestDatabase::new(&url).await.unwrap();
        drop(db.finish());
        await_that_or(is_empty, left);
        let db = AsyncTestDatabase::new(&url).await.unwrap();
        {
            let mut finishing = pin!(db.finish());
            let _ = poll_once(finishing.as_mut());
        }
        await_that_or(is_empty, left);
    });
}

/// With a statement that runs, on the executor's only thread, which does not stand still for it.
#[test]
fn dropped_with_its_task_and_its_runtime() {
    ends(|| {
        let scratch = Folder::new();
        let url = scratch.url("app.db");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let db = AsyncTestDatabase::new(&url).await.unwrap();
            let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
            let running = db.to_sync();
            let task = tokio::spawn(async move { db.fetch_all(endless, ()).await.map(drop) });
            while running.snapshot().busy == 0 {
                tokio::task::yield_now().await;
            }
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        });
        await_that_or(|| others(&scratch).is_empty(), || format!("left behind: {:?}", others(&scratch)));
        runtime.block_on(async {
            let db = AsyncTestDatabase::new(&url).await.unwrap();
            tokio::spawn(async move {
                let _db = db;
                std::future::pending::<()>().await;
            });
            tokio::task::yield_now().await;
        });
        drop(runtime);
        await_that_or(|| others(&scratch).is_empty(), || format!("left behind: {:?}", others(&scratch)));
    });
}

#[test]
fn what_keeps_it_from_being_made_is_told() {
    awaited(async {
        let scratch = Folder::new();
        let url = scratch.url("app.db");
        let error = TestDatabase::builder(&url).prefix("").fixed_name().create_async().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let error = AsyncTestDatabase::new("nonsense").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Url | ErrorKind::Config | ErrorKind::UnknownScheme), "{error:?}");
        let error = AsyncTestDatabase::from_template(scratch.url("is_not_there.db")).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::Misuse, "{error:?}");
        assert_eq!(others(&scratch), Vec::<PathBuf>::new(), "and nothing is left");
    });
}

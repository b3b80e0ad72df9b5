//! `#[transactional]`: what becomes of the function, and what its misuse is told.

#![cfg(feature = "sqlite")]

mod kit;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::thread;

use kit::script::{Method, Rule, Script};
use pontoon::prelude::*;
use pontoon::{Connection, IsolationLevel, Result};

fn database() -> Database {
    let db = Database::open("sqlite::memory:").unwrap();
    db.execute("CREATE TABLE t (n INTEGER NOT NULL)", ()).unwrap();
    db
}

fn count(db: &Database) -> i64 {
    db.fetch_val("SELECT count(*) FROM t", ()).unwrap().unwrap()
}

#[derive(Debug)]
enum Failure {
    Database(Error),
    Refused(i64),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Database(error)
    }
}

/// Doc comments and other attributes stay.
#[transactional(db)]
#[must_use = "a test of its own"]
fn add(db: &Database, n: i64) -> Result<String, Failure> {
    db.execute("INSERT INTO t VALUES (?)", (n,))?;
    if n < 0 {
        return Err(Failure::Refused(n));
    }
    Ok(format!("added {n}"))
}

#[test]
fn ok_commits_and_err_rolls_back_each_time_anew() {
    let db = database();
    assert_eq!(add(&db, 1).unwrap(), "added 1");
    assert!(matches!(add(&db, -1), Err(Failure::Refused(-1))));
    assert!(matches!(add(&db, 2).as_deref(), Ok("added 2")));
    assert_eq!(count(&db), 2);
    assert_eq!(db.metrics().transactions, 3);
}

#[test]
fn what_begin_says_is_the_functions_own_error() {
    let db = database();
    db.close(std::time::Duration::from_secs(1));
    assert!(matches!(add(&db, 1), Err(Failure::Database(error)) if error.kind() == ErrorKind::NotConnected));
}

#[test]
fn a_panic_rolls_back() {
    #[transactional(db)]
    fn panics(db: &Database) -> Result<()> {
        db.execute("INSERT INTO t VALUES (1)", ())?;
        panic!("on purpose");
    }
    let db = database();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panics(&db))).unwrap_err();
    assert_eq!(count(&db), 0);
}

#[test]
fn inside_another_transaction_it_is_a_savepoint() {
    let db = database();
    db.transaction(|_| {
        add(&db, 1)?;
        assert!(add(&db, -1).is_err());
        assert_eq!(count(&db), 1);
        Ok::<_, Failure>(())
    })
    .unwrap();
    let all: Result<(), Failure> = db.transaction(|_| {
        add(&db, 2)?;
        Err(Failure::Refused(0))
    });
    all.unwrap_err();
    assert_eq!(count(&db), 1);
}

struct Service {
    db: Database,
    calls: usize,
    name: String,
}

impl Service {
    #[transactional(self.db)]
    fn by_ref(&self, n: i64) -> Result<&str> {
        self.db.execute("INSERT INTO t VALUES (?)", (n,))?;
        Ok(&self.name)
    }

    #[transactional(self.db)]
    fn by_mut(&mut self, n: i64) -> Result<&mut usize> {
        self.db.execute("INSERT INTO t VALUES (?)", (n,))?;
        self.called();
        Ok(&mut self.calls)
    }

    #[transactional(self.db)]
    fn by_value(self) -> Result<String> {
        self.db.execute("INSERT INTO t VALUES (3)", ())?;
        Ok(self.name)
    }

    fn called(&mut self) {
        self.calls += 1;
    }
}

#[test]
fn methods_keep_their_receivers() {
    let mut service = Service { db: database(), calls: 0, name: "books".into() };
    let db = service.db.clone();
    assert_eq!(service.by_ref(1).unwrap(), "books");
    *service.by_mut(2).unwrap() += 1;
    assert_eq!(service.calls, 2);
    assert_eq!(service.by_value().unwrap(), "books");
    assert_eq!(count(&db), 3);
}

#[transactional(db)]
fn generic<'a, T, const N: usize>(
    db: Arc<Database>,
    texts: [T; N],
    mut seen: Vec<T>,
    out: &'a str,
) -> Result<(Vec<T>, &'a str)>
where
    T: AsRef<str> + Clone,
{
    for text in texts {
        db.execute("INSERT INTO t VALUES (length(?))", (text.as_ref(),))?;
        seen.push(text);
    }
    Ok((seen, out))
}

#[transactional(db)]
fn opaque(db: &Database) -> Result<impl Iterator<Item = i64> + use<>> {
    let rows = db.fetch_all("SELECT n FROM t", ())?;
    Ok(rows.column::<i64>("n")?.into_iter())
}

#[test]
fn generics_lifetimes_and_opaque_results_are_untouched() {
    let db = Arc::new(database());
    let (seen, out) = generic(Arc::clone(&db), ["a", "bcd"], vec!["first"], "out").unwrap();
    assert_eq!((seen, out), (vec!["first", "a", "bcd"], "out"));
    assert_eq!(opaque(&db).unwrap().collect::<Vec<_>>(), [1, 3]);
}

#[transactional(connection)]
fn on_a_connection(connection: &Connection) -> Result<u64> {
    Ok(connection.execute("INSERT INTO t VALUES (1)", ())?.rows_affected)
}

#[test]
fn a_connection_is_a_database_too() {
    let db = database();
    assert_eq!(on_a_connection(&db.connection().unwrap()).unwrap(), 1);
}

#[transactional(db, rollback_only)]
fn rehearse(db: &Database) -> Result<i64> {
    db.execute("INSERT INTO t VALUES (1)", ())?;
    Ok(count(db))
}

#[transactional(db, isolation = "serializable", read_only)]
fn read(db: &Database) -> Result<i64> {
    db.execute("INSERT INTO t VALUES (1)", ())?;
    Ok(count(db))
}

#[transactional(db, isolation = level)]
fn at(db: &Database, level: IsolationLevel) -> Result<i64> {
    Ok(count(db))
}

#[test]
fn options_are_those_of_a_transaction() {
    let db = database();
    assert_eq!(rehearse(&db).unwrap(), 1);
    assert_eq!(count(&db), 0);
    assert_eq!(read(&db).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(at(&db, IsolationLevel::Serializable).unwrap(), 0);
    assert_eq!(at(&db, IsolationLevel::ReadCommitted).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[transactional(db, retry = 3)]
fn conflicting(db: &Database, runs: &mut u32, succeed: u32) -> Result<u32> {
    *runs += 1;
    db.execute("INSERT INTO t VALUES (1)", ())?;
    if *runs < succeed {
        return Err(Error::new(ErrorKind::Serialization, "on purpose"));
    }
    Ok(*runs)
}

#[test]
fn what_could_not_be_put_in_an_order_runs_again_as_a_whole() {
    // An error of the program's own is none of the database's: it is not tried again.
    let db = database();
    let mut runs = 0;
    assert_eq!(conflicting(&db, &mut runs, 2).unwrap_err().kind(), ErrorKind::Serialization);
    assert_eq!((runs, count(&db)), (1, 0));
    assert_eq!(conflicting(&db, &mut 0, 1).unwrap(), 1);
    assert_eq!(count(&db), 1);

    let script = Script::new().table("t");
    let db = script.builder().open().unwrap();
    script.add(Rule::on(Method::Execute).times(2).fail(ErrorKind::Serialization));
    let mut runs = 0;
    assert_eq!(conflicting(&db, &mut runs, 0).unwrap(), 3);
    let transactions: Vec<_> = script.trace().into_iter().filter(|line| !line.contains("reset")).collect();
    assert_eq!(transactions.iter().filter(|line| line.contains("rollback")).count(), 2, "{transactions:#?}");
    assert_eq!(transactions.iter().filter(|line| line.contains("commit")).count(), 1, "{transactions:#?}");
}

struct Orders {
    db: AsyncDatabase,
    taken: usize,
}

impl Orders {
    /// With an argument that is moved, one that is borrowed, and the state of the service.
    #[transactional(self.db)]
    async fn take<'n>(&mut self, n: i64, name: &'n str, owned: String) -> Result<(usize, &'n str, String), Failure> {
        self.db.execute("INSERT INTO t VALUES (?)", (n,)).await?;
        self.taken += 1;
        if n < 0 {
            return Err(Failure::Refused(n));
        }
        Ok((self.taken, name, owned))
    }
}

#[transactional(db, isolation = "serializable", retry = 3)]
async fn again(db: &AsyncDatabase, runs: &AtomicU32, name: String) -> Result<u32> {
    runs.fetch_add(1, Ordering::Relaxed);
    db.execute("INSERT INTO t VALUES (1)", ()).await?;
    Ok(u32::try_from(name.len()).unwrap())
}

#[transactional(connection, rollback_only)]
async fn rehearsed(connection: &AsyncConnection) -> Result<i64> {
    connection.execute("INSERT INTO t VALUES (1)", ()).await?;
    Ok(connection.fetch_val("SELECT count(*) FROM t", ()).await?.unwrap_or_default())
}

#[transactional(db)]
async fn never_done(db: &AsyncDatabase) -> Result<()> {
    db.execute("INSERT INTO t VALUES (1)", ()).await?;
    std::future::pending().await
}

#[test]
fn an_async_fn_is_awaited_in_a_transaction() {
    fn is_send<T: Send>(it: T) -> T {
        it
    }
    let db = database();
    let mut orders = Orders { db: db.to_async(), taken: 0 };
    let taken = pollster::block_on(is_send(orders.take(1, "name", "owned".into()))).unwrap();
    assert_eq!(taken, (1, "name", "owned".to_owned()));
    assert!(matches!(pollster::block_on(orders.take(-1, "", String::new())), Err(Failure::Refused(-1))));
    assert_eq!((orders.taken, count(&db)), (2, 1));
    // Inside a transaction of the same caller it is a savepoint.
    let outer = orders.db.clone();
    let undone: Result<(), Failure> = pollster::block_on(outer.transaction(async |_| {
        orders.take(2, "", String::new()).await?;
        Err(Failure::Refused(0))
    }));
    undone.unwrap_err();
    assert_eq!(count(&db), 1);
}

#[test]
fn options_are_those_of_an_awaited_transaction_too() {
    let db = database();
    let connection = pollster::block_on(db.to_async().connection()).unwrap();
    assert_eq!(pollster::block_on(rehearsed(&connection)).unwrap(), 1);
    drop(connection);
    assert_eq!(count(&db), 0);

    let script = Script::new().table("t");
    let db = script.builder().open().unwrap().to_async();
    script.add(Rule::on(Method::Execute).times(2).fail(ErrorKind::Serialization));
    let runs = AtomicU32::new(0);
    assert_eq!(pollster::block_on(again(&db, &runs, "four".into())).unwrap(), 4);
    assert_eq!(runs.into_inner(), 3);
}

#[test]
fn a_future_that_is_dropped_is_rolled_back() {
    let db = database();
    let of_tasks = db.to_async();
    let mut future = Box::pin(never_done(&of_tasks));
    while db.metrics().statements < 2 {
        let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        thread::yield_now();
    }
    drop(future);
    assert_eq!(count(&db), 0);
}

#[test]
fn misuse_is_told_where_it_is() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/transactional_fail/*.rs");
}

//! Databases for tests, on SQLite files.
#![cfg(feature = "sqlite")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use pontoon::prelude::*;
use pontoon::testing::{TestDatabase, create_database, database_exists, drop_database};

/// A folder that goes with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("pontoon-testing-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn url(&self, file: &str) -> String {
        format!("sqlite:{}", self.0.join(file).display())
    }

    fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn path_of(db: &Database) -> PathBuf {
    db.url().database_path().unwrap().to_owned()
}

fn with_one_note(url: &str) {
    let db = Database::open(url).unwrap();
    db.execute_script("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('from the template')").unwrap();
    db.close(std::time::Duration::from_secs(5));
}

#[test]
fn each_test_database_has_a_name_of_its_own_and_is_gone_afterwards() {
    let folder = Folder::new("own");
    let one = TestDatabase::new(folder.url("app.db")).unwrap();
    let two = TestDatabase::new(folder.url("app.db")).unwrap();
    assert_ne!(path_of(&one), path_of(&two));
    for db in [&one, &two] {
        let name = path_of(db).file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("test_app_") && Path::new(&name).extension().is_some_and(|end| end == "db"), "{name}");
        db.execute("CREATE TABLE t (x)", ()).unwrap();
    }
    assert!(!one.has_table("nothing").unwrap());
    one.finish().unwrap();
    drop(two);
    assert_eq!(folder.files(), Vec::<String>::new(), "companions of the file go too");
}

#[test]
fn a_template_is_copied_as_it_is_and_stays_as_it_is() {
    let folder = Folder::new("template");
    let url = folder.url("app.db");
    with_one_note(&url);
    let copy = TestDatabase::from_template(url.clone()).unwrap();
    assert_eq!(copy.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(1));
    copy.execute("DELETE FROM notes", ()).unwrap();
    drop(copy);
    let original = Database::open(&url).unwrap();
    assert_eq!(original.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(1));
}

#[test]
fn parallel_tests_have_force_rollback_on_a_copy_each() {
    let folder = Folder::new("parallel");
    let url = folder.url("app.db");
    with_one_note(&url);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let db = TestDatabase::builder(&url).template(&url).force_rollback(true).create().unwrap();
                for number in 0..20 {
                    db.transaction(|tx| tx.execute("INSERT INTO notes VALUES (?)", (format!("note {number}"),)))
                        .unwrap();
                }
                assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(21));
                db.set_force_rollback(None);
                assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(1));
            });
        }
    });
    assert_eq!(folder.files().iter().filter(|file| file.starts_with("test_")).count(), 0, "{:?}", folder.files());
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let folder = Folder::new("panic");
    let url = folder.url("app.db");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let db = TestDatabase::new(&url).unwrap();
        let tx = db.begin().unwrap();
        tx.execute("CREATE TABLE t (x)", ()).unwrap();
        panic!("the test failed");
    }));
    assert!(panicked.is_err());
    assert_eq!(folder.files(), Vec::<String>::new());
}

#[test]
fn a_fixed_name_starts_afresh_or_goes_on() {
    let folder = Folder::new("fixed");
    let url = folder.url("app.db");
    let make = |reuse: bool| TestDatabase::builder(&url).fixed_name().reuse(reuse).keep(true).create().unwrap();
    let first = make(false);
    assert_eq!(path_of(&first), folder.0.join("test_app.db"));
    first.execute("CREATE TABLE t (x)", ()).unwrap();
    first.finish().unwrap();
    let second = make(true);
    assert!(second.has_table("t").unwrap(), "it was reused");
    second.finish().unwrap();
    let third = make(false);
    assert!(!third.has_table("t").unwrap(), "it was made anew");
    third.close(std::time::Duration::from_secs(5));
    assert!(third.connect().unwrap());
    assert!(third.is_connected(), "connecting again does not make it anew");
    third.finish().unwrap();
    assert!(database_exists(folder.url("test_app.db")).unwrap(), "it was kept");
}

#[test]
fn the_original_is_never_taken_for_a_test_database() {
    let folder = Folder::new("original");
    let url = folder.url("app.db");
    with_one_note(&url);
    let error = TestDatabase::builder(&url).prefix("").fixed_name().create().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(database_exists(&url).unwrap());
}

#[test]
fn what_keeps_it_from_being_made_is_told_and_nothing_is_left() {
    let folder = Folder::new("errors");
    let error = TestDatabase::from_template(folder.url("missing.db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownDatabase, "{error:?}");
    assert_eq!(folder.files(), Vec::<String>::new());
    let error = TestDatabase::new(folder.url("no/such/folder/app.db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
    assert!(error.message().contains("app_"), "{error}");
}

#[test]
fn memory_needs_no_name() {
    let db = TestDatabase::new("sqlite::memory:").unwrap();
    db.execute("CREATE TABLE t (x)", ()).unwrap();
    let other = TestDatabase::new("sqlite::memory:").unwrap();
    assert!(!other.has_table("t").unwrap());
    assert!(!Path::new("test_:memory:").exists());
}

#[test]
fn databases_are_found_made_and_removed() {
    let folder = Folder::new("admin");
    let url = folder.url("app.db");
    assert!(!database_exists(&url).unwrap());
    create_database(&url).unwrap();
    assert!(database_exists(&url).unwrap());
    assert_eq!(create_database(&url).unwrap_err().kind(), ErrorKind::DuplicateObject);
    assert!(drop_database(&url).unwrap());
    assert!(!drop_database(&url).unwrap());
}

#[test]
fn a_second_force_rollback_on_the_same_file_fails_at_once_and_says_why() {
    let folder = Folder::new("sole");
    let url = folder.url("app.db");
    with_one_note(&url);
    let one = Database::builder().url(&*url).force_rollback(true).open().unwrap();
    one.execute("INSERT INTO notes VALUES ('pinned')", ()).unwrap();
    let two = one.copy().unwrap();
    let error = two.execute("INSERT INTO notes VALUES ('too')", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    assert!(error.message().contains("app.db") && error.message().contains("TestDatabase"), "{error}");
    one.close(std::time::Duration::from_secs(5));
    two.execute("INSERT INTO notes VALUES ('now')", ()).unwrap();
}

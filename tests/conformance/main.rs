//! What every driver has to do alike: one source against the public interface, run for every profile.
//!
//! A test is a function `fn name(t: &Target) -> Outcome` in one of the modules below, and is named in the list at the
//! module's head. The list makes it one `#[test]` a profile, so that it is found as
//! `sqlite_memory::transactions::nested_rollback`. A function that no list names is dead code, and the compiler says so.
//!
//! A new driver is a [`Profile`](profile::Profile) and a line at the end of this page. What stands behind the tests, and
//! which test of which forerunner went where, is in the README beside this file.

#![cfg(feature = "sqlite")]

mod builder;
#[path = "face/blocking.rs"]
mod face;
#[macro_use]
mod harness;
#[path = "../kit/mod.rs"]
mod kit;
mod profile;

#[macro_use]
mod bulk;
#[macro_use]
mod callers;
#[macro_use]
mod deadlines;
#[macro_use]
mod defects;
#[macro_use]
mod isolation;
#[macro_use]
mod iteration;
#[macro_use]
mod lifecycle;
#[macro_use]
mod misuse;
#[macro_use]
mod nesting;
#[macro_use]
mod queries;
#[macro_use]
mod rollback;
#[macro_use]
mod rollback_streams;
#[macro_use]
mod rows;
#[macro_use]
mod scripts;
#[macro_use]
mod transactions;
#[macro_use]
mod values;
#[macro_use]
mod verbs;

/// The modules, for whoever wants them all. The suite has a second root, `awaited.rs`.
macro_rules! modules {
    ($with:ident) => {
        $with! {
            bulk callers deadlines defects isolation iteration lifecycle misuse nesting queries rollback rollback_streams
            rows scripts transactions values verbs
        }
    };
}

macro_rules! names {
    ($($module:ident)+) => { &[$(crate::$module::TESTS),+] };
}

/// The names of all tests, by module.
const ALL: &[&[&str]] = modules!(names);

macro_rules! expand {
    ($($module:ident)+) => {$(
        mod $module { $module! {} }
    )+};
}

/// The tests of every module, once for each profile: `mod name = profile;`.
macro_rules! profiles {
    ($($(#[$attribute:meta])* mod $name:ident = $profile:expr;)+) => {
        $(
            $(#[$attribute])*
            mod $name {
                const PROFILE: &crate::profile::Profile = &$profile;
                const FACE: crate::face::Face = crate::face::Face;

                modules!(expand);
            }
        )+

        const PROFILES: &[&profile::Profile] = &[$($(#[$attribute])* &$profile),+];
    };
}

profiles! {
    mod sqlite_file = crate::profile::sqlite::FILE;
    mod sqlite_file_lent = crate::profile::sqlite::FILE_LENT;
    mod sqlite_memory = crate::profile::sqlite::MEMORY;
    #[cfg(all(feature = "dbapi2", unix))]
    mod dbapi2_sqlite = crate::profile::dbapi2::SQLITE;
    #[cfg(all(feature = "dbapi2", feature = "postgres", unix))]
    mod dbapi2_postgres = crate::profile::dbapi2::POSTGRES;
    #[cfg(all(feature = "dbapi2", feature = "mysql", unix))]
    mod dbapi2_mariadb = crate::profile::dbapi2::MARIADB;
    #[cfg(feature = "odbc")]
    mod odbc_sqlite = crate::profile::odbc::SQLITE;
    #[cfg(all(feature = "odbc", feature = "postgres"))]
    mod odbc_postgres = crate::profile::odbc::POSTGRES;
    #[cfg(feature = "odbc")]
    mod odbc_mariadb = crate::profile::odbc::MARIADB;
    #[cfg(all(feature = "jdbc", unix))]
    mod jdbc_h2 = crate::profile::jdbc::H2;
    #[cfg(all(feature = "jdbc", unix))]
    mod jdbc_hsqldb = crate::profile::jdbc::HSQLDB;
    #[cfg(all(feature = "jdbc", unix))]
    mod jdbc_sqlite = crate::profile::jdbc::SQLITE;
    #[cfg(all(feature = "jdbc", feature = "postgres", unix))]
    mod jdbc_postgres = crate::profile::jdbc::POSTGRES;
    #[cfg(all(feature = "jdbc", feature = "mysql", unix))]
    mod jdbc_mariadb = crate::profile::jdbc::MARIADB;
    #[cfg(feature = "postgres")]
    mod postgres = crate::profile::postgres::POSTGRES;
    #[cfg(feature = "mysql")]
    mod mariadb = crate::profile::mariadb::MARIADB;
}

/// An exception for a test that was renamed would except nothing.
#[test]
fn exceptions_are_of_tests_that_there_are() {
    for profile in PROFILES {
        for exception in profile.exceptions() {
            assert!(ALL.concat().contains(&exception.test), "{}: there is no {}", profile.name, exception.test);
        }
    }
}

/// The table of forerunners' tests points at ours.
#[test]
fn the_readme_names_tests_that_there_are() {
    let readme = include_str!("README.md");
    let mut named = 0;
    for word in readme.split('`').skip(1).step_by(2).filter(|word| word.contains("::")) {
        assert!(ALL.concat().contains(&word), "there is no test {word}");
        named += 1;
    }
    assert!(named > 100, "{named} names are not the table");
}

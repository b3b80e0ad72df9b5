//! What every driver has to do alike, awaited: the suite of `main.rs` a second time, from the same source, through the
//! face for tasks. Whole in the executors that programs are written for, and a core of it in others.

#![cfg(feature = "sqlite")]

mod builder;
#[path = "face/awaited.rs"]
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

macro_rules! expand {
    ($($module:ident)+) => {$(
        mod $module { $module! {} }
    )+};
}

/// The tests of every module, once for each profile in each executor: `mod name = profile, executor;`.
macro_rules! profiles {
    ($($(#[$attribute:meta])* mod $name:ident = $profile:expr, $face:expr;)+) => {$(
        $(#[$attribute])*
        mod $name {
            const PROFILE: &crate::profile::Profile = &$profile;
            const FACE: crate::face::Face = $face;

            expand! {
                bulk callers deadlines defects isolation iteration lifecycle misuse nesting queries rollback
                rollback_streams rows scripts transactions values verbs
            }
        }
    )+};
}

profiles! {
    mod tokio_file = crate::profile::sqlite::FILE_LENT, crate::face::Face::TokioMultiThread;
    mod tokio_memory = crate::profile::sqlite::MEMORY, crate::face::Face::TokioMultiThread;
    mod smol_file = crate::profile::sqlite::FILE_LENT, crate::face::Face::Smol;
    mod smol_memory = crate::profile::sqlite::MEMORY, crate::face::Face::Smol;
    #[cfg(feature = "mysql")]
    mod tokio_mariadb = crate::profile::mariadb::MARIADB, crate::face::Face::TokioMultiThread;
    #[cfg(feature = "mysql")]
    mod smol_mariadb = crate::profile::mariadb::MARIADB, crate::face::Face::Smol;
    #[cfg(feature = "postgres")]
    mod tokio_postgres = crate::profile::postgres::POSTGRES, crate::face::Face::TokioMultiThread;
    #[cfg(feature = "postgres")]
    mod smol_postgres = crate::profile::postgres::POSTGRES, crate::face::Face::Smol;
}

/// A part of the suite that meets each kind of waiting, for the executors that it is not run in as a whole, and for the
/// databases that are reached by another way already.
macro_rules! core {
    ($($module:ident: $($test:ident)+;)+) => {
        const CORE: &[(&str, fn(&harness::Target) -> harness::Outcome)] = &[
            $($((concat!(stringify!($module), "::", stringify!($test)), $module::$test),)+)+
        ];
    };
}

core! {
    bulk: one_set_and_many all_sets_or_none;
    callers: one_thread_one_connection a_caller_never_waits_for_itself a_second_begin_waits_for_the_first
        a_thread_that_panics concurrent_calls_on_one_connection recursive_threads;
    deadlines: a_statement_that_never_ends a_full_pool inside_a_transaction the_wait_for_a_transaction
        the_next_statement_is_not_hit;
    iteration: outside_a_transaction a_stream_dropped_early dropped_inside_a_transaction queries_between_the_rows
        two_streams_by_turns;
    lifecycle: connect_and_close closed_under_those_who_wait closed_under_a_running_statement;
    nesting: nested_rollback nested_by_the_database nested_panic;
    rollback: by_a_scope everybody_sees_the_same transactions_in_it a_timeout_and_then_more;
    transactions: commit_of_a_root the_closure_s_error_rolls_back a_panic_rolls_back_and_goes_on
        a_dropped_guard_rolls_back an_error_inside_leaves_it_usable;
    verbs: on_a_database on_a_connection on_a_transaction;
}

fn run_core(profile: &'static profile::Profile, face: face::Face) {
    for (name, test) in CORE {
        harness::run(profile, face, name, *test);
    }
}

/// The core, once for each profile in each executor: `fn name = profile, executor;`.
macro_rules! cores {
    ($($(#[$attribute:meta])* fn $name:ident = $profile:expr, $face:ident;)+) => {$(
        $(#[$attribute])*
        #[test]
        fn $name() {
            run_core(&$profile, face::Face::$face);
        }
    )+};
}

cores! {
    fn the_core_on_one_thread_of_tokio = profile::sqlite::FILE, TokioCurrentThread;
    fn the_core_in_the_executor_of_futures = profile::sqlite::FILE, Futures;
    fn the_core_in_pollster = profile::sqlite::FILE, Pollster;
    #[cfg(feature = "mysql")]
    fn the_core_on_one_thread_of_tokio_on_mariadb = profile::mariadb::MARIADB, TokioCurrentThread;
    #[cfg(feature = "mysql")]
    fn the_core_in_the_executor_of_futures_on_mariadb = profile::mariadb::MARIADB, Futures;
    #[cfg(feature = "mysql")]
    fn the_core_in_pollster_on_mariadb = profile::mariadb::MARIADB, Pollster;
    #[cfg(feature = "postgres")]
    fn the_core_on_one_thread_of_tokio_on_postgres = profile::postgres::POSTGRES, TokioCurrentThread;
    #[cfg(feature = "postgres")]
    fn the_core_in_the_executor_of_futures_on_postgres = profile::postgres::POSTGRES, Futures;
    #[cfg(feature = "postgres")]
    fn the_core_in_pollster_on_postgres = profile::postgres::POSTGRES, Pollster;
    #[cfg(feature = "odbc")]
    fn the_core_on_tokio_by_odbc_on_sqlite = profile::odbc::SQLITE, TokioMultiThread;
    #[cfg(feature = "odbc")]
    fn the_core_on_smol_by_odbc_on_sqlite = profile::odbc::SQLITE, Smol;
    #[cfg(all(feature = "odbc", feature = "postgres"))]
    fn the_core_on_tokio_by_odbc_on_postgres = profile::odbc::POSTGRES, TokioMultiThread;
    #[cfg(all(feature = "odbc", feature = "postgres"))]
    fn the_core_on_smol_by_odbc_on_postgres = profile::odbc::POSTGRES, Smol;
    #[cfg(feature = "odbc")]
    fn the_core_on_tokio_by_odbc_on_mariadb = profile::odbc::MARIADB, TokioMultiThread;
    #[cfg(feature = "odbc")]
    fn the_core_on_smol_by_odbc_on_mariadb = profile::odbc::MARIADB, Smol;
    #[cfg(all(feature = "dbapi2", unix))]
    fn the_core_on_tokio_by_python_on_sqlite = profile::dbapi2::SQLITE, TokioMultiThread;
    #[cfg(all(feature = "dbapi2", unix))]
    fn the_core_on_smol_by_python_on_sqlite = profile::dbapi2::SQLITE, Smol;
    #[cfg(all(feature = "dbapi2", feature = "postgres", unix))]
    fn the_core_on_tokio_by_python_on_postgres = profile::dbapi2::POSTGRES, TokioMultiThread;
    #[cfg(all(feature = "jdbc", unix))]
    fn the_core_on_tokio_by_java_on_h2 = profile::jdbc::H2, TokioMultiThread;
    #[cfg(all(feature = "jdbc", unix))]
    fn the_core_on_smol_by_java_on_h2 = profile::jdbc::H2, Smol;
}

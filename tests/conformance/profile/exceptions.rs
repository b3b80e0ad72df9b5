//! Tests that fail on several profiles for the same reason.

use super::Exception;

/// Of all drivers that are somebody else's.
pub(super) const FOREIGN: &[Exception] = &[
    Exception { test: "defects::options_mean_what_they_say", reason: "what is misspelt goes to the driver" },
    Exception {
        test: "misuse::says_what_is_wrong_and_what_to_do",
        reason: "what is misspelt goes to the driver, and lists are refused in other words",
    },
    Exception { test: "lifecycle::the_url_and_the_configuration", reason: "the scheme is not that of the dialect" },
];

const PROCESS: &str = "the driver's own connection is in another process";

/// Of drivers in a process of their own.
pub(super) const OTHER_PROCESS: &[Exception] =
    &[Exception { test: "callers::the_session_is_clean_for_the_next", reason: PROCESS }];

pub(super) const NOT_LENT: Exception =
    Exception { test: "transactions::the_driver_s_own_connection_inside", reason: PROCESS };

const NO_STREAM: &str = "the driver reads a whole result before its first row";

pub(super) const LEFT_STREAM: Exception = Exception {
    test: "rollback_streams::what_was_done_between_the_rows_of_a_stream_that_ends_early",
    reason: NO_STREAM,
};

const CONFLICT: &str =
    "transactions conflict at their level and not at a lock mode; the tests of the native drivers have those that do";

/// Of databases on servers.
pub(super) const CONFLICTS: &[Exception] = &[
    Exception { test: "isolation::a_conflict_is_run_again", reason: CONFLICT },
    Exception { test: "isolation::a_conflict_is_not_run_again_unasked", reason: CONFLICT },
    Exception { test: "isolation::attempts_are_counted", reason: CONFLICT },
];

pub(super) const REFUSED_WRITE: Exception = Exception {
    test: "transactions::read_only",
    reason: "a write that was refused leaves the transaction with nothing but its end",
};

pub(super) const NOT_ENDED: Exception = Exception {
    test: "transactions::a_transaction_that_the_database_ended",
    reason: "no single statement ends one with an error",
};

pub(super) const DDL_COMMITS: Exception = Exception {
    test: "rollback_streams::transactions_between_the_rows",
    reason: "it makes a table under force rollback, and DDL commits",
};

pub(super) const UUID_AS_BYTES: Exception =
    Exception { test: "values::uuids", reason: "16 bytes are not told from a UUID" };

pub(super) const UUID_AS_TEXT: Exception =
    Exception { test: "values::uuids", reason: "a text is not told from a UUID" };

const LOCK_TIME: &str = "the time to wait for a lock is set by the driver's own option";

/// Of SQLite by a driver that is somebody else's.
pub(super) const LOCK_TIMES: &[Exception] = &[
    Exception { test: "isolation::attempts_are_counted", reason: LOCK_TIME },
    Exception { test: "transactions::a_commit_that_finds_the_database_locked", reason: LOCK_TIME },
];

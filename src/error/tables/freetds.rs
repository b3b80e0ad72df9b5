//! Numbers that FreeTDS gives by itself, when the server says nothing: those of the old DB-Library, mostly beside the
//! SQLSTATE `01000`, which is that of a warning.

use super::{Meaning, Row, find, rows};

/// The meaning of a number with its message, or `None` for one that is not in the table.
///
/// Without a number a message is the driver's own, and most of those are about a call to it. The one that says nothing
/// comes where a request could not be sent, or was not answered.
pub fn meaning(number: i64, message: &str) -> Option<Meaning> {
    if number == 0 && message != "Unknown error" {
        return None;
    }
    find(NUMBERS, number)
}

pub(super) const NUMBERS: &[Row<i64>] = rows! {
    0 unknown_error => ConnectionLost, DEAD;
    20001 read_out_of_synchronization => ConnectionLost, DEAD;
    20002 connection_failed => ConnectionLost, DEAD;
    20004 read_failed => ConnectionLost, DEAD;
    20006 write_failed => ConnectionLost, DEAD;
    20008 unable_to_open_socket => ConnectionLost, DEAD;
    20009 server_unavailable_or_unknown => ConnectionLost, DEAD;
    20017 unexpected_end_of_file => ConnectionLost, DEAD;
    20020 bad_token => ConnectionLost, DEAD;
    20047 connection_is_dead => ConnectionLost, DEAD;
};

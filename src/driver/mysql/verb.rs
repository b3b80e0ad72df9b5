//! What the first word of a statement tells of it.

/// A statement by its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// It reads, and neither begins nor ends a transaction.
    Reads,
    /// It changes rows, and neither begins nor ends a transaction.
    Writes,
    /// It may change how later statements are read: the database or the mode that they are prepared in.
    Sets,
    /// It has no rows to give, and may do anything else.
    HasNoRows,
    /// It may do anything.
    Other,
}

impl Verb {
    /// Whether it is sure to have no rows, so that asking for them is a mistake. (`RETURNING` gives a statement that
    /// changes rows some; the server tells when it is prepared.)
    pub(super) fn has_no_rows(self) -> bool {
        matches!(self, Verb::Writes | Verb::Sets | Verb::HasNoRows)
    }

    pub(super) fn of(sql: &str) -> Verb {
        const READS: &[&str] =
            &["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "DO", "HELP"];
        const WRITES: &[&str] = &["INSERT", "UPDATE", "DELETE", "REPLACE"];
        const HAS_NO_ROWS: &[&str] = &[
            "CREATE",
            "DROP",
            "ALTER",
            "TRUNCATE",
            "RENAME",
            "GRANT",
            "REVOKE",
            "LOCK",
            "UNLOCK",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT",
            "RELEASE",
            "START",
            "FLUSH",
            "KILL",
            "LOAD",
            "PREPARE",
            "DEALLOCATE",
        ];
        let word = first_word(sql);
        let is_one_of = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
        if is_one_of(READS) {
            Verb::Reads
        } else if is_one_of(WRITES) {
            Verb::Writes
        } else if is_one_of(&["SET", "USE"]) {
            Verb::Sets
        } else if is_one_of(HAS_NO_ROWS) {
            Verb::HasNoRows
        } else {
            Verb::Other
        }
    }
}

/// Whether MariaDB runs the statement anew with each set of parameters of one command.
pub(super) fn runs_anew_with_each_set(sql: &str) -> bool {
    ["UPDATE", "DELETE"].iter().any(|word| word.eq_ignore_ascii_case(first_word(sql)))
}

/// The first word behind space, comments and parentheses; nothing where a comment is one that the server runs.
fn first_word(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(' || c == ';');
        let skipped = if rest.starts_with("/*!") || rest.starts_with("/*M!") {
            return "";
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map(|(_, rest)| rest)
        } else if rest.starts_with('#') || rest.starts_with("--") {
            rest.split_once('\n').map(|(_, rest)| rest)
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            return &rest[..end];
        };
        match skipped {
            Some(after) => rest = after,
            None => return "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_found() {
        for (sql, verb) in [
            ("select 1", Verb::Reads),
            (" (SELECT 1) UNION SELECT 2", Verb::Reads),
            ("/* a */ -- b\n # c\n\tInsert INTO t VALUES (1)", Verb::Writes),
            ("DROP TABLE t", Verb::HasNoRows),
            ("use other", Verb::Sets),
            ("CALL p()", Verb::Other),
            ("ANALYZE TABLE t", Verb::Other),
            ("/*!50000 SELECT */ 1", Verb::Other),
            ("/* never ends", Verb::Other),
            ("", Verb::Other),
        ] {
            assert_eq!(Verb::of(sql), verb, "{sql}");
        }
    }
}

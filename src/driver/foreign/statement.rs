//! What a statement does and did, as far as its text tells, where a foreign driver does not say.

use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Dialect, Statement, StatementKind, split_script};

/// Whether the first word of a text is one of these.
pub(in crate::driver) fn begins_with(sql: &str, words: &[&str]) -> bool {
    let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether it makes rows, and so perhaps a key.
pub(in crate::driver) fn inserts(sql: &str) -> bool {
    begins_with(sql, &["INSERT", "REPLACE"])
}

/// Whether what the driver counted are rows that it changed, and not those that it found.
pub(in crate::driver) fn changes_rows(sql: &str) -> bool {
    inserts(sql) || begins_with(sql, &["UPDATE", "DELETE", "MERGE", "WITH"])
}

/// Whether it is sure to change nothing.
pub(in crate::driver) fn only_reads(sql: &str, dialect: &'static Dialect) -> bool {
    Statement::parse(sql, dialect).is_ok_and(|statement| statement.kind() == StatementKind::Read)
}

/// Whether it cannot have begun or ended a transaction if it succeeded, so that the database need not be asked.
pub(in crate::driver) fn is_plain(sql: &str) -> bool {
    begins_with(sql, &["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "WITH"])
}

/// Refuses what is sure to have no rows before it is run; what may have some only the database can tell.
pub(in crate::driver) fn refuse_without_rows(sql: &str, dialect: &'static Dialect) -> Result<()> {
    if begins_with(sql, &["SELECT", "WITH", "VALUES"]) {
        return Ok(());
    }
    let statement = Statement::parse(sql, dialect)?;
    let is_sure = matches!(statement.kind(), StatementKind::Write | StatementKind::Ddl);
    if is_sure && !statement.returns_rows() {
        return Err(Error::new(ErrorKind::Misuse, "the statement returns no rows: run it with execute"));
    }
    Ok(())
}

/// It was run for its rows and had none.
pub(in crate::driver) fn had_no_rows() -> Error {
    Error::new(
        ErrorKind::Misuse,
        "the statement has no rows, and it has run: call execute for what is done for its effect",
    )
    .with_effect(Effect::Unknown)
}

/// Runs the statements of a script one after another, up to the first that fails.
pub(in crate::driver) fn run_script(
    script: &str,
    dialect: &'static Dialect,
    run: impl Fn(&str) -> Result<()>,
) -> Result<()> {
    for (done, statement) in split_script(script, dialect).enumerate() {
        let statement = statement?;
        run(statement.text).map_err(|error| {
            // It was not sent itself, but those before it were.
            let error = match error.effect() {
                Effect::NotSent if done > 0 => error.with_effect(Effect::NotApplied),
                _ => error,
            };
            if statement.line == 1 { error } else { error.context(format_args!("line {}", statement.line)) }
        })?;
    }
    Ok(())
}

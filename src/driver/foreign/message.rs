//! What is in the messages of databases, whichever driver hands them on.

use std::fmt;

/// How messages of H2 begin that quote values, and what is in front of those.
const OF_H2: [(&str, &str); 5] = [
    ("Unique index or primary key violation", " VALUES ( "),
    ("Unique index or primary key violation", " ( /*"),
    ("Referential integrity constraint violation", " ("),
    ("Value too long for column", ": \""),
    ("Data conversion error converting", " \""),
];

/// The message without the values of rows that databases quote: those are nobody else's business.
pub(in crate::driver) fn without_values(message: &str) -> String {
    // H2: the statement is the caller's, and the values stand in parentheses behind the columns.
    let message = message.split("; SQL statement:\n").next().unwrap_or(message);
    for (start, values) in OF_H2 {
        if message.starts_with(start)
            && let Some(at) = message.rfind(values)
        {
            return message[..at].to_owned();
        }
    }
    // HSQLDB: `foreign key no parent ; name table: T value: …`.
    if let Some(at) = message.find(" value: ").filter(|_| message.starts_with("integrity constraint violation: ")) {
        return message[..at].to_owned();
    }
    // PostgreSQL: a line of its own, `DETAIL: Key (name)=(…) already exists.`
    let message = message.split("\nDETAIL:").next().unwrap_or(message);
    let message = message.split("\n  Detail:").next().unwrap_or(message);
    // MySQL: `Duplicate entry '…' for key 'name'`, `Incorrect integer value: '…' for column …`.
    for (before, after) in [("Duplicate entry '", "' for key "), (" value: '", "' for column ")] {
        if let Some((head, rest)) = message.split_once(before)
            && let Some(at) = rest.rfind(after)
        {
            let head = format!("{head}{}", before.trim_end_matches(['\'', ' ', ':']));
            return format!("{head}{}", &rest[at + 1..]);
        }
    }
    message.to_owned()
}

/// The constraint that a message names, in the words of the databases there are.
pub(in crate::driver) fn constraint_of(text: &str) -> Option<String> {
    // SQLite: the columns stand behind the colon.
    if let Some((_, columns)) = text.split_once(" constraint failed: ") {
        let columns = columns.split(')').next().unwrap_or(columns).trim();
        return (!columns.is_empty()).then(|| columns.to_owned());
    }
    // PostgreSQL: constraint "name"; MySQL: for key 'name', CONSTRAINT `name`; SQL Server: constraint 'name'.
    for mark in ["constraint \"", "for key '", "CONSTRAINT `", "onstraint '", "constraint \u{201c}"] {
        let Some((_, after)) = text.split_once(mark) else { continue };
        let name = after.split(['"', '\'', '`', '\u{201d}']).next().unwrap_or_default();
        if !name.is_empty() {
            return Some(name.to_owned());
        }
    }
    // H2: the name of the constraint, or of its index behind that of the schema.
    if let Some((_, after)) = text.split_once(" violation: \"") {
        let name = after.split([' ', ':', '"']).next().unwrap_or_default();
        let name = name.rsplit('.').next().unwrap_or(name);
        return Some(name.split("_INDEX_").next().unwrap_or(name).to_owned()).filter(|name| !name.is_empty());
    }
    // HSQLDB: its name, in quotes where it needs them, and the table.
    if let Some((_, after)) = text.split_once("integrity constraint violation: ")
        && let Some((_, name)) = after.split_once(" ; ")
    {
        let name = name.split(" table: ").next().unwrap_or(name).trim_matches('"');
        return (!name.is_empty()).then(|| name.to_owned());
    }
    // PostgreSQL: null value in column "name".
    let (_, after) = text.split_once("null value in column \"")?;
    after.split('"').next().map(str::to_owned)
}

/// What a foreign driver said as a cause of an error, and what it said of the cause of that.
#[derive(Debug)]
pub(in crate::driver) struct Said {
    text: String,
    cause: Option<Box<Said>>,
}

impl Said {
    /// From texts of which each is the cause of the one before it.
    pub(in crate::driver) fn chain(texts: impl DoubleEndedIterator<Item = String>) -> Option<Box<Said>> {
        texts.rev().fold(None, |cause, text| Some(Box::new(Said { text, cause })))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Said {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_rows_are_left_out() {
        for (message, text) in [
            ("ERROR: taken\nDETAIL: Key (name)=(secret) already exists.", "ERROR: taken"),
            ("Duplicate entry 'secret' for key 'x' for key 'name'", "Duplicate entry for key 'name'"),
            (
                "Incorrect integer value: 'secret' for column `d`.`t`.`c` at row 1",
                "Incorrect integer value for column `d`.`t`.`c` at row 1",
            ),
            (
                "integrity constraint violation: foreign key no parent ; SYS_FK_1 table: K value: secret",
                "integrity constraint violation: foreign key no parent ; SYS_FK_1 table: K",
            ),
            ("UNIQUE constraint failed: t.a", "UNIQUE constraint failed: t.a"),
        ] {
            assert_eq!(without_values(message), text);
        }
    }

    #[test]
    fn the_constraint_is_found() {
        for (text, constraint) in [
            ("UNIQUE constraint failed: t.a, t.b", Some("t.a, t.b")),
            ("duplicate key value violates unique constraint \"t_a_key\"", Some("t_a_key")),
            ("Duplicate entry '1' for key 'PRIMARY'", Some("PRIMARY")),
            ("Cannot add: a foreign key constraint fails (`d`.`b`, CONSTRAINT `fk` FOREIGN KEY)", Some("fk")),
            ("Violation of UNIQUE KEY constraint 'UQ_t'. Cannot insert", Some("UQ_t")),
            ("null value in column \"text\" of relation \"notes\" violates not-null constraint", Some("text")),
            (
                "integrity constraint violation: unique constraint or index violation ; \"one of a name\" table: P",
                Some("one of a name"),
            ),
            ("integrity constraint violation: check constraint ; SYS_CT_1 table: K", Some("SYS_CT_1")),
            ("FOREIGN KEY constraint failed", None),
        ] {
            assert_eq!(constraint_of(text).as_deref(), constraint, "{text}");
        }
    }
}

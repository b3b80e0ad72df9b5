//! Errors with SQL Server's numbers, and what goes wrong on order.

/// An error as the server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) number: i32,
    pub(crate) state: u8,
    /// The severity.
    pub(crate) class: u8,
    pub(crate) message: String,
    pub(crate) transaction: Fate,
}

/// What an error does to the transaction that it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Stays,
    /// Its end is the only thing that it accepts.
    Doomed,
    RolledBack,
}

impl Failure {
    pub(crate) fn new(number: i32, class: u8, message: impl Into<String>) -> Failure {
        Failure { number, state: 1, class, message: message.into(), transaction: Fate::Stays }
    }

    /// A deadlock that chose this session.
    pub(crate) fn deadlock() -> Failure {
        Failure {
            state: 51,
            transaction: Fate::RolledBack,
            ..Failure::new(
                1205,
                13,
                "Transaction (Process ID 52) was deadlocked on lock resources with another process and has been chosen as \
                 the deadlock victim. Rerun the transaction.",
            )
        }
    }

    /// A conversion that failed, which leaves a transaction that can only be rolled back.
    pub(crate) fn dooming() -> Failure {
        Failure {
            transaction: Fate::Doomed,
            ..Failure::new(245, 16, "Conversion failed when converting the nvarchar value to data type int.")
        }
    }

    /// What SQLite refused, as SQL Server would have said it.
    pub(super) fn of(error: &rusqlite::Error, verb: &str) -> Failure {
        let text = match error {
            rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        };
        let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest.trim().to_owned());
        if let Some(columns) = after("UNIQUE constraint failed:") {
            let (table, column) = columns.split_once('.').unwrap_or((&columns, ""));
            return Failure::new(
                2627,
                14,
                format!(
                    "Violation of UNIQUE KEY constraint 'UQ_{table}_{column}'. Cannot insert duplicate key in object \
                     'dbo.{table}'."
                ),
            );
        }
        if let Some(place) = after("NOT NULL constraint failed:") {
            let (table, column) = place.split_once('.').unwrap_or((&place, ""));
            return Failure::new(
                515,
                16,
                format!(
                    "Cannot insert the value NULL into column '{column}', table 'shop.dbo.{table}'; column does not allow \
                     nulls. {verb} fails."
                ),
            );
        }
        let conflict = |what: &str| {
            let text = format!("The {verb} statement conflicted with the {what} constraint \"{what}_1\".");
            Failure::new(547, 16, text)
        };
        if text.contains("FOREIGN KEY constraint failed") {
            return conflict("FOREIGN KEY");
        }
        if text.contains("CHECK constraint failed") {
            return conflict("CHECK");
        }
        if let Some(table) = after("no such table:") {
            return Failure::new(208, 16, format!("Invalid object name '{table}'."));
        }
        if let Some(column) = after("no such column:") {
            return Failure::new(207, 16, format!("Invalid column name '{column}'."));
        }
        if let Some((_, rest)) = text.split_once("near \"") {
            let word = rest.split('"').next().unwrap_or_default();
            return Failure::new(102, 15, format!("Incorrect syntax near '{word}'."));
        }
        Failure::new(50_000, 16, text)
    }
}

/// What happens to a request in place of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// It is heard, and nothing is ever said again on its connection, also not to a cancel.
    Deaf,
    /// The connection ends before anything is done.
    Die,
    /// It is done, and the connection ends in place of the answer.
    DieWhenDone,
    /// The connection ends behind so many rows.
    DieAfterRows(usize),
    /// It fails.
    Fail(Failure),
}

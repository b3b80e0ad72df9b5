//! What is known of a statement from one run to the next.
//!
//! `rusqlite` keeps the prepared statements; here is what it does not keep: the columns, shared by every result of the
//! statement, and how each is read. A change of the schema, by anybody, can change both, and SQLite then prepares the
//! statement again by itself, in the midst of its first step. It counts how often it did, and that count tells whether
//! the columns are still right.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::{Statement, StatementStatus};

use super::values::{Reading, of_declared};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::row::{Column, Columns};

/// The columns of a result.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) columns: Arc<Columns>,
    pub(super) readings: Box<[Reading]>,
}

impl Shape {
    #[allow(clippy::useless_conversion, reason = "the columns are a list in older versions of rusqlite")]
    pub(super) fn of(statement: &Statement<'_>) -> Shape {
        let mut readings = Vec::with_capacity(statement.column_count());
        #[allow(clippy::useless_conversion, reason = "a list in older versions of rusqlite, an iterator in newer ones")]
        let columns = statement
            .columns()
            .into_iter()
            .map(|column| {
                let name = Column::new(column.name());
                match column.decl_type() {
                    Some(declared) => {
                        let (reading, kind) = of_declared(declared);
                        readings.push(reading);
                        name.with_kind(kind).with_type_name(declared)
                    }
                    None => {
                        readings.push(Reading::Stored);
                        name
                    }
                }
            })
            .collect();
        Shape { columns: Arc::new(Columns::new(columns)), readings: readings.into() }
    }

    fn is_of(&self, statement: &Statement<'_>) -> bool {
        self.columns.len() == statement.column_count()
            && self
                .columns
                .iter()
                .zip(statement.columns())
                .all(|(known, column)| known.name() == column.name() && known.type_name() == column.decl_type())
    }
}

/// Nobody has looked at the columns since the statement was prepared.
const UNCHECKED: i32 = -1;

/// What is known of a statement but its columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// Which text it is the statement of: one number each, never 0, never used again on this connection.
    pub(super) number: u64,
    /// Whether it has a result.
    pub(super) has_rows: bool,
    pub(super) parameters: usize,
    pub(super) writes: bool,
    pub(super) pragma: Option<Pragma>,
    /// INSERT or REPLACE: makes keys.
    pub(super) inserts: bool,
}

/// Whether a prepared statement has never run.
#[inline]
pub(super) fn is_fresh(statement: &Statement<'_>) -> bool {
    statement.get_status(StatementStatus::Run) == 0
}

/// All that is known of a statement.
#[derive(Debug)]
struct Entry {
    text: Box<str>,
    facts: Facts,
    shape: Option<Arc<Shape>>,
    /// How often SQLite had prepared the statement again when the columns were last seen to be right.
    checked: i32,
}

impl Entry {
    fn of(text: &str, statement: &Statement<'_>, number: u64) -> Result<Entry> {
        let shape = match statement.column_count() {
            0 => None,
            // A damaged or hostile file can name its columns in something else than UTF-8, and `rusqlite` knows no other
            // way to say so than a panic.
            _ => Some(catch_unwind(AssertUnwindSafe(|| Shape::of(statement))).map_err(|_| {
                Error::new(
                    ErrorKind::Conversion,
                    "the name or the declared type of a column is not UTF-8: name the columns with AS, and cast them",
                )
                .with_effect(Effect::NotSent)
            })?),
        };
        let facts = Facts {
            number,
            has_rows: shape.is_some(),
            parameters: statement.parameter_count(),
            writes: !statement.readonly(),
            pragma: Pragma::of(text),
            inserts: !statement.readonly() && is_insert(text),
        };
        Ok(Entry { text: text.into(), facts, shape: shape.map(Arc::new), checked: UNCHECKED })
    }
}

/// A hash for texts of statements that costs a multiplication for each eight bytes. The standard library's is made to
/// withstand whoever chooses the keys; here they cannot do more harm than fill the few hundred places there are.
#[derive(Debug, Default)]
struct TextHasher(u64);

impl TextHasher {
    #[inline]
    fn add(&mut self, word: u64) {
        // The fraction of the golden ratio: odd, and with its bits well spread.
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for TextHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last));
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    #[inline]
    fn finish(&self) -> u64 {
        // The table looks at the highest bits and at the lowest; multiplying fills only the highest.
        self.0 ^ (self.0 >> 32)
    }
}

/// What is known, by text.
#[derive(Debug)]
pub(super) struct Known {
    entries: Vec<Entry>,
    places: HashMap<Box<str>, usize, BuildHasherDefault<TextHasher>>,
    /// Where the one is that was asked for last: it mostly is the next one too.
    last: usize,
    capacity: usize,
    /// How many texts have had a number.
    numbered: u64,
}

impl Known {
    pub(super) fn new(capacity: usize) -> Known {
        Known { entries: Vec::new(), places: HashMap::default(), last: 0, capacity: capacity.max(16), numbered: 0 }
    }

    #[inline]
    fn entry(&mut self, text: &str) -> Option<&mut Entry> {
        if self.entries.get(self.last).is_none_or(|entry| *entry.text != *text) {
            self.last = *self.places.get(text)?;
        }
        self.entries.get_mut(self.last)
    }

    /// What is known of the statement of this text.
    #[inline]
    pub(super) fn facts(&mut self, text: &str) -> Option<Facts> {
        self.entry(text).map(|entry| entry.facts)
    }

    /// There may be another statement of this text than the one whose columns were looked at.
    #[cold]
    pub(super) fn look_again(&mut self, text: &str) {
        if let Some(entry) = self.entry(text) {
            entry.checked = UNCHECKED;
        }
    }

    /// The facts of a statement that is prepared, has not run yet, and of which nothing is known.
    ///
    /// # Errors
    /// When its columns cannot be named.
    #[cold]
    pub(super) fn learn_facts(&mut self, text: &str, statement: &Statement<'_>) -> Result<Facts> {
        self.learn(text, statement).map(|entry| entry.facts)
    }

    #[cold]
    fn learn(&mut self, text: &str, statement: &Statement<'_>) -> Result<&Entry> {
        let number = self.entry(text).map(|entry| entry.facts.number);
        let number = number.unwrap_or(self.numbered + 1);
        let entry = Entry::of(text, statement, number)?;
        self.numbered = self.numbered.max(number);
        let place = match self.places.get(text) {
            Some(&place) => place,
            None => {
                if self.entries.len() >= self.capacity {
                    // They are cheap to find out again, and a program with more texts than this builds them as it goes.
                    self.entries.clear();
                    self.places.clear();
                }
                self.places.insert(text.into(), self.entries.len());
                self.entries.len()
            }
        };
        match self.entries.get_mut(place) {
            Some(former) => *former = entry,
            None => self.entries.push(entry),
        }
        Ok(&self.entries[place])
    }

    /// The shape of the result of a statement that has made its first step. `alone` is false inside another statement:
    /// there can then be a second statement of the same text, with a count of its own.
    ///
    /// # Errors
    /// When it has no columns any more.
    #[inline]
    pub(super) fn shape(&mut self, text: &str, statement: &Statement<'_>, alone: bool) -> Result<Arc<Shape>> {
        let prepared = statement.get_status(StatementStatus::RePrepare);
        if let Some(entry) = self.entry(text)
            && let Some(shape) = &entry.shape
        {
            if alone && entry.checked == prepared {
                return Ok(Arc::clone(shape));
            }
            if shape.is_of(statement) {
                entry.checked = if alone { prepared } else { UNCHECKED };
                return Ok(Arc::clone(shape));
            }
        }
        self.learn(text, statement)?.shape.clone().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "a change of the schema took all columns from the statement")
        })
    }
}

/// A PRAGMA, as far as its text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pragma {
    /// Whether it is given a value (or an argument, which looks the same).
    pub(super) assigns: bool,
    /// Whether it is `busy_timeout`, which replaces the busy handler.
    pub(super) is_busy_timeout: bool,
}

impl Pragma {
    fn of(text: &str) -> Option<Pragma> {
        let text = without_comments(text);
        let rest = strip_word(text, "PRAGMA")?;
        Some(Pragma { assigns: rest.contains(['=', '(']), is_busy_timeout: mentions(rest, "busy_timeout") })
    }
}

/// Whether a text contains a word, in whatever case.
pub(super) fn mentions(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

fn is_insert(text: &str) -> bool {
    let text = without_comments(text);
    // Behind WITH the verb can be anywhere; a word too many only asks SQLite for a key that it does not have.
    ["INSERT", "REPLACE"].iter().any(|verb| strip_word(text, verb).is_some())
        || (strip_word(text, "WITH").is_some() && (mentions(text, "INSERT") || mentions(text, "REPLACE")))
}

fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let start = text.get(..word.len())?;
    let rest = &text[word.len()..];
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    (ends && start.eq_ignore_ascii_case(word)).then_some(rest)
}

/// The text from its first word on.
fn without_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';' || c == '\u{feff}');
        if let Some(comment) = text.strip_prefix("--") {
            text = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = text.strip_prefix("/*") {
            text = comment.split_once("*/").map_or("", |(_, rest)| rest);
        } else {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pragma_is_known_behind_comments() {
        let pragma = |text| Pragma::of(text).map(|pragma| (pragma.assigns, pragma.is_busy_timeout));
        assert_eq!(pragma("PRAGMA foreign_keys"), Some((false, false)));
        assert_eq!(pragma(" -- set it\n/* now */ pragma main.Busy_Timeout = 5"), Some((true, true)));
        assert_eq!(pragma("PRAGMA busy_timeout(5)"), Some((true, true)));
        assert_eq!(pragma("SELECT 'PRAGMA busy_timeout'"), None);
        assert_eq!(pragma("PRAGMATIC"), None);
        assert_eq!(pragma("-- nothing"), None);
        assert_eq!(pragma("/* nothing"), None);
    }

    #[test]
    fn an_insert_is_known_behind_with() {
        assert!(is_insert("insert into t values (1)"));
        assert!(is_insert("/* x */ REPLACE INTO t VALUES (1)"));
        assert!(is_insert("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a"));
        assert!(!is_insert("UPDATE t SET a = 'INSERT'"));
        assert!(!is_insert("INSERTED"));
        assert!(!is_insert("ü"));
    }
}

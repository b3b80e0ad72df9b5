//! What databases write differently, as data.

use std::borrow::Cow;
use std::fmt;

use super::transaction::{Access, IsolationLevel, LockMode, TxOptions};
use crate::error::{Error, ErrorKind, Result};

/// How one database writes SQL. Plain data: a database that differs in one word says only that word.
///
/// Like the driver seam it belongs to, the set of fields is unversioned: it grows as drivers need it, so take an
/// existing dialect as the base.
///
/// ```
/// use pontoon::sql::{Dialect, POSTGRES, Placeholder};
///
/// // The same SQL, through a driver that wants question marks.
/// static POSTGRES_OVER_ODBC: Dialect = Dialect { placeholder: Placeholder::QUESTION, ..POSTGRES };
/// assert_eq!(POSTGRES_OVER_ODBC.name, "PostgreSQL");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The database's name, as errors print it. Nothing is ever decided by it.
    pub name: &'static str,
    /// Whose SQL a query builder writes for it; `None` where no builder is known to fit.
    pub family: Option<Family>,
    /// How its texts are cut into tokens.
    pub lexis: Lexis,
    /// How parameters are handed to the driver.
    pub placeholder: Placeholder,
    /// How many parameters one statement can have.
    pub max_parameters: u32,
    /// What stands in the parentheses of an `IN` with nothing in it; `None` where no text is right for every type.
    pub empty_list: Option<&'static str>,
    /// The marks around a quoted name; the closing one is doubled inside.
    pub quotes: (char, char),
    /// The longest name in [`NameUnit`]s; longer ones are cut without a word by some databases, and refused here.
    pub max_name: Option<(usize, NameUnit)>,
    /// What the database does to the letters of a name that is not quoted.
    pub folding: Folding,
    /// What a transaction and a savepoint are begun and ended with.
    pub transactions: Transactions,
    /// Which statements have semicolons inside.
    pub blocks: Blocks,
    /// First words (capitals, sorted) of statements that commit the open transaction by themselves.
    pub commits: &'static [&'static str],
    /// Beginnings (small letters) of names of functions that leave something behind in the session.
    pub session_functions: &'static [&'static str],
}

/// How a dialect's texts are cut into tokens. Every field is off in standard SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lexis {
    /// A backslash in a string takes the next character as it is.
    pub backslash_escapes: bool,
    /// `"…"` is a string and no name.
    pub double_quote_strings: bool,
    /// `` `…` `` is a name.
    pub backtick_names: bool,
    /// `[…]` is a name.
    pub bracket_names: bool,
    /// In a name in brackets, `]]` stands for `]`.
    pub bracket_doubling: bool,
    /// `$tag$…$tag$` is a string.
    pub dollar_quotes: bool,
    /// `E'…'` is a string with backslash escapes.
    pub escape_strings: bool,
    /// `q'[…]'` is a string.
    pub q_strings: bool,
    /// Comments `/* … */` nest.
    pub nested_comments: bool,
    /// `#` starts a comment.
    pub hash_comments: bool,
    /// `--` starts a comment only with white space behind it.
    pub spaced_dashes: bool,
    /// A lone carriage return ends a line comment.
    pub return_ends_line: bool,
    /// What is in `/*! … */` and `/*M! … */` is live.
    pub live_comments: bool,
    /// `?`, `?|`, `?&`, `@?` and their like are operators where an operator can stand.
    pub question_operators: bool,
    /// A colon starts a parameter whatever touches it: there is no other use for one.
    pub colon_anywhere: bool,
    /// `:1` is a parameter.
    pub colon_numbers: bool,
    /// `$1` is a parameter.
    pub dollar_numbers: bool,
    /// `?1` is a parameter.
    pub question_numbers: bool,
    /// `@p1` is a parameter.
    pub at_numbers: bool,
    /// `@name` and `$name` are parameters.
    pub sigil_names: bool,
    /// `@name` is a variable of the session.
    pub session_variables: bool,
    /// Semicolons in parentheses are part of the statement, as in PostgreSQL's `CREATE RULE`.
    pub semicolons_in_parentheses: bool,
}

/// How a driver wants parameters written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// What is before the number, or the whole placeholder where there is none.
    pub prefix: &'static str,
    /// Whether the number of the parameter follows. A parameter used twice is then bound once.
    pub numbered: bool,
    /// What is behind the number.
    pub suffix: &'static str,
    /// A character that must be doubled wherever it stands for itself in a statement that has parameters: the percent
    /// sign for drivers that format the text.
    pub doubled: Option<u8>,
    /// Whether a question mark that is an operator must be doubled.
    pub double_question_operators: bool,
}

impl Placeholder {
    /// `?`
    pub const QUESTION: Placeholder =
        Placeholder { prefix: "?", numbered: false, suffix: "", doubled: None, double_question_operators: false };
    /// `?1`
    pub const QUESTION_NUMBER: Placeholder = Placeholder { numbered: true, ..Placeholder::QUESTION };
    /// `$1`
    pub const DOLLAR: Placeholder = Placeholder { prefix: "$", ..Placeholder::QUESTION_NUMBER };
    /// `@p1`
    pub const AT: Placeholder = Placeholder { prefix: "@p", ..Placeholder::QUESTION_NUMBER };
    /// `:1`
    pub const COLON: Placeholder = Placeholder { prefix: ":", ..Placeholder::QUESTION_NUMBER };
    /// `:p1`, for drivers that take names.
    pub const COLON_NAME: Placeholder = Placeholder { prefix: ":p", ..Placeholder::QUESTION_NUMBER };
    /// `%s`, for drivers that format the text; every other percent sign is doubled.
    pub const FORMAT: Placeholder = Placeholder { prefix: "%s", doubled: Some(b'%'), ..Placeholder::QUESTION };
    /// `%(p1)s`, for drivers that format the text with names; every other percent sign is doubled.
    pub const PYFORMAT: Placeholder =
        Placeholder { prefix: "%(p", suffix: ")s", doubled: Some(b'%'), ..Placeholder::QUESTION_NUMBER };
    /// `?`, for JDBC drivers that take `??` for the operator `?`.
    pub const JDBC_OPERATORS: Placeholder = Placeholder { double_question_operators: true, ..Placeholder::QUESTION };

    #[inline]
    pub(super) fn write(&self, out: &mut String, number: u32) {
        out.push_str(self.prefix);
        if self.numbered {
            write_number(out, number);
            out.push_str(self.suffix);
        }
    }

    /// Bytes to set aside for one placeholder.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.prefix.len() + if self.numbered { 5 + self.suffix.len() } else { 0 }
    }
}

#[inline]
fn write_number(out: &mut String, number: u32) {
    if number < 10 {
        out.push(char::from(b'0' + number as u8));
    } else {
        let _ = fmt::Write::write_fmt(out, format_args!("{number}"));
    }
}

/// What the length of a name is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameUnit {
    /// Bytes of UTF-8.
    Bytes,
    /// Characters.
    Chars,
}

/// What a database does to the letters of a name that is not quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Folding {
    /// Nothing.
    Kept,
    /// Small letters.
    Lower,
    /// Capitals.
    Upper,
}

/// Which statements of a script have semicolons inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blocks {
    /// None.
    None,
    /// `CREATE TRIGGER`, up to `; END`: SQLite's own rule.
    Trigger,
    /// The `BEGIN … END` of routines and triggers.
    Compound,
    /// The `BEGIN ATOMIC … END` of routines.
    Atomic,
    /// Routines and anonymous blocks, up to a line with a single `/`.
    Slash,
    /// `BEGIN … END` anywhere; routines up to a line `GO`.
    Batch,
}

/// What a transaction and a savepoint are begun and ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transactions {
    /// Begins a transaction; empty where the first statement does that by itself.
    pub begin: &'static str,
    /// How the words of `begin` differ by lock mode: deferred, immediate, exclusive.
    pub lock_modes: Option<[&'static str; 3]>,
    /// The isolation levels there are, and what each is called.
    pub levels: &'static [(IsolationLevel, &'static str)],
    /// What the level is set with.
    pub set_level: SetLevel,
    /// What says read-only and read-write, and where.
    pub access: SetAccess,
    /// What says deferrable and not deferrable, behind `begin`.
    pub deferrable: Option<[&'static str; 2]>,
    /// Whether `END` alone commits.
    pub end_commits: bool,
    /// Whether `BEGIN` alone opens a block of statements and no transaction.
    pub begin_is_block: bool,
    /// Commits.
    pub commit: &'static str,
    /// Rolls back.
    pub rollback: &'static str,
    /// Sets a savepoint; its name follows.
    pub savepoint: &'static str,
    /// Forgets a savepoint; its name follows. `None` where they are only forgotten with the transaction.
    pub release: Option<&'static str>,
    /// Goes back to a savepoint, which stays; its name follows.
    pub rollback_to: &'static str,
}

/// The databases that query builders tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// MySQL, MariaDB, and what speaks as they do.
    MySql,
    /// PostgreSQL, and what speaks as it does.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// What the isolation level of a transaction is set with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetLevel {
    /// A part of the text that begins the transaction; the level follows.
    InBegin(&'static str),
    /// A statement before it, for this transaction alone; the level follows.
    Before(&'static str),
    /// A statement before it that stays in force; the level follows, and the statement that undoes it is here.
    BeforeAndUndo(&'static str, &'static str),
    /// A first statement in it; the level follows.
    After(&'static str),
    /// Nothing: the one level there is needs no word.
    Always,
}

/// What says whether a transaction may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetAccess {
    /// Words behind the text that begins it: read-only, read-write.
    InBegin([&'static str; 2]),
    /// A first statement in it: read-only, read-write.
    After([&'static str; 2]),
    /// Read-only is a first statement in it that stays in force, and the statement that undoes it after its end.
    AfterAndUndo(&'static str, &'static str),
    /// There is no such thing.
    Unsupported,
}

impl Dialect {
    /// The name in the dialect's quotes: exactly this name, whatever is in it.
    ///
    /// One name, not a path: quote `schema` and `table` apart and put the dot between them.
    ///
    /// # Errors
    /// [`ErrorKind::NulInText`] for a NUL, [`ErrorKind::Limit`] for an empty name and for one longer than the database
    /// takes.
    pub fn quote_ident<'n>(&self, name: &'n str) -> Result<Cow<'n, str>> {
        if let Some(at) = name.find('\0') {
            return Err(Error::new(ErrorKind::NulInText, format!("name has a NUL character at byte {at}")));
        }
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Limit, "name is empty"));
        }
        if let Some((max, unit)) = self.max_name {
            let (length, unit) = match unit {
                NameUnit::Bytes => (name.len(), "bytes"),
                NameUnit::Chars => (name.chars().count(), "characters"),
            };
            if length > max {
                let database = self.name;
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("name has {length} {unit}, {database} takes at most {max}: {name:?}"),
                ));
            }
        }
        let (open, close) = self.quotes;
        let mut quoted = String::with_capacity(name.len() + 2);
        quoted.push(open);
        for c in name.chars() {
            if c == close {
                quoted.push(close);
            }
            quoted.push(c);
        }
        quoted.push(close);
        Ok(Cow::Owned(quoted))
    }

    /// The text as a string of the dialect, for the few places where a database takes no parameter.
    ///
    /// On MySQL a backslash is doubled, which is right unless `NO_BACKSLASH_ESCAPES` is set and safe even then. On
    /// PostgreSQL a text with a backslash becomes an `E'…'`, which means the same under every setting.
    ///
    /// # Errors
    /// [`ErrorKind::NulInText`] for a NUL.
    pub fn quote_literal(&self, text: &str) -> Result<String> {
        if let Some(at) = text.find('\0') {
            return Err(Error::new(ErrorKind::NulInText, format!("text has a NUL character at byte {at}")));
        }
        let escaped = self.lexis.escape_strings && text.contains('\\');
        let double_backslash = escaped || self.lexis.backslash_escapes;
        let mut quoted = String::with_capacity(text.len() + 3);
        quoted.push_str(if escaped { "E'" } else { "'" });
        for c in text.chars() {
            if c == '\'' || (c == '\\' && double_backslash) {
                quoted.push(c);
            }
            quoted.push(c);
        }
        quoted.push('\'');
        Ok(quoted)
    }

    /// The statements that begin a transaction with these options, to be sent in this order.
    ///
    /// The first to be refused leaves no transaction open, but those of [`end_statements`](Dialect::end_statements) are
    /// to be sent all the same. The list is empty where the first statement of the user begins the transaction.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for an option the database does not have; the message lists what it has.
    pub fn begin_statements(&self, options: &TxOptions) -> Result<Vec<Cow<'static, str>>> {
        let texts = &self.transactions;
        let mut statements: Vec<Cow<'static, str>> = Vec::new();
        let mut begin = Cow::Borrowed(texts.begin);
        let mut after: Vec<Cow<'static, str>> = Vec::new();
        match (texts.lock_modes, options.lock_mode) {
            (Some(modes), mode) => {
                // A transaction that will write asks for the lock at once: one that asks for it later can be refused
                // without a wait, because somebody else wrote in between.
                let usual =
                    if options.access == Some(Access::ReadOnly) { LockMode::Deferred } else { LockMode::Immediate };
                begin = Cow::Borrowed(modes[mode.unwrap_or(usual) as usize]);
            }
            (None, Some(mode)) => return Err(self.unsupported(&format!("lock mode {mode}"), &[])),
            (None, None) => {}
        }
        if let Some(level) = options.isolation {
            let word =
                texts.levels.iter().find(|(known, _)| *known == level).map(|(_, word)| *word).ok_or_else(|| {
                    let known: Vec<_> = texts.levels.iter().map(|(level, _)| level.name()).collect();
                    self.unsupported(&format!("isolation level {level}"), &known)
                })?;
            match texts.set_level {
                SetLevel::InBegin(text) => begin = Cow::Owned(format!("{begin}{text}{word}")),
                SetLevel::Before(text) | SetLevel::BeforeAndUndo(text, _) => {
                    statements.push(Cow::Owned(format!("{text}{word}")));
                }
                SetLevel::After(text) => after.push(Cow::Owned(format!("{text}{word}"))),
                SetLevel::Always => {}
            }
        }
        if let Some(access) = options.access {
            match (texts.access, access) {
                (SetAccess::InBegin(words), _) => {
                    begin = Cow::Owned(format!("{begin}{}", words[access as usize]));
                }
                (SetAccess::After(words), _) => after.push(Cow::Borrowed(words[access as usize])),
                (SetAccess::AfterAndUndo(text, _), Access::ReadOnly) => after.push(Cow::Borrowed(text)),
                (SetAccess::AfterAndUndo(..) | SetAccess::Unsupported, Access::ReadWrite) => {}
                (SetAccess::Unsupported, Access::ReadOnly) => {
                    return Err(self.unsupported("a read-only transaction", &[]));
                }
            }
        }
        if let Some(deferrable) = options.deferrable {
            let Some(words) = texts.deferrable else {
                return Err(self.unsupported("a deferrable transaction", &[]));
            };
            begin = Cow::Owned(format!("{begin}{}", words[usize::from(!deferrable)]));
        }
        if after.len() > 1 && matches!(texts.access, SetAccess::After(_)) {
            return Err(self.unsupported("an isolation level together with an access mode", &[]));
        }
        if !begin.is_empty() {
            statements.push(begin);
        }
        statements.append(&mut after);
        Ok(statements)
    }

    /// The statements to send after the end of such a transaction, however it ended, so that nothing of its options
    /// stays behind in the session.
    pub fn end_statements(&self, options: &TxOptions) -> Vec<&'static str> {
        let mut statements = Vec::new();
        if let (SetAccess::AfterAndUndo(_, undo), Some(Access::ReadOnly)) = (self.transactions.access, options.access) {
            statements.push(undo);
        }
        if let (SetLevel::BeforeAndUndo(_, undo), Some(_)) = (self.transactions.set_level, options.isolation) {
            statements.push(undo);
        }
        statements
    }

    /// Sets the savepoint of this depth.
    pub fn savepoint(&self, depth: u32) -> String {
        format!("{}{}", self.transactions.savepoint, savepoint_name(depth))
    }

    /// Forgets the savepoint of this depth; `None` where there is no such statement and nothing to do.
    pub fn release(&self, depth: u32) -> Option<String> {
        self.transactions.release.map(|text| format!("{text}{}", savepoint_name(depth)))
    }

    /// Undoes everything since the savepoint of this depth, which itself stays.
    pub fn rollback_to(&self, depth: u32) -> String {
        format!("{}{}", self.transactions.rollback_to, savepoint_name(depth))
    }

    #[cold]
    fn unsupported(&self, what: &str, known: &[&str]) -> Error {
        let database = self.name;
        let known = if known.is_empty() { String::new() } else { format!("; it has {}", known.join(", ")) };
        Error::new(ErrorKind::Unsupported, format!("{database} has no such thing as {what}{known}"))
    }
}

/// The name of the savepoint of this depth: `pontoon_sp_1` and so on. Names are made here alone, so none can carry SQL
/// or be cut to the same 63 bytes as another.
pub fn savepoint_name(depth: u32) -> String {
    format!("pontoon_sp_{depth}")
}

//! A statement, read once.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::dialect::Dialect;
use super::kind::{StatementKind, TransactionVerb};
use super::outline::Traits;
use super::place::Place;
use super::reading::Reading;
use crate::error::{Error, ErrorKind, Result};

/// A SQL text read by the rules of a dialect: where its parameters are, what it looks like with the driver's own
/// placeholders, and what it does. Cheap to clone.
///
/// Nothing of the text changes but the placeholders, and a backslash that kept a colon from being one.
#[derive(Clone)]
pub struct Statement(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) dialect: &'static Dialect,
    /// The text, and behind it the rendered one where that differs.
    pub(super) buffer: String,
    pub(super) text_len: usize,
    pub(super) edits: Vec<Edit>,
    /// The edit in which each name stands first; empty when each edit is a name of its own.
    pub(super) firsts: Vec<u32>,
    pub(super) parameters: u32,
    pub(super) style: ParameterStyle,
    pub(super) has_lists: bool,
    /// Whether the driver gets every parameter once, in order; otherwise one value for each slot.
    pub(super) by_parameter: bool,
    pub(super) kind: StatementKind,
    pub(super) traits: Traits,
    /// Where the second statement starts.
    pub(super) second: Option<u32>,
    /// Written when somebody asks for it first.
    pub(super) fingerprint: OnceLock<Box<str>>,
}

/// A piece of the text that is written differently for the driver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) write: Write,
}

impl Edit {
    /// The name of a slot that has one: what is behind the colon.
    #[inline]
    pub(super) fn name<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start as usize + 1..self.end as usize]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// The placeholder of a parameter.
    Slot { parameter: u32, list: bool },
    /// What is behind a backslash.
    Unescaped,
    /// The same twice.
    Doubled,
}

/// How a statement names its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParameterStyle {
    /// It has none.
    None,
    /// `:name`
    Named,
    /// By position: `?`, or the database's own numbers.
    Positional,
}

/// A place in a statement where a parameter stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot<'s> {
    /// The bytes of the text it takes up.
    pub range: Range<usize>,
    /// Its name, where it has one.
    pub name: Option<&'s str>,
    /// Which parameter it is, counted from 0: the position in the values, or in [`Statement::names`].
    pub parameter: usize,
    /// Whether it stands alone in the parentheses of an `IN`, so that a list is written out.
    pub is_list: bool,
}

impl Statement {
    /// Reads a text.
    ///
    /// A text may hold several statements; [`is_multiple`](Statement::is_multiple) says so, and
    /// [`bind`](Statement::bind) refuses it.
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`] for a string, quoted name or comment without an end; [`ErrorKind::NulInText`];
    /// [`ErrorKind::Parameter`] for names and positions in one text, for `?` beside numbers, and for numbers that do not
    /// start at 1 or leave one out; [`ErrorKind::Limit`] past 4 GiB. Nothing has been sent.
    pub fn parse(text: &str, dialect: &'static Dialect) -> Result<Statement> {
        Reading::of(text, dialect)?.finish().map(|inner| Statement(Arc::new(inner)))
    }

    /// A number that all clones of it have, and nothing else while one of them lives. Never 0.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The text as it was given.
    #[inline]
    pub fn text(&self) -> &str {
        &self.0.buffer[..self.0.text_len]
    }

    /// The text with the placeholders of the driver, for values that are no lists.
    #[inline]
    pub fn sql(&self) -> &str {
        if self.0.edits.is_empty() { &self.0.buffer } else { &self.0.buffer[self.0.text_len..] }
    }

    /// The statement as a class of statements: literals are `?`, a list of them a single one, comments are gone, white
    /// space is one blank, and what is longer than 512 bytes is cut. For logs, and to count what is alike.
    ///
    /// ```
    /// use pontoon::sql::{SQLITE, Statement};
    ///
    /// let statement = Statement::parse("SELECT *\n FROM t WHERE a = 'x' AND b IN (1, 2) AND c = :c", &SQLITE)?;
    /// assert_eq!(statement.fingerprint(), "SELECT * FROM t WHERE a = ? AND b IN (?) AND c = :c");
    /// # Ok::<(), pontoon::Error>(())
    /// ```
    pub fn fingerprint(&self) -> &str {
        self.0.fingerprint.get_or_init(|| super::fingerprint::fingerprint(self.text(), self.0.dialect).into())
    }

    /// The dialect it was read in.
    #[inline]
    pub fn dialect(&self) -> &'static Dialect {
        self.0.dialect
    }

    /// What it does. Of several statements, what the first does.
    #[inline]
    pub fn kind(&self) -> StatementKind {
        self.0.kind
    }

    /// How its parameters are named.
    #[inline]
    pub fn parameter_style(&self) -> ParameterStyle {
        self.0.style
    }

    /// How many parameters it takes; one that stands in several places counts once.
    #[inline]
    pub fn parameter_count(&self) -> usize {
        self.0.parameters as usize
    }

    /// The names of its parameters, in the order in which they first appear; empty when they go by position.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        let count = if self.0.style == ParameterStyle::Named { self.0.parameters } else { 0 };
        (0..count).map(|parameter| self.name(parameter))
    }

    /// The places where its parameters stand, in the order of the text.
    pub fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        self.0.edits.iter().filter_map(|edit| match edit.write {
            Write::Slot { parameter, list } => Some(Slot {
                range: edit.start as usize..edit.end as usize,
                name: (self.0.style == ParameterStyle::Named).then(|| self.name(parameter)),
                parameter: parameter as usize,
                is_list: list,
            }),
            Write::Unescaped | Write::Doubled => None,
        })
    }

    /// Whether it only reads or writes rows, names no function known to leave something behind in the session, and is
    /// one statement: after it a session is as it was, unless a function of the user's own changed it.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.0.traits.plain && self.0.second.is_none()
    }

    /// Whether it has a `RETURNING` (on SQL Server an `OUTPUT`).
    #[inline]
    pub fn has_returning(&self) -> bool {
        self.0.traits.returning
    }

    /// Whether it is expected to return rows. A guess: the database alone knows.
    #[inline]
    pub fn returns_rows(&self) -> bool {
        self.0.traits.returns_rows
    }

    /// Whether the text holds several statements.
    #[inline]
    pub fn is_multiple(&self) -> bool {
        self.0.second.is_some()
    }

    /// Whether the text holds no statement at all: nothing, or nothing but comments and semicolons.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.traits.empty
    }

    /// Whether it commits the open transaction by itself, as DDL does on MySQL.
    #[inline]
    pub fn commits_implicitly(&self) -> bool {
        self.0.traits.commits
    }

    /// That it neither begins nor ends a transaction: those verbs would go behind the library's back.
    ///
    /// # Errors
    /// [`ErrorKind::TransactionVerb`] with what to call instead.
    #[inline]
    pub fn refuse_transaction_verb(&self) -> Result<()> {
        match self.0.kind {
            StatementKind::Transaction(verb) => Err(refused(verb)),
            _ => Ok(()),
        }
    }

    /// That it is one statement.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`] with the place of the second.
    #[inline]
    pub fn refuse_multiple(&self) -> Result<()> {
        match self.0.second {
            Some(at) => Err(self.multiple(at)),
            None => Ok(()),
        }
    }

    #[cold]
    fn multiple(&self, at: u32) -> Error {
        let place = Place(self.text(), at as usize);
        Error::new(
            ErrorKind::Misuse,
            format!("a second statement starts at {place}: send one at a time, or all of them with execute_script"),
        )
    }

    pub(super) fn edits(&self) -> &[Edit] {
        &self.0.edits
    }

    #[inline]
    pub(super) fn has_lists(&self) -> bool {
        self.0.has_lists
    }

    #[inline]
    pub(super) fn by_parameter(&self) -> bool {
        self.0.by_parameter
    }

    /// The name of a parameter of a statement that has names.
    #[inline]
    pub(super) fn name(&self, parameter: u32) -> &str {
        let first = if self.0.firsts.is_empty() { parameter } else { self.0.firsts[parameter as usize] };
        self.0.edits[first as usize].name(&self.0.buffer)
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("text", &self.text())
            .field("dialect", &self.0.dialect.name)
            .field("kind", &self.0.kind)
            .finish_non_exhaustive()
    }
}

#[cold]
fn refused(verb: TransactionVerb) -> Error {
    use TransactionVerb::{Autocommit, Begin, Commit, Release, Rollback, RollbackTo, Savepoint, TwoPhase};
    let way_out = match verb {
        Begin => "call begin() or transaction()",
        Commit => "call commit() on the transaction",
        Rollback => "call rollback() on the transaction",
        Savepoint => "call begin() on the open transaction, which sets a savepoint",
        Release => "call commit() on the inner transaction",
        RollbackTo => "call rollback() on the inner transaction",
        TwoPhase => "it needs the driver's own connection",
        Autocommit => "outside a transaction every statement commits by itself",
    };
    Error::new(ErrorKind::TransactionVerb, format!("{verb} cannot be sent as a statement: {way_out}"))
}

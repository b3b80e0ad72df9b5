//! Many sets of parameters as a driver gets them.

use std::borrow::Cow;

use super::bind::Bound;
use super::pack::{Chunk, WrittenOut};
use super::statement::Statement;
use crate::error::{Error, Result};
use crate::params::Params;
use crate::row::Cells;
use crate::value::{Value, ValueRef};

/// A statement with many sets of parameters, for [`Link::execute_many`](crate::driver::Link::execute_many).
///
/// A driver prepares [`statement`](Sets::statement) once and takes one set after another:
///
/// ```
/// use pontoon::sql::{SQLITE, Sets, Statement};
/// use pontoon::value::{Value, ValueRef};
///
/// let statement = Statement::parse("INSERT INTO notes VALUES (:text)", &SQLITE)?;
/// let mut params = ["one", "two"].into_iter().map(|text| pontoon::params! { text: text });
/// let mut sets = Sets::of(&statement, &mut params);
/// let mut texts = Vec::new();
/// while let Some(set) = sets.next() {
///     texts.extend(set?.values().map(ValueRef::to_value));
/// }
/// assert_eq!(texts, [Value::from("one"), Value::from("two")]);
/// # Ok::<(), pontoon::Error>(())
/// ```
pub struct Sets<'s> {
    statement: Statement,
    source: Source<'s>,
    /// What is wrong with the set behind the last one.
    failed: Option<Error>,
    taken: usize,
    /// How many were, at the mark.
    marked: usize,
}

/// Where sets come from.
pub(super) enum Source<'s> {
    Packed(Walk),
    Params(&'s mut dyn Iterator<Item = Params>),
}

impl Source<'_> {
    pub(super) fn packed(chunks: Vec<Chunk>) -> Source<'static> {
        let chunks = chunks.into_iter().map(Some).collect();
        Source::Packed(Walk { chunks, at: Place { chunk: 0, row: 0 }, mark: None })
    }
}

/// A way through packed sets.
pub(super) struct Walk {
    /// What is behind is gone.
    chunks: Vec<Option<Chunk>>,
    /// Of the next set.
    at: Place,
    /// Where to go back to: what lies between stays.
    mark: Option<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    chunk: usize,
    row: usize,
}

impl Walk {
    // Always: it is the inner loop of two ways to load, and neither alone decides for the other.
    #[inline(always)]
    fn next(&mut self) -> Option<Values<'_>> {
        loop {
            let Place { chunk, row } = self.at;
            match self.chunks.get(chunk)? {
                Some(Chunk::Rows(batch)) if row < batch.len() => break,
                Some(Chunk::WrittenOut(_)) if row == 0 => break,
                _ => self.pass(),
            }
        }
        let Place { chunk, row } = self.at;
        self.at.row += 1;
        Some(match self.chunks.get(chunk)?.as_ref()? {
            Chunk::Rows(batch) => Values::Row(batch.cells(row)),
            Chunk::WrittenOut(set) => Values::WrittenOut(set),
        })
    }

    /// On to the next stretch. What has run is freed here, if it is not to run again.
    #[cold]
    fn pass(&mut self) {
        if self.mark.is_none() {
            self.chunks[self.at.chunk] = None;
        }
        self.at = Place { chunk: self.at.chunk + 1, row: 0 };
    }

    fn set_mark(&mut self) {
        let from = self.mark.replace(self.at).map_or(self.at.chunk, |mark| mark.chunk);
        self.chunks[from..self.at.chunk].fill_with(|| None);
    }
}

impl<'s> Sets<'s> {
    pub(super) fn new(statement: Statement, source: Source<'s>, failed: Option<Error>) -> Sets<'s> {
        Sets { statement, source, failed, taken: 0, marked: 0 }
    }

    /// Sets that are put together with the statement one by one, as they are taken.
    pub fn of(statement: &Statement, params: &'s mut dyn Iterator<Item = Params>) -> Sets<'s> {
        Sets::new(statement.clone(), Source::Params(params), None)
    }

    /// The statement. Its text is that of every set that has none [of its own](Set::is_written_out).
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The number of the set that was taken last, counted from 0: for messages.
    pub fn number(&self) -> usize {
        self.taken.saturating_sub(1)
    }

    /// Marks the place before the next set, to [go back](Self::go_back) to. Where sets are made as they are taken there is
    /// no way back, and this is false.
    pub fn mark(&mut self) -> bool {
        match &mut self.source {
            Source::Packed(walk) => {
                walk.set_mark();
                self.marked = self.taken;
                true
            }
            Source::Params(_) => false,
        }
    }

    /// The next set is the one behind the last mark.
    pub fn go_back(&mut self) {
        if let Source::Packed(walk) = &mut self.source
            && let Some(mark) = walk.mark
        {
            walk.at = mark;
            self.taken = self.marked;
        }
    }

    /// The next set.
    ///
    /// # Errors
    /// Those of [`Statement::bind`], when the set does not fit the statement. No further set is to be taken.
    #[inline(always)]
    #[allow(clippy::should_implement_trait, reason = "a set borrows from the sets, which an iterator's item cannot")]
    pub fn next(&mut self) -> Option<Result<Set<'_>>> {
        self.taken += 1;
        match &mut self.source {
            Source::Packed(walk) => match walk.next() {
                Some(values) => Some(Ok(Set { statement: &self.statement, values })),
                None => self.failed.take().map(Err),
            },
            Source::Params(params) => {
                let bound = self.statement.bind(params.next()?);
                Some(bound.map(|bound| Set { statement: &self.statement, values: Values::Bound(bound) }))
            }
        }
    }
}

impl std::fmt::Debug for Sets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sets").field("statement", &self.statement).field("taken", &self.taken).finish_non_exhaustive()
    }
}

/// One set of parameters.
pub struct Set<'s> {
    statement: &'s Statement,
    values: Values<'s>,
}

enum Values<'s> {
    Row(Cells<'s>),
    WrittenOut(&'s WrittenOut),
    Bound(Bound<'s>),
}

impl Set<'_> {
    /// The text to run, with the driver's placeholders.
    #[inline]
    pub fn sql(&self) -> &str {
        match &self.values {
            Values::Row(_) => self.statement.sql(),
            Values::WrittenOut(set) => &set.sql,
            Values::Bound(bound) => &bound.sql,
        }
    }

    /// Whether a list was written out, so that the text is this set's own and not that of the statement.
    #[inline]
    pub fn is_written_out(&self) -> bool {
        match &self.values {
            Values::Row(_) => false,
            Values::WrittenOut(_) => true,
            Values::Bound(bound) => matches!(bound.sql, Cow::Owned(_)),
        }
    }

    /// The values, in order: one for each placeholder, or for each number where placeholders have numbers.
    #[inline]
    pub fn values(&self) -> impl ExactSizeIterator<Item = ValueRef<'_>> {
        match &self.values {
            Values::Row(cells) => Either::Row(cells.clone()),
            Values::WrittenOut(set) => Either::List(set.values.iter()),
            Values::Bound(bound) => Either::List(bound.values.iter()),
        }
    }

    /// Text and values as a single statement has them. Copies the values.
    pub fn bound(&self) -> Bound<'_> {
        match &self.values {
            Values::Bound(bound) => bound.clone(),
            Values::WrittenOut(set) => {
                Bound::of_parts(self.statement, Some((&set.sql, &set.parameters)), set.values.clone())
            }
            Values::Row(cells) => {
                Bound::of_parts(self.statement, None, cells.clone().map(ValueRef::to_value).collect())
            }
        }
    }

    /// What the caller calls the value at this position, counted from 0, for a message: `:name`, or the number of the
    /// parameter counted from 1.
    #[cold]
    pub fn parameter(&self, position: usize) -> String {
        match &self.values {
            Values::Row(_) => self.statement.parameter_at(position),
            Values::WrittenOut(set) => self.statement.parameter_of(&set.parameters, position),
            Values::Bound(bound) => bound.parameter(position),
        }
    }
}

/// The values of a set, wherever they are.
enum Either<'s> {
    Row(Cells<'s>),
    List(std::slice::Iter<'s, Value>),
}

impl<'s> Iterator for Either<'s> {
    type Item = ValueRef<'s>;

    #[inline(always)]
    fn next(&mut self) -> Option<ValueRef<'s>> {
        match self {
            Either::Row(cells) => cells.next(),
            Either::List(values) => values.next().map(Value::as_ref),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Either::Row(cells) => cells.size_hint(),
            Either::List(values) => values.size_hint(),
        }
    }
}

impl ExactSizeIterator for Either<'_> {}

impl std::fmt::Debug for Set<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Set").field("sql", &self.sql()).field("values", &self.values().len()).finish_non_exhaustive()
    }
}

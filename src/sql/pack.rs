//! Many sets of parameters on their way to a connection.

use std::sync::Arc;

use super::bind::Bound;
use super::sets::{Sets, Source};
use super::statement::{ParameterStyle, Statement};
use crate::driver::BATCH_BYTES;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::params::{IntoParams, Params};
use crate::row::{Batch, BatchBuilder, Columns};
use crate::value::{ConversionError, ToValue, Value};

/// Sets of parameters for one statement, put together with it and stored as the rows of a result are: a few large
/// pieces of memory where each set by itself would be a list and a string a text, made on one thread and freed on
/// another.
#[derive(Debug)]
pub(crate) struct Packed {
    statement: Statement,
    chunks: Vec<Chunk>,
    /// What is wrong with the set behind the last one. It is told when its turn comes: the sets before it may have
    /// errors of their own.
    failed: Option<Error>,
}

/// A stretch of the sets.
#[derive(Debug)]
pub(super) enum Chunk {
    /// Sets for the statement as it stands.
    Rows(Batch),
    /// One set for which a list was written out.
    WrittenOut(WrittenOut),
}

/// A set that has a text of its own.
#[derive(Debug)]
pub(super) struct WrittenOut {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
    /// The parameter of the statement that each value is for.
    pub(super) parameters: Vec<u32>,
}

impl Packed {
    /// Packs rows for [`Statement::insert`] of these columns.
    ///
    /// # Errors
    /// `Parameter` for the first row that does not fit them.
    pub(crate) fn rows<P: IntoParams>(
        insert: &Statement,
        columns: &[&str],
        rows: impl IntoIterator<Item = P>,
    ) -> Result<Packed> {
        let mut pack = Pack { columns: Some(columns), ..Pack::new(insert) };
        for (number, row) in rows.into_iter().enumerate() {
            row.pack(&mut pack);
            if let Some(error) = pack.failed.take() {
                return Err(of_row(number, error));
            }
        }
        let packed = pack.finish();
        match packed.failed {
            None => Ok(packed),
            Some(error) => Err(error),
        }
    }

    /// Packs all sets, up to the first that does not fit the statement.
    pub(crate) fn new<P: IntoParams>(statement: &Statement, sets: impl IntoIterator<Item = P>) -> Packed {
        let mut pack = Pack::new(statement);
        for set in sets {
            set.pack(&mut pack);
            if pack.failed.is_some() {
                break;
            }
        }
        pack.finish()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.failed.is_none()
    }

    /// The sets, to be run.
    pub(crate) fn into_sets(self) -> Sets<'static> {
        Sets::new(self.statement, Source::packed(self.chunks), self.failed)
    }
}

/// Takes sets of parameters one by one. Callers reach it through [`IntoParams::pack`] only.
pub struct Pack<'s> {
    statement: &'s Statement,
    /// How many values a set has that are stored as they come, by position; `None` where each set has to be looked at:
    /// for names, for lists, for values that stand in several places.
    plain: Option<usize>,
    /// Of the rows of a table, whose names are those of columns.
    columns: Option<&'s [&'s str]>,
    /// None until the first set: of a statement that nobody gives sets for nothing is made.
    builder: Option<BatchBuilder>,
    chunks: Vec<Chunk>,
    failed: Option<Error>,
}

impl std::fmt::Debug for Pack<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pack").field("statement", &self.statement).finish_non_exhaustive()
    }
}

impl<'s> Pack<'s> {
    fn new(statement: &'s Statement) -> Pack<'s> {
        let is_plain = statement.parameter_style() == ParameterStyle::Positional
            && !statement.has_lists()
            && statement.by_parameter()
            && statement.parameter_count() <= statement.dialect().max_parameters as usize
            && statement.refuse_multiple().is_ok()
            && !statement.is_empty();
        let plain = is_plain.then(|| statement.parameter_count());
        Pack { statement, plain, columns: None, builder: None, chunks: Vec::new(), failed: None }
    }

    /// A set of any form.
    pub(crate) fn params(&mut self, params: Params) {
        if let Some(columns) = self.columns {
            if let Err(error) = in_order(params, columns).and_then(|values| self.bound(&values)) {
                self.fail(error);
            }
            return;
        }
        let result = match self.statement.bind(params).map(Bound::into_parts) {
            Ok((None, values)) => self.bound(&values),
            Ok((Some((sql, parameters)), values)) => {
                let result = self.cut();
                self.chunks.push(Chunk::WrittenOut(WrittenOut { sql, values, parameters }));
                result
            }
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.fail(error);
        }
    }

    fn bound(&mut self, values: &[Value]) -> Result<()> {
        let builder = self.builder(values.len());
        if values.is_empty() {
            builder.push_empty_row();
        }
        for value in values {
            builder.push_value(value)?;
        }
        self.end_set()
    }

    /// Whether a set of so many values by position needs nothing but to be stored.
    #[inline]
    pub(crate) fn takes_positions(&self, count: usize) -> bool {
        self.plain == Some(count)
    }

    /// Such a set.
    #[inline]
    pub(crate) fn positions(&mut self, count: usize, values: impl FnOnce(&mut Positions<'_>)) {
        let mut into = Positions { builder: self.builder(count), done: 0, failed: None };
        values(&mut into);
        let result = match into.failed {
            None => self.end_set(),
            Some(error) => Err(error),
        };
        if let Err(error) = result {
            self.fail(error);
        }
    }

    #[inline]
    fn builder(&mut self, width: usize) -> &mut BatchBuilder {
        self.builder.get_or_insert_with(|| {
            BatchBuilder::new(Arc::new(Columns::of_names((1..=width).map(|number| number.to_string()))))
        })
    }

    #[inline]
    fn end_set(&mut self) -> Result<()> {
        match &self.builder {
            Some(builder) if builder.bytes() >= BATCH_BYTES => self.cut(),
            _ => Ok(()),
        }
    }

    /// Closes the stretch of sets so far.
    fn cut(&mut self) -> Result<()> {
        if let Some(builder) = &mut self.builder
            && !builder.is_empty()
        {
            self.chunks.push(Chunk::Rows(builder.take()?));
        }
        Ok(())
    }

    /// From here on nothing is taken. What there is of the failing set goes.
    #[cold]
    fn fail(&mut self, error: Error) {
        if let Some(builder) = &mut self.builder {
            builder.drop_incomplete_row();
        }
        self.failed.get_or_insert(error);
    }

    fn finish(mut self) -> Packed {
        let rows = match self.builder.take() {
            Some(builder) if !builder.is_empty() => builder.finish().map(Some),
            _ => Ok(None),
        };
        match rows {
            Ok(rows) => self.chunks.extend(rows.map(Chunk::Rows)),
            Err(error) => self.fail(error),
        }
        Packed { statement: self.statement.clone(), chunks: self.chunks, failed: self.failed }
    }
}

/// Takes the values of a set by position.
pub(crate) struct Positions<'p> {
    builder: &'p mut BatchBuilder,
    done: usize,
    failed: Option<Error>,
}

impl Positions<'_> {
    /// The next value. After one that cannot be had all others are passed over.
    #[inline]
    pub(crate) fn push(&mut self, value: &(impl ToValue + ?Sized)) {
        if self.failed.is_some() {
            return;
        }
        match value.with_ref(|value| self.builder.push_usual(value)) {
            Ok(Ok(())) => self.done += 1,
            Ok(Err(error)) => self.failed = Some(error),
            Err(error) => self.failed = Some(self.invalid(&error)),
        }
    }

    #[cold]
    fn invalid(&self, error: &ConversionError) -> Error {
        let reason = format!("parameter {}: {error}", self.done + 1);
        Error::new(ErrorKind::Conversion, reason).with_effect(Effect::NotSent)
    }
}

/// The values of a row in the order of the columns. What is wrong with it goes on behind the row's number.
fn in_order(row: Params, columns: &[&str]) -> Result<Vec<Value>> {
    let wrong = |message: String| Error::new(ErrorKind::Parameter, message);
    match row {
        Params::Positional(values) if values.len() == columns.len() => Ok(values),
        Params::Positional(values) => {
            Err(wrong(format!(" has {} values for the {} columns {columns:?}", values.len(), columns.len())))
        }
        Params::Invalid(reason) => Err(wrong(format!(", {reason}"))),
        Params::None => Err(wrong(format!(" has no values for the {} columns {columns:?}", columns.len()))),
        Params::Named(mut named) => {
            let mut values = Vec::with_capacity(columns.len());
            for column in columns {
                match named.iter().position(|(name, _)| name == column) {
                    Some(position) => values.push(named.swap_remove(position).1),
                    None => return Err(wrong(format!(" has no value for column `{column}`"))),
                }
            }
            match named.first() {
                None => Ok(values),
                Some((name, _)) => Err(wrong(format!(" names `{name}`, which is none of {columns:?}"))),
            }
        }
    }
}

/// What is wrong with a row, with its number.
#[cold]
fn of_row(number: usize, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Parameter => Error::new(ErrorKind::Parameter, format!("row {number}{}", error.message())),
        ErrorKind::Conversion => Error::new(ErrorKind::Parameter, format!("row {number}, {}", error.message())),
        _ => error.context(format_args!("row {number}")),
    }
}

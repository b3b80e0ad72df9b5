//! One run of a statement: into the driver, and through its rows.

use std::sync::Arc;

use super::columns::Shapes;
use super::core::Core;
use super::error::Diagnosis;
use super::family::Keeps;
use super::params::Parameter;
use super::rows::{Failure, Rows};
use super::statements::Prepared;
use crate::driver::raw::odbc::{Once, Opened, Taken, What, row_count};
use crate::error::Error;

/// Why a run ended: the driver said so, or we.
pub(super) enum Stopped {
    Native(Diagnosis),
    Ours(Error),
}

/// What is to be run, and what is done with its rows.
pub(super) struct Run<'r, F> {
    pub(super) core: &'r Core,
    /// False for what a cancel must not reach.
    pub(super) interruptible: bool,
    pub(super) parameters: &'r [Parameter],
    /// Taken when there are rows to be read.
    pub(super) read: Option<F>,
    /// The columns: before, what they were in the run before this one.
    pub(super) shapes: Option<Arc<Shapes>>,
}

impl<F: FnOnce(&Core, Rows<'_>) -> Result<(), Failure>> Run<'_, F> {
    /// Runs a statement that is prepared.
    pub(super) fn prepared(&mut self, taken: &mut Taken<'_, Prepared>) -> Result<Option<u64>, Stopped> {
        match taken.once() {
            Some(mut once) => self.once(&mut once, What::Prepared),
            None => Ok(None),
        }
    }

    /// Runs a statement. Returns how many rows it changed, if the driver knows.
    pub(super) fn once(&mut self, once: &mut Once<'_>, what: What<'_>) -> Result<Option<u64>, Stopped> {
        match self.at_the_driver(once, what) {
            Ok(true) => Ok(None),
            Ok(false) => Ok(row_count(once)),
            Err(Failure::Native(error)) => Err(Stopped::Native(Diagnosis::of(error).with_more(once.statement()))),
            Err(Failure::Ours(error)) => Err(Stopped::Ours(error)),
        }
    }

    /// Whether it had rows.
    fn at_the_driver(&mut self, once: &mut Once<'_>, what: What<'_>) -> Result<bool, Failure> {
        let (running, parameters) = (&self.core.running, self.parameters);
        let opened = if self.interruptible {
            running.during(once, |once| Once::run(once, what, parameters))
        } else {
            running.to_its_end(once, |once| Once::run(once, what, parameters))
        };
        let Some(mut cursor) = opened? else { return Ok(false) };
        let shapes = self.shapes_of(&mut cursor)?;
        if let Some(read) = self.read.take() {
            read(self.core, Rows::of(self.core, cursor, shapes))?;
        }
        Ok(true)
    }

    fn shapes_of(&mut self, cursor: &mut Opened<'_>) -> Result<Arc<Shapes>, Failure> {
        let still = match (&self.shapes, self.core.binding.family.keeps) {
            (None, _) | (_, Keeps::Nothing | Keeps::Statement) => false,
            (Some(shapes), Keeps::Columns) => shapes.are_those_of(cursor)?,
            (Some(shapes), Keeps::UntilVersion(_)) => shapes.are_as_many_as_in(cursor)?,
        };
        let shapes = match self.shapes.take() {
            Some(shapes) if still => shapes,
            _ => Arc::new(Shapes::of(cursor, self.core.in_utc)?),
        };
        self.shapes = Some(Arc::clone(&shapes));
        Ok(shapes)
    }
}

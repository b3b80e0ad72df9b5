//! One statement with many sets of parameters.
//!
//! MariaDB takes many sets in one command (`COM_STMT_BULK_EXECUTE`), with one type for each parameter: sets that differ in
//! a type are separate commands, since the server reads a value as what it was told. It does not tell which set failed.
//! That is found by running those of the command one by one, from a savepoint before them. MySQL has no such command, and
//! neither have statements that return rows, or that would not do with each set what they do alone ([`plain`](super::plain)):
//! their sets are run one by one from the start.

use std::mem::{Discriminant, discriminant};

use mysql::{Statement as Prepared, Value as NativeValue};

use super::link::{MysqlLink, size_of_value};
use super::values::{bind_all, length_of};
use super::verb::{Verb, runs_anew_with_each_set};
use crate::driver::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::Sets;

/// How many sets are a command: no more are done in vain before a deadline is looked at, or have to be run again.
const SETS: usize = 1024;

/// How many bytes of values are a command, if the server takes as many.
const BYTES: usize = 256 * 1024;

const SAVEPOINT: &str = "SAVEPOINT pontoon_sets";
const GO_BACK: &str = "ROLLBACK TO SAVEPOINT pontoon_sets";

/// Runs a statement with one set of parameters after another.
pub(super) fn execute_many(link: &mut MysqlLink, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
    let sql = sets.statement().sql();
    let verb = Verb::of(sql);
    let is_plain = verb == Verb::Writes && !link.has_returning(sql) && link.is_the_same_with_each_set(sql);
    let most = BYTES.min(link.server.max_packet / 2);
    let pending = Pending::default();
    let is_sure = runs_anew_with_each_set(sql);
    let mut many = Many { link, call, verb, is_plain, is_sure, most, prepared: None, pending, next: 0, affected: 0 };
    let fed = many.feed(sets);
    // Also before an error of this side: one of the sets before may fail, and the first that does is told of.
    many.run_pending()?;
    fed.map(|()| many.affected)
}

struct Many<'a> {
    link: &'a mut MysqlLink,
    call: &'a Call<'a>,
    verb: Verb,
    /// Whether it is a statement that can be run with many sets at once.
    is_plain: bool,
    /// Whether each of many sets has its errors, and not only the first. In strict mode the server takes what does not fit
    /// for an error until the statement has changed a table without transactions, and makes it fit from then on.
    is_sure: bool,
    most: usize,
    prepared: Option<Prepared>,
    pending: Pending,
    /// The number of the next set.
    next: usize,
    affected: u64,
}

/// Sets that are to be one command.
#[derive(Default)]
struct Pending {
    /// The number of the first.
    first: usize,
    sets: Vec<Vec<NativeValue>>,
    /// Of each parameter, as soon as one of its values is not NULL.
    types: Vec<Option<Discriminant<NativeValue>>>,
    bytes: usize,
}

impl Pending {
    fn has_room(&self, values: &[NativeValue], bytes: usize, most: usize) -> bool {
        let fits = |(known, value): (&Option<_>, _)| match (known, type_of(value)) {
            (Some(known), Some(new)) => *known == new,
            _ => true,
        };
        self.sets.is_empty()
            || (self.sets.len() < SETS && self.bytes + bytes <= most && self.types.iter().zip(values).all(fits))
    }

    fn add(&mut self, number: usize, values: Vec<NativeValue>, bytes: usize) {
        if self.sets.is_empty() {
            self.first = number;
            self.types = vec![None; values.len()];
        }
        for (known, value) in self.types.iter_mut().zip(&values) {
            *known = known.or_else(|| type_of(value));
        }
        self.sets.push(values);
        self.bytes += bytes;
    }
}

/// What the server is told of a value; nothing of NULL. A signed integer and an unsigned one are not of one type.
fn type_of(value: &NativeValue) -> Option<Discriminant<NativeValue>> {
    (*value != NativeValue::NULL).then(|| discriminant(value))
}

impl Many<'_> {
    fn feed(&mut self, sets: &mut Sets<'_>) -> Result<()> {
        while let Some(set) = sets.next() {
            let number = self.next;
            let numbered = |error: Error| error.context(format_args!("set {number}"));
            let set = set.map_err(numbered)?;
            let link = &mut *self.link;
            link.check_bytes(set.sql().len() + set.values().map(length_of).sum::<usize>()).map_err(numbered)?;
            let values = bind_all(set.values(), link.moments(), |at| set.parameter(at)).map_err(numbered)?;
            link.check_size(set.sql(), &values).map_err(numbered)?;
            if set.is_written_out() {
                // A list that is written out makes a text of its own.
                self.run_pending()?;
                let statement = self.link.prepare(self.call, set.sql()).map_err(numbered)?;
                self.run_one(&statement, values, number)?;
            } else {
                if self.prepared.is_none() {
                    self.prepared = Some(self.link.prepare(self.call, set.sql()).map_err(numbered)?);
                }
                self.take(values)?;
            }
            self.next += 1;
        }
        Ok(())
    }

    fn take(&mut self, values: Vec<NativeValue>) -> Result<()> {
        let bytes = values.iter().map(size_of_value).sum();
        if !self.pending.has_room(&values, bytes, self.most) {
            self.run_pending()?;
        }
        self.pending.add(self.next, values, bytes);
        // The first set is run by itself: if there is no other, the server need not be asked what it takes. So are those
        // that change nothing, from which nobody sees what table they would have changed.
        let is_first = self.next == 0 || (self.affected == 0 && !self.is_sure);
        if is_first || !self.is_plain || !self.link.takes_sets() {
            self.run_pending()?;
        }
        Ok(())
    }

    fn run_pending(&mut self) -> Result<()> {
        let Pending { first, sets, .. } = std::mem::take(&mut self.pending);
        let Some(prepared) = self.prepared.clone() else { return Ok(()) };
        if sets.len() > 1 && prepared.num_params() > 0 {
            self.call.check()?;
            self.link.run_alone(self.call, SAVEPOINT)?;
            if !self.is_sure {
                // A table without transactions that was changed makes this warn.
                self.is_sure = self.link.went_back(self.call, GO_BACK);
                self.is_plain = self.is_sure;
            }
        }
        if self.is_plain && sets.len() > 1 && prepared.num_params() > 0 {
            match self.link.run_together(&prepared, self.verb, &sets) {
                Ok(affected) => {
                    self.affected += affected;
                    return Ok(());
                }
                Err(error) if self.can_try_again(&error) => {}
                Err(error) => {
                    return Err(error.context(format_args!("one of the sets {first} to {}", first + sets.len() - 1)));
                }
            }
        }
        for (number, values) in (first..).zip(sets) {
            self.run_one(&prepared, values, number)?;
        }
        Ok(())
    }

    /// Whether the sets of a command can be run one by one after an error, as if it had not been.
    fn can_try_again(&mut self, error: &Error) -> bool {
        let is_of_a_set = !error.kind().is_transient()
            && !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled | ErrorKind::ConnectionLost);
        is_of_a_set && self.link.went_back(self.call, GO_BACK)
    }

    fn run_one(&mut self, prepared: &Prepared, values: Vec<NativeValue>, number: usize) -> Result<()> {
        let run = self.call.check().and_then(|()| self.link.run_again(prepared, self.verb, values));
        self.affected += run.map_err(|error| error.context(format_args!("set {number}")))?.rows_affected;
        Ok(())
    }
}

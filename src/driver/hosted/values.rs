//! Values that a database does not have, whatever its driver would make of them.

use crate::driver::foreign::known::Engine;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::value::ValueRef;

/// Refuses a value before it is sent.
///
/// # Errors
/// `InvalidValue`, with the way out.
pub(super) fn check(engine: Engine, value: ValueRef<'_>) -> Result<()> {
    let is_finite = match value {
        ValueRef::F32(float) => float.is_finite(),
        ValueRef::F64(float) => float.is_finite(),
        _ => true,
    };
    let is_nan = match value {
        ValueRef::F32(float) => float.is_nan(),
        ValueRef::F64(float) => float.is_nan(),
        _ => false,
    };
    let why = match (engine, value) {
        (Engine::Sqlite, _) if is_nan => "SQLite has no NaN and would store NULL; bind NULL if that is what is meant",
        (Engine::Mysql, _) if !is_finite => "MySQL has neither NaN nor infinities; bind NULL if that is what is meant",
        (Engine::Sqlite, ValueRef::U64(number)) if number > i64::MAX as u64 => {
            "an unsigned integer past 9223372036854775807 does not fit; bind a Decimal or text"
        }
        (Engine::Sqlite | Engine::Mysql, ValueRef::Array(_)) => {
            "the database has no lists; write `IN (:name)`, which is expanded, or pass the list as JSON"
        }
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::InvalidValue, why).with_effect(Effect::NotSent))
}

//! Dates, times and spans, as databases keep them; the module of values says what they have in common.

mod date;
mod interval;
mod text;
mod time;
mod timestamp;
mod zoned;

pub use date::Date;
pub use interval::Interval;
pub use text::ParseCivilError;
pub use time::Time;
pub use timestamp::Timestamp;
pub use zoned::{Offset, TimestampTz};

#[cfg(test)]
mod tests;

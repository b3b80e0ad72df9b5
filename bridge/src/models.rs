//! Models of what synchronises, for the checkers to run: the bodies only. `tests/loom.rs` and `tests/shuttle.rs` run
//! them, and run each again with a seeded bug that it must catch.
//!
//! They sit inside the package because they drive its inner parts, where a whole worker would have more interleavings
//! than can be looked at.

#[cfg(loom)]
mod slot;
#[cfg(shuttle)]
mod whole;

#[cfg(loom)]
pub use slot::*;
#[cfg(shuttle)]
pub use whole::*;

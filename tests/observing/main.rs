//! What is printed and told of statements and of the pool, and that no secret is ever in it.

#[path = "../kit/mod.rs"]
mod kit;

mod echo;
#[cfg(feature = "tracing")]
mod spans;

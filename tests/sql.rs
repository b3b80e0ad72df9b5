//! SQL texts: where their parameters are, what they become, what they do, and what is refused.

#[path = "sql/bad_input.rs"]
mod bad_input;
#[path = "sql/kinds.rs"]
mod kinds;
#[path = "sql/lists.rs"]
mod lists;
#[path = "sql/properties.rs"]
mod properties;
#[path = "sql/scripts.rs"]
mod scripts;
#[path = "sql/slots.rs"]
mod slots;
#[path = "sql/transactions.rs"]
mod transactions;

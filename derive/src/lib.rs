//! Derive macros of [`pontoon`](https://docs.rs/pontoon). They are used through that crate, which re-exports them.

mod attributes;
mod case;
mod expand;
mod transactional;
mod types;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Reads rows into a struct.
///
/// A struct with named fields reads the columns of those names, wherever they are; columns it has no field for are
/// ignored. A tuple struct reads the columns by position, and there must be exactly as many. Every field is of a type
/// that can be read from a value (`FromValue`) without borrowing from it; a column that can be NULL needs an `Option`.
///
/// # Attributes of the struct
///
/// - `#[row(rename_all = "...")]`: how the names of fields become names of columns: `lowercase`, `UPPERCASE`,
///   `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case` or `SCREAMING-KEBAB-CASE`.
/// - `#[row(crate = "...")]`: the path of `pontoon`, where it is not `::pontoon`.
///
/// # Attributes of a field
///
/// - `#[row(rename = "...")]`: the name of the column, exactly. `rename_all` does not apply to it.
/// - `#[row(default)]`, `#[row(default = "path")]`: without such a column, the field is `Default::default()` or
///   `path()`. A column that is there and NULL is still an error unless the field is an `Option`.
/// - `#[row(flatten)]`: the field is itself a `FromRow`, and reads from the same row.
///   With `#[row(flatten, prefix = "...")]` it reads the columns that start with the prefix, under the rest of their
///   names. With a prefix the field may be an `Option`, which is `None` when all of these columns are NULL: the other
///   side of a `LEFT JOIN`.
/// - `#[row(json)]`: the column has a JSON document, and the field is read with `serde`. NULL is read as `null`, so
///   that it needs an `Option` or another type that has a `null`.
/// - `#[row(try_from = "Type")]`: the column is read as `Type`, from which the field is made with `TryFrom`. For an
///   `Option` NULL is `None`, and what it holds is made with `TryFrom`.
/// - `#[row(skip)]`: no column; the field is `Default::default()`, or `path()` with `default = "path"`.
///
/// In tuple structs only `json`, `try_from` and `skip` make sense, and only those are accepted.
///
/// # Errors when reading
///
/// A missing column is found before any row is read, and when there are no rows at all. The message of an error names
/// the struct, the field, the column and, when a value does not convert, what it is and what it was to become:
/// `Note.id: column "id" (0): cannot read TEXT as i64`.
#[proc_macro_derive(FromRow, attributes(row))]
pub fn derive_from_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::from_row(&input).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Runs a function in a transaction of its own, each time it is called.
///
/// The function returns a `Result`: `Ok` commits, `Err` rolls back, and so does a panic. Its arguments, generics and result
/// are what they were; its error is any that can be made from `pontoon::Error`, which BEGIN and COMMIT may bring. What it
/// does through the database belongs to the transaction; called inside of one, it runs in a nested one, a savepoint.
///
/// The first argument is the `Database`, or the `Connection` (of an `async fn` the `AsyncDatabase` or `AsyncConnection`): an
/// argument of the function, a field (`self.db`), a static, any expression for it; it is evaluated once, before the body.
///
/// # Options
///
/// - `isolation = "serializable"`: the level, one of `"read uncommitted"`, `"read committed"`, `"repeatable read"`,
///   `"snapshot"`, `"serializable"`, or an expression for an `IsolationLevel`.
/// - `read_only`: nothing is written.
/// - `rollback_only`: rolled back even after `Ok`.
/// - `retry = 5`: the whole body runs again, up to so many times in all, when the transaction met another one that it could
///   not be put in an order with; a number, with the waits of `Retry::attempts`. So it must not use up what it is given:
///   clone what it moves.
/// - `crate = "..."`: the path of `pontoon`, where it is not `::pontoon`.
///
/// `isolation`, `read_only` and `retry` belong to the outermost transaction: a function that has one of them and is called
/// inside another transaction fails with `Misuse`, before anything is sent. So put them on what begins a piece of work,
/// and not on what is called from elsewhere too. Under force rollback they are allowed where they would be without it.
///
/// An `async fn` is awaited as one caller: what it does through the database belongs to the transaction on whatever thread
/// it is polled, and what it spawns does not. Dropped, it is rolled back.
#[proc_macro_attribute]
pub fn transactional(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as transactional::Arguments);
    // What is no item at all the compiler has told already.
    let Ok(item) = syn::parse::<syn::ItemFn>(function.clone()) else {
        let at = proc_macro2::TokenStream::from(function);
        return syn::Error::new_spanned(at, "`#[transactional]` goes on a function with a body")
            .into_compile_error()
            .into();
    };
    transactional::expand(&arguments, item).unwrap_or_else(|error| error.into_compile_error()).into()
}

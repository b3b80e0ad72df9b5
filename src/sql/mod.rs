//! SQL as text: what databases write differently, where the parameters of a statement are, and what it does.
//!
//! Nothing here understands SQL beyond its words. A text is cut into tokens by the rules of its [`Dialect`], names like
//! `:id` outside of strings, comments and quoted names become the placeholders of the driver, and the rest goes to the
//! database byte by byte as it was written.
//!
//! | written | is |
//! |---|---|
//! | `:name` | a parameter, unless a letter, digit, colon, closing quote, parenthesis or bracket touches it from the left; on SQLite and Oracle, which have no other use for a colon, only another colon keeps it from being one |
//! | `?` | a parameter by position; on PostgreSQL an operator where an operand is before it |
//! | `$1`, `?1`, `@p1`, `:1` | a parameter by position, on the database that writes it so |
//! | `\:`, `\?`, `\@`, `\$` | the character behind the backslash, and no parameter |
//! | `in (:name)` | as many parameters as the list has elements |
//! | `x::type`, `a[1:n]`, `:=`, `'…'`, `/* … */` | what the database makes of it |

mod bind;
mod block;
mod cache;
mod dialect;
mod dialects;
mod fingerprint;
mod kind;
mod outline;
mod pack;
mod place;
mod reading;
mod scanner;
mod script;
mod sets;
mod statement;
mod token;
mod transaction;
mod words;

pub use bind::Bound;
pub use cache::StatementCache;
pub use dialect::{
    Blocks, Dialect, Family, Folding, Lexis, NameUnit, Placeholder, SetAccess, SetLevel, Transactions, savepoint_name,
};
pub use dialects::{DB2, GENERIC, H2, HSQLDB, MARIADB, MYSQL, ORACLE, POSTGRES, SQLITE, TSQL};
pub(crate) use fingerprint::cut;
#[cfg(feature = "tracing")]
pub(crate) use fingerprint::fingerprint;
pub use kind::{StatementKind, TransactionVerb};
pub use pack::Pack;
pub(crate) use pack::Packed;
pub use scanner::Scanner;
pub use script::{Script, ScriptStatement, check_script, split_script};
pub use sets::{Set, Sets};
pub use statement::{ParameterStyle, Slot, Statement};
pub use token::{Token, TokenKind};
pub use transaction::{Access, IsolationLevel, LockMode, Retry, TxOptions};

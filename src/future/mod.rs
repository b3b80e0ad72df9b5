//! The same database, awaited: from any executor, and from several at once.
//!
//! | | |
//! |---|---|
//! | [`AsyncDatabase`] | the handle: the pool of a [`Database`](crate::Database), for tasks |
//! | [`AsyncQueryable`] | the verbs |
//! | [`AsyncStreamable`] | rows one by one, as a `Stream` |
//! | [`AsyncTransaction`], [`Tx`] | transactions: who ends one, who works in one |
//! | [`AsyncConnection`] | one connection, kept |
//! | [`AsyncNotifications`] | messages of the database, as a `Stream` |
//! | [`AsyncTestDatabase`] | a database for one test |
//! | [`scope`], [`Caller`] | a future that is one caller, as a thread is |
//! | [`Answer`] | a call that is to be awaited |
//!
//! Nothing here belongs to a runtime: replies wake whatever waker they are given, deadlines are kept by a thread of the
//! library's own, statements run on the threads of their connections and never on the executor's. Every future can be
//! dropped at any point; what that does is said at each method, and in the [guide](crate::guide::futures).

mod answer;
mod connection;
mod database;
mod detached;
mod notifications;
mod perform;
mod queryable;
mod scope;
mod streamable;
mod testing;
mod transaction;

pub use answer::Answer;
pub use connection::AsyncConnection;
pub use database::AsyncDatabase;
pub use notifications::AsyncNotifications;
pub use queryable::AsyncQueryable;
pub use scope::{Caller, Scope, scope};
pub use streamable::{AsyncBatchStream, AsyncRowStream, AsyncStreamable};
pub use testing::AsyncTestDatabase;
pub use transaction::{AsyncTransaction, Tx};

pub(crate) use perform::AsyncPerform;
pub(crate) use transaction::run_inherited;

//! A connection of SQLite together with prepared statements that borrow from it.
//!
//! `rusqlite` takes a prepared statement out of its cache for each run and puts it back afterwards: two look-ups by text
//! and an allocation, a fifth of what a short statement costs. A statement that stays out of the cache borrows from its
//! connection, so the two have to be one value, and the compiler does not know that such a value may change threads.

#![allow(
    clippy::mem_forget,
    reason = "in what `self_cell` writes: its value is freed once, by whoever takes the connection out"
)]

use std::cell::RefCell;
use std::ops::Deref;

use rusqlite::{CachedStatement, Connection, Statement};
use self_cell::self_cell;

/// The most statements that are kept at hand: a power of two.
const MOST: usize = 16;

/// A connection, and the statements that it ran last, kept out of its own cache.
pub(in crate::driver) struct Held {
    state: State,
    places: usize,
}

enum State {
    Paired(Pair),
    /// Nothing borrows from it.
    Alone(Connection),
    /// Between two of the others, inside of one method.
    Changing,
}

self_cell!(
    struct Pair {
        owner: Connection,

        #[not_covariant]
        dependent: Hand,
    }
);

/// Prepared statements of one connection, each in the place that its number has.
struct Hand<'c>(Box<[RefCell<Option<Kept<'c>>>]>);

struct Kept<'c> {
    number: u64,
    /// Dropped, it goes into the cache of its connection.
    statement: CachedStatement<'c>,
}

// SAFETY: A `Pair` is a connection and statements that were prepared on it. Each part of it may change threads:
//
// - `Connection` is `Send`, by its own crate's word, which refuses to open one where SQLite was built without locks. That
//   covers everything a connection owns: hooks, handlers, and the prepared statements of its cache. A prepared statement
//   itself is therefore bound to no thread, and SQLite says the same.
// - A `Kept` is such a prepared statement, with references to its connection and to that one's cache. They are what keeps
//   it from being `Send`: a `Connection` is not `Sync`, so two threads must not have references to one. Here they cannot.
//   What a `Hand` refers to is the connection in the same `Pair`: `Held::with`, the only code that puts statements into
//   one, prepares them on that connection. The references never leave it: the lifetime that `with_dependent` hands out is
//   good for its closure alone. So whoever moves a `Pair` to another thread, for which nothing may borrow from it, moves
//   all references to the connection that there are, together with the connection.
// - A `Pair` is not `Sync` (neither of its parts is), so that nobody on another thread uses it through a reference.
//
// The other thread that may be at work on the connection meanwhile is one with an `InterruptHandle`, which is made for
// that and is no part of this.
unsafe impl Send for Pair {}

impl Hand<'_> {
    fn empty(places: usize) -> Self {
        Hand(std::iter::repeat_with(RefCell::default).take(places).collect())
    }
}

impl Held {
    /// A connection whose own cache keeps `statements`. A quarter of them, sixteen at most, are kept at hand instead.
    pub(in crate::driver) fn new(conn: Connection, statements: usize) -> Held {
        let quarter = statements / 4;
        let places = quarter.checked_ilog2().map_or(0, |log| MOST.min(1 << log));
        conn.set_prepared_statement_cache_capacity(statements - places);
        let mut held = Held { state: State::Alone(conn), places };
        held.pair();
        held
    }

    /// Runs `work` with a prepared statement of this text. `number` stands for the text, and for no other; 0 for one that
    /// is not to be kept at hand. `work` learns too whether the statement was at hand.
    ///
    /// # Errors
    /// What the database says of the text.
    #[inline]
    pub(in crate::driver) fn with<R>(
        &self,
        number: u64,
        sql: &str,
        work: impl FnOnce(&mut Statement<'_>, bool) -> R,
    ) -> rusqlite::Result<R> {
        let State::Paired(pair) = &self.state else { return cached(self, sql, work) };
        if number == 0 || self.places == 0 {
            return cached(self, sql, work);
        }
        pair.with_dependent(|conn, hand| {
            let place = &hand.0[number as usize & (hand.0.len() - 1)];
            // Taken where a statement runs inside of another one: of the same text, or of one that has the same place.
            let Ok(mut place) = place.try_borrow_mut() else { return cached(conn, sql, work) };
            match &mut *place {
                Some(kept) if kept.number == number => Ok(work(&mut kept.statement, true)),
                place => {
                    let kept = Kept { number, statement: conn.prepare_cached(sql)? };
                    Ok(work(&mut place.insert(kept).statement, false))
                }
            }
        })
    }

    /// The connection by itself, for what needs it so. Its statements go into its own cache.
    pub(in crate::driver) fn alone(&mut self) -> &mut Connection {
        self.state = match std::mem::replace(&mut self.state, State::Changing) {
            State::Paired(pair) => State::Alone(pair.into_owner()),
            other => other,
        };
        match &mut self.state {
            State::Alone(conn) => conn,
            State::Paired(_) | State::Changing => unreachable!("it was put there a moment ago"),
        }
    }

    /// From now on statements are kept at hand.
    pub(in crate::driver) fn pair(&mut self) {
        let places = self.places;
        self.state = match std::mem::replace(&mut self.state, State::Changing) {
            State::Alone(conn) => State::Paired(Pair::new(conn, |_| Hand::empty(places))),
            other => other,
        };
    }

    /// The connection, to be closed.
    pub(in crate::driver) fn into_conn(self) -> Connection {
        match self.state {
            State::Paired(pair) => pair.into_owner(),
            State::Alone(conn) => conn,
            State::Changing => unreachable!("no method leaves it so"),
        }
    }
}

impl Deref for Held {
    type Target = Connection;

    #[inline]
    fn deref(&self) -> &Connection {
        match &self.state {
            State::Paired(pair) => pair.borrow_owner(),
            State::Alone(conn) => conn,
            State::Changing => unreachable!("no method leaves it so"),
        }
    }
}

/// With a statement of the connection's own cache.
#[cold]
fn cached<R>(conn: &Connection, sql: &str, work: impl FnOnce(&mut Statement<'_>, bool) -> R) -> rusqlite::Result<R> {
    let mut statement = conn.prepare_cached(sql)?;
    Ok(work(&mut statement, false))
}

//! A connection, and the statements that stay prepared on it.

use std::cell::{Cell, RefCell};
use std::mem::{ManuallyDrop, take};

use odbc_api::Connection;
use odbc_api::handles::{SqlText, Statement as _, StatementImpl};
use odbc_api::sys::{self, HDbc, HandleType, SQLFreeHandle, SqlReturn};

use super::{Once, handle, is_success};

/// An open connection with statements that borrow from it, the one that was not used for longest first. Of each, `K` is
/// what is known of it. The connection is ended without a panic when this is dropped.
///
/// The statements stand here without the lifetime of the connection. It outlives them all the same: they are reached by
/// [`Taken`] alone, which borrows from this, and all of them go before the connection does or is handed out to be changed.
pub(in crate::driver) struct Keeper<K> {
    kept: RefCell<Vec<Box<Kept<K>>>>,
    /// Counts how often all statements were dropped: one that was in use then does not come back.
    cleared: Cell<u64>,
    connection: Option<Connection<'static>>,
}

struct Kept<K> {
    key: u64,
    cleared: u64,
    of: K,
    /// `None` when it went with its connection.
    statement: Option<StatementImpl<'static>>,
}

impl<K> Drop for Kept<K> {
    /// Without the panic that `odbc-api` has for a driver that refuses: the connection may be dead.
    fn drop(&mut self) {
        if let Some(statement) = self.statement.take() {
            // SAFETY: the handle is ours alone and alive, since its connection is.
            let _ = unsafe { SQLFreeHandle(HandleType::Stmt, statement.into_sys().as_handle()) };
        }
    }
}

/// A statement in use. It is dropped with this, unless it is kept again.
pub(in crate::driver) struct Taken<'c, K> {
    kept: Box<Kept<K>>,
    keeper: &'c Keeper<K>,
}

impl<K> Keeper<K> {
    pub(in crate::driver) fn new(connection: Connection<'static>) -> Keeper<K> {
        Keeper { kept: RefCell::default(), cleared: Cell::new(0), connection: Some(connection) }
    }

    /// The connection, unless it was closed.
    pub(in crate::driver) fn connection(&self) -> Option<&Connection<'static>> {
        self.connection.as_ref()
    }

    /// The connection, to be done with whatever its borrower likes: nothing is kept on it any more.
    pub(in crate::driver) fn connection_mut(&mut self) -> Option<&mut Connection<'static>> {
        self.clear();
        self.connection.as_mut()
    }

    /// Drops all statements.
    pub(in crate::driver) fn clear(&self) {
        self.cleared.set(self.cleared.get() + 1);
        drop(self.kept.take());
    }

    /// Takes the statement that is kept under this key and is the right one.
    pub(in crate::driver) fn take(&self, key: u64, is_it: impl Fn(&K) -> bool) -> Option<Taken<'_, K>> {
        let mut kept = self.kept.borrow_mut();
        // What was used last is mostly used next.
        let place = kept.iter().rposition(|kept| kept.key == key && is_it(&kept.of))?;
        Some(Taken { kept: kept.remove(place), keeper: self })
    }

    /// Prepares a statement to be kept; `None` where there is no connection, and where the driver refuses.
    pub(in crate::driver) fn prepare(&self, key: u64, sql: &str, of: K) -> Option<Taken<'_, K>> {
        let mut statement = self.connection.as_ref()?.preallocate().ok()?.into_handle();
        statement.as_stmt_ref().prepare(&SqlText::new(sql)).on_success(|| ()).into_result(&statement).ok()?;
        // SAFETY: the handle was allocated just now, and nobody else has it. That the connection, which its type names no
        // more, outlives it is said above.
        let statement = unsafe { StatementImpl::new(statement.into_sys()) };
        let kept = Box::new(Kept { key, cleared: self.cleared.get(), of, statement: Some(statement) });
        Some(Taken { kept, keeper: self })
    }

    /// Ends the connection and says whether the driver let it go. What it does not let go is leaked: freeing it could only
    /// fail too.
    pub(in crate::driver) fn end(&mut self) -> bool {
        let Some(connection) = self.connection.take() else { return true };
        let kept = take(self.kept.get_mut());
        let mut connection = ManuallyDrop::new(connection.into_handle());
        let mut done = !connection.disconnect().is_err();
        if done {
            // Their handles went with the connection. To free them before would be a round trip for each with some drivers.
            for mut kept in kept {
                let _ = kept.statement.take().map(StatementImpl::into_sys);
            }
        } else {
            // Some drivers do not close what has statements.
            drop(kept);
            let _ = connection.rollback();
            done = !connection.disconnect().is_err();
        }
        if done {
            // A disconnected handle is free of everything that could keep it from being freed.
            drop(ManuallyDrop::into_inner(connection));
        }
        done
    }
}

impl<K> Drop for Keeper<K> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<K> Taken<'_, K> {
    /// To run it with [`What::Prepared`](super::What::Prepared); `None` if it is gone, which it is not.
    pub(in crate::driver) fn once(&mut self) -> Option<Once<'_>> {
        self.kept.statement.as_mut().map(Once::new)
    }

    /// Keeps it for its next run, and no more than `most` in all.
    pub(in crate::driver) fn keep(mut self, most: usize) {
        // What it was run with goes now.
        let is_free = self.kept.statement.as_mut().is_some_and(|statement| !statement.reset_parameters().is_err());
        if !is_free || self.kept.cleared != self.keeper.cleared.get() {
            return;
        }
        let mut kept = self.keeper.kept.borrow_mut();
        // Inside of itself a statement runs as another one of the same text.
        if kept.iter().any(|kept| kept.key == self.kept.key) {
            return;
        }
        let over = (kept.len() + 1).saturating_sub(most).min(kept.len());
        let evicted: Vec<_> = kept.drain(..over).collect();
        kept.push(self.kept);
        drop(kept);
        drop(evicted);
    }

    /// What is known of it.
    pub(in crate::driver) fn of(&mut self) -> &mut K {
        &mut self.kept.of
    }
}

unsafe extern "system" {
    // As the standard declares it, with all the numbers there are.
    #[link_name = "SQLGetInfo"]
    fn get_info(connection: HDbc, what: u16, value: sys::Pointer, room: i16, length: *mut i16) -> SqlReturn;
}

/// Whether what is prepared on a connection outlives the ends of transactions, of either kind.
pub(in crate::driver) fn keeps_statements(connection: &Connection<'_>) -> bool {
    // `SQL_CURSOR_COMMIT_BEHAVIOR`, `SQL_CURSOR_ROLLBACK_BEHAVIOR`; `SQL_CB_DELETE` is 0.
    [23, 24].into_iter().all(|what| {
        let mut behaviour = 0_u16;
        // SAFETY: the connection is open and borrowed; what is asked for is a number of 16 bits, and it outlives the call.
        let answer =
            unsafe { get_info(handle(connection), what, (&raw mut behaviour).cast(), 2, std::ptr::null_mut()) };
        is_success(answer) && behaviour != 0
    })
}

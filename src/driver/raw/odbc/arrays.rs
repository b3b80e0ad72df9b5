//! Arrays of parameters, and what the driver says of each set in them.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicU16, Ordering};

use odbc_api::buffers::BoxColumnBuffer;
use odbc_api::handles::{AnyHandle, AsStatementRef, SqlResult, Statement as _, StatementImpl, StatementRef};
use odbc_api::parameter::WithDataType;
use odbc_api::sys::{
    self, FreeStmtOption, HStmt, SQLExecute, SQLFreeStmt, SQLSetStmtAttr, SqlReturn, StatementAttribute,
};
use odbc_api::{BindParamDesc, ColumnarBulkInserter, Prepared};

use super::Lent;

/// A statement that was prepared and has arrays bound to its parameters.
pub(in crate::driver) struct Arrays<'s, C> {
    handle: HStmt,
    pub(in crate::driver) inserter: ColumnarBulkInserter<StatementRef<'s>, C>,
    /// What the driver says of each set.
    said: Box<[AtomicU16]>,
}

/// What a driver says of a set of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum SetSaid {
    Done,
    Failed,
    /// It was not looked at, or nothing is known of it.
    Nothing,
}

impl<'s> Arrays<'s, WithDataType<BoxColumnBuffer>> {
    /// Binds arrays of this many values, one a set.
    pub(in crate::driver) fn bind(
        prepared: &'s mut Prepared<StatementImpl<'_>>,
        sets: usize,
        columns: Vec<BindParamDesc>,
    ) -> Result<Self, odbc_api::Error> {
        let handle = prepared.as_stmt_ref().as_sys();
        let mut inserter = prepared.column_inserter(sets, columns)?;
        inserter.set_num_rows(sets);
        let said: Box<[AtomicU16]> = (0..sets).map(|_| AtomicU16::new(UNTOUCHED)).collect();
        // SAFETY: the statement is borrowed for ourselves. The driver writes as many of these as there are sets, which is
        // no more than there are of these; they do not move, and the statement forgets them before they go. A driver that has
        // no such attribute refuses it, and then nothing is ever said.
        unsafe { set_statement(handle, StatementAttribute::ParamStatusPtr, said.as_ptr().cast_mut().cast()) };
        Ok(Arrays { handle, inserter, said })
    }
}

impl<C> Arrays<'_, C> {
    /// Runs the statement for the sets that there is room for. Unlike `odbc-api`'s own way this leaves what the driver
    /// has to say where it can be read, also when some of the sets failed, which is a success to the standard.
    pub(in crate::driver) fn run(&mut self) -> Result<(), odbc_api::Error> {
        let function = "SQLExecute";
        // SAFETY: the statement is borrowed for ourselves; the number of sets is that of the room in every array and in
        // what is said of them.
        let answer = unsafe {
            let sets = std::ptr::without_provenance_mut(self.said.len());
            set_statement(self.handle, StatementAttribute::ParamsetSize, sets);
            SQLExecute(self.handle)
        };
        match answer {
            SqlReturn::SUCCESS | SqlReturn::SUCCESS_WITH_INFO | SqlReturn::NO_DATA => Ok(()),
            _ => SqlResult::Error { function }.into_result(self),
        }
    }

    /// Nobody reads what a statement has to say of each set.
    pub(in crate::driver) fn leave_rows(&mut self) {
        // SAFETY: the statement is borrowed for ourselves. Where no rows are open this does nothing.
        let _ = unsafe { SQLFreeStmt(self.handle, FreeStmtOption::Close) };
    }

    /// What the driver said of a set of the run that was last.
    pub(in crate::driver) fn said(&self, set: usize) -> SetSaid {
        const SUCCESS: u16 = 0;
        const ERROR: u16 = 5;
        const SUCCESS_WITH_INFO: u16 = 6;
        match self.said.get(set).map(|said| said.load(Ordering::Relaxed)) {
            Some(SUCCESS | SUCCESS_WITH_INFO) => SetSaid::Done,
            Some(ERROR) => SetSaid::Failed,
            _ => SetSaid::Nothing,
        }
    }
}

impl<C> Drop for Arrays<'_, C> {
    fn drop(&mut self) {
        // SAFETY: the statement is still borrowed; a null pointer takes the place back.
        unsafe {
            set_statement(self.handle, StatementAttribute::ParamStatusPtr, null_mut());
            set_statement(self.handle, StatementAttribute::ParamsetSize, std::ptr::without_provenance_mut(1));
        }
    }
}

/// What stands for a set until the driver says something of it: no number that the standard has.
const UNTOUCHED: u16 = u16::MAX;

/// # Safety
/// The statement is alive, and the value is what the attribute wants, for as long as the statement keeps it.
pub(super) unsafe fn set_statement(statement: HStmt, attribute: StatementAttribute, value: sys::Pointer) {
    // SAFETY: as the caller says.
    let _ = unsafe { SQLSetStmtAttr(statement, attribute, value, 0) };
}

// SAFETY: handle and type are those of the statement, which is borrowed.
unsafe impl<C> AnyHandle for Arrays<'_, C> {
    fn as_handle(&self) -> sys::Handle {
        self.handle.as_handle()
    }

    fn handle_type(&self) -> sys::HandleType {
        sys::HandleType::Stmt
    }
}

impl<C> Lent for Arrays<'_, C> {
    fn statement(&mut self) -> HStmt {
        self.handle
    }
}

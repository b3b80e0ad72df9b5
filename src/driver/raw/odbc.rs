//! What `odbc-api` leaves out of ODBC: cancelling a statement from another thread, attributes of an open connection,
//! what a driver says of itself, texts in UTF-16.
//!
//! `odbc-api` guards its handles by lifetimes, and so does this: nothing here takes or returns a bare handle. A handle is
//! taken from a borrowed object of `odbc-api`, used while the borrow lasts, and forgotten.

mod arrays;
mod keeper;

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{null, null_mut, read, without_provenance_mut};

use std::time::{Duration, Instant};

use odbc_api::handles::{AnyHandle, AsStatementRef, SqlResult, SqlText, Statement, StatementImpl, StatementRef};
use odbc_api::parameter::{CElement, InputParameter};
use odbc_api::sys;
use odbc_api::sys::{
    CDataType, ConnectionAttribute, Desc, HDbc, HStmt, IS_UINTEGER, InfoType, Lock, NO_TOTAL, Operation, SQLCancel,
    SQLColAttribute, SQLColumns, SQLExecDirectW, SQLForeignKeys, SQLGetData, SQLGetInfo, SQLPrimaryKeys, SQLRowCount,
    SQLSetConnectAttr, SQLSetPos, SQLTables, SetPosIRow, SqlReturn, StatementAttribute,
};
use odbc_api::{BlockCursor, Connection, Cursor, CursorImpl, RowSetBuffer};
use parking_lot::{Condvar, Mutex};

pub(in crate::driver) use arrays::{Arrays, SetSaid};
pub(in crate::driver) use keeper::{Keeper, Taken, keeps_statements};

/// A statement whose handle somebody else owns. `odbc-api` closes the cursor of such a one when its result is dropped, and
/// panics when the driver refuses, as it does after a cancel that has closed the cursor already; here that is fine.
pub(in crate::driver) struct Borrowed<'s>(StatementRef<'s>);

/// A result that is open.
pub(in crate::driver) type Opened<'s> = CursorImpl<Borrowed<'s>>;

// SAFETY: handle and type are those of the statement inside, which is alive as long as its borrow.
unsafe impl AnyHandle for Borrowed<'_> {
    fn as_handle(&self) -> sys::Handle {
        self.0.as_handle()
    }

    fn handle_type(&self) -> sys::HandleType {
        self.0.handle_type()
    }
}

impl Statement for Borrowed<'_> {
    fn as_sys(&self) -> HStmt {
        self.0.as_sys()
    }

    fn end_cursor_scope(&mut self) -> SqlResult<()> {
        let _ = self.0.close_cursor();
        SqlResult::Success(())
    }
}

/// A statement that is lent for a stretch of work, and whose handle lives at least as long as the loan: `odbc-api` keeps
/// the owner of the handle borrowed. So the handle stays valid whatever is done with the loan itself.
pub(in crate::driver) trait Lent {
    fn statement(&mut self) -> HStmt;
}

/// A statement to be run once.
pub(in crate::driver) struct Once<'s> {
    statement: StatementRef<'s>,
}

/// What a statement is to run.
#[derive(Clone, Copy)]
pub(in crate::driver) enum What<'t> {
    /// A text, as UTF-16 if `wide`.
    Text { sql: &'t str, wide: bool },
    /// What it was prepared with.
    Prepared,
}

impl<'s> Once<'s> {
    pub(in crate::driver) fn new(statement: &'s mut StatementImpl<'_>) -> Once<'s> {
        Once { statement: statement.as_stmt_ref() }
    }

    /// Runs it with these parameters; a cursor where it has rows.
    pub(in crate::driver) fn run<'l>(
        &'l mut self,
        what: What<'_>,
        parameters: &'l [Box<dyn InputParameter>],
    ) -> Result<Option<Opened<'l>>, odbc_api::Error> {
        let mut statement = self.statement.as_stmt_ref();
        statement.reset_parameters().into_result(&statement)?;
        for (number, parameter) in (1..).zip(parameters) {
            parameter.assert_completness();
            // SAFETY: the parameter is complete and stays where it is for as long as the cursor lives, which borrows it;
            // no later run reads it, because each begins with forgetting all parameters.
            unsafe { statement.bind_input_parameter(number, parameter) }.into_result(&statement)?;
        }
        let ran = match what {
            What::Text { sql, wide: true } => execute_wide(&mut statement, sql),
            // SAFETY: the parameters that are bound are those above.
            What::Text { sql, wide: false } => unsafe { statement.exec_direct(&SqlText::new(sql)) },
            // SAFETY: the parameters that are bound are those above. A statement that was never prepared says so.
            What::Prepared => unsafe { statement.execute() },
        };
        // An UPDATE that finds no rows is no error.
        ran.on_success(|| ()).on_no_data(|| ()).into_result(&statement)?;
        if statement.num_result_cols().into_result(&statement)? == 0 {
            return Ok(None);
        }
        // SAFETY: a statement that has columns after it was run has a cursor.
        Ok(Some(unsafe { CursorImpl::new(Borrowed(statement)) }))
    }

    /// The handle that a failed run left its diagnostic records on.
    pub(in crate::driver) fn statement(&self) -> &StatementRef<'s> {
        &self.statement
    }
}

fn execute_wide(statement: &mut StatementRef<'_>, sql: &str) -> SqlResult<()> {
    let text: Vec<u16> = sql.encode_utf16().collect();
    let Ok(length) = i32::try_from(text.len()) else { return SqlResult::Error { function: "SQLExecDirectW" } };
    // SAFETY: the statement is borrowed for ourselves, its parameters are alive; the text is as long as is said and
    // outlives the call.
    match unsafe { SQLExecDirectW(statement.as_sys(), text.as_ptr(), length) } {
        SqlReturn::SUCCESS => SqlResult::Success(()),
        SqlReturn::SUCCESS_WITH_INFO => SqlResult::SuccessWithInfo(()),
        SqlReturn::NO_DATA => SqlResult::NoData,
        _ => SqlResult::Error { function: "SQLExecDirectW" },
    }
}

impl Lent for Once<'_> {
    fn statement(&mut self) -> HStmt {
        self.statement.as_sys()
    }
}

impl Lent for Opened<'_> {
    fn statement(&mut self) -> HStmt {
        self.as_stmt_ref().as_sys()
    }
}

/// A result that is read in blocks.
pub(in crate::driver) struct Blocks<'s, B> {
    handle: HStmt,
    pub(in crate::driver) cursor: BlockCursor<Opened<'s>, B>,
}

impl<'s, B: RowSetBuffer> Blocks<'s, B> {
    /// Binds a block to a result.
    pub(in crate::driver) fn bind(mut cursor: Opened<'s>, block: B) -> Result<Self, odbc_api::Error> {
        let handle = cursor.as_stmt_ref().as_sys();
        Ok(Blocks { handle, cursor: cursor.bind_buffer(block)? })
    }
}

/// Reads single cells of a block again, whole.
#[derive(Clone, Copy)]
pub(in crate::driver) struct Again<'s> {
    handle: HStmt,
    statement: PhantomData<&'s ()>,
}

impl<'s, B> Blocks<'s, B> {
    /// What reads cells again while the block is being looked at.
    pub(in crate::driver) fn again(&self) -> Again<'s> {
        Again { handle: self.handle, statement: PhantomData }
    }
}

impl Again<'_> {
    /// The bytes of a cell of the block that was fetched last: row from 0, column from 1. Of UTF-16 if `kind` says so.
    pub(in crate::driver) fn cell(self, row: usize, column: u16, kind: CDataType) -> Result<Vec<u8>, odbc_api::Error> {
        let failed = |function| odbc_api::Error::NoDiagnostics { function };
        // SAFETY: the statement is alive, since its borrow is. Positioning reads no buffer and writes none.
        let placed = unsafe { SQLSetPos(self.handle, row as SetPosIRow + 1, Operation::POSITION, Lock::NO_CHANGE) };
        if !is_success(placed) {
            return Err(failed("SQLSetPos"));
        }
        let nul = match kind {
            CDataType::Binary => 0,
            CDataType::WChar => 2,
            _ => 1,
        };
        let mut bytes = Vec::new();
        let mut room = 16 * 1024;
        loop {
            let begin = bytes.len();
            bytes.resize(begin + room + nul, 0_u8);
            let mut length = 0_isize;
            // SAFETY: the statement is alive; the rest of the buffer is as long as is said, and it and the length
            // outlive the call.
            let answer = unsafe {
                SQLGetData(
                    self.handle,
                    column,
                    kind,
                    bytes[begin..].as_mut_ptr().cast(),
                    isize::try_from(room + nul).unwrap_or(isize::MAX),
                    &raw mut length,
                )
            };
            match answer {
                SqlReturn::SUCCESS | SqlReturn::SUCCESS_WITH_INFO => {}
                // It had ended with the part before.
                SqlReturn::NO_DATA => {
                    bytes.truncate(begin);
                    return Ok(bytes);
                }
                _ => return Err(failed("SQLGetData")),
            }
            match usize::try_from(length) {
                Ok(length) if length <= room => {
                    bytes.truncate(begin + length);
                    return Ok(bytes);
                }
                // There is more: how much, is known.
                Ok(length) => {
                    bytes.truncate(begin + room);
                    room = length - room;
                }
                // There is more, or it has become NULL, which no cell does that was cut.
                Err(_) if length == NO_TOTAL => {
                    bytes.truncate(begin + room);
                    room *= 2;
                }
                Err(_) => return Err(failed("SQLGetData")),
            }
        }
    }
}

impl<B> Drop for Blocks<'_, B> {
    /// The statement may run again, and its rows are then read one by one at first.
    fn drop(&mut self) {
        // SAFETY: the statement is alive, since its borrow is. Nothing is fetched from here on until the columns are
        // unbound, which `odbc-api` does when the cursor is dropped after this.
        unsafe { arrays::set_statement(self.handle, StatementAttribute::RowArraySize, without_provenance_mut(1)) };
    }
}

impl<B> Lent for Blocks<'_, B> {
    fn statement(&mut self) -> HStmt {
        self.handle
    }
}

/// How often a cancel is repeated while the call goes on: one that comes before the call has reached the driver does
/// nothing at all.
const AGAIN: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Slot {
    /// The statement that a call to the driver is about. Taken out under the lock before its loan ends.
    statement: Option<Handle>,
    /// Counts calls, so that whoever waits for the end of one is not held up by the next.
    calls: u64,
    /// Whether a cancel was sent since the driver was last asked to swallow it.
    cancelled: bool,
    /// Whether what runs is to be brought to its end.
    must_finish: bool,
}

struct Handle(HStmt);

// SAFETY: ODBC allows SQLCancel from any thread while a function runs on the statement, and nothing else is ever done
// with the handle from here.
unsafe impl Send for Handle {}

/// The call that is inside the driver, if any: what a cancel can be sent to.
#[derive(Default)]
pub(in crate::driver) struct Running {
    slot: Mutex<Slot>,
    ended: Condvar,
}

/// Ends a call, also when it panics.
struct End<'r>(&'r Running);

impl Drop for End<'_> {
    fn drop(&mut self) {
        // Waits for a cancel that is inside the driver, which holds the lock: after this none can hit the statement.
        let mut slot = self.0.slot.lock();
        slot.statement = None;
        slot.must_finish = false;
        drop(slot);
        self.0.ended.notify_all();
    }
}

impl Running {
    /// Runs a call to the driver, open to be cancelled.
    pub(in crate::driver) fn during<'l, L: Lent, T>(&self, lent: &'l mut L, work: impl FnOnce(&'l mut L) -> T) -> T {
        let mut slot = self.slot.lock();
        slot.calls += 1;
        slot.statement = Some(Handle(lent.statement()));
        drop(slot);
        let _end = End(self);
        work(lent)
    }

    /// Runs a call to the driver that no cancel reaches.
    pub(in crate::driver) fn to_its_end<'l, L, T>(&self, lent: &'l mut L, work: impl FnOnce(&'l mut L) -> T) -> T {
        let mut slot = self.slot.lock();
        slot.calls += 1;
        slot.must_finish = true;
        drop(slot);
        let _end = End(self);
        work(lent)
    }

    /// Whether the call that is inside the driver is one that no cancel reaches.
    pub(in crate::driver) fn must_finish(&self) -> bool {
        self.slot.lock().must_finish
    }

    /// Cancels the call that is inside the driver, until it ends or `until` has come; says whether no call can be hit
    /// any more.
    pub(in crate::driver) fn cancel(&self, until: Instant) -> bool {
        let mut slot = self.slot.lock();
        let call = slot.calls;
        loop {
            let Some(Handle(statement)) = slot.statement else { return true };
            if slot.calls != call {
                return true;
            }
            slot.cancelled = true;
            // SAFETY: the handle is valid as long as it stands in the slot: its loan ends only after `End` has taken it
            // out, for which it needs the lock that is held here. ODBC lets SQLCancel run beside another function.
            let _ = unsafe { SQLCancel(statement) };
            let now = Instant::now();
            if now >= until {
                return false;
            }
            self.ended.wait_until(&mut slot, until.min(now + AGAIN));
        }
    }

    /// Whether a cancel was sent since [`take_cancelled`](Self::take_cancelled) was asked last.
    pub(in crate::driver) fn was_cancelled(&self) -> bool {
        self.slot.lock().cancelled
    }

    /// Whether a cancel was sent since this was asked last.
    pub(in crate::driver) fn take_cancelled(&self) -> bool {
        std::mem::take(&mut self.slot.lock().cancelled)
    }
}

/// The handle of a connection, which `odbc-api` keeps to itself.
fn handle(connection: &Connection<'_>) -> HDbc {
    // SAFETY: a `Connection` is a handle that is disconnected and freed when it is dropped, and neither happens to this
    // copy: `into_handle` does not drop it, and `ManuallyDrop` keeps what comes out from being dropped.
    let copy = unsafe { read(connection) };
    ManuallyDrop::new(copy.into_handle()).as_sys()
}

/// A text that the driver says of itself or of the database: its file, the database's name.
pub(in crate::driver) fn info(connection: &Connection<'_>, what: InfoType) -> Option<String> {
    let mut buffer = [0_u8; 512];
    let mut length = 0_i16;
    // SAFETY: the connection is open and borrowed; the buffer is as long as is said, and both outlive the call.
    let answer = unsafe {
        SQLGetInfo(
            handle(connection),
            what,
            buffer.as_mut_ptr().cast(),
            i16::try_from(buffer.len()).unwrap_or(i16::MAX),
            &raw mut length,
        )
    };
    if !is_success(answer) {
        return None;
    }
    let length = usize::try_from(length).ok()?.min(buffer.len() - 1);
    Some(String::from_utf8_lossy(&buffer[..length]).trim_end_matches('\0').to_owned())
}

/// Sets an attribute whose value is a number; false when the driver refuses it.
pub(in crate::driver) fn set_attribute(
    connection: &Connection<'_>,
    attribute: ConnectionAttribute,
    value: u32,
) -> bool {
    // SAFETY: the connection is open and borrowed; for attributes of this kind the pointer is the number itself.
    let answer = unsafe {
        SQLSetConnectAttr(handle(connection), attribute, without_provenance_mut(value as usize), IS_UINTEGER)
    };
    is_success(answer)
}

/// The database's name for the type of a column, counted from 1.
pub(in crate::driver) fn type_name(cursor: &mut Opened<'_>, column: u16) -> Option<String> {
    let mut buffer = [0_u8; 256];
    let mut length = 0_i16;
    // SAFETY: the cursor is open and borrowed; the buffer is as long as is said, and both outlive the call.
    let answer = unsafe {
        SQLColAttribute(
            cursor.statement(),
            column,
            Desc::TypeName,
            buffer.as_mut_ptr().cast(),
            i16::try_from(buffer.len()).unwrap_or(i16::MAX),
            &raw mut length,
            null_mut(),
        )
    };
    if !is_success(answer) {
        return None;
    }
    let length = usize::try_from(length).ok()?.min(buffer.len() - 1);
    let text = String::from_utf8_lossy(&buffer[..length]);
    Some(text.split('\0').next().unwrap_or_default().to_owned()).filter(|text| !text.is_empty())
}

/// The rows that a statement has changed, also while it has rows to be read; `None` where the driver does not know.
pub(in crate::driver) fn row_count(lent: &mut impl Lent) -> Option<u64> {
    let mut count = 0_isize;
    // SAFETY: the statement is lent and so alive; the count outlives the call.
    let answer = unsafe { SQLRowCount(lent.statement(), &raw mut count) };
    u64::try_from(count).ok().filter(|_| is_success(answer))
}

/// What a catalog function lists.
#[derive(Clone, Copy)]
pub(in crate::driver) enum Listing<'t> {
    Tables,
    Columns(&'t str),
    PrimaryKeys(&'t str),
    Indexes(&'t str),
    ForeignKeys(&'t str),
}

unsafe extern "system" {
    // As the standard declares it; it is in the library that `odbc-sys` links.
    fn SQLStatistics(
        statement: HStmt,
        catalog: *const u8,
        catalog_length: i16,
        schema: *const u8,
        schema_length: i16,
        table: *const u8,
        table_length: i16,
        unique: u16,
        reserved: u16,
    ) -> SqlReturn;
}

/// Opens the result of a catalog function, for the database that is connected to and all of its schemas.
pub(in crate::driver) fn listing<'s>(
    statement: &'s mut StatementImpl<'_>,
    what: Listing<'_>,
) -> Result<Opened<'s>, odbc_api::Error> {
    let name = match what {
        Listing::Tables => "",
        Listing::Columns(name) | Listing::PrimaryKeys(name) | Listing::Indexes(name) | Listing::ForeignKeys(name) => {
            name
        }
    };
    let function = "a catalog function";
    let length = i16::try_from(name.len()).map_err(|_| odbc_api::Error::NoDiagnostics { function })?;
    let (handle, name, none) = (statement.as_sys(), name.as_ptr(), null());
    // SAFETY: the statement is borrowed for ourselves; the name is as long as is said and outlives the call; a null
    // pointer stands for an argument that is not given, as the standard has it.
    let answer = unsafe {
        match what {
            Listing::Tables => SQLTables(handle, none, 0, none, 0, none, 0, none, 0),
            Listing::Columns(_) => SQLColumns(handle, none, 0, none, 0, name, length, none, 0),
            Listing::PrimaryKeys(_) => SQLPrimaryKeys(handle, none, 0, none, 0, name, length),
            Listing::Indexes(_) => SQLStatistics(handle, none, 0, none, 0, name, length, 1, 0),
            Listing::ForeignKeys(_) => {
                SQLForeignKeys(handle, none, 0, none, 0, none, 0, none, 0, none, 0, name, length)
            }
        }
    };
    let statement = statement.as_stmt_ref();
    let answer = if is_success(answer) { SqlResult::Success(()) } else { SqlResult::Error { function } };
    answer.into_result(&statement)?;
    // SAFETY: a catalog function that succeeded has left a cursor.
    Ok(unsafe { CursorImpl::new(Borrowed(statement)) })
}

/// A number that the driver says of itself: a set of bits, mostly.
pub(in crate::driver) fn number(connection: &Connection<'_>, what: InfoType) -> Option<u32> {
    let mut number = 0_u32;
    // SAFETY: the connection is open and borrowed; what is asked for is a number of 32 bits or less, and it outlives the
    // call.
    let answer = unsafe { SQLGetInfo(handle(connection), what, (&raw mut number).cast(), 4, null_mut()) };
    is_success(answer).then_some(number)
}

fn is_success(answer: SqlReturn) -> bool {
    matches!(answer, SqlReturn::SUCCESS | SqlReturn::SUCCESS_WITH_INFO)
}

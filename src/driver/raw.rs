//! What the standard library does not offer, by foreign functions. The only module with code that is not checked.

#![allow(unsafe_code, reason = "foreign functions; each call says why it is sound")]

#[cfg(feature = "odbc")]
pub(super) mod odbc;
#[cfg(feature = "sqlite")]
pub(super) mod sqlite;

/// Counts forks, seen from the child.
#[cfg(unix)]
mod forks {
    use std::ffi::c_int;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static FORKS: AtomicU32 = AtomicU32::new(0);

    // As POSIX declares it; a handler may be null.
    unsafe extern "C" {
        fn pthread_atfork(
            prepare: Option<extern "C" fn()>,
            parent: Option<extern "C" fn()>,
            child: Option<extern "C" fn()>,
        ) -> c_int;
    }

    /// In the child only what is safe in a signal handler is allowed: an atomic is.
    extern "C" fn count() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn so_far() -> Option<u32> {
        static COUNTED: OnceLock<bool> = OnceLock::new();
        let counted = COUNTED.get_or_init(|| {
            // SAFETY: the declaration above is that of POSIX. The call keeps the function pointer and nothing else;
            // the function neither unwinds nor touches anything but a static, and glibc forgets it when the object
            // that it is in is unloaded.
            unsafe { pthread_atfork(None, None, Some(count)) == 0 }
        });
        counted.then(|| FORKS.load(Ordering::Relaxed))
    }
}

/// The socket of a connection to MySQL, once more: what is set on it or done to it counts for the connection too.
#[cfg(all(feature = "mysql", unix))]
pub(crate) fn socket_of(conn: &mysql::Conn) -> std::io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::{AsRawFd, BorrowedFd};

    // SAFETY: the connection owns its socket and closes it when it is dropped. It is borrowed for the whole of this
    // function, so the descriptor is open for as long as the borrow of it made here lives.
    let socket = unsafe { BorrowedFd::borrow_raw(conn.as_raw_fd()) };
    socket.try_clone_to_owned()
}

/// How many forks lie between the process that first asked and this one; the same number means the same process.
/// `None` where nobody counts.
///
/// It sees what `fork` does, not a bare system call that goes past it.
#[inline]
pub(crate) fn forks() -> Option<u32> {
    #[cfg(unix)]
    return forks::so_far();
    #[cfg(not(unix))]
    return None;
}

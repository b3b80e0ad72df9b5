//! `LOAD DATA LOCAL`: the server asks for a file of ours.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mysql::{LocalInfile, LocalInfileHandler};

/// Refuses every file. The server is sent an empty one, so that the conversation goes on, and it is noted that it asked:
/// a rogue server may ask at any time for any file, and a program that means it must not take nothing for success.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused(Arc<AtomicBool>);

impl Refused {
    pub(super) fn handler(&self) -> LocalInfileHandler {
        let asked = Arc::clone(&self.0);
        LocalInfileHandler::new(move |_: &[u8], _: &mut LocalInfile<'_>| {
            asked.store(true, Ordering::Relaxed);
            Ok(())
        })
    }

    /// Whether a file was asked for since this was last asked.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Sends these bytes for the next file that is asked for, and nothing for any other.
pub(super) fn sending(bytes: Vec<u8>) -> LocalInfileHandler {
    let mut bytes = Some(bytes);
    LocalInfileHandler::new(move |_: &[u8], file: &mut LocalInfile<'_>| -> io::Result<()> {
        match bytes.take() {
            Some(bytes) => file.write_all(&bytes),
            None => Ok(()),
        }
    })
}

//! Notifications.

use std::time::Duration;

use postgres::fallible_iterator::FallibleIterator;

use super::core::Core;
use crate::driver::{Call, Heard, Notification};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::POSTGRES;

/// Waiting this long without a word, the server is asked whether it is still there: a peer that vanished says nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// Waits for notifications until the call ends, or whoever hears them has enough.
pub(super) fn listen(
    core: &mut Core,
    call: &Call<'_>,
    channels: &[String],
    each: &mut dyn FnMut(Heard) -> bool,
) -> Result<()> {
    for channel in channels {
        let channel = POSTGRES.quote_ident(channel)?;
        core.run(&format!("LISTEN {channel}"))?;
    }
    if !each(Heard::Listening) {
        return Ok(());
    }
    loop {
        call.check()?;
        let wait = call.remaining().map_or(SILENCE, |left| left.min(SILENCE));
        let heard = core.client.notifications().timeout_iter(wait).next();
        match heard.map_err(|native| core.failed(native))? {
            Some(heard) => {
                let it = Notification { channel: heard.channel().into(), payload: heard.payload().into() };
                if !each(Heard::Message(it)) {
                    return Ok(());
                }
            }
            None if core.client.is_closed() => {
                return Err(Error::new(ErrorKind::ConnectionLost, "the server closed the connection"));
            }
            None => core.ping(call)?,
        }
    }
}

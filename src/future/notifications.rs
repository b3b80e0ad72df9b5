//! Messages that a database sends on its own account, awaited.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::notifications::{Event, Notifications};

/// Messages on some channels (PostgreSQL's `NOTIFY`), as a [`Stream`]: [`Notifications`], awaited.
///
/// [`Stream`]: https://docs.rs/futures-core/0.3/futures_core/stream/trait.Stream.html
///
/// Made by [`AsyncDatabase::listen`](super::AsyncDatabase::listen), or of a [`Notifications`] by `from`. The connection is
/// read by a thread of its own, whether or not anybody polls, and is opened again when it breaks: what may have been
/// missed meanwhile is told by [`Event::Listening`]. Up to 1,024 events wait here for their reader, and then the server
/// keeps what follows.
///
/// The stream has no end of its own; it ends only if the listening thread has, by a panic of the driver. Whoever stops
/// waiting for an event, by a timeout say, loses none: it is the next one then. **Dropped**, its connection is cut
/// without a wait.
///
/// ```no_run
/// # use pontoon::prelude::*;
/// use futures_util::StreamExt;
/// use pontoon::Event;
/// # async fn read_everything(db: &AsyncDatabase) -> pontoon::Result<()> { Ok(()) }
/// # pollster::block_on(async {
/// # let db = AsyncDatabase::open("postgres://localhost/app").await?;
/// let mut events = db.listen(["news"]).await?;
/// while let Some(event) = events.next().await {
///     match event {
///         // Anew at the start, and after each gap.
///         Event::Listening { .. } => read_everything(&db).await?,
///         Event::Message(message) => println!("{}: {}", message.channel, message.payload),
///         Event::Lost(error) => eprintln!("another connection is being opened: {error}"),
///         _ => {}
///     }
/// }
/// # Ok::<(), pontoon::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct AsyncNotifications {
    inner: Notifications,
}

impl Stream for AsyncNotifications {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.inner.poll_next(context)
    }
}

impl From<Notifications> for AsyncNotifications {
    fn from(inner: Notifications) -> AsyncNotifications {
        AsyncNotifications { inner }
    }
}

impl From<AsyncNotifications> for Notifications {
    fn from(notifications: AsyncNotifications) -> Notifications {
        notifications.inner
    }
}

//! Messages that a database sends on its own account, on a connection of their own beside the pool.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::Config;
use crate::driver::{Call, Handle, Heard, Notification, Source};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::random::unit;
use crate::secret::Redactor;

/// How many events wait for their reader before the connection is read no further: the server keeps the rest.
const WAITING: usize = 1024;

/// The longest that one attempt to connect takes where the configuration names no time.
const ATTEMPT: Duration = Duration::from_secs(10);

/// The pauses between attempts to connect again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

/// What comes from [`Notifications`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The channels are listened to, from now on. Whoever keeps a copy of something reads it anew when `gap` is true.
    Listening {
        /// Whether messages may have been missed: a connection was lost before this one.
        gap: bool,
    },
    /// A message.
    Message(Notification),
    /// The connection was lost, and another is being opened; messages are missed until [`Listening`](Event::Listening).
    Lost(Error),
}

/// Messages on some channels (PostgreSQL's `NOTIFY`), on a connection of their own that is opened again when it breaks.
///
/// A blocking iterator without an end of its own. Made by [`Database::listen`](crate::Database::listen); lives apart from the
/// pool, and also when the database is closed. **Dropped**, its connection is cut without a wait. Up to 1,024 events wait
/// here for their reader, and then the server keeps what follows.
#[derive(Debug)]
pub struct Notifications {
    events: Receiver<Event>,
    /// Its end is what wakes the thread from a pause.
    _stop: Sender<()>,
    link: Arc<Mutex<Reach>>,
}

/// How the two sides reach each other, apart from the events.
#[derive(Default)]
struct Reach {
    stopped: bool,
    handle: Option<Arc<dyn Handle>>,
    /// The task that waits for the next event, if it is one.
    reader: Option<Waker>,
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach").field("stopped", &self.stopped).finish_non_exhaustive()
    }
}

impl Notifications {
    /// Connects, and returns once the channels are listened to.
    pub(crate) fn start(
        source: Arc<dyn Source>,
        channels: Vec<String>,
        config: &Config,
        deadline: Option<Instant>,
    ) -> Result<Notifications> {
        let (tell, events) = sync_channel(WAITING);
        let (stop, stopped) = channel();
        let (begin, begun) = channel();
        let link = Arc::new(Mutex::new(Reach::default()));
        let (connect_timeout, redactor) = (config.connect_timeout(), config.redactor().clone());
        let tell = Teller { events: Some(tell), link: Arc::clone(&link) };
        let listener = Listener { source, channels, connect_timeout, redactor, tell, stopped, link: Arc::clone(&link) };
        std::thread::Builder::new()
            .name("pontoon-listen".into())
            .spawn(move || listener.run(&begin))
            .map_err(|error| Error::new(ErrorKind::ResourceExhausted, "no thread to listen on").with_source(error))?;
        let notifications = Notifications { events, _stop: stop, link };
        let result = match deadline {
            Some(deadline) => begun.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => begun.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match result {
            Ok(result) => result.map(|()| notifications),
            Err(RecvTimeoutError::Timeout) => {
                Err(Error::new(ErrorKind::Timeout, "the deadline passed before the channels were listened to")
                    .with_effect(Effect::NotSent))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::new(ErrorKind::DriverPanic, "the thread that was to listen panicked"))
            }
        }
    }

    /// The next event, for a task. `None` as for [`next`](Iterator::next).
    pub(crate) fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<Event>> {
        // The second look is for what came between the first one and the waker.
        for is_known in [false, true] {
            match self.events.try_recv() {
                Ok(event) => return Poll::Ready(Some(event)),
                Err(TryRecvError::Disconnected) => return Poll::Ready(None),
                Err(TryRecvError::Empty) if is_known => {}
                Err(TryRecvError::Empty) => {
                    let replaced = self.link.lock().reader.replace(context.waker().clone());
                    // Outside of the lock: what a waker does as it goes is its executor's.
                    drop(replaced);
                }
            }
        }
        Poll::Pending
    }

    /// The next event, if one comes within `wait`.
    pub fn next_within(&mut self, wait: Duration) -> Option<Event> {
        self.events.recv_timeout(wait).ok()
    }
}

impl Iterator for Notifications {
    type Item = Event;

    /// Waits for the next event. `None` only if the listening thread has ended by a panic of the driver.
    fn next(&mut self) -> Option<Event> {
        self.events.recv().ok()
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        let mut link = self.link.lock();
        link.stopped = true;
        if let Some(handle) = &link.handle {
            handle.sever();
        }
    }
}

/// Hands events over, and wakes the task that waits for them. The end of it is the end of the events.
struct Teller {
    events: Option<SyncSender<Event>>,
    link: Arc<Mutex<Reach>>,
}

impl Teller {
    /// Whether anybody is there to hear it. Waits while too many are on their way.
    fn tell(&self, event: Event) -> bool {
        let is_heard = self.events.as_ref().is_some_and(|events| events.send(event).is_ok());
        self.wake();
        is_heard
    }

    fn wake(&self) {
        let reader = self.link.lock().reader.take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.events = None;
        self.wake();
    }
}

/// The other side, on its own thread.
struct Listener {
    source: Arc<dyn Source>,
    channels: Vec<String>,
    connect_timeout: Option<Duration>,
    redactor: Redactor,
    tell: Teller,
    stopped: Receiver<()>,
    link: Arc<Mutex<Reach>>,
}

impl Listener {
    fn run(self, begin: &Sender<Result<()>>) {
        let mut has_begun = false;
        let mut pause = PAUSES.0;
        loop {
            let result = self.listen(&mut || {
                let gap = has_begun;
                if !has_begun {
                    has_begun = true;
                    // Whoever waited may have left; the end of the events tells.
                    let _ = begin.send(Ok(()));
                }
                pause = PAUSES.0;
                self.tell.tell(Event::Listening { gap })
            });
            self.link.lock().handle = None;
            let error = match result {
                Err(error) if !self.link.lock().stopped => error.scrubbed(&self.redactor),
                _ => return,
            };
            if !has_begun {
                let _ = begin.send(Err(error));
                return;
            }
            if !self.tell.tell(Event::Lost(error)) {
                return;
            }
            // It ends at once when nobody listens any more.
            if self.stopped.recv_timeout(pause.mul_f64(0.5 + unit() / 2.0)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// One connection, from its beginning to its end.
    fn listen(&self, listening: &mut dyn FnMut() -> bool) -> Result<()> {
        let until = Instant::now() + self.connect_timeout.unwrap_or(ATTEMPT);
        let mut link = self.source.connect(&Call::until(Some(until)))?;
        {
            let mut reach = self.link.lock();
            if reach.stopped {
                return Ok(());
            }
            reach.handle = Some(link.handle());
        }
        link.listen(&Call::until(None), &self.channels, &mut |heard| match heard {
            Heard::Listening => listening(),
            Heard::Message(message) => self.tell.tell(Event::Message(message)),
        })
    }
}
